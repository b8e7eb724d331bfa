//! OCI image layouts on disk (`rfc-0119-export-to-oci-layout.md`, `oci-image-image-layout.md`).

mod experimental;
#[cfg(test)]
pub(super) mod trials;

use std::collections::{BTreeMap, BTreeSet};

use super::daemon::what_differs;
use crate::digest::Digest;
use crate::evidence::{Export, Image, Layer, LayoutRoot};
use crate::json::Json;

use crate::reference::Reference;
use crate::requirement::{Case, LAYOUT, Needs, Requirement, Source, holds_when, not_applicable, violated};
use crate::verdict::{Finding, Level};
use crate::view::{self, PREFIX};

use experimental::the_experimental_gate_is_kept;

const MAPPING: Source = Source::platform("Map an image reference to a path in the layout directory");

pub(super) const TABLE: &[Requirement] = &[
    Requirement::new(Level::Must, "layout.path", "the image is at the mapped path", MAPPING, |case| {
        case.each(the_image_is_at_its_path)
    })
    .comparing_with_registry()
    .because("platforms look for the image at the path that its reference maps to")
    .looks_like("no image layout at that path")
    .fix("map registry (with its port), repository and tag to folders as the specification says")
    .on(LAYOUT)
    .needing(Needs::Success),
    Requirement::new(
        Level::Must,
        "layout.valid",
        "oci-layout has its version, index.json true sizes, digests and media types, and blobs are named by their hash",
        Source::oci_layout("Content"),
        |case| case.each(the_layout_is_valid),
    )
    .comparing_with_registry()
    .because("every reader of layouts checks the version, the index and the hashes")
    .looks_like("oci-layout is missing, or index.json names what is not under blobs/")
    .fix("write blobs first, then index.json with their true digests and sizes")
    .on(LAYOUT)
    .needing(Needs::Success),
    Requirement::new(
        Level::Should,
        "layout.image-comes-first",
        "where index.json has several descriptors, the first one is the exported image's",
        Source::own("layout"),
        |case| case.each_image(the_image_comes_first),
    )
    .comparing_with_registry()
    .because("readers that are given a layout without a name take its first descriptor: an image of an earlier build is started")
    .looks_like("a rebuild adds its descriptor behind that of the build before")
    .fix("replace index.json, or put the new descriptor first")
    .on(LAYOUT),
    Requirement::new(
        Level::Should,
        "layout.app-blobs-present",
        "the blobs that are not the run image's are there",
        Source::rfc_0119("What is the expected outcome?"),
        |case| case.each_image(the_app_s_blobs_are_there),
    )
    .comparing_with_registry()
    .because("the run image's blobs may be fetched elsewhere; the app's exist nowhere else")
    .looks_like("a layer or config of the app is not under blobs/")
    .fix("write every blob that is not the run image's")
    .on(LAYOUT),
    Requirement::new(
        Level::Must,
        "layout.all-tags",
        "each image reference has its own path, all with one manifest digest",
        Source::platform("exporter, Outputs"),
        |case| case.each(every_reference_has_the_same_image),
    )
    .comparing_with_registry()
    .because("each <image> has its own path and all are one app image")
    .looks_like("a path is missing or has another manifest")
    .fix("write the same manifest at the path of every <image>")
    .on(LAYOUT)
    .needing(Needs::Success),
    Requirement::new(
        Level::Should,
        "layout.report-tags",
        "report.toml lists the tag reference of every <image> and nothing else",
        Source::platform("report.toml"),
        |case| case.each(|export| super::digest::of_the_report(export, the_report_has_the_tag_references(export))),
    )
    .comparing_with_registry()
    .because(
        "`tags` holds tag references to the exported image; a path, or a path that ends in a tag, is none, and no reader can \
         tell which is which",
    )
    .looks_like("image.tags holds the paths of layouts, some of them only, or lacks an <image>")
    .fix("list the <image> references as they were given, as for a registry")
    .on(LAYOUT)
    .needing(Needs::Success),
    Requirement::new(
        Level::Should,
        "layout.same-annotations",
        "the manifest has the same annotations as the registry export, except ref.name",
        Source::rfc_0119("What use cases does it support?"),
        |case| case.each_image(|export, image| annotations_are_those_of_the_registry(case, export, image)),
    )
    .comparing_with_registry()
    .because("a layout is an image on its way to a registry and should say the same")
    .looks_like("an annotation differs from that of the registry export")
    .fix("annotate in one place for both targets")
    .when("the same step was exported to a registry")
    .on(LAYOUT),
    Requirement::new(
        Level::Should,
        "layout.differences-known",
        "what differs from the registry export, field by field, is of a class that a layout explains",
        Source::rfc_196_review("identical regardless of export target"),
        super::differences::no_difference_is_unknown,
    )
    .comparing_with_registry()
    .because("a layout is an image on its way to a registry; what changes on the way should be known and have a reason")
    .looks_like("a field of manifest, config, labels, layers, history or report differs, and no known class permits it")
    .fix("make the image in one place for all targets; docs/stores.md lists what may differ")
    .when("the same step was exported to a registry, and a repeat does not differ already")
    .on(LAYOUT),
    Requirement::new(
        Level::Must,
        "layout.experimental-gate",
        "unset or error: it fails; warn: it succeeds and warns; silent: it succeeds without a warning",
        Source::platform("Experimental Features"),
        the_experimental_gate_is_kept,
    )
    .comparing_with_registry()
    .because("layouts are experimental, and users have to agree to that")
    .looks_like("it exports with the variable unset, does not warn with warn, or warns with silent")
    .fix("check CNB_EXPERIMENTAL_MODE before anything is written")
    .when("the scenario exports with several values of CNB_EXPERIMENTAL_MODE")
    .on(LAYOUT)
    .needing(Needs::Process),
];

