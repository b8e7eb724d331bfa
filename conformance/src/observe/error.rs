//! Why a registry could not be observed.

use judge::digest::Digest;

use super::blobs::BlobError;
use super::http::AccessError;
use super::layer::LayerError;

/// Why a registry could not be observed: its trouble or the harness's, never the image's.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// It does not answer as it should.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// What it served cannot be kept.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// It serves other bytes under a digest: its fault, whatever was sent to it.
    #[error("the registry's fault: under {digest} it serves bytes of {other}")]
    OtherBytes {
        /// What was asked for.
        digest: Digest,
        /// What came.
        other: Digest,
    },
    /// What it served cannot be read back.
    #[error(transparent)]
    Layer(#[from] LayerError),
}

impl RegistryError {
    /// Whether what was asked for is there, and larger than is read of anything: what someone sent to the registry.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        matches!(self, Self::Access(AccessError::TooLarge { .. }) | Self::Blob(BlobError::TooLarge { .. }))
    }
}
