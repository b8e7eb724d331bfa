//! Private engines: a dockerd of the suite's own, for what may end or fill one. Its folder, socket, mounts and
//! processes are no one else's, it makes no network, and a [`supervisor`] takes all of it away, also when the harness
//! is killed.

pub mod program;
pub mod socket_proxy;
pub mod supervisor;

use std::io::{Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use judge::evidence::StoreKind;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

use program::EngineProgram;
use socket_proxy::{KillPoint, SocketProxy};
use supervisor::{ENDED, EngineCommand, STARTED, Spec};

use crate::error::Cause;
use crate::limits::ENGINE;

/// Most bytes of an engine's last words that are kept.
const LAST_WORDS: u64 = 4096;

/// Why there is no private engine, or why it does not do as it is told.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// It does not start.
    #[error("start a private engine with {}", program.display())]
    Start {
        /// The dockerd.
        program: PathBuf,
        /// What happened, and its last words.
        source: Cause,
    },
    /// It does not end, or is not gone.
    #[error("end the private engine in {}", folder.display())]
    Stop {
        /// Where it is.
        folder: PathBuf,
        /// What happened.
        source: Cause,
    },
}

/// What a private engine is to be.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The dockerd.
    pub program: EngineProgram,
    /// Its store.
    pub store: StoreKind,
    /// The size of its disk in MiB; none for a folder of the machine's.
    pub disk_mib: Option<u32>,
}

/// Whether the engine runs.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Running,
    /// How it ended.
    Ended(String),
}

/// The engine's process, as its supervisor lets it be seen.
struct Process {
    commands: Mutex<Option<ChildStdin>>,
    state: watch::Receiver<State>,
}

/// A running private engine. Without [`PrivateEngine::stop`] its supervisor takes it away once this is dropped.
pub struct PrivateEngine {
    supervisor: Child,
    process: Arc<Process>,
    proxy: SocketProxy,
    folder: PathBuf,
    program: PathBuf,
    cancelled: CancellationToken,
}

