//! The form of annotations, whatever made them (`oci-image-annotations.md`).

mod inherited;
mod keys;
mod media_types;
mod observed;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) mod trials;
mod values;

use crate::evidence::Export;
use crate::requirement::{Demand, Requirement, Source, WITH_MANIFEST};
use crate::verdict::Level;
use inherited::{labels_do_not_stand_in_for_annotations, nothing_is_inherited_from_the_run_image};
pub(super) use inherited::{leaked, of_value};
use keys::{
    annotations_are_a_map_of_strings, descriptors_annotations_follow_the_rules, keys_keep_their_order,
    no_key_is_there_twice, other_keys_are_reverse_domains, ref_name_is_not_on_the_manifest,
    reserved_keys_are_defined_ones,
};
use media_types::{an_annotated_manifest_is_an_oci_manifest, its_descriptors_are_oci};
pub(super) use observed::observations;
pub(super) use values::is_rfc_3339;
use values::{created_is_a_date, licenses_stay_an_spdx_expression, urls_stay_urls};

const RULES: Source = Source::oci_annotations("Rules");
const KEYS: Source = Source::oci_annotations("Pre-Defined Annotation Keys");

pub(super) const TABLE: &[Requirement] = &[
    Requirement::new(
        Level::Must,
        "annotations.string-map",
        "annotations is absent or an object whose values are all strings",
        RULES,
        |case| case.each_image(annotations_are_a_map_of_strings),
    )
    .because(
        "readers decode annotations into a map of strings; another type makes the whole manifest \
unreadable to them",
    )
    .looks_like("annotations is null or an array, or a value is a number, list or table")
    .fix("write a JSON object of strings, or leave the property out")
    .on(WITH_MANIFEST),
    Requirement::new(Level::Must, "annotations.unique-keys", "the manifest's bytes hold no key twice", RULES, |case| {
        case.each_image(no_key_is_there_twice)
    })
    .because("readers disagree on which of two equal keys counts, so one digest would mean two things")
    .looks_like("the manifest's bytes hold a key twice, though a parsed map shows it once")
    .fix("build the map first and serialise it once instead of splicing text")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Must,
        "annotations.reserved-namespace",
        "every org.opencontainers key that no input supplied is one that an OCI specification defines",
        RULES,
        |case| case.each_image(reserved_keys_are_defined_ones),
    )
    .because("the namespace belongs to the OCI, and a key made up there may later get another meaning")
    .looks_like(
        "a key under org.opencontainers that no OCI specification knows, often a misspelling such as \
licence",
    )
    .fix("use a defined key, or one in a domain of your own")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Should,
        "annotations.reverse-domain-keys",
        "other keys that no input supplied are in reverse domain notation",
        RULES,
        |case| case.each_image(other_keys_are_reverse_domains),
    )
    .because("keys without a domain collide with those of other tools")
    .looks_like("a bare word or a name with spaces as key")
    .fix("put a domain that you own, reversed, before the key")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Must,
        "annotations.descriptor-rules",
        "annotations of descriptors are maps of strings without doubled keys",
        Source::oci_descriptor("Properties"),
        |case| case.each_image(descriptors_annotations_follow_the_rules),
    )
    .because("readers of descriptors decode their annotations in the same way as the manifest's")
    .looks_like("a descriptor's annotations is not an object, holds a value that is not a string, or a key twice")
    .fix("treat annotations of descriptors as those of the manifest")
    .when("a descriptor has annotations")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Must,
        "annotations.oci-manifest",
        "a manifest with annotations is an OCI manifest, by Content-Type and mediaType",
        Source::oci_manifest("Image Manifest Property Descriptions"),
        |case| case.each(an_annotated_manifest_is_an_oci_manifest),
    )
    .because("Docker's schema 2 has no annotations, so readers that go by the media type drop them")
    .looks_like("annotations on a manifest that is served or declared as Docker schema 2")
    .fix("write an OCI manifest whenever there is something to annotate")
    .when("the manifest has annotations")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Should,
        "annotations.oci-descriptors",
        "config and layers of an annotated manifest have OCI media types",
        Source::oci_manifest("Image Manifest Property Descriptions"),
        |case| case.each_image(its_descriptors_are_oci),
    )
    .because(
        "a manifest of one family with blobs of the other is refused or converted by some tools, which \
changes its digest",
    )
    .looks_like("an OCI manifest whose config or layers have Docker media types")
    .fix("convert the media types of descriptors together with the manifest's; the blobs stay as they are")
    .when("the manifest has annotations")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Should,
        "annotations.ref-name-only-in-index",
        "ref.name is not on the manifest",
        KEYS,
        |case| case.each_image(ref_name_is_not_on_the_manifest),
    )
    .because("the key names an entry of an index; on a manifest it says something about what points at it")
    .looks_like("org.opencontainers.image.ref.name among the manifest's annotations")
    .fix("write it on the descriptor in index.json alone")
    .on(WITH_MANIFEST),
    Requirement::new(Level::Must, "annotations.created-rfc3339", "created parses as RFC 3339", KEYS, |case| {
        case.each_image(created_is_a_date)
    })
    .because("the key is defined as a date and time of RFC 3339, and tools parse it as one")
    .looks_like("a date without time, a local format, or seconds since 1970")
    .fix("format it as 2006-01-02T15:04:05Z")
    .when("the annotation created is there")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Must,
        "annotations.licenses-spdx",
        "licenses is an SPDX expression where its input is one",
        KEYS,
        |case| case.each_image(licenses_stay_an_spdx_expression),
    )
    .because("the key is defined as an SPDX expression, and scanners parse it as one")
    .looks_like("a valid expression went in, and what came out does not parse")
    .fix("copy the input unchanged instead of joining or rewriting it")
    .when("the annotation licenses is there and its input parses as an SPDX expression")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Should,
        "annotations.url-values",
        "documentation and source are absolute URLs whenever their input is",
        KEYS,
        |case| case.each_image(urls_stay_urls),
    )
    .because("both keys are links that people and tools follow")
    .looks_like("an absolute URL went in, and what came out lacks scheme or host")
    .fix("copy the input unchanged")
    .when("documentation or source is there and its input is an absolute URL")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Should,
        "annotations.not-inherited",
        "no value of the run image's annotations or labels is the value of one of the nine keys",
        Source::rfc_196("How it Works"),
        |case| case.each_image(nothing_is_inherited_from_the_run_image),
    )
    .demanded_by(Demand::Rfc196)
    .because(
        "the run image's title or version is not the app's; copied along, it says something untrue about \
the app",
    )
    .looks_like("a value that only the run image carries is the value of one of the nine keys on the app image")
    .fix("start from an empty set of annotations instead of editing the run image's manifest")
    .when("the run image carries annotations or labels")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Should,
        "annotations.stable-order",
        "keys are serialised in the same order from run to run",
        Source::own("annotations"),
        keys_keep_their_order,
    )
    .because("a map that is written in random order changes the digest although nothing changed")
    .looks_like("two exports of one build list the same annotations in different order")
    .fix("sort the keys before they are written")
    .when("the same build was exported more than once, with annotations")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Should,
        "annotations.no-label-substitute",
        "the label of an RFC key is absent, equal to the annotation, inherited, or a buildpack's",
        Source::rfc_196_review("labels are not annotations"),
        |case| case.each_image(labels_do_not_stand_in_for_annotations),
    )
    .because(
        "a label is part of the config and changes the imageID; as a stand-in it brings back what \
annotations avoid",
    )
    .looks_like(
        "a label with one of the nine keys that neither the run image nor a buildpack gave, and that the \
manifest does not confirm",
    )
    .fix("write annotations on the manifest, and labels where a buildpack asks for them"),
];

fn at(export: &Export, key: &str) -> String {
    export.at(&format!("manifest.json#/annotations/{}", key.replace('~', "~0").replace('/', "~1")))
}
