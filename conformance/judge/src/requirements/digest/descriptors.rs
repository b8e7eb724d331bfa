//! Descriptors and diffIDs held against the bytes that they name.

use std::{fmt, iter};

use crate::digest::Digest;
use crate::evidence::{Compression, Document, Export, Image, Stream};
use crate::json::Json;
use crate::requirement::{holds_when, not_applicable, together, violated};
use crate::verdict::Finding;
use crate::view;

/// Digest and size: as a descriptor claims them, or as bytes have them.
#[derive(PartialEq)]
struct Identity {
    digest: String,
    size: Option<u64>,
}

impl Identity {
    fn claimed_by(descriptor: Option<&Json>) -> Self {
        let digest = descriptor.and_then(|one| one.get("digest")?.as_str()).unwrap_or("none").to_owned();
        Self { digest, size: descriptor.and_then(|one| one.get("size")?.as_u64()) }
    }

    fn of_nothing() -> Self {
        Self { digest: "nothing".to_owned(), size: None }
    }

    /// That of a document, hashed by the algorithm that was claimed.
    fn of_document(document: &Document, claimed: &Self) -> Self {
        let digest = match Digest::parse(&claimed.digest) {
            Ok(name) => name.likewise(&document.bytes).to_string(),
            Err(_) => document.digest.to_string(),
        };
        Self { digest, size: Some(document.bytes.len() as u64) }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.size.map_or_else(|| "no".to_owned(), |size| size.to_string());
        write!(f, "{}, {size} bytes", self.digest)
    }
}

pub(super) fn descriptors_are_true(export: &Export, image: &Image) -> Finding {
    let Some(manifest) = view::json(image.manifest.as_ref()) else {
        return violated("the manifest is not JSON", "JSON", "something else", export.at("manifest.json"));
    };
    let config = the_config_s_descriptor_is_true(export, image, manifest.get("config"));
    let Some(layers) = manifest.get("layers").and_then(Json::items) else {
        let place = export.at("manifest.json#/layers");
        let layers = violated("the manifest has no list of layers", "an array", "something else", place);
        return together([config, layers]);
    };
    let layers = layers.iter().enumerate();
    let of_layers = layers.map(|(index, descriptor)| the_layer_s_descriptor_is_true(export, image, index, descriptor));
    together(iter::once(config).chain(of_layers))
}

fn the_config_s_descriptor_is_true(export: &Export, image: &Image, descriptor: Option<&Json>) -> Finding {
    // A credential in it is left out of what is kept, so that it cannot be hashed any more.
    if export.outcome.credentials_printed.iter().flatten().any(|place| *place == Stream::Config) {
        return Finding::Holds;
    }
    let claimed = Identity::claimed_by(descriptor);
    let config = image.config.as_ref();
    let found = config.map_or_else(Identity::of_nothing, |config| Identity::of_document(config, &claimed));
    holds_when(claimed == found, || {
        violated("the config's descriptor is not true", claimed, found, export.at("manifest.json#/config"))
    })
}

