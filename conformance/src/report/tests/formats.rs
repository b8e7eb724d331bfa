//! What every format tells: failures that are known, what follows from a cause, one and many.

use judge::profile::Profile;
use judge::verdict::{Answer, KnownFailure, Level, Verdict};

use super::PLAIN;
use crate::report::sample::{report, verdict};
use crate::report::{github, headline, in_toto, junit, markdown, terminal};

#[test]
fn known_failures_are_told_apart_in_every_format() {
    let mut report = report();
    report.verdicts[0].known =
        Some(KnownFailure { reason: "fixed next week".to_owned(), until: Some("2030-01-31".to_owned()) });
    report.verdicts.push(verdict("base.digest-pinned", Answer::Fail, Level::Must, Level::Must));
    let text = terminal::render(&report, PLAIN);
    let (before, after) = text.split_once("\nknown failures\n").unwrap();
    assert!(before.contains("FAIL  base.digest-pinned") && !before.contains("base.digest-present"), "{text}");
    assert!(after.starts_with("  KNOWN base.digest-present  (1 case)  fixed next week (until 2030-01-31)\n"), "{text}");
    let text = markdown::render(&report, markdown::COMMENT);
    let (before, after) = text.split_once("### Known failures (1)").unwrap();
    assert!(before.contains("base&#46;digest-pinned") && !before.contains("base&#46;digest-present"), "{text}");
    assert!(after.contains("- known <code>fixed next week"), "{text}");
    let text = github::render(&report);
    assert!(text.contains("::notice title=known failures::1 requirement; see the summary"), "{text}");
    assert!(!text.contains("base.digest-present"), "{text}");
    let text = junit::render(&report).unwrap();
    assert!(text.contains("<skipped message=\"known: fixed next week (until 2030-01-31)\" type=\"known\"/>"), "{text}");
    assert_eq!(text.matches("<failure").count(), 1, "{text}");
    let statement: serde_json::Value = serde_json::from_str(&in_toto::render(&report).unwrap()).unwrap();
    let named = |list: &str| statement["predicate"][list].to_string().contains("base.digest-present");
    assert!(named("warnedTests") && !named("failedTests"), "{statement}");
}

/// The samples in the documentation of formats that show versions.
const SAMPLES: [&str; 4] = [
    include_str!("../json.rs"),
    include_str!("../junit.rs"),
    include_str!("../observations.rs"),
    include_str!("../html/mod.rs"),
];

#[test]
fn samples_show_the_versions_that_are_written() {
    let schema = format!("//! \"schema\":{},", crate::report::SCHEMA_VERSION);
    assert!(SAMPLES[0].contains(&schema) && SAMPLES[0].contains("//! \"verdicts\":{"), "{schema}");
    let is_hash = |text: &str| text.len() == 8 && text.chars().all(|c| c.is_ascii_hexdigit());
    assert!(is_hash(judge::CATALOGUE_VERSION), "{}", judge::CATALOGUE_VERSION);
    let mut found = 0;
    for line in SAMPLES.iter().flat_map(|sample| sample.lines()).filter(|line| line.starts_with("//!")) {
        let Some((_, after)) = line.split_once("catalogue\"") else { continue };
        let version = after.split('"').nth(1).unwrap_or_default();
        assert!(is_hash(version), "{line}");
        found += 1;
    }
    assert_eq!(found, 3);
}

#[test]
fn what_follows_is_told_under_its_cause() {
    let mut report = report();
    report.verdicts[0].followed_by = vec!["base.pair".to_owned(), "base.name-is-tag".to_owned()];
    let cause = report.verdicts[0].id.clone();
    report.verdicts[1].verdict = Answer::Skipped;
    report.verdicts[1].follows_from = Some(cause);
    "follows from base.digest-present: words of its own".clone_into(&mut report.verdicts[1].message);
    let names = "2 more follow from it: base.pair, base.name-is-tag";
    let text = terminal::render(&report, PLAIN);
    assert!(text.contains(names) && !text.contains("words of its own"), "{text}");
    // The other skipped one is still told.
    assert!(text.contains("\nskipped\n"), "{text}");
    let text = markdown::render(&report, markdown::COMMENT);
    assert!(text.contains("- 2 more follow from it: <code>base"), "{text}");
    assert!(github::render(&report).contains(names));
    let text = junit::render(&report).unwrap();
    assert!(
        text.contains("<skipped message=\"follows from base.digest-present: words of its own\" type=\"skipped\"/>"),
        "{text}"
    );
    assert!(text.contains("so too: base.pair, base.name-is-tag"), "{text}");
    // Under every profile the cause is as heavy as what follows from it.
    let core = headline::under(&Profile::Core, &report.verdicts[0]);
    assert_eq!(core, Answer::Warn);
    report.verdicts[0].followed_by = vec!["base.digest-is-run-image".to_owned()];
    assert_eq!(headline::under(&Profile::Core, &report.verdicts[0]), Answer::Fail);
}

#[test]
fn one_is_counted_as_one() {
    let mut report = report();
    let failed = report.verdicts[0].clone();
    report.verdicts = (1..=9).map(|number| Verdict { scenario: format!("s{number}"), ..failed.clone() }).collect();
    let text = terminal::render(&report, PLAIN);
    assert!(text.contains("s8 and 1 more scenario on registry\n") && text.contains("1 differs as expected"), "{text}");
    report.verdicts.push(Verdict { scenario: "t".to_owned(), ..failed });
    report.differences.push(report.differences[0].clone());
    let text = terminal::render(&report, PLAIN);
    assert!(text.contains("s8 and 2 more scenarios on registry\n") && text.contains("2 differ as expected"), "{text}");
}
