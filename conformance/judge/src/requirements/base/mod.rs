//! The run image: what `base.name` and `base.digest` say, and whether it is true.

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) mod trials;

use super::annotating::{Annotating, is_run_image_s};
use super::annotations::{leaked, of_value};
use crate::digest::Digest;
use crate::evidence::{Export, Image, RunImageInDaemon, Target};
use crate::json::Json;
use crate::reference::{Reference, is_same_image};
use crate::requirement::{
    Case, EVERYWHERE, Requirement, Source, WITH_MANIFEST, absent, holds_when, not_applicable, toml_input, violated,
};
use crate::verdict::{Finding, Level};
use crate::view::{self, PREFIX};

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

/// Digests by which the analysed run image can rightly be called: that of the reference, and behind an index also that
/// of the chosen platform's manifest.
fn right_digests(export: &Export) -> Vec<Digest> {
    let pinned = view::pinned(export).unwrap_or_else(|| export.run_image.digest.clone());
    let mut right = vec![pinned];
    if export.run_image.index.is_some() {
        right.extend([export.run_image.digest.clone(), export.run_image.manifest.digest.clone()]);
    }
    right
}

fn base_digest_is_the_analysed_run_image(export: &Export, found: &str) -> Finding {
    let right = right_digests(export);
    holds_when(right.iter().any(|digest| digest.as_str() == found), || {
        violated("base.digest is not the analysed run image", &right[0], view::cut(found), at(export, "base.digest"))
    })
}

fn the_digest_resolves(export: &Export, found: &str) -> Finding {
    let Ok(digest) = Digest::parse(found) else {
        return violated(
            "base.digest is not a valid digest",
            "sha256:<64 digits>",
            view::cut(found),
            at(export, "base.digest"),
        );
    };
    let served = export.base.as_ref().map(|base| &base.fetched);
    let document = served.and_then(|served| served.document.as_ref());
    match (document, served) {
        (Some(document), _) if document.digest == digest => Finding::Holds,
        (Some(document), _) => {
            let found = format!("bytes of {}", document.digest);
            violated(
                "the run image's repository serves other bytes under base.digest",
                digest,
                found,
                at(export, "base.digest"),
            )
        }
        (None, Some(served)) => {
            let found = format!("status {}", served.status);
            violated(
                "the run image's repository has nothing under base.digest",
                digest,
                found,
                at(export, "base.digest"),
            )
        }
        (None, None) => Finding::Skipped("what lies under base.digest was not fetched".to_owned()),
    }
}

/// Whether the daemon has the digest of some repository: a containerd store's ID can be both.
fn is_in_a_repository(run_image: &RunImageInDaemon, digest: &str) -> bool {
    run_image.digests().any(|known| known == digest)
}

fn the_digest_is_no_image_id(export: &Export, found: &str) -> Finding {
    let own = export.image.as_ref().and_then(|image| image.config.as_ref()).map(|config| &config.digest);
    let ids = [Some(&export.run_image.config.digest), own].into_iter().flatten().map(Digest::as_str);
    let of_the_daemon = export.run_image.in_daemon.as_ref().filter(|run| !is_in_a_repository(run, found));
    let is_one = ids.chain(of_the_daemon.map(|run| run.id.as_str())).any(|id| id == found);
    holds_when(!is_one, || {
        violated("base.digest is an imageID", &right_digests(export)[0], found, at(export, "base.digest"))
    })
}

fn the_digest_stays_after_the_tag_moved(export: &Export, found: &str) -> Finding {
    let Some(moved) = export.run_image.tag_moved_to.as_ref().filter(|_| export.target == Target::Registry) else {
        return not_applicable("the run image's tag did not move between analysis and export");
    };
    let right = right_digests(export);
    holds_when(right.iter().any(|digest| digest.as_str() == found), || {
        let message = if found == moved.as_str() {
            "base.digest is what the run image's tag names now"
        } else {
            "base.digest is not the analysed digest"
        };
        violated(message, &right[0], view::cut(found), at(export, "base.digest"))
    })
}

