//! The part of the report on differences between a build's outputs: a line for each pair of places over all builds, the
//! classes that permit differences, and by name what none permits.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{Colour, Detail, Style, counted, visible};
use crate::report::Report;
use crate::report::differences::{Between, between};

/// Scenarios that are named of an unexpected difference.
const NAMED: usize = 4;

pub(super) fn show(out: &mut String, report: &Report, style: Style) -> std::fmt::Result {
    let pairs = between(&report.differences);
    if pairs.is_empty() {
        return Ok(());
    }
    let heading = style.paint(Colour::Bold, "differences between outputs of a build");
    if style.detail != Detail::Verbose && pairs.iter().all(|pair| pair.unexpected.is_empty()) {
        let expected: usize = pairs.iter().map(Between::expected_fields).sum();
        let (pairs, fields) = (counted(pairs.len(), "pair"), counted(expected, "field"));
        writeln!(out)?;
        let text = format!("{fields} in {pairs} of stores, none unexpected; --verbose shows them");
        return style.line(out, &format!("{heading}: "), 2, &text);
    }
    writeln!(out, "\n{heading}")?;
    let names: Vec<String> = pairs.iter().map(|pair| visible(&format!("{} ↔ {}", pair.left, pair.right))).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or_default();
    for (pair, name) in pairs.iter().zip(names) {
        let (expected, unexpected) = (pair.expected_fields(), pair.unexpected.len());
        let differ = if expected == 1 { "differs" } else { "differ" };
        let unexpected = if unexpected == 0 {
            "none unexpected".to_owned()
        } else {
            style.paint(Colour::Yellow, &format!("{unexpected} unexpected"))
        };
        let told = format!(
            "{}: {} the same, {expected} {differ} as expected, {unexpected}",
            counted(pair.builds, "build"),
            counted(pair.identical, "field"),
        );
        style.line(out, &format!("  {name:<width$}  "), 6, &told)?;
        classes(out, pair, style)?;
        named(out, pair, style)?;
    }
    Ok(())
}

fn classes(out: &mut String, pair: &Between<'_>, style: Style) -> std::fmt::Result {
    if pair.expected.is_empty() {
        return Ok(());
    }
    let shown: Vec<String> =
        pair.expected.iter().map(|(class, count)| format!("{} ({count})", visible(class))).collect();
    style.line(out, "      ", 6, &shown.join(", "))
}

fn named(out: &mut String, pair: &Between<'_>, style: Style) -> std::fmt::Result {
    for (field, scenarios) in &pair.unexpected {
        let word = style.paint(Colour::Yellow, "unexpected");
        style.line(out, "      ", 8, &format!("{word} {} in {}", visible(field), some(scenarios)))?;
    }
    Ok(())
}

fn some(scenarios: &BTreeSet<&str>) -> String {
    let names: Vec<&str> = scenarios.iter().copied().take(NAMED).collect();
    let more = scenarios.len().saturating_sub(NAMED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{more}", visible(&names.join(", ")))
}
