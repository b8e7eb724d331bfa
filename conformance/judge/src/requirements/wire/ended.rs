//! What an exporter does that is asked to end while it works.

use super::super::errors::refusal::{claims_no_success, is_no_crash};
use super::faults::not_made;
use crate::evidence::{End, Export};
use crate::requirement::{Case, Needs, REGISTRY, Requirement, holds_when, not_applicable, together, violated};
use crate::verdict::{Finding, Level};
use crate::view;

/// The slug, which the steps name in which the exporter is asked to end.
pub(super) const SLUG: &str = "digest.ended-export-reported";

pub(super) const REPORTED: Requirement = Requirement::new(
    Level::Must,
    SLUG,
    "an export that SIGTERM ends does not exit 0, and leaves no report that claims success",
    super::OUTPUTS,
    an_ended_export_is_reported,
)
.because("platforms end builds that take too long or are given up; an exit of 0 then says that there is an image")
.looks_like(
    "SIGTERM comes while the registry has not taken the manifest yet, and the exporter exits 0, or its report is there",
)
.fix("let the signal end the program, or exit with another code than 0; write the report when all else is done")
.when("a scenario has an exporter asked to end")
.on(REGISTRY)
.needing(Needs::Process);

/// The signal's number.
const SIGTERM: i32 = 15;

fn an_ended_export_is_reported(case: &Case<'_>) -> Finding {
    let exports = case.exports.iter().copied().filter(|export| export.inputs.may_refuse.as_deref() == Some(SLUG));
    let mut findings: Vec<Finding> = exports.map(|export| of_one(case, export)).collect();
    findings.extend(case.exports.iter().filter_map(|export| not_made(export, &[SLUG])));
    if findings.is_empty() {
        return not_applicable("no export of this scenario is asked to end");
    }
    together(findings)
}

fn of_one(case: &Case<'_>, export: &Export) -> Finding {
    if let Some(trouble) = export.troubles.first() {
        return Finding::Error(trouble.clone());
    }
    match export.outcome.end {
        // One that was done, or goes on to its end all the same, has made what it says.
        End::Exited(0) => holds_when(export.tags.iter().all(|tag| tag.digest.is_some()), || {
            let message = "the exporter was ended before the image was there, and tells of success";
            violated(
                message,
                "a non-zero exit, or an end by the signal",
                view::ended(export),
                view::last_words_at(export),
            )
        }),
        // One that refuses every build does so here.
        End::Exited(_) => case.uncontrolled(export).unwrap_or_else(|| is_over(export)),
        End::Signalled(SIGTERM) => is_over(export),
        End::Signalled(_) | End::TimedOut(_) => violated(
            "the exporter does not end as it is asked to",
            "an exit by itself, or an end by SIGTERM",
            view::ended(export),
            view::last_words_at(export),
        ),
    }
}

fn is_over(export: &Export) -> Finding {
    together([is_no_crash(export), claims_no_success(export)])
}
