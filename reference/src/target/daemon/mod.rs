//! A daemon of the Engine API as a target. A store that keeps manifests is given an OCI archive: each layer's blob is
//! spooled, sent and let go of before the next is made, so that temporary disk holds one. Making a layer of 1 GiB twice
//! instead needed no disk and 1.7 (random bytes) to 1.8 times (programs) the processor time. A classic store is given a
//! docker-archive whose layers are streamed as uncompressed tars. Layers of the run image stay where they are: every
//! store takes an archive without them.
//!
//! An image is loaded without a name, looked for, and only then tagged: a load that fails moves no tag.

mod archive;
mod asked;
mod cause;
mod error;
mod load;
mod podman;
mod saved;
mod store;

use std::fs::File;
use std::io;
use std::time::Duration;

use bollard::Docker;
use bollard::models::ImageInspect;
use bollard::query_parameters::{RemoveImageOptionsBuilder, TagImageOptionsBuilder};
use futures_util::TryStreamExt;
use tokio_util::io::{StreamReader, SyncIoBridge};

use super::{
    Keeping, Making, Need, NewImage, NewLayer, Outcome, Platform, StoredImage, Target, TargetError, WholeImage,
};
use crate::digest::{DiffId, Digest, ImageId};
use crate::failure::{Reason, behind};
use crate::image::{self, Descriptor};
use crate::image_name::ImageName;
use asked::Asked;
use load::Load;
use saved::{Archive, Disk, Place, Saved, Spooling};

pub use cause::Cause;
pub use error::DaemonError;
pub use store::Store;

/// How long an answer, or a step of a load, may take.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long an engine may take to save an image, or to unpack one that it has been sent.
const UNPACKING: Duration = Duration::from_mins(30);

/// A daemon.
pub struct Daemon {
    api: Docker,
    asked: Asked,
    host: String,
    images: Vec<ImageName>,
    /// What messages call the image that is exported.
    name: String,
    store: Store,
    base: Option<Base>,
    previous: Option<Previous>,
    load: Option<Load>,
}

/// The run image.
struct Base {
    inspection: ImageInspect,
    saved: Saved,
}

/// The previous image, and the archive that its layers are in; empty where they need not be sent.
struct Previous {
    saved: Saved,
    spool: File,
}

impl Daemon {
    /// The daemon at `host`, else the default one, for an export to `images`.
    ///
    /// # Errors
    /// [`DaemonError`].
    pub async fn open(images: &[ImageName], host: Option<&str>) -> Result<Self, DaemonError> {
        let host = host.unwrap_or("unix:///var/run/docker.sock");
        let unreachable = |source| DaemonError::Unreachable { host: host.to_owned(), source };
        let version = bollard::API_DEFAULT_VERSION;
        let api = if host.starts_with("unix://") {
            Docker::connect_with_unix(host, PATIENCE.as_secs(), version)
        } else {
            Docker::connect_with_http(host, PATIENCE.as_secs(), version)
        };
        let negotiated = api.map_err(|error| unreachable(Reason::innermost(&error)))?.negotiate_version();
        let api = tokio::time::timeout(Duration::from_secs(20), negotiated).await;
        let api = api.map_err(|_| unreachable(Reason::new("no answer within 20 s")))?;
        let api = api.map_err(|error| match &error {
            bollard::errors::Error::HyperLegacyError { err } if err.is_connect() => {
                unreachable(Reason::innermost(&error))
            }
            _ => failed(host, "ask the daemon for its version".to_owned(), &error),
        })?;
        let store = Store::of(&api).await;
        let store = store.map_err(|error| failed(host, "ask the daemon for its store".to_owned(), &error))?;
        let name = images.first().map(ImageName::to_string).unwrap_or_default();
        Ok(Self {
            api,
            asked: Asked::new(host).map_err(unreachable)?,
            host: host.to_owned(),
            images: images.to_vec(),
            name,
            store,
            base: None,
            previous: None,
            load: None,
        })
    }

    /// How the daemon keeps images.
    #[must_use]
    pub fn store(&self) -> Store {
        self.store
    }

    /// The digest under which the run image's repository has it, where the daemon knows it.
    #[must_use]
    pub fn known_digest(&self, name: &ImageName) -> Option<Digest> {
        let base = self.base.as_ref()?;
        let digests = base.inspection.repo_digests.as_deref().unwrap_or_default();
        self.store.known_digest(name, digests, &base.saved.sources)
    }

    /// The run image's ID.
    #[must_use]
    pub fn base_id(&self) -> Option<&str> {
        self.base.as_ref()?.inspection.id.as_deref()
    }

