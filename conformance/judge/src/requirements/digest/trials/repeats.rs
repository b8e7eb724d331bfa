//! Trials of exports that are compared, and of the times in an image.

use super::*;

pub(super) fn repeated() -> Vec<Trials> {
    let other_config = || config(|c| c["x"] = json!(1));
    let another = |e: &mut Export| drop(e.inputs.environment.insert("X".to_owned(), "x".to_owned()));
    let refused = |e: &mut Export| {
        edit_config(e, |c| c["created"] = json!("1999-01-01T00:00:00Z"));
        e.inputs.expected_failure = Some("errors.missing-analyzed".to_owned());
        e.outcome.end = End::Exited(1);
    };
    vec![
        Trials::of("digest.same-inputs-same-digest")
            .from(sample::repeated)
            .rejects("another config", other_config())
            .rejects("another annotation", |e| annotate(e, "x.y", Some("1")))
            .rejects("another order of annotations", |e| {
                sample::raw_manifest(e, "\"annotations\":{", "\"annotations\": {");
            })
            .rejects("another time", config(|c| c["created"] = json!("2026-01-01T00:00:00Z")))
            .rejects("layers compressed in another way", |e| crate::harmless::HARMLESS[3].1(e))
            .accepts("another report", |e| e.report = None)
            .accepts("another log", |e| e.outcome.stdout = "took 3 s".to_owned())
            .ignores("other inputs", another)
            .ignores("a refused export", refused)
            .ignores("another run image", |e| e.run_image.digest = Digest::of(b"x")),
        Trials::of("digest.same-inputs-same-image-id")
            .from(sample::repeated)
            .rejects("another config", other_config())
            .rejects("another time", config(|c| c["created"] = json!("2026-01-01T00:00:00Z")))
            .rejects("another layer", |e| edit_layers(e, |own| own[3] = sample::layer("changed", Vec::new())))
            .rejects("labels in other order", |e| crate::harmless::HARMLESS[0].1(e))
            .accepts("another log", |e| e.outcome.stdout = "took 3 s".to_owned())
            .ignores("other inputs", another)
            .ignores("a refused export", refused)
            .on(WITH_MANIFEST)
            .accepts("another annotation", |e| annotate(e, "x.y", Some("1"))),
        Trials::of("digest.environment-independent")
            .from(sample::in_other_surroundings)
            .step(2)
            .rejects("something of them is in the config", other_config())
            .rejects("the umask is in a layer", |e| edit_entries(e, 3, |entries| entries[0].mode = 0o700))
            .rejects("the zone is in the time", config(|c| c["created"] = json!("1980-01-01T09:00:01+09:00")))
            .accepts("another log", |e| e.outcome.stdout = "/tmp/x".to_owned())
            .accepts("more of them differ", |e| {
                drop(e.inputs.surroundings.insert("hostname".to_owned(), "x".to_owned()));
            })
            .ignores("the build differs as well", another)
            .ignores("another run image", |e| e.run_image.digest = Digest::of(b"x"))
            .on(REGISTRY)
            .rejects("an annotation more", |e| annotate(e, "x.y", Some("1")))
            .on(&[Target::Layout])
            .accepts("a layout's manifest alone", |e| annotate(e, "x.y", Some("1"))),
    ]
}

fn with_epoch() -> ScenarioEvidence {
    let mut evidence = sample::scenario();
    for export in &mut evidence.exports {
        export.inputs.source_date_epoch = Some(1_700_000_000);
        edit_config(export, |config| config["created"] = json!("2023-11-14T22:13:20Z"));
    }
    evidence
}

fn with_empty_epoch(export: &mut Export, created: &str) {
    drop(export.inputs.environment.insert("SOURCE_DATE_EPOCH".to_owned(), String::new()));
    edit_config(export, |config| config["created"] = json!(created));
}

