//! The services of one run: one registry with a recorder before it, and every daemon that is at hand.

use std::sync::Mutex;

use judge::evidence::{StoreKind, WireRecord};

use super::{Options, RunError};
use crate::observe::{BlobStore, Credentials, DaemonObserver, LayerReader, Limits, RegistryClient, RegistryObserver};
use crate::report::ServiceFacts;
use crate::rig::daemon::Daemon;
use crate::rig::proxy::RecordingProxy;
use crate::rig::registry::{Registry, RegistryKind};

/// Variable by which `registry-compose/with-services` names the engine that it started itself.
const OWN_DAEMON: &str = "CONFORMANCE_OWN_DAEMON";

/// A daemon in use.
pub(super) struct DaemonService {
    /// As `--require` names it, made unique with `#2` and so on.
    pub(super) name: String,
    /// Its address.
    pub(super) host: String,
    /// The connection.
    pub(super) daemon: Daemon,
    /// Observes it.
    pub(super) observer: DaemonObserver,
    /// Whether it may be told to push.
    pub(super) may_push: bool,
}

/// What a run uses.
pub(super) struct Services {
    registry: Registry,
    proxy: Option<RecordingProxy>,
    /// The registry as references name it: `host:port`.
    pub(super) host: String,
    /// Publishes in the registry.
    pub(super) client: RegistryClient,
    /// Fetches from the registry.
    pub(super) observer: RegistryObserver,
    /// Reads layers into the evidence.
    pub(super) layers: LayerReader,
    /// Every daemon.
    pub(super) daemons: Vec<DaemonService>,
    /// Why there is none.
    pub(super) no_daemon: String,
    segment: String,
    left_behind: Mutex<Vec<String>>,
}

impl Services {
    /// Finds or starts what `options` ask for.
    pub(super) async fn start(options: &Options, blobs: BlobStore) -> Result<Self, RunError> {
        let first = options.daemons.first().map(String::as_str);
        let registry = Registry::start(&options.registry, first).await?;
        let service = |service: &str, reason: String| RunError::Service { service: service.to_owned(), reason };
        let is_ours = registry.kind() != RegistryKind::Url;
        let proxy = if registry.insecure() {
            let started = RecordingProxy::start(registry.base_url()).await;
            Some(started.map_err(|error| service("the recorder before the registry", error.to_string()))?)
        } else {
            None
        };
        let host = proxy.as_ref().map_or_else(|| registry.host().to_owned(), |proxy| proxy.host().to_owned());
        let layers = LayerReader::new(blobs, Limits::default());
        // Credentials are for a registry that was given; one that was started has none.
        let credentials = if is_ours { None } else { credentials(registry.host()).await? };
        let client = RegistryClient::new(registry.base_url(), credentials)
            .map_err(|error| service("registry", error.to_string()))?;
        let observer = RegistryObserver::new(client.clone(), layers.clone());
        let (daemons, no_daemon) = daemons(options).await?;
        // A registry that others use gets a segment of this run's own, so that runs do not meet.
        let segment = if is_ours { String::new() } else { format!("conformance-{:08x}", unique()) };
        Ok(Self {
            registry,
            proxy,
            host,
            client,
            observer,
            layers,
            daemons,
            no_daemon,
            segment,
            left_behind: Mutex::new(Vec::new()),
        })
    }

    /// A scenario's repository.
    pub(super) fn repository(&self, scenario: &str, name: &str) -> String {
        let parts = [self.registry.prefix(), &self.segment, scenario, name];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
    }

    /// The host for `-insecure-registry`, where there is no TLS.
    pub(super) fn insecure_host(&self) -> Option<&str> {
        self.registry.insecure().then_some(self.host.as_str())
    }

    /// What the exporter sent for one scenario since [`Self::forget_wire`].
    pub(super) fn wire(&self, scenario: &str) -> Option<Vec<WireRecord>> {
        let prefix = format!("/v2/{}/", self.repository(scenario, "").trim_end_matches('/'));
        self.proxy.as_ref().map(|proxy| proxy.taken(&prefix))
    }

    /// Forgets what was sent so far.
    pub(super) fn forget_wire(&self, scenario: &str) {
        let _ = self.wire(scenario);
    }

    /// Whether tags have to be deleted one by one, because the registry outlives the run.
    pub(super) fn cleans_up(&self) -> bool {
        self.registry.kind() == RegistryKind::Url
    }

