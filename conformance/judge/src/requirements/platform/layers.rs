//! Layers of buildpacks: those for launch are in the image as they lie on disk, others are not, re-used ones are the
//! previous image's.

use std::collections::BTreeMap;

use super::inputs::{self, InputLayer};
use crate::evidence::{Entry, EntryKind, Export, FileFact, FileKind, Image, PreviousImage};
use crate::json::Json;
use crate::requirement::{Case, not_applicable, together, violated};
use crate::verdict::Finding;
use crate::view;

fn place(export: &Export) -> String {
    export.at("export.json#/image/layers")
}

pub(super) fn launch_layers_are_in_the_image(export: &Export, image: &Image) -> Finding {
    let layers: Vec<InputLayer> =
        inputs::layers(export).into_iter().filter(|layer| layer.types.launch && layer.has_folder).collect();
    if layers.is_empty() {
        return not_applicable("no buildpack has a launch layer with a folder");
    }
    let files = view::new_files(export, image);
    for folder in layers.iter().filter_map(|layer| export.inputs.file(&layer.folder)) {
        // Whether a layer's own folder is an entry is left to the exporter; one that is there is that folder.
        if let Some((expected, found)) = files.get(&folder.path).and_then(|entry| differs(folder, entry)) {
            return violated(format!("{} is not in the image as on disk", folder.path), expected, found, place(export));
        }
    }
    for file in layers.iter().flat_map(|layer| export.inputs.below(&layer.folder)) {
        let entry = files.get(&file.path).map(|entry| view::resolved(&files, entry));
        if let Some((expected, found)) =
            entry.map_or_else(|| Some((told(file), "nothing".to_owned())), |e| differs(file, e))
        {
            return violated(format!("{} is not in the image as on disk", file.path), expected, found, place(export));
        }
    }
    unread(layers.iter().flat_map(|layer| export.inputs.below(&layer.folder)), &files)
}

/// Holds where all files were read; what was not read is not a difference, and no one knows that it is none.
pub(super) fn unread<'a>(mut inputs: impl Iterator<Item = &'a FileFact>, files: &BTreeMap<String, &Entry>) -> Finding {
    let found = inputs.find(|file| files.get(&file.path).is_some_and(|entry| view::resolved(files, entry).is_unread()));
    match found {
        Some(file) => Finding::Skipped(format!("{} is a sparse file in its layer and was not read", file.path)),
        None => Finding::Holds,
    }
}

fn told(file: &FileFact) -> String {
    match file.kind {
        FileKind::Symlink => format!("a link to {}", file.link.as_deref().unwrap_or_default()),
        FileKind::Directory => format!("a folder of mode {:o}", file.mode),
        _ => format!(
            "a file of mode {:o} with {}",
            file.mode,
            file.content.as_ref().map(ToString::to_string).unwrap_or_default()
        ),
    }
}

/// What was to be seen and what was, where they differ.
fn differs(file: &FileFact, entry: &crate::evidence::Entry) -> Option<(String, String)> {
    let same = match (file.kind, entry.kind) {
        (FileKind::Symlink, EntryKind::Symlink) => file.link == entry.link,
        (FileKind::Directory, EntryKind::Directory) => file.mode == entry.mode,
        (FileKind::File, EntryKind::File) => {
            file.mode == entry.mode && (entry.is_unread() && file.size == entry.size || file.content == entry.content)
        }
        _ => false,
    };
    let found = match entry.kind {
        EntryKind::Symlink => format!("a link to {}", entry.link.as_deref().unwrap_or_default()),
        EntryKind::File => {
            format!(
                "a file of mode {:o} with {}",
                entry.mode,
                entry.content.as_ref().map(ToString::to_string).unwrap_or_default()
            )
        }
        kind => format!("{kind:?} of mode {:o}", entry.mode),
    };
    (!same).then(|| (told(file), found))
}

pub(super) fn other_layers_are_not_in_the_image(export: &Export, image: &Image) -> Finding {
    let layers: Vec<InputLayer> = inputs::layers(export).into_iter().filter(|layer| !layer.types.launch).collect();
    if layers.is_empty() {
        return not_applicable("no buildpack has a layer that is not for launch");
    }
    // Every layer counts, also where a later one hides the file again: the bytes are in the image.
    for (_, layer) in view::new_layers(export, image) {
        for entry in layer.blob.iter().flat_map(|blob| &blob.entries) {
            if let Some(own) = layers.iter().find(|layer| view::is_below(&entry.path, &layer.folder)) {
                let message = format!("a file of {}, which is not for launch, is in the image", own.folder);
                return violated(message, "no such file", &entry.path, place(export));
            }
        }
    }
    Finding::Holds
}

/// The lifecycle label's entry for a layer.
fn entry(label: &Json, buildpack: &str, layer: &str) -> Option<Json> {
    let entries = label.get("buildpacks")?.items()?;
    let of = entries.iter().find(|entry| entry.get("key").and_then(Json::as_str) == Some(buildpack))?;
    of.at(&["layers", layer]).cloned()
}

fn sha(export: &Export, layer: &InputLayer) -> Option<String> {
    let label = view::lifecycle_label(export.image.as_ref()?)?;
    Some(entry(&label, &layer.buildpack, &layer.name)?.get("sha")?.as_str()?.to_owned())
}

