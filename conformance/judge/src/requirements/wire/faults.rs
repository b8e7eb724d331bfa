//! What an exporter does when the registry fails, as the scenario wants it and the recorder makes it.

use super::super::errors::refusal::{claims_no_success, exits_with, is_no_crash, moves_nothing, moves_nothing_but};
use crate::evidence::{Export, FaultKind, Tag, WireRecord};
use crate::reference::Reference;
use crate::requirement::{Case, UNSEEN, not_applicable, together, violated};
use crate::verdict::Finding;
use crate::view;

pub(super) const REPORTED: &str = "digest.failed-export-reported";
pub(super) const MOVES_NOTHING: &str = "digest.failed-export-moves-nothing";
pub(super) const TRANSIENT: &str = "wire.retry-transient";
pub(super) const VERIFIES: &str = "wire.verifies-content";
pub(super) const CONFIRMS: &str = "wire.confirms-content";

/// Asks of each of these exports that met its fault; of one that failed only together with its control.
/// `slugs` are the requirements that their steps name: one of those steps that was not made is not judged.
fn each<'a>(
    case: &Case<'a>,
    slugs: &[&str],
    exports: impl Iterator<Item = &'a Export>,
    judge: impl Fn(&Export) -> Finding,
) -> Finding {
    let mut findings: Vec<Finding> = exports.map(|export| asked(case, export, &judge)).collect();
    findings.extend(case.exports.iter().filter_map(|export| not_made(export, slugs)));
    if findings.is_empty() {
        return not_applicable("no export of this scenario has a registry that fails in this way");
    }
    together(findings)
}

/// What is said of the steps that were left out after an export.
pub(super) fn not_made(export: &Export, slugs: &[&str]) -> Option<Finding> {
    let is_of = |slug: &Option<String>| slug.as_deref().is_some_and(|slug| slugs.contains(&slug));
    let of_these = export.left_out.iter().filter(|step| is_of(&step.expected_failure) || is_of(&step.may_refuse));
    let mut reasons: Vec<(String, Vec<String>)> = Vec::new();
    for step in of_these {
        let hung = match &step.hang {
            None => format!("the exporter hung on the registry's fault in step {}", export.step),
            Some(hang) => {
                format!(
                    "the exporter hung on such a fault in step {} of scenario {}",
                    hang.step,
                    view::cut(&hang.scenario)
                )
            }
        };
        match reasons.iter_mut().find(|(reason, _)| *reason == hung) {
            Some((_, steps)) => steps.push(step.step.to_string()),
            None => reasons.push((hung, vec![step.step.to_string()])),
        }
    }
    let reasons: Vec<String> = reasons
        .into_iter()
        .map(|(hung, steps)| {
            let others = "it would hang as long in each of the others, so these were left out";
            format!("{hung}; {others}: {}", steps.join(", "))
        })
        .collect();
    (!reasons.is_empty()).then(|| Finding::Skipped(reasons.join("; ")))
}

fn asked(case: &Case<'_>, export: &Export, judge: &impl Fn(&Export) -> Finding) -> Finding {
    if let Some(trouble) = export.troubles.first() {
        return Finding::Error(trouble.clone());
    }
    let Some(wire) = &export.wire else { return Finding::Skipped(UNSEEN.to_owned()) };
    if !wire.iter().any(|record| record.fault.is_some()) {
        return not_applicable("the exporter sent nothing that meets the registry's fault");
    }
    if export.outcome.succeeded() {
        return judge(export);
    }
    case.uncontrolled(export).unwrap_or_else(|| judge(export))
}

fn must_fail<'a>(case: &Case<'a>) -> impl Iterator<Item = &'a Export> {
    case.exports.clone().into_iter().filter(|export| export.inputs.expected_failure.as_deref() == Some(REPORTED))
}

fn may_fail<'a>(case: &Case<'a>) -> impl Iterator<Item = &'a Export> {
    case.exports.clone().into_iter().filter(|export| export.inputs.may_refuse.as_deref() == Some(TRANSIENT))
}

/// The exports that a fault of the registry ended, and those that it has to.
fn failing<'a>(case: &Case<'a>) -> impl Iterator<Item = &'a Export> {
    must_fail(case).chain(may_fail(case).filter(|export| !export.outcome.succeeded()))
}

pub(super) fn a_failed_export_is_reported(case: &Case<'_>) -> Finding {
    each(case, &[REPORTED, TRANSIENT], failing(case), |export| {
        if export.outcome.succeeded() {
            let message = "the registry failed for good, and the exporter tells of success";
            return violated(message, "a non-zero exit by itself", view::ended(export), view::last_words_at(export));
        }
        together([is_no_crash(export), exits_with(export, None), claims_no_success(export)])
    })
}

