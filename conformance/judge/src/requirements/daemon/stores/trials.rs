//! What the theme rejects, and what it must not.

use serde_json::{Value, json};

use super::super::trials::left_over;
use super::*;
use crate::evidence::{Arrival, Document, NotPushed, PushCause, ScenarioEvidence, Target};
use crate::sample::{self, annotate, edit_config, edit_label, edit_layers, edit_manifest, edit_report, made_up, on};
use crate::trial::{self, Trial, Trials, Wanted};

const TITLE: &str = "org.opencontainers.image.title";
const NAME: &str = "org.opencontainers.image.base.name";
const DIGEST: &str = "org.opencontainers.image.base.digest";
const LABEL: &str = "io.buildpacks.lifecycle.metadata";

fn containerd() -> ScenarioEvidence {
    sample::kept_by(StoreKind::Containerd)
}

fn podman() -> ScenarioEvidence {
    sample::kept_by(StoreKind::Podman)
}

fn config(change: impl Fn(&mut Value) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| edit_config(export, &change)
}

fn pushed(change: impl Fn(&mut Image) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| change(export.daemon.as_mut().unwrap().pushed.as_mut().unwrap())
}

fn pushed_manifest(change: impl Fn(&mut Value) + Copy + 'static) -> impl Fn(&mut Export) + 'static {
    pushed(move |image| sample::edit_document(&mut image.manifest, change))
}

/// No registry export.
fn alone(evidence: &mut ScenarioEvidence, _: Target) {
    evidence.exports.retain(|export| export.target != Target::Registry);
}

/// The registry export without annotations.
fn bare(evidence: &mut ScenarioEvidence, _: Target) {
    edit_manifest(on(evidence, Target::Registry), |manifest| manifest["annotations"] = json!({}));
}

fn not_pushed(export: &mut Export) {
    let daemon = export.daemon.as_mut().unwrap();
    daemon.pushed = None;
    daemon.push_problem = Some(NotPushed { cause: PushCause::NotAllowed, reason: "it is not the suite's".to_owned() });
}

fn everywhere(change: fn(&mut Image)) -> impl Fn(&mut Export) + 'static {
    move |export| {
        change(export.image.as_mut().unwrap());
        let daemon = export.daemon.as_mut().unwrap();
        daemon.pushed.as_mut().map(change);
        daemon.pulled_back.as_mut().map(change);
    }
}

pub(in super::super::super) fn trials() -> Vec<Trial> {
    trial::all([known_in_classic(), known_in_containerd()].into_iter().chain(kept()).chain(round_trip()).chain(bases()))
}

