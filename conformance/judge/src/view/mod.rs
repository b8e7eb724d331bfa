//! Readings of an export's raw documents that several judges share: manifest, config, labels, layers, and the files
//! that the new layers bring.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::digest::Digest;
use crate::evidence::{Document, Entry, EntryKind, Export, Image, Layer};
use crate::json::Json;
use crate::memo;

/// The label in which the lifecycle keeps what it knows of an image.
pub const LIFECYCLE: &str = "io.buildpacks.lifecycle.metadata";

/// What every key of the RFC begins with.
pub const PREFIX: &str = "org.opencontainers.image.";

/// The nine keys of RFC 196, without [`PREFIX`].
pub const RFC_KEYS: [&str; 9] =
    ["base.name", "base.digest", "source", "revision", "authors", "version", "documentation", "title", "licenses"];

/// A document as JSON, where it is JSON.
#[must_use]
pub fn json(document: Option<&Document>) -> Option<Rc<Json>> {
    memo::json(&document?.bytes)
}

/// Whether there is a manifest that is not a JSON object, so that nothing is known of its contents.
#[must_use]
pub fn has_no_readable_manifest(image: &Image) -> bool {
    let is_object = |manifest: &Document| json(Some(manifest)).is_some_and(|json| json.members().is_some());
    image.manifest.as_ref().is_some_and(|manifest| !is_object(manifest))
}

/// The members of a manifest's `annotations`, where it is an object.
#[must_use]
pub fn annotations(image: &Image) -> Vec<(String, Json)> {
    let manifest = json(image.manifest.as_ref());
    manifest.and_then(|json| json.get("annotations")?.members().map(<[_]>::to_vec)).unwrap_or_default()
}

/// The value of a string annotation.
#[must_use]
pub fn annotation(image: &Image, key: &str) -> Option<String> {
    let manifest = json(image.manifest.as_ref())?;
    manifest.get("annotations")?.get(key)?.as_str().map(str::to_owned)
}

/// Annotations under one of the nine keys of the RFC whose value is the run image's own: what the exporter has copied
/// along with the run image's manifest. Key and value, in the order of the nine.
#[must_use]
pub fn leaked(export: &Export, image: &Image) -> Vec<(String, String)> {
    let keys = RFC_KEYS.iter().map(|name| format!("{PREFIX}{name}"));
    keys.filter_map(|key| annotation(image, &key).map(|value| (key, value)))
        .filter(|(_, value)| export.run_image.sentinels.contains(value))
        .collect()
}

/// Whether the value under this key of the RFC, without [`PREFIX`], is the run image's own.
#[must_use]
pub fn is_leaked(export: &Export, name: &str) -> bool {
    let value = export.image.as_ref().and_then(|image| annotation(image, &format!("{PREFIX}{name}")));
    value.is_some_and(|value| export.run_image.sentinels.contains(&value))
}

/// The annotations of a manifest whose values are not the run image's: those that the build gave.
#[must_use]
pub fn given_annotations(export: &Export, image: &Image) -> Vec<(String, Json)> {
    let is_given =
        |value: &Json| !value.as_str().is_some_and(|text| export.run_image.sentinels.iter().any(|own| own == text));
    annotations(image).into_iter().filter(|(_, value)| is_given(value)).collect()
}

/// The string labels of a config.
#[must_use]
pub fn labels_of(config: Option<&Document>) -> Rc<BTreeMap<String, String>> {
    config.map(|config| memo::labels(&config.bytes)).unwrap_or_default()
}

/// The string labels of an image.
#[must_use]
pub fn labels(image: &Image) -> Rc<BTreeMap<String, String>> {
    labels_of(image.config.as_ref())
}

/// A label that holds JSON.
#[must_use]
pub fn json_label(image: &Image, key: &str) -> Option<Rc<Json>> {
    memo::json(labels(image).get(key)?.as_bytes())
}

/// The entries of a config's `Env` that are text, in their order.
#[must_use]
pub fn variables(config: Option<&Json>) -> Vec<&str> {
    let list = config.and_then(|json| json.at(&["config", "Env"])?.items()).unwrap_or_default();
    list.iter().filter_map(Json::as_str).collect()
}

/// The lifecycle's label.
#[must_use]
pub fn lifecycle_label(image: &Image) -> Option<Rc<Json>> {
    json_label(image, LIFECYCLE)
}

/// The `diff_ids` of a config, as they stand there.
#[must_use]
pub fn diff_ids(config: Option<&Document>) -> Vec<String> {
    let config = json(config);
    let list = config.as_ref().and_then(|json| json.at(&["rootfs", "diff_ids"])?.items()).unwrap_or_default();
    list.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect()
}

/// How many layers the app image has of its base: the run image's, and where extensions extended it those of theirs
/// that come next, in whatever order.
#[must_use]
pub fn base_count(export: &Export) -> usize {
    let own = diff_ids(Some(&export.run_image.config)).len();
    let Some(extended) = &export.run_image.extension else { return own };
    let (extended, image) = (diff_ids(Some(&extended.config)), export.image.as_ref());
    let found = diff_ids(image.and_then(|image| image.config.as_ref()));
    found.iter().take_while(|id| extended.contains(id)).count().max(own)
}

