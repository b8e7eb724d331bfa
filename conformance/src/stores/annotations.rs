//! What becomes of each of the RFC's annotations in each store, counted over all builds, and why.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use judge::difference::{Comparison, Relation, Side, Stage};
use judge::observation::{ANNOTATES, NOTHING};
use judge::view::{PREFIX, RFC_KEYS};

use crate::prose::wrapped;
use crate::questions::cell;
use crate::record::is_daemon;
use crate::report::Report;
use crate::report::differences::Between;

const FIELD: &str = "manifest.annotations/";

/// What became of annotations between two places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Fate<'a> {
    kept: usize,
    changed: usize,
    left_out: usize,
    added: usize,
    /// The classes that permit what differs; empty for what none permits.
    classes: BTreeSet<&'a str>,
}

impl<'a> Fate<'a> {
    fn all(&self) -> usize {
        self.kept + self.changed + self.left_out
    }

    /// Adds what a comparison shows of one annotation.
    fn see(&mut self, comparison: &'a Comparison, field: &str) {
        if comparison.identical.iter().any(|same| same == field) {
            self.kept += 1;
        }
        let Some(difference) = comparison.differences.iter().find(|one| one.field == field) else { return };
        match (difference.left.is_empty(), difference.right.is_empty()) {
            (false, true) => self.left_out += 1,
            (true, false) => self.added += 1,
            _ => self.changed += 1,
        }
        let is_expected = difference.relation == Relation::Expected;
        self.classes.insert(if is_expected { &difference.class } else { "" });
    }
}

/// Of all annotations that one side has, how many the other has too.
pub(super) fn aspect(compared: &[&Comparison]) -> String {
    let mut fate = Fate::default();
    for comparison in compared {
        for field in fields(comparison) {
            fate.see(comparison, field);
        }
    }
    match (fate.kept, fate.all() + fate.added) {
        (_, 0) => "none there".to_owned(),
        (kept, all) if kept == all => "kept".to_owned(),
        (0, all) => format!("none of {all} kept"),
        (kept, all) => format!("{kept} of {all} kept"),
    }
}

fn fields(comparison: &Comparison) -> BTreeSet<&str> {
    let differing = comparison.differences.iter().map(|one| one.field.as_str());
    let all = comparison.identical.iter().map(String::as_str).chain(differing);
    all.filter(|field| field.starts_with(FIELD)).collect()
}

/// Whether the report's exporter annotates nothing, by what was observed.
pub(crate) fn annotates_nothing(report: &Report) -> bool {
    report.observations.iter().any(|seen| seen.question == ANNOTATES && seen.answer == NOTHING)
}

/// Of each of the nine annotations that the registry export has: how many a place has as well, of how many.
pub(crate) fn kept_of(report: &Report, place: &Side) -> Vec<(&'static str, usize, usize)> {
    let fates = nine(report, place);
    let of = |name: &&'static str| {
        (*name, fates.get(name).map_or(0, |fate| fate.kept), fates.get(name).map_or(0, Fate::all))
    };
    RFC_KEYS.iter().map(of).collect()
}

/// The fates of the nine annotations at a place, as the registry export has them.
fn nine<'a>(report: &'a Report, place: &Side) -> BTreeMap<&'static str, Fate<'a>> {
    let mut found: BTreeMap<&'static str, Fate<'a>> = BTreeMap::new();
    for comparison in report.differences.iter().filter(|one| one.left.is_registry() && one.right == *place) {
        for name in RFC_KEYS {
            found.entry(name).or_default().see(comparison, &format!("{FIELD}{PREFIX}{name}"));
        }
    }
    found
}

