//! A recorder between exporters and a registry: every request passes as it is, and what it was is written down.
//! Authorization values are never kept. With a guard it lets nobody pass without credentials. With an authority of the
//! run's it speaks TLS, and tells what comes without. Where a scenario declares faults of the registry, they are made
//! here.

mod authority;
mod faults;
mod upstream;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt;
use hyper_util::rt::TokioIo;
use judge::evidence::{Channel, FaultKind, SentManifest, WireFault, WireRecord};
use rustls::RootCertStore;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

pub use authority::{Authority, AuthorityError};
use faults::{Closed, Faults};
use upstream::Upstream;

use crate::limits::{Overdue, Patience, Waits};

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
    /// Lets nobody pass without its password.
    pub guard: Option<Guard>,
    /// Has the recorder speak TLS, with a certificate that this authority signed.
    pub authority: Option<&'a Authority>,
    /// Whose certificates a registry with TLS may have.
    pub roots: Option<RootCertStore>,
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

struct Recorder {
    upstream: Upstream,
    next: Arc<AtomicU64>,
    records: Mutex<Vec<Recorded>>,
    guard: Option<Guard>,
    /// Credentials that no one has but exporters that are given them, by what paths begin with that are asked with them.
    made_up: Mutex<Vec<(String, Guard)>>,
    /// The other host, where there is one on this machine.
    elsewhere: Option<String>,
    /// With which TLS is spoken, where it is.
    acceptor: Option<TlsAcceptor>,
    /// How many connections came to speak under it.
    handshakes: AtomicU64,
    faults: Faults,
    waits: Waits,
    /// In which requests the registry was silent.
    silences: watch::Sender<Vec<(String, Overdue)>>,
}

/// A request, and whose it is where its path does not tell.
struct Recorded {
    record: WireRecord,
    of: Option<String>,
}

/// Basic authentication, for one user and a password that no other run has.
pub struct Guard {
    user: String,
    password: String,
    expected: String,
}

impl Guard {
    /// A guard that lets `user` pass with `password`.
    #[must_use]
    pub fn new(user: &str, password: &str) -> Self {
        let expected = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        Self { user: user.to_owned(), password: password.to_owned(), expected }
    }

    /// A guard whose password no other run has.
    fn made_up() -> Self {
        let bytes = ring::rand::generate::<[u8; 16]>(&ring::rand::SystemRandom::new());
        let bytes = bytes.map(ring::rand::Random::expose).unwrap_or_default();
        Self::new("platform", &bytes.map(|byte| format!("{byte:02x}")).concat())
    }