/// The layers that are not the run image's, with their place among all.
#[must_use]
pub fn new_layers<'a>(export: &Export, image: &'a Image) -> Vec<(usize, &'a Layer)> {
    image.layers.iter().enumerate().skip(base_count(export)).collect()
}

/// The new layers that the exporter packed itself: not those that it has from another exporter's image.
#[must_use]
pub fn packed_layers<'a>(export: &Export, image: &'a Image) -> Vec<(usize, &'a Layer)> {
    let known = diff_ids(export.inputs.previous_image.as_ref().map(|previous| &previous.config));
    let mut layers = new_layers(export, image);
    let is_known =
        |layer: &Layer| layer.blob.as_ref().is_some_and(|blob| known.iter().any(|id| id == blob.diff_id.as_str()));
    layers.retain(|(_, layer)| !is_known(layer));
    layers
}

/// The files that the new layers leave, by path: later layers replace earlier ones, whiteouts remove, hard links stand
/// for what they link to.
#[must_use]
pub fn new_files<'a>(export: &Export, image: &'a Image) -> BTreeMap<String, &'a Entry> {
    let mut files: BTreeMap<String, &Entry> = BTreeMap::new();
    for (_, layer) in new_layers(export, image) {
        for entry in layer.blob.iter().flat_map(|blob| &blob.entries) {
            let (folder, name) = entry.path.rsplit_once('/').unwrap_or(("", &entry.path));
            if name == ".wh..wh..opq" {
                remove_below(&mut files, folder);
            } else if let Some(hidden) = name.strip_prefix(".wh.") {
                let hidden = format!("{folder}/{hidden}");
                files.remove(&hidden);
                remove_below(&mut files, &hidden);
            } else {
                files.insert(entry.path.clone(), entry);
            }
        }
    }
    files
}

/// Removes what lies strictly below a folder, without a look at all the rest: a hostile layer has as many whiteouts as
/// files.
fn remove_below(files: &mut BTreeMap<String, &Entry>, folder: &str) {
    let start = format!("{}/", folder.trim_end_matches('/'));
    // What begins so lies together, before what has the next character in place of the slash.
    let end = format!("{}0", folder.trim_end_matches('/'));
    let below = files.range(start.clone()..end).map(|(path, _)| path.clone());
    let gone: Vec<String> = below.filter(|path| *path != start).collect();
    for path in gone {
        files.remove(&path);
    }
}

/// Most hard links that lead from one to the next: tools that write one name the file itself.
const LONGEST_CHAIN: usize = 64;

/// What a hard link stands for, also where it links to another hard link; any other entry for itself.
#[must_use]
pub fn resolved<'a>(files: &BTreeMap<String, &'a Entry>, entry: &'a Entry) -> &'a Entry {
    let mut found = entry;
    // Links that lead round in a circle stand for nothing.
    for _ in 0..files.len().min(LONGEST_CHAIN) {
        if found.kind != EntryKind::HardLink {
            return found;
        }
        match files.get(&link_target(found)) {
            Some(next) => found = next,
            None => return entry,
        }
    }
    entry
}

/// The path in the image to which a hard link leads.
#[must_use]
pub fn link_target(entry: &Entry) -> String {
    let link = entry.link.as_deref().unwrap_or_default();
    format!("/{}", link.trim_start_matches("./").trim_matches('/'))
}

/// Whether `path` lies strictly below `folder`.
#[must_use]
pub fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/') && rest.len() > 1)
}

/// A value as findings show it; `nothing` where there is none.
#[must_use]
pub fn shown(value: Option<impl std::fmt::Display>) -> String {
    value.map_or_else(|| "nothing".to_owned(), |value| cut(&value.to_string()))
}

/// The path that `path` means in `folder`, which is absolute: without `.`, `..` and slashes that say nothing. Links are
/// not followed.
#[must_use]
pub fn cleaned(path: &str, folder: &str) -> String {
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{folder}/{path}") };
    let mut parts = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// How the exporter ended, and what it said last of the reason.
#[must_use]
pub fn ended(export: &Export) -> String {
    match last_words(export) {
        Some((_, said)) => format!("{}; it last said: {}", export.outcome.end, cut(&said)),
        None => format!("{}, no output", export.outcome.end),
    }
}

/// Where in the evidence the words of [`ended`] are.
#[must_use]
pub fn last_words_at(export: &Export) -> String {
    export.at(last_words(export).map_or("stderr.txt", |(file, _)| file))
}

/// The last line that speaks of an error, else the last line at all; standard error comes first. With the file of the
/// evidence that has it.
fn last_words(export: &Export) -> Option<(&'static str, String)> {
    let streams = [("stderr.txt", &export.outcome.stderr), ("stdout.txt", &export.outcome.stdout)]
        .map(|(file, text)| (file, uncoloured(text)));
    let last = |is_wanted: &dyn Fn(&str) -> bool| {
        streams.iter().find_map(|(file, text)| {
            let line = text.lines().rev().map(str::trim_end).find(|line| !line.trim().is_empty() && is_wanted(line))?;
            Some((*file, line.to_owned()))
        })
    };
    last(&|line| line.to_lowercase().contains("error")).or_else(|| last(&|_| true))
}

/// A text without a terminal's colours.
#[must_use]
pub fn uncoloured(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut pieces = text.split("\u{1b}[");
    plain.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        match piece.find(|c: char| c.is_ascii_alphabetic()) {
            Some(end) => plain.push_str(&piece[end + 1..]),
            None => plain.push_str(piece),
        }
    }
    plain
}

