//! An exporter's page: the answer for each profile, what to fix first, and what was run.

use super::html::{Html, el, link, said, table};
use super::{Site, badge, overview, picture, requirement_link, slug_of};
use judge::verdict::Verdict;

use crate::report::Report;
use crate::report::differences::between;
use crate::report::groups::{Group, Tally, Weight, groups};
use crate::report::terminal::{counted, shorter};

/// Longest value that is shown, in characters.
const LONGEST: usize = 600;
/// Ways in which one requirement is violated that are shown.
const WAYS: usize = 8;
/// Scenarios that are named of a group.
const NAMED: usize = 6;

pub(super) fn page(site: &Site<'_>, at: usize) -> Vec<Html> {
    let (report, slug) = (&site.sources[at].report, &site.slugs[at]);
    let mut body = vec![
        said("p", &format!("Requirements: {}.", Tally::of(report).words())),
        profiles(report),
        said("h2", "What to fix first"),
    ];
    body.extend(fix(report));
    body.push(said("h2", "Themes"));
    let bars = overview::by_theme(report).into_iter().map(|(theme, counts)| {
        let [pass, warn, fail] = counts;
        let name = link(&format!("../requirements.html#{theme}"), theme);
        vec![
            name,
            picture::bar(counts),
            said("span", &pass.to_string()),
            said("span", &warn.to_string()),
            said("span", &fail.to_string()),
        ]
    });
    body.push(picture::legend());
    body.push(table("Verdicts by theme", &["theme", "share", "pass", "warn", "fail"], bars.collect()));
    body.push(said("h2", "Differences that nothing permits"));
    body.push(unexpected(report));
    body.push(said("h2", "What was run"));
    body.push(facts(report));
    body.push(said("h2", "Badges"));
    body.extend(badges(report, slug));
    body
}

fn profiles(report: &Report) -> Html {
    let rows = report.headlines.iter().map(|one| {
        let name = if one.profile == report.profile {
            format!("{} (decided the run)", one.profile)
        } else {
            one.profile.clone()
        };
        let part = if badge::is_narrowed(report) { " (part of the suite)" } else { "" };
        vec![said("span", &name), said("span", &format!("{}{part}", one.text))]
    });
    table("Answers by profile", &["profile", "answer"], rows.collect())
}

fn fix(report: &Report) -> Vec<Html> {
    let found = groups(report);
    if found.is_empty() {
        return vec![said("p", "Nothing: no requirement was seen violated in what was run.")];
    }
    let titles = [
        (Weight::Broken, "Fails, what explains most first"),
        (Weight::Undecided, "Errors of the suite or of a service, which are not the exporter's"),
        (Weight::Doubtful, "Warnings"),
        (Weight::Known, "Known failures"),
    ];
    let mut body = Vec::new();
    for (weight, title) in titles {
        let of: Vec<&Group<'_>> = found.iter().filter(|group| group.weight == weight).collect();
        if !of.is_empty() {
            // As the answer above counts them: each requirement once.
            let all = of.iter().map(|group| 1 + group.likewise.len()).sum();
            body.push(said("h3", &format!("{title} ({})", counted(all, "requirement"))));
            body.push(el("ol").at("class", "causes").all(of.into_iter().map(cause)).into());
        }
    }
    body
}

fn cause(group: &Group<'_>) -> Html {
    let first = group.first();
    let ways = group.alike();
    let (why, fix) = group.advice();
    let mut told = Vec::new();
    if ways.len() == 1 {
        told.push(("in", cases(&group.verdicts)));
    }
    told.extend([("likewise", group.likewise.join(", ")), ("explains", group.explained()), ("fix", fix.to_owned())]);
    let about = [("why", why.to_owned()), ("known", group.known()), ("so too", group.followers.join(", "))];
    let title = el("p").with(requirement_link("../", &first.requirement)).text(&format!(
        " {}: {}",
        group.level(),
        first.message
    ));
    let mut item = el("li").with(title).with(list(&told));
    if ways.len() > 1 {
        let more = ways.len().saturating_sub(WAYS);
        let told = if more == 0 { String::new() } else { format!(", of which {WAYS} are shown") };
        item = item.with(said("p", &format!("It is violated in {} ways{told}:", ways.len())));
        let shown = ways.iter().take(WAYS).filter_map(|verdicts| verdicts.first().map(|one| way(one, verdicts, first)));
        item = item.with(el("ol").at("class", "ways").all(shown));
        return item.with(list(&about)).into();
    }
    item.with(folded(first, &about)).into()
}

