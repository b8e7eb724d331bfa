//! The name: whether it is one of the run image's, and how it is written.

use super::{annotation, at, label};
use crate::evidence::Export;
use crate::json::Json;
use crate::reference::{Reference, is_same_image};
use crate::requirement::{holds_when, not_applicable, toml_input, violated};
use crate::verdict::Finding;
use crate::view;

/// Names by which the run image can rightly be called, and what each is.
fn right_names(export: &Export) -> Vec<(&'static str, String)> {
    let mut names = vec![("run-image.image", export.run_image.name.clone())];
    let text = |value: Option<&Json>| value.and_then(Json::as_str).map(str::to_owned);
    if let Some(label) = label(export) {
        names.extend(text(label.get("image")).map(|name| ("the label's runImage.image", name)));
        let mirrors = label.get("mirrors").and_then(Json::items).unwrap_or_default();
        names.extend(mirrors.iter().filter_map(|mirror| Some(("a mirror in the label", text(Some(mirror))?))));
    }
    let run = toml_input(&export.inputs, &export.inputs.run);
    let images = run.as_ref().and_then(|table| table.get("images")?.as_array()).map(Vec::as_slice).unwrap_or_default();
    let is_ours = |name: &str| is_same_image(name, &export.run_image.name);
    for entry in images {
        let mut all: Vec<&str> = entry.get("image").and_then(toml::Value::as_str).into_iter().collect();
        let mirrors = entry.get("mirrors").and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
        all.extend(mirrors.iter().filter_map(toml::Value::as_str));
        if all.iter().any(|name| is_ours(name)) {
            names.extend(all.into_iter().map(|name| ("an entry of run.toml", name.to_owned())));
        }
    }
    names
}

pub(super) fn matched_name(export: &Export, found: &str) -> Option<&'static str> {
    let parsed = Reference::parse(found).ok();
    let is_it = |name: &str| {
        // A name that is not a reference names what it says.
        let Some(found) = &parsed else { return name == found };
        Reference::parse(name).is_ok_and(|right| {
            // A name by digest as well as by tag names the same image as the tag alone.
            right.same_image(found) || right.same_repository(found) && found.digest.is_none() && right.tag == found.tag
        })
    };
    right_names(export).into_iter().find(|(_, name)| is_it(name)).map(|(what, _)| what)
}

pub(super) fn the_name_is_the_run_image_s(export: &Export, found: &str) -> Finding {
    holds_when(matched_name(export, found).is_some(), || {
        violated(
            "base.name does not name the run image",
            &export.run_image.name,
            view::cut(found),
            at(export, "base.name"),
        )
    })
}

pub(super) fn the_name_spells_out_its_registry(export: &Export, found: &str) -> Finding {
    holds_when(Reference::parse(found).is_ok_and(|reference| reference.spelled_registry), || {
        let expected = Reference::parse(&export.run_image.name).map_or_else(
            |_| "a reference, or nothing where the run image's name is not one".to_owned(),
            |name| name.to_string(),
        );
        violated("base.name does not spell out its registry", expected, view::cut(found), at(export, "base.name"))
    })
}

pub(super) fn the_name_is_a_tag(export: &Export, found: &str) -> Finding {
    let by_digest = |text: &str| Reference::parse(text).is_ok_and(|name| name.digest.is_some());
    if by_digest(&export.run_image.name) {
        return not_applicable("the run image was named by digest");
    }
    holds_when(!by_digest(found), || {
        violated("base.name is a digest reference", &export.run_image.name, view::cut(found), at(export, "base.name"))
    })
}

pub(super) fn the_name_comes_with_its_digest(export: &Export, name: &str) -> Finding {
    holds_when(annotation(export, "base.digest").is_some(), || {
        violated("base.name is there without base.digest", "both", name, export.at("manifest.json#/annotations"))
    })
}
