//! One side of a difference, and what it tells of why it is not as the other: each a sentence that holds or does not.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::fields::Fields;
use super::output::{Output, Place};
use crate::digest::{ContentId, Digest};
use crate::evidence::{Arrival, Document, Layer, RunImageInDaemon, StoreKind};
use crate::reference::is_same_image;

/// One side of a field that differs.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    pub(super) field: &'a str,
    pub(super) output: &'a Output<'a>,
    pub(super) fields: &'a Fields,
    pub(super) value: Option<&'a Value>,
}

/// `layers/3` and `size` of `layers/3.size`.
pub(super) fn layer_member(field: &str) -> Option<(&str, &str)> {
    if field.starts_with("layers/") { field.split_once('.') } else { None }
}

fn layer_index(side: Side<'_>) -> Option<usize> {
    layer_member(side.field)?.0.strip_prefix("layers/")?.parse().ok()
}

fn layer(side: Side<'_>) -> Option<&Layer> {
    side.output.image.layers.get(layer_index(side)?)
}

/// Whether the layer is the run image's, which a store that keeps blobs has as it was brought there.
pub(super) fn the_store_has_the_run_image_s_layer(side: Side<'_>) -> bool {
    let base = crate::view::diff_ids(Some(&side.output.export.run_image.config)).len();
    let is_loaded = side.output.export.run_image.in_daemon.as_ref().is_some_and(|run| run.arrival == Arrival::Loaded);
    let is_kept = side.output.place.store() == Some(StoreKind::Containerd);
    is_kept && is_loaded && layer_index(side).is_some_and(|index| index < base)
}

/// Whether a layer's digest or size is that of the bytes that were read.
pub(super) fn the_descriptor_is_true(side: Side<'_>) -> bool {
    let Some(blob) = layer(side).and_then(|layer| layer.blob.as_ref()) else { return false };
    match (layer_member(side.field), side.value) {
        (Some((_, "digest")), Some(Value::String(digest))) => blob.digest.as_str() == digest,
        (Some((_, "size")), Some(Value::Number(bytes))) => bytes.as_u64() == Some(blob.size),
        _ => false,
    }
}

/// Whether the annotation is missing because every one is: a store that drops a single one does what none was seen to.
fn all_annotations_are_missing(side: Side<'_>) -> bool {
    const ANNOTATIONS: &str = "manifest.annotations/";
    side.field.starts_with(ANNOTATIONS) && !side.fields.keys().any(|field| field.starts_with(ANNOTATIONS))
}

pub(super) fn annotations_are_lost_in_a_classic_store(side: Side<'_>) -> bool {
    side.output.place.store() == Some(StoreKind::Classic) && all_annotations_are_missing(side)
}

/// Stores that keep manifests have none to keep where they were given a docker-archive.
pub(super) fn annotations_are_lost_in_a_docker_archive(side: Side<'_>) -> bool {
    let keeps_manifests = matches!(side.output.place.store(), Some(StoreKind::Containerd | StoreKind::Podman));
    let has_one = side.output.image.manifest.is_some() && !the_daemon_made_the_manifest(side);
    keeps_manifests && !has_one && all_annotations_are_missing(side)
}

/// An image with the same config and other annotations is not another one there.
pub(super) fn podman_had_the_image(side: Side<'_>) -> bool {
    let had_it = side.output.export.daemon.as_ref().is_some_and(|daemon| daemon.had_image);
    side.output.place.store() == Some(StoreKind::Podman) && had_it && side.field.starts_with("manifest.annotations/")
}

pub(super) fn the_saved_archive_has_no_manifest(side: Side<'_>) -> bool {
    let is_saved = matches!(side.output.place, Place::Held(_) | Place::PulledBack(_));
    let is_of_a_manifest =
        side.field.starts_with("manifest.") || layer_member(side.field).is_some_and(|(_, member)| member != "diffID");
    is_saved && side.output.image.manifest.is_none() && is_of_a_manifest
}

