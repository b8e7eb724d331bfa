//! Daemons: what changes on the way there, and what must not. The registry export of the same step is the measure.

mod engine_end;
pub(super) mod stores;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) mod trials;
mod twins;

use std::rc::Rc;

use super::annotating::{self, Annotating};
use crate::digest::{ContentId, Digest};
use crate::evidence::{DaemonFacts, Export, Image, PushCause};
use crate::json::Json;
use crate::log::Output;
use crate::requirement::{Case, DAEMON, Needs, Requirement, Source, holds_when, not_applicable, toml_input, violated};
use crate::verdict::{Finding, Level};
use crate::view::{self, RFC_KEYS};
use twins::{
    diff_ids_are_the_same, labels_are_the_same, no_twin, references_alone_change_the_image_id, the_config_is_the_same,
    twin, with_twins, without_reference,
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
    .beside_the_registry()
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
    .beside_the_registry()
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
    .beside_the_registry()
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
    .beside_the_registry()
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
    .beside_the_registry()
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
    .beside_the_registry()
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
    .beside_the_registry()
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
    .beside_the_registry()
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
    .beside_the_registry()
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
    .beside_the_registry()
    .because("an imageID that differs for no reason makes images of one build look like two")
    .looks_like("the configs differ in more than the references to the run image")
    .fix("look for what else the daemon's path of the code puts into the config")
    .when(TWIN)
    .on(DAEMON),
    Requirement::new(
        Level::Should,
        "daemon.round-trip-content",
        "pushed from the daemon, diffIDs and config are those that the daemon held, and every layer is true",
        Source::rfc_196_review("daemon then registry is not registry"),
        |case| case.each_image(a_push_keeps_the_content),
    )
    .beside_the_registry()
    .because("images often reach a registry by way of a daemon; what arrives should be what was built")
    .looks_like("after a push from the daemon diffIDs, config or layers are others")
    .fix("load well-formed archives; compare layer by layer where a push fails")
    .when("the daemon could be told to push")
    .on(DAEMON),
];

fn an_annotated_build_exits_zero(case: &Case<'_>, export: &Export) -> Finding {
    let project = toml_input(&export.inputs, &export.inputs.project_metadata).unwrap_or_default();
    let is_there = |table: &str, key: &str| {
        let value = project.get("source").and_then(|source| source.get(table)?.get(key)?.as_str());
        value.is_some_and(|text| !text.is_empty())
    };
    let metadata = ["repository", "authors", "version", "documentation-url", "name", "licenses"];
    if !metadata.iter().all(|key| is_there("metadata", key)) || !is_there("version", "commit") {
        return not_applicable("not all seven keys are there as strings");
    }
    if export.outcome.succeeded() {
        return Finding::Holds;
    }
    // Where the registry refuses the same build, or was not asked, nothing says that the daemon is the reason.
    if case.registry_twin(export).is_none() {
        let reason = "the export failed, and there is no registry export of this step that succeeded";
        return Finding::skipped_after(reason, &["platform.exit-zero"]);
    }
    let message = "an annotated build exports to a registry and not to a daemon";
    violated(message, "exit 0", view::ended(export), export.at("stderr.txt"))
}

fn annotations_do_not_become_labels(case: &Case<'_>, export: &Export, image: &Image) -> Finding {
    let Some((_, registry)) = twin(case, export) else { return no_twin() };
    let (labels, known) = (view::labels(image), view::labels(registry));
    let mut keys: Vec<String> = view::annotations(registry).into_iter().map(|(key, _)| key).collect();
    keys.extend(RFC_KEYS.map(|name| format!("{}{name}", view::PREFIX)));
    for key in keys {
        if let Some(found) = labels.get(&key).filter(|_| !known.contains_key(&key)) {
            let place = export.at(&format!("config.json#/config/Labels/{key}"));
            return violated(
                format!("the annotation {key} has become a label"),
                "no such label",
                view::cut(found),
                place,
            );
        }
    }
    Finding::Holds
}

