//! What is answered of run images: their annotations, names, digests, labels.

use super::*;

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
