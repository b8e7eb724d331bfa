//! What the report says of the image, held against what the store serves.

use crate::evidence::{Export, Image};
use crate::requirement::{holds_when, violated};
use crate::verdict::Finding;
use crate::view;

/// The table `image` of the report.
pub(in super::super) fn report(export: &Export) -> Option<toml::Table> {
    view::report(export)?.get("image")?.as_table().cloned()
}

/// What is found of the report: where there is none that can be read, it follows from that.
pub(in super::super) fn of_the_report(export: &Export, finding: Finding) -> Finding {
    if view::report(export).is_some() { finding } else { finding.following(&["platform.report-written"]) }
}

fn in_report(export: &Export, key: &str) -> Option<toml::Value> {
    report(export)?.get(key).cloned()
}

pub(in super::super) fn the_report_has_the_digest_served(export: &Export, _: &Image) -> Finding {
    let served = export.manifest_digest().map(ToString::to_string).unwrap_or_default();
    let found = in_report(export, "digest");
    holds_when(found.as_ref().and_then(toml::Value::as_str) == Some(&served), || {
        violated(
            "the report's digest is not that of the manifest served",
            served,
            view::shown(found.as_ref()),
            export.at("report.toml#image.digest"),
        )
    })
}

pub(in super::super) fn the_report_has_the_manifest_s_size(export: &Export, image: &Image) -> Finding {
    let size = image.manifest.as_ref().map_or(0, |manifest| manifest.bytes.len());
    let found = in_report(export, "manifest-size");
    let is_it = match &found {
        Some(toml::Value::Integer(number)) => usize::try_from(*number) == Ok(size),
        Some(toml::Value::String(text)) => *text == size.to_string(),
        _ => false,
    };
    holds_when(is_it, || {
        violated(
            "the report's manifest size is not that of the bytes served",
            size,
            view::shown(found.as_ref()),
            export.at("report.toml#image.manifest-size"),
        )
    })
}

pub(in super::super) fn the_report_lists_every_tag(export: &Export) -> Finding {
    let qualified =
        |text: &str| crate::reference::Reference::parse(text).map_or_else(|_| text.to_owned(), |r| r.to_string());
    let mut expected: Vec<String> = export.inputs.images.iter().map(|image| qualified(image)).collect();
    let listed = in_report(export, "tags");
    let tags = listed.as_ref().and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut found: Vec<String> = tags.iter().filter_map(toml::Value::as_str).map(qualified).collect();
    expected.sort();
    expected.dedup();
    found.sort();
    found.dedup();
    holds_when(expected == found && tags.iter().all(toml::Value::is_str), || {
        violated(
            "the report's tags are not those exported to",
            expected.join(", "),
            view::shown(listed.as_ref()),
            export.at("report.toml#image.tags"),
        )
    })
}