    fn lets_pass(&self, headers: &HeaderMap) -> bool {
        headers.get(header::AUTHORIZATION).is_some_and(|value| value.as_bytes() == self.expected.as_bytes())
    }
}

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
            upstream: if setup.authority.is_some() { registry.behind_tls(&host) } else { registry },
            next: setup.beside.map(|other| Arc::clone(&other.recorder.next)).unwrap_or_default(),
            records: Mutex::new(Vec::new()),
            guard: setup.guard,
            made_up: Mutex::new(Vec::new()),
            elsewhere: elsewhere.clone(),
            acceptor: setup.authority.map(Authority::acceptor),
            handshakes: AtomicU64::new(0),
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

    /// Takes the records of all requests whose path begins with `prefix`, and of those in the clear that had the
    /// credentials made up for it.
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

    /// Whether anybody has come to speak to it under TLS: has accepted its certificate.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        self.recorder.handshakes.load(Ordering::Relaxed) > 0
    }

    /// A user and a password that are good where a fault wants credentials of requests whose path begins with `prefix`:
    /// always the same, and other ones than those of any other prefix.
    #[must_use]
    pub fn made_up(&self, prefix: &str) -> (String, String) {
        let mut all = self.recorder.made_up.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.iter().position(|(of, _)| of == prefix).unwrap_or_else(|| {
            all.push((prefix.to_owned(), Guard::made_up()));
            all.len() - 1
        });
        (all[known].1.user.clone(), all[known].1.password.clone())
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

impl Recorder {
    /// Whether a request has the credentials that it needs; those that are none of the registry's are taken away.
    fn lets_pass(&self, headers: &mut HeaderMap, target: &str, is_elsewhere: bool) -> bool {
        let is_made_up = self.whose(headers).is_some();
        let asks = !is_elsewhere && self.faults.want_credentials(target);
        let has_some = headers.contains_key(header::AUTHORIZATION);
        // The registry knows neither those nor what is for another host.
        if is_made_up || is_elsewhere {
            headers.remove(header::AUTHORIZATION);
        }
        if is_elsewhere {
            return true;
        }
        if let Some(guard) = &self.guard {
            let passes = guard.lets_pass(headers);
            headers.remove(header::AUTHORIZATION);
            return passes;
        }
        !asks || has_some
    }

    /// For what the credentials of a request were made up.
    fn whose(&self, headers: &HeaderMap) -> Option<String> {
        let all = self.made_up.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|(_, guard)| guard.lets_pass(headers)).map(|(of, _)| of.clone())
    }

    fn change(&self, sequence: u64, change: impl FnOnce(&mut WireRecord)) {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(one) = records.iter_mut().rev().find(|one| one.record.sequence == sequence) {
            change(&mut one.record);
        }
    }

    /// What a fault answers in place of the registry; none where the registry is asked.
    async fn instead(
        &self,
        (sequence, target): (u64, &str),
        fault: &WireFault,
        (body, kept): (
            &mut (impl futures_util::Stream<Item = Result<bytes::Bytes, axum::Error>> + Unpin),
            Option<&Kept>,
        ),
    ) -> Option<Result<Response, Closed>> {
        if matches!(
            fault.kind,
            FaultKind::Status | FaultKind::MountRefused | FaultKind::NotStored | FaultKind::Redirect
        ) {
            // What is answered before all was sent can be lost with the connection.
            while let Some(Ok(_)) = body.next().await {}
        }
        let manifest = kept.and_then(Kept::manifest);
        let digest = manifest.as_ref().map(|manifest| manifest.digest.to_string());
        self.change(sequence, |record| record.manifest = manifest);
        let answer = faults::instead(fault, target, digest, self.led_to(fault).as_deref()).await?;
        if let Ok(answer) = &answer {
            self.answered(sequence, answer.status());
        }
        Some(answer)
    }

    /// How the URL begins of the host to which a fault leads, where there is one.
    fn led_to(&self, fault: &WireFault) -> Option<String> {
        let scheme = if self.acceptor.is_some() && !fault.without_tls { "https" } else { "http" };
        self.elsewhere.as_ref().map(|host| format!("{scheme}://{host}"))
    }

    /// Writes down what was answered, when all of an answer but its body is on its way.
    fn answered(&self, sequence: u64, status: StatusCode) {
        let place = self.next.fetch_add(1, Ordering::Relaxed);
        self.change(sequence, |record| (record.status, record.answered) = (status.as_u16(), Some(place)));
    }

    fn silent(&self, target: &str, doing: &str, waited: Duration) -> Overdue {
        let overdue = self.waits.silent(doing, waited);
        self.silences.send_modify(|silences| silences.push((target.to_owned(), overdue.clone())));
        overdue
    }
}

/// How far a request has come, to tell a registry that does not take it from a client that does not send it.
#[derive(Clone)]
struct Sent(Arc<Mutex<(Instant, bool)>>);

impl Sent {
    fn new() -> Self {
        Self(Arc::new(Mutex::new((Instant::now(), false))))
    }

    fn note(&self, waits_for_client: bool) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (Instant::now(), waits_for_client);
    }

    /// Since when the registry has been silent; none while the client is waited for.
    fn silent_since(&self) -> Option<Instant> {
        let (at, waits_for_client) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (!waits_for_client).then_some(at)
    }
}

/// A wait for the registry. Where its client gives up after long, the registry was silent all the same.
struct Waiting {
    recorder: Arc<Recorder>,
    target: String,
    doing: String,
    sent: Sent,
    over: bool,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let waited = self.sent.silent_since().map(|since| since.elapsed());
        if let Some(waited) = waited.filter(|waited| !self.over && self.recorder.waits.was_long(*waited)) {
            self.recorder.silent(&self.target, &self.doing, waited);
        }
    }
}

impl Waiting {
    /// Waits for the head of an answer.
    async fn head<T>(&mut self, answer: impl Future<Output = T>) -> Result<T, Overdue> {
        tokio::pin!(answer);
        loop {
            let (since, limit) = (self.sent.silent_since(), self.recorder.waits.limit());
            let until = since.unwrap_or_else(Instant::now) + limit;
            tokio::select! {
                biased;
                answer = &mut answer => {
                    self.over = true;
                    return Ok(answer);
                }
                () = tokio::time::sleep_until(until.into()) => {}
            }
            if let Some(now) = self.sent.silent_since().filter(|_| since.is_some())
                && now.elapsed() >= limit
            {
                self.over = true;
                return Err(self.recorder.silent(&self.target, &self.doing, limit));
            }
        }
    }
}

