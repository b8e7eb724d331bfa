//! What exporters do with name and digest where the RFC leaves it open.

use super::super::annotating::{Annotating, is_run_image_s};
use super::annotation;
use super::digest::right_digests;
use super::name::matched_name;
use crate::evidence::Export;
use crate::reference::Reference;
use crate::requirement::{Case, toml_input};
use crate::view;

pub(in super::super) fn observations(
    case: &Case<'_>,
    annotating: &Annotating,
    see: &mut dyn FnMut(&Export, &str, String, &str),
) {
    for export in case.good() {
        if export.image.as_ref().is_none_or(|image| image.manifest.is_none()) {
            continue;
        }
        let place = "manifest.json#/annotations";
        if export.run_image.extension.is_some() && annotating.answers() {
            see(export, "extended-run-image", base_of_an_extended(export).to_owned(), place);
        }
        let own = |name| annotation(export, name).filter(|text| !is_run_image_s(export, text));
        if let Some(name) = own("base.name") {
            let what = matched_name(export, &name).unwrap_or("something else");
            see(export, "base-name-is", what.to_owned(), place);
            if is_a_mirror(export, &export.run_image.name) {
                let answer = if is_a_mirror(export, &name) { "the mirror" } else { "the name that it mirrors" };
                see(export, "base-name-with-a-chosen-mirror", answer.to_owned(), place);
            }
        }
        if let (Some(digest), true) = (own("base.digest"), export.run_image.index.is_some()) {
            see(export, "base-digest-behind-an-index", behind_an_index(export, &digest).to_owned(), place);
        }
        let media_type = |document| {
            view::json(document).and_then(|json| json.get("mediaType")?.as_str().map(str::to_owned)).unwrap_or_default()
        };
        let image = export.image.as_ref();
        let is_docker = media_type(Some(&export.run_image.manifest)).starts_with("application/vnd.docker.");
        if annotating.answers() && is_docker {
            let exported = media_type(image.and_then(|image| image.manifest.as_ref()));
            let answer =
                if exported.starts_with("application/vnd.docker.") { "kept as it is" } else { "converted to OCI" };
            see(export, "docker-schema-2-run-image", answer.to_owned(), "manifest.json#/mediaType");
        }
    }
}

/// Whose digest it is, where the run image is behind an index.
pub(super) fn behind_an_index(export: &Export, digest: &str) -> &'static str {
    let index = export.run_image.index.as_ref().map(|index| index.digest.as_str());
    if index == Some(digest) {
        "the index's"
    } else if export.run_image.manifest.digest.as_str() == digest {
        "the platform manifest's"
    } else {
        "neither the index's nor the platform manifest's"
    }
}

/// Which image `base.*` names where extensions extended the run image.
fn base_of_an_extended(export: &Export) -> &'static str {
    match annotation(export, "base.digest") {
        None if annotation(export, "base.name").is_none() => "no base.*",
        None => "the name alone",
        Some(digest) if right_digests(export).iter().any(|right| right.as_str() == digest) => {
            "the run image before its extension"
        }
        Some(_) => "another image",
    }
}

/// Whether `run.toml` lists the name as a mirror.
pub(super) fn is_a_mirror(export: &Export, name: &str) -> bool {
    let run = toml_input(&export.inputs, &export.inputs.run).unwrap_or_default();
    let images = run.get("images").and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mirrors = images.iter().filter_map(|entry| entry.get("mirrors")?.as_array()).flatten();
    let same =
        |one: &str| Reference::parse(one).ok().zip(Reference::parse(name).ok()).is_some_and(|(a, b)| a.same_image(&b));
    mirrors.filter_map(toml::Value::as_str).any(same)
}
