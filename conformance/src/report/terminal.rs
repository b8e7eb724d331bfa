//! The report that a person reads: headline first, then what failed and why, grouped by theme. Text from images and
//! exporters is shown with its control characters made visible, so that none of it can steer the terminal.

mod differences;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use judge::profile::Profile;
use judge::verdict::{Answer, Verdict};

use super::{Report, headline::Standing};

/// How the report is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Whether escape sequences for colour may be used.
    pub colour: bool,
}

/// Longest value that is shown in full, in characters.
const LONGEST: usize = 400;

/// The report as text.
#[must_use]
pub fn render(report: &Report, style: Style) -> String {
    let mut out = String::new();
    let _ = head(&mut out, report, style);
    let _ = problems(&mut out, report, style);
    let _ = skips(&mut out, report, style);
    let _ = differences::show(&mut out, report, style);
    let _ = observations(&mut out, report, style);
    let _ = foot(&mut out, report, style);
    out
}

fn head(out: &mut String, report: &Report, style: Style) -> std::fmt::Result {
    writeln!(
        out,
        "{} {} · catalogue {} · Platform API {}",
        report.tool.name, report.tool.version, report.tool.catalogue, report.platform_api
    )?;
    let exporter = &report.exporter;
    let short: String = exporter.sha256.chars().take(19).collect();
    writeln!(out, "exporter  {}  {}  {short}…", visible(&exporter.name), visible(&exporter.path))?;
    for service in &report.services {
        let store = service.store.as_ref().map_or_else(String::new, |store| format!(", {store} store"));
        let version =
            if service.version.is_empty() { String::new() } else { format!(" {}", visible(&service.version)) };
        let note = if service.note.is_empty() { String::new() } else { format!(" ({})", visible(&service.note)) };
        writeln!(out, "service   {}: {}{version}{store}{note}", service.name, service.kind)?;
    }
    if let Some(reason) = &report.paths.reason {
        writeln!(out, "paths     one after another in {}: {}", report.paths.build, visible(reason))?;
    }
    if let Some(reason) = &report.paths.exposed {
        writeln!(out, "machine   exporters could see the suite's own files and processes: {}", visible(reason))?;
    }
    writeln!(
        out,
        "{}, {}, {} in {:.1} s\n",
        counted(report.scenarios.len(), "scenario"),
        counted(report.exports, "export"),
        counted(report.verdicts.len(), "verdict"),
        report.seconds
    )?;
    for headline in &report.headlines {
        let decides = if headline.profile == report.profile { "  ← decides" } else { "" };
        let colour = if headline.targets.values().any(|standing| *standing == Standing::NotConformant) {
            Colour::Red
        } else if headline.shown && headline.targets.values().any(|standing| *standing == Standing::Conformant) {
            Colour::Green
        } else {
            Colour::Yellow
        };
        let name = format!("{:<22}", headline.profile);
        writeln!(out, "{}{}{decides}", style.paint(colour, &name), visible(&headline.text))?;
    }
    let t = report.totals;
    writeln!(
        out,
        "\npass {} · fail {}{} · warn {} · absent {} · n/a {} · skipped {} · error {}",
        t.pass,
        t.fail,
        known(report),
        t.warn,
        t.absent,
        t.not_applicable,
        t.skipped,
        t.error
    )
}