fn roots(export: &Export) -> &[LayoutRoot] {
    export.layout.as_ref().map_or(&[], |layout| &layout.roots)
}

fn the_image_is_at_its_path(export: &Export) -> Finding {
    let mut result = not_applicable("no <image> has a place in a layout");
    for root in roots(export) {
        if !root.present || root.index.is_none() {
            let folders =
                export.layout.as_ref().map(|layout| layout.folders.join(", ")).filter(|list| !list.is_empty());
            let found = match folders {
                _ if root.unread_size("index.json").is_some() => too_large(root),
                _ if root.present => "a folder without index.json".to_owned(),
                Some(folders) => format!("layouts in {folders}"),
                None => "no layout at all".to_owned(),
            };
            return violated(
                format!("{} is not at its path", root.reference),
                &root.path,
                found,
                export.at("export.json#/layout"),
            );
        }
        result = Finding::Holds;
    }
    result
}

/// What is found in place of an index that no one has to read.
fn too_large(root: &LayoutRoot) -> String {
    let size = root.unread_size("index.json").unwrap_or_default();
    format!("an index.json of {size} bytes, which is too large to be read (16 MiB)")
}

fn the_layout_is_valid(export: &Export) -> Finding {
    let present: Vec<&LayoutRoot> = roots(export).iter().filter(|root| root.present).collect();
    if present.is_empty() {
        return violated(
            "there is no layout",
            "oci-layout, index.json and blobs",
            "nothing",
            export.at("export.json#/layout"),
        )
        .following(&["layout.path"]);
    }
    for root in present {
        let finding = is_valid(export, root);
        if finding != Finding::Holds {
            return finding;
        }
    }
    Finding::Holds
}

