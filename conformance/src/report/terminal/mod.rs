//! The report that a person reads: the answer, a tally of requirements, then what to fix by cause, the most pressing
//! first. Text from images and exporters is shown with its control characters made visible, so that none of it can
//! steer the terminal.
//!
//! ```text
//! core      undecided on registry; daemon and layout not observed
//! rfc-196   not conformant on registry; daemon and layout not observed  ← decides
//!
//! failures, what explains most first
//!   FAIL  base.digest-present  MUST (core: OPTIONAL)  there is no digest
//!         in        minimal on registry
//!         repeat    conformance run --scenario minimal --requirement base.digest-present --target registry
//! ```

mod differences;
mod problems;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use judge::profile::Profile;
use judge::verdict::{Answer, Verdict};

use super::groups::{Tally, groups};
use super::{Report, headline::TargetAnswer};
use crate::exit::Exit;
use text::{NARROWEST, SMALL, options, unpainted};

pub(crate) use text::shorter;
pub use text::{visible, wrapped};

/// How much of the report is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Detail {
    /// The answer and the tally.
    Quiet,
    /// About a screen: the rest is counted.
    #[default]
    Normal,
    /// Everything.
    Verbose,
}

/// How the report is drawn.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style {
    /// Whether escape sequences for colour may be used.
    pub colour: bool,
    /// The columns to wrap at; none where lines are as long as they get, as in a file.
    pub width: Option<usize>,
    /// How much is shown.
    pub detail: Detail,
}

/// Longest value that is shown in full, in characters.
const LONGEST: usize = 400;
/// Reasons for skips that are shown where not everything is.
const REASONS: usize = 3;
/// Scenarios that are named as the slowest.
const SLOWEST: usize = 3;
/// Milliseconds from which a scenario is worth a word where not everything is shown.
const SLOW: u64 = 5_000;

/// The report as text.
#[must_use]
pub fn render(report: &Report, style: Style) -> String {
    let mut out = String::new();
    let _ = head(&mut out, report, style);
    if style.detail != Detail::Quiet {
        let _ = problems::show(&mut out, &groups(report), style);
        let _ = skips(&mut out, report, style);
        let _ = differences::show(&mut out, report, style);
        let _ = observations(&mut out, report, style);
        let _ = times(&mut out, report, style);
    }
    let _ = foot(&mut out, report, style);
    out
}

fn head(out: &mut String, report: &Report, style: Style) -> std::fmt::Result {
    if style.detail != Detail::Quiet {
        surroundings(out, report, style)?;
    }
    for headline in &report.headlines {
        let decides = if headline.profile == report.profile { "  ← decides" } else { "" };
        let colour = if headline.targets.values().any(|standing| *standing == TargetAnswer::NotConformant) {
            Colour::Red
        } else if headline.shown
            && report.exit_code != Exit::Interrupted
            && headline.targets.values().any(|standing| *standing == TargetAnswer::Conformant)
        {
            Colour::Green
        } else {
            Colour::Yellow
        };
        let name = format!("{:<22}", headline.profile);
        let text = format!("{}{decides}", visible(&headline.text));
        style.line(out, &style.paint(colour, &name), name.len(), &text)?;
    }
    let t = report.totals;
    writeln!(out)?;
    style.line(out, "requirements  ", 14, &Tally::of(report).words())?;
    let verdicts = format!(
        "pass {} · fail {}{} · warn {} · absent {} · n/a {} · skipped {} · error {}",
        t.pass,
        t.fail,
        known(report),
        t.warn,
        t.absent,
        t.not_applicable,
        t.skipped,
        t.error
    );
    style.line(out, "verdicts      ", 14, &verdicts)
}

/// What judged what, and where.
fn surroundings(out: &mut String, report: &Report, style: Style) -> std::fmt::Result {
    let tool = &report.tool;
    let first =
        format!("{} {} · catalogue {} · Platform API {}", tool.name, tool.version, tool.catalogue, report.platform_api);
    style.line(out, "", 0, &first)?;
    let exporter = &report.exporter;
    let short: String = exporter.sha256.chars().take(19).collect();
    let named = format!("{}  {}  {short}…", visible(&exporter.name), visible(&exporter.path));
    style.line(out, "exporter  ", 10, &named)?;
    for service in &report.services {
        let store = service.store.as_ref().map_or_else(String::new, |store| format!(", {store} store"));
        let version =
            if service.version.is_empty() { String::new() } else { format!(" {}", visible(&service.version)) };
        let note = if service.note.is_empty() { String::new() } else { format!(" ({})", visible(&service.note)) };
        style.line(out, "service   ", 10, &format!("{}: {}{version}{store}{note}", service.name, service.kind))?;
    }
    if let Some(reason) = &report.paths.reason {
        let text = format!("one after another in {}: {}", report.paths.build, visible(reason));
        style.line(out, "paths     ", 10, &text)?;
    }
    if let Some(reason) = &report.paths.exposed {
        let text = format!("exporters could see the suite's own files and processes: {}", visible(reason));
        style.line(out, "machine   ", 10, &text)?;
    }
    style.line(out, "", 0, &report.scale())?;
    if let Some(left_out) = report.left_out() {
        style.line(out, "", 0, &left_out)?;
    }
    writeln!(out)
}

fn known(report: &Report) -> String {
    match report.known() {
        0 => String::new(),
        known => format!(" ({known} known)"),
    }
}

