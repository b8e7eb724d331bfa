//! Manifest, config, labels, layers and report as documents: what their specifications ask of their form.

mod fields;
mod layers;
#[cfg(test)]
pub(super) mod trials;

use fields::{embedded_data_is_the_content, optional_fields_are_well_formed};
use layers::{every_new_layer_is_a_whole_tar, no_entry_is_sparse, no_path_is_twice_in_a_layer};

use super::annotations::is_rfc_3339;
use crate::digest::ContentId;
use crate::evidence::{Export, Image};
use crate::json::Json;
use crate::requirement::{Needs, Requirement, Source, WITH_MANIFEST, holds_when, not_applicable, violated};
use crate::verdict::{Finding, Level};
use crate::view;

const OCI: &str = "application/vnd.oci.image.manifest.v1+json";

pub(super) const TABLE: &[Requirement] = &[
    Requirement::new(
        Level::Must,
        "manifest.image-under-tag",
        "<image> names an image's manifest, and not an index of images",
        Source::platform("exporter, Outputs"),
        |case| case.each_image(the_image_is_no_index),
    )
    .because(
        "an exporter makes one image for one platform, and what reads its labels or rebases it looks for that image",
    )
    .looks_like("the tag, or index.json of a layout, names an index that names the image")
    .fix("put the image's manifest under <image>; what else there is of it can refer to it by its digest")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Must,
        "manifest.schema",
        "an OCI manifest has schemaVersion 2, and mediaType, if used, is the OCI one",
        Source::oci_manifest("Image Manifest Property Descriptions"),
        |case| case.each_image(the_manifest_has_its_schema),
    )
    .because("readers tell by these two fields how to read the rest")
    .looks_like("schemaVersion is not 2, or mediaType does not match the document")
    .fix("write schemaVersion 2 and the OCI manifest's media type")
    .when("the manifest is not a Docker schema 2 manifest")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Should,
        "manifest.media-type-present",
        "an OCI manifest uses mediaType",
        Source::oci_manifest("Image Manifest Property Descriptions"),
        |case| case.each_image(the_manifest_says_its_media_type),
    )
    .because("without it a manifest can be taken for another kind of document")
    .looks_like("the OCI manifest has no mediaType")
    .fix("write mediaType into the manifest")
    .when("the manifest is not a Docker schema 2 manifest")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Should,
        "manifest.descriptor-types",
        "config and layers of an OCI manifest have OCI media types",
        Source::oci_manifest("Image Manifest Property Descriptions"),
        |case| case.each_image(the_descriptors_are_of_the_manifest_s_family),
    )
    .because(
        "an OCI manifest with blobs of Docker's types is refused or converted by some tools, which changes its digest, \
         whether it is annotated or not",
    )
    .looks_like("an OCI manifest without annotations whose config or layers have Docker media types")
    .fix("give every descriptor the OCI media type of its blob; the blobs stay as they are")
    .when("the manifest is not Docker schema 2; of an annotated one annotations.oci-descriptors tells what is wrong")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Must,
        "config.required",
        "os, architecture and rootfs.type are there, and created is RFC 3339 if there",
        Source::oci_config("Properties"),
        |case| case.each_image(the_config_has_what_is_required),
    )
    .because("runtimes choose by these fields whether and how they run an image")
    .looks_like("os, architecture or rootfs.type is missing, or created is not a date")
    .fix("carry os and architecture over from the run image, and set rootfs.type to layers"),
    Requirement::new(
        Level::Must,
        "labels.string-map",
        "Labels is absent or an object whose values are all strings",
        Source::oci_config("Properties, config.Labels"),
        |case| case.each_image(labels_are_a_map_of_strings),
    )
    .because("runtimes decode labels into a map of strings")
    .looks_like("a label is a number, list or table")
    .fix("encode structured labels as JSON text"),
    Requirement::new(
        Level::Must,
        "labels.unique-keys",
        "the config's bytes hold no label twice",
        Source::oci_config("Properties, config.Labels"),
        |case| case.each_image(no_label_is_there_twice),
    )
    .because("readers disagree on which of two equal labels counts")
    .looks_like("the config's bytes hold a label twice")
    .fix("build the map first and serialise it once"),
    Requirement::new(
        Level::Must,
        "layer.no-duplicate-paths",
        "no path is twice in a new layer",
        Source::oci_layer("Distributable Format"),
        |case| case.each_image(no_path_is_twice_in_a_layer),
    )
    .because("which of two entries of one path wins depends on who unpacks")
    .looks_like("a new layer's tar holds a path twice")
    .fix("remember the paths written to a tar and skip what is there"),
    Requirement::new(
        Level::Must,
        "layer.tar-whole",
        "every new layer is a tar archive that can be read to its end",
        Source::oci_layer("Distributable Format"),
        |case| case.each_image(every_new_layer_is_a_whole_tar),
    )
    .because("an engine that unpacks the layer fails in the middle, or leaves out what comes after the fault")
    .looks_like(
        "a size in a header is not a number, the archive ends inside an entry or has more after its end, or its names fill the \
         memory",
    )
    .fix("write layers with a library for tar archives, and end the archive only when all entries are written")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Should,
        "layer.no-sparse-files",
        "no entry of a new layer is a GNU sparse file",
        Source::oci_layer("File Attributes"),
        |case| case.each_image(no_entry_is_sparse),
    )
    .because("readers of tar disagree on sparse files: some unpack the pieces and leave out the holes")
    .looks_like("a new layer's tar holds a file as a map and its pieces")
    .fix("write files whole; compression makes little of zeros"),
    Requirement::new(
        Level::Must,
        "manifest.descriptor-data",
        "data of a descriptor is base64 and decodes to the bytes that the descriptor names",
        Source::oci_descriptor("Properties"),
        |case| case.each_image(embedded_data_is_the_content),
    )
    .because("readers may take the embedded bytes in place of the blob, and would use other content")
    .looks_like("a descriptor's data is not base64, or decodes to bytes of another digest or size")
    .fix("leave data out, or fill it with the base64 of the blob's bytes")
    .when("a descriptor has data")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Must,
        "manifest.descriptor-fields",
        "artifactType of a descriptor is a media type, urls are URIs, a platform names os and architecture",
        Source::oci_descriptor("Properties"),
        |case| case.each_image(optional_fields_are_well_formed),
    )
    .because("readers choose by these fields what to fetch, from where, and how to read it")
    .looks_like("a type without a slash, an url without a scheme, or a list where a text has to be")
    .fix("leave optional fields out, or write them as the descriptor's specification says")
    .when("the run image has not the same descriptor")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Must,
        "report.run-image-true",
        "the report's run image data equal the lifecycle label's",
        Source::rfc_0129("Spec. Changes"),
        |case| case.each_image(the_report_s_run_image_is_the_label_s),
    )
    .because("platforms read the run image from the report instead of the label; both have to say the same")
    .looks_like("image, reference, top-layer or mirrors differ between report.toml and the lifecycle's label")
    .fix("fill both from the same values")
    .when("the report has run image data")
    .needing(Needs::Image),
];

