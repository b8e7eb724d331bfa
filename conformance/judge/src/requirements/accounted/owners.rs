//! Owners of entries in new layers: those whom the build or the run image names, and one of them for what belongs
//! together.

use std::collections::BTreeSet;

use super::super::platform_inputs as inputs;
use super::layers::is_in_a_layer_to_re_use;
use super::works::{User, base_entries};
use crate::evidence::{Export, Image};
use crate::requirement::violated;
use crate::verdict::Finding;
use crate::view;

pub(super) fn every_owner_is_explained(export: &Export, image: &Image) -> Finding {
    let (given, base) = (&export.inputs, base_entries(export, image));
    let user = User::among(image, &base);
    // Root, the owner that the exporter was told, and the one of the files on disk, which is the former or the
    // exporter's.
    let told = |id: u32| [0, u64::from(id)].into_iter().chain(given.run_as.map(u64::from));
    let users: BTreeSet<u64> = told(given.uid).chain(user.uid).collect();
    let groups: BTreeSet<u64> = told(given.gid).chain(user.gid).collect();
    let layers = inputs::layers(export);
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

/// Which owner it is, is left to the exporter; that the app, or a launch layer, has one is not: on disk it has one.
pub(super) fn what_belongs_together_has_one_owner(export: &Export, image: &Image) -> Finding {
    let launch = inputs::layers(export).into_iter().filter(|layer| layer.types.launch && layer.has_folder);
    let folders = launch.map(|layer| layer.folder).chain([export.inputs.app.clone()]);
    let (files, base) = (view::new_files(export, image), base_entries(export, image));
    for folder in folders {
        let is_in_it = |path: &str| path == folder || view::is_below(path, &folder);
        // A folder of the run image keeps its owner.
        let is_the_base_s = |path: &str, owner| base.get(path).is_some_and(|base| (base.uid, base.gid) == owner);
        let own = files.iter().filter(|(path, _)| is_in_it(path)).map(|(path, entry)| (path, (entry.uid, entry.gid)));
        let mut own = own.filter(|(path, owner)| !is_the_base_s(path, *owner));
        let Some((first, owner)) = own.next() else { continue };
        if let Some((other, found)) = own.find(|(_, found)| *found != owner) {
            let message = format!("{other} has another owner than {first}");
            let shown = |(uid, gid): (u64, u64)| format!("{uid}:{gid}");
            return violated(message, shown(owner), shown(found), export.at("export.json#/image/layers"));
        }
    }
    Finding::Holds
}
