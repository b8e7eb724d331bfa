//! What two exports of a build have in common, and the times in an image.

use std::collections::BTreeSet;

use crate::evidence::{EntryKind, Export, Image, Inputs, Layer, Target};
use crate::requirement::{Case, holds_when, not_applicable, violated};
use crate::verdict::Finding;
use crate::view;

pub(super) fn repeats_agree(case: &Case<'_>, what: &str, of: impl Fn(&Export) -> Option<String>) -> Finding {
    let pairs = case.repeats();
    if pairs.is_empty() {
        return not_applicable("no build was exported twice with the same inputs");
    }
    for (first, second) in pairs {
        if let (Some(expected), Some(found)) = (of(first), of(second))
            && expected != found
        {
            return violated(format!("the same inputs gave another {what}"), expected, found, second.at("export.json"));
        }
    }
    Finding::Holds
}

/// Whether a repeat of one build differs already, so that nothing that rests on repetition can be judged.
pub(in super::super) fn a_repeat_differs(case: &Case<'_>) -> bool {
    let image_id = |export: &Export| export.image_id().cloned();
    case.repeats().into_iter().any(|(first, second)| image_id(first) != image_id(second))
}

/// What is the same when an export is the same: the manifest's digest on a registry, elsewhere the imageID.
fn identity(export: &Export) -> Option<&crate::digest::Digest> {
    if export.target == Target::Registry { export.manifest_digest() } else { export.image_id() }
}

pub(super) fn surroundings_change_nothing(case: &Case<'_>) -> Finding {
    if case.repeats().into_iter().any(|(first, second)| identity(first) != identity(second)) {
        return not_applicable("an identical repeat differs already");
    }
    let pairs = case.pairs_that_differ_in(|differences| differences == ["surroundings"]);
    if pairs.is_empty() {
        return not_applicable("no build was exported in other surroundings");
    }
    // Of all pairs that differ, the one with the fewest other surroundings says best which made the difference.
    let differing = pairs.into_iter().filter(|(first, second)| identity(first) != identity(second));
    let worst = differing.min_by_key(|(first, second)| other_surroundings(&first.inputs, &second.inputs).len());
    let Some((first, second)) = worst else { return Finding::Holds };
    let shown = |export: &Export| identity(export).map_or_else(|| "nothing".to_owned(), ToString::to_string);
    let names = other_surroundings(&first.inputs, &second.inputs).join(", ");
    violated(
        format!("the same build came out other with other surroundings: {names}"),
        shown(first),
        shown(second),
        second.at("export.json#/inputs/surroundings"),
    )
}

/// Names of the surroundings in which two exports differ.
fn other_surroundings(one: &Inputs, two: &Inputs) -> Vec<String> {
    let names: BTreeSet<&String> = one.surroundings.keys().chain(two.surroundings.keys()).collect();
    let mut found: Vec<String> =
        names.into_iter().filter(|name| one.surroundings.get(*name) != two.surroundings.get(*name)).cloned().collect();
    if found.is_empty() {
        // Told by the environment alone.
        found.extend(
            ["TZ", "LC_ALL", "LANG", "TMPDIR", "HOME"]
                .into_iter()
                .filter(|name| one.environment.get(*name) != two.environment.get(*name))
                .map(str::to_owned),
        );
    }
    found
}

pub(super) fn created(image: &Image) -> Option<String> {
    Some(view::json(image.config.as_ref())?.get("created")?.as_str()?.to_owned())
}

