//! A registry program on PATH, started on a free loopback port with a folder of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

use super::{REGISTRY, RegistryError, RegistryKind};
use crate::error::{Cause, context};
use crate::held::Held;
use crate::limits::INTRODUCTION;

/// Starts a program and ends it when standard input closes, which it does however the suite ends: a killed one ends
/// nothing itself.
const KEPT: &str = r#"exec 3<&0
"$@" 3<&- </dev/null &
program=$!
{ read -r _ <&3; kill -KILL "$program"; } &
keeper=$!
exec 3<&-
wait "$program"
status=$?
kill -KILL "$keeper"
exit "$status""#;

/// A running registry program; dropping it ends its process group and removes its folder.
pub(super) struct Executable {
    child: Child,
    group: Option<Pid>,
    port: u16,
    version: String,
    _folder: Held,
}

fn failed(cause: impl Into<Cause>) -> RegistryError {
    RegistryError::Start { kind: RegistryKind::Executable, source: cause.into() }
}

impl Executable {
    pub(super) async fn start() -> Result<Self, RegistryError> {
        let program = ["registry", "docker-registry"].into_iter().find_map(on_path).ok_or_else(|| {
            failed("there is no registry or docker-registry on PATH; Debian has the package docker-registry")
        })?;
        let version = version(&program).await;
        // Someone else may take the free port before the program does, hence more than one try.
        let mut last = String::new();
        for _ in 0..3 {
            let mut started = Self::spawn(&program, version.clone())?;
            match started.wait_until_ready().await {
                Ok(()) => return Ok(started),
                Err(reason) => last = reason,
            }
        }
        Err(failed(format!("{}: {last}", program.display())))
    }

    fn spawn(program: &Path, version: String) -> Result<Self, RegistryError> {
        let fail = |error: std::io::Error| failed(context(program.display().to_string())(error));
        let folder = Held::new_in(&std::env::temp_dir(), REGISTRY).map_err(fail)?;
        let port = free_port().map_err(fail)?;
        let config = folder.path().join("config.yml");
        std::fs::write(&config, configuration(folder.path(), port)).map_err(fail)?;
        let child = kept(program).arg("serve").arg(&config).spawn().map_err(fail)?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        Ok(Self { child, group, port, version, _folder: folder })
    }

    async fn wait_until_ready(&mut self) -> Result<(), String> {
        for _ in 0..200 {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("it ended at once with {status}"));
            }
            if tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        Err("it does not listen after 5 s".to_owned())
    }

    pub(super) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(super) fn version(&self) -> &str {
        &self.version
    }

    pub(super) async fn stop(mut self) -> Result<(), RegistryError> {
        self.end();
        self.child.wait().await.map(|_| ()).map_err(|error| RegistryError::Stop {
            kind: RegistryKind::Executable,
            source: context("its process may still run")(error).into(),
        })
    }

    fn end(&mut self) {
        if let Some(group) = self.group.take() {
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

impl Drop for Executable {
    fn drop(&mut self) {
        self.end();
    }
}

/// A program that ends with this one.
fn kept(program: &Path) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", KEPT, "sh"]).arg(program).env_clear();
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.process_group(0).kill_on_drop(true);
    command
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn free_port() -> std::io::Result<u16> {
    TcpListener::bind(("127.0.0.1", 0))?.local_addr().map(|address| address.port())
}

async fn version(program: &Path) -> String {
    let asked = Command::new(program).arg("--version").stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(INTRODUCTION, asked).await.ok().and_then(Result::ok);
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    let name = program.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let last = text.split_whitespace().last().unwrap_or("of unknown version").trim_start_matches('v').to_owned();
    format!("{name} {last}")
}

fn configuration(folder: &Path, port: u16) -> String {
    format!(
        "version: 0.1\n\
         log:\n  level: error\n  accesslog:\n    disabled: true\n\
         storage:\n  filesystem:\n    rootdirectory: {}\n  delete:\n    enabled: true\n\
         http:\n  addr: 127.0.0.1:{port}\n",
        folder.join("data").display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_running(seconds: &str) -> bool {
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
        lines.into_iter().any(|line| line.starts_with(b"sleep\0") && line.ends_with(format!("{seconds}\0").as_bytes()))
    }

    async fn until(what: impl Fn() -> bool) -> bool {
        for _ in 0..400 {
            if what() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        false
    }

    #[tokio::test]
    async fn a_program_ends_when_no_one_is_there_any_more() {
        let seconds = format!("86400.{}", std::process::id());
        let mut child = kept(Path::new("sleep")).arg(&seconds).spawn().unwrap();
        assert!(until(|| is_running(&seconds)).await);
        // As the kernel does for a program that was killed.
        drop(child.stdin.take());
        assert!(until(|| !is_running(&seconds)).await);
        assert_eq!(child.wait().await.unwrap().code(), Some(128 + 9));
    }

    #[tokio::test]
    async fn a_program_that_ends_at_once_is_heard_of() {
        let mut child = kept(Path::new("sh")).args(["-c", "exit 3"]).spawn().unwrap();
        let mut status = None;
        for _ in 0..400 {
            status = child.try_wait().unwrap();
            if status.is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        assert_eq!(status.and_then(|status| status.code()), Some(3));
    }
}
