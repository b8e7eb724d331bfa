//! The services of one run: one registry with a recorder before it, and every daemon that is available.

pub(super) mod daemon;
pub(super) mod endpoints;
pub(super) mod engine;
pub(super) mod private;
mod recording;
pub(super) mod reference;
pub(super) mod slot;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use judge::digest::Digest;
use judge::evidence::{FaultKind, StoreKind};

use super::options::{Options, RunError};
use crate::error::{Cause, chain};
use crate::limits::Patience;
use crate::locked::locked;
use crate::naming::Names;
use crate::observe::{BlobStore, Credentials, LayerReader, Limits};
use crate::record::{RequiredService, ServiceFacts, is_service};
use crate::rig::daemon::Daemon;
use crate::rig::proxy::{Authority, RecordingProxy, Setup};
use crate::rig::registry::{Registry, RegistryKind};
use crate::scenario::{RegistryEndpoint, Scenario, Step};
use daemon::{DaemonService, Transfers};
use endpoints::{Access, Endpoints, Recording};
use private::PrivateDaemons;
use reference::ResolvedReference;
use slot::DaemonSlot;

/// Variable by which `registry-compose/with-services` names the daemons that it started itself.
const OWN_DAEMON: &str = "CONFORMANCE_OWN_DAEMON";
/// Variable by which it names all daemons; `DOCKER_HOST` is the first of them.
const DAEMONS: &str = "CONFORMANCE_DAEMONS";

/// What a run uses.
pub(super) struct Services {
    registry: Registry,
    proxy: Option<RecordingProxy>,
    /// Why there is none before the registry; empty where there is.
    unrecorded: String,
    main: Access,
    extra: Endpoints,
    handed: Option<Credentials>,
    certificates: Option<String>,
    /// The same with what recorders under TLS need.
    certificates_of_recorders: Option<String>,
    /// Reads layers into the evidence.
    pub(super) layers: LayerReader,
    /// Every daemon available.
    pub(super) daemons: Vec<DaemonSlot>,
    /// Engines of the suite's own.
    pub(super) private: PrivateDaemons,
    /// Why there is none.
    pub(super) no_daemon: String,
    segment: String,
    /// The names of scenarios, as exporters see them.
    pub(super) names: Names,
    left_behind: Mutex<Vec<String>>,
}

impl Services {
    /// What killed runs had left where services were started, in words, and is gone now.
    pub(super) fn removed(&self) -> &[String] {
        self.registry.removed()
    }

    /// Finds or starts what `options` ask for.
    pub(super) async fn start(options: &Options, blobs: BlobStore, patience: &Patience) -> Result<Self, RunError> {
        let first = options.daemons.first().map(String::as_str);
        let registry = Registry::start(&options.registry, first).await?;
        let service = |service: &str, source: Cause| RunError::Service { service: service.to_owned(), source };
        let is_ours = registry.kind() != RegistryKind::Url;
        let mut needed: Vec<RegistryEndpoint> = options.scenarios.iter().flat_map(Scenario::endpoints).collect();
        needed.sort();
        needed.dedup();
        let recorder = patience.within_exporter(Duration::from_secs(options.timeout));
        // An exporter that does not accept the recorder's certificate could not be judged at all.
        let distrust = options.exporter.distrust.clone().filter(|_| !registry.insecure());
        let speaks_tls = !registry.insecure() && distrust.is_none();
        let authority = if speaks_tls
            || needed.iter().any(|one| *one == RegistryEndpoint::Secure || RegistryEndpoint::DOUBTFUL.contains(one))
        {
            Some(Authority::new().map_err(|error| service("the recorder's certificate", error.into()))?)
        } else {
            None
        };
        let proxy = if distrust.is_none() {
            let setup = Setup {
                authority: authority.as_ref().filter(|_| speaks_tls),
                roots: speaks_tls.then(|| options.trust.roots()),
                ..Setup::default()
            };
            let started = RecordingProxy::start_as(registry.base_url(), setup, &recorder).await;
            Some(started.map_err(|error| service("the recorder before the registry", error.into()))?)
        } else {
            None
        };
        let host = proxy.as_ref().map_or_else(|| registry.host().to_owned(), |proxy| proxy.host().to_owned());
        let layers = LayerReader::new(blobs, Limits::default());
        // Credentials are for a registry that was given; one that was started has none.
        let credentials = if is_ours { None } else { credentials(registry.host()).await? };
        let handed = credentials.clone();
        let main = Access::of(&registry, host, credentials, (&layers, &options.trust, patience))?;
        if !is_ours {
            let asked = main.client.check().await;
            asked.map_err(|error| service(&format!("the registry {}", registry.base_url()), error.into()))?;
        }
        let (daemons, no_daemon) = daemons(options, patience).await?;
        if let Some(reason) = missing_daemon(&options.require, &daemons, &no_daemon) {
            return Err(service("daemon", reason.into()));
        }
        let daemons = daemons.into_iter().map(DaemonSlot::new).collect();
        let recording = Recording {
            main: proxy.as_ref(),
            authority: authority.as_ref(),
            trust: &options.trust,
            patience: &recorder,
        };
        let extra = Endpoints::start(&needed, (&registry, &main), first, (&layers, patience), &recording).await?;
        // A registry that others use gets a segment of this run's own, so that runs do not meet.
        let segment = if is_ours { String::new() } else { format!("team-{:08x}", unique()) };
        Ok(Self {
            registry,
            proxy,
            unrecorded: distrust.unwrap_or_default(),
            main,
            extra,
            handed,
            certificates: options.trust.pem().filter(|_| !is_ours),
            certificates_of_recorders: authority.map(|authority| options.trust.pem_with(authority.certificate())),
            layers,
            daemons,
            private: PrivateDaemons::default(),
            no_daemon,
            segment,
            names: options.names.as_ref().map_or_else(Names::drawn, Names::of),
            left_behind: Mutex::new(Vec::new()),
        })
    }

