//! Every entry of every new layer, asked for its reason: an input that it is, or a named rule that permits it. What is
//! neither is a finding with its place.

use std::collections::{BTreeMap, BTreeSet};

use super::super::platform_inputs::{self as inputs, InputLayer};
use super::{attributes, meant};
use crate::digest::Digest;
use crate::evidence::{Entry, EntryKind, Export, FileFact, FileKind, Image, Layer};
use crate::json::Json;
use crate::requirement::{Source, violated};
use crate::verdict::Finding;
use crate::view;

/// Where the launcher is in every app image.
pub(super) const LAUNCHER: &str = "/cnb/lifecycle/launcher";
/// Where the links of process types are.
pub(super) const PROCESSES: &str = "/cnb/process";

/// What a build may leave in layers, from its inputs alone.
struct Model<'a> {
    export: &'a Export,
    app: &'a str,
    sboms: String,
    metadata: String,
    launch: Vec<InputLayer>,
    links: BTreeSet<String>,
    launcher_sboms: Vec<&'a Digest>,
    /// The diffIDs of launch layers by their folders, as the label has them.
    named: BTreeMap<String, String>,
    /// Every path that may be there, from which their parents follow.
    roots: Vec<String>,
}

/// An entry and its layer's other entries, which a hard link may stand for.
struct Seen<'a> {
    entry: &'a Entry,
    content: Option<&'a Digest>,
    /// The layer's diffID.
    layer: Option<&'a Digest>,
}

/// A rule that permits an entry which is not an input.
struct Permission {
    name: &'static str,
    source: Source,
    permits: fn(&Model<'_>, &Seen<'_>) -> bool,
}

/// Every permission, in the order in which they are asked.
const PERMISSIONS: &[Permission] = &[
    Permission {
        name: "parents-of-paths",
        source: Source::oci_layer("Creating, Populate Initial Filesystem"),
        permits: |model, seen| seen.entry.kind == EntryKind::Directory && model.is_parent(&seen.entry.path),
    },
    Permission {
        name: "folders-of-buildpacks",
        source: Source::buildpack("Phase #6: Export"),
        permits: |model, seen| seen.entry.kind == EntryKind::Directory && model.is_a_buildpack_s(&seen.entry.path),
    },
    Permission {
        name: "layers-of-the-previous-image",
        source: Source::buildpack("Phase #6: Export"),
        permits: |model, seen| model.is_of_a_layer_to_re_use(seen),
    },
    Permission {
        name: "sboms-of-the-launcher",
        source: Source::platform("exporter, Outputs"),
        permits: |model, seen| model.is_a_launcher_s_sbom(seen),
    },
    Permission {
        name: "build-metadata-written-anew",
        source: Source::platform("exporter, Outputs"),
        permits: |model, seen| model.is_the_metadata(seen.entry),
    },
    Permission {
        name: "what-the-next-build-needs",
        source: Source::buildpack("Phase #6: Export"),
        permits: |model, seen| model.is_kept_for_the_next_build(seen),
    },
];

impl<'a> Model<'a> {
    fn of(export: &'a Export, image: &Image) -> Self {
        let given = &export.inputs;
        let launch: Vec<InputLayer> = inputs::layers(export).into_iter().filter(|layer| layer.types.launch).collect();
        let links: BTreeSet<String> =
            inputs::process_types(export).into_iter().map(|name| format!("{PROCESSES}/{name}")).collect();
        let sboms = format!("{}/sbom/launch", given.layers);
        let metadata = format!("{}/config/metadata.toml", given.layers);
        // A path below each, so that the folder itself is a parent too.
        let mut roots = vec![
            LAUNCHER.to_owned(),
            format!("{PROCESSES}/x"),
            metadata.clone(),
            format!("{}/x", given.app),
            format!("{sboms}/buildpacksio_lifecycle/launcher/x"),
        ];
        roots.extend(launch.iter().map(|layer| format!("{}/x", layer.folder)));
        roots.extend(given.below(&sboms).map(|file| file.path.clone()));
        let folder = format!("{}/launcher.sbom.", given.launcher_sbom.trim_end_matches('/'));
        let of_the_lifecycle = format!("{}/lifecycle.sbom.", given.launcher_sbom.trim_end_matches('/'));
        let is_sbom = |file: &&FileFact| file.path.starts_with(&folder) || file.path.starts_with(&of_the_lifecycle);
        let launcher_sboms =
            given.below(&given.launcher_sbom).filter(is_sbom).filter_map(|file| file.content.as_ref()).collect();
        let named = launch.iter().filter_map(|layer| Some((layer.folder.clone(), named(image, layer)?))).collect();
        Self { export, app: &given.app, sboms, metadata, launch, links, launcher_sboms, named, roots }
    }

