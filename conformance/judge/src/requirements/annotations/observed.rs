//! What exporters do with annotations where the RFC leaves it open.

use super::super::annotating::{Annotating, is_run_image_s};
use crate::evidence::{Export, Image};
use crate::json::Json;
use crate::requirement::Case;
use crate::view::{self, PREFIX, RFC_KEYS};

pub(in super::super) fn observations(
    case: &Case<'_>,
    annotating: &Annotating,
    see: &mut dyn FnMut(&Export, &str, String, &str),
) {
    for export in case.good() {
        let Some(image) = export.image.as_ref().filter(|image| image.manifest.is_some()) else { continue };
        let run_image = view::json(Some(&export.run_image.manifest));
        if run_image.as_ref().is_some_and(|json| json.get("annotations").is_some()) {
            let answer = match kept_of_the_run_image(export, image) {
                0 => "dropped".to_owned(),
                kept => format!("{kept} kept"),
            };
            see(export, "run-image-s-other-annotations", answer, "manifest.json#/annotations");
        }
        let Some(manifest) = view::json(image.manifest.as_ref()) else { continue };
        let theirs = run_image.as_deref().map(annotations_of_descriptors).unwrap_or_default();
        let found = annotations_of_descriptors(&manifest);
        if !theirs.is_empty() {
            let kept = theirs.iter().any(|one| found.contains(one));
            let answer = if kept { "kept" } else { "dropped" };
            see(export, "annotations-of-the-run-image-s-descriptors", answer.to_owned(), "manifest.json");
        }
        if annotating.answers() {
            let answer = if found.iter().any(|one| !theirs.contains(one)) { "yes" } else { "no" };
            see(export, "annotations-on-descriptors", answer.to_owned(), "manifest.json");
        }
    }
}

/// How many of the run image's annotations an image has, the RFC's keys left out: those are judged.
fn kept_of_the_run_image(export: &Export, image: &Image) -> usize {
    let is_rfc = |key: &str| key.strip_prefix(PREFIX).is_some_and(|name| RFC_KEYS.contains(&name));
    let is_kept =
        |(key, value): &(String, Json)| !is_rfc(key) && value.as_str().is_some_and(|text| is_run_image_s(export, text));
    view::annotations(image).iter().filter(|one| is_kept(one)).count()
}

/// The annotations of a manifest's descriptors, as they stand there.
fn annotations_of_descriptors(manifest: &Json) -> Vec<String> {
    let all = view::descriptors(manifest).into_iter();
    all.filter_map(|(_, descriptor)| descriptor.get("annotations").map(ToString::to_string)).collect()
}
