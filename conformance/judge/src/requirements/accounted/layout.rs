//! What a layout names: the app image's manifest under the path of each `<image>`, and nothing next to it.

use crate::evidence::{Change, Export, FileKind, Image, LayoutFacts, LayoutRoot};
use crate::json::Json;
use crate::reference::Reference;
use crate::requirement::{not_applicable, violated};
use crate::verdict::Finding;
use crate::view;

const PREFIX: &str = "org.opencontainers.image.";
const NAME: &str = "org.opencontainers.image.ref.name";

pub(super) fn nothing_else_is_there(export: &Export, image: &Image) -> Finding {
    let Some(layout) = &export.layout else { return not_applicable("no layout was observed") };
    let paths: Vec<&str> = layout.roots.iter().map(|root| root.path.as_str()).collect();
    let is_elsewhere = layout.roots.iter().any(|root| !root.present);
    let more = layout.folders.iter().find(|folder| !paths.contains(&folder.as_str()));
    if let Some(folder) = more.filter(|_| !is_elsewhere) {
        let place = export.at("export.json#/layout/folders");
        return violated("there is a layout that no <image> names", paths.join(", "), folder, place);
    }
    let strays = strays(export, layout);
    if let Some(file) = strays.first().filter(|_| !is_elsewhere) {
        let more = view::and_more(strays.len());
        let place = export.at("export.json#/changed_files");
        let message = "the export leaves a file below <layout-dir> in no <image>'s folder";
        return violated(message, paths.join(", "), format!("{}{more}", view::cut(file)), place);
    }
    for root in layout.roots.iter().filter(|root| root.present) {
        let finding = is_the_image_s(export, image, root);
        if finding != Finding::Holds {
            return finding;
        }
    }
    Finding::Holds
}

/// Files that the export added below `<layout-dir>` and outside the folders of images.
fn strays<'a>(export: &'a Export, layout: &LayoutFacts) -> Vec<&'a str> {
    let Some(folder) = &export.inputs.layout_dir else { return Vec::new() };
    let added = export.changed_files.iter().flatten();
    let added = added.filter(|file| file.change == Change::Added && file.kind != FileKind::Directory);
    let is_stray = |path: &&str| {
        let Some(below) = path.strip_prefix(folder.as_str()).and_then(|rest| rest.strip_prefix('/')) else {
            return false;
        };
        // What else lies in the image's own folder is free (`oci-image-image-layout.md`, Content).
        !layout.roots.iter().any(|root| view::is_below(below, &root.path))
    };
    added.map(|file| file.path.as_str()).filter(is_stray).collect()
}

/// What the entry of the app image says of it: a name that was asked for, and of the proposal's keys what the image
/// says.
fn says_what_is_so(export: &Export, image: &Image, entry: &Json) -> Finding {
    let place = || export.at("index.json#/manifests");
    let annotations = entry.get("annotations").and_then(Json::members).unwrap_or_default();
    let text = |key: &str| annotations.iter().find(|(name, _)| name == key).and_then(|(_, value)| value.as_str());
    // A tag alone, or a reference, which tools complete in their own ways: what was asked for is the tag.
    let is_asked_for = |name: &str| {
        let tag = name.rsplit_once(':').map_or(name, |(_, tag)| tag);
        let asked = export.inputs.images.iter().filter_map(|image| Reference::parse(image).ok());
        let mut tags = asked.map(|image| image.tag.unwrap_or_else(|| "latest".to_owned()));
        export.inputs.images.iter().any(|image| image == name) || tags.any(|asked| asked == tag)
    };
    if let Some(name) = text(NAME).filter(|name| !is_asked_for(name)) {
        let message = "index.json gives the app image a name that no <image> has";
        return violated(message, export.inputs.images.join(", "), view::cut(name), place());
    }
    for key in view::RFC_KEYS.map(|key| format!("{PREFIX}{key}")) {
        let Some(found) = text(&key) else { continue };
        let expected = view::annotation(image, &key);
        if expected.as_deref() != Some(found) {
            let message = format!("index.json says {key} of the app image, and the image says another thing");
            return violated(message, expected.unwrap_or_else(|| "nothing".to_owned()), view::cut(found), place());
        }
    }
    Finding::Holds
}

fn is_the_image_s(export: &Export, image: &Image, root: &LayoutRoot) -> Finding {
    if let Some((path, size)) = root.unread.first() {
        let message =
            format!("a blob of {} is too large to be kept, or closed by its mode, and was not read", root.reference);
        let found = format!("{path} of {size} bytes");
        return violated(message, "blobs of the app image", found, export.at("export.json#/layout/roots"));
    }
    let Some(manifest) = &image.manifest else { return Finding::Holds };
    let before = export.tags_before.get(&root.reference).and_then(Option::as_ref);
    let own = manifest.digest.as_str();
    let index = view::json(root.index.as_ref());
    for entry in index.as_ref().and_then(|json| json.get("manifests")?.items()).unwrap_or_default() {
        let digest = entry.get("digest").and_then(Json::as_str).unwrap_or_default();
        // What was there before may stay: nothing says that a path holds one image.
        if digest != own && before.is_none_or(|before| before != digest) {
            let message = format!("index.json of {} names something that is not the app image", root.reference);
            return violated(message, own, view::cut(&entry.to_string()), export.at("index.json#/manifests"));
        }
        let finding = if digest == own { says_what_is_so(export, image, entry) } else { Finding::Holds };
        if finding != Finding::Holds {
            return finding;
        }
    }
    Finding::Holds
}
