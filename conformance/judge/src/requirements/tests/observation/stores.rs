//! What is answered of stores: what daemons and layouts make of an image, and what a registry keeps.

use super::*;

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
