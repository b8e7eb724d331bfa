//! Manifests and configs: read and checked against their digest, put and seen to be served.

use bytes::Bytes;
use reqwest::Method;

use super::super::answer::{backoff, body, success};
use super::super::error::RegistryError;
use super::super::request::{Content, Request, TRIES};
use super::Client;
use crate::digest::Digest;
use crate::image_name::ImageName;
use crate::target::choice::Document;

impl Client {
    /// A manifest; where it is asked for by digest, one whose bytes have that digest.
    pub(in super::super) async fn manifest(
        &self,
        name: &ImageName,
        reference: &str,
        digest: Option<&Digest>,
    ) -> Result<Document, RegistryError> {
        let url = self.transport.url(name, &format!("manifests/{reference}"));
        self.document("fetch the manifest of", name, &url, digest).await
    }

    pub(in super::super) async fn config(&self, name: &ImageName, digest: &Digest) -> Result<Document, RegistryError> {
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
                Err(error) if error.is_worth_another(tries) && tries < TRIES => {
                    tokio::time::sleep(backoff(tries)).await;
                }
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

    /// Puts a manifest under its tag, and sees to it that it is served by tag and digest: what a registry answers to a
    /// PUT is not proof, and no answer is none of a failure.
    pub(in super::super) async fn put_manifest(
        &self,
        name: &ImageName,
        media_type: &'static str,
        manifest: &[u8],
    ) -> Result<(), RegistryError> {
        const DOING: &str = "write";
        let tag = name.tag_or_latest().unwrap_or("latest");
        let url = self.transport.url(name, &format!("manifests/{tag}"));
        let bytes = Bytes::copy_from_slice(manifest);
        let content = Content::Bytes(&bytes, media_type);
        let request = Request { content, ..Request::new(DOING, name, Method::PUT, &url) };
        let response = match self.transport.send(&request, TRIES).await {
            Ok(response) => response,
            // Only the answer may have been lost.
            Err(error) => return self.is_served(name, tag, manifest).await.map_err(|_| error),
        };
        let sent = success(DOING, name, response).await;
        let response = sent.map_err(|error| error.of_manifest(manifest.len()))?;
        let own = Digest::of(manifest);
        let kept = response.headers().get("docker-content-digest").and_then(|value| value.to_str().ok());
        if let Some(kept) = kept.filter(|kept| Digest::parse(kept).is_some_and(|kept| kept != own)) {
            return Err(RegistryError::content(
                name,
                format!("the registry keeps {kept} and not {own}, which was sent"),
            ));
        }
        let (by_digest, by_tag) =
            tokio::join!(self.is_served(name, own.as_str(), manifest), self.is_served(name, tag, manifest));
        by_digest.and(by_tag)
    }

    /// Whether a registry serves a manifest under a tag or digest; one of several instances may take a moment.
    async fn is_served(&self, name: &ImageName, reference: &str, manifest: &[u8]) -> Result<(), RegistryError> {
        const DOING: &str = "read back";
        let url = self.transport.url(name, &format!("manifests/{reference}"));
        let own = Digest::of(manifest);
        let mut tries = 0;
        loop {
            tries += 1;
            let read = async { body(DOING, name, self.transport.get(DOING, name, &url).await?).await };
            let error = match read.await {
                Ok(bytes) if bytes == manifest => return Ok(()),
                Ok(bytes) => {
                    let found = Digest::of(&bytes);
                    let reason = format!("under {reference} the registry serves {found} and not {own}, which was sent");
                    RegistryError::content(name, reason)
                }
                Err(error @ RegistryError::Status { status: 404, .. }) => error,
                Err(error) => return Err(error),
            };
            if tries == TRIES {
                return Err(error);
            }
            tokio::time::sleep(backoff(tries)).await;
        }
    }
}