pub(super) fn created_is_given_or_constant(case: &Case<'_>, export: &Export, image: &Image) -> Finding {
    let place = export.at("config.json#/created");
    let Some(found) = created(image) else {
        // An absent time is as constant as any; one that was asked for is missing.
        return holds_when(export.inputs.source_date_epoch.is_none(), || {
            violated("created is missing", "SOURCE_DATE_EPOCH", "nothing", place)
        });
    };
    let seconds = found.parse::<jiff::Timestamp>().ok();
    if let Some(epoch) = export.inputs.source_date_epoch {
        let is_it = seconds.is_some_and(|time| time.as_second() == epoch && time.subsec_nanosecond() == 0);
        return holds_when(is_it, || violated("created is not SOURCE_DATE_EPOCH", epoch, &found, place));
    }
    // Of a value that is not a number, such as an empty one, no specification says whether it is none.
    let given = |export: &Export| export.inputs.environment.get("SOURCE_DATE_EPOCH").cloned();
    let is_alike = |other: &&Export| other.inputs.source_date_epoch.is_none() && given(other) == given(export);
    for other in case.good().filter(is_alike) {
        if let Some(expected) = other.image.as_ref().and_then(created).filter(|created| *created != found) {
            return violated("created differs from one export to the next", expected, &found, place);
        }
    }
    // No constant is of the day on which the exporter happened to run.
    let is_now = seconds.is_some_and(|time| (time.as_second() - export.outcome.started).abs() < DAY);
    holds_when(!is_now, || violated("created is the time of the export", "a constant", &found, place))
}

/// Seconds of a day.
const DAY: i64 = 86_400;

pub(super) fn entries_have_one_time(export: &Export, image: &Image) -> Finding {
    let mut first: Option<(i64, &str)> = None;
    for (index, layer) in view::packed_layers(export, image) {
        for entry in layer.blob.iter().flat_map(|blob| &blob.entries).filter(|entry| entry.kind != EntryKind::Other) {
            match first {
                None => first = Some((entry.mtime, &entry.path)),
                Some((time, path)) if time != entry.mtime => {
                    return violated(
                        "entries of new layers have different modification times",
                        format!("{time}, as {path}"),
                        format!("{} of {} in layer {index}", entry.mtime, entry.path),
                        export.at("export.json#/image/layers"),
                    );
                }
                Some(_) => {}
            }
        }
    }
    Finding::Holds
}

pub(super) fn other_annotations_are_another_manifest(case: &Case<'_>) -> Finding {
    let annotated = |export: &Export| export.image.as_ref().map(view::annotations).unwrap_or_default();
    let mut result = not_applicable("no two exports of one build differ in their annotations");
    let good: Vec<&Export> = case.good().collect();
    for (index, first) in good.iter().enumerate() {
        for second in &good[index + 1..] {
            if annotated(first) == annotated(second) || annotated(first).is_empty() && annotated(second).is_empty() {
                continue;
            }
            let (one, two) = (served(first), served(second));
            if one.is_some() && one == two {
                let place = second.at("tags.json");
                return violated(
                    "other annotations under the same digest",
                    "another digest",
                    two.unwrap_or_default(),
                    place,
                );
            }
            result = Finding::Holds;
        }
    }
    result
}

/// What the tag was said to name: the registry's word, not the hash of the bytes, which cannot be the same.
fn served(export: &Export) -> Option<String> {
    export.tags.first()?.digest.clone()
}

pub(super) fn other_project_metadata_keeps_the_layers(case: &Case<'_>) -> Finding {
    if a_repeat_differs(case) {
        return not_applicable("an identical repeat differs already");
    }
    let only_project_metadata = |differences: &[String]| {
        case.exports.first().is_some_and(|export| differences == [export.inputs.project_metadata.clone()])
    };
    let pairs = case.pairs_that_differ_in(only_project_metadata);
    if pairs.is_empty() {
        return not_applicable("no two exports differ in project-metadata.toml alone");
    }
    let layers = |export: &Export| -> Vec<String> {
        let image = export.image.as_ref();
        // A daemon's names of layers are its own; the hash of what it saves is the layer's.
        let digest = |layer: &Layer| layer.blob.as_ref().map_or(layer.name.clone(), |blob| blob.digest.to_string());
        let names = image.into_iter().flat_map(|image| image.layers.iter().map(digest));
        names.chain(view::diff_ids(image.and_then(|image| image.config.as_ref()))).collect()
    };
    for (first, second) in pairs {
        let (expected, found) = (layers(first), layers(second));
        if expected != found {
            let index = expected.iter().zip(&found).position(|(one, two)| one != two).unwrap_or(0);
            let at = |list: &[String]| list.get(index).cloned().unwrap_or_default();
            return violated(
                "other project metadata changed the layers",
                at(&expected),
                at(&found),
                second.at("manifest.json#/layers"),
            );
        }
    }
    Finding::Holds
}
