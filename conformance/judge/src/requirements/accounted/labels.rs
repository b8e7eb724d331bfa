//! Labels from the image to the inputs: who is named in them was in the build, and what they say of it is what the
//! build said. Fields and labels that no specification knows are a vendor's, and free.

use super::super::platform_inputs as inputs;
use super::super::{contributed_labels, same_value};
use super::at;
use super::layers::PROCESSES;
use crate::evidence::{Entry, EntryKind, Export, Image};
use crate::json::Json;
use crate::requirement::{Case, holds_when, not_applicable, together, toml_input, violated};
use crate::verdict::Finding;
use crate::view::{self, LIFECYCLE, shown};

const BUILD: &str = "io.buildpacks.build.metadata";
/// Labels that the exporter writes itself, whatever the run image has under their names.
const WRITTEN: [&str; 5] =
    [BUILD, LIFECYCLE, "io.buildpacks.project.metadata", "io.buildpacks.rebasable", "io.buildpacks.exec-env"];

fn place(export: &Export, label: &str) -> String {
    at(export, &format!("config/Labels/{label}"))
}

fn text<'a>(entry: &'a Json, key: &str) -> &'a str {
    entry.get(key).and_then(Json::as_str).unwrap_or_default()
}

fn items<'a>(label: &'a Json, key: &str) -> &'a [Json] {
    label.get(key).and_then(Json::items).unwrap_or_default()
}

/// An entry that is of something that was not in the build.
fn invented(export: &Export, label: &str, what: &str, expected: &[String], entry: &Json) -> Finding {
    let expected = if expected.is_empty() { "none".to_owned() } else { expected.join(", ") };
    violated(
        format!("the label names {what} that was not in the build"),
        expected,
        shown(Some(entry)),
        place(export, label),
    )
}

pub(super) fn nothing_is_invented(case: &Case<'_>) -> Finding {
    together([
        case.each_image(the_build_s_label_names_the_build),
        case.each_image(the_lifecycle_s_label_names_the_build),
        nothing_is_left_of_the_previous_build(case),
    ])
}

fn the_build_s_label_names_the_build(export: &Export, image: &Image) -> Finding {
    let Some(label) = view::json_label(image, BUILD) else { return not_applicable("there is no label of the build") };
    let group = toml_input(&export.inputs, &export.inputs.group).unwrap_or_default();
    for (key, inputs_key, what) in
        [("buildpacks", "group", "a buildpack"), ("extensions", "group-extensions", "an extension")]
    {
        let finding = each_is_of_the_group(export, items(&label, key), &inputs::tables(&group, inputs_key), what);
        if finding != Finding::Holds {
            return finding;
        }
    }
    let types = inputs::process_types(export);
    let mut left = types.clone();
    for entry in items(&label, "processes") {
        let Some(found) = left.iter().position(|name| name == text(entry, "type")) else {
            return invented(export, BUILD, "a process", &types, entry);
        };
        left.remove(found);
    }
    let default = text(&label, "buildpack-default-process-type");
    let metadata = inputs::metadata(export);
    let expected = inputs::text(&metadata, "buildpack-default-process-type");
    let is_default = |name: &str| {
        let mut said = inputs::tables(&metadata, "processes").into_iter();
        name == expected || said.any(|one| inputs::text(one, "type") == name && one.contains_key("default"))
    };
    let mut others = items(&label, "processes").iter().filter(|entry| entry.get("default") == Some(&Json::Bool(true)));
    if let Some(entry) = others.find(|entry| !is_default(text(entry, "type"))) {
        let message = "the label has a default process that the build has not";
        return violated(message, expected, shown(Some(entry)), place(export, BUILD));
    }
    let bom = label.get("bom").filter(|bom| !is_blank(bom) && !metadata.contains_key("bom"));
    if let Some(bom) = bom {
        let message = "the label has a bill of materials that is in no input";
        return violated(message, "nothing", shown(Some(bom)), place(export, BUILD));
    }
    holds_when(default.is_empty() || default == expected, || {
        violated("the label has another default process than the build", expected, default, place(export, BUILD))
    })
}

