//! Rebasers: the app image on another run image, with all that it had but what was the old run image's. The promise of
//! `base.name` and `base.digest` is kept here or broken.

mod annotations;
mod config;
mod facts;
mod layers;
mod manifest;
mod observed;
pub(super) mod refusals;
mod stored;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) mod trials;

use crate::evidence::Export;
use crate::requirement::{Case, Needs, REGISTRY, Requirement, Source, holds_when, together, violated};
use crate::verdict::{Finding, Level};
use crate::view;
pub use observed::observations;

const OUTPUTS: Source = Source::platform("rebaser, Outputs");
const INPUTS: Source = Source::platform("rebaser, Inputs");
const REBASE: Source = Source::platform("Rebase");
const OWN: Source = Source::own("rebase");

/// A requirement that every rebase must meet.
const fn must(id: &'static str, asks: &'static str, source: Source, judge: fn(&Case<'_>) -> Finding) -> Requirement {
    Requirement::new(Level::Must, id, asks, source, judge).of_rebases()
}

/// A requirement that rebases should meet.
const fn should(id: &'static str, asks: &'static str, source: Source, judge: fn(&Case<'_>) -> Finding) -> Requirement {
    Requirement::new(Level::Should, id, asks, source, judge).of_rebases()
}

const MANIFEST: &str = "the store keeps manifests";

pub(super) const TABLE: &[Requirement] = &[
    must("rebase.exit-zero", "a rebase that nothing speaks against exits 0", OUTPUTS, |case| {
        together(case.good().map(succeeds))
    })
    .because("a rebase that fails leaves an image with the holes of its old run image")
    .looks_like("an exit code other than 0, or a crash, for an image that may be rebased")
    .fix("read what the rebaser said last; repeat.sh in the evidence runs it alone")
    .needing(Needs::Process),
    must(
        "rebase.annotations-kept",
        "every annotation but base.name and base.digest is what it was, byte for byte",
        OUTPUTS,
        annotations::every_other_annotation_stays,
    )
    .because("the rebased image SHALL be identical except for its run image; source, revision and title are still the app's")
    .looks_like("all annotations are gone, or one has another value")
    .fix("take the annotations of the old manifest over into the new one")
    .when("the app image has annotations"),
    must(
        "rebase.base-name",
        "base.name is the name of the new run image",
        REBASE,
        annotations::base_name_follows,
    )
    .because("by this name tools look for a newer base; one that is wrong has them look in the wrong place")
    .looks_like("base.name is gone, or that of the run image of before")
    .fix("set base.name to the run image that the image was rebased on; a daemon that does not know it removes it")
    .when("the app image has base.name"),
    must(
        "rebase.base-digest",
        "base.digest is the digest of the new run image",
        REBASE,
        annotations::base_digest_follows,
    )
    .because("references to the original run image MUST be updated; a stale digest has every tool rebase again and again")
    .looks_like("base.digest is gone, that of the run image of before, or an imageID")
    .fix("set base.digest to the digest under which the new run image was found; a daemon that does not know it removes it")
    .when("the app image has base.digest"),
    must(
        "rebase.base-agrees-with-label",
        "base.digest is the digest in runImage.reference of the label",
        REBASE,
        annotations::base_digest_agrees_with_the_label,
    )
    .because("two names of one run image that differ leave open which of them is true")
    .looks_like("the label has the new run image's digest and the annotation the old one's, or the other way round")
    .fix("write both from the same digest")
    .when("the rebased image has base.digest, and the label a digest"),
    must(
        "rebase.annotations-not-inherited",
        "no annotation of the new run image becomes the app image's",
        OUTPUTS,
        annotations::nothing_of_the_run_image_is_taken_over,
    )
    .because("the run image's title, source and revision are not the app's")
    .looks_like("a value of the new run image's annotations is among the app image's")
    .fix("begin with the app image's manifest and not with that of the run image")
    .when("the new run image has annotations"),
    must(
        "rebase.annotations-added",
        "no annotation is there that the app image did not have",
        OUTPUTS,
        annotations::no_annotation_is_added,
    )
    .because("the rebased image SHALL be identical except for its run image; an image without annotations gets none")
    .looks_like("base.digest, created or another key is there that the app image lacked")
    .fix("move base.name and base.digest where they are, and add nothing")
    .when(MANIFEST),
    must(
        "rebase.media-types-agree",
        "manifest, config and layers have media types of one family",
        OUTPUTS,
        manifest::media_types_agree,
    )
    .because("a Docker manifest around OCI layers is read by no tool: skopeo refuses it")
    .looks_like("application/vnd.docker.distribution.manifest.v2+json with layers of application/vnd.oci.image.layer.v1.tar+gzip")
    .fix("translate the media types of the run image's descriptors into the family of the manifest")
    .when(MANIFEST),
    must(
        "rebase.oci-kept",
        "an OCI image is one after the rebase",
        OUTPUTS,
        manifest::an_oci_image_stays_one,
    )
    .because("Docker's schema 2 has no annotations, so an image that becomes one loses them")
    .looks_like("the manifest's media type is Docker's after the rebase")
    .fix("write the manifest with the media type that the app image had")
    .when("the app image's manifest is OCI's"),
    must(
        "rebase.descriptors-true",
        "digest and size of each descriptor are those of the blob",
        OUTPUTS,
        manifest::descriptors_are_true,
    )
    .because("a descriptor that lies makes an image that cannot be pulled")
    .looks_like("a size or digest of the manifest that no blob has, or a layer that is not there")
    .fix("fill descriptors from the bytes that were stored")
    .when(MANIFEST),
    must(
        "rebase.diff-ids-true",
        "diff_ids of the config are those of the layers, in their order",
        OUTPUTS,
        manifest::diff_ids_are_true,
    )
    .because("engines refuse an image whose layers do not unpack to the diffIDs that the config names")
    .looks_like("a diffID of the old run image is still there, or the order is another one")
    .fix("replace descriptors and diffIDs together"),
    must(
        "rebase.run-layers-replaced",
        "the layers are those of the new run image, and on them the app's",
        OUTPUTS,
        layers::the_app_stands_upon_the_new_run_image,
    )
    .because("this is what a rebase is: the layers up to runImage.topLayer are replaced, all others stay")
    .looks_like("layers of the old run image, a missing layer of the app, or another order")
    .fix("take the new run image's layers, then the layers above runImage.topLayer of the label")
    .when("a layer of the app image is the one that its label calls the run image's last"),
    must(
        "rebase.app-layers-reused",
        "the layers of the app are the same blobs as before",
        Source::platform("Rebase"),
        layers::the_app_s_blobs_are_re_used,
    )
    .because("a rebase requires minimal data transfer; layers that are compressed anew are sent and stored again")
    .looks_like("the app's layers have other digests in the manifest than before")
    .fix("copy the descriptors of the app's layers")
    .when(MANIFEST)
    .on(REGISTRY),
    should(
        "rebase.layers-not-sent",
        "no layer of the app is sent to the registry, which has it",
        Source::platform("Rebase"),
        layers::no_layer_of_the_app_is_sent_again,
    )
    .because("a rebase requires minimal data transfer where app and run image are in one registry")
    .looks_like("uploads of blobs that the repository has")
    .fix("ask for a blob by HEAD, or mount it, before it is sent")
    .on(REGISTRY),
    must(
        "rebase.label-updated",
        "runImage.reference identifies the new run image, and runImage.topLayer is its last diffID",
        OUTPUTS,
        config::the_label_names_the_new_run_image,
    )
    .because("the next rebase finds by topLayer where the run image ends, and platforms by reference what it was")
    .looks_like("topLayer or reference are those of the old run image")
    .fix("write both into io.buildpacks.lifecycle.metadata from the new run image"),
    must(
        "rebase.label-names",
        "runImage.image and mirrors stay, or are the forced run image without mirrors where the label does not list it",
        OUTPUTS,
        config::the_label_s_names_are_right,
    )
    .because("the next rebase without -run-image takes its run image from these names")
    .looks_like("the name of a forced run image is not in the label, or mirrors of another image still are")
    .fix("with -force and a name that is not listed set image to it and omit mirrors; else change neither")
    .when("the app image's label names a run image"),
    must(
        "rebase.label-rest-kept",
        "all else in io.buildpacks.lifecycle.metadata is what it was",
        OUTPUTS,
        config::the_label_s_rest_stays,
    )
    .because("the next build takes its layers from this label")
    .looks_like("app, buildpacks or launcher in the label are missing or have other digests")
    .fix("change runImage in the label and leave the rest as it is")
    .when("the app image has the label"),
    must(
        "rebase.base-labels",
        "labels io.buildpacks.base.* and io.buildpacks.stack.* are those of the new run image",
        OUTPUTS,
        config::labels_of_the_base_follow,
    )
    .because("the target of the image, its distribution and version, is that of its run image")
    .looks_like("a label io.buildpacks.base.distro.version of the old run image")
    .fix("copy these labels from the new run image")
    .when("the new run image has such labels"),
    must(
        "rebase.other-labels-kept",
        "every other label is what it was, and none is added",
        OUTPUTS,
        config::other_labels_stay,
    )
    .because("labels of the build are the app's, whatever it is based on")
    .looks_like("a label is gone, or has the new run image's value")
    .fix("begin with the app image's config, and change the labels that the specification names"),
    must(
        "rebase.rest-identical",
        "every other field of the config is what it was",
        OUTPUTS,
        config::the_rest_of_the_config_stays,
    )
    .because("entrypoint, environment, user and working folder are what the build made them")
    .looks_like("Entrypoint, Env or User of the new run image")
    .fix("begin with the app image's config"),
    must(
        "rebase.target-data",
        "os, architecture and variant are the new run image's",
        OUTPUTS,
        config::target_data_is_the_new_run_image_s,
    )
    .because("an image that is said to be for another machine than its run image does not run")
    .looks_like("architecture of the old run image after a forced rebase")
    .fix("copy os, architecture and variant from the new run image's config"),
    must(
        "rebase.history-true",
        "the history has an entry for each layer",
        OUTPUTS,
        config::the_history_numbers_the_layers,
    )
    .because("tools take a layer and its history together by their number")
    .looks_like("fewer or more entries than layers")
    .fix("replace the entries of the old run image's layers by those of the new one's")
    .when("app image and run image have a history of every layer"),
    should(
        "rebase.created-constant",
        "created of the config is not the time of the rebase",
        OUTPUTS,
        config::created_is_not_the_time_of_the_rebase,
    )
    .because("the lifecycle SHOULD set it to a constant, so that the same rebase gives the same image")
    .looks_like("created is today")
    .fix("leave created as it is, or set it to a constant"),
    should(
        "rebase.same-inputs-same-digest",
        "the same app image on the same run image gives the same image",
        Source::platform("Build Reproducibility"),
        stored::the_same_rebase_is_the_same_image,
    )
    .because("all build and rebase operations SHOULD be reproducible")
    .looks_like("two rebases of one image differ in a time or in an order")
    .fix("leave times out, and write members of objects in one order")
    .when("an image was rebased twice on the same run image"),
    must(
        "rebase.same-run-image",
        "a rebase on the run image that is there changes neither layers nor annotations",
        OUTPUTS,
        stored::a_rebase_upon_the_same_run_image_changes_nothing,
    )
    .because("platforms rebase on a schedule, whether the run image has moved on or not")
    .looks_like("layers twice, or annotations lost, where nothing was to be done")
    .fix("treat it as any other rebase")
    .when("the new run image is the old one"),
    must("rebase.all-tags", "every <image> is the same rebased image", OUTPUTS, stored::every_tag_is_the_rebased_image)
        .because("the lifecycle SHALL write the same app image to each <image> tag")
        .looks_like("one of the tags still names the old image, or nothing")
        .fix("put the manifest under each <image>")
        .needing(Needs::Success),
    must("rebase.report-agrees", "digest, size, image ID and tags of the report are the rebased image's", OUTPUTS, stored::the_report_agrees)
        .because("platforms go by the report")
        .looks_like("no report, or the digest of another image")
        .fix("fill the report from the bytes that were written"),
    must("rebase.previous-untouched", "<previous-image> is not modified unless it is an <image> too", INPUTS, stored::the_previous_image_stays)
        .because("a rebase under another name is meant to keep the old image")
        .looks_like("the previous image's tag names the rebased image")
        .fix("write to the names that are given as <image>, and to no other")
        .when("a previous image was given by a tag that no <image> is"),
    must("rebase.old-digest-there", "the image of before is still there under its digest", OWN, stored::the_old_image_is_there_by_its_digest)
        .because("deployments name images by digest; a rebase makes a new image and takes none away")
        .looks_like("the old manifest is gone from the registry")
        .fix("delete nothing")
        .on(REGISTRY)
        .needing(Needs::Success),
    should("rebase.nothing-else-written", "manifests and blobs are written under the names of <image>, and nothing is deleted", OWN, stored::nothing_else_is_written)
        .because("a registry is shared, and a tag that moves unasked takes another image from its users")
        .looks_like("the run image's tag is written, or a manifest is deleted")
        .fix("put the manifest under each <image>, blobs into their repositories, and nothing anywhere else")
        .on(REGISTRY)
        .needing(Needs::Success),
    should("rebase.tag-moves-last", "tags are written after all that they name", OWN, stored::the_tag_moves_last)
        .because("a rebase that is ended half-way must leave the image of before under its tag")
        .looks_like("a manifest is put under the tag before its blobs, or before the run image's layers were mounted")
        .fix("send or mount blobs first, then put the manifest")
        .on(REGISTRY)
        .needing(Needs::Success),
];

/// Holds where the rebaser succeeded.
fn succeeds(export: &Export) -> Finding {
    if let Some(trouble) = export.troubles.first() {
        return Finding::Error(trouble.clone());
    }
    holds_when(export.outcome.succeeded(), || {
        violated("the rebaser failed", "exit 0", view::ended(export), view::last_words_at(export))
    })
}
