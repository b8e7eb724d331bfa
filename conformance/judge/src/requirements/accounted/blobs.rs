//! Blobs that an export adds to a layout: `index.json` leads to each, or there is a reason that it is there.

use crate::evidence::{Change, Export, Image, LayoutRoot, LooseBlob};
use crate::json::Json;
use crate::requirement::{Source, not_applicable, violated};
use crate::verdict::Finding;
use crate::view;

/// A rule that permits a blob to which nothing leads.
struct Permission {
    name: &'static str,
    source: Source,
    permits: fn(&Export, &Image, &LooseBlob) -> bool,
}

/// Every permission, in the order in which they are asked.
const PERMISSIONS: &[Permission] = &[
    Permission {
        name: "blobs-of-the-run-image",
        source: Source::rfc_0119("How it Works"),
        permits: is_of_the_run_image,
    },
    Permission {
        name: "layers-in-another-packing",
        source: Source::oci_layout("Blobs"),
        permits: |_, image, blob| view::diff_ids(image.config.as_ref()).contains(&digest_of(blob)),
    },
    Permission { name: "the-image-on-its-way", source: Source::oci_layout("Blobs"), permits: is_the_image_on_its_way },
];

/// The digest by which a blob's path names it.
fn digest_of(blob: &LooseBlob) -> String {
    blob.path.trim_start_matches("blobs/").replacen('/', ":", 1)
}

/// What a list of descriptors names.
fn digests(descriptors: &[Json]) -> Vec<String> {
    descriptors.iter().filter_map(|one| Some(one.get("digest")?.as_str()?.to_owned())).collect()
}

fn layers(manifest: &Json) -> Option<Vec<String>> {
    Some(digests(manifest.get("layers")?.items()?))
}

fn is_of_the_run_image(export: &Export, _: &Image, blob: &LooseBlob) -> bool {
    let name = digest_of(blob);
    let mut documents = export.run_image.documents();
    documents.any(|document| {
        let json = view::json(Some(document));
        let named = json.iter().flat_map(|json| view::descriptors(json)).map(|(_, one)| one.clone());
        document.digest.as_str() == name || digests(&named.collect::<Vec<_>>()).contains(&name)
    })
}

/// Whether it is a manifest or config with fewer of the image's layers: tools that make an image step by step leave
/// those of the steps before.
fn is_the_image_on_its_way(_: &Export, image: &Image, blob: &LooseBlob) -> bool {
    let Some(json) = view::json(blob.document.as_ref()) else { return false };
    let all = view::json(image.manifest.as_ref()).and_then(|manifest| layers(&manifest)).unwrap_or_default();
    let ids = view::diff_ids(image.config.as_ref());
    let of_the_config = json.at(&["rootfs", "diff_ids"]).and_then(Json::items);
    match (layers(&json), of_the_config) {
        (Some(layers), _) => json.get("config").is_some() && layers.iter().all(|layer| all.contains(layer)),
        (None, Some(own)) => own.iter().all(|id| id.as_str().is_some_and(|id| ids.iter().any(|known| known == id))),
        (None, None) => false,
    }
}

pub(super) fn every_blob_is_named(export: &Export, image: &Image) -> Finding {
    let (Some(folder), Some(layout)) = (&export.inputs.layout_dir, &export.layout) else {
        return not_applicable("no layout was observed");
    };
    let Some(changed) = &export.changed_files else {
        return Finding::Skipped("the folders were not listed again after the export".to_owned());
    };
    // A layout may have other images, with blobs of their own.
    let is_added = |root: &LayoutRoot, blob: &LooseBlob| {
        let path = format!("{}/{}/{}", folder.trim_end_matches('/'), root.path, blob.path);
        changed.iter().any(|file| file.change == Change::Added && file.path == path)
    };
    for root in layout.roots.iter().filter(|root| root.present) {
        let Some(loose) = &root.loose else {
            return Finding::Skipped("blobs to which nothing leads were not noted".to_owned());
        };
        let is_permitted = |blob: &LooseBlob| PERMISSIONS.iter().any(|one| (one.permits)(export, image, blob));
        if let Some(blob) = loose.iter().find(|blob| is_added(root, blob) && !is_permitted(blob)) {
            let names: Vec<String> = PERMISSIONS.iter().map(|one| format!("{} ({})", one.name, one.source)).collect();
            let expected = format!("blobs to which index.json leads; also permitted: {}", names.join("; "));
            let message = format!("the export adds a blob to the layout of {} that nothing names", root.reference);
            return violated(message, expected, &blob.path, export.at("export.json#/layout/roots"));
        }
    }
    Finding::Holds
}
