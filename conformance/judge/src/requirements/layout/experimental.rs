//! `CNB_EXPERIMENTAL_MODE`: whether the export runs, warns or is refused as it says.

use crate::evidence::Export;
use crate::log::{Line, Output};
use crate::requirement::{Case, EXIT_ZERO, holds_when, not_applicable, violated};
use crate::verdict::Finding;
use crate::view;

fn mode(export: &Export) -> &str {
    export.inputs.environment.get("CNB_EXPERIMENTAL_MODE").map_or("unset", String::as_str)
}

/// Words by which a line speaks of the feature, in whatever words it warns.
const FEATURE: [&str; 2] = ["layout", "oci"];

/// A line that warns of the experimental feature: it says so, or it is a warning that speaks of layouts.
fn warns(line: &Line) -> bool {
    let is_a_warning = line.speaks_of("warn") && FEATURE.iter().any(|word| line.speaks_of(word));
    line.speaks_of("experimental") || is_a_warning
}

/// With `warn` there is a line that warns; one that speaks of the feature otherwise is one where silence has none such.
fn it_warns(export: &Export, silent: Option<&Export>) -> Finding {
    let (output, other) = (Output::of(export), silent.map(Output::of));
    let is_said_anyway = |line: &&Line| other.iter().flat_map(Output::lines).any(|one| one.words() == line.words());
    let speaks = |line: &&Line| FEATURE.iter().any(|word| line.speaks_of(word));
    let says_so = output.lines().any(|line| warns(line) || silent.is_some() && speaks(&line) && !is_said_anyway(&line));
    holds_when(says_so, || {
        let message = "with CNB_EXPERIMENTAL_MODE warn it does not warn of the experimental feature";
        let found = "no line that speaks of it";
        violated(message, "a line that says that the feature is experimental", found, export.at("stderr.txt"))
    })
}

fn it_is_silent(export: &Export) -> Finding {
    let output = Output::of(export);
    let warning = output.lines().find(|line| warns(line)).map(|line| view::cut(line.text()));
    warning.map_or(Finding::Holds, |line| {
        let message = "with CNB_EXPERIMENTAL_MODE silent it warns of the experimental feature all the same";
        violated(message, "no warning", line, export.at("stdout.txt"))
    })
}

pub(super) fn the_experimental_gate_is_kept(case: &Case<'_>) -> Finding {
    const SLUG: &str = "layout.experimental-gate";
    let refused = |export: &Export| export.inputs.expected_failure.as_deref() == Some(SLUG);
    let tried: Vec<&Export> =
        case.exports.iter().copied().filter(|export| export.is_good_build() || refused(export)).collect();
    let silent = tried.iter().copied().find(|export| mode(export) == "silent");
    if tried.iter().all(|export| mode(export) == "silent") {
        return not_applicable("no other value than silent was tried");
    }
    // A refusal says nothing of the mode where the build is refused in every mode.
    if !tried.iter().any(|export| export.outcome.succeeded()) {
        return Finding::skipped_after("the export is refused in every mode", EXIT_ZERO);
    }
    for export in tried.iter().copied() {
        let mode = mode(export);
        let may_succeed = matches!(mode, "warn" | "silent");
        if export.outcome.succeeded() != may_succeed {
            let expected = if may_succeed { "exit 0" } else { "another exit" };
            let message = format!("with CNB_EXPERIMENTAL_MODE {mode} the export does not end as it should");
            let finding = violated(message, expected, export.outcome.end, view::last_words_at(export));
            return if may_succeed { finding.following(EXIT_ZERO) } else { finding };
        }
        let finding = match mode {
            "warn" => it_warns(export, silent),
            "silent" => it_is_silent(export),
            _ => Finding::Holds,
        };
        if finding != Finding::Holds {
            return finding;
        }
    }
    Finding::Holds
}
