//! What an image needs so that a container of it can start: a launcher that its user may execute, folders that the user
//! may pass, the processes of the build, and a base that nothing hides.

use std::collections::BTreeMap;

use super::super::platform_inputs as inputs;
use super::layers::{LAUNCHER, PROCESSES};
use super::meant;
use crate::evidence::{Entry, EntryKind, Export, Image};
use crate::requirement::{holds_when, not_applicable, violated};
use crate::verdict::Finding;
use crate::view;

/// Who the image's processes run as, as far as the config says it in numbers.
#[derive(Clone, Copy)]
pub(super) struct User {
    /// None where it is a name, which only the run image's passwd resolves.
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
}

impl User {
    pub(super) fn of(image: &Image) -> Self {
        let config = view::json(image.config.as_ref());
        let text = config.as_ref().and_then(|json| json.at(&["config", "User"])?.as_str()).unwrap_or_default();
        let (user, group) = text.split_once(':').unwrap_or((text, ""));
        let uid = if user.is_empty() { Some(0) } else { user.parse().ok() };
        // Without a group it is the one of passwd; that of root is 0.
        let gid = if group.is_empty() { uid.filter(|uid| *uid == 0) } else { group.parse().ok() };
        Self { uid, gid }
    }

    /// The same, and what names and missing groups are by the run image's files of users and groups.
    pub(super) fn among(image: &Image, base: &BTreeMap<&str, &Entry>) -> Self {
        let numbers = Self::of(image);
        let config = view::json(image.config.as_ref());
        let text = config.as_ref().and_then(|json| json.at(&["config", "User"])?.as_str()).unwrap_or_default();
        let (user, group) = text.split_once(':').unwrap_or((text, ""));
        let line = |path: &str, name: &str, number: Option<u64>| {
            let lines = base.get(path)?.text.as_deref()?.lines();
            let mut lines = lines.map(|line| line.split(':').collect::<Vec<_>>());
            let is_it = |line: &Vec<&str>| {
                line.first() == Some(&name) || number.is_some() && line.get(2).and_then(|id| id.parse().ok()) == number
            };
            lines.find(is_it).map(|line| [2, 3].map(|at| line.get(at).and_then(|id| id.parse::<u64>().ok())))
        };
        let [uid, primary] = line("/etc/passwd", user, numbers.uid).unwrap_or_default();
        let [named, _] = line("/etc/group", group, None).unwrap_or_default();
        let gid = numbers.gid.or(if group.is_empty() { primary } else { named });
        Self { uid: numbers.uid.or(uid), gid }
    }

    /// Whether the mode lets the user do what `bit` stands for (4 read, 1 execute or pass). What is not known for sure
    /// is taken to be so.
    fn may(self, bit: u32, entry: &Entry) -> bool {
        let any = entry.mode & (bit << 6 | bit << 3 | bit) != 0;
        match self.uid {
            // Root may pass and read everything, and execute what anyone may.
            Some(0) => any || bit == 4 || entry.kind == EntryKind::Directory,
            Some(uid) if uid == entry.uid => entry.mode & (bit << 6) != 0,
            Some(_) if self.gid == Some(entry.gid) => entry.mode & (bit << 3) != 0,
            Some(_) if self.gid.is_none() => entry.mode & (bit << 3 | bit) != 0,
            Some(_) => entry.mode & bit != 0,
            None => any,
        }
    }
}

fn place(export: &Export) -> String {
    export.at("export.json#/image/layers")
}

fn mode(entry: &Entry) -> String {
    format!("mode {:o} of {}:{}", entry.mode, entry.uid, entry.gid)
}

fn user(image: &Image) -> String {
    let config = view::json(image.config.as_ref());
    let user = config.as_ref().and_then(|json| json.at(&["config", "User"])?.as_str().map(str::to_owned));
    user.filter(|user| !user.is_empty()).unwrap_or_else(|| "root".to_owned())
}

pub(super) fn the_launcher_can_be_executed(export: &Export, image: &Image) -> Finding {
    let files = view::new_files(export, image);
    let Some(launcher) = files.get(LAUNCHER).map(|entry| view::resolved(&files, entry)) else {
        return not_applicable("the launcher is not in a new layer");
    };
    holds_when(User::of(image).may(1, launcher), || {
        violated(
            format!("the launcher cannot be executed by the image's user {}", user(image)),
            "a mode that lets the user execute it, as 755 does",
            mode(launcher),
            place(export),
        )
    })
}

/// Paths to which a container has to come before the app's process runs.
fn needed(export: &Export) -> Vec<String> {
    let given = &export.inputs;
    let mut found = vec![
        LAUNCHER.to_owned(),
        format!("{}/config/metadata.toml", given.layers),
        // What stands for anything in the folder.
        format!("{}/x", given.app),
    ];
    found.extend(inputs::process_types(export).into_iter().map(|name| format!("{PROCESSES}/{name}")));
    let launch = inputs::layers(export).into_iter().filter(|layer| layer.types.launch);
    found.extend(launch.map(|layer| layer.folder));
    found
}