fn the_log_says_what_is_left_out(case: &Case<'_>, export: &Export, image: &Image) -> Finding {
    let Some((_, registry)) = twin(case, export) else { return no_twin() };
    if given_annotations(export, registry).is_empty() || !given_annotations(export, image).is_empty() {
        return not_applicable("the build gives the registry export no annotation, or the daemon's image is annotated");
    }
    if export.inputs.log_level().is_some_and(|level| level.eq_ignore_ascii_case("error")) {
        return not_applicable("the platform asks for errors alone");
    }
    let says_so = Output::of(export).lines().any(|line| line.speaks_of("annotation"));
    holds_when(says_so, || {
        violated(
            "annotations are left out without a word",
            "a line that says so",
            "no line that speaks of annotations",
            export.at("stdout.txt"),
        )
    })
}

/// The annotations that the build gives an image: not those that are left over from the run image.
fn given_annotations(export: &Export, image: &Image) -> Vec<(String, Json)> {
    let base = Image { manifest: Some(export.run_image.manifest.clone()), config: None, layers: Vec::new() };
    let left_over = view::annotations(&base);
    let is_sentinel =
        |value: &Json| value.as_str().is_some_and(|text| export.run_image.sentinels.iter().any(|one| one == text));
    let all = view::annotations(image).into_iter();
    all.filter(|pair| !left_over.contains(pair) && !is_sentinel(&pair.1)).collect()
}

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

/// An image that the daemon has under its tag and cannot give back is as wrong as one whose layers are others.
fn what_is_held_is_saved(export: &Export) -> Finding {
    if let Some(image) = &export.image {
        return the_saved_image_is_true(export, image);
    }
    let first = export.daemon.as_ref().and_then(|daemon| daemon.tag_ids.first());
    match first.and_then(|tag| tag.id.as_ref()) {
        Some(id) => violated(
            "the daemon has the image and does not save it",
            "an archive with config and layers",
            format!("none of {id}"),
            export.at("export.json#/daemon"),
        ),
        None => Finding::Skipped("no image was observed".to_owned()),
    }
}

fn the_saved_image_is_true(export: &Export, image: &Image) -> Finding {
    let place = export.at("archive-manifest.json");
    let ids = view::diff_ids(image.config.as_ref());
    if image.config.is_none() || ids.is_empty() {
        return violated("the daemon saves no config with layers", "a config", "none", place);
    }
    if ids.len() != image.layers.len() {
        let expected = format!("{} layers, as in the config", ids.len());
        return violated(
            "the daemon saves another number of layers than the config names",
            expected,
            image.layers.len(),
            place,
        );
    }
    for (index, (id, layer)) in ids.iter().zip(&image.layers).enumerate() {
        let found = match (&layer.blob, &layer.problem) {
            (Some(_), _) if layer.whole_diff_id().is_some_and(|found| found.as_str() == id) => continue,
            (Some(blob), problem) => {
                let doubled = image.layers[..index]
                    .iter()
                    .any(|other| other.blob.as_ref().map(|b| &b.diff_id) == Some(&blob.diff_id));
                let empty = if blob.uncompressed_size == 0 { ", which is empty" } else { "" };
                let twice = if doubled { ", which an earlier layer is" } else { "" };
                let problem = problem.as_ref().map_or_else(String::new, |problem| format!(" ({problem})"));
                format!("{}{empty}{twice}{problem}", blob.diff_id)
            }
            (None, problem) => problem.clone().unwrap_or_else(|| "nothing".to_owned()),
        };
        return violated(format!("layer {index} that the daemon saves is not diff_ids[{index}]"), id, found, place);
    }
    descriptors_are_true(export, image)
}

