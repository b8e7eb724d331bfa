//! A registry as a target (`oci-distribution.md`, opencontainers/distribution-spec 967efdc). Written on `reqwest` and
//! not on `oci-client`, which can neither mount a blob from another repository nor ask for one before it is sent.

mod answer;
mod challenge;
mod client;
mod credentials;
mod error;
mod proxy;
mod request;
mod secrets;
mod token;
mod transport;
mod uploads;

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::try_join_all;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::choice::{self, Document, Documents, Found};
use super::{
    Keeping, Making, Need, NewImage, NewLayer, Outcome, Platform, StoredImage, Target, TargetError, WholeImage,
};
use crate::digest::{Digest, ImageId};
use crate::image::Descriptor;
use crate::image_name::ImageName;
use crate::layer::LayerError;
use client::{Client, Source};
pub use credentials::Credentials;
use error::MOST_OF_MANIFEST;
pub use error::RegistryError;
pub use uploads::Uploads;

/// Blobs that are sent at the same time.
const AT_A_TIME: usize = 8;

/// The registry that the app image goes to, and the run image's.
pub struct Registry {
    client: Arc<Client>,
    images: Vec<ImageName>,
    base: Option<(ImageName, Vec<Descriptor>)>,
    previous: Option<ImageName>,
    sending: JoinSet<Result<(), RegistryError>>,
    permits: Arc<Semaphore>,
    /// Blobs that are on their way: a layer may be in an image twice.
    taken: HashSet<Digest>,
}

/// An image as it was fetched.
struct Fetched {
    image: StoredImage,
    /// Digest of what the name led to: of an index, where it led to one.
    digest: Digest,
    behind_index: bool,
    manifest: Document,
    config: Vec<u8>,
}

/// A blob on its way.
enum Sending {
    /// From temporary disk.
    File { file: Arc<std::fs::File>, digest: Digest, size: u64 },
    /// From another image.
    Brought { from: ImageName, layer: Descriptor },
}

/// Where an image's documents are asked for.
struct Repository<'a> {
    client: &'a Client,
    name: &'a ImageName,
}

/// Makes a blob available in a repository; what the first repository of the image has, the others can mount.
async fn provide(
    client: &Client,
    blob: &Sending,
    to: &ImageName,
    first: Option<&ImageName>,
) -> Result<(), RegistryError> {
    match blob {
        Sending::File { file, digest, size } => client.provide(to, digest, first, Source::File(file, *size)).await,
        Sending::Brought { from, layer } => {
            let near = first.filter(|_| from.registry != to.registry).unwrap_or(from);
            client.provide(to, &layer.digest, Some(near), Source::Image(from, layer)).await
        }
    }
}

impl Documents for Repository<'_> {
    type Error = RegistryError;

    async fn manifest(&self, digest: &Digest) -> Result<Document, RegistryError> {
        self.client.manifest(self.name, digest.as_str(), Some(digest)).await
    }

    async fn config(&self, digest: &Digest) -> Result<Document, RegistryError> {
        self.client.config(self.name, digest).await
    }

    fn wrong(&self, reason: String) -> RegistryError {
        RegistryError::content(self.name, reason)
    }
}

impl Registry {
    /// A registry for these tags, all of which are in it.
    #[must_use]
    pub fn open(images: &[ImageName], insecure: &[String], credentials: Credentials, uploads: &Uploads) -> Self {
        Self {
            client: Arc::new(Client::new(insecure, credentials, uploads.clone())),
            images: images.to_vec(),
            base: None,
            previous: None,
            sending: JoinSet::new(),
            permits: Arc::new(Semaphore::new(AT_A_TIME)),
            taken: HashSet::new(),
        }
    }

    /// The run image under any name, and the digest that the name leads to, an index's where it leads to one; of an
    /// index the manifest for `platform`.
    ///
    /// # Errors
    /// [`RegistryError`] naming the reference.
    pub async fn run_image(
        &mut self,
        name: &ImageName,
        platform: &Platform,
    ) -> Result<(Digest, StoredImage), RegistryError> {
        let Fetched { digest, image, .. } = self.fetch(name, platform).await?;
        self.base = Some((name.clone(), image.layers.clone()));
        Ok((digest, image))
    }

    /// An app image with its documents, whose layers may be taken; of an index the manifest for `platform`.
    ///
    /// # Errors
    /// [`RegistryError`] naming the reference.
    pub async fn app_image(&mut self, name: &ImageName, platform: &Platform) -> Result<WholeImage, RegistryError> {
        let Fetched { image, manifest, config, behind_index, .. } = self.fetch(name, platform).await?;
        self.previous = Some(name.clone());
        Ok(WholeImage { image, config, manifest: Some(manifest.bytes), behind_index })
    }

    async fn fetch(&self, name: &ImageName, platform: &Platform) -> Result<Fetched, RegistryError> {
        let reference = name
            .digest
            .as_ref()
            .map_or_else(|| name.tag_or_latest().unwrap_or("latest").to_owned(), ToString::to_string);
        let document = self.client.manifest(name, &reference, name.digest.as_ref()).await?;
        let digest = Digest::of(&document.bytes);
        let at = Repository { client: &self.client, name };
        let found = choice::image(&at, document, platform).await?;
        let Found { manifest, config, image, behind_index, notes, .. } = found;
        let image = StoredImage { config: config.value, layers: image.layers, notes };
        Ok(Fetched { image, digest, behind_index, manifest, config: config.bytes })
    }

