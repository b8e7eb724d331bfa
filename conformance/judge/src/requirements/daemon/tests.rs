//! What a daemon shows, seen to hold and to fail.

use serde_json::json;

use super::*;
use crate::evidence::{Document, End, Layer, ScenarioEvidence, Target};
use crate::sample::{
    self, Fault, edit_config, edit_input, edit_label, edit_layers, edit_manifest, edit_report, fails, find, holds, on,
};

const ON: Target = Target::Daemon;

#[test]
fn an_annotated_build_is_exported() {
    fails("daemon.export-succeeds", ON, |e| on(e, ON).outcome.end = End::Exited(1));
    let mut evidence = sample::scenario();
    edit_input(on(&mut evidence, ON), "/layers/project-metadata.toml", "[source.metadata]\nname='x'\n");
    assert!(matches!(find(&evidence, "daemon.export-succeeds", ON), Finding::NotApplicable(_)));
}

#[test]
fn annotations_stay_annotations_and_their_loss_is_said() {
    let label = |key: &'static str| {
        move |e: &mut ScenarioEvidence| edit_config(on(e, ON), |c| c["config"]["Labels"][key] = json!("x"))
    };
    fails("daemon.annotations-not-labels", ON, label("org.opencontainers.image.title"));
    holds("daemon.annotations-not-labels", ON, label("org.opencontainers.image.url"));
    fails("daemon.says-so", ON, |e| on(e, ON).outcome.stdout.clear());
    holds("daemon.says-so", ON, |e| {
        let outcome = &mut on(e, ON).outcome;
        outcome.stderr = std::mem::take(&mut outcome.stdout).to_uppercase();
    });
    let mut evidence = sample::scenario();
    edit_manifest(on(&mut evidence, Target::Registry), |m| m["annotations"] = json!({}));
    assert!(matches!(find(&evidence, "daemon.says-so", ON), Finding::NotApplicable(_)));
}

#[test]
fn the_report_has_one_of_the_ids() {
    let id = sample::scenario().exports[1].image_id().unwrap().to_string();
    let other = Digest::of(b"other").to_string();
    fails("daemon.report-image-id", ON, |e| edit_report(on(e, ON), &id, &other));
    fails("daemon.report-image-id", ON, |e| edit_report(on(e, ON), "image-id", "image-ids"));
    fails("daemon.report-image-id", ON, |e| edit_report(on(e, ON), &id, ""));
    holds("daemon.report-image-id", ON, |e| edit_report(on(e, ON), &id, id.trim_start_matches("sha256:")));
    holds("daemon.report-image-id", ON, |e| edit_report(on(e, ON), "image-id", "imageID"));
    holds("daemon.report-image-id", ON, |e| {
        edit_report(on(e, ON), &id, &other);
        on(e, ON).daemon.as_mut().unwrap().tag_ids[0].id = Some(other.clone());
    });
}

#[test]
fn every_tag_is_the_same_image() {
    fails("daemon.all-tags", ON, |e| on(e, ON).inputs.images.push("host.example/app:2".to_owned()));
    fails("daemon.all-tags", ON, |e| on(e, ON).daemon.as_mut().unwrap().tag_ids[0].id = None);
    fails("daemon.all-tags", ON, |e| {
        let export = on(e, ON);
        export.inputs.images.push("host.example/app:2".to_owned());
        let mut tag = export.daemon.as_ref().unwrap().tag_ids[0].clone();
        tag.reference = "host.example/app:2".to_owned();
        tag.id = Some("sha256:0".to_owned());
        export.daemon.as_mut().unwrap().tag_ids.push(tag);
    });
}

#[test]
fn layers_are_neither_doubled_nor_shifted_nor_empty() {
    let layers = |change: fn(&mut Vec<Layer>)| {
        move |e: &mut ScenarioEvidence| change(&mut on(e, ON).image.as_mut().unwrap().layers)
    };
    let id = "daemon.image-true";
    fails(id, ON, layers(|layers| layers.swap(2, 3)));
    fails(id, ON, |e| on(e, ON).image = None);
    let mut nowhere = sample::scenario();
    on(&mut nowhere, ON).image = None;
    on(&mut nowhere, ON).daemon.as_mut().unwrap().tag_ids.clear();
    assert!(matches!(find(&nowhere, id, ON), Finding::Skipped(_)), "daemon.all-tags judges it");
    fails(id, ON, layers(|layers| layers[4] = layers[3].clone()));
    fails(id, ON, layers(|layers| drop(layers.pop())));
    fails(id, ON, layers(|layers| layers[0].blob = None));
    fails(
        id,
        ON,
        layers(|layers| {
            let blob = layers[0].blob.as_mut().unwrap();
            blob.diff_id = Digest::of(b"");
            blob.uncompressed_size = 0;
        }),
    );
    fails(id, ON, |e| on(e, ON).image.as_mut().unwrap().config = None);
    fails(id, ON, |e| {
        let image = on(e, ON).image.as_mut().unwrap();
        let layers: Vec<_> = image.layers.iter().map(|layer| json!({ "digest": layer.name, "size": 1 })).collect();
        image.manifest = Some(Document::new(json!({ "layers": layers }).to_string().into_bytes(), None));
    });
}