    /// Deletes a tag, or remembers that it could not be.
    pub(super) async fn delete(&self, repository: &str, tag: &str) {
        let reference = format!("{}/{repository}:{tag}", self.host);
        let failure = match self.observer.tag_state(&reference).await {
            Ok(None) => return,
            // Registries delete by digest; a tag goes with its manifest.
            Ok(Some(digest)) => match self.client.delete(repository, digest.as_str()).await {
                Ok(()) => return,
                Err(error) => error.to_string(),
            },
            Err(error) => error.to_string(),
        };
        if let Ok(mut left) = self.left_behind.lock() {
            left.push(format!("{reference} ({failure})"));
        }
    }

    /// For reports; `observed` is filled in by the caller.
    pub(super) fn facts(&self) -> Vec<ServiceFacts> {
        let fact = |name: &str, kind: &str, version: &str, store: Option<String>, note: &str| ServiceFacts {
            name: name.to_owned(),
            kind: kind.to_owned(),
            version: version.to_owned(),
            store,
            observed: false,
            note: note.to_owned(),
        };
        let registry = &self.registry;
        let mut found = vec![fact("registry", registry.kind().name(), registry.version(), None, registry.why())];
        for service in &self.daemons {
            let (kind, store) = match service.daemon.store() {
                StoreKind::Classic => ("docker", "classic"),
                StoreKind::Containerd => ("docker", "containerd"),
                StoreKind::Podman => ("podman", "podman"),
            };
            found.push(fact(&service.name, kind, service.daemon.version(), Some(store.to_owned()), ""));
        }
        if self.daemons.is_empty() {
            found.push(fact("daemon", "none", "", None, &self.no_daemon));
        }
        found.push(fact("layout", "disk", "", None, ""));
        found
    }

    /// Ends what was started; gives what is left in a registry that was given.
    pub(super) async fn stop(self) -> Vec<String> {
        drop(self.proxy);
        let mut left = self.left_behind.into_inner().unwrap_or_default();
        if let Err(error) = self.registry.stop().await {
            left.push(error.to_string());
        }
        left
    }
}

async fn daemons(options: &Options) -> Result<(Vec<DaemonService>, String), RunError> {
    let own = std::env::var(OWN_DAEMON).ok();
    let mut found: Vec<DaemonService> = Vec::new();
    let hosts: Vec<Option<&str>> = if options.daemons.is_empty() {
        vec![None]
    } else {
        options.daemons.iter().map(|h| Some(h.as_str())).collect()
    };
    for given in hosts {
        let daemon = match Daemon::connect(given).await {
            Ok(daemon) => daemon,
            Err(error) if given.is_none() => return Ok((found, error.to_string())),
            Err(error) => {
                return Err(RunError::Service { service: "daemon".to_owned(), reason: error.to_string() });
            }
        };
        let host = daemon.host().to_owned();
        let kind = daemon.service_name().to_owned();
        let same = found.iter().filter(|other| other.daemon.service_name() == kind).count();
        let name = if same == 0 { kind } else { format!("{kind}#{}", same + 1) };
        let may_push = options.allow_push || own.as_deref() == Some(host.as_str());
        let observer = DaemonObserver::new(daemon.api().clone(), &host, daemon.store(), daemon.version().to_owned())
            .map_err(|error| RunError::Service { service: name.clone(), reason: error.to_string() })?;
        found.push(DaemonService { name, host, daemon, observer, may_push });
    }
    Ok((found, String::new()))
}

/// Asking a credential helper may take its time, so it is done elsewhere.
async fn credentials(host: &str) -> Result<Option<Credentials>, RunError> {
    let fail = |error: &dyn std::fmt::Display| RunError::Service {
        service: "registry".to_owned(),
        reason: format!("docker's config.json: {error}"),
    };
    let host = host.to_owned();
    let asked = tokio::task::spawn_blocking(move || Credentials::from_docker_config(&host)).await;
    asked.map_err(|error| fail(&error))?.map_err(|error| fail(&error))
}

/// A number that no other run at this time has.
fn unique() -> u32 {
    let nanoseconds = jiff::Timestamp::now().as_nanosecond();
    let mixed = nanoseconds ^ (i128::from(std::process::id()) << 7);
    u32::try_from(mixed.rem_euclid(i128::from(u32::MAX))).unwrap_or_default()
}
