//! The table against the catalogue, the document and, where they are available, the specifications.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use judge::requirement::Source;
use judge::requirements;
use strum::VariantArray as _;

use super::statements::{Statement, is_within, statements, words};
use super::*;

fn the_table() -> Table {
    table().unwrap()
}

fn judged(table: &Table) -> BTreeSet<&str> {
    let rows = table.documents.iter().flat_map(|document| &document.sections).flat_map(|section| &section.rows);
    let named = rows.filter_map(|row| match &row.why {
        Why::By(by) => Some(by.iter().map(String::as_str)),
        Why::Because(_) => None,
    });
    named.flatten().collect()
}

#[test]
fn rows_name_requirements_that_there_are() {
    let table = the_table();
    let own = table.own.iter().flat_map(|own| own.requirements.iter().map(String::as_str));
    let unknown: Vec<&str> =
        judged(&table).into_iter().chain(own).filter(|id| requirements::named(id).is_none()).collect();
    assert!(unknown.is_empty(), "no such requirements: {unknown:?}");
    for document in &table.documents {
        for row in document.sections.iter().flat_map(|section| &section.rows) {
            assert!((1..=8).contains(&words(&row.words).len()), "{}: {}", document.file, row.words);
            assert!(!matches!(&row.why, Why::By(by) if by.is_empty()), "{}: {}", document.file, row.words);
        }
    }
}

#[test]
fn every_requirement_stands_on_a_sentence_or_is_the_suites_own() {
    let table = the_table();
    let rows = judged(&table);
    let own: Vec<&str> = table.own.iter().flat_map(|own| own.requirements.iter().map(String::as_str)).collect();
    let doubled: Vec<&&str> = own.iter().filter(|id| rows.contains(**id)).collect();
    assert!(doubled.is_empty(), "in rows and in own.toml: {doubled:?}");
    let missing: Vec<&str> =
        requirements::all().map(|row| row.id).filter(|id| !rows.contains(id) && !own.contains(id)).collect();
    assert!(missing.is_empty(), "in no row, and not in own.toml: {missing:?}");
    // What cites a document that was walked has a sentence in it, unless own.toml says what it stands on.
    assert!(table.own.iter().all(|own| own.because.len() > 10));
}

#[test]
fn the_document_of_the_coverage_is_that_of_the_code() {
    let written = include_str!("../../../docs/coverage.md");
    assert!(
        markdown(&the_table()) == written,
        "docs/coverage.md is stale; renew it: cargo run -p conformance -- list coverage --format markdown \
         > docs/coverage.md"
    );
}

