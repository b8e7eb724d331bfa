//! Each digest seen to be true and to lie.

use serde_json::json;

use super::*;
use crate::digest::Digest;
use crate::evidence::{ScenarioEvidence, WireRecord};
use crate::sample::{
    self, Fault, annotate, edit_config, edit_entries, edit_input, edit_layers, edit_manifest, edit_report, fails, find,
    holds, on,
};

const ON: Target = Target::Registry;

#[test]
fn the_report_is_true() {
    let digest = Digest::of(b"another").to_string();
    let real = sample::scenario().exports[0].manifest_digest().unwrap().to_string();
    fails("digest.report-agrees", ON, |e| edit_report(on(e, ON), &real, &digest));
    fails("digest.report-agrees", ON, |e| on(e, ON).report = None);
    fails("digest.report-agrees", ON, |e| edit_report(on(e, ON), &real, &real.to_uppercase()));
    let size = sample::scenario().exports[0].image.as_ref().unwrap().manifest.as_ref().unwrap().bytes.len();
    let (from, off) = (format!("manifest-size={size}"), format!("manifest-size={}", size + 1));
    fails("digest.report-manifest-size", ON, |e| edit_report(on(e, ON), &from, &off));
    fails("digest.report-manifest-size", ON, |e| edit_report(on(e, ON), &from, &format!("manifest-size={size}.0")));
    holds("digest.report-manifest-size", ON, |e| edit_report(on(e, ON), &from, &format!("manifest-size='{size}'")));
    fails("digest.report-tags", ON, |e| edit_report(on(e, ON), "app:latest'", "app:latest', 'host.example/x:1'"));
    fails("digest.report-tags", ON, |e| edit_report(on(e, ON), "'host.example/app:latest'", ""));
    holds("digest.report-tags", ON, |e| edit_report(on(e, ON), "app:latest'", "app'"));
}

#[test]
fn descriptors_are_compared_with_what_is_served() {
    for target in [Target::Registry, Target::Layout] {
        fails("digest.descriptors-true", target, |e| {
            edit_manifest(on(e, target), |m| m["layers"][3]["size"] = json!(1));
        });
        fails("digest.descriptors-true", target, |e| edit_manifest(on(e, target), |m| m["config"]["size"] = json!(1)));
        fails("digest.descriptors-true", target, |e| {
            edit_manifest(on(e, target), |m| m["layers"][3]["digest"] = json!(Digest::of(b"x")));
        });
        fails("digest.descriptors-true", target, |e| on(e, target).image.as_mut().unwrap().layers[4].blob = None);
        fails("digest.descriptors-true", target, |e| on(e, target).image.as_mut().unwrap().config = None);
    }
    holds("digest.descriptors-true", Target::Layout, |e| {
        let layer = &mut on(e, Target::Layout).image.as_mut().unwrap().layers[0];
        *layer = Layer { blob: None, left_out: true, ..layer.clone() };
    });
}

#[test]
fn layers_and_diff_ids_belong_together() {
    for target in Target::ALL {
        fails("digest.diff-ids-true", target, |e| on(e, target).image.as_mut().unwrap().layers.swap(3, 4));
        fails("digest.diff-ids-true", target, |e| {
            let layers = &mut on(e, target).image.as_mut().unwrap().layers;
            layers[4] = layers[3].clone();
        });
        fails("digest.diff-ids-true", target, |e| {
            on(e, target).image.as_mut().unwrap().layers.pop();
        });
        fails("digest.diff-ids-true", target, |e| {
            on(e, target).image.as_mut().unwrap().layers[2].problem = Some("unpack it: cut".to_owned());
        });
        holds("digest.diff-ids-true", target, |e| {
            let layer = &mut on(e, target).image.as_mut().unwrap().layers[2];
            layer.problem = Some(format!("{}: it ends inside an entry", crate::evidence::TAR_PROBLEM));
        });
        fails("digest.history-true", target, |e| {
            edit_config(on(e, target), |c| {
                c["history"].as_array_mut().unwrap().pop();
            });
        });
        holds("digest.history-true", target, |e| {
            edit_config(on(e, target), |c| c["history"].as_array_mut().unwrap().push(json!({ "empty_layer": true })));
        });
    }
}

