//! The run image in `io.buildpacks.lifecycle.metadata`.

use super::super::inputs;
use super::{at, missing};
use crate::digest::ContentId;
use crate::evidence::{Export, Image, Target};
use crate::json::Json;
use crate::reference::is_same_image;
use crate::requirement::{holds_when, not_applicable, toml_input, violated};
use crate::verdict::Finding;
use crate::view::{self, LIFECYCLE, shown};

/// Names that run.toml gives the run image: its own entry, else the first.
fn resolved_names(export: &Export) -> Option<(String, Vec<String>)> {
    let run = toml_input(&export.inputs, &export.inputs.run)?;
    let images = inputs::tables(&run, "images");
    let mirrors = |entry: &toml::Table| -> Vec<String> {
        let list = entry.get("mirrors").and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
    };
    let is_own = |name: &str| is_same_image(name, &export.run_image.name);
    let entry = images
        .iter()
        .find(|entry| is_own(inputs::text(entry, "image")) || mirrors(entry).iter().any(|name| is_own(name)))
        .or(images.first())?;
    Some((inputs::text(entry, "image").to_owned(), mirrors(entry)))
}

pub(in super::super) fn the_run_image_is_in_the_label(export: &Export, image: &Image) -> Finding {
    let Some(label) = view::lifecycle_label(image) else { return missing(export, image, LIFECYCLE) };
    let run_image = label.get("runImage");
    let text = |key: &str| run_image.and_then(|label| label.get(key)?.as_str()).unwrap_or_default();
    let top = view::diff_ids(Some(&export.run_image.config)).last().cloned().unwrap_or_default();
    if text("topLayer") != top {
        return violated(
            "runImage.topLayer is not the run image's last diffID",
            top,
            text("topLayer"),
            at(export, LIFECYCLE),
        );
    }
    match the_run_image_s_names_are_in_the_label(export, image) {
        Finding::Holds => {}
        finding => return finding,
    }
    let reference = text("reference");
    holds_when(identifies(export, reference), || {
        violated(
            "runImage.reference does not identify the run image",
            &export.run_image.reference,
            reference,
            at(export, LIFECYCLE),
        )
    })
}

/// The names that run.toml gives, and nothing else.
pub(in super::super) fn the_run_image_s_names_are_in_the_label(export: &Export, image: &Image) -> Finding {
    let Some(label) = view::lifecycle_label(image) else { return missing(export, image, LIFECYCLE) };
    let run_image = label.get("runImage");
    let text = |key: &str| run_image.and_then(|label| label.get(key)?.as_str()).unwrap_or_default();
    if let Some((name, mirrors)) = resolved_names(export) {
        if !is_same_image(text("image"), &name) {
            return violated("runImage.image is not that of run.toml", name, text("image"), at(export, LIFECYCLE));
        }
        let items = run_image.and_then(|label| label.get("mirrors")?.items()).unwrap_or_default();
        let found: Vec<&str> = items.iter().filter_map(Json::as_str).collect();
        let same = items.len() == mirrors.len()
            && found.len() == mirrors.len()
            && found.iter().zip(&mirrors).all(|(one, two)| is_same_image(one, two));
        if !same {
            return violated(
                "runImage.mirrors are not those of run.toml",
                mirrors.join(", "),
                shown(run_image.and_then(|label| label.get("mirrors"))),
                at(export, LIFECYCLE),
            );
        }
    }
    Finding::Holds
}

/// An imageID, a digest reference, or in a daemon whatever the daemon calls it.
pub(in crate::requirements) fn identifies(export: &Export, reference: &str) -> bool {
    let run = &export.run_image;
    let in_daemon = run.in_daemon.iter().filter(|_| export.target == Target::Daemon);
    let called_there = in_daemon.flat_map(|run| run.digests().chain([run.id.as_str()])).filter_map(ContentId::parse);
    let names: Vec<ContentId> = [&run.digest, &run.manifest.digest, &run.config.digest]
        .into_iter()
        .map(Into::into)
        .chain(called_there)
        .collect();
    let is_name = |text: &str| ContentId::parse(text).is_some_and(|id| names.contains(&id));
    let after_at = reference.rsplit_once('@').map(|(_, digest)| digest);
    let is_given = export.target != Target::Registry && ContentId::same_reference(reference, &run.reference);
    is_given || is_name(reference) || after_at.is_some_and(is_name)
}

pub(in super::super) fn the_deprecated_key_agrees(export: &Export, image: &Image) -> Finding {
    let label = view::lifecycle_label(image);
    let label = label.as_ref();
    let Some(stack) = label.and_then(|label| label.at(&["stack", "runImage"])) else {
        return not_applicable("there is no stack.runImage");
    };
    let run_image = label.and_then(|label| label.get("runImage"));
    for key in ["image", "mirrors", "topLayer", "reference"] {
        // Its own two keys are all that the old one has to have.
        if matches!(key, "topLayer" | "reference") && stack.get(key).is_none() {
            continue;
        }
        let value = |json: Option<&Json>| json.and_then(|json| json.get(key)).map(Json::to_value);
        let is_none = |value: &Option<serde_json::Value>| {
            value.as_ref().is_none_or(|value| value.is_null() || value.as_array().is_some_and(Vec::is_empty))
        };
        let (expected, found) = (value(run_image), value(Some(stack)));
        let text = |value: &Option<serde_json::Value>| value.as_ref().and_then(|one| one.as_str().map(str::to_owned));
        let same_id = key == "reference"
            && text(&expected).zip(text(&found)).is_some_and(|(one, two)| ContentId::same_reference(&one, &two));
        if expected != found && !same_id && !(is_none(&expected) && is_none(&found)) {
            let shown = |value: Option<serde_json::Value>| {
                value.map_or_else(|| "nothing".to_owned(), |value| value.to_string())
            };
            return violated(
                format!("stack.runImage.{key} is not runImage.{key}"),
                shown(expected),
                shown(found),
                at(export, LIFECYCLE),
            );
        }
    }
    Finding::Holds
}
