//! One request and its answer: authentication, retries, and an end for what never answers. A header with credentials
//! goes to the registry that they are for, or to the token server that it names, and never further.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::answer::{PATIENCE, location, success};
use super::challenge::challenges;
use super::credentials::Credentials;
use super::error::RegistryError;
use super::proxy::Clients;
use super::request::{Content, Request, Spent, TRIES, retried};
use super::secrets;
use super::token;
use crate::image_name::ImageName;
use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Body, Method, RequestBuilder, Response, StatusCode, Url};

const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json";

/// To connect.
const TO_CONNECT: Duration = Duration::from_secs(10);
/// Without a byte taken, or, after the last, without an answer, after which an upload has failed: registries take
/// their time to check what they were sent.
const UPLOAD_PATIENCE: Duration = Duration::from_mins(1);

pub(super) struct Transport {
    http: Clients,
    insecure: Vec<String>,
    credentials: Credentials,
    /// Registry and repositories → Authorization header that the registry asked for.
    known: Mutex<HashMap<String, String>>,
    spent: Spent,
}

impl Transport {
    pub(super) fn new(insecure: &[String], credentials: Credentials) -> Self {
        // Another part of the process may have chosen the same provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Clients::new(|| {
            reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(TO_CONNECT)
                .user_agent(concat!("reference-exporter/", env!("CARGO_PKG_VERSION")))
        });
        Self { http, insecure: insecure.to_vec(), credentials, known: Mutex::default(), spent: Spent::default() }
    }

    /// Where a registry keeps something of a repository.
    pub(super) fn url(&self, name: &ImageName, rest: &str) -> String {
        let scheme = if self.is_insecure(name) { "http" } else { "https" };
        format!("{scheme}://{}/v2/{}/{rest}", name.registry, name.repository)
    }

    /// Whether what goes to a registry may go to this place too: TLS is never left.
    pub(super) fn may_lead_to(&self, name: &ImageName, url: &Url) -> bool {
        self.is_insecure(name) || url.scheme() == "https"
    }

    fn is_insecure(&self, name: &ImageName) -> bool {
        self.insecure.contains(&name.registry)
    }

    /// Whether a URL is the registry's own; a redirect or an upload may lead elsewhere, without credentials then.
    fn is_own(&self, name: &ImageName, url: &str) -> bool {
        let own = Url::parse(&self.url(name, ""));
        Url::parse(url).ok().zip(own.ok()).is_some_and(|(a, b)| a.origin() == b.origin())
    }

    /// Sends a request, again where the failure may pass, and answers a challenge. A token that another request has got
    /// may have expired, or be about to; one that this request has got itself is not asked for again.
    pub(super) async fn send(&self, request: &Request<'_>, tries: u32) -> Result<Response, RegistryError> {
        let is_own = self.is_own(request.name, request.url);
        let key = token::key(request);
        let mut bought: Option<String> = None;
        loop {
            let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
            let has_asked = bought.is_some();
            let header = bought.take().or_else(known).or_else(|| self.credentials.given(&request.name.registry));
            let response = self.persist(request, header.filter(|_| is_own), tries).await?;
            if response.status() != StatusCode::UNAUTHORIZED || !is_own || has_asked {
                return Ok(response);
            }
            let Some(header) = token::authorization(
                &self.http,
                &self.credentials,
                &self.spent,
                self.is_insecure(request.name),
                request,
                &challenges(response.headers()),
            )
            .await?
            else {
                return Ok(response);
            };
            self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), header.clone());
            bought = Some(header);
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
        let patience = if matches!(request.content, Content::None) { PATIENCE } else { UPLOAD_PATIENCE };
        retried(request, &self.spent, most, patience, |taken| {
            let builder =
                self.http.of(request.url)?.request(request.method.clone(), request.url).header(ACCEPT, MANIFESTS);
            let builder = filled(builder, &request.content, taken)?;
            Ok(match &header {
                Some(header) => {
                    secrets::remember(header);
                    builder.header(AUTHORIZATION, header)
                }
                None => builder,
            })
        })
        .await
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
