//! What is asked of registries (`oci-distribution.md`): documents that are checked against their digest, and blobs that
//! are sent only where they are missing.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use bytes::Bytes;
use reqwest::{Method, StatusCode, Url};

use super::answer::{backoff, body, chunk, location, pause, success};
use super::credentials::Credentials;
use super::error::RegistryError;
use super::transport::{Content, Request, TRIES, Transport};
use crate::digest::{Digest, Hasher};
use crate::image::Descriptor;
use crate::image_name::ImageName;
use crate::target::choice::Document;

pub(super) struct Client {
    transport: Transport,
}

/// Where a blob that a repository lacks is to come from.
pub(super) enum Source<'a> {
    /// Temporary disk.
    File(&'a File, u64),
    /// Another image.
    Image(&'a ImageName, &'a Descriptor),
}

/// Whether an upload is needed.
enum Upload {
    /// The registry had the blob elsewhere.
    Mounted,
    /// This is where it goes.
    At(String),
}

impl Client {
    pub(super) fn new(insecure: &[String], credentials: Credentials) -> Result<Self, RegistryError> {
        Ok(Self { transport: Transport::new(insecure, credentials)? })
    }

    /// A manifest; where it is asked for by digest, one whose bytes have that digest.
    pub(super) async fn manifest(
        &self,
        name: &ImageName,
        reference: &str,
        digest: Option<&Digest>,
    ) -> Result<Document, RegistryError> {
        let url = self.transport.url(name, &format!("manifests/{reference}"));
        self.document("fetch the manifest of", name, &url, digest).await
    }

    pub(super) async fn config(&self, name: &ImageName, digest: &Digest) -> Result<Document, RegistryError> {
        let url = self.transport.url(name, &format!("blobs/{digest}"));
        self.document("fetch the config of", name, &url, Some(digest)).await
    }

    async fn document(
        &self,
        doing: &'static str,
        name: &ImageName,
        url: &str,
        digest: Option<&Digest>,
    ) -> Result<Document, RegistryError> {
        let mut tries = 0;
        let bytes = loop {
            tries += 1;
            let response = self.transport.get(doing, name, url).await?;
            match body(doing, name, response).await {
                Err(error) if error.is_passing() && tries < TRIES => tokio::time::sleep(backoff(tries)).await,
                result => break result?,
            }
        };
        if let Some(digest) = digest
            && Digest::of(&bytes) != *digest
        {
            return Err(RegistryError::content(name, format!("the registry serves other bytes under {digest}")));
        }
        let value = serde_json::from_slice(&bytes);
        let value = value.map_err(|error| RegistryError::content(name, error.to_string()))?;
        Ok(Document { bytes, value })
    }

