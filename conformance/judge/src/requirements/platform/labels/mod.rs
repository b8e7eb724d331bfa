//! Labels that the specification asks for, against the build's inputs.

mod build;
mod layers;
mod own_layers;
mod project;
mod run_image;

use super::super::contributed_labels;
use crate::evidence::{Export, Image};
use crate::json::Json;
use crate::requirement::{holds_when, not_applicable, violated};
use crate::verdict::Finding;
use crate::view::{self, LIFECYCLE};
pub(super) use build::{
    the_build_metadata_is_in_its_label, the_buildpacks_are_in_the_label, the_launcher_is_in_the_label,
};
pub(super) use layers::{data_is_in_the_label, layer_metadata_is_in_the_label, the_store_is_kept};
pub(super) use project::the_project_metadata_is_in_its_label;
pub(in super::super) use run_image::identifies;
pub(super) use run_image::{
    the_deprecated_key_agrees, the_run_image_is_in_the_label, the_run_image_s_names_are_in_the_label,
};

pub(super) const BUILD: &str = "io.buildpacks.build.metadata";
pub(super) const PROJECT: &str = "io.buildpacks.project.metadata";

fn at(export: &Export, label: &str) -> String {
    export.at(&format!("config.json#/config/Labels/{label}"))
}

fn missing(export: &Export, image: &Image, label: &str) -> Finding {
    let found = view::labels(image).get(label).map_or_else(|| "nothing".to_owned(), |text| view::cut(text));
    violated(format!("the label {label} is missing or not JSON"), "a JSON object", found, at(export, label))
}

fn find<'a>(list: Option<&'a Json>, key: &str, value: &str) -> Option<&'a Json> {
    list?.items()?.iter().find(|entry| entry.get(key).and_then(Json::as_str) == Some(value))
}

/// Every text in a value.
pub(super) fn strings(value: &toml::Value, found: &mut Vec<String>) {
    match value {
        toml::Value::String(text) => found.push(text.clone()),
        toml::Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        toml::Value::Table(table) => table.values().for_each(|value| strings(value, found)),
        _ => {}
    }
}

pub(super) fn the_label_rebasable_is_there(export: &Export, image: &Image) -> Finding {
    const LABEL: &str = "io.buildpacks.rebasable";
    let labels = view::labels(image);
    let found = labels.get(LABEL).map(String::as_str);
    holds_when(matches!(found, Some("true" | "false")), || {
        violated(
            "the label rebasable is neither true nor false",
            "true or false",
            found.unwrap_or("nothing"),
            at(export, LABEL),
        )
    })
}

/// Labels whose values the Platform specification gives (exporter, Outputs).
const WRITTEN: [&str; 4] = [LIFECYCLE, BUILD, PROJECT, "io.buildpacks.rebasable"];

pub(super) fn contributed_labels_are_there(export: &Export, image: &Image) -> Finding {
    let mut contributed = contributed_labels(export);
    // What the exporter has to write under a key itself, no buildpack can.
    contributed.retain(|(key, _)| !WRITTEN.contains(&key.as_str()));
    if contributed.is_empty() {
        return not_applicable("no buildpack contributes a label");
    }
    let labels = view::labels(image);
    for (key, _) in &contributed {
        let expected = contributed
            .iter()
            .rev()
            .find(|(other, _)| other == key)
            .map(|(_, value)| value.as_str())
            .unwrap_or_default();
        let found = labels.get(key).map(String::as_str);
        if found != Some(expected) {
            return violated(
                format!("the label {key} is not what the last [[labels]] of metadata.toml with this key gives it"),
                expected,
                found.unwrap_or("nothing"),
                at(export, key),
            );
        }
    }
    Finding::Holds
}
