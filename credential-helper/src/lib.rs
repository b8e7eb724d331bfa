//! One question to a credential helper of docker's. It has a process group of its own, which ends with the question: a
//! helper that hangs outlives neither a limit nor a signal that ends the program. The kernel ends it where the program
//! is killed.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Child;
use tokio::sync::oneshot;

/// Most bytes of an answer.
const MOST: u64 = 1 << 20;
/// What a helper prints, and then fails, where it knows no such server (`docker-credential-helpers`).
const UNKNOWN: &str = "credentials not found in native keychain";

/// Why a helper gives no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.words())]
pub enum HelperError {
    /// There is no such program, or it cannot be started.
    NotRun,
    /// Its output cannot be read.
    Unread,
    /// It took too long.
    Late,
    /// Its answer is too long.
    TooLong,
    /// It exited with another code than 0.
    Failed,
}

impl HelperError {
    /// The same in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::NotRun => "the credential helper cannot be run",
            Self::Unread => "what the credential helper prints cannot be read",
            Self::Late => "the credential helper gave no answer in time, and was ended",
            Self::TooLong => "the credential helper prints more than 1 MiB",
            Self::Failed => "the credential helper failed",
        }
    }
}

/// A group of processes that ends when this is dropped.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // It may have ended by itself.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

/// What the helper `program` (a name in PATH or a path) prints of a server within `limit`; none where it knows no such
/// server. Needs a runtime of tokio's with its clock and its I/O.
///
/// # Errors
/// [`HelperError`].
pub async fn answer(program: &str, server: &str, limit: Duration) -> Result<Option<Vec<u8>>, HelperError> {
    let mut command = Command::new(program);
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
    let (mut child, _keep) = started(command).await.map_err(|_| HelperError::NotRun)?;
    let mut group = Group(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)));
    let asked = tokio::time::timeout(limit, async {
        if let Some(mut input) = child.stdin.take() {
            // One that does not read the server's name may answer all the same.
            let _ = input.write_all(server.as_bytes()).await;
        }
        let mut printed = Vec::new();
        if let Some(output) = child.stdout.take() {
            output.take(MOST + 1).read_to_end(&mut printed).await?;
        }
        let status = child.wait().await?;
        Ok::<_, io::Error>((status, printed))
    });
    let (status, printed) = match asked.await {
        Ok(Ok(done)) => done,
        Ok(Err(_)) => return Err(HelperError::Unread),
        Err(_) => return Err(HelperError::Late),
    };
    group.0 = None;
    if printed.len() as u64 > MOST {
        return Err(HelperError::TooLong);
    }
    if status.success() {
        return Ok(Some(printed));
    }
    let is_unknown = String::from_utf8_lossy(&printed).contains(UNKNOWN);
    if is_unknown { Ok(None) } else { Err(HelperError::Failed) }
}

/// Starts a process that ends no later than what is given with it: a thread, at whose end the kernel ends the process.
/// No other thread can start it, because a runtime's may end before.
async fn started(mut command: Command) -> io::Result<(Child, mpsc::Sender<()>)> {
    ends_with_this_program(&mut command);
    let runtime = tokio::runtime::Handle::current();
    let (tell, told) = oneshot::channel();
    let (keep, kept) = mpsc::channel::<()>();
    std::thread::Builder::new().spawn(move || {
        let entered = runtime.enter();
        let spawned = tokio::process::Command::from(command).spawn();
        drop(entered);
        let _ = tell.send(spawned);
        // Nothing is sent: this is over when the other side is dropped.
        let _ = kept.recv();
    })?;
    let child = told.await.map_err(io::Error::other)??;
    Ok((child, keep))
}

/// Has the kernel end a process when the thread that starts it ends.
#[expect(unsafe_code, reason = "what a child does before its program begins has no safe form in a library")]
fn ends_with_this_program(command: &mut Command) {
    let own = rustix::process::getpid();
    let before_it_begins = move || {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        // The program may have been killed before this was set.
        if rustix::process::getppid() == Some(own) { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    };
    // SAFETY: after a fork of a program with threads only what is safe in a signal handler may be done. These are two
    // system calls and a comparison; neither they nor the error, which is of a kind alone, allocate or take a lock.
    unsafe { command.pre_exec(before_it_begins) };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(folder: &std::path::Path, script: &str) -> String {
        let path = folder.join("helper");
        bounded::write_program(&path, &format!("#!/bin/sh\n{script}\n")).unwrap();
        path.display().to_string()
    }

    #[tokio::test]
    async fn a_helper_that_is_late_is_ended_with_what_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let told = folder.path().join("processes");
        let helper = program(folder.path(), &format!("sleep 40 &\necho $$ $! >{}\nwait", told.display()));
        let asked = answer(&helper, "host", Duration::from_secs(2)).await;
        assert_eq!(asked, Err(HelperError::Late));
        let processes = std::fs::read_to_string(&told).unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        let runs = |process: &&str| {
            let stat = std::fs::read_to_string(format!("/proc/{process}/stat"));
            stat.is_ok_and(|stat| !stat.contains(") Z "))
        };
        assert_eq!(processes.split_whitespace().filter(runs).count(), 0, "{processes}");
    }

    #[tokio::test]
    async fn a_helper_is_heard_or_said_to_be_broken() {
        let folder = tempfile::tempdir().unwrap();
        for (script, expected) in [
            ("cat", Ok(Some(b"host".to_vec()))),
            ("echo yes", Ok(Some(b"yes\n".to_vec()))),
            ("echo credentials not found in native keychain; exit 1", Ok(None)),
            ("exit 1", Err(HelperError::Failed)),
            ("cat /dev/zero", Err(HelperError::TooLong)),
        ] {
            let helper = program(folder.path(), script);
            assert_eq!(answer(&helper, "host", Duration::from_secs(20)).await, expected, "{script}");
        }
        let missing = answer("/nonexistent/helper", "host", Duration::from_secs(1)).await;
        assert_eq!(missing, Err(HelperError::NotRun));
    }

    /// A runtime ends threads that had nothing to do for a while; a helper may wait for a person for longer.
    #[test]
    fn a_helper_outlives_the_thread_that_asked_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let helper = program(folder.path(), "sleep 1; echo yes");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let handle = runtime.handle().clone();
        let (send, begun) = std::sync::mpsc::channel();
        let asking = std::thread::spawn(move || {
            let _entered = handle.enter();
            let mut asked = Box::pin(async move { answer(&helper, "host", Duration::from_secs(20)).await });
            // Polled here until the helper runs, and then elsewhere.
            let waker = std::task::Waker::noop();
            for _ in 0..10 {
                let _ = asked.as_mut().poll(&mut std::task::Context::from_waker(waker));
                std::thread::sleep(Duration::from_millis(20));
            }
            send.send(asked).unwrap();
        });
        let asked = begun.recv().unwrap();
        asking.join().unwrap();
        assert_eq!(runtime.block_on(asked), Ok(Some(b"yes\n".to_vec())));
    }
}