/// `runImage` of the lifecycle's label.
fn label(export: &Export) -> Option<Json> {
    view::lifecycle_label(export.image.as_ref()?)?.get("runImage").cloned()
}

/// Names by which the run image can rightly be called, and what each is.
fn right_names(export: &Export) -> Vec<(&'static str, String)> {
    let mut names = vec![("run-image.image", export.run_image.name.clone())];
    let text = |value: Option<&Json>| value.and_then(Json::as_str).map(str::to_owned);
    if let Some(label) = label(export) {
        names.extend(text(label.get("image")).map(|name| ("the label's runImage.image", name)));
        let mirrors = label.get("mirrors").and_then(Json::items).unwrap_or_default();
        names.extend(mirrors.iter().filter_map(|mirror| Some(("a mirror in the label", text(Some(mirror))?))));
    }
    let run = toml_input(&export.inputs, &export.inputs.run);
    let images = run.as_ref().and_then(|table| table.get("images")?.as_array()).map(Vec::as_slice).unwrap_or_default();
    let is_ours = |name: &str| is_same_image(name, &export.run_image.name);
    for entry in images {
        let mut all: Vec<&str> = entry.get("image").and_then(toml::Value::as_str).into_iter().collect();
        let mirrors = entry.get("mirrors").and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
        all.extend(mirrors.iter().filter_map(toml::Value::as_str));
        if all.iter().any(|name| is_ours(name)) {
            names.extend(all.into_iter().map(|name| ("an entry of run.toml", name.to_owned())));
        }
    }
    names
}

fn matched_name(export: &Export, found: &str) -> Option<&'static str> {
    let parsed = Reference::parse(found).ok();
    let is_it = |name: &str| {
        // A name that is not a reference names what it says.
        let Some(found) = &parsed else { return name == found };
        Reference::parse(name).is_ok_and(|right| {
            // A name by digest as well as by tag names the same image as the tag alone.
            right.same_image(found) || right.same_repository(found) && found.digest.is_none() && right.tag == found.tag
        })
    };
    right_names(export).into_iter().find(|(_, name)| is_it(name)).map(|(what, _)| what)
}

fn the_name_is_the_run_image_s(export: &Export, found: &str) -> Finding {
    holds_when(matched_name(export, found).is_some(), || {
        violated(
            "base.name does not name the run image",
            &export.run_image.name,
            view::cut(found),
            at(export, "base.name"),
        )
    })
}

fn the_name_spells_out_its_registry(export: &Export, found: &str) -> Finding {
    holds_when(Reference::parse(found).is_ok_and(|reference| reference.spelled_registry), || {
        let expected = Reference::parse(&export.run_image.name).map_or_else(
            |_| "a reference, or nothing where the run image's name is not one".to_owned(),
            |name| name.to_string(),
        );
        violated("base.name does not spell out its registry", expected, view::cut(found), at(export, "base.name"))
    })
}