/// In an OCI archive the manifest's descriptors are true as well.
fn descriptors_are_true(export: &Export, image: &Image) -> Finding {
    let Some(manifest) = view::json(image.manifest.as_ref()) else { return Finding::Holds };
    let layers = manifest.get("layers").and_then(Json::items).unwrap_or_default();
    for (index, (descriptor, layer)) in layers.iter().zip(&image.layers).enumerate() {
        let claimed = (descriptor.get("digest").and_then(Json::as_str), descriptor.get("size").and_then(Json::as_u64));
        let found = layer.blob.as_ref().map(|blob| (blob.digest.as_str(), blob.size));
        if found.is_none_or(|(digest, size)| claimed != (Some(digest), Some(size))) {
            let place = export.at(&format!("manifest.json#/layers/{index}"));
            return violated(
                format!("the descriptor of layer {index} is not true"),
                format!("{claimed:?}"),
                format!("{found:?}"),
                place,
            );
        }
    }
    Finding::Holds
}

fn a_push_keeps_the_content(export: &Export, image: &Image) -> Finding {
    let Some(daemon) = &export.daemon else { return Finding::Skipped("nothing of the daemon was observed".to_owned()) };
    if let Some(end) = &daemon.engine_end {
        return engine_end::whose_doing_it_is(export, end);
    }
    let Some(pushed) = &daemon.pushed else {
        let Some(problem) = &daemon.push_problem else { return Finding::Skipped("nothing was pushed".to_owned()) };
        if problem.cause == PushCause::Failed {
            return violated(
                "the daemon cannot push the image",
                "a push",
                view::cut(&problem.to_string()),
                export.at("export.json#/daemon"),
            );
        }
        return Finding::Skipped(problem.to_string());
    };
    let id = |image: &Image| image.config.as_ref().map(|config| config.digest.to_string()).unwrap_or_default();
    let (expected, found) = (view::diff_ids(image.config.as_ref()), view::diff_ids(pushed.config.as_ref()));
    if expected != found {
        let place = export.at("pushed-config.json#/rootfs/diff_ids");
        return violated("a push changed the diffIDs", expected.join(", "), found.join(", "), place);
    }
    for (index, (expected, layer)) in expected.iter().zip(&pushed.layers).enumerate() {
        let found = layer.whole_diff_id().map(ToString::to_string);
        if found.as_ref() != Some(expected) {
            let found = found.or(layer.problem.clone()).unwrap_or_else(|| "nothing".to_owned());
            let place = export.at(&format!("pushed-manifest.json#/layers/{index}"));
            return violated(
                format!("layer {index} that was pushed is not what its diffID says"),
                expected,
                found,
                place,
            );
        }
    }
    if expected.len() != pushed.layers.len() {
        let place = export.at("pushed-manifest.json#/layers");
        return violated("a push changed the number of layers", expected.len(), pushed.layers.len(), place);
    }
    holds_when(id(image) == id(pushed), || {
        violated("a push changed the config", id(image), id(pushed), export.at("pushed-config.json"))
    })
}

/// What differs between two images of one build, in the words of an answer.
pub(super) fn what_differs(export: &Export, one: &Image, two: &Image) -> String {
    let digest = |image: &Image| image.manifest.as_ref().map(|manifest| manifest.digest.clone());
    if digest(one) == digest(two) { "none: one digest".to_owned() } else { classes(export, one, two).join(", ") }
}

