//! What the report says of image and build, where no other requirement asks: of a layout everything, of a registry the
//! ID and the bill of materials.

use super::super::digest::report;
use crate::evidence::{Export, Image, Target};
use crate::reference::is_same_image;
use crate::requirement::{not_applicable, violated};
use crate::verdict::Finding;

fn shown(value: &toml::Value) -> String {
    crate::view::cut(&value.to_string())
}

pub(super) fn what_it_says_is_true(export: &Export, image: &Image) -> Finding {
    let Some(report) = report(export) else { return not_applicable("the report has no table image") };
    let config = image.config.as_ref().map(|config| config.digest.clone());
    if let (Some(found), Some(config)) = (report.get("image-id"), config) {
        // Daemons' tools show it without its algorithm.
        let text = found.as_str().unwrap_or_default();
        if text != config.as_str() && text != config.encoded() {
            return wrong(export, "image-id", &config.to_string(), found);
        }
    }
    let finding = its_materials_are_the_build_s(export);
    if finding != Finding::Holds {
        return finding;
    }
    // Elsewhere the theme of digests asks it of a report.
    if export.target != Target::Layout {
        return Finding::Holds;
    }
    let Some(manifest) = &image.manifest else { return Finding::Holds };
    if let Some(found) = report.get("digest")
        && found.as_str() != Some(manifest.digest.as_str())
    {
        return wrong(export, "digest", manifest.digest.as_str(), found);
    }
    let size = manifest.bytes.len().to_string();
    if let Some(found) = report.get("manifest-size")
        && found.as_str().map_or_else(|| found.to_string(), str::to_owned) != size
    {
        return wrong(export, "manifest-size", &size, found);
    }
    the_tags_are_asked_for(export, &report)
}

/// `build.bom` is of old: what buildpacks give as `bom` in `build.toml` (`cnb-buildpack.md`, build.toml `bom` Array).
/// More tables are an exporter's own; in this one nothing is that no buildpack gave.
fn its_materials_are_the_build_s(export: &Export) -> Finding {
    let whole = crate::view::report(export);
    let bom = whole.as_ref().and_then(|report| report.get("build")?.get("bom")?.as_array());
    let is_given = |entry: &&toml::Value| {
        let name = entry.get("name").and_then(toml::Value::as_str).filter(|name| !name.is_empty());
        let mut texts = export.inputs.files.iter().filter_map(|file| file.text.as_deref());
        name.is_some_and(|name| texts.any(|text| text.contains(name)))
    };
    match bom.into_iter().flatten().find(|entry| !is_given(entry)) {
        Some(found) => {
            let message = "the report has a bill of materials that is in no input";
            violated(message, "what buildpacks gave, or nothing", shown(found), export.at("report.toml#build.bom"))
        }
        None => Finding::Holds,
    }
}

/// RFC 0119 refers to an image in a layout by its path, so a tag may be either.
fn the_tags_are_asked_for(export: &Export, report: &toml::Table) -> Finding {
    let tags = report.get("tags").and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let paths: Vec<&str> = export.layout.iter().flat_map(|l| l.roots.iter().map(|root| root.path.as_str())).collect();
    let is_asked_for = |tag: &str| {
        let path = tag.split('@').next().unwrap_or(tag).trim_end_matches('/');
        export.inputs.images.iter().any(|image| is_same_image(image, tag))
            || paths.iter().any(|one| path.ends_with(one))
    };
    match tags.iter().find(|tag| !tag.as_str().is_some_and(is_asked_for)) {
        Some(found) => wrong(export, "tags", &export.inputs.images.join(", "), found),
        None => Finding::Holds,
    }
}

fn wrong(export: &Export, key: &str, expected: &str, found: &toml::Value) -> Finding {
    let message = format!("{key} of the report is not of the exported image");
    violated(message, expected, shown(found), export.at(&format!("report.toml#image.{key}")))
}
