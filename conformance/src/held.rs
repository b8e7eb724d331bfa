//! Folders of temporary files that say whether their program still lives: a lock in them is held as long as it does. What
//! a killed program left is found by that, and removed by the next one.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use tempfile::TempDir;

/// The lock's name in its folder.
const LOCK: &str = ".held";

/// A temporary folder of this program; it goes when it is dropped.
#[derive(Debug)]
pub struct Held {
    folder: TempDir,
    _lock: Flock<File>,
}

impl Held {
    /// Makes a folder whose name begins with `prefix`.
    ///
    /// # Errors
    /// The file system's.
    pub fn new_in(parent: &Path, prefix: &str) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix(prefix).tempdir_in(parent)?;
        // Under its name it is locked already, so that no one can find it there and free.
        let early = folder.path().join(".held-soon");
        let lock = Flock::lock(File::create(&early)?, FlockArg::LockExclusiveNonblock).map_err(|(_, error)| error)?;
        fs::rename(early, folder.path().join(LOCK))?;
        Ok(Self { folder, _lock: lock })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// The folders in `parent` whose names begin with `prefix` and whose program is gone. A folder without a lock is somebody
/// else's.
#[must_use]
pub fn left_in(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
    let own = nix::unistd::geteuid().as_raw();
    let is_left = |path: &PathBuf| {
        let is_own = |path: &Path| {
            fs::symlink_metadata(path).is_ok_and(|facts| std::os::unix::fs::MetadataExt::uid(&facts) == own)
        };
        let lock = path.join(LOCK);
        let is_a_file = fs::symlink_metadata(&lock).is_ok_and(|facts| facts.is_file());
        is_own(path)
            && is_a_file
            && File::open(lock).is_ok_and(|file| Flock::lock(file, FlockArg::LockExclusiveNonblock).is_ok())
    };
    let mut found: Vec<PathBuf> = named.map(|entry| entry.path()).filter(is_left).collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_nobody_else_s_and_what_a_killed_program_left_is_found() {
        let parent = tempfile::tempdir().unwrap();
        let held = Held::new_in(parent.path(), "registry-").unwrap();
        fs::create_dir(parent.path().join("registry-of-others")).unwrap();
        assert!(left_in(parent.path(), "registry-").is_empty());
        // As a kill leaves it: the lock ends with its program, the folder does not.
        let Held { folder, _lock: lock } = held;
        let path = folder.keep();
        drop(lock);
        assert_eq!(left_in(parent.path(), "registry-"), [path]);
        assert!(left_in(parent.path(), "job-").is_empty());
        assert!(left_in(&parent.path().join("none"), "").is_empty());
    }
}