#[test]
fn lists_have_every_sentence_and_every_reason() {
    let table = the_table();
    let (lines, entries) = (text(&table), json(&table));
    let entries = entries.as_array().unwrap();
    assert_eq!(lines.lines().count(), entries.len());
    let ids: BTreeSet<&str> = entries.iter().map(|entry| entry["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), entries.len(), "a sentence is there twice");
    for &reason in Reason::VARIANTS {
        let rows = entries.iter().any(|entry| entry["not_judged"] == reason.name());
        let aside = table.documents.iter().flat_map(|document| &document.set_aside).any(|one| one.because == reason);
        assert!(rows || aside, "{reason:?} is the reason of nothing");
        assert_eq!(serde_json::to_value(reason).unwrap(), reason.name());
    }
}

/// The folder with the specifications; none where there is none.
fn specifications() -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/specs");
    let folder = std::env::var_os("SPECIFICATIONS").map_or_else(beside, PathBuf::from);
    let found = folder.is_dir().then_some(folder);
    if found.is_none() {
        eprintln!("skipped: no specifications available (SPECIFICATIONS=FOLDER)");
    }
    found
}

/// How far down the headings a section lies: its name is the last of them, after some of those above it.
fn depth(name: &str, path: &[String]) -> Option<usize> {
    if name.is_empty() {
        return path.is_empty().then_some(0);
    }
    (0..path.len()).find(|at| names(name, &path[..=*at]))
}

/// Whether `A, B` names the section with these headings: B is the last one, and A is above it.
fn names(name: &str, path: &[String]) -> bool {
    let Some((last, above)) = path.split_last() else { return name.is_empty() };
    let Some(before) = name.strip_suffix(last.as_str()) else { return false };
    let parts: Vec<&str> = before.split(", ").filter(|part| !part.is_empty()).collect();
    (before.is_empty() || before.ends_with(", ")) && is_within(&parts, above)
}

/// What is wrong between a document's table and its text.
fn complaints(document: &Document, found: &[Statement]) -> Vec<String> {
    let file = &document.file;
    let mut complaints = Vec::new();
    let mut covered: BTreeSet<usize> = BTreeSet::new();
    for section in &document.sections {
        let all = (0..found.len()).filter(|at| names(&section.name, &found[*at].path));
        let outermost = all.clone().map(|at| found[at].path.len()).min();
        let here: Vec<usize> = all.filter(|at| Some(found[*at].path.len()) == outermost).collect();
        let paths: BTreeSet<&Vec<String>> = here.iter().map(|at| &found[*at].path).collect();
        if paths.len() != 1 {
            complaints.push(format!("{file}: '{}' names {} sections", section.name, paths.len()));
        }
        for row in &section.rows {
            let wanted = words(&row.words);
            let with: Vec<usize> = here.iter().copied().filter(|at| is_within(&wanted, &found[*at].words)).collect();
            let shortest = with.iter().map(|at| found[*at].words.len()).min();
            let meant: Vec<usize> = with.into_iter().filter(|at| Some(found[*at].words.len()) == shortest).collect();
            let texts: BTreeSet<&Vec<String>> = meant.iter().map(|at| &found[*at].words).collect();
            if texts.len() != 1 {
                complaints.push(format!("{file}, {}: '{}' finds {} sentences", section.name, row.words, texts.len()));
            }
            if let Some(at) = meant.first().filter(|at| found[**at].level() != row.level) {
                complaints.push(format!("{file}, {}: '{}' is {:?}", section.name, row.words, found[*at].level()));
            }
            if meant.iter().any(|at| !covered.insert(*at)) {
                complaints.push(format!("{file}, {}: '{}' is a second row", section.name, row.words));
            }
        }
    }
    for (at, statement) in found.iter().enumerate() {
        let is_aside = document.set_aside.iter().any(|aside| match depth(&aside.section, &statement.path) {
            Some(depth) => !aside.only || depth + 1 == statement.path.len(),
            None => false,
        });
        if statement.level() != Keyword::States && is_aside == covered.contains(&at) {
            let what = if is_aside { "has a row in a section set aside" } else { "has no row" };
            complaints.push(format!("{file}, {}: {what}: {}", statement.path.join(" > "), statement.text));
        }
    }
    for aside in &document.set_aside {
        if !found.iter().any(|statement| depth(&aside.section, &statement.path).is_some()) {
            complaints.push(format!("{file}: there is no section '{}'", aside.section));
        }
    }
    complaints
}

#[test]
fn every_sentence_with_a_keyword_has_a_row_and_every_row_a_sentence() {
    let Some(folder) = specifications() else { return };
    let (table, mut wrong, mut walked) = (the_table(), Vec::new(), 0);
    let mut files: BTreeSet<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.strip_suffix(".md").is_some_and(|stem| stem != "README"))
        .collect();
    for document in &table.documents {
        let found = statements(&std::fs::read_to_string(folder.join(&document.file)).unwrap());
        walked += found.iter().filter(|one| one.level() != Keyword::States).count();
        wrong.extend(complaints(document, &found));
        files.remove(&document.file);
    }
    assert!(wrong.is_empty(), "{} complaints:\n{}", wrong.len(), wrong.join("\n"));
    assert!(files.is_empty(), "documents that nothing walks: {files:?}");
    assert!(walked > 900, "{walked} sentences with a keyword");
}

