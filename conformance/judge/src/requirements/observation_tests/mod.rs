//! Each question that is left open: what is answered, where it is looked up, and what leaves it unasked.

use serde_json::json;

use super::annotating::Annotating;
use super::*;
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
fn annotations_of_the_run_image_are_kept_or_dropped() {
    let question = "run-image-s-other-annotations";
    let with = |key: &'static str, text: &'static str| {
        answer(ON, question, move |e| annotate(on(e, ON), key, Some(text))).unwrap()
    };
    assert_eq!(with("x.y", "sentinel-annotation"), "1 kept");
    assert_eq!(with("org.opencontainers.image.vendor", "sentinel-annotation"), "1 kept");
    assert_eq!(with("x.y", "of its own"), "dropped");
    // The RFC's keys are judged, not asked.
    assert_eq!(with(TITLE, "sentinel-annotation-title"), "dropped");
    let bare = |e: &mut ScenarioEvidence| {
        let run = &mut on(e, ON).run_image;
        run.manifest = Document::new(b"{}".to_vec(), None);
    };
    assert_eq!(answer(ON, question, bare), None);
    for (place, expected) in [("config", "yes"), ("layers", "yes"), ("other", "no")] {
        let found = answer(ON, "annotations-on-descriptors", |e| {
            edit_manifest(on(e, ON), |manifest| match place {
                "layers" => manifest["layers"][3]["annotations"] = json!({}),
                place => manifest[place]["annotations"] = json!({}),
            });
        });
        assert_eq!(found.as_deref(), Some(expected), "{place}");
    }
}

#[test]
fn the_name_of_the_base_is_one_of_many() {
    let named = |name: &'static str, question: &'static str, mirror: bool| {
        answer(ON, question, move |e| {
            let export = on(e, ON);
            if mirror {
                "mirror.example/run:base".clone_into(&mut export.run_image.name);
            }
            annotate(export, "org.opencontainers.image.base.name", Some(name));
        })
    };
    for (name, what) in [
        ("host.example/run:base", "run-image.image"),
        ("mirror.example/run:base", "a mirror in the label"),
        ("other.example/run:base", "something else"),
    ] {
        assert_eq!(named(name, "base-name-is", false).as_deref(), Some(what));
    }
    let chosen = "base-name-with-a-chosen-mirror";
    assert_eq!(named("mirror.example/run:base", chosen, false), None);
    assert_eq!(named("mirror.example/run:base", chosen, true).as_deref(), Some("the mirror"));
    assert_eq!(named("host.example/run:base", chosen, true).as_deref(), Some("the name that it mirrors"));
    assert_eq!(answer(ON, "base-name-is", |e| annotate(on(e, ON), "org.opencontainers.image.base.name", None)), None);
}

#[test]
fn of_an_extended_run_image_one_of_four_bases_is_named() {
    let (digest, name) = ("org.opencontainers.image.base.digest", "org.opencontainers.image.base.name");
    let after = |change: &dyn Fn(&mut Export)| {
        let mut evidence = sample::extended();
        change(on(&mut evidence, ON));
        answers(&evidence, ON, "extended-run-image").pop()
    };
    let told = |answer: &str| Some((answer.to_owned(), format!("sample/registry/1/{ANNOTATIONS}")));
    let other = Digest::of(b"other").to_string();
    assert_eq!(after(&|_| {}), told("the run image before its extension"));
    assert_eq!(after(&|e| annotate(e, digest, Some(&other))), told("another image"));
    assert_eq!(after(&|e| annotate(e, digest, None)), told("the name alone"));
    let neither = |e: &mut Export| [digest, name].into_iter().for_each(|key| annotate(e, key, None));
    assert_eq!(after(&neither), told("no base.*"));
    assert_eq!(after(&|e| e.run_image.extension = None), None);
    let without = |e: &mut Export| edit_manifest(e, |manifest| manifest["annotations"] = json!({}));
    let mut evidence = sample::extended();
    evidence.exports.iter_mut().filter(|e| e.target != Target::Daemon).for_each(without);
    assert_eq!(answers(&evidence, ON, "extended-run-image"), []);
}

#[test]
fn behind_an_index_the_digest_is_one_of_two() {
    let question = "base-digest-behind-an-index";
    let index = Document::new(b"{\"manifests\":[]}".to_vec(), None);
    let platform = on(&mut sample::scenario(), ON).run_image.manifest.digest.to_string();
    let (of_index, other) = (index.digest.to_string(), Digest::of(b"other").to_string());
    for (digest, expected) in [
        (&of_index, "the index's"),
        (&platform, "the platform manifest's"),
        (&other, "neither the index's nor the platform manifest's"),
    ] {
        let mut evidence = sample::scenario();
        let export = on(&mut evidence, ON);
        export.run_image.index = Some(index.clone());
        annotate(export, "org.opencontainers.image.base.digest", Some(digest));
        let place = format!("sample/registry/1/{ANNOTATIONS}");
        assert_eq!(answers(&evidence, ON, question), [(expected.to_owned(), place)]);
    }
    let without = answer(ON, question, |e| {
        let export = on(e, ON);
        export.run_image.index = Some(index);
        annotate(export, "org.opencontainers.image.base.digest", None);
    });
    assert_eq!(without, None);
}

