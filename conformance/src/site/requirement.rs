//! Requirements: a list by theme, and a page for each with what it asks, which exporters pass and which faults it
//! caught.

use std::collections::BTreeMap;

use judge::profile::Profile;
use judge::requirement::Requirement;
use judge::requirements;

use super::html::{Html, el, link, said, table};
use super::{Site, picture};
use crate::catalogue::theme_title;
use crate::figures::Judged;
use crate::report::groups::theme_of;

pub(super) fn index(site: &Site<'_>) -> Vec<Html> {
    let mut body = vec![said(
        "p",
        &format!(
            "{} requirements. A violated MUST fails, a violated SHOULD warns; a profile may raise a level.",
            requirements::all().count()
        ),
    )];
    let mut rows: Vec<&Requirement> = requirements::all().collect();
    while let Some(first) = rows.first() {
        let theme = theme(first);
        let (of, rest): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| self::theme(row) == theme);
        rows = rest;
        body.push(el("h2").at("id", theme).text(&format!("{theme}: {}", theme_title(theme).replace('`', ""))).into());
        let lines = of.iter().map(|row| {
            let mut line = vec![
                link(&format!("requirements/{}.html", row.id), row.id),
                said("span", row.level.name()),
                said("span", row.asks),
            ];
            line.extend(site.figures.exporters.iter().map(|of| standing(of.requirements.get(row.id).copied())));
            line
        });
        let mut heads = vec!["requirement", "level", "asks"];
        heads.extend(site.figures.exporters.iter().map(|of| of.name.as_str()));
        body.push(table(&format!("Requirements on {theme}"), &heads, lines.collect()));
    }
    body
}

fn theme(row: &Requirement) -> &'static str {
    theme_of(row.id)
}

fn standing(judged: Option<Judged>) -> Html {
    let (class, words) = match judged {
        None => ("soft", "not seen"),
        Some(judged) if judged.fail > 0 => ("bad", "fails"),
        Some(judged) if judged.warn > 0 => ("unsure", "warns"),
        Some(judged) if judged.pass == 0 => ("soft", "absent"),
        Some(_) => ("good", "holds"),
    };
    el("span").at("class", class).text(words).into()
}

pub(super) fn page(site: &Site<'_>, row: &Requirement) -> Vec<Html> {
    let targets: Vec<&str> = row.targets.iter().map(|target| target.name()).collect();
    let judged = if row.condition.is_empty() { "always" } else { row.condition };
    let levels: Vec<String> = Profile::BUILT_IN.iter().map(|profile| levels(profile, row)).collect();
    let rows = [
        ("Level", format!("{} on {}", row.level, targets.join(", "))),
        ("By profile", levels.join("; ")),
        ("Judged", judged.to_owned()),
        ("Source", row.source.to_string()),
        ("Why", row.why.to_owned()),
        ("A violation", row.violation.to_owned()),
        ("Fix", row.remedy.to_owned()),
        ("Try", format!("conformance run --exporter PATH --requirement {}", row.id)),
    ];
    let list = rows.iter().flat_map(|(name, value)| [said("dt", name), said("dd", value)]);
    let mut body = vec![el("p").at("class", "asks").text(row.asks).into(), el("dl").all(list).into()];
    body.push(said("h2", "Who passes"));
    body.push(picture::legend());
    body.push(who(site, row));
    body.push(said("h2", "Faults that it catches"));
    body.push(faults(site, row));
    body
}

fn levels(profile: &Profile, row: &Requirement) -> String {
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    for target in row.targets {
        let level = profile.level(row, *target).name();
        match found.iter_mut().find(|(same, _)| *same == level) {
            Some((_, on)) => on.push(target.name()),
            None => found.push((level, vec![target.name()])),
        }
    }
    let told: Vec<String> = match &found[..] {
        [(level, _)] => vec![(*level).to_owned()],
        several => several.iter().map(|(level, on)| format!("{level} on {}", on.join(" and "))).collect(),
    };
    format!("{} {}", profile.name(), told.join(", "))
}

fn who(site: &Site<'_>, row: &Requirement) -> Html {
    let rows = site.sources.iter().zip(&site.slugs).flat_map(|(source, slug)| {
        let report = &source.report;
        let mut services: BTreeMap<&str, Judged> = BTreeMap::new();
        for verdict in report.verdicts.iter().filter(|verdict| verdict.requirement == row.id) {
            services.entry(&verdict.service).or_default().see(verdict.verdict);
        }
        let line = move |(service, judged): (&str, Judged)| {
            let told =
                if judged.all() == 0 { "not seen".to_owned() } else { format!("{} of {}", judged.pass, judged.all()) };
            vec![
                link(&format!("../exporters/{slug}.html"), &report.exporter.name),
                said("span", service),
                picture::bar([judged.pass + judged.absent, judged.warn, judged.fail]),
                said("span", &told),
            ]
        };
        services.into_iter().map(line).collect::<Vec<_>>()
    });
    table("Cases by exporter and service", &["exporter", "service", "share", "holds in"], rows.collect())
}

fn faults(site: &Site<'_>, row: &Requirement) -> Html {
    let Some(faults) = site.faults else {
        return said(
            "p",
            "No self-test was given (conformance self-test --report json=FILE, then conformance site --self-test FILE).",
        );
    };
    let caught: Vec<Vec<Html>> = faults
        .caught_by(row.id)
        .map(|(name, what, where_)| vec![said("code", name), said("span", what), said("span", &where_)])
        .collect();
    if caught.is_empty() {
        return said("p", "None of the faults of the self-test that was given.");
    }
    table("Faults that this requirement caught", &["fault", "what it spoils", "on"], caught)
}
