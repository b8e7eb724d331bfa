//! What a refusal is, and what its message holds.

use super::{Fault, named, refused, said};
use crate::evidence::{End, Export, Tag};
use crate::memo;
use crate::requirement::{Case, not_applicable, together, violated};
use crate::verdict::Finding;
use crate::view;

/// First lines of what runtimes print when a program comes down.
const STACK_TRACES: [&str; 9] = [
    "panic: ",
    "[running]:",
    "panicked at ",
    "stack backtrace:",
    "Traceback (most recent call last)",
    "\n\tat ",
    "Exception in thread ",
    "Segmentation fault",
    "SIGSEGV",
];

/// Asks of every export that is to be refused for this fault. One that is accepted is judged as it is; a refusal only
/// next to its control.
fn each(case: &Case<'_>, fault: &Fault, judge: impl Fn(&Export, Option<&Export>) -> Finding) -> Finding {
    let exports = refused(case, fault.slug);
    if exports.is_empty() {
        return not_applicable("no export of this scenario is to be refused for this reason");
    }
    together(exports.into_iter().map(|export| match export.troubles.first() {
        Some(trouble) => Finding::Error(trouble.clone()),
        None if export.outcome.succeeded() => judge(export, None),
        None => match case.uncontrolled(export) {
            Some(reason) => reason,
            None => judge(export, case.control(export)),
        },
    }))
}

pub(super) fn is_refused(case: &Case<'_>, fault: &Fault) -> Finding {
    each(case, fault, |export, _| {
        together([
            is_no_crash(export),
            exits_with(export, fault.exit),
            in_time(export, fault),
            moves_nothing(export, fault.may_write),
            claims_no_success(export),
        ])
    })
}

/// The line with which a runtime tells that the program came down, where there is one.
fn stack_trace(export: &Export) -> Option<(&'static str, &str)> {
    trace_by(export, |_| true)
}

/// The same without what may be a word of a message.
pub(super) fn stack_trace_of_a_runtime(export: &Export) -> Option<(&'static str, &str)> {
    const WORDS: [&str; 5] = ["panic: ", "\n\tat ", "Exception in thread ", "Segmentation fault", "SIGSEGV"];
    trace_by(export, |trace| !WORDS.contains(&trace))
}

