//! What an exporter prints, whatever became of the export.

use super::refusal;
use crate::evidence::Export;
use crate::requirement::{Case, Needs, Requirement, Source, not_applicable, together, violated};
use crate::verdict::{Finding, Level};
use crate::view;

/// The row on programs that come down and exit 0.
pub(super) const NO_TRACE: Requirement = Requirement::new(
    Level::Should,
    "errors.no-trace-on-success",
    "an export that exits 0 shows no stack trace",
    Source::own("errors"),
    |case| case.each(good_exports_show_no_stack_trace),
)
.because("a reader of a good build's log cannot tell which of its lines are true")
.looks_like("a stack trace of the exporter's language, and exit 0")
.fix("let what brings the exporter down end the export with an error, and tell what does not in a line")
.when("an export succeeds")
.needing(Needs::Success);

/// The row on variables that are secret by their name.
pub(super) const SECRETS_KEPT: Requirement = Requirement::new(
    Level::Should,
    "errors.variables-not-printed",
    "no output has the value of a variable whose name says that it is secret",
    Source::own("errors"),
    |case| every(case, secret_variables_are_not_printed),
)
.because("builds have tokens of their pipeline in the environment, and logs are kept where many can read them")
.looks_like("all variables are printed where something is refused")
.fix("print no variable that the exporter does not read")
.when("such a variable is set")
.needing(Needs::Process);

/// The row on the form of the output.
pub(super) const IS_TEXT: Requirement = Requirement::new(
    Level::Should,
    "errors.output-is-text",
    "what is printed is text: no NUL byte, and at most 4 MiB",
    Source::own("errors"),
    |case| every(case, the_output_is_text),
)
.because("what keeps and shows logs cuts a long line or a long log, and the error at its end is lost")
.looks_like("megabytes of NUL bytes before the error")
.fix("print what a reader needs, and show bytes that are not text with escapes")
.needing(Needs::Process);

fn good_exports_show_no_stack_trace(export: &Export) -> Finding {
    match refusal::stack_trace_of_a_runtime(export) {
        Some((file, line)) => violated(
            "the exporter exits 0 and shows a stack trace",
            "no stack trace",
            view::cut(line.trim()),
            export.at(file),
        ),
        None => Finding::Holds,
    }
}

/// Asks of every export, whatever became of it. What one prints that refuses everything says nothing good of it.
fn every(case: &Case<'_>, judge: impl Fn(&Export) -> Finding) -> Finding {
    let found = together(case.exports.iter().map(|export| match export.troubles.first() {
        Some(trouble) => Finding::Error(trouble.clone()),
        None => judge(export),
    }));
    let is_any_good = case.exports.iter().any(|export| export.outcome.succeeded());
    match found {
        Finding::Holds if !is_any_good => not_applicable("no export succeeded"),
        found => found,
    }
}

/// How the names end of variables that hold secrets.
const SECRET: [&str; 3] = ["_TOKEN", "_SECRET", "_PASSWORD"];
/// A shorter value may stand anywhere.
const LEAST: usize = 12;

fn secret_variables_are_not_printed(export: &Export) -> Finding {
    let variables = export.inputs.environment.iter();
    let secrets: Vec<(&String, &String)> = variables
        .filter(|(name, value)| SECRET.iter().any(|end| name.ends_with(end)) && value.len() >= LEAST)
        .collect();
    if secrets.is_empty() {
        return not_applicable("no variable is set whose name says that it is secret");
    }
    for (file, text) in [("stderr.txt", &export.outcome.stderr), ("stdout.txt", &export.outcome.stdout)] {
        if let Some((name, _)) = secrets.iter().find(|(_, value)| text.contains(value.as_str())) {
            return violated(
                "the exporter printed the value of a secret variable",
                "nothing of it",
                format!("the value of {name}"),
                export.at(file),
            );
        }
    }
    Finding::Holds
}

/// Bytes that an export may print.
const MOST: u64 = 4 << 20;

fn the_output_is_text(export: &Export) -> Finding {
    for (file, text) in [("stderr.txt", &export.outcome.stderr), ("stdout.txt", &export.outcome.stdout)] {
        if text.contains('\0') {
            return violated("the exporter printed a NUL byte", "text", "a NUL byte", export.at(file));
        }
    }
    if export.outcome.printed > MOST {
        let found = format!("{} bytes", export.outcome.printed);
        return violated(
            "the exporter printed more than anyone reads",
            "at most 4 MiB",
            found,
            export.at("stderr.txt"),
        );
    }
    Finding::Holds
}
