//! Requests to registries: authentication, retries, and content that is checked against its digest. A header with
//! credentials goes to the registry that they are for, or to the token server that it names, and never further.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use reqwest::{Body, Method, RequestBuilder, Response, StatusCode, Url};
use serde_json::Value;

use super::credentials::{Credential, Credentials};
use crate::digest::{Digest, Hasher};
use crate::image::Descriptor;
use crate::image_name::ImageName;

const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json";

/// Times that a request is sent before it has failed.
const TRIES: u32 = 4;
/// Manifests and configs larger than this are refused, in bytes.
const LARGEST_DOCUMENT: usize = 16 << 20;

/// Why a registry could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// No answer.
    #[error("{doing} {name}: {reason}")]
    Unreachable {
        /// What was done.
        doing: &'static str,
        /// Of what.
        name: String,
        /// The cause.
        reason: String,
    },
    /// An answer that is no success.
    #[error("{doing} {name}: the registry answers {status}{said}{}", advice(*status))]
    Status {
        /// What was done.
        doing: &'static str,
        /// Of what.
        name: String,
        /// The status.
        status: u16,
        /// What the registry said, with a colon before it.
        said: String,
    },
    /// Content that is not what it should be.
    #[error("read {name}: {reason}")]
    Content {
        /// Of what.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// A temporary file.
    #[error("read a layer from temporary disk: {0}")]
    Disk(std::io::Error),
    /// Something of this program.
    #[error("prepare the registry client: {0}")]
    Broken(String),
}

fn advice(status: u16) -> &'static str {
    match status {
        401 | 403 => "; CNB_REGISTRY_AUTH or docker's config.json must have credentials for it",
        404 => "; is the reference right, and still there?",
        _ => "",
    }
}

impl RegistryError {
    pub(super) fn content(name: &ImageName, reason: String) -> Self {
        Self::Content { name: name.to_string(), reason }
    }
}

pub(super) struct Client {
    http: reqwest::Client,
    insecure: Vec<String>,
    credentials: Credentials,
    /// Registry and scope → Authorization header that worked.
    known: Mutex<HashMap<String, String>>,
}

/// A body that can be made again for another try.
enum Content<'a> {
    None,
    Bytes(&'a Bytes, Option<&'a str>),
    File(&'a File, u64),
}

