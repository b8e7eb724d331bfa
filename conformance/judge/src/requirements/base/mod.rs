//! The run image: what `base.name` and `base.digest` say, and whether it is true.

mod digest;
mod name;
mod observed;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) mod trials;

use super::annotations::{leaked, of_value};
use crate::digest::Digest;
use crate::evidence::{Export, Target};
use crate::json::Json;
use crate::reference::Reference;
use crate::requirement::{
    Case, Demand, EVERYWHERE, Requirement, Source, WITH_MANIFEST, absent, holds_when, not_applicable, toml_input,
    violated,
};
use crate::verdict::{Finding, Level};
use crate::view::{self, PREFIX};
use digest::{
    base_digest_is_the_analysed_run_image, right_digests, the_base_s_layers_come_first, the_digest_is_no_image_id,
    the_digest_resolves, the_digest_stays_after_the_tag_moved,
};
use name::{
    matched_name, the_name_comes_with_its_digest, the_name_is_a_tag, the_name_is_the_run_image_s,
    the_name_spells_out_its_registry,
};
pub(super) use observed::observations;

const HOW: Source = Source::rfc_196("How it Works");
const REVIEW: Source = Source::rfc_196_review("review of base.name and base.digest");
const KEYS: Source = Source::oci_annotations("Pre-Defined Annotation Keys");
const THERE: &str = "base.digest is there, the run image is not extended, and the exporter writes an OCI manifest";
const NAMED: &str = "base.name is there, the run image is not extended, and the exporter writes an OCI manifest";

