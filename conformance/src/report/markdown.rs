//! Markdown that fits a comment on a pull request: the answer first, then the profiles, what fails, and how to repeat
//! it. Text from images and exporters stands in `<code>`, with everything but letters and digits as character
//! references: there it is neither markup nor a mention, nor a link.
//!
//! ```text
//! ## ❌ <code>reference</code>: not conformant
//!
//! | profile | answer |
//! |---|---|
//! | rfc-196 (decides) | <code>not conformant on registry</code> |
//! ```

use std::fmt::Write as _;

use super::{
    Report,
    groups::{Group, Tally, Weight, follow, groups},
    terminal::visible,
};

/// GitHub takes 65,536 characters in a comment.
pub const COMMENT: usize = 65_000;
/// So many groups are shown before the rest is folded.
const OPEN: usize = 10;
/// Longest value, in characters.
const LONGEST: usize = 300;
/// Room for what follows the list of failures.
const FOOT: usize = 3_000;

/// The report in at most `limit` bytes, which are to be 10,000 or more.
#[must_use]
pub fn render(report: &Report, limit: usize) -> String {
    let mut out = String::new();
    let _ = head(&mut out, report);
    let _ = problems(&mut out, report, limit.saturating_sub(FOOT));
    let _ = foot(&mut out, report);
    out
}

fn head(out: &mut String, report: &Report) -> std::fmt::Result {
    let mark = match report.told() {
        0 if !report.is_quick() => "✅",
        1 => "❌",
        _ => "⚠️",
    };
    writeln!(out, "## {mark} {}: {}\n", code(&report.exporter.name, 100), report.answer())?;
    writeln!(
        out,
        "{} · {} {} · catalogue {} · Platform API {} · {}\n",
        code(&report.exporter.sha256, 80),
        report.tool.name,
        report.tool.version,
        report.tool.catalogue,
        report.platform_api,
        report.scale()
    )?;
    if let Some(left_out) = report.left_out() {
        writeln!(out, "Narrowed: {}\n", code(&left_out, LONGEST))?;
    }
    out.push_str("| profile | answer |\n|---|---|\n");
    for headline in &report.headlines {
        let decides = if headline.profile == report.profile { " (decides)" } else { "" };
        writeln!(out, "| {}{decides} | {} |", headline.profile, code(&headline.text, LONGEST))?;
    }
    writeln!(out, "\nRequirements: {}.", Tally::of(report).words())?;
    let t = report.totals;
    out.push_str("\n| pass | fail | warn | absent | n/a | skipped | error |\n|--:|--:|--:|--:|--:|--:|--:|\n");
    writeln!(
        out,
        "| {} | {} | {} | {} | {} | {} | {} |",
        t.pass, t.fail, t.warn, t.absent, t.not_applicable, t.skipped, t.error
    )?;
    for trouble in report.troubles.iter().take(10) {
        writeln!(out, "\n**The suite failed:** {}", code(trouble, LONGEST))?;
    }
    Ok(())
}

/// What each weight is called above its groups.
const WEIGHTS: [(Weight, &str); 4] = [
    (Weight::Broken, "What fails"),
    (Weight::Undecided, "Errors of the suite or of a service"),
    (Weight::Doubtful, "Warnings"),
    (Weight::Known, "Known failures"),
];

fn problems(out: &mut String, report: &Report, limit: usize) -> std::fmt::Result {
    let groups = groups(report);
    let mut shown = 0;
    for (weight, heading) in WEIGHTS {
        let of_it: Vec<&Group<'_>> = groups.iter().filter(|group| group.weight == weight).collect();
        if of_it.is_empty() {
            continue;
        }
        let open = if weight == Weight::Broken || weight == Weight::Undecided { OPEN } else { 0 };
        writeln!(out, "\n### {heading} ({})", of_it.len())?;
        let mut folded = false;
        for (number, group) in of_it.iter().enumerate() {
            let mut text = String::new();
            problem(&mut text, group)?;
            if out.len() + text.len() > limit {
                let left = groups.len() - shown;
                let close = if folded { "\n</details>\n" } else { "" };
                return writeln!(out, "{close}\nand {left} more requirements");
            }
            if number == open {
                write!(out, "\n<details><summary>{} of them</summary>\n", of_it.len() - open)?;
                folded = true;
            }
            out.push_str(&text);
            shown += 1;
        }
        if folded {
            out.push_str("\n</details>\n");
        }
    }
    Ok(())
}

fn problem(out: &mut String, group: &Group<'_>) -> std::fmt::Result {
    let first = group.first();
    writeln!(out, "\n**{}** {} ({})", first.verdict, code(&first.requirement, 100), first.level)?;
    let named: Vec<String> =
        group.verdicts.iter().take(4).map(|verdict| format!("{} on {}", verdict.scenario, verdict.service)).collect();
    let more = if group.verdicts.len() > 4 { format!(" and {} more", group.verdicts.len() - 4) } else { String::new() };
    writeln!(out, "- in {}{more}", code(&named.join(", "), LONGEST))?;
    if !group.likewise.is_empty() {
        writeln!(out, "- likewise {}", code(&group.likewise.join(", "), LONGEST))?;
    }
    if !group.followers.is_empty() {
        let listed = code(&group.followers.join(", "), LONGEST);
        writeln!(out, "- {} from it: {listed}", follow(group.followers.len()))?;
    }
    let (why, fix) = group.advice();
    for (name, value) in [
        ("known", group.known().as_str()),
        ("says", &first.message),
        ("expected", &first.expected),
        ("found", &first.found),
        ("why", why),
        ("fix", fix),
        ("repeat", &first.repeat),
    ] {
        if !value.is_empty() {
            writeln!(out, "- {name} {}", code(value, LONGEST))?;
        }
    }
    Ok(())
}

fn foot(out: &mut String, report: &Report) -> std::fmt::Result {
    let on: Vec<&str> =
        report.services.iter().filter(|service| service.observed).map(|service| service.name.as_str()).collect();
    writeln!(out, "\nObserved on {}, from {}.", code(&on.join(", "), LONGEST), code(&report.started, 40))
}

/// Hostile text as `<code>`, cut to `longest` characters.
pub(super) fn code(text: &str, longest: usize) -> String {
    let shown = visible(text);
    let mut out = String::from("<code>");
    for c in shown.chars().take(longest) {
        if c.is_alphanumeric() || matches!(c, ' ' | ',' | '-' | '/') {
            out.push(c);
        } else {
            let _ = write!(out, "&#{};", u32::from(c));
        }
    }
    if shown.chars().nth(longest).is_some() {
        out.push('…');
    }
    out + "</code>"
}
