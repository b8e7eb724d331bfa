//! What becomes of the annotations: those of the base follow the new run image, every other one stays.

use super::facts::{Rebased, each_manifest, label_text};
use crate::digest::Digest;
use crate::evidence::Target;
use crate::json::Json;
use crate::reference::is_same_image;
use crate::requirement::{Case, holds_when, violated};
use crate::verdict::Finding;
use crate::view::{self, PREFIX};

/// From which requirements the loss of one annotation follows.
const ALL_LOST: &[&str] = &["rebase.annotations-kept"];

fn place(rebased: &Rebased<'_>, key: &str) -> String {
    let key = key.replace('~', "~0").replace('/', "~1");
    rebased.export.at(&format!("manifest.json#/annotations/{key}"))
}

pub(super) fn is_of_the_base(key: &str) -> bool {
    matches!(key.strip_prefix(PREFIX), Some("base.name" | "base.digest"))
}

fn found(value: Option<&Json>) -> String {
    value.map_or_else(
        || "nothing".to_owned(),
        |value| value.as_str().map_or_else(|| value.kind().to_owned(), str::to_owned),
    )
}

fn of(manifest: &Json) -> Vec<(String, Json)> {
    manifest.get("annotations").and_then(Json::members).unwrap_or_default().to_vec()
}

fn value<'a>(annotations: &'a [(String, Json)], key: &str) -> Option<&'a Json> {
    annotations.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
}

pub(super) fn every_other_annotation_stays(case: &Case<'_>) -> Finding {
    each_manifest(case, |rebased, before, after| {
        let (before, after) = (of(before), of(after));
        let others: Vec<&(String, Json)> = before.iter().filter(|(key, _)| !is_of_the_base(key)).collect();
        if before.is_empty() {
            return Finding::NotApplicable("the app image has no annotations".to_owned());
        }
        if after.is_empty() {
            let keys: Vec<&str> = before.iter().map(|(key, _)| key.as_str()).collect();
            // A daemon may have none left where it had those of the base alone.
            if others.is_empty() && rebased.export.target == Target::Daemon {
                return Finding::Holds;
            }
            let message = "the rebased image has lost every annotation";
            return violated(
                message,
                keys.join(", "),
                "no annotations",
                rebased.export.at("manifest.json#/annotations"),
            );
        }
        let lost = others.into_iter().find(|(key, value)| self::value(&after, key) != Some(value));
        lost.map_or(Finding::Holds, |(key, value)| {
            let message = format!("the annotation {key} is not what it was before the rebase");
            violated(message, found(Some(value)), found(self::value(&after, key)), place(rebased, key))
        })
    })
}

/// The name under which the new run image was asked for.
fn name_of(rebased: &Rebased<'_>) -> String {
    rebased.run_image_name()
}

pub(super) fn base_name_follows(case: &Case<'_>) -> Finding {
    follows(case, "base.name", |rebased, now| is_same_image(now, &rebased.run_image_name()), name_of)
}

pub(super) fn base_digest_follows(case: &Case<'_>) -> Finding {
    let expected = |rebased: &Rebased<'_>| -> Vec<String> {
        let run = &rebased.export.run_image;
        let known = run.in_daemon.iter().flat_map(|run| run.digests().map(str::to_owned));
        [&run.digest, &run.manifest.digest].into_iter().map(Digest::to_string).chain(known).collect()
    };
    follows(
        case,
        "base.digest",
        |rebased, now| expected(rebased).iter().any(|one| one == now),
        |rebased| rebased.export.run_image.digest.to_string(),
    )
}

fn follows(
    case: &Case<'_>,
    name: &str,
    is_right: impl Fn(&Rebased<'_>, &str) -> bool,
    expected: impl Fn(&Rebased<'_>) -> String,
) -> Finding {
    each_manifest(case, |rebased, before, after| {
        let key = format!("{PREFIX}{name}");
        let (before, after) = (of(before), of(after));
        if value(&before, &key).is_none() {
            return Finding::NotApplicable(format!("the app image has no {name}"));
        }
        let now = value(&after, &key);
        // What a daemon does not know of the run image it cannot say.
        if now.is_none() && rebased.export.target == Target::Daemon {
            return Finding::Holds;
        }
        let finding = holds_when(now.and_then(Json::as_str).is_some_and(|now| is_right(rebased, now)), || {
            let message = format!("{name} is not that of the run image that the image was rebased on");
            violated(message, expected(rebased), found(now), place(rebased, &key))
        });
        if after.is_empty() { finding.following(ALL_LOST) } else { finding }
    })
}

pub(super) fn base_digest_agrees_with_the_label(case: &Case<'_>) -> Finding {
    each_manifest(case, |rebased, _, after| {
        let after = of(after);
        let key = format!("{PREFIX}base.digest");
        let Some(now) = value(&after, &key).and_then(Json::as_str) else {
            return Finding::NotApplicable("the rebased image has no base.digest".to_owned());
        };
        let reference = label_text(rebased.after, "reference").unwrap_or_default();
        let Some((_, digest)) = reference.rsplit_once('@') else {
            return Finding::NotApplicable("runImage.reference of the label has no digest".to_owned());
        };
        holds_when(digest == now, || {
            let message = "base.digest and runImage.reference of the label name two images";
            violated(message, digest, now, place(rebased, &key))
                .following(&["rebase.base-digest", "rebase.label-updated"])
        })
    })
}

pub(super) fn nothing_of_the_run_image_is_taken_over(case: &Case<'_>) -> Finding {
    each_manifest(case, |rebased, before, after| {
        let own =
            view::json(Some(&rebased.export.run_image.manifest)).map(|manifest| of(&manifest)).unwrap_or_default();
        if own.is_empty() {
            return Finding::NotApplicable("the new run image has no annotations".to_owned());
        }
        let before = of(before);
        let taken =
            of(after).into_iter().find(|(key, now)| value(&own, key) == Some(now) && value(&before, key) != Some(now));
        taken.map_or(Finding::Holds, |(key, now)| {
            let message = format!("the annotation {key} is the new run image's own");
            violated(message, found(value(&before, &key)), found(Some(&now)), place(rebased, &key))
        })
    })
}

pub(super) fn no_annotation_is_added(case: &Case<'_>) -> Finding {
    each_manifest(case, |rebased, before, after| {
        let before = of(before);
        let added = of(after).into_iter().find(|(key, _)| value(&before, key).is_none());
        added.map_or(Finding::Holds, |(key, now)| {
            let message = format!("the annotation {key} was not there before the rebase");
            violated(message, "nothing", found(Some(&now)), place(rebased, &key))
                .following(&["rebase.annotations-not-inherited"])
        })
    })
}