fn is_docker_s(value: Option<&Value>) -> bool {
    value.and_then(Value::as_str).is_some_and(|text| text.starts_with("application/vnd.docker."))
}

/// A daemon that was given no manifest makes one, always as Docker schema 2.
pub(super) fn the_daemon_made_the_manifest(side: Side<'_>) -> bool {
    let went_through_a_daemon = side.output.place.store().is_some();
    went_through_a_daemon && is_docker_s(side.fields.get("manifest.mediaType"))
}

pub(super) fn the_store_compresses_layers_itself(side: Side<'_>) -> bool {
    matches!(side.output.place.store(), Some(StoreKind::Classic | StoreKind::Podman))
}

/// Digests by which the run image can rightly be called there; a daemon may have it by others than a registry.
fn run_image_digests(side: Side<'_>) -> impl Iterator<Item = &str> {
    let run = &side.output.export.run_image;
    let analysed = [&run.digest, &run.manifest.digest].into_iter();
    let all = analysed.chain(run.index.as_ref().map(|index| &index.digest)).map(Digest::as_str);
    all.chain(run.in_daemon.iter().flat_map(RunImageInDaemon::digests))
}

pub(super) fn the_reference_is_that_of_its_analysis(side: Side<'_>) -> bool {
    let is_it = matches!(
        side.field,
        "labels/io.buildpacks.lifecycle.metadata#runImage.reference"
            | "labels/io.buildpacks.lifecycle.metadata#stack.runImage.reference"
            | "report.image.run-image.reference"
    );
    let Some(found) = side.value.and_then(Value::as_str).filter(|_| is_it) else { return false };
    let run = &side.output.export.run_image;
    let after_at = found.rsplit_once('@').map(|(_, digest)| digest);
    let is_by_digest =
        after_at.is_some_and(|after| run_image_digests(side).any(|digest| ContentId::same(digest, after)));
    // An imageID, or what the daemon calls it, names the run image in a daemon alone.
    let own = run.in_daemon.as_ref().map(|run| run.id.as_str());
    let mut ids = [Some(run.config.digest.as_str()), own].into_iter().flatten();
    let is_by_id = side.output.place.store().is_some() && ids.any(|id| ContentId::same(id, found));
    ContentId::same_reference(found, &run.reference) || is_by_digest || is_by_id
}

/// Podman's Docker-compatible API gives no os.version of a run image, so that exporters which ask for it have none.
pub(super) fn podman_gives_no_os_version(side: Side<'_>) -> bool {
    side.output.place.store() == Some(StoreKind::Podman) && side.field == "config.os.version" && side.value.is_none()
}

/// Whether the daemon shows that a registry has the run image. A containerd store notes from where it pulled; podman
/// lists the digests of what was loaded like those of what was pulled.
fn is_seen_to_be_pulled(side: Side<'_>) -> bool {
    let run = side.output.export.run_image.in_daemon.as_ref();
    let is_pulled = run.is_some_and(|run| run.arrival.is_pulled() && !run.repo_digests.is_empty());
    is_pulled && side.output.place.store() == Some(StoreKind::Containerd)
}

/// Behind an index a registry knows the run image by two digests; a daemon has one of them, another where the run image
/// was loaded, or does not show that any registry has it: then there need be no base.
pub(super) fn the_base_is_that_of_its_analysis(side: Side<'_>) -> bool {
    let found = side.value.and_then(Value::as_str);
    let need_be_none = side.output.place.store().is_some() && !is_seen_to_be_pulled(side);
    match (side.field, found) {
        ("manifest.annotations/org.opencontainers.image.base.digest", Some(found)) => {
            run_image_digests(side).any(|digest| digest == found)
        }
        ("manifest.annotations/org.opencontainers.image.base.name", Some(found)) => {
            is_same_image(found, &side.output.export.run_image.name)
        }
        (
            "manifest.annotations/org.opencontainers.image.base.digest"
            | "manifest.annotations/org.opencontainers.image.base.name",
            None,
        ) => need_be_none,
        _ => false,
    }
}

