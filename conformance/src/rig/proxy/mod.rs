//! A recorder between exporters and a registry: every request passes as it is, and what it was is written down.
//! Authorization values are never kept. With a guard it refuses requests without credentials. With an authority of the
//! run's it speaks TLS, and tells what comes without. Where a scenario declares faults of the registry, they are made
//! here.

mod authority;
mod faults;
mod guard;
mod recorder;
mod sent;
mod serving;
mod token;
mod told;
mod upstream;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use judge::evidence::{WireFault, WireRecord};
use rustls::RootCertStore;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

pub use authority::{Authority, AuthorityError, Flaw};
use faults::Faults;
pub use guard::Guard;
use recorder::{Recorded, Recorder};
use serving::serve;
use token::Tokens;
pub use told::Known;
use upstream::Upstream;

use crate::limits::{Overdue, Patience};

/// Why no recorder can be started.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// No port can be had.
    #[error("listen on a port of this machine")]
    Listen {
        /// Why not.
        #[from]
        source: std::io::Error,
    },
    /// The registry cannot be spoken to under TLS.
    #[error("set up TLS for the registry")]
    Tls {
        /// Why not.
        #[from]
        source: rustls::Error,
    },
}

/// What a recorder is told beyond the registry that it stands before.
#[derive(Default)]
pub struct Setup<'a> {
    /// Refuses requests without its password.
    pub guard: Option<Guard>,
    /// Has the recorder speak TLS, with a certificate that this authority signed.
    pub authority: Option<&'a Authority>,
    /// Has it speak TLS with a certificate that is not to be trusted, and want credentials.
    pub doubtful: Option<TlsAcceptor>,
    /// Whose certificates a registry with TLS may have.
    pub roots: Option<RootCertStore>,
    /// Wants tokens, which its own token server gives for credentials that are made up.
    pub wants_tokens: bool,
    /// A recorder in whose order the requests of this one are counted.
    pub beside: Option<&'a RecordingProxy>,
}

/// A running recorder; it ends when it is dropped.
pub struct RecordingProxy {
    address: SocketAddr,
    host: String,
    recorder: Arc<Recorder>,
    tasks: Vec<JoinHandle<()>>,
}

/// The address of recorders.
const HERE: &str = "127.0.0.1";
/// The address of the host that a registry leads to in a fault: another one than the registry's, and this machine too.
const ELSEWHERE: &str = "127.0.0.2";

impl RecordingProxy {
    /// Starts before the registry at `upstream`, `http://host:port`.
    ///
    /// # Errors
    /// [`ProxyError`] where no port can be had.
    pub async fn start(upstream: &str) -> Result<Self, ProxyError> {
        Self::start_as(upstream, Setup::default(), &Patience::default()).await
    }

    /// Starts before the registry at `upstream`, to which only those that the guard lets pass come.
    ///
    /// # Errors
    /// [`ProxyError`] where no port can be had.
    pub async fn start_guarded(upstream: &str, guard: Guard, patience: &Patience) -> Result<Self, ProxyError> {
        Self::start_as(upstream, Setup { guard: Some(guard), ..Setup::default() }, patience).await
    }

    /// Starts before the registry at `upstream`, `http://host:port` or `https://host[:port]`; it waits for the registry
    /// as long as `patience` says.
    ///
    /// # Errors
    /// [`ProxyError`] where no port can be had, or no TLS.
    pub async fn start_as(upstream: &str, setup: Setup<'_>, patience: &Patience) -> Result<Self, ProxyError> {
        let listener = TcpListener::bind((HERE, 0)).await?;
        let address = listener.local_addr()?;
        let host = address.to_string();
        let other = TcpListener::bind((ELSEWHERE, 0)).await.ok();
        let elsewhere = other.as_ref().and_then(|other| other.local_addr().ok()).map(|address| address.to_string());
        let registry = Upstream::new(upstream, setup.roots.unwrap_or_else(RootCertStore::empty))?;
        let recorder = Arc::new(Recorder {
            upstream: if setup.authority.is_some() || setup.doubtful.is_some() {
                registry.behind_tls(&host)
            } else {
                registry
            },
            next: setup.beside.map(|other| Arc::clone(&other.recorder.next)).unwrap_or_default(),
            records: Mutex::new(Vec::new()),
            guard: setup.guard,
            made_up: Mutex::new(Vec::new()),
            tokens: setup.wants_tokens.then(|| Tokens::new(&host)),
            known: Mutex::new(BTreeMap::new()),
            elsewhere: elsewhere.clone(),
            is_doubtful: setup.doubtful.is_some(),
            acceptor: setup.doubtful.or_else(|| setup.authority.map(Authority::acceptor)),
            handshakes: AtomicU64::new(0),
            unheard_handshakes: AtomicU64::new(0),
            faults: Faults::default(),
            waits: patience.with(format!("the registry at {upstream}")),
            silences: watch::Sender::new(Vec::new()),
        });
        let mut tasks = vec![tokio::spawn(serve(listener, recorder.clone(), None))];
        tasks.extend(other.map(|other| tokio::spawn(serve(other, recorder.clone(), elsewhere))));
        Ok(Self { address, host, recorder, tasks })
    }

