//! Where run images come from and app images go to. The three targets have the same shape: open, read the run image
//! and the previous one, take layers, write the image.

pub mod daemon;
pub mod layout;
pub mod registry;

use serde_json::Value;

use crate::digest::Digest;
use crate::image::Descriptor;
use crate::layer::{Blob, Tree};

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
    /// Its layers' descriptors; none in a daemon.
    pub layers: Vec<Descriptor>,
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
        tree: Tree,
    },
    /// A layer of the previous image.
    Reused {
        /// Digest of the tar.
        diff_id: Digest,
        /// Its descriptor; none in a daemon.
        descriptor: Option<Descriptor>,
    },
}

impl NewLayer {
    /// Digest of its tar.
    #[must_use]
    pub fn diff_id(&self) -> &Digest {
        match self {
            Self::Made(blob) => &blob.diff_id,
            Self::Streamed { diff_id, .. } | Self::Reused { diff_id, .. } => diff_id,
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
