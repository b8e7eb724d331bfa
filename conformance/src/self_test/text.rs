//! The matrix for people: a line for each fault and service, then what it comes to.

use std::fmt::Write as _;

use super::report::{Report, Row};
use crate::report::terminal::{counted, visible};

/// The matrix for people.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut out = String::new();
    let width = report.rows.iter().map(|row| row.fault.len()).max().unwrap_or(0);
    let wide = report.rows.iter().map(|row| row.service.len()).max().unwrap_or(0);
    for row in &report.rows {
        let _ = writeln!(out, "{:<width$}  {:<wide$}  {}", row.fault, row.service, outcome(row, report.exact));
    }
    out.push('\n');
    services(report, &mut out);
    totals(report, &mut out);
    out
}

/// What of a row is worth a look, and how much went as it must.
fn outcome(row: &Row, exact: bool) -> String {
    if let Some(reason) = &row.skipped {
        return format!("skipped: {}", visible(reason));
    }
    if let Some(reason) = &row.not_applied {
        return format!("could not be applied: {}", visible(reason));
    }
    let mut parts = Vec::new();
    match row.caught.as_slice() {
        [] => {}
        few if few.len() <= 4 => parts.push(format!("caught {}", few.join(", "))),
        [first, rest @ ..] => parts.push(format!("caught {first} and {} more", rest.len())),
    }
    if !row.missed.is_empty() {
        parts.push(format!("MISSED {}", row.missed.join(", ")));
    }
    if !row.also.is_empty() {
        let word = if exact { "ALSO" } else { "also" };
        parts.push(format!("{word} {}", row.also.join(", ")));
    }
    if let [first, rest @ ..] = row.not_shown.as_slice() {
        let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
        parts.push(format!("not shown {}{more} ({})", first.requirement, visible(&first.reason)));
    }
    if !row.troubles.is_empty() {
        parts.push(format!("{} could not be judged", row.troubles.len()));
    }
    parts.join("; ")
}

fn services(report: &Report, out: &mut String) {
    for service in &report.services {
        let state = if service.observed { "" } else { " (not used)" };
        let facts = [service.kind.as_str(), service.version.as_str(), service.note.as_str()];
        let facts: Vec<&str> = facts.into_iter().filter(|fact| !fact.is_empty()).collect();
        let _ = writeln!(out, "{:<16}  {}{state}", service.name, visible(&facts.join(", ")));
    }
    for left in &report.left_behind {
        let _ = writeln!(out, "left behind: {}", visible(left));
    }
    for trouble in &report.troubles {
        let _ = writeln!(out, "trouble: {}", visible(trouble));
    }
    out.push('\n');
}

fn totals(report: &Report, out: &mut String) {
    let totals = report.totals;
    let _ = writeln!(
        out,
        "{}, {} with the services they are run on: {} caught, {} with something missed, {} with something else, {} that \
         could not be applied, {} that cannot be shown, {} skipped",
        counted(totals.faults, "fault"),
        report.rows.len(),
        totals.caught,
        totals.missed,
        totals.also,
        totals.not_applied,
        totals.not_shown,
        totals.skipped
    );
    let _ = writeln!(
        out,
        "{} of {} that they are to trip tripped as they must, in {} and {:.0} s",
        totals.requirements,
        counted(totals.to_trip, "requirement"),
        counted(report.exports, "export"),
        report.seconds
    );
    for one in &report.untripped {
        let _ = writeln!(out, "  not tripped: {:<40} {}", one.requirement, visible(&one.reason));
    }
    let verdict = match report.exit_code.code() {
        0 if totals.not_applied + totals.not_shown + totals.skipped > 0 => "every fault that could be shown is caught",
        0 => "every fault is caught",
        1 => "the suite does not catch what it must, or more",
        3 => "the suite or its services failed",
        4 => "no fault could be shown on this exporter",
        _ => "interrupted",
    };
    let _ = writeln!(out, "{verdict} (exit {})", report.exit_code);
}