#[test]
fn tags_are_one_image() {
    fails("digest.all-tags-same", ON, |e| on(e, ON).tags.push(on_tag(Some("sha256:0"))));
    fails("digest.all-tags-same", ON, |e| on(e, ON).tags.push(on_tag(None)));
}

fn on_tag(digest: Option<&str>) -> crate::evidence::Tag {
    crate::evidence::Tag {
        reference: "host.example/app:2".to_owned(),
        digest: digest.map(str::to_owned),
        status: if digest.is_some() { 200 } else { 404 },
        content_type: None,
    }
}

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
fn created_is_what_was_asked_for() {
    let with_epoch = |text: &str| {
        let mut evidence = sample::scenario();
        let export = on(&mut evidence, ON);
        export.inputs.source_date_epoch = Some(1_700_000_000);
        edit_config(export, |config| config["created"] = json!(text));
        find(&evidence, "digest.source-date-epoch", ON)
    };
    assert_eq!(with_epoch("2023-11-14T22:13:20Z"), Finding::Holds);
    for bad in ["2023-11-14T22:13:21Z", "2023-11-14T22:13:20.5Z", "1980-01-01T00:00:01Z", "x"] {
        assert!(matches!(with_epoch(bad), Finding::Violated(_)), "{bad}");
    }
    fails("digest.source-date-epoch", ON, |e| edit_config(on(e, ON), |c| c["created"] = json!("2026-09-21T14:13:20Z")));
    holds("digest.source-date-epoch", ON, |e| edit_config(on(e, ON), |c| c["created"] = json!("2025-01-01T00:00:00Z")));
    let mut evidence = sample::repeated();
    edit_config(on(&mut evidence, ON), |config| config["created"] = json!("1980-01-01T00:00:02Z"));
    assert!(matches!(find(&evidence, "digest.source-date-epoch", ON), Finding::Violated(_)));
}

#[test]
fn entries_of_new_layers_have_one_time() {
    for target in Target::ALL {
        fails("digest.mtimes-constant", target, |e| edit_entries(on(e, target), 3, |entries| entries[1].mtime += 1));
    }
    holds("digest.mtimes-constant", ON, |e| {
        let image = on(e, ON).image.as_mut().unwrap();
        image.layers[0].blob.as_mut().unwrap().entries[0].mtime = 7;
    });
}

fn other_metadata() -> ScenarioEvidence {
    let mut evidence = sample::repeated();
    for target in Target::ALL {
        edit_input(on(&mut evidence, target), "/layers/project-metadata.toml", "[source.metadata]\nname='x'\n");
    }
    for target in [Target::Registry, Target::Layout] {
        annotate(on(&mut evidence, target), "org.opencontainers.image.title", Some("x"));
    }
    evidence
}

#[test]
fn other_annotations_change_the_manifest_and_keep_the_layers() {
    let change = "digest.annotations-change-manifest";
    assert!(matches!(find(&sample::repeated(), change, ON), Finding::NotApplicable(_)));
    let mut evidence = other_metadata();
    assert_eq!(find(&evidence, change, ON), Finding::Holds);
    let other = evidence.exports[1].tags[0].digest.clone();
    on(&mut evidence, ON).tags[0].digest = other;
    assert!(matches!(find(&evidence, change, ON), Finding::Violated(_)));
    for target in Target::ALL {
        let keep = "digest.annotations-keep-layers";
        assert!(matches!(find(&sample::repeated(), keep, target), Finding::NotApplicable(_)));
        let mut evidence = other_metadata();
        assert_eq!(find(&evidence, keep, target), Finding::Holds);
        if target == Target::Daemon {
            on(&mut evidence, target).image.as_mut().unwrap().layers[3].name = "another/layer.tar".to_owned();
            assert_eq!(find(&evidence, keep, target), Finding::Holds);
        }
        edit_layers(on(&mut evidence, target), |own| own[3] = sample::layer("changed", Vec::new()));
        assert!(matches!(find(&evidence, keep, target), Finding::Violated(_)));
    }
}

