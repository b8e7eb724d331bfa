//! Changes that many trials make, each as a function of an export.

use serde_json::{Value, json};

use crate::digest::Digest;
use crate::evidence::{Change, ChangedFile, End, Entry, Export, FileKind};
use crate::sample::{edit_config, edit_entries, edit_input, edit_label, edit_layers};

pub(super) use crate::view::LIFECYCLE;

pub(super) const BUILD: &str = "io.buildpacks.build.metadata";
pub(super) const PROJECT: &str = "io.buildpacks.project.metadata";
pub(super) const METADATA: &str = "/layers/config/metadata.toml";
pub(super) const PROJECT_FILE: &str = "/layers/project-metadata.toml";

pub(super) fn config(change: impl Fn(&mut Value) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| edit_config(export, &change)
}

pub(super) fn set(key: &'static str, value: Value) -> impl Fn(&mut Export) + 'static {
    config(move |config| config["config"][key] = value.clone())
}

pub(super) fn top(key: &'static str, value: Value) -> impl Fn(&mut Export) + 'static {
    config(move |config| config[key] = value.clone())
}

pub(super) fn unset(key: &'static str) -> impl Fn(&mut Export) + 'static {
    config(move |config| drop(config["config"].as_object_mut().unwrap().shift_remove(key)))
}

pub(super) fn label(label: &'static str, change: impl Fn(&mut Value) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| edit_label(export, label, &change)
}

pub(super) fn plain(key: &'static str, value: &'static str) -> impl Fn(&mut Export) + 'static {
    config(move |config| config["config"]["Labels"][key] = json!(value))
}

pub(super) fn unlabelled(key: &'static str) -> impl Fn(&mut Export) + 'static {
    config(move |config| drop(config["config"]["Labels"].as_object_mut().unwrap().shift_remove(key)))
}

pub(super) fn entries(index: usize, change: impl Fn(&mut Vec<Entry>) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| edit_entries(export, index, &change)
}

pub(super) fn without(index: usize) -> impl Fn(&mut Export) + 'static {
    move |export| edit_layers(export, |own| drop(own.remove(index)))
}

pub(super) fn end(end: End) -> impl Fn(&mut Export) + 'static {
    move |export| export.outcome.end = end
}

pub(super) fn input(path: &'static str, text: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| edit_input(export, path, text)
}

pub(super) fn changed(path: &'static str, change: Change) -> impl Fn(&mut Export) + 'static {
    move |export| {
        export.changed_files =
            Some(vec![ChangedFile { path: path.to_owned(), kind: FileKind::File, change, aspects: Vec::new() }]);
    }
}

pub(super) fn other() -> Value {
    json!(Digest::of(b"x"))
}
