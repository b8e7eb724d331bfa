//! The comparison, on verdicts made by hand.

use std::collections::BTreeMap;

use judge::evidence::Target;
use judge::verdict::{Answer, Level, Verdict};

use super::case::{Case, cases};
use super::faults::Fault;
use super::marks::KnownExports;
use super::matrix::{Row, rows};
use crate::record::ServiceFacts;
use crate::scenario;

fn fault(scenarios: &[&str], trips: &[&str]) -> Fault {
    Fault {
        name: "odd".to_owned(),
        what: "it is odd".to_owned(),
        kind: "image".to_owned(),
        targets: vec![Target::Registry, Target::Layout],
        scenarios: scenarios.iter().map(|name| (*name).to_owned()).collect(),
        beside_the_registry: false,
        stores: Vec::new(),
        trips: trips.iter().map(|slug| (*slug).to_owned()).collect(),
        trips_in: BTreeMap::new(),
    }
}

fn daemon(store: &str) -> ServiceFacts {
    ServiceFacts {
        name: format!("daemon:{store}"),
        kind: "docker".to_owned(),
        version: String::new(),
        store: Some(store.to_owned()),
        observed: true,
        note: String::new(),
    }
}

fn verdict(scenario: &str, target: Target, requirement: &str, answer: Answer) -> Verdict {
    Verdict {
        id: format!("{scenario}/{target}/{requirement}"),
        scenario: scenario.to_owned(),
        target,
        service: target.name().to_owned(),
        exports: Vec::new(),
        requirement: requirement.to_owned(),
        level: Level::Must,
        base_level: Level::Must,
        verdict: answer,
        known: None,
        follows_from: None,
        followed_by: Vec::new(),
        message: "why".to_owned(),
        expected: String::new(),
        found: String::new(),
        evidence: String::new(),
        source: String::new(),
        repeat: String::new(),
    }
}

fn made(faults: &[Fault], targets: &[Target]) -> Vec<Case> {
    cases(faults, targets, &scenario::built_in().unwrap()).unwrap()
}

/// The row of one fault on the registry, whose unspoiled and spoiled answers are these.
fn compared(trips: &[&str], answers: &[(&str, Answer, Answer)], exact: bool) -> Row {
    let faults = [fault(&["minimal"], trips)];
    let cases = made(&faults, &[Target::Registry]);
    let of = |case: &Case, pick: fn(&(&str, Answer, Answer)) -> Answer| -> Vec<Verdict> {
        let one = |entry| verdict(&case.scenario.name, case.target, (entry as &(&str, Answer, Answer)).0, pick(entry));
        answers.iter().map(one).collect()
    };
    let mut verdicts = of(&cases[0], |entry| entry.1);
    verdicts.extend(of(&cases[1], |entry| entry.2));
    rows(&faults, &cases, &UNSEEN, &verdicts, &[], exact).remove(0)
}

/// Nothing is known but verdicts.
const UNSEEN: KnownExports<'static> = KnownExports { marks: None, evidence: &[] };

const PAIR: &str = "base.pair";
const SCHEMA: &str = "manifest.schema";

#[test]
fn caught_missed_and_also_are_told_apart() {
    let row = compared(&[PAIR], &[(PAIR, Answer::Pass, Answer::Fail), (SCHEMA, Answer::Pass, Answer::Pass)], true);
    assert!(row.is_caught() && row.also.is_empty(), "{row:?}");
    let row = compared(&[PAIR], &[(PAIR, Answer::Pass, Answer::Pass), (SCHEMA, Answer::Pass, Answer::Warn)], true);
    assert_eq!((row.missed, row.also), (vec![PAIR.to_owned()], vec![SCHEMA.to_owned()]));
    let row = compared(&[PAIR], &[(PAIR, Answer::NotApplicable, Answer::Absent)], true);
    assert!(row.is_caught(), "{row:?}");
}

#[test]
fn what_the_unspoiled_exporter_fails_is_no_proof_and_no_reproach() {
    let answers = [(PAIR, Answer::Fail, Answer::Fail), (SCHEMA, Answer::Pass, Answer::Fail)];
    let row = compared(&[PAIR, SCHEMA], &answers, false);
    assert_eq!((row.caught, row.missed.len(), row.not_shown.len()), (vec![SCHEMA.to_owned()], 0, 1));
    let row = compared(&[PAIR, SCHEMA], &answers, true);
    assert_eq!(row.missed, [PAIR], "the reference has to pass it");
}

