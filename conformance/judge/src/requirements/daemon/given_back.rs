//! What a daemon gives back of an image: saved, and pushed to a registry.

use super::engine_end;
use crate::evidence::{Export, Image, PushCause};
use crate::json::Json;
use crate::requirement::{holds_when, violated};
use crate::verdict::Finding;
use crate::view;

/// An image that the daemon has under its tag and cannot give back is as wrong as one whose layers are others.
pub(super) fn what_is_held_is_saved(export: &Export) -> Finding {
    if let Some(image) = &export.image {
        return the_saved_image_is_true(export, image);
    }
    let first = export.daemon.as_ref().and_then(|daemon| daemon.tag_ids.first());
    match first.and_then(|tag| tag.id.as_ref()) {
        Some(id) => violated(
            "the daemon has the image and does not save it",
            "an archive with config and layers",
            format!("none of {id}"),
            export.at("export.json#/daemon"),
        ),
        None => Finding::Skipped("no image was observed".to_owned()),
    }
}

fn the_saved_image_is_true(export: &Export, image: &Image) -> Finding {
    let place = export.at("archive-manifest.json");
    let ids = view::diff_ids(image.config.as_ref());
    if image.config.is_none() || ids.is_empty() {
        return violated("the daemon saves no config with layers", "a config", "none", place);
    }
    if ids.len() != image.layers.len() {
        let expected = format!("{} layers, as in the config", ids.len());
        return violated(
            "the daemon saves another number of layers than the config names",
            expected,
            image.layers.len(),
            place,
        );
    }
    for (index, (id, layer)) in ids.iter().zip(&image.layers).enumerate() {
        let found = match (&layer.blob, &layer.problem) {
            (Some(_), _) if layer.whole_diff_id().is_some_and(|found| found.as_str() == id) => continue,
            (Some(blob), problem) => {
                let doubled = image.layers[..index]
                    .iter()
                    .any(|other| other.blob.as_ref().map(|b| &b.diff_id) == Some(&blob.diff_id));
                let empty = if blob.uncompressed_size == 0 { ", which is empty" } else { "" };
                let twice = if doubled { ", which an earlier layer is" } else { "" };
                let problem = problem.as_ref().map_or_else(String::new, |problem| format!(" ({problem})"));
                format!("{}{empty}{twice}{problem}", blob.diff_id)
            }
            (None, problem) => problem.clone().unwrap_or_else(|| "nothing".to_owned()),
        };
        return violated(format!("layer {index} that the daemon saves is not diff_ids[{index}]"), id, found, place);
    }
    descriptors_are_true(export, image)
}

/// In an OCI archive the manifest's descriptors are true as well.
fn descriptors_are_true(export: &Export, image: &Image) -> Finding {
    let Some(manifest) = view::json(image.manifest.as_ref()) else { return Finding::Holds };
    let layers = manifest.get("layers").and_then(Json::items).unwrap_or_default();
    for (index, (descriptor, layer)) in layers.iter().zip(&image.layers).enumerate() {
        let claimed = (descriptor.get("digest").and_then(Json::as_str), descriptor.get("size").and_then(Json::as_u64));
        let found = layer.blob.as_ref().map(|blob| (blob.digest.as_str(), blob.size));
        if found.is_none_or(|(digest, size)| claimed != (Some(digest), Some(size))) {
            let place = export.at(&format!("manifest.json#/layers/{index}"));
            return violated(
                format!("the descriptor of layer {index} is not true"),
                format!("{claimed:?}"),
                format!("{found:?}"),
                place,
            );
        }
    }
    Finding::Holds
}

pub(super) fn a_push_keeps_the_content(export: &Export, image: &Image) -> Finding {
    let Some(daemon) = &export.daemon else { return Finding::Skipped("nothing of the daemon was observed".to_owned()) };
    if let Some(end) = &daemon.engine_end {
        return engine_end::whose_doing_it_is(export, end);
    }
    let Some(pushed) = &daemon.pushed else {
        let Some(problem) = &daemon.push_problem else { return Finding::Skipped("nothing was pushed".to_owned()) };
        if problem.cause == PushCause::Failed {
            return violated(
                "the daemon cannot push the image",
                "a push",
                view::cut(&problem.to_string()),
                export.at("export.json#/daemon"),
            );
        }
        return Finding::Skipped(problem.to_string());
    };
    let id = |image: &Image| image.config.as_ref().map(|config| config.digest.to_string()).unwrap_or_default();
    let (expected, found) = (view::diff_ids(image.config.as_ref()), view::diff_ids(pushed.config.as_ref()));
    if expected != found {
        let place = export.at("pushed-config.json#/rootfs/diff_ids");
        return violated("a push changed the diffIDs", expected.join(", "), found.join(", "), place);
    }
    for (index, (expected, layer)) in expected.iter().zip(&pushed.layers).enumerate() {
        let found = layer.whole_diff_id().map(ToString::to_string);
        if found.as_ref() != Some(expected) {
            let found = found.or(layer.problem.clone()).unwrap_or_else(|| "nothing".to_owned());
            let place = export.at(&format!("pushed-manifest.json#/layers/{index}"));
            return violated(
                format!("layer {index} that was pushed is not what its diffID says"),
                expected,
                found,
                place,
            );
        }
    }
    if expected.len() != pushed.layers.len() {
        let place = export.at("pushed-manifest.json#/layers");
        return violated("a push changed the number of layers", expected.len(), pushed.layers.len(), place);
    }
    holds_when(id(image) == id(pushed), || {
        violated("a push changed the config", id(image), id(pushed), export.at("pushed-config.json"))
    })
}
