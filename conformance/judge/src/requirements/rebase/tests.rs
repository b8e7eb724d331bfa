//! What is told of a rebase where the specification leaves it open.

use serde_json::json;

use super::observations;
use super::trials::before;
use crate::evidence::{Export, ScenarioEvidence, Target};
use crate::requirement::Case;
use crate::sample::{self, annotate, edit_config, edit_manifest};

const REVISION: &str = "org.opencontainers.image.revision";
const DIGEST: &str = "org.opencontainers.image.base.digest";
const NAME: &str = "org.opencontainers.image.base.name";

/// Every question with its answer and its place.
fn seen(evidence: &ScenarioEvidence, target: Target) -> Vec<(String, String, String)> {
    let exports: Vec<&Export> = evidence.rebases.iter().filter(|export| export.target == target).collect();
    let service = exports[0].service.as_str();
    let case = Case { scenario: evidence, target, service, exports, run: &[] };
    let told = observations(&case).into_iter();
    told.map(|seen| {
        assert_eq!((seen.target, seen.service.as_str(), seen.scenario.as_str()), (target, service, "sample"));
        (seen.question, seen.answer, seen.evidence)
    })
    .collect()
}

/// The answers to one question.
fn answers(evidence: &ScenarioEvidence, target: Target, question: &str) -> Vec<String> {
    let all = seen(evidence, target).into_iter();
    all.filter(|(asked, _, _)| asked == question).map(|(_, answer, _)| answer).collect()
}

/// The answer that a good rebase shows after a change.
fn answer(target: Target, question: &str, change: impl FnOnce(&mut Export)) -> Option<String> {
    let mut evidence = sample::rebased();
    change(sample::step(&mut evidence, target, 1));
    let mut found = answers(&evidence, target, question);
    assert!(found.len() < 2, "{question}: {found:?}");
    found.pop()
}

fn without_annotations(export: &mut Export) {
    edit_manifest(export, |manifest| drop(manifest.as_object_mut().unwrap().shift_remove("annotations")));
}

#[test]
fn a_good_rebase_shows_what_is_always_asked() {
    let told = |target: Target, service: &str, more: &[[&str; 3]]| {
        let always = [
            [
                "rebase-annotations",
                "`base.*` follows the new run image, every other annotation stays",
                "manifest.json#/annotations",
            ],
            ["rebase-revision", "stays", "manifest.json#/annotations"],
            ["rebase-created", "stays", "config.json#/created"],
            ["rebase-rebasable", "stays", "config.json#/config/Labels"],
        ];
        let expected: Vec<_> = always
            .iter()
            .chain(more)
            .map(|[question, answer, at]| {
                ((*question).to_owned(), (*answer).to_owned(), format!("sample/{service}/1/{at}"))
            })
            .collect();
        assert_eq!(seen(&sample::rebased(), target), expected);
    };
    told(Target::Registry, "registry", &[]);
    let of_a_daemon = ["rebase-base-in-a-daemon", "moved", "manifest.json#/annotations"];
    told(Target::Daemon, "daemon:classic", &[of_a_daemon]);
}

#[test]
fn nothing_is_told_of_a_rebase_that_left_nothing_to_look_at() {
    let none = |change: fn(&mut Export)| {
        let mut evidence = sample::rebased();
        change(sample::step(&mut evidence, Target::Registry, 1));
        assert_eq!(seen(&evidence, Target::Registry), []);
    };
    none(|export| export.outcome.end = crate::evidence::End::Exited(70));
    none(|export| export.image = None);
    none(|export| export.rebase = None);
    none(|export| export.rebase.as_mut().unwrap().app = None);
}

