//! Immutability: digests that are true, reports that agree with what is served, and the same inputs giving the same.

mod descriptors;
mod repeats;
mod reported;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) mod trials;

use super::annotating::{Annotating, is_run_image_s};

use crate::evidence::{End, Export, Image, Target};

use crate::requirement::{
    Case, Needs, REGISTRY, Requirement, Source, UNSEEN, WITH_MANIFEST, holds_when, not_applicable, violated,
};
use crate::verdict::{Finding, Level};
use crate::view;
use descriptors::{descriptors_are_true, layers_are_those_of_the_config, the_history_numbers_the_layers};
use repeats::{
    created, created_is_given_or_constant, entries_have_one_time, other_annotations_are_another_manifest,
    other_project_metadata_keeps_the_layers, repeats_agree, surroundings_change_nothing,
};

pub(super) use repeats::a_repeat_differs;
pub(super) use reported::{
    of_the_report, report, the_report_has_the_digest_served, the_report_has_the_manifest_s_size,
    the_report_lists_every_tag,
};

const REPORT: Source = Source::platform("report.toml");
const REPRODUCIBLE: Source = Source::platform("Build Reproducibility");
const OUTPUTS: Source = Source::platform("exporter, Outputs");
const ADDRESSING: Source = Source::oci_descriptor("Digests");

