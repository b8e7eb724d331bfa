//! Tells which internet addresses programs contact: the kernel asks before each of their calls that can name one
//! (seccomp's user notification), and every call goes on as it was made.
//!
//! What goes to a socket that is one of these programs' own is told only where the socket had a name when it began to
//! listen. What `io_uring` or a program of another architecture contacts is not told.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

mod calls;
#[expect(unsafe_code, reason = "the kernel's interface for such filters has no safe form in a library")]
mod kernel;
mod notice;
mod own;
mod sockets;
#[cfg(test)]
mod tests;

pub use notice::{Act, Notice, Protocol};

/// What the kernel tells of the programs under a filter.
#[derive(Debug)]
pub struct Listener {
    descriptor: OwnedFd,
}

impl Listener {
    /// Puts the calling thread under the filter, and all that it starts later: threads and programs. From then on each
    /// of their calls waits for [`Listener::answer`], which must run on a thread that is not under it. When the
    /// listener is dropped their calls fail.
    ///
    /// # Errors
    /// Where the kernel cannot do it, does not permit it, or another listener has these programs already.
    pub fn over_this_thread() -> io::Result<Self> {
        let Some(architecture) = kernel::ARCHITECTURE else { return Err(io::ErrorKind::Unsupported.into()) };
        kernel::notices_fit()?;
        Ok(Self { descriptor: kernel::install(&kernel::program(architecture))? })
    }

    /// Lets every call go on, and tells `note` of it before. Returns when no program is under the filter any more.
    pub fn answer(&self, mut note: impl FnMut(Notice)) {
        let descriptor = self.descriptor.as_fd();
        let mut own = own::Own::default();
        loop {
            let mut waiting = [PollFd::new(&descriptor, PollFlags::IN)];
            match poll(&mut waiting, None) {
                Ok(_) if waiting[0].revents().contains(PollFlags::IN) => {}
                Err(Errno::INTR) => continue,
                _ => return,
            }
            // Who asked may have been ended meanwhile.
            let Ok(notice) = kernel::receive(descriptor) else { continue };
            for told in calls::told(descriptor, &notice, &mut own) {
                note(told);
            }
            kernel::let_go_on(descriptor, notice.id);
        }
    }
}