    /// `127.0.0.1:port`.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Takes the records of all requests whose path begins with `prefix`, and of those that had the credentials made up for
    /// it in the clear or where they do not belong.
    #[must_use]
    pub fn taken(&self, prefix: &str) -> Vec<WireRecord> {
        let mut records = self.recorder.records.lock().unwrap_or_else(PoisonError::into_inner);
        let is_of_it = |one: &Recorded| one.record.target.starts_with(prefix) || one.of.as_deref() == Some(prefix);
        let (taken, kept): (Vec<_>, Vec<_>) = records.drain(..).partition(is_of_it);
        *records = kept;
        taken.into_iter().map(|one| one.record).collect()
    }

    /// Whether it speaks TLS.
    #[must_use]
    pub fn has_tls(&self) -> bool {
        self.recorder.acceptor.is_some()
    }

    /// Whether a client has spoken TLS to it: has accepted its certificate.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        self.recorder.handshakes.load(Ordering::Relaxed) > 0
    }

    /// Whether a client has begun a TLS handshake where it speaks none.
    #[must_use]
    pub fn was_asked_for_tls(&self) -> bool {
        self.recorder.unheard_handshakes.load(Ordering::Relaxed) > 0
    }

    /// A user and a password that are good where a fault wants credentials of requests whose path begins with `prefix`:
    /// always the same, and other ones than those of any other prefix.
    #[must_use]
    pub fn made_up(&self, prefix: &str) -> (String, String) {
        let mut all = self.recorder.made_up.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.iter().position(|(of, _)| of == prefix).unwrap_or_else(|| {
            // Without randomness the pair still tells these requests from others, on this machine alone.
            all.push((prefix.to_owned(), Guard::made_up().unwrap_or_else(|| Guard::new("platform", prefix))));
            all.len() - 1
        });
        (all[known].1.user.clone(), all[known].1.password.clone())
    }

    /// From now on it is looked for whether requests whose path begins with `prefix` tell what is known, and whether ones of
    /// no other prefix tell a credential of it.
    pub fn look_for(&self, prefix: &str, known: Known) {
        self.recorder.known.lock().unwrap_or_else(PoisonError::into_inner).insert(prefix.to_owned(), Arc::new(known));
    }

    /// From now on requests whose path begins with `prefix` meet these faults of the registry, and no others.
    pub fn arm(&self, prefix: &str, faults: &[WireFault]) {
        self.recorder.faults.arm(prefix, faults);
    }

    /// Takes the first silence of the registry in a request whose path begins with `prefix`, where there was one.
    #[must_use]
    pub fn silence(&self, prefix: &str) -> Option<Overdue> {
        let mut found = None;
        self.recorder.silences.send_if_modified(|silences| {
            found = silences.iter().find(|(target, _)| target.starts_with(prefix)).map(|(_, overdue)| overdue.clone());
            silences.retain(|(target, _)| !target.starts_with(prefix));
            false
        });
        found
    }

    /// Waits until the registry is silent in such a request.
    pub async fn falls_silent(&self, prefix: &str) -> Overdue {
        let mut silences = self.recorder.silences.subscribe();
        loop {
            silences.mark_unchanged();
            if let Some(found) = self.silence(prefix) {
                return found;
            }
            if silences.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }
}

impl Drop for RecordingProxy {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::header;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use judge::evidence::Channel;

    use super::*;
    use crate::observe::{Credentials, RegistryClient};
    use crate::rig::registry::{Registry, RegistryChoice};

