//! `site`: static pages from any number of runs. No script and nothing from the network is needed to read them; every
//! exporter, requirement and open question has an address of its own that stays the same.

mod badge;
mod exporter;
mod faults;
mod folder;
mod html;
mod overview;
mod picture;
mod question;
mod requirement;
mod tables;

use std::collections::BTreeMap;

use judge::requirements;

pub use faults::{Faults, FaultsError};
pub use folder::{FolderError, check, write};

use crate::consumers::{self, ConsumersError};
use crate::figures::{Figures, Source};
use crate::questions::{QUESTIONS, Record};
use html::{Html, el, link, said};

/// Files by their path in the folder.
pub type Files = BTreeMap<String, String>;

/// All that pages are made of.
struct Site<'a> {
    sources: &'a [Source],
    figures: Figures,
    records: Vec<Record>,
    /// The folder's part of each source's address.
    slugs: Vec<String>,
    faults: Option<&'a Faults>,
}

/// Every file of the site of these runs; `faults` is what a self-test showed.
///
/// # Errors
/// [`ConsumersError`]: what is compiled in is malformed.
pub fn files(sources: &[Source], faults: Option<&Faults>) -> Result<Files, ConsumersError> {
    let site = Site {
        sources,
        figures: Figures::of(sources),
        records: sources.iter().map(|source| Record::of(&source.report)).collect(),
        slugs: slugs(sources.iter().map(|source| source.report.exporter.name.as_str())),
        faults,
    };
    let mut files = Files::new();
    files.insert("style.css".to_owned(), include_str!("style.css").to_owned());
    files.insert("index.html".to_owned(), page("", "Overview", overview::page(&site)));
    files.insert("requirements.html".to_owned(), page("", "Requirements", requirement::index(&site)));
    files.insert("questions.html".to_owned(), page("", "Open questions", question::index(&site)));
    files.insert("stores.html".to_owned(), page("", "Stores", tables::stores(&site)));
    files.insert("consumers.html".to_owned(), page("", "Consumers", tables::consumers(&consumers::table()?)));
    for (at, source) in sources.iter().enumerate() {
        let slug = &site.slugs[at];
        let name = &source.report.exporter.name;
        files.insert(format!("exporters/{slug}.html"), page("../", name, exporter::page(&site, at)));
        for headline in &source.report.headlines {
            let badge = badge::badge(&source.report, headline);
            let profile = slug_of(&headline.profile);
            files.insert(format!("badges/{slug}/{profile}.svg"), badge.svg());
            files.insert(format!("badges/{slug}/{profile}.json"), badge.endpoint());
        }
    }
    for row in requirements::all() {
        files.insert(format!("requirements/{}.html", row.id), page("../", row.id, requirement::page(&site, row)));
    }
    for question in QUESTIONS {
        let path = format!("questions/{}.html", slug_of(question.title));
        files.insert(path, page("../", &question.title.replace('`', ""), question::page(&site, question)));
    }
    Ok(files)
}

/// A page; `up` leads from its folder to the site's.
fn page(up: &str, title: &str, body: Vec<Html>) -> String {
    let places = [
        ("index.html", "Overview"),
        ("requirements.html", "Requirements"),
        ("questions.html", "Open questions"),
        ("stores.html", "Stores"),
        ("consumers.html", "Consumers"),
    ];
    let entry = |(file, name): (&str, &str)| {
        let here = if name == title { el("a").at("aria-current", "page") } else { el("a") };
        Html::from(el("li").with(here.at("href", format!("{up}{file}")).text(name)))
    };
    let head = el("head")
        .with(el("meta").at("charset", "utf-8"))
        .with(el("meta").at("name", "viewport").at("content", "width=device-width, initial-scale=1"))
        .with(el("title").text(&format!("{title} · OCI annotations of image exporters")))
        .with(el("link").at("rel", "icon").at("href", "data:,"))
        .with(el("link").at("rel", "stylesheet").at("href", format!("{up}style.css")));
    let list = el("ul").all(places.map(entry));
    let header = el("header").with(el("nav").at("aria-label", "Site").with(list));
    let main = el("main").at("id", "content").with(said("h1", title)).all(body);
    let told = format!(
        "Made by conformance {}, catalogue {}, from runs and stored evidence. A verdict is of the runs that its page names.",
        env!("CARGO_PKG_VERSION"),
        judge::CATALOGUE_VERSION
    );
    let body = el("body")
        .with(el("a").at("class", "skip").at("href", "#content").text("Skip to the content"))
        .with(header)
        .with(main)
        .with(el("footer").text(&told));
    let html = Html::from(el("html").at("lang", "en").with(head).with(body));
    format!("<!doctype html>\n{}\n", html.into_string())
}