fn known(report: &Report) -> String {
    let known = report.baseline.as_ref().map_or(0, |baseline| baseline.known);
    if known == 0 { String::new() } else { format!(" ({known} known)") }
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Verdicts of one requirement that say the same, shown once.
type Groups<'a> = BTreeMap<(&'a str, usize, &'a str, String), Vec<&'a Verdict>>;

fn problems(out: &mut String, report: &Report, style: Style) -> std::fmt::Result {
    let mut themes: Vec<(&str, Groups<'_>)> = Vec::new();
    for (order, verdict) in report.verdicts.iter().enumerate() {
        if !matches!(verdict.verdict, Answer::Fail | Answer::Warn | Answer::Error) {
            continue;
        }
        let theme = verdict.requirement.split('.').next().unwrap_or_default();
        let groups = if let Some(at) = themes.iter().position(|(name, _)| *name == theme) {
            &mut themes[at].1
        } else {
            themes.push((theme, Groups::new()));
            let last = themes.len() - 1;
            &mut themes[last].1
        };
        let first = report.verdicts.iter().position(|other| other.requirement == verdict.requirement).unwrap_or(order);
        let key = (verdict.verdict.name(), first, verdict.requirement.as_str(), alike(&verdict.message));
        groups.entry(key).or_default().push(verdict);
    }
    for (theme, groups) in themes {
        writeln!(out, "\n{}", style.paint(Colour::Bold, theme))?;
        let mut alike: Vec<Vec<Vec<&Verdict>>> = Vec::new();
        for verdicts in groups.into_values() {
            match alike.iter_mut().find(|same| says_the_same(same[0][0], verdicts[0])) {
                Some(same) => same.push(verdicts),
                None => alike.push(vec![verdicts]),
            }
        }
        for same in alike {
            if same.len() >= FOLDED {
                folded(out, &same, style)?;
            } else {
                same.iter().try_for_each(|verdicts| problem(out, verdicts, style))?;
            }
        }
    }
    Ok(())
}

/// So many requirements of a theme that say the same of the same words of the exporter are shown as one.
const FOLDED: usize = 4;

fn says_the_same(one: &Verdict, other: &Verdict) -> bool {
    let said = |verdict: &Verdict| (verdict.verdict, verdict.message.clone(), verdict.found.clone());
    said(one) == said(other)
}

fn folded(out: &mut String, groups: &[Vec<&Verdict>], style: Style) -> std::fmt::Result {
    let names: Vec<&str> = groups.iter().skip(1).map(|verdicts| verdicts[0].requirement.as_str()).collect();
    problem(out, &groups[0], style)?;
    writeln!(out, "        likewise  {}", names.join(", "))
}

/// The message without what differs from scenario to scenario.
fn alike(message: &str) -> String {
    message
        .split_whitespace()
        .filter(|word| !word.contains("sha256:") && !word.contains('/'))
        .collect::<Vec<_>>()
        .join(" ")
}

fn problem(out: &mut String, verdicts: &[&Verdict], style: Style) -> std::fmt::Result {
    let Some(first) = verdicts.first() else { return Ok(()) };
    let (word, colour) = match first.verdict {
        Answer::Fail => ("FAIL ", Colour::Red),
        Answer::Warn => ("WARN ", Colour::Yellow),
        _ => ("ERROR", Colour::Red),
    };
    let raised = if first.level == first.base_level { String::new() } else { format!(" (core: {})", first.base_level) };
    let level = format!("{}{raised}", first.level);
    writeln!(
        out,
        "  {} {}  {}  {}",
        style.paint(colour, word),
        style.paint(Colour::Bold, &first.requirement),
        level,
        visible(&first.message)
    )?;
    writeln!(out, "        in        {}", cases(verdicts))?;
    let followers = followers(verdicts);
    if !followers.is_empty() {
        writeln!(out, "        so too    {} from it: {}", follow(followers.len()), followers.join(", "))?;
    }
    for (name, value) in [
        ("expected", &first.expected),
        ("found", &first.found),
        ("evidence", &first.evidence),
        ("source", &first.source),
        ("repeat", &first.repeat),
    ] {
        if !value.is_empty() {
            writeln!(out, "        {name:<9} {}", visible(&cut(value)))?;
        }
    }
    Ok(())
}

/// What is violated only because these are, in catalogue order, each once.
pub(super) fn followers<'a>(verdicts: &[&'a Verdict]) -> Vec<&'a str> {
    let mut once: Vec<&str> = Vec::new();
    for follower in verdicts.iter().flat_map(|verdict| &verdict.followed_by) {
        if !once.contains(&follower.as_str()) {
            once.push(follower);
        }
    }
    once
}

