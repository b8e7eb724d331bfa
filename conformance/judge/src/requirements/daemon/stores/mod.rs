//! What a store keeps where it can: known differences, one digest, annotations, and a base that is not an image ID.

#[cfg(test)]
pub(in super::super) mod trials;

use super::annotated::given_annotations;
use super::twins::{no_twin, twin};
use super::{DRAWBACKS, REVIEW, TWIN};
use crate::digest::{ContentId, Digest};
use crate::evidence::{DaemonFacts, Export, Image, RunImageInDaemon, StoreKind};
use crate::requirement::{Case, DAEMON, Requirement, Source, absent, holds_when, not_applicable, violated};
use crate::requirements::differences;
use crate::verdict::{Finding, Level};
use crate::view::{self, PREFIX};

const KEEPS: &str =
    "the registry export is annotated, and the store is one that can keep a manifest: containerd or podman";
const CONTAINERD: &str = "the same step was exported to a registry, and the daemon has a containerd store";

pub(in super::super) const TABLE: &[Requirement] = &[
    Requirement::new(
        Level::Should,
        "daemon.differences-known",
        "what differs from the registry export, and after a push and a pull, is of a class that the store explains",
        REVIEW,
        differences::no_difference_is_unknown,
    )
    .comparing_with_registry()
    .because("daemon and registry differ anyway; what differs for no known reason is what users stumble over")
    .looks_like("a field of manifest, config, labels, layers, history or report differs, and no known class permits it")
    .fix("make the image in one place for all targets; docs/stores.md lists what each store changes")
    .when(TWIN)
    .on(DAEMON),
    Requirement::new(
        Level::Optional,
        "daemon.containerd-keeps-digest",
        "in a containerd store the image has the manifest digest of the registry export",
        REVIEW,
        |case| case.each_image(|export, image| the_store_has_the_registry_s_digest(case, export, image)),
    )
    .comparing_with_registry()
    .because("a containerd store keeps an OCI archive byte for byte, so that one digest names the build everywhere")
    .looks_like("the store made a manifest of its own, which a docker-archive leads to")
    .fix("load an OCI archive where the daemon's driver is io.containerd.snapshotter.v1")
    .when(CONTAINERD)
    .on(DAEMON),
    Requirement::new(
        Level::Optional,
        "daemon.annotations-kept",
        "the daemon's image has the annotations of the registry export",
        DRAWBACKS,
        |case| case.each_image(|export, image| the_annotations_are_the_registry_s(case, export, Some(image))),
    )
    .comparing_with_registry()
    .because("that a daemon cannot be annotated is true of classic stores only")
    .looks_like("the image in a containerd or podman store has no annotations, or others")
    .fix("load an OCI archive where the store keeps manifests")
    .when(KEEPS)
    .on(DAEMON),
    Requirement::new(
        Level::Optional,
        "daemon.round-trip-digest",
        "pushed from a containerd store, the image has the manifest digest of the registry export",
        REVIEW,
        |case| case.each_image(|export, _| a_push_has_the_registry_s_digest(case, export)),
    )
    .comparing_with_registry()
    .because("the build keeps its digest when it goes through a daemon, so signatures stay valid")
    .looks_like("the registry has another manifest after a push from the daemon than after an export")
    .fix("load an OCI archive; the store pushes what it was given")
    .when(CONTAINERD)
    .on(DAEMON),
    Requirement::new(
        Level::Optional,
        "daemon.round-trip-annotations",
        "pushed from the daemon, the image has the annotations of the registry export",
        DRAWBACKS,
        |case| case.each_image(|export, _| a_push_has_the_registry_s_annotations(case, export)),
    )
    .comparing_with_registry()
    .because("an image that is published by way of a daemon is read by the same tools as one that is exported directly")
    .looks_like("after a push from a containerd or podman store annotations are missing or others")
    .fix("load an OCI archive where the store keeps manifests")
    .when(KEEPS)
    .on(DAEMON),
    Requirement::new(
        Level::Must,
        "daemon.reference-not-image-id",
        "no digest reference to the run image, in the label or the report, has an imageID for its digest",
        Source::platform("io.buildpacks.lifecycle.metadata"),
        |case| case.each_image(no_reference_has_an_image_id),
    )
    .comparing_with_registry()
    .because("repository@digest locates a manifest; with an imageID in it nothing can be pulled or rebased")
    .looks_like("runImage.reference is a repository, an @ and what the daemon calls the image")
    .fix("write the bare imageID, or a digest that the daemon has of a repository (RepoDigests)")
    .when("runImage.reference is a digest reference")
    .on(DAEMON),
    Requirement::new(
        Level::Must,
        "daemon.base-digest-known",
        "base.digest is a digest that the daemon has of the run image's repository",
        Source::rfc_196_review("review of base.name and base.digest"),
        |case| case.each_image(the_base_digest_is_one_that_the_daemon_has),
    )
    .comparing_with_registry()
    .because("a run image that was made or loaded in a daemon has no digest in any registry, and none may be made up")
    .looks_like("base.digest is there although the daemon has no repository digest of the run image, or another one")
    .fix("take the digest from RepoDigests of the run image; leave the annotation out where there is none")
    .when("the daemon's image has base.digest")
    .on(DAEMON),
];

