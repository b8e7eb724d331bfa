//! Credentials on their way to an exporter: from the suite by a pipe, into a file in memory that only the exporter's
//! own mounts have, or into its environment. So they are on no disk, and gone when the exporter has ended, also when
//! the suite is killed.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, DirBuilder, File};
use std::io::{self, BufRead as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::isolate::mount_empty;

/// What ends it in the pipe; no JSON has it.
const END: u8 = 0;

/// Where an exporter finds its secrets.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SecretPlace {
    /// The folder of the files, as the exporter sees it.
    pub folder: PathBuf,
    /// The variable.
    pub variable: String,
}

/// What an exporter reads credentials from. Never printed.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Secret {
    /// Files below the folder, by their path there; those that are called as a credential helper is are programs.
    pub files: BTreeMap<String, String>,
    /// The variable's value, where it is set.
    pub variable: Option<String>,
}

impl Secret {
    /// The bytes that a supervisor reads from its standard input.
    pub(super) fn piped(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        bytes.push(END);
        bytes
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(left out)")
    }
}

/// A secret that came.
#[derive(Default)]
pub(super) struct Received {
    /// The files that hold it.
    _files: Vec<Kept>,
    /// The variable that is to hold it, and its value.
    pub(super) variable: Option<(String, String)>,
}

/// A file, or a folder that has nothing else in it, that is removed when this is dropped.
struct Kept(PathBuf);

impl Drop for Kept {
    fn drop(&mut self) {
        if fs::remove_file(&self.0).is_err() {
            let _ = fs::remove_dir(&self.0);
        }
    }
}

/// How the programs are called by which docker's clients are given credentials.
pub const HELPER: &str = "docker-credential-";

/// Reads what comes by standard input, where something is to come; what is for files is put where the exporter looks
/// for them.
pub(super) fn receive(place: Option<&SecretPlace>, is_bound: bool, user: Option<u32>) -> io::Result<Received> {
    let Some(place) = place else { return Ok(Received::default()) };
    let mut bytes = Vec::new();
    io::stdin().lock().read_until(END, &mut bytes)?;
    if bytes.pop() != Some(END) {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the credentials did not come"));
    }
    let secret: Secret = serde_json::from_slice(&bytes)?;
    let variable = secret.variable.map(|value| (place.variable.clone(), value));
    if secret.files.is_empty() {
        return Ok(Received { _files: Vec::new(), variable });
    }
    if is_bound {
        mount_empty(&place.folder, "mode=0700,size=4m")?;
    }
    if user.is_some() {
        std::os::unix::fs::chown(&place.folder, user, user)?;
    }
    let mut kept = Vec::new();
    for (path, text) in &secret.files {
        keep(&place.folder, path, text, user, &mut kept)?;
    }
    Ok(Received { _files: kept, variable })
}

fn keep(folder: &Path, name: &str, text: &str, user: Option<u32>, kept: &mut Vec<Kept>) -> io::Result<()> {
    let own = |path: &Path| if user.is_some() { std::os::unix::fs::chown(path, user, user) } else { Ok(()) };
    let path = folder.join(name);
    let above = path.parent().filter(|above| *above != folder && !above.exists());
    if let Some(above) = above {
        DirBuilder::new().mode(0o700).create(above)?;
        own(above)?;
    }
    let mode = if name.starts_with(HELPER) { 0o700 } else { 0o600 };
    let mut file: File = File::options().write(true).create(true).truncate(true).mode(mode).open(&path)?;
    kept.push(Kept(path.clone()));
    // A folder goes after what is in it.
    kept.extend(above.map(|above| Kept(above.to_owned())));
    file.write_all(text.as_bytes())?;
    own(&path)
}
