//! The endpoints that scenarios name next to the run's registry: started where a chosen scenario names them, ended with
//! the run.

use super::super::options::RunError;
use crate::error::{Cause, chain};
use crate::limits::Patience;
use crate::observe::{Credentials, LayerReader, RegistryClient, RegistryObserver, Trust};
use crate::record::ServiceFacts;
use crate::rig::proxy::{Authority, Flaw, Guard, RecordingProxy, Setup};
use crate::rig::registry::{Registry, RegistryChoice, RegistryKind};
use crate::rig::unreachable::{ClosedPort, SilentServer};
use crate::scenario::RegistryEndpoint;

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
    secure: Option<Guarded>,
    token: Option<Guarded>,
    /// Those whose certificates are not to be trusted.
    doubtful: Vec<(RegistryEndpoint, Guarded)>,
}

/// What is recorded of a run, and with which certificates.
pub(in crate::run) struct Recording<'a> {
    /// The recorder before the run's registry.
    pub(in crate::run) main: Option<&'a RecordingProxy>,
    /// Signs the certificates of recorders that speak TLS.
    pub(in crate::run) authority: Option<&'a Authority>,
    /// Whose certificates the run's registry may have.
    pub(in crate::run) trust: &'a Trust,
    /// How long recorders wait for a registry.
    pub(in crate::run) patience: &'a Patience,
}

impl Recording<'_> {
    /// Whether exporters speak TLS with the recorder before the run's registry.
    fn has_tls(&self) -> bool {
        self.main.is_some_and(RecordingProxy::has_tls)
    }
}

/// A registry behind a guard or TLS: the exporter speaks to the recorder, the suite to the registry.
struct Guarded {
    recorder: RecordingProxy,
    access: Access,
    /// What of the registry is behind it.
    kind: RegistryKind,
}

impl Endpoints {
    /// Starts what `needed` names; `main` is the run's registry, reached by `access`.
    pub(in crate::run) async fn start(
        needed: &[RegistryEndpoint],
        (main, access): (&Registry, &Access),
        docker_host: Option<&str>,
        (layers, patience): (&LayerReader, &Patience),
        recording: &Recording<'_>,
    ) -> Result<Self, RunError> {
        let mut found = Self::default();
        // Before a registry with TLS a guard needs what an exporter of this run does not accept.
        let guards_other = needed.contains(&RegistryEndpoint::Guarded) && !main.insecure() && !recording.has_tls();
        // A registry that was given wants what it wants; here nothing but TLS, or tokens, is to be seen.
        let is_hidden = needed.iter().any(|endpoint| {
            matches!(endpoint, RegistryEndpoint::Secure | RegistryEndpoint::Token) || flaw(*endpoint).is_some()
        });
        let secures_other = is_hidden && main.kind() == RegistryKind::Url;
        if needed.contains(&RegistryEndpoint::Other) || guards_other || secures_other {
            let registry = like(main, docker_host).await?;
            let access =
                Access::of(&registry, registry.host().to_owned(), None, (layers, &Trust::default(), patience))?;
            found.other = Some((registry, access));
        }
        if needed.contains(&RegistryEndpoint::Closed) {
            found.closed = Some(ClosedPort::take().map_err(|error| failed(RegistryEndpoint::Closed, error))?);
        }
        if needed.contains(&RegistryEndpoint::Silent) {
            found.silent = Some(SilentServer::start().await.map_err(|error| failed(RegistryEndpoint::Silent, error))?);
        }
        if needed.contains(&RegistryEndpoint::Guarded) {
            let behind = found.other.as_ref().filter(|_| guards_other).map_or((main, access), |(r, a)| (r, a));
            found.guarded = Some(guarded(behind.0, behind.1, patience, recording).await?);
        }
        if needed.contains(&RegistryEndpoint::Secure) {
            let behind = found.other.as_ref().filter(|_| secures_other).map_or((main, access), |(r, a)| (r, a));
            let setup = Setup { authority: recording.authority, beside: recording.main, ..Setup::default() };
            found.secure = Some(recorded(RegistryEndpoint::Secure, behind, setup, recording.patience).await?);
        }
        if needed.contains(&RegistryEndpoint::Token) {
            let behind = found.other.as_ref().filter(|_| secures_other).map_or((main, access), |(r, a)| (r, a));
            let setup = Setup { wants_tokens: true, beside: recording.main, ..Setup::default() };
            found.token = Some(recorded(RegistryEndpoint::Token, behind, setup, recording.patience).await?);
        }
        for (endpoint, flaw) in needed.iter().filter_map(|endpoint| Some((*endpoint, flaw(*endpoint)?))) {
            let behind = found.other.as_ref().filter(|_| secures_other).map_or((main, access), |(r, a)| (r, a));
            let acceptor = recording.authority.map(|authority| authority.flawed(flaw)).transpose();
            let doubtful = acceptor.map_err(|error| failed(endpoint, error))?;
            let setup = Setup { doubtful, beside: recording.main, ..Setup::default() };
            found.doubtful.push((endpoint, recorded(endpoint, behind, setup, recording.patience).await?));
        }
        Ok(found)
    }

