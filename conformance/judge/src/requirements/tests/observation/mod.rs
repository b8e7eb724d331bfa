//! Each question that is left open: what is answered, where it is looked up, and what leaves it unasked.

mod run_images;
mod stores;

use serde_json::json;

use super::super::annotating::Annotating;
use super::super::*;
use crate::digest::Digest;
use crate::evidence::{Document, Fetched, ScenarioEvidence, StoreKind, Target};
use crate::sample::{self, annotate, edit_config, edit_input, edit_label, edit_layers, edit_manifest, on, step};
use crate::view::LIFECYCLE;

pub(super) const ON: Target = Target::Registry;
pub(super) const TITLE: &str = "org.opencontainers.image.title";
pub(super) const PROJECT: &str = "/layers/project-metadata.toml";
const ANNOTATIONS: &str = "manifest.json#/annotations";

/// Every question with its answer and its place in the first export's evidence.
pub(super) fn seen(evidence: &ScenarioEvidence, target: Target) -> Vec<(String, String, String)> {
    let exports: Vec<&Export> = evidence.exports.iter().filter(|export| export.target == target).collect();
    let service = exports[0].service.as_str();
    let case = Case { scenario: evidence, target, service, exports, run: &[] };
    let annotating = Annotating::of(std::slice::from_ref(evidence));
    let observations = observations(&case, &annotating).into_iter();
    observations
        .map(|seen| {
            assert_eq!((seen.target, seen.service.as_str(), seen.scenario.as_str()), (target, service, "sample"));
            (seen.question, seen.answer, seen.evidence)
        })
        .collect()
}

pub(super) fn answers(evidence: &ScenarioEvidence, target: Target, question: &str) -> Vec<(String, String)> {
    let all = seen(evidence, target).into_iter();
    all.filter(|(asked, _, _)| asked == question).map(|(_, answer, place)| (answer, place)).collect()
}

/// The one answer that the sample shows after a change.
pub(super) fn answer(target: Target, question: &str, change: impl FnOnce(&mut ScenarioEvidence)) -> Option<String> {
    let mut evidence = sample::scenario();
    change(&mut evidence);
    let mut found = answers(&evidence, target, question);
    assert!(found.len() < 2, "{question}: {found:?}");
    found.pop().map(|(answer, _)| answer)
}

fn rows(texts: &[[&str; 3]]) -> Vec<(String, String, String)> {
    texts.iter().map(|row| row.map(str::to_owned)).map(|[question, answer, place]| (question, answer, place)).collect()
}

#[test]
fn the_sample_shows_what_is_always_asked() {
    let created = "1980-01-01T00:00:01Z";
    let labels = "sample/registry/1/config.json#/config/Labels";
    assert_eq!(
        seen(&sample::scenario(), ON),
        rows(&[
            ["run-image-s-other-annotations", "dropped", "sample/registry/1/manifest.json#/annotations"],
            ["annotations-on-descriptors", "no", "sample/registry/1/manifest.json"],
            ["base-name-is", "run-image.image", "sample/registry/1/manifest.json#/annotations"],
            ["created-of-the-config", created, "sample/registry/1/config.json#/created"],
            ["created-as-annotation", "none", "sample/registry/1/manifest.json#/annotations"],
            ["rebasable", "false", &format!("{labels}/io.buildpacks.rebasable")],
            ["run-image-reference-in-the-label", "a digest reference", labels],
            ["layers-of-the-run-image-are", "the same blobs", "sample/registry/1/manifest.json#/layers"],
            ["what-is-said-of-a-good-build", "on standard output", "sample/registry/1/stdout.txt"],
            ["modes-of-outputs", "report 644", "sample/registry/1/export.json#/output_modes"],
        ])
    );
    let config = "sample/daemon:classic/1/config.json";
    let pushed = "sample/daemon:classic/1/pushed-manifest.json";
    assert_eq!(
        seen(&sample::scenario(), Target::Daemon),
        rows(&[
            ["created-of-the-config", created, &format!("{config}#/created")],
            ["daemon-s-id-is", "the config digest (classic)", "sample/daemon:classic/1/inspect.json"],
            ["annotations-after-a-push-from-a-daemon", "yes (classic)", pushed],
            ["daemon-s-image-id-equals-registry", "no", config],
            ["pushed-from-a-daemon-differs-in", "run image reference in the label", pushed],
            ["labels-as-a-fallback", "none", &format!("{config}#/config/Labels")],
            ["rebasable", "false", &format!("{config}#/config/Labels/io.buildpacks.rebasable")],
            ["run-image-reference-in-the-label", "an image ID", &format!("{config}#/config/Labels")],
            ["what-is-said-of-a-good-build", "on standard output", "sample/daemon:classic/1/stdout.txt"],
            ["modes-of-outputs", "report 644", "sample/daemon:classic/1/export.json#/output_modes"],
        ])
    );
    let layout: Vec<String> =
        seen(&sample::scenario(), Target::Layout).into_iter().map(|(asked, _, _)| asked).collect();
    assert!(layout.contains(&"layout-digest-equals-registry".to_owned()), "{layout:?}");
}