fn declared(image: &Image) -> Option<String> {
    Some(view::json(image.manifest.as_ref())?.get("mediaType")?.as_str()?.to_owned())
}

/// Whether the manifest says that it is Docker's, or is served as such and says nothing.
pub(super) fn is_docker(image: &Image) -> bool {
    let served = image.manifest.as_ref().and_then(|manifest| manifest.content_type.clone());
    let docker = |text: String| text.starts_with("application/vnd.docker.");
    declared(image).is_some_and(docker) || declared(image).is_none() && served.is_some_and(docker)
}

fn the_image_is_no_index(export: &Export, image: &Image) -> Finding {
    holds_when(!view::is_index(image), || {
        let found = view::json(image.manifest.as_ref());
        let named = found.as_ref().and_then(|index| index.get("manifests")?.items()).map_or(0, <[Json]>::len);
        let message = "an index of images is there in place of an image";
        violated(message, "an image's manifest", format!("an index of {named}"), export.at("manifest.json"))
    })
}

fn the_manifest_has_its_schema(export: &Export, image: &Image) -> Finding {
    if is_docker(image) {
        return not_applicable("the manifest is Docker schema 2");
    }
    let Some(json) = view::json(image.manifest.as_ref()).filter(|json| json.members().is_some()) else {
        return violated(
            "the manifest is not a JSON object",
            "an object",
            "something else",
            export.at("manifest.json"),
        );
    };
    let version = json.get("schemaVersion");
    if version.and_then(Json::as_u64) != Some(2) {
        let found = version.map_or_else(|| "nothing".to_owned(), ToString::to_string);
        return violated("schemaVersion is not 2", 2, found, export.at("manifest.json#/schemaVersion"));
    }
    match json.get("mediaType") {
        Some(found) if found.as_str() != Some(OCI) => {
            violated("mediaType is not that of an OCI manifest", OCI, found, export.at("manifest.json#/mediaType"))
        }
        _ => Finding::Holds,
    }
}

fn the_manifest_says_its_media_type(export: &Export, image: &Image) -> Finding {
    if is_docker(image) {
        return not_applicable("the manifest is Docker schema 2");
    }
    holds_when(declared(image).is_some(), || {
        violated("mediaType is not used", OCI, "nothing", export.at("manifest.json"))
    })
}