    fn doubtful(&self, endpoint: RegistryEndpoint) -> Option<&Guarded> {
        self.doubtful.iter().find(|(known, _)| *known == endpoint).map(|(_, there)| there)
    }

    /// The host by which references name an endpoint; none for the run's registry and what was not started.
    pub(in crate::run) fn host(&self, endpoint: RegistryEndpoint) -> Option<&str> {
        match endpoint {
            RegistryEndpoint::Main => None,
            RegistryEndpoint::Other => self.other.as_ref().map(|(_, access)| access.host.as_str()),
            RegistryEndpoint::Closed => self.closed.as_ref().map(ClosedPort::host),
            RegistryEndpoint::Silent => self.silent.as_ref().map(SilentServer::host),
            RegistryEndpoint::Guarded => self.guarded.as_ref().map(|guarded| guarded.access.host.as_str()),
            RegistryEndpoint::Secure => self.secure.as_ref().map(|secure| secure.access.host.as_str()),
            RegistryEndpoint::Token => self.token.as_ref().map(|token| token.access.host.as_str()),
            RegistryEndpoint::Impostor | RegistryEndpoint::Expired | RegistryEndpoint::Misnamed => {
                self.doubtful(endpoint).map(|there| there.access.host.as_str())
            }
        }
    }

    /// How images are put there and asked for; none where that cannot be.
    pub(in crate::run) fn access(&self, endpoint: RegistryEndpoint) -> Option<&Access> {
        match endpoint {
            RegistryEndpoint::Other => self.other.as_ref().map(|(_, access)| access),
            RegistryEndpoint::Guarded => self.guarded.as_ref().map(|guarded| &guarded.access),
            RegistryEndpoint::Secure => self.secure.as_ref().map(|secure| &secure.access),
            RegistryEndpoint::Token => self.token.as_ref().map(|token| &token.access),
            RegistryEndpoint::Impostor | RegistryEndpoint::Expired | RegistryEndpoint::Misnamed => {
                self.doubtful(endpoint).map(|there| &there.access)
            }
            RegistryEndpoint::Main | RegistryEndpoint::Closed | RegistryEndpoint::Silent => None,
        }
    }

    /// The recorder of what is sent under TLS.
    pub(in crate::run) fn secure(&self) -> Option<&RecordingProxy> {
        self.recorder(RegistryEndpoint::Secure)
    }

    /// The recorder before an endpoint, of those whose requests are evidence.
    pub(in crate::run) fn recorder(&self, endpoint: RegistryEndpoint) -> Option<&RecordingProxy> {
        let there = match endpoint {
            RegistryEndpoint::Secure => &self.secure,
            RegistryEndpoint::Token => &self.token,
            RegistryEndpoint::Guarded => &self.guarded,
            _ => return self.doubtful(endpoint).map(|there| &there.recorder),
        };
        there.as_ref().map(|there| &there.recorder)
    }

    /// Whether an endpoint is spoken to under TLS, by a certificate of this run's authority.
    pub(in crate::run) fn has_tls(&self, endpoint: RegistryEndpoint) -> bool {
        let there = match endpoint {
            RegistryEndpoint::Guarded => &self.guarded,
            RegistryEndpoint::Secure => &self.secure,
            RegistryEndpoint::Main
            | RegistryEndpoint::Other
            | RegistryEndpoint::Closed
            | RegistryEndpoint::Silent
            | RegistryEndpoint::Token => return false,
            RegistryEndpoint::Impostor | RegistryEndpoint::Expired | RegistryEndpoint::Misnamed => {
                return self.doubtful(endpoint).is_some();
            }
        };
        there.as_ref().is_some_and(|there| there.recorder.has_tls())
    }

