//! Folders of temporary files that say whether their program still lives: a lock next to each is held as long as it
//! does. What a killed program left is found by that, and removed by the next one. The lock comes before its folder and
//! goes after it, so that there is no moment at which a kill leaves a folder that no one would dare to remove.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use tempfile::{TempDir, TempPath};

/// What the lock's name ends with, after its folder's.
const LOCK: &str = ".held";
/// What the names of folders begin with that [`Held::temporary`] makes.
pub const TEMPORARY: &str = "conformance-work-";
/// A program that looks for what was left may take away a lock before it is held; that many times in a row none does.
const TRIES: u32 = 20;

/// A temporary folder of this program; it goes when it is dropped, and its lock after it.
#[derive(Debug)]
pub struct Held {
    folder: TempDir,
    _name: TempPath,
    _lock: Flock<File>,
}

impl Held {
    /// Makes a folder whose name begins with `prefix`.
    ///
    /// # Errors
    /// The file system's.
    pub fn new_in(parent: &Path, prefix: &str) -> io::Result<Self> {
        for _ in 0..TRIES {
            let (file, name) = tempfile::Builder::new().prefix(prefix).suffix(LOCK).tempfile_in(parent)?.into_parts();
            let Ok(lock) = Flock::lock(file, FlockArg::LockExclusiveNonblock) else { continue };
            if !fs::metadata(&name).is_ok_and(|there| lock.metadata().is_ok_and(|own| own.ino() == there.ino())) {
                continue;
            }
            let folder = folder_of(&name).unwrap_or_default();
            let folder = tempfile::Builder::new().prefix(&folder).rand_bytes(0).tempdir_in(parent)?;
            return Ok(Self { folder, _name: name, _lock: lock });
        }
        Err(io::Error::other("other programs keep removing its lock"))
    }

    /// Makes a folder below TMPDIR, and removes those that killed programs left there.
    ///
    /// # Errors
    /// The file system's.
    pub fn temporary() -> io::Result<Self> {
        let parent = std::env::temp_dir();
        let _removed = without_those_left(&parent, TEMPORARY, |folder| fs::remove_dir_all(folder));
        Self::new_in(&parent, TEMPORARY)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// The name of the folder that a lock is for.
fn folder_of(lock: &Path) -> Option<String> {
    Some(lock.file_name()?.to_str()?.strip_suffix(LOCK)?.to_owned())
}

/// Whether the program that made a folder with [`Held::new_in`] still lives.
#[must_use]
pub fn is_held(folder: &Path) -> bool {
    let mut lock = folder.as_os_str().to_owned();
    lock.push(LOCK);
    File::open(lock).is_ok_and(|file| Flock::lock(file, FlockArg::LockExclusiveNonblock).is_err())
}

/// Removes with `remove` the folders in `parent` whose names begin with `prefix` and whose program is gone; gives what
/// is removed. A folder without a lock belongs to another program.
#[must_use]
pub fn without_those_left(parent: &Path, prefix: &str, remove: impl Fn(&Path) -> io::Result<()>) -> Vec<PathBuf> {
    let own = nix::unistd::geteuid().as_raw();
    let is_own = |path: &Path| fs::symlink_metadata(path).is_ok_and(|facts| facts.uid() == own);
    let gone = |lock: &Path| {
        let is_a_file = fs::symlink_metadata(lock).is_ok_and(|facts| facts.is_file());
        let file = File::open(lock).ok().filter(|_| is_a_file && is_own(lock))?;
        // Held until the folder is gone, so that no one else removes it too.
        let _lock = Flock::lock(file, FlockArg::LockExclusiveNonblock).ok()?;
        let folder = parent.join(folder_of(lock)?);
        let was_there = fs::symlink_metadata(&folder).is_ok();
        if was_there && !(is_own(&folder) && remove(&folder).is_ok()) {
            return None;
        }
        fs::remove_file(lock).ok()?;
        Some(if was_there { folder } else { lock.to_path_buf() })
    };
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let named =
        entries.map(|entry| entry.path()).filter(|path| folder_of(path).is_some_and(|name| name.starts_with(prefix)));
    let mut found: Vec<PathBuf> = named.filter_map(|path| gone(&path)).collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_held_is_nobody_else_s_and_what_a_killed_program_left_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        let remove_left = |prefix| without_those_left(parent.path(), prefix, |path| fs::remove_dir_all(path));
        let held = Held::new_in(parent.path(), "registry-").unwrap();
        fs::create_dir(parent.path().join("registry-of-others")).unwrap();
        assert!(is_held(held.path()) && remove_left("registry-").is_empty());
        // As a kill leaves it: the lock ends with its program, the names do not.
        let Held { folder, _name: name, _lock: lock } = held;
        let (path, name) = (folder.keep(), name.keep().unwrap());
        drop(lock);
        assert!(!is_held(&path) && remove_left("job-").is_empty());
        assert_eq!(remove_left("registry-"), [path]);
        assert_eq!(names(parent.path()), ["registry-of-others"]);
        // As a kill leaves it before there is a folder, or when it is gone.
        fs::write(&name, "").unwrap();
        assert_eq!(remove_left("registry-"), [name]);
        assert!(without_those_left(&parent.path().join("none"), "", |path| fs::remove_dir_all(path)).is_empty());
    }

    #[test]
    fn what_is_dropped_leaves_nothing() {
        let parent = tempfile::tempdir().unwrap();
        drop(Held::new_in(parent.path(), "registry-").unwrap());
        assert!(names(parent.path()).is_empty());
    }
}
