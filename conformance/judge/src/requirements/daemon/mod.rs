//! Daemons: what changes on the way there, and what must not. The registry export of the same step is the measure.

mod annotated;
mod engine_end;
mod given_back;
mod observed;
pub(super) mod stores;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) mod trials;
mod twins;

use crate::digest::ContentId;
use crate::evidence::{Export, Image};
use crate::requirement::{DAEMON, Needs, Requirement, Source, holds_when, violated};
use crate::verdict::{Finding, Level};
use annotated::{an_annotated_build_exits_zero, annotations_do_not_become_labels, the_log_says_what_is_left_out};
use given_back::{a_push_keeps_the_content, what_is_held_is_saved};
pub(super) use observed::{observations, what_differs};
use twins::{
    diff_ids_are_the_same, labels_are_the_same, references_alone_change_the_image_id, the_config_is_the_same,
    with_twins,
};

const DRAWBACKS: Source = Source::rfc_196("Drawbacks");
const REPRODUCIBLE: Source = Source::platform("Build Reproducibility");
const REVIEW: Source = Source::rfc_196_review("identical regardless of export target");
const TWIN: &str = "the same step was exported to a registry, and a repeat does not differ already";

pub(super) const TABLE: &[Requirement] = &[
    Requirement::new(
        Level::Should,
        "daemon.export-succeeds",
        "with every annotation input present, a daemon export exits 0",
        DRAWBACKS,
        |case| case.each(|export| an_annotated_build_exits_zero(case, export)),
    )
    .comparing_with_registry()
    .because("the proposal lets daemons ignore annotations; builds for them must not break")
    .looks_like("an export to a daemon fails once project metadata is there")
    .fix("leave annotations out for daemons instead of failing")
    .when("project metadata has all seven keys as strings, and the registry export of the step does not fail as well")
    .on(DAEMON)
    .needing(Needs::Process),
    Requirement::new(
        Level::Should,
        "daemon.annotations-not-labels",
        "no annotation turns up as a label that the registry export does not have",
        DRAWBACKS,
        |case| case.each_image(|export, image| annotations_do_not_become_labels(case, export, image)),
    )
    .comparing_with_registry()
    .because("ignored means ignored: a label instead changes the imageID between targets")
    .looks_like("the daemon's image has a label with an annotation's key that the registry's image lacks")
    .fix("do not turn annotations into labels for daemons")
    .when("the same step was exported to a registry")
    .on(DAEMON),
    Requirement::new(
        Level::Should,
        "daemon.says-so",
        "where the daemon's image carries no annotations and the registry's does, the log says so",
        Source::own("daemon"),
        |case| case.each_image(|export, image| the_log_says_what_is_left_out(case, export, image)),
    )
    .comparing_with_registry()
    .because("who asked for annotations should not have to inspect the image to learn that there are none")
    .looks_like("no line of the output speaks of annotations, and the image has none")
    .fix("log once that a daemon keeps no annotations")
    .when("the registry export is annotated, the daemon's image is not, and the log level is not error")
    .on(DAEMON),
    Requirement::new(
        Level::Must,
        "daemon.report-image-id",
        "report.toml has the config digest, or the daemon's own ID where the store's ID is another",
        Source::platform("report.toml"),
        |case| case.each_image(|e, image| super::digest::of_the_report(e, the_report_has_the_image_id(e, image))),
    )
    .comparing_with_registry()
    .because("for a daemon the image ID is how the platform finds the image")
    .looks_like("image.image-id is missing or is neither the config's digest nor the daemon's ID")
    .fix("take the ID from the config that was loaded, or ask the daemon")
    .on(DAEMON),
    Requirement::new(
        Level::Must,
        "daemon.all-tags",
        "every tag is there, with one ID",
        Source::platform("exporter, Outputs"),
        |case| case.each(every_tag_is_there),
    )
    .comparing_with_registry()
    .because("every <image> is to be the same app image")
    .looks_like("a tag is missing in the daemon or has another ID")
    .fix("load the image with all its tags")
    .on(DAEMON)
    .needing(Needs::Success),
    Requirement::new(
        Level::Must,
        "daemon.image-true",
        "what the daemon saves is consistent: no layer doubled, shifted, lost, or empty that should not be",
        Source::oci_config("Properties, rootfs"),
        |case| case.each(what_is_held_is_saved),
    )
    .comparing_with_registry()
    .because(
        "a daemon checks less than a registry, so a wrong layer shows only when something is missing at \
run time",
    )
    .looks_like("what the daemon saves does not hash to the config's diffIDs")
    .fix("write each layer's own bytes into the archive, in the config's order")
    .on(DAEMON)
    .needing(Needs::Success),
    Requirement::new(
        Level::Should,
        "daemon.same-diff-ids",
        "diffIDs are those of the registry export",
        REVIEW,
        |case| with_twins(case, diff_ids_are_the_same),
    )
    .comparing_with_registry()
    .because("the review asks for the same content whatever the target")
    .looks_like("the diffIDs in the daemon are not those of the registry export")
    .fix("make layers independent of the target")
    .when(TWIN)
    .on(DAEMON),
    Requirement::new(
        Level::Should,
        "daemon.same-config",
        "Env, Entrypoint, Cmd, WorkingDir, User, ports, volumes, signal, platform and created are the registry's",
        REPRODUCIBLE,
        |case| with_twins(case, the_config_is_the_same),
    )
    .comparing_with_registry()
    .because("the same build should run in the same way wherever it was exported to")
    .looks_like("Env, Entrypoint, user, ports or another field differs from the registry export")
    .fix("make the config in one place for all targets")
    .when(TWIN)
    .on(DAEMON),
    Requirement::new(
        Level::Should,
        "daemon.same-labels",
        "all labels are the registry's, references to the run image excepted",
        REPRODUCIBLE,
        |case| with_twins(case, labels_are_the_same),
    )
    .comparing_with_registry()
    .because("platforms read labels from daemons as well as from registries")
    .looks_like("a label is missing, added or other than in the registry export")
    .fix("fill labels before the target is known; only references to the run image may differ")
    .when(TWIN)
    .on(DAEMON),
    Requirement::new(
        Level::Should,
        "daemon.image-id-difference-explained",
        "imageIDs are equal, or references to the run image are the only cause",
        REVIEW,
        |case| with_twins(case, references_alone_change_the_image_id),
    )
    .comparing_with_registry()
    .because("an imageID that differs for no reason makes images of one build look like two")
    .looks_like("the configs differ in more than the references to the run image")
    .fix("look for what else the daemon's path of the code puts into the config")
    .when(TWIN)
    .on(DAEMON),
    Requirement::new(
        Level::Should,
        "daemon.round-trip-content",
        "pushed from the daemon, diffIDs and config are those that the daemon held, and every layer is true",
        Source::rfc_196_review("exporting to a daemon and pushing is not the same as exporting to a registry"),
        |case| case.each_image(a_push_keeps_the_content),
    )
    .comparing_with_registry()
    .because("images often reach a registry by way of a daemon; what arrives should be what was built")
    .looks_like("after a push from the daemon diffIDs, config or layers are others")
    .fix("load well-formed archives; compare layer by layer where a push fails")
    .when("the suite may push from this daemon")
    .on(DAEMON),
];

