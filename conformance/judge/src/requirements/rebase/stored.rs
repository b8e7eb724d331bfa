//! What is in the store and in the report after a rebase: tags, digests, requests, and what was not to be touched.

use super::annotations;
use super::facts::{each, each_manifest};
use crate::evidence::{Export, Target, WireRecord};
use crate::json::Json;
use crate::requirement::{Case, holds_when, not_applicable, together, violated};
use crate::requirements::{accounted, digest};
use crate::verdict::Finding;

pub(super) fn every_tag_is_the_rebased_image(case: &Case<'_>) -> Finding {
    case.each(digest::every_tag_is_the_same_image)
}

pub(super) fn the_report_agrees(case: &Case<'_>) -> Finding {
    case.each_image(|export, image| {
        if export.report.is_none() {
            return violated("no report was written", "report.toml", "nothing", export.at("report.toml"));
        }
        let of_registry = || {
            [
                digest::the_report_has_the_digest_served(export, image),
                digest::the_report_has_the_manifest_s_size(export, image),
            ]
        };
        let of_store = match export.target {
            Target::Registry => together(of_registry()),
            Target::Daemon | Target::Layout => the_report_has_the_daemon_s_id(export),
        };
        together([digest::the_report_lists_every_tag(export), of_store])
    })
}

/// `image-id` is the ID that the daemon has, or the config's digest.
fn the_report_has_the_daemon_s_id(export: &Export) -> Finding {
    let bare = |id: &str| id.trim_start_matches("sha256:").to_owned();
    let ids = export.daemon.iter().flat_map(|daemon| daemon.tag_ids.iter().filter_map(|tag| tag.id.as_deref()));
    let known: Vec<String> = ids.map(bare).chain(export.image_id().map(|id| bare(id.as_str()))).collect();
    let report = digest::report(export);
    let told = report.as_ref().and_then(|report| report.get("image-id").or_else(|| report.get("imageID"))?.as_str());
    let found = told.unwrap_or("nothing");
    holds_when(known.contains(&bare(found)), || {
        violated(
            "the report's image-id is not the rebased image's",
            known.join(" or "),
            found,
            export.at("report.toml#image.image-id"),
        )
    })
}

pub(super) fn the_previous_image_stays(case: &Case<'_>) -> Finding {
    each(case, |rebased| {
        let Some(previous) = &rebased.given.previous_image else {
            return not_applicable("no previous image was given");
        };
        let Some((before, after)) = &rebased.given.previous_tag else {
            return not_applicable("the previous image was given by its digest");
        };
        if rebased.export.inputs.images.iter().any(|image| crate::reference::is_same_image(image, previous)) {
            return not_applicable("the previous image is one of those to be written");
        }
        holds_when(before == after, || {
            let shown = |tag: &Option<String>| tag.clone().unwrap_or_else(|| "nothing".to_owned());
            let message = format!("{previous} is another image after the rebase, and was not to be written");
            violated(message, shown(before), shown(after), rebased.export.at("tags.json"))
        })
    })
}

pub(super) fn the_old_image_is_there_by_its_digest(case: &Case<'_>) -> Finding {
    case.each(|export| {
        let Some(after) = &export.previous_after else {
            return not_applicable("the first <image> named nothing before the rebase");
        };
        let is_there = after.document.as_ref().is_some_and(|document| document.digest.as_str() == after.asked);
        holds_when(is_there, || {
            let message = "the image of before the rebase is not there any more under its digest";
            violated(
                message,
                &after.asked,
                format!("status {}", after.status),
                export.at("export.json#/previous_after"),
            )
        })
    })
}

pub(super) fn nothing_else_is_written(case: &Case<'_>) -> Finding {
    case.each(accounted::registry::nothing_else_is_written)
}

/// A request that puts a manifest under a tag.
fn moves_a_tag(record: &WireRecord) -> bool {
    let reference = record.path().rsplit_once("/manifests/").map(|(_, reference)| reference);
    record.method == "PUT" && reference.is_some_and(|reference| !reference.contains(':') && !reference.contains("%3A"))
}

/// A request that brings a blob, or a manifest by its digest.
fn brings_content(record: &WireRecord) -> bool {
    let is_upload =
        record.path().contains("/blobs/uploads") && matches!(record.method.as_str(), "PUT" | "POST" | "PATCH");
    let by_digest = record.method == "PUT" && record.path().contains("/manifests/") && !moves_a_tag(record);
    is_upload || by_digest
}