impl PrivateEngine {
    /// Starts one; `harness` is the `conformance` binary, which is its supervisor too. Only root can. It is not waited
    /// for any more once `cancelled` is.
    ///
    /// # Errors
    /// [`EngineError::Start`].
    pub async fn start(harness: &Path, wanted: &Wanted, cancelled: &CancellationToken) -> Result<Self, EngineError> {
        let program = wanted.program.path.clone();
        let fail = |source: Cause| EngineError::Start { program: program.clone(), source };
        let folder = tempfile::Builder::new().prefix("engine-").tempdir();
        let folder = folder.map_err(|error| fail(error.into()))?;
        let spec = prepare(folder.path(), wanted).map_err(|error| fail(error.into()))?;
        let mut supervisor = Command::new(harness)
            .arg(supervisor::ARGUMENT)
            .arg(&spec)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|error| fail(error.into()))?;
        let (Some(commands), Some(told)) = (supervisor.stdin.take(), supervisor.stdout.take()) else {
            return Err(fail("its supervisor has no pipes".into()));
        };
        // From here on the supervisor removes it.
        let folder = folder.keep();
        let process = Arc::new(Process { commands: Mutex::new(Some(commands)), state: watched(told) });
        let proxy = SocketProxy::open(&folder, Arc::clone(&process)).map_err(|error| fail(error.into()))?;
        let engine =
            Self { supervisor, process, proxy, folder, program: program.clone(), cancelled: cancelled.clone() };
        match engine.start_again().await {
            Ok(()) => Ok(engine),
            Err(error) => {
                let _ = engine.stop().await;
                Err(error)
            }
        }
    }

    /// Its address, as `DOCKER_HOST` spells it.
    #[must_use]
    pub fn host(&self) -> String {
        format!("unix://{}", self.proxy.socket().display())
    }

    /// How it ended; none while it runs.
    #[must_use]
    pub fn ended(&self) -> Option<String> {
        self.process.ended()
    }

    /// Starts it where it does not run, and waits until it answers.
    ///
    /// # Errors
    /// [`EngineError::Start`], with its last words.
    pub async fn start_again(&self) -> Result<(), EngineError> {
        let fail = |source: Cause| EngineError::Start { program: self.program.clone(), source };
        if self.process.send(EngineCommand::Start).await.is_err() {
            return Err(fail("its supervisor is gone".into()));
        }
        let until = Instant::now() + ENGINE;
        // An engine that has ended before still says so until it is started.
        let mut state = self.process.state.clone();
        let started = state.wait_for(|state| *state == State::Running);
        if !matches!(tokio::time::timeout(Duration::from_secs(5), started).await, Ok(Ok(_))) {
            return Err(fail(self.ended().unwrap_or_else(|| "its supervisor is gone".to_owned()).into()));
        }
        while Instant::now() < until {
            if self.proxy.engine_answers().await {
                return Ok(());
            }
            if let Some(how) = self.ended() {
                return Err(fail(format!("it ended {how}: {}", self.last_words()).into()));
            }
            if self.cancelled.is_cancelled() {
                return Err(fail("the run was interrupted".into()));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(fail(format!("it does not answer within {} s: {}", ENGINE.as_secs(), self.last_words()).into()))
    }

    /// Ends it as a service manager does, and starts it again.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn restart(&self) -> Result<(), EngineError> {
        self.process.end(EngineCommand::Stop).await.map_err(|cause| self.not_ended(cause))?;
        self.start_again().await
    }

    /// How it ended, where it does within a moment: its end is told later than connections break.
    pub async fn ends_soon(&self) -> Option<String> {
        let mut state = self.process.state.clone();
        let ended = state.wait_for(|state| *state != State::Running);
        let _ = tokio::time::timeout(Duration::from_secs(2), ended).await;
        self.ended()
    }

    /// From now on it ends as soon as it is asked to do what `at` says.
    pub fn end_at(&self, at: KillPoint) {
        self.proxy.arm(at);
    }

    /// Lets it live again; whether it was ended since [`Self::end_at`].
    #[must_use]
    pub fn was_ended(&self) -> bool {
        self.proxy.disarm()
    }

    /// The end of its log: from where it tells of a crash, where it does.
    #[must_use]
    pub fn last_words(&self) -> String {
        last_words(&self.folder.join("log")).unwrap_or_default()
    }

    /// Ends it and waits until nothing of it is there.
    ///
    /// # Errors
    /// [`EngineError::Stop`] naming what is left.
    pub async fn stop(self) -> Result<(), EngineError> {
        let Self { mut supervisor, process, proxy, folder, .. } = self;
        drop(proxy);
        let fail = |source: Cause| EngineError::Stop { folder: folder.clone(), source };
        // An engine that writes nothing more is removed sooner; one that does not end is ended by its supervisor.
        let _ = process.end(EngineCommand::Kill).await;
        process.close().await;
        match tokio::time::timeout(ENGINE, supervisor.wait()).await {
            Err(_) => Err(fail("its supervisor does not end".into())),
            Ok(Err(error)) => Err(fail(error.into())),
            Ok(Ok(_)) if folder.exists() => Err(fail("it is still there".into())),
            Ok(Ok(_)) => Ok(()),
        }
    }

    fn not_ended(&self, source: Cause) -> EngineError {
        EngineError::Stop { folder: self.folder.clone(), source }
    }
}

impl Process {
    fn ended(&self) -> Option<String> {
        match &*self.state.borrow() {
            State::Running => None,
            State::Ended(how) => Some(how.clone()),
        }
    }

    async fn send(&self, command: EngineCommand) -> std::io::Result<()> {
        let mut commands = self.commands.lock().await;
        let commands = commands.as_mut().ok_or(std::io::ErrorKind::BrokenPipe)?;
        commands.write_all(format!("{}\n", command.name()).as_bytes()).await?;
        commands.flush().await
    }