/// Answers every connection. A connection that the recorder closes without an answer is one of HTTP itself, below what a
/// router can say.
async fn serve(listener: TcpListener, recorder: Arc<Recorder>, elsewhere: Option<String>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // The system has no more descriptors now; it may have some later.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        // Without this, small answers wait for more to send.
        let _ = stream.set_nodelay(true);
        connections.spawn(connected(stream, recorder.clone(), elsewhere.clone()));
        while connections.try_join_next().is_some() {}
    }
}

/// A connection, under TLS or in the clear.
async fn connected(stream: TcpStream, recorder: Arc<Recorder>, elsewhere: Option<String>) {
    let Some(acceptor) = recorder.acceptor.clone() else {
        return answered_on(stream, recorder, Way { elsewhere, channel: None }).await;
    };
    if !is_handshake(&stream).await {
        return answered_on(stream, recorder, Way { elsewhere, channel: Some(Channel::Clear) }).await;
    }
    // Who does not trust the certificate ends the connection here.
    if let Ok(stream) = acceptor.accept(stream).await {
        recorder.handshakes.fetch_add(1, Ordering::Relaxed);
        answered_on(stream, recorder, Way { elsewhere, channel: Some(Channel::Tls) }).await;
    }
}

/// Whether what is sent begins a handshake of TLS: no request begins with this byte.
async fn is_handshake(stream: &TcpStream) -> bool {
    const HANDSHAKE: u8 = 22;
    let mut first = [0];
    stream.peek(&mut first).await.is_ok_and(|count| count == 1) && first == [HANDSHAKE]
}

async fn answered_on(stream: impl AsyncRead + AsyncWrite + Unpin, recorder: Arc<Recorder>, way: Way) {
    let service = hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        pass(recorder.clone(), request.map(Body::new), way.clone())
    });
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// How a request came.
#[derive(Clone)]
struct Way {
    /// The other host, where it came to that.
    elsewhere: Option<String>,
    channel: Option<Channel>,
}

/// What is known of a request before it is passed on.
fn record(sequence: u64, parts: &axum::http::request::Parts, target: &str, way: Way) -> WireRecord {
    let content_type = parts.headers.get(header::CONTENT_TYPE);
    WireRecord {
        sequence,
        method: parts.method.to_string(),
        target: target.to_owned(),
        content_type: content_type.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
        had_credentials: parts.headers.contains_key(header::AUTHORIZATION),
        elsewhere: way.elsewhere,
        channel: way.channel,
        ..WireRecord::default()
    }
}