impl Client {
    pub(super) fn new(insecure: &[String], credentials: Credentials) -> Result<Self, RegistryError> {
        let broken = |error: &dyn std::fmt::Display| RegistryError::Broken(error.to_string());
        // Another part of the process may have chosen the same provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .read_timeout(Duration::from_secs(30))
            .user_agent(concat!("reference-exporter/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| broken(&error))?;
        Ok(Self { http, insecure: insecure.to_vec(), credentials, known: Mutex::default() })
    }

    fn url(&self, name: &ImageName, rest: &str) -> String {
        let scheme = if self.insecure.contains(&name.registry) { "http" } else { "https" };
        format!("{scheme}://{}/v2/{}/{rest}", name.registry, name.repository)
    }

    /// A manifest; where it is asked for by digest, one whose bytes have that digest.
    pub(super) async fn manifest(
        &self,
        name: &ImageName,
        reference: &str,
        digest: Option<&Digest>,
    ) -> Result<Value, RegistryError> {
        let url = self.url(name, &format!("manifests/{reference}"));
        let response = self.send("fetch the manifest of", name, Method::GET, &url, &Content::None).await?;
        let bytes =
            body("fetch the manifest of", name, success("fetch the manifest of", name, response).await?).await?;
        parsed(name, &bytes, digest)
    }

    pub(super) async fn config(&self, name: &ImageName, digest: &Digest) -> Result<Value, RegistryError> {
        let response = self.blob("fetch the config of", name, digest).await?;
        let bytes = body("fetch the config of", name, response).await?;
        parsed(name, &bytes, Some(digest))
    }

    /// A blob, wherever the registry keeps it; the caller checks its bytes.
    async fn blob(&self, doing: &'static str, name: &ImageName, digest: &Digest) -> Result<Response, RegistryError> {
        let url = self.url(name, &format!("blobs/{digest}"));
        let mut response = self.send(doing, name, Method::GET, &url, &Content::None).await?;
        let mut at = url;
        for _ in 0..5 {
            if !response.status().is_redirection() {
                break;
            }
            at = location(&at, &response)
                .ok_or_else(|| RegistryError::content(name, "a redirect to nowhere".to_owned()))?;
            response = self.http.get(&at).send().await.map_err(|error| unreachable(doing, name, &error))?;
        }
        success(doing, name, response).await
    }

    /// Whether the repository has a blob.
    async fn has(&self, name: &ImageName, digest: &Digest) -> Result<bool, RegistryError> {
        let url = self.url(name, &format!("blobs/{digest}"));
        let response = self.send("ask for a layer of", name, Method::HEAD, &url, &Content::None).await?;
        match response.status() {
            status if status.is_success() || status.is_redirection() => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => success("ask for a layer of", name, response).await.map(|_| true),
        }
    }

    pub(super) async fn send_file(
        &self,
        name: &ImageName,
        digest: &Digest,
        size: u64,
        file: &File,
    ) -> Result<(), RegistryError> {
        if self.has(name, digest).await? {
            return Ok(());
        }
        let upload = self.begin(name, "blobs/uploads/").await?;
        self.finish(name, digest, upload, &Content::File(file, size)).await
    }

    pub(super) async fn send_bytes(
        &self,
        name: &ImageName,
        digest: &Digest,
        bytes: &[u8],
    ) -> Result<(), RegistryError> {
        if self.has(name, digest).await? {
            return Ok(());
        }
        let upload = self.begin(name, "blobs/uploads/").await?;
        let bytes = Bytes::copy_from_slice(bytes);
        self.finish(name, digest, upload, &Content::Bytes(&bytes, Some("application/octet-stream"))).await
    }

    /// Makes a layer of another image available in a repository: it is there, or is mounted, or is copied.
    pub(super) async fn bring(
        &self,
        to: &ImageName,
        from: &ImageName,
        layer: &Descriptor,
    ) -> Result<(), RegistryError> {
        if self.has(to, &layer.digest).await? {
            return Ok(());
        }
        let mut upload = None;
        if to.registry == from.registry {
            let query = format!("blobs/uploads/?mount={}&from={}", layer.digest, from.repository);
            upload = self.begin(to, &query).await?;
            if upload.is_none() {
                return Ok(());
            }
        }
        let file = self.download(from, layer).await?;
        if upload.is_none() {
            upload = self.begin(to, "blobs/uploads/").await?;
        }
        self.finish(to, &layer.digest, upload, &Content::File(&file, layer.size)).await
    }

    /// A layer on temporary disk, checked against its digest.
    async fn download(&self, from: &ImageName, layer: &Descriptor) -> Result<File, RegistryError> {
        let response = self.blob("fetch a layer of", from, &layer.digest).await?;
        let file = tempfile::tempfile().map_err(RegistryError::Disk)?;
        let (mut hasher, mut size) = (Hasher::new(), 0);
        let mut stream = response.bytes_stream();
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|error| unreachable("fetch a layer of", from, &error))?;
            hasher.update(&chunk);
            file.write_all_at(&chunk, size).map_err(RegistryError::Disk)?;
            size += chunk.len() as u64;
        }
        let found = hasher.finish();
        if found != layer.digest {
            return Err(RegistryError::content(from, format!("the bytes of layer {} have {found}", layer.digest)));
        }
        Ok(file)
    }

    /// Where an upload goes; none where the registry mounted the blob.
    async fn begin(&self, name: &ImageName, rest: &str) -> Result<Option<String>, RegistryError> {
        const DOING: &str = "begin an upload to";
        let url = self.url(name, rest);
        let response = self.send(DOING, name, Method::POST, &url, &Content::None).await?;
        let response = success(DOING, name, response).await?;
        if response.status() == StatusCode::CREATED {
            return Ok(None);
        }
        let missing = || RegistryError::content(name, "the registry gives no place for an upload".to_owned());
        location(&url, &response).map(Some).ok_or_else(missing)
    }