/// The file and line of a trace that is told by one of those meant.
fn trace_by(export: &Export, is_meant: impl Fn(&'static str) -> bool) -> Option<(&'static str, &str)> {
    [("stderr.txt", &export.outcome.stderr), ("stdout.txt", &export.outcome.stdout)].into_iter().find_map(
        |(file, text)| {
            let trace = STACK_TRACES.into_iter().find(|trace| is_meant(trace) && text.contains(trace))?;
            let line = text.lines().find(|line| line.contains(trace.trim_start_matches('\n')))?;
            Some((file, line))
        },
    )
}

/// Holds where the program did not come down: a crash that happens to end with another exit code than 0 is not a
/// refusal.
pub(in super::super) fn is_no_crash(export: &Export) -> Finding {
    match stack_trace(export).filter(|_| !export.outcome.succeeded()) {
        Some((file, line)) => violated(
            "the exporter crashes, which is not a refusal",
            "a refusal without a stack trace",
            format!("{}; {}", export.outcome.end, view::cut(line.trim())),
            export.at(file),
        ),
        None => Finding::Holds,
    }
}

/// Whether the exporter crashed or was ended, so that what it printed is not a message.
pub(in super::super) fn comes_down(export: &Export) -> bool {
    !matches!(export.outcome.end, End::Exited(_)) || stack_trace(export).is_some()
}

/// Holds when the exporter ended by itself with this code, or with any but 0 where none is named.
pub(in super::super) fn exits_with(export: &Export, code: Option<i32>) -> Finding {
    let expected = code.map_or_else(|| "a non-zero exit by itself".to_owned(), |code| format!("exit {code}"));
    let is_it = match export.outcome.end {
        End::Exited(found) => code.map_or(found != 0, |code| found == code),
        End::Signalled(_) | End::TimedOut(_) => false,
    };
    if is_it {
        return Finding::Holds;
    }
    let message = match export.outcome.end {
        End::Exited(0) => "the exporter accepts it",
        End::Exited(_) => "the exporter refuses it with another exit code",
        End::Signalled(_) => "the exporter crashes, which is not a refusal",
        End::TimedOut(_) => "the exporter does not end by itself",
    };
    violated(message, expected, view::ended(export), view::last_words_at(export))
}

fn in_time(export: &Export, fault: &Fault) -> Finding {
    let limit = export.inputs.unreachable_limit;
    if !fault.is_timed || export.outcome.milliseconds <= limit.saturating_mul(1000) {
        return Finding::Holds;
    }
    let found = format!("{} s", export.outcome.milliseconds / 1000);
    violated("the exporter gives up too late", format!("at most {limit} s"), found, export.at("export.json#/outcome"))
}

/// Holds when every `<image>` that can be asked for names what it named before.
pub(in super::super) fn moves_nothing(export: &Export, may_write: bool) -> Finding {
    moves_nothing_but(export, |_| may_write)
}

/// The same of every tag but those that may be written.
pub(in super::super) fn moves_nothing_but(export: &Export, may_write: impl Fn(&Tag) -> bool) -> Finding {
    for tag in export.tags.iter().filter(|tag| !may_write(tag)) {
        let Some(before) = export.tags_before.get(&tag.reference) else { continue };
        if *before != tag.digest {
            let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
            let message = format!("{} was written although the export is refused", tag.reference);
            return violated(message, shown(before), shown(&tag.digest), export.at("tags.json"));
        }
    }
    Finding::Holds
}

/// Holds when there is no report of an image.
pub(in super::super) fn claims_no_success(export: &Export) -> Finding {
    let report = export.report.as_ref().and_then(|report| memo::toml(report.text()?));
    let image = report.as_ref().and_then(|report| report.get("image")?.as_table());
    let is_told = |key: &&str| {
        let value = image.and_then(|image| image.get(*key));
        value.is_some_and(|value| value.as_array().map_or(value.as_str() != Some(""), |list| !list.is_empty()))
    };
    match ["digest", "image-id", "imageID", "tags"].iter().find(|key| is_told(key)) {
        Some(key) => violated(
            format!("the report of a refused export has image.{key}"),
            "no report, or one without digest, image ID and tags",
            view::cut(&image.and_then(|image| image.get(*key)).map(ToString::to_string).unwrap_or_default()),
            export.at(&format!("report.toml#image.{key}")),
        ),
        None => Finding::Holds,
    }
}

pub(super) fn is_explained(case: &Case<'_>, fault: &Fault) -> Finding {
    each(case, fault, |export, control| match control {
        None => not_applicable(format!("it is not refused, which {} judges", fault.slug)),
        Some(_) if comes_down(export) => {
            Finding::skipped_after("the exporter crashed or was ended, so that it explained nothing", fault.follows)
        }
        Some(control) => says_what_is_wrong(export, control, &(fault.named)(export)),
    })
}

/// Holds when the output names one of `names` where it speaks of the refusal.
pub(super) fn says_what_is_wrong(export: &Export, control: &Export, names: &[String]) -> Finding {
    let said = said::of_the_refusal(export, control);
    if names.iter().any(|name| named::is_in(&said, name)) {
        return Finding::Holds;
    }
    let mut once: Vec<&str> = Vec::new();
    for name in names {
        if !once.contains(&name.as_str()) {
            once.push(name);
        }
    }
    let expected = format!("one of: {}", once.join(", "));
    let said = said.trim();
    let found =
        if said.is_empty() { "nothing but what it says of a good build".to_owned() } else { view::cut(tail(said)) };
    violated("the refusal does not name what is wrong", expected, found, view::last_words_at(export))
}

/// The last lines of an output.
pub(super) fn tail(text: &str) -> &str {
    match text.rmatch_indices('\n').nth(2) {
        Some((at, _)) => &text[at + 1..],
        None => text,
    }
}
