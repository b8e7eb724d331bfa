//! The places that scenarios name next to the run's registry: started where a chosen scenario names them, ended with the
//! run.

use super::super::options::RunError;
use crate::error::{Cause, chain};
use crate::limits::Patience;
use crate::observe::{Credentials, LayerReader, RegistryClient, RegistryObserver, Trust};
use crate::record::ServiceFacts;
use crate::rig::proxy::{Guard, RecordingProxy};
use crate::rig::registry::{Registry, RegistryChoice, RegistryKind};
use crate::rig::unreachable::{ClosedPort, SilentServer};
use crate::scenario::Place;

/// How a registry is spoken to.
#[derive(Clone)]
pub(in crate::run) struct Access {
    /// The registry as references name it: `host:port`.
    pub(in crate::run) host: String,
    /// Publishes in it.
    pub(in crate::run) client: RegistryClient,
    /// Fetches from it.
    pub(in crate::run) observer: RegistryObserver,
}

impl Access {
    pub(in crate::run) fn of(
        registry: &Registry,
        host: String,
        credentials: Option<Credentials>,
        (layers, trust, patience): (&LayerReader, &Trust, &Patience),
    ) -> Result<Self, RunError> {
        let client = RegistryClient::patient(registry.base_url(), credentials, (trust, patience))
            .map_err(|error| RunError::Service { service: "registry".to_owned(), source: error.into() })?;
        let observer = RegistryObserver::new(client.clone(), layers.clone());
        Ok(Self { host, client, observer })
    }
}

/// What was started.
#[derive(Default)]
pub(in crate::run) struct Endpoints {
    other: Option<(Registry, Access)>,
    closed: Option<ClosedPort>,
    silent: Option<SilentServer>,
    guarded: Option<Guarded>,
}

/// A registry behind a guard: the exporter speaks to the guard, the suite to the registry.
struct Guarded {
    _guard: RecordingProxy,
    access: Access,
    /// What of the registry is behind it.
    kind: RegistryKind,
}

impl Endpoints {
    /// Starts what `needed` names; `main` is the run's registry, reached by `access`.
    pub(in crate::run) async fn start(
        needed: &[Place],
        (main, access): (&Registry, &Access),
        docker_host: Option<&str>,
        (layers, patience): (&LayerReader, &Patience),
    ) -> Result<Self, RunError> {
        let mut found = Self::default();
        // No guard can be put before a registry that is spoken to with TLS.
        let guards_other = needed.contains(&Place::Guarded) && !main.insecure();
        if needed.contains(&Place::Other) || guards_other {
            let registry = like(main, docker_host).await?;
            let access =
                Access::of(&registry, registry.host().to_owned(), None, (layers, &Trust::default(), patience))?;
            found.other = Some((registry, access));
        }
        if needed.contains(&Place::Closed) {
            found.closed = Some(ClosedPort::take().map_err(|error| failed(Place::Closed, error))?);
        }
        if needed.contains(&Place::Silent) {
            found.silent = Some(SilentServer::start().await.map_err(|error| failed(Place::Silent, error))?);
        }
        if needed.contains(&Place::Guarded) {
            let behind = found.other.as_ref().filter(|_| guards_other).map_or((main, access), |(r, a)| (r, a));
            found.guarded = Some(guarded(behind.0, behind.1, patience).await?);
        }
        Ok(found)
    }

    /// The host by which references name a place; none for the run's registry and what was not started.
    pub(in crate::run) fn host(&self, place: Place) -> Option<&str> {
        match place {
            Place::Main => None,
            Place::Other => self.other.as_ref().map(|(_, access)| access.host.as_str()),
            Place::Closed => self.closed.as_ref().map(ClosedPort::host),
            Place::Silent => self.silent.as_ref().map(SilentServer::host),
            Place::Guarded => self.guarded.as_ref().map(|guarded| guarded.access.host.as_str()),
        }
    }

    /// How images are put there and asked for; none where that cannot be.
    pub(in crate::run) fn access(&self, place: Place) -> Option<&Access> {
        match place {
            Place::Other => self.other.as_ref().map(|(_, access)| access),
            Place::Guarded => self.guarded.as_ref().map(|guarded| &guarded.access),
            Place::Main | Place::Closed | Place::Silent => None,
        }
    }

    /// For reports.
    pub(in crate::run) fn facts(&self) -> Vec<ServiceFacts> {
        let fact = |place: Place, kind: &str, version: &str, note: &str| ServiceFacts {
            name: place.word().to_owned(),
            kind: kind.to_owned(),
            version: version.to_owned(),
            store: None,
            observed: false,
            note: note.to_owned(),
        };
        let mut found = Vec::new();
        if let Some((registry, _)) = &self.other {
            found.push(fact(Place::Other, registry.kind().name(), registry.version(), registry.why()));
        }
        if self.closed.is_some() {
            found.push(fact(Place::Closed, "none", "", "a port where nothing listens"));
        }
        if self.silent.is_some() {
            found.push(fact(Place::Silent, "none", "", "it accepts connections and never answers"));
        }
        if let Some(guarded) = &self.guarded {
            found.push(fact(Place::Guarded, guarded.kind.name(), "", "behind basic authentication"));
        }
        found
    }

    /// Ends everything; what is left, in words.
    pub(in crate::run) async fn stop(self) -> Vec<String> {
        drop(self.guarded);
        match self.other {
            Some((registry, _)) => registry.stop().await.err().map(|error| chain(&error)).into_iter().collect(),
            None => Vec::new(),
        }
    }
}

fn failed(place: Place, cause: impl Into<Cause>) -> RunError {
    RunError::Service { service: place.word().to_owned(), source: cause.into() }
}

/// One more registry of the same kind; an embedded one next to a registry that was given.
async fn like(main: &Registry, docker_host: Option<&str>) -> Result<Registry, RunError> {
    let choice = match main.kind() {
        RegistryKind::Embedded | RegistryKind::Url => RegistryChoice::Embedded,
        RegistryKind::Container => RegistryChoice::Container,
        RegistryKind::Executable => RegistryChoice::Executable,
    };
    Ok(Registry::start(&choice, docker_host).await?)
}

async fn guarded(registry: &Registry, access: &Access, patience: &Patience) -> Result<Guarded, RunError> {
    // No one is told the password, so nothing that leaves the suite can hold it.
    let password = ring::rand::generate::<[u8; 16]>(&ring::rand::SystemRandom::new())
        .map_err(|_| failed(Place::Guarded, "there is no randomness to be had"))?
        .expose()
        .map(|byte| format!("{byte:02x}"))
        .concat();
    let guard = Guard::new("platform", &password);
    let guard = RecordingProxy::start_guarded(registry.base_url(), guard, patience).await;
    let guard = guard.map_err(|error| failed(Place::Guarded, error))?;
    let access = Access { host: guard.host().to_owned(), ..access.clone() };
    Ok(Guarded { _guard: guard, access, kind: registry.kind() })
}
