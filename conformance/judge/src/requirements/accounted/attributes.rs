//! Extended attributes of the build's files: those that mean something elsewhere are in the image, or the exporter says
//! that they are not.

use std::collections::BTreeMap;

use super::super::platform_inputs as inputs;
use crate::evidence::{Entry, Export, FileFact, Image};
use crate::log::Output;
use crate::requirement::{not_applicable, violated};
use crate::verdict::Finding;
use crate::view;

/// Whether an attribute is a file's own. Others are the machine's: labels of its security modules, or what its file
/// system keeps of its own.
fn is_of_the_file(name: &str) -> bool {
    name == "security.capability" || name.starts_with("user.")
}

/// Whether an attribute says something to a file system of layers, such as that a folder hides what is below it.
fn is_of_an_overlay(name: &str) -> bool {
    name.starts_with("trusted.overlay.")
}

/// What words begin with by which an exporter says that attributes are left out.
const WORDS: [&str; 3] = ["xattr", "attribute", "capabilit"];

/// The files of app and launch layers that have attributes of their own.
fn files(export: &Export) -> Vec<&FileFact> {
    let launch = inputs::layers(export).into_iter().filter(|layer| layer.types.launch && layer.has_folder);
    let folders: Vec<String> = launch.map(|layer| layer.folder).chain([export.inputs.app.clone()]).collect();
    let is_one = |file: &&FileFact| {
        folders.iter().any(|folder| file.path == *folder || view::is_below(&file.path, folder))
            && file.xattrs.keys().any(|name| is_of_the_file(name))
    };
    export.inputs.files.iter().filter(is_one).collect()
}

pub(super) fn attributes_are_kept_or_named(export: &Export, image: &Image) -> Finding {
    let given = files(export);
    if given.is_empty() {
        return not_applicable("no file of the build has extended attributes of its own");
    }
    let entries = view::new_files(export, image);
    for file in given {
        // Another requirement tells of a file that is not there.
        let Some(entry) = entries.get(&file.path).map(|entry| view::resolved(&entries, entry)) else { continue };
        for (name, value) in file.xattrs.iter().filter(|(name, _)| is_of_the_file(name)) {
            let found = entry.more.xattrs.get(name);
            if found == Some(value) || found.is_none() && is_said(export, &file.path, name) {
                continue;
            }
            let message = format!("{} has not the attribute {name} that it has on disk", file.path);
            let found = found.map_or("no such attribute, and no word of it", String::as_str);
            return violated(message, shown(value), found, export.at("export.json#/image/layers"));
        }
    }
    Finding::Holds
}

/// Whether the exporter says that it leaves an attribute out: a line that speaks of attributes and names the attribute
/// or the file.
fn is_said(export: &Export, path: &str, name: &str) -> bool {
    let output = Output::of(export);
    let lines: Vec<_> = output.lines().filter(|line| WORDS.iter().any(|word| line.speaks_of(word))).collect();
    lines.iter().any(|line| line.text().contains(name) || line.text().contains(path))
}

fn shown(value: &str) -> String {
    if value.is_empty() { "an empty value".to_owned() } else { format!("{value} (base64)") }
}

/// An attribute of an entry that its input, which is at `path`, has not; none where all of them are explained.
pub(super) fn unexplained(export: &Export, entry: &Entry, path: &str) -> Option<String> {
    let nothing = BTreeMap::new();
    let on_disk = export.inputs.file(path).map_or(&nothing, |file| &file.xattrs);
    let is_explained = |name: &str, value: &str| {
        let is_free = !is_of_the_file(name) && !is_of_an_overlay(name) && on_disk.is_empty();
        on_disk.get(name).is_some_and(|known| known == value) || is_free
    };
    let other = entry.more.xattrs.iter().find(|(name, value)| !is_explained(name, value));
    let other = other.map(|(name, value)| format!("{name}={value} (base64)"));
    other.or_else(|| {
        let records = entry.more.records.iter();
        let mut others = records.filter(|(key, _)| {
            elsewhere(key).is_some_and(|name| !name.contains('%') && !on_disk.contains_key(name)) || is_for_all(key)
        });
        others.next().map(|(key, value)| format!("the record {key}={}", view::cut(value)))
    })
}

/// The attribute that a record gives to those who read it: libarchive and star have spellings of their own.
fn elsewhere(key: &str) -> Option<&str> {
    match key {
        "SCHILY.acl.access" => Some("system.posix_acl_access"),
        "SCHILY.acl.default" => Some("system.posix_acl_default"),
        _ => key.strip_prefix("LIBARCHIVE.xattr."),
    }
}

/// Whether a record of a global header says of every entry that follows what is each entry's own: some programs apply
/// it.
fn is_for_all(key: &str) -> bool {
    let own = ["path", "linkpath", "size", "uid", "gid"];
    key.strip_prefix("global ").is_some_and(|key| own.contains(&key))
}
