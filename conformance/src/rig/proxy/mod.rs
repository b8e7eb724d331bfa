//! A recorder between exporters and a registry that is spoken to without TLS: every request passes as it is, and what
//! it was is written down. Authorization values are never kept. With a guard it lets nobody pass without credentials.
//! Where a scenario declares faults of the registry, they are made here.

mod faults;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use judge::evidence::{FaultKind, SentManifest, WireFault, WireRecord};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use faults::{Closed, Faults};

use crate::limits::{CONNECT, Overdue, Patience, Waits};

/// A running recorder; it ends when it is dropped.
pub struct RecordingProxy {
    address: SocketAddr,
    host: String,
    recorder: Arc<Recorder>,
    tasks: Vec<JoinHandle<()>>,
}

/// The address of the host that a registry leads to in a fault: another one than the registry's, and this machine too.
const ELSEWHERE: &str = "127.0.0.2";

struct Recorder {
    client: Client<HttpConnector, Body>,
    upstream: String,
    next: AtomicU64,
    records: Mutex<Vec<WireRecord>>,
    guard: Option<Guard>,
    /// Credentials that no one has but exporters that are given them.
    made_up: Guard,
    /// The other host, where there is one on this machine.
    elsewhere: Option<String>,
    faults: Faults,
    waits: Waits,
    /// In which requests the registry was silent.
    silences: watch::Sender<Vec<(String, Overdue)>>,
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
    /// The system's, where no port can be had.
    pub async fn start(upstream: &str) -> std::io::Result<Self> {
        Self::start_with(upstream, None, &Patience::default()).await
    }

    /// As [`Self::start`]; it waits for the registry as long as `patience` says.
    ///
    /// # Errors
    /// The system's, where no port can be had.
    pub async fn start_patient(upstream: &str, patience: &Patience) -> std::io::Result<Self> {
        Self::start_with(upstream, None, patience).await
    }

    /// Starts before the registry at `upstream`, to which only those that the guard lets pass come.
    ///
    /// # Errors
    /// The system's, where no port can be had.
    pub async fn start_guarded(upstream: &str, guard: Guard, patience: &Patience) -> std::io::Result<Self> {
        Self::start_with(upstream, Some(guard), patience).await
    }