pub(super) fn the_layout_has_a_ref_name(side: Side<'_>) -> bool {
    side.output.place == Place::Layout
        && side.value.is_some()
        && side.field == "manifest.annotations/org.opencontainers.image.ref.name"
}

/// A layout may say where else a blob can be had; in a registry that means nothing.
pub(super) fn the_layout_has_urls_of_a_layer(side: Side<'_>) -> bool {
    let is_urls = layer_member(side.field).is_some_and(|(_, member)| member == "urls");
    side.output.place == Place::Layout && is_urls && side.value.is_some()
}

pub(super) fn the_layer_is_left_out_of_the_layout(side: Side<'_>) -> bool {
    let is_diff_id = layer_member(side.field).is_some_and(|(_, member)| member == "diffID");
    side.output.place == Place::Layout && is_diff_id && layer(side).is_some_and(|layer| layer.left_out)
}

/// Whether the value is the digest or the size of the document, in whatever form the field has it.
fn is_of(document: Option<&Document>, value: Option<&Value>, what: &str) -> bool {
    let Some(document) = document else { return false };
    match value {
        Some(Value::Number(size)) => what == "size" && size.as_u64() == Some(document.bytes.len() as u64),
        Some(Value::String(text)) if what == "size" => text.parse() == Ok(document.bytes.len()),
        Some(Value::String(text)) => ContentId::same(text, document.digest.as_str()),
        _ => false,
    }
}

pub(super) fn it_is_true_of_the_config(side: Side<'_>) -> bool {
    let config = side.output.image.config.as_ref();
    match side.field {
        "imageID" | "manifest.config.digest" | "report.image.image-id" | "report.image.imageID" => {
            is_of(config, side.value, "digest")
        }
        "manifest.config.size" => is_of(config, side.value, "size"),
        "manifest.config.data" => config.is_some_and(|config| {
            let text = side.value.and_then(Value::as_str);
            text.and_then(|text| STANDARD.decode(text).ok()).is_some_and(|bytes| bytes == config.bytes)
        }),
        _ => false,
    }
}

pub(super) fn it_is_true_of_the_manifest(side: Side<'_>) -> bool {
    let manifest = side.output.image.manifest.as_ref();
    match side.field {
        "manifest.digest" | "report.image.digest" => is_of(manifest, side.value, "digest"),
        "report.image.manifest-size" => is_of(manifest, side.value, "size"),
        _ => false,
    }
}

/// What the report may say at one target and not at another: its own names and the daemon's ID; what is of a registry
/// only there.
pub(super) fn the_report_is_that_of_its_target(side: Side<'_>) -> bool {
    let export = side.output.export;
    let Some(value) = side.value else {
        let is_of_a_registry = matches!(side.field, "report.image.digest" | "report.image.manifest-size");
        let is_an_id = matches!(side.field, "report.image.image-id" | "report.image.imageID");
        return if side.output.place == Place::Registry { is_an_id } else { is_of_a_registry || is_an_id };
    };
    match side.field {
        "report.image.tags" => {
            let tags = value.as_array().into_iter().flatten().filter_map(Value::as_str);
            // A tag that is given twice, once without the word for it, is one tag.
            let tags: BTreeSet<String> = tags.map(with_tag).collect();
            tags == export.inputs.images.iter().map(|image| with_tag(image)).collect()
        }
        "report.image.image-id" | "report.image.imageID" => {
            let mut ids = export.daemon.iter().flat_map(|daemon| &daemon.tag_ids).filter_map(|tag| tag.id.as_deref());
            let found = value.as_str().unwrap_or_default();
            it_is_true_of_the_config(side) || ids.any(|id| ContentId::same(id, found))
        }
        "report.image.digest" => it_is_true_of_the_manifest(side),
        // What a daemon's manifest would measure is known to no one but the exporter.
        "report.image.manifest-size" => side.output.place.store().is_some() || it_is_true_of_the_manifest(side),
        _ => false,
    }
}

/// The reference with the tag that is meant where it names none.
fn with_tag(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    if last.contains([':', '@']) { image.to_owned() } else { format!("{image}:latest") }
}