#[test]
fn a_row_that_is_taken_away_is_missed() {
    let Some(folder) = specifications() else { return };
    for mut document in the_table().documents {
        let found = statements(&std::fs::read_to_string(folder.join(&document.file)).unwrap());
        for section in 0..document.sections.len() {
            for row in 0..document.sections[section].rows.len() {
                let taken = document.sections[section].rows.remove(row);
                let is_missed = !complaints(&document, &found).is_empty();
                assert_eq!(is_missed, taken.level != Keyword::States, "{}: {}", document.file, taken.words);
                document.sections[section].rows.insert(row, taken);
            }
        }
    }
}

#[test]
fn sentences_are_found_in_any_form_of_markdown() {
    let text = "# A\n\nOne MUST be. Two, e.g. `x`, SHOULD\nbe!\n\n```\nMUST not count\n```\n## `b.toml` (TOML)\n\n\
        - **three** MAY be\n  - four\n    is REQUIRED\n| five | MUST NOT |\n> six MAY NOT be\n1. seven\n";
    let found = statements(text);
    let shown: Vec<(usize, &str, Keyword)> =
        found.iter().map(|one| (one.path.len(), one.text.as_str(), one.level())).collect();
    assert_eq!(
        shown,
        [
            (1, "One MUST be.", Keyword::Must),
            (1, "Two, e.g. x, SHOULD be!", Keyword::Should),
            (2, "- three MAY be", Keyword::May),
            (2, "- four is REQUIRED", Keyword::Must),
            (2, "| five | MUST NOT |", Keyword::Must),
            (2, "> six MAY NOT be", Keyword::Should),
            (2, "1.", Keyword::States),
            (2, "seven", Keyword::States),
        ]
    );
    assert_eq!(found[2].path, ["A", "b.toml"]);
}

/// Whether a citation names a section of the document, or a section and words of it.
fn is_there(section: &str, found: &[Statement]) -> bool {
    let mut texts: BTreeMap<&Vec<String>, Vec<String>> = BTreeMap::new();
    for statement in found {
        texts.entry(&statement.path).or_default().extend(statement.words.iter().cloned());
    }
    let is_section = |name: &str| found.iter().any(|one| depth(name, &one.path).is_some());
    if is_section(section) {
        return true;
    }
    section.match_indices(", ").any(|(at, _)| {
        let (name, rest) = (&section[..at], words(&section[at + 2..]));
        is_section(name)
            && texts
                .iter()
                .any(|(path, text)| depth(name, path).is_some() && rest.iter().all(|word| text.contains(word)))
    })
}

#[test]
fn sections_that_requirements_cite_are_in_their_documents() {
    let Some(folder) = specifications() else { return };
    let mut documents: BTreeMap<&str, Option<Vec<Statement>>> = BTreeMap::new();
    let mut wrong = BTreeSet::new();
    for row in requirements::all().filter(|row| row.source.file != Source::own("").file) {
        let file = row.source.file;
        let found = documents.entry(file).or_insert_with(|| {
            let text = std::fs::read_to_string(folder.join(file)).ok();
            text.map(|text| statements(&text))
        });
        match found {
            None => drop(wrong.insert(format!("{}: there is no {file}", row.id))),
            // A page of a discussion has no headings.
            Some(_) if file.strip_suffix(".txt").is_some() => {}
            Some(found) if is_there(row.source.section, found) => {}
            Some(_) => drop(wrong.insert(format!("{}: {file} has no section '{}'", row.id, row.source.section))),
        }
    }
    assert!(wrong.is_empty(), "{} complaints:\n{}", wrong.len(), wrong.into_iter().collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_requirement_has_a_sentence_in_the_document_that_it_cites() {
    let table = the_table();
    let is_walked = |row: &judge::requirement::Requirement| {
        let document = table.documents.iter().find(|document| document.file == row.source.file);
        document.is_none_or(|document| {
            let rows = document.sections.iter().flat_map(|section| &section.rows);
            rows.into_iter().any(|one| matches!(&one.why, Why::By(by) if by.iter().any(|id| id == row.id)))
        })
    };
    let own: Vec<&String> = table.own.iter().flat_map(|own| &own.requirements).collect();
    let wrong: Vec<String> = requirements::all()
        .filter(|row| !own.iter().any(|id| *id == row.id) && !is_walked(row))
        .map(|row| format!("{}: no row of {} names it", row.id, row.source.file))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