    #[tokio::test]
    async fn a_guard_lets_nobody_pass_without_its_password_and_keeps_none() {
        let registry = Registry::start(&RegistryChoice::Embedded, None).await.unwrap();
        let guard = Guard::new("somebody", "open-sesame");
        let proxy = RecordingProxy::start_guarded(registry.base_url(), guard, &Patience::default()).await.unwrap();
        let url = format!("http://{}", proxy.host());
        let password =
            |password: &str| Some(Credentials::Password { user: "somebody".to_owned(), password: password.to_owned() });
        let push = async |credentials| {
            let client = RegistryClient::new(&url, credentials).unwrap();
            client.push_blob("team/app", bytes::Bytes::from_static(b"a blob")).await
        };
        for credentials in [None, password("wrong")] {
            let refused = push(credentials).await.unwrap_err().to_string();
            assert!(refused.contains("401"), "{refused}");
        }
        assert!(proxy.taken("/v2/").iter().all(|record| record.status == 401));
        let digest = push(password("open-sesame")).await.unwrap();
        let behind = RegistryClient::new(registry.base_url(), None).unwrap();
        assert!(behind.has_blob("team/app", &digest).await.unwrap());
        let records = proxy.taken("/v2/");
        assert!(records.iter().any(|record| record.had_credentials && record.status == 201), "{records:?}");
        assert!(!format!("{records:?}").contains("Basic"), "{records:?}");
    }

    /// All that is answered to a request, until the connection is closed.
    async fn said(proxy: &RecordingProxy, request: &str) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(proxy.host()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // A connection that is reset has said what it had.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[tokio::test]
    async fn declared_faults_are_made_written_down_and_over_when_they_are() {
        let registry = Registry::start(&RegistryChoice::Embedded, None).await.unwrap();
        let proxy = RecordingProxy::start(registry.base_url()).await.unwrap();
        let fault = |text: &str| toml::from_str::<WireFault>(text).unwrap();
        proxy.arm(
            "/v2/team/",
            &[
                fault("method='GET'\npath='app/manifests/*'\ntimes=1\nkind='reset-before'"),
                fault("method='PUT'\npath='app/manifests/*'\nkind='not-stored'"),
            ],
        );
        let get = "GET /v2/team/app/manifests/latest HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let put = "PUT /v2/team/app/manifests/latest HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 32\r\n\r\n\
                   {\"config\":{\"digest\":\"sha256:0\"}}";
        assert_eq!(said(&proxy, get).await, "");
        assert!(said(&proxy, put).await.starts_with("HTTP/1.1 201 "));
        assert!(said(&proxy, get).await.starts_with("HTTP/1.1 404 "));
        let records = proxy.taken("/v2/team/");
        let seen: Vec<_> = records.iter().map(|one| (one.status, one.fault, one.answered.is_some())).collect();
        assert_eq!(seen, [(0, Some(0), false), (201, Some(1), true), (404, None, true)]);
        assert_eq!(records[1].manifest.as_ref().unwrap().blobs, ["sha256:0"]);
        proxy.arm("/v2/team/", &[]);
        assert!(!said(&proxy, put).await.starts_with("HTTP/1.1 201 "));
    }

    /// A recorder under TLS before a registry, and the registry as one is asked who trusts it.
    async fn under_tls(registry: &Registry, authority: &Authority) -> (RecordingProxy, Upstream) {
        let setup = Setup { authority: Some(authority), ..Setup::default() };
        let proxy = RecordingProxy::start_as(registry.base_url(), setup, &Patience::default()).await.unwrap();
        let client = Upstream::new(&format!("https://{}", proxy.host()), trusting(authority)).unwrap();
        (proxy, client)
    }

    fn trusting(authority: &Authority) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(authority.certificate().clone()).unwrap();
        roots
    }

    async fn get(client: &Upstream, target: &str) -> Result<(u16, String), hyper_util::client::legacy::Error> {
        let request = axum::http::Request::get(client.url(target).unwrap()).body(Body::empty()).unwrap();
        let answer = client.ask(request).await?;
        let place = answer.headers().get(header::LOCATION).map(|value| value.to_str().unwrap().to_owned());
        Ok((answer.status().as_u16(), place.unwrap_or_default()))
    }

    #[tokio::test]
    async fn what_comes_without_tls_is_told_and_not_passed_on() {
        let registry = Registry::start(&RegistryChoice::Embedded, None).await.unwrap();
        let authority = Authority::new().unwrap();
        let (proxy, client) = under_tls(&registry, &authority).await;
        assert!(proxy.has_tls() && !proxy.is_trusted());
        // Who trusts another authority does not come to speak.
        let other = Upstream::new(&format!("https://{}", proxy.host()), trusting(&Authority::new().unwrap())).unwrap();
        get(&other, "/v2/team/app/tags/list").await.unwrap_err();
        assert!(!proxy.is_trusted() && proxy.taken("/v2/").is_empty());
        assert_eq!(get(&client, "/v2/team/app/manifests/latest").await.unwrap().0, 404);
        assert!(proxy.is_trusted());
        let put = "PUT /v2/team/app/manifests/latest HTTP/1.1\r\nHost: x\r\nAuthorization: Basic c2VjcmV0\r\n\
                   Content-Length: 2\r\n\r\n{}";
        let answer = said(&proxy, put).await;
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("HTTP request to an HTTPS server"), "{answer}");
        // What is of no repository is of those who were given what it is asked with.
        let (user, password) = proxy.made_up("/v2/mine/");
        assert_ne!(proxy.made_up("/v2/other/").1, password);
        let pair = STANDARD.encode(format!("{user}:{password}"));
        said(&proxy, &format!("GET /v2/ HTTP/1.0\r\nAuthorization: Basic {pair}\r\n\r\n")).await;
        assert!(proxy.taken("/v2/other/").is_empty());
        assert!(matches!(&proxy.taken("/v2/mine/")[..], [one] if one.is_in_the_clear() && one.target == "/v2/"));
        let records = proxy.taken("/v2/team/");
        let seen: Vec<_> = records
            .iter()
            .map(|one| (one.channel.unwrap(), one.status, one.request_bytes, one.had_credentials))
            .collect();
        assert_eq!(seen, [(Channel::Tls, 404, 0, false), (Channel::Clear, 400, 2, true)]);
        assert!(!format!("{records:?}").contains("c2VjcmV0"), "{records:?}");
        assert!(proxy.taken("/").is_empty());
    }

