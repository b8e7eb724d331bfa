//! An exporter that annotates nothing has no answers about annotations; one that does is asked where there is something
//! to answer.

use serde_json::json;

use super::super::annotating::Annotating;
use super::observation::{ON, PROJECT, TITLE, answer, answers, seen};
use crate::evidence::{Document, End, ScenarioEvidence, Target};
use crate::sample::{self, annotate, edit_config, edit_input, edit_manifest, on, step};
use crate::view;

/// Takes the annotations from every manifest, those that a daemon pushed too.
fn bare(evidence: &mut ScenarioEvidence) {
    for export in &mut evidence.exports {
        if export.image.as_ref().is_some_and(|image| image.manifest.is_some()) {
            edit_manifest(export, |manifest| manifest["annotations"] = json!({}));
        }
        if let Some(pushed) = export.daemon.as_mut().and_then(|daemon| daemon.pushed.as_mut()) {
            let document = pushed.manifest.as_ref().unwrap();
            let mut manifest: serde_json::Value = serde_json::from_slice(&document.bytes).unwrap();
            manifest.as_object_mut().unwrap().remove("annotations");
            pushed.manifest = Some(Document::new(manifest.to_string().into_bytes(), None));
        }
    }
}

/// A build whose inputs ask for everything that is asked, on an exporter that has answered nothing of it.
fn asked() -> ScenarioEvidence {
    let mut evidence = sample::scenario();
    for export in &mut evidence.exports {
        edit_input(export, PROJECT, "[source.metadata]\nname='N'\nlicenses=''\nauthors=['Ada']\n");
        sample::contribute(export, &[(TITLE, "theirs"), ("com.example.own", "x")]);
    }
    bare(&mut evidence);
    evidence
}

const ABOUT_ANNOTATIONS: [&str; 11] = [
    "annotations-on-descriptors",
    "base-name-is",
    "base-name-with-a-chosen-mirror",
    "base-digest-behind-an-index",
    "docker-schema-2-run-image",
    "a-value-that-is-no-string",
    "an-empty-string",
    "who-wins-a-key-of-several",
    "created-as-annotation",
    "annotations-after-a-push-from-a-daemon",
    "labels-as-a-fallback",
];

fn about_annotations(evidence: &ScenarioEvidence) -> Vec<(String, String, String)> {
    let all = Target::ALL.into_iter().flat_map(|target| seen(evidence, target));
    all.filter(|(question, _, _)| ABOUT_ANNOTATIONS.contains(&question.as_str())).collect()
}

fn annotates(evidence: &ScenarioEvidence) -> Option<String> {
    Annotating::of(std::slice::from_ref(evidence)).observation().map(|seen| seen.answer)
}

#[test]
fn who_annotates_nothing_has_no_answers_about_annotations() {
    let evidence = asked();
    assert_eq!(annotates(&evidence).as_deref(), Some("nothing"));
    assert_eq!(about_annotations(&evidence), []);
    // What only the run image brought is not an answer either.
    let mut leaked = asked();
    for target in [Target::Registry, Target::Layout] {
        annotate(on(&mut leaked, target), TITLE, Some("sentinel-annotation-title"));
        annotate(on(&mut leaked, target), "org.opencontainers.image.base.name", Some("sentinel-annotation"));
        annotate(on(&mut leaked, target), "org.opencontainers.image.ref.name", Some("latest"));
    }
    assert_eq!(annotates(&leaked).as_deref(), Some("nothing"));
    assert_eq!(about_annotations(&leaked), []);
    // One annotation of its own, anywhere, and it answers.
    annotate(on(&mut leaked, Target::Layout), "org.opencontainers.image.base.name", Some("host.example/run:base"));
    assert_eq!(annotates(&leaked).as_deref(), Some("yes"));
    let of_registry = answers(&leaked, ON, "annotations-on-descriptors");
    assert_eq!(of_registry.len(), 1);
    // Also where it is one that a buildpack gave.
    let mut passed_on = asked();
    annotate(on(&mut passed_on, ON), "com.example.own", Some("x"));
    assert_eq!(annotates(&passed_on).as_deref(), Some("yes"));
}

#[test]
fn labels_that_stand_in_for_annotations_are_told_also_of_who_annotates_nothing() {
    let mut evidence = asked();
    edit_config(on(&mut evidence, Target::Daemon), |config| config["config"]["Labels"][TITLE] = json!("N"));
    let found = answers(&evidence, Target::Daemon, "labels-as-a-fallback");
    assert_eq!(found.iter().map(|(answer, _)| answer.as_str()).collect::<Vec<_>>(), ["some"]);
    // A label that a buildpack asked for stands in for nothing.
    let metadata = format!("[[labels]]\nkey='{TITLE}'\nvalue='N'\n");
    edit_input(on(&mut evidence, Target::Daemon), "/layers/config/metadata.toml", &metadata);
    assert_eq!(answers(&evidence, Target::Daemon, "labels-as-a-fallback"), []);
}

