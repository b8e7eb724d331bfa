//! Which files an exporter writes on the machine, outside of its build and of its own folders for scratch files: the
//! kernel tells of it. Those folders are mounts of their own, and what is watched is the mount of `/` as the exporter
//! has it, so that no other process shows.

use std::collections::BTreeSet;
use std::os::fd::AsRawFd as _;

use nix::fcntl::AT_FDCWD;
use nix::sys::fanotify::{EventFFlags, Fanotify, InitFlags, MarkFlags, MaskFlags};

/// How many files are told at most.
const MOST: usize = 100;
/// What the kernel writes after the path of a file that is gone.
const GONE: &str = " (deleted)";

/// What is noted from its beginning on.
pub(super) struct Writes(Fanotify);

impl Writes {
    /// Has the kernel note writes through this namespace's mount of `/`; none where it cannot do that, or this process
    /// may not ask for it.
    pub(super) fn begin() -> Option<Self> {
        let group = Fanotify::init(
            InitFlags::FAN_CLASS_NOTIF | InitFlags::FAN_CLOEXEC | InitFlags::FAN_NONBLOCK,
            EventFFlags::O_RDONLY | EventFFlags::O_LARGEFILE | EventFFlags::O_CLOEXEC,
        );
        let group = group.ok()?;
        let flags = MarkFlags::FAN_MARK_ADD | MarkFlags::FAN_MARK_MOUNT;
        group.mark(flags, MaskFlags::FAN_MODIFY, AT_FDCWD, Some("/")).ok()?;
        Some(Self(group))
    }

    /// The files that were written since, each once and sorted, also those that are gone; at most [`MOST`].
    pub(super) fn so_far(&self) -> Vec<String> {
        let mut found = BTreeSet::new();
        while let Ok(events) = self.0.read_events() {
            for event in events {
                let path = event.fd().and_then(|fd| {
                    let link = format!("/proc/self/fd/{}", fd.as_raw_fd());
                    std::fs::read_link(link).ok()
                });
                let Some(path) = path.map(|path| path.display().to_string()) else { continue };
                if found.len() < MOST {
                    found.insert(path.strip_suffix(GONE).map_or(path.clone(), str::to_owned));
                }
            }
        }
        found.into_iter().collect()
    }
}