    /// A scenario's repository.
    pub(super) fn repository(&self, scenario: &str, name: &str) -> String {
        let project = self.names.project(scenario);
        let parts = [self.registry.prefix(), &self.segment, &project, name];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
    }

    /// Where a name of a scenario lies.
    pub(super) fn locate(&self, scenario: &str, name: &str) -> ResolvedReference {
        let (endpoint, name) = RegistryEndpoint::split(name);
        let at = name.find('@').or_else(|| name.rfind(':').filter(|colon| !name[*colon..].contains('/')));
        let (repository, rest) = name.split_at(at.unwrap_or(name.len()));
        ResolvedReference {
            endpoint,
            host: self.host(endpoint).to_owned(),
            repository: self.repository(scenario, repository),
            rest: rest.to_owned(),
        }
    }

    /// The host by which references name an endpoint.
    pub(super) fn host(&self, endpoint: RegistryEndpoint) -> &str {
        self.extra.host(endpoint).unwrap_or(&self.main.host)
    }

    /// How an endpoint is spoken to; none where no one answers.
    pub(super) fn access(&self, endpoint: RegistryEndpoint) -> Option<&Access> {
        if endpoint == RegistryEndpoint::Main { Some(&self.main) } else { self.extra.access(endpoint) }
    }

    /// The run's registry.
    pub(super) fn main(&self) -> &Access {
        &self.main
    }

    /// The user's credentials for the run's registry.
    pub(super) fn handed_on(&self) -> Option<&Credentials> {
        self.handed.as_ref()
    }

    /// The credentials that an exporter gets for a step, each with the address for which: the user's for the run's
    /// registry, and such as are good at the recorders of those that want some in this step.
    pub(super) fn credentials(&self, scenario: &Scenario, step: &Step) -> Vec<(Credentials, String)> {
        let mut found = Vec::new();
        for endpoint in scenario.file.endpoints_of(step) {
            let own = self.extra.recorder(endpoint);
            if let Some(handed) = self.handed.as_ref().filter(|_| own.is_none()) {
                if found.iter().all(|(_, host)| *host != self.main.host) {
                    found.push((handed.clone(), self.main.host.clone()));
                }
                continue;
            }
            let is_main = endpoint == RegistryEndpoint::Main;
            let Some(recorder) = own.or(self.proxy.as_ref().filter(|_| is_main)) else { continue };
            let wants_some = endpoint == RegistryEndpoint::Token
                || RegistryEndpoint::DOUBTFUL.contains(&endpoint)
                || step.faults.iter().any(|fault| fault.kind == FaultKind::WantsCredentials);
            // No one has credentials for what stands behind a guard.
            if wants_some && endpoint != RegistryEndpoint::Guarded {
                let (user, password) = recorder.made_up(&self.requests_of(&scenario.name));
                found.push((Credentials::Password { user, password }, recorder.host().to_owned()));
            }
        }
        found
    }