    /// Whether the repository has a blob.
    async fn has(&self, name: &ImageName, digest: &Digest) -> Result<bool, RegistryError> {
        const DOING: &str = "ask for a layer of";
        let url = self.transport.url(name, &format!("blobs/{digest}"));
        let response = self.transport.send(&Request::new(DOING, name, Method::HEAD, &url), TRIES).await?;
        match response.status() {
            status if status.is_success() || status.is_redirection() => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            // Some registries and proxies before them refuse HEAD alone.
            StatusCode::BAD_REQUEST | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
                self.serves(name, &url).await
            }
            _ => success(DOING, name, response).await.map(|_| true),
        }
    }

    /// Whether the registry begins to serve a blob; it is not read.
    async fn serves(&self, name: &ImageName, url: &str) -> Result<bool, RegistryError> {
        const DOING: &str = "ask for a layer of";
        let response = self.transport.send(&Request::new(DOING, name, Method::GET, url), TRIES).await?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(false),
            status if status.is_redirection() => Ok(true),
            _ => success(DOING, name, response).await.map(|_| true),
        }
    }

    /// Makes a blob available in a repository: it is there, or is mounted from `elsewhere`, or is sent.
    pub(super) async fn provide(
        &self,
        to: &ImageName,
        digest: &Digest,
        elsewhere: Option<&ImageName>,
        source: Source<'_>,
    ) -> Result<(), RegistryError> {
        if self.has(to, digest).await? {
            return Ok(());
        }
        let mut place = None;
        let is_near = |from: &&ImageName| from.registry == to.registry && from.repository != to.repository;
        if let Some(from) = elsewhere.filter(is_near) {
            match self.begin(to, Some((digest, from))).await {
                Ok(Upload::Mounted) => return Ok(()),
                Ok(Upload::At(url)) => place = Some(url),
                // Some registries refuse to mount what they do not let be read, or fail, or say that they did something
                // else, instead of opening an upload.
                Err(RegistryError::Status { .. } | RegistryError::Content { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        match source {
            Source::File(file, size) => self.upload(to, digest, &Content::File(file, size), place).await,
            Source::Image(from, layer) => {
                let file = self.download(from, layer).await?;
                self.upload(to, digest, &Content::File(&file, layer.size), place).await
            }
        }
    }

    pub(super) async fn provide_bytes(
        &self,
        to: &ImageName,
        digest: &Digest,
        bytes: &[u8],
    ) -> Result<(), RegistryError> {
        if self.has(to, digest).await? {
            return Ok(());
        }
        let bytes = Bytes::copy_from_slice(bytes);
        self.upload(to, digest, &Content::Bytes(&bytes, "application/octet-stream"), None).await
    }

    /// A layer on temporary disk, checked against its digest.
    async fn download(&self, from: &ImageName, layer: &Descriptor) -> Result<File, RegistryError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.download_once(from, layer).await {
                Err(error) if error.is_passing() && tries < TRIES => tokio::time::sleep(backoff(tries)).await,
                result => return result,
            }
        }
    }

    async fn download_once(&self, from: &ImageName, layer: &Descriptor) -> Result<File, RegistryError> {
        const DOING: &str = "fetch a layer of";
        let url = self.transport.url(from, &format!("blobs/{}", layer.digest));
        let mut response = self.transport.get(DOING, from, &url).await.map_err(|error| match error {
            RegistryError::Status { status: 404, .. } => {
                RegistryError::content(from, format!("the registry does not have its layer {} any more", layer.digest))
            }
            error => error,
        })?;
        let file = tempfile::tempfile().map_err(RegistryError::Disk)?;
        let (mut hasher, mut size) = (Hasher::new(), 0);
        while let Some(bytes) = chunk(DOING, from, &mut response).await? {
            hasher.update(&bytes);
            file.write_all_at(&bytes, size).map_err(RegistryError::Disk)?;
            size += bytes.len() as u64;
        }
        let found = hasher.finish();
        if found != layer.digest || size != layer.size {
            let reason = format!("the {size} bytes of layer {} have {found}, its size is {}", layer.digest, layer.size);
            return Err(RegistryError::content(from, reason));
        }
        Ok(file)
    }

    /// Opens an upload, or has the registry mount a blob of another repository.
    async fn begin(&self, name: &ImageName, mount: Option<(&Digest, &ImageName)>) -> Result<Upload, RegistryError> {
        const DOING: &str = "begin an upload to";
        let query =
            mount.map_or_else(String::new, |(digest, from)| format!("?mount={digest}&from={}", from.repository));
        let url = self.transport.url(name, &format!("blobs/uploads/{query}"));
        let request = Request { from: mount.map(|(_, from)| from), ..Request::new(DOING, name, Method::POST, &url) };
        let response = success(DOING, name, self.transport.send(&request, TRIES).await?).await?;
        if response.status() == StatusCode::CREATED {
            return Ok(Upload::Mounted);
        }
        let missing = || RegistryError::content(name, "the registry gives no place for an upload");
        location(&url, &response).map(Upload::At).ok_or_else(missing)
    }

    /// Sends a blob; what broke off begins anew, because nobody knows how much the registry took.
    async fn upload(
        &self,
        name: &ImageName,
        digest: &Digest,
        content: &Content<'_>,
        mut place: Option<String>,
    ) -> Result<(), RegistryError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let at = match place.take() {
                Some(at) => at,
                None => match self.begin(name, None).await? {
                    Upload::Mounted => return Ok(()),
                    Upload::At(at) => at,
                },
            };
            match self.finish(name, digest, &at, content, tries).await {
                Err((_, Some(wait))) if tries < TRIES => {
                    tokio::time::sleep(wait).await;
                    if self.has(name, digest).await? {
                        return Ok(());
                    }
                }
                result => return result.map_err(|(error, _)| error),
            }
        }
    }

    /// Sends a blob to the place of its upload; an error says how long to wait before another try, if one may help.
    async fn finish(
        &self,
        name: &ImageName,
        digest: &Digest,
        place: &str,
        content: &Content<'_>,
        tries: u32,
    ) -> Result<(), (RegistryError, Option<Duration>)> {
        const DOING: &str = "send a layer to";
        let malformed = |error: &dyn std::fmt::Display| (RegistryError::content(name, error.to_string()), None);
        let mut url = Url::parse(place).map_err(|error| malformed(&error))?;
        url.query_pairs_mut().append_pair("digest", digest.as_str());
        let content = match content {
            Content::None => Content::None,
            Content::Bytes(bytes, content_type) => Content::Bytes(bytes, content_type),
            Content::File(file, size) => Content::File(file, *size),
        };
        let request = Request { content, ..Request::new(DOING, name, Method::PUT, url.as_str()) };
        let response = self.transport.send(&request, 1).await.map_err(|error| {
            let wait = error.is_passing().then(|| backoff(tries));
            (error, wait)
        })?;
        let wait = pause(&response, tries);
        success(DOING, name, response).await.map(|_| ()).map_err(|error| (error, wait))
    }

    pub(super) async fn put_manifest(
        &self,
        name: &ImageName,
        media_type: &'static str,
        manifest: &[u8],
    ) -> Result<(), RegistryError> {
        const DOING: &str = "write";
        let url = self.transport.url(name, &format!("manifests/{}", name.tag_or_latest().unwrap_or("latest")));
        let bytes = Bytes::copy_from_slice(manifest);
        let content = Content::Bytes(&bytes, media_type);
        let request = Request { content, ..Request::new(DOING, name, Method::PUT, &url) };
        let sent = success(DOING, name, self.transport.send(&request, TRIES).await?).await;
        let response = sent.map_err(|error| error.of_manifest(manifest.len()))?;
        let own = Digest::of(manifest);
        match response.headers().get("docker-content-digest").and_then(|value| value.to_str().ok()) {
            Some(kept) if Digest::parse(kept).is_some_and(|kept| kept != own) => {
                Err(RegistryError::content(name, format!("the registry keeps {kept} and not {own}, which was sent")))
            }
            _ => Ok(()),
        }
    }
}
