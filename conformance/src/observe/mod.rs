//! Observers: what an export left, fetched as raw bytes and written down as facts. One file for each kind of store;
//! blobs are kept once, under their hash, and layers are read to their last byte.

pub mod blobs;
pub mod daemon;
mod files;
pub mod layer;
pub mod layout;
pub mod registry;

use std::path::PathBuf;

pub use files::file_facts;

/// Why something could not be observed: never the exporter's fault.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// The file system refused.
    #[error("read {}: {source}", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A registry did not answer as a registry.
    #[error("{doing} at {url}: {reason}")]
    Registry {
        /// What was done.
        doing: &'static str,
        /// The address, without credentials.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// A daemon did not answer as a daemon.
    #[error("{doing}: {reason}")]
    Daemon {
        /// What was done.
        doing: String,
        /// What went wrong.
        reason: String,
    },
}
