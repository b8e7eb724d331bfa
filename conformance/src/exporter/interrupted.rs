//! An exporter that is asked to end while it works, as platforms ask one whose build takes too long.

use std::io;
use std::process::{Child, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// Between two looks at whether it has ended.
const BETWEEN: Duration = Duration::from_millis(20);

/// Waits until it has ended. After so many seconds it is sent SIGTERM, with all of its group: a script that starts the
/// exporter is not to leave it behind.
pub(super) fn wait(mut child: Child, after: Option<u64>) -> io::Result<ExitStatus> {
    let Some(seconds) = after else { return child.wait() };
    let until = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < until {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        sleep(BETWEEN);
    }
    // One that has ended meanwhile is still there to be waited for.
    let _ = killpg(Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?), Signal::SIGTERM);
    child.wait()
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
    use std::process::Command;

    use super::*;

    #[test]
    fn it_is_ended_by_the_signal_or_by_itself_before() {
        let started = |script: &str| Command::new("/bin/sh").args(["-c", script]).process_group(0).spawn().unwrap();
        assert_eq!(wait(started("exit 3"), None).unwrap().code(), Some(3));
        assert_eq!(wait(started("exit 4"), Some(60)).unwrap().code(), Some(4));
        assert_eq!(wait(started("sleep 60"), Some(1)).unwrap().signal(), Some(15));
    }
}
