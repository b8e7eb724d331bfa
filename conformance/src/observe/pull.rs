//! Fetches what a registry's manifest names: the config, and every layer to its end.

use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use judge::digest::Digest;
use judge::evidence::{Document, Image, Layer};
use reqwest::{Response, StatusCode};

use super::again;
use super::documents::{Named, contents_of};
use super::error::RegistryError;
use super::http::{AccessError, body_within, refused};
use super::layer::ReadLayer;
use super::registry::{MAX_DOCUMENT, ObservedImage, RegistryObserver};
use crate::error::chain;

/// Layers that are fetched side by side.
const AT_ONCE: usize = 4;

/// What the bytes hash to that a registry serves under a sha256 digest, where that is another one: whatever was sent to
/// it, a registry has to check (`oci-distribution.md`, Pulling blobs).
fn other_than(asked: &Digest, found: &Digest) -> Option<Digest> {
    (asked.as_str().starts_with("sha256:") && asked != found).then(|| found.clone())
}

impl RegistryObserver {
    /// The image of a manifest that was fetched already: its config, and every layer read to its end. An index, which
    /// names neither, yields only itself.
    pub async fn image_of(&self, repository: &str, manifest: Document) -> ObservedImage {
        let contents = contents_of(&manifest.bytes);
        let mut troubles = Vec::new();
        let config = match contents.config.and_then(|config| config.digest) {
            Some(digest) => self.config(repository, &digest).await.unwrap_or_else(|error| {
                troubles.extend(Some(chain(&error)).filter(|_| !error.is_too_large()));
                None
            }),
            None => None,
        };
        let fetched: Vec<(Layer, Option<String>)> =
            stream::iter(contents.layers).map(|named| self.layer(repository, named)).buffered(AT_ONCE).collect().await;
        let (layers, of_layers): (Vec<_>, Vec<_>) = fetched.into_iter().unzip();
        troubles.extend(of_layers.into_iter().flatten());
        ObservedImage { image: Image { manifest: Some(manifest), config, layers }, troubles }
    }

    /// The config's bytes; none where the registry answers 404.
    pub(super) async fn config(&self, repository: &str, digest: &Digest) -> Result<Option<Document>, RegistryError> {
        let waits = self.client.access().waits();
        let once = async || {
            let Some(response) = self.blob(repository, digest).await? else { return Ok(None) };
            Ok(Some(body_within(waits, response, MAX_DOCUMENT).await?))
        };
        let Some(bytes) = again::whole(waits, once).await? else { return Ok(None) };
        if let Some(other) = other_than(digest, &Digest::of(&bytes)) {
            return Err(RegistryError::OtherBytes { digest: digest.clone(), other });
        }
        Ok(Some(self.layers.store().put_document(bytes, None)?))
    }

    async fn layer(&self, repository: &str, named: Named) -> (Layer, Option<String>) {
        let mut layer = Layer::named(named.name);
        let Some(digest) = named.digest else {
            layer.is_missing("its descriptor has no valid digest");
            return (layer, None);
        };
        match self.read_layer(repository, &digest).await {
            Ok(Some((read, named))) => {
                let other = other_than(&digest, &read.blob.digest)
                    .map(|other| chain(&RegistryError::OtherBytes { digest: digest.clone(), other }));
                (read.as_layer(layer.name, named), other)
            }
            Ok(None) => {
                layer.is_missing("the registry answers 404");
                (layer, None)
            }
            Err(error) => {
                let trouble = format!("layer {}: {}", layer.name, chain(&error));
                layer.is_missing(chain(&error));
                (layer, Some(trouble).filter(|_| !error.is_too_large()))
            }
        }
    }

    async fn read_layer(
        &self,
        repository: &str,
        digest: &Digest,
    ) -> Result<Option<(Arc<ReadLayer>, Option<Digest>)>, RegistryError> {
        let waits = self.client.access().waits();
        let once = async || {
            let Some(response) = self.blob(repository, digest).await? else { return Ok(None) };
            let doing = format!("send blob {digest}");
            let stream = waits.bytes(&doing, response.bytes_stream().map_err(reqwest::Error::without_url));
            Ok(Some(self.layers.store().put_stream(stream).await?))
        };
        let Some(stored) = again::whole(waits, once).await? else { return Ok(None) };
        let named = self.layers.named(&stored.digest, digest).await?;
        Ok(Some((self.layers.read(&stored.digest).await?, named)))
    }

    async fn blob(&self, repository: &str, digest: &Digest) -> Result<Option<Response>, AccessError> {
        let url = self.client.access().url(&format!("v2/{repository}/blobs/{digest}"))?;
        let response = self.client.read(repository, |client| client.get(url.clone())).await?;
        match response.status() {
            StatusCode::OK => Ok(Some(response)),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(refused(&response)),
        }
    }
}
