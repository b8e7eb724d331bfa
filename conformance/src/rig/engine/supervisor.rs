//! The process between the harness and a private engine: it gives the engine a mount namespace and, where asked, a
//! small disk; starts and ends it as it is told; and leaves nothing of it when its standard input, a pipe from the
//! harness, closes. Runs as `conformance __keep-engine SPEC`.

use std::io::{self, BufRead as _, Write as _};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use nix::mount::{MntFlags, MsFlags};
use nix::sched::CloneFlags;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

use crate::error::chain;
use crate::processes::descendants;

/// The argument that turns the program into a supervisor.
pub const ARGUMENT: &str = "__keep-engine";

/// How long an engine that is asked to end may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// What a supervisor is to keep.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Spec {
    /// The engine's program and arguments.
    pub(super) argv: Vec<String>,
    /// Everything of the engine, removed in the end; it holds `data` and `log`.
    pub(super) folder: PathBuf,
    /// Size of a disk of its own for `data`, in MiB.
    pub(super) disk_mib: Option<u32>,
}

/// What a supervisor is told, a word a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, EnumString)]
#[strum(serialize_all = "lowercase")]
pub(super) enum EngineCommand {
    /// Start the engine.
    Start,
    /// Ask it to end, as a service manager does.
    Stop,
    /// End it at once.
    Kill,
}

impl EngineCommand {
    pub(super) fn name(self) -> &'static str {
        self.into()
    }
}

/// What a supervisor says, one a line: `started`, or `ended` and how.
pub(super) const STARTED: &str = "started";
/// The line that a supervisor prints when the engine has ended: `ended`, then how.
pub(super) const ENDED: &str = "ended";

enum Event {
    Told(EngineCommand),
    Ended(ExitStatus),
    HarnessGone,
}

/// Runs a supervisor to its end; false when something of the engine is left.
#[must_use]
pub fn keep(spec: &Path) -> bool {
    let Some(spec) = std::fs::read(spec).ok().and_then(|bytes| serde_json::from_slice::<Spec>(&bytes).ok()) else {
        return false;
    };
    // Orphans come to this process, so that it can find and end them.
    let prepared = nix::sys::prctl::set_child_subreaper(true).map_err(io::Error::from).and_then(|()| prepare(&spec));
    match prepared {
        Ok(()) => serve(&spec),
        Err(error) => say(&format!("{ENDED} before it was started: {}", chain(&error))),
    }
    clear(&spec.folder).is_ok()
}

/// A mount namespace whose mounts end with this process and the engine, and in it the disk.
fn prepare(spec: &Spec) -> io::Result<()> {
    let nothing: Option<&str> = None;
    nix::sched::unshare(CloneFlags::CLONE_NEWNS)?;
    nix::mount::mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)?;
    if let Some(size) = spec.disk_mib {
        let options = format!("size={size}m,mode=711");
        let data = spec.folder.join("data");
        nix::mount::mount(Some("tmpfs"), &data, Some("tmpfs"), MsFlags::empty(), Some(options.as_str()))?;
    }
    Ok(())
}

fn serve(spec: &Spec) {
    let (sender, receiver) = mpsc::channel();
    listen(sender.clone());
    let mut engine = None;
    while let Ok(event) = receiver.recv() {
        match event {
            Event::Told(EngineCommand::Start) if engine.is_none() => match start(spec, sender.clone()) {
                Ok(pid) => engine = Some(pid),
                Err(error) => say(&format!("{ENDED} before it was started: {}", chain(&error))),
            },
            Event::Told(EngineCommand::Start) => {}
            Event::Told(command) => {
                if engine.take().is_some_and(|pid| end(pid, command, &receiver)) {
                    break;
                }
            }
            Event::Ended(status) => {
                engine = None;
                end_descendants(None);
                say(&format!("{ENDED} {}", how(status)));
            }
            Event::HarnessGone => break,
        }
    }
    end_descendants(engine);
}

fn say(line: &str) {
    let mut out = io::stdout().lock();
    // Where no one listens any more, standard input ends too.
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

fn how(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("with exit {code}"),
        (None, signal) => format!("by signal {}", signal.unwrap_or_default()),
    }
}

/// Standard input carries commands; its end means that the harness is gone.
fn listen(sender: Sender<Event>) {
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if let Ok(command) = line.trim().parse::<EngineCommand>() {
                let _ = sender.send(Event::Told(command));
            }
        }
        let _ = sender.send(Event::HarnessGone);
    });
}

fn start(spec: &Spec, sender: Sender<Event>) -> io::Result<Pid> {
    let log = std::fs::File::options().create(true).append(true).open(spec.folder.join("log"))?;
    let (program, arguments) = spec.argv.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(program);
    command.args(arguments).current_dir(&spec.folder).process_group(0).stdin(Stdio::null());
    let mut child = command.stdout(log.try_clone()?).stderr(log).spawn()?;
    let pid = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
    say(STARTED);
    std::thread::spawn(move || {
        if let Ok(status) = child.wait() {
            let _ = sender.send(Event::Ended(status));
        }
    });
    Ok(pid)
}

/// Ends the engine and says how it ended, one that was asked and does not end all the same; whether the harness is
/// gone.
fn end(pid: Pid, command: EngineCommand, receiver: &Receiver<Event>) -> bool {
    let (signal, patience) =
        if command == EngineCommand::Stop { (Signal::SIGTERM, PATIENCE) } else { (Signal::SIGKILL, Duration::ZERO) };
    let _ = kill(pid, signal);
    let mut gone = false;
    let mut wait = |patience: Duration| {
        let until = Instant::now() + patience;
        while let Ok(event) = receiver.recv_timeout(until.saturating_duration_since(Instant::now())) {
            match event {
                Event::Ended(status) => return Some(status),
                Event::HarnessGone => {
                    gone = true;
                    return None;
                }
                Event::Told(_) => {}
            }
        }
        None
    };
    let asked = wait(patience);
    end_descendants(Some(pid));
    let ended = asked.or_else(|| wait(PATIENCE));
    say(&format!("{ENDED} {}", ended.map_or_else(|| "and no one knows how".to_owned(), how)));
    gone
}

/// Ends every process below this one; new ones may appear while the old ones end, hence the rounds. A thread waits for
/// the engine itself.
fn end_descendants(engine: Option<Pid>) {
    for _ in 0..400 {
        let below = descendants(std::process::id());
        for pid in below.iter().copied().map(Pid::from_raw) {
            let _ = kill(pid, Signal::SIGKILL);
            if Some(pid) != engine {
                let _ = waitpid(pid, Some(WaitPidFlag::WNOHANG));
            }
        }
        if below.is_empty() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Takes away what the engine had mounted, and its folder.
fn clear(folder: &Path) -> io::Result<()> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let inside = format!("{}/", folder.display());
    let points = mounts.lines().rev().filter_map(|line| line.split(' ').nth(1));
    for point in points.filter(|point| point.starts_with(&inside)) {
        let _ = nix::mount::umount2(point, MntFlags::MNT_DETACH);
    }
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