/// The repository of a request.
fn repository(record: &WireRecord) -> &str {
    let path = record.path().strip_prefix("/v2/").unwrap_or_default();
    let ends = ["/manifests/", "/blobs/"].into_iter().filter_map(|part| path.find(part)).min();
    &path[..ends.unwrap_or(path.len())]
}

pub(super) fn the_tag_moves_last(case: &Case<'_>) -> Finding {
    case.each(|export| {
        let Some(wire) = &export.wire else {
            return Finding::Skipped("no recorder stood between the rebaser and the registry".to_owned());
        };
        if !wire.iter().any(moves_a_tag) {
            return not_applicable("no tag was written");
        }
        // One repository after the other may be written; in each the tags come last.
        let is_late = |record: &&WireRecord| {
            let of_it = wire.iter().filter(|other| moves_a_tag(other) && repository(other) == repository(record));
            let last = of_it.map(|other| other.sequence).max();
            brings_content(record) && last.is_some_and(|last| record.sequence > last)
        };
        wire.iter().find(is_late).map_or(Finding::Holds, |record| {
            let message = "content was sent after a tag had been moved to it";
            let found = format!("{} {}", record.method, record.target);
            violated(message, "blobs first, tags last", found, export.at("export.json#/wire"))
        })
    })
}

/// Rebases of the case that were given the same: one pair at least.
fn repeats<'a>(case: &Case<'a>) -> Vec<(&'a Export, &'a Export)> {
    let good: Vec<&Export> = case.good().filter(|export| export.rebase.is_some()).collect();
    let mut pairs = Vec::new();
    for (index, first) in good.iter().enumerate() {
        for second in &good[index + 1..] {
            let given = |export: &Export| {
                let rebase = export.rebase.clone()?;
                let app = rebase.app.and_then(|app| Some((app.config?, app.manifest)));
                Some((
                    app?,
                    rebase.run_image,
                    rebase.force,
                    export.run_image.digest.clone(),
                    export.inputs.images.clone(),
                ))
            };
            if given(first).is_some() && given(first) == given(second) {
                pairs.push((*first, *second));
            }
        }
    }
    pairs
}

pub(super) fn the_same_rebase_is_the_same_image(case: &Case<'_>) -> Finding {
    let pairs = repeats(case);
    if pairs.is_empty() {
        return not_applicable("no image was rebased twice on the same run image");
    }
    let identity = |export: &Export| {
        if export.target == Target::Registry { export.manifest_digest().cloned() } else { export.image_id().cloned() }
    };
    let other = pairs.into_iter().find(|(one, two)| identity(one) != identity(two));
    other.map_or(Finding::Holds, |(one, two)| {
        let shown = |export| identity(export).map_or_else(|| "nothing".to_owned(), |digest| digest.to_string());
        violated("the same rebase gave another image", shown(one), shown(two), two.at("export.json"))
    })
}

pub(super) fn a_rebase_upon_the_same_run_image_changes_nothing(case: &Case<'_>) -> Finding {
    each_manifest(case, |rebased, before, after| {
        if !rebased.given.is_same_run_image {
            return not_applicable("the run image is another one");
        }
        let blobs = |manifest: &Json| -> Vec<String> {
            let layers = manifest.get("layers").and_then(Json::items).unwrap_or_default().iter();
            layers.filter_map(|layer| layer.get("digest")?.as_str().map(str::to_owned)).collect()
        };
        // A daemon removes those of the base where it does not know the digest.
        let counts = |key: &str| rebased.export.target != Target::Daemon || !annotations::is_of_the_base(key);
        let keys = |manifest: &Json| {
            let all = manifest.get("annotations").and_then(Json::members).unwrap_or_default().iter();
            all.filter(|(key, _)| counts(key)).count()
        };
        let run =
            crate::view::json(Some(&rebased.export.run_image.manifest)).map(|run| blobs(&run)).unwrap_or_default();
        // An exporter may have packed the run image's layers in its own way; they are that image's again then.
        let is_alike = !blobs(before).starts_with(&run) || blobs(before) == blobs(after);
        holds_when(is_alike && keys(before) == keys(after), || {
            let shown = |manifest| format!("layers {}; {} annotations", blobs(manifest).join(", "), keys(manifest));
            let message = "a rebase on the run image that was there made another image";
            violated(message, shown(before), shown(after), rebased.export.at("manifest.json")).following(&[
                "rebase.annotations-kept",
                "rebase.run-layers-replaced",
                "rebase.annotations-added",
            ])
        })
    })
}