pub(super) fn the_user_can_come_to_what_is_needed(export: &Export, image: &Image) -> Finding {
    let (files, who) = (view::new_files(export, image), User::of(image));
    for path in needed(export) {
        let parents = path.match_indices('/').map(|(at, _)| if at == 0 { "/" } else { &path[..at] });
        for parent in parents {
            let Some(folder) = files.get(parent).filter(|entry| entry.kind == EntryKind::Directory) else { continue };
            // A folder that is closed on disk already is the build's own.
            let is_so_on_disk = export.inputs.file(parent).is_some_and(|file| file.mode == folder.mode);
            if !who.may(1, folder) && !is_so_on_disk {
                let message = format!("the image's user {} cannot pass {parent}", user(image));
                return violated(message, "a folder that the user may pass", mode(folder), place(export));
            }
        }
    }
    let metadata = format!("{}/config/metadata.toml", export.inputs.layers);
    let unreadable = files.get(&metadata).map(|entry| view::resolved(&files, entry)).filter(|e| !who.may(4, e));
    match unreadable {
        Some(entry) if export.inputs.file(&metadata).is_none_or(|file| file.mode != entry.mode) => {
            let message = format!("the image's user {} cannot read {metadata}", user(image));
            violated(message, "a file that the user may read", mode(entry), place(export))
        }
        _ => Finding::Holds,
    }
}

/// Whether a name is that of a whiteout (`oci-image-layer.md`, Whiteouts).
fn hidden(path: &str) -> Option<String> {
    let (folder, name) = path.rsplit_once('/')?;
    match name.strip_prefix(".wh.")? {
        ".wh..opq" => Some(folder.to_owned()),
        rest => Some(format!("{folder}/{rest}")),
    }
}

pub(super) fn nothing_of_the_base_is_hidden(export: &Export, image: &Image) -> Finding {
    let base = base_entries(export, image);
    for (index, layer) in view::new_layers(export, image) {
        for entry in layer.blob.iter().flat_map(|blob| &blob.entries) {
            let at = || export.at(&format!("export.json#/image/layers/{index}"));
            // A file of the app may have such a name; it is the app's own.
            let is_input = export.inputs.file(&entry.path).is_some();
            if let Some(hidden) = hidden(&entry.path).filter(|_| !is_input) {
                let message = format!("layer {index} hides {hidden}");
                return violated(message, "no whiteout: what the run image has stays to be seen", &entry.path, at());
            }
            let replaced = base.get(entry.path.as_str()).filter(|base| replaces(export, entry, base));
            if let Some(base) = replaced {
                let message = format!("layer {index} replaces {} of the run image", entry.path);
                let expected = format!("a {:?} of {}", base.kind, mode(base));
                return violated(message, expected, format!("a {:?} of {}", entry.kind, mode(entry)), at());
            }
        }
    }
    Finding::Holds
}

/// What the run image's layers leave, where they were read.
pub(super) fn base_entries<'a>(export: &Export, image: &'a Image) -> BTreeMap<&'a str, &'a Entry> {
    let layers = image.layers.iter().take(view::base_count(export));
    layers
        .filter_map(|layer| layer.blob.as_ref())
        .flat_map(|blob| &blob.entries)
        .map(|e| (e.path.as_str(), e))
        .collect()
}

/// Whether an entry makes something else of what the run image has at its path. What is the build's own comes to its
/// place whatever was there; parents of it stay as they were: of one kind, and open to those to whom they were open.
fn replaces(export: &Export, entry: &Entry, base: &Entry) -> bool {
    let given = &export.inputs;
    let is_own = |path: &str| {
        let folders = [given.layers.as_str(), given.app.as_str(), "/cnb"];
        folders.iter().any(|folder| path == *folder || view::is_below(path, folder))
    };
    let closes = base.mode & 0o7777 & !entry.mode != 0;
    !is_own(&entry.path) && (entry.kind != base.kind || (entry.kind == EntryKind::Directory && closes))
}

pub(super) fn the_metadata_is_the_build_s(export: &Export, image: &Image) -> Finding {
    let path = format!("{}/config/metadata.toml", export.inputs.layers);
    let files = view::new_files(export, image);
    let (Some(input), Some(entry)) = (export.inputs.file(&path), files.get(&path)) else {
        return not_applicable("there is no metadata.toml to compare");
    };
    let entry = view::resolved(&files, entry);
    if entry.content == input.content {
        return Finding::Holds;
    }
    let text = if entry.size == 0 { Some("") } else { entry.text.as_deref() };
    let Some(text) = text else {
        return Finding::Skipped(
            "the image's metadata.toml has other bytes than the input's, and they were not kept".to_owned(),
        );
    };
    let (expected, found) = (inputs::metadata(export), text.parse::<toml::Table>().ok());
    let Some(found) = found else {
        return violated("metadata.toml in the image does not parse", "TOML", view::cut(text), place(export));
    };
    match meant::READ.iter().chain(&meant::KEPT).find(|key| !meant::is_same(&expected, &found, key)) {
        Some(key) => {
            let shown = |table: &toml::Table| {
                table.get(*key).map_or_else(|| "nothing".to_owned(), |v| view::cut(&v.to_string()))
            };
            let message = format!("{key} of metadata.toml in the image is not the build's");
            violated(message, shown(&expected), shown(&found), place(export))
        }
        None => Finding::Holds,
    }
}