fn the_report_has_the_image_id(export: &Export, image: &Image) -> Finding {
    let report = super::digest::report(export).unwrap_or_default();
    let found = ["image-id", "imageID"].into_iter().find_map(|key| report.get(key)?.as_str()).unwrap_or_default();
    let config = image.config.as_ref().map(|config| config.digest.as_str());
    let daemon = export.daemon.as_ref();
    let own = daemon.and_then(|daemon| daemon.tag_ids.first()?.id.as_deref());
    let is_it = !found.is_empty() && [config, own].into_iter().flatten().any(|id| ContentId::same(id, found));
    holds_when(is_it, || {
        let found = if found.is_empty() { "nothing" } else { found };
        violated(
            "the report's image ID is not that of the image",
            config.unwrap_or("an image ID"),
            found,
            export.at("report.toml#image.image-id"),
        )
    })
}

fn every_tag_is_there(export: &Export) -> Finding {
    let ids: &[_] = export.daemon.as_ref().map_or(&[], |daemon| &daemon.tag_ids);
    let first = ids.first().and_then(|tag| tag.id.clone());
    for image in &export.inputs.images {
        let found = ids.iter().find(|tag| tag.reference == *image).and_then(|tag| tag.id.clone());
        let is_first = found.as_ref().zip(first.as_ref()).is_some_and(|(one, two)| ContentId::same(one, two));
        if !is_first {
            return violated(
                format!("{image} is missing or another image"),
                first.unwrap_or_else(|| "an image".to_owned()),
                found.unwrap_or_else(|| "nothing".to_owned()),
                export.at("tags.json"),
            );
        }
    }
    holds_when(first.is_some(), || violated("no tag is there", "one at least", "none", export.at("tags.json")))
}
