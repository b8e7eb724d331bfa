//! One request and its answer: authentication, retries, and an end for what never answers. A header with credentials
//! goes to the registry that they are for, or to the token server that it names, and never further.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use reqwest::{Body, Method, RequestBuilder, Response, StatusCode, Url};
use serde_json::Value;

use super::challenge::{Challenge, challenges};
use super::credentials::{Credential, Credentials};
use super::error::{RegistryError, is_passing};
use crate::image_name::ImageName;

const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json";

/// Times that a request is sent before it has failed.
pub(super) const TRIES: u32 = 4;
/// To connect.
const TO_CONNECT: Duration = Duration::from_secs(10);
/// Without an answer, or without a byte of it, after which the registry has failed.
const PATIENCE: Duration = Duration::from_secs(20);
/// Without a byte taken, or, after the last, without an answer, after which an upload has failed: registries take
/// their time to check what they were sent.
const UPLOAD_PATIENCE: Duration = Duration::from_secs(60);
/// Manifests and configs larger than this are refused, in bytes.
const LARGEST_DOCUMENT: usize = 16 << 20;

/// A body that can be made again for another try.
pub(super) enum Content<'a> {
    None,
    Bytes(&'a Bytes, &'static str),
    File(&'a File, u64),
}

/// What is asked of a registry.
pub(super) struct Request<'a> {
    /// In words, for messages.
    pub(super) doing: &'static str,
    /// The image that it is about.
    pub(super) name: &'a ImageName,
    pub(super) method: Method,
    pub(super) url: &'a str,
    pub(super) content: Content<'a>,
    /// Another repository of the registry that has to be read for it.
    pub(super) from: Option<&'a ImageName>,
}

impl<'a> Request<'a> {
    pub(super) fn new(doing: &'static str, name: &'a ImageName, method: Method, url: &'a str) -> Self {
        Self { doing, name, method, url, content: Content::None, from: None }
    }
}

pub(super) struct Transport {
    http: reqwest::Client,
    insecure: Vec<String>,
    credentials: Credentials,
    /// Registry and repositories → Authorization header that the registry asked for.
    known: Mutex<HashMap<String, String>>,
}

impl Transport {
    pub(super) fn new(insecure: &[String], credentials: Credentials) -> Result<Self, RegistryError> {
        // Another part of the process may have chosen the same provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(TO_CONNECT)
            .user_agent(concat!("reference-exporter/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| RegistryError::Broken(error.to_string()))?;
        Ok(Self { http, insecure: insecure.to_vec(), credentials, known: Mutex::default() })
    }

    /// Where a registry keeps something of a repository.
    pub(super) fn url(&self, name: &ImageName, rest: &str) -> String {
        let scheme = if self.insecure.contains(&name.registry) { "http" } else { "https" };
        format!("{scheme}://{}/v2/{}/{rest}", name.registry, name.repository)
    }

    /// Whether a URL is the registry's own; a redirect or an upload may lead elsewhere, without credentials then.
    fn is_own(&self, name: &ImageName, url: &str) -> bool {
        let own = Url::parse(&self.url(name, ""));
        Url::parse(url).ok().zip(own.ok()).is_some_and(|(a, b)| a.origin() == b.origin())
    }

    /// Sends a request, again where the failure may pass, and answers a challenge.
    pub(super) async fn send(&self, request: &Request<'_>, tries: u32) -> Result<Response, RegistryError> {
        let is_own = self.is_own(request.name, request.url);
        let key = key(request);
        let mut challenged = false;
        loop {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
            let header = known.or_else(|| self.credentials.given(&request.name.registry));
            let response = self.persist(request, header.filter(|_| is_own), tries).await?;
            if response.status() != StatusCode::UNAUTHORIZED || !is_own || challenged {
                return Ok(response);
            }
            challenged = true;
            let Some(header) = self.answer(request, &challenges(response.headers())).await? else {
                return Ok(response);
            };
            self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), header);
        }
    }

    /// A GET, wherever the registry keeps what is asked for.
    pub(super) async fn get(
        &self,
        doing: &'static str,
        name: &ImageName,
        url: &str,
    ) -> Result<Response, RegistryError> {
        let mut at = url.to_owned();
        for _ in 0..6 {
            let response = self.send(&Request::new(doing, name, Method::GET, &at), TRIES).await?;
            if !response.status().is_redirection() {
                return success(doing, name, response).await;
            }
            let next = location(&at, &response).ok_or_else(|| RegistryError::content(name, "a redirect to nowhere"))?;
            if at.starts_with("https:") && !next.starts_with("https:") {
                return Err(RegistryError::content(name, "the registry redirects to a place without TLS"));
            }
            at = next;
        }
        Err(RegistryError::content(name, "the registry redirects without end"))
    }

