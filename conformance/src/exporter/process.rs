//! Runs one exporter through its supervisor and keeps what it printed, bounded.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use judge::evidence::Outcome;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt as _};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use super::supervise::{ARGUMENT, NAME, Report, Spec};
use crate::limits::SUPERVISOR;

/// How much of each end of an output stream is kept, in bytes: a log begins with what is done, and ends with what
/// failed.
const KEPT: usize = 128 * 1024;

/// Why an exporter could not be run: never its own fault.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The supervisor could not be run.
    #[error("run the supervisor of {program}")]
    Supervisor {
        /// The exporter.
        program: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The exporter could not be started.
    #[error("start {program}: {reason}")]
    NotStarted {
        /// The exporter.
        program: String,
        /// The system's reason.
        reason: String,
    },
    /// The exporter ended its supervisor.
    #[error(
        "supervise {program}: its supervisor ended with {end} before it could tell how the exporter ended; did the exporter kill its parent?"
    )]
    SupervisorEnded {
        /// The exporter.
        program: String,
        /// How.
        end: std::process::ExitStatus,
    },
    /// A private mount namespace could not be made.
    #[error("enter a private mount namespace: {0}")]
    Namespace(String),
    /// The run was interrupted.
    #[error("finish the export: the run was interrupted")]
    Interrupted,
}

/// Starts supervisors.
#[derive(Debug, Clone)]
pub struct Supervisor {
    program: PathBuf,
}

impl Supervisor {
    /// A supervisor that `program` becomes, where `program` is the `conformance` binary.
    #[must_use]
    pub fn new(program: PathBuf) -> Self {
        Self { program }
    }

    /// The `conformance` binary.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Runs what `spec` says to its end; `spec_file` is where the supervisor reads it.
    ///
    /// # Errors
    /// [`ProcessError`], none of which is the exporter's own failure: that is an [`Outcome`].
    pub async fn run(
        &self,
        spec: &Spec,
        spec_file: &Path,
        cancelled: &CancellationToken,
    ) -> Result<Outcome, ProcessError> {
        let program = spec.argv.first().cloned().unwrap_or_default();
        let fail = |source| ProcessError::Supervisor { program: program.clone(), source };
        let text = serde_json::to_vec(spec).map_err(|error| fail(error.into()))?;
        tokio::fs::write(spec_file, text).await.map_err(fail)?;
        let started = jiff::Timestamp::now().as_second();
        let mut child = Command::new(&self.program)
            .arg0(NAME)
            .arg(ARGUMENT)
            .arg(spec_file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(fail)?;
        let mut lifeline = child.stdin.take();
        if let (Some(secret), Some(pipe)) = (&spec.secret, &mut lifeline) {
            // Where it went away already, its report says why.
            let _ = pipe.write_all(&secret.piped()).await;
        }
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let printed = async { tokio::join!(keep(stdout), keep(stderr)) };
        tokio::pin!(printed);
        let to_its_end = async {
            let (out, err) = tokio::select! {
                both = &mut printed => both,
                () = cancelled.cancelled() => {
                    drop(lifeline.take());
                    printed.await
                }
            };
            child.wait().await.map(|status| (out, err, status))
        };
        // The supervisor holds the exporter's limit; this one is for a supervisor that does not end.
        let limit = Duration::from_secs(spec.limit_seconds).saturating_add(SUPERVISOR);
        let late = |_| fail(std::io::Error::new(std::io::ErrorKind::TimedOut, "it does not end"));
        let (out, err, status) = tokio::time::timeout(limit, to_its_end).await.map_err(late)?.map_err(fail)?;
        let report = tokio::fs::read(&spec.report).await.unwrap_or_default();
        if report.is_empty() && !status.success() && !cancelled.is_cancelled() {
            return Err(ProcessError::SupervisorEnded { program, end: status });
        }
        match serde_json::from_slice(&report).map_err(|error| fail(error.into()))? {
            _ if cancelled.is_cancelled() => Err(ProcessError::Interrupted),
            Report::Ended { end, milliseconds, left, contacted, outlived, written } => {
                let printed = out.printed + err.printed;
                let (stdout, stderr, credentials_printed) = (out.text(), err.text(), None);
                Ok(Outcome {
                    end,
                    stdout,
                    stderr,
                    printed,
                    started,
                    milliseconds,
                    left,
                    contacted,
                    credentials_printed,
                    outlived,
                    written,
                })
            }
            Report::Abandoned => Err(ProcessError::Interrupted),
            Report::NotStarted { namespace: true, reason } => Err(ProcessError::Namespace(reason)),
            Report::NotStarted { namespace: false, reason } => Err(ProcessError::NotStarted { program, reason }),
        }
    }
}

struct Kept {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    printed: u64,
}

impl Kept {
    fn add(&mut self, bytes: &[u8]) {
        let room = KEPT.saturating_sub(self.head.len()).min(bytes.len());
        let (head, rest) = bytes.split_at(room);
        self.head.extend_from_slice(head);
        self.tail.extend(rest);
        self.tail.drain(..self.tail.len().saturating_sub(KEPT));
        self.printed += bytes.len() as u64;
    }

    fn text(&self) -> String {
        let kept = (self.head.len() + self.tail.len()) as u64;
        let gap = match self.printed - kept {
            0 => String::new(),
            missing => format!("\n[{missing} bytes are not kept]\n"),
        };
        let (one, two) = self.tail.as_slices();
        // Where nothing is missing, a character may lie on both sides.
        String::from_utf8_lossy(&[&self.head, gap.as_bytes(), one, two].concat()).into_owned()
    }
}

/// Reads to the end, keeps the first and the last [`KEPT`] bytes.
async fn keep(stream: Option<impl AsyncRead + Unpin>) -> Kept {
    let mut kept = Kept { head: Vec::new(), tail: VecDeque::new(), printed: 0 };
    let Some(mut stream) = stream else { return kept };
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        kept.add(&buffer[..read]);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn kept(printed: &[u8]) -> (String, u64, usize) {
        let kept = keep(Some(printed)).await;
        (kept.text(), kept.printed, kept.head.len() + kept.tail.len())
    }

    #[tokio::test]
    async fn both_ends_of_a_long_output_are_kept_and_the_gap_is_told() {
        let log = "debug\n".repeat(100_000);
        let (text, printed, bytes) = kept(format!("first\n{log}ERROR: last\n").as_bytes()).await;
        assert!(text.starts_with("first\ndebug\n") && text.ends_with("debug\nERROR: last\n"));
        assert_eq!((printed, bytes), (600_018, 2 * KEPT));
        let gap = format!("\n[{} bytes are not kept]\n", 600_018 - 2 * KEPT);
        assert_eq!(text.matches(&gap).count(), 1);
        assert_eq!(text.len(), 2 * KEPT + gap.len());
    }

    #[tokio::test]
    async fn what_both_ends_hold_is_kept_whole() {
        for text in [String::new(), "a".repeat(KEPT - 1) + "éé" + &"b".repeat(KEPT - 3)] {
            assert_eq!(kept(text.as_bytes()).await, (text.clone(), text.len() as u64, text.len()));
        }
    }
}
