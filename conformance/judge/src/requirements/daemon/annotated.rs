//! An annotated build in a daemon, which has nowhere to keep annotations.

use super::twins::{no_twin, twin};
use crate::evidence::{Export, Image};
use crate::json::Json;
use crate::log::Output;
use crate::requirement::{Case, holds_when, not_applicable, toml_input, violated};
use crate::verdict::Finding;
use crate::view::{self, RFC_KEYS};

pub(super) fn an_annotated_build_exits_zero(case: &Case<'_>, export: &Export) -> Finding {
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

pub(super) fn annotations_do_not_become_labels(case: &Case<'_>, export: &Export, image: &Image) -> Finding {
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

pub(super) fn the_log_says_what_is_left_out(case: &Case<'_>, export: &Export, image: &Image) -> Finding {
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
pub(super) fn given_annotations(export: &Export, image: &Image) -> Vec<(String, Json)> {
    let base = Image { manifest: Some(export.run_image.manifest.clone()), config: None, layers: Vec::new() };
    let left_over = view::annotations(&base);
    let is_sentinel =
        |value: &Json| value.as_str().is_some_and(|text| export.run_image.sentinels.iter().any(|one| one == text));
    let all = view::annotations(image).into_iter();
    all.filter(|pair| !left_over.contains(pair) && !is_sentinel(&pair.1)).collect()
}
