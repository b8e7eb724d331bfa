//! `git` as a program: within a limit of time and output, with an environment that names no configuration, and without
//! a network, a terminal or a lock.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use super::GitError;

/// Most bytes that are taken of what it prints: the names of some 500 000 files.
const MOST: u64 = 64 << 20;
/// Most bytes of its errors.
const MOST_ERRORS: u64 = 64 << 10;

/// The program.
#[derive(Debug, Clone)]
pub(super) struct Git {
    program: PathBuf,
    path: OsString,
    root: PathBuf,
    limit: Duration,
}

/// What it printed, and whether it succeeded.
#[derive(Debug)]
pub(super) struct Printed {
    pub(super) bytes: Vec<u8>,
    pub(super) success: bool,
    /// Its complaint, in one line.
    pub(super) complaint: String,
}

impl Git {
    /// The first `git` in the absolute folders of PATH: a relative one may be the source's own.
    pub(super) fn find(root: &Path, limit: Duration) -> Result<Self, GitError> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect();
        let runs = |file: &PathBuf| {
            std::fs::metadata(file).is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
        };
        let program = folders.iter().map(|folder| folder.join("git")).find(runs);
        let program = program.ok_or_else(|| GitError::Missing { root: root.to_path_buf() })?;
        let path = std::env::join_paths(&folders).unwrap_or_default();
        Ok(Self { program, path, root: root.to_path_buf(), limit })
    }

    /// Runs `arguments`, the first of which is the command, in `folder`; `private` is what it takes for home.
    pub(super) async fn run(
        &self,
        folder: &Path,
        private: &Path,
        repository: Option<(&Path, &Path)>,
        (name, arguments): (&'static str, &[&OsStr]),
    ) -> Result<Printed, GitError> {
        let fail = |reason: String| GitError::Failed { root: self.root.clone(), command: name, reason };
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .env("PATH", &self.path)
            .env("HOME", private)
            .env("XDG_CONFIG_HOME", private)
            .env("LC_ALL", "C")
            .envs(SETTINGS)
            .env("GIT_CEILING_DIRECTORIES", private.parent().unwrap_or(private))
            .current_dir(folder)
            .arg(name)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        if let Some((git, work_tree)) = repository {
            command.env("GIT_DIR", git).env("GIT_WORK_TREE", work_tree);
        }
        let mut child = command.spawn().map_err(|error| fail(error.to_string()))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let work = async {
            let (bytes, errors) = tokio::join!(all(stdout, MOST), all(stderr, MOST_ERRORS));
            // What prints more is not waited for.
            let status = if bytes.len() as u64 > MOST { None } else { Some(child.wait().await) };
            (bytes, errors, status)
        };
        let seconds = self.limit.as_secs();
        let done = tokio::time::timeout(self.limit, work).await;
        let (bytes, errors, status) = done.map_err(|_| fail(format!("it did not end within {seconds} s")))?;
        let status = status.ok_or_else(|| fail(format!("it prints more than {MOST} bytes")))?;
        let status = status.map_err(|error| fail(error.to_string()))?;
        let complaint = String::from_utf8_lossy(&errors).lines().next().unwrap_or("it says nothing").to_owned();
        Ok(Printed { bytes, success: status.success(), complaint })
    }

    /// A failure of one of its commands.
    pub(super) fn failed(&self, command: &'static str, printed: &Printed) -> GitError {
        GitError::Failed { root: self.root.clone(), command, reason: printed.complaint.clone() }
    }
}

/// Configuration is that of the private folder alone; nothing is fetched, replaced, locked or asked for.
const SETTINGS: [(&str, &str); 9] = [
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_SYSTEM", "/dev/null"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_ALLOW_PROTOCOL", ""),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_LITERAL_PATHSPECS", "1"),
];

async fn all(stream: Option<impl AsyncRead + Unpin>, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        // A stream that breaks off has what it has; the exit code tells.
        let _ = stream.take(most + 1).read_to_end(&mut bytes).await;
    }
    bytes
}