#[test]
fn where_nothing_is_asked_nothing_is_said_of_annotating() {
    let mut evidence = sample::scenario();
    for export in &mut evidence.exports {
        edit_input(export, PROJECT, "");
        export.run_image.reference = "0123456789ab".to_owned();
    }
    bare(&mut evidence);
    assert_eq!(annotates(&evidence), None);
    assert_eq!(about_annotations(&evidence), []);
    // A daemon alone says nothing of an exporter: its manifest is the daemon's.
    let mut evidence = asked();
    evidence.exports.retain(|export| export.target == Target::Daemon);
    assert_eq!(annotates(&evidence), None);
    // Nor does an export that failed.
    let mut evidence = asked();
    for export in &mut evidence.exports {
        export.outcome.end = End::Exited(1);
    }
    assert_eq!(annotates(&evidence), None);
}

#[test]
fn a_key_that_is_never_written_though_asked_is_not_answered_for() {
    let lines = "[source.metadata]\nname='N'\nauthors=['Ada']\n";
    let told = |title: Option<&str>| {
        let mut evidence = sample::repeated();
        for export in evidence.exports.iter_mut().filter(|export| export.target != Target::Daemon) {
            annotate(export, TITLE, None);
        }
        let first = step(&mut evidence, ON, 1);
        edit_input(first, PROJECT, lines);
        annotate(first, TITLE, title);
        let second = step(&mut evidence, ON, 2);
        edit_input(second, PROJECT, "[source.metadata]\nname=1\n");
        annotate(second, TITLE, None);
        let found = answers(&evidence, ON, "a-value-that-is-no-string").into_iter();
        found.map(|(answer, _)| answer).filter(|answer| answer.starts_with("integer")).collect::<Vec<_>>()
    };
    assert_eq!(told(Some("N")), ["integer: no annotation"]);
    assert_eq!(told(None), [""; 0]);
}

#[test]
fn a_push_is_asked_about_only_where_there_is_something_to_keep() {
    let question = "annotations-after-a-push-from-a-daemon";
    let with_nothing = |e: &mut ScenarioEvidence| {
        let export = on(e, Target::Daemon);
        edit_input(export, PROJECT, "");
        export.run_image.reference = "0123456789ab".to_owned();
    };
    assert_eq!(answer(Target::Daemon, question, with_nothing), None);
    let base = |e: &mut ScenarioEvidence| edit_input(on(e, Target::Daemon), PROJECT, "");
    let pinned = sample::scenario().exports.iter().any(|e| e.target == Target::Daemon && view::pinned(e).is_some());
    assert_eq!(answer(Target::Daemon, question, base).is_some(), pinned);
}

#[test]
fn the_run_image_s_own_descriptors_are_not_the_exporter_s() {
    let told = |own: Option<&str>| {
        let mut evidence = sample::scenario();
        let export = on(&mut evidence, ON);
        let mut run_image: serde_json::Value = serde_json::from_slice(&export.run_image.manifest.bytes).unwrap();
        run_image["layers"] = json!([{ "annotations": { "x": "theirs" } }]);
        export.run_image.manifest = Document::new(run_image.to_string().into_bytes(), None);
        edit_manifest(export, |manifest| {
            manifest["layers"][0]["annotations"] = json!({ "x": "theirs" });
            if let Some(own) = own {
                manifest["layers"][3]["annotations"] = json!({ "x": own });
            }
        });
        answers(&evidence, ON, "annotations-on-descriptors").pop().unwrap().0
    };
    assert_eq!(told(None), "no");
    assert_eq!(told(Some("theirs")), "no");
    assert_eq!(told(Some("mine")), "yes");
    let question = "annotations-of-the-run-image-s-descriptors";
    assert_eq!(answer(ON, question, |_| {}), None);
}

#[test]
fn a_key_has_the_text_of_its_own_input_and_of_no_other() {
    for (given, text) in [("name", "title"), ("licenses", "licenses")] {
        let mut evidence = sample::scenario();
        let export = on(&mut evidence, ON);
        edit_input(export, PROJECT, &format!("[source.metadata]\n{given}='x'\n"));
        for key in ["source", "revision", "authors", "version", "documentation", "title", "licenses"] {
            assert_eq!(crate::requirements::source::has_text(export, key), key == text, "{key}, given {given}");
        }
    }
}
