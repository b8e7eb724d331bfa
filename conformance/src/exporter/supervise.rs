//! The process between the harness and an exporter: it enters the private mount namespace, holds the time limit, and
//! ends every process that the exporter leaves, also when the harness itself is killed (its end of a pipe closes).
//! Runs in a process of its own, so that nothing of it touches the harness; its name tells an exporter nothing.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use judge::evidence::{ChangedFile, Contacts, End};
use nix::mount::MsFlags;
use nix::sched::CloneFlags;
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::{Mode, umask};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::contacted::{ContactedSoFar, News, Watch};
use super::isolate::{self, Isolation, Scratch};
use super::secret::{self, Secret, SecretPlace};
use super::written::Writes;
use crate::error::chain;
use crate::processes::descendants;

/// The argument that turns the program into a supervisor; a word that tells an exporter nothing.
pub const ARGUMENT: &str = "--job";

/// By what name a supervisor is started, and the first process of a list of processes.
pub const NAME: &str = "/sbin/init";

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
    /// What is kept from the exporter; none where it sees the machine as it is.
    #[serde(default)]
    pub isolation: Option<Isolation>,
    /// Processors that it may use, from the first; none means all.
    #[serde(default)]
    pub processors: Option<usize>,
    /// Whether the kernel tells it another release.
    #[serde(default)]
    pub other_kernel: bool,
    /// User and group to run as, where that is not this process's; only root can.
    pub user: Option<u32>,
    /// Seconds after which it is asked to end.
    #[serde(default)]
    pub terminate_after: Option<u64>,
    /// Seconds after which the exporter is ended.
    pub limit_seconds: u64,
    /// Where the [`Report`] goes.
    pub report: PathBuf,
    /// Where the exporter finds its credentials; none where it gets none.
    #[serde(default)]
    pub secret_place: Option<SecretPlace>,
    /// What is found there. It comes by the pipe, so that no disk has it.
    #[serde(skip)]
    pub secret: Option<Secret>,
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
        /// What it left in its folders for scratch files; none where it had none of its own.
        #[serde(default)]
        left: Option<Vec<ChangedFile>>,
        /// What it contacted; none where that was not seen.
        #[serde(default)]
        contacted: Option<Contacts>,
        /// How many processes that it had started still ran some time after its end; none where it was ended itself.
        #[serde(default)]
        outlived: Option<u32>,
        /// Which files it wrote outside of its build and of its scratch folders; none where that was not seen.
        #[serde(default)]
        written: Option<Vec<String>>,
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
    let Some(mut spec) = std::fs::read(spec).ok().and_then(|bytes| serde_json::from_slice::<Spec>(&bytes).ok()) else {
        return false;
    };
    umask(Mode::from_bits_truncate(USUAL_UMASK));
    // Afterwards its folder may not be there any more, for this process neither.
    let Ok(mut report) = std::fs::File::create(&spec.report) else { return false };
    let kept = enter(&spec).and_then(|scratch| {
        Ok((scratch, secret::receive(spec.secret_place.as_ref(), spec.bind.is_some(), spec.user)?))
    });
    if let Ok((_, received)) = &kept {
        spec.environment.extend(received.variable.clone());
    }
    let told = match &kept {
        Ok((scratch, _)) => run(&spec, scratch),
        Err(error) => Report::NotStarted { namespace: true, reason: chain(&error) },
    };
    // Also when the harness is gone: no one else would remove it.
    drop(kept);
    serde_json::to_vec(&told).is_ok_and(|bytes| report.write_all(&bytes).is_ok())
}

/// The namespaces of the exporter but that of processes, in which this process itself is not.
fn enter(spec: &Spec) -> io::Result<Scratch> {
    let Some((there, seen)) = &spec.bind else { return Ok(Scratch::default()) };
    private_mounts(spec.hostname.is_some())?;
    let scratch = if let Some(isolation) = &spec.isolation {
        isolate::enter(there, seen, isolation)?
    } else {
        let nothing: Option<&str> = None;
        nix::mount::mount(Some(there), seen, nothing, MsFlags::MS_BIND, nothing)?;
        Scratch::default()
    };
    if let Some(hostname) = &spec.hostname {
        nix::unistd::sethostname(hostname)?;
    }
    Ok(scratch)
}

