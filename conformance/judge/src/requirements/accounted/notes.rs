//! Annotations of descriptors that programs act on, and whose meaning can be checked. All others are their author's.

use std::rc::Rc;

use crate::digest::Digest;
use crate::evidence::{Blob, Compression, Export, Image};
use crate::json::Json;
use crate::reference::is_same_image;
use crate::requirement::violated;
use crate::verdict::Finding;
use crate::view;

/// The diffID of a layer, as containerd notes it.
const UNCOMPRESSED: &str = "containerd.io/uncompressed";
/// The digest of the table of contents that stargz and eStargz put into a layer, and where it is there.
const CONTENTS: &str = "containerd.io/snapshot/stargz/toc.digest";
const CONTENTS_FILE: &str = "/stargz.index.json";
/// How long the tar of an eStargz layer is.
const LENGTH: &str = "io.containers.estargz.uncompressed-size";
/// Where zstd:chunked has its table of contents, by the name of old and of today.
const CHUNKED: [&str; 2] = ["io.github.containers.zstd-chunked.", "io.containers.zstd-chunked."];
/// The name under which containerd loads an image of a layout.
const NAME: &str = "io.containerd.image.name";
/// By which builders tell an attestation from the images of an index.
const KIND: &str = "vnd.docker.reference.type";
/// Keys that speak of the image that an image is based on, whatever descriptor they are on.
const BASE: [&str; 2] = ["base.name", "base.digest"];

/// What an annotation would have to be, where it can be told.
type Expected = Option<String>;

fn annotations(holder: &Json) -> Vec<(&str, &str)> {
    let members = holder.get("annotations").and_then(Json::members).unwrap_or_default();
    members.iter().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))).collect()
}

/// What an annotation of a layer's descriptor would have to be; nothing where it is true, or is not known here.
fn of_a_layer(key: &str, value: &str, diff_id: Option<&str>, blob: Option<&Blob>) -> Expected {
    if key == UNCOMPRESSED {
        return diff_id.filter(|id| *id != value).map(str::to_owned);
    }
    let blob = blob?;
    if key == LENGTH {
        let length = blob.uncompressed_size.to_string();
        return (length != value).then_some(length);
    }
    if CHUNKED.iter().any(|begin| key.starts_with(begin)) {
        if blob.compression != Compression::Zstd {
            return Some("nothing: the layer is not packed with zstd".to_owned());
        }
        let is_outside = key.ends_with(".manifest-position") && !is_inside(value, blob.size);
        return is_outside.then(|| format!("offset and length within {} bytes", blob.size));
    }
    if key == CONTENTS && blob.unlisted.is_none() {
        let file = blob.entries.iter().find(|entry| entry.path == CONTENTS_FILE);
        let Some(file) = file else { return Some(format!("nothing: the layer has no {CONTENTS_FILE}")) };
        let content = file.content.as_ref().map(Digest::as_str);
        return content.filter(|content| *content != value).map(str::to_owned);
    }
    None
}

/// Whether `offset:length:…` lies within so many bytes.
fn is_inside(position: &str, size: u64) -> bool {
    let numbers: Option<Vec<u64>> = position.split(':').take(2).map(|number| number.parse().ok()).collect();
    let end = numbers.filter(|numbers| numbers.len() == 2).and_then(|numbers| numbers[0].checked_add(numbers[1]));
    end.is_some_and(|end| end <= size)
}

/// What an annotation that speaks of the run image would have to be: what the manifest says of it, else what it is.
fn of_the_base(export: &Export, image: &Image, key: &str, value: &str) -> Expected {
    let name = key.strip_prefix(view::PREFIX).filter(|name| BASE.contains(name))?;
    if let Some(said) = view::annotation(image, key) {
        return (said != value).then_some(said);
    }
    let run = &export.run_image;
    let is_it = [&run.digest, &run.manifest.digest].iter().any(|digest| digest.as_str() == value);
    (name == "base.digest" && !is_it).then(|| run.digest.to_string())
}

fn wrong(place: String, key: &str, expected: String, found: &str) -> Finding {
    violated(format!("the annotation {key} of a descriptor is not true"), expected, view::cut(found), place)
}

pub(super) fn annotations_of_descriptors_are_true(export: &Export, image: &Image) -> Finding {
    let base = view::json(Some(&export.run_image.manifest));
    let ids = view::diff_ids(image.config.as_ref());
    let manifest = view::json(image.manifest.as_ref());
    let descriptors = manifest.iter().flat_map(|manifest| view::descriptors(manifest));
    // What is the run image's own is preserved with it.
    for (pointer, one) in descriptors.filter(|(_, one)| !view::is_descriptor_of(base.as_deref(), one)) {
        let index = pointer.strip_prefix("/layers/").and_then(|index| index.parse::<usize>().ok());
        let blob = index.and_then(|index| image.layers.get(index)?.blob.as_ref());
        let diff_id = index.and_then(|index| ids.get(index)).map(String::as_str);
        for (key, value) in annotations(one) {
            let of_a_layer = index.and_then(|_| of_a_layer(key, value, diff_id, blob));
            if let Some(expected) = of_a_layer.or_else(|| of_the_base(export, image, key, value)) {
                return wrong(export.at(&format!("manifest.json#{pointer}/annotations")), key, expected, value);
            }
        }
    }
    view::indexes(export)
        .into_iter()
        .map(|index| the_index_is_true(export, image, &index))
        .find(|finding| *finding != Finding::Holds)
        .unwrap_or(Finding::Holds)
}

/// Of the entries those of the app image; what else an index names was there before.
fn the_index_is_true(export: &Export, image: &Image, index: &Rc<Json>) -> Finding {
    let own = view::own_entries(export, index);
    for (key, value) in own.iter().flat_map(|entry| annotations(entry)) {
        let expected = match key {
            NAME if !export.inputs.images.iter().any(|image| is_same_image(image, value)) => {
                export.inputs.images.join(", ")
            }
            KIND => "nothing: it is the app image".to_owned(),
            _ => continue,
        };
        return wrong(export.at("index.json#/manifests"), key, expected, value);
    }
    // An index of several images is based on none.
    let of_all = annotations(index).into_iter().filter(|_| own.len() == view::entries(index).len());
    for (key, value) in of_all {
        if let Some(expected) = of_the_base(export, image, key, value) {
            return wrong(export.at("index.json#/annotations"), key, expected, value);
        }
    }
    Finding::Holds
}