#[test]
fn what_is_left_to_an_exporter_is_told() {
    let packed = |digest: &'static str| {
        answer(ON, "layers-of-the-run-image-are", move |e| {
            sample::edit_manifest(on(e, ON), |manifest| manifest["layers"][1]["digest"] = digest.into());
        })
    };
    assert_eq!(packed("sha256:00").as_deref(), Some("packed anew"));
    let said = |out: &'static str, err: &'static str| {
        let said = answer(ON, "what-is-said-of-a-good-build", move |e| {
            let outcome = &mut on(e, ON).outcome;
            (outcome.stdout, outcome.stderr) = (out.to_owned(), err.to_owned());
        });
        said.unwrap()
    };
    assert_eq!(said("a", "b"), "on both streams");
    assert_eq!(said(" ", "b"), "on standard error");
    assert_eq!(said("", ""), "nowhere");
    let modes = answer(ON, "modes-of-outputs", |e| {
        let folder = "/layout/app/1";
        let modes = [("index.json", 0o600), ("oci-layout", 0o644), ("blobs/sha256/00", 0o444)];
        let modes = modes.map(|(name, mode)| (format!("{folder}/{name}"), mode));
        on(e, ON).output_modes.extend(modes);
    });
    assert_eq!(modes.as_deref(), Some("blobs 444, index.json 600, oci-layout 644, report 644"));
}

#[test]
fn nothing_is_asked_of_a_refused_export() {
    for target in Target::ALL {
        let mut evidence = sample::scenario();
        on(&mut evidence, target).inputs.expected_failure = Some("errors.no-image".to_owned());
        assert_eq!(seen(&evidence, target), []);
        let mut evidence = sample::scenario();
        on(&mut evidence, target).image = None;
        let left: Vec<String> = seen(&evidence, target).into_iter().map(|(question, _, _)| question).collect();
        assert_eq!(left, [""; 0], "{target}");
    }
}

