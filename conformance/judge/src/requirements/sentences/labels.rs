//! Execution environments of processes (`cnb-platform.md`, `io.buildpacks.build.metadata`).

use std::collections::BTreeSet;

use super::super::platform_inputs as inputs;
use crate::evidence::{Export, Image};
use crate::json::Json;
use crate::requirement::{not_applicable, violated};
use crate::verdict::Finding;
use crate::view;

const BUILD: &str = "io.buildpacks.build.metadata";

/// Environments as a reader takes them: nothing, an empty list and `*` mean every one.
fn meant<'a>(names: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let names: BTreeSet<String> = names.map(str::to_owned).collect();
    if names.contains("*") { BTreeSet::new() } else { names }
}

fn shown(names: &BTreeSet<String>) -> String {
    if names.is_empty() { "every environment".to_owned() } else { names.iter().cloned().collect::<Vec<_>>().join(", ") }
}

pub(super) fn execution_environments_are_the_builds(export: &Export, image: &Image) -> Finding {
    let metadata = inputs::metadata(export);
    let processes = inputs::tables(&metadata, "processes");
    let Some(label) = view::json_label(image, BUILD) else {
        return not_applicable("there is no label of the build");
    };
    let told = label.get("processes").and_then(Json::items).unwrap_or_default();
    let is_told = told.iter().any(|entry| entry.get("exec-env").is_some_and(|value| *value != Json::Null));
    if !is_told && !processes.iter().any(|process| process.contains_key("exec-env")) {
        return not_applicable("no process has exec-env");
    }
    for entry in told {
        let name = entry.get("type").and_then(Json::as_str).unwrap_or_default();
        // Definitions of one type follow each other; the last one counts.
        let Some(process) = processes.iter().rev().find(|process| inputs::text(process, "type") == name) else {
            continue;
        };
        let given = process.get("exec-env").and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let expected = meant(given.iter().filter_map(toml::Value::as_str));
        let listed = entry.get("exec-env").and_then(Json::items).unwrap_or_default();
        let found = meant(listed.iter().filter_map(Json::as_str));
        if expected != found {
            let message = format!("the label does not say the execution environments of the process {name}");
            let place = export.at(&format!("config.json#/config/Labels/{BUILD}"));
            return violated(message, shown(&expected), shown(&found), place);
        }
    }
    Finding::Holds
}