/// So many of something, such as `1 scenario` or `2 scenarios`.
#[must_use]
pub fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
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
    let mut reasons: Vec<((&str, &str), usize)> = reasons.into_iter().collect();
    let shown = if style.detail == Detail::Verbose { reasons.len() } else { REASONS };
    if reasons.len() > shown {
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    }
    for ((service, reason), count) in reasons.iter().take(shown) {
        let text = format!("{service}: {}", visible(&shorter(reason, LONGEST)));
        style.line(out, &format!("  {count:>4}  "), 8, &text)?;
    }
    if reasons.len() > shown {
        let rest: usize = reasons[shown..].iter().map(|(_, count)| count).sum();
        let others = counted(reasons.len() - shown, "other reason");
        style.line(out, &format!("  {rest:>4}  "), 8, &format!("for {others}; --verbose shows them"))?;
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
    let heading = style.paint(Colour::Bold, "left open by the RFC, and what was seen");
    if style.detail != Detail::Verbose {
        writeln!(out)?;
        let text = format!("{}; --verbose shows them", counted(answers.len(), "answer"));
        return style.line(out, &format!("{heading}: "), 2, &text);
    }
    writeln!(out, "\n{heading}")?;
    for (question, answers) in answers {
        let shown: Vec<String> = answers
            .iter()
            .take(3)
            .map(|(answer, count)| format!("{} ({count})", visible(&shorter(answer, 100))))
            .collect();
        let more = if answers.len() > 3 { format!(" and {} more", answers.len() - 3) } else { String::new() };
        style.line(out, "  ", 4, &format!("{question}: {}{more}", shown.join("; ")))?;
    }
    Ok(())
}

/// How long scenarios took, the slowest first: all of them where everything is shown.
fn times(out: &mut String, report: &Report, style: Style) -> std::fmt::Result {
    let slow = report.scenario_milliseconds.values().any(|took| *took >= SLOW);
    if report.scenario_milliseconds.is_empty() || (style.detail != Detail::Verbose && !slow) {
        return Ok(());
    }
    let most = if style.detail == Detail::Verbose { usize::MAX } else { SLOWEST };
    let mut times: Vec<(&String, &u64)> = report.scenario_milliseconds.iter().collect();
    times.sort_by_key(|(_, took)| std::cmp::Reverse(**took));
    let shown: Vec<String> =
        times.iter().take(most).map(|(name, took)| format!("{name} {}.{:03} s", *took / 1000, *took % 1000)).collect();
    let heading = style.paint(Colour::Bold, "time of each scenario");
    if style.detail == Detail::Verbose {
        writeln!(out, "\n{heading}")?;
        return style.line(out, "  ", 2, &shown.join(", "));
    }
    writeln!(out)?;
    style.line(out, &format!("{heading}: "), 2, &format!("slowest {}", shown.join(", ")))
}

fn foot(out: &mut String, report: &Report, style: Style) -> std::fmt::Result {
    for trouble in &report.troubles {
        writeln!(out)?;
        style.line(out, &style.paint(Colour::Red, "the suite failed: "), 18, &visible(trouble))?;
    }
    for stale in report.baseline.iter().flat_map(|baseline| &baseline.problems) {
        writeln!(out)?;
        style.line(out, &style.paint(Colour::Red, "the baseline is out of date: "), 4, &visible(stale))?;
    }
    for left in &report.left_behind {
        style.line(out, "left behind: ", 4, &visible(left))?;
    }
    match &report.evidence {
        _ if style.detail == Detail::Quiet => Ok(()),
        Some(folder) => writeln!(out, "\nevidence  {}", visible(folder)),
        None if report.totals.fail + report.totals.warn + report.totals.error > 0 => {
            writeln!(out)?;
            style.line(out, "", 0, "evidence was not kept; repeat with --evidence DIR to look into it")
        }
        None => Ok(()),
    }?;
    let verdict = match report.told() {
        0 if report.known() == 0 && !report.is_quick() => style.paint(Colour::Green, &report.answer()),
        1 if report.totals.fail == report.known() => {
            style.paint(Colour::Red, "what fails is known, and the baseline is out of date")
        }
        1 | 3 => style.paint(Colour::Red, &report.answer()),
        0 | 4 | 130 => style.paint(Colour::Yellow, &report.answer()),
        _ => report.answer(),
    };
    writeln!(out, "{verdict} (exit {})", report.exit_code)
}

fn cut(text: &str) -> String {
    shorter(text, LONGEST)
}

#[derive(Clone, Copy)]
enum Colour {
    Red,
    Green,
    Yellow,
    Bold,
}

impl Style {
    /// `begin` and `text` as a line, wrapped where there is a width, with what follows indented by `hanging` columns.
    fn line(self, out: &mut String, begin: &str, hanging: usize, text: &str) -> std::fmt::Result {
        let Some(width) = self.width.filter(|width| *width >= NARROWEST) else {
            return writeln!(out, "{begin}{text}");
        };
        // A narrow terminal has no room for columns.
        let indent = " ".repeat(if width < hanging + NARROWEST { SMALL } else { hanging });
        // What is painted has no width: the first line is wrapped as if it began with as many blanks.
        let columns = console::measure_text_width(&unpainted(begin));
        let first = text.split_whitespace().next().map_or(0, console::measure_text_width);
        if columns + first > width && first + SMALL <= width && columns > SMALL {
            writeln!(out, "{}", begin.trim_end())?;
            return self.line(out, &" ".repeat(SMALL), SMALL, text);
        }
        let blank = " ".repeat(columns);
        let options = options(width, text, &indent).initial_indent(&blank);
        for (number, line) in textwrap::wrap(text, options).iter().enumerate() {
            let line =
                if number == 0 { format!("{begin}{}", &line[columns.min(line.len())..]) } else { line.to_string() };
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }

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
