//! Failures on disk: a scenario's folder, and its evidence in a folder next to it.

use std::io;
use std::path::{Path, PathBuf};

use crate::scenario::SourceFile;

/// Why a failure could not be kept.
#[derive(Debug, thiserror::Error)]
#[error("keep a failing case in {} (the folder of --keep-failures)", path.display())]
pub struct KeepError {
    /// The file or folder.
    pub path: PathBuf,
    /// The system's reason.
    pub source: io::Error,
}

/// Where a failure is kept.
pub(super) struct KeptCase {
    /// The scenario's name.
    pub(super) name: String,
    /// Its folder.
    pub(super) folder: PathBuf,
    /// Where its evidence goes.
    pub(super) evidence: PathBuf,
}

/// Writes a scenario's folder below `root` under the first free of `name`, `name-2` and so on.
pub(super) fn write(root: &Path, name: &str, files: &[SourceFile]) -> Result<KeptCase, KeepError> {
    let kept = free(root, name);
    for file in files {
        let path = kept.folder.join(&file.path);
        let fail = |source| KeepError { path: path.clone(), source };
        path.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(fail)?;
        std::fs::write(&path, &file.content).map_err(fail)?;
    }
    Ok(kept)
}

fn free(root: &Path, name: &str) -> KeptCase {
    let mut number = 1;
    loop {
        let name = if number == 1 { name.to_owned() } else { format!("{name}-{number}") };
        let (folder, evidence) = (root.join(&name), root.join(format!("{name}.evidence")));
        if !folder.exists() && !evidence.exists() {
            return KeptCase { name, folder, evidence };
        }
        number += 1;
    }
}
