//! Hard links of new layers: each leads to a file that comes before it in its own layer.

use std::collections::BTreeSet;

use super::layers::on_disk;
use crate::evidence::{EntryKind, Export, Image};
use crate::requirement::{not_applicable, violated};
use crate::verdict::Finding;
use crate::view;

pub(super) fn hard_links_lead_into_their_layer(export: &Export, image: &Image) -> Finding {
    for (index, layer) in view::new_layers(export, image) {
        let mut before = BTreeSet::new();
        for entry in layer.blob.iter().flat_map(|blob| &blob.entries) {
            if entry.kind == EntryKind::HardLink {
                let target = view::cleaned(&view::link_target(entry), "/");
                if !before.contains(&target) {
                    let message = format!("{} in layer {index} is a hard link to what is not in the layer", entry.path);
                    let place = export.at(&format!("export.json#/image/layers/{index}"));
                    return violated(message, "a link to a file that comes before it in the layer", target, place);
                }
            }
            if entry.kind != EntryKind::Directory {
                before.insert(entry.path.clone());
            }
        }
    }
    Finding::Holds
}

pub(super) fn hard_links_are_those_of_the_build(export: &Export, image: &Image) -> Finding {
    let mut links = 0;
    for (index, layer) in view::new_layers(export, image) {
        let entries = layer.blob.iter().flat_map(|blob| &blob.entries);
        for entry in entries.filter(|entry| entry.kind == EntryKind::HardLink) {
            let target = view::cleaned(&view::link_target(entry), "/");
            let ends = [entry.path.as_str(), target.as_str()].map(|path| export.inputs.file(on_disk(export, path)));
            links += usize::from(ends.iter().flatten().any(|file| file.links.is_some()));
            if let Some(alone) = ends.into_iter().flatten().find(|file| file.links == Some(1)) {
                let message = format!("{} in layer {index} is a hard link to a file of its own", entry.path);
                let expected = format!("two files: {} has no hard links on disk", alone.path);
                return violated(message, expected, target, export.at(&format!("export.json#/image/layers/{index}")));
            }
        }
    }
    if links > 0 { Finding::Holds } else { not_applicable("no new layer has a hard link whose file is known") }
}
