//! Readings of the build's inputs: buildpacks, layers, processes, slices, as the judge needs them to know what to
//! expect.

use std::rc::Rc;

use crate::digest::Digest;
use crate::evidence::{Export, FileFact, FileKind};
use crate::requirement::toml_input;

/// A buildpack of `group.toml`.
pub(in super::super) struct Buildpack {
    pub(in super::super) id: String,
    pub(in super::super) version: String,
    pub(in super::super) api: Option<toml::Value>,
}

/// What a layer is for.
#[derive(Clone, Copy)]
pub(in super::super) struct Types {
    pub(in super::super) launch: bool,
    pub(in super::super) build: bool,
    pub(in super::super) cache: bool,
}

/// A `<layers>/<buildpack>/<layer>.toml`.
pub(in super::super) struct InputLayer {
    pub(in super::super) buildpack: String,
    pub(in super::super) name: String,
    /// Its folder, which may not be there.
    pub(in super::super) folder: String,
    pub(in super::super) has_folder: bool,
    pub(in super::super) types: Types,
    pub(in super::super) metadata: Option<toml::Value>,
}

pub(in super::super) fn metadata(export: &Export) -> Rc<toml::Table> {
    toml_input(&export.inputs, &format!("{}/config/metadata.toml", export.inputs.layers)).unwrap_or_default()
}

/// An array of tables.
pub(in super::super) fn tables<'a>(table: &'a toml::Table, key: &str) -> Vec<&'a toml::Table> {
    let items = table.get(key).and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(toml::Value::as_table).collect()
}

pub(in super::super) fn text<'a>(table: &'a toml::Table, key: &str) -> &'a str {
    table.get(key).and_then(toml::Value::as_str).unwrap_or_default()
}

pub(in super::super) fn buildpacks(export: &Export) -> Vec<Buildpack> {
    let group = toml_input(&export.inputs, &export.inputs.group).unwrap_or_default();
    tables(&group, "group")
        .into_iter()
        .map(|entry| Buildpack {
            id: text(entry, "id").to_owned(),
            version: text(entry, "version").to_owned(),
            api: entry.get("api").cloned(),
        })
        .collect()
}

/// A buildpack's id as the name of a folder.
pub(in super::super) fn escaped(id: &str) -> String {
    id.replace('/', "_")
}

/// The folder of a buildpack in `<layers>`.
pub(in super::super) fn buildpack_folder(export: &Export, id: &str) -> String {
    format!("{}/{}", export.inputs.layers, escaped(id))
}

/// What a buildpack keeps for its next build; the file need not be there.
pub(in super::super) fn store_file(export: &Export, id: &str) -> String {
    format!("{}/store.toml", buildpack_folder(export, id))
}

pub(in super::super) fn layers(export: &Export) -> Vec<InputLayer> {
    let mut found = Vec::new();
    for buildpack in buildpacks(export) {
        let folder = buildpack_folder(export, &buildpack.id);
        for file in export.inputs.below(&folder) {
            let name = file.path[folder.len() + 1..].strip_suffix(".toml").unwrap_or_default();
            if name.is_empty() || name.contains('/') || matches!(name, "launch" | "build" | "store") {
                continue;
            }
            let table = toml_input(&export.inputs, &file.path).unwrap_or_default();
            let flag = |key: &str| table.get("types").and_then(|types| types.get(key)?.as_bool()).unwrap_or_default();
            let own = format!("{folder}/{name}");
            found.push(InputLayer {
                buildpack: buildpack.id.clone(),
                name: name.to_owned(),
                has_folder: export.inputs.file(&own).is_some_and(|file| file.kind == FileKind::Directory),
                folder: own,
                types: Types { launch: flag("launch"), build: flag("build"), cache: flag("cache") },
                metadata: table.get("metadata").cloned(),
            });
        }
    }
    found
}

/// The digest by which `analyzed.toml` refers to the previous image; none where it has none, or no digest of it.
pub(in super::super) fn previous_image(export: &Export) -> Option<Digest> {
    let analysed = toml_input(&export.inputs, &export.inputs.analyzed)?;
    let reference = analysed.get("image")?.get("reference")?.as_str()?;
    Digest::parse(reference.rsplit_once('@')?.1).ok()
}

/// Regular files and symbolic links below a folder.
pub(in super::super) fn leaves<'a>(export: &'a Export, folder: &str) -> impl Iterator<Item = &'a FileFact> + use<'a> {
    export.inputs.below(folder).filter(|file| matches!(file.kind, FileKind::File | FileKind::Symlink))
}

pub(in super::super) fn process_types(export: &Export) -> Vec<String> {
    tables(&metadata(export), "processes").into_iter().map(|process| text(process, "type").to_owned()).collect()
}

/// Every slice's patterns.
pub(in super::super) fn slices(export: &Export) -> Vec<Vec<String>> {
    let paths = |slice: &toml::Table| {
        let list = slice.get("paths").and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(|path| path.as_str().map(str::to_owned)).collect()
    };
    tables(&metadata(export), "slices").into_iter().map(paths).collect()
}

/// The value that the command line gives a flag, with one dash or two, after a space or `=`; the last one counts.
pub(in super::super) fn given<'a>(argv: &'a [String], flag: &str) -> Option<&'a str> {
    let mut found = None;
    for (index, argument) in argv.iter().enumerate() {
        let Some(rest) = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-')) else { continue };
        if rest == flag {
            found = argv.get(index + 1).map(String::as_str).or(found);
        } else if let Some(value) = rest.strip_prefix(flag).and_then(|rest| rest.strip_prefix('=')) {
            found = Some(value);
        }
    }
    found
}
