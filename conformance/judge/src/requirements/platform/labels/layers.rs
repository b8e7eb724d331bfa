//! Layers and stores of buildpacks in `io.buildpacks.lifecycle.metadata`.

use std::collections::HashSet;

use super::super::data::same_data;
use super::super::inputs::{self, InputLayer};
use super::own_layers::the_label_names_its_own_layers;
use super::{at, find, missing, strings};
use crate::digest::Digest;
use crate::evidence::{Export, Image};
use crate::json::Json;
use crate::requirement::{holds_when, not_applicable, toml_input, violated};
use crate::verdict::Finding;
use crate::view::{self, LIFECYCLE, shown};

pub(in super::super) fn layer_metadata_is_in_the_label(export: &Export, image: &Image) -> Finding {
    let Some(label) = view::lifecycle_label(image) else { return missing(export, image, LIFECYCLE) };
    for buildpack in inputs::buildpacks(export) {
        let entry = find(label.get("buildpacks"), "key", &buildpack.id);
        if entry.and_then(|entry| entry.get("version")?.as_str()) != Some(&buildpack.version) {
            let expected = format!("{}@{}", buildpack.id, buildpack.version);
            return violated("the label has no entry for a buildpack", expected, shown(entry), at(export, LIFECYCLE));
        }
        let layers = entry.and_then(|entry| entry.get("layers"));
        if layers.and_then(Json::members).is_none() {
            let message = format!("the entry of {} has no layers", buildpack.id);
            return violated(message, "an object, empty where there are none", shown(layers), at(export, LIFECYCLE));
        }
    }
    let ids = view::diff_ids(image.config.as_ref());
    for layer in inputs::layers(export).into_iter().filter(|layer| layer.types.launch) {
        let finding = data_is_in_the_label(export, &layer);
        if finding != Finding::Holds {
            return finding;
        }
        let entry = find(label.get("buildpacks"), "key", &layer.buildpack).and_then(|e| e.at(&["layers", &layer.name]));
        let sha = entry.and_then(|entry| entry.get("sha")?.as_str()).unwrap_or_default();
        if Digest::parse(sha).is_err() || !ids.iter().any(|id| id == sha) {
            return violated(
                format!("sha of layer {} is not a diffID of the image", layer.name),
                "one of diff_ids",
                sha,
                at(export, LIFECYCLE),
            );
        }
        let holds_it = layer.has_folder.then(|| holds_the_folder(export, image, &layer, sha));
        if holds_it == Some(false) {
            let expected = format!("the layer with {}", layer.folder);
            return violated(
                format!("sha of layer {} is another layer's", layer.name),
                expected,
                sha,
                at(export, LIFECYCLE),
            );
        }
    }
    the_label_names_its_own_layers(export, image, &label)
}

/// Whether the layer of this diffID has every file of the folder: a rebuild that re-uses the layer has no other. An
/// empty folder may be in any layer.
fn holds_the_folder(export: &Export, image: &Image, layer: &InputLayer, sha: &str) -> bool {
    let blob = image.layers.iter().filter_map(|layer| layer.blob.as_ref()).find(|blob| blob.diff_id.as_str() == sha);
    let Some(blob) = blob else { return export.inputs.below(&layer.folder).next().is_none() };
    let there: HashSet<&str> = blob.entries.iter().map(|entry| entry.path.as_str()).collect();
    let mut files = inputs::leaves(export, &layer.folder);
    // A layer that was not read to its end says nothing of what is missing in it.
    let is_whole = blob.unlisted.is_some() || files.all(|file| there.contains(file.path.as_str()));
    is_whole && has_something(export, &layer.folder, &there)
}

/// Whether anything of a folder is there, where anything is in it.
fn has_something(export: &Export, folder: &str, there: &HashSet<&str>) -> bool {
    let is_in = |path: &&str| **path == *folder || view::is_below(path, folder);
    export.inputs.below(folder).next().is_none() || there.iter().any(is_in)
}

/// Types and data of one launch layer.
pub(in super::super) fn data_is_in_the_label(export: &Export, layer: &InputLayer) -> Finding {
    let label = export.image.as_ref().and_then(view::lifecycle_label);
    let entries = label.as_ref().and_then(|label| label.get("buildpacks"));
    let entry = find(entries, "key", &layer.buildpack).and_then(|entry| entry.at(&["layers", &layer.name]));
    let Some(entry) = entry else {
        return violated(
            format!("the label has no entry for layer {}", layer.name),
            "an entry",
            "nothing",
            at(export, LIFECYCLE),
        );
    };
    for (key, expected) in [("launch", layer.types.launch), ("build", layer.types.build), ("cache", layer.types.cache)]
    {
        let found = entry.get(key);
        let is_it = match found {
            Some(Json::Bool(flag)) => *flag == expected,
            None => !expected,
            _ => false,
        };
        if !is_it {
            return violated(
                format!("{key} of layer {} is not that of its file", layer.name),
                expected,
                shown(found),
                at(export, LIFECYCLE),
            );
        }
    }
    let data = entry.get("data");
    let none = toml::Value::Table(toml::Table::new());
    let is_it = same_data(layer.metadata.as_ref().unwrap_or(&none), data.unwrap_or(&Json::Null));
    holds_when(is_it, || {
        violated(
            format!("data of layer {} is not its metadata", layer.name),
            shown(layer.metadata.as_ref()),
            shown(data),
            at(export, LIFECYCLE),
        )
    })
}

pub(in super::super) fn the_store_is_kept(export: &Export, image: &Image) -> Finding {
    let mut result = not_applicable("no buildpack left a store.toml");
    for buildpack in inputs::buildpacks(export) {
        let path = inputs::store_file(export, &buildpack.id);
        let Some(file) = export.inputs.file(&path) else { continue };
        let table = toml_input(&export.inputs, &path).unwrap_or_default();
        let mut sentinels = Vec::new();
        table.values().for_each(|value| strings(value, &mut sentinels));
        let config = image.config.as_ref().and_then(|config| config.text()).unwrap_or_default();
        let manifest = image.manifest.as_ref().and_then(|manifest| manifest.text()).unwrap_or_default();
        let is_there = |text: &String| {
            let escaped = serde_json::Value::from(text.as_str()).to_string();
            let inner = escaped.trim_matches('"');
            // In a label JSON stands in JSON, and is escaped twice.
            let twice = serde_json::Value::from(inner).to_string();
            let twice = twice.trim_matches('"');
            [text.as_str(), inner, twice].iter().any(|form| config.contains(form) || manifest.contains(form))
        };
        let in_documents = sentinels.iter().all(is_there);
        let in_files = view::new_files(export, image).values().any(|entry| entry.content == file.content);
        if !in_documents && !in_files && !sentinels.is_empty() {
            return violated(
                format!("the store of {} is not in the image", buildpack.id),
                sentinels.join(", "),
                "nothing",
                at(export, LIFECYCLE),
            );
        }
        result = Finding::Holds;
    }
    result
}
