//! The process between the harness and an exporter: it enters the private mount namespace, holds the time limit, and
//! ends every process that the exporter leaves, also when the harness itself is killed (its end of a pipe closes).
//! Runs as `conformance __supervise SPEC` in a process of its own, so that nothing of it touches the harness.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use judge::evidence::End;
use nix::mount::MsFlags;
use nix::sched::CloneFlags;
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::{Mode, umask};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

/// The argument that turns the program into a supervisor.
pub const ARGUMENT: &str = "__supervise";

/// The umask of exporters that are given no other.
pub const USUAL_UMASK: u32 = 0o022;

/// What a supervisor is to run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Spec {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// The whole environment.
    pub environment: BTreeMap<String, String>,
    /// Working folder, as the exporter sees it.
    pub working_dir: PathBuf,
    /// Folder to be seen at another path: what is there, where it is seen.
    pub bind: Option<(PathBuf, PathBuf)>,
    /// The umask.
    pub umask: u32,
    /// The host's name, in a namespace of its own.
    pub hostname: Option<String>,
    /// User and group to run as, where that is not this process's; only root can.
    pub user: Option<u32>,
    /// Seconds after which the exporter is ended.
    pub limit_seconds: u64,
    /// Where the [`Report`] goes.
    pub report: PathBuf,
}

/// What a supervisor says afterwards.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Report {
    /// The exporter ran.
    Ended {
        /// How it ended.
        end: End,
        /// From its start to its end, in milliseconds.
        milliseconds: u64,
    },
    /// It was ended because the harness went away.
    Abandoned,
    /// It could not be started: whether the private mount namespace is to blame, and why.
    NotStarted {
        /// True when the namespace could not be entered.
        namespace: bool,
        /// The system's reason.
        reason: String,
    },
}

/// Runs a supervisor to its end; false when not even its report could be written.
#[must_use]
pub fn supervise(spec: &Path) -> bool {
    let Some(spec) = std::fs::read(spec).ok().and_then(|bytes| serde_json::from_slice::<Spec>(&bytes).ok()) else {
        return false;
    };
    let entered =
        spec.bind.as_ref().map_or(Ok(()), |(there, seen)| enter_namespace(there, seen, spec.hostname.as_deref()));
    let report = match entered {
        Ok(()) => run(&spec),
        Err(error) => Report::NotStarted { namespace: true, reason: error.to_string() },
    };
    write_report(&spec.report, &report).is_ok()
}

fn write_report(path: &Path, report: &Report) -> io::Result<()> {
    let mut file = std::fs::File::create(path)?;
    file.write_all(&serde_json::to_vec(report)?)
}

/// A mount namespace in which `there` is also seen at `seen`, and one in which the host has another name; for others
/// than root in a user namespace of their own.
fn enter_namespace(there: &Path, seen: &Path, hostname: Option<&str>) -> io::Result<()> {
    let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
    let own = hostname.map_or(CloneFlags::CLONE_NEWNS, |_| CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWUTS);
    if uid.is_root() {
        nix::sched::unshare(own)?;
    } else {
        nix::sched::unshare(own | CloneFlags::CLONE_NEWUSER)?;
        std::fs::write("/proc/self/setgroups", "deny")?;
        std::fs::write("/proc/self/uid_map", format!("{uid} {uid} 1"))?;
        std::fs::write("/proc/self/gid_map", format!("{gid} {gid} 1"))?;
    }
    let nothing: Option<&str> = None;
    nix::mount::mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)?;
    nix::mount::mount(Some(there), seen, nothing, MsFlags::MS_BIND, nothing)?;
    if let Some(hostname) = hostname {
        nix::unistd::sethostname(hostname)?;
    }
    Ok(())
}

enum Event {
    Exited(io::Result<ExitStatus>),
    HarnessGone,
}

