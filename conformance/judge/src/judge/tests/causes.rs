//! No failure is lost to its cause, and no cause to what it follows from.

use std::collections::BTreeMap;

use super::super::causes::Causes;
use super::super::*;
use crate::profile::Profile;
use crate::requirement::Case;
use crate::sample;

/// Findings as a table: each requirement, and those that it follows from.
fn table(of: &[(&'static str, &'static [&'static str])]) -> BTreeMap<&'static str, Finding> {
    of.iter().map(|(id, from)| (*id, Finding::Violated(Violation::default()).following(from))).collect()
}

fn roots(
    of: &[(&'static str, &'static [&'static str])],
    is_told: &dyn Fn(&'static Requirement) -> bool,
) -> Vec<Option<&'static str>> {
    let evidence = sample::scenario();
    let case =
        Case { scenario: &evidence, target: Target::Registry, service: "registry", exports: Vec::new(), run: &[] };
    let mut causes = Causes::knowing(&case, table(of));
    of.iter().map(|(id, _)| causes.root(requirements::named(id).unwrap(), is_told)).collect()
}

const ONE: &str = "annotations.not-inherited";
const TWO: &str = "base.pair";
const THREE: &str = "platform.env";

#[test]
fn a_chain_leads_to_its_first_cause() {
    let chain: &[(&str, &[&str])] = &[(ONE, &[]), (TWO, &[ONE]), (THREE, &[TWO])];
    assert_eq!(roots(chain, &|_| true), [None, Some(ONE), Some(ONE)]);
    // What is not selected is told by nothing else.
    assert_eq!(roots(chain, &|row| row.id != ONE), [None, None, Some(TWO)]);
    assert_eq!(roots(chain, &|row| row.id != TWO), [None, Some(ONE), Some(ONE)]);
    assert_eq!(roots(chain, &|row| row.id == THREE), [Some(ONE); 3].map(|_: Option<&str>| None));
}

#[test]
fn of_a_circle_one_stands_for_all() {
    let circle: &[(&str, &[&str])] = &[(ONE, &[THREE]), (TWO, &[ONE]), (THREE, &[TWO])];
    assert_eq!(roots(circle, &|_| true), [None, Some(ONE), Some(ONE)]);
    assert_eq!(roots(&[(ONE, &[ONE])], &|_| true), [None]);
    // A circle that has a cause outside of it is told by that.
    let led: &[(&str, &[&str])] = &[(ONE, &[TWO]), (TWO, &[ONE, THREE]), (THREE, &[])];
    assert_eq!(roots(led, &|_| true), [Some(THREE), Some(THREE), None]);
}

#[test]
fn no_cause_is_itself_lost_whatever_follows_from_what() {
    // Every graph of four requirements, a bit for each edge.
    const IDS: [&str; 4] = [ONE, TWO, THREE, "digest.report-agrees"];
    for graph in 0..1_u32 << 12 {
        let edges = |from: usize| {
            let others = (0..4).filter(move |to| *to != from).enumerate();
            others.filter(move |(bit, _)| graph >> (from * 3 + bit) & 1 == 1).map(|(_, to)| IDS[to]).collect::<Vec<_>>()
        };
        let of: Vec<(&str, &'static [&'static str])> = (0..4).map(|from| (IDS[from], &*edges(from).leak())).collect();
        let roots = roots(&of, &|_| true);
        assert!(roots.contains(&None), "{of:?}: {roots:?}");
        for root in roots.iter().flatten() {
            let place = IDS.iter().position(|id| id == root).unwrap();
            assert_eq!(roots[place], None, "{of:?}: {roots:?}");
        }
    }
}

#[test]
fn what_holds_or_is_not_there_is_no_cause() {
    let evidence = sample::scenario();
    let case =
        Case { scenario: &evidence, target: Target::Registry, service: "registry", exports: Vec::new(), run: &[] };
    for other in [Finding::Holds, not_applicable(), Finding::Skipped(String::new()), Finding::Error(String::new())] {
        let mut known = table(&[(TWO, &[ONE])]);
        known.insert(ONE, other);
        assert_eq!(Causes::knowing(&case, known).root(requirements::named(TWO).unwrap(), &|_| true), None);
    }
    // Nor is what is not asked on this target.
    let known = table(&[(TWO, &["layout.path"]), ("layout.path", &[])]);
    assert_eq!(Causes::knowing(&case, known).root(requirements::named(TWO).unwrap(), &|_| true), None);
}

fn not_applicable() -> Finding {
    Finding::NotApplicable(String::new())
}

#[test]
fn a_cause_is_as_heavy_as_what_follows_from_it() {
    let evidence = sample::scenario();
    let case =
        Case { scenario: &evidence, target: Target::Registry, service: "registry", exports: Vec::new(), run: &[] };
    let selection = Selection {
        phase: None,
        profile: Profile::Core,
        requirements: None,
        exporter_argument: String::new(),
        scenario_folders: BTreeMap::new(),
        conditions: Vec::new(),
    };
    let row = |id: &str| requirements::named(id).unwrap();
    let violated = || Finding::Violated(Violation::default());
    let verdicts = |follower: Finding, id: &str| {
        let first = Found { row: row("annotations.ref-name-only-in-index"), finding: violated(), root: None };
        let follower = Found { row: row(id), finding: follower, root: Some("annotations.ref-name-only-in-index") };
        told(&case, &selection, vec![first, follower])
    };
    let heavy = verdicts(violated(), "base.digest-is-run-image");
    assert_eq!((heavy[0].verdict, heavy[0].level, heavy[0].base_level), (Answer::Fail, Level::Must, Level::Should));
    assert_eq!(heavy[0].followed_by, ["base.digest-is-run-image"]);
    assert_eq!((heavy[1].verdict, heavy[1].followed_by.len()), (Answer::Skipped, 0));
    assert_eq!(heavy[1].follows_from.as_ref(), Some(&heavy[0].id));
    let both = "--requirement annotations.ref-name-only-in-index --requirement base.digest-is-run-image";
    assert!(heavy[0].repeat.contains(both), "repeated, it weighs the same: {}", heavy[0].repeat);
    assert_eq!(heavy[1].repeat.matches("--requirement").count(), 1, "{}", heavy[1].repeat);
    // What is OPTIONAL, and what was not judged at all, adds nothing.
    let absent = Finding::Absent(Violation::default());
    for (follower, id) in [(absent, "base.digest-present"), (Finding::Skipped(String::new()), "platform.env")] {
        let light = verdicts(follower, id);
        assert_eq!((light[0].verdict, light[0].level), (Answer::Warn, Level::Should), "{id}");
        assert_eq!(light[0].repeat.matches("--requirement").count(), 1, "{id}");
        assert_eq!(light[1].verdict, Answer::Skipped);
    }
}