/// The daemon's facts where its store can keep a manifest, else why nothing is judged.
fn keeps_manifests(export: &Export) -> Result<&DaemonFacts, Finding> {
    match &export.daemon {
        None => Err(Finding::Skipped("nothing of the daemon was observed".to_owned())),
        Some(daemon) if daemon.store == StoreKind::Classic => Err(not_applicable("a classic store keeps no manifest")),
        Some(daemon) => Ok(daemon),
    }
}

fn is_containerd(export: &Export) -> Result<&DaemonFacts, Finding> {
    let daemon = keeps_manifests(export)?;
    let is_it = daemon.store == StoreKind::Containerd;
    if is_it { Ok(daemon) } else { Err(not_applicable("podman compresses layers itself when it pushes or saves them")) }
}

fn pushed(daemon: &DaemonFacts) -> Result<&Image, Finding> {
    let problem = || daemon.push_problem.as_ref().map_or_else(|| "nothing was pushed".to_owned(), ToString::to_string);
    daemon.pushed.as_ref().ok_or_else(|| Finding::Skipped(problem()))
}

fn same_digest(registry: &Image, found: &Image, place: String) -> Finding {
    let digest = |image: &Image| image.manifest.as_ref().map(|manifest| manifest.digest.clone());
    let expected = digest(registry);
    holds_when(expected.is_some() && digest(found) == expected, || {
        let expected = expected.map_or_else(|| "a digest".to_owned(), |digest| digest.to_string());
        absent("the manifest digest is not that of the registry export", expected, place)
    })
}

fn the_store_has_the_registry_s_digest(case: &Case<'_>, export: &Export, image: &Image) -> Finding {
    if let Err(reason) = is_containerd(export) {
        return reason;
    }
    match twin(case, export) {
        Some((_, registry)) => same_digest(registry, image, export.at("manifest.json")),
        None => no_twin(),
    }
}

fn a_push_has_the_registry_s_digest(case: &Case<'_>, export: &Export) -> Finding {
    let Some((_, registry)) = twin(case, export) else { return no_twin() };
    match is_containerd(export).and_then(pushed) {
        Ok(pushed) => same_digest(registry, pushed, export.at("pushed-manifest.json")),
        Err(reason) => reason,
    }
}