/// A mount namespace, and one in which the host has another name; for others than root in a user namespace.
fn private_mounts(with_hostname: bool) -> io::Result<()> {
    let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
    let hostname = if with_hostname { CloneFlags::CLONE_NEWUTS } else { CloneFlags::empty() };
    let own = CloneFlags::CLONE_NEWNS | hostname;
    if uid.is_root() {
        nix::sched::unshare(own)?;
    } else {
        nix::sched::unshare(own | CloneFlags::CLONE_NEWUSER)?;
        std::fs::write("/proc/self/setgroups", "deny")?;
        std::fs::write("/proc/self/uid_map", format!("{uid} {uid} 1"))?;
        std::fs::write("/proc/self/gid_map", format!("{gid} {gid} 1"))?;
    }
    let nothing: Option<&str> = None;
    Ok(nix::mount::mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)?)
}

/// What the first process of a list of processes tells, a line each.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Line {
    News(News),
    Ended(Report),
}

enum Event {
    Ended(Report),
    HarnessGone,
}

fn run(spec: &Spec, scratch: &Scratch) -> Report {
    // Orphans come to this process, so that it can find and end them.
    if let Err(error) = nix::sys::prctl::set_child_subreaper(true) {
        return Report::NotStarted { namespace: false, reason: chain(&error) };
    }
    let started = Instant::now();
    let (sender, receiver) = mpsc::channel();
    watch_harness(sender.clone());
    let (own, seen) = (spec.clone(), ContactedSoFar::default());
    let noted = seen.clone();
    std::thread::spawn(move || {
        let tell = move |news| noted.add(news);
        let report = if own.isolation.is_some() { among_themselves(&own, tell) } else { to_its_end(&own, None, tell) };
        let _ = sender.send(Event::Ended(report));
    });
    let event = receiver.recv_timeout(Duration::from_secs(spec.limit_seconds));
    let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    end_descendants(&receiver, matches!(event, Ok(Event::Ended(_))));
    let ended = |end, milliseconds, outlived, written| Report::Ended {
        end,
        milliseconds,
        left: spec.isolation.is_some().then(|| scratch.left()),
        contacted: seen.so_far(),
        outlived,
        written,
    };
    match event {
        // What it took to make its namespaces is not the exporter's time.
        Ok(Event::Ended(Report::Ended { end, milliseconds, outlived, written, .. })) => {
            ended(end, milliseconds, outlived, written)
        }
        Ok(Event::Ended(other)) => other,
        Ok(Event::HarnessGone) | Err(RecvTimeoutError::Disconnected) => Report::Abandoned,
        Err(RecvTimeoutError::Timeout) => ended(End::TimedOut(spec.limit_seconds), milliseconds, None, None),
    }
}

/// Runs the exporter in a list of processes of its own: [`first`] is the first of it, and sends what came of it.
fn among_themselves(spec: &Spec, tell: impl Fn(News)) -> Report {
    let failed = |error: io::Error| Report::NotStarted { namespace: true, reason: chain(&error) };
    let run = || -> io::Result<Report> {
        let (mut ours, theirs) = UnixStream::pair()?;
        // What is started from this thread is in it, the thread itself is not.
        nix::sched::unshare(CloneFlags::CLONE_NEWPID)?;
        let mut first = Command::new("/proc/self/exe")
            .arg0(NAME)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)))
            .process_group(0)
            .spawn()?;
        ours.write_all(&serde_json::to_vec(spec)?)?;
        ours.shutdown(std::net::Shutdown::Write)?;
        let mut report = None;
        for line in BufReader::new(ours).lines() {
            match serde_json::from_str(&line?) {
                Ok(Line::News(news)) => tell(news),
                Ok(Line::Ended(ended)) => report = Some(ended),
                // A process that is ended while it writes.
                Err(_) => break,
            }
        }
        first.wait()?;
        report.ok_or_else(|| io::Error::other("its first process ended before it told what it saw"))
    };
    run().unwrap_or_else(failed)
}

