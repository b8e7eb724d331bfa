//! Where run images come from and app images go to. The three targets have one interface, `Target`: each is opened in
//! its own way, and asked the same from then on.

mod choice;
pub mod daemon;
mod document;
pub mod layout;
pub mod registry;

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;

use serde_json::Value;

use crate::digest::{DiffId, Digest, ImageId};
use crate::image::Descriptor;
use crate::image_name::ImageName;
use crate::layer::{Blob, Tree};
pub use crate::platform::Platform;

/// Documents of registries and daemons larger than this are refused, in bytes.
const LARGEST_DOCUMENT: usize = 16 << 20;

/// Whether a layer of the previous image has to be in the new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// The previous image only saves work.
    Optional,
    /// The new image has a layer of it.
    Required,
}

/// An open target. An export asks in the order in which the methods stand here.
pub(crate) trait Target {
    /// The run image under the reference that the analysis gave it; of an index the image for `platform`.
    async fn base(&mut self, reference: &str, platform: &Platform) -> Result<StoredImage, TargetError>;

    /// The digest under which the repository of `name` has the run image, where the target knows one that `reference`
    /// does not say to others.
    fn base_digest(&self, reference: &str, name: &ImageName) -> Option<Digest>;

    /// The previous image; `None` if it does not exist any more, or is of no use.
    async fn previous(
        &mut self,
        reference: &str,
        platform: &Platform,
        need: Need,
    ) -> Result<Option<StoredImage>, TargetError>;

    /// How it wants its layers.
    fn making(&self) -> Making;

    /// Whether it has the blob of a layer of the previous image.
    fn holds(&self, layer: &Descriptor) -> bool;

    /// Begins to bring the run image's layers to where the app image goes.
    fn take_base(&mut self) {}

    /// Takes the next layer, and gives back what is needed of it for [`write`](Self::write).
    async fn take(&mut self, layer: NewLayer) -> Result<NewLayer, TargetError>;

    /// Descriptors of all layers of the image; those of the run image come first. None in a classic daemon.
    fn describe(&self, layers: &[NewLayer]) -> Vec<Descriptor>;

    /// What becomes of a manifest's annotations.
    fn annotations(&self) -> Keeping;

    /// Bytes that it takes of a manifest, where it need not take more.
    fn most_of_manifest(&self) -> Option<usize> {
        None
    }

    /// Writes the image under every name that the target was opened for; the names come last.
    async fn write(self, image: NewImage) -> Result<Outcome, TargetError>;
}

/// How a target wants layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Making {
    /// As blobs, several at a time.
    Blobs,
    /// As blobs, each of which is gone from temporary disk before the next is made.
    BlobByBlob,
    /// As tars that are hashed first and streamed in the end.
    Tars,
}

/// What a target does with annotations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeping {
    /// It keeps them, as all of its kind do.
    Always,
    /// This store keeps them; others of its kind do not.
    By(&'static str),
    /// This store drops annotations.
    Never,
}

/// What is written in the end.
pub(crate) struct NewImage {
    /// The config.
    pub(crate) config: Vec<u8>,
    /// The manifest.
    pub(crate) manifest: Vec<u8>,
    /// The manifest's media type.
    pub(crate) media_type: &'static str,
    /// What [`Target::take`] gave back, in the order of the image.
    pub(crate) layers: Vec<NewLayer>,
}

