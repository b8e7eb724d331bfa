//! `io.buildpacks.build.metadata`: buildpacks, extensions, processes and the launcher.

use super::super::super::same_value;
use super::super::inputs;
use super::{BUILD, at, find, missing};
use crate::evidence::{Export, Image};
use crate::json::Json;
use crate::requirement::{holds_when, toml_input, violated};
use crate::verdict::Finding;
use crate::view::{self, shown};

pub(in super::super) fn the_build_metadata_is_in_its_label(export: &Export, image: &Image) -> Finding {
    match the_buildpacks_are_in_the_label(export, image) {
        Finding::Holds => {}
        finding => return finding,
    }
    let Some(label) = view::json_label(image, BUILD) else { return missing(export, image, BUILD) };
    match the_extensions_are_in_the_label(export, &label) {
        Finding::Holds => {}
        finding => return finding,
    }
    let metadata = inputs::metadata(export);
    let processes = inputs::tables(&metadata, "processes");
    for process in &processes {
        // Definitions of one type follow each other; the last one counts.
        let name = inputs::text(process, "type");
        let last = processes.iter().rev().find(|other| inputs::text(other, "type") == name).unwrap_or(process);
        let entry = find(label.get("processes"), "type", name);
        if !entry.is_some_and(|entry| is_process(last, entry, &export.inputs.app)) {
            return violated(
                format!("the label does not hold the process {name}"),
                view::cut(&last.to_string()),
                shown(entry),
                at(export, BUILD),
            );
        }
    }
    Finding::Holds
}

pub(in super::super) fn the_launcher_is_in_the_label(export: &Export, image: &Image) -> Finding {
    let Some(label) = view::json_label(image, BUILD) else {
        return missing(export, image, BUILD).following(&["platform.label-build-metadata"]);
    };
    let launcher = label.get("launcher");
    holds_when(launcher.is_some_and(|launcher| launcher.members().is_some()), || {
        violated("the label says nothing of the launcher", "an object", shown(launcher), at(export, BUILD))
    })
}

/// Extensions of the group, which are in the label as buildpacks are, in a list of their own.
fn the_extensions_are_in_the_label(export: &Export, label: &Json) -> Finding {
    let group = toml_input(&export.inputs, &export.inputs.group).unwrap_or_default();
    for extension in inputs::tables(&group, "group-extensions") {
        let (id, version) = (inputs::text(extension, "id"), inputs::text(extension, "version"));
        let entry = find(label.get("extensions"), "id", id);
        if entry.and_then(|entry| entry.get("version")?.as_str()) != Some(version) {
            let message = "the label does not name an extension of the group";
            return violated(message, format!("{id}@{version}"), shown(entry), at(export, BUILD));
        }
    }
    Finding::Holds
}

/// The buildpacks of the group alone.
pub(in super::super) fn the_buildpacks_are_in_the_label(export: &Export, image: &Image) -> Finding {
    let Some(label) = view::json_label(image, BUILD) else { return missing(export, image, BUILD) };
    for buildpack in inputs::buildpacks(export) {
        let entry = find(label.get("buildpacks"), "id", &buildpack.id);
        let is_it = entry.and_then(|entry| entry.get("version")?.as_str()) == Some(&buildpack.version);
        if !is_it || !agrees(entry, "api", buildpack.api.as_ref()) {
            let api = buildpack.api.as_ref().map_or_else(String::new, |api| format!(" with API {api}"));
            let expected = format!("{}@{}{api}", buildpack.id, buildpack.version);
            return violated(
                "the label does not name a buildpack of the group",
                expected,
                shown(entry),
                at(export, BUILD),
            );
        }
    }
    Finding::Holds
}

/// Whether what an entry says under a key, if anything, is what the input says, if anything.
fn agrees(entry: Option<&Json>, key: &str, expected: Option<&toml::Value>) -> bool {
    let found = entry.and_then(|entry| entry.get(key)).filter(|found| **found != Json::Null);
    found.zip(expected).is_none_or(|(found, expected)| same_value(expected, found))
}

/// Command, arguments and working folder are those of the input; a command may be a string where it is one. What else
/// is said of it is not another thing than the input says.
fn is_process(process: &toml::Table, entry: &Json, app: &str) -> bool {
    let same_list = |key: &str| {
        let expected: Vec<&str> = match process.get(key) {
            Some(toml::Value::Array(items)) => items.iter().filter_map(toml::Value::as_str).collect(),
            Some(toml::Value::String(text)) => vec![text],
            _ => Vec::new(),
        };
        // Readers refuse a label in which an item is not a string.
        let found: Option<Vec<&str>> = match entry.get(key) {
            Some(Json::Array(items)) => items.iter().map(Json::as_str).collect(),
            Some(Json::String(text)) => Some(vec![text]),
            None | Some(Json::Null) => Some(Vec::new()),
            Some(_) => None,
        };
        found.is_some_and(|found| expected == found)
    };
    let folder = inputs::text(process, "working-dir");
    let found = entry.get("working-dir").and_then(Json::as_str).unwrap_or_default();
    // Without a folder of its own a process is started in that of the app.
    let is_its_folder = found == folder || folder.is_empty() && found == app;
    let is_run_so = same_list("command") && same_list("args") && is_its_folder;
    let said = [("direct", "direct"), ("buildpackID", "buildpack-id")];
    is_run_so && said.into_iter().all(|(name, key)| agrees(Some(entry), name, process.get(key)))
}