/// One of several ways in which a requirement is violated.
fn way(one: &Verdict, verdicts: &[&Verdict], first: &Verdict) -> Html {
    // What is said above is not said again.
    let says = if one.message == first.message { String::new() } else { one.message.clone() };
    let told = [("says", says), ("in", cases(verdicts)), ("found", shorter(&one.found, LONGEST))];
    el("li").with(list(&told)).with(folded(one, &[])).into()
}

/// What was expected and found of a verdict, and how to see it again, folded.
fn folded(first: &Verdict, about: &[(&str, String)]) -> Html {
    let mut rows = vec![
        ("expected", shorter(&first.expected, LONGEST)),
        ("found", shorter(&first.found, LONGEST)),
        ("source", first.source.clone()),
        ("repeat", first.repeat.clone()),
    ];
    rows.splice(2..2, about.iter().cloned());
    el("details").with(said("summary", "Expected, found, source, how to repeat it")).with(list(&rows)).into()
}

/// How many cases there are, and in which scenarios.
fn cases(verdicts: &[&Verdict]) -> String {
    let mut scenarios: Vec<&str> = verdicts.iter().map(|verdict| verdict.scenario.as_str()).collect();
    scenarios.dedup();
    let more = scenarios.len().saturating_sub(NAMED);
    let mut named = scenarios[..scenarios.len().min(NAMED)].join(", ");
    if more > 0 {
        named = format!("{named} and {more} more");
    }
    format!("{}: {named}", counted(verdicts.len(), "case"))
}

/// Names and values; an empty value is left out.
fn list(rows: &[(&str, String)]) -> Html {
    let rows = rows.iter().filter(|(_, value)| !value.is_empty()).flat_map(|(name, value)| {
        let words: Html = if *name == "repeat" { said("code", value) } else { said("span", value) };
        [said("dt", name), el("dd").with(words).into()]
    });
    el("dl").all(rows).into()
}

fn unexpected(report: &Report) -> Html {
    let pairs = between(&report.differences);
    let rows: Vec<Vec<Html>> = pairs
        .iter()
        .flat_map(|pair| {
            pair.unexpected.iter().map(|(field, scenarios)| {
                let between = format!("{} ↔ {}", pair.left, pair.right);
                vec![said("code", field), said("span", &between), said("span", &scenarios.len().to_string())]
            })
        })
        .collect();
    match (report.differences.is_empty(), rows.is_empty()) {
        (true, _) => said("p", "No build was seen at two places."),
        (_, true) => said("p", "None."),
        _ => table("Fields that differ between two places of one build", &["field", "between", "scenarios"], rows),
    }
}

fn facts(report: &Report) -> Html {
    let services = report.services.iter().map(|service| {
        let seen = if service.observed { String::new() } else { format!(", not observed: {}", service.note) };
        format!("{} ({}{seen})", service.name, format!("{} {}", service.kind, service.version).trim_end())
    });
    let part = if badge::is_narrowed(report) { "a part of the suite" } else { "all of the suite" };
    let rows = [
        ("Exporter", format!("{} {}", report.exporter.name, report.exporter.sha256)),
        ("Platform API", report.platform_api.clone()),
        ("When", report.started.clone()),
        (
            "What",
            format!(
                "{part}: {}, {}, {}",
                counted(report.scenarios.len(), "scenario"),
                counted(report.exports, "export"),
                counted(report.verdicts.len(), "verdict")
            ),
        ),
        ("Services", services.collect::<Vec<_>>().join("; ")),
        ("Judged by", format!("{} {}, catalogue {}", report.tool.name, report.tool.version, report.tool.catalogue)),
        ("The suite's troubles", report.troubles.join("; ")),
    ];
    list(&rows)
}

fn badges(report: &Report, slug: &str) -> Vec<Html> {
    let told = "For a README: the picture, or the JSON for the endpoint badge of shields.io.";
    let rows = report.headlines.iter().map(|one| {
        let badge = badge::badge(report, one);
        let file = format!("../badges/{slug}/{}", slug_of(&one.profile));
        let picture =
            el("img").at("src", format!("{file}.svg")).at("alt", format!("{}: {}", badge.label, badge.message));
        vec![
            said("span", &one.profile),
            picture.into(),
            link(&format!("{file}.svg"), "SVG"),
            link(&format!("{file}.json"), "JSON"),
        ]
    });
    vec![said("p", told), table("Badges by profile", &["profile", "badge", "picture", "endpoint"], rows.collect())]
}
