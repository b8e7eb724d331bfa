//! The app folder and its slices (`cnb-buildpack.md`, launch.toml): path globs as Go's `path/filepath` matches them.
//!
//! `globset`, `glob` and `wax` do not match as `filepath.Match` does.

use std::collections::{BTreeMap, BTreeSet};

use super::inputs;
use crate::evidence::{Entry, EntryKind, Export, FileFact, FileKind, Image};
use crate::log;
use crate::requirement::{not_applicable, violated};
use crate::verdict::Finding;
use crate::view;

/// For every slice the app files that it takes: those that no earlier slice took.
fn taken(export: &Export) -> Vec<Vec<String>> {
    let app = &export.inputs.app;
    let all: Vec<&FileFact> = export.inputs.below(app).collect();
    let mut gone: Vec<String> = Vec::new();
    let mut found = Vec::new();
    for patterns in inputs::slices(export) {
        let full: Vec<String> = patterns.iter().map(|pattern| absolute(app, pattern)).collect();
        let matched: Vec<&str> = all
            .iter()
            .filter(|file| full.iter().any(|pattern| glob(pattern, &file.path)))
            .map(|f| f.path.as_str())
            // A pattern can match the folder of the app itself.
            .chain(full.iter().any(|pattern| glob(pattern, app)).then_some(app.as_str()))
            .collect();
        let own: Vec<String> = inputs::leaves(export, app)
            .map(|file| file.path.clone())
            .filter(|path| matched.iter().any(|root| path == root || view::is_below(path, root)))
            .filter(|path| !gone.contains(path))
            .collect();
        gone.extend(own.iter().cloned());
        found.push(own);
    }
    found
}

