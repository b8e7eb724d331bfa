//! Members of objects that are there twice: in one spelling, or in two that differ only in upper and lower case, which
//! widely used decoders take for one.

use std::collections::{HashMap, HashSet};

use crate::evidence::{Export, Image};
use crate::json::Json;
use crate::requirement::violated;
use crate::verdict::Finding;
use crate::view;

/// Labels that hold a JSON document.
const LABELS: [&str; 3] =
    ["io.buildpacks.build.metadata", "io.buildpacks.lifecycle.metadata", "io.buildpacks.project.metadata"];
/// Members whose value is a map of names that someone chose, of which no decoder takes two for one. What is below them
/// is the chooser's.
const MAPS: [&str; 9] =
    ["annotations", "Labels", "labels", "ExposedPorts", "Volumes", "data", "metadata", "store", "version"];
/// A buildpack's layers by their names, in the lifecycle's label.
const LAYERS: &str = "layers";

/// Where an object has two members that are one for some readers, and their names; none where it has not.
fn twins<'a>(json: &'a Json, place: &mut Vec<String>) -> Option<(String, &'a str, &'a str)> {
    if let Some(items) = json.items() {
        return items.iter().enumerate().find_map(|(index, item)| below(item, &index.to_string(), place));
    }
    let members = json.members().unwrap_or_default();
    let mut seen: HashMap<String, &str> = HashMap::with_capacity(members.len());
    for (name, _) in members {
        if let Some(other) = seen.insert(name.to_ascii_lowercase(), name) {
            return Some((place.join("/"), other, name));
        }
    }
    let mut rest = members.iter().filter(|(name, _)| !MAPS.contains(&name.as_str()));
    rest.find_map(|(name, value)| match value.members() {
        Some(layers) if name == LAYERS => each_below(layers, name, place),
        _ => below(value, name, place),
    })
}

/// The same of what is below the members of an object, and of these where one is there twice in one spelling: someone
/// chose their names.
fn each_below<'a>(
    members: &'a [(String, Json)],
    name: &str,
    place: &mut Vec<String>,
) -> Option<(String, &'a str, &'a str)> {
    place.push(name.to_owned());
    let mut seen = HashSet::with_capacity(members.len());
    let twice =
        members.iter().find(|(name, _)| !seen.insert(name)).map(|(name, _)| (place.join("/"), &**name, &**name));
    let found = twice.or_else(|| members.iter().find_map(|(name, value)| below(value, name, place)));
    place.pop();
    found
}

fn below<'a>(json: &'a Json, name: &str, place: &mut Vec<String>) -> Option<(String, &'a str, &'a str)> {
    place.push(name.to_owned());
    let found = twins(json, place);
    place.pop();
    found
}

pub(super) fn every_member_is_there_once(export: &Export, image: &Image) -> Finding {
    let run = &export.run_image;
    let roots = export.layout.iter().flat_map(|layout| &layout.roots);
    let of_layouts = roots.flat_map(|root| [("oci-layout#", &root.oci_layout), ("index.json#", &root.index)]);
    let of_layouts = of_layouts.filter_map(|(file, document)| Some((file.to_owned(), view::json(document.as_ref())?)));
    let manifest = view::json(image.manifest.as_ref()).map(|json| ("manifest.json#".to_owned(), json));
    let config = view::json(image.config.as_ref()).map(|json| ("config.json#".to_owned(), json));
    let labels = LABELS
        .iter()
        .filter_map(|name| Some((format!("config.json#/config/Labels/{name}"), view::json_label(image, name)?)));
    let preserved: Vec<_> = run.documents().filter_map(|document| view::json(Some(document))).collect();
    for (file, json) in manifest.into_iter().chain(config).chain(of_layouts).chain(labels) {
        let Some((place, one, other)) = twins(&json, &mut Vec::new()) else { continue };
        // What the run image has twice is preserved.
        let is_the_base_s =
            |base: &Json| twins(base, &mut Vec::new()).is_some_and(|twin| twin == (place.clone(), one, other));
        if preserved.iter().any(|base| is_the_base_s(base)) {
            continue;
        }
        let end = if place.is_empty() { String::new() } else { format!("/{place}") };
        let message = "readers disagree on which of two members counts";
        return violated(message, "each member once", format!("{one} and {other}"), export.at(&format!("{file}{end}")));
    }
    Finding::Holds
}