    /// What is in a layer to re-use comes with that layer: nothing else has anything to put there.
    fn is_of_a_layer_to_re_use(&self, seen: &Seen<'_>) -> bool {
        let path = &seen.entry.path;
        let mut missing = self.launch.iter().filter(|layer| !layer.has_folder);
        let folder = missing.find(|layer| *path == layer.folder || view::is_below(path, &layer.folder));
        let Some(sha) = folder.map(|layer| self.named.get(&layer.folder)) else { return false };
        sha.is_none_or(|sha| seen.layer.is_none_or(|layer| layer.as_str() == sha))
    }

    /// `metadata.toml` may be written anew, and has nothing then that the build's has not.
    fn is_the_metadata(&self, entry: &Entry) -> bool {
        let adds_nothing = |text: &String| {
            let (input, found) = (inputs::metadata(self.export), text.parse::<toml::Table>().unwrap_or_default());
            found
                .keys()
                .all(|key| meant::is_empty(&found, key) || meant::is_read(key) || meant::is_same(&input, &found, key))
        };
        entry.path == self.metadata && is_file(entry) && entry.text.as_ref().is_none_or(adds_nothing)
    }

    fn is_parent(&self, path: &str) -> bool {
        self.roots.iter().any(|root| view::is_below(root, path))
    }

    fn is_a_buildpack_s(&self, path: &str) -> bool {
        let mut ids = inputs::buildpacks(self.export).into_iter();
        ids.any(|buildpack| inputs::buildpack_folder(self.export, &buildpack.id) == path)
    }

    fn is_a_launcher_s_sbom(&self, seen: &Seen<'_>) -> bool {
        let folder = format!("{}/buildpacksio_lifecycle/launcher", self.sboms);
        view::is_below(&seen.entry.path, &folder)
            && is_file(seen.entry)
            && seen.content.is_some_and(|content| self.launcher_sboms.contains(&content))
    }

    /// The files that Phase 6 has "associated with or contained within" the image.
    fn is_kept_for_the_next_build(&self, seen: &Seen<'_>) -> bool {
        let path = &seen.entry.path;
        let is_one = *path == self.export.inputs.group
            || self.launch.iter().any(|layer| *path == format!("{}.toml", layer.folder))
            || path.strip_suffix("/store.toml").is_some_and(|folder| self.is_a_buildpack_s(folder));
        is_one && self.is_the_input(seen).is_none()
    }

    /// Why an entry is not the file of its path; nothing where it is.
    fn is_the_input(&self, seen: &Seen<'_>) -> Option<String> {
        let entry = seen.entry;
        let Some(file) = self.export.inputs.file(&entry.path) else { return Some("no such file".to_owned()) };
        let same_mode = file.mode == entry.mode || view::is_below(&entry.path, &self.sboms);
        let same = match (file.kind, entry.kind) {
            (FileKind::File, EntryKind::File) => {
                let same = file.content.as_ref() == seen.content || entry.is_unread() && file.size == entry.size;
                same && same_mode
            }
            // What it stands for is among the other entries, and judged there.
            (FileKind::File, EntryKind::HardLink) => seen.content.is_none() || file.content.as_ref() == seen.content,
            (FileKind::Directory, EntryKind::Directory) => same_mode,
            (FileKind::Symlink, EntryKind::Symlink) => file.link == entry.link,
            (FileKind::Other, EntryKind::Other) => true,
            _ => false,
        };
        (!same).then(|| told(file))
    }

    /// What the entry would have to be; nothing where it is explained or permitted.
    fn unexplained(&self, seen: &Seen<'_>) -> Option<String> {
        let path = &seen.entry.path;
        let is_asked_for = view::is_below(path, self.app)
            || view::is_below(path, &self.sboms)
            || self.launch.iter().any(|l| l.has_folder && (*path == l.folder || view::is_below(path, &l.folder)));
        let why_not = if is_asked_for { self.is_the_input(seen) } else { Some(nothing_else()) };
        if why_not.is_none() || self.is_the_launcher_s(seen.entry) {
            return None;
        }
        // A folder of the app or of a layer has a mode of its own, which no permission replaces.
        let is_input = is_asked_for && self.export.inputs.file(path).is_some() && !view::is_below(path, &self.sboms);
        let is_permitted = !is_input && PERMISSIONS.iter().any(|permission| (permission.permits)(self, seen));
        why_not.filter(|_| !is_permitted)
    }

