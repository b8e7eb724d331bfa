//! Files that are there whole or not at all: written next to their place and renamed, so that a full disk or a signal
//! leaves nothing half written.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Writes a file with these bits, less what the umask takes. What is there and no file, such as a pipe or
/// `/dev/stdout`, is written to as it is; a link stays, and what it leads to is replaced.
///
/// # Errors
/// The system's; what was there before is there still, then.
pub fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    if fs::metadata(&target).is_ok_and(|facts| !facts.is_file()) {
        return fs::write(&target, bytes);
    }
    beside(&target, bytes, mode)?.put()
}

/// A file that is written next to its place: what needs room on the disk is done, and what is in its place is there
/// still.
#[must_use]
pub struct Beside {
    file: tempfile::NamedTempFile,
    place: PathBuf,
}

/// Writes a file next to its place, with these bits less what the umask takes. Several files that belong together are
/// all written so before the first of them is put in its place.
///
/// # Errors
/// The system's; nothing is there afterwards that was not before.
pub fn beside(place: &Path, bytes: &[u8], mode: u32) -> io::Result<Beside> {
    let mut file = incoming(place, mode)?;
    // The file itself: an error of the other names where it lies.
    file.as_file_mut().write_all(bytes)?;
    Ok(Beside { file, place: place.to_path_buf() })
}

impl Beside {
    /// Puts it in its place, which needs no room.
    ///
    /// # Errors
    /// The system's; what was there before is there still, then.
    pub fn put(self) -> io::Result<()> {
        self.file.persist(&self.place).map(drop).map_err(|error| without_name(error.error))
    }
}

/// Whether [`write()`] can begin: nothing is there afterwards that was not before.
///
/// # Errors
/// The system's.
pub fn can_begin(path: &Path) -> io::Result<()> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    if fs::metadata(&target).is_ok_and(|facts| !facts.is_file()) {
        return Ok(());
    }
    incoming(&target, 0o600).map(drop)
}

fn incoming(target: &Path, mode: u32) -> io::Result<tempfile::NamedTempFile> {
    #[cfg(test)]
    failing::next()?;
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".incoming-").permissions(Permissions::from_mode(mode)).tempfile_in(folder).map_err(without_name)
}

/// An error of a temporary file without that file's name, which the user did not give.
#[must_use]
pub fn without_name(error: io::Error) -> io::Error {
    match error.kind() {
        _ if error.raw_os_error().is_some() => error,
        io::ErrorKind::NotFound => io::Error::new(io::ErrorKind::NotFound, "there is no such folder"),
        io::ErrorKind::StorageFull => io::Error::new(io::ErrorKind::StorageFull, "No space left on device"),
        kind => io::Error::from(kind),
    }
}

#[cfg(test)]
pub(crate) use failing::{Failing, fail};

/// Writes of a test's thread that find no room.
#[cfg(test)]
mod failing {
    use std::cell::Cell;
    use std::io;

    /// Which writes fail, by their number.
    #[derive(Debug, Clone, Copy)]
    pub(crate) enum Failing {
        /// None.
        Never,
        /// This one.
        Once(usize),
        /// This one and all after it.
        From(usize),
    }

    thread_local! {
        static WRITES: Cell<(Failing, usize)> = const { Cell::new((Failing::Never, 0)) };
    }

    /// Lets writes fail from now on, counted anew; how many there were before.
    pub(crate) fn fail(failing: Failing) -> usize {
        WRITES.replace((failing, 0)).1
    }

    pub(super) fn next() -> io::Result<()> {
        let (failing, number) = WRITES.get();
        WRITES.set((failing, number + 1));
        let fails = match failing {
            Failing::Never => false,
            Failing::Once(at) => number == at,
            Failing::From(at) => number >= at,
        };
        if fails { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_without_room_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        write(&path, b"first", 0o666).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        write(&link, b"second", 0o755).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        // The device that is always full, and is not a file.
        assert_eq!(write(Path::new("/dev/full"), b"x", 0o666).unwrap_err().kind(), io::ErrorKind::StorageFull);
        let missing = folder.path().join("missing/x");
        for refused in [write(&missing, b"x", 0o666), can_begin(&missing)] {
            let error = refused.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::NotFound);
            assert!(!error.to_string().contains(".incoming"), "{error}");
        }
        can_begin(&path).unwrap();
        can_begin(&folder.path().join("new")).unwrap();
        can_begin(Path::new("/dev/full")).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
