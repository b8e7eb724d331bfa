//! The part of the page that needs no script: the answer, a picture of themes and services, and what fails by cause.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use judge::verdict::Verdict;

use super::super::Report;
use super::super::groups::{Group, Tally, Weight, bar_of, theme_of};
use super::super::terminal::{counted, shorter};
use super::escaped;

/// Longest value that is shown in full, in characters.
const LONGEST: usize = 2_000;
/// Width and height of a bar.
const BAR: (usize, usize) = (160, 12);

/// What each weight is called above its groups.
const WEIGHTS: [(Weight, &str); 4] = [
    (Weight::Broken, "What fails, what explains most first"),
    (Weight::Undecided, "Errors of the suite or of a service"),
    (Weight::Doubtful, "Warnings"),
    (Weight::Known, "Known failures"),
];

/// The answer, and what was run.
pub(super) fn overview(report: &Report) -> String {
    let class = match report.told() {
        0 if !report.is_quick() => "good",
        1 => "bad",
        _ => "unsure",
    };
    let mut out = format!(
        "<p class=\"answer {class}\">{}</p>\n<p class=\"tally\">Requirements: {}</p>\n<dl>\n<dt>Exporter</dt><dd>{} <code>{}</code></dd>\n",
        escaped(&report.answer()),
        escaped(&Tally::of(report).words()),
        escaped(&report.exporter.name),
        escaped(&report.exporter.sha256)
    );
    for (name, value) in rows(report) {
        let _ = writeln!(out, "<dt>{name}</dt><dd>{}</dd>", escaped(&value));
    }
    out += "</dl>\n<table class=\"profiles\"><caption>Profiles</caption><tbody>\n";
    for headline in &report.headlines {
        let decides = if headline.profile == report.profile { " <b>decides</b>" } else { "" };
        let (profile, text) = (escaped(&headline.profile), escaped(&headline.text));
        let _ = writeln!(out, "<tr><th scope=\"row\">{profile}{decides}</th><td>{text}</td></tr>");
    }
    out + "</tbody></table>\n" + &totals(report) + &picture(report)
}

fn rows(report: &Report) -> Vec<(&'static str, String)> {
    let services: Vec<String> = report
        .services
        .iter()
        .map(|service| {
            let unseen = if service.observed { "" } else { ", not observed" };
            format!("{} ({}{unseen})", service.name, format!("{} {}", service.kind, service.version).trim_end())
        })
        .collect();
    let tool = &report.tool;
    let mut rows = vec![
        ("Services", services.join(", ")),
        ("When", report.started.clone()),
        ("Scale", report.scale()),
        ("Platform API", report.platform_api.clone()),
        ("Judged by", format!("{} {}, catalogue {}", tool.name, tool.version, tool.catalogue)),
    ];
    rows.extend(report.left_out().map(|left_out| ("Narrowed", left_out)));
    rows.extend(report.evidence.iter().map(|folder| ("Evidence", folder.clone())));
    rows.extend(report.troubles.iter().map(|trouble| ("The suite failed", trouble.clone())));
    rows.extend(report.left_behind.iter().map(|left| ("Left behind", left.clone())));
    rows
}

fn totals(report: &Report) -> String {
    let t = report.totals;
    let counts = [
        ("pass", t.pass),
        ("fail", t.fail),
        ("warn", t.warn),
        ("absent", t.absent),
        ("n/a", t.not_applicable),
        ("skipped", t.skipped),
        ("error", t.error),
    ];
    let items = counts.iter().fold(String::new(), |items, (name, count)| {
        // What there is none of does not stand out.
        let class = if *count == 0 { "none".to_owned() } else { name.replace('/', "") };
        items + &format!("<li class=\"v-{class}\"><b>{count}</b> {name}</li>")
    });
    format!("<ul class=\"totals\" aria-label=\"Verdicts\">{items}</ul>\n")
}

