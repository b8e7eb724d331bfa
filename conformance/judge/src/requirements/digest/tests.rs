//! Each digest seen to be true and to lie.

use serde_json::json;

use super::*;
use crate::sample::{self, edit_config, find, on};

const ON: Target = Target::Registry;

#[test]
fn repeats_are_compared() {
    for (id, target) in [
        ("digest.same-inputs-same-digest", Target::Registry),
        ("digest.same-inputs-same-image-id", Target::Registry),
        ("digest.same-inputs-same-image-id", Target::Daemon),
        ("digest.same-inputs-same-image-id", Target::Layout),
    ] {
        assert!(matches!(find(&sample::scenario(), id, target), Finding::NotApplicable(_)), "{id}");
        let mut evidence = sample::repeated();
        assert_eq!(find(&evidence, id, target), Finding::Holds, "{id}");
        edit_config(on(&mut evidence, target), |config| config["x"] = json!(1));
        assert!(matches!(find(&evidence, id, target), Finding::Violated(_)), "{id}");
        on(&mut evidence, target).inputs.environment.insert("TZ".to_owned(), "x".to_owned());
        assert!(matches!(find(&evidence, id, target), Finding::NotApplicable(_)), "{id}");
    }
}

#[test]
fn surroundings_are_told_apart_and_named() {
    let id = "digest.environment-independent";
    for target in Target::ALL {
        assert!(matches!(find(&sample::repeated(), id, target), Finding::NotApplicable(_)));
        let mut evidence = sample::in_other_surroundings();
        assert_eq!(find(&evidence, id, target), Finding::Holds);
        // A third export in one other surrounding alone says which one it was.
        let mut third = sample::step(&mut evidence, target, 1).clone();
        third.step = 3;
        third.inputs.surroundings.insert("umask".to_owned(), "077".to_owned());
        evidence.exports.push(third);
        for step in [2, 3] {
            edit_config(sample::step(&mut evidence, target, step), |config| config["x"] = json!(1));
        }
        let Finding::Violated(found) = find(&evidence, id, target) else { panic!("{target}") };
        assert!(found.message.ends_with("surroundings: umask"), "{}", found.message);
        // Where a repeat in the same surroundings differs, surroundings say nothing.
        let mut again = sample::step(&mut evidence, target, 1).clone();
        again.step = 4;
        edit_config(&mut again, |config| config["x"] = json!(2));
        evidence.exports.push(again);
        assert!(matches!(find(&evidence, id, target), Finding::NotApplicable(_)));
    }
}

#[test]
fn a_refused_export_is_compared_with_none() {
    let mut evidence = sample::repeated();
    let export = sample::step(&mut evidence, ON, 2);
    edit_config(export, |config| config["created"] = json!("1999-01-01T00:00:00Z"));
    export.inputs.expected_failure = Some("errors.missing-analyzed".to_owned());
    export.outcome.end = End::Exited(1);
    for id in ["digest.same-inputs-same-digest", "digest.annotations-change-manifest"] {
        assert!(matches!(find(&evidence, id, ON), Finding::NotApplicable(_)), "{id}");
    }
    assert_eq!(find(&evidence, "digest.source-date-epoch", ON), Finding::Holds);
}
