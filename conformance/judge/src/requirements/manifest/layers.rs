//! Layers as tar archives: whole, each path once, links after their targets.

use std::collections::{HashMap, HashSet};

use crate::evidence::{Entry, EntryKind, Export, Image, Layer, Unlisted};
use crate::requirement::violated;
use crate::verdict::Finding;
use crate::view;

pub(super) fn no_path_is_twice_in_a_layer(export: &Export, image: &Image) -> Finding {
    for (index, layer) in view::new_layers(export, image) {
        let mut paths = HashSet::new();
        for entry in layer.blob.iter().flat_map(|blob| &blob.entries) {
            if !paths.insert(&entry.path) {
                let place = export.at(&format!("export.json#/image/layers/{index}"));
                return violated(format!("layer {index} holds a path twice"), "each path once", &entry.path, place);
            }
        }
    }
    Finding::Holds
}

pub(super) fn every_new_layer_is_a_whole_tar(export: &Export, image: &Image) -> Finding {
    for (index, layer) in view::new_layers(export, image) {
        if layer.unlisted() == Some(Unlisted::Layer) {
            let place = export.at(&format!("export.json#/image/layers/{index}/problem"));
            let problem = layer.problem.as_deref().unwrap_or_default();
            return violated(
                format!("layer {index} has more entries than can be read"),
                "a tar archive",
                problem,
                place,
            );
        }
        if let Some(problem) = layer.tar_problem() {
            let place = export.at(&format!("export.json#/image/layers/{index}/problem"));
            return violated(format!("layer {index} is not a whole tar archive"), "a tar archive", problem, place);
        }
        if let Some(link) = comes_before_its_target(image, index) {
            let place = export.at(&format!("export.json#/image/layers/{index}"));
            let found = format!("{} before {}", link.path, link.link.as_deref().unwrap_or_default());
            let message = format!("a hard link in layer {index} comes before the file that it links to");
            return violated(message, "the file first, then its links", found, place);
        }
    }
    // Others may have used up what the run has.
    if view::new_layers(export, image).iter().any(|(_, layer)| layer.unlisted() == Some(Unlisted::Run)) {
        return Finding::Skipped("the layers of this run have more entries than are kept of all".to_owned());
    }
    Finding::Holds
}

/// A hard link to a file that comes later in its layer, and is in none below: a reader that unpacks in order finds
/// nothing there.
fn comes_before_its_target(image: &Image, index: usize) -> Option<&Entry> {
    fn entries(layer: &Layer) -> impl Iterator<Item = &Entry> {
        layer.blob.iter().flat_map(|blob| &blob.entries)
    }
    let own: Vec<&Entry> = image.layers.get(index).map(|layer| entries(layer).collect()).unwrap_or_default();
    if !own.iter().any(|entry| entry.kind == EntryKind::HardLink) {
        return None;
    }
    let target = |entry: &Entry| view::link_target(entry);
    let last: HashMap<&str, usize> = own.iter().enumerate().map(|(at, entry)| (entry.path.as_str(), at)).collect();
    let below: HashSet<&str> = image.layers[..index].iter().flat_map(entries).map(|e| e.path.as_str()).collect();
    let mut seen: HashSet<&str> = HashSet::new();
    for (at, entry) in own.into_iter().enumerate() {
        if entry.kind == EntryKind::HardLink {
            let target = target(entry);
            let is_later = last.get(target.as_str()).is_some_and(|place| *place > at);
            if is_later && !seen.contains(target.as_str()) && !below.contains(target.as_str()) {
                return Some(entry);
            }
        }
        seen.insert(&entry.path);
    }
    None
}

pub(super) fn no_entry_is_sparse(export: &Export, image: &Image) -> Finding {
    for (index, layer) in view::new_layers(export, image) {
        let entries = layer.blob.iter().flat_map(|blob| &blob.entries);
        if let Some(entry) = entries.into_iter().find(|entry| entry.more.sparse) {
            let place = export.at(&format!("export.json#/image/layers/{index}"));
            return violated(format!("layer {index} holds a sparse file"), "whole files", &entry.path, place);
        }
    }
    Finding::Holds
}