pub(super) fn times() -> Vec<Trials> {
    let created = |text: &'static str| config(move |c| c["created"] = json!(text));
    let mut epoch = Trials::of("digest.source-date-epoch")
        .rejects("the time of the export", created("2026-09-21T14:13:20Z"))
        .rejects("an hour before the export", created("2026-09-21T13:13:20Z"))
        .accepts("another constant", created("2025-01-01T00:00:00Z"))
        .accepts("1970", created("1970-01-01T00:00:00Z"))
        .accepts("none", config(|c| drop(c.as_object_mut().unwrap().remove("created"))))
        .from(sample::repeated)
        .rejects("another time in the second export", created("1980-01-01T00:00:02Z"))
        .accepts("another time where the variable is empty", |e| with_empty_epoch(e, "1970-01-01T00:00:00Z"))
        .rejects("the time of the export where the variable is empty", |e| with_empty_epoch(e, "2026-09-21T14:13:20Z"))
        .from(with_epoch);
    for bad in ["2023-11-14T22:13:21Z", "2023-11-14T22:13:20.5Z", "1980-01-01T00:00:01Z", "x", ""] {
        epoch = epoch.rejects(format!("'{bad}' instead of what was asked for"), created(bad));
    }
    vec![
        epoch
            .rejects("none although one was asked for", config(|c| drop(c.as_object_mut().unwrap().remove("created"))))
            .accepts("in another offset", created("2023-11-14T23:13:20+01:00"))
            .accepts("with zeros as fraction", created("2023-11-14T22:13:20.000Z")),
        Trials::of("digest.mtimes-constant")
            .rejects("one entry is younger", |e| edit_entries(e, 3, |entries| entries[1].mtime += 1))
            .rejects("one layer is older", |e| edit_entries(e, 6, |entries| entries[0].mtime = 0))
            .rejects("a folder has its own", |e| edit_entries(e, 0, |entries| entries[0].mtime = 1_700_000_000))
            .rejects("a link has its own", |e| edit_entries(e, 6, |entries| entries[0].mtime -= 1))
            .accepts(
                "the run image's entries have theirs",
                layers(|layers| {
                    layers[0].blob.as_mut().unwrap().entries[0].mtime = 7;
                }),
            )
            .accepts("a device has its own", |e| {
                edit_entries(e, 3, |entries| {
                    entries[1].kind = EntryKind::Other;
                    entries[1].mtime = 7;
                });
            })
            .accepts("another constant", |e| {
                for index in 0..7 {
                    edit_entries(e, index, |entries| entries.iter_mut().for_each(|entry| entry.mtime = 0));
                }
            }),
    ]
}

/// Two exports on each target, the first with other project metadata.
fn other_metadata() -> ScenarioEvidence {
    let mut evidence = sample::repeated();
    for target in Target::ALL {
        edit_input(step(&mut evidence, target, 1), PROJECT, "[source.metadata]\nname='x'\n");
    }
    for target in [Target::Registry, Target::Layout] {
        annotate(step(&mut evidence, target, 1), "org.opencontainers.image.title", Some("x"));
    }
    evidence
}

pub(super) fn annotated() -> Vec<Trials> {
    vec![
        Trials::of("digest.annotations-change-manifest")
            .from(other_metadata)
            .whole("one digest for both", Wanted::Rejected, |evidence, target| {
                let other = step(evidence, target, 2).tags[0].digest.clone();
                step(evidence, target, 1).tags[0].digest = other;
            })
            .accepts("one more of them", |e| annotate(e, "x.y", Some("1")))
            .accepts("none in one of both", |e| edit_manifest(e, |m| m["annotations"] = json!({})))
            .whole("none in both", Wanted::NotJudged, |evidence, target| {
                for step in [1, 2] {
                    edit_manifest(sample::step(evidence, target, step), |m| m["annotations"] = json!({}));
                }
            })
            .whole("the same in both", Wanted::NotJudged, |evidence, target| {
                annotate(step(evidence, target, 1), "org.opencontainers.image.title", Some("N\u{e4}me"));
            }),
        Trials::of("digest.annotations-keep-layers")
            .from(other_metadata)
            .rejects("another app layer", |e| edit_layers(e, |own| own[3] = sample::layer("changed", Vec::new())))
            .rejects("two layers changed places", |e| edit_layers(e, |own| own.swap(0, 1)))
            .rejects("a layer more", |e| edit_layers(e, |own| own.push(sample::layer("more", Vec::new()))))
            .rejects("the first diffID", config(|c| c["rootfs"]["diff_ids"][0] = json!(Digest::of(b"x"))))
            .accepts("another label", config(|c| c["config"]["Labels"]["x"] = json!("1")))
            .ignores("another input as well", |e| drop(e.inputs.environment.insert("X".to_owned(), "1".to_owned())))
            .whole("a repeat differs already", Wanted::NotJudged, |evidence, target| {
                let mut again = step(evidence, target, 1).clone();
                edit_config(&mut again, |config| config["x"] = json!(1));
                evidence.exports.push(again);
            })
            .on(&[Target::Daemon])
            .accepts(
                "another name in the daemon's archive",
                layers(|layers| layers[3].name = "another/layer.tar".to_owned()),
            )
            .on(WITH_MANIFEST)
            .rejects("layers compressed in another way", |e| crate::harmless::HARMLESS[3].1(e)),
    ]
}