/// Each entry is a buildpack (or extension) of the group, once, with that buildpack's API and homepage where it has
/// them.
fn each_is_of_the_group(export: &Export, entries: &[Json], group: &[&toml::Table], what: &str) -> Finding {
    let named = |table: &toml::Table| format!("{}@{}", inputs::text(table, "id"), inputs::text(table, "version"));
    let all: Vec<String> = group.iter().map(|table| named(table)).collect();
    let mut left = group.to_vec();
    for entry in entries {
        let name = format!("{}@{}", text(entry, "id"), text(entry, "version"));
        let Some(found) = left.iter().position(|table| named(table) == name) else {
            return invented(export, BUILD, what, &all, entry);
        };
        let table = left.remove(found);
        for key in ["api", "homepage"] {
            let (expected, said) = (table.get(key), entry.get(key).filter(|said| !is_blank(said)));
            if let Some(said) = said
                && !expected.is_some_and(|expected| same_value(expected, said))
            {
                let expected = expected.map_or_else(|| "nothing".to_owned(), ToString::to_string);
                return violated(format!("{key} of {name} is not the group's"), expected, said, place(export, BUILD));
            }
        }
    }
    Finding::Holds
}

fn is_blank(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(members) => members.iter().all(|(_, value)| is_blank(value)),
        Json::Bool(_) | Json::Number(_) => false,
    }
}

fn the_lifecycle_s_label_names_the_build(export: &Export, image: &Image) -> Finding {
    let Some(label) = view::lifecycle_label(image) else { return not_applicable("there is no label of the lifecycle") };
    let mut left = inputs::buildpacks(export);
    let all: Vec<String> = left.iter().map(|one| format!("{}@{}", one.id, one.version)).collect();
    let launch: Vec<_> = inputs::layers(export).into_iter().filter(|layer| layer.types.launch).collect();
    for entry in items(&label, "buildpacks") {
        let (key, version) = (text(entry, "key"), text(entry, "version"));
        let Some(found) = left.iter().position(|one| one.id == key && one.version == version) else {
            return invented(export, LIFECYCLE, "a buildpack", &all, entry);
        };
        left.remove(found);
        let own: Vec<String> = launch.iter().filter(|layer| layer.buildpack == key).map(|l| l.name.clone()).collect();
        for (name, layer) in entry.get("layers").and_then(Json::members).unwrap_or_default() {
            if !own.contains(name) {
                return invented(export, LIFECYCLE, &format!("{name}, a launch layer of {key},"), &own, layer);
            }
        }
        let finding = the_store_is_its_own(export, key, entry.get("store"));
        if finding != Finding::Holds {
            return finding;
        }
    }
    every_layer_is_in_the_image(export, image, &label)
}

/// A store in the entry of a buildpack is that buildpack's `store.toml`.
fn the_store_is_its_own(export: &Export, buildpack: &str, store: Option<&Json>) -> Finding {
    let Some(store) = store.filter(|store| !is_blank(store)) else { return Finding::Holds };
    let path = format!("{}/store.toml", inputs::buildpack_folder(export, buildpack));
    let input = toml_input(&export.inputs, &path);
    let is_it = input.as_ref().is_some_and(|table| same_value(&toml::Value::Table(toml::Table::clone(table)), store));
    holds_when(is_it, || {
        let expected = input.map_or_else(|| "nothing".to_owned(), |table| view::cut(&table.to_string()));
        violated(
            format!("the store of {buildpack} is not its store.toml"),
            expected,
            shown(Some(store)),
            place(export, LIFECYCLE),
        )
    })
}