#[test]
fn what_becomes_of_the_annotations_is_told() {
    let becomes = |change: fn(&mut Export)| answer(Target::Registry, "rebase-annotations", change);
    let of_the_base_stays = |export: &mut Export| {
        for key in [DIGEST, NAME] {
            let old = crate::view::annotation(export.rebase.as_ref().unwrap().app.as_ref().unwrap(), key);
            annotate(export, key, old.as_deref());
        }
    };
    assert_eq!(becomes(|export| before(export, without_annotations)), None);
    assert_eq!(becomes(without_annotations).as_deref(), Some("all annotations are dropped"));
    let lost = Some("some of the others are lost or changed");
    assert_eq!(becomes(|export| annotate(export, REVISION, None)).as_deref(), lost);
    assert_eq!(becomes(|export| annotate(export, REVISION, Some("x"))).as_deref(), lost);
    let removed = becomes(|export| {
        for key in [DIGEST, NAME] {
            annotate(export, key, None);
        }
    });
    assert_eq!(removed.as_deref(), Some("`base.*` is removed, every other annotation stays"));
    let stays = becomes(of_the_base_stays);
    assert_eq!(stays.as_deref(), Some("all annotations stay as they are, `base.*` too"));
    // The order of annotations says nothing.
    let in_another_order = becomes(|export| {
        let revision = crate::view::annotation(export.image.as_ref().unwrap(), REVISION);
        annotate(export, REVISION, None);
        annotate(export, REVISION, revision.as_deref());
    });
    let follows = Some("`base.*` follows the new run image, every other annotation stays");
    assert_eq!(in_another_order.as_deref(), follows);
}

#[test]
fn values_stay_are_others_or_are_removed() {
    let on = Target::Registry;
    let revision =
        |text: Option<&'static str>| answer(on, "rebase-revision", |export| annotate(export, REVISION, text));
    assert_eq!(revision(Some("x")).as_deref(), Some("another value"));
    assert_eq!(revision(None).as_deref(), Some("removed"));
    let unasked = answer(on, "rebase-revision", |export| before(export, |export| annotate(export, REVISION, None)));
    assert_eq!(unasked, None);
    let created =
        |change: fn(&mut serde_json::Value)| answer(on, "rebase-created", |export| edit_config(export, change));
    let another = created(|config| config["created"] = json!("1990-01-01T00:00:00Z"));
    assert_eq!(another.as_deref(), Some("another value"));
    let removed = created(|config| drop(config.as_object_mut().unwrap().shift_remove("created")));
    assert_eq!(removed.as_deref(), Some("removed"));
    let rebasable = answer(on, "rebase-rebasable", |export| {
        edit_config(export, |config| config["config"]["Labels"]["io.buildpacks.rebasable"] = json!("true"));
    });
    assert_eq!(rebasable.as_deref(), Some("another value"));
}

#[test]
fn a_rebase_upon_the_same_run_image_is_the_same_image_or_another() {
    let question = "rebase-upon-the-same";
    let mut evidence = sample::rebased_upon_the_same();
    assert_eq!(answers(&evidence, Target::Registry, question), ["the same image"]);
    let change = |export: &mut Export| edit_config(export, |config| config["created"] = json!("1990-01-01T00:00:00Z"));
    change(sample::step(&mut evidence, Target::Registry, 1));
    assert_eq!(answers(&evidence, Target::Registry, question), ["another image"]);
    assert_eq!(answers(&sample::rebased(), Target::Registry, question), [""; 0]);
}

#[test]
fn what_a_daemon_makes_of_the_base_is_told() {
    let question = "rebase-base-in-a-daemon";
    let removed = answer(Target::Daemon, question, |export| annotate(export, DIGEST, None));
    assert_eq!(removed.as_deref(), Some("removed"));
    let unasked = |export: &mut Export| before(export, |export| annotate(export, DIGEST, None));
    assert_eq!(answer(Target::Daemon, question, unasked), None);
}

#[test]
fn an_answer_is_told_once_and_a_second_one_too() {
    let mut evidence = sample::rebased_twice();
    let question = "rebase-revision";
    assert_eq!(answers(&evidence, Target::Registry, question), ["stays"]);
    annotate(sample::step(&mut evidence, Target::Registry, 2), REVISION, None);
    assert_eq!(answers(&evidence, Target::Registry, question), ["stays", "removed"]);
}