fn is_valid(export: &Export, root: &LayoutRoot) -> Finding {
    let version = view::json(root.oci_layout.as_ref());
    if version.as_ref().and_then(|json| json.get("imageLayoutVersion")?.as_str()) != Some("1.0.0") {
        let found = version.map_or_else(|| "nothing".to_owned(), |json| view::cut(&json.to_string()));
        return violated("oci-layout has no imageLayoutVersion 1.0.0", "1.0.0", found, export.at("oci-layout"));
    }
    let sizes: BTreeMap<String, u64> =
        root.blobs.iter().map(|blob| (blob.path.trim_start_matches("blobs/").to_owned(), blob.size)).collect();
    for blob in &root.blobs {
        let name = blob.path.trim_start_matches("blobs/").replacen('/', ":", 1);
        if Digest::parse(&name).is_ok_and(|name| name.algorithm() == "sha256" && name != blob.digest) {
            return violated(
                "a blob is not named by its hash",
                &blob.digest,
                name,
                export.at("export.json#/layout/roots"),
            );
        }
    }
    let index = view::json(root.index.as_ref());
    let entries = index.as_ref().and_then(|json| json.get("manifests")?.items());
    let Some(entries) =
        entries.filter(|_| index.as_ref().and_then(|json| json.get("schemaVersion")?.as_u64()) == Some(2))
    else {
        return violated(
            "index.json is not an image index",
            "schemaVersion 2 and manifests",
            root.unread_size("index.json").map_or_else(|| "something else".to_owned(), |_| too_large(root)),
            export.at("index.json"),
        );
    };
    for entry in entries {
        let digest = entry.get("digest").and_then(Json::as_str).unwrap_or_default();
        let size = entry.get("size").and_then(Json::as_u64);
        let found = sizes.get(&digest.replacen(':', "/", 1)).copied();
        if found.is_none() || found != size {
            let told =
                |size: Option<u64>| size.map_or_else(|| "no such blob".to_owned(), |size| format!("{size} bytes"));
            return violated(
                format!("index.json is not true of {digest}"),
                told(size),
                told(found),
                export.at("index.json#/manifests"),
            );
        }
        let media_type = entry.get("mediaType").and_then(Json::as_str).unwrap_or_default();
        let declared = declared(export, digest).unwrap_or_else(|| media_type.to_owned());
        if media_type.is_empty() || media_type != declared {
            let expected = if declared.is_empty() { "a media type" } else { &declared };
            return violated(
                format!("index.json does not say the media type of {digest}"),
                expected,
                if media_type.is_empty() { "nothing" } else { media_type },
                export.at("index.json#/manifests"),
            );
        }
    }
    Finding::Holds
}

/// The media type that the manifest with this digest gives itself, where it is the image's and says one.
fn declared(export: &Export, digest: &str) -> Option<String> {
    let manifest = export.image.as_ref()?.manifest.as_ref().filter(|manifest| manifest.digest.as_str() == digest);
    Some(view::json(manifest)?.get("mediaType")?.as_str()?.to_owned())
}

fn the_image_comes_first(export: &Export, image: &Image) -> Finding {
    let Some(own) = &image.manifest else { return Finding::Skipped("the image has no manifest".to_owned()) };
    for root in roots(export).iter().filter(|root| root.present) {
        let index = view::json(root.index.as_ref());
        let Some(entries) = index.as_ref().and_then(|json| json.get("manifests")?.items()) else { continue };
        let text = |entry: &Json, name: &str| entry.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
        let Some(first) = entries.first().filter(|_| entries.len() > 1) else { continue };
        // An index there leads to the image by the platform's name.
        let leads_on = text(first, "mediaType").contains("index") || text(first, "mediaType").contains("list");
        let digest = text(first, "digest");
        if !leads_on && digest != own.digest.as_str() {
            return violated(
                format!("index.json at {} begins with another image", root.path),
                own.digest.to_string(),
                digest,
                export.at("index.json#/manifests/0"),
            );
        }
    }
    Finding::Holds
}

fn the_app_s_blobs_are_there(export: &Export, image: &Image) -> Finding {
    // A layer of the app that is byte for byte one of the run image's may be left out with it.
    let base: Vec<&String> = image.layers.iter().take(view::base_count(export)).map(|layer| &layer.name).collect();
    let is_missing = |layer: &Layer| (layer.left_out || layer.blob.is_none()) && !base.contains(&&layer.name);
    let missing = view::new_layers(export, image).into_iter().find(|(_, layer)| is_missing(layer));
    if let Some((index, layer)) = missing {
        let place = export.at("export.json#/image/layers");
        return violated(format!("the blob of layer {index} is not in the layout"), &layer.name, "nothing", place);
    }
    holds_when(image.config.is_some(), || {
        violated("the config is not in the layout", "a blob", "nothing", export.at("manifest.json#/config"))
    })
}

fn every_reference_has_the_same_image(export: &Export) -> Finding {
    let digest =
        |reference: &str| export.tags.iter().find(|tag| tag.reference == reference).and_then(|tag| tag.digest.clone());
    let first = export.inputs.images.first().and_then(|image| digest(image));
    for image in &export.inputs.images {
        let found = digest(image);
        if found.is_none() || found != first {
            let place = export.at("tags.json");
            let shown = |value: Option<String>| value.unwrap_or_else(|| "a manifest".to_owned());
            // What is not at its path is missing for that reason.
            let from: &[&str] = if found.is_none() { &["layout.path"] } else { &[] };
            return violated(
                format!("{image} is missing or another image"),
                shown(first),
                found.unwrap_or_else(|| "nothing".to_owned()),
                place,
            )
            .following(from);
        }
    }
    Finding::Holds
}

