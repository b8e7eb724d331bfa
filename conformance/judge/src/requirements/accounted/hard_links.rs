//! Hard links of new layers: each leads to a file that comes before it in its own layer.

use std::collections::BTreeSet;

use crate::evidence::{EntryKind, Export, Image};
use crate::requirement::violated;
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