/// A link to a requirement's page, where the catalogue has it: a report may be of another catalogue.
fn requirement_link(up: &str, slug: &str) -> Html {
    if requirements::named(slug).is_some() {
        link(&format!("{up}requirements/{slug}.html"), slug)
    } else {
        said("code", slug)
    }
}

/// The part of an address that a name becomes: small letters, digits, dots and hyphens.
fn slug_of(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() || (c == '.' && !slug.is_empty()) {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches(['-', '.']).to_owned();
    if slug.is_empty() { "exporter".to_owned() } else { slug }
}

/// One for each name, no two the same.
fn slugs<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for name in names {
        let slug = slug_of(name);
        let numbered = (2..).map(|number| format!("{slug}-{number}"));
        let free = std::iter::once(slug.clone()).chain(numbered).find(|one| !all.contains(one));
        all.push(free.unwrap_or(slug));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn is(path: &str, kind: &str) -> bool {
        std::path::Path::new(path).extension().is_some_and(|extension| extension == kind)
    }

    fn source(name: &str) -> Source {
        let mut report = sample::report();
        name.clone_into(&mut report.exporter.name);
        Source { report, cost: None }
    }

    #[test]
    fn names_become_addresses_that_stay_in_the_folder() {
        let names = ["../../x", "Lifecycle 0.21.14", "lifecycle_0.21.14", "<b>", "…", "..", "a.b"];
        let expected = ["x", "lifecycle-0.21.14", "lifecycle-0.21.14-2", "b", "exporter", "exporter-2", "a.b"];
        assert_eq!(slugs(names.into_iter()), expected);
    }

    #[test]
    fn every_link_of_every_page_leads_somewhere() {
        let files = files(&[source("one"), source("two")], None).unwrap();
        assert!(files.len() > requirements::all().count());
        for (path, text) in files.iter().filter(|(path, _)| is(path, "html")) {
            for attribute in [" href=\"", " src=\""] {
                for part in text.split(attribute).skip(1) {
                    let to = part.split('"').next().unwrap();
                    if to.starts_with('#') || to.starts_with("data:") {
                        continue;
                    }
                    let (to, _) = to.split_once('#').unwrap_or((to, ""));
                    let up = to.strip_prefix("../").map(str::to_owned);
                    let beside =
                        || path.rsplit_once('/').map_or_else(|| to.to_owned(), |(in_, _)| format!("{in_}/{to}"));
                    let target = up.unwrap_or_else(beside);
                    assert!(files.contains_key(&target), "{path}: {to}");
                }
            }
        }
    }

    #[test]
    fn hostile_text_stays_text_and_nothing_is_fetched_or_run() {
        let files = files(&[source("<img src=x onerror=alert(1)>")], None).unwrap();
        for (path, text) in &files {
            assert!(!text.contains("<script") && !text.contains("<img src=x") && !text.contains("<b>&"), "{path}");
            assert!(!text.contains("http://") || is(path, "svg"), "{path} names another host");
            assert!(!text.contains("src=\"http") && !text.contains("url("), "{path}");
            assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{path}");
        }
    }
}
