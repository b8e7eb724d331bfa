//! The part of the report on what is violated or undecided: the most pressing in full, the rest a line each.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use judge::verdict::{Answer, Verdict};

use super::super::groups::{Group, Weight};
use super::{Colour, Detail, Style, counted, cut, shorter, visible};

/// Groups that are shown in full where not everything is.
const FULL: usize = 3;
/// Groups of one weight that get a line each where not everything is shown.
const LINES: usize = 12;
/// Ways in which one requirement is violated that are shown where not everything is.
const WAYS: usize = 3;
/// Where a line is cut that has no width to keep to.
const LINE: usize = 160;
/// The column at which values begin.
const VALUE: usize = 18;

/// What each weight is called above its groups.
const WEIGHTS: [(Weight, &str); 4] = [
    (Weight::Broken, "failures, what explains most first"),
    (Weight::Undecided, "errors of the suite or of a service"),
    (Weight::Doubtful, "warnings"),
    (Weight::Known, "known failures"),
];

pub(super) fn show(out: &mut String, groups: &[Group<'_>], style: Style) -> std::fmt::Result {
    for (weight, heading) in WEIGHTS {
        let of_it: Vec<&Group<'_>> = groups.iter().filter(|group| group.weight == weight).collect();
        if of_it.is_empty() {
            continue;
        }
        writeln!(out, "\n{}", style.paint(Colour::Bold, heading))?;
        let in_full = match (style.detail, weight) {
            (Detail::Verbose, _) => of_it.len(),
            (_, Weight::Broken | Weight::Undecided) => FULL,
            _ => 0,
        };
        of_it.iter().take(in_full).try_for_each(|group| full(out, group, style))?;
        let rest = &of_it[in_full.min(of_it.len())..];
        rest.iter().take(LINES).try_for_each(|group| line(out, group, style))?;
        if rest.len() > LINES {
            let more = counted(rest.len() - LINES, "more requirement");
            style.line(out, "  ", 2, &format!("and {more}; --verbose or --report html=FILE shows them"))?;
        } else if !rest.is_empty() && weight == Weight::Broken {
            let text = "--verbose shows these in full; conformance explain REQUIREMENT says why and how to fix it";
            style.line(out, "  ", 2, text)?;
        }
    }
    Ok(())
}

fn word(group: &Group<'_>, style: Style) -> String {
    match (group.weight, group.first().verdict) {
        (Weight::Known, _) => style.paint(Colour::Yellow, "KNOWN"),
        (_, Answer::Fail) => style.paint(Colour::Red, "FAIL "),
        (_, Answer::Warn) => style.paint(Colour::Yellow, "WARN "),
        _ => style.paint(Colour::Red, "ERROR"),
    }
}

fn line(out: &mut String, group: &Group<'_>, style: Style) -> std::fmt::Result {
    let first = group.first();
    let told = if group.weight == Weight::Known { group.known() } else { first.message.clone() };
    let likewise =
        if group.likewise.is_empty() { String::new() } else { format!(" and {} alike", group.likewise.len()) };
    let cases = counted(group.verdicts.len(), "case");
    let text = format!("{}{likewise}  ({cases})  {}", first.requirement, visible(&told));
    let room = style.width.unwrap_or(LINE).saturating_sub(8);
    let text = if text.chars().count() > room {
        format!("{}…", text.chars().take(room.saturating_sub(1)).collect::<String>())
    } else {
        text
    };
    writeln!(out, "  {} {text}", word(group, style))
}

fn full(out: &mut String, group: &Group<'_>, style: Style) -> std::fmt::Result {
    let alike = group.alike();
    let shown = if style.detail == Detail::Verbose { alike.len() } else { alike.len().min(WAYS) };
    let more = alike.len() - shown;
    for (number, verdicts) in alike.into_iter().take(shown).enumerate() {
        let Some(first) = verdicts.first() else { continue };
        said(out, group, &verdicts, style)?;
        if number == 0 {
            about(out, group, style)?;
        }
        value(out, "evidence", &visible(&first.evidence), Style { width: None, ..style })?;
        value(out, "source", &first.source, style)?;
        // A command is copied as a whole.
        value(out, "repeat", &visible(&shorter(&first.repeat, 2_000)), Style { width: None, ..style })?;
    }
    if more > 0 {
        writeln!(out, "        and in {}; --verbose shows them", counted(more, "other way"))?;
    }
    Ok(())
}

/// What these verdicts say, which is the same.
fn said(out: &mut String, group: &Group<'_>, verdicts: &[&Verdict], style: Style) -> std::fmt::Result {
    let Some(first) = verdicts.first() else { return Ok(()) };
    let begin = format!("  {} {}  ", word(group, style), style.paint(Colour::Bold, &first.requirement));
    style.line(out, &begin, 8, &format!("{}  {}", group.level(), visible(&cut(&first.message))))?;
    value(out, "in", &cases(verdicts), style)?;
    value(out, "expected", &visible(&cut(&first.expected)), style)?;
    value(out, "found", &visible(&cut(&first.found)), style)
}

/// What is to be said once of a requirement: what depends on it, why it is asked, and how to fix it.
fn about(out: &mut String, group: &Group<'_>, style: Style) -> std::fmt::Result {
    value(out, "likewise", &group.likewise.join(", "), style)?;
    value(out, "explains", &group.explained(), style)?;
    value(out, "so too", &group.so_too(), style)?;
    value(out, "known", &visible(&group.known()), style)?;
    let (why, fix) = group.advice();
    value(out, "why", why, style)?;
    value(out, "fix", fix, style)
}

fn value(out: &mut String, name: &str, value: &str, style: Style) -> std::fmt::Result {
    if value.is_empty() { Ok(()) } else { style.line(out, &format!("        {name:<9} "), VALUE, value) }
}

/// Where it was seen: scenarios with the services that they share, and only how many where the line would get long.
fn cases(verdicts: &[&Verdict]) -> String {
    const NAMED: usize = 8;
    let mut services: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for verdict in verdicts {
        services.entry(&verdict.scenario).or_default().push(&verdict.service);
    }
    let mut scenarios: Vec<(Vec<&str>, Vec<&str>)> = Vec::new();
    for (scenario, on) in services {
        match scenarios.iter_mut().find(|(same, _)| *same == on) {
            Some((_, names)) => names.push(scenario),
            None => scenarios.push((on, vec![scenario])),
        }
    }
    let shown = scenarios.into_iter().map(|(on, names)| {
        let more = names.len().saturating_sub(NAMED);
        let more = if more == 0 { String::new() } else { format!(" and {}", counted(more, "more scenario")) };
        let names = names.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
        format!("{names}{more} on {}", on.join(", "))
    });
    shown.collect::<Vec<_>>().join("; ")
}
