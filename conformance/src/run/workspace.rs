//! Where builds are laid out. Paths are part of an image, so every export runs at the same absolute paths: each in a
//! mount namespace of its own where that is allowed, else one after another in the same folder under a lock.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use judge::evidence::End;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::statfs::{EXT4_SUPER_MAGIC, statfs};
use tokio_util::sync::CancellationToken;

use crate::exporter::isolate::Isolation;
use crate::exporter::process::{ProcessError, Supervisor};
use crate::exporter::supervise::{Spec, USUAL_UMASK};
use crate::held::{self, Held};
use crate::rig::registry::REGISTRY;
use crate::scenario::materialise::BuildDir;

/// The folder at which every exporter sees its build.
const BUILD: &str = "build";
/// The file that runs lock.
const LOCK: &str = "lock";
/// The folder of what runs keep for themselves.
const RUNS: &str = "runs";
/// What the name of a run's own folder there begins with.
const JOB: &str = "job-";
/// What the name of a folder there begins with that waits for the end of the run.
const AWAY: &str = "away-";
/// How much the disk may fill while folders wait, in bytes.
const MOST_AWAY: u64 = 2 << 30;
/// The part of a small disk that it may be instead: one of so many.
const PART_AWAY: u64 = 4;

/// Why there is no place to build at.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// The folder of temporary files is not there.
    #[error("prepare a work folder: TMPDIR names {}, which is not a folder; set it to one that you may write", path.display())]
    NoTemporaryFolder {
        /// What is not there.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("prepare the work folder {} (TMPDIR names a folder that you may write)", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Someone else's folder is in the way.
    #[error("prepare the work folder {}: it belongs to another user; remove it or set TMPDIR", path.display())]
    Foreign {
        /// The folder.
        path: PathBuf,
    },
    /// Neither a namespace nor the fixed folder.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

/// The place where this run builds; dropping it removes all that it made.
pub(super) struct Workspace {
    seen: PathBuf,
    root: PathBuf,
    scratch: Held,
    /// What killed runs had left here, and is gone now.
    removed: Vec<PathBuf>,
    /// Why builds run one after another; none where each has its own namespace.
    sequential: Option<String>,
    /// Why exporters see the machine as it is; none where the suite is kept from them.
    exposed: Option<String>,
    isolation: Option<Isolation>,
    lock: Option<Flock<File>>,
    /// Bytes that the disk had left at the start; none where folders need not wait for the end of the run.
    available: Option<u64>,
    /// How many folders wait for the end of the run.
    away: AtomicUsize,
}

impl Workspace {
    /// Prepares the place; tries whether a private mount namespace is allowed, and whether what is the suite's can be
    /// kept from exporters, with the folders `hidden`.
    ///
    /// # Errors
    /// [`WorkspaceError`]; waits while another run holds the fixed folder.
    pub(super) async fn open(supervisor: &Supervisor, hidden: Vec<PathBuf>) -> Result<Self, WorkspaceError> {
        let temporary = std::env::temp_dir();
        if !temporary.is_dir() {
            // A folder that was made here would be left, and its path most likely is a misspelt one.
            return Err(WorkspaceError::NoTemporaryFolder { path: temporary });
        }
        let root = temporary.join(format!("cnb-{}", nix::unistd::geteuid()));
        let seen = root.join(BUILD);
        let lock = lock(&root, FlockArg::LockShared)?;
        let runs = root.join(RUNS);
        let fail = |source| WorkspaceError::Folder { path: runs.clone(), source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&runs).map_err(fail)?;
        let removed = without_those_left(&temporary, &runs);
        let scratch = Held::new_in(&runs, JOB).map_err(fail)?;
        let is_ext = statfs(scratch.path()).is_ok_and(|facts| facts.filesystem_type() == EXT4_SUPER_MAGIC);
        let available = is_ext.then(|| available(scratch.path())).transpose().map_err(fail)?;
        let isolation = Some(Isolation::usual(hidden.into_iter().chain([runs]).collect()));
        let mut place = Self {
            seen,
            root,
            scratch,
            removed,
            sequential: None,
            exposed: None,
            isolation,
            lock: Some(lock),
            available,
            away: AtomicUsize::new(0),
        };
        let mut tried = place.try_namespace(supervisor).await;
        if let Err(ProcessError::Namespace(reason)) = tried {
            place.isolation = None;
            place.exposed = Some(reason);
            tried = place.try_namespace(supervisor).await;
        }
        match tried {
            Ok(()) => {}
            Err(ProcessError::Namespace(reason)) => {
                place.lock = None;
                place.lock = Some(lock_exclusively(&place.root).await?);
                // Another run may have removed it meanwhile.
                fs::create_dir_all(place.scratch.path())
                    .map_err(|source| WorkspaceError::Folder { path: place.scratch.path().to_owned(), source })?;
                place.sequential = Some(format!("no private mount namespace: {reason}"));
            }
            Err(other) => return Err(other.into()),
        }
        Ok(place)
    }

    /// What killed runs had left, and is gone now.
    #[must_use]
    pub(super) fn removed(&self) -> &[PathBuf] {
        &self.removed
    }

    /// Why exports run one after another; none where each has a namespace of its own.
    #[must_use]
    pub(super) fn sequential(&self) -> Option<&str> {
        self.sequential.as_deref()
    }

    /// Why exporters could see what is the suite's; none where it is kept from them.
    #[must_use]
    pub(super) fn exposed(&self) -> Option<&str> {
        self.exposed.as_deref()
    }

    /// What is kept from an exporter that needs what `words` name.
    #[must_use]
    pub(super) fn isolation<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Option<Isolation> {
        self.isolation.clone().map(|isolation| isolation.needing(words))
    }

    /// The folder at which every exporter sees its build.
    #[must_use]
    pub(super) fn exporter_path(&self) -> &Path {
        &self.seen
    }

    /// A folder of this run for what is not a build.
    #[must_use]
    pub(super) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// A fresh, empty build folder; `name` tells builds that exist at the same time apart.
    ///
    /// # Errors
    /// [`WorkspaceError::Folder`].
    pub(super) fn build_dir(&self, name: &str) -> Result<BuildDir, WorkspaceError> {
        let here = match self.sequential {
            None => self.scratch.path().join(name),
            Some(_) => self.seen.clone(),
        };
        let fail = |source| WorkspaceError::Folder { path: here.clone(), source };
        self.put_away(&here).map_err(fail)?;
        fs::DirBuilder::new().recursive(true).mode(0o755).create(&here).map_err(fail)?;
        fs::set_permissions(&here, fs::Permissions::from_mode(0o755)).map_err(fail)?;
        Ok(BuildDir { host_path: here, exporter_path: self.seen.clone() })
    }

    /// Takes a folder away, on ext4 to be removed at the end of the run: without a journal it makes no use of what was
    /// removed in the last minutes, and passes over it each time that a file is made.
    fn put_away(&self, folder: &Path) -> io::Result<()> {
        let Some(at_start) = self.available else { return remove_all(folder) };
        let number = self.away.fetch_add(1, Ordering::Relaxed);
        let away = self.scratch.path().join(format!("{AWAY}{number}"));
        match fs::rename(folder, &away) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(_) => remove_all(folder),
            Ok(()) if self.has_room(at_start) => Ok(()),
            Ok(()) => remove_all(&away),
        }
    }

    fn has_room(&self, at_start: u64) -> bool {
        let most = MOST_AWAY.min(at_start / PART_AWAY);
        available(self.scratch.path()).is_ok_and(|now| at_start.saturating_sub(now) < most)
    }

    /// What a supervisor binds where, so that the exporter sees `build_dir.host_path` at `build_dir.exporter_path`.
    #[must_use]
    pub(super) fn bind(&self, build_dir: &BuildDir) -> Option<(PathBuf, PathBuf)> {
        self.sequential.is_none().then(|| (build_dir.host_path.clone(), build_dir.exporter_path.clone()))
    }

    /// Why a user who is neither root nor the owner of anything here cannot reach builds and `program`; none where
    /// that one can.
    #[must_use]
    pub(super) fn out_of_reach(&self, program: &Path) -> Option<String> {
        let closed =
            |path: &Path, bits: u32| fs::metadata(path).map_or(true, |facts| facts.permissions().mode() & bits != bits);
        let above = |path: &Path| path.ancestors().skip(1).find(|folder| closed(folder, 0o001)).map(Path::to_path_buf);
        // Links lead elsewhere.
        let real = fs::canonicalize(program).unwrap_or_else(|_| program.to_path_buf());
        let folder = above(&self.seen).or_else(|| above(program)).or_else(|| above(&real));
        match folder {
            Some(folder) => Some(format!("{} is closed to other users", folder.display())),
            None if closed(&real, 0o001) => Some(format!("{} is closed to other users", real.display())),
            None => None,
        }
    }

    async fn try_namespace(&self, supervisor: &Supervisor) -> Result<(), ProcessError> {
        let spec = Spec {
            argv: vec!["/bin/true".to_owned()],
            environment: std::collections::BTreeMap::new(),
            working_dir: self.seen.clone(),
            bind: Some((self.scratch.path().to_path_buf(), self.seen.clone())),
            umask: USUAL_UMASK,
            hostname: None,
            isolation: self.isolation.clone(),
            processors: None,
            other_kernel: false,
            user: None,
            terminate_after: None,
            limit_seconds: 20,
            report: self.scratch.path().join("namespace-report.json"),
            secret_place: None,
            secret: None,
        };
        let spec_file = self.scratch.path().join("namespace.json");
        let outcome = supervisor.run(&spec, &spec_file, &CancellationToken::new()).await?;
        match outcome.end {
            End::Exited(0) => Ok(()),
            end => Err(ProcessError::Namespace(format!("a program in it ended with {end}"))),
        }
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        let _ = remove_all(self.scratch.path());
        if let Some(lock) = self.lock.take() {
            // Only the last run may remove the folder that others see their builds at.
            let alone = if self.sequential.is_some() { Ok(lock) } else { lock_again(lock) };
            if let Ok(lock) = alone {
                let _ = remove_root(&self.root, lock);
            }
        }
    }
}

