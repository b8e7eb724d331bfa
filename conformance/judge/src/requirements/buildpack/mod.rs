//! The review's alternative: annotations that buildpacks contribute, as `[[annotations]]` in
//! `<layers>/config/metadata.toml`, collected in the way that RFC 0034 has for labels.

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) mod trials;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::annotating::Annotating;
use super::contributed_annotations;
use crate::evidence::{Export, Image};
use crate::requirement::{
    Case, Demand, LAYOUT, Requirement, Source, WITH_MANIFEST, absent, holds_when, not_applicable, toml_input, violated,
};
use crate::verdict::{Finding, Level};
use crate::view::{self, PREFIX};

const REVIEW: Source = Source::rfc_196_review("buildpack-provided annotations");

pub(super) const TABLE: &[Requirement] = &[
    Requirement::new(
        Level::Optional,
        "buildpack.annotations-present",
        "every key of [[annotations]] is on the manifest with a value that a buildpack gave it, byte for byte",
        REVIEW,
        |case| case.each_image(contributed_annotations_are_there),
    )
    .demanded_by(Demand::BuildpackAnnotations)
    .because(
        "the review proposes that buildpacks say what is annotated, as they do for labels; this shows who implements it",
    )
    .looks_like("a key of [[annotations]] in config/metadata.toml is missing on the manifest or has a changed \
value")
    .fix("copy key and value of every [[annotations]] entry of <layers>/config/metadata.toml to the \
manifest")
    .when("a buildpack contributes an annotation that no one else gives")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Must,
        "buildpack.last-definition-wins",
        "of several definitions of one key the last buildpack's value is on the manifest",
        Source::buildpack("launch.toml"),
        |case| case.each_image(the_last_definition_wins),
    )
    .because(
        "labels are collected so that a later buildpack overrides an earlier one; annotations that went the other way would \
         contradict the label of the same key",
    )
    .looks_like("two entries of [[annotations]] have one key, and the manifest has the earlier one's value")
    .fix("go through [[annotations]] in file order and let a later entry replace an earlier one")
    .when("two definitions of a key differ and one of their values is there")
    .on(WITH_MANIFEST),
    Requirement::new(
        Level::Should,
        "buildpack.same-on-every-target",
        "a layout carries the contributed annotations that the registry export carries",
        Source::rfc_0119("What use cases does it support?"),
        |case| case.each_image(|export, image| every_target_has_the_same(case, export, image)),
    )
    .comparing_with_registry()
    .because("a layout is an image on its way to a registry; it should not say less, or other things, than the \
image there")
    .looks_like("the registry export has a contributed annotation that the layout lacks or gives another value")
    .fix("make the manifest in one place for both targets")
    .when("a buildpack contributes annotations and the same step was exported to a registry")
    .on(LAYOUT),
    Requirement::new(
        Level::Should,
        "buildpack.manifest-only",
        "contributing an annotation changes no layer but that of config/metadata.toml",
        Source::platform("Build Reproducibility"),
        contributing_changes_the_config_layer_alone,
    )
    .because(
        "annotations are on the manifest so that content stays as it is: layers that change with them cannot be shared or \
         re-used",
    )
    .looks_like("two builds that differ in [[annotations]] alone have other layers than the one with \
metadata.toml")
    .fix("keep annotations out of every layer; only the layer with config/metadata.toml holds that file")
    .when("two exports differ in [[annotations]] alone, and a repeat does not differ already"),
];

/// The keys that buildpacks contribute, each with all its values in their order.
fn contributed(export: &Export) -> BTreeMap<String, Vec<String>> {
    let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, value) in contributed_annotations(export) {
        keys.entry(key).or_default().push(value);
    }
    keys
}

/// What else may rightly give the key a value: which one wins then is open.
fn rival(export: &Export, key: &str) -> Option<&'static str> {
    let name = key.strip_prefix(PREFIX)?;
    if name.starts_with("base.") {
        return Some("the exporter");
    }
    super::source::has_input(export, name).then_some("the platform")
}

fn at(export: &Export, key: &str) -> String {
    export.at(&format!("manifest.json#/annotations/{}", key.replace('~', "~0").replace('/', "~1")))
}

/// The value of a key that is not just left over from the run image.
fn found(export: &Export, image: &Image, key: &str) -> Option<String> {
    view::annotation(image, key).filter(|value| !export.run_image.sentinels.contains(value))
}

fn contributed_annotations_are_there(export: &Export, image: &Image) -> Finding {
    let mut result = not_applicable("no buildpack contributes an annotation that no one else gives");
    for (key, values) in contributed(export) {
        if rival(export, &key).is_some() {
            continue;
        }
        let found = found(export, image, &key);
        if found.as_ref().is_none_or(|found| !values.contains(found)) {
            let expected = view::cut(values.last().map_or("", String::as_str));
            let place = at(export, &key);
            return match found {
                None => absent(format!("there is no annotation {key}"), expected, place),
                Some(found) => {
                    let message = format!("the annotation {key} is not what a buildpack gave it");
                    match violated(message, expected, view::cut(&found), place) {
                        Finding::Violated(violation) => Finding::Absent(violation),
                        finding => finding,
                    }
                }
            };
        }
        result = Finding::Holds;
    }
    result
}

