//! A registry observed: status, headers and raw bytes as served, hashed here. The same client publishes run images.

use std::sync::Arc;

use judge::digest::Digest;
use judge::evidence::{BaseImage, Document, Fetched, Image, Layer, Tag};
use judge::json::Json;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, LOCATION, WWW_AUTHENTICATE};
use reqwest::{Client, Method, Response, StatusCode};

use super::ObserveError;
use super::blobs::BlobStore;

/// Media types that the suite accepts for a manifest.
const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json";

/// Documents larger than this are not read, in bytes.
const LARGEST_DOCUMENT: usize = 16 << 20;

/// A client of one registry.
pub struct RegistryObserver {
    client: Client,
    base_url: String,
    credentials: Option<(String, String)>,
    blobs: Arc<BlobStore>,
}

/// Something fetched, not yet looked into.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    bytes: Vec<u8>,
}

impl RegistryObserver {
    /// A client of the registry at `base_url`, with what docker's `config.json` has for `host`.
    ///
    /// # Errors
    /// [`ObserveError::Registry`] when no HTTP client can be made.
    pub fn new(base_url: &str, host: &str, blobs: Arc<BlobStore>) -> Result<Self, ObserveError> {
        // Another part of the process may have chosen the same provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(std::time::Duration::from_secs(10))
            .read_timeout(std::time::Duration::from_mins(1))
            .build()
            .map_err(|error| failed("prepare a client", base_url, error))?;
        let credentials = match docker_credential::get_credential(host) {
            Ok(docker_credential::DockerCredential::UsernamePassword(user, password)) => Some((user, password)),
            _ => None,
        };
        Ok(Self { client, base_url: base_url.trim_end_matches('/').to_owned(), credentials, blobs })
    }

    /// What a tag names now.
    ///
    /// # Errors
    /// [`ObserveError::Registry`] where the registry answers with neither a manifest nor 404.
    pub async fn tag(&self, reference: &str, repository: &str, tag: &str) -> Result<Tag, ObserveError> {
        let answer = self.manifest(repository, tag).await?;
        let is_there = answer.status == StatusCode::OK;
        Ok(Tag {
            reference: reference.to_owned(),
            digest: is_there.then(|| Digest::of(&answer.bytes).to_string()),
            status: answer.status.as_u16(),
            content_type: is_there.then(|| header(&answer.headers, CONTENT_TYPE)).flatten(),
        })
    }

    /// Checks the precondition of all judging: under the digest of what a tag served, the same bytes are served.
    /// The text says how the registry fails it.
    ///
    /// # Errors
    /// [`ObserveError::Registry`].
    pub async fn serves_the_same(
        &self,
        repository: &str,
        digest: &str,
        tag: &Tag,
    ) -> Result<Option<String>, ObserveError> {
        let answer = self.manifest(repository, digest).await?;
        let found = Digest::of(&answer.bytes);
        Ok((answer.status != StatusCode::OK || found.as_str() != digest).then(|| {
            format!(
                "the registry serves {digest} for {}, but under that digest it answers {} with bytes of {found}",
                tag.reference, answer.status
            )
        }))
    }

    /// A manifest by digest.
    ///
    /// # Errors
    /// [`ObserveError::Registry`].
    pub async fn fetch_manifest(&self, repository: &str, digest: &str) -> Result<Fetched, ObserveError> {
        let answer = self.manifest(repository, digest).await?;
        let document = (answer.status == StatusCode::OK)
            .then(|| Document::new(answer.bytes, header(&answer.headers, CONTENT_TYPE)));
        Ok(Fetched { asked: digest.to_owned(), status: answer.status.as_u16(), document })
    }

    /// An image by tag or digest: manifest, config and every layer.
    ///
    /// # Errors
    /// [`ObserveError::Registry`] where the registry fails; a blob that it does not have is a fact.
    pub async fn image(&self, repository: &str, reference: &str) -> Result<Image, ObserveError> {
        let Some(manifest) = self.fetch_manifest(repository, reference).await?.document else {
            return Ok(Image { manifest: None, config: None, layers: Vec::new() });
        };
        let json = Json::parse(&manifest.bytes).ok();
        let config = match json.as_ref().and_then(|json| json.at(&["config", "digest"])?.as_str()) {
            Some(digest) => self.document(repository, digest).await?,
            None => None,
        };
        let mut layers = Vec::new();
        for descriptor in json.as_ref().and_then(|json| json.get("layers")?.items()).unwrap_or_default() {
            let name = descriptor.get("digest").and_then(Json::as_str).unwrap_or_default();
            layers.push(self.layer(repository, name).await?);
        }
        Ok(Image { manifest: Some(manifest), config, layers })
    }

