//! `artifactType`, the schemes of `urls`, and layers that are not to be distributed.

use crate::evidence::{Export, Image};
use crate::forms::{is_media_type, uri_scheme};
use crate::json::Json;
use crate::requirement::{holds_when, not_applicable, violated};
use crate::verdict::Finding;
use crate::view;

fn shown(value: &Json) -> String {
    view::cut(&value.to_string())
}

pub(super) fn the_artifact_type_is_a_media_type(export: &Export, image: &Image) -> Finding {
    let manifest = view::json(image.manifest.as_ref());
    let Some(value) = manifest.as_ref().and_then(|json| json.get("artifactType")) else {
        return not_applicable("the manifest has no artifactType");
    };
    holds_when(value.as_str().is_some_and(is_media_type), || {
        let place = export.at("manifest.json#/artifactType");
        violated("artifactType is not a media type", "a type, a slash and a name", shown(value), place)
    })
}

pub(super) fn urls_are_of_the_web(export: &Export, image: &Image) -> Finding {
    // Layers of the run image keep their descriptors.
    let base = view::json(Some(&export.run_image.manifest));
    let of_the_base = base.iter().flat_map(|base| view::descriptors(base));
    let known: Vec<String> = of_the_base.flat_map(|(_, one)| urls(one)).collect();
    // Of what is not a URI manifest.descriptor-fields speaks.
    let is_web =
        |url: &str| uri_scheme(url).is_none_or(|s| ["http", "https"].contains(&s.to_ascii_lowercase().as_str()));
    let mut finding = not_applicable("no descriptor has urls of its own");
    for (place, descriptor) in view::own_descriptors(export, image) {
        for url in urls(&descriptor) {
            if !is_web(&url) && !known.contains(&url) {
                let place = format!("{place}/urls");
                return violated("an entry of urls is not of the web", "http or https", view::cut(&url), place);
            }
            finding = Finding::Holds;
        }
    }
    finding
}

fn urls(descriptor: &Json) -> Vec<String> {
    let listed = descriptor.get("urls").and_then(Json::items).unwrap_or_default();
    listed.iter().filter_map(|url| url.as_str().map(str::to_owned)).collect()
}

pub(super) fn new_layers_are_distributable(export: &Export, image: &Image) -> Finding {
    let manifest = view::json(image.manifest.as_ref());
    let layers = manifest.as_ref().and_then(|json| json.get("layers")?.items()).unwrap_or_default();
    let kind = |layer: &Json| layer.get("mediaType").and_then(Json::as_str).unwrap_or_default().to_owned();
    let mut new = layers.iter().enumerate().skip(view::base_count(export));
    let kept = new.find(|(_, layer)| [".nondistributable.", ".foreign."].iter().any(|word| kind(layer).contains(word)));
    kept.map_or(Finding::Holds, |(index, layer)| {
        let message = format!("layer {index} is not to be distributed");
        let place = export.at(&format!("manifest.json#/layers/{index}/mediaType"));
        violated(message, "the media type of a plain layer", kind(layer), place)
    })
}