    /// Ends the engine and waits for its end; one that has ended already is not a fault.
    async fn end(&self, command: EngineCommand) -> Result<(), Cause> {
        if self.ended().is_some() {
            return Ok(());
        }
        self.send(command).await?;
        let mut state = self.state.clone();
        let ended = state.wait_for(|state| *state != State::Running);
        match tokio::time::timeout(ENGINE, ended).await {
            Ok(_) => Ok(()),
            Err(_) => Err(format!("it does not end within {} s", ENGINE.as_secs()).into()),
        }
    }

    /// Tells the supervisor that the harness is done.
    async fn close(&self) {
        self.commands.lock().await.take();
    }
}

/// What the supervisor says, as the engine's state; it has ended with its supervisor.
fn watched(told: ChildStdout) -> watch::Receiver<State> {
    let (sender, receiver) = watch::channel(State::Ended("before it was started".to_owned()));
    tokio::spawn(async move {
        let mut lines = BufReader::new(told).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let state = match line.strip_prefix(ENDED) {
                Some(how) => State::Ended(how.trim().to_owned()),
                None if line == STARTED => State::Running,
                None => continue,
            };
            let _ = sender.send(state);
        }
        let _ = sender.send(State::Ended("with its supervisor".to_owned()));
    });
    receiver
}

/// Lays out an engine's folder; the file that its supervisor reads.
fn prepare(folder: &Path, wanted: &Wanted) -> std::io::Result<PathBuf> {
    for part in ["data", "exec"] {
        std::fs::create_dir(folder.join(part))?;
    }
    let settings = folder.join("settings.json");
    std::fs::write(&settings, wanted.program.settings(wanted.store, folder).to_string())?;
    let path = |name: &str| folder.join(name).display().to_string();
    let mut argv = vec![wanted.program.path.display().to_string()];
    argv.extend(["--config-file".to_owned(), path("settings.json")]);
    argv.extend(["--data-root".to_owned(), path("data"), "--exec-root".to_owned(), path("exec")]);
    argv.extend(["--pidfile".to_owned(), path("pid"), "--host".to_owned(), format!("unix://{}", path("engine.sock"))]);
    // Images alone are handled here: no network, nothing in the packet filter, no proxy.
    let without = ["--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"];
    argv.extend(without.map(str::to_owned));
    argv.extend(["--userland-proxy=false", "--group=root"].map(str::to_owned));
    let spec = Spec { argv, folder: folder.to_path_buf(), disk_mib: wanted.disk_mib };
    let file = folder.join("supervisor.json");
    std::fs::write(&file, serde_json::to_vec(&spec)?)?;
    Ok(file)
}

fn last_words(log: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(log)?;
    // A crash of many goroutines is long, and its beginning says what it was.
    let from = file.metadata()?.len().saturating_sub(1 << 20);
    file.seek(std::io::SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let crash = ["panic: ", "fatal error: "].into_iter().filter_map(|word| text.rfind(word)).min();
    let kept = usize::try_from(LAST_WORDS).unwrap_or(usize::MAX);
    let (from, to) = match crash {
        Some(at) => (at, at.saturating_add(kept).min(text.len())),
        None => (text.len().saturating_sub(kept), text.len()),
    };
    // Not in the middle of a character.
    let from = (from..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    let to = (from..=to.max(from)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(from);
    Ok(text[from..to].trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_are_those_of_a_crash_where_there_was_one() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        std::fs::write(&log, format!("{}last\n", "é".repeat(5000))).unwrap();
        let words = last_words(&log).unwrap();
        assert!(words.ends_with("last") && words.len() as u64 <= LAST_WORDS && words.starts_with('é'), "{words}");
        std::fs::write(&log, format!("well\npanic: nil pointer\n\ngoroutine 1\n{}", "x\n".repeat(9000))).unwrap();
        assert!(last_words(&log).unwrap().starts_with("panic: nil pointer"));
    }
}
