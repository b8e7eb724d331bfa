//! `registry:2` in a container of the user's own engine.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use bollard::models::{ContainerCreateBody, HostConfig, PortBinding};
use bollard::query_parameters::{
    CreateContainerOptions, InspectContainerOptions, ListContainersOptionsBuilder, StartContainerOptions,
};

use super::{REGISTRY, RegistryError, RegistryKind};
use crate::error::{Cause, context};
use crate::held::{Held, is_held};
use crate::limits::{CONTAINER, ENDING, PULL_OF_REGISTRY};
use crate::rig::container;
use crate::rig::daemon::{Daemon, DaemonError};

/// The image, of which `registry-compose/compose.yaml` pins a version.
const IMAGE: (&str, &str) = ("registry", "2");
/// Where the image's registry listens, as the Engine API names it.
const PORT: &str = "5000/tcp";

/// The container's label by which a later run knows whether the one that made it still lives.
const HELD: &str = "io.buildpacks.conformance.held";

/// A running container; removed when it is stopped or dropped.
pub(super) struct Container {
    running: Created,
    port: u16,
    version: String,
    /// What killed runs had left there, and is gone now.
    removed: Vec<String>,
    /// An engine does not see the end of its client. This folder's lock tells it, and goes after the container.
    _held: Held,
}

fn failed(cause: impl Into<Cause>) -> RegistryError {
    RegistryError::Start { kind: RegistryKind::Container, source: cause.into() }
}

impl Container {
    pub(super) async fn start(docker_host: Option<&str>) -> Result<Self, RegistryError> {
        let daemon = Daemon::connect(docker_host).await.map_err(failed)?;
        make_available(&daemon).await?;
        let removed = without_those_left(&daemon).await;
        let held = Held::new_in(&std::env::temp_dir(), REGISTRY).map_err(failed)?;
        let late = |_| {
            let (host, seconds) = (daemon.host(), CONTAINER.as_secs());
            failed(format!("the daemon at {host} did not start it within {seconds} s; a container may be left there"))
        };
        let created = tokio::time::timeout(
            CONTAINER,
            daemon.api().create_container(None::<CreateContainerOptions>, body(held.path())),
        );
        let id = created.await.map_err(late)?.map_err(failed)?.id;
        let running = Created { host: daemon.host().to_owned(), id: Some(id) };
        let port = tokio::time::timeout(CONTAINER, running.start(&daemon)).await.map_err(late)??;
        wait_until_ready(port).await?;
        Ok(Self { running, port, version: format!("{}:{}", IMAGE.0, IMAGE.1), removed, _held: held })
    }

    /// What killed runs had left in the engine, and is gone now.
    pub(super) fn removed(&self) -> &[String] {
        &self.removed
    }

    pub(super) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(super) fn version(&self) -> &str {
        &self.version
    }

    pub(super) async fn stop(mut self) -> Result<(), RegistryError> {
        let Some(id) = self.running.id.take() else { return Ok(()) };
        remove(&self.running.host, &id).await.map_err(|cause| RegistryError::Stop {
            kind: RegistryKind::Container,
            source: context(format!("container {id} is left"))(cause).into(),
        })
    }
}

/// What a path on this machine, as this process sees it, begins with in a label: an engine may have clients elsewhere,
/// whose paths say nothing here.
fn here() -> Option<String> {
    let machine = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let view = std::fs::read_link("/proc/self/ns/mnt").ok()?;
    Some(format!("{} {} ", machine.trim(), view.display()))
}