#[test]
fn the_registry_export_is_the_measure() {
    fails("daemon.same-diff-ids", ON, |e| edit_layers(on(e, ON), |own| own.swap(0, 1)));
    for path in COMPARED {
        fails("daemon.same-config", ON, |e| {
            edit_config(on(e, ON), |c| match path {
                [one] => c[*one] = json!("2001-01-01T00:00:00Z"),
                [one, two] => c[*one][*two] = json!(["x"]),
                _ => {}
            });
        });
    }
    holds("daemon.same-config", ON, |e| edit_config(on(e, ON), |c| c["config"]["Cmd"] = json!([])));
    fails("daemon.same-labels", ON, |e| edit_config(on(e, ON), |c| c["config"]["Labels"]["k"] = json!("x")));
    fails("daemon.same-labels", ON, |e| edit_config(on(e, ON), |c| c["config"]["Labels"]["more"] = json!("x")));
    fails("daemon.same-labels", ON, |e| edit_label(on(e, ON), LIFECYCLE, |l| l["runImage"]["image"] = json!("x")));
    for id in ["daemon.same-labels", "daemon.image-id-difference-explained"] {
        holds(id, ON, |e| edit_label(on(e, ON), LIFECYCLE, |l| l["runImage"]["reference"] = json!("x")));
    }
    fails("daemon.image-id-difference-explained", ON, |e| edit_config(on(e, ON), |c| c["x"] = json!(1)));
    let mut evidence = sample::scenario();
    evidence.exports.retain(|export| export.target != Target::Registry);
    assert!(matches!(find(&evidence, "daemon.same-config", ON), Finding::NotApplicable(_)));
    let mut evidence = sample::repeated();
    edit_config(on(&mut evidence, Target::Registry), |config| config["created"] = json!("1999-01-01T00:00:00Z"));
    assert!(matches!(find(&evidence, "daemon.same-config", ON), Finding::NotApplicable(_)));
}

#[test]
fn a_push_keeps_content_and_may_lose_annotations() {
    let id = "daemon.round-trip-content";
    let pushed = |change: fn(&mut Image)| {
        move |e: &mut ScenarioEvidence| change(on(e, ON).daemon.as_mut().unwrap().pushed.as_mut().unwrap())
    };
    fails(id, ON, pushed(|image| image.layers.swap(2, 3)));
    fails(id, ON, pushed(|image| drop(image.layers.pop())));
    fails(id, ON, pushed(|image| image.layers[1].blob = None));
    fails(id, ON, pushed(|image| image.config = None));
    fails(
        id,
        ON,
        pushed(|image| {
            let mut config: serde_json::Value = serde_json::from_slice(&image.config.as_ref().unwrap().bytes).unwrap();
            config["x"] = json!(1);
            image.config = Some(Document::new(config.to_string().into_bytes(), None));
        }),
    );
    holds(id, ON, pushed(|image| image.manifest = None));
    let without_push = |reason: &str| {
        let mut evidence = sample::scenario();
        let daemon = on(&mut evidence, ON).daemon.as_mut().unwrap();
        daemon.pushed = None;
        daemon.push_problem = Some(reason.to_owned());
        find(&evidence, id, ON)
    };
    assert!(matches!(without_push("it is not the suite's"), Finding::Skipped(_)));
    assert!(matches!(without_push("the push failed: EOF"), Finding::Violated(_)));
}

#[test]
fn differences_of_the_round_trip_are_classified() {
    let evidence = sample::scenario();
    let direct = evidence.exports[0].image.clone().unwrap();
    assert_eq!(classes(&direct, &direct), ["none: one digest"]);
    let mut pushed = direct.clone();
    let mut manifest: serde_json::Value = serde_json::from_slice(&pushed.manifest.as_ref().unwrap().bytes).unwrap();
    manifest.as_object_mut().unwrap().remove("annotations");
    manifest["mediaType"] = json!("application/vnd.docker.distribution.manifest.v2+json");
    pushed.manifest = Some(Document::new(manifest.to_string().into_bytes(), None));
    pushed.layers[3].name = "sha256:recompressed".to_owned();
    assert_eq!(classes(&direct, &pushed), ["annotations lost", "media types", "recompression"]);
    let mut unknown = direct.clone();
    let bytes = [unknown.manifest.as_ref().unwrap().bytes.clone(), b"\n".to_vec()].concat();
    unknown.manifest = Some(Document::new(bytes, None));
    assert_eq!(classes(&direct, &unknown), ["unknown"]);
}
