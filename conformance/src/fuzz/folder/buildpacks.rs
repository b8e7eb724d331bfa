//! What buildpacks leave below `<layers>`: their layers and `launch.toml`, and in `group.toml` and `metadata.toml` the
//! same, as the phases before the exporter bring it together.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::tree::Tree;
use super::{put, sbom, text_file, toml_file};
use crate::generated::{Build, Buildpack, Layer, Process};
use crate::scenario::SourceFile;
use crate::scenario::materialise::buildpack_folder;

/// The Buildpack API version of every generated buildpack.
const API: &str = "0.10";

/// The first of those that have the same key, in order.
fn firsts<'a, T, K: Ord>(items: impl IntoIterator<Item = &'a T>, key: impl Fn(&'a T) -> K) -> Vec<&'a T> {
    let mut seen = BTreeSet::new();
    items.into_iter().filter(|item| seen.insert(key(item))).collect()
}

/// The buildpacks; ids that differ in case alone are one.
fn group(build: &Build) -> Vec<&Buildpack> {
    firsts(&build.buildpacks, |buildpack| buildpack.id.to_lowercase())
}

/// Every process with the buildpack that it is of.
fn processes(build: &Build) -> Vec<(&Buildpack, &Process)> {
    let mut seen = BTreeSet::new();
    let all = group(build).into_iter().flat_map(|buildpack| buildpack.processes.iter().map(move |p| (buildpack, p)));
    all.filter(|(_, process)| seen.insert(&process.name)).collect()
}

/// The type of the process that a drawn number stands for.
pub(super) fn chosen(build: &Build, number: Option<usize>) -> Option<String> {
    let processes = processes(build);
    let at = number?.checked_rem(processes.len())?;
    processes.get(at).map(|(_, process)| process.name.clone())
}

/// Folders of the launch layers that a second build may have the metadata alone of: those of the first buildpack. A
/// cached layer has its folder, because the restorer puts it there.
pub(super) fn reusable(build: &Build) -> Vec<String> {
    let first = group(build).into_iter().take(1);
    first
        .flat_map(|buildpack| layers(buildpack).into_iter().map(move |layer| (buildpack, layer)))
        .filter(|(_, layer)| layer.launch && !layer.cache)
        .map(|(buildpack, layer)| format!("{}/{}", folder(buildpack), layer.name))
        .collect()
}

fn folder(buildpack: &Buildpack) -> String {
    format!("layers/{}", buildpack_folder(&buildpack.id))
}

fn layers(buildpack: &Buildpack) -> Vec<&Layer> {
    firsts(&buildpack.layers, |layer| layer.name.as_str())
}

/// Files that are copied; what else there is goes to `made`.
pub(super) fn files(build: &Build, made: &mut Tree) -> Vec<SourceFile> {
    let mut files = Vec::new();
    for buildpack in group(build) {
        for layer in layers(buildpack) {
            let folder = format!("{}/{}", folder(buildpack), layer.name);
            // The builder renames the folder of a layer that has no type.
            let is_ignored = !(layer.launch || layer.build || layer.cache);
            let lies = if is_ignored { format!("{folder}.ignore") } else { folder.clone() };
            made.folder(&lies);
            made.add(&lies, &layer.files);
            files.push(toml_file(&format!("{folder}.toml"), &types(layer)));
        }
        if let Some(text) = &buildpack.store {
            let metadata = Table::from_iter([("kept".to_owned(), text.as_str().into())]);
            let store = Table::from_iter([("metadata".to_owned(), metadata.into())]);
            files.push(toml_file(&format!("{}/store.toml", folder(buildpack)), &store));
        }
        files.push(toml_file(&format!("{}/launch.toml", folder(buildpack)), &launch(build, buildpack)));
        files.extend(if buildpack.sbom { sboms(buildpack) } else { Vec::new() });
    }
    files.push(toml_file("layers/group.toml", &group_file(build)));
    files.push(toml_file("layers/config/metadata.toml", &metadata(build)));
    files
}

fn types(layer: &Layer) -> Table {
    let mut types = Table::new();
    for (key, is_so) in [("launch", layer.launch), ("build", layer.build), ("cache", layer.cache)] {
        if is_so {
            put(&mut types, key, true);
        }
    }
    let mut file = Table::from_iter([("types".to_owned(), types.into())]);
    if !layer.metadata.is_empty() {
        put(&mut file, "metadata", layer.metadata.clone());
    }
    file
}

fn sboms(buildpack: &Buildpack) -> Vec<SourceFile> {
    let place = buildpack_folder(&buildpack.id);
    let mut files = Vec::new();
    for kind in ["launch", "build"] {
        files.push(text_file(&format!("layers/sbom/{kind}/{place}/sbom.cdx.json"), sbom(kind)));
    }
    for layer in layers(buildpack) {
        let kinds = [("launch", layer.launch), ("build", layer.build)];
        for (kind, _) in kinds.into_iter().filter(|(_, is_so)| *is_so) {
            files.push(text_file(&format!("layers/sbom/{kind}/{place}/{}/sbom.cdx.json", layer.name), sbom("layer")));
        }
    }
    files
}

fn group_file(build: &Build) -> Table {
    let members: Vec<Value> = group(build).into_iter().map(|buildpack| member(buildpack).into()).collect();
    Table::from_iter([("group".to_owned(), members.into())])
}

fn member(buildpack: &Buildpack) -> Table {
    let mut member = Table::new();
    put(&mut member, "id", buildpack.id.as_str());
    put(&mut member, "version", buildpack.version.as_str());
    put(&mut member, "api", API);
    if let Some(homepage) = &buildpack.homepage {
        put(&mut member, "homepage", homepage.as_str());
    }
    member
}

fn pairs(pairs: &[(String, String)]) -> Vec<Value> {
    let pair = |(key, value): &(String, String)| {
        Table::from_iter([("key".to_owned(), key.as_str().into()), ("value".to_owned(), value.as_str().into())]).into()
    };
    firsts(pairs, |(key, _)| key.as_str()).into_iter().map(pair).collect()
}

fn slices(buildpack: &Buildpack) -> Vec<Value> {
    let slice = |paths: &Vec<String>| Table::from_iter([("paths".to_owned(), paths.clone().into())]).into();
    buildpack.slices.iter().map(slice).collect()
}

fn process_table(process: &Process) -> Table {
    let mut table = Table::new();
    put(&mut table, "type", process.name.as_str());
    put(&mut table, "command", process.command.clone());
    put(&mut table, "args", process.args.clone());
    if let Some(folder) = &process.working_dir {
        put(&mut table, "working-dir", folder.as_str());
    }
    table
}

fn launch(build: &Build, buildpack: &Buildpack) -> Table {
    let default = chosen(build, build.default_process);
    let own = processes(build).into_iter().filter(|(of, _)| of.id == buildpack.id);
    let processes: Vec<Value> = own
        .map(|(_, process)| {
            let mut table = process_table(process);
            if default.as_ref() == Some(&process.name) {
                put(&mut table, "default", true);
            }
            table.into()
        })
        .collect();
    let parts = [
        ("processes", processes),
        ("slices", slices(buildpack)),
        ("labels", pairs(&buildpack.labels)),
        ("annotations", pairs(&buildpack.annotations)),
    ];
    filled(Table::new(), parts)
}

fn metadata(build: &Build) -> Table {
    let group = group(build);
    let mut file = Table::new();
    if let Some(default) = chosen(build, build.default_process) {
        put(&mut file, "buildpack-default-process-type", default);
    }
    let process = |(buildpack, process): (&Buildpack, &Process)| {
        let mut table = process_table(process);
        put(&mut table, "direct", true);
        put(&mut table, "buildpack-id", buildpack.id.as_str());
        Value::from(table)
    };
    let parts = [
        ("buildpacks", group.iter().map(|buildpack| member(buildpack).into()).collect()),
        ("processes", processes(build).into_iter().map(process).collect()),
        ("slices", group.iter().flat_map(|buildpack| slices(buildpack)).collect()),
        ("labels", group.iter().flat_map(|buildpack| pairs(&buildpack.labels)).collect()),
        ("annotations", group.iter().flat_map(|buildpack| pairs(&buildpack.annotations)).collect()),
    ];
    filled(file, parts)
}

/// The table with those arrays that hold anything.
fn filled<const N: usize>(mut table: Table, parts: [(&str, Vec<Value>); N]) -> Table {
    for (key, values) in parts {
        if !values.is_empty() {
            put(&mut table, key, values);
        }
    }
    table
}