#[test]
fn a_docker_run_image_is_kept_or_converted() {
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    for (exported, expected) in
        [(docker, "kept as it is"), ("application/vnd.oci.image.manifest.v1+json", "converted to OCI")]
    {
        let mut evidence = sample::scenario();
        let export = on(&mut evidence, ON);
        export.run_image.manifest = Document::new(json!({ "mediaType": docker }).to_string().into_bytes(), None);
        edit_manifest(export, |manifest| manifest["mediaType"] = json!(exported));
        let place = "sample/registry/1/manifest.json#/mediaType".to_owned();
        assert_eq!(answers(&evidence, ON, "docker-schema-2-run-image"), [(expected.to_owned(), place)]);
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

#[test]
fn a_daemon_s_id_is_told_by_store() {
    let id = |store: StoreKind, change: fn(&mut Export)| {
        answer(Target::Daemon, "daemon-s-id-is", move |e| {
            let export = on(e, Target::Daemon);
            change(export);
            export.daemon.as_mut().unwrap().store = store;
        })
    };
    let manifest: fn(&mut Export) = |export| {
        let manifest = export.daemon.as_ref().unwrap().pushed.as_ref().unwrap().manifest.clone();
        let id = manifest.as_ref().map(|manifest| manifest.digest.to_string());
        export.image.as_mut().unwrap().manifest = manifest;
        export.daemon.as_mut().unwrap().tag_ids[0].id = id;
    };
    let short: fn(&mut Export) = |export| {
        let id = export.daemon.as_ref().unwrap().tag_ids[0].id.as_ref().unwrap()[7..].to_owned();
        export.daemon.as_mut().unwrap().tag_ids[0].id = Some(id);
    };
    assert_eq!(id(StoreKind::Containerd, manifest).as_deref(), Some("the manifest digest (containerd)"));
    assert_eq!(id(StoreKind::Podman, short).as_deref(), Some("the config digest (podman)"));
    let neither = Some("neither config nor manifest digest (classic)");
    assert_eq!(id(StoreKind::Classic, |e| e.daemon.as_mut().unwrap().tag_ids.clear()).as_deref(), neither);
    // No ID is the ID of no document.
    let nothing: fn(&mut Export) = |export| {
        export.daemon.as_mut().unwrap().tag_ids.clear();
        export.image.as_mut().unwrap().config = None;
    };
    assert_eq!(id(StoreKind::Classic, nothing).as_deref(), neither);
}

#[test]
fn what_a_push_from_a_daemon_changes_is_told_by_class() {
    let question = "pushed-from-a-daemon-differs-in";
    let pushed = |change: &dyn Fn(&mut Export)| {
        answer(Target::Daemon, question, |e| {
            // The image of the registry export, changed by itself, is what was pushed.
            let mut like = on(e, ON).clone();
            change(&mut like);
            on(e, Target::Daemon).daemon.as_mut().unwrap().pushed = like.image;
        })
        .unwrap()
    };
    assert_eq!(pushed(&|_| {}), "none: one digest");
    assert_eq!(
        pushed(&|e| edit_manifest(e, |m| drop(m.as_object_mut().unwrap().remove("annotations")))),
        "annotations lost"
    );
    assert_eq!(pushed(&|e| annotate(e, "x.y", Some("1"))), "annotations changed");
    assert_eq!(pushed(&|e| edit_manifest(e, |m| m["mediaType"] = json!("x"))), "media types");
    assert_eq!(pushed(&|e| edit_manifest(e, |m| m["layers"][0]["size"] = json!(1))), "the manifest's bytes alone");
    assert_eq!(pushed(&|e| annotate(e, "x.y", Some("sentinel-annotation"))), "the run image's annotations");
    assert_eq!(pushed(&|e| edit_config(e, |config| config["x"] = json!(1))), "config");
    assert_eq!(pushed(&|e| edit_label(e, LIFECYCLE, |l| l["runImage"]["reference"] = json!("x"))), {
        "run image reference in the label"
    });
    assert_eq!(pushed(&|e| edit_layers(e, |own| drop(own.pop()))), "other layers, config");
    let renamed = |e: &mut Export| {
        edit_manifest(e, |m| m["layers"][0]["size"] = json!(1));
        e.image.as_mut().unwrap().layers[0].name = "sha256:x".to_owned();
    };
    assert_eq!(pushed(&renamed), "recompression");
    let bare = |e: &mut Export| {
        let config = e.image.as_ref().unwrap().config.clone().unwrap();
        let mut value: serde_json::Value = serde_json::from_slice(&config.bytes).unwrap();
        value["config"]["Labels"] = json!({});
        sample::set_config(e, Document::new(value.to_string().into_bytes(), None));
    };
    assert_eq!(pushed(&bare), "config");
    let kept = |change: fn(&mut Export)| {
        answer(Target::Daemon, "annotations-after-a-push-from-a-daemon", move |e| change(on(e, Target::Daemon)))
    };
    assert_eq!(
        kept(|e| e.daemon.as_mut().unwrap().pushed.as_mut().unwrap().manifest = None).as_deref(),
        Some("no (classic)")
    );
    assert_eq!(kept(|e| e.daemon.as_mut().unwrap().pushed = None), None);
}

#[test]
fn the_daemon_s_image_is_compared_with_the_registry_s() {
    let question = "daemon-s-image-id-equals-registry";
    let same = |e: &mut ScenarioEvidence| {
        let config = on(e, ON).image.as_ref().unwrap().config.clone().unwrap();
        sample::set_config(on(e, Target::Daemon), config);
    };
    assert_eq!(answer(Target::Daemon, question, same).as_deref(), Some("yes"));
    assert_eq!(answer(Target::Daemon, question, |e| e.exports.retain(|export| export.target != ON)), None);
    let labelled = |key: &'static str| {
        answer(Target::Daemon, "labels-as-a-fallback", move |e| {
            edit_config(on(e, Target::Daemon), |config| config["config"]["Labels"][key] = json!("x"));
        })
    };
    assert_eq!(labelled(TITLE).as_deref(), Some("some"));
    for key in ["com.example.title", "org.opencontainers.image.version"] {
        assert_eq!(labelled(key).as_deref(), Some("none"), "{key}");
    }
}

#[test]
fn a_layout_s_digest_and_path_are_told() {
    let question = "layout-digest-equals-registry";
    let layout = Target::Layout;
    let differing = |e: &mut ScenarioEvidence| annotate(on(e, layout), "x.y", Some("1"));
    let differs = "no: annotations changed";
    assert_eq!(answer(layout, question, differing).as_deref(), Some(differs));
    let same = |e: &mut ScenarioEvidence| {
        let image = on(e, ON).image.clone();
        on(e, layout).image = image;
    };
    assert_eq!(answer(layout, question, same).as_deref(), Some("yes"));
    // Analysed under another name, it is not the same build.
    let renamed = |e: &mut ScenarioEvidence| "short".clone_into(&mut on(e, ON).run_image.name);
    assert_eq!(answer(layout, question, renamed), None);
    let question = "layout-path-of-a-registry-with-port";
    assert_eq!(answer(layout, question, |_| {}), None);
    let mut evidence = sample::scenario();
    let facts = on(&mut evidence, layout).layout.as_mut().unwrap();
    facts.roots[0].reference = "app.example:5000/app".to_owned();
    facts.folders = ["a/1", "a/2"].map(str::to_owned).to_vec();
    let expected = ("app.example:5000/app: a/1, a/2".to_owned(), "sample/layout/1/export.json#/layout".to_owned());
    assert_eq!(answers(&evidence, layout, question), [expected]);
}

#[test]
fn labels_and_command_of_the_run_image_are_told() {
    let question = "run-image-reference-in-the-label";
    let path = answer(ON, question, |e| {
        edit_label(on(e, ON), LIFECYCLE, |label| label["runImage"]["reference"] = json!("/layout/run@sha256:0"));
    });
    assert_eq!(path.as_deref(), Some("a path in the layout"));
    let without = |e: &mut ScenarioEvidence| {
        edit_config(on(e, ON), |config| config["config"]["Labels"] = json!({}));
    };
    assert_eq!(answer(ON, question, without), None);
    assert_eq!(answer(ON, "rebasable", without), None);
    let command = |own: serde_json::Value| {
        let mut evidence = sample::scenario();
        let export = on(&mut evidence, ON);
        let base = json!({ "config": { "Cmd": ["sh"] } });
        export.run_image.config = Document::new(base.to_string().into_bytes(), None);
        edit_config(export, |config| config["config"]["Cmd"] = own);
        answers(&evidence, ON, "the-run-image-s-cmd")
    };
    let place = || "sample/registry/1/config.json#/config/Cmd".to_owned();
    assert_eq!(command(json!(["sh"])), [("kept".to_owned(), place())]);
    assert_eq!(command(json!([])), [("removed".to_owned(), place())]);
    assert_eq!(command(json!(null)), [("removed".to_owned(), place())]);
}

#[test]
fn the_digest_of_a_re_used_layer_is_told() {
    let question = "a-re-used-layer-has";
    let reused = |change: &dyn Fn(&mut Export)| {
        let mut evidence = sample::repeated();
        let second = step(&mut evidence, ON, 2);
        second.inputs.files.retain(|file| !file.path.starts_with("/layers/a_one/runtime") || file.text.is_some());
        change(second);
        answers(&evidence, ON, question)
    };
    let at = "sample/registry/2/manifest.json#/layers".to_owned();
    assert_eq!(reused(&|_| {}), [("the digest of the fresh export".to_owned(), at.clone())]);
    let other = |export: &mut Export| export.image.as_mut().unwrap().layers[2].name = "sha256:x".to_owned();
    assert_eq!(reused(&other), [("another digest".to_owned(), at)]);
    assert_eq!(reused(&|export| edit_layers(export, |own| drop(own.remove(0)))), []);
}
