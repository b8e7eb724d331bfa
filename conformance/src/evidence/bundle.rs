//! Evidence as one file: a tar of the folder's files in the order of their names, without times and owners, compressed
//! with zstd. The same evidence gives the same bytes.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::reader::{Stored, StoredError};

/// Compresses well enough and does not make one wait.
const LEVEL: i32 = 6;
/// What a bundle begins with.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Why there is no bundle. Messages read after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The evidence is not whole.
    #[error(transparent)]
    Stored(#[from] StoredError),
    /// The file could not be written.
    #[error("write the bundle {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// Writes the evidence in `folder` to `file`, which is there whole or not at all.
///
/// # Errors
/// [`BundleError`] when the evidence is damaged or the file cannot be written.
pub fn write(folder: &Path, file: &Path) -> Result<u64, BundleError> {
    Stored::read(folder, folder)?;
    let fail = |source| BundleError::Write { path: file.to_path_buf(), source };
    let beside = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = tempfile::NamedTempFile::new_in(beside).map_err(fail)?;
    pack(folder, temporary.as_file_mut()).map_err(fail)?;
    let size = temporary.as_file().metadata().map_err(fail)?.len();
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    fs::set_permissions(temporary.path(), readable).map_err(fail)?;
    temporary.persist(file).map_err(|error| fail(error.error))?;
    Ok(size)
}

fn pack(folder: &Path, file: &mut File) -> io::Result<()> {
    let mut archive = tar::Builder::new(zstd::Encoder::new(file, LEVEL)?);
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name() {
        let entry = entry.map_err(io::Error::other)?;
        if !entry.file_type().is_file() {
            continue;
        }
        let path = entry.path().strip_prefix(folder).map_err(io::Error::other)?;
        let mut header = tar::Header::new_gnu();
        header.set_size(entry.metadata().map_err(io::Error::other)?.len());
        header.set_mode(if path.ends_with("repeat.sh") { 0o755 } else { 0o644 });
        header.set_mtime(0);
        archive.append_data(&mut header, path, File::open(entry.path())?)?;
    }
    archive.into_inner()?.finish()?.flush()
}

/// Reads a run from a folder of evidence or a bundle. A bundle is unpacked into a temporary folder that is gone
/// afterwards.
///
/// # Errors
/// [`StoredError`] naming what is damaged.
pub fn read(path: &Path) -> Result<Stored, StoredError> {
    if path.is_dir() {
        return Stored::read(path, path);
    }
    let there = |error: io::Error| StoredError::NotThere { path: path.to_path_buf(), reason: error.to_string() };
    File::open(path).map_err(there)?;
    if !is_meant(path) {
        return Err(StoredError::NotThere { path: path.to_path_buf(), reason: "it is no zstd file".to_owned() });
    }
    let folder = tempfile::tempdir().map_err(|source| StoredError::Unpack { path: path.to_path_buf(), source })?;
    unpack(path, folder.path()).map_err(|error| StoredError::Damaged {
        path: path.to_path_buf(),
        file: "the archive".to_owned(),
        reason: error.to_string(),
    })?;
    Stored::read(folder.path(), path)
}

/// Whether a file is meant as a bundle.
#[must_use]
pub fn is_meant(path: &Path) -> bool {
    let mut first = [0; 4];
    File::open(path).and_then(|mut file| io::Read::read_exact(&mut file, &mut first)).is_ok() && first == ZSTD
}

fn unpack(path: &Path, folder: &Path) -> io::Result<()> {
    let mut archive = tar::Archive::new(zstd::Decoder::new(File::open(path)?)?);
    for entry in archive.entries()? {
        let mut entry = entry?;
        if entry.header().entry_type() != tar::EntryType::Regular || !entry.unpack_in(folder)? {
            return Err(io::Error::other(format!("{} is no file of evidence", entry.path()?.display())));
        }
    }
    // A stream that was cut after the last entry is told by its end alone.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map(|_| ())
}
