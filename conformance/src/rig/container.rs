//! One container in a daemon: created, started, waited for and removed, without a network and bounded in time.

use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, HostConfig, ResourcesUlimits};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, LogsOptionsBuilder, RemoveContainerOptionsBuilder, StartContainerOptions,
    WaitContainerOptions,
};
use futures_util::StreamExt;

use super::daemon::{Daemon, DaemonError};

/// How long a container may run.
pub const LIMIT: Duration = Duration::from_secs(10);
/// Bytes of memory that it gets.
const MEMORY: i64 = 256 << 20;
/// Most bytes of its standard output.
const MOST_OUTPUT: usize = 32 << 20;
/// Most bytes of its standard error.
const MOST_ERRORS: usize = 16 << 10;

/// How a container ended.
#[derive(Debug, Default)]
pub struct Ended {
    /// What the engine said when it did not create or start it.
    pub refused: Option<String>,
    /// Its exit code; none where it did not start, or did not end within [`LIMIT`].
    pub exit: Option<i64>,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// Its errors.
    pub stderr: Vec<u8>,
}

/// Runs a container called `name`, and removes it whatever happens. Where this future is dropped, [`remove`] has to.
///
/// # Errors
/// [`DaemonError`] where the engine does not answer, or breaks off; that it refuses the container is an answer.
pub async fn run(daemon: &Daemon, name: &str, image: &str, entrypoint: Option<&str>) -> Result<Ended, DaemonError> {
    let ended = ended(daemon, name, image, entrypoint).await;
    remove(daemon, name).await;
    ended
}

/// Removes the container, running or not. A missing one is not an error.
pub async fn remove(daemon: &Daemon, name: &str) {
    let doing = format!("remove the container {name}");
    let _ = daemon.waits().answer(&doing, removal(daemon, name)).await;
}

/// Asks the engine to remove the container, running or not, with the volumes that it has alone.
pub(super) async fn removal(daemon: &Daemon, name: &str) -> Result<(), Error> {
    let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
    daemon.api().remove_container(name, Some(options)).await
}

async fn ended(daemon: &Daemon, name: &str, image: &str, entrypoint: Option<&str>) -> Result<Ended, DaemonError> {
    let refused = |reason| Ok(Ended { refused: Some(reason), ..Ended::default() });
    let options = CreateContainerOptionsBuilder::default().name(name).build();
    let created = daemon.api().create_container(Some(options), body(image, entrypoint));
    if let Some(reason) = refusal(daemon, "create", name, created).await? {
        return refused(reason);
    }
    let started = daemon.api().start_container(name, None::<StartContainerOptions>);
    if let Some(reason) = refusal(daemon, "start", name, started).await? {
        return refused(reason);
    }
    let exit = tokio::time::timeout(LIMIT, exit(daemon, name)).await;
    let mut ended = Ended { exit: exit.ok().transpose()?, ..Ended::default() };
    read_output(daemon, name, &mut ended).await?;
    Ok(ended)
}

fn body(image: &str, entrypoint: Option<&str>) -> ContainerCreateBody {
    ContainerCreateBody {
        image: Some(image.to_owned()),
        entrypoint: entrypoint.map(|program| vec![program.to_owned()]),
        network_disabled: Some(true),
        host_config: Some(HostConfig {
            network_mode: Some("none".to_owned()),
            memory: Some(MEMORY),
            // What podman gives by itself is more than every machine may give.
            ulimits: Some(vec![limit("nofile", 1024), limit("nproc", 4096)]),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}

fn limit(name: &str, most: i64) -> ResourcesUlimits {
    ResourcesUlimits { name: Some(name.to_owned()), soft: Some(most), hard: Some(most) }
}

/// Why the engine refuses; none where it does not.
async fn refusal<T>(
    daemon: &Daemon,
    doing: &'static str,
    name: &str,
    answer: impl Future<Output = Result<T, Error>>,
) -> Result<Option<String>, DaemonError> {
    let answer = daemon.waits().answer(&format!("{doing} the container {name}"), answer).await;
    match answer.map_err(|overdue| DaemonError::Silent { overdue })? {
        Ok(_) => Ok(None),
        Err(Error::DockerResponseServerError { message, .. }) => Ok(Some(message.trim().to_owned())),
        Err(error) => Err(broken(doing, name, error)),
    }
}

fn broken(doing: &'static str, name: &str, error: Error) -> DaemonError {
    DaemonError::Refused { doing, what: format!("the container {name}"), source: error.into() }
}

async fn exit(daemon: &Daemon, name: &str) -> Result<i64, DaemonError> {
    let mut answers = Box::pin(daemon.api().wait_container(name, None::<WaitContainerOptions>));
    match answers.next().await {
        Some(Ok(answer)) => Ok(answer.status_code),
        // The client makes an error of every code but 0.
        Some(Err(Error::DockerContainerWaitError { code, .. })) => Ok(code),
        Some(Err(error)) => Err(broken("wait for", name, error)),
        None => Err(DaemonError::Refused {
            doing: "wait for",
            what: format!("the container {name}"),
            source: "the engine gave no answer".into(),
        }),
    }
}

async fn read_output(daemon: &Daemon, name: &str, ended: &mut Ended) -> Result<(), DaemonError> {
    let options = LogsOptionsBuilder::default().stdout(true).stderr(true).build();
    let lines = daemon.api().logs(name, Some(options));
    let mut lines = daemon.waits().stream("give a container's output", lines).boxed();
    while let Some(line) = lines.next().await {
        let line = line.map_err(|overdue| DaemonError::Silent { overdue })?;
        match line.map_err(|error| broken("read the output of", name, error))? {
            LogOutput::StdErr { message } => add(&mut ended.stderr, &message, MOST_ERRORS),
            LogOutput::StdOut { message } | LogOutput::Console { message } => {
                add(&mut ended.stdout, &message, MOST_OUTPUT);
            }
            LogOutput::StdIn { .. } => {}
        }
    }
    Ok(())
}

fn add(to: &mut Vec<u8>, bytes: &[u8], most: usize) {
    to.extend(&bytes[..bytes.len().min(most.saturating_sub(to.len()))]);
}