pub(super) const TABLE: &[Requirement] = &[
    Requirement::new(
        Level::Must,
        "digest.report-agrees",
        "report.toml has the digest of the bytes served",
        REPORT,
        |case| case.each_image(|e, image| of_the_report(e, the_report_has_the_digest_served(e, image))),
    )
    .because("platforms take the digest from the report to sign, deploy or scan the image")
    .looks_like(
        "report.toml has another digest than the tag serves, often one from before the last change of the manifest",
    )
    .fix("take the digest from the bytes that were sent")
    .on(REGISTRY),
    Requirement::new(
        Level::Must,
        "digest.report-manifest-size",
        "report.toml has the manifest's length in bytes",
        REPORT,
        |case| case.each_image(|e, image| of_the_report(e, the_report_has_the_manifest_s_size(e, image))),
    )
    .because("together with the digest the size makes a descriptor, which is refused when one of them is wrong")
    .looks_like("image.manifest-size is missing or not the length of the bytes served")
    .fix("count the bytes that were sent")
    .on(REGISTRY),
    Requirement::new(Level::Must, "digest.report-tags", "report.toml lists every tag and no other", REPORT, |case| {
        case.each(|export| of_the_report(export, the_report_lists_every_tag(export)))
    })
    .because("platforms learn from the report what was written")
    .looks_like("a tag is missing in image.tags, or one is there that was not asked for")
    .fix("list every <image> that was written")
    // RFC 0119 refers to an image in a layout by its path, and nothing says which of the two its `tags` are.
    .on(&[Target::Registry, Target::Daemon])
    .needing(Needs::Success),
    Requirement::new(
        Level::Must,
        "digest.descriptors-true",
        "each descriptor's size, digest and packing are those of the blob served",
        ADDRESSING,
        |case| case.each_image(descriptors_are_true),
    )
    .because("everything below a manifest is found by these digests and sizes")
    .looks_like(
        "a descriptor's digest or size is not that of the blob under it, or its media type names another packing",
    )
    .fix("compute both from the bytes that are sent, and name the packing that they have")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Must,
        "digest.diff-ids-true",
        "layer i decompresses to bytes whose sha256 is diff_ids[i], and there are as many of both",
        Source::oci_config("Properties, rootfs"),
        |case| case.each_image(layers_are_those_of_the_config),
    )
    .because("runtimes check every layer against its diffID and refuse the image otherwise")
    .looks_like("a layer decompresses to other bytes than diff_ids says, or counts differ")
    .fix("hash each tar before it is compressed, and keep layers and diffIDs in one list"),
    Requirement::new(
        Level::Should,
        "digest.history-true",
        "a history's non-empty entries number the layers",
        Source::oci_config("Properties, history"),
        |case| case.each_image(the_history_numbers_the_layers),
    )
    .because("tools match history and layers by counting; a wrong count shows each layer under another's line")
    .looks_like("the entries without empty_layer are more or fewer than the layers")
    .fix("append one entry for each layer added")
    .when("there is a history, and the run image's own numbers its layers"),
    Requirement::new(
        Level::Must,
        "digest.all-tags-same",
        "every image reference serves the same digest",
        OUTPUTS,
        |case| case.each(every_tag_is_the_same_image),
    )
    .because("all references of one export are the same app image")
    .looks_like("one <image> serves another digest, or nothing")
    .fix("make the manifest once and put it under every tag")
    .on(REGISTRY)
    .needing(Needs::Success),
    Requirement::new(
        Level::Should,
        "digest.same-inputs-same-digest",
        "two exports of identical inputs at the same paths have one manifest digest",
        REPRODUCIBLE,
        |case| repeats_agree(case, "manifest digest", |export| export.manifest_digest().map(ToString::to_string)),
    )
    .because("a digest that changes with nothing cannot be compared or cached")
    .looks_like("two exports of one build have different manifest digests")
    .fix("look for times, random order and temporary paths in manifest and config")
    .when("the same build was exported more than once")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Should,
        "digest.same-inputs-same-image-id",
        "two exports of identical inputs at the same paths have one imageID",
        REPRODUCIBLE,
        |case| repeats_agree(case, "imageID", |export| export.image_id().map(ToString::to_string)),
    )
    .because(
        "the imageID covers the config and, by the diffIDs, all content; it has to be the same when they \
are",
    )
    .looks_like("two exports of one build have different configs")
    .fix("look for times, random order and temporary paths in config and layers")
    .when("the same build was exported more than once"),
    Requirement::new(
        Level::Should,
        "digest.environment-independent",
        "other surroundings of the exporter's process and of its input files give the same image",
        REPRODUCIBLE,
        surroundings_change_nothing,
    )
    .because("a build that depends on the machine around it cannot be reproduced elsewhere")
    .looks_like("another time zone, umask, locale, folder, host name or file order gives another digest")
    .fix("set modes, times, owners and order explicitly when layers are written, and print times in UTC")
    .when("the same build was exported in other surroundings, and a repeat in the same ones does not differ already"),
    Requirement::new(
        Level::Should,
        "digest.source-date-epoch",
        "created is SOURCE_DATE_EPOCH, or a constant without it",
        OUTPUTS,
        |case| case.each_image(|export, image| created_is_given_or_constant(case, export, image)),
    )
    .because("the variable lets a platform say when, and without it a constant keeps images comparable")
    .looks_like("created is the time of the export, or ignores SOURCE_DATE_EPOCH")
    .fix("use SOURCE_DATE_EPOCH where it is set, else one constant"),
    Requirement::new(
        Level::Should,
        "digest.mtimes-constant",
        "all entries of new layers have one modification time",
        OUTPUTS,
        |case| case.each_image(entries_have_one_time),
    )
    .because("times of files differ from checkout to checkout, and would make every layer a new one")
    .looks_like("entries of new layers have different modification times")
    .fix("set one constant time on every entry"),
    Requirement::new(
        Level::Must,
        "digest.annotations-change-manifest",
        "other annotations give another manifest digest",
        ADDRESSING,
        other_annotations_are_another_manifest,
    )
    .because("annotations are part of the manifest's bytes, so other annotations are another digest")
    .looks_like("two manifests with different annotations are named by one digest")
    .fix("compute the digest after the annotations are set")
    .when("two exports of one build differ in their annotations")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Should,
        "digest.annotations-keep-layers",
        "other project metadata gives the same layer digests and diffIDs",
        REPRODUCIBLE,
        other_project_metadata_keeps_the_layers,
    )
    .because("what is said about an image is not a part of its content, and layers have to stay shareable")
    .looks_like("another project-metadata.toml gives other layers")
    .fix("keep project metadata in manifest and label, out of every layer")
    .when("two exports differ in nothing but project-metadata.toml, and a repeat does not differ already"),
    Requirement::new(
        Level::Must,
        "digest.old-digest-untouched",
        "the exporter deletes nothing and puts nothing else under an existing digest",
        ADDRESSING,
        |case| case.each(|export| nothing_old_is_touched(case, export)),
    )
    .because("deployments by digest rely on it; an export moves tags and destroys nothing")
    .looks_like("a DELETE, or a PUT of other bytes under a digest that was there already")
    .fix("write new manifests and move tags, nothing else")
    .when("a recorder stood between exporter and registry, and the build was accepted")
    .on(REGISTRY)
    .needing(Needs::Process),
];

