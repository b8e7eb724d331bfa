//! What a rebaser does where the specification leaves it open.

use crate::evidence::{Image, Target};
use crate::json::Json;
use crate::observation::Observation;
use crate::requirement::Case;
use crate::view;

/// What a rebaser does where the specification leaves it open.
#[must_use]
pub fn observations(case: &Case<'_>) -> Vec<Observation> {
    let mut found: Vec<Observation> = Vec::new();
    let rebases = case.good().filter(|export| export.outcome.succeeded());
    for export in rebases {
        let (Some(after), Some(rebase)) = (&export.image, &export.rebase) else { continue };
        let Some(before) = &rebase.app else { continue };
        let mut see = |question: &str, answer: &str, at: &str| {
            let observation = Observation {
                question: question.to_owned(),
                scenario: export.scenario.clone(),
                target: export.target,
                service: export.service.clone(),
                answer: answer.to_owned(),
                evidence: export.at(at),
            };
            if !found.iter().any(|known| known.question == observation.question && known.answer == observation.answer) {
                found.push(observation);
            }
        };
        if let Some(answer) = becomes_of_annotations(before, after) {
            see("rebase-annotations", answer, "manifest.json#/annotations");
        }
        let revision = |image| view::annotation(image, "org.opencontainers.image.revision");
        if let Some(was) = revision(before) {
            let is = revision(after);
            see("rebase-revision", word(is.as_ref().map(|is| *is == was)), "manifest.json#/annotations");
        }
        let created = |image: &Image| Some(view::json(image.config.as_ref())?.get("created")?.as_str()?.to_owned());
        see("rebase-created", word(created(after).map(|is| Some(is) == created(before))), "config.json#/created");
        let rebasable = |image| view::labels(image).get("io.buildpacks.rebasable").cloned();
        let stays = rebasable(after) == rebasable(before);
        see("rebase-rebasable", if stays { "stays" } else { "another value" }, "config.json#/config/Labels");
        if rebase.is_same_run_image {
            let digest = |image: &Image| image.config.as_ref().map(|config| config.digest.clone());
            let same = digest(before) == digest(after);
            see("rebase-upon-the-same", if same { "the same image" } else { "another image" }, "config.json");
        }
        if export.target == Target::Daemon && view::annotation(before, "org.opencontainers.image.base.digest").is_some()
        {
            let is = view::annotation(after, "org.opencontainers.image.base.digest");
            see(
                "rebase-base-in-a-daemon",
                if is.is_some() { "moved" } else { "removed" },
                "manifest.json#/annotations",
            );
        }
    }
    found
}

/// What became of the annotations, in the words of the open questions; none where there were none.
fn becomes_of_annotations(before: &Image, after: &Image) -> Option<&'static str> {
    let (was, is) = (view::annotations(before), view::annotations(after));
    if was.is_empty() {
        return None;
    }
    let is_base = |key: &str| key.strip_prefix(view::PREFIX).is_some_and(|name| name.starts_with("base."));
    let others = |all: &[(String, Json)]| {
        let mut kept: Vec<_> = all.iter().filter(|(key, _)| !is_base(key)).cloned().collect();
        kept.sort_by(|(one, _), (two, _)| one.cmp(two));
        kept
    };
    let base = |all: &[(String, Json)]| all.iter().filter(|(key, _)| is_base(key)).cloned().collect::<Vec<_>>();
    Some(match (is.is_empty(), others(&was) == others(&is)) {
        (true, _) => "all annotations are dropped",
        (false, false) => "some of the others are lost or changed",
        (false, true) if base(&is).is_empty() => "`base.*` is removed, every other annotation stays",
        (false, true) if base(&is) == base(&was) => "all annotations stay as they are, `base.*` too",
        (false, true) => "`base.*` follows the new run image, every other annotation stays",
    })
}

/// Whether something is still what it was; none where it is gone.
fn word(stays: Option<bool>) -> &'static str {
    match stays {
        Some(true) => "stays",
        Some(false) => "another value",
        None => "removed",
    }
}
