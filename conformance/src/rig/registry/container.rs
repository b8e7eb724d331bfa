//! `registry:2` in a container, by testcontainers.

use std::time::Duration;

use bollard::models::{HostConfig, PortBinding};
use testcontainers::core::{ContainerPort, IntoContainerPort, WaitFor};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};

use super::{RegistryError, RegistryKind};
use crate::error::{Cause, context};
use crate::limits::{CONTAINER, ENDING, PULL_OF_REGISTRY};
use crate::rig::daemon::{Daemon, DaemonError};

/// The image, of which `registry-compose/compose.yaml` pins a version.
const IMAGE: (&str, &str) = ("registry", "2");

/// A running container; removed when it is stopped or dropped.
pub(super) struct Container {
    running: ContainerAsync<GenericImage>,
    port: u16,
    version: String,
}

fn failed(cause: impl Into<Cause>) -> RegistryError {
    RegistryError::Start { kind: RegistryKind::Container, source: cause.into() }
}

impl Container {
    pub(super) async fn start(docker_host: Option<&str>) -> Result<Self, RegistryError> {
        let daemon = Daemon::connect(docker_host).await.map_err(failed)?;
        make_available(&daemon).await?;
        let image = GenericImage::new(IMAGE.0, IMAGE.1)
            .with_exposed_port(5000.tcp())
            .with_wait_for(WaitFor::seconds(0))
            .with_startup_timeout(Duration::from_secs(30))
            .with_env_var("REGISTRY_STORAGE_DELETE_ENABLED", "true")
            .with_host_config_modifier(publish_on_loopback);
        let late = |_| {
            let (host, seconds) = (daemon.host(), CONTAINER.as_secs());
            failed(format!("the daemon at {host} did not start it within {seconds} s; a container may be left there"))
        };
        let started = tokio::time::timeout(CONTAINER, image.start()).await.map_err(late)?;
        let container = started.map_err(failed)?;
        let port = tokio::time::timeout(CONTAINER, published(&container)).await.map_err(late)??;
        wait_until_ready(port).await?;
        Ok(Self { running: container, port, version: format!("{}:{}", IMAGE.0, IMAGE.1) })
    }

    pub(super) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(super) fn version(&self) -> &str {
        &self.version
    }

    pub(super) async fn stop(self) -> Result<(), RegistryError> {
        let id = self.running.id().to_owned();
        let failed = |cause: Cause| RegistryError::Stop {
            kind: RegistryKind::Container,
            source: context(format!("container {id} is left"))(cause).into(),
        };
        match tokio::time::timeout(ENDING, self.running.rm()).await {
            Ok(removed) => removed.map_err(|error| failed(error.into())),
            Err(_) => Err(failed(format!("the daemon did not remove it within {} s", ENDING.as_secs()).into())),
        }
    }
}

/// An engine publishes on every address where it is not told otherwise.
fn publish_on_loopback(host: &mut HostConfig) {
    let binding = PortBinding { host_ip: Some("127.0.0.1".to_owned()), host_port: None };
    host.publish_all_ports = Some(false);
    host.port_bindings = Some([("5000/tcp".to_owned(), Some(vec![binding]))].into());
}

async fn published(container: &ContainerAsync<GenericImage>) -> Result<u16, RegistryError> {
    container.get_host_port_ipv4(ContainerPort::Tcp(5000)).await.map_err(failed)
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
