//! Requests as what they do to a registry: a blob that arrives or is found, a manifest that is put.

use crate::evidence::{Export, SentManifest, WireRecord};

/// When an exporter could know what came of a request. Evidence of before answers were placed has their beginning
/// alone.
pub(super) fn known_at(record: &WireRecord) -> u64 {
    record.answered.unwrap_or(record.sequence)
}

/// A blob in a repository; no repository where the registry chose a place for the upload that does not tell it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Blob {
    pub(super) repository: Option<String>,
    pub(super) digest: String,
}

impl Blob {
    /// Whether it is, or may be, this blob of this repository.
    pub(super) fn may_be(&self, repository: &str, digest: &str) -> bool {
        self.digest == digest && self.repository.as_deref().is_none_or(|own| own == repository)
    }
}

/// How a blob came to be in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Uploaded,
    Mounted,
}

/// The blob that a request brought.
pub(super) fn brought(record: &WireRecord) -> Option<(Blob, How)> {
    let is_write = matches!(record.method.as_str(), "PUT" | "POST");
    if !is_write || record.status != 201 || record.path().contains("/manifests/") {
        return None;
    }
    let mounted = record.parameter("mount").map(|digest| (digest, How::Mounted));
    let (digest, how) = mounted.or_else(|| Some((record.parameter("digest")?, How::Uploaded)))?;
    Some((Blob { repository: record.upload_to().map(str::to_owned), digest }, how))
}

/// The blob that a request found in a repository.
pub(super) fn found(record: &WireRecord) -> Option<Blob> {
    let is_read = matches!(record.method.as_str(), "GET" | "HEAD") && record.status == 200;
    let (repository, digest) = record.path().strip_prefix("/v2/")?.rsplit_once("/blobs/").filter(|_| is_read)?;
    Some(Blob { repository: Some(repository.to_owned()), digest: digest.to_owned() })
}

/// The repository and reference of a manifest that a request put.
pub(super) fn put(record: &WireRecord) -> Option<(&str, &str)> {
    record.manifest_at().filter(|_| record.method == "PUT" && record.is_done())
}

/// Whether a request was to put a manifest, and was not kept from it by what is not the exporter's doing: a registry
/// that wants credentials first, or fails. One that refuses what it is sent has seen it.
pub(super) fn was_to_put(record: &WireRecord) -> bool {
    let is_seen = record.is_done() || matches!(record.status, 400 | 404 | 415);
    record.method == "PUT" && record.path().contains("/manifests/") && is_seen && record.fault.is_none()
}

/// What a manifest that was put says; of evidence that does not keep it, what the app image says, where that is it.
pub(super) fn said(export: &Export, record: &WireRecord) -> Option<SentManifest> {
    record.manifest.clone().or_else(|| {
        let document = export.image.as_ref()?.manifest.as_ref()?;
        // It was put once alone, so that it is what is there.
        let puts = export.wire.as_ref()?.iter().filter(|other| put(other) == put(record)).count();
        let is_own = puts == 1
            && put(record).is_some()
            && export.tags.iter().all(|tag| tag.digest.as_deref() == Some(document.digest.as_str()));
        is_own.then(|| SentManifest::of(&document.bytes)).flatten()
    })
}
