//! Labels that the specification asks for, against the build's inputs.

use std::collections::HashSet;
use std::rc::Rc;

use super::super::{contributed_labels, same_value};
use super::data::{is_nothing, same_data};
use super::inputs::{self, InputLayer};
use super::label_layers::the_label_names_its_own_layers;
use crate::digest::{ContentId, Digest};
use crate::evidence::{Export, Image, Target};
use crate::json::Json;
use crate::reference::is_same_image;
use crate::requirement::{holds_when, not_applicable, toml_input, violated};
use crate::verdict::Finding;
use crate::view::{self, LIFECYCLE, shown};

pub(super) const BUILD: &str = "io.buildpacks.build.metadata";
pub(super) const PROJECT: &str = "io.buildpacks.project.metadata";

fn at(export: &Export, label: &str) -> String {
    export.at(&format!("config.json#/config/Labels/{label}"))
}

fn missing(export: &Export, image: &Image, label: &str) -> Finding {
    let found = view::labels(image).get(label).map_or_else(|| "nothing".to_owned(), |text| view::cut(text));
    violated(format!("the label {label} is missing or not JSON"), "a JSON object", found, at(export, label))
}

pub(super) fn the_project_metadata_is_in_its_label(export: &Export, image: &Image) -> Finding {
    let Some(label) = view::json_label(image, PROJECT) else { return missing(export, image, PROJECT) };
    let input = toml_input(&export.inputs, &export.inputs.project_metadata);
    let is_it = match &input {
        Some(input) => is_form_of(input, &label),
        None => is_blank(&label),
    };
    let expected = toml::Value::Table(input.map(Rc::unwrap_or_clone).unwrap_or_default());
    holds_when(is_it, || {
        violated(
            "the label is not the JSON form of project-metadata.toml",
            view::cut(&expected.to_string()),
            shown(Some(&label)),
            at(export, PROJECT),
        )
    })
}

/// Whether the label has what the file says in the tables that both schemas have (`source` with `type`, `version` and
/// `metadata`). What else the file says may be left out, or be there as the file has it; nothing may be made up.
fn is_form_of(file: &toml::Table, label: &Json) -> bool {
    let none = toml::Value::Table(toml::Table::new());
    let nothing = Json::Null;
    let (source, in_label) = (file.get("source").unwrap_or(&none), label.get("source").unwrap_or(&nothing));
    let Some(source) = source.as_table() else { return same_data(source, in_label) };
    let has_the_schema_s = ["type", "version", "metadata"].iter().all(|key| {
        let (value, found) = (source.get(*key).unwrap_or(&none), in_label.get(key).unwrap_or(&nothing));
        same_data(value, found) || *key == "type" && value.as_str() == Some("") && is_nothing(found)
    });
    let is_of_the_file = |key: &str, found: &Json, table: &toml::Table| {
        table.get(key).map_or_else(|| is_nothing(found), |value| same_data(value, found))
    };
    let others = |json: &Json, table: &toml::Table, known: &[&str]| {
        let members = json.members().unwrap_or_default().iter();
        let mut further = members.filter(|(key, _)| !known.contains(&key.as_str()));
        further.all(|(key, found)| is_of_the_file(key, found, table))
    };
    label.members().is_some()
        && has_the_schema_s
        && others(label, file, &["source"])
        && others(in_label, source, &["type", "version", "metadata"])
}

/// `{}`, or objects that hold nothing but empty objects, nulls and empty strings.
fn is_blank(label: &Json) -> bool {
    fn inner(value: &Json) -> bool {
        match value {
            Json::Null => true,
            Json::String(text) => text.is_empty(),
            Json::Object(members) => members.iter().all(|(_, value)| inner(value)),
            _ => false,
        }
    }
    matches!(label, Json::Object(_)) && inner(label)
}

fn find<'a>(list: Option<&'a Json>, key: &str, value: &str) -> Option<&'a Json> {
    list?.items()?.iter().find(|entry| entry.get(key).and_then(Json::as_str) == Some(value))
}