    /// What lies under a `base.digest` annotation, and the config that belongs to it for a platform.
    ///
    /// # Errors
    /// [`ObserveError::Registry`].
    pub async fn base_image(
        &self,
        repository: &str,
        digest: &str,
        os: &str,
        architecture: &str,
    ) -> Result<BaseImage, ObserveError> {
        let fetched = self.fetch_manifest(repository, digest).await?;
        let json = fetched.document.as_ref().and_then(|document| Json::parse(&document.bytes).ok());
        let chosen = json.as_ref().and_then(|json| child(json, os, architecture));
        let manifest = match chosen {
            Some(child) => {
                let inner = self.fetch_manifest(repository, &child).await?;
                inner.document.and_then(|document| Json::parse(&document.bytes).ok())
            }
            None => json,
        };
        let config = match manifest.as_ref().and_then(|json| json.at(&["config", "digest"])?.as_str()) {
            Some(digest) => self.document(repository, digest).await?,
            None => None,
        };
        Ok(BaseImage { fetched, config })
    }

    async fn document(&self, repository: &str, digest: &str) -> Result<Option<Document>, ObserveError> {
        if Digest::parse(digest).is_err() {
            return Ok(None);
        }
        let answer = self.get(&format!("/v2/{repository}/blobs/{digest}"), "").await?;
        Ok((answer.status == StatusCode::OK).then(|| Document::new(answer.bytes, None)))
    }

    async fn layer(&self, repository: &str, name: &str) -> Result<Layer, ObserveError> {
        let gone =
            |problem: String| Layer { name: name.to_owned(), blob: None, problem: Some(problem), left_out: false };
        let Ok(wanted) = Digest::parse(name) else { return Ok(gone("its digest is malformed".to_owned())) };
        let response = self.send(Method::GET, &format!("/v2/{repository}/blobs/{name}"), "").await?;
        if response.status() != StatusCode::OK {
            return Ok(gone(format!("the registry answers {}", response.status())));
        }
        let stored = self.blobs.put_stream(Box::pin(response.bytes_stream())).await?;
        let (digest, _) = match stored {
            Ok(stored) => stored,
            Err(reason) => return Err(failed("fetch a layer", &self.base_url, reason)),
        };
        let found = self.blobs.layer(&digest).await?;
        let (blob, mut problem) = (*found).clone();
        if digest != wanted && problem.is_none() {
            problem = Some(format!("the registry serves bytes of {digest} under {wanted}"));
        }
        Ok(Layer { name: name.to_owned(), blob: Some(blob), problem, left_out: false })
    }

    async fn manifest(&self, repository: &str, reference: &str) -> Result<Answer, ObserveError> {
        let path = format!("/v2/{repository}/manifests/{reference}");
        let answer = self.get(&path, MANIFESTS).await?;
        match answer.status {
            StatusCode::OK | StatusCode::NOT_FOUND => Ok(answer),
            status => Err(failed("fetch a manifest", &format!("{}{path}", self.base_url), status)),
        }
    }

    async fn get(&self, path: &str, accept: &str) -> Result<Answer, ObserveError> {
        let mut response = self.send(Method::GET, path, accept).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut bytes = Vec::new();
        while let Some(chunk) =
            response.chunk().await.map_err(|error| failed("read an answer", &self.base_url, error.without_url()))?
        {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > LARGEST_DOCUMENT {
                return Err(failed("read an answer", &format!("{}{path}", self.base_url), "it is larger than 16 MiB"));
            }
        }
        Ok(Answer { status, headers, bytes })
    }

    /// Sends a request without a body; answers one challenge and follows redirects, other hosts without credentials.
    async fn send(&self, method: Method, path: &str, accept: &str) -> Result<Response, ObserveError> {
        let build = |url: &str, authorization: Option<&str>| {
            let mut request = self.client.request(method.clone(), url);
            if !accept.is_empty() {
                request = request.header(ACCEPT, accept);
            }
            match authorization {
                Some(value) => request.header(AUTHORIZATION, value),
                None => request,
            }
        };
        let mut url = format!("{}{path}", self.base_url);
        let run = async |url: &str, authorization: Option<&str>| {
            build(url, authorization).send().await.map_err(|error| failed("ask the registry", url, error.without_url()))
        };
        let mut response = run(&url, None).await?;
        if response.status() == StatusCode::UNAUTHORIZED
            && let Some(authorization) = self.authorization(&response).await?
        {
            response = run(&url, Some(&authorization)).await?;
        }
        for _ in 0..5 {
            let Some(next) = response.status().is_redirection().then(|| location(&url, &response)).flatten() else {
                break;
            };
            url = next;
            response = run(&url, None).await?;
        }
        Ok(response)
    }