/// A pattern, or the target of a link, as Go's `filepath.Join` and `Clean` leave it.
pub(super) fn absolute(app: &str, pattern: &str) -> String {
    let full = if pattern.starts_with('/') { pattern.to_owned() } else { format!("{app}/{pattern}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in full.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

pub(super) fn an_empty_slice_is_accepted(export: &Export) -> Finding {
    if taken(export).iter().all(|files| !files.is_empty()) {
        return not_applicable("every slice matches something");
    }
    if export.outcome.succeeded() {
        return Finding::Holds;
    }
    let Some(line) = what_it_says_of_slices(export) else {
        let reason = "the export failed, and nothing that it says speaks of a slice";
        return Finding::skipped_after(reason, &["platform.exit-zero"]);
    };
    let message = "a build with a slice that matches nothing is refused for its slice";
    violated(message, "exit 0", format!("{}: {line}", export.outcome.end), export.at("stderr.txt"))
}

/// A line of the output that speaks of slices, or of a pattern of one that is empty.
fn what_it_says_of_slices(export: &Export) -> Option<String> {
    let taken = taken(export);
    let empty = inputs::slices(export).into_iter().zip(taken).filter(|(_, files)| files.is_empty());
    let patterns: Vec<String> = empty.flat_map(|(patterns, _)| patterns).collect();
    let output = log::Output::of(export);
    let found =
        output.lines().find(|line| line.speaks_of("slice") || patterns.iter().any(|pattern| line.quotes(pattern)));
    found.map(|line| view::cut(line.text()))
}

pub(super) fn app_files_are_in_one_layer_each(export: &Export, image: &Image) -> Finding {
    let place = export.at("export.json#/image/layers");
    let app = &export.inputs.app;
    let mut layers_of: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let files = view::new_files(export, image);
    for (index, layer) in view::new_layers(export, image) {
        for entry in layer.blob.iter().flat_map(|blob| &blob.entries) {
            if entry.kind != EntryKind::Directory && view::is_below(&entry.path, app) {
                layers_of.entry(&entry.path).or_default().push(index);
            }
        }
    }
    for file in inputs::leaves(export, app) {
        match layers_of.get(file.path.as_str()).map(Vec::as_slice) {
            Some([_]) => {}
            Some(several) => {
                return violated(
                    format!("{} is in several layers", file.path),
                    "one layer",
                    format!("layers {several:?}"),
                    place,
                );
            }
            None => return violated(format!("{} is in no layer", file.path), "one layer", "none", place),
        }
        if let Some(found) = wrong_content(file, &files) {
            return violated(
                format!("{} is not in the image as on disk", file.path),
                "its content, mode and link",
                found,
                place,
            );
        }
    }
    // Whether the app's own folder is an entry is left to the exporter; one that is there is that folder.
    let root = export.inputs.file(app).zip(files.get(app));
    if let Some((folder, entry)) = root.filter(|(folder, entry)| folder.mode != entry.mode) {
        let (expected, found) = (format!("a folder of mode {:o}", folder.mode), format!("mode {:o}", entry.mode));
        return violated(format!("{app} is not in the image as on disk"), expected, found, place);
    }
    if let Some(folder) = empty_folders(export).find(|folder| !is_folder(&files, &folder.path)) {
        let message = format!("{} is an empty folder of the app and not in the image", folder.path);
        return violated(message, "a folder", "none", place);
    }
    // Readers make a folder that has no entry with a mode of their own.
    let has_own_mode = |file: &&FileFact| file.kind == FileKind::Directory && file.mode & 0o7777 != 0o755;
    let mut of_own_mode = export.inputs.below(app).filter(has_own_mode);
    let has_entry = |path: &str| files.get(path).is_some_and(|entry| entry.kind == EntryKind::Directory);
    if let Some(folder) = of_own_mode.find(|folder| !has_entry(&folder.path)) {
        let message = format!("{} is a folder of the app with a mode of its own and not in the image", folder.path);
        return violated(message, format!("a folder of mode {:o}", folder.mode), "none", place);
    }
    match slices_are_apart(export, &layers_of, &place) {
        Finding::Holds => super::layers::unread(inputs::leaves(export, app), &files),
        finding => finding,
    }
}

/// Folders of the app in which there is nothing; the others are there by what is in them.
fn empty_folders(export: &Export) -> impl Iterator<Item = &FileFact> {
    let folders = export.inputs.below(&export.inputs.app).filter(|file| file.kind == FileKind::Directory);
    folders.filter(|folder| export.inputs.below(&folder.path).next().is_none())
}

fn is_folder(files: &BTreeMap<String, &Entry>, path: &str) -> bool {
    files.get(path).is_some_and(|entry| entry.kind == EntryKind::Directory)
        || files.keys().any(|other| view::is_below(other, path))
}

/// How the file is not in the image as on disk; nothing where it is.
fn wrong_content(file: &FileFact, files: &BTreeMap<String, &Entry>) -> Option<String> {
    let Some(entry) = files.get(&file.path) else {
        return Some("nothing: a whiteout in a later layer hides it".to_owned());
    };
    let entry = view::resolved(files, entry);
    let same_mode = entry.kind == EntryKind::Symlink || file.mode == entry.mode;
    let same_content = file.content == entry.content || entry.is_unread() && file.size == entry.size;
    let same = same_content && file.link == entry.link.clone().filter(|_| entry.kind == EntryKind::Symlink);
    (!same || !same_mode).then(|| {
        let content = entry.content.as_ref().map_or_else(String::new, |digest| format!(" with {digest}"));
        format!("a {} of mode {:o}{content}", format!("{:?}", entry.kind).to_lowercase(), entry.mode)
    })
}

/// Files of different slices, and files of no slice, are in different layers. No sentence orders these layers in the
/// image.
fn slices_are_apart(export: &Export, layers_of: &BTreeMap<&str, Vec<usize>>, place: &str) -> Finding {
    let mut groups: Vec<(String, BTreeSet<usize>)> = Vec::new();
    let layers = |paths: &[String]| -> BTreeSet<usize> {
        paths.iter().flat_map(|path| layers_of.get(path.as_str()).into_iter().flatten().copied()).collect()
    };
    let taken = taken(export);
    for (index, paths) in taken.iter().enumerate().filter(|(_, paths)| !paths.is_empty()) {
        groups.push((format!("slice {}", index + 1), layers(paths)));
    }
    let rest: Vec<String> = inputs::leaves(export, &export.inputs.app)
        .map(|file| file.path.clone())
        .filter(|path| !taken.iter().flatten().any(|taken| taken == path))
        .collect();
    groups.push(("the rest".to_owned(), layers(&rest)));
    let mut owners: BTreeMap<usize, &str> = BTreeMap::new();
    for (name, layers) in &groups {
        for layer in layers {
            if let Some(other) = owners.insert(*layer, name) {
                return violated(
                    format!("files of {other} and of {name} are in one layer"),
                    "layers of their own",
                    format!("layer {layer}, counted from 0"),
                    place.to_owned(),
                );
            }
        }
    }
    Finding::Holds
}

/// Go's `filepath.Match`; a malformed pattern matches nothing.
pub(super) fn glob(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<char>, Vec<char>) = (pattern.chars().collect(), path.chars().collect());
    matches(&pattern, &path)
}

fn matches(pattern: &[char], path: &[char]) -> bool {
    let Some((first, rest)) = pattern.split_first() else { return path.is_empty() };
    match first {
        '*' => {
            let end = path.iter().position(|c| *c == '/').unwrap_or(path.len());
            (0..=end).rev().any(|skipped| matches(rest, &path[skipped..]))
        }
        '?' => path.split_first().is_some_and(|(c, after)| *c != '/' && matches(rest, after)),
        '[' => path.split_first().is_some_and(|(c, after)| {
            *c != '/' && in_class(rest, *c).is_some_and(|(is_in, rest)| is_in && matches(rest, after))
        }),
        _ => {
            let (wanted, rest) = match (first, rest.split_first()) {
                ('\\', Some((escaped, rest))) => (escaped, rest),
                ('\\', None) => return false,
                _ => (first, rest),
            };
            path.split_first().is_some_and(|(c, after)| c == wanted && matches(rest, after))
        }
    }
}

/// Whether `c` is in the class that begins after `[`, and what follows `]`.
fn in_class(text: &[char], c: char) -> Option<(bool, &[char])> {
    let is_negated = text.first() == Some(&'^');
    let mut at = if is_negated { &text[1..] } else { text };
    let mut is_in = false;
    let mut ranges = 0;
    while !(at.first() == Some(&']') && ranges > 0) {
        let (low, rest) = class_char(at)?;
        let (high, rest) = if rest.first() == Some(&'-') { class_char(&rest[1..])? } else { (low, rest) };
        is_in |= low <= c && c <= high;
        ranges += 1;
        at = rest;
    }
    Some((is_in != is_negated, &at[1..]))
}

fn class_char(text: &[char]) -> Option<(char, &[char])> {
    match text {
        ['\\', c, rest @ ..] => Some((*c, rest)),
        [] | ['-' | ']' | '\\', ..] => None,
        [c, rest @ ..] => Some((*c, rest)),
    }
}
