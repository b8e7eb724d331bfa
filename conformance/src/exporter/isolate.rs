//! What an exporter sees of the machine: its own build at the usual path, folders for scratch files of its own, and its
//! own processes. Of the suite, of other exporters and of other runs it sees nothing, also as root.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use judge::evidence::{Change, ChangedFile};
use nix::fcntl::OFlag;
use nix::mount::MsFlags;
use nix::sched::CloneFlags;
use serde::{Deserialize, Serialize};
use walkdir::WalkDir;

use crate::observe::kind_of;

/// How many files that an exporter left are reported at most.
const MOST: usize = 100;
/// Folders for scratch files other than the one that the suite uses.
const SCRATCH: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];
const NOTHING: Option<&str> = None;

/// What is kept from an exporter.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Isolation {
    /// Folders for scratch files, of which it gets its own.
    pub scratch: Vec<PathBuf>,
    /// Files that it needs, wherever they are: they stay where they are, with the folder that they lie in.
    pub needed: Vec<PathBuf>,
    /// Folders that are empty for it.
    pub hidden: Vec<PathBuf>,
}

impl Isolation {
    /// The usual folders, with the one that `TMPDIR` names.
    #[must_use]
    pub fn usual(hidden: Vec<PathBuf>) -> Self {
        let all = SCRATCH.into_iter().map(PathBuf::from).chain([std::env::temp_dir()]);
        let all: BTreeSet<PathBuf> = all.filter_map(|folder| fs::canonicalize(folder).ok()).collect();
        let is_below = |folder: &PathBuf| all.iter().any(|other| other != folder && folder.starts_with(other));
        Self { scratch: all.iter().filter(|folder| !is_below(folder)).cloned().collect(), needed: Vec::new(), hidden }
    }

    /// With what these words name: a program, what it is given, sockets.
    #[must_use]
    pub fn needing<'a>(mut self, words: impl IntoIterator<Item = &'a str>) -> Self {
        for word in words {
            let parts = word.split(|c| ":=,".contains(c)).map(|part| part.trim_start_matches("//"));
            let paths = parts.chain([word, word.trim_start_matches("unix://")]).map(Path::new);
            for path in paths.filter(|path| path.is_absolute() && path.exists()) {
                self.needed.push(path.to_owned());
                self.needed.extend(fs::canonicalize(path).ok());
            }
        }
        self.needed.sort();
        self.needed.dedup();
        self
    }
}

/// A folder for scratch files, and what was put there for the exporter.
struct Private {
    root: PathBuf,
    made: BTreeSet<PathBuf>,
}

/// What an exporter may leave something in.
#[derive(Default)]
pub(super) struct Scratch {
    folders: Vec<Private>,
}

/// A file that stays reachable when something is mounted over it.
struct Held {
    path: PathBuf,
    file: File,
}

impl Held {
    fn open(path: &Path) -> io::Result<Self> {
        let file = File::options().read(true).custom_flags((OFlag::O_PATH | OFlag::O_CLOEXEC).bits()).open(path)?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Shows it at `seen`, which is made where it is not there.
    fn bind(&self, seen: &Path, flags: MsFlags) -> io::Result<()> {
        let from = PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()));
        if !seen.exists() {
            if self.file.metadata()?.is_dir() {
                folders(seen)?;
            } else {
                seen.parent().map_or(Ok(()), folders)?;
                File::create(seen)?;
            }
        }
        Ok(nix::mount::mount(Some(&from), seen, NOTHING, MsFlags::MS_BIND | flags, NOTHING)?)
    }
}

fn folders(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o755).create(path)
}

/// Shows `there` at `seen`, and nothing of what `isolation` keeps from the exporter.
pub(super) fn enter(there: &Path, seen: &Path, isolation: &Isolation) -> io::Result<Scratch> {
    let own = Held::open(there)?;
    let needed = isolation.kept()?;
    let mut scratch = Scratch::default();
    for root in &isolation.scratch {
        mount_empty(root, "mode=1777,size=2g")?;
        let here: Vec<&Held> = needed.iter().filter(|held| held.path.starts_with(root)).collect();
        for held in here {
            held.bind(&held.path, MsFlags::MS_REC)?;
        }
        scratch.folders.push(Private { root: root.clone(), made: BTreeSet::new() });
    }
    own.bind(seen, MsFlags::empty())?;
    for folder in isolation.hidden.iter().filter(|folder| isolation.hides(folder, seen)) {
        mount_empty(folder, "mode=0700,size=4k")?;
    }
    for private in &mut scratch.folders {
        private.made = private.files().map(|(path, _)| path).collect();
    }
    Ok(scratch)
}

impl Isolation {
    /// Whether a folder can be emptied: it is there, and nothing that is needed lies in it.
    fn hides(&self, folder: &Path, seen: &Path) -> bool {
        let is_needed = self.needed.iter().any(|path| path.starts_with(folder));
        folder.is_dir() && !is_needed && !seen.starts_with(folder)
    }

    /// What has to be shown again in folders for scratch files: the first folder in them that leads to something that
    /// is needed.
    fn kept(&self) -> io::Result<Vec<Held>> {
        let mut found: BTreeSet<PathBuf> = BTreeSet::new();
        for root in &self.scratch {
            let below = self.needed.iter().filter_map(|path| path.strip_prefix(root).ok());
            found.extend(below.filter_map(|path| Some(root.join(path.components().next()?))));
        }
        found.iter().map(|path| Held::open(path)).collect()
    }
}

pub(super) fn mount_empty(at: &Path, options: &str) -> io::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    Ok(nix::mount::mount(Some("tmpfs"), at, Some("tmpfs"), flags, Some(options))?)
}

impl Private {
    /// What is below it and not shown there from elsewhere.
    fn files(&self) -> impl Iterator<Item = (PathBuf, fs::FileType)> {
        let walk = WalkDir::new(&self.root).min_depth(1).same_file_system(true).into_iter().flatten();
        walk.map(|file| (file.path().to_owned(), file.file_type()))
    }
}

impl Scratch {
    /// What is there that the exporter was not given; at most [`MOST`].
    pub(super) fn left(&self) -> Vec<ChangedFile> {
        let mut found = Vec::new();
        for private in &self.folders {
            let others = private.files().filter(|(path, _)| !private.made.contains(path));
            found.extend(others.take(MOST).map(|(path, kind)| ChangedFile {
                path: path.display().to_string(),
                kind: kind_of(kind),
                change: Change::Added,
                aspects: Vec::new(),
            }));
        }
        found.truncate(MOST);
        found.sort_by(|one, other| one.path.cmp(&other.path));
        found
    }
}

/// A list of processes in which only this one and those that it starts are; for the first process of a namespace.
pub(super) fn own_processes() -> io::Result<()> {
    nix::sched::unshare(CloneFlags::CLONE_NEWNS)?;
    nix::mount::mount(NOTHING, "/", NOTHING, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NOTHING)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    Ok(nix::mount::mount(Some("proc"), "/proc", Some("proc"), flags, NOTHING)?)
}

/// Takes from programs that are started later what no container has, and what would let root undo all this.
pub(super) fn give_up_capabilities() -> io::Result<()> {
    use rustix::thread::CapabilitySet as Set;
    let all = [
        Set::SYS_ADMIN,
        Set::SYS_PTRACE,
        Set::SYS_MODULE,
        Set::SYS_RAWIO,
        Set::SYS_BOOT,
        Set::SYS_TIME,
        Set::MKNOD,
        Set::DAC_READ_SEARCH,
    ];
    for one in all {
        rustix::thread::remove_capability_from_bounding_set(one)?;
    }
    Ok(())
}
