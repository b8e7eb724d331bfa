//! Blobs: sent, or mounted from another repository, only where they are missing.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::CONTENT_LENGTH;
use reqwest::{Method, Response, StatusCode, Url};

use super::super::answer::{Pace, backoff, chunk, location, pause, success};
use super::super::error::RegistryError;
use super::super::request::{Content, Request, TRIES};
use super::super::transport::Transport;
use super::super::uploads::cancel;
use super::Client;
use crate::digest::{Digest, Hasher};
use crate::image::Descriptor;
use crate::image_name::ImageName;

const FETCH: &str = "fetch a layer of";

/// Where a blob that a repository lacks is to come from.
pub(in super::super) enum Source<'a> {
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
    /// Whether the repository has a blob of this size. A proxy's page that says yes to everything is none.
    async fn has(&self, name: &ImageName, digest: &Digest, size: u64) -> Result<bool, RegistryError> {
        const DOING: &str = "ask for a layer of";
        let url = self.transport.url(name, &format!("blobs/{digest}"));
        let response = self.transport.send(&Request::new(DOING, name, Method::HEAD, &url), TRIES).await?;
        match response.status() {
            status if status.is_redirection() => Ok(true),
            status if status.is_success() => Ok(length(&response).is_none_or(|length| length == 0 || length == size)),
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
    pub(in super::super) async fn provide(
        &self,
        to: &ImageName,
        digest: &Digest,
        elsewhere: Option<&ImageName>,
        source: Source<'_>,
    ) -> Result<(), RegistryError> {
        self.provide_from(to, digest, elsewhere, source).await.map_err(|error| error.of_blob(digest))
    }

    async fn provide_from(
        &self,
        to: &ImageName,
        digest: &Digest,
        elsewhere: Option<&ImageName>,
        source: Source<'_>,
    ) -> Result<(), RegistryError> {
        let size = match &source {
            Source::File(_, size) => *size,
            Source::Image(_, layer) => layer.size,
        };
        if self.has(to, digest, size).await? {
            return Ok(());
        }
        let mut place = None;
        let is_near = |from: &&ImageName| from.registry == to.registry && from.repository != to.repository;
        if let Some(from) = elsewhere.filter(is_near) {
            match self.begin(to, Some((digest, from))).await {
                Ok(Upload::Mounted) => return Ok(()),
                Ok(Upload::At(url)) => place = Some(url),
                // Some registries refuse to mount what they do not let be read, or fail, or say that they did something
                // else, instead of opening an upload: it can be sent all the same.
                Err(error @ (RegistryError::Disk(_) | RegistryError::Broken(_))) => return Err(error),
                Err(_) => {}
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

    pub(in super::super) async fn provide_bytes(
        &self,
        to: &ImageName,
        digest: &Digest,
        bytes: Bytes,
    ) -> Result<(), RegistryError> {
        let sent = async {
            if self.has(to, digest, bytes.len() as u64).await? {
                return Ok(());
            }
            self.upload(to, digest, &Content::Bytes(&bytes, "application/octet-stream"), None).await
        };
        sent.await.map_err(|error: RegistryError| error.of_blob(digest))
    }

    /// A layer on temporary disk, checked against its digest.
    async fn download(&self, from: &ImageName, layer: &Descriptor) -> Result<File, RegistryError> {
        let mut tries = 0;
        loop {
            tries += 1;
            // Sending the request has tries of its own; only what broke off later is asked for anew.
            let response = self.begin_download(from, layer).await?;
            match spooled(response, from, layer).await {
                Err(error) if error.is_worth_another(tries) && tries < TRIES => {
                    tokio::time::sleep(backoff(tries)).await;
                }
                result => return result,
            }
        }
    }

    async fn begin_download(&self, from: &ImageName, layer: &Descriptor) -> Result<Response, RegistryError> {
        let url = self.transport.url(from, &format!("blobs/{}", layer.digest));
        self.transport.get(FETCH, from, &url).await.map_err(|error| match error {
            RegistryError::Status { status: 404, .. } => {
                RegistryError::content(from, format!("the registry does not have its layer {} any more", layer.digest))
            }
            error => error,
        })
    }

    /// Opens an upload, or has the registry mount a blob of another repository.
    async fn begin(&self, name: &ImageName, mount: Option<(&Digest, &ImageName)>) -> Result<Upload, RegistryError> {
        let beginning = self.uploads.begin().await;
        let (transport, name) = (self.transport.clone(), name.clone());
        let mount = mount.map(|(digest, from)| (digest.clone(), from.clone()));
        // A task of its own ends only with the answer, also where no one waits for the upload any more: only the answer
        // says where to cancel it.
        let begun = tokio::spawn(async move {
            let upload = begin(&transport, &name, mount.as_ref()).await?;
            if let Upload::At(place) = &upload {
                beginning.at(&transport, &name, place);
            }
            Ok(upload)
        });
        begun.await.map_err(|error| RegistryError::broken(&error))?
    }

    /// Sends a blob; what broke off begins anew, because no one knows how much the registry took. What it says that it
    /// took is there, or it was not taken.
    async fn upload(
        &self,
        name: &ImageName,
        digest: &Digest,
        content: &Content<'_>,
        mut place: Option<String>,
    ) -> Result<(), RegistryError> {
        let size = match content {
            Content::None => 0,
            Content::Bytes(bytes, _) => bytes.len() as u64,
            Content::File(_, size) => *size,
        };
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
            let (error, wait) = match self.finish(name, digest, &at, content, tries).await {
                Ok(()) if self.has(name, digest, size).await? => {
                    self.uploads.ended(&at);
                    return Ok(());
                }
                Ok(()) => (RegistryError::content(name, "the registry took a blob and does not have it"), None),
                Err(failed) => failed,
            };
            cancel(&self.transport, name, &at).await;
            self.uploads.ended(&at);
            match wait {
                Some(wait) if tries < TRIES => {
                    tokio::time::sleep(wait).await;
                    if self.has(name, digest, size).await? {
                        return Ok(());
                    }
                }
                _ => return Err(error),
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
        if !self.transport.may_lead_to(name, &url) {
            return Err((RegistryError::content(name, "the registry wants a blob at a place without TLS"), None));
        }
        url.query_pairs_mut().append_pair("digest", digest.as_str());
        let content = match content {
            Content::None => Content::None,
            Content::Bytes(bytes, content_type) => Content::Bytes(bytes, content_type),
            Content::File(file, size) => Content::File(file, *size),
        };
        let request = Request { content, ..Request::new(DOING, name, Method::PUT, url.as_str()) };
        let response = self.transport.send(&request, 1).await.map_err(|error| {
            let wait = error.is_worth_another(tries).then(|| backoff(tries));
            (error, wait)
        })?;
        // A registry that was started anew, or has several instances, may not know the upload any more.
        let is_lost = response.status() == StatusCode::NOT_FOUND;
        let wait = pause(&response, tries).or_else(|| is_lost.then(|| backoff(tries)));
        success(DOING, name, response).await.map(|_| ()).map_err(|error| (error, wait))
    }
}

/// Asks for an upload, or for a mount.
async fn begin(
    transport: &Transport,
    name: &ImageName,
    mount: Option<&(Digest, ImageName)>,
) -> Result<Upload, RegistryError> {
    const DOING: &str = "begin an upload to";
    let query = mount.map_or_else(String::new, |(digest, from)| format!("?mount={digest}&from={}", from.repository));
    let url = transport.url(name, &format!("blobs/uploads/{query}"));
    let request = Request { from: mount.map(|(_, from)| from), ..Request::new(DOING, name, Method::POST, &url) };
    let response = success(DOING, name, transport.send(&request, TRIES).await?).await?;
    if response.status() == StatusCode::CREATED {
        return Ok(Upload::Mounted);
    }
    let missing = || RegistryError::content(name, "the registry gives no place for an upload");
    location(&url, &response).map(Upload::At).ok_or_else(missing)
}

/// A layer on temporary disk, no more of it than its descriptor says, checked against its digest.
async fn spooled(mut response: Response, from: &ImageName, layer: &Descriptor) -> Result<File, RegistryError> {
    let file = tempfile::tempfile().map_err(RegistryError::Disk)?;
    let (mut hasher, mut size, mut pace) = (Hasher::new(), 0, Pace::new());
    while let Some(bytes) = chunk(FETCH, from, &mut response, &mut pace).await? {
        hasher.update(&bytes);
        if size + bytes.len() as u64 > layer.size {
            let reason = format!("layer {} has more bytes than its size says, {}", layer.digest, layer.size);
            return Err(RegistryError::content(from, reason));
        }
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

/// What `Content-Length` says, which a HEAD has without a body.
fn length(response: &Response) -> Option<u64> {
    response.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
