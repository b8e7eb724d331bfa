//! A program with an environment of its own, within a limit of time: ended with all that it started where it takes
//! longer.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use super::PipelineError;
use crate::error::Cause;

/// Most bytes of each stream that are kept.
const KEPT: u64 = 1 << 20;
/// How long a program may take.
pub const LIMIT: Duration = Duration::from_mins(1);

/// A call, ready to be made.
#[derive(Debug, Clone)]
pub struct Call {
    program: PathBuf,
    arguments: Vec<OsString>,
    folder: PathBuf,
    environment: BTreeMap<String, OsString>,
}

/// How a program ended and what it printed.
#[derive(Debug, Clone)]
pub struct Ran {
    /// Its exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// Wall time.
    pub milliseconds: u64,
}

impl Call {
    /// A call of `program` in `folder`, with PATH and nothing else of this process's environment.
    #[must_use]
    pub fn new(program: &Path, folder: &Path) -> Self {
        let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
        let temporary = std::env::temp_dir().into_os_string();
        let environment = [("PATH", path), ("LC_ALL", "C.UTF-8".into()), ("TZ", "UTC".into()), ("TMPDIR", temporary)];
        Self {
            program: program.to_path_buf(),
            arguments: Vec::new(),
            folder: folder.to_path_buf(),
            environment: environment.map(|(name, value)| (name.to_owned(), value)).into(),
        }
    }

    /// With these arguments after those that it has.
    #[must_use]
    pub fn with<T: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|word| word.as_ref().to_owned()));
        self
    }

    /// With this variable.
    #[must_use]
    pub fn variable(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.environment.insert(name.to_owned(), value.as_ref().to_owned());
        self
    }

    /// The command line as a shell reads it, with the program's file name alone.
    #[must_use]
    pub fn shown(&self) -> String {
        let name = self.program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let words = self.arguments.iter().map(|word| judge::repeat::quoted(&word.to_string_lossy()));
        std::iter::once(name).chain(words).collect::<Vec<_>>().join(" ")
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// [`PipelineError::Program`] where it does not start or does not end.
    pub async fn run(&self) -> Result<Ran, PipelineError> {
        let fail = |source: Cause| PipelineError::Program { program: self.program.display().to_string(), source };
        let begun = Instant::now();
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .current_dir(&self.folder)
            .env_clear()
            .envs(&self.environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| fail(error.into()))?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let work = async {
            let (stdout, stderr) = tokio::join!(keep(stdout), keep(stderr));
            (stdout, stderr, child.wait().await)
        };
        let done = tokio::time::timeout(LIMIT, work).await;
        let Ok((stdout, stderr, status)) = done else {
            // The group is that of this program; what it started goes with it.
            let _ = group.map(|group| killpg(group, Signal::SIGKILL));
            return Err(fail(format!("it did not end within {} s", LIMIT.as_secs()).into()));
        };
        let status = status.map_err(|error| fail(error.into()))?;
        let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(Ran { code: status.code(), stdout, stderr, milliseconds })
    }

    /// Runs it, and it has to succeed.
    ///
    /// # Errors
    /// [`PipelineError::Program`] with the first line of its complaint.
    pub async fn succeed(&self) -> Result<Ran, PipelineError> {
        let ran = self.run().await?;
        if ran.code == Some(0) {
            return Ok(ran);
        }
        Err(PipelineError::Program { program: self.program.display().to_string(), source: ran.complaint().into() })
    }
}

impl Ran {
    /// How it ended, with the last line of its errors.
    #[must_use]
    pub fn complaint(&self) -> String {
        let code = self.code.map_or_else(|| "a signal".to_owned(), |code| format!("exit code {code}"));
        let said = self.stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
        format!("{code}: {said}")
    }
}

/// Reads to the end, so that the program is not held up; keeps the beginning.
async fn keep(stream: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut stream) = stream else { return String::new() };
    let mut kept = Vec::new();
    let _ = (&mut stream).take(KEPT).read_to_end(&mut kept).await;
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&kept).into_owned()
}
