//! What new layers carry next to their files: the header of their packing, and records of their entries. Both are free
//! (RFC 1952, POSIX' pax), and a part of the layer's digest: what differs from file to file, or from layer to layer, is
//! not the exporter's constant.

use std::collections::BTreeMap;

use super::super::platform_inputs as inputs;
use super::layers::is_in_a_layer_to_re_use;
use crate::evidence::{Blob, Compression, Export, Image};
use crate::requirement::{not_applicable, violated};
use crate::verdict::Finding;
use crate::view;

/// The blobs of new layers, with their place among all layers.
fn blobs<'a>(export: &Export, image: &'a Image) -> Vec<(usize, &'a Blob)> {
    let layers = view::packed_layers(export, image).into_iter();
    layers.filter_map(|(index, layer)| Some((index, layer.blob.as_ref()?))).collect()
}

/// Whether evidence is of before headers and records were noted.
fn is_of_before(blobs: &[(usize, &Blob)]) -> bool {
    blobs.iter().any(|(_, blob)| blob.compression == Compression::Gzip && blob.gzip.is_none())
}

fn not_noted() -> Finding {
    Finding::Skipped("headers of layers were not noted when the evidence was made".to_owned())
}

fn shown(text: Option<&String>) -> String {
    text.map_or_else(|| "none".to_owned(), |text| view::cut(text))
}

pub(super) fn gzip_headers_are_constant(export: &Export, image: &Image) -> Finding {
    let blobs = blobs(export, image);
    if is_of_before(&blobs) {
        return not_noted();
    }
    let packed: Vec<_> = blobs.iter().filter_map(|(index, blob)| Some((index, blob, blob.gzip.as_ref()?))).collect();
    let Some((_, _, first)) = packed.first() else { return not_applicable("no new layer is packed by gzip") };
    for (index, blob, header) in &packed {
        let differs = |what: &str, expected: String, found: String| {
            let message = format!("the gzip header of layer {index} has another {what} than that of other new layers");
            violated(message, expected, found, export.at(&format!("export.json#/image/layers/{index}")))
        };
        // What names the layer itself follows from it.
        let own = |text: &String| [&blob.diff_id, &blob.digest].iter().any(|id| text.contains(&id.encoded()[..SHORT]));
        let is_own = |text: &Option<String>| text.as_ref().is_some_and(own);
        if header.name != first.name && !is_own(&header.name) {
            return differs("name", shown(first.name.as_ref()), shown(header.name.as_ref()));
        }
        if header.comment != first.comment && !is_own(&header.comment) {
            return differs("comment", shown(first.comment.as_ref()), shown(header.comment.as_ref()));
        }
        if header.mtime != first.mtime {
            return differs("time", first.mtime.to_string(), header.mtime.to_string());
        }
    }
    Finding::Holds
}

/// How much of a digest programs show at least.
const SHORT: usize = 12;

/// Records that are the file's own, as those are that have facts of their own: how names are written, rights,
/// attributes.
const OF_THE_FILE: [&str; 9] = [
    "hdrcharset",
    "charset",
    "LIBARCHIVE.xattr.",
    "SCHILY.acl.",
    "RHT.security.selinux",
    // They follow from kind, size and content.
    "SCHILY.filetype",
    "SCHILY.realsize",
    "GNU.sparse.",
    "APK-TOOLS.checksum.",
];

pub(super) fn records_are_constant(export: &Export, image: &Image) -> Finding {
    let blobs = blobs(export, image);
    if is_of_before(&blobs) {
        return not_noted();
    }
    let layers = inputs::layers(export);
    let mut first: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for (index, blob) in blobs {
        for entry in blob.entries.iter().filter(|entry| !is_in_a_layer_to_re_use(&layers, &entry.path)) {
            let records = entry.more.records.iter();
            for (key, value) in records.filter(|(key, _)| !OF_THE_FILE.iter().any(|begin| key.starts_with(begin))) {
                let (expected, path) = *first.entry(key).or_insert((value, &entry.path));
                if expected != value {
                    let message = format!("{key} of {} in layer {index} is another than that of {path}", entry.path);
                    let place = export.at(&format!("export.json#/image/layers/{index}"));
                    return violated(message, view::cut(expected), view::cut(value), place);
                }
            }
        }
    }
    Finding::Holds
}
