//! GitHub Actions: workflow commands that annotate the job, and the job's summary.

use std::fmt::Write as _;

use judge::verdict::{Answer, Verdict};

use super::{
    Report, markdown,
    terminal::{follow, visible},
};

/// GitHub shows so many annotations of a kind for a step.
const SHOWN: usize = 10;
/// GitHub takes 1 MiB for a step; what is there before needs room too.
const SUMMARY: usize = 500_000;

/// The workflow commands, one on a line, at most ten errors and ten warnings: the last says how many are left out.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut errors: Vec<(String, String)> =
        report.troubles.iter().map(|trouble| ("the suite failed".to_owned(), trouble.clone())).collect();
    let mut warnings = Vec::new();
    for verdict in &report.verdicts {
        match (verdict.verdict, &verdict.known) {
            (Answer::Fail | Answer::Error, None) => errors.push(annotation(verdict)),
            (Answer::Fail | Answer::Error, Some(_)) | (Answer::Warn, _) => warnings.push(annotation(verdict)),
            _ => {}
        }
    }
    let mut out = String::new();
    commands(&mut out, "error", &errors);
    commands(&mut out, "warning", &warnings);
    let _ = writeln!(out, "::notice title=conformance::{}", data(&markdown::answer(report)));
    out
}

/// What is to be appended to the file that `GITHUB_STEP_SUMMARY` names.
#[must_use]
pub fn summary(report: &Report) -> String {
    markdown::render(report, SUMMARY) + "\n"
}

fn annotation(verdict: &Verdict) -> (String, String) {
    let title = format!("{} {}", verdict.verdict, verdict.requirement);
    let place = format!("{} on {}", verdict.scenario, verdict.service);
    let more = match verdict.followed_by.len() {
        0 => String::new(),
        number => format!(" {} from it: {}.", follow(number), verdict.followed_by.join(", ")),
    };
    (title, format!("{place}: {}{more} Repeat: {}", verdict.message, verdict.repeat))
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
