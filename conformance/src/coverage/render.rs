//! The table as text, as JSON, and as the document `docs/coverage.md`.

use std::fmt::Write as _;

use judge::requirement::Requirement;
use judge::requirements;
use serde_json::{Value, json as object};
use strum::VariantArray as _;

use super::table::{Document, Keyword, Reason, Row, Table, Why};

const HEAD: &str = "# What the specifications ask, and what judges it

Generated from the code by `conformance list coverage --format markdown > docs/coverage.md`; a test fails when it is stale.
Every sentence with a keyword of RFC 2119 in the sections that were walked, and sentences without one that fix something of
the output (*states*), found by some of their words. `MUST` stands for SHALL and REQUIRED too, `SHOULD` for RECOMMENDED, `MAY`
for OPTIONAL. Each is judged by the requirements named ([requirements.md](requirements.md)), or it is told why it is not.
Where the documents are available (`SPECIFICATIONS=FOLDER`), a test walks them and fails on a sentence without a row.
";

/// What becomes of the sentences of one level: how many there are, and how many of them are judged.
fn counted(document: &Document, level: Keyword) -> (usize, usize) {
    let of_level: Vec<&Row> = rows(document).filter(|row| row.level == level).collect();
    (of_level.len(), of_level.iter().filter(|row| matches!(row.why, Why::By(_))).count())
}

fn rows(document: &Document) -> impl Iterator<Item = &Row> {
    document.sections.iter().flat_map(|section| &section.rows)
}

/// Lines for people: one for each sentence.
#[must_use]
pub fn text(table: &Table) -> String {
    let mut out = String::new();
    for document in &table.documents {
        for section in &document.sections {
            for row in &section.rows {
                let why = match &row.why {
                    Why::By(by) => by.join(", "),
                    Why::Because(reason) => format!("not judged: {}", reason.text()),
                };
                let (file, section, level) = (&document.file, &section.name, row.level.name());
                let _ = writeln!(out, "{file} | {section} | {level:<6} | {} | {why}", row.words);
            }
        }
    }
    out
}

/// An array of the sentences, each with `id`, which tells it apart.
#[must_use]
pub fn json(table: &Table) -> Value {
    let mut found = Vec::new();
    for document in &table.documents {
        for section in &document.sections {
            for row in &section.rows {
                let (by, because) = match &row.why {
                    Why::By(by) => (by.clone(), Value::Null),
                    Why::Because(reason) => (Vec::new(), reason.name().into()),
                };
                found.push(object!({
                    "id": format!("{}#{}: {}", document.file, section.name, row.words),
                    "file": document.file,
                    "section": section.name,
                    "words": row.words,
                    "level": row.level,
                    "requirements": by,
                    "not_judged": because,
                }));
            }
        }
    }
    found.into()
}

/// The document.
#[must_use]
pub fn markdown(table: &Table) -> String {
    let mut out = HEAD.to_owned();
    totals(&mut out, table);
    reasons(&mut out, table);
    for document in &table.documents {
        told(&mut out, document);
    }
    out.push_str(
        "\n## What no sentence asks\n\nRequirements that stand on no sentence above, and what they stand on.\n",
    );
    for own in &table.own {
        let _ = writeln!(out, "\n{}:\n", own.because);
        for id in &own.requirements {
            let source = requirements::named(id).map_or_else(String::new, source);
            let _ = writeln!(out, "- [`{id}`](requirements.md#{}){source}", anchor(id));
        }
    }
    out
}

fn source(requirement: &Requirement) -> String {
    format!(": {}, {}", requirement.source.file, requirement.source.section)
}

/// GitHub's anchor of a heading that is a slug.
fn anchor(id: &str) -> String {
    id.replace('.', "")
}

fn totals(out: &mut String, table: &Table) {
    out.push_str("\n| document | MUST | SHOULD | MAY | states | judged |\n|---|---|---|---|---|---|\n");
    let mut sums = [(0, 0); 4];
    for document in &table.documents {
        let counts = Keyword::ALL.map(|level| counted(document, level));
        for (sum, count) in sums.iter_mut().zip(counts) {
            *sum = (sum.0 + count.0, sum.1 + count.1);
        }
        line(out, &format!("`{}`", document.file), counts);
    }
    line(out, "all", sums);
    out.push_str("\nIn a cell: sentences judged of sentences there are.\n");
}

fn line(out: &mut String, name: &str, counts: [(usize, usize); 4]) {
    let cell = |(all, judged): (usize, usize)| if all == 0 { "–".to_owned() } else { format!("{judged} of {all}") };
    let sum = counts.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    let cells: Vec<String> = counts.into_iter().chain([sum]).map(cell).collect();
    let _ = writeln!(out, "| {name} | {} |", cells.join(" | "));
}

fn reasons(out: &mut String, table: &Table) {
    out.push_str("\n| not judged | sentences | sections | because |\n|---|---|---|---|\n");
    for &reason in Reason::VARIANTS {
        let is_it = |row: &&Row| matches!(row.why, Why::Because(found) if found == reason);
        let sentences = table.documents.iter().flat_map(rows).filter(is_it).count();
        let aside = table.documents.iter().flat_map(|document| &document.set_aside);
        let sections = aside.filter(|aside| aside.because == reason).count();
        let _ = writeln!(out, "| {} | {sentences} | {sections} | {} |", reason.name(), reason.text());
    }
}

fn told(out: &mut String, document: &Document) {
    let _ = writeln!(out, "\n## {}", document.file);
    for section in &document.sections {
        let name = if section.name.is_empty() { "before all headings" } else { &section.name };
        let _ = writeln!(
            out,
            "\n### {}: {name}\n\n| level | words of the sentence | judged by |\n|---|---|---|",
            document.file
        );
        for row in &section.rows {
            let why = match &row.why {
                Why::By(by) => by.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", "),
                Why::Because(reason) => format!("*{}*", reason.name()),
            };
            let _ = writeln!(out, "| {} | {} | {why} |", row.level.name(), row.words);
        }
    }
    if !document.set_aside.is_empty() {
        out.push_str("\nSections set aside as a whole:\n\n");
    }
    for aside in &document.set_aside {
        let alone = if aside.only { ", without those below it" } else { "" };
        let _ = writeln!(out, "- {}{alone}: {}", aside.section, aside.because.text());
    }
}
