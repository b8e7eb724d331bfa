//! What an exporter sends, and in which order.

use std::collections::BTreeSet;

use super::exchange::{Blob, How, brought, found, known_at, said, was_to_put};
use crate::evidence::{Export, SentManifest, WireRecord};
use crate::reference::Reference;
use crate::requirement::{Case, UNSEEN, not_applicable, violated};
use crate::verdict::Finding;
use crate::view;

/// The requests of an export; the finding on one of which they are not known, or in which the registry failed.
pub(super) fn wire(export: &Export) -> Result<&[WireRecord], Finding> {
    match &export.wire {
        None => Err(Finding::Skipped(UNSEEN.to_owned())),
        Some(_) if !export.inputs.faults.is_empty() => {
            Err(not_applicable("the registry failed on purpose, and requests are repeated for that"))
        }
        Some(wire) => Ok(wire),
    }
}

/// A request, as a report shows it.
fn shown(record: &WireRecord) -> String {
    view::cut(&format!("{} {} ({})", record.method, record.target, record.status))
}

pub(super) fn manifests_come_after_their_blobs(export: &Export) -> Finding {
    let Some(wire) = &export.wire else { return Finding::Skipped(UNSEEN.to_owned()) };
    let mut were_put = false;
    for record in wire {
        let Some((repository, _)) = record.manifest_at().filter(|_| was_to_put(record)) else { continue };
        let Some(manifest) = said(export, record) else { continue };
        were_put = true;
        for digest in &manifest.blobs {
            let of_it = |blob: &Blob| blob.may_be(repository, digest);
            let arrivals = wire.iter().filter(|one| brought(one).is_some_and(|(blob, _)| of_it(&blob)));
            let Some(first) = arrivals.min_by_key(|one| known_at(one)) else { continue };
            // It was there before, and was sent once more.
            let was_there = |one: &WireRecord| known_at(one) < record.sequence && found(one).is_some_and(|b| of_it(&b));
            if known_at(first) > record.sequence && !wire.iter().any(was_there) {
                return violated(
                    "a manifest was put before a blob that it names",
                    "every blob first, then the manifest",
                    format!("{} before the end of {}", shown(record), shown(first)),
                    export.at("export.json#/wire"),
                );
            }
        }
    }
    if were_put { Finding::Holds } else { not_applicable("no manifest was put whose blobs are known") }
}

pub(super) fn tags_serve_the_app_image(export: &Export) -> Finding {
    let Some(wire) = &export.wire else { return Finding::Skipped(UNSEEN.to_owned()) };
    let manifest = export.image.as_ref().and_then(|image| image.manifest.as_ref());
    let whole = manifest.and_then(|manifest| SentManifest::of(&manifest.bytes));
    let base: Vec<_> = export.run_image.documents().filter_map(|one| SentManifest::of(&one.bytes)).collect();
    let base: Vec<&String> = base.iter().flat_map(|base| &base.blobs).collect();
    // What the run image does not bring as its layers: the config, and the launcher's layer at least.
    let is_app = |of: &SentManifest| of.blobs.iter().filter(|digest| !base.contains(digest)).count() > 1;
    if !whole.is_some_and(|whole| is_app(&whole)) {
        return not_applicable("what is under the tag is not an image with layers of the build");
    }
    let names: Vec<Reference> = export.inputs.images.iter().filter_map(|image| Reference::parse(image).ok()).collect();
    let is_asked = |(repository, tag): (&str, &str)| {
        names.iter().any(|name| name.repository == repository && name.tag.as_deref() == Some(tag))
    };
    let mut were_put = false;
    for record in wire.iter().filter(|record| was_to_put(record) && record.is_done()) {
        let Some(manifest) = record.manifest.as_ref().filter(|_| record.manifest_at().is_some_and(is_asked)) else {
            continue;
        };
        were_put = true;
        if !is_app(manifest) {
            let message = "an image without any layer of the app was put under a tag of an <image>";
            let found = format!("{} of {}", shown(record), manifest.digest);
            return violated(message, "the app image alone", found, export.at("export.json#/wire"));
        }
    }
    if were_put { Finding::Holds } else { not_applicable("no manifest was put under a tag, or none was kept") }
}