/// One bar for each theme on each service: how many verdicts pass, warn and fail of those that were judged.
fn picture(report: &Report) -> String {
    let mut services: Vec<&str> = Vec::new();
    let mut themes: BTreeMap<&str, BTreeMap<&str, [usize; 3]>> = BTreeMap::new();
    for verdict in &report.verdicts {
        let Some(at) = bar_of(verdict.verdict) else { continue };
        if !services.contains(&verdict.service.as_str()) {
            services.push(&verdict.service);
        }
        let theme = theme_of(&verdict.requirement);
        themes.entry(theme).or_default().entry(&verdict.service).or_default()[at] += 1;
    }
    services.sort_unstable();
    let heads = services
        .iter()
        .fold(String::new(), |heads, service| heads + &format!("<th scope=\"col\">{}</th>", escaped(service)));
    let mut out = format!(
        "<div class=\"wide\"><table class=\"themes\"><caption>Themes and services: passed, warned, failed</caption><thead><tr><th scope=\"col\">theme</th>{heads}</tr></thead><tbody>\n"
    );
    for (theme, counts) in &themes {
        let _ = write!(out, "<tr><th scope=\"row\">{}</th>", escaped(theme));
        for service in &services {
            let cell =
                counts.get(service).map_or_else(|| "<span class=\"soft\">not judged</span>".to_owned(), |c| bar(*c));
            let _ = write!(out, "<td>{cell}</td>");
        }
        out.push_str("</tr>\n");
    }
    out + "</tbody></table></div>\n"
}

fn bar([pass, warn, fail]: [usize; 3]) -> String {
    let all = pass + warn + fail;
    let (width, height) = BAR;
    let mut rects = String::new();
    let mut at = 0;
    for (class, count) in [("b-pass", pass), ("b-warn", warn), ("b-fail", fail)] {
        if count == 0 {
            continue;
        }
        // What is there is seen, however little of the whole it is.
        let length = (count * width / all).max(3).min(width - at);
        let _ = write!(rects, "<rect class=\"{class}\" x=\"{at}\" y=\"0\" width=\"{length}\" height=\"{height}\"/>");
        at += length;
    }
    let told = [(pass, "passed"), (warn, "warned"), (fail, "failed")];
    let words: Vec<String> =
        told.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    let words = words.join(", ");
    format!(
        "<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"{words}\">{rects}</svg> <span class=\"soft\">{words}</span>"
    )
}

/// What fails, by cause.
pub(super) fn failures(groups: &[Group<'_>]) -> String {
    let mut out = String::new();
    for (weight, heading) in WEIGHTS {
        let of_it: Vec<&Group<'_>> = groups.iter().filter(|group| group.weight == weight).collect();
        if of_it.is_empty() {
            continue;
        }
        let _ = writeln!(out, "<section aria-label=\"{heading}\">\n<h2>{heading} ({})</h2>", of_it.len());
        for (number, group) in of_it.iter().enumerate() {
            let open = if number == 0 && weight == Weight::Broken { " open" } else { "" };
            details(&mut out, group, open);
        }
        out.push_str("</section>\n");
    }
    out
}

fn details(out: &mut String, group: &Group<'_>, open: &str) {
    let first = group.first();
    let word = if group.weight == Weight::Known { "known" } else { first.verdict.name() };
    let _ = writeln!(
        out,
        "<details class=\"group\"{open}><summary><span class=\"v-{word}\">{word}</span> <b>{}</b> <span class=\"soft\">{}, {}</span> {}</summary>\n<dl>",
        escaped(&first.requirement),
        group.level(),
        counted(group.verdicts.len(), "case"),
        escaped(&shorter(&first.message, LONGEST))
    );
    let (why, fix) = group.advice();
    for (name, value) in [
        ("In", &cases(&group.verdicts)),
        ("Expected", &first.expected),
        ("Found", &first.found),
        ("Likewise", &group.likewise.join(", ")),
        ("So too", &group.so_too()),
        ("Known", &group.known()),
        ("Why", &why.to_owned()),
        ("Fix", &fix.to_owned()),
        ("Evidence", &first.evidence),
        ("Source", &first.source),
        ("Repeat", &first.repeat),
    ] {
        if !value.is_empty() {
            let value = escaped(&shorter(value, LONGEST));
            let value = if matches!(name, "Expected" | "Found" | "Evidence" | "Repeat") {
                format!("<code>{value}</code>")
            } else {
                value
            };
            let _ = writeln!(out, "<dt>{name}</dt><dd>{value}</dd>");
        }
    }
    // Requirements are letters, digits, dots and dashes; what is not gets no address.
    let is_plain = first.requirement.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'));
    if is_plain {
        let _ = writeln!(out, "<dt>Verdicts</dt><dd><a href=\"#q={}\">all of it</a></dd>", first.requirement);
    }
    out.push_str("</dl></details>\n");
}

fn cases(verdicts: &[&Verdict]) -> String {
    const NAMED: usize = 12;
    let mut named: Vec<String> = Vec::new();
    for verdict in verdicts {
        let case = format!("{} on {}", verdict.scenario, verdict.service);
        if !named.contains(&case) {
            named.push(case);
        }
    }
    let more = named.len().saturating_sub(NAMED);
    named.truncate(NAMED);
    if more > 0 { format!("{} and {more} more", named.join(", ")) } else { named.join(", ") }
}
