//! Launch layers: each is its folder, and nothing that another build would bring along by re-using it; and new layers
//! of all kinds: each is there once.

use std::collections::HashMap;

use super::super::platform_inputs as inputs;
use super::layers::named;
use crate::evidence::{EntryKind, Export, Image};
use crate::requirement::{not_applicable, violated};
use crate::verdict::Finding;
use crate::view;

pub(super) fn launch_layers_hold_their_folders_alone(export: &Export, image: &Image) -> Finding {
    let launch: Vec<_> = inputs::layers(export).into_iter().filter(|layer| layer.types.launch).collect();
    if launch.is_empty() {
        return not_applicable("no buildpack has a launch layer");
    }
    for layer in launch {
        // An empty folder may be in any layer.
        let is_empty = layer.has_folder && inputs::leaves(export, &layer.folder).next().is_none();
        let Some(sha) = named(image, &layer).filter(|_| !is_empty) else { continue };
        let new = view::new_layers(export, image).into_iter();
        let mut held = new.filter_map(|(index, layer)| Some((index, layer.blob.as_ref()?)));
        let Some((index, blob)) = held.find(|(_, blob)| blob.diff_id.as_str() == sha) else { continue };
        let is_another_s = |path: &str| path != layer.folder && !view::is_below(path, &layer.folder);
        let mut files = blob.entries.iter().filter(|entry| entry.kind != EntryKind::Directory);
        if let Some(entry) = files.find(|entry| is_another_s(&entry.path)) {
            let message = format!("layer {index} is that of {}, and holds what is not in it", layer.folder);
            let place = export.at(&format!("export.json#/image/layers/{index}"));
            return violated(message, format!("what is below {}", layer.folder), &entry.path, place);
        }
    }
    Finding::Holds
}

/// Empty layers may be one layer as often as they like.
pub(super) fn no_layer_is_there_twice(export: &Export, image: &Image) -> Finding {
    let ids = view::diff_ids(image.config.as_ref());
    let mut first = HashMap::new();
    for (index, layer) in view::new_layers(export, image) {
        let (Some(id), Some(blob)) = (ids.get(index), &layer.blob) else { continue };
        let file = blob.entries.iter().find(|entry| entry.kind != EntryKind::Directory);
        let Some(file) = file else { continue };
        if let Some(before) = first.insert(id, index) {
            let message = format!("layer {index} is layer {before} once more");
            let found = format!("{}, in both", view::cut(&file.path));
            let place = export.at(&format!("export.json#/image/layers/{index}"));
            return violated(message, "each layer of files once", found, place);
        }
    }
    Finding::Holds
}