fn known_in_classic() -> Trials {
    Trials::of("daemon.differences-known")
        .rejects("another variable", config(|c| c["config"]["Env"][0] = json!("LANG=de")))
        .rejects("another label", config(|c| c["config"]["Labels"]["k"] = json!("x")))
        .rejects("a label more", config(|c| c["config"]["Labels"]["more"] = json!("")))
        .rejects("a member of a JSON label", |e| edit_label(e, LABEL, |l| l["more"] = json!("x")))
        .follows("another name of the run image", "platform.label-run-image", |e| {
            edit_label(e, LABEL, |l| l["runImage"]["image"] = json!("x"));
        })
        .follows("a reference to another image", "platform.label-run-image", |e| {
            edit_label(e, LABEL, |l| l["runImage"]["reference"] = json!("x"));
        })
        .accepts("the bare hash of the run image's ID", |e| {
            let id = e.run_image.config.digest.encoded().to_owned();
            edit_label(e, LABEL, |l| {
                for key in ["/runImage/reference", "/stack/runImage/reference"] {
                    *l.pointer_mut(key).unwrap() = json!(id);
                }
            });
            sample::push(e);
        })
        .rejects("another history", config(|c| c["history"][1]["created_by"] = json!("z")))
        .rejects("no history", config(|c| drop(c.as_object_mut().unwrap().remove("history"))))
        .rejects("another time", config(|c| c["created"] = json!("2001-01-01T00:00:00Z")))
        .rejects("a field that no specification knows", config(|c| c["x"] = json!(1)))
        .rejects("two layers swapped", |e| edit_layers(e, |own| own.swap(0, 1)))
        .rejects("another layer", |e| edit_layers(e, |own| own[3] = sample::layer("changed", Vec::new())))
        .follows("other tags in the report", "digest.report-tags", |e| edit_report(e, "app:latest", "app:other"))
        .rejects("other tags in the report, and another label", |e| {
            config(|c| c["config"]["Labels"]["k"] = json!("x"))(e);
            edit_report(e, "app:latest", "app:other");
        })
        .follows("another ID in the report", "daemon.report-image-id", |e| {
            let id = e.image_id().unwrap().to_string();
            edit_report(e, &id, &Digest::of(b"other").to_string());
        })
        .rejects(
            "a push changed the config",
            pushed(|image| sample::edit_document(&mut image.config, |c| c["x"] = json!(1))),
        )
        .rejects("a push lost a layer", pushed(|image| drop(image.layers.pop())))
        .rejects("a push keeps some annotations", pushed_manifest(|m| m["annotations"] = json!({ TITLE: "N\u{e4}me" })))
        .accepts("the registry's reference to the run image", |e| {
            let reference = format!("host.example/run@{}", e.run_image.digest);
            edit_label(e, LABEL, |l| l["runImage"]["reference"] = json!(reference));
            sample::push(e);
        })
        .accepts("a push loses every annotation and makes a manifest", pushed(made_up))
        .accepts("a push compresses layers again", pushed(|image| *image = sample::recompressed(image)))
        .accepts("keys in another order", |e| {
            crate::harmless::HARMLESS[0].1(e);
            sample::push(e);
        })
        .accepts("null for an empty list", |e| {
            edit_config(e, |c| c["config"]["Cmd"] = Value::Null);
            sample::push(e);
        })
        .whole("nothing to compare with", Wanted::NotJudged, |evidence, target| {
            alone(evidence, target);
            not_pushed(on(evidence, target));
        })
}

fn known_in_containerd() -> Trials {
    Trials::of("daemon.differences-known")
        .from(containerd)
        .rejects("an annotation is lost", |e| annotate(e, TITLE, None))
        .rejects("every annotation is lost, in an OCI manifest", |e| edit_manifest(e, |m| m["annotations"] = json!({})))
        .rejects("an annotation more", |e| annotate(e, "com.example.more", Some("x")))
        .rejects("a push changed an annotation", pushed_manifest(|m| m["annotations"][TITLE] = json!("x")))
        .rejects("a push compressed layers again", pushed(|image| *image = sample::recompressed(image)))
        .rejects(
            "a push wrote the manifest otherwise",
            pushed(|image| {
                let manifest: Value = serde_json::from_slice(&image.manifest.as_ref().unwrap().bytes).unwrap();
                image.manifest = Some(Document::new(format!("{manifest:#}").into_bytes(), None));
            }),
        )
        .rejects("another media type of a layer", |e| {
            edit_manifest(e, |m| m["layers"][2]["mediaType"] = json!("application/vnd.oci.image.layer.v1.tar"));
        })
        .rejects("a pull brought another config", |e| {
            let pulled = e.daemon.as_mut().unwrap().pulled_back.as_mut().unwrap();
            sample::edit_document(&mut pulled.config, |c| c["x"] = json!(1));
        })
        .rejects("a digest in the report that is not the image's", |e| {
            edit_report(e, "digest='sha256:", "digest='sha256:0");
        })
        .rejects("a base that is not a digest of the run image", |e| {
            annotate(e, DIGEST, Some(Digest::of(b"x").as_str()));
        })
        .rejects("no base, though the daemon pulled the run image", |e| {
            e.run_image.in_daemon.as_mut().unwrap().arrival = Arrival::PulledByTag;
            annotate(e, DIGEST, None);
        })
        .rejects("another base, of a run image that was loaded", |e| {
            annotate(e, NAME, Some("a.example/b:c"));
        })
        .rejects("a loaded run image's layer in other bytes, and one of the app's", |e| {
            e.run_image.in_daemon.as_mut().unwrap().arrival = Arrival::Loaded;
            let image = e.image.as_mut().unwrap();
            *image = sample::recompressed(image);
        })
        .accepts("the daemon's own ID in the report", |e| {
            let own = e.daemon.as_ref().unwrap().tag_ids[0].id.clone().unwrap();
            let id = e.image_id().unwrap().to_string();
            edit_report(e, &id, &own);
        })
        .accepts("no base, because the daemon does not show that a registry has the run image", |e| {
            annotate(e, DIGEST, None);
            annotate(e, NAME, None);
            sample::push(e);
        })
        .whole(
            "a short name that the registry export spells out, and no base in the daemon",
            Wanted::Held,
            |evidence, target| {
                for export in &mut evidence.exports {
                    "run".clone_into(&mut export.run_image.name);
                    annotate(export, NAME, Some("index.docker.io/library/run:latest"));
                }
                let export = on(evidence, target);
                annotate(export, DIGEST, None);
                annotate(export, NAME, None);
                sample::push(export);
            },
        )
        .accepts("a docker-archive: a manifest made up, and no annotations", everywhere(made_up))
        .from(podman)
        .rejects("an annotation is lost in podman", |e| annotate(e, TITLE, None))
        .rejects("podman's push changed an annotation", pushed_manifest(|m| m["annotations"][TITLE] = json!("x")))
        .rejects("an image that podman had is of another config", |e| {
            e.daemon.as_mut().unwrap().had_image = true;
            edit_config(e, |c| c["config"]["Labels"]["k"] = json!("x"));
            annotate(e, TITLE, None);
        })
        .accepts("podman had the image, with other annotations", |e| {
            e.daemon.as_mut().unwrap().had_image = true;
            annotate(e, TITLE, Some("of the one before"));
        })
        .accepts("podman saves layers compressed again", |e| {
            let image = e.image.as_mut().unwrap();
            *image = sample::recompressed(image);
        })
}