    /// For reports.
    pub(in crate::run) fn facts(&self) -> Vec<ServiceFacts> {
        let fact = |endpoint: RegistryEndpoint, kind: &str, version: &str, note: &str| ServiceFacts {
            name: endpoint.name().to_owned(),
            kind: kind.to_owned(),
            version: version.to_owned(),
            store: None,
            observed: false,
            note: note.to_owned(),
        };
        let mut found = Vec::new();
        if let Some((registry, _)) = &self.other {
            found.push(fact(RegistryEndpoint::Other, registry.kind().name(), registry.version(), registry.why()));
        }
        if self.closed.is_some() {
            found.push(fact(RegistryEndpoint::Closed, "none", "", "a port where nothing listens"));
        }
        if self.silent.is_some() {
            found.push(fact(RegistryEndpoint::Silent, "none", "", "it accepts connections and never answers"));
        }
        if let Some(guarded) = &self.guarded {
            found.push(fact(RegistryEndpoint::Guarded, guarded.kind.name(), "", "behind basic authentication"));
        }
        if let Some(secure) = &self.secure {
            let note = "under TLS, with a certificate of this run's own";
            found.push(fact(RegistryEndpoint::Secure, secure.kind.name(), "", note));
        }
        if let Some(token) = &self.token {
            found.push(fact(RegistryEndpoint::Token, token.kind.name(), "", "behind a token server of this run's own"));
        }
        for (endpoint, there) in &self.doubtful {
            let note = match endpoint {
                RegistryEndpoint::Expired => "under TLS, with a certificate that has expired",
                RegistryEndpoint::Misnamed => "under TLS, with another host's certificate",
                _ => "under TLS, with a certificate of an authority that is not trusted",
            };
            found.push(fact(*endpoint, there.kind.name(), "", note));
        }
        found
    }

    /// Ends everything; what is left, in words.
    pub(in crate::run) async fn stop(self) -> Vec<String> {
        drop((self.guarded, self.secure, self.token, self.doubtful));
        match self.other {
            Some((registry, _)) => registry.stop().await.err().map(|error| chain(&error)).into_iter().collect(),
            None => Vec::new(),
        }
    }
}

fn flaw(endpoint: RegistryEndpoint) -> Option<Flaw> {
    match endpoint {
        RegistryEndpoint::Impostor => Some(Flaw::Unknown),
        RegistryEndpoint::Expired => Some(Flaw::Expired),
        RegistryEndpoint::Misnamed => Some(Flaw::Misnamed),
        _ => None,
    }
}

fn failed(endpoint: RegistryEndpoint, cause: impl Into<Cause>) -> RunError {
    RunError::Service { service: endpoint.name().to_owned(), source: cause.into() }
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

async fn guarded(
    registry: &Registry,
    access: &Access,
    patience: &Patience,
    recording: &Recording<'_>,
) -> Result<Guarded, RunError> {
    // No one is told the password, so nothing that leaves the suite can hold it.
    let guard = Guard::made_up()
        .ok_or_else(|| failed(RegistryEndpoint::Guarded, "the system gives no randomness for a password"))?;
    let has_tls = !registry.insecure();
    let setup = Setup {
        guard: Some(guard),
        authority: recording.authority.filter(|_| has_tls),
        roots: has_tls.then(|| recording.trust.roots()),
        beside: recording.main,
        ..Setup::default()
    };
    recorded(RegistryEndpoint::Guarded, (registry, access), setup, patience).await
}

/// A recorder before a registry, as `setup` says.
async fn recorded(
    endpoint: RegistryEndpoint,
    (registry, access): (&Registry, &Access),
    setup: Setup<'_>,
    patience: &Patience,
) -> Result<Guarded, RunError> {
    let recorder = RecordingProxy::start_as(registry.base_url(), setup, patience).await;
    let recorder = recorder.map_err(|error| failed(endpoint, error))?;
    let access = Access { host: recorder.host().to_owned(), ..access.clone() };
    Ok(Guarded { recorder, access, kind: registry.kind() })
}
