//! Contributed annotations seen to be there, to collide, and to be lost.

use super::*;
use crate::evidence::{ScenarioEvidence, Target};
use crate::sample::{self, Fault, annotate, contribute, edit_config, edit_input, edit_layers, find, on};

const ON: Target = Target::Registry;
const TEAM: &str = "com.example.team";

/// For every requirement of the theme a fault that violates it.
pub(in super::super) fn faults() -> Vec<Fault> {
    let set = |slug: &str, name: &'static str, target: Target, value: Option<&'static str>| {
        Fault::of(sample::contributed(), slug, name, target, move |e| annotate(on(e, target), TEAM, value))
    };
    vec![
        set("buildpack.annotations-present", "it is dropped", ON, None),
        set("buildpack.last-definition-wins", "the first definition", ON, Some("first")),
        set("buildpack.same-on-every-target", "the layout lacks it", Target::Layout, None),
        Fault::of(one_more(), "buildpack.manifest-only", "another app layer", ON, |e| {
            edit_layers(sample::step(e, ON, 2), |own| own[3] = sample::layer("changed", Vec::new()));
        }),
    ]
}

/// Two exports on each target, of which the second has contributed annotations.
fn one_more() -> ScenarioEvidence {
    let mut evidence = sample::repeated();
    for export in evidence.exports.iter_mut().filter(|export| export.step == 2) {
        contribute(export, &[(TEAM, "last")]);
    }
    evidence
}

#[test]
fn contributed_keys_are_there_byte_for_byte() {
    let id = "buildpack.annotations-present";
    for target in WITH_MANIFEST.iter().copied() {
        assert!(matches!(find(&sample::scenario(), id, target), Finding::NotApplicable(_)));
        assert_eq!(find(&sample::contributed(), id, target), Finding::Holds);
        for bad in [None, Some("last "), Some("LAST"), Some("sentinel-annotation")] {
            let mut evidence = sample::contributed();
            annotate(on(&mut evidence, target), TEAM, bad);
            assert!(matches!(find(&evidence, id, target), Finding::Absent(_)), "{bad:?}");
        }
    }
}

#[test]
fn the_last_of_several_definitions_counts() {
    let id = "buildpack.last-definition-wins";
    assert!(matches!(find(&sample::scenario(), id, ON), Finding::NotApplicable(_)));
    assert_eq!(find(&sample::contributed(), id, ON), Finding::Holds);
    let mut evidence = sample::contributed();
    annotate(on(&mut evidence, ON), TEAM, None);
    assert!(matches!(find(&evidence, id, ON), Finding::NotApplicable(_)), "what is not there is not wrong");
}

#[test]
fn a_key_that_others_give_is_open_and_who_won_is_seen() {
    let mut evidence = sample::scenario();
    let title = "org.opencontainers.image.title";
    contribute(on(&mut evidence, ON), &[(title, "theirs"), ("org.opencontainers.image.base.name", "theirs")]);
    annotate(on(&mut evidence, ON), title, Some("N\u{e4}me"));
    assert!(matches!(find(&evidence, "buildpack.annotations-present", ON), Finding::NotApplicable(_)));
    let exports = evidence.exports.iter().filter(|export| export.target == ON).collect();
    let case = Case { scenario: &evidence, target: ON, service: "registry", exports };
    let seen: Vec<String> = crate::requirements::observations(&case)
        .into_iter()
        .filter(|observation| observation.question == "who-wins-a-key-of-several")
        .map(|observation| observation.answer)
        .collect();
    let (base, title) = (
        "base.name, of the exporter and a buildpack: the buildpack",
        "title, of the platform and a buildpack: the platform",
    );
    assert_eq!(seen, [base, title]);
}

#[test]
fn a_layout_carries_what_the_registry_does() {
    let (id, layout) = ("buildpack.same-on-every-target", Target::Layout);
    assert!(matches!(find(&sample::scenario(), id, layout), Finding::NotApplicable(_)));
    assert_eq!(find(&sample::contributed(), id, layout), Finding::Holds);
    let mut evidence = sample::contributed();
    for target in [ON, layout] {
        for key in [TEAM, "com.example.one"] {
            annotate(on(&mut evidence, target), key, None);
        }
    }
    assert!(matches!(find(&evidence, id, layout), Finding::NotApplicable(_)), "neither carries any");
    let mut evidence = sample::contributed();
    evidence.exports.retain(|export| export.target != ON);
    assert!(matches!(find(&evidence, id, layout), Finding::NotApplicable(_)));
}

#[test]
fn layers_stay_but_for_the_one_with_the_metadata() {
    let id = "buildpack.manifest-only";
    for target in Target::ALL {
        assert!(matches!(find(&sample::repeated(), id, target), Finding::NotApplicable(_)));
        assert_eq!(find(&one_more(), id, target), Finding::Holds, "{target}");
        let mut evidence = one_more();
        edit_layers(sample::step(&mut evidence, target, 2), |own| drop(own.pop()));
        assert!(matches!(find(&evidence, id, target), Finding::Violated(_)));
        // Other things in metadata.toml may change layers.
        let mut evidence = one_more();
        let export = sample::step(&mut evidence, target, 2);
        let text = format!("{}[extra]\n", export.inputs.text("/layers/config/metadata.toml").unwrap());
        edit_input(export, "/layers/config/metadata.toml", &text);
        assert!(matches!(find(&evidence, id, target), Finding::NotApplicable(_)));
        let mut evidence = one_more();
        let mut again = sample::step(&mut evidence, target, 1).clone();
        edit_config(&mut again, |config| config["x"] = serde_json::json!(1));
        evidence.exports.push(again);
        assert!(matches!(find(&evidence, id, target), Finding::NotApplicable(_)), "a repeat differs already");
    }
}
