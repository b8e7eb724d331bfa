//! Observing: everything that an export left in a store or on disk, as the judge's plain facts. All I/O is here, no
//! judgement; an exporter's fault becomes a fact, only the harness's own trouble is an error.

mod access;
mod again;
mod archive;
mod blobs;
mod challenge;
mod changes;
mod credentials;
mod daemon;
mod documents;
mod error;
mod files;
mod http;
mod inspection;
mod layer;
mod layout;
mod pax;
mod publish;
mod pull;
mod registry;
mod sparse;
mod standing;
mod streams;
mod tar_header;
mod tarball;
mod trust;

pub use blobs::{BlobError, BlobStore, StoredBlob};
pub use changes::{Snapshot, modes_below};
pub use credentials::{Credentials, REGISTRY_AUTH};
pub use daemon::{DaemonError, DaemonObserver, ObservedInDaemon, PushError};
pub use error::RegistryError;
pub use files::{FileError, file_facts};
pub(crate) use files::{is_reached_without_links, kind_of};
pub use http::AccessError;
pub use inspection::Inspections;
pub use layer::{LayerError, LayerReader, Limits, ReadLayer};
pub use layout::{
    LayoutError, ObservedLayout, layout_base_image, layout_document, layout_facts, layout_tag_state,
    list_layout_folders, mapped_path,
};
pub use registry::{MAX_DOCUMENT, ObservedImage, ObservedTag, RegistryClient, RegistryObserver};
pub use standing::{Standing, Stands, layout_standing};
pub use trust::{Trust, TrustError};