/// Layers that the label names and `platform.layer-metadata-stored` does not ask for, because the build has nothing for
/// them, are layers of the image all the same; the execution environment is the one that the exporter was told.
fn every_layer_is_in_the_image(export: &Export, image: &Image, label: &Json) -> Finding {
    let ids = view::diff_ids(image.config.as_ref());
    for key in ["process-types", "sbom", "config", "launcher"] {
        let sha = label.get(key).map(|entry| text(entry, "sha")).unwrap_or_default();
        if !sha.is_empty() && !ids.iter().any(|id| id == sha) {
            let message = format!("{key}.sha is of no layer of the image");
            return violated(message, "one of diff_ids", sha, place(export, LIFECYCLE));
        }
    }
    let finding = layers_hold_what_they_are_named_for(export, image, label);
    if finding != Finding::Holds {
        return finding;
    }
    let told = export.inputs.environment.get("CNB_EXEC_ENV").map_or("production", String::as_str);
    let labels = view::labels(image);
    let own = labels.get("io.buildpacks.exec-env").map_or("", String::as_str);
    for (said, name) in [(text(label, "exec-env"), LIFECYCLE), (own, "io.buildpacks.exec-env")] {
        if !said.is_empty() && said != told {
            let message = "the label names another execution environment than the exporter was told";
            return violated(message, told, said, place(export, name));
        }
    }
    the_base_is_not_made_up(export, image)
}

/// The layer of processes has their links, and one of SBOMs nothing else where the build has none. Of the others
/// `platform.layer-metadata-stored` speaks.
fn layers_hold_what_they_are_named_for(export: &Export, image: &Image, label: &Json) -> Finding {
    let sboms = format!("{}/sbom/launch", export.inputs.layers);
    let files = view::new_files(export, image);
    let has = |folder: &str| files.keys().any(|path| view::is_below(path, folder));
    let named = [("process-types", PROCESSES, has(PROCESSES)), ("sbom", sboms.as_str(), !has(&sboms))];
    for (key, folder, _) in named.into_iter().filter(|(.., is_asked)| *is_asked) {
        let sha = label.get(key).map(|entry| text(entry, "sha")).unwrap_or_default();
        let mut blobs = image.layers.iter().filter_map(|layer| layer.blob.as_ref());
        let blob = blobs.find(|blob| blob.diff_id.as_str() == sha && blob.unlisted.is_none());
        let mut files = blob.iter().flat_map(|blob| &blob.entries).filter(|entry| entry.kind != EntryKind::Directory);
        let first = files.next();
        let is_there = |entry: &Entry| view::is_below(&entry.path, folder);
        if let Some(other) = first.filter(|entry| !is_there(entry) && !files.any(is_there)) {
            let message = format!("{key}.sha is of a layer that has nothing of its kind");
            let expected = format!("the layer of {folder}, or nothing");
            return violated(message, expected, format!("that of {}", other.path), place(export, LIFECYCLE));
        }
    }
    Finding::Holds
}

/// What labels say of the run image is the run image's: the base and stack that images are known by are not made up.
const OF_THE_BASE: [&str; 2] = ["io.buildpacks.base.", "io.buildpacks.stack."];

fn the_base_is_not_made_up(export: &Export, image: &Image) -> Finding {
    let (labels, base) = (view::labels(image), view::labels_of(Some(export.run_image.base_config())));
    let contributed = contributed_labels(export);
    let is_made_up = |key: &&String| {
        OF_THE_BASE.iter().any(|begin| key.starts_with(begin))
            && !base.contains_key(*key)
            && !contributed.iter().any(|(label, _)| label == *key)
    };
    match labels.keys().find(is_made_up) {
        Some(key) => {
            let message = format!("{key} says something of the run image that the run image does not");
            violated(message, "no such label", view::cut(&labels[key]), place(export, key))
        }
        None => Finding::Holds,
    }
}

/// A label that an earlier build contributed and this one did not is not in this one's image.
fn nothing_is_left_of_the_previous_build(case: &Case<'_>) -> Finding {
    let good: Vec<&Export> = case.good().filter(|export| export.outcome.succeeded()).collect();
    for (index, export) in good.iter().enumerate() {
        let Some(image) = &export.image else { continue };
        let (labels, base) = (view::labels(image), view::labels_of(Some(export.run_image.base_config())));
        let now = contributed_labels(export);
        let before = good[..index].iter().filter(|other| other.inputs.images.first() == export.inputs.images.first());
        for (key, value) in before.flat_map(|other| contributed_labels(other)) {
            let is_asked_for = now.iter().any(|(name, _)| *name == key) || base.contains_key(&key);
            if !is_asked_for && labels.get(&key) == Some(&value) {
                let message = format!("the label {key} is the previous image's, and no input has it any more");
                return violated(message, "no such label", view::cut(&value), place(export, &key));
            }
        }
    }
    not_applicable("no build was made again without one of its labels")
}