/// A tag reference by the grammar of references, fully qualified; none for a path or what else is not a reference.
fn tag_reference(text: &str) -> Option<String> {
    let parsed = crate::reference::Reference::parse(text).ok();
    parsed.filter(|reference| reference.digest.is_none()).map(|reference| reference.to_string())
}

fn the_report_has_the_tag_references(export: &Export) -> Finding {
    let place = export.at("report.toml#image.tags");
    let report = super::digest::report(export).unwrap_or_default();
    let listed = report.get("tags").and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let expected: BTreeSet<String> = export.inputs.images.iter().filter_map(|image| tag_reference(image)).collect();
    let mut found = BTreeSet::new();
    for tag in listed {
        let Some(reference) = tag.as_str().and_then(tag_reference) else {
            let expected = expected.iter().cloned().collect::<Vec<_>>().join(", ");
            let message = "a tag in the report is not a tag reference";
            return violated(message, expected, view::cut(&tag.to_string()), place);
        };
        found.insert(reference);
    }
    let list = |references: &BTreeSet<String>| references.iter().cloned().collect::<Vec<_>>().join(", ");
    holds_when(found == expected, || {
        let found = if found.is_empty() { "nothing".to_owned() } else { list(&found) };
        violated("the report's tags are not those exported to", list(&expected), found, place)
    })
}

fn annotations_are_those_of_the_registry(case: &Case<'_>, export: &Export, image: &Image) -> Finding {
    let twin = case.registry_twin(export).and_then(|twin| Some((twin, twin.image.as_ref()?)));
    let Some((twin, registry)) = twin else { return not_applicable("there is no registry export of this step") };
    let same_base = twin.run_image.digest == export.run_image.digest && twin.run_image.name == export.run_image.name;
    let compared = |image: &Image| -> BTreeMap<String, String> {
        let is_compared = |key: &str| {
            let name = key.strip_prefix(PREFIX).unwrap_or(key);
            name != "ref.name" && (same_base || !name.starts_with("base."))
        };
        let all = view::annotations(image).into_iter().filter(|(key, _)| is_compared(key));
        all.map(|(key, value)| (key, value.to_string())).collect()
    };
    let (expected, found) = (compared(registry), compared(image));
    if expected == found {
        return Finding::Holds;
    }
    let keys = expected.keys().chain(found.keys());
    let differing = keys.into_iter().find(|key| expected.get(*key) != found.get(*key)).cloned().unwrap_or_default();
    let shown = |map: &BTreeMap<String, String>| {
        map.get(&differing).map_or_else(|| "nothing".to_owned(), |text| view::cut(text))
    };
    let place = export.at(&format!("manifest.json#/annotations/{differing}"));
    violated(format!("{differing} is not as in the registry export"), shown(&expected), shown(&found), place)
}

/// Whether a registry export's run image was analysed under its own name. An export to a layout has that name alone, so
/// where it was another repository both builds have other inputs, and their digests say nothing.
fn knows_the_same_run_image(twin: &Export) -> bool {
    let parsed = |text: &str| Reference::parse(text).ok();
    let pair = parsed(&twin.run_image.name).zip(parsed(&twin.run_image.reference));
    pair.is_some_and(|(name, reference)| name.same_repository(&reference))
}

pub(super) fn observations(case: &Case<'_>, see: &mut dyn FnMut(&Export, &str, String, &str)) {
    for export in case.good() {
        let Some(twin) = case.registry_twin(export).filter(|_| export.layout.is_some()) else { continue };
        if let (Some(one), Some(two)) = (export.manifest_digest(), twin.manifest_digest())
            && knows_the_same_run_image(twin)
        {
            let differing =
                || export.image.as_ref().zip(twin.image.as_ref()).map(|(one, two)| what_differs(export, two, one));
            let answer = if one == two { "yes".to_owned() } else { format!("no: {}", differing().unwrap_or_default()) };
            see(export, "layout-digest-equals-registry", answer, "manifest.json");
        }
    }
}
