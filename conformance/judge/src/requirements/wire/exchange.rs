//! Requests as what they do to a registry: a blob that arrives or is found, a manifest that is put.

use super::super::accounted::uploads::{is_done, parameter, path, repository};
use crate::evidence::{Export, SentManifest, WireRecord};

/// When an exporter could know what came of a request. Evidence of before answers were placed has their beginning alone.
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
    if !is_write || record.status != 201 || path(record).contains("/manifests/") {
        return None;
    }
    let mounted = parameter(record, "mount").map(|digest| (digest, How::Mounted));
    let (digest, how) = mounted.or_else(|| Some((parameter(record, "digest")?, How::Uploaded)))?;
    Some((Blob { repository: repository(record).map(str::to_owned), digest }, how))
}

/// The blob that a request found in a repository.
pub(super) fn found(record: &WireRecord) -> Option<Blob> {
    let is_read = matches!(record.method.as_str(), "GET" | "HEAD") && record.status == 200;
    let (repository, digest) = path(record).strip_prefix("/v2/")?.rsplit_once("/blobs/").filter(|_| is_read)?;
    Some(Blob { repository: Some(repository.to_owned()), digest: digest.to_owned() })
}

/// The repository and reference of a manifest that a request put.
pub(super) fn put(record: &WireRecord) -> Option<(&str, &str)> {
    let is_put = record.method == "PUT" && is_done(record);
    path(record).strip_prefix("/v2/")?.rsplit_once("/manifests/").filter(|_| is_put)
}

/// Whether a request was to put a manifest, and was not kept from it by what is not the exporter's doing: a registry that
/// wants credentials first, or fails. One that refuses what it is sent has seen it.
pub(super) fn was_to_put(record: &WireRecord) -> bool {
    let is_seen = is_done(record) || matches!(record.status, 400 | 404 | 415);
    record.method == "PUT" && path(record).contains("/manifests/") && is_seen && record.fault.is_none()
}

/// The repository of a manifest.
pub(super) fn repository_of_manifest(record: &WireRecord) -> Option<&str> {
    path(record).strip_prefix("/v2/")?.rsplit_once("/manifests/").map(|(repository, _)| repository)
}

/// What a manifest that was put says; of evidence that does not keep it, what the app image says, where that is it.
pub(super) fn said(export: &Export, record: &WireRecord) -> Option<SentManifest> {
    record.manifest.clone().or_else(|| {
        let document = export.image.as_ref()?.manifest.as_ref()?;
        let json = crate::json::Json::parse(&document.bytes).ok()?;
        // It was put once alone, so that it is what is there.
        let puts = export.wire.as_ref()?.iter().filter(|other| put(other) == put(record)).count();
        let blobs = crate::view::descriptors(&json)
            .into_iter()
            .filter(|(_, one)| one.get("urls").is_none())
            .filter_map(|(_, one)| Some(one.get("digest")?.as_str()?.to_owned()));
        let is_own = puts == 1
            && put(record).is_some()
            && export.tags.iter().all(|tag| tag.digest.as_deref() == Some(document.digest.as_str()));
        let media_type = json.get("mediaType").and_then(|value| Some(value.as_str()?.to_owned()));
        is_own.then(|| SentManifest { digest: document.digest.clone(), media_type, blobs: blobs.collect() })
    })
}
