//! Turns at a daemon: images are brought, exported and read by several at a time, and removed while none of that goes
//! on. containerd collects the layers of a removed image that another image, still being unpacked, is about to build on
//! (containerd issue 10835), and podman answers `layer not known` or 500 then.
//!
//! Runs at the same time share a daemon too, so a turn is a lock on the folder of the daemon's socket, which leaves
//! nothing there.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};

/// How often a turn is asked for.
const AGAIN: Duration = Duration::from_millis(10);
/// After which it is gone on without one: a turn is a courtesy, and an exporter that hangs holds one.
const LONGEST: Duration = Duration::from_secs(5);

/// The turns at one daemon.
#[derive(Debug)]
pub struct Turns {
    folder: PathBuf,
}

/// A turn, held until it is dropped; without a lock where none could be had.
#[derive(Debug)]
pub struct Turn {
    lock: Option<Flock<File>>,
}

impl Turn {
    /// Whether it keeps others away.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.lock.is_some()
    }
}

impl Turns {
    /// Those at the daemon of this address, as `DOCKER_HOST` spells it. Daemons without a socket share the temporary
    /// folder.
    #[must_use]
    pub fn of(host: &str) -> Self {
        let socket = host.strip_prefix("unix://").map(Path::new);
        let folder = socket.and_then(Path::parent).map_or_else(std::env::temp_dir, Path::to_path_buf);
        Self { folder }
    }

    /// A turn next to others of its kind: to bring, export or read images.
    pub async fn shared(&self) -> Turn {
        self.wait(FlockArg::LockSharedNonblock).await
    }

    /// A turn alone: to remove images.
    pub async fn alone(&self) -> Turn {
        self.wait(FlockArg::LockExclusiveNonblock).await
    }

    /// A turn alone, where it can be had at once.
    #[must_use]
    pub fn alone_now(&self) -> Option<Turn> {
        self.locked(FlockArg::LockExclusiveNonblock).ok().map(|lock| Turn { lock: Some(lock) })
    }

    async fn wait(&self, how: FlockArg) -> Turn {
        let begun = Instant::now();
        loop {
            match self.locked(how) {
                Ok(lock) => return Turn { lock: Some(lock) },
                Err(nix::errno::Errno::EWOULDBLOCK) if begun.elapsed() < LONGEST => tokio::time::sleep(AGAIN).await,
                Err(_) => return Turn { lock: None },
            }
        }
    }

    fn locked(&self, how: FlockArg) -> Result<Flock<File>, nix::errno::Errno> {
        let folder = File::open(&self.folder).map_err(|_| nix::errno::Errno::ENOENT)?;
        Flock::lock(folder, how).map_err(|(_, error)| error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(folder: &Path) -> Turns {
        Turns::of(&format!("unix://{}/docker.sock", folder.display()))
    }

    #[tokio::test]
    async fn images_are_removed_while_nothing_else_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let turns = turns(folder.path());
        let (one, two) = (turns.shared().await, turns.shared().await);
        assert!(turns.alone_now().is_none());
        drop(one);
        assert!(turns.alone_now().is_none());
        drop(two);
        let alone = turns.alone_now();
        assert!(alone.is_some());
        assert!(turns.locked(FlockArg::LockSharedNonblock).is_err());
        drop(alone);
        assert!(turns.locked(FlockArg::LockSharedNonblock).is_ok());
    }

    #[tokio::test]
    async fn a_turn_comes_when_the_last_one_ends() {
        let folder = tempfile::tempdir().unwrap();
        let turns = turns(folder.path());
        let held = turns.shared().await;
        let ended = async {
            tokio::time::sleep(Duration::from_millis(30)).await;
            drop(held);
        };
        let (alone, ()) = tokio::join!(turns.alone(), ended);
        assert!(alone.is_held());
    }

    #[tokio::test]
    async fn without_the_folder_nothing_is_waited_for() {
        let turns = turns(Path::new("/nonexistent"));
        assert!(!turns.shared().await.is_held());
    }
}
