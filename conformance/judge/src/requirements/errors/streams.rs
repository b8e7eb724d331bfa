//! Where errors are printed.

use super::{FAULTS, named, refusal, said};
use crate::evidence::Export;
use crate::requirement::{Case, Needs, Requirement, Source, not_applicable, together, violated};
use crate::verdict::{Finding, Level};

/// The row on the stream of all refusals.
pub(super) const ON_STDERR: Requirement = Requirement::new(
    Level::Should,
    "errors.on-stderr",
    "what is printed on a refusal is on standard error",
    Source::platform("exporter, Outputs"),
    errors_are_on_standard_error,
)
.because(
    "the table of outputs has logs, warnings and errors on /dev/stderr; a platform that shows or keeps standard error \
     alone has nothing to show",
)
.looks_like("the message of a refusal is on standard output, and not on standard error")
.fix("print warnings and errors to standard error")
.when("an export is refused and prints something that it does not print of a good build")
.needing(Needs::Process);

fn errors_are_on_standard_error(case: &Case<'_>) -> Finding {
    let is_refusal = |export: &&Export| {
        let wanted = export.inputs.expected_failure.is_some() || export.inputs.may_refuse.is_some();
        wanted && !export.outcome.succeeded()
    };
    let findings: Vec<Finding> =
        case.exports.iter().copied().filter(is_refusal).map(|export| is_on_standard_error(case, export)).collect();
    if findings.is_empty() {
        return not_applicable("no export of this scenario was refused");
    }
    // One refusal that says nothing takes nothing from another.
    let judged = findings
        .iter()
        .any(|finding| !matches!(finding, Finding::NotApplicable(_) | Finding::Skipped(_) | Finding::Follows { .. }));
    together(
        findings
            .into_iter()
            .filter(|finding| !judged || matches!(finding, Finding::Holds | Finding::Violated(_) | Finding::Error(_))),
    )
}

fn is_on_standard_error(case: &Case<'_>, export: &Export) -> Finding {
    if let Some(trouble) = export.troubles.first() {
        return Finding::Error(trouble.clone());
    }
    if let Some(reason) = case.uncontrolled(export) {
        return reason;
    }
    let Some(control) = case.control(export).filter(|_| !refusal::comes_down(export)) else {
        return not_applicable("the exporter crashed or did not end, which is not a refusal");
    };
    let on = |text: &str| said::beyond(text, export, control);
    let (out, err) = (on(&export.outcome.stdout), on(&export.outcome.stderr));
    let fault = FAULTS.iter().find(|fault| export.inputs.expected_failure.as_deref() == Some(fault.slug));
    let names = fault.map_or_else(|| named::special_files(export), |fault| (fault.named)(export));
    let is_named = |text: &str| names.iter().any(|name| named::is_in(text, name));
    if out.is_empty() && err.is_empty() {
        return not_applicable("the exporter says nothing of the refusal, which the row on its message judges");
    }
    if !err.is_empty() && (is_named(&err) || !is_named(&out)) {
        return Finding::Holds;
    }
    violated(
        "the message of a refusal is on standard output",
        "it is on standard error",
        refusal::tail(if out.is_empty() { &err } else { &out }),
        export.at("stdout.txt"),
    )
}
