//! Sentences of the specifications that no other theme judges, found by walking them one by one (`docs/coverage.md`).

mod config;
mod descriptors;
mod index;
mod labels;
mod push;
#[cfg(test)]
pub(super) mod trials;

pub(super) use index::not_platform;

use crate::requirement::{LAYOUT, Needs, REGISTRY, Requirement, Source, WITH_MANIFEST};
use crate::verdict::Level;

pub(super) const TABLE: &[Requirement] = &[
    Requirement::new(
        Level::Must,
        "config.field-types",
        "every field of the config and of its history has the type that the specification gives it, or is null",
        Source::oci_config("Properties"),
        |case| case.each_image(config::fields_have_their_types),
    )
    .because("runtimes decode a config into these types; one field of another makes the image unreadable")
    .looks_like("Env is an object, ExposedPorts a list, empty_layer a word, or a time of the history no RFC 3339 time")
    .fix("write each field in the type that the specification gives it, or leave it out"),
    Requirement::new(
        Level::Should,
        "config.times-upper-case",
        "T and Z in created of the config and of its history are in upper case",
        Source::oci_config("Properties"),
        |case| case.each_image(config::times_are_in_upper_case),
    )
    .because("RFC 3339 (section 5.6) has generators use upper case; Go's decoder, which most engines read configs with, takes no other")
    .looks_like("created is 1980-01-01t00:00:01z, and the engine says that it cannot parse the time")
    .fix("write T between date and time, and Z or an offset after it"),
    Requirement::new(
        Level::Must,
        "manifest.artifact-type",
        "artifactType of the manifest is a media type",
        Source::oci_manifest("Image Manifest Property Descriptions"),
        |case| case.each_image(descriptors::the_artifact_type_is_a_media_type),
    )
    .because("registries list an image's artifactType to those who ask what there is")
    .looks_like("artifactType is a bare word, or no string")
    .fix("leave artifactType out: an app image is told by its config's media type")
    .when("the manifest has artifactType")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Should,
        "manifest.descriptor-urls",
        "entries of urls that are URIs have the scheme http or https",
        Source::oci_descriptor("Properties"),
        |case| case.each_image(descriptors::urls_are_of_the_web),
    )
    .because("readers fetch from urls, and these are the schemes that all of them know")
    .looks_like("an entry of urls begins with ftp, file or s3")
    .fix("name a place that http or https reaches, or leave urls out")
    .when("a descriptor has urls")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Should,
        "layer.distributable",
        "no new layer has the media type of a layer that is not to be distributed",
        Source::oci_layer("Non-Distributable Layers"),
        |case| case.each_image(descriptors::new_layers_are_distributable),
    )
    .because("tools leave such layers out when they copy an image, and the app is lost")
    .looks_like("a layer of the build has a media type with nondistributable or foreign in it")
    .fix("give layers of the build the media types of plain layers")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Must,
        "labels.process-exec-env",
        "a process in the label of the build names the execution environments that the build's does, and no other",
        Source::platform("io.buildpacks.build.metadata"),
        |case| case.each_image(labels::execution_environments_are_the_builds),
    )
    .because("in the label nothing means every environment, so that leaving them out says something else")
    .looks_like("exec-env is missing for a process that is meant for tests alone, or names another environment")
    .fix("write exec-env of each process as metadata.toml has it")
    .when("a process has exec-env, in metadata.toml or in the label"),
    Requirement::new(
        Level::Must,
        "layout.index-fields",
        "mediaType, artifactType and annotations of index.json have their form, and a platform in it is the config's",
        Source::oci_index("Image Index Property Descriptions"),
        |case| case.each(index::optional_fields_have_their_form),
    )
    .comparing_with_registry()
    .because("readers choose an image of an index by these fields")
    .looks_like("mediaType is a manifest's, platform has another os than the config, an annotation is a number")
    .fix("write the index's own media type, and platform from the config")
    .on(LAYOUT),
    Requirement::new(
        Level::Should,
        "layout.index-media-type",
        "index.json has mediaType",
        Source::oci_index("Image Index Property Descriptions"),
        |case| case.each(index::it_says_its_media_type),
    )
    .comparing_with_registry()
    .because("without it an index can be taken for another kind of document")
    .looks_like("index.json has no mediaType")
    .fix("write mediaType into index.json")
    .on(LAYOUT),
    Requirement::new(
        Level::Should,
        "layout.platform-present",
        "index.json says the platform of the app image",
        Source::oci_descriptor("Properties"),
        |case| case.each(index::platforms_are_there),
    )
    .comparing_with_registry()
    .because("an app image is for one platform, and tools choose by the index, before they read a config")
    .looks_like("the entry of index.json has no platform")
    .fix("write platform with os, architecture and, where the config has one, variant")
    .on(LAYOUT),
    Requirement::new(
        Level::Should,
        "layout.ref-name",
        "index.json gives the app image the annotation ref.name",
        Source::rfc_0119("Unresolved Questions"),
        |case| case.each(index::the_image_has_a_name),
    )
    .comparing_with_registry()
    .because("umoci and skopeo find an image of a layout by this annotation")
    .looks_like("no entry of index.json has org.opencontainers.image.ref.name")
    .fix("write the tag as ref.name on the entry of index.json")
    .on(LAYOUT),
    Requirement::new(
        Level::Should,
        "layout.ref-name-form",
        "ref.name in index.json follows the grammar of references",
        Source::oci_annotations("Pre-Defined Annotation Keys"),
        |case| case.each(index::names_follow_the_grammar),
    )
    .comparing_with_registry()
    .because("tools refuse names that are outside of it")
    .looks_like("ref.name has blanks, begins with a separator, or doubles one")
    .fix("write the tag alone as ref.name")
    .when("an entry of index.json has ref.name")
    .on(LAYOUT),
    Requirement::new(
        Level::Should,
        "registry.plain-content-type",
        "a manifest is sent with a Content-Type, and that has no parameters",
        Source::oci_distribution("Pushing Manifests"),
        |case| case.each(push::content_types_are_plain),
    )
    .because("registries compare the header with the manifest's mediaType, and some know no parameters")
    .looks_like("Content-Type is missing, or ends with ; charset=utf-8")
    .fix("send the manifest's media type and nothing else")
    .when("a recorder stood between exporter and registry")
    .on(REGISTRY)
    .needing(Needs::Success),
];