    async fn finish(
        &self,
        name: &ImageName,
        digest: &Digest,
        upload: Option<String>,
        content: &Content<'_>,
    ) -> Result<(), RegistryError> {
        const DOING: &str = "send a layer to";
        let Some(upload) = upload else { return Ok(()) };
        let mut url = Url::parse(&upload).map_err(|error| RegistryError::content(name, error.to_string()))?;
        url.query_pairs_mut().append_pair("digest", digest.as_str());
        let response = self.send(DOING, name, Method::PUT, url.as_str(), content).await?;
        success(DOING, name, response).await.map(|_| ())
    }

    pub(super) async fn put_manifest(
        &self,
        name: &ImageName,
        media_type: &str,
        manifest: &[u8],
    ) -> Result<(), RegistryError> {
        const DOING: &str = "write";
        let url = self.url(name, &format!("manifests/{}", name.tag_or_latest().unwrap_or("latest")));
        let bytes = Bytes::copy_from_slice(manifest);
        let response = self.send(DOING, name, Method::PUT, &url, &Content::Bytes(&bytes, Some(media_type))).await?;
        success(DOING, name, response).await.map(|_| ())
    }

    /// Sends a request, again where the failure may pass, and answers one challenge.
    async fn send(
        &self,
        doing: &'static str,
        name: &ImageName,
        method: Method,
        url: &str,
        content: &Content<'_>,
    ) -> Result<Response, RegistryError> {
        // An upload may be sent to another host than the registry's: without credentials then.
        let is_own = Url::parse(url)
            .ok()
            .zip(Url::parse(&self.url(name, "")).ok())
            .is_some_and(|(a, b)| a.origin() == b.origin());
        let scope = format!("{}/{}", name.registry, name.repository);
        let mut challenged = false;
        let mut tries = 0;
        loop {
            tries += 1;
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&scope).cloned();
            let mut request = filled(self.http.request(method.clone(), url).header(ACCEPT, MANIFESTS), content)?;
            if let Some(header) = known.filter(|_| is_own) {
                request = request.header(AUTHORIZATION, header);
            }
            let answer = request.send().await;
            let pause = match &answer {
                Ok(response) if response.status() == StatusCode::UNAUTHORIZED && is_own && !challenged => {
                    challenged = true;
                    match self
                        .answer_challenge(doing, name, response, method == Method::GET || method == Method::HEAD)
                        .await?
                    {
                        Some(header) => {
                            self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(scope.clone(), header);
                            continue;
                        }
                        None => None,
                    }
                }
                Ok(response) => pause(response, tries),
                Err(_) => Some(backoff(tries)),
            };
            match (answer, pause) {
                (_, Some(pause)) if tries < TRIES => tokio::time::sleep(pause).await,
                (answer, _) => return answer.map_err(|error| unreachable(doing, name, &error)),
            }
        }
    }

    /// The Authorization header that a challenge asks for; none where there is nothing to offer.
    async fn answer_challenge(
        &self,
        doing: &'static str,
        name: &ImageName,
        response: &Response,
        reading: bool,
    ) -> Result<Option<String>, RegistryError> {
        let credential = self.credentials.of(&name.registry);
        let challenge =
            response.headers().get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let is_bearer = challenge.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer "));
        if !is_bearer {
            return Ok(match credential {
                Some(Credential::Header(header)) => Some(header),
                _ => None,
            });
        }
        if let Some(Credential::Header(header)) = &credential
            && header.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer "))
        {
            return Ok(Some(header.clone()));
        }
        let Some(realm) = parameter(challenge, "realm").and_then(|realm| Url::parse(&realm).ok()) else {
            return Ok(None);
        };
        let actions = if reading { "pull" } else { "pull,push" };
        let scope = format!("repository:{}:{actions}", name.repository);
        let mut query = vec![("scope", scope)];
        if let Some(service) = parameter(challenge, "service") {
            query.push(("service", service));
        }
        let request = match credential {
            Some(Credential::IdentityToken(token)) => {
                query.extend([
                    ("grant_type", "refresh_token".to_owned()),
                    ("client_id", "reference-exporter".to_owned()),
                ]);
                query.push(("refresh_token", token));
                let form = Url::parse_with_params("http://form", &query)
                    .map_err(|error| RegistryError::Broken(error.to_string()))?;
                self.http
                    .post(realm)
                    .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                    .body(form.query().unwrap_or_default().to_owned())
            }
            other => {
                let mut url = realm;
                url.query_pairs_mut().extend_pairs(&query);
                match other {
                    Some(Credential::Header(header)) => self.http.get(url).header(AUTHORIZATION, header),
                    _ => self.http.get(url),
                }
            }
        };
        let answer = request.send().await.map_err(|error| unreachable(doing, name, &error))?;
        let bytes = body(doing, name, success(doing, name, answer).await?).await?;
        let json: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let token = json["token"].as_str().or_else(|| json["access_token"].as_str());
        Ok(token.map(|token| format!("Bearer {token}")))
    }
}