fn the_last_definition_wins(export: &Export, image: &Image) -> Finding {
    let mut result = not_applicable("no key that is there has two definitions that differ");
    for (key, values) in contributed(export) {
        let (Some(last), Some(found)) = (values.last(), found(export, image, &key)) else { continue };
        if values.iter().all(|value| value == last) || !values.contains(&found) {
            continue;
        }
        if found != *last {
            let message = format!("{key} has an earlier definition's value");
            return violated(message, view::cut(last), view::cut(&found), at(export, &key));
        }
        result = Finding::Holds;
    }
    result
}

fn every_target_has_the_same(case: &Case<'_>, export: &Export, image: &Image) -> Finding {
    let keys = contributed(export);
    let Some((twin, registry)) = case.registry_twin(export).and_then(|twin| Some((twin, twin.image.as_ref()?))) else {
        return not_applicable("there is no registry export of this step");
    };
    let mut result = not_applicable("neither export carries a contributed annotation");
    // The value of a key that others give as well may rest on where the image goes.
    for key in keys.keys().filter(|key| rival(export, key).is_none()) {
        let (expected, seen) = (found(twin, registry, key), found(export, image, key));
        if expected != seen {
            let shown = |value: Option<String>| value.map_or_else(|| "nothing".to_owned(), |value| view::cut(&value));
            let message = format!("the contributed annotation {key} is not as in the registry export");
            return violated(message, shown(expected), shown(seen), at(export, key));
        }
        if expected.is_some() {
            result = Finding::Holds;
        }
    }
    result
}

fn metadata_path(export: &Export) -> String {
    format!("{}/config/metadata.toml", export.inputs.layers)
}

/// The build metadata without its annotations.
fn other_metadata(export: &Export) -> toml::Table {
    let mut table = toml_input(&export.inputs, &metadata_path(export)).map(Rc::unwrap_or_clone).unwrap_or_default();
    table.remove("annotations");
    table
}

fn contributing_changes_the_config_layer_alone(case: &Case<'_>) -> Finding {
    if super::digest::a_repeat_differs(case) {
        return not_applicable("an identical repeat differs already");
    }
    let Some(path) = case.exports.first().map(|export| metadata_path(export)) else {
        return not_applicable("nothing was exported");
    };
    // A buildpack says it in its launch.toml, from where the builder collects it: both files may differ.
    let is_launch_toml = |path: &String| path.ends_with("/launch.toml");
    let pairs = case.pairs_that_differ_in(|differences| {
        differences.contains(&path) && differences.iter().all(|other| *other == path || is_launch_toml(other))
    });
    let mut result = not_applicable("no two exports differ in [[annotations]] alone");
    for (first, second) in pairs {
        if other_metadata(first) != other_metadata(second) {
            continue;
        }
        result = together_with(first, second, &path);
        if result != Finding::Holds {
            return result;
        }
    }
    result
}

fn together_with(first: &Export, second: &Export, path: &str) -> Finding {
    let ids = |export: &Export| -> Vec<String> {
        view::diff_ids(export.image.as_ref().and_then(|image| image.config.as_ref()))
    };
    let (expected, found) = (ids(first), ids(second));
    let place = second.at("config.json#/rootfs/diff_ids");
    if expected.len() != found.len() {
        return violated("contributing an annotation changes the number of layers", expected.len(), found.len(), place);
    }
    let config: BTreeSet<usize> = [first, second].into_iter().flat_map(|export| holders(export, path)).collect();
    for (index, (one, two)) in expected.iter().zip(&found).enumerate() {
        if one != two && !config.contains(&index) {
            return violated(format!("contributing an annotation changes layer {index}"), one, two, place);
        }
    }
    holds_when(!config.is_empty(), || not_applicable("no layer holds config/metadata.toml"))
}

/// Places of the layers that hold a path.
fn holders(export: &Export, path: &str) -> Vec<usize> {
    let layers = export.image.iter().flat_map(|image| image.layers.iter().enumerate());
    let holds = |layer: &crate::evidence::Layer| layer.blob.iter().flat_map(|b| &b.entries).any(|e| e.path == path);
    layers.filter(|(_, layer)| holds(layer)).map(|(index, _)| index).collect()
}

pub(super) fn observations(case: &Case<'_>, annotating: &Annotating, see: &mut dyn FnMut(&Export, &str, String, &str)) {
    for export in case.good() {
        let Some(image) = export.image.as_ref().filter(|image| image.manifest.is_some()) else { continue };
        for (key, values) in contributed(export) {
            let Some(rival) = rival(export, &key).filter(|_| annotating.answers_of(&key)) else { continue };
            let answer = match found(export, image, &key) {
                None => "neither".to_owned(),
                Some(found) if values.contains(&found) => "the buildpack".to_owned(),
                Some(_) => rival.to_owned(),
            };
            let name = key.strip_prefix(PREFIX).unwrap_or(&key);
            see(
                export,
                "who-wins-a-key-of-several",
                format!("{name}, of {rival} and a buildpack: {answer}"),
                "manifest.json#/annotations",
            );
        }
    }
}
