//! Markdown that fits a comment on a pull request: the answer first, then the profiles, what fails, and how to repeat it.
//! Text from images and exporters stands in `<code>`, with everything but letters and digits as character references:
//! there it is neither markup nor a mention, nor a link.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use judge::verdict::{Answer, Verdict};

use super::{
    Report,
    terminal::{follow, followers, visible},
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

/// What the run came to, in a few words.
#[must_use]
pub(super) fn answer(report: &Report) -> String {
    match report.told() {
        0 => format!("conformant to {}", report.profile),
        1 => format!("not conformant to {}", report.profile),
        3 => "the suite or a service failed".to_owned(),
        4 => "nothing was judged".to_owned(),
        130 => "interrupted".to_owned(),
        code => format!("ended with {code}"),
    }
}

fn head(out: &mut String, report: &Report) -> std::fmt::Result {
    let mark = match report.told() {
        0 => "✅",
        1 => "❌",
        _ => "⚠️",
    };
    writeln!(out, "## {mark} {}: {}\n", code(&report.exporter.name, 100), answer(report))?;
    writeln!(
        out,
        "{} · {} {} · catalogue {} · Platform API {} · {} scenarios, {} verdicts in {:.1} s\n",
        code(&report.exporter.sha256, 80),
        report.tool.name,
        report.tool.version,
        report.tool.catalogue,
        report.platform_api,
        report.scenarios.len(),
        report.verdicts.len(),
        report.seconds
    )?;
    out.push_str("| profile | answer |\n|---|---|\n");
    for headline in &report.headlines {
        let decides = if headline.profile == report.profile { " (decides)" } else { "" };
        writeln!(out, "| {}{decides} | {} |", headline.profile, code(&headline.text, LONGEST))?;
    }
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

/// Verdicts of one kind on one requirement.
type Group<'a> = Vec<&'a Verdict>;

fn groups(report: &Report) -> Vec<Group<'_>> {
    let mut groups: BTreeMap<(u8, &str), Group<'_>> = BTreeMap::new();
    for verdict in &report.verdicts {
        let rank = match verdict.verdict {
            Answer::Fail => 0,
            Answer::Error => 1,
            Answer::Warn => 2,
            _ => continue,
        };
        groups.entry((rank, &verdict.requirement)).or_default().push(verdict);
    }
    groups.into_values().collect()
}

fn problems(out: &mut String, report: &Report, limit: usize) -> std::fmt::Result {
    let groups = groups(report);
    if groups.is_empty() {
        return Ok(());
    }
    out.push_str("\n### What fails\n");
    let mut folded = false;
    for (number, group) in groups.iter().enumerate() {
        let mut text = String::new();
        problem(&mut text, group)?;
        if out.len() + text.len() > limit {
            writeln!(out, "\nand {} more requirements", groups.len() - number)?;
            break;
        }
        if number == OPEN {
            write!(out, "\n<details><summary>{} more</summary>\n", groups.len() - OPEN)?;
            folded = true;
        }
        out.push_str(&text);
    }
    if folded {
        out.push_str("\n</details>\n");
    }
    Ok(())
}

fn problem(out: &mut String, group: &[&Verdict]) -> std::fmt::Result {
    let Some(first) = group.first() else { return Ok(()) };
    writeln!(out, "\n**{}** {} ({})", first.verdict, code(&first.requirement, 100), first.level)?;
    let named: Vec<String> =
        group.iter().take(4).map(|verdict| format!("{} on {}", verdict.scenario, verdict.service)).collect();
    let more = if group.len() > 4 { format!(" and {} more", group.len() - 4) } else { String::new() };
    writeln!(out, "- in {}{more}", code(&named.join(", "), LONGEST))?;
    let known = first.known.as_ref().map(ToString::to_string).unwrap_or_default();
    let followers = followers(group);
    if !followers.is_empty() {
        writeln!(out, "- {} from it: {}", follow(followers.len()), code(&followers.join(", "), LONGEST))?;
    }
    for (name, value) in [
        ("says", &first.message),
        ("known", &known),
        ("expected", &first.expected),
        ("found", &first.found),
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