/// What follows the first of so many things where one alone is shown: how many others there are, or nothing.
#[must_use]
pub(crate) fn and_more(count: usize) -> String {
    if count <= 1 { String::new() } else { format!(", and {} more", count - 1) }
}

/// A value cut to what a person reads.
#[must_use]
pub fn cut(text: &str) -> String {
    cut_to(text, 300)
}

/// A value cut to so many characters, with its length where it was cut.
#[must_use]
pub fn cut_to(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

/// The digest in a run image's reference: `repository@digest`, or `path@digest` in a layout.
#[must_use]
pub fn pinned(export: &Export) -> Option<Digest> {
    Digest::parse(export.run_image.reference.rsplit_once('@')?.1).ok()
}

/// Whether the document under the image's name is an index of images, and not an image's manifest.
#[must_use]
pub fn is_index(image: &Image) -> bool {
    const INDEXES: [&str; 2] =
        ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];
    let Some(manifest) = json(image.manifest.as_ref()) else { return false };
    let media_type = manifest.get("mediaType").and_then(Json::as_str);
    let has_list = manifest.get("manifests").and_then(Json::items).is_some();
    let is_called_one = media_type.is_some_and(|found| INDEXES.contains(&found));
    has_list && (is_called_one || media_type.is_none() && manifest.get("layers").is_none())
}

/// A descriptor's list in a manifest: config and layers with their JSON path.
#[must_use]
pub fn descriptors(manifest: &Json) -> Vec<(String, &Json)> {
    let mut found = Vec::new();
    for key in ["config", "subject"] {
        if let Some(one) = manifest.get(key) {
            found.push((format!("/{key}"), one));
        }
    }
    for key in ["layers", "manifests"] {
        for (index, one) in manifest.get(key).and_then(Json::items).unwrap_or_default().iter().enumerate() {
            found.push((format!("/{key}/{index}"), one));
        }
    }
    found
}

/// The index of each root of a layout that is JSON.
#[must_use]
pub fn indexes(export: &Export) -> Vec<Rc<Json>> {
    let roots = export.layout.iter().flat_map(|layout| &layout.roots);
    roots.filter_map(|root| json(root.index.as_ref())).collect()
}

/// What an index lists.
#[must_use]
pub fn entries(index: &Json) -> &[Json] {
    index.get("manifests").and_then(Json::items).unwrap_or_default()
}

/// Entries of an index that name the app image.
#[must_use]
pub fn own_entries<'a>(export: &Export, index: &'a Json) -> Vec<&'a Json> {
    let digest = export.manifest_digest().map(ToString::to_string);
    let is_own = |entry: &&Json| digest.is_some() && entry.get("digest").and_then(Json::as_str) == digest.as_deref();
    entries(index).iter().filter(is_own).collect()
}

/// The report, where it can be read.
#[must_use]
pub fn report(export: &Export) -> Option<toml::Table> {
    export.report.as_ref()?.text()?.parse().ok()
}

/// The descriptors of an image's manifest and of the index of each root of its layout, each with its place in the
/// evidence; without the run image's own, which are preserved as they are.
#[must_use]
pub fn own_descriptors(export: &Export, image: &Image) -> Vec<(String, Json)> {
    let base = json(Some(&export.run_image.manifest));
    let indexes = indexes(export).into_iter().map(|index| ("index.json", index));
    let documents =
        json(image.manifest.as_ref()).map(|manifest| ("manifest.json", manifest)).into_iter().chain(indexes);
    let mut found = Vec::new();
    for (file, document) in documents {
        for (pointer, one) in descriptors(&document) {
            if !is_descriptor_of(base.as_deref(), one) {
                found.push((export.at(&format!("{file}#{pointer}")), one.clone()));
            }
        }
    }
    found
}

/// Whether a manifest has the same descriptor: what is the run image's own is preserved with it.
#[must_use]
pub fn is_descriptor_of(manifest: Option<&Json>, descriptor: &Json) -> bool {
    manifest.is_some_and(|manifest| descriptors(manifest).iter().any(|(_, other)| *other == descriptor))
}

#[cfg(test)]
mod tests;