fn the_layer_s_descriptor_is_true(export: &Export, image: &Image, index: usize, descriptor: &Json) -> Finding {
    let layer = image.layers.get(index);
    let blob = layer.and_then(|layer| layer.blob.as_ref());
    // What is to be fetched elsewhere need not be served, but what is served has to be true.
    let is_elsewhere = blob.is_none() && descriptor.get("urls").is_some();
    if layer.is_some_and(|layer| layer.left_out) || is_elsewhere {
        return Finding::Holds;
    }
    let claimed = Identity::claimed_by(Some(descriptor));
    let mut result = Finding::Holds;
    let found = match blob {
        None => Identity::of_nothing(),
        Some(blob) => {
            let other = Digest::parse(&claimed.digest).ok().filter(|name| name.algorithm() != "sha256");
            let digest = if other.is_some() { blob.named.as_ref() } else { Some(&blob.digest) };
            if let (None, Some(name)) = (digest, other) {
                result = Finding::Skipped(format!("layer {index} was not hashed by {}", name.algorithm()));
            }
            // Where it was not hashed its size can be wrong all the same.
            let digest = digest.map_or_else(|| claimed.digest.clone(), ToString::to_string);
            Identity { digest, size: Some(blob.size) }
        }
    };
    let place = format!("manifest.json#/layers/{index}");
    if claimed != found {
        let message = format!("the descriptor of layer {index} is not true");
        return violated(message, claimed, found, export.at(&place));
    }
    let media_type = descriptor.get("mediaType").and_then(Json::as_str).unwrap_or_default();
    // No bytes at all are packed in no way.
    let is_packed = blob.filter(|blob| blob.size > 0).map(|blob| blob.compression);
    if is_packed.is_some() && packing(media_type).is_some_and(|named| Some(named) != is_packed) {
        let found = match is_packed {
            Some(Compression::Gzip) => "gzip",
            Some(Compression::Zstd) => "zstd",
            _ => "a plain tar",
        };
        let message = format!("layer {index} is not packed as its media type says");
        return violated(message, media_type, found, export.at(&format!("{place}/mediaType")));
    }
    result
}

/// How a layer of this media type is packed, where it is one of the OCI's or Docker's.
fn packing(media_type: &str) -> Option<Compression> {
    let is_layer = media_type.starts_with("application/vnd.oci.image.layer.")
        || media_type.starts_with("application/vnd.docker.image.rootfs.");
    let ends = [(".tar", Compression::None), ("gzip", Compression::Gzip), ("zstd", Compression::Zstd)];
    ends.into_iter().find(|(end, _)| is_layer && media_type.ends_with(end)).map(|(_, packing)| packing)
}

pub(super) fn layers_are_those_of_the_config(export: &Export, image: &Image) -> Finding {
    let ids = view::diff_ids(image.config.as_ref());
    let place = export.at("config.json#/rootfs/diff_ids");
    if ids.len() != image.layers.len() {
        let expected = format!("{} diff_ids", image.layers.len());
        return violated("the config has not as many diffIDs as there are layers", expected, ids.len(), place);
    }
    for (index, (id, layer)) in ids.iter().zip(&image.layers).enumerate() {
        if layer.left_out {
            continue;
        }
        if layer.whole_diff_id().is_some_and(|found| found.as_str() == id) {
            continue;
        }
        let problem = layer.problem.as_ref().map_or_else(String::new, |problem| format!(" ({problem})"));
        let found =
            layer.blob.as_ref().map_or_else(|| "nothing".to_owned(), |blob| blob.diff_id.to_string()) + &problem;
        let is_packed = layer.blob.as_ref().is_some_and(|blob| blob.digest.as_str() == id);
        let message = if is_packed {
            format!("diff_ids[{index}] is the digest of the compressed layer, and not that of its tar")
        } else {
            format!("layer {index} is not what diff_ids[{index}] says")
        };
        return violated(message, id, found, place);
    }
    Finding::Holds
}

pub(super) fn the_history_numbers_the_layers(export: &Export, image: &Image) -> Finding {
    let base = non_empty(Some(export.run_image.base_config()));
    if base.is_some_and(|count| count != view::base_count(export)) {
        return not_applicable("the run image's own history does not number its layers");
    }
    let Some(found) = non_empty(image.config.as_ref()) else { return not_applicable("there is no history") };
    let expected = view::diff_ids(image.config.as_ref()).len();
    holds_when(found == expected, || {
        violated("the history does not number the layers", expected, found, export.at("config.json#/history"))
    })
}

/// Non-empty entries of a history; none where there is no history.
fn non_empty(config: Option<&Document>) -> Option<usize> {
    let config = view::json(config)?;
    let history = config.get("history")?.items()?;
    let is_empty = |entry: &&Json| matches!(entry.get("empty_layer"), Some(Json::Bool(true)));
    Some(history.iter().filter(|entry| !is_empty(entry)).count())
}
