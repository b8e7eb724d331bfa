//! What is asked of registries (`oci-distribution.md`): documents that are checked against their digest, and blobs that
//! are sent only where they are missing.

mod blobs;
mod documents;

use std::sync::Arc;

use super::credentials::Credentials;
use super::transport::Transport;
use super::uploads::Uploads;
pub(super) use blobs::Source;

/// A client of the registries of one export.
pub(super) struct Client {
    transport: Arc<Transport>,
    uploads: Uploads,
}

impl Client {
    pub(super) fn new(insecure: &[String], credentials: Credentials, uploads: Uploads) -> Self {
        Self { transport: Arc::new(Transport::new(insecure, credentials)), uploads }
    }
}