    async fn persist(
        &self,
        request: &Request<'_>,
        header: Option<String>,
        most: u32,
    ) -> Result<Response, RegistryError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let taken = Arc::new(AtomicU64::new(0));
            let builder = self.http.request(request.method.clone(), request.url).header(ACCEPT, MANIFESTS);
            let mut builder = filled(builder, &request.content, &taken)?;
            if let Some(header) = &header {
                builder = builder.header(AUTHORIZATION, header);
            }
            let patience = if matches!(request.content, Content::None) { PATIENCE } else { UPLOAD_PATIENCE };
            let answer = watched(request.doing, request.name, builder, &taken, patience).await;
            let wait = match &answer {
                Ok(response) => pause(response, tries),
                Err(error) => error.is_passing().then(|| backoff(tries)),
            };
            match wait {
                Some(wait) if tries < most => tokio::time::sleep(wait).await,
                _ => return answer,
            }
        }
    }

    /// The Authorization header that a challenge asks for; none where there is nothing to offer.
    async fn answer(&self, request: &Request<'_>, challenges: &[Challenge]) -> Result<Option<String>, RegistryError> {
        let credential = self.credentials.of(&request.name.registry);
        let Some(bearer) = challenges.iter().find(|challenge| challenge.scheme == "bearer") else {
            return Ok(match credential {
                Some(Credential::Header(header)) => Some(header),
                _ => None,
            });
        };
        if let Some(Credential::Header(header)) = &credential
            && header.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer "))
        {
            return Ok(Some(header.clone()));
        }
        let Some(realm) = bearer.parameters.get("realm").and_then(|realm| Url::parse(realm).ok()) else {
            return Ok(None);
        };
        if realm.scheme() != "https" && !self.insecure.contains(&request.name.registry) {
            return Err(RegistryError::content(request.name, "the registry names a token server without TLS"));
        }
        self.token(request, realm, bearer.parameters.get("service"), credential).await
    }

    async fn token(
        &self,
        request: &Request<'_>,
        mut realm: Url,
        service: Option<&String>,
        credential: Option<Credential>,
    ) -> Result<Option<String>, RegistryError> {
        let (doing, name) = (request.doing, request.name);
        let mut query: Vec<(&str, String)> = scopes(request).into_iter().map(|scope| ("scope", scope)).collect();
        query.extend(service.map(|service| ("service", service.clone())));
        let builder = if let Some(Credential::IdentityToken(token)) = credential {
            // OAuth2 takes all scopes in one value.
            query.retain(|(key, _)| *key != "scope");
            query.extend([
                ("scope", scopes(request).join(" ")),
                ("grant_type", "refresh_token".to_owned()),
                ("client_id", "reference-exporter".to_owned()),
                ("refresh_token", token),
            ]);
            let form = Url::parse_with_params("http://form", &query);
            let form = form.map_err(|error| RegistryError::Broken(error.to_string()))?;
            let builder = self.http.post(realm).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
            builder.body(form.query().unwrap_or_default().to_owned())
        } else {
            realm.query_pairs_mut().extend_pairs(&query);
            match credential {
                Some(Credential::Header(header)) => self.http.get(realm).header(AUTHORIZATION, header),
                _ => self.http.get(realm),
            }
        };
        let answer = self.patient(doing, name, &builder).await?;
        let bytes = body(doing, name, success(doing, name, answer).await?).await?;
        let json: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let token = json["token"].as_str().or_else(|| json["access_token"].as_str());
        Ok(token.map(|token| format!("Bearer {token}")))
    }

    /// A request to a token server, again where the failure may pass.
    async fn patient(
        &self,
        doing: &'static str,
        name: &ImageName,
        builder: &RequestBuilder,
    ) -> Result<Response, RegistryError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let again = builder.try_clone().ok_or_else(|| RegistryError::Broken("a request without end".to_owned()))?;
            let answer = watched(doing, name, again, &AtomicU64::new(0), PATIENCE).await;
            let wait = match &answer {
                Ok(response) => pause(response, tries),
                Err(error) => error.is_passing().then(|| backoff(tries)),
            };
            match wait {
                Some(wait) if tries < TRIES => tokio::time::sleep(wait).await,
                _ => return answer,
            }
        }
    }
}

fn is_reading(method: &Method) -> bool {
    *method == Method::GET || *method == Method::HEAD
}

/// What a token has to allow.
fn scopes(request: &Request<'_>) -> Vec<String> {
    let actions = if is_reading(&request.method) { "pull" } else { "pull,push" };
    let mut scopes = vec![format!("repository:{}:{actions}", request.name.repository)];
    scopes.extend(request.from.map(|from| format!("repository:{}:pull", from.repository)));
    scopes
}

/// What a header is good for.
fn key(request: &Request<'_>) -> String {
    let from = request.from.map_or("", |from| from.repository.as_str());
    format!("{} {} {from} {}", request.name.registry, request.name.repository, is_reading(&request.method))
}