    fn bring(&mut self, from: ImageName, layer: Descriptor) {
        self.spawn(Sending::Brought { from, layer });
    }

    /// Sends a blob to every repository that the image goes to; what the first has, the others can mount.
    fn spawn(&mut self, blob: Sending) {
        let digest = match &blob {
            Sending::File { digest, .. } => digest,
            Sending::Brought { layer, .. } => &layer.digest,
        };
        if !self.taken.insert(digest.clone()) {
            return;
        }
        let repositories = self.repositories();
        let (client, permits) = (self.client.clone(), self.permits.clone());
        self.sending.spawn(async move {
            let _permit = permits.acquire().await;
            let Some((first, others)) = repositories.split_first() else { return Ok(()) };
            provide(&client, &blob, first, None).await?;
            try_join_all(others.iter().map(|other| provide(&client, &blob, other, Some(first)))).await?;
            Ok(())
        });
    }

    /// One name for each repository that the image goes to.
    fn repositories(&self) -> Vec<ImageName> {
        let mut found: Vec<ImageName> = Vec::new();
        for image in &self.images {
            if !found.iter().any(|known| known.repository == image.repository) {
                found.push(image.clone());
            }
        }
        found
    }
}

impl Target for Registry {
    async fn base(&mut self, reference: &str, platform: &Platform) -> Result<StoredImage, TargetError> {
        let name = ImageName::parse(reference).map_err(|error| RegistryError::broken(&error))?;
        Ok(self.run_image(&name, platform).await?.1)
    }

    /// The reference says it itself.
    fn base_digest(&self, _: &str, _: &ImageName) -> Option<Digest> {
        None
    }

    async fn previous(
        &mut self,
        reference: &str,
        platform: &Platform,
        _: Need,
    ) -> Result<Option<StoredImage>, TargetError> {
        let Ok(name) = ImageName::parse(reference) else { return Ok(None) };
        match self.fetch(&name, platform).await {
            Ok(Fetched { image, .. }) => {
                self.previous = Some(name);
                Ok(Some(image))
            }
            Err(RegistryError::Status { status: 404, .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn making(&self) -> Making {
        Making::Blobs
    }

    /// A manifest is not kept without its blobs.
    fn holds(&self, _: &Descriptor) -> bool {
        true
    }

    fn take_base(&mut self) {
        if let Some((name, layers)) = self.base.clone() {
            for layer in layers.into_iter().filter(|layer| layer.urls.is_empty()) {
                self.bring(name.clone(), layer);
            }
        }
    }

    /// Begins to send the layer while others are made.
    async fn take(&mut self, layer: NewLayer) -> Result<NewLayer, TargetError> {
        match &layer {
            NewLayer::Made(blob) => {
                let file = Arc::new(blob.file.try_clone().map_err(LayerError::Spool)?);
                self.spawn(Sending::File { file, digest: blob.digest.clone(), size: blob.size });
            }
            NewLayer::Reused { descriptor: Some(descriptor), .. } => {
                if let Some(from) = self.previous.clone() {
                    self.bring(from, descriptor.clone());
                }
            }
            NewLayer::Reused { .. } | NewLayer::Streamed { .. } | NewLayer::Sent { .. } => {}
        }
        Ok(layer)
    }

    fn describe(&self, layers: &[NewLayer]) -> Vec<Descriptor> {
        let base = self.base.iter().flat_map(|(_, layers)| layers.iter().cloned());
        base.chain(layers.iter().filter_map(NewLayer::descriptor)).collect()
    }

    fn annotations(&self) -> Keeping {
        Keeping::Always
    }

    fn most_of_manifest(&self) -> Option<usize> {
        Some(MOST_OF_MANIFEST)
    }

    /// Sends the config, waits for the layers, and then puts the manifest under every tag. After an error no tag has
    /// moved, unless the manifest could be put under some of several tags and not under another.
    async fn write(mut self, image: NewImage) -> Result<Outcome, TargetError> {
        let NewImage { config, manifest, media_type, .. } = image;
        let (config_digest, config) = (Digest::of(&config), Bytes::from(config));
        for repository in self.repositories() {
            let (client, id, config) = (self.client.clone(), config_digest.clone(), config.clone());
            self.sending.spawn(async move { client.provide_bytes(&repository, &id, config).await });
        }
        while let Some(sent) = self.sending.join_next().await {
            sent.map_err(|error| RegistryError::broken(&error))??;
        }
        // A registry that refuses the manifest is asked once, whatever the number of tags.
        if let Some((first, others)) = self.images.split_first() {
            self.client.put_manifest(first, media_type, &manifest).await?;
            let put = |image| self.client.put_manifest(image, media_type, &manifest);
            stream::iter(others).map(put).buffered(AT_A_TIME).try_collect::<()>().await?;
        }
        Ok(Outcome {
            digest: Some(Digest::of(&manifest)),
            image_id: ImageId::of_document(config_digest),
            manifest_size: Some(manifest.len() as u64),
        })
    }
}