/// Why an image could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// A registry.
    #[error(transparent)]
    Registry(#[from] registry::RegistryError),
    /// A layout.
    #[error(transparent)]
    Layout(#[from] layout::LayoutError),
    /// A daemon.
    #[error(transparent)]
    Daemon(#[from] daemon::DaemonError),
    /// A file of a layer.
    #[error(transparent)]
    Layer(#[from] crate::layer::LayerError),
}

/// A run image or previous image.
#[derive(Debug, Clone)]
pub struct StoredImage {
    /// Its config.
    pub config: Value,
    /// Its layers' descriptors; none in a classic daemon.
    pub layers: Vec<Descriptor>,
    /// What a log should say of how it was found.
    pub notes: Vec<String>,
}

/// Most entries of `Env` in a run image's config.
const MOST_OF_ENV: usize = 100_000;

impl StoredImage {
    /// Whether another image can be built on it: its config names a digest for each of its layers.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), &'static str> {
        let Some(ids) = self.config["rootfs"]["diff_ids"].as_array() else {
            return Err("has a config without rootfs.diff_ids");
        };
        if ids.len() != crate::image::diff_ids(&self.config).len() {
            return Err("has a config with a diff_id that is not a sha256 digest");
        }
        if !self.layers.is_empty() && self.layers.len() != ids.len() {
            return Err("has a config that names other layers than its manifest");
        }
        match &self.config["config"]["Env"] {
            Value::Null => {}
            Value::Array(entries) if entries.len() > MOST_OF_ENV => {
                return Err("has a config whose Env has more than 100000 entries");
            }
            Value::Array(entries) if entries.iter().all(Value::is_string) => {}
            _ => return Err("has a config whose Env is not a list of strings"),
        }
        Ok(())
    }

    /// Its label `io.buildpacks.lifecycle.metadata`.
    #[must_use]
    pub fn label(&self) -> Option<Value> {
        let text = self.config["config"]["Labels"]["io.buildpacks.lifecycle.metadata"].as_str()?;
        serde_json::from_str(text).ok()
    }
}

/// An app image with its documents as its store has them, for one that is to stay what it is except for its base.
#[derive(Debug, Clone)]
pub struct WholeImage {
    /// What exporters see of it; its layers' media types are OCI's.
    pub image: StoredImage,
    /// The config's bytes.
    pub config: Vec<u8>,
    /// The manifest's bytes; none where the store gives none out.
    pub manifest: Option<Vec<u8>>,
    /// Whether the name led to an index of several images.
    pub behind_index: bool,
}

/// A layer of the image to be written.
#[derive(Debug)]
pub enum NewLayer {
    /// Made now, compressed, on temporary disk.
    Made(Blob),
    /// Made now, to be streamed uncompressed.
    Streamed {
        /// Digest of the tar.
        diff_id: DiffId,
        /// Bytes of the tar.
        size: u64,
        /// What is in it.
        content: Content,
    },
    /// A layer of the previous image.
    Reused {
        /// Digest of the tar.
        diff_id: DiffId,
        /// Its descriptor; none in a classic daemon.
        descriptor: Option<Descriptor>,
    },
    /// Made now and sent already; nothing is left of its blob here.
    Sent {
        /// Digest of the tar.
        diff_id: DiffId,
        /// The blob's descriptor.
        descriptor: Descriptor,
    },
}

impl NewLayer {
    /// Digest of its tar.
    #[must_use]
    pub fn diff_id(&self) -> &DiffId {
        match self {
            Self::Made(blob) => &blob.diff_id,
            Self::Streamed { diff_id, .. } | Self::Reused { diff_id, .. } | Self::Sent { diff_id, .. } => diff_id,
        }
    }

    /// Its descriptor; none of one for a classic daemon.
    #[must_use]
    pub fn descriptor(&self) -> Option<Descriptor> {
        match self {
            Self::Made(blob) => Some(Descriptor {
                media_type: blob.media_type.clone(),
                digest: blob.digest.clone(),
                size: blob.size,
                urls: Vec::new(),
                annotations: BTreeMap::new(),
            }),
            Self::Reused { descriptor, .. } => descriptor.clone(),
            Self::Sent { descriptor, .. } => Some(descriptor.clone()),
            Self::Streamed { .. } => None,
        }
    }
}

/// The tar of a layer.
#[derive(Debug)]
pub enum Content {
    /// Made of files while it is sent.
    Tree(Arc<Tree>),
    /// On temporary disk.
    Tar(File),
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The manifest's digest; none in a daemon.
    pub digest: Option<Digest>,
    /// The config's digest, or the daemon's own ID where that is another.
    pub image_id: ImageId,
    /// Bytes of the manifest.
    pub manifest_size: Option<u64>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_image_whose_config_does_not_fit_its_layers_is_no_base() {
        let layer = |name: &str| Descriptor {
            media_type: crate::image::LAYER.to_owned(),
            digest: Digest::of(name.as_bytes()),
            size: 1,
            urls: Vec::new(),
            annotations: BTreeMap::new(),
        };
        let image = |diff_ids: Value, layers: usize| StoredImage {
            config: json!({ "rootfs": { "diff_ids": diff_ids } }),
            layers: vec![layer("a"); layers],
            notes: Vec::new(),
        };
        assert!(image(json!([Digest::of(b"a")]), 1).check().is_ok());
        assert!(image(json!([Digest::of(b"a")]), 2).check().unwrap_err().contains("other layers"));
        assert!(image(json!(["sha512:00"]), 1).check().unwrap_err().contains("diff_id"));
        assert!(image(Value::Null, 0).check().is_err());
        assert!(StoredImage { config: json!([]), layers: Vec::new(), notes: Vec::new() }.check().is_err());
    }
}