fn kept() -> Vec<Trials> {
    vec![
        Trials::of("daemon.containerd-keeps-digest")
            .from(containerd)
            .rejects("a manifest made up", everywhere(made_up))
            .rejects("another annotation", |e| annotate(e, TITLE, Some("x")))
            .rejects("no manifest", |e| e.image.as_mut().unwrap().manifest = None)
            .accepts("another digest after a push, which another row judges", pushed(made_up))
            .ignores("a classic store", |e| e.daemon.as_mut().unwrap().store = StoreKind::Classic)
            .ignores("podman", |e| e.daemon.as_mut().unwrap().store = StoreKind::Podman)
            .whole("no registry export", Wanted::NotJudged, alone),
        Trials::of("daemon.annotations-kept")
            .from(containerd)
            .rejects("one is lost", |e| annotate(e, TITLE, None))
            .rejects("one is another", |e| annotate(e, TITLE, Some("x")))
            .rejects("one more", |e| annotate(e, "com.example.more", Some("x")))
            .rejects("all are lost", everywhere(made_up))
            .accepts("in another order", |e| crate::harmless::HARMLESS[0].1(e))
            .accepts("lost by the push, which another row judges", pushed(made_up))
            .ignores("a classic store", |e| e.daemon.as_mut().unwrap().store = StoreKind::Classic)
            .whole("the registry export has none", Wanted::NotJudged, bare)
            .whole("the registry export has the run image's alone", Wanted::NotJudged, left_over)
            .whole("no registry export", Wanted::NotJudged, alone)
            .from(podman)
            .rejects("one is lost in podman", |e| annotate(e, TITLE, None)),
    ]
}

fn round_trip() -> Vec<Trials> {
    vec![
        Trials::of("daemon.round-trip-digest")
            .from(containerd)
            .rejects("a manifest made up", pushed(made_up))
            .rejects("layers compressed again", pushed(|image| *image = sample::recompressed(image)))
            .accepts("another digest in the store, which another row judges", |e| annotate(e, TITLE, None))
            .ignores("it was not pushed", not_pushed)
            .ignores("podman", |e| e.daemon.as_mut().unwrap().store = StoreKind::Podman)
            .whole("no registry export", Wanted::NotJudged, alone),
        Trials::of("daemon.round-trip-annotations")
            .from(podman)
            .rejects("all are lost", pushed(made_up))
            .rejects("one is lost", pushed_manifest(|m| drop(m["annotations"].as_object_mut().unwrap().remove(TITLE))))
            .rejects("one is another", pushed_manifest(|m| m["annotations"][TITLE] = json!("x")))
            .accepts("lost in the store, which another row judges", |e| annotate(e, TITLE, None))
            .ignores("a classic store", |e| e.daemon.as_mut().unwrap().store = StoreKind::Classic)
            .ignores("it was not pushed", not_pushed)
            .whole("the registry export has none", Wanted::NotJudged, bare)
            .whole("the registry export has the run image's alone", Wanted::NotJudged, left_over)
            .whole("no registry export", Wanted::NotJudged, alone),
    ]
}