/// Removes the containers of runs that were killed; gives what is removed, in words. An engine that does not do it says
/// so when it is asked for a new one.
async fn without_those_left(daemon: &Daemon) -> Vec<String> {
    let removing = async {
        let mut removed = Vec::new();
        let Some(here) = here() else { return removed };
        let filters = HashMap::from([("label", vec![HELD])]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        for found in daemon.api().list_containers(Some(options)).await.unwrap_or_default() {
            let label = found.labels.unwrap_or_default().remove(HELD).unwrap_or_default();
            let is_left = label.strip_prefix(&here).is_some_and(|folder| !is_held(Path::new(folder)));
            if let Some(id) = found.id.filter(|_| is_left)
                && container::removal(daemon, &id).await.is_ok()
            {
                removed.push(format!("the container {id} in {}", daemon.host()));
            }
        }
        removed
    };
    tokio::time::timeout(CONTAINER, removing).await.unwrap_or_default()
}

fn body(held: &Path) -> ContainerCreateBody {
    // An engine publishes on every address where it is not told otherwise.
    let binding = PortBinding { host_ip: Some("127.0.0.1".to_owned()), host_port: None };
    ContainerCreateBody {
        image: Some(format!("{}:{}", IMAGE.0, IMAGE.1)),
        env: Some(vec!["REGISTRY_STORAGE_DELETE_ENABLED=true".to_owned()]),
        exposed_ports: Some(vec![PORT.to_owned()]),
        labels: here().map(|here| HashMap::from([(HELD.to_owned(), format!("{here}{}", held.display()))])),
        host_config: Some(HostConfig {
            port_bindings: Some(HashMap::from([(PORT.to_owned(), Some(vec![binding]))])),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}

/// A container that is there, whether it runs or not; removed when it is dropped.
struct Created {
    host: String,
    /// None once it is removed.
    id: Option<String>,
}

impl Created {
    /// Starts it; the port of the host that it is published on.
    async fn start(&self, daemon: &Daemon) -> Result<u16, RegistryError> {
        let id = self.id.as_deref().unwrap_or_default();
        daemon.api().start_container(id, None::<StartContainerOptions>).await.map_err(failed)?;
        let container = daemon.api().inspect_container(id, None::<InspectContainerOptions>).await.map_err(failed)?;
        let mut ports = container.network_settings.and_then(|network| network.ports).unwrap_or_default();
        let published = ports.remove(PORT).flatten().unwrap_or_default();
        let port = published.into_iter().find_map(|binding| binding.host_port?.parse().ok());
        port.ok_or_else(|| failed(format!("the engine published no port for its {PORT}")))
    }
}

impl Drop for Created {
    fn drop(&mut self) {
        let Some(id) = self.id.take() else { return };
        let host = std::mem::take(&mut self.host);
        // Whoever drops it may be inside a runtime, which must not be blocked on a future of its own.
        let removing = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map(|runtime| runtime.block_on(remove(&host, &id)))
        });
        let _ = removing.join();
    }
}

async fn remove(host: &str, id: &str) -> Result<(), Cause> {
    let removed = async {
        let daemon = Daemon::connect(Some(host)).await?;
        Ok(container::removal(&daemon, id).await?)
    };
    let late = |_| format!("the daemon did not remove it within {} s", ENDING.as_secs());
    tokio::time::timeout(ENDING, removed).await.map_err(late)?
}

/// The image is there, or can be pulled in a few seconds; a machine without a network must not wait for long.
async fn make_available(daemon: &Daemon) -> Result<(), RegistryError> {
    use bollard::query_parameters::CreateImageOptionsBuilder;
    use futures_util::TryStreamExt;
    let name = format!("{}:{}", IMAGE.0, IMAGE.1);
    match daemon.image_id(&name).await {
        Ok(Some(_)) => return Ok(()),
        Err(DaemonError::Silent { overdue }) => return Err(failed(overdue)),
        Ok(None) | Err(_) => {}
    }
    let options = CreateImageOptionsBuilder::default().from_image(IMAGE.0).tag(IMAGE.1).build();
    let pull = daemon.api().create_image(Some(options), None, None).try_collect::<Vec<_>>();
    match tokio::time::timeout(PULL_OF_REGISTRY, pull).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(failed(context(format!("the engine has no {name} and cannot pull it"))(error))),
        Err(_) => {
            Err(failed(format!("the engine has no {name} and did not pull it within {} s", PULL_OF_REGISTRY.as_secs())))
        }
    }
}

async fn wait_until_ready(port: u16) -> Result<(), RegistryError> {
    // An HTTP client cannot be made before this, also where TLS is not spoken; once per process is enough.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = format!("http://127.0.0.1:{port}/v2/");
    let answers = async {
        while !reqwest::get(&url).await.is_ok_and(|answer| answer.status().is_success()) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    if tokio::time::timeout(Duration::from_secs(10), answers).await.is_ok() {
        return Ok(());
    }
    Err(failed("its /v2/ does not answer within 10 s"))
}