pub(super) fn content_types_are_the_manifests_own(export: &Export) -> Finding {
    let Some(wire) = &export.wire else { return Finding::Skipped(UNSEEN.to_owned()) };
    let mut were_typed = false;
    for record in wire.iter().filter(|record| was_to_put(record)) {
        let Some(own) = said(export, record).and_then(|manifest| manifest.media_type) else { continue };
        were_typed = true;
        // Parameters, and a header that is missing, are another row's.
        let Some(sent) = record.content_type.as_deref().map(|text| text.split(';').next().unwrap_or_default().trim())
        else {
            continue;
        };
        if !sent.is_empty() && !sent.eq_ignore_ascii_case(&own) {
            let message = "a manifest was put with another Content-Type than its mediaType";
            return violated(message, own, view::cut(sent), export.at("export.json#/wire"));
        }
    }
    if were_typed { Finding::Holds } else { not_applicable("no manifest was put that has mediaType") }
}

pub(super) fn nothing_is_sent_twice(case: &Case<'_>) -> Finding {
    case.each(|export| {
        let wire = match wire(export) {
            Ok(wire) => wire,
            Err(finding) => return finding,
        };
        let before: BTreeSet<Blob> = case
            .exports
            .iter()
            .filter(|other| other.step < export.step)
            .flat_map(|other| other.wire.iter().flatten())
            .filter_map(|record| Some(brought(record)?.0))
            .collect();
        let uploads =
            || wire.iter().filter_map(|one| Some((one, brought(one)?))).filter(|(_, (_, how))| *how == How::Uploaded);
        if uploads().next().is_none() {
            return not_applicable("no blob was uploaded");
        }
        let again = uploads().find(|(upload, (blob, _))| before.contains(blob) || was_known(wire, upload, blob));
        again.map_or(Finding::Holds, |(upload, (blob, _))| {
            let message = "a blob was sent that the repository has";
            violated(
                message,
                "it is asked for, and not sent",
                format!("{}: {}", blob.digest, shown(upload)),
                export.at("export.json#/wire"),
            )
        })
    })
}

/// Whether the exporter could know that a blob is there before it began this upload of it: every upload that had begun
/// by then was ended by another request.
fn was_known(wire: &[WireRecord], upload: &WireRecord, blob: &Blob) -> bool {
    let Some(own) = &blob.repository else { return false };
    let is_there = |record: &&WireRecord| {
        let seen = found(record).or_else(|| Some(brought(record)?.0));
        seen.as_ref() == Some(blob) && record.answered.is_some_and(|at| at < upload.sequence)
    };
    let Some(known) = wire.iter().filter(is_there).filter_map(|record| record.answered).min() else { return false };
    let of_it = |record: &&WireRecord| record.upload_to() == Some(own.as_str()) && record.is_done();
    let begun =
        wire.iter().filter(of_it).filter(|one| one.method == "POST" && one.status == 202 && one.sequence < known);
    let ended = wire
        .iter()
        .filter(of_it)
        .filter(|one| matches!(one.method.as_str(), "PUT" | "DELETE") && one.sequence < upload.sequence);
    upload.method == "POST" || begun.count() <= ended.count()
}

pub(super) fn layers_of_the_run_image_are_mounted(export: &Export) -> Finding {
    let wire = match wire(export) {
        Ok(wire) => wire,
        Err(finding) => return finding,
    };
    let run = Reference::parse(&export.run_image.reference).ok();
    let images = export.inputs.images.iter().filter_map(|image| Reference::parse(image).ok());
    let elsewhere: Vec<String> = images
        .filter(|image| {
            run.as_ref().is_some_and(|run| run.registry == image.registry && run.repository != image.repository)
        })
        .map(|image| image.repository)
        .collect();
    let manifest = view::json(Some(&export.run_image.manifest));
    let layers = manifest.as_ref().and_then(|manifest| manifest.get("layers")?.items()).unwrap_or_default();
    let layers: Vec<&str> = layers.iter().filter_map(|layer| layer.get("digest")?.as_str()).collect();
    let mut came = false;
    for record in wire {
        let Some((blob, how)) = brought(record) else { continue };
        let Some(repository) = blob.repository.filter(|own| elsewhere.contains(own)) else { continue };
        if !layers.contains(&blob.digest.as_str()) {
            continue;
        }
        came = true;
        let asked = |other: &WireRecord| {
            other.upload_to() == Some(repository.as_str())
                && other.parameter("mount").as_ref() == Some(&blob.digest)
                && other.sequence < record.sequence
        };
        if how == How::Uploaded && !wire.iter().any(asked) {
            let message = "a layer of the run image was sent, and no mount of it was asked for";
            let expected = format!("mount={}", blob.digest);
            return violated(message, expected, shown(record), export.at("export.json#/wire"));
        }
    }
    if came {
        Finding::Holds
    } else {
        not_applicable("no layer of the run image came from another repository of the registry")
    }
}