/// One sentence for each exporter that annotates: whether an image in a daemon can be annotated, with figures.
pub(super) fn answer(out: &mut String, reports: &[Report]) -> std::fmt::Result {
    for report in reports.iter().filter(|report| !annotates_nothing(report)) {
        let is_daemon = |side: &Side| side.stage == Stage::Stored && is_daemon(&side.service);
        let daemons: BTreeSet<&Side> = report
            .differences
            .iter()
            .filter(|one| one.left.is_registry() && is_daemon(&one.right))
            .map(|one| &one.right)
            .collect();
        let told: Vec<String> = daemons.iter().filter_map(|place| figures(place, &nine(report, place))).collect();
        if !told.is_empty() {
            let keeps = daemons.iter().any(|place| nine(report, place).values().any(|fate| fate.kept > 0));
            let can = if keeps { "can be annotated where the store keeps manifests" } else { "was not seen annotated" };
            let name = cell(&report.exporter.name);
            let text = format!(
                "**An image in a daemon {can}.** Of the annotations that {name} writes for a registry, {}.",
                told.join("; ")
            );
            writeln!(out, "{}\n", wrapped(&text, ""))?;
        }
    }
    Ok(())
}

fn figures(place: &Side, fates: &BTreeMap<&'static str, Fate<'_>>) -> Option<String> {
    let kept: usize = fates.values().map(|fate| fate.kept).sum();
    let all: usize = fates.values().map(Fate::all).sum();
    let missing: Vec<String> =
        fates.iter().filter(|(_, fate)| fate.kept < fate.all()).map(|(name, _)| format!("`{name}`")).collect();
    let tail = match (kept, missing.len()) {
        (_, 0) => String::new(),
        (0, _) => ", for the reason below".to_owned(),
        _ => format!(" (what is missing is of {})", missing.join(", ")),
    };
    (all > 0).then(|| format!("`{}` keeps {kept} of {all}{tail}", cell(&place.to_string())))
}