fn lock_again(lock: Flock<File>) -> Result<Flock<File>, ()> {
    lock.relock(FlockArg::LockExclusiveNonblock).map(|()| lock).map_err(|_| ())
}

async fn lock_exclusively(root: &Path) -> Result<Flock<File>, WorkspaceError> {
    let root = root.to_path_buf();
    let path = root.clone();
    tokio::task::spawn_blocking(move || lock(&root, FlockArg::LockExclusive))
        .await
        .map_err(|error| WorkspaceError::Folder { path, source: io::Error::other(error) })?
}

/// Locks the folder's lock file, and makes sure that it is not one that another run has just removed.
fn lock(root: &Path, how: FlockArg) -> Result<Flock<File>, WorkspaceError> {
    let fail = |source: io::Error| WorkspaceError::Folder { path: root.to_path_buf(), source };
    let gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    let mut seen = None;
    for _ in 0..100 {
        let build = root.join(BUILD);
        // Another run may end at any moment, and remove what was just found or made.
        let made = fs::DirBuilder::new().recursive(true).mode(0o755).create(&build);
        let facts = match made.and_then(|()| fs::symlink_metadata(root)) {
            Err(error) if gone(&error) => {
                seen = Some(error);
                continue;
            }
            other => other.map_err(fail)?,
        };
        if facts.uid() != nix::unistd::geteuid().as_raw() {
            return Err(WorkspaceError::Foreign { path: root.to_path_buf() });
        }
        let file = match File::create(root.join(LOCK)) {
            Ok(file) => file,
            Err(error) => {
                seen = Some(error);
                continue;
            }
        };
        let locked = Flock::lock(file, how).map_err(|(_, error)| fail(error.into()))?;
        let same = fs::metadata(root.join(LOCK))
            .and_then(|there| locked.metadata().map(|ours| there.ino() == ours.ino()))
            .unwrap_or(false);
        if same && build.is_dir() {
            return Ok(locked);
        }
    }
    // Where a folder can never be made, the system's reason says more than that it is not there.
    Err(fail(seen.unwrap_or_else(|| io::Error::other("other runs keep removing it"))))
}

