//! Owners of entries in new layers: those whom the build or the run image names.

use std::collections::BTreeSet;

use super::super::platform_inputs as inputs;
use super::layers::is_in_a_layer_to_re_use;
use super::works::{User, base_entries};
use crate::evidence::{Export, Image};
use crate::requirement::violated;
use crate::verdict::Finding;
use crate::view;

pub(super) fn every_owner_is_explained(export: &Export, image: &Image) -> Finding {
    let (given, user) = (&export.inputs, User::of(image));
    // Root, the owner that the exporter was told, and the one of the files on disk, which is the former or the exporter's.
    let told = |id: u32| [0, u64::from(id)].into_iter().chain(given.run_as.map(u64::from));
    let users: BTreeSet<u64> = told(given.uid).chain(user.uid).collect();
    let groups: BTreeSet<u64> = told(given.gid).chain(user.gid).collect();
    let layers = inputs::layers(export);
    let base = base_entries(export, image);
    for (index, layer) in view::new_layers(export, image) {
        for entry in layer.blob.iter().flat_map(|blob| &blob.entries) {
            // A folder of the run image keeps its owner.
            let is_the_base_s =
                base.get(entry.path.as_str()).is_some_and(|base| (base.uid, base.gid) == (entry.uid, entry.gid));
            let is_explained = users.contains(&entry.uid) && groups.contains(&entry.gid);
            if !is_explained && !is_the_base_s && !is_in_a_layer_to_re_use(&layers, &entry.path) {
                let list = |ids: &BTreeSet<u64>| ids.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
                let expected = format!("user {} and group {}", list(&users), list(&groups));
                let message = format!("{} in layer {index} has an owner that no input names", entry.path);
                let place = export.at(&format!("export.json#/image/layers/{index}"));
                return violated(message, expected, format!("{}:{}", entry.uid, entry.gid), place);
            }
        }
    }
    Finding::Holds
}