/// What differs between the direct export and the image pushed from a daemon, by class.
fn classes(export: &Export, direct: &Image, pushed: &Image) -> Vec<String> {
    let mut found = Vec::new();
    let (one, two) = (view::json(direct.manifest.as_ref()), view::json(pushed.manifest.as_ref()));
    let media_type =
        |json: &Option<Rc<Json>>| json.as_ref().and_then(|json| json.get("mediaType")?.as_str().map(str::to_owned));
    let is_own =
        |(_, value): &(String, Json)| value.as_str().is_none_or(|text| !annotating::is_run_image_s(export, text));
    let annotations = |image: &Image| view::annotations(image).into_iter().filter(is_own).collect::<Vec<_>>();
    let (before, after) = (annotations(direct), annotations(pushed));
    if !before.is_empty() && after.is_empty() {
        found.push("annotations lost");
    } else if before != after {
        found.push("annotations changed");
    } else if view::annotations(direct) != view::annotations(pushed) {
        found.push("the run image's annotations");
    }
    if media_type(&one) != media_type(&two) {
        found.push("media types");
    }
    let names = |image: &Image| image.layers.iter().map(|layer| layer.name.clone()).collect::<Vec<_>>();
    let ids = |image: &Image| view::diff_ids(image.config.as_ref());
    if names(direct) != names(pushed) {
        found.push(if ids(direct) == ids(pushed) { "recompression" } else { "other layers" });
    }
    if direct.config.as_ref().map(|c| &c.digest) != pushed.config.as_ref().map(|c| &c.digest) {
        let same = without_reference(direct).is_some() && without_reference(direct) == without_reference(pushed);
        found.push(if same { "run image reference in the label" } else { "config" });
    }
    if found.is_empty() {
        found.push("the manifest's bytes alone");
    }
    found.into_iter().map(str::to_owned).collect()
}

fn id_is(daemon: &DaemonFacts, image: &Image) -> &'static str {
    let own = daemon.tag_ids.first().and_then(|tag| tag.id.as_deref()).and_then(ContentId::parse);
    let is = |digest: Option<&Digest>| digest.is_some() && digest.map(ContentId::from) == own;
    if is(image.config.as_ref().map(|config| &config.digest)) {
        "the config digest"
    } else if is(image.manifest.as_ref().map(|manifest| &manifest.digest)) {
        "the manifest digest"
    } else {
        "neither config nor manifest digest"
    }
}

pub(super) fn observations(case: &Case<'_>, annotating: &Annotating, see: &mut dyn FnMut(&Export, &str, String, &str)) {
    for export in case.good() {
        let (Some(daemon), Some(image)) = (&export.daemon, &export.image) else { continue };
        let store = daemon.store.name();
        see(export, "daemon-s-id-is", format!("{} ({store})", id_is(daemon, image)), "inspect.json");
        if let Some(pushed) = &daemon.pushed {
            let is_asked = |key: &String| annotating.answers_of(key);
            if annotating.answers() && super::asked::asked(export).iter().any(is_asked) {
                let kept = if annotating::own(export, pushed).is_empty() { "no" } else { "yes" };
                let answer = format!("{kept} ({store})");
                see(export, "annotations-after-a-push-from-a-daemon", answer, "pushed-manifest.json");
            }
        }
        let Some((_, registry)) = twin(case, export) else { continue };
        let id = |image: &Image| image.config.as_ref().map(|config| config.digest.clone());
        let equal = if id(image) == id(registry) { "yes" } else { "no" };
        see(export, "daemon-s-image-id-equals-registry", equal.to_owned(), "config.json");
        if let Some(pushed) = &daemon.pushed {
            let answer = what_differs(export, registry, pushed);
            see(export, "pushed-from-a-daemon-differs-in", answer, "pushed-manifest.json");
        }
        let base = view::labels_of(Some(export.run_image.base_config()));
        let contributed: Vec<String> = super::contributed_labels(export).into_iter().map(|(key, _)| key).collect();
        let is_own = |key: &&String| !base.contains_key(*key) && !contributed.contains(key);
        let some = view::labels(image).keys().any(|key| key.starts_with(view::PREFIX) && is_own(&key));
        // Of an exporter that annotates nothing, only labels that are there say something.
        if some || annotating.answers() && !super::asked::asked(export).is_empty() {
            let answer = if some { "some" } else { "none" };
            see(export, "labels-as-a-fallback", answer.to_owned(), "config.json#/config/Labels");
        }
    }
}
