//! Credentials on their way to an exporter: from the suite by a pipe, into a file in memory that only the exporter's own
//! mounts have, or into its environment. So they are on no disk, and gone when the exporter has ended, also when the
//! suite is killed.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::isolate::mount_empty;

/// What ends it in the pipe; no JSON has it.
const END: u8 = 0;

/// Where an exporter finds a secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum SecretPlace {
    /// In the `config.json` of this folder, as the exporter sees it.
    Folder(PathBuf),
    /// In this variable.
    Variable(String),
}

/// What an exporter reads credentials from: the content of a `config.json`, or of a variable. Never printed.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// A secret.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The bytes that a supervisor reads from its standard input.
    pub(super) fn piped(&self) -> Vec<u8> {
        let mut bytes = self.0.clone().into_bytes();
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
    /// The file that holds it.
    _file: Option<Kept>,
    /// The variable that is to hold it, and its value.
    pub(super) variable: Option<(String, String)>,
}

/// A file that is removed when this is dropped.
struct Kept(PathBuf);

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Reads what comes by standard input, where something is to come; what is for a file is put where the exporter looks for
/// it.
pub(super) fn receive(place: Option<&SecretPlace>, is_bound: bool, user: Option<u32>) -> io::Result<Received> {
    let Some(place) = place else { return Ok(Received::default()) };
    let mut bytes = Vec::new();
    io::stdin().lock().read_until(END, &mut bytes)?;
    if bytes.pop() != Some(END) {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the credentials did not come"));
    }
    match place {
        SecretPlace::Folder(folder) => {
            let kept = keep(folder, &bytes, is_bound, user)?;
            Ok(Received { _file: Some(kept), variable: None })
        }
        SecretPlace::Variable(name) => {
            let value = String::from_utf8(bytes).map_err(io::Error::other)?;
            Ok(Received { _file: None, variable: Some((name.clone(), value)) })
        }
    }
}

fn keep(folder: &Path, bytes: &[u8], is_bound: bool, user: Option<u32>) -> io::Result<Kept> {
    if is_bound {
        mount_empty(folder, "mode=0700,size=4m")?;
    }
    let path = folder.join("config.json");
    let mut file: File = File::options().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
    let kept = Kept(path.clone());
    file.write_all(bytes)?;
    if user.is_some() {
        std::os::unix::fs::chown(folder, user, user)?;
        std::os::unix::fs::chown(&path, user, user)?;
    }
    Ok(kept)
}
