//! What the theme rejects, and what it must not.

use super::*;
use crate::evidence::{ScenarioEvidence, Target};
use crate::sample::{self, annotate, contribute, edit_config, edit_input, edit_layers};
use crate::trial::{self, Trial, Trials, Wanted};

const TEAM: &str = "com.example.team";
const ONE: &str = "com.example.one";
const VENDOR: &str = "org.opencontainers.image.vendor";
const METADATA: &str = "/layers/config/metadata.toml";

fn set(key: &'static str, value: Option<&'static str>) -> impl Fn(&mut Export) + 'static {
    move |export| annotate(export, key, value)
}

fn a_reserved_key() -> ScenarioEvidence {
    let mut evidence = sample::scenario();
    evidence.exports.iter_mut().for_each(|export| contribute(export, &[(VENDOR, "Team")]));
    evidence
}

/// Two exports on each target, of which the second has contributed annotations.
pub(super) fn one_more() -> ScenarioEvidence {
    let mut evidence = sample::repeated();
    for export in evidence.exports.iter_mut().filter(|export| export.step == 2) {
        contribute(export, &[(TEAM, "last")]);
    }
    evidence
}

pub(in super::super) fn trials() -> Vec<Trial> {
    trial::all([present(), last(), same(), alone()])
}

fn present() -> Trials {
    Trials::of("buildpack.annotations-present")
        .from(sample::contributed)
        .rejects("one is dropped", set(ONE, None))
        .rejects("the doubled one is dropped", set(TEAM, None))
        .rejects("a space after it", set(TEAM, Some("last ")))
        .rejects("capitals", set(TEAM, Some("LAST")))
        .rejects("emptied", set(ONE, Some("")))
        .rejects("one left over from the run image", set(TEAM, Some("sentinel-annotation")))
        .rejects("two values changed places", |e| {
            annotate(e, TEAM, Some("1"));
            annotate(e, ONE, Some("last"));
        })
        .rejects("the key in other case", |e| sample::raw_manifest(e, "com.example.one\"", "com.example.One\""))
        .accepts("the first definition, which another row judges", set(TEAM, Some("first")))
        .accepts("an annotation of its own", set("com.example.more", Some("x")))
        .ignores("a key that others give", |e| {
            edit_input(e, METADATA, "[[annotations]]\nkey='org.opencontainers.image.title'\nvalue='theirs'\n");
        })
        .ignores("none contributed", |e| edit_input(e, METADATA, ""))
        .from(a_reserved_key)
        .rejects("a reserved key that the platform gives no value is lost", set(VENDOR, None))
}

fn last() -> Trials {
    Trials::of("buildpack.last-definition-wins")
        .from(sample::contributed)
        .rejects("the first definition", set(TEAM, Some("first")))
        .accepts("the other key is not there", set(ONE, None))
        .ignores("it is not there", set(TEAM, None))
        .ignores("neither definition's value", set(TEAM, Some("both")))
        .ignores("one definition twice", |e| contribute(e, &[(TEAM, "x"), (TEAM, "x")]))
        .ignores("one left over from the run image", set(TEAM, Some("sentinel-annotation")))
}

fn same() -> Trials {
    let everywhere = |evidence: &mut ScenarioEvidence, key: &str, value: Option<&str>| {
        for target in [Target::Registry, Target::Layout] {
            annotate(sample::on(evidence, target), key, value);
        }
    };
    Trials::of("buildpack.same-on-every-target")
        .from(sample::contributed)
        .rejects("the layout lacks it", set(TEAM, None))
        .rejects("the layout has the first definition", set(TEAM, Some("first")))
        .rejects("one byte other", set(ONE, Some("2")))
        .whole("the registry lacks it", Wanted::Rejected, |evidence, _| {
            annotate(sample::on(evidence, Target::Registry), ONE, None);
        })
        .whole("both have the first definition", Wanted::Held, move |evidence, _| {
            everywhere(evidence, TEAM, Some("first"));
        })
        .whole("both lack one", Wanted::Held, move |evidence, _| everywhere(evidence, ONE, None))
        .whole("neither carries any", Wanted::NotJudged, move |evidence, _| {
            everywhere(evidence, ONE, None);
            everywhere(evidence, TEAM, None);
        })
        .whole("there is no registry export", Wanted::NotJudged, |evidence, _| {
            evidence.exports.retain(|export| export.target != Target::Registry);
        })
        .accepts("an annotation that no one contributed", set("com.example.more", Some("x")))
}

fn alone() -> Trials {
    Trials::of("buildpack.manifest-only")
        .from(one_more)
        .step(2)
        .rejects("another app layer", |e| edit_layers(e, |own| own[3] = sample::layer("changed", Vec::new())))
        .rejects("a layer less", |e| edit_layers(e, |own| drop(own.pop())))
        .rejects("a layer more", |e| edit_layers(e, |own| own.push(sample::layer("more", Vec::new()))))
        .rejects("two layers changed places", |e| edit_layers(e, |own| own.swap(0, 1)))
        .accepts("another label", |e| edit_config(e, |c| c["config"]["Labels"]["x"] = serde_json::json!("1")))
        .accepts("launch.toml differs as well", |e| {
            let mut file = e.inputs.file(METADATA).unwrap().clone();
            file.path = "/layers/a_one/launch.toml".to_owned();
            e.inputs.files.push(file);
        })
        .ignores("another input differs as well", |e| {
            let mut file = e.inputs.file(METADATA).unwrap().clone();
            file.path = "/layers/a_one/other.toml".to_owned();
            e.inputs.files.push(file);
        })
        .ignores("other things in metadata.toml differ", |e| {
            let text = format!("{}[extra]\n", e.inputs.text(METADATA).unwrap());
            edit_input(e, METADATA, &text);
        })
        .whole("a repeat differs already", Wanted::NotJudged, |evidence, target| {
            let mut again = sample::step(evidence, target, 1).clone();
            edit_config(&mut again, |config| config["x"] = serde_json::json!(1));
            evidence.exports.push(again);
        })
}
