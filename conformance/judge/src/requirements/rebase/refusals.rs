//! Rebases that must be refused, next to a rebase that the same rebaser accepted.

use crate::evidence::{End, Export};
use crate::requirement::{Case, REBASE_EXIT_ZERO, holds_when, not_applicable, together, violated};
use crate::requirements::errors::{refusal, said};
use crate::verdict::Finding;
use crate::view;

/// Every requirement that a rebase meets by failing, and words of which one must be said: in lower case.
pub(super) const REFUSALS: [(&str, &[&str]); 11] = [
    ("rebase.not-rebasable-refused", &["rebasable"]),
    ("rebase.unlisted-run-image-refused", &["run image", "run-image", "runimage"]),
    ("rebase.target-mismatch-refused", &["architecture", "target", "platform", "arch", "variant", "distr"]),
    ("rebase.digest-as-tag-refused", &["digest", "tag"]),
    ("rebase.two-registries-refused", &["registr"]),
    ("rebase.no-image-refused", &["image"]),
    (
        "rebase.app-image-gone",
        &["not found", "not there", "no such", "does not exist", "no image", "unknown", "missing", "404"],
    ),
    (
        "rebase.run-image-gone",
        &["not found", "not there", "no such", "does not exist", "no image", "unknown", "missing", "404"],
    ),
    ("rebase.unreachable-registry", &["refused", "connect", "reach", "timed out", "timeout", "no answer"]),
    ("rebase.unauthorized", &["unauthorized", "authentic", "credential", "denied", "401", "authoriz"]),
    ("rebase.platform-api-refused", &["platform api", "platform-api", "cnb_platform_api"]),
];

fn refused<'a>(case: &Case<'a>, slug: &str) -> Vec<&'a Export> {
    let exports = case.exports.iter().copied();
    exports.filter(|export| export.inputs.expected_failure.as_deref() == Some(slug)).collect()
}

/// A rebase at this service that was accepted: of this scenario, else of another one of the run.
fn control<'a>(case: &Case<'a>, refused: &Export) -> Option<&'a Export> {
    let others = case.run.iter().filter(|other| other.scenario != case.scenario.scenario);
    let all = case.scenario.rebases.iter().chain(others.flat_map(|other| &other.rebases));
    all.filter(|export| export.service == refused.service)
        .find(|export| export.is_good_build() && export.outcome.succeeded() && export.troubles.is_empty())
}

/// Asks of every rebase that is to be refused for this reason, next to its control.
fn each(case: &Case<'_>, slug: &str, judge: impl Fn(&Export, &Export) -> Finding) -> Finding {
    let exports = refused(case, slug);
    if exports.is_empty() {
        return not_applicable("no rebase of this scenario is to be refused for this reason");
    }
    together(exports.into_iter().map(|export| {
        if let Some(trouble) = export.troubles.first() {
            return Finding::Error(trouble.clone());
        }
        // One that is accepted needs no control: it is what must not be.
        match control(case, export) {
            Some(control) => judge(export, control),
            None if export.outcome.succeeded() => judge(export, export),
            None if case.good().any(|export| !export.outcome.succeeded()) => {
                Finding::skipped_after("the rebase without the fault was refused as well", REBASE_EXIT_ZERO)
            }
            None => Finding::Skipped("no rebase was accepted here".to_owned()),
        }
    }))
}

/// Refused, by itself, without a crash, and with every tag where it was.
pub(super) fn is_refused(case: &Case<'_>, slug: &str) -> Finding {
    each(case, slug, |export, _| {
        together([
            refusal::is_no_crash(export),
            refusal::exits_with(export, None),
            refusal::moves_nothing(export, false),
        ])
    })
}

/// The exit codes of generic errors, of the Platform API, and of the rebaser.
pub(super) fn codes_are_of_the_table(case: &Case<'_>) -> Finding {
    let all = case.exports.iter().copied().filter(|export| export.inputs.expected_failure.is_some());
    let codes = all.filter_map(|export| match export.outcome.end {
        End::Exited(code) if code != 0 => Some((export, code)),
        _ => None,
    });
    let findings = codes.map(|(export, code)| {
        holds_when(matches!(code, 1..=19 | 70..=79), || {
            let message = "the exit code is neither a generic one nor the rebaser's";
            violated(message, "1 to 19, or 70 to 79", code, export.at("export.json#/outcome"))
        })
    });
    let findings: Vec<Finding> = findings.collect();
    if findings.is_empty() { not_applicable("no rebase of this scenario was refused") } else { together(findings) }
}

/// What was said of a refusal names its reason.
pub(super) fn the_reason_is_said(case: &Case<'_>) -> Finding {
    let findings: Vec<Finding> = REFUSALS
        .iter()
        .filter(|(slug, _)| !refused(case, slug).is_empty())
        .map(|(slug, words)| {
            each(case, slug, |export, control| {
                if export.outcome.succeeded() || refusal::comes_down(export) {
                    let message = "it is not refused, so no reason is said";
                    return violated(message, "a reason", view::ended(export), view::last_words_at(export))
                        .following(FROM);
                }
                let said = said::of_the_refusal(export, control).to_lowercase();
                holds_when(words.iter().any(|word| said.contains(word)), || {
                    let message = format!("what is said does not name the reason of {slug}");
                    violated(message, words.join(" or "), view::ended(export), view::last_words_at(export))
                })
            })
        })
        .collect();
    if findings.is_empty() { not_applicable("no rebase of this scenario is to be refused") } else { together(findings) }
}

/// What an accepted fault is told by.
const FROM: &[&str] = &[
    "rebase.not-rebasable-refused",
    "rebase.unlisted-run-image-refused",
    "rebase.target-mismatch-refused",
    "rebase.digest-as-tag-refused",
    "rebase.two-registries-refused",
    "rebase.no-image-refused",
    "rebase.app-image-gone",
    "rebase.run-image-gone",
    "rebase.unreachable-registry",
    "rebase.unauthorized",
    "rebase.platform-api-refused",
];