/// What was there before an export.
#[derive(Clone, Copy)]
enum Before<'a> {
    /// The image of an export of this exporter.
    Own(&'a Export),
    /// The image of another exporter.
    Other(&'a PreviousImage),
}

impl Before<'_> {
    /// The diffID that its label has for a layer.
    fn sha(self, layer: &InputLayer) -> Option<String> {
        match self {
            Self::Own(export) => sha(export, layer),
            Self::Other(image) => {
                let labels = view::labels_of(Some(&image.config));
                let label = Json::parse(labels.get(view::LIFECYCLE)?.as_bytes()).ok()?;
                Some(entry(&label, &layer.buildpack, &layer.name)?.get("sha")?.as_str()?.to_owned())
            }
        }
    }

    /// The digest of the layer's blob.
    fn blob(self, layer: &InputLayer) -> Option<String> {
        let id = self.sha(layer)?;
        let at = |config| view::diff_ids(config).iter().position(|known| *known == id);
        match self {
            Self::Own(export) => {
                let image = export.image.as_ref()?;
                Some(image.layers.get(at(image.config.as_ref())?)?.name.clone())
            }
            Self::Other(image) => {
                let manifest = view::json(Some(&image.manifest))?;
                let descriptor = manifest.get("layers")?.items()?.get(at(Some(&image.config))?)?;
                Some(descriptor.get("digest")?.as_str()?.to_owned())
            }
        }
    }
}

/// Each export with a layer to re-use, and the image that the analysis found: another exporter's where the step has
/// one, else that of an export: by its digest where `analyzed.toml` has one, else the last before it to the same name.
fn reusing<'a>(case: &Case<'a>) -> Vec<(Before<'a>, &'a Export, InputLayer)> {
    let mut found = Vec::new();
    let good: Vec<&'a Export> = case.good().filter(|export| export.outcome.succeeded()).collect();
    for (index, export) in good.iter().copied().enumerate() {
        let same_name = |before: &&&Export| before.inputs.images.first() == export.inputs.images.first();
        let mut before = good[..index].iter().rev().filter(same_name);
        let analysed = inputs::previous_image(export);
        let is_it =
            |before: &&&Export| analysed.as_ref().is_some_and(|digest| before.manifest_digest() == Some(digest));
        let own = before.clone().find(is_it).or_else(|| before.next()).copied().map(Before::Own);
        let other = export.inputs.previous_image.as_ref().map(Before::Other);
        let Some(before) = other.or(own) else { continue };
        for layer in inputs::layers(export).into_iter().filter(|layer| layer.types.launch && !layer.has_folder) {
            found.push((before, export, layer));
        }
    }
    found
}

pub(super) fn a_layer_without_folder_is_the_previous_one(case: &Case<'_>) -> Finding {
    together(reusing(case).into_iter().map(|(before, export, layer)| is_the_previous_one(before, export, &layer)))
}

fn is_the_previous_one(before: Before<'_>, export: &Export, layer: &InputLayer) -> Finding {
    let at = export.at("config.json#/config/Labels/io.buildpacks.lifecycle.metadata");
    let Some(expected) = before.sha(layer) else {
        return not_applicable("the previous image's label does not name the layer");
    };
    let shown = |value: Option<String>| value.unwrap_or_else(|| "nothing".to_owned());
    let found = sha(export, layer);
    if found.as_ref() != Some(&expected) {
        return violated(format!("layer {} is not the previous image's", layer.name), expected, shown(found), at);
    }
    let ids = view::diff_ids(export.image.as_ref().and_then(|image| image.config.as_ref()));
    if !ids.contains(&expected) {
        let place = export.at("config.json#/rootfs/diff_ids");
        return violated(
            format!("layer {} is in the label, but not in the image", layer.name),
            expected,
            "no such diffID",
            place,
        );
    }
    super::labels::data_is_in_the_label(export, layer)
}

/// Whether a layer of the run image, which is preserved, is another blob than there: packed anew. None where no
/// manifest tells.
fn is_packed_anew(export: &Export, image: &Image) -> Option<bool> {
    let base = view::json(Some(&export.run_image.manifest))?;
    let own = view::json(image.manifest.as_ref())?;
    let digest = |descriptor: &Json| descriptor.get("digest").map(Json::to_value);
    let mut pairs = base.get("layers")?.items()?.iter().zip(own.get("layers")?.items()?);
    Some(pairs.any(|(one, two)| digest(one) != digest(two)))
}

pub(super) fn observations(case: &Case<'_>, see: &mut dyn FnMut(&Export, &str, String, &str)) {
    for export in case.good() {
        let packed = export.image.as_ref().and_then(|image| is_packed_anew(export, image));
        if let Some(packed) = packed {
            let answer = if packed { "packed anew" } else { "the same blobs" };
            see(export, "layers-of-the-run-image-are", answer.to_owned(), "manifest.json#/layers");
        }
    }
    for (before, export, layer) in reusing(case) {
        if let (Some(one), Some(two)) = (before.blob(&layer), Before::Own(export).blob(&layer)) {
            let answer = if one == two { "the digest of the fresh export" } else { "another digest" };
            see(export, "a-re-used-layer-has", answer.to_owned(), "manifest.json#/layers");
        }
    }
}