pub(super) fn labels_of_the_base_are_kept(export: &Export, image: &Image) -> Finding {
    let (found, contributed) = (view::labels(image), contributed_labels(export));
    let is_kept = |key: &String| {
        key.starts_with("io.buildpacks.")
            && !WRITTEN.contains(&key.as_str())
            && !contributed.iter().any(|(label, _)| label == key)
    };
    let base = view::labels_of(Some(export.run_image.base_config()));
    let base: Vec<(&String, &String)> = base.iter().filter(|(key, _)| is_kept(key)).collect();
    if base.is_empty() {
        return not_applicable("the run image has no label of its kind that is kept");
    }
    for (key, expected) in base {
        let seen = found.get(key);
        if seen != Some(expected) {
            let seen = seen.map_or_else(|| "nothing".to_owned(), |text| view::cut(text));
            return violated(format!("the label {key} is not the run image's"), expected, seen, place(export, key));
        }
    }
    Finding::Holds
}

pub(super) fn homepages_are_kept(export: &Export, image: &Image) -> Finding {
    let Some(label) = view::json_label(image, BUILD) else { return not_applicable("there is no label of the build") };
    let group = toml_input(&export.inputs, &export.inputs.group).unwrap_or_default();
    let metadata = inputs::metadata(export);
    let mut result = not_applicable("nothing in group and build metadata has a homepage");
    for (key, inputs_key) in [("buildpacks", "group"), ("extensions", "group-extensions")] {
        // Exporters read one of both files.
        let built = inputs::tables(&metadata, key);
        let is_known = |table: &&&toml::Table| {
            let same = |other: &&toml::Table| ["id", "homepage"].iter().all(|key| other.get(*key) == table.get(*key));
            !inputs::text(table, "homepage").is_empty() && built.iter().any(same)
        };
        for table in inputs::tables(&group, inputs_key).iter().filter(is_known) {
            let (id, version) = (inputs::text(table, "id"), inputs::text(table, "version"));
            let mut entries = items(&label, key).iter();
            let entry = entries.find(|entry| text(entry, "id") == id && text(entry, "version") == version);
            // Other requirements tell of an entry that is not there, and of a homepage that is another.
            if let Some(entry) = entry.filter(|entry| entry.get("homepage").is_none_or(is_blank)) {
                let message = format!("the label does not say the homepage of {id}@{version}");
                return violated(message, inputs::text(table, "homepage"), shown(Some(entry)), place(export, BUILD));
            }
            result = Finding::Holds;
        }
    }
    result
}

pub(super) fn processes_are_whole(export: &Export, image: &Image) -> Finding {
    let metadata = inputs::metadata(export);
    let processes = inputs::tables(&metadata, "processes");
    let Some(label) = view::json_label(image, BUILD).filter(|_| !processes.is_empty()) else {
        return not_applicable("no buildpack contributes a process, or there is no label of the build");
    };
    for process in &processes {
        let name = inputs::text(process, "type");
        let Some(entry) = items(&label, "processes").iter().find(|entry| text(entry, "type") == name) else { continue };
        for (field, key) in [("direct", "direct"), ("buildpackID", "buildpack-id")] {
            // False and nothing are one, to those who read a flag.
            let expected =
                process.get(key).filter(|value| value.as_bool() != Some(false) && value.as_str() != Some(""));
            if let Some(expected) = expected.filter(|_| entry.get(field).is_none_or(is_blank)) {
                let message = format!("the label does not say {field} of the process {name}");
                return violated(message, expected, shown(entry.get(field)), place(export, BUILD));
            }
        }
    }
    Finding::Holds
}