async fn pass(recorder: Arc<Recorder>, request: Request, way: Way) -> Result<Response, Closed> {
    let sequence = recorder.next.fetch_add(1, Ordering::Relaxed);
    let (mut parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let is_elsewhere = way.elsewhere.is_some();
    let is_unheard = way.channel == Some(Channel::Clear) && !is_elsewhere;
    let of = if is_unheard { recorder.whose(&parts.headers) } else { None };
    let begun = Recorded { record: record(sequence, &parts, &target, way), of };
    recorder.records.lock().unwrap_or_else(PoisonError::into_inner).push(begun);
    let sent = Sent::new();
    let kept = is_manifest(&parts.method, &target).then(Kept::default);
    let mut watched = watched(body, recorder.clone(), sequence, sent.clone(), kept.clone());
    if is_unheard {
        // What is answered before all was sent can be lost with the connection.
        while let Some(Ok(_)) = watched.next().await {}
        recorder.answered(sequence, StatusCode::BAD_REQUEST);
        return Ok(in_the_clear());
    }
    if !recorder.lets_pass(&mut parts.headers, &target, is_elsewhere) {
        recorder.answered(sequence, StatusCode::UNAUTHORIZED);
        return Ok(challenge());
    }
    // A body of known length keeps its header, so that the registry sees what was sent; an empty one stays empty.
    let has_body = parts.headers.contains_key(header::TRANSFER_ENCODING)
        || parts.headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0");
    let met = if is_elsewhere { None } else { recorder.faults.met(&parts.method, &target) };
    if let Some((index, fault)) = &met {
        recorder.change(sequence, |record| record.fault = Some(*index));
        if let Some(answer) = recorder.instead((sequence, &target), fault, (&mut watched, kept.as_ref())).await {
            return answer;
        }
    }
    let asked = met.as_ref().map_or_else(|| target.clone(), |(_, fault)| faults::asked_instead(fault, &target));
    match recorder.upstream.url(&asked) {
        Some(uri) => parts.uri = uri,
        None => return Ok(StatusCode::BAD_REQUEST.into_response()),
    }
    let body = if has_body { Body::from_stream(watched) } else { Body::empty() };
    let doing = format!("answer {} {}", parts.method, parts.uri.path());
    let mut waiting = Waiting { recorder: recorder.clone(), target: target.clone(), doing, sent, over: false };
    let asked = recorder.upstream.ask(axum::http::Request::from_parts(parts, body));
    let (status, why) = match waiting.head(asked).await {
        Ok(Ok(mut response)) => {
            if let Some(kept) = kept {
                recorder.change(sequence, |record| record.manifest = kept.manifest());
            }
            let status = response.status();
            recorder.upstream.lead_back(response.headers_mut());
            let answer = answer(recorder.clone(), (sequence, target), response);
            let answer = match met {
                Some((_, fault)) => faults::spoiled(&fault, answer, recorder.led_to(&fault).as_deref()).await?,
                None => answer,
            };
            recorder.answered(sequence, status);
            return Ok(answer);
        }
        Ok(Err(_)) => (StatusCode::BAD_GATEWAY, String::new()),
        Err(overdue) => (StatusCode::GATEWAY_TIMEOUT, overdue.to_string()),
    };
    recorder.answered(sequence, status);
    Ok((status, why).into_response())
}

/// What Go's server answers to a request that comes without TLS.
fn in_the_clear() -> Response {
    let said = "Client sent an HTTP request to an HTTPS server.\n";
    (StatusCode::BAD_REQUEST, [(header::CONNECTION, "close")], said).into_response()
}

fn is_manifest(method: &Method, target: &str) -> bool {
    method == Method::PUT && target.contains("/manifests/")
}

/// The bytes of a manifest on its way; none of one that is longer than registries take.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    const LONGEST: usize = 4 << 20;

    fn add(&self, chunk: &[u8]) {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes.len() <= Self::LONGEST {
            bytes.extend_from_slice(chunk);
        }
    }

    fn manifest(&self) -> Option<SentManifest> {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (bytes.len() <= Self::LONGEST).then(|| SentManifest::of(&bytes)).flatten()
    }
}

/// A request's body, counted as it passes.
fn watched(
    body: Body,
    recorder: Arc<Recorder>,
    sequence: u64,
    sent: Sent,
    kept: Option<Kept>,
) -> impl futures_util::Stream<Item = Result<bytes::Bytes, axum::Error>> + Unpin {
    let mut body = body.into_data_stream();
    futures_util::stream::poll_fn(move |context| {
        let polled = body.poll_next_unpin(context);
        sent.note(polled.is_pending());
        if let Poll::Ready(Some(Ok(chunk))) = &polled {
            recorder.change(sequence, |record| record.request_bytes += chunk.len() as u64);
            if let Some(kept) = &kept {
                kept.add(chunk);
            }
        }
        polled
    })
}

/// What the distribution specification asks of a registry that wants credentials.
fn challenge() -> Response {
    let body = r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#;
    let headers = [(header::WWW_AUTHENTICATE, "Basic realm=\"registry\""), (header::CONTENT_TYPE, "application/json")];
    (StatusCode::UNAUTHORIZED, headers, body).into_response()
}

fn answer(
    recorder: Arc<Recorder>,
    (sequence, target): (u64, String),
    response: hyper::Response<hyper::body::Incoming>,
) -> Response {
    let (parts, body) = response.into_parts();
    let doing = format!("send {}", target.split('?').next().unwrap_or_default());
    let watched = recorder.waits.stream(&doing, Body::new(body).into_data_stream());
    let counted = watched.map(move |item| match item {
        Ok(chunk) => {
            if let Ok(chunk) = &chunk {
                recorder.change(sequence, |record| record.response_bytes += chunk.len() as u64);
            }
            chunk
        }
        Err(overdue) => {
            recorder.silences.send_modify(|silences| silences.push((target.clone(), overdue.clone())));
            Err(axum::Error::new(overdue))
        }
    });
    Response::from_parts(parts, Body::from_stream(counted))
}

#[cfg(test)]
mod tests {
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
