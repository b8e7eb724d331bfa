//! Exit codes by their table: those with one meaning are kept for it, and others are the exporter's own.

use super::{BUILDPACK_API, OUTPUTS, PLATFORM_API, refusal};
use crate::evidence::{End, Export};
use crate::requirement::{Case, Needs, Requirement, not_applicable, together, violated};
use crate::verdict::{Finding, Level};
use crate::view;

/// Codes with one meaning, and the bad inputs that it is of.
const RESERVED: [(i32, &str, &[&str]); 2] = [
    (PLATFORM_API, "a Platform API that is not supported", &["errors.platform-api", "platform.api-checked-first"]),
    (BUILDPACK_API, "a Buildpack API that is not supported", &["errors.buildpack-api"]),
];

/// The row on codes with one meaning.
pub(super) const KEPT: Requirement = Requirement::new(
    Level::Must,
    "errors.codes-kept",
    "exit codes 11 and 12 are of an unsupported Platform API and Buildpack API, and of no other refusal",
    OUTPUTS,
    |case| each_refusal(case, its_code_means_it),
)
.because(
    "a platform that is told by exit code 11 speaks another version and tries again, though that is not the reason",
)
.looks_like("another bad input is refused with exit code 11 or 12")
.fix("exit 11 and 12 for these two alone, and with another code of the table for everything else")
.when("an export is refused, and the build without the fault is accepted")
.needing(Needs::Process);

/// The row on the table's codes.
pub(super) const OF_THE_TABLE: Requirement = Requirement::new(
    Level::Should,
    "errors.codes-of-the-table",
    "a refusal has an exit code of the exporter's table: 1 to 19, or 60 to 69",
    OUTPUTS,
    |case| each_refusal(case, its_code_is_in_the_table),
)
.because(
    "platforms tell by the code which phase failed; 20 to 59 and 70 to 99 are other phases', and no other is listed",
)
.looks_like("an exit code such as 25, 82 or 255")
.fix("exit with 1 to 10 or 13 to 19 for what any phase may meet, and 60 to 69 for what is of the export")
.when("an export is refused, and the build without the fault is accepted")
.needing(Needs::Process);

/// What a step names in which a signal ends the exporter.
const ENDED: &str = "digest.ended-export-reported";

fn each_refusal(case: &Case<'_>, judge: fn(&Export, i32) -> Finding) -> Finding {
    // What a signal ends may tell so by its code.
    let is_refusal = |slug: &&String| *slug != ENDED;
    let wanted = |export: &&Export| {
        export.inputs.expected_failure.is_some() || export.inputs.may_refuse.iter().any(|slug| is_refusal(&slug))
    };
    let refused: Vec<&Export> =
        case.exports.iter().copied().filter(wanted).filter(|export| !export.outcome.succeeded()).collect();
    if refused.is_empty() {
        return not_applicable("no export of this scenario was refused");
    }
    let findings = refused.into_iter().map(|export| match (export.troubles.first(), export.outcome.end) {
        (Some(trouble), _) => Finding::Error(trouble.clone()),
        (None, End::Exited(code)) if !refusal::comes_down(export) => {
            case.uncontrolled(export).unwrap_or_else(|| judge(export, code))
        }
        (None, _) => not_applicable("the exporter crashed or did not end, which is not a refusal"),
    });
    let findings: Vec<Finding> = findings.collect();
    // One refusal that cannot be judged takes nothing from another.
    let is_judged = |finding: &Finding| matches!(finding, Finding::Holds | Finding::Violated(_) | Finding::Error(_));
    let any = findings.iter().any(is_judged);
    together(findings.into_iter().filter(|finding| !any || is_judged(finding)))
}

fn reason(export: &Export) -> &str {
    export.inputs.expected_failure.as_deref().or(export.inputs.may_refuse.as_deref()).unwrap_or_default()
}

fn its_code_means_it(export: &Export, code: i32) -> Finding {
    match RESERVED.iter().find(|(reserved, _, of)| code == *reserved && !of.contains(&reason(export))) {
        Some((_, meaning, _)) => violated(
            format!("exit code {code} is of {meaning}"),
            "another code of the table",
            format!("exit {code} where the reason is that of {}", reason(export)),
            view::last_words_at(export),
        ),
        None => Finding::Holds,
    }
}

fn its_code_is_in_the_table(export: &Export, code: i32) -> Finding {
    match code {
        1..=19 | 60..=69 => Finding::Holds,
        _ => violated(
            "the exit code of a refusal is not in the exporter's table",
            "1 to 19, or 60 to 69",
            format!("exit {code}"),
            view::last_words_at(export),
        ),
    }
}
