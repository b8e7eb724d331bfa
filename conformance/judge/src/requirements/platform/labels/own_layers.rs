//! Layers that the lifecycle's label names next to those of buildpacks: the app's, the SBOMs', the config's and the
//! launcher's, each by its diffID.

use std::collections::BTreeMap;

use super::super::inputs;
use crate::evidence::{EntryKind, Export, Image};
use crate::json::Json;
use crate::requirement::violated;
use crate::verdict::Finding;
use crate::view::{self, LIFECYCLE};

fn wrong(export: &Export, what: &str, expected: impl std::fmt::Display, found: &str) -> Finding {
    let found = if found.is_empty() { "nothing" } else { found };
    violated(what, expected, found, export.at(&format!("config.json#/config/Labels/{LIFECYCLE}")))
}

/// Whether the config names a layer by this diffID and `is_it` is so of an entry of it, where one that hashes to it was
/// read.
fn holds(image: &Image, sha: &str, is_it: &dyn Fn(&str) -> bool) -> bool {
    let mut blobs = image.layers.iter().filter_map(|layer| layer.blob.as_ref());
    let blob = blobs.find(|blob| blob.diff_id.as_str() == sha);
    is_named(image, sha) && blob.is_none_or(|blob| blob.entries.iter().any(|entry| is_it(&entry.path)))
}

fn is_named(image: &Image, sha: &str) -> bool {
    view::diff_ids(image.config.as_ref()).iter().any(|id| id == sha)
}

fn sha(entry: Option<&Json>) -> &str {
    entry.and_then(|entry| entry.get("sha")?.as_str()).unwrap_or_default()
}

/// A layer's name in the label, whether it is asked for, and what is in it.
type Named<'a> = (&'a str, bool, &'a dyn Fn(&str) -> bool);

pub(super) fn the_label_names_its_own_layers(export: &Export, image: &Image, label: &Json) -> Finding {
    let layers = &export.inputs.layers;
    let (sboms, metadata) = (format!("{layers}/sbom/launch"), format!("{layers}/config/metadata.toml"));
    let has_sboms = inputs::leaves(export, &sboms).next().is_some();
    let has_launcher = export.inputs.file(&export.inputs.launcher).is_some();
    let files = view::new_files(export, image);
    let is_sbom = |path: &str| view::is_below(path, &sboms);
    let is_config = |path: &str| path == metadata;
    let is_launcher = |path: &str| path == "/cnb/lifecycle/launcher";
    let named: [Named<'_>; 3] = [
        ("sbom", has_sboms && files.keys().any(|path| is_sbom(path)), &is_sbom),
        ("config", files.contains_key(&metadata), &is_config),
        ("launcher", has_launcher && files.keys().any(|path| is_launcher(path)), &is_launcher),
    ];
    for (name, is_asked, is_it) in named {
        if !is_asked {
            continue;
        }
        let found = sha(label.get(name));
        if !holds(image, found, is_it) {
            let expected = format!("the diffID of the layer with the {name}");
            return wrong(export, &format!("{name}.sha is not the diffID of its layer"), expected, found);
        }
    }
    the_label_names_the_app_s_layers(export, image, label)
}

/// Whether a layer has files, and none of the app.
fn is_of_something_else(export: &Export, image: &Image, sha: &str) -> bool {
    let blobs = image.layers.iter().filter_map(|layer| layer.blob.as_ref());
    let Some(blob) = blobs.into_iter().find(|blob| blob.diff_id.as_str() == sha && blob.unlisted.is_none()) else {
        return false;
    };
    let files: Vec<&str> =
        blob.entries.iter().filter(|e| e.kind != EntryKind::Directory).map(|e| e.path.as_str()).collect();
    !files.is_empty() && !files.iter().any(|path| view::is_below(path, &export.inputs.app))
}

/// Every file of the app is in a layer that has an entry, and every entry is a layer's.
fn the_label_names_the_app_s_layers(export: &Export, image: &Image, label: &Json) -> Finding {
    let named: Vec<&str> =
        label.get("app").and_then(Json::items).unwrap_or_default().iter().map(|entry| sha(Some(entry))).collect();
    if let Some(found) = named.iter().find(|sha| !is_named(image, sha)) {
        return wrong(export, "an entry of app is not a layer's diffID", "one of diff_ids", found);
    }
    let ids = view::diff_ids(image.config.as_ref());
    let own = &ids[view::base_count(export).min(ids.len())..];
    for sha in &named {
        let count = |list: &mut dyn Iterator<Item = &str>| list.filter(|id| id == sha).count();
        if count(&mut named.iter().copied()) > count(&mut own.iter().map(String::as_str)) {
            let message = "an entry of app is of no layer of the app, or there twice";
            return wrong(export, message, "one entry for each layer of the app", sha);
        }
        if is_of_something_else(export, image, sha) {
            return wrong(
                export,
                "an entry of app is a layer that holds nothing of the app",
                "a layer of the app",
                sha,
            );
        }
    }
    let mut layers_of: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (index, layer) in view::new_layers(export, image) {
        let Some(id) = ids.get(index) else { continue };
        for entry in layer.blob.iter().flat_map(|blob| &blob.entries).filter(|e| e.kind != EntryKind::Directory) {
            layers_of.entry(&entry.path).or_default().push(id);
        }
    }
    for file in inputs::leaves(export, &export.inputs.app) {
        let Some(layers) = layers_of.get(file.path.as_str()) else { continue };
        let is_in_layers = view::is_below(&file.path, &export.inputs.layers);
        if !is_in_layers && !layers.iter().any(|id| named.contains(id)) {
            let message = format!("the layer with {} is not in app", file.path);
            return wrong(export, &message, layers.join(", "), &named.join(", "));
        }
    }
    Finding::Holds
}
