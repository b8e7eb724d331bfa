//! Evidence as one file: a tar of the folder's files in the order of their names, without times and owners, compressed
//! with zstd. The same evidence gives the same bytes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, Write};
use std::path::{Path, PathBuf};

use super::index::sha256_of_all;
use super::reader::{Stored, StoredError};
use crate::budget;
use crate::error::Cause;
use crate::given;
use crate::held::Held;
use crate::whole_file;

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
    /// The file is there.
    #[error("write the bundle {}: it is there; name another file with --output", path.display())]
    There {
        /// The file.
        path: PathBuf,
    },
    /// The file could not be written.
    #[error("write the bundle {} (--output names the file)", path.display())]
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
    let fail = |source| BundleError::Write { path: file.to_path_buf(), source: whole_file::without_name(source) };
    if fs::symlink_metadata(file).is_ok() {
        return Err(BundleError::There { path: file.to_path_buf() });
    }
    whole_file::can_begin(file).map_err(fail)?;
    Stored::read(folder, folder)?;
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
        archive.append_data(&mut header, path, given::regular(entry.path())?)?;
    }
    archive.into_inner()?.finish()?.flush()
}

/// Reads a run from a folder of evidence or a bundle. What of a bundle is judged is unpacked into a temporary folder
/// that is gone afterwards; blobs, which may be of any size, are hashed on their way and take no room.
///
/// # Errors
/// [`StoredError`] naming what is damaged.
pub fn read(path: &Path) -> Result<Stored, StoredError> {
    if path.is_dir() {
        return Stored::read(path, path);
    }
    let there = |source: Cause| StoredError::NotThere { path: path.to_path_buf(), source };
    let mut file = given::regular(path).map_err(|error| there(error.into()))?;
    if !begins_as_one(&mut file) {
        return Err(there("it is not a zstd file".into()));
    }
    let folder = Held::temporary().map_err(|source| StoredError::Unpack { path: path.to_path_buf(), source })?;
    let unpacked = file.rewind().and_then(|()| unpack(file, folder.path()));
    let hashed = unpacked.map_err(|error| match error.kind() {
        io::ErrorKind::StorageFull => StoredError::Unpack { path: path.to_path_buf(), source: error },
        _ => StoredError::Damaged { path: path.to_path_buf(), file: "the archive".to_owned(), source: error.into() },
    })?;
    Stored::read_hashed(folder.path(), path, &hashed)
}

/// Whether a file is meant as a bundle.
#[must_use]
pub fn is_meant(path: &Path) -> bool {
    given::regular(path).is_ok_and(|mut file| begins_as_one(&mut file))
}

fn begins_as_one(file: &mut File) -> bool {
    let mut first = [0; 4];
    io::Read::read_exact(file, &mut first).is_ok() && first == ZSTD
}

/// Unpacks all but blobs; gives the sha256 of each blob, by its file.
fn unpack(file: File, folder: &Path) -> io::Result<BTreeMap<String, String>> {
    let mut hashed = BTreeMap::new();
    let (mut left, mut count) = (budget::BUNDLE, 0);
    let mut archive = tar::Archive::new(zstd::Decoder::new(file)?.take(budget::KEPT_BLOBS));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let is_file = entry.header().entry_type() == tar::EntryType::Regular;
        count += 1;
        if !is_file || count > budget::BUNDLE_FILES {
            let reason = if is_file { "one file too many" } else { "not a file of evidence" };
            return Err(io::Error::other(format!("{} is {reason}", path.display())));
        }
        if path.starts_with("blobs") {
            hashed.insert(path.display().to_string(), sha256_of_all(&mut entry)?);
            continue;
        }
        left = left.checked_sub(entry.size()).ok_or_else(|| {
            let most = budget::BUNDLE;
            io::Error::other(format!("what it holds beyond blobs is more than {most} bytes, at {}", path.display()))
        })?;
        if !entry.unpack_in(folder)? {
            return Err(io::Error::other(format!("{} is not a file of evidence", path.display())));
        }
    }
    // A stream that was cut after the last entry is told by its end alone.
    let mut rest = archive.into_inner();
    io::copy(&mut rest, &mut io::sink())?;
    if rest.limit() == 0 {
        return Err(io::Error::other(format!("it unpacks to more than {} bytes", budget::KEPT_BLOBS)));
    }
    Ok(hashed)
}