fn the_descriptors_are_of_the_manifest_s_family(export: &Export, image: &Image) -> Finding {
    if is_docker(image) {
        return not_applicable("the manifest is Docker schema 2");
    }
    let Some(manifest) = view::json(image.manifest.as_ref()) else {
        return not_applicable("the manifest is not JSON");
    };
    // A subject is another image's manifest, of whatever kind that is.
    let own = view::descriptors(&manifest).into_iter().filter(|(pointer, _)| pointer != "/subject");
    let types =
        own.map(|(pointer, one)| (pointer, one.get("mediaType").and_then(Json::as_str).unwrap_or_default().to_owned()));
    let other = types.into_iter().find(|(_, found)| !found.starts_with("application/vnd.oci.image."));
    let Some((pointer, found)) = other else { return Finding::Holds };
    if !view::annotations(image).is_empty() {
        return not_applicable(
            "the manifest has annotations, and annotations.oci-descriptors speaks of its descriptors",
        );
    }
    let place = export.at(&format!("manifest.json#{pointer}/mediaType"));
    let found = if found.is_empty() { "nothing".to_owned() } else { view::cut(&found) };
    violated("a descriptor of an OCI manifest has no OCI media type", "application/vnd.oci.image.…", found, place)
}

fn the_config_has_what_is_required(export: &Export, image: &Image) -> Finding {
    let Some(config) = view::json(image.config.as_ref()).filter(|json| json.members().is_some()) else {
        return violated("the config is not a JSON object", "an object", "something else", export.at("config.json"));
    };
    let place = |name: &str| export.at(&format!("config.json#/{name}"));
    for name in ["os", "architecture"] {
        if config.get(name).and_then(Json::as_str).is_none_or(str::is_empty) {
            return violated(format!("{name} is missing"), "a non-empty string", "nothing", place(name));
        }
    }
    let kind = config.at(&["rootfs", "type"]);
    if kind.and_then(Json::as_str) != Some("layers") {
        let found = kind.map_or_else(|| "nothing".to_owned(), ToString::to_string);
        return violated("rootfs.type is not layers", "layers", found, place("rootfs/type"));
    }
    if config.at(&["rootfs", "diff_ids"]).and_then(Json::items).is_none() {
        return violated("rootfs.diff_ids is not an array", "an array", "nothing", place("rootfs/diff_ids"));
    }
    // An optional property that is null is as absent (`oci-image-config.md`, Properties).
    match config.get("created").filter(|created| **created != Json::Null) {
        Some(created) if !created.as_str().is_some_and(is_rfc_3339) => {
            violated("created is not an RFC 3339 date and time", "a date and time", created, place("created"))
        }
        _ => Finding::Holds,
    }
}

fn labels_are_a_map_of_strings(export: &Export, image: &Image) -> Finding {
    let config = view::json(image.config.as_ref());
    let place = export.at("config.json#/config/Labels");
    match config.as_ref().and_then(|json| json.at(&["config", "Labels"])) {
        None => Finding::Holds,
        Some(labels) => match labels.members() {
            None => violated("Labels is not an object", "an object or nothing", labels.kind(), place),
            Some(members) => match members.iter().find(|(_, value)| value.as_str().is_none()) {
                Some((key, value)) => {
                    violated(format!("the label {key} is not a string"), "a string", value.kind(), place)
                }
                None => Finding::Holds,
            },
        },
    }
}

fn no_label_is_there_twice(export: &Export, image: &Image) -> Finding {
    let doubled = view::json(image.config.as_ref()).map(|json| json.doubled_keys()).unwrap_or_default();
    match doubled.iter().find(|pointer| pointer.starts_with("/config/Labels")) {
        Some(pointer) => {
            violated("a label is there twice", "each label once", pointer, export.at(&format!("config.json#{pointer}")))
        }
        None => Finding::Holds,
    }
}

fn the_report_s_run_image_is_the_label_s(export: &Export, image: &Image) -> Finding {
    let report = super::digest::report(export);
    let Some(facts) = report.as_ref().and_then(|report| report.get("run-image")?.as_table()) else {
        return not_applicable("the report has no run image data");
    };
    let label = view::lifecycle_label(image);
    let run_image = label.as_ref().and_then(|label| label.get("runImage"));
    for (key, name) in [("image", "image"), ("reference", "reference"), ("top-layer", "topLayer")] {
        let expected = run_image.and_then(|label| label.get(name)?.as_str());
        let Some(found) = facts.get(key) else { continue };
        let is_it = found.as_str().zip(expected).is_some_and(|(one, two)| {
            if key == "reference" { ContentId::same_reference(one, two) } else { one == two }
        });
        if !is_it {
            let place = export.at(&format!("report.toml#image.run-image.{key}"));
            let expected = expected.unwrap_or("nothing").to_owned();
            let found = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
            return violated(format!("the report's run-image.{key} is not the label's"), expected, found, place);
        }
    }
    let list = |items: Vec<Option<&str>>| items.into_iter().flatten().map(str::to_owned).collect::<Vec<_>>();
    let in_label = run_image.and_then(|label| label.get("mirrors")?.items()).unwrap_or_default();
    let expected = list(in_label.iter().map(Json::as_str).collect());
    let Some(mirrors) = facts.get("mirrors").and_then(toml::Value::as_array) else { return Finding::Holds };
    let found = list(mirrors.iter().map(toml::Value::as_str).collect());
    holds_when(expected == found, || {
        let place = export.at("report.toml#image.run-image.mirrors");
        violated("the report's mirrors are not the label's", expected.join(", "), found.join(", "), place)
    })
}