    /// An app image with its documents, whose layers may be taken; of an index the image for `platform`. None where it
    /// is not there.
    ///
    /// # Errors
    /// [`DaemonError`] naming the image.
    pub async fn app_image(&mut self, reference: &str, platform: &Platform) -> Result<Option<WholeImage>, DaemonError> {
        let Some(image) = self.find(reference, platform).await? else { return Ok(None) };
        let Some(Previous { saved, .. }) = &self.previous else { return Ok(None) };
        let (config, mut manifest) = (saved.config_bytes.clone(), saved.manifest.clone());
        if self.store == Store::Podman {
            // Its descriptors are those of the layers as they are kept, and as it takes them back.
            let annotations = podman::annotations(&self.asked, saved.config_digest.as_str()).await;
            let annotations = annotations.map_err(|cause| self.failed(format!("inspect {reference}"), cause))?;
            manifest = annotations.map(|annotations| image::manifest(&config, &saved.layers, &annotations));
        }
        Ok(Some(WholeImage { image, config, manifest, behind_index: saved.behind_index }))
    }

    /// The previous image under its ID; none where it is not there any more. On a classic store its layers are spooled,
    /// because one of them is part of the new image only if it is sent.
    async fn find(&mut self, reference: &str, platform: &Platform) -> Result<Option<StoredImage>, DaemonError> {
        let Some(inspection) = self.inspection(reference).await? else { return Ok(None) };
        let spool = tempfile::tempfile().map_err(DaemonError::Spool)?;
        let copy = spool.try_clone().map_err(DaemonError::Spool)?;
        let saved =
            self.saved(reference, &inspection, platform, Some(copy).filter(|_| self.store == Store::Classic)).await?;
        let image = self.image(&saved);
        self.previous = Some(Previous { saved, spool });
        Ok(Some(image))
    }

    async fn inspection(&self, reference: &str) -> Result<Option<ImageInspect>, DaemonError> {
        let failed = |cause| self.failed(format!("inspect {reference}"), cause);
        let path = format!("/v{}/images/{reference}/json", self.api.client_version());
        self.asked.document(&path, PATIENCE).await.map_err(failed)
    }

    fn failed(&self, doing: String, cause: Cause) -> DaemonError {
        DaemonError::Failed { doing, host: self.host.clone(), cause }
    }

    /// The image as the daemon saves it; `spool` keeps its archive.
    async fn saved(
        &self,
        reference: &str,
        inspection: &ImageInspect,
        platform: &Platform,
        spool: Option<File>,
    ) -> Result<Saved, DaemonError> {
        let host = || self.host.clone();
        let wrong = |reason: String| DaemonError::Content { name: reference.to_owned(), host: host(), reason };
        let id = inspection.id.as_deref().and_then(ImageId::parse);
        let id = id.ok_or_else(|| wrong("its ID is not a digest".to_owned()))?;
        let api = self.api.clone().with_timeout(UNPACKING);
        let chunks = api.export_image(reference).map_err(|error| io::Error::other(Cause::from(&error)));
        let reader = SyncIoBridge::new(StreamReader::new(Box::pin(chunks)));
        let read = tokio::task::spawn_blocking(move || match spool {
            Some(spool) => Archive::read(Spooling { from: reader, spool }),
            None => Archive::read(reader),
        });
        let archive = read.await.map_err(|error| DaemonError::Spool(io::Error::other(error)))?;
        let archive = archive.map_err(|error| {
            if let Some(cause) = behind::<Cause>(&error) {
                return DaemonError::Failed { doing: format!("save {reference}"), host: host(), cause: cause.clone() };
            }
            match behind::<Disk>(&error) {
                Some(Disk(reason)) => DaemonError::Spool(io::Error::new(reason.kind(), reason.to_string())),
                None => wrong(format!("what it saves is not an archive ({})", Reason::innermost(&error))),
            }
        })?;
        if self.store == Store::Containerd {
            return archive.oci_image(id.digest(), platform).map_err(wrong);
        }
        let saved = archive.docker_image().map_err(wrong)?;
        if saved.config_digest != *id.digest() {
            return Err(wrong(format!("it saves the config {} as {id}", saved.config_digest)));
        }
        Ok(saved)
    }

    /// A classic store has no descriptors.
    fn image(&self, saved: &Saved) -> StoredImage {
        let layers = if self.store == Store::Classic { Vec::new() } else { saved.layers.clone() };
        StoredImage { config: saved.config.clone(), layers, notes: saved.notes.clone() }
    }

    /// Removes what a load that failed left: containerd's store keeps a manifest without all of its layers. What cannot
    /// be removed has no name.
    async fn forget(&self, id: &ImageId) {
        let Ok(Some(found)) = self.inspection(id.digest().as_str()).await else { return };
        if found.repo_tags.is_none_or(|tags| tags.is_empty()) {
            let _ = self
                .api
                .remove_image(id.digest().as_str(), Some(RemoveImageOptionsBuilder::default().build()), None)
                .await;
        }
    }

    async fn tag(&self, id: &ImageId, image: &ImageName) -> Result<(), DaemonError> {
        let tag = image.tag_or_latest().unwrap_or("latest");
        let options = TagImageOptionsBuilder::default().repo(&local(&image.context())).tag(tag).build();
        let tagged = self.api.tag_image(id.digest().as_str(), Some(options)).await;
        tagged.map_err(|error| failed(&self.host, format!("tag the image as {image}"), &error))
    }
}