fn the_name_is_a_tag(export: &Export, found: &str) -> Finding {
    let by_digest = |text: &str| Reference::parse(text).is_ok_and(|name| name.digest.is_some());
    if by_digest(&export.run_image.name) {
        return not_applicable("the run image was named by digest");
    }
    holds_when(!by_digest(found), || {
        violated("base.name is a digest reference", &export.run_image.name, view::cut(found), at(export, "base.name"))
    })
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

fn the_base_s_layers_come_first(export: &Export, _: &str) -> Finding {
    let Some(base) = export.base.as_ref() else {
        return Finding::Skipped("what lies under base.digest was not fetched".to_owned());
    };
    if base.fetched.document.is_none() {
        return not_applicable("nothing lies under base.digest, which base.digest-resolves judges");
    }
    let expected = view::diff_ids(base.config.as_ref());
    let found = export.image.as_ref().map(|image: &Image| view::diff_ids(image.config.as_ref())).unwrap_or_default();
    let place = export.at("config.json#/rootfs/diff_ids");
    if expected.is_empty() {
        return violated(
            "what lies under base.digest is not an image with layers",
            "an image",
            "no diff_ids",
            at(export, "base.digest"),
        );
    }
    holds_when(found.starts_with(&expected), || {
        let found = found.iter().take(expected.len()).cloned().collect::<Vec<_>>().join(", ");
        violated("the first layers are not those of the image under base.digest", expected.join(", "), found, place)
    })
}

fn the_name_comes_with_its_digest(export: &Export, name: &str) -> Finding {
    holds_when(annotation(export, "base.digest").is_some(), || {
        violated("base.name is there without base.digest", "both", name, export.at("manifest.json#/annotations"))
    })
}

/// Whose digest it is, where the run image is behind an index.
fn behind_an_index(export: &Export, digest: &str) -> &'static str {
    let index = export.run_image.index.as_ref().map(|index| index.digest.as_str());
    if index == Some(digest) {
        "the index's"
    } else if export.run_image.manifest.digest.as_str() == digest {
        "the platform manifest's"
    } else {
        "neither the index's nor the platform manifest's"
    }
}

/// Which image `base.*` names where extensions extended the run image.
fn base_of_an_extended(export: &Export) -> &'static str {
    match annotation(export, "base.digest") {
        None if annotation(export, "base.name").is_none() => "no base.*",
        None => "the name alone",
        Some(digest) if right_digests(export).iter().any(|right| right.as_str() == digest) => {
            "the run image before its extension"
        }
        Some(_) => "another image",
    }
}

/// Whether `run.toml` lists the name as a mirror.
fn is_a_mirror(export: &Export, name: &str) -> bool {
    let run = toml_input(&export.inputs, &export.inputs.run).unwrap_or_default();
    let images = run.get("images").and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mirrors = images.iter().filter_map(|entry| entry.get("mirrors")?.as_array()).flatten();
    let same =
        |one: &str| Reference::parse(one).ok().zip(Reference::parse(name).ok()).is_some_and(|(a, b)| a.same_image(&b));
    mirrors.filter_map(toml::Value::as_str).any(same)
}

pub(super) fn observations(case: &Case<'_>, annotating: &Annotating, see: &mut dyn FnMut(&Export, &str, String, &str)) {
    for export in case.good() {
        if export.image.as_ref().is_none_or(|image| image.manifest.is_none()) {
            continue;
        }
        let place = "manifest.json#/annotations";
        if export.run_image.extension.is_some() && annotating.answers() {
            see(export, "extended-run-image", base_of_an_extended(export).to_owned(), place);
        }
        let own = |name| annotation(export, name).filter(|text| !is_run_image_s(export, text));
        if let Some(name) = own("base.name") {
            let what = matched_name(export, &name).unwrap_or("something else");
            see(export, "base-name-is", what.to_owned(), place);
            if is_a_mirror(export, &export.run_image.name) {
                let answer = if is_a_mirror(export, &name) { "the mirror" } else { "the name that it mirrors" };
                see(export, "base-name-with-a-chosen-mirror", answer.to_owned(), place);
            }
        }
        if let (Some(digest), true) = (own("base.digest"), export.run_image.index.is_some()) {
            see(export, "base-digest-behind-an-index", behind_an_index(export, &digest).to_owned(), place);
        }
        let media_type = |document| {
            view::json(document).and_then(|json| json.get("mediaType")?.as_str().map(str::to_owned)).unwrap_or_default()
        };
        let image = export.image.as_ref();
        let is_docker = media_type(Some(&export.run_image.manifest)).starts_with("application/vnd.docker.");
        if annotating.answers() && is_docker {
            let exported = media_type(image.and_then(|image| image.manifest.as_ref()));
            let answer =
                if exported.starts_with("application/vnd.docker.") { "kept as it is" } else { "converted to OCI" };
            see(export, "docker-schema-2-run-image", answer.to_owned(), "manifest.json#/mediaType");
        }
    }
}