    /// The certificates that exporters have to be told of which speak to these endpoints, as PEM; none where they find
    /// them by themselves.
    pub(super) fn certificates(&self, endpoints: &[RegistryEndpoint]) -> Option<&str> {
        let is_recorder = self.proxy.as_ref().is_some_and(RecordingProxy::has_tls)
            || endpoints.iter().any(|endpoint| self.extra.has_tls(*endpoint));
        if is_recorder { self.certificates_of_recorders.as_deref() } else { self.certificates.as_deref() }
    }

    /// The hosts for `-insecure-registry`: where there is no TLS, the run's registry and what else is in use.
    pub(super) fn insecure_hosts(&self, endpoints: &[RegistryEndpoint]) -> Vec<String> {
        let main = self.registry.insecure().then_some(&self.main.host);
        let plain = endpoints.iter().filter(|endpoint| !self.extra.has_tls(**endpoint));
        let others = plain.filter_map(|endpoint| self.extra.host(*endpoint)).map(str::to_owned);
        let mut found: Vec<String> = main.into_iter().cloned().collect();
        for host in others {
            if !found.contains(&host) {
                found.push(host);
            }
        }
        found
    }

    /// Whether what is at an endpoint has to be deleted one by one, because the registry outlives the run.
    pub(super) fn cleans_up(&self, endpoint: RegistryEndpoint) -> bool {
        let is_main =
            endpoint == RegistryEndpoint::Main || (endpoint == RegistryEndpoint::Guarded && self.registry.insecure());
        is_main && self.is_given()
    }

    /// Whether the run's registry is one that others use too.
    pub(super) fn is_given(&self) -> bool {
        self.registry.kind() == RegistryKind::Url
    }

    /// Deletes a tag, or remembers that it could not be.
    pub(super) async fn delete(&self, repository: &str, tag: &str) {
        let reference = format!("{}/{repository}:{tag}", self.main.host);
        match self.main.observer.tag_state(&reference).await {
            Ok(None) => {}
            // Registries delete by digest; a tag goes with its manifest.
            Ok(Some(digest)) => self.delete_digest(repository, &digest).await,
            Err(error) => self.leave_behind(format!("{reference} ({})", chain(&error))),
        }
    }

    /// Deletes a manifest, or remembers that it could not be.
    pub(super) async fn delete_digest(&self, repository: &str, digest: &Digest) {
        if let Err(error) = self.main.client.delete(repository, digest.as_str()).await {
            self.leave_behind(format!("{}/{repository}@{digest} ({})", self.registry.host(), chain(&error)));
        }
    }

    /// Remembers what could not be taken away.
    pub(super) fn leave_behind(&self, what: String) {
        let mut left = locked(&self.left_behind);
        if !left.contains(&what) {
            left.push(what);
        }
    }

    /// The host of one of [`Self::facts`], where it is one of the endpoints next to the run's registry.
    pub(super) fn host_of(&self, service: &str) -> Option<&str> {
        self.extra.host(RegistryEndpoint::named(service)?)
    }

    /// The stores of Docker's engines available, each with a daemon that has it.
    pub(super) fn stores(&self) -> Vec<(StoreKind, String)> {
        let mut found: Vec<(StoreKind, String)> = Vec::new();
        for slot in &self.daemons {
            let daemon = &slot.current().daemon;
            if daemon.store() != StoreKind::Podman && !found.iter().any(|(store, _)| *store == daemon.store()) {
                found.push((daemon.store(), daemon.version().to_owned()));
            }
        }
        found
    }

