//! `JUnit` XML: one suite for each scenario. A failure of the exporter is `<failure>`, one of the suite `<error>`, what was
//! not judged `<skipped>`, and so is a known failure, with its reason, so that a server that reads this agrees with the
//! exit code; warnings and absent options pass and say so in `<system-out>`. What is not applicable is not a test case.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use judge::verdict::{Answer, Verdict};

use super::{
    Report,
    groups::{is_known, known_words},
    terminal::visible,
};

/// The report as `JUnit` XML. The whole and every scenario have a time, a case has none: verdicts are judged together.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = document(&mut out, report);
    out
}

fn document(out: &mut String, report: &Report) -> std::fmt::Result {
    let cases: Vec<&Verdict> =
        report.verdicts.iter().filter(|verdict| verdict.verdict != Answer::NotApplicable).collect();
    let mut suites: BTreeMap<&str, Vec<&Verdict>> = BTreeMap::new();
    for verdict in &cases {
        suites.entry(&verdict.scenario).or_default().push(verdict);
    }
    let all = Counts::of(&cases);
    writeln!(
        out,
        "<testsuites name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.3}\">",
        escaped(&report.profile),
        all.tests + report.troubles.len(),
        all.failures,
        all.errors + report.troubles.len(),
        all.skipped,
        report.seconds
    )?;
    for (scenario, verdicts) in suites {
        suite(out, report, scenario, &verdicts)?;
    }
    troubles(out, report)?;
    out.push_str("</testsuites>\n");
    Ok(())
}

/// How many cases of a suite came to what.
struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Counts {
    fn of(verdicts: &[&Verdict]) -> Self {
        let count = |is: fn(&Verdict) -> bool| verdicts.iter().filter(|verdict| is(verdict)).count();
        Self {
            tests: verdicts.len(),
            failures: count(|verdict| verdict.verdict == Answer::Fail && !is_known(verdict)),
            errors: count(|verdict| verdict.verdict == Answer::Error),
            skipped: count(|verdict| verdict.verdict == Answer::Skipped || is_known(verdict)),
        }
    }
}

fn suite(out: &mut String, report: &Report, scenario: &str, verdicts: &[&Verdict]) -> std::fmt::Result {
    let counts = Counts::of(verdicts);
    let took = report.scenario_milliseconds.get(scenario);
    let time = took.map_or_else(String::new, |took| format!(" time=\"{}.{:03}\"", took / 1000, took % 1000));
    writeln!(
        out,
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\"{time} timestamp=\"{}\">",
        escaped(scenario),
        counts.tests,
        counts.failures,
        counts.errors,
        counts.skipped,
        escaped(&report.started)
    )?;
    properties(out, report)?;
    verdicts.iter().try_for_each(|verdict| case(out, verdict))?;
    out.push_str("  </testsuite>\n");
    Ok(())
}

fn properties(out: &mut String, report: &Report) -> std::fmt::Result {
    let tool = format!("{} {}", report.tool.name, report.tool.version);
    let mut properties = vec![
        ("tool".to_owned(), tool),
        ("catalogue".to_owned(), report.tool.catalogue.clone()),
        ("profile".to_owned(), report.profile.clone()),
        ("platform-api".to_owned(), report.platform_api.clone()),
        ("exporter".to_owned(), report.exporter.name.clone()),
        ("exporter-sha256".to_owned(), report.exporter.sha256.clone()),
    ];
    properties.extend(report.left_out().map(|left_out| ("narrowed".to_owned(), left_out)));
    for service in report.services.iter().filter(|service| service.observed) {
        let value = format!("{} {}", service.kind, service.version);
        properties.push((format!("service-{}", service.name), value.trim_end().to_owned()));
    }
    out.push_str("    <properties>\n");
    for (name, value) in properties {
        writeln!(out, "      <property name=\"{}\" value=\"{}\"/>", escaped(&name), escaped(&value))?;
    }
    out.push_str("    </properties>\n");
    Ok(())
}

fn case(out: &mut String, verdict: &Verdict) -> std::fmt::Result {
    let class = format!("{}.{}", verdict.scenario, verdict.service);
    write!(out, "    <testcase classname=\"{}\" name=\"{}\"", escaped(&class), escaped(&verdict.requirement))?;
    let message = escaped(&verdict.message);
    match verdict.verdict {
        Answer::Pass | Answer::NotApplicable => return out.write_str("/>\n"),
        _ if is_known(verdict) => {
            let known = known_words(verdict).unwrap_or_default();
            write!(out, "><skipped type=\"known\" message=\"known: {}\"/>", escaped(&known))?;
        }
        Answer::Skipped => write!(out, "><skipped type=\"skipped\" message=\"{message}\"/>")?,
        Answer::Fail | Answer::Error => {
            let tag = if verdict.verdict == Answer::Fail { "failure" } else { "error" };
            let kind = verdict.level;
            write!(out, "><{tag} type=\"{kind}\" message=\"{message}\">{}</{tag}>", escaped(&details(verdict)))?;
        }
        Answer::Warn | Answer::Absent => {
            let text = format!("{}: {}\n{}", verdict.verdict, visible(&verdict.message), details(verdict));
            write!(out, "><system-out>{}</system-out>", escaped(&text))?;
        }
    }
    out.write_str("</testcase>\n")
}

fn details(verdict: &Verdict) -> String {
    let lines = [
        ("so too", &verdict.followed_by.join(", ")),
        ("expected", &verdict.expected),
        ("found", &verdict.found),
        ("evidence", &verdict.evidence),
        ("source", &verdict.source),
        ("repeat", &verdict.repeat),
    ];
    let shown = lines.into_iter().filter(|(_, value)| !value.is_empty());
    shown.fold(String::new(), |text, (name, value)| text + name + ": " + &visible(value) + "\n")
}

fn troubles(out: &mut String, report: &Report) -> std::fmt::Result {
    if report.troubles.is_empty() {
        return Ok(());
    }
    let count = report.troubles.len();
    writeln!(
        out,
        "  <testsuite name=\"the suite itself\" tests=\"{count}\" failures=\"0\" errors=\"{count}\" skipped=\"0\">"
    )?;
    for (number, trouble) in (1..).zip(&report.troubles) {
        let message = escaped(trouble);
        writeln!(
            out,
            "    <testcase classname=\"suite\" name=\"trouble {number}\"><error type=\"trouble\" message=\"{message}\"/></testcase>"
        )?;
    }
    out.write_str("  </testsuite>\n")
}

/// Markup as entities; XML 1.0 has no way to write most control characters, so that they are shown as escapes. Line
/// ends are kept in text that this file joins; in values they are shown before.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\u{fffe}' | '\u{ffff}' => out.extend(c.escape_unicode()),
            c => out.push_str(&visible(c.encode_utf8(&mut [0; 4]))),
        }
    }
    out
}
