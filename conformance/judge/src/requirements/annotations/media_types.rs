//! Media types of a manifest with annotations, and of what it names.

use super::inherited::LEAK;
use crate::evidence::{Export, Image};
use crate::json::Json;
use crate::requirement::{not_applicable, violated};
use crate::verdict::Finding;
use crate::view;

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn has_annotations(image: &Image) -> bool {
    view::json(image.manifest.as_ref()).is_some_and(|json| json.get("annotations").is_some())
}

/// The finding on a manifest that should be another because it has annotations, as one that follows from the leak where
/// it has none but the run image's.
fn of_annotations(finding: Finding, export: &Export, image: &Image) -> Finding {
    if view::given_annotations(export, image).is_empty() { finding.following(LEAK) } else { finding }
}

pub(super) fn an_annotated_manifest_is_an_oci_manifest(export: &Export) -> Finding {
    let Some(image) = export.image.as_ref().filter(|image| has_annotations(image)) else {
        return not_applicable("the manifest has no annotations");
    };
    let json = view::json(image.manifest.as_ref());
    let declared = json.as_ref().and_then(|json| json.get("mediaType"));
    if let Some(found) = declared.filter(|found| found.as_str() != Some(OCI_MANIFEST)) {
        let place = export.at("manifest.json#/mediaType");
        let finding = violated("an annotated manifest declares another media type", OCI_MANIFEST, found, place);
        return of_annotations(finding, export, image);
    }
    let served = image.manifest.as_ref().and_then(|manifest| manifest.content_type.as_deref());
    // What a registry makes of what it was sent is the registry's.
    let (message, said, place) = match pushed(export, image) {
        Some((sequence, sent)) => (
            "the exporter pushes an annotated manifest under another Content-Type",
            Some(sent),
            format!("export.json#/wire/{sequence}"),
        ),
        None => {
            ("the registry serves an annotated manifest under another Content-Type", served, "tags.json".to_owned())
        }
    };
    let said = said.map(|text| text.split(';').next().unwrap_or(text).trim());
    let finding = match said {
        Some(found) if found != OCI_MANIFEST => violated(message, OCI_MANIFEST, found, export.at(&place)),
        _ => Finding::Holds,
    };
    of_annotations(finding, export, image)
}

/// The Content-Type of the last request that put the image's manifest, and its place, where that was seen.
fn pushed<'a>(export: &'a Export, image: &Image) -> Option<(u64, &'a str)> {
    let reference = crate::reference::Reference::parse(export.inputs.images.first()?).ok()?;
    let by_digest = image.manifest.as_ref().map(|manifest| manifest.digest.to_string());
    let names: Vec<String> = reference.tag.into_iter().chain(by_digest).collect();
    let puts = export.wire.as_ref()?.iter().rev().filter(|record| record.method == "PUT" && record.status / 100 == 2);
    let mut of_the_manifest = puts.filter(|record| {
        names.iter().any(|name| record.path().ends_with(&format!("/{}/manifests/{name}", reference.repository)))
    });
    let record = of_the_manifest.next()?;
    Some((record.sequence, record.content_type.as_deref()?))
}

pub(super) fn its_descriptors_are_oci(export: &Export, image: &Image) -> Finding {
    if !has_annotations(image) {
        return not_applicable("the manifest has no annotations");
    }
    let Some(manifest) = view::json(image.manifest.as_ref()) else {
        return not_applicable("the manifest is not JSON");
    };
    // A subject is another image's manifest, of whatever kind that is.
    let mut own = view::descriptors(&manifest).into_iter().filter(|(pointer, _)| pointer != "/subject");
    let other = own.find_map(|(pointer, descriptor)| {
        let media_type = descriptor.get("mediaType").and_then(Json::as_str).unwrap_or("none").to_owned();
        (!media_type.starts_with("application/vnd.oci.image.")).then_some((pointer, media_type))
    });
    let finding = match other {
        Some((pointer, found)) => violated(
            "a descriptor of an annotated manifest has no OCI media type",
            "application/vnd.oci.image.…",
            found,
            export.at(&format!("manifest.json#{pointer}/mediaType")),
        ),
        None => Finding::Holds,
    };
    of_annotations(finding, export, image)
}
