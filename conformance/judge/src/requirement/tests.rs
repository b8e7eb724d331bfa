//! What a case offers to judges, and how findings are put together.

use super::*;
use crate::evidence::End;
use crate::sample::{self, on, step};

fn case(evidence: &ScenarioEvidence, target: Target) -> Case<'_> {
    let exports = evidence.exports.iter().filter(|export| export.target == target).collect();
    Case { scenario: evidence, target, service: "", exports, run: std::slice::from_ref(evidence) }
}

#[test]
fn the_gravest_finding_is_told_and_the_first_of_its_kind() {
    let violation = |message: &str| Violation { message: message.to_owned(), ..Violation::default() };
    let by_gravity = [
        Finding::NotApplicable("1".to_owned()),
        Finding::Holds,
        Finding::Skipped("1".to_owned()),
        Finding::Absent(violation("1")),
        Finding::Error("1".to_owned()),
        Finding::Violated(violation("1")),
    ];
    for (index, graver) in by_gravity.iter().enumerate() {
        for milder in &by_gravity[..=index] {
            assert_eq!(&together([graver.clone(), milder.clone()]), graver);
            assert_eq!(&together([milder.clone(), graver.clone()]), graver);
        }
    }
    let first = Finding::Violated(violation("first"));
    assert_eq!(together([first.clone(), Finding::Violated(violation("second"))]), first);
    assert!(matches!(together([]), Finding::NotApplicable(_)));
}

#[test]
fn only_good_builds_are_asked() {
    let mut evidence = sample::repeated();
    step(&mut evidence, Target::Registry, 2).inputs.expected_failure = Some("errors.no-image".to_owned());
    let case = case(&evidence, Target::Registry);
    let steps = |judged: &dyn Fn(&Export) -> Finding| case.each(judged);
    assert_eq!(steps(&|export| holds_when(export.step == 1, || not_applicable("refused"))), Finding::Holds);
    assert_eq!(case.good().map(|export| export.step).collect::<Vec<_>>(), [1]);
}

#[test]
fn an_export_without_an_image_is_left_out() {
    let mut evidence = sample::repeated();
    step(&mut evidence, Target::Registry, 1).image = None;
    let with_image = |evidence: &ScenarioEvidence| {
        case(evidence, Target::Registry).each_image(|export, image| {
            holds_when(export.step == 2 && !image.layers.is_empty(), || not_applicable("another"))
        })
    };
    assert!(matches!(with_image(&evidence), Finding::Skipped(_)));
    step(&mut evidence, Target::Registry, 1).image = step(&mut evidence, Target::Registry, 2).image.clone();
    assert_eq!(with_image(&evidence), Finding::Holds);
}

#[test]
fn the_registry_twin_is_the_good_export_of_the_same_step() {
    let good = sample::repeated();
    let twin = |evidence: &ScenarioEvidence| {
        let daemon =
            evidence.exports.iter().find(|export| export.target == Target::Daemon && export.step == 2).unwrap();
        case(evidence, Target::Daemon).registry_twin(daemon).map(|twin| twin.id.clone())
    };
    assert_eq!(twin(&good).as_deref(), Some("sample/registry/2"));
    let bad: [fn(&mut Export); 3] = [
        |export| export.outcome.end = End::Exited(1),
        |export| export.inputs.expected_failure = Some("errors.no-image".to_owned()),
        |export| export.step = 3,
    ];
    for change in bad {
        let mut evidence = good.clone();
        change(step(&mut evidence, Target::Registry, 2));
        assert_eq!(twin(&evidence), None);
    }
}

#[test]
fn exports_of_the_same_inputs_are_repeats() {
    let pairs = |evidence: &ScenarioEvidence| -> Vec<(usize, usize)> {
        case(evidence, Target::Registry).repeats().iter().map(|(one, two)| (one.step, two.step)).collect()
    };
    let mut evidence = sample::repeated();
    let mut third = step(&mut evidence, Target::Registry, 2).clone();
    third.step = 3;
    evidence.exports.push(third);
    assert_eq!(pairs(&evidence), [(1, 2), (1, 3), (2, 3)]);
    step(&mut evidence, Target::Registry, 2).inputs.images.push("host.example/app:2".to_owned());
    assert_eq!(pairs(&evidence), [(1, 3)]);
    let accepted = |wanted: &'static [&'static str]| {
        case(&evidence, Target::Registry).pairs_that_differ_in(|differences| differences == wanted).len()
    };
    assert_eq!((accepted(&["images"]), accepted(&["environment"])), (2, 0));
    // The same inputs on another run image are another build.
    step(&mut evidence, Target::Registry, 3).run_image.digest = crate::digest::Digest::of(b"other");
    assert_eq!(pairs(&evidence), []);
    // After a refused export the name holds an earlier export's image.
    let mut evidence = sample::repeated();
    step(&mut evidence, Target::Registry, 2).inputs.expected_failure = Some("errors.no-image".to_owned());
    assert_eq!(pairs(&evidence), []);
}

#[test]
fn what_is_longer_than_a_person_reads_is_cut() {
    let long = "é".repeat(LONGEST + 1);
    let Finding::Violated(violation) = violated(long.as_str(), "é".repeat(LONGEST), &long, "at".to_owned()) else {
        panic!("no violation");
    };
    let cut = format!("{}… ({} bytes)", "é".repeat(LONGEST), long.len());
    assert_eq!((&violation.message, &violation.found), (&cut, &cut));
    assert_eq!(violation.expected, "é".repeat(LONGEST));
    assert_eq!(violation.evidence, "at");
    let Finding::Absent(absence) = absent("none", long, "at".to_owned()) else { panic!("no absence") };
    assert_eq!((absence.message, absence.expected, absence.found), ("none".to_owned(), cut, "nothing".to_owned()));
}

#[test]
fn toml_that_does_not_parse_is_no_input() {
    let mut evidence = sample::scenario();
    let export = on(&mut evidence, Target::Registry);
    let path = export.inputs.group.clone();
    assert!(toml_input(&export.inputs, &path).unwrap().contains_key("group"));
    assert_eq!(toml_input(&export.inputs, "/layers/none.toml"), None);
    sample::edit_input(export, &path, "[[group");
    assert_eq!(toml_input(&export.inputs, &path), None);
}