    #[tokio::test]
    async fn a_registry_under_tls_leads_elsewhere_with_it_and_without() {
        let registry = Registry::start(&RegistryChoice::Embedded, None).await.unwrap();
        let authority = Authority::new().unwrap();
        let (proxy, client) = under_tls(&registry, &authority).await;
        let target = "/v2/team/app/manifests/latest";
        let led = async |more: &str| {
            let fault = format!("method='GET'\npath='*'\nkind='redirect'\n{more}");
            proxy.arm("/v2/team/", &[toml::from_str::<WireFault>(&fault).unwrap()]);
            let (status, place) = get(&client, target).await.unwrap();
            assert_eq!(status, 307);
            place.strip_suffix(target).unwrap().to_owned()
        };
        let (secure, plain) = (led("").await, led("without-tls=true").await);
        assert!(secure.starts_with("https://127.0.0.2:") && plain.starts_with("http://127.0.0.2:"), "{secure} {plain}");
        let secure = Upstream::new(&secure, trusting(&authority)).unwrap();
        let plain = Upstream::new(&plain, RootCertStore::empty()).unwrap();
        let _ = proxy.taken("/");
        for there in [&secure, &plain] {
            assert_eq!(get(there, target).await.unwrap().0, 404);
        }
        let seen: Vec<_> =
            proxy.taken("/").into_iter().map(|one| (one.channel.unwrap(), one.elsewhere.is_some())).collect();
        assert_eq!(seen, [(Channel::Tls, true), (Channel::Clear, true)]);
    }

    #[tokio::test]
    async fn a_registry_with_tls_is_asked_by_its_certificate_alone() {
        let registry = Registry::start(&RegistryChoice::Embedded, None).await.unwrap();
        let (theirs, ours) = (Authority::new().unwrap(), Authority::new().unwrap());
        let (registry, _) = under_tls(&registry, &theirs).await;
        let url = format!("https://{}", registry.host());
        for (roots, status) in [(trusting(&theirs), 404), (trusting(&ours), 502)] {
            let setup = Setup { authority: Some(&ours), roots: Some(roots), ..Setup::default() };
            let proxy = RecordingProxy::start_as(&url, setup, &Patience::default()).await.unwrap();
            let client = Upstream::new(&format!("https://{}", proxy.host()), trusting(&ours)).unwrap();
            assert_eq!(get(&client, "/v2/team/app/manifests/latest").await.unwrap().0, status);
        }
        assert!(registry.taken("/").iter().all(|record| record.channel == Some(Channel::Tls)));
    }
}