#[test]
fn why_something_cannot_be_shown_is_told_by_its_verdict() {
    for (before, after, words) in [
        (Answer::NotApplicable, Answer::NotApplicable, "n/a for the unspoiled exporter: why"),
        (Answer::Skipped, Answer::Skipped, "not judged of the unspoiled exporter: why"),
        (Answer::Fail, Answer::Fail, "does not pass it either (fail)"),
        (Answer::Warn, Answer::Fail, "does not pass it either (warn)"),
        (Answer::Pass, Answer::Skipped, "not judged then: why"),
    ] {
        let row = compared(&[PAIR, SCHEMA], &[(PAIR, before, after), (SCHEMA, Answer::Pass, Answer::Fail)], false);
        assert!(row.missed.is_empty() && row.not_shown[0].reason.contains(words), "{before} {after}: {row:?}");
    }
    let unnoticed = [(PAIR, Answer::Pass, Answer::Skipped), (SCHEMA, Answer::Pass, Answer::Pass)];
    assert_eq!(compared(&[PAIR], &unnoticed, false).missed, [PAIR], "what is not noticed at all is missed");
    let passed = [(PAIR, Answer::Pass, Answer::Pass), (SCHEMA, Answer::Pass, Answer::Fail)];
    assert_eq!(compared(&[PAIR, SCHEMA], &passed, false).missed, [PAIR]);
}

/// The row of a fault whose faulty exporter told these lines.
fn with_marks(lines: &str, exact: bool) -> Row {
    let faults = [fault(&["minimal"], &[PAIR, SCHEMA])];
    let mut cases = made(&faults, &[Target::Registry]);
    let marks = super::marks::Marks::asked_for(&mut cases).unwrap();
    assert!(!cases[0].scenario.file.environment.contains_key("FAULTY_EXPORTER_MARK"));
    std::fs::write(&cases[1].scenario.file.environment["FAULTY_EXPORTER_MARK"], lines).unwrap();
    let of = |case: &Case, slug: &str, answer| verdict(&case.scenario.name, case.target, slug, answer);
    let all = [of(&cases[0], PAIR, Answer::Pass), of(&cases[0], SCHEMA, Answer::Pass)];
    let spoiled = [of(&cases[1], PAIR, Answer::Pass), of(&cases[1], SCHEMA, Answer::Pass)];
    let seen = KnownExports { marks: Some(&marks), evidence: &[] };
    rows(&faults, &cases, &seen, &[all, spoiled].concat(), &[], exact).remove(0)
}