#[test]
fn odd_values_of_the_project_are_told_with_what_became_of_them() {
    let project = |lines: &'static str, title: Option<&'static str>| {
        let mut evidence = sample::scenario();
        let export = on(&mut evidence, ON);
        edit_input(export, PROJECT, lines);
        annotate(export, TITLE, title);
        let place = format!("sample/registry/1/{ANNOTATIONS}");
        let of = |question: &str| -> Vec<String> {
            let found = answers(&evidence, ON, question).into_iter();
            found.inspect(|(_, at)| assert_eq!(*at, place)).map(|(answer, _)| answer).collect()
        };
        (of("an-empty-string"), of("a-value-that-is-no-string"))
    };
    assert_eq!(project("[source.metadata]\nname='x'\n", Some("x")), (vec![], vec![]));
    assert_eq!(project("[source.metadata]\nname=''\n", Some("")), (vec!["''".to_owned()], vec![]));
    assert_eq!(project("[source.metadata]\nname=''\n", None), (vec!["no annotation".to_owned()], vec![]));
    assert_eq!(project("[source.metadata]\nname=1\n", Some("1")), (vec![], vec!["integer: '1'".to_owned()]));
    // What two keys answer alike is said once, and what they answer differently twice.
    let twice = project("[source.metadata]\nname=1\nauthors=1\n", Some("Ada"));
    assert_eq!(twice, (vec![], vec!["integer: 'Ada'".to_owned()]));
    let both = project("[source.metadata]\nname=1\nauthors=''\n", Some("1"));
    assert_eq!(both, (vec!["'Ada'".to_owned()], vec!["integer: '1'".to_owned()]));
    let differing = project("[source.metadata]\nname=1\nauthors=1\n", Some("1"));
    assert_eq!(differing.1, ["integer: 'Ada'", "integer: '1'"]);
}

#[test]
fn who_wins_a_key_of_several_is_told_of_each() {
    let base = "org.opencontainers.image.base.name";
    let won = |key: &'static str, text: Option<&'static str>| {
        let mut evidence = sample::scenario();
        let export = on(&mut evidence, ON);
        sample::contribute(export, &[(key, "theirs")]);
        annotate(export, key, text);
        let found = answers(&evidence, ON, "who-wins-a-key-of-several");
        assert!(found.iter().all(|(_, place)| place.ends_with(ANNOTATIONS)));
        found.into_iter().map(|(answer, _)| answer).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(won(TITLE, Some("theirs")), "title, of the platform and a buildpack: the buildpack");
    assert_eq!(won(TITLE, Some("Näme")), "title, of the platform and a buildpack: the platform");
    assert_eq!(won(TITLE, None), "title, of the platform and a buildpack: neither");
    assert_eq!(won(base, Some("x")), "base.name, of the exporter and a buildpack: the exporter");
    assert_eq!(won("com.example.own", Some("theirs")), "");
}

#[test]
fn times_and_the_digest_before_are_told() {
    assert_eq!(
        answer(ON, "created-of-the-config", |e| on(e, ON).inputs.source_date_epoch = Some(1)).as_deref(),
        Some("SOURCE_DATE_EPOCH")
    );
    let without = |e: &mut ScenarioEvidence| {
        edit_config(on(e, ON), |config| drop(config.as_object_mut().unwrap().remove("created")));
    };
    assert_eq!(answer(ON, "created-of-the-config", without), None);
    let key = "org.opencontainers.image.created";
    for (text, contributed, expected) in [
        ("1980-01-01T00:00:01Z", "", "the config's"),
        ("2001-01-01T00:00:00Z", "", "another time than the config's"),
        ("2001-01-01T00:00:00Z", "2001-01-01T00:00:00Z", "a buildpack's"),
        ("2001-01-01T00:00:00Z", "2002-01-01T00:00:00Z", "another time than the config's"),
        ("sentinel-annotation", "", "none"),
    ] {
        let found = answer(ON, "created-as-annotation", |e| {
            let export = on(e, ON);
            if !contributed.is_empty() {
                sample::contribute(export, &[(key, contributed)]);
            }
            annotate(export, key, Some(text));
        });
        assert_eq!(found.as_deref(), Some(expected), "{text} {contributed}");
    }
    let old = |document: Option<Document>| Fetched { asked: "x".to_owned(), status: 200, document };
    for (document, expected) in [(Some(Document::new(Vec::new(), None)), "still served"), (None, "gone")] {
        let mut evidence = sample::scenario();
        for export in &mut evidence.exports {
            export.previous_after = Some(old(document.clone()));
        }
        let place = "sample/registry/1/export.json#/previous_after".to_owned();
        assert_eq!(answers(&evidence, ON, "the-previous-digest"), [(expected.to_owned(), place)]);
        assert_eq!(answers(&evidence, Target::Layout, "the-previous-digest"), []);
    }
}