    /// Ends a private daemon.
    pub(super) async fn end(&self, service: DaemonService) {
        for left in service.stop(&[]).await {
            self.leave_behind(left);
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
        let note = match (&self.proxy, registry.why()) {
            (Some(_), why) => why.to_owned(),
            (None, _) => format!("what is sent to it is not recorded: {}", self.unrecorded),
        };
        let mut found = vec![fact("registry", registry.kind().name(), registry.version(), None, &note)];
        found.extend(self.extra.facts());
        found.extend(self.daemons.iter().map(DaemonSlot::facts));
        found.extend(self.private.facts());
        if self.daemons.is_empty() {
            found.push(fact("daemon", "none", "", None, &self.no_daemon));
        }
        found.push(fact("layout", "disk", "", None, ""));
        found
    }

    /// Ends what was started; gives what is left in a registry that was given.
    pub(super) async fn stop(self) -> Vec<String> {
        // A host with a port of this run's own; what is called by that of a given registry may be another run's.
        let hosts = if self.proxy.is_some() { vec![self.main.host.clone()] } else { Vec::new() };
        drop(self.proxy);
        let mut left = self.left_behind.into_inner().unwrap_or_else(PoisonError::into_inner);
        for daemon in self.daemons {
            left.extend(daemon.stop(&hosts).await);
        }
        left.extend(self.extra.stop().await);
        if let Err(error) = self.registry.stop().await {
            left.push(chain(&error));
        }
        left
    }
}

/// The words of a variable.
fn several(variable: &str) -> Vec<String> {
    std::env::var(variable).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

/// What is missing of the daemons that have to be observed: known before the first export. Private ones are made later.
fn missing_daemon(require: &[String], daemons: &[DaemonService], why: &str) -> Option<String> {
    let is_at_hand = |wanted: &str| RequiredService::parse(wanted).is_ok_and(RequiredService::is_available_daemon);
    let mut wanted = require.iter().filter(|wanted| is_at_hand(wanted));
    let missing = wanted.find(|wanted| !daemons.iter().any(|daemon| is_service(&daemon.name, wanted)))?;
    let at_hand: Vec<&str> = daemons.iter().map(|daemon| daemon.name.as_str()).collect();
    let found = if at_hand.is_empty() { why.to_owned() } else { format!("there is {}", at_hand.join(", ")) };
    Some(format!("--require {missing}: none is available: {found}"))
}

async fn daemons(options: &Options, patience: &Patience) -> Result<(Vec<DaemonService>, String), RunError> {
    let own = several(OWN_DAEMON);
    // If DOCKER_HOST has been set to another engine since, that one is meant.
    let named = several(DAEMONS);
    let is_first = std::env::var("DOCKER_HOST").ok() == named.first().cloned();
    let at_hand = if is_first { named } else { Vec::new() };
    let mut found: Vec<DaemonService> = Vec::new();
    let given = if options.daemons.is_empty() { &at_hand } else { &options.daemons };
    let hosts: Vec<Option<&str>> =
        if given.is_empty() { vec![None] } else { given.iter().map(|host| Some(host.as_str())).collect() };
    for given in hosts {
        let daemon = match Daemon::connect_patiently(given, patience).await {
            Ok(daemon) => daemon,
            Err(error) if given.is_none() => return Ok((found, format!("failed to {}", chain(&error)))),
            Err(error) => {
                return Err(RunError::Service { service: "daemon".to_owned(), source: error.into() });
            }
        };
        let kind = daemon.service_name();
        let same = found.iter().filter(|other| other.daemon.service_name() == kind).count();
        let name = if same == 0 { kind } else { format!("{kind}#{}", same + 1) };
        let is_allowed = options.allow_push || own.iter().any(|host| host == daemon.host());
        let transfers = if is_allowed { Transfers::Allowed } else { Transfers::NotAllowed };
        found.push(DaemonService::new(name, daemon, transfers, None)?);
    }
    Ok((found, String::new()))
}

async fn credentials(host: &str) -> Result<Option<Credentials>, RunError> {
    let fail = |source: Cause| RunError::Service { service: "registry".to_owned(), source };
    Credentials::of_the_user(host).await.map_err(|error| fail(error.into()))
}

/// A number that no other run at this time has.
fn unique() -> u32 {
    let nanoseconds = jiff::Timestamp::now().as_nanosecond();
    let mixed = nanoseconds ^ (i128::from(std::process::id()) << 7);
    u32::try_from(mixed.rem_euclid(i128::from(u32::MAX))).unwrap_or_default()
}