fn filled(request: RequestBuilder, content: &Content<'_>) -> Result<RequestBuilder, RegistryError> {
    Ok(match content {
        Content::None => request,
        Content::Bytes(bytes, content_type) => {
            let request = request.body((*bytes).clone());
            match content_type {
                Some(content_type) => request.header(CONTENT_TYPE, *content_type),
                None => request,
            }
        }
        Content::File(file, size) => {
            let file = file.try_clone().map_err(RegistryError::Disk)?;
            request
                .header(CONTENT_TYPE, "application/octet-stream")
                .header(CONTENT_LENGTH, *size)
                .body(Body::wrap_stream(file_stream(file, *size)))
        }
    })
}

/// The file from its start; reads by position, because several tries and repositories share its offset.
fn file_stream(file: File, size: u64) -> impl futures_util::Stream<Item = std::io::Result<Bytes>> {
    const CHUNK: usize = 256 * 1024;
    futures_util::stream::try_unfold((file, 0_u64), move |(file, at)| async move {
        if at >= size {
            return Ok(None);
        }
        let mut buffer = vec![0; CHUNK];
        let read = file.read_at(&mut buffer, at)?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        buffer.truncate(read);
        Ok(Some((Bytes::from(buffer), (file, at + read as u64))))
    })
}

/// How long to wait before another try; none where the answer will not change.
fn pause(response: &Response, tries: u32) -> Option<Duration> {
    let passing = matches!(response.status().as_u16(), 408 | 429 | 500 | 502 | 503 | 504);
    let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    passing.then(|| asked.map_or_else(|| backoff(tries), |seconds| Duration::from_secs(seconds.min(10))))
}

fn backoff(tries: u32) -> Duration {
    Duration::from_millis(100 << tries.min(5))
}

fn unreachable(doing: &'static str, name: &ImageName, error: &reqwest::Error) -> RegistryError {
    let mut reason = String::new();
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        reason = error.to_string();
        cause = error.source();
    }
    RegistryError::Unreachable { doing, name: name.to_string(), reason }
}

async fn success(doing: &'static str, name: &ImageName, response: Response) -> Result<Response, RegistryError> {
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status().as_u16();
    let bytes = body(doing, name, response).await.unwrap_or_default();
    let json: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let said = json["errors"][0]["message"].as_str().map_or_else(String::new, |message| format!(" ({message})"));
    Err(RegistryError::Status { doing, name: name.to_string(), status, said })
}

async fn body(doing: &'static str, name: &ImageName, mut response: Response) -> Result<Vec<u8>, RegistryError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(doing, name, &error))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > LARGEST_DOCUMENT {
            return Err(RegistryError::content(name, "the answer is larger than 16 MiB".to_owned()));
        }
    }
    Ok(bytes)
}

fn parsed(name: &ImageName, bytes: &[u8], digest: Option<&Digest>) -> Result<Value, RegistryError> {
    if let Some(digest) = digest
        && Digest::of(bytes) != *digest
    {
        return Err(RegistryError::content(name, format!("the registry serves other bytes under {digest}")));
    }
    serde_json::from_slice(bytes).map_err(|error| RegistryError::content(name, error.to_string()))
}

fn location(url: &str, response: &Response) -> Option<String> {
    let value = response.headers().get(LOCATION)?.to_str().ok()?;
    Some(Url::parse(url).ok()?.join(value).ok()?.to_string())
}

/// A quoted parameter of a challenge.
fn parameter(challenge: &str, name: &str) -> Option<String> {
    let start = challenge.find(&format!("{name}=\""))? + name.len() + 2;
    Some(challenge[start..].split('"').next()?.to_owned())
}