fn the_annotations_are_the_registry_s(case: &Case<'_>, export: &Export, image: Option<&Image>) -> Finding {
    let Some((_, registry)) = twin(case, export) else { return no_twin() };
    let found = match (keeps_manifests(export), image) {
        (Err(reason), _) => return reason,
        (Ok(_), Some(image)) => image,
        (Ok(daemon), None) => match pushed(daemon) {
            Ok(pushed) => pushed,
            Err(reason) => return reason,
        },
    };
    let sorted = |image: &Image| {
        let given = given_annotations(export, image).into_iter();
        let mut pairs: Vec<(String, String)> = given.map(|(key, value)| (key, value.to_value().to_string())).collect();
        pairs.sort();
        pairs
    };
    let (expected, found) = (sorted(registry), sorted(found));
    if expected.is_empty() {
        return not_applicable("the build gives the registry export no annotation");
    }
    let other =
        expected.iter().find(|pair| !found.contains(pair)).or_else(|| found.iter().find(|p| !expected.contains(p)));
    let file = if image.is_some() { "manifest.json" } else { "pushed-manifest.json" };
    match other {
        None => Finding::Holds,
        Some((key, value)) => absent(
            format!("the annotation {key} is not that of the registry export"),
            view::cut(value),
            export.at(&format!("{file}#/annotations")),
        ),
    }
}

fn a_push_has_the_registry_s_annotations(case: &Case<'_>, export: &Export) -> Finding {
    the_annotations_are_the_registry_s(case, export, None)
}

/// Digests of the repositories that the daemon has the run image of.
fn repository_digests(export: &Export) -> Vec<Digest> {
    let run = export.run_image.in_daemon.as_ref();
    run.into_iter().flat_map(RunImageInDaemon::digests).filter_map(|digest| Digest::parse(digest).ok()).collect()
}

fn no_reference_has_an_image_id(export: &Export, image: &Image) -> Finding {
    let label = view::lifecycle_label(image);
    let of_label = |path: &[&str]| label.as_ref().and_then(|label| label.at(path)?.as_str().map(str::to_owned));
    let report = super::super::digest::report(export);
    let of_report = report.as_ref().and_then(|image| image.get("run-image")?.get("reference")?.as_str());
    let found = [
        ("config.json#/config/Labels/io.buildpacks.lifecycle.metadata", of_label(&["runImage", "reference"])),
        ("config.json#/config/Labels/io.buildpacks.lifecycle.metadata", of_label(&["stack", "runImage", "reference"])),
        ("report.toml#image.run-image.reference", of_report.map(str::to_owned)),
    ];
    let known = repository_digests(export);
    let run = &export.run_image;
    let ids = [Some(run.config.digest.as_str()), run.in_daemon.as_ref().map(|run| run.id.as_str())];
    let mut result = not_applicable("no reference to the run image is by digest");
    for (place, reference) in found {
        let Some(reference) = reference else { continue };
        let Some((_, digest)) = reference.rsplit_once('@') else { continue };
        let is_known = known.iter().chain([&run.manifest.digest]).any(|known| ContentId::same(known.as_str(), digest));
        if !is_known && ids.into_iter().flatten().any(|id| ContentId::same(id, digest)) {
            let expected = known.first().map_or_else(|| "the bare imageID".to_owned(), ToString::to_string);
            return violated(
                "a digest reference to the run image has an imageID",
                expected,
                reference,
                export.at(place),
            );
        }
        result = Finding::Holds;
    }
    result
}

fn the_base_digest_is_one_that_the_daemon_has(export: &Export, image: &Image) -> Finding {
    let Some(found) = view::annotation(image, &format!("{PREFIX}base.digest")) else {
        return not_applicable("there is no base.digest");
    };
    if super::super::base::is_a_buildpack_s(export, "base.digest").is_some() {
        return not_applicable("a buildpack contributes base.digest, and its value is the one there");
    }
    if export.run_image.in_daemon.is_none() {
        return Finding::Skipped("what the daemon has of the run image was not observed".to_owned());
    }
    let mut known = repository_digests(export);
    known.extend(view::pinned(export));
    holds_when(known.iter().any(|digest| digest.as_str() == found), || {
        let expected = known.first().map_or_else(|| "no base.digest".to_owned(), ToString::to_string);
        let place = export.at(&format!("manifest.json#/annotations/{PREFIX}base.digest"));
        violated("base.digest is not a digest that the daemon has of the run image", expected, view::cut(&found), place)
    })
}
