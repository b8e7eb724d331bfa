//! The first page: who conforms, and four pictures.

use std::collections::BTreeMap;

use super::html::{Html, el, link, said, table};
use super::{Site, badge, picture};
use crate::catalogue::theme_title;
use crate::report::Report;
use crate::report::groups::{Tally, bar_of, theme_of};

pub(super) fn page(site: &Site<'_>) -> Vec<Html> {
    let mut body = vec![
        said(
            "p",
            "A buildpacks lifecycle's exporter makes the app image. A proposal wants that image to carry nine standard annotations. These pages show what \
             exporters do, judged by one catalogue of requirements, and what becomes of annotations on their way.",
        ),
        conforms(site),
        said("h2", "Exporters and themes"),
        said(
            "p",
            "Of the verdicts that judge something, how many pass, warn and fail. Bars are not links: open an exporter for its failures.",
        ),
        picture::legend(),
        themes(site),
    ];
    let figures: Vec<_> = site.figures.exporters.iter().collect();
    body.push(said("h2", "What survives in which store"));
    body.push(said("p", "Builds in which a place has the annotation that the registry's image has. A store that keeps no manifests has no place for one."));
    for of in &figures {
        match picture::survival(of) {
            Some(picture) => body.extend([said("h3", &of.name), picture]),
            // What was seen at two places and has no annotation of its own is not passed over.
            None if !of.annotates && !of.pairs.is_empty() => {
                let told = "It annotates nothing, though its inputs ask for it. ";
                let more = el("p")
                    .text(told)
                    .with(link("stores.html", "Stores"))
                    .text(" has what else of its images survives.");
                body.extend([said("h3", &of.name), more.into()]);
            }
            None => {}
        }
    }
    body.push(el("p").with(link("stores.html", "The figures, and what else survives")).into());
    body.push(said("h2", "How a digest travels"));
    body.push(said(
        "p",
        "From the registry export to the same build in each store, to what a daemon pushes, and to what it pulls back.",
    ));
    body.extend(figures.iter().filter_map(|of| shown(&of.name, picture::journey(of))).flatten());
    body.push(said("h2", "What it costs"));
    body.extend(cost(site));
    body
}

fn shown(name: &str, picture: Option<Html>) -> Option<[Html; 2]> {
    picture.map(|picture| [said("h3", name), picture])
}

fn conforms(site: &Site<'_>) -> Html {
    let rows = site.sources.iter().zip(&site.slugs).map(|(source, slug)| {
        let report = &source.report;
        let mut row = vec![link(&format!("exporters/{slug}.html"), &report.exporter.name)];
        row.extend(report.headlines.iter().filter(|one| is_built_in(&one.profile)).map(|one| {
            let badge = badge::badge(report, one);
            let class = match badge.colour {
                "brightgreen" => "good",
                "red" => "bad",
                _ => "unsure",
            };
            el("span").at("class", class).at("title", &one.text).text(&badge.message).into()
        }));
        row.push(said("span", &Tally::of(report).words()));
        row
    });
    table(
        "Who conforms, by profile",
        &["exporter", "core", "rfc-196", "buildpack-annotations", "strict", "requirements"],
        rows.collect(),
    )
}

fn is_built_in(profile: &str) -> bool {
    judge::profile::Profile::BUILT_IN.iter().any(|one| one.name() == profile)
}

/// What passes, warns and fails of each theme.
pub(super) fn by_theme(report: &Report) -> BTreeMap<&str, [usize; 3]> {
    let mut themes: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    for verdict in &report.verdicts {
        let Some(at) = bar_of(verdict.verdict) else { continue };
        let theme = theme_of(&verdict.requirement);
        themes.entry(theme).or_default()[at] += 1;
    }
    themes
}

fn themes(site: &Site<'_>) -> Html {
    let counted: Vec<_> = site.sources.iter().map(|source| by_theme(&source.report)).collect();
    let mut names: Vec<&str> = counted.iter().flat_map(BTreeMap::keys).copied().collect();
    names.sort_unstable();
    names.dedup();
    let rows = names.iter().map(|theme| {
        let title = theme_title(theme).replace('`', "");
        let head = el("span")
            .with(link(&format!("requirements.html#{theme}"), theme))
            .text(" ")
            .with(el("span").at("class", "soft").text(&title));
        let mut row = vec![Html::from(head)];
        row.extend(counted.iter().map(|themes| picture::counted_bar(themes.get(theme).copied().unwrap_or_default())));
        row
    });
    let mut heads = vec!["theme"];
    heads.extend(site.sources.iter().map(|source| source.report.exporter.name.as_str()));
    table("Verdicts by theme and exporter", &heads, rows.collect())
}

fn cost(site: &Site<'_>) -> Vec<Html> {
    let known: Vec<_> = site.figures.exporters.iter().filter(|of| of.cost.is_some()).collect();
    if known.is_empty() {
        return vec![said(
            "p",
            "Not known: only reports were given. Evidence shows it (conformance run --evidence DIR, then conformance site DIR).",
        )];
    }
    let mut body: Vec<Html> = Vec::new();
    for of in &known {
        if let Some(cost) = of.cost.as_ref().filter(|_| of.annotates) {
            let told = format!(
                "{}: annotations make a manifest {} bytes longer in the median of {} manifests, {} to {} by scenario. Nothing else grows.",
                of.name, cost.usual, cost.manifests, cost.least, cost.most
            );
            body.push(said("p", &told));
        }
    }
    body.push(said("p", "How long the median export takes, everything included. Runs on different machines and with different load are not to be compared."));
    body.extend(picture::times(&known));
    body
}
