//! Requirements by what came of them, the one that explains most first.

use judge::verdict::{Answer, KnownFailure, Verdict};

use crate::report::groups::{Tally, groups};
use crate::report::{Report, sample};

fn report(answers: &[(&str, &str, Answer)]) -> Report {
    let mut report = sample::report();
    let like = report.verdicts[0].clone();
    let made = answers.iter().map(|(requirement, scenario, answer)| Verdict {
        id: format!("{scenario}/registry/{requirement}"),
        requirement: (*requirement).to_owned(),
        scenario: (*scenario).to_owned(),
        verdict: *answer,
        message: format!("about {requirement}"),
        ..like.clone()
    });
    report.verdicts = made.collect();
    report
}

#[test]
fn a_requirement_counts_once_as_the_worst_that_was_seen() {
    let mut report = report(&[
        ("a.one", "s", Answer::Pass),
        ("a.one", "t", Answer::Fail),
        ("a.two", "s", Answer::Pass),
        ("a.two", "t", Answer::NotApplicable),
        ("a.three", "s", Answer::Warn),
        ("a.four", "s", Answer::Skipped),
        ("a.five", "s", Answer::Fail),
    ]);
    assert_eq!(Tally::of(&report).words(), "1 hold, 2 broken, 1 doubtful, 1 not seen");
    report.verdicts[6].known = Some(KnownFailure { reason: "later".to_owned(), until: None });
    assert_eq!(Tally::of(&report).words(), "1 hold, 1 broken, 1 broken but known, 1 doubtful, 1 not seen");
    report.verdicts[1].followed_by = vec!["a.four".to_owned()];
    let tally = Tally::of(&report);
    assert_eq!((tally.follow, tally.unseen), (1, 0));
}

#[test]
fn a_tally_says_how_many_requirements_the_run_asked_nothing_of() {
    let all = judge::requirements::all().count();
    let mut report = report(&[("base.pair", "s", Answer::Pass), ("base.digest-present", "s", Answer::Skipped)]);
    report.tool.catalogue = judge::CATALOGUE_VERSION.to_owned();
    assert_eq!(Tally::of(&report).words(), format!("1 hold, 1 not seen, {} not asked", all - 2));
    // What another catalogue has is not known.
    report.tool.catalogue = "0".to_owned();
    assert_eq!(Tally::of(&report).unasked, 0);
}

#[test]
fn what_explains_most_comes_first_and_what_is_known_last() {
    let mut report = report(&[
        ("a.one", "s", Answer::Fail),
        ("a.one", "t", Answer::Fail),
        ("a.two", "s", Answer::Fail),
        ("a.three", "s", Answer::Warn),
        ("a.four", "s", Answer::Error),
        ("a.five", "s", Answer::Fail),
        ("a.six", "s", Answer::Skipped),
    ]);
    report.verdicts[5].known = Some(KnownFailure { reason: "later".to_owned(), until: Some("2030-01-31".to_owned()) });
    report.verdicts[6].follows_from = Some("s/registry/a.two".to_owned());
    let found = groups(&report);
    let slugs: Vec<&str> = found.iter().map(|group| group.first().requirement.as_str()).collect();
    assert_eq!(slugs, ["a.two", "a.one", "a.four", "a.three", "a.five"]);
    assert_eq!((found[0].explains, found[1].verdicts.len()), (1, 2));
    assert_eq!(found[4].known(), "later (until 2030-01-31)");
}

#[test]
fn requirements_that_say_the_same_are_one_group() {
    let mut report = report(&[
        ("a.one", "s", Answer::Fail),
        ("a.two", "s", Answer::Fail),
        ("a.three", "s", Answer::Warn),
        ("a.four", "s", Answer::Fail),
    ]);
    for verdict in &mut report.verdicts[..3] {
        verdict.message = "the same".to_owned();
    }
    let found = groups(&report);
    assert_eq!(found.len(), 3);
    assert_eq!((found[0].first().requirement.as_str(), &found[0].likewise), ("a.one", &vec!["a.two"]));
}

#[test]
fn builds_that_fail_for_different_reasons_are_told_apart() {
    let mut report = report(&[
        ("platform.exit-zero", "one", Answer::Fail),
        ("platform.exit-zero", "two", Answer::Fail),
        ("platform.exit-zero", "three", Answer::Fail),
    ]);
    for (verdict, last) in report.verdicts.iter_mut().zip(["no key", "no file /a/b", "no file /c/d"]) {
        verdict.found = format!("exit 1; it last said: {last}");
    }
    assert_eq!(groups(&report)[0].alike().iter().map(Vec::len).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn what_differs_only_in_values_is_alike() {
    let mut report =
        report(&[("a.one", "s", Answer::Fail), ("a.one", "t", Answer::Fail), ("a.one", "u", Answer::Fail)]);
    for (verdict, words) in report.verdicts.iter_mut().zip(["is sha256:1", "is sha256:2", "is not there"]) {
        verdict.message = words.to_owned();
    }
    let alike: Vec<usize> = groups(&report)[0].alike().iter().map(Vec::len).collect();
    assert_eq!(alike, [2, 1]);
}