fn refer(export: &mut Export, reference: &str) {
    edit_label(export, LABEL, |label| label["runImage"]["reference"] = json!(reference));
}

fn refer_by(export: &mut Export, digest: &Digest) {
    refer(export, &format!("host.example/run@{digest}"));
}

/// The run image was made in the daemon and is in no repository.
fn made_there(export: &mut Export) {
    let run = export.run_image.in_daemon.as_mut().unwrap();
    run.id = Digest::of(b"made there").to_string();
    run.repo_digests.clear();
}

fn bases() -> Vec<Trials> {
    vec![
        Trials::of("daemon.reference-not-image-id")
            .from(containerd)
            .rejects("the run image's imageID", |e| refer_by(e, &e.run_image.config.digest.clone()))
            .rejects("the daemon's ID of an image that is in no repository", |e| {
                made_there(e);
                refer_by(e, &Digest::of(b"made there"));
            })
            .rejects("in stack", |e| {
                let reference = format!("host.example/run@{}", e.run_image.config.digest);
                edit_label(e, LABEL, |label| label["stack"]["runImage"]["reference"] = json!(reference));
            })
            .rejects("in the report", |e| {
                let (digest, id) = (e.run_image.digest.to_string(), e.run_image.config.digest.to_string());
                let report = e.report.as_ref().unwrap().text().unwrap().replace(&digest, &id);
                e.report = Some(Document::new(report.into_bytes(), None));
            })
            .accepts("another digest that the daemon has", |e| {
                e.run_image.in_daemon.as_mut().unwrap().repo_digests.push("a.example/b@sha256:0".to_owned());
                refer(e, "a.example/b@sha256:0");
            })
            .accepts("a name that the daemon has by an ID that is a digest", |e| {
                made_there(e);
                let run = e.run_image.in_daemon.as_mut().unwrap();
                run.repo_digests.push(format!("host.example/run@{}", run.id));
                let reference = run.repo_digests[0].clone();
                refer(e, &reference);
            })
            .ignores("bare imageIDs", |e| {
                let id = e.run_image.config.digest.clone();
                edit_label(e, LABEL, |label| {
                    label["runImage"]["reference"] = json!(id);
                    label["stack"]["runImage"]["reference"] = json!(id);
                });
            }),
        Trials::of("daemon.base-digest-known")
            .from(containerd)
            .rejects("of an image that was made there", made_there)
            .rejects("another", |e| annotate(e, DIGEST, Some(Digest::of(b"x").as_str())))
            .rejects("the imageID", |e| annotate(e, DIGEST, Some(e.run_image.config.digest.clone().as_str())))
            .accepts("that of the analysis", |e| {
                made_there(e);
                e.run_image.reference = format!("host.example/run@{}", e.run_image.digest);
            })
            .accepts("one of two repositories", |e| {
                let run = e.run_image.in_daemon.as_mut().unwrap();
                run.repo_digests.insert(0, format!("a.example/b@{}", Digest::of(b"other")));
            })
            .ignores("none", |e| annotate(e, DIGEST, None))
            .ignores("a buildpack's", |e| {
                annotate(e, DIGEST, Some("x"));
                sample::contribute(e, &[]);
                let given = format!("[[annotations]]\nkey='{DIGEST}'\nvalue='x'\n");
                sample::edit_input(e, "/layers/config/metadata.toml", &given);
            })
            .ignores("nothing was observed", |e| e.run_image.in_daemon = None),
    ]
}