/// The matrix of the nine annotations and the places that were compared with the registry.
pub(super) fn matrix(out: &mut String, report: &Report, pairs: &[Between<'_>]) -> std::fmt::Result {
    if annotates_nothing(report) {
        return writeln!(
            out,
            "\nIt annotates nothing, though its inputs ask for it: annotations that are counted below are the run image's.",
        );
    }
    let places: Vec<&Side> = pairs.iter().filter(|pair| pair.left.is_registry()).map(|pair| pair.right).collect();
    let columns: Vec<_> = places.iter().map(|place| nine(report, place)).collect();
    let classes: Vec<&str> = columns
        .iter()
        .flat_map(BTreeMap::values)
        .flat_map(|fate| fate.classes.iter().copied())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    if columns.iter().flat_map(BTreeMap::values).all(|fate| fate.all() == 0) {
        return Ok(());
    }
    let names: Vec<String> = places.iter().map(|place| cell(&place.to_string())).collect();
    writeln!(
        out,
        "\nEach annotation that the registry's image has: in how many builds another place has it too, and why not:\n"
    )?;
    writeln!(out, "| annotation | {} |", names.join(" | "))?;
    writeln!(out, "|---|{}", "---|".repeat(names.len()))?;
    for name in RFC_KEYS {
        let fates = columns.iter().filter_map(|column| column.get(name));
        let cells: Vec<String> = fates.map(|fate| shown(fate, &classes)).collect();
        writeln!(out, "| {name} | {} |", cells.join(" | "))?;
    }
    if !classes.is_empty() {
        writeln!(out)?;
    }
    for (index, class) in classes.iter().enumerate() {
        writeln!(out, "- ({}) {}", index + 1, reason(class))?;
    }
    Ok(())
}

fn shown(fate: &Fate<'_>, classes: &[&str]) -> String {
    let counted = |count: usize, word: &str| (count > 0).then(|| format!("{word} {count}"));
    let words: Vec<String> = [
        counted(fate.kept, "kept"),
        counted(fate.changed, "changed"),
        counted(fate.left_out, "left out"),
        counted(fate.added, "only here"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if words.is_empty() {
        return "not there".to_owned();
    }
    let why: Vec<String> = classes
        .iter()
        .enumerate()
        .filter(|(_, class)| fate.classes.contains(*class))
        .map(|(index, _)| format!("({})", index + 1))
        .collect();
    [words.join(", "), why.join(" ")].join(" ").trim_end().to_owned()
}

/// Why an annotation is not the same, in a sentence; the class is named so that it can be looked up below.
fn reason(class: &str) -> String {
    let words = match class {
        "" => return "unexpected: no rule permits it; see the end of this section".to_owned(),
        "annotations-lost-in-a-classic-store" => {
            "a classic store keeps no manifest, so there is no place for an annotation; all are left out"
        }
        "run-image-digest-of-the-target" => {
            "the daemon knows no registry digest of the run image, so there is no base to name"
        }
        "annotations-of-the-image-that-was-there" => {
            "podman knows an image by its imageID and keeps the annotations that were stored first"
        }
        _ => "see the table of expected differences",
    };
    format!("{words} (`{}`)", cell(class))
}

#[cfg(test)]
mod tests {
    use super::*;
    use judge::difference::Difference;

    fn comparison(right: &str, identical: &[&str], differing: &[(&str, &str, &str, &str)]) -> Comparison {
        let field = |name: &str| format!("{FIELD}{PREFIX}{name}");
        Comparison {
            scenario: "one".to_owned(),
            step: 1,
            left: Side::stored("registry"),
            right: right.into(),
            identical: identical.iter().map(|name| field(name)).collect(),
            differences: differing
                .iter()
                .map(|(name, left, right, class)| Difference {
                    field: field(name),
                    relation: if class.is_empty() { Relation::Unexpected } else { Relation::Expected },
                    class: (*class).to_owned(),
                    source: String::new(),
                    left: (*left).to_owned(),
                    right: (*right).to_owned(),
                })
                .collect(),
        }
    }

    fn report(annotates: &str) -> Report {
        let mut report = crate::report::sample::report();
        report.exporter.name = "one".to_owned();
        let lost = "annotations-lost-in-a-classic-store";
        report.differences = vec![
            comparison("daemon:classic", &[], &[("title", "x", "", lost), ("base.name", "r", "", lost)]),
            comparison("daemon:containerd", &["title"], &[("base.name", "r", "", "run-image-digest-of-the-target")]),
            comparison("daemon:containerd", &["title", "base.name"], &[("source", "a", "b", "")]),
        ];
        report.observations.truncate(1);
        report.observations[0].question = ANNOTATES.to_owned();
        report.observations[0].answer = annotates.to_owned();
        report
    }

    #[test]
    fn each_annotation_is_counted_by_store_with_the_reason() {
        let report = report("yes");
        let mut out = String::new();
        matrix(&mut out, &report, &crate::report::differences::between(&report.differences)).unwrap();
        assert!(out.contains("| title | left out 1 (2) | kept 2 |"), "{out}");
        assert!(out.contains("| base.name | left out 1 (2) | kept 1, left out 1 (3) |"), "{out}");
        assert!(out.contains("| source | not there | changed 1 (1) |"), "{out}");
        assert!(out.contains("- (1) unexpected"), "{out}");
        let mut out = String::new();
        answer(&mut out, &[report]).unwrap();
        assert!(out.contains("can be annotated where the store keeps manifests"), "{out}");
        assert!(out.contains("`daemon:classic` keeps 0 of 2"), "{out}");
        assert!(out.contains("`daemon:containerd` keeps 3 of 5"), "{out}");
    }

    #[test]
    fn where_no_daemon_keeps_any_it_is_not_said_that_one_does() {
        let mut report = report("yes");
        report.differences.truncate(1);
        let mut out = String::new();
        answer(&mut out, &[report]).unwrap();
        assert!(out.contains("was not seen annotated") && out.contains("keeps 0 of 2"), "{out}");
    }

    #[test]
    fn of_an_exporter_that_annotates_nothing_no_matrix_is_shown() {
        let report = report("nothing");
        let (mut out, pairs) = (String::new(), crate::report::differences::between(&report.differences));
        matrix(&mut out, &report, &pairs).unwrap();
        assert!(out.contains("It annotates nothing") && !out.contains("| title"), "{out}");
        out.clear();
        answer(&mut out, std::slice::from_ref(&report)).unwrap();
        assert_eq!(out, "");
    }

    #[test]
    fn a_cell_counts_annotations_and_not_builds() {
        let report = report("yes");
        let all: Vec<&Comparison> = report.differences.iter().collect();
        assert_eq!(aspect(&all), "3 of 7 kept");
        assert_eq!(aspect(&all[..1]), "none of 2 kept");
        assert_eq!(aspect(&[]), "none there");
    }
}
