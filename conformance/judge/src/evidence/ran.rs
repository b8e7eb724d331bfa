//! What containers of an exported image showed, where a daemon could run them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::FileKind;
use crate::digest::Digest;

/// Containers of the image, run in the daemon that has it, with a launcher of the suite's own as `<launcher>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    /// Why none was run, where neither image nor exporter is the reason: the engine cannot run the suite's own image
    /// either. None where some were.
    pub not_run: Option<String>,
    /// The image's own entrypoint first, then one container for each process type.
    pub containers: Vec<Container>,
}

/// One container, from its creation to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// The entrypoint that it was given; none for the image's own.
    pub entrypoint: Option<String>,
    /// What the engine said when it did not create or start it; none where it did.
    pub refused: Option<String>,
    /// The exit code; none where it did not start, or ran for too long.
    pub exit: Option<i64>,
    /// Seconds after which it was ended; none where it ended by itself.
    pub ended_after: Option<u64>,
    /// Standard error: the first 16 KiB.
    pub stderr: String,
    /// What the launcher found; none where it did not print that.
    pub found: Option<InContainer>,
}

/// What a process found in its container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InContainer {
    /// Its arguments, program first.
    pub argv: Vec<String>,
    /// Its environment, by name.
    pub environment: BTreeMap<String, String>,
    /// Numeric ID of its user.
    pub uid: u64,
    /// Numeric ID of its group.
    pub gid: u64,
    /// Its working folder; none where it could not be asked for.
    pub working_directory: Option<String>,
    /// Whether there was more than the launcher lists; false in older evidence.
    #[serde(default)]
    pub is_cut: bool,
    /// Every file below `/` that it could come to, except for `/proc`, `/sys` and `/dev`.
    pub files: Vec<FileInContainer>,
}

/// One file, as a process in the container meets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileInContainer {
    /// Absolute path.
    pub path: String,
    /// What it is.
    pub kind: FileKind,
    /// Permission bits with setuid, setgid and sticky: at most `0o7777`.
    pub mode: u32,
    /// Numeric ID of the owner.
    pub uid: u64,
    /// Numeric ID of the group.
    pub gid: u64,
    /// sha256 of what could be read of a regular file; none where it could not be read.
    #[serde(default)]
    pub content: Option<Digest>,
    /// Where a symbolic link points, as written; none for all else.
    #[serde(default)]
    pub link: Option<String>,
    /// Whether the process could read the file, list the folder, or come to what the link leads to.
    pub is_open: bool,
}

impl InContainer {
    /// The file at `path`.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&FileInContainer> {
        self.files.iter().find(|file| file.path == path)
    }
}
