//! GitHub Actions: workflow commands that annotate the job, and the job's summary.
//!
//! ```text
//! ::error title=fail base.digest-present::minimal on registry: there is no digest Repeat: conformance run --scenario minimal
//! ::warning title=warn base.pair::minimal on registry: the name stands alone Repeat: conformance run --scenario minimal
//! ::notice title=conformance::not conformant
//! ```

use std::fmt::Write as _;

use super::{
    Report,
    groups::{Group, Weight, groups},
    markdown,
    terminal::{counted, visible},
};

/// GitHub shows so many annotations of a kind for a step.
const SHOWN: usize = 10;
/// GitHub takes 1 MiB for a step; what is there before needs room too.
const SUMMARY: usize = 500_000;

/// The workflow commands, one on a line and one for each requirement, at most ten errors and ten warnings: the last
/// says how many are left out. Known failures are counted in a notice.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut errors: Vec<(String, String)> =
        report.troubles.iter().map(|trouble| ("the suite failed".to_owned(), trouble.clone())).collect();
    let mut warnings = Vec::new();
    let mut known = 0;
    for group in groups(report) {
        match group.weight {
            Weight::Broken | Weight::Undecided => errors.push(annotation(&group)),
            Weight::Doubtful => warnings.push(annotation(&group)),
            Weight::Known => known += 1,
        }
    }
    let mut out = String::new();
    commands(&mut out, "error", &errors);
    commands(&mut out, "warning", &warnings);
    if known > 0 {
        let _ = writeln!(out, "::notice title=known failures::{}; see the summary", counted(known, "requirement"));
    }
    let _ = writeln!(out, "::notice title=conformance::{}", data(&report.answer()));
    out
}

/// What is to be appended to the file that `GITHUB_STEP_SUMMARY` names.
#[must_use]
pub fn summary(report: &Report) -> String {
    markdown::render(report, SUMMARY) + "\n"
}

fn annotation(group: &Group<'_>) -> (String, String) {
    let first = group.first();
    let title = format!("{} {}", first.verdict, first.requirement);
    let others = match group.verdicts.len() - 1 {
        0 => String::new(),
        others => format!(" and {}", counted(others, "more case")),
    };
    let place = format!("{} on {}{others}", first.scenario, first.service);
    let likewise =
        if group.likewise.is_empty() { String::new() } else { format!(" Likewise: {}.", group.likewise.join(", ")) };
    let more = if group.followers.is_empty() { String::new() } else { format!(" {}.", group.so_too()) };
    (title, format!("{place}: {}{likewise}{more} Repeat: {}", first.message, first.repeat))
}

fn commands(out: &mut String, kind: &str, annotations: &[(String, String)]) {
    let all = annotations.len();
    let kept = if all > SHOWN { SHOWN - 1 } else { all };
    for (title, message) in &annotations[..kept] {
        let _ = writeln!(out, "::{kind} title={}::{}", property(title), data(message));
    }
    if all > kept {
        let _ = writeln!(out, "::{kind} title=conformance::and {} more; see the summary", all - kept);
    }
}

/// Control characters are made visible first, so that a value can never begin a line.
fn data(text: &str) -> String {
    visible(text).replace('%', "%25")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
