//! Descriptors of manifest and index from the document to its specification: what is required in each is there, and
//! nothing makes something else of the image.

use std::rc::Rc;

use super::super::manifest::is_docker;
use super::super::sentences::not_platform;
use crate::evidence::{Export, Image};
use crate::forms::{is_digest, is_media_type};
use crate::json::Json;
use crate::requirement::{not_applicable, together, violated};
use crate::verdict::Finding;
use crate::view::{self, shown};

/// Media types of an image's config.
const CONFIGS: [&str; 2] =
    ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];
/// What media types of layers begin with; packed or not, encrypted or not, to be distributed or not.
const LAYERS: [&str; 2] = ["application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs."];

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
                return violated(format!("{key} of a descriptor is not {form}"), form, shown(found), place);
            }
        }
    }
    Finding::Holds
}

pub(super) fn the_manifest_is_of_an_image(export: &Export, image: &Image) -> Finding {
    let (manifest, indexes) = (view::json(image.manifest.as_ref()), view::indexes(export));
    let documents =
        manifest.iter().map(|json| ("manifest.json", json)).chain(indexes.iter().map(|i| ("index.json", i)));
    let (base, run) = (view::json(Some(&export.run_image.manifest)), &export.run_image);
    for (file, document) in documents {
        let Some(subject) = document.get("subject").filter(|found| **found != Json::Null) else { continue };
        // The run image is an input. What that is a part of says nothing of the app image: layers and config are
        // preserved.
        let digest = subject.get("digest").and_then(Json::as_str).unwrap_or_default();
        let is_the_run_image = digest == run.digest.as_str() || digest == run.manifest.digest.as_str();
        if !is_the_run_image {
            let place = export.at(&format!("{file}#/subject"));
            let message = "subject makes the app image a part of something that is in no input";
            return violated(message, "nothing, or the run image", view::cut(&subject.to_string()), place);
        }
    }
    let Some(manifest) = manifest.as_deref() else { return Finding::Holds };
    together([
        its_parts_are_an_image_s(export, manifest, base.as_deref()),
        the_config_is_of_its_platform(export, image, manifest, base.as_deref()),
        the_index_types_it_as_it_is(export, manifest, &indexes),
    ])
}

/// A platform says what an image needs; what says so of the config, and what the config says, are read by different
/// tools.
fn the_config_is_of_its_platform(export: &Export, image: &Image, manifest: &Json, base: Option<&Json>) -> Finding {
    let (descriptor, config) = (manifest.get("config"), view::json(image.config.as_ref()));
    let descriptor = descriptor.filter(|descriptor| !view::is_descriptor_of(base, descriptor));
    let platform = descriptor.and_then(|descriptor| descriptor.get("platform"));
    let Some((name, expected)) = platform.and_then(|platform| not_platform(platform, config.as_deref())) else {
        return Finding::Holds;
    };
    let message = format!("{name} of the config's descriptor is not the config's");
    let place = export.at("manifest.json#/config/platform");
    violated(message, expected, shown(platform.and_then(|platform| platform.get(name))), place)
}

/// The type by which an index tells an artifact is the config's media type where it names an image
/// (`oci-image-descriptor.md`, artifactType), or what the manifest says itself, as the distribution specification has
/// it.
fn the_index_types_it_as_it_is(export: &Export, manifest: &Json, indexes: &[Rc<Json>]) -> Finding {
    let types = [manifest.at(&["config", "mediaType"]), manifest.get("artifactType")];
    for entry in indexes.iter().flat_map(|index| view::own_entries(export, index)) {
        let Some(found) = entry.get("artifactType").filter(|found| **found != Json::Null) else { continue };
        if !types.contains(&Some(found)) {
            let message = "index.json gives the app image an artifactType that is not its own";
            return violated(message, shown(types[0]), shown(Some(found)), export.at("index.json#/manifests"));
        }
    }
    Finding::Holds
}

/// By the media type of the config tools tell an image from an artifact. One that is missing another row asks for.
fn its_parts_are_an_image_s(export: &Export, manifest: &Json, base: Option<&Json>) -> Finding {
    for (pointer, one) in view::descriptors(manifest).into_iter().filter(|(_, one)| !view::is_descriptor_of(base, one))
    {
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
