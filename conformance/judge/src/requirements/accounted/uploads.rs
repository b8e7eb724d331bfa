//! Blobs that an exporter sent to the registry, from the recorder's facts: each upload is ended, and each blob is named
//! by the manifest that it was uploaded for.

use std::collections::{BTreeMap, BTreeSet};

use super::registry::cache_repositories;
use crate::digest::Digest;
use crate::evidence::{Export, Image, WireRecord};
use crate::requirement::{UNSEEN, not_applicable, violated};
use crate::verdict::Finding;
use crate::view;

/// Whether a request is of an upload at a place that the registry chose, which may be anywhere.
fn is_elsewhere(record: &WireRecord) -> bool {
    let is_of_an_upload = matches!(record.method.as_str(), "PUT" | "PATCH");
    is_of_an_upload && record.upload_to().is_none() && !record.path().contains("/manifests/")
}

/// Whether the registry did not do what it was asked; one that wants credentials first has begun nothing.
fn has_failed(record: &WireRecord) -> bool {
    let is_read = matches!(record.method.as_str(), "GET" | "HEAD");
    !is_read && record.upload_to().is_some() && !record.is_done() && record.status != 401
}

pub(super) fn every_upload_is_ended(export: &Export) -> Finding {
    let Some(wire) = &export.wire else { return Finding::Skipped(UNSEEN.to_owned()) };
    if wire.iter().any(is_elsewhere) {
        return not_applicable("the registry has uploads at places that do not tell their repository");
    }
    if wire.iter().any(has_failed) {
        return not_applicable("the registry refused an upload, and what became of it is not known");
    }
    // Begun and ended, by repository.
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for record in wire.iter().filter(|record| record.is_done()) {
        let Some(repository) = record.upload_to() else { continue };
        let (begun, ended) = counts.entry(repository).or_default();
        match record.method.as_str() {
            // One that is done at once, or was mounted, is answered 201.
            "POST" if record.status == 202 => *begun += 1,
            "PUT" | "DELETE" => *ended += 1,
            _ => {}
        }
    }
    if counts.is_empty() {
        return not_applicable("no blob was uploaded");
    }
    match counts.into_iter().find(|(_, (begun, ended))| begun > ended) {
        Some((repository, (begun, ended))) => violated(
            format!("uploads to {repository} are left open"),
            format!("each of the {begun} ended by a PUT, or given up by a DELETE"),
            format!("{ended} ended"),
            export.at("export.json#/wire"),
        ),
        None => Finding::Holds,
    }
}

/// Blobs that were put or mounted, by the digests that requests name, except for those of a cache image.
fn uploaded(export: &Export, wire: &[WireRecord]) -> BTreeSet<String> {
    let caches = cache_repositories(export);
    let own = wire.iter().filter(|record| record.status == 201 && record.method != "DELETE");
    own.filter(|record| record.upload_to().is_some_and(|repository| !caches.contains(repository)))
        .filter_map(|record| record.parameter("digest").or_else(|| record.parameter("mount")))
        .collect()
}

/// Whether every manifest that was put is one that can still be read: no reference twice, no digest but the image's.
fn is_known(export: &Export, wire: &[WireRecord]) -> bool {
    let caches = cache_repositories(export);
    let mut seen = BTreeSet::new();
    wire.iter().filter(|record| record.method == "PUT" && record.is_done()).all(|record| {
        let Some((repository, reference)) = record.path().split_once("/manifests/") else { return true };
        let is_a_cache_s = repository.strip_prefix("/v2/").is_some_and(|name| caches.contains(name));
        let is_own = Digest::parse(reference).map_or(true, |digest| Some(&digest) == export.manifest_digest());
        is_a_cache_s || (is_own && seen.insert((repository, reference)))
    })
}

pub(super) fn every_blob_is_named(export: &Export, image: &Image) -> Finding {
    let Some(wire) = &export.wire else { return Finding::Skipped(UNSEEN.to_owned()) };
    let uploaded = uploaded(export, wire);
    let Some(manifest) = view::json(image.manifest.as_ref()).filter(|_| !uploaded.is_empty()) else {
        return not_applicable("no blob was uploaded, or there is no manifest that may name it");
    };
    if !is_known(export, wire) {
        return not_applicable("a manifest was put that is not there any more, and may have named a blob");
    }
    let named: Vec<String> = view::descriptors(&manifest)
        .into_iter()
        .filter_map(|(_, one)| Some(one.get("digest")?.as_str()?.to_owned()))
        .collect();
    match uploaded.iter().find(|digest| !named.contains(digest)) {
        Some(digest) => violated(
            "a blob was uploaded that the manifest does not name",
            "config and layers of the manifest",
            digest,
            export.at("export.json#/wire"),
        ),
        None => Finding::Holds,
    }
}