    async fn start_with(upstream: &str, guard: Option<Guard>, patience: &Patience) -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT));
        let other = tokio::net::TcpListener::bind((ELSEWHERE, 0)).await.ok();
        let elsewhere = other.as_ref().and_then(|other| other.local_addr().ok()).map(|address| address.to_string());
        let recorder = Arc::new(Recorder {
            client: Client::builder(TokioExecutor::new()).build(connector),
            upstream: upstream.trim_end_matches('/').to_owned(),
            next: AtomicU64::new(0),
            records: Mutex::new(Vec::new()),
            guard,
            made_up: Guard::made_up(),
            elsewhere: elsewhere.clone(),
            faults: Faults::default(),
            waits: patience.with(format!("the registry at {upstream}")),
            silences: watch::Sender::new(Vec::new()),
        });
        let mut tasks = vec![tokio::spawn(serve(listener, recorder.clone(), None))];
        tasks.extend(other.map(|other| tokio::spawn(serve(other, recorder.clone(), elsewhere))));
        Ok(Self { address, host: address.to_string(), recorder, tasks })
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

    /// Takes the records of all requests whose path begins with `prefix`.
    #[must_use]
    pub fn taken(&self, prefix: &str) -> Vec<WireRecord> {
        let mut records = self.recorder.records.lock().unwrap_or_else(PoisonError::into_inner);
        let (taken, kept) = records.drain(..).partition(|record| record.target.starts_with(prefix));
        *records = kept;
        taken
    }

    /// The user and the password that are good where a fault wants credentials.
    #[must_use]
    pub fn made_up(&self) -> (&str, &str) {
        (&self.recorder.made_up.user, &self.recorder.made_up.password)
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
        let is_made_up = self.made_up.lets_pass(headers);
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

    fn change(&self, sequence: u64, change: impl FnOnce(&mut WireRecord)) {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(record) = records.iter_mut().rev().find(|record| record.sequence == sequence) {
            change(record);
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
        let answer = faults::instead(fault, target, digest, self.elsewhere.as_deref()).await?;
        if let Ok(answer) = &answer {
            self.answered(sequence, answer.status());
        }
        Some(answer)
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
async fn serve(listener: tokio::net::TcpListener, recorder: Arc<Recorder>, elsewhere: Option<String>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // The system has no more descriptors now; it may have some later.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        // Without this, small answers wait for more to send.
        let _ = stream.set_nodelay(true);
        let (recorder, elsewhere) = (recorder.clone(), elsewhere.clone());
        connections.spawn(async move {
            let service = hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                pass(recorder.clone(), request.map(Body::new), elsewhere.clone())
            });
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

/// What is known of a request before it is passed on.
fn record(sequence: u64, parts: &axum::http::request::Parts, target: &str) -> WireRecord {
    let content_type = parts.headers.get(header::CONTENT_TYPE);
    WireRecord {
        sequence,
        method: parts.method.to_string(),
        target: target.to_owned(),
        content_type: content_type.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
        had_credentials: parts.headers.contains_key(header::AUTHORIZATION),
        ..WireRecord::default()
    }
}

async fn pass(recorder: Arc<Recorder>, request: Request, elsewhere: Option<String>) -> Result<Response, Closed> {
    let sequence = recorder.next.fetch_add(1, Ordering::Relaxed);
    let (mut parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let is_elsewhere = elsewhere.is_some();
    let begun = WireRecord { elsewhere, ..record(sequence, &parts, &target) };
    recorder.records.lock().unwrap_or_else(PoisonError::into_inner).push(begun);
    if !recorder.lets_pass(&mut parts.headers, &target, is_elsewhere) {
        recorder.answered(sequence, StatusCode::UNAUTHORIZED);
        return Ok(challenge());
    }
    let sent = Sent::new();
    let kept = is_manifest(&parts.method, &target).then(Kept::default);
    // A body of known length keeps its header, so that the registry sees what was sent; an empty one stays empty.
    let has_body = parts.headers.contains_key(header::TRANSFER_ENCODING)
        || parts.headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0");
    let mut watched = watched(body, recorder.clone(), sequence, sent.clone(), kept.clone());
    let met = if is_elsewhere { None } else { recorder.faults.met(&parts.method, &target) };
    if let Some((index, fault)) = &met {
        recorder.change(sequence, |record| record.fault = Some(*index));
        if let Some(answer) = recorder.instead((sequence, &target), fault, (&mut watched, kept.as_ref())).await {
            return answer;
        }
    }
    let asked = met.as_ref().map_or_else(|| target.clone(), |(_, fault)| faults::asked_instead(fault, &target));
    match format!("{}{asked}", recorder.upstream).parse::<Uri>() {
        Ok(uri) => parts.uri = uri,
        Err(_) => return Ok(StatusCode::BAD_REQUEST.into_response()),
    }
    let body = if has_body { Body::from_stream(watched) } else { Body::empty() };
    let doing = format!("answer {} {}", parts.method, parts.uri.path());
    let mut waiting = Waiting { recorder: recorder.clone(), target: target.clone(), doing, sent, over: false };
    let asked = recorder.client.request(axum::http::Request::from_parts(parts, body));
    let (status, why) = match waiting.head(asked).await {
        Ok(Ok(response)) => {
            if let Some(kept) = kept {
                recorder.change(sequence, |record| record.manifest = kept.manifest());
            }
            let status = response.status();
            let answer = answer(recorder.clone(), (sequence, target), response);
            let answer = match met {
                Some((_, fault)) => faults::spoiled(&fault, answer, recorder.elsewhere.as_deref()).await?,
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
}
