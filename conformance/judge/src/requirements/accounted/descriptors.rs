//! Descriptors of manifest and index from the document to its specification: what is required in each is there, and
//! nothing makes something else of the image.

use std::rc::Rc;

use super::super::manifest::is_docker;
use crate::evidence::{Export, Image};
use crate::forms::{is_digest, is_media_type};
use crate::json::Json;
use crate::requirement::{not_applicable, violated};
use crate::verdict::Finding;
use crate::view;

/// Media types of an image's config.
const CONFIGS: [&str; 2] =
    ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];
/// What media types of layers begin with; packed or not, encrypted or not, to be distributed or not.
const LAYERS: [&str; 2] = ["application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs."];

fn indexes(export: &Export) -> Vec<Rc<Json>> {
    let roots = export.layout.iter().flat_map(|layout| &layout.roots);
    roots.filter_map(|root| view::json(root.index.as_ref())).collect()
}

/// A field that each descriptor has: its name, its form in words, and the form.
type Field = (&'static str, &'static str, fn(&Json) -> bool);

const FIELDS: [Field; 3] = [
    ("mediaType", "a media type of RFC 6838", |value| value.as_str().is_some_and(is_media_type)),
    ("digest", "a digest, algorithm:encoded", |value| value.as_str().is_some_and(is_digest)),
    ("size", "a size in bytes that is not negative", |value| value.as_u64().is_some()),
];

pub(super) fn descriptors_are_whole(export: &Export, image: &Image) -> Finding {
    if is_docker(image) {
        return not_applicable("the manifest is Docker schema 2");
    }
    for (place, descriptor) in view::own_descriptors(export, image) {
        for (key, form, is_it) in FIELDS {
            let found = descriptor.get(key);
            if !found.is_some_and(is_it) {
                let found = found.map_or_else(|| "nothing".to_owned(), |found| view::cut(&found.to_string()));
                return violated(format!("{key} of a descriptor is not {form}"), form, found, place);
            }
        }
    }
    Finding::Holds
}

pub(super) fn the_manifest_is_of_an_image(export: &Export, image: &Image) -> Finding {
    let (manifest, indexes) = (view::json(image.manifest.as_ref()), indexes(export));
    let documents =
        manifest.iter().map(|json| ("manifest.json", json)).chain(indexes.iter().map(|i| ("index.json", i)));
    let (base, run) = (view::json(Some(&export.run_image.manifest)), &export.run_image);
    for (file, document) in documents {
        let Some(subject) = document.get("subject").filter(|found| **found != Json::Null) else { continue };
        // The run image is an input, and what is the run image's own is preserved.
        let digest = subject.get("digest").and_then(Json::as_str).unwrap_or_default();
        let is_the_run_image = digest == run.digest.as_str() || digest == run.manifest.digest.as_str();
        let is_the_base_s = base.as_ref().and_then(|base| base.get("subject")) == Some(subject);
        if !is_the_run_image && !is_the_base_s {
            let place = export.at(&format!("{file}#/subject"));
            let message = "subject makes the app image a part of something that is in no input";
            return violated(message, "nothing, or the run image", view::cut(&subject.to_string()), place);
        }
    }
    its_parts_are_an_image_s(export, manifest.as_deref(), base.as_deref())
}

/// By the media type of the config tools tell an image from an artifact. One that is missing another row asks for.
fn its_parts_are_an_image_s(export: &Export, manifest: Option<&Json>, base: Option<&Json>) -> Finding {
    let descriptors = manifest.map(view::descriptors).unwrap_or_default();
    for (pointer, one) in descriptors.into_iter().filter(|(_, one)| !view::is_descriptor_of(base, one)) {
        let Some(found) = one.get("mediaType").and_then(Json::as_str) else { continue };
        let (is_it, expected) = match pointer.split('/').nth(1) {
            Some("config") => (CONFIGS.contains(&found), CONFIGS[0]),
            Some("layers") => {
                (LAYERS.iter().any(|begin| found.starts_with(begin)), "application/vnd.oci.image.layer.…")
            }
            _ => continue,
        };
        if !is_it {
            let place = export.at(&format!("manifest.json#{pointer}/mediaType"));
            return violated("a part of the manifest is not of an image", expected, view::cut(found), place);
        }
    }
    Finding::Holds
}
