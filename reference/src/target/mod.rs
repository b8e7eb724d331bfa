//! Where run images come from and app images go to. The three targets have the same shape: open, read the run image
//! and the previous one, take layers, write the image.

mod choice;
pub mod daemon;
mod document;
pub mod layout;
pub mod registry;

use std::sync::Arc;

use serde_json::Value;

use crate::digest::Digest;
use crate::image::Descriptor;
use crate::layer::{Blob, Tree};
pub use crate::platform::Platform;

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

impl StoredImage {
    /// Whether another image can be built upon it: its config names a digest for each of its layers.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), &'static str> {
        let Some(ids) = self.config["rootfs"]["diff_ids"].as_array() else {
            return Err("has a config without rootfs.diff_ids");
        };
        if ids.len() != crate::image::diff_ids(&self.config).len() {
            return Err("has a config with a diff_id that is no sha256 digest");
        }
        if !self.layers.is_empty() && self.layers.len() != ids.len() {
            return Err("has a config that names other layers than its manifest");
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

/// An app image with its documents as its store has them, for one that is to stay what it is but for its base.
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
        diff_id: Digest,
        /// Bytes of the tar.
        size: u64,
        /// What is in it.
        tree: Arc<Tree>,
    },
    /// A layer of the previous image.
    Reused {
        /// Digest of the tar.
        diff_id: Digest,
        /// Its descriptor; none in a classic daemon.
        descriptor: Option<Descriptor>,
    },
    /// Made now and sent already; nothing is left of its blob here.
    Sent {
        /// Digest of the tar.
        diff_id: Digest,
        /// The blob's descriptor.
        descriptor: Descriptor,
    },
}

impl NewLayer {
    /// Digest of its tar.
    #[must_use]
    pub fn diff_id(&self) -> &Digest {
        match self {
            Self::Made(blob) => &blob.diff_id,
            Self::Streamed { diff_id, .. } | Self::Reused { diff_id, .. } | Self::Sent { diff_id, .. } => diff_id,
        }
    }
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The manifest's digest; none in a daemon.
    pub digest: Option<Digest>,
    /// The config's digest, or the daemon's own ID where that is another.
    pub image_id: String,
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
            annotations: std::collections::BTreeMap::new(),
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