pub(super) fn the_build_metadata_is_in_its_label(export: &Export, image: &Image) -> Finding {
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

pub(super) fn the_launcher_is_in_the_label(export: &Export, image: &Image) -> Finding {
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
pub(super) fn the_buildpacks_are_in_the_label(export: &Export, image: &Image) -> Finding {
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

/// Names that run.toml gives the run image: its own entry, else the first.
fn resolved_names(export: &Export) -> Option<(String, Vec<String>)> {
    let run = toml_input(&export.inputs, &export.inputs.run)?;
    let images = inputs::tables(&run, "images");
    let mirrors = |entry: &toml::Table| -> Vec<String> {
        let list = entry.get("mirrors").and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
    };
    let is_own = |name: &str| is_same_image(name, &export.run_image.name);
    let entry = images
        .iter()
        .find(|entry| is_own(inputs::text(entry, "image")) || mirrors(entry).iter().any(|name| is_own(name)))
        .or(images.first())?;
    Some((inputs::text(entry, "image").to_owned(), mirrors(entry)))
}

pub(super) fn the_run_image_is_in_the_label(export: &Export, image: &Image) -> Finding {
    let Some(label) = view::lifecycle_label(image) else { return missing(export, image, LIFECYCLE) };
    let run_image = label.get("runImage");
    let text = |key: &str| run_image.and_then(|label| label.get(key)?.as_str()).unwrap_or_default();
    let top = view::diff_ids(Some(&export.run_image.config)).last().cloned().unwrap_or_default();
    if text("topLayer") != top {
        return violated(
            "runImage.topLayer is not the run image's last diffID",
            top,
            text("topLayer"),
            at(export, LIFECYCLE),
        );
    }
    match the_run_image_s_names_are_in_the_label(export, image) {
        Finding::Holds => {}
        finding => return finding,
    }
    let reference = text("reference");
    holds_when(identifies(export, reference), || {
        violated(
            "runImage.reference does not identify the run image",
            &export.run_image.reference,
            reference,
            at(export, LIFECYCLE),
        )
    })
}

/// The names that run.toml gives, and nothing else.
pub(super) fn the_run_image_s_names_are_in_the_label(export: &Export, image: &Image) -> Finding {
    let Some(label) = view::lifecycle_label(image) else { return missing(export, image, LIFECYCLE) };
    let run_image = label.get("runImage");
    let text = |key: &str| run_image.and_then(|label| label.get(key)?.as_str()).unwrap_or_default();
    if let Some((name, mirrors)) = resolved_names(export) {
        if !is_same_image(text("image"), &name) {
            return violated("runImage.image is not that of run.toml", name, text("image"), at(export, LIFECYCLE));
        }
        let items = run_image.and_then(|label| label.get("mirrors")?.items()).unwrap_or_default();
        let found: Vec<&str> = items.iter().filter_map(Json::as_str).collect();
        let same = items.len() == mirrors.len()
            && found.len() == mirrors.len()
            && found.iter().zip(&mirrors).all(|(one, two)| is_same_image(one, two));
        if !same {
            return violated(
                "runImage.mirrors are not those of run.toml",
                mirrors.join(", "),
                shown(run_image.and_then(|label| label.get("mirrors"))),
                at(export, LIFECYCLE),
            );
        }
    }
    Finding::Holds
}

/// An imageID, a digest reference, or in a daemon whatever the daemon calls it.
pub(in crate::requirements) fn identifies(export: &Export, reference: &str) -> bool {
    let run = &export.run_image;
    let in_daemon = run.in_daemon.iter().filter(|_| export.target == Target::Daemon);
    let called_there = in_daemon.flat_map(|run| run.digests().chain([run.id.as_str()])).filter_map(ContentId::parse);
    let names: Vec<ContentId> = [&run.digest, &run.manifest.digest, &run.config.digest]
        .into_iter()
        .map(Into::into)
        .chain(called_there)
        .collect();
    let is_name = |text: &str| ContentId::parse(text).is_some_and(|id| names.contains(&id));
    let after_at = reference.rsplit_once('@').map(|(_, digest)| digest);
    let is_given = export.target != Target::Registry && ContentId::same_reference(reference, &run.reference);
    is_given || is_name(reference) || after_at.is_some_and(is_name)
}

pub(super) fn the_deprecated_key_agrees(export: &Export, image: &Image) -> Finding {
    let label = view::lifecycle_label(image);
    let label = label.as_ref();
    let Some(stack) = label.and_then(|label| label.at(&["stack", "runImage"])) else {
        return not_applicable("there is no stack.runImage");
    };
    let run_image = label.and_then(|label| label.get("runImage"));
    for key in ["image", "mirrors", "topLayer", "reference"] {
        // Its own two keys are all that the old one has to have.
        if matches!(key, "topLayer" | "reference") && stack.get(key).is_none() {
            continue;
        }
        let value = |json: Option<&Json>| json.and_then(|json| json.get(key)).map(Json::to_value);
        let is_none = |value: &Option<serde_json::Value>| {
            value.as_ref().is_none_or(|value| value.is_null() || value.as_array().is_some_and(Vec::is_empty))
        };
        let (expected, found) = (value(run_image), value(Some(stack)));
        let text = |value: &Option<serde_json::Value>| value.as_ref().and_then(|one| one.as_str().map(str::to_owned));
        let same_id = key == "reference"
            && text(&expected).zip(text(&found)).is_some_and(|(one, two)| ContentId::same_reference(&one, &two));
        if expected != found && !same_id && !(is_none(&expected) && is_none(&found)) {
            let shown = |value: Option<serde_json::Value>| {
                value.map_or_else(|| "nothing".to_owned(), |value| value.to_string())
            };
            return violated(
                format!("stack.runImage.{key} is not runImage.{key}"),
                shown(expected),
                shown(found),
                at(export, LIFECYCLE),
            );
        }
    }
    Finding::Holds
}

pub(super) fn layer_metadata_is_in_the_label(export: &Export, image: &Image) -> Finding {
    let Some(label) = view::lifecycle_label(image) else { return missing(export, image, LIFECYCLE) };
    for buildpack in inputs::buildpacks(export) {
        let entry = find(label.get("buildpacks"), "key", &buildpack.id);
        if entry.and_then(|entry| entry.get("version")?.as_str()) != Some(&buildpack.version) {
            let expected = format!("{}@{}", buildpack.id, buildpack.version);
            return violated("the label has no entry for a buildpack", expected, shown(entry), at(export, LIFECYCLE));
        }
        let layers = entry.and_then(|entry| entry.get("layers"));
        if layers.and_then(Json::members).is_none() {
            let message = format!("the entry of {} has no layers", buildpack.id);
            return violated(message, "an object, empty where there are none", shown(layers), at(export, LIFECYCLE));
        }
    }
    let ids = view::diff_ids(image.config.as_ref());
    for layer in inputs::layers(export).into_iter().filter(|layer| layer.types.launch) {
        let finding = data_is_in_the_label(export, &layer);
        if finding != Finding::Holds {
            return finding;
        }
        let entry = find(label.get("buildpacks"), "key", &layer.buildpack).and_then(|e| e.at(&["layers", &layer.name]));
        let sha = entry.and_then(|entry| entry.get("sha")?.as_str()).unwrap_or_default();
        if Digest::parse(sha).is_err() || !ids.iter().any(|id| id == sha) {
            return violated(
                format!("sha of layer {} is not a diffID of the image", layer.name),
                "one of diff_ids",
                sha,
                at(export, LIFECYCLE),
            );
        }
        let holds_it = layer.has_folder.then(|| holds_the_folder(export, image, &layer, sha));
        if holds_it == Some(false) {
            let expected = format!("the layer with {}", layer.folder);
            return violated(
                format!("sha of layer {} is another layer's", layer.name),
                expected,
                sha,
                at(export, LIFECYCLE),
            );
        }
    }
    the_label_names_its_own_layers(export, image, &label)
}

/// Whether the layer of this diffID has every file of the folder: a rebuild that re-uses the layer has no other. An empty
/// folder may be in any layer.
fn holds_the_folder(export: &Export, image: &Image, layer: &InputLayer, sha: &str) -> bool {
    let blob = image.layers.iter().filter_map(|layer| layer.blob.as_ref()).find(|blob| blob.diff_id.as_str() == sha);
    let Some(blob) = blob else { return export.inputs.below(&layer.folder).next().is_none() };
    let there: HashSet<&str> = blob.entries.iter().map(|entry| entry.path.as_str()).collect();
    let mut files = inputs::leaves(export, &layer.folder);
    // A layer that was not read to its end says nothing of what is missing in it.
    let is_whole = blob.unlisted.is_some() || files.all(|file| there.contains(file.path.as_str()));
    is_whole && has_something(export, &layer.folder, &there)
}

/// Whether anything of a folder is there, where anything is in it.
fn has_something(export: &Export, folder: &str, there: &HashSet<&str>) -> bool {
    let is_in = |path: &&str| **path == *folder || view::is_below(path, folder);
    export.inputs.below(folder).next().is_none() || there.iter().any(is_in)
}

/// Types and data of one launch layer.
pub(super) fn data_is_in_the_label(export: &Export, layer: &InputLayer) -> Finding {
    let label = export.image.as_ref().and_then(view::lifecycle_label);
    let entries = label.as_ref().and_then(|label| label.get("buildpacks"));
    let entry = find(entries, "key", &layer.buildpack).and_then(|entry| entry.at(&["layers", &layer.name]));
    let Some(entry) = entry else {
        return violated(
            format!("the label has no entry for layer {}", layer.name),
            "an entry",
            "nothing",
            at(export, LIFECYCLE),
        );
    };
    for (key, expected) in [("launch", layer.types.launch), ("build", layer.types.build), ("cache", layer.types.cache)]
    {
        let found = entry.get(key);
        let is_it = match found {
            Some(Json::Bool(flag)) => *flag == expected,
            None => !expected,
            _ => false,
        };
        if !is_it {
            return violated(
                format!("{key} of layer {} is not that of its file", layer.name),
                expected,
                shown(found),
                at(export, LIFECYCLE),
            );
        }
    }
    let data = entry.get("data");
    let none = toml::Value::Table(toml::Table::new());
    let is_it = same_data(layer.metadata.as_ref().unwrap_or(&none), data.unwrap_or(&Json::Null));
    holds_when(is_it, || {
        violated(
            format!("data of layer {} is not its metadata", layer.name),
            shown(layer.metadata.as_ref()),
            shown(data),
            at(export, LIFECYCLE),
        )
    })
}

pub(super) fn the_store_is_kept(export: &Export, image: &Image) -> Finding {
    let mut result = not_applicable("no buildpack left a store.toml");
    for buildpack in inputs::buildpacks(export) {
        let path = inputs::store_file(export, &buildpack.id);
        let Some(file) = export.inputs.file(&path) else { continue };
        let table = toml_input(&export.inputs, &path).unwrap_or_default();
        let mut sentinels = Vec::new();
        table.values().for_each(|value| strings(value, &mut sentinels));
        let config = image.config.as_ref().and_then(|config| config.text()).unwrap_or_default();
        let manifest = image.manifest.as_ref().and_then(|manifest| manifest.text()).unwrap_or_default();
        let is_there = |text: &String| {
            let escaped = serde_json::Value::from(text.as_str()).to_string();
            let inner = escaped.trim_matches('"');
            // In a label JSON stands in JSON, and is escaped twice.
            let twice = serde_json::Value::from(inner).to_string();
            let twice = twice.trim_matches('"');
            [text.as_str(), inner, twice].iter().any(|form| config.contains(form) || manifest.contains(form))
        };
        let in_documents = sentinels.iter().all(is_there);
        let in_files = view::new_files(export, image).values().any(|entry| entry.content == file.content);
        if !in_documents && !in_files && !sentinels.is_empty() {
            return violated(
                format!("the store of {} is not in the image", buildpack.id),
                sentinels.join(", "),
                "nothing",
                at(export, LIFECYCLE),
            );
        }
        result = Finding::Holds;
    }
    result
}

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

pub(super) fn contributed_labels_are_there(export: &Export, image: &Image) -> Finding {
    let contributed = contributed_labels(export);
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
