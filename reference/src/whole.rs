//! Files that are read whole: regular ones alone, because others may never begin or never end, and no larger ones than
//! there is memory for.

use std::fs::{File, FileType};
use std::io::{self, Read as _};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

/// Most bytes of such a file, 8 MiB: of a TOML file some fifteen times as many are in memory when it is read.
pub(crate) const MOST: u64 = 8 << 20;

/// Why a file cannot be read whole.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WholeError {
    /// The system's reason.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// It is not a file that has an end.
    #[error("it is a {0}; put a regular file there")]
    Kind(&'static str),
    /// It has too many bytes.
    #[error(
        "it has more than {MOST} bytes (8 MiB), and no more are read of such a file; make sure that it is the right one"
    )]
    TooLarge,
}

impl WholeError {
    /// The system's reason, or words.
    pub(crate) fn parted(self) -> Result<io::Error, String> {
        match self {
            Self::Read(source) => Ok(source),
            other => Err(other.to_string()),
        }
    }
}

/// The bytes of a regular file, links followed, of at most [`MOST`].
pub(crate) fn whole(path: &Path) -> Result<Vec<u8>, WholeError> {
    let kind = std::fs::metadata(path)?.file_type();
    if !kind.is_file() && !kind.is_dir() {
        return Err(WholeError::Kind(named(kind)));
    }
    let mut bytes = Vec::new();
    // Of a folder this tells the system's own reason.
    File::open(path)?.take(MOST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST { Err(WholeError::TooLarge) } else { Ok(bytes) }
}

/// What a file is that is neither a regular one nor a folder nor a link.
pub(crate) fn named(kind: FileType) -> &'static str {
    if kind.is_socket() {
        "socket"
    } else if kind.is_fifo() {
        "named pipe"
    } else if kind.is_block_device() || kind.is_char_device() {
        "device"
    } else {
        "file of an unknown kind"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_or_is_too_large_is_said_to_be_so() {
        let folder = tempfile::tempdir().unwrap();
        let said = |name: &str| whole(&folder.path().join(name)).map_err(|error| error.to_string());
        let fifo = std::process::Command::new("mkfifo").arg(folder.path().join("pipe")).status().unwrap();
        assert!(fifo.success());
        std::os::unix::fs::symlink("/dev/zero", folder.path().join("endless")).unwrap();
        for (name, size) in [("most", MOST), ("more", MOST + 1), ("sparse", 10 << 30)] {
            File::create(folder.path().join(name)).unwrap().set_len(size).unwrap();
        }
        assert_eq!(said("most").map(|bytes| bytes.len() as u64), Ok(MOST));
        for (name, words) in [
            ("pipe", "named pipe"),
            ("endless", "device"),
            ("more", "more than 8388608 bytes"),
            ("sparse", "more than 8388608 bytes"),
            ("missing", "No such file"),
            (".", "Is a directory"),
        ] {
            assert!(said(name).unwrap_err().contains(words), "{name}: {:?}", said(name));
        }
    }
}