#[test]
fn nothing_old_is_deleted_or_replaced() {
    let record = |method: &str, target: String| WireRecord {
        sequence: 0,
        method: method.to_owned(),
        target,
        status: 201,
        content_type: None,
        request_bytes: 0,
        response_bytes: 0,
        had_credentials: false,
    };
    let old = Digest::of(b"old").to_string();
    let with = |record: WireRecord| {
        move |e: &mut ScenarioEvidence| {
            let export = on(e, ON);
            export.tags_before.insert("host.example/app:latest".to_owned(), Some(Digest::of(b"old").to_string()));
            export.wire = Some(vec![record]);
        }
    };
    let id = "digest.old-digest-untouched";
    fails(id, ON, with(record("DELETE", format!("/v2/app/manifests/{old}"))));
    fails(id, ON, with(record("PUT", format!("/v2/app/manifests/{old}"))));
    holds(id, ON, with(record("PUT", "/v2/app/manifests/latest".to_owned())));
    holds(id, ON, with(record("DELETE", "/v2/app/blobs/uploads/7".to_owned())));
    let mut evidence = sample::scenario();
    on(&mut evidence, ON).wire = None;
    assert!(matches!(find(&evidence, id, ON), Finding::Skipped(_)));
}

/// For every requirement of the theme a fault that violates it.
pub(in super::super) fn faults() -> Vec<Fault> {
    let real = sample::scenario().exports[0].manifest_digest().unwrap().to_string();
    let edit = |slug: &str, name: &'static str, change: fn(&mut Export)| {
        Fault::new(slug, name, ON, move |e| change(on(e, ON)))
    };
    let twice = |slug: &str, name: &'static str, change: fn(&mut Export)| {
        Fault::of(sample::repeated(), slug, name, ON, move |e| change(on(e, ON)))
    };
    let other_config = |export: &mut Export| edit_config(export, |config| config["x"] = json!(1));
    vec![
        Fault::new("digest.report-agrees", "another digest in the report", ON, move |e| {
            edit_report(on(e, ON), &real, Digest::of(b"another").as_str());
        }),
        edit("digest.report-manifest-size", "another size in the report", |e| {
            edit_report(e, "manifest-size=", "manifest-size=1");
        }),
        edit("digest.report-tags", "a tag more in the report", |e| {
            edit_report(e, "app:latest'", "app:latest', 'host.example/x:1'");
        }),
        edit("digest.descriptors-true", "another size of a layer", |e| {
            edit_manifest(e, |m| m["layers"][3]["size"] = json!(1));
        }),
        edit("digest.diff-ids-true", "two layers changed places", |e| e.image.as_mut().unwrap().layers.swap(3, 4)),
        edit("digest.history-true", "an entry of the history is missing", |e| {
            edit_config(e, |c| drop(c["history"].as_array_mut().unwrap().pop()));
        }),
        edit("digest.all-tags-same", "the second tag is another image", |e| e.tags.push(on_tag(Some("sha256:0")))),
        twice("digest.same-inputs-same-digest", "another config", other_config),
        twice("digest.same-inputs-same-image-id", "another config", other_config),
        Fault::of(
            sample::in_other_surroundings(),
            "digest.environment-independent",
            "the umask is in the image",
            ON,
            move |e| other_config(sample::step(e, ON, 2)),
        ),
        edit("digest.source-date-epoch", "the time of the export", |e| {
            edit_config(e, |c| c["created"] = json!("2026-09-21T14:13:20Z"));
        }),
        edit("digest.mtimes-constant", "one entry is younger", |e| edit_entries(e, 3, |entries| entries[1].mtime += 1)),
        Fault::of(other_metadata(), "digest.annotations-change-manifest", "one digest for both", ON, |e| {
            let other = sample::step(e, ON, 2).tags[0].digest.clone();
            on(e, ON).tags[0].digest = other;
        }),
        Fault::of(other_metadata(), "digest.annotations-keep-layers", "another app layer", ON, |e| {
            edit_layers(on(e, ON), |own| own[3] = sample::layer("changed", Vec::new()));
        }),
        edit("digest.old-digest-untouched", "a DELETE", |e| {
            e.wire = Some(vec![WireRecord {
                sequence: 0,
                method: "DELETE".to_owned(),
                target: "/v2/app/manifests/latest".to_owned(),
                status: 202,
                content_type: None,
                request_bytes: 0,
                response_bytes: 0,
                had_credentials: false,
            }]);
        }),
    ]
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