impl Target for Daemon {
    /// `reference` is an image ID or a name.
    async fn base(&mut self, reference: &str, platform: &Platform) -> Result<StoredImage, TargetError> {
        let found = self.inspection(reference).await?;
        let inspection =
            found.ok_or_else(|| DaemonError::NoRunImage { name: reference.to_owned(), host: self.host.clone() })?;
        let saved = self.saved(reference, &inspection, platform, None).await?;
        let image = self.image(&saved);
        self.base = Some(Base { inspection, saved });
        Ok(image)
    }

    fn base_digest(&self, reference: &str, name: &ImageName) -> Option<Digest> {
        if Digest::of_reference(reference).is_some() { None } else { self.known_digest(name) }
    }

    /// A daemon has to save the whole image for it; only containerd's store then has blobs that need not be made.
    async fn previous(
        &mut self,
        reference: &str,
        platform: &Platform,
        need: Need,
    ) -> Result<Option<StoredImage>, TargetError> {
        if self.store != Store::Containerd && need == Need::Optional {
            return Ok(None);
        }
        Ok(self.find(reference, platform).await?)
    }

    /// A store that keeps manifests is sent each layer before the next is made.
    fn making(&self) -> Making {
        if self.store == Store::Classic { Making::Tars } else { Making::BlobByBlob }
    }

    fn holds(&self, layer: &Descriptor) -> bool {
        self.previous.as_ref().is_some_and(|previous| {
            let mut layers = previous.saved.layers.iter().zip(&previous.saved.places);
            layers.any(|(known, place)| known.digest == layer.digest && place.is_some())
        })
    }

    /// Sends a layer whose blob has been made, and lets go of it. What the daemon has, and what it takes at the end,
    /// is given back as it is.
    async fn take(&mut self, layer: NewLayer) -> Result<NewLayer, TargetError> {
        let Some(descriptor) = layer.descriptor() else { return Ok(layer) };
        let blob = match layer {
            NewLayer::Made(blob) => blob,
            other => return Ok(other),
        };
        let load = match &mut self.load {
            Some(load) => load,
            none => none.insert(Load::begin(&self.api, &self.host, &self.name)),
        };
        let place = Place { at: 0, size: blob.size };
        load.spooled(saved::blob(&blob.digest), blob.file, place).await?;
        Ok(NewLayer::Sent { diff_id: blob.diff_id, descriptor })
    }

    fn describe(&self, layers: &[NewLayer]) -> Vec<Descriptor> {
        let base = self.base.iter().filter(|_| self.store != Store::Classic).flat_map(|base| base.saved.layers.iter());
        base.cloned().chain(layers.iter().filter_map(NewLayer::descriptor)).collect()
    }

    fn annotations(&self) -> Keeping {
        if self.store.keeps_annotations() { Keeping::By(self.store.name()) } else { Keeping::Never }
    }

    /// Loads the image and tags it. After an error no tag has moved, unless the daemon gave the image one of several
    /// tags and not the next.
    async fn write(mut self, image: NewImage) -> Result<Outcome, TargetError> {
        let NewImage { config, manifest, layers, .. } = image;
        let document = if self.store == Store::Containerd { &manifest } else { &config };
        let id = ImageId::of_document(Digest::of(document));
        let was_there = self.inspection(id.digest().as_str()).await?.is_some();
        let load = self.load.take();
        let load = load.unwrap_or_else(|| Load::begin(&self.api, &self.host, &self.name));
        let loaded = if self.store == Store::Classic {
            let base = self.base.iter().flat_map(|base| base.saved.layers.iter());
            let base = base.map(|layer| DiffId::of_tar(layer.digest.clone())).collect();
            archive::docker(load, base, self.previous.as_ref(), config, layers).await
        } else {
            archive::oci(load, config, manifest).await
        };
        if let Err(error) = loaded {
            if !was_there {
                self.forget(&id).await;
            }
            return Err(error);
        }
        if self.inspection(id.digest().as_str()).await?.is_none() {
            let (name, host) = (self.name.clone(), self.host.clone());
            return Err(DaemonError::NotKept { name, host, id: id.to_string() }.into());
        }
        for image in &self.images {
            self.tag(&id, image).await?;
        }
        Ok(Outcome { digest: None, image_id: id, manifest_size: None })
    }
}

/// A name as daemons have it: Docker Hub is its own name there, and that of its host in a registry.
#[must_use]
pub fn local(name: &str) -> String {
    name.strip_prefix("index.").filter(|rest| rest.starts_with("docker.io/")).unwrap_or(name).to_owned()
}

/// What became of something that the daemon was asked for.
fn failed(host: &str, doing: String, error: &bollard::errors::Error) -> DaemonError {
    DaemonError::Failed { doing, host: host.to_owned(), cause: error.into() }
}