/// That so many follow.
pub(super) fn follow(number: usize) -> String {
    if number == 1 { "1 more follows".to_owned() } else { format!("{number} more follow") }
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

fn skips(out: &mut String, report: &Report, style: Style) -> std::fmt::Result {
    let mut reasons: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    // What follows from a violation is told under it.
    let told: BTreeSet<(&str, &str)> = report
        .verdicts
        .iter()
        .flat_map(|cause| cause.followed_by.iter().map(|follower| (cause.id.as_str(), follower.as_str())))
        .collect();
    let is_told = |verdict: &Verdict| {
        verdict
            .follows_from
            .as_ref()
            .is_some_and(|cause| told.contains(&(cause.as_str(), verdict.requirement.as_str())))
    };
    for verdict in report.verdicts.iter().filter(|verdict| verdict.verdict == Answer::Skipped && !is_told(verdict)) {
        *reasons.entry((verdict.service.as_str(), verdict.message.as_str())).or_default() += 1;
    }
    if reasons.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", style.paint(Colour::Bold, "skipped"))?;
    for ((service, reason), count) in reasons {
        writeln!(out, "  {count:>4}  {service}: {}", visible(reason))?;
    }
    Ok(())
}

fn observations(out: &mut String, report: &Report, style: Style) -> std::fmt::Result {
    let mut answers: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for observation in &report.observations {
        *answers.entry(&observation.question).or_default().entry(&observation.answer).or_default() += 1;
    }
    if answers.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", style.paint(Colour::Bold, "left open by the RFC, and what was seen"))?;
    for (question, answers) in answers {
        let shown: Vec<String> = answers
            .iter()
            .take(3)
            .map(|(answer, count)| format!("{} ({count})", visible(&shorter(answer, 100))))
            .collect();
        let more = if answers.len() > 3 { format!(" and {} more", answers.len() - 3) } else { String::new() };
        writeln!(out, "  {question}: {}{more}", shown.join("; "))?;
    }
    Ok(())
}

fn foot(out: &mut String, report: &Report, style: Style) -> std::fmt::Result {
    for trouble in &report.troubles {
        writeln!(out, "\n{} {}", style.paint(Colour::Red, "the suite failed:"), visible(trouble))?;
    }
    for stale in report.baseline.iter().flat_map(|baseline| &baseline.problems) {
        writeln!(out, "\n{} {}", style.paint(Colour::Red, "the baseline is out of date:"), visible(stale))?;
    }
    for left in &report.left_behind {
        writeln!(out, "left behind: {}", visible(left))?;
    }
    match &report.evidence {
        Some(folder) => writeln!(out, "\nevidence  {}", visible(folder)),
        None if report.totals.fail + report.totals.warn + report.totals.error > 0 => {
            writeln!(out, "\nevidence was not kept; repeat with --evidence DIR to look into it")
        }
        None => Ok(()),
    }?;
    let verdict = match report.told() {
        0 if !known(report).is_empty() => style
            .paint(Colour::Yellow, &format!("conformant to {} but for what is known{}", report.profile, known(report))),
        0 => style.paint(Colour::Green, &format!("conformant to {}", report.profile)),
        1 if report.totals.fail == report.baseline.as_ref().map_or(0, |baseline| baseline.known) => {
            style.paint(Colour::Red, "what fails is known, and the baseline is out of date")
        }
        1 => style.paint(Colour::Red, &format!("not conformant to {}", report.profile)),
        3 => style.paint(Colour::Red, "the suite or a service failed"),
        4 => style.paint(Colour::Yellow, "nothing was judged"),
        130 => style.paint(Colour::Yellow, "interrupted"),
        code => format!("ended with {code}"),
    };
    writeln!(out, "{verdict} (exit {})", report.exit_code)
}

fn cut(text: &str) -> String {
    shorter(text, LONGEST)
}

fn shorter(text: &str, longest: usize) -> String {
    let length = text.chars().count();
    if length <= longest {
        return text.to_owned();
    }
    let kept: String = text.chars().take(longest).collect();
    format!("{kept}… ({length} characters in all)")
}

/// The text with control characters and direction overrides written as escapes.
#[must_use]
pub fn visible(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            c if hidden(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}

#[derive(Clone, Copy)]
enum Colour {
    Red,
    Green,
    Yellow,
    Bold,
}

impl Style {
    fn paint(self, colour: Colour, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let code = match colour {
            Colour::Red => "31",
            Colour::Green => "32",
            Colour::Yellow => "33",
            Colour::Bold => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// One line on a profile, for `list profiles`.
#[must_use]
pub fn profile_line(profile: &Profile) -> String {
    format!("{:<22} {}", profile.name(), profile.summary())
}