/// Sends; ends when `patience` has passed without an answer and without a byte of the body taken.
async fn watched(
    doing: &'static str,
    name: &ImageName,
    builder: RequestBuilder,
    taken: &AtomicU64,
    patience: Duration,
) -> Result<Response, RegistryError> {
    let sending = builder.send();
    tokio::pin!(sending);
    let mut seen = 0;
    loop {
        match tokio::time::timeout(patience, &mut sending).await {
            Ok(answer) => return answer.map_err(|error| unreachable(doing, name, &error)),
            Err(_) => {
                let now = taken.load(Ordering::Relaxed);
                if now == seen {
                    return Err(silent(doing, name, patience));
                }
                seen = now;
            }
        }
    }
}

fn filled(
    request: RequestBuilder,
    content: &Content<'_>,
    taken: &Arc<AtomicU64>,
) -> Result<RequestBuilder, RegistryError> {
    Ok(match content {
        Content::None => request,
        Content::Bytes(bytes, content_type) => request.body((*bytes).clone()).header(CONTENT_TYPE, *content_type),
        Content::File(file, size) => {
            let file = file.try_clone().map_err(RegistryError::Disk)?;
            request
                .header(CONTENT_TYPE, "application/octet-stream")
                .header(CONTENT_LENGTH, *size)
                .body(Body::wrap_stream(file_stream(file, *size, taken.clone())))
        }
    })
}

/// The file from its start; reads by position, because several tries and repositories share its offset.
fn file_stream(
    file: File,
    size: u64,
    taken: Arc<AtomicU64>,
) -> impl futures_util::Stream<Item = std::io::Result<Bytes>> {
    const CHUNK: usize = 256 * 1024;
    futures_util::stream::try_unfold((file, 0_u64, taken), move |(file, at, taken)| async move {
        if at >= size {
            return Ok(None);
        }
        let mut buffer = vec![0; CHUNK.min(usize::try_from(size - at).unwrap_or(CHUNK))];
        let read = file.read_at(&mut buffer, at)?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        buffer.truncate(read);
        let at = at + read as u64;
        taken.store(at, Ordering::Relaxed);
        Ok(Some((Bytes::from(buffer), (file, at, taken))))
    })
}

/// How long to wait before another try; none where the answer will not change.
pub(super) fn pause(response: &Response, tries: u32) -> Option<Duration> {
    let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let wait = || asked.map_or_else(|| backoff(tries), |seconds| Duration::from_secs(seconds.min(10)));
    is_passing(response.status().as_u16()).then(wait)
}

pub(super) fn backoff(tries: u32) -> Duration {
    Duration::from_millis(100 << tries.min(5))
}

pub(super) fn unreachable(doing: &'static str, name: &ImageName, error: &reqwest::Error) -> RegistryError {
    let mut reason = String::new();
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        reason = error.to_string();
        cause = error.source();
    }
    // What did not answer in time once would take as long again.
    RegistryError::Unreachable { doing, name: name.to_string(), reason, passing: !error.is_timeout() }
}

fn silent(doing: &'static str, name: &ImageName, patience: Duration) -> RegistryError {
    let reason = format!("no answer within {} s", patience.as_secs());
    RegistryError::Unreachable { doing, name: name.to_string(), reason, passing: false }
}

pub(super) async fn success(
    doing: &'static str,
    name: &ImageName,
    response: Response,
) -> Result<Response, RegistryError> {
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status().as_u16();
    let bytes = body(doing, name, response).await.unwrap_or_default();
    let json: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let said = json["errors"][0]["message"].as_str().map_or_else(String::new, |message| format!(" ({message})"));
    Err(RegistryError::Status { doing, name: name.to_string(), status, said })
}

/// The next bytes of an answer; none at its end.
pub(super) async fn chunk(
    doing: &'static str,
    name: &ImageName,
    response: &mut Response,
) -> Result<Option<Bytes>, RegistryError> {
    match tokio::time::timeout(PATIENCE, response.chunk()).await {
        Ok(chunk) => chunk.map_err(|error| unreachable(doing, name, &error)),
        Err(_) => Err(silent(doing, name, PATIENCE)),
    }
}

pub(super) async fn body(
    doing: &'static str,
    name: &ImageName,
    mut response: Response,
) -> Result<Vec<u8>, RegistryError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = chunk(doing, name, &mut response).await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > LARGEST_DOCUMENT {
            return Err(RegistryError::content(name, "the answer is larger than 16 MiB"));
        }
    }
    Ok(bytes)
}

pub(super) fn location(url: &str, response: &Response) -> Option<String> {
    let value = response.headers().get(LOCATION)?.to_str().ok()?;
    Some(Url::parse(url).ok()?.join(value).ok()?.to_string())
}