fn run(spec: &Spec) -> Report {
    // Orphans come to this process, so that it can find and end them.
    let adopted = nix::sys::prctl::set_child_subreaper(true);
    let Some((program, arguments)) = spec.argv.split_first() else {
        return Report::NotStarted { namespace: false, reason: "there is no program".to_owned() };
    };
    let started = Instant::now();
    let spawned = spawn(spec, program, arguments);
    let mut child = match (spawned, adopted) {
        (Ok(child), Ok(())) => child,
        (Ok(mut child), Err(error)) => {
            let _ = child.kill();
            return Report::NotStarted { namespace: false, reason: error.to_string() };
        }
        (Err(error), _) => return Report::NotStarted { namespace: false, reason: error.to_string() },
    };
    let (sender, receiver) = mpsc::channel();
    watch_harness(sender.clone());
    std::thread::spawn(move || {
        let _ = sender.send(Event::Exited(child.wait()));
    });
    let event = receiver.recv_timeout(Duration::from_secs(spec.limit_seconds));
    let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    end_descendants(&receiver, matches!(event, Ok(Event::Exited(_))));
    match event {
        Ok(Event::Exited(Ok(status))) => Report::Ended { end: end(status), milliseconds },
        Ok(Event::Exited(Err(error))) => Report::NotStarted { namespace: false, reason: error.to_string() },
        Ok(Event::HarnessGone) | Err(RecvTimeoutError::Disconnected) => Report::Abandoned,
        Err(RecvTimeoutError::Timeout) => Report::Ended { end: End::TimedOut(spec.limit_seconds), milliseconds },
    }
}

fn spawn(spec: &Spec, program: &str, arguments: &[String]) -> io::Result<Child> {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(&spec.environment).current_dir(&spec.working_dir);
    if let Some(user) = spec.user {
        // Further groups go with the user.
        command.uid(user).gid(user);
    }
    let bits = Mode::from_bits_truncate(spec.umask);
    let own = umask(bits);
    let spawned = command.stdin(Stdio::null()).process_group(0).spawn();
    // The report of this process must stay readable.
    umask(own);
    spawned
}

fn end(status: ExitStatus) -> End {
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Exited(code),
        (None, signal) => End::Signalled(signal.unwrap_or_default()),
    }
}

/// Standard input is a pipe from the harness that carries nothing: its end means that the harness is gone.
fn watch_harness(sender: Sender<Event>) {
    std::thread::spawn(move || {
        let mut buffer = [0; 16];
        while io::stdin().read(&mut buffer).is_ok_and(|read| read > 0) {}
        let _ = sender.send(Event::HarnessGone);
    });
}

/// Ends every process below this one; new ones may appear while the old ones end, hence the rounds.
fn end_descendants(receiver: &mpsc::Receiver<Event>, mut exited: bool) {
    for _ in 0..200 {
        let below = descendants(std::process::id());
        for pid in &below {
            let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
        }
        if !exited {
            exited = matches!(receiver.recv_timeout(Duration::from_millis(10)), Ok(Event::Exited(_)));
            continue;
        }
        while waitpid(None, Some(WaitPidFlag::WNOHANG)).is_ok_and(|status| status.pid().is_some()) {}
        if below.is_empty() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Every process below `root`, from `/proc`.
pub(crate) fn descendants(root: u32) -> Vec<i32> {
    let mut parents: Vec<(i32, i32)> = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        // The name in the second field may hold anything, also parentheses; the parent comes second after it.
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok());
        if let Some(parent) = parent {
            parents.push((pid, parent));
        }
    }
    let mut found: BTreeSet<i32> = BTreeSet::from([i32::try_from(root).unwrap_or(0)]);
    loop {
        let before = found.len();
        found.extend(
            parents.iter().filter(|(_, parent)| found.contains(parent)).map(|(pid, _)| *pid).collect::<Vec<_>>(),
        );
        if found.len() == before {
            break;
        }
    }
    found.into_iter().filter(|pid| *pid != i32::try_from(root).unwrap_or(0)).collect()
}