/// The first process of a list of processes: it reads a [`Spec`] from its standard input, runs the exporter to its end,
/// and answers with what becomes known meanwhile, and a [`Report`].
#[must_use]
pub fn first() -> bool {
    // Standard input is one end of a pair of sockets, both ways.
    let socket = std::os::fd::AsFd::as_fd(&io::stdin()).try_clone_to_owned();
    let Ok(mut socket) = socket.map(UnixStream::from) else { return false };
    let mut text = Vec::new();
    let read = socket.read_to_end(&mut text).is_ok();
    let Some(spec) = serde_json::from_slice::<Spec>(&text).ok().filter(|_| read) else { return false };
    let socket = Arc::new(Mutex::new(socket));
    let _ = std::fs::write("/proc/self/comm", "init");
    let entered = isolate::own_processes().map(|()| Writes::begin());
    let report = match entered.and_then(|writes| isolate::give_up_capabilities().map(|()| writes)) {
        Ok(writes) => {
            let socket = Arc::clone(&socket);
            let tell = move |news| drop(write_line(&socket, &Line::News(news)));
            to_its_end(&spec, writes.as_ref(), tell)
        }
        Err(error) => Report::NotStarted { namespace: true, reason: chain(&error) },
    };
    write_line(&socket, &Line::Ended(report)).is_ok()
}

/// Two threads write: each line is one.
fn write_line(socket: &Mutex<UnixStream>, line: &Line) -> io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    socket.lock().unwrap_or_else(PoisonError::into_inner).write_all(&text)
}

/// Starts the exporter and waits for it; `tell` is told what it contacts.
fn to_its_end(spec: &Spec, writes: Option<&Writes>, tell: impl FnMut(News) + Send + 'static) -> Report {
    let started = Instant::now();
    let not_started = |error: io::Error| Report::NotStarted { namespace: false, reason: chain(&error) };
    let Some((program, arguments)) = spec.argv.split_first() else {
        return not_started(io::Error::other("there is no program"));
    };
    // Before the thread that starts the exporter: what answers for that one must not be under its filter.
    let watch = Watch::begin(tell);
    let run = || {
        if let Some(watch) = watch {
            watch.over_this_thread();
        }
        spawn(spec, program, arguments).and_then(|child| super::interrupted::wait(child, spec.terminate_after))
    };
    let run = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().spawn_scoped(scope, run)?;
        thread.join().map_err(|_| io::Error::other("the thread that starts it ended"))
    });
    let status = match run.flatten() {
        Ok(status) => status,
        Err(error) => return not_started(error),
    };
    let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let outlived = Some(outlived());
    let written = writes.map(Writes::so_far);
    Report::Ended { end: end(status), milliseconds, left: None, contacted: None, outlived, written }
}

/// Looks for processes that outlive the exporter, and the time between: one that is about to end has time to.
const LOOKS: (u32, Duration) = (20, Duration::from_millis(50));

/// How many processes below this one still run after that time. Those that ended and that no one waited for are let go.
fn outlived() -> u32 {
    let (looks, between) = LOOKS;
    let mut count = 0;
    for _ in 0..looks {
        while waitpid(None, Some(WaitPidFlag::WNOHANG)).is_ok_and(|status| status.pid().is_some()) {}
        count = descendants(std::process::id()).len();
        if count == 0 {
            break;
        }
        std::thread::sleep(between);
    }
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn spawn(spec: &Spec, program: &str, arguments: &[String]) -> io::Result<Child> {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(&spec.environment).current_dir(&spec.working_dir);
    if let Some(user) = spec.user {
        // Further groups go with the user.
        command.uid(user).gid(user);
    }
    around(spec)?;
    let bits = Mode::from_bits_truncate(spec.umask);
    let own = umask(bits);
    let spawned = command.stdin(Stdio::null()).process_group(0).spawn();
    // The report of this process must stay readable.
    umask(own);
    spawned
}

/// Linux' personality of an older version number. The constant that libraries have is missing for musl.
const UNAME26: i32 = 0x0002_0000;

/// What a process takes over from the one that starts it.
fn around(spec: &Spec) -> io::Result<()> {
    if let Some(count) = spec.processors {
        let mut some = nix::sched::CpuSet::new();
        let may = nix::sched::sched_getaffinity(Pid::from_raw(0))?;
        let usable = (0..nix::sched::CpuSet::count()).filter(|one| may.is_set(*one).unwrap_or_default());
        for one in usable.take(count.max(1)) {
            some.set(one)?;
        }
        nix::sched::sched_setaffinity(Pid::from_raw(0), &some)?;
    }
    if spec.other_kernel {
        use nix::sys::personality::{Persona, get, set};
        set(get()? | Persona::from_bits_retain(UNAME26))?;
    }
    Ok(())
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
            exited = matches!(receiver.recv_timeout(Duration::from_millis(10)), Ok(Event::Ended(_)));
            continue;
        }
        while waitpid(None, Some(WaitPidFlag::WNOHANG)).is_ok_and(|status| status.pid().is_some()) {}
        if below.is_empty() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