/// Whether the registry took a manifest and closed the connection in place of an answer. Then it moved the tag, and the
/// exporter was not told.
fn took_in_silence(export: &Export) -> bool {
    let faults = &export.inputs.faults;
    export.wire.iter().flatten().any(|record| {
        let fault = record.fault.and_then(|at| faults.get(at));
        let is_silent = fault.is_some_and(|fault| fault.kind == FaultKind::ResetAfter);
        is_silent && record.method == "PUT" && record.target.contains("/manifests/")
    })
}

pub(super) fn a_failed_export_moves_nothing(case: &Case<'_>) -> Finding {
    each(case, &[REPORTED, TRANSIENT], failing(case), |export| {
        if export.outcome.succeeded() {
            return not_applicable(format!("it did not fail, which {REPORTED} judges"));
        }
        if took_in_silence(export) {
            return not_applicable(
                "the registry took the manifest without an answer, so the tag is not the exporter's doing",
            );
        }
        moves_nothing_but(export, |tag| was_put_next_to_a_refused_one(export, tag))
    })
}

/// Whether a tag serves what the exporter put under it, and the registry refused the same manifest under another
/// `<image>`. Several tags cannot be put at once, and no specification says in which order, or what becomes of the
/// others.
fn was_put_next_to_a_refused_one(export: &Export, tag: &Tag) -> bool {
    let is_at = |place: Option<(&str, &str)>, reference: &str| {
        let name = Reference::parse(reference).ok();
        let own = name.as_ref().map(|name| (name.repository.as_str(), name.tag.as_deref().unwrap_or_default()));
        own.is_some() && own == place
    };
    let sent = |record: &WireRecord| record.manifest.as_ref().map(|manifest| manifest.digest.to_string());
    let puts = || export.wire.iter().flatten().filter(|record| record.method == "PUT");
    let others = || export.inputs.images.iter().filter(|image| **image != tag.reference);
    let is_refused = puts().any(|record| {
        let was_met = record.fault.is_some() && sent(record).is_some() && sent(record) == tag.digest;
        was_met && others().any(|image| is_at(record.manifest_at(), image))
    });
    // One that the exporter's end cut off may have been done, and what it said is not known.
    let may_be_done = |record: &WireRecord| record.is_done() || record.status == 0;
    is_refused && puts().any(|record| may_be_done(record) && is_at(record.manifest_at(), &tag.reference))
}

pub(super) fn transient_faults_are_survived(case: &Case<'_>) -> Finding {
    each(case, &[TRANSIENT], may_fail(case), |export| {
        if export.outcome.succeeded() {
            return Finding::Holds;
        }
        let met = export.wire.iter().flatten().filter(|record| record.fault.is_some());
        let met: Vec<String> = met.map(|one| format!("{} {}", one.method, one.target)).collect();
        violated(
            "the registry failed for a moment, and that ended the export",
            "exit 0",
            format!("{} after {}", view::ended(export), view::cut(met.last().map_or("", String::as_str))),
            view::last_words_at(export),
        )
    })
}

/// The exports whose step names a requirement that they may or must meet by failing.
fn naming<'a>(case: &Case<'a>, slug: &'static str) -> impl Iterator<Item = &'a Export> {
    case.exports.clone().into_iter().filter(move |export| {
        [&export.inputs.expected_failure, &export.inputs.may_refuse].into_iter().flatten().any(|named| named == slug)
    })
}

/// Where the right bytes come when they are asked for once more, an export may as well succeed.
pub(super) fn other_bytes_are_refused(case: &Case<'_>) -> Finding {
    each(case, &[VERIFIES], naming(case, VERIFIES), |export| {
        if export.outcome.succeeded() && export.inputs.may_refuse.is_some() {
            return Finding::Holds;
        }
        if export.outcome.succeeded() {
            let message = "bytes were taken that do not hash to the digest under which they were read";
            return violated(message, "a non-zero exit by itself", view::ended(export), export.at("export.json#/wire"));
        }
        together([
            is_no_crash(export),
            exits_with(export, None),
            moves_nothing(export, false),
            claims_no_success(export),
        ])
    })
}

/// Where the registry only says that it failed, and stored what it was sent, an export may as well succeed: its image
/// is there, as other requirements judge.
pub(super) fn what_is_not_stored_is_noticed(case: &Case<'_>) -> Finding {
    each(case, &[CONFIRMS], naming(case, CONFIRMS), |export| {
        if !export.outcome.succeeded() {
            return together([is_no_crash(export), exits_with(export, None), claims_no_success(export)]);
        }
        if export.inputs.may_refuse.is_some() {
            return Finding::Holds;
        }
        let message = "the registry did not store what it said it had taken, and the exporter tells of success";
        violated(message, "a non-zero exit by itself", view::ended(export), export.at("export.json#/wire"))
    })
}