const fn row(
    level: Level,
    id: &'static str,
    asks: &'static str,
    source: Source,
    judge: fn(&Case<'_>) -> Finding,
) -> Requirement {
    Requirement::new(level, id, asks, source, judge).on(WITH_MANIFEST)
}

pub(super) const TABLE: &[Requirement] = &[
    row(Level::Optional, "base.digest-present", "base.digest is there", HOW, |case| case.each(the_digest_is_there))
        .demanded_by(Demand::Rfc196Annotation)
        .because("with it, tools tell whether an image has to be rebased without downloading it")
        .looks_like(
            "the manifest lacks org.opencontainers.image.base.digest although run-image.reference has a \
digest",
        )
        .fix("copy the digest of run-image.reference in analyzed.toml to the annotation")
        .when("the run image has a known digest and is not extended"),
    row(Level::Must, "base.digest-is-run-image", "base.digest is the digest in run-image.reference", HOW, |case| {
        case.each(|export| with_digest(export, base_digest_is_the_analysed_run_image))
    })
    .because("any other digest points at an image on which this one is not based")
    .looks_like("the value is the digest of another image, of a config, or is not spelled exactly")
    .fix("take it from run-image.reference, byte for byte")
    .when(THERE),
    row(
        Level::Must,
        "base.digest-resolves",
        "base.digest is a valid digest under which the run image's repository serves bytes that hash to it",
        Source::oci_descriptor("Digests"),
        |case| case.each(|export| with_digest(export, the_digest_resolves)),
    )
    .because("a digest under which nothing is served can be neither compared nor rebased from")
    .looks_like("the value is not a digest, or the run image's repository answers 404 or with other bytes")
    .fix("take the digest of the manifest or index in the repository, not one computed after a conversion")
    .when(THERE),
    row(
        Level::Must,
        "base.digest-not-image-id",
        "base.digest is never an imageID, nor a daemon's ID that is not a digest in a repository",
        REVIEW,
        |case| case.each(|export| with_digest(export, the_digest_is_no_image_id)),
    )
    .because("an imageID names a config; no registry serves a manifest under it")
    .looks_like(
        "the value is the digest of the run image's or the app image's config, or what only one daemon calls it",
    )
    .fix("use the manifest's digest; in a daemon, where there is none, leave the annotation out")
    .when(THERE)
    .on(EVERYWHERE),
    row(
        Level::Must,
        "base.digest-pinned",
        "base.digest stays the analysed digest after the run image's tag has moved",
        REVIEW,
        |case| case.each(|export| with_digest(export, the_digest_stays_after_the_tag_moved)),
    )
    .because("the build is based on what was analysed; a tag may have moved since")
    .looks_like("after the tag was moved, the value is what the tag names now")
    .fix("never look the digest up by tag during export")
    .when("base.digest is there and the run image's tag moved between analysis and export"),
    row(Level::Optional, "base.name-present", "base.name is there", HOW, |case| case.each(the_name_is_there))
        .demanded_by(Demand::Rfc196Annotation)
        .because("the name says from where a newer base is to be taken")
        .looks_like("the manifest lacks org.opencontainers.image.base.name although the run image has a name")
        .fix("write run-image.image of analyzed.toml, fully qualified")
        .when("the run image has a known digest and is not extended"),
    row(
        Level::Must,
        "base.name-is-run-image-name",
        "base.name names run-image.image of analyzed.toml, the label's runImage.image, or a mirror of it",
        REVIEW,
        |case| case.each(|export| with_name(export, the_name_is_the_run_image_s)),
    )
    .because("a tool that rebases follows the name; a wrong one leads to another image")
    .looks_like("the value names another repository or tag than the run image's names and mirrors")
    .fix("take it from run-image.image, not from reference")
    .when(NAMED),
    row(
        Level::Should,
        "base.name-fully-qualified",
        "base.name is a reference that spells out the registry",
        KEYS,
        |case| case.each(|export| with_name(export, the_name_spells_out_its_registry)),
    )
    .because("the key is defined as a full reference; a short one depends on who reads it")
    .looks_like("a name such as run:base, without registry")
    .fix("add registry, library/ and tag where they are left out")
    .when(NAMED),
    row(Level::Should, "base.name-is-tag", "base.name is a tag reference", HOW, |case| {
        case.each(|export| with_name(export, the_name_is_a_tag))
    })
    .because("a tag can move on to a newer base, which is what the name is for; a digest cannot")
    .looks_like("the value ends in @sha256 and a digest, although the run image was named by tag")
    .fix("write the tag in base.name and the digest in base.digest")
    .when("base.name is there and the run image was not named by digest"),
    row(
        Level::Must,
        "base.agrees-with-label",
        "base.name and base.digest agree with runImage of the lifecycle's label",
        HOW,
        |case| case.each(name_and_digest_agree_with_the_label),
    )
    .because("the rebaser reads the label and others read the annotation; both speak of one image")
    .looks_like("name or digest differ from runImage in io.buildpacks.lifecycle.metadata")
    .fix("fill both from the same value")
    .when("base.name or base.digest is there, and so is runImage in the label"),
    row(
        Level::Must,
        "base.shares-layers",
        "the app image's first layers are those of the image under base.digest",
        Source::platform("exporter, Outputs"),
        |case| case.each(|export| with_digest(export, the_base_s_layers_come_first)),
    )
    .because(
        "an image is based on another when it begins with the other's layers; otherwise the annotation is \
untrue",
    )
    .looks_like("the first diffIDs of the app image are not those of the image under base.digest")
    .fix("append to the layers of the run image that was analysed, in their order")
    .when(THERE),
    row(
        Level::Must,
        "base.extended-is-an-input",
        "where extensions extended the run image, base.* names the run image that was analysed, or what they made of it",
        KEYS,
        |case| case.each(what_is_named_of_an_extended_run_image_is_an_input),
    )
    .because("which of the two the RFC means is open; anything else is not the image that this one is based on")
    .looks_like("base.digest or base.name is of an image that no input names")
    .fix("take digest and name from run-image of analyzed.toml, or leave base.* out")
    .when("the run image is extended, and base.name or base.digest is there"),
    row(Level::Should, "base.pair", "where base.name is there, base.digest is", KEYS, |case| {
        case.each(|export| with_name(export, the_name_comes_with_its_digest))
    })
    .because("a name without digest says what to look for, and not what was used")
    .looks_like("base.name is there and base.digest is not")
    .fix("write both or neither")
    .when(NAMED),
];

fn at(export: &Export, name: &str) -> String {
    export.at(&format!("manifest.json#/annotations/{PREFIX}{name}"))
}

fn annotation(export: &Export, name: &str) -> Option<String> {
    view::annotation(export.image.as_ref()?, &format!("{PREFIX}{name}"))
}

/// Why nothing of this theme is judged, where it is not.
fn out_of_scope(export: &Export) -> Option<Finding> {
    if export.run_image.extension.is_some() {
        return Some(not_applicable("the run image was extended"));
    }
    let media_type = |bytes: Option<&crate::evidence::Document>| {
        view::json(bytes).and_then(|json| json.get("mediaType")?.as_str().map(str::to_owned)).unwrap_or_default()
    };
    let is_docker = |text: &str| text.starts_with("application/vnd.docker.");
    let image = export.image.as_ref()?;
    let exported = media_type(image.manifest.as_ref());
    if is_docker(&media_type(Some(&export.run_image.manifest))) && (exported.is_empty() || is_docker(&exported)) {
        return Some(not_applicable("the run image is Docker schema 2, and so is the app image"));
    }
    None
}

/// Why a key is not judged where its value is not the exporter's own: whether a buildpack may give it is open.
pub(super) fn is_a_buildpack_s(export: &Export, name: &str) -> Option<Finding> {
    let found = annotation(export, name)?;
    let key = format!("{PREFIX}{name}");
    let given = super::contributed_annotations(export).into_iter().any(|(known, value)| known == key && value == found);
    given.then(|| not_applicable(format!("a buildpack contributes {name}, and its value is the one there")))
}

/// Asks a judge of the digest; in a layout the reference must carry one (RFC 0119).
fn with_digest(export: &Export, judge: fn(&Export, &str) -> Finding) -> Finding {
    if let Some(reason) = out_of_scope(export).or_else(|| is_a_buildpack_s(export, "base.digest")) {
        return reason;
    }
    if export.target == Target::Layout && view::pinned(export).is_none() {
        return not_applicable("run-image.reference carries no digest");
    }
    match annotation(export, "base.digest") {
        Some(found) => of_value(judge(export, &found), export, "base.digest"),
        None => not_applicable("there is no base.digest"),
    }
}

fn with_name(export: &Export, judge: fn(&Export, &str) -> Finding) -> Finding {
    if let Some(reason) = out_of_scope(export).or_else(|| is_a_buildpack_s(export, "base.name")) {
        return reason;
    }
    match annotation(export, "base.name") {
        Some(found) => of_value(judge(export, &found), export, "base.name"),
        None => not_applicable("there is no base.name"),
    }
}

/// "Present" means with a value that is not one of the run image's own.
fn is_there(export: &Export, name: &str, expected: &str) -> Finding {
    match annotation(export, name) {
        None => absent(format!("there is no {name}"), expected, at(export, name)),
        Some(found) if view::is_leaked(export, name) => leaked(name, expected, &found, at(export, name)),
        Some(_) => Finding::Holds,
    }
}

fn the_digest_is_there(export: &Export) -> Finding {
    if let Some(reason) = out_of_scope(export).or_else(|| is_a_buildpack_s(export, "base.digest")) {
        return reason;
    }
    let Some(pinned) = view::pinned(export) else {
        return not_applicable("run-image.reference carries no digest");
    };
    is_there(export, "base.digest", pinned.as_str())
}

fn the_name_is_there(export: &Export) -> Finding {
    if let Some(reason) = out_of_scope(export).or_else(|| is_a_buildpack_s(export, "base.name")) {
        return reason;
    }
    if view::pinned(export).is_none() || export.run_image.name.is_empty() {
        return not_applicable("the run image has no known digest or no name");
    }
    // The key's value is a reference (`oci-image-annotations.md`): a name that is none gives it no value.
    if let Err(error) = Reference::parse(&export.run_image.name) {
        return not_applicable(format!("the run image's name is not a reference: {}", error.reason));
    }
    is_there(export, "base.name", &export.run_image.name)
}

fn what_is_named_of_an_extended_run_image_is_an_input(export: &Export) -> Finding {
    let Some(extended) = &export.run_image.extension else { return not_applicable("the run image was not extended") };
    let own = |name| annotation(export, name).filter(|_| is_a_buildpack_s(export, name).is_none());
    let digest = own("base.digest").map(|found| {
        if found == extended.manifest.digest.as_str() {
            Finding::Holds
        } else {
            base_digest_is_the_analysed_run_image(export, &found)
        }
    });
    let name = own("base.name").map(|found| the_name_is_the_run_image_s(export, &found));
    let mut findings = digest.into_iter().chain(name).peekable();
    if findings.peek().is_none() {
        return not_applicable("base.* is not there, or a buildpack's");
    }
    findings.find(|finding| *finding != Finding::Holds).unwrap_or(Finding::Holds)
}

/// `runImage` of the lifecycle's label.
fn label(export: &Export) -> Option<Json> {
    view::lifecycle_label(export.image.as_ref()?)?.get("runImage").cloned()
}

fn name_and_digest_agree_with_the_label(export: &Export) -> Finding {
    if let Some(reason) = out_of_scope(export) {
        return reason;
    }
    let own = |name: &str| annotation(export, name).filter(|_| is_a_buildpack_s(export, name).is_none());
    let (name, digest) = (own("base.name"), own("base.digest"));
    let Some(label) = label(export).filter(|_| name.is_some() || digest.is_some()) else {
        return not_applicable("there are no base annotations, or no runImage in the label");
    };
    let reference = label.get("reference").and_then(Json::as_str).unwrap_or_default();
    let in_label = reference.rsplit_once('@').and_then(|(_, digest)| Digest::parse(digest).ok());
    if let (Some(digest), Some(in_label)) = (&digest, &in_label)
        && digest != in_label.as_str()
        && !(export.run_image.index.is_some() && right_digests(export).iter().any(|right| right.as_str() == digest))
    {
        let message = "base.digest and the label's runImage.reference disagree";
        return of_value(violated(message, in_label, digest, at(export, "base.digest")), export, "base.digest");
    }
    let image = label.get("image").and_then(Json::as_str).unwrap_or_default();
    let mirrors: Vec<&str> =
        label.get("mirrors").and_then(Json::items).unwrap_or_default().iter().filter_map(Json::as_str).collect();
    let Some(name) = name.filter(|_| !image.is_empty()) else {
        return holds_when(digest.is_some() && in_label.is_some(), || not_applicable("there is nothing to compare"));
    };
    let same = |other: &str| {
        let parsed = Reference::parse(&name).ok().zip(Reference::parse(other).ok());
        name == other || parsed.is_some_and(|(one, two)| one.same_repository(&two))
    };
    // Where run.toml does not list the run image, its first entry goes into the label, and both are right.
    let is_fallback = || is_first_of_run_toml(export, image) && matched_name(export, &name).is_some();
    let agrees = same(image) || mirrors.iter().any(|mirror| same(mirror)) || is_fallback();
    holds_when(agrees, || {
        let message = "base.name and the label's runImage.image disagree";
        of_value(violated(message, image, view::cut(&name), at(export, "base.name")), export, "base.name")
    })
}

/// Whether `image` is what `run.toml` lists first (`cnb-platform.md`, Run Image Resolution).
fn is_first_of_run_toml(export: &Export, image: &str) -> bool {
    let run = toml_input(&export.inputs, &export.inputs.run);
    let first = run.as_ref().and_then(|run| run.get("images")?.as_array()?.first()?.get("image")?.as_str());
    first.is_some_and(|first| first == image)
}