#[test]
fn a_fault_that_has_nothing_to_spoil_could_not_be_applied_and_one_that_has_is_missed() {
    let nothing = r#"{"daemon": null, "spoiled": false}"#;
    let row = with_marks(nothing, false);
    assert_eq!((row.missed.len(), row.not_applied.as_deref()), (0, Some("there was nothing to spoil")));
    let failed = with_marks(r#"{"daemon": null, "spoiled": false, "failed": "there is no history"}"#, false);
    assert!(failed.not_applied.unwrap().contains("there is no history"));
    assert_eq!(with_marks(nothing, true).missed.len(), 2, "the reference has something to spoil");
    let applied = format!("{nothing}\n{}\n", r#"{"daemon": null, "spoiled": true}"#);
    for lines in [applied.as_str(), "", "no line\n"] {
        assert_eq!(with_marks(lines, false).missed.len(), 2, "{lines}");
    }
    let partly = with_marks(r#"{"daemon": null, "spoiled": true, "cannot_trip": ["base.pair"]}"#, false);
    assert_eq!((partly.missed, partly.not_shown.len()), (vec![SCHEMA.to_owned()], 1));
}

#[test]
fn what_could_not_be_run_or_judged_is_said() {
    let row = compared(&[PAIR], &[(PAIR, Answer::Skipped, Answer::Skipped)], true);
    assert_eq!((row.skipped.as_deref(), row.missed.len()), (Some("why"), 0));
    let row = compared(&[PAIR], &[(PAIR, Answer::Pass, Answer::Error), (SCHEMA, Answer::Pass, Answer::Pass)], true);
    assert_eq!((row.missed.len(), row.troubles), (1, vec!["why".to_owned()]));
}

#[test]
fn a_scenario_is_cut_to_its_steps_and_unspoiled_once() {
    let faults = [fault(&["same-build-twice", "other-surroundings:1,3"], &[PAIR])];
    let cases = made(&faults, &[Target::Registry]);
    assert_eq!(cases.len(), 4);
    assert_eq!(cases[3].scenario.file.steps.len(), 2);
    assert_eq!(cases[3].scenario.file.environment[super::VARIABLE], "odd@registry");
    assert!(!cases[2].scenario.file.environment.contains_key(super::VARIABLE));
    let twice = [faults[0].clone(), Fault { name: "even".to_owned(), ..faults[0].clone() }];
    assert_eq!(made(&twice, &[Target::Registry]).len(), 6, "two unspoiled builds, and two of each fault");
    for shown_in in ["no-such", "minimal:2", "minimal:0", "minimal:x"] {
        let refused =
            super::case::cases(&[fault(&[shown_in], &[PAIR])], &[Target::Layout], &scenario::built_in().unwrap());
        assert!(refused.is_err(), "{shown_in}");
    }
}

/// The rows of a fault that each of these daemons shows or not.
fn in_daemons(fault: Fault, answers: &[(&str, Answer)]) -> Vec<Row> {
    let faults = [Fault { targets: vec![Target::Daemon], ..fault }];
    let cases = made(&faults, &[Target::Daemon]);
    let mut verdicts = Vec::new();
    for (store, spoiled) in answers {
        for (case, answer) in cases.iter().zip([Answer::Pass, *spoiled]) {
            let one = verdict(&case.scenario.name, Target::Daemon, "daemon.image-true", answer);
            verdicts.push(Verdict { service: format!("daemon:{store}"), ..one });
        }
    }
    let services: Vec<ServiceFacts> = answers.iter().map(|(store, _)| daemon(store)).collect();
    rows(&faults, &cases, &UNSEEN, &verdicts, &services, true)
}

#[test]
fn a_fault_of_a_store_that_is_not_here_is_skipped_and_not_missed() {
    let only = || Fault { stores: vec!["containerd".to_owned()], ..fault(&["minimal"], &["daemon.image-true"]) };
    let elsewhere = in_daemons(only(), &[("classic", Answer::Pass)]);
    assert_eq!(elsewhere.len(), 1);
    assert!(elsewhere[0].missed.is_empty() && elsewhere[0].skipped.is_some(), "{elsewhere:?}");
    let here = in_daemons(only(), &[("classic", Answer::Pass), ("containerd", Answer::Pass)]);
    assert_eq!(here.len(), 1);
    assert_eq!((here[0].service.as_str(), here[0].missed.len()), ("daemon:containerd", 1));
}

#[test]
fn what_one_daemon_shows_another_has_to_show_too() {
    let fault = fault(&["minimal"], &["daemon.image-true"]);
    let found = in_daemons(fault, &[("classic", Answer::Fail), ("containerd", Answer::Pass)]);
    let missed: Vec<(&str, usize)> = found.iter().map(|row| (row.service.as_str(), row.missed.len())).collect();
    assert_eq!(missed, [("daemon:classic", 0), ("daemon:containerd", 1)]);
}

#[test]
fn what_is_tripped_in_one_kind_of_store_must_be_there_and_is_beside_the_point_elsewhere() {
    let trips_in = BTreeMap::from([("containerd".to_owned(), vec!["daemon.image-true".to_owned()])]);
    let of = |answers: &[(&str, Answer)]| {
        in_daemons(Fault { trips_in: trips_in.clone(), ..fault(&["minimal"], &[]) }, answers)
    };
    let both = of(&[("classic", Answer::Fail), ("containerd", Answer::Fail)]);
    let caught: Vec<(usize, usize)> = both.iter().map(|row| (row.caught.len(), row.also.len())).collect();
    assert_eq!(caught, [(0, 1), (1, 0)]);
    let none = of(&[("classic", Answer::Pass), ("containerd", Answer::Pass)]);
    let missed: Vec<usize> = none.iter().map(|row| row.missed.len()).collect();
    assert_eq!(missed, [0, 1]);
}

#[test]
fn what_follows_from_a_tripped_requirement_is_caught_with_it_and_nothing_else() {
    let faults = [fault(&["minimal"], &[PAIR])];
    let cases = made(&faults, &[Target::Registry]);
    let of = |case: &Case, slug: &str, answer| verdict(&case.scenario.name, case.target, slug, answer);
    let followed = |before: &[&str]| -> Row {
        let told = |slugs: &[&str]| slugs.iter().map(|slug| (*slug).to_owned()).collect();
        let was = if before.is_empty() { Answer::Pass } else { Answer::Fail };
        let mut verdicts = vec![of(&cases[0], PAIR, Answer::Pass), of(&cases[0], SCHEMA, was)];
        verdicts[1].followed_by = told(before);
        verdicts.extend([of(&cases[1], PAIR, Answer::Skipped), of(&cases[1], SCHEMA, Answer::Fail)]);
        verdicts[3].followed_by = told(&[PAIR, "base.digest-present"]);
        rows(&faults, &cases, &UNSEEN, &verdicts, &[], true).remove(0)
    };
    let row = followed(&[]);
    assert_eq!((row.caught, row.missed.len(), row.also), (vec![PAIR.to_owned()], 0, vec![SCHEMA.to_owned()]));
    let row = followed(&["base.digest-present"]);
    assert_eq!((row.caught.len(), row.missed.len(), row.also.len()), (1, 0, 0), "the cause failed before");
    let row = followed(&[PAIR, "base.digest-present"]);
    assert_eq!((row.caught.len(), row.missed.len()), (0, 1), "it followed before too");
}