/// Removes the folder of all runs. Its lock file goes when all else is gone: from then on a new run makes the folder
/// anew, and of what that one makes nothing may be taken away.
fn remove_root(root: &Path, lock: Flock<File>) -> io::Result<()> {
    for folder in [root.join(RUNS), root.join(BUILD)] {
        if folder.exists() {
            remove_all(&folder)?;
        }
    }
    fs::remove_file(root.join(LOCK))?;
    drop(lock);
    match fs::remove_dir(root) {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
        other => other,
    }
}

/// Removes what killed programs of the suite left: folders of runs, of registries that they started, and of other work.
fn without_those_left(temporary: &Path, runs: &Path) -> Vec<PathBuf> {
    let left = [(runs, JOB), (temporary, REGISTRY), (temporary, held::TEMPORARY)];
    left.into_iter().flat_map(|(parent, prefix)| held::without_those_left(parent, prefix, remove_all)).collect()
}

/// Bytes that are left on the disk of a folder, for a user who is not root.
pub(super) fn available(folder: &Path) -> io::Result<u64> {
    let disk = nix::sys::statvfs::statvfs(folder)?;
    Ok(disk.blocks_available() * disk.fragment_size())
}

/// Removes a folder also where an exporter took its bits away.
fn remove_all(path: &Path) -> io::Result<()> {
    if fs::remove_dir_all(path).is_ok() || !path.exists() {
        return Ok(());
    }
    for entry in walkdir::WalkDir::new(path).into_iter().flatten() {
        if entry.file_type().is_dir() {
            let _ = fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o700));
        }
    }
    fs::remove_dir_all(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_run_takes_nothing_of_one_that_begins_meanwhile() {
        let parent = tempfile::tempdir().unwrap();
        let root = parent.path().join("root");
        let last = lock_again(lock(&root, FlockArg::LockShared).unwrap()).unwrap();
        fs::create_dir_all(root.join(RUNS).join("job-of-the-last")).unwrap();
        std::thread::scope(|threads| {
            let next = threads.spawn(|| lock(&root, FlockArg::LockShared).unwrap());
            // It waits for the lock, or comes later: either is right.
            std::thread::sleep(std::time::Duration::from_millis(20));
            // What is not a part of the last run, as from a run that made the folder anew.
            fs::create_dir(root.join("newer")).unwrap();
            remove_root(&root, last).unwrap();
            let next = next.join().unwrap();
            assert!(root.join("newer").is_dir() && root.join(BUILD).is_dir() && !root.join(RUNS).exists());
            fs::remove_dir(root.join("newer")).unwrap();
            remove_root(&root, lock_again(next).unwrap()).unwrap();
        });
        assert!(!root.exists());
    }
}