    /// The Authorization header that answers a challenge, where there are credentials or a token is given to anybody.
    async fn authorization(&self, response: &Response) -> Result<Option<String>, ObserveError> {
        use base64::Engine as _;
        let Some(challenge) = header(response.headers(), WWW_AUTHENTICATE) else { return Ok(None) };
        let basic = self.credentials.as_ref().map(|(user, password)| {
            format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
        });
        let Some(parameters) = challenge.strip_prefix("Bearer ") else { return Ok(basic) };
        let parameter = |name: &str| {
            let start = parameters.find(&format!("{name}=\""))? + name.len() + 2;
            Some(parameters[start..].split('"').next().unwrap_or_default().to_owned())
        };
        let Some(realm) = parameter("realm") else { return Ok(None) };
        let query: Vec<(&str, String)> =
            ["service", "scope"].into_iter().filter_map(|name| Some((name, parameter(name)?))).collect();
        let Ok(mut url) = reqwest::Url::parse(&realm) else { return Ok(None) };
        url.query_pairs_mut().extend_pairs(&query);
        let mut request = self.client.get(url);
        if let Some(basic) = basic {
            request = request.header(AUTHORIZATION, basic);
        }
        let answer = request.send().await.map_err(|error| failed("ask for a token", &realm, error.without_url()))?;
        let bytes = answer.bytes().await.map_err(|error| failed("ask for a token", &realm, error.without_url()))?;
        let json = Json::parse(&bytes).ok();
        let token = json.as_ref().and_then(|json| json.get("token").or_else(|| json.get("access_token"))?.as_str());
        Ok(token.map(|token| format!("Bearer {token}")))
    }

    /// Puts a blob into a repository, unless it is there.
    ///
    /// # Errors
    /// [`ObserveError::Registry`].
    pub async fn push_blob(&self, repository: &str, bytes: &[u8]) -> Result<(), ObserveError> {
        let digest = Digest::of(bytes);
        let there = self.send(Method::HEAD, &format!("/v2/{repository}/blobs/{digest}"), "").await?;
        if there.status() == StatusCode::OK {
            return Ok(());
        }
        let path = format!("/v2/{repository}/blobs/uploads/");
        let begun = self.upload(Method::POST, &format!("{}{path}", self.base_url), None, Vec::new()).await?;
        let next = location(&format!("{}{path}", self.base_url), &begun)
            .ok_or_else(|| failed("publish a blob", &self.base_url, "the registry gives no Location"))?;
        let joint = if next.contains('?') { '&' } else { '?' };
        let url = format!("{next}{joint}digest={digest}");
        self.upload(Method::PUT, &url, Some("application/octet-stream"), bytes.to_vec()).await.map(|_| ())
    }

    /// Puts a manifest under a tag or its digest.
    ///
    /// # Errors
    /// [`ObserveError::Registry`].
    pub async fn push_manifest(
        &self,
        repository: &str,
        reference: &str,
        manifest: &Document,
    ) -> Result<(), ObserveError> {
        let url = format!("{}/v2/{repository}/manifests/{reference}", self.base_url);
        self.upload(Method::PUT, &url, manifest.content_type.as_deref(), manifest.bytes.clone()).await.map(|_| ())
    }

    async fn upload(
        &self,
        method: Method,
        url: &str,
        content_type: Option<&str>,
        body: Vec<u8>,
    ) -> Result<Response, ObserveError> {
        let build = |authorization: Option<&str>| {
            let mut request = self.client.request(method.clone(), url).body(body.clone());
            if let Some(content_type) = content_type {
                request = request.header(CONTENT_TYPE, content_type);
            }
            match authorization {
                Some(value) => request.header(AUTHORIZATION, value),
                None => request,
            }
        };
        let fail = |error: reqwest::Error| failed("publish", url, error.without_url());
        let mut response = build(None).send().await.map_err(fail)?;
        if response.status() == StatusCode::UNAUTHORIZED
            && let Some(authorization) = self.authorization(&response).await?
        {
            response = build(Some(&authorization)).send().await.map_err(fail)?;
        }
        if response.status().is_success() { Ok(response) } else { Err(failed("publish", url, response.status())) }
    }

    /// Deletes what a tag names: manifests are deleted by digest.
    ///
    /// # Errors
    /// [`ObserveError::Registry`] where the registry refuses.
    pub async fn delete(&self, repository: &str, tag: &str) -> Result<(), ObserveError> {
        let found = self.manifest(repository, tag).await?;
        if found.status != StatusCode::OK {
            return Ok(());
        }
        let path = format!("/v2/{repository}/manifests/{}", Digest::of(&found.bytes));
        let answer = self.send(Method::DELETE, &path, "").await?;
        if answer.status().is_success() { Ok(()) } else { Err(failed("delete", &self.base_url, answer.status())) }
    }
}

fn failed(doing: &'static str, url: &str, reason: impl std::fmt::Display) -> ObserveError {
    ObserveError::Registry { doing, url: url.to_owned(), reason: reason.to_string() }
}

fn header(headers: &HeaderMap, name: reqwest::header::HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// The absolute address that a Location header names.
fn location(url: &str, response: &Response) -> Option<String> {
    let value = header(response.headers(), LOCATION)?;
    Some(reqwest::Url::parse(url).ok()?.join(&value).ok()?.to_string())
}

/// The digest of an index's manifest for a platform; none where the document is no index.
fn child(json: &Json, os: &str, architecture: &str) -> Option<String> {
    let is = |entry: &Json, key: &str, value: &str| entry.at(&["platform", key]).and_then(Json::as_str) == Some(value);
    let entries = json.get("manifests")?.items()?;
    let found = entries.iter().find(|entry| is(entry, "os", os) && is(entry, "architecture", architecture))?;
    found.get("digest")?.as_str().map(str::to_owned)
}