    fn is_the_launcher_s(&self, entry: &Entry) -> bool {
        entry.path == LAUNCHER && is_file(entry) || self.links.contains(&entry.path)
    }
}

/// Whether a path is in one of the layers that have no folder: what is there comes from the image before.
pub(super) fn is_in_a_layer_to_re_use(layers: &[InputLayer], path: &str) -> bool {
    let mut missing = layers.iter().filter(|layer| !layer.has_folder);
    missing.any(|layer| path == layer.folder || view::is_below(path, &layer.folder))
}

/// Where the input of an entry is on disk, if it is one.
pub(super) fn on_disk<'a>(export: &'a Export, path: &'a str) -> &'a str {
    if path == LAUNCHER { &export.inputs.launcher } else { path }
}

/// What would be permitted where there is no input.
fn nothing_else() -> String {
    let all: Vec<String> = PERMISSIONS.iter().map(|one| format!("{} ({})", one.name, one.source)).collect();
    format!("no such entry; permitted in addition to inputs: {}", all.join("; "))
}

fn is_file(entry: &Entry) -> bool {
    matches!(entry.kind, EntryKind::File | EntryKind::HardLink)
}

fn told(file: &FileFact) -> String {
    let content = file.content.as_ref().map_or_else(String::new, |digest| format!(" with {digest}"));
    let link = file.link.as_ref().map_or_else(String::new, |link| format!(" to {link}"));
    format!("a {:?} of mode {:o}{content}{link}, as on disk", file.kind, file.mode)
}

fn shown(entry: &Entry) -> String {
    let content = entry.content.as_ref().map_or_else(String::new, |digest| format!(" with {digest}"));
    let link = entry.link.as_ref().map_or_else(String::new, |link| format!(" to {link}"));
    format!("{}: a {:?} of mode {:o}{content}{link}", entry.path, entry.kind, entry.mode)
}

/// The diffID of a launch layer, by the lifecycle's label.
pub(super) fn named(image: &Image, layer: &InputLayer) -> Option<String> {
    let label = view::lifecycle_label(image)?;
    let entries = label.get("buildpacks")?.items()?;
    let own = entries.iter().find(|entry| entry.get("key").and_then(Json::as_str) == Some(&layer.buildpack))?;
    Some(own.at(&["layers", &layer.name, "sha"])?.as_str()?.to_owned())
}

/// Empty layers that an exporter may write in addition to one for each slice. Some are harmless; a hundred use up the
/// layers that engines can mount.
const EMPTY_LAYERS: usize = 16;

fn too_many_are_empty(export: &Export, image: &Image) -> Option<Finding> {
    let is_empty = |layer: &&Layer| {
        layer.problem.is_none() && layer.blob.as_ref().is_some_and(|b| b.entries.is_empty() && b.unlisted.is_none())
    };
    let empty = view::new_layers(export, image).into_iter().map(|(_, layer)| layer).filter(is_empty).count();
    let most = inputs::slices(export).len() + EMPTY_LAYERS;
    (empty > most).then(|| {
        let expected = format!("one for each slice, and {EMPTY_LAYERS} more at most");
        violated("layers hold nothing", expected, empty, export.at("export.json#/image/layers"))
    })
}

pub(super) fn every_entry_is_explained(export: &Export, image: &Image) -> Finding {
    let model = Model::of(export, image);
    if let Some(finding) = too_many_are_empty(export, image) {
        return finding;
    }
    for (index, layer) in view::new_layers(export, image) {
        let entries = layer.blob.as_ref().map(|blob| blob.entries.as_slice()).unwrap_or_default();
        let files: BTreeMap<String, &Entry> = entries.iter().map(|entry| (entry.path.clone(), entry)).collect();
        for entry in entries {
            let content = view::resolved(&files, entry).content.as_ref();
            let seen = Seen { entry, content, layer: layer.blob.as_ref().map(|blob| &blob.diff_id) };
            if let Some(attribute) = attributes::unexplained(export, entry, on_disk(export, &entry.path)) {
                let place = export.at(&format!("export.json#/image/layers/{index}"));
                let message = format!("{} in layer {index} has an extended attribute without a reason", entry.path);
                return violated(message, "the attributes of the file on disk, or none", attribute, place);
            }
            if let Some(expected) = model.unexplained(&seen) {
                let place = export.at(&format!("export.json#/image/layers/{index}"));
                let message = format!("{} in layer {index} has no reason", entry.path);
                return violated(message, expected, shown(entry), place);
            }
        }
    }
    Finding::Holds
}