pub(super) fn every_tag_is_the_same_image(export: &Export) -> Finding {
    let first = export.tags.first().and_then(|tag| tag.digest.clone());
    if let Some(image) = export.inputs.images.iter().find(|image| export.tags.iter().all(|t| t.reference != **image)) {
        return violated(format!("{image} is not there"), "a manifest", "nothing", export.at("tags.json"));
    }
    for tag in &export.tags {
        if tag.digest.is_none() {
            let (what, found) = match tag.status {
                200 => ("too large to be read", "a document of more than 16 MiB".to_owned()),
                status => ("not there", format!("status {status}")),
            };
            return violated(format!("{} is {what}", tag.reference), "a manifest", found, export.at("tags.json"));
        }
        if tag.digest != first {
            let (expected, found) = (first.unwrap_or_default(), tag.digest.clone().unwrap_or_default());
            return violated(
                format!("{} is another image than the first tag", tag.reference),
                expected,
                found,
                export.at("tags.json"),
            );
        }
    }
    holds_when(!export.tags.is_empty(), || {
        violated("no tag was written", "one at least", "none", export.at("tags.json"))
    })
}

fn nothing_old_is_touched(case: &Case<'_>, export: &Export) -> Finding {
    if matches!(export.outcome.end, End::TimedOut(_)) {
        return not_applicable("the exporter was ended");
    }
    let Some(wire) = &export.wire else {
        return Finding::Skipped(UNSEEN.to_owned());
    };
    let place = |sequence: u64| export.at(&format!("export.json#/wire/{sequence}"));
    for record in wire {
        let path = record.path();
        if record.method == "DELETE" && !path.contains("/blobs/uploads/") {
            return violated("the exporter deletes", "no DELETE", &record.target, place(record.sequence));
        }
        let by_digest = path.rsplit_once("/manifests/").is_some_and(|(_, reference)| reference.contains(':'));
        let existed = export.tags_before.values().flatten().find(|digest| path.ends_with(digest.as_str()));
        let Some(digest) = existed.filter(|_| record.method == "PUT" && by_digest) else { continue };
        if let Some(became) = what_became_of(export, digest, record.status) {
            let message = "the exporter puts other bytes under a digest that existed";
            return violated(message, digest, format!("{became} ({})", record.target), place(record.sequence));
        }
    }
    // An exporter that refuses everything touches nothing: that says something only of one that accepts this build.
    if !export.outcome.succeeded() && !case.good().any(|other| other.outcome.succeeded()) {
        let reason = "the export failed, and no other of this scenario was accepted";
        return Finding::skipped_after(reason, &["platform.exit-zero"]);
    }
    Finding::Holds
}

/// What a PUT under a digest that existed made of it: nothing where the bytes were the same, which it names.
fn what_became_of(export: &Export, digest: &str, status: u16) -> Option<String> {
    // A registry refuses bytes that do not hash to the digest.
    if status == 400 {
        return Some("bytes that the registry refused".to_owned());
    }
    let after = export.previous_after.as_ref().filter(|after| after.asked == digest)?;
    match &after.document {
        Some(document) if document.digest.as_str() == digest => None,
        Some(document) => Some(document.digest.to_string()),
        None => Some("nothing is there any more".to_owned()),
    }
}

/// Where an annotation `created` comes from; what a buildpack contributed is not the exporter's choice.
fn annotated_created(export: &Export, image: &Image) -> &'static str {
    const KEY: &str = "org.opencontainers.image.created";
    let found = view::annotation(image, KEY).filter(|text| !is_run_image_s(export, text));
    let is_contributed =
        |text: &String| super::contributed_annotations(export).iter().any(|(key, value)| key == KEY && value == text);
    match found {
        None => "none",
        Some(text) if is_contributed(&text) => "a buildpack's",
        Some(text) if created(image).as_ref() == Some(&text) => "the config's",
        Some(_) => "another time than the config's",
    }
}

pub(super) fn observations(case: &Case<'_>, annotating: &Annotating, see: &mut dyn FnMut(&Export, &str, String, &str)) {
    for export in case.good() {
        let Some(image) = &export.image else { continue };
        if let Some(time) = created(image) {
            let answer =
                if export.inputs.source_date_epoch.is_some() { "SOURCE_DATE_EPOCH".to_owned() } else { time.clone() };
            see(export, "created-of-the-config", answer, "config.json#/created");
        }
        if annotating.answers() && image.manifest.is_some() {
            let answer = annotated_created(export, image);
            see(export, "created-as-annotation", answer.to_owned(), "manifest.json#/annotations");
        }
        if let (Target::Registry, Some(old)) = (export.target, &export.previous_after) {
            let answer = if old.document.is_some() { "still served" } else { "gone" };
            see(export, "the-previous-digest", answer.to_owned(), "export.json#/previous_after");
        }
    }
}
