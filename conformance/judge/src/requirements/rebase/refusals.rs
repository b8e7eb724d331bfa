//! Rebases that must be refused, next to a rebase that the same rebaser accepted.

use super::{INPUTS, OUTPUTS, OWN, must, should};
use crate::evidence::{End, Export};
use crate::requirement::{
    Case, Needs, REBASE_EXIT_ZERO, REGISTRY, Requirement, Source, holds_when, not_applicable, together, violated,
};
use crate::requirements::errors::{refusal, said};
use crate::verdict::Finding;
use crate::view;

/// A requirement that a rebase meets by failing.
const fn refused_for(
    id: &'static str,
    asks: &'static str,
    source: Source,
    judge: fn(&Case<'_>) -> Finding,
) -> Requirement {
    must(id, asks, source, judge).needing(Needs::Process).when("a rebase was to be refused for this reason")
}

pub(in crate::requirements) const TABLE: &[Requirement] = &[
    refused_for(
        "rebase.not-rebasable-refused",
        "an image with io.buildpacks.rebasable=false is refused without -force",
        INPUTS,
        |case| is_refused(case, "rebase.not-rebasable-refused"),
    )
    .because("the label says that the app may not run on another run image")
    .looks_like("exit 0, and the image is rebased")
    .fix("read the label before anything is written; -force rebases all the same"),
    refused_for(
        "rebase.unlisted-run-image-refused",
        "a run image that the label does not list is refused without -force",
        OUTPUTS,
        |case| is_refused(case, "rebase.unlisted-run-image-refused"),
    )
    .because("only the run images that a build names are known to be compatible")
    .looks_like("exit 0 with a run image of any name")
    .fix("compare the name with runImage.image and runImage.mirrors of the label"),
    refused_for(
        "rebase.target-mismatch-refused",
        "a run image of another target is refused without -force",
        OUTPUTS,
        |case| is_refused(case, "rebase.target-mismatch-refused"),
    )
    .because("an app for one machine or distribution does not run on another")
    .looks_like("exit 0, and the image is rebased on a run image of another architecture, variant or distribution")
    .fix("compare os, architecture, variant and the labels of the distribution"),
    refused_for("rebase.digest-as-tag-refused", "an <image> that is a digest reference is refused", INPUTS, |case| {
        is_refused(case, "rebase.digest-as-tag-refused")
    })
    .because("each <image> MUST be a valid tag reference: a new image cannot have an old digest")
    .looks_like("exit 0 with a digest reference as <image>")
    .fix("refuse it, and name -previous-image as the way to rebase a digest"),
    refused_for("rebase.two-registries-refused", "images of two registries are refused", INPUTS, |case| {
        is_refused(case, "rebase.two-registries-refused")
    })
    .because("the images MUST refer to the same registry")
    .looks_like("exit 0, or one of the registries is written to")
    .fix("compare the registries of all <image> before anything is done")
    .on(REGISTRY),
    refused_for("rebase.no-image-refused", "a call without an <image> is refused", INPUTS, |case| {
        is_refused(case, "rebase.no-image-refused")
    })
    .because("at least one <image> must be provided")
    .looks_like("exit 0, and nothing was done")
    .fix("say that an <image> is missing"),
    refused_for("rebase.app-image-gone", "an app image that is not there is an error", OUTPUTS, |case| {
        is_refused(case, "rebase.app-image-gone")
    })
    .because("there is nothing to be rebased, and an image of nothing but a run image is not an app")
    .looks_like("exit 0, an image without an app, or a crash")
    .fix("say which image is not there, and exit with a code of the rebaser"),
    refused_for("rebase.run-image-gone", "a run image that is not there is an error", OUTPUTS, |case| {
        is_refused(case, "rebase.run-image-gone")
    })
    .because("an app without a run image does not run")
    .looks_like("exit 0, an image of the app's layers alone, or a crash")
    .fix("say which run image is not there, and write nothing"),
    refused_for(
        "rebase.unreachable-registry",
        "a run image on a registry that is not there is an error",
        OUTPUTS,
        |case| is_refused(case, "rebase.unreachable-registry"),
    )
    .waiting(true)
    .because("registries fail, and a rebase that fails must leave the image as it was")
    .looks_like("exit 0, a crash, or a tag that has moved")
    .fix("give up after a while, say which registry was not reached, and write nothing")
    .on(REGISTRY),
    refused_for("rebase.unauthorized", "a run image that the registry does not give is an error", OUTPUTS, |case| {
        is_refused(case, "rebase.unauthorized")
    })
    .because("without credentials there is nothing to rebase on")
    .looks_like("exit 0, a crash, or a tag that has moved")
    .fix("say which registry wants credentials, and write nothing")
    .on(REGISTRY),
    refused_for(
        "rebase.platform-api-refused",
        "a Platform API that there is not is refused",
        Source::platform("Platform API Compatibility"),
        |case| is_refused(case, "rebase.platform-api-refused"),
    )
    .because("a platform of another API expects another rebaser")
    .looks_like("exit 0 with CNB_PLATFORM_API=999.0")
    .fix("exit 11 before anything else is read"),
    should(
        "rebase.refusal-codes",
        "a refused rebase exits with a generic code or one of 70 to 79",
        OUTPUTS,
        codes_are_of_the_table,
    )
    .because("platforms tell by the code what to do next")
    .looks_like("a code of the exporter or of another phase")
    .fix("use 70 to 79 for what is the rebaser's")
    .when("a rebase was refused")
    .needing(Needs::Process),
    should("rebase.refusal-explained", "what is said of a refusal names its reason", OWN, the_reason_is_said)
        .because("who cannot tell why a rebase failed rebases by -force, which is worse")
        .looks_like("an exit code without a word, or words of something else")
        .fix("name the image, label or registry at fault")
        .when("a rebase was to be refused")
        .needing(Needs::Process),
];

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
