//! What the theme rejects, and what it must not.

use serde_json::{Value, json};

use super::twins::{COMPARED, LIFECYCLE};
use super::*;
use crate::digest::Digest;
use crate::evidence::{Document, End, EngineEnd, Layer, LayerFault, NotPushed, PushCause, ScenarioEvidence, Target};
use crate::sample::{self, edit_config, edit_input, edit_label, edit_layers, edit_manifest, edit_report, on};
use crate::trial::{self, Trial, Trials, Wanted};
use crate::view;

const TITLE: &str = "org.opencontainers.image.title";

fn config(change: impl Fn(&mut Value) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| edit_config(export, &change)
}

fn label(key: &'static str, value: &'static str) -> impl Fn(&mut Export) + 'static {
    config(move |config| config["config"]["Labels"][key] = json!(value))
}

fn layers(change: impl Fn(&mut Vec<Layer>) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| change(&mut export.image.as_mut().unwrap().layers)
}

fn pushed(change: impl Fn(&mut Image) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| change(export.daemon.as_mut().unwrap().pushed.as_mut().unwrap())
}

/// No registry export.
fn alone(evidence: &mut ScenarioEvidence, _: Target) {
    evidence.exports.retain(|export| export.target != Target::Registry);
}

/// The registry's image has the run image's annotations, and the build gives it none.
pub(super) fn left_over(evidence: &mut ScenarioEvidence, target: Target) {
    let of_the_run_image = view::json(Some(&on(evidence, target).run_image.manifest)).unwrap().to_value();
    edit_manifest(on(evidence, Target::Registry), |m| m["annotations"] = of_the_run_image["annotations"].clone());
    on(evidence, target).outcome.stdout.clear();
}

/// A repeat on the registry differs already.
fn unsteady(evidence: &mut ScenarioEvidence, _: Target) {
    let mut again = on(evidence, Target::Registry).clone();
    edit_config(&mut again, |config| config["x"] = json!(1));
    evidence.exports.push(again);
}

pub(in super::super) fn trials() -> Vec<Trial> {
    trial::all(
        process().into_iter().chain(ids()).chain([image_true()]).chain(twins()).chain([explained(), round_trip()]),
    )
}

fn process() -> Vec<Trials> {
    let end = |end: End| move |e: &mut Export| e.outcome.end = end;
    vec![
        Trials::of("daemon.export-succeeds")
            .rejects("exit 1", end(End::Exited(1)))
            .rejects("a signal", end(End::Signalled(9)))
            .rejects("the time limit", end(End::TimedOut(1)))
            .accepts("a warning", |e| "warning: no annotations".clone_into(&mut e.outcome.stderr))
            .whole("the registry export fails as well", Wanted::Follows("platform.exit-zero"), |evidence, target| {
                for target in [Target::Registry, target] {
                    on(evidence, target).outcome.end = End::Exited(62);
                }
            })
            .whole("there is no registry export", Wanted::Follows("platform.exit-zero"), |evidence, target| {
                alone(evidence, target);
                on(evidence, target).outcome.end = End::Exited(62);
            })
            .ignores("not all inputs", |e| {
                edit_input(e, "/layers/project-metadata.toml", "[source.metadata]\nname='x'\n");
            }),
        Trials::of("daemon.annotations-not-labels")
            .rejects("the title as a label", label(TITLE, "N\u{e4}me"))
            .rejects("another text under the key", label("org.opencontainers.image.revision", "x"))
            .rejects("an empty label under the key", label("org.opencontainers.image.base.digest", ""))
            .accepts("a label of another key", label("org.opencontainers.image.url", "x"))
            .accepts("a label that ends like one of the keys", label("com.example.title", "x"))
            .whole("the registry's image has it as well", Wanted::Held, |evidence, target| {
                for target in [Target::Registry, target] {
                    label(TITLE, "N\u{e4}me")(on(evidence, target));
                }
            })
            .whole("no registry export", Wanted::NotJudged, alone),
        Trials::of("daemon.says-so")
            .rejects("no word", |e| e.outcome.stdout.clear())
            .rejects("another word", |e| "saved".clone_into(&mut e.outcome.stdout))
            .rejects("the word in the image's name alone", |e| {
                "saved host.example/annotations/app:latest as /tmp/annotations".clone_into(&mut e.outcome.stdout);
            })
            .whole("the run image's own alone are on the registry's image", Wanted::NotJudged, left_over)
            .accepts("on the other stream, in capitals", |e| {
                e.outcome.stderr = std::mem::take(&mut e.outcome.stdout).to_uppercase();
            })
            .rejects("no word, and only warnings are asked for", |e| {
                e.inputs.argv.extend(["-log-level=error", "-log-level", "warn"].map(str::to_owned));
                e.outcome.stdout.clear();
            })
            .ignores("errors alone are asked for", |e| {
                e.inputs.environment.insert("CNB_LOG_LEVEL".to_owned(), "error".to_owned());
                e.outcome.stdout.clear();
            })
            .whole("the registry's image has none either", Wanted::NotJudged, |evidence, _| {
                edit_manifest(on(evidence, Target::Registry), |m| m["annotations"] = json!({}));
            })
            .whole("no registry export", Wanted::NotJudged, alone),
    ]
}

fn ids() -> Vec<Trials> {
    let id = |change: fn(&str) -> String| {
        move |e: &mut Export| {
            let id = e.image_id().unwrap().to_string();
            edit_report(e, &id, &change(&id));
        }
    };
    vec![
        Trials::of("daemon.report-image-id")
            .rejects("another ID", id(|_| Digest::of(b"other").to_string()))
            .rejects("under another key", |e| edit_report(e, "image-id", "image-ids"))
            .rejects("an empty one", id(|_| String::new()))
            .rejects("a short one", id(|id| id[..19].to_owned()))
            .rejects("capitals", id(str::to_uppercase))
            .rejects("a diffID", |e| {
                let (id, other) =
                    (e.image_id().unwrap().to_string(), view::diff_ids(e.image.as_ref().unwrap().config.as_ref()));
                edit_report(e, &id, &other[0]);
            })
            .follows("no report", "platform.report-written", |e| e.report = None)
            .rejects("the report of the run before", |e| {
                let mut before = e.clone();
                edit_config(&mut before, |config| config["x"] = json!(1));
                e.report = before.report;
            })
            .accepts("without algorithm", id(|id| id.trim_start_matches("sha256:").to_owned()))
            .accepts("the other spelling of the key", |e| edit_report(e, "image-id", "imageID"))
            .accepts("the daemon's own ID", |e| {
                let (id, other) = (e.image_id().unwrap().to_string(), Digest::of(b"other").to_string());
                edit_report(e, &id, &other);
                e.daemon.as_mut().unwrap().tag_ids[0].id = Some(other);
            }),
        Trials::of("daemon.all-tags")
            .rejects("one more is missing", |e| e.inputs.images.push("host.example/app:2".to_owned()))
            .rejects("the only one is missing", |e| e.daemon.as_mut().unwrap().tag_ids[0].id = None)
            .rejects("nothing was seen", |e| e.daemon.as_mut().unwrap().tag_ids.clear())
            .accepts("another ID, which other rows judge", |e| {
                e.daemon.as_mut().unwrap().tag_ids[0].id = Some("x".to_owned());
            })
            .from(sample::with_two_tags)
            .rejects("the second names the image before", |e| {
                e.daemon.as_mut().unwrap().tag_ids[1].id = Some("sha256:0".to_owned());
            })
            .rejects("the first names the image before", |e| {
                e.daemon.as_mut().unwrap().tag_ids[0].id = Some("sha256:0".to_owned());
            })
            .rejects("the second is missing", |e| e.daemon.as_mut().unwrap().tag_ids[1].id = None)
            .accepts("the two in other order", |e| e.daemon.as_mut().unwrap().tag_ids.swap(0, 1)),
    ]
}

/// An OCI archive: the same with the manifest of the registry's image, its descriptors true of plain tars.
fn oci_archive() -> ScenarioEvidence {
    let mut evidence = sample::scenario();
    let image = on(&mut evidence, Target::Daemon).image.as_mut().unwrap();
    let descriptors: Vec<Value> = image
        .layers
        .iter()
        .map(|layer| layer.blob.as_ref().unwrap())
        .map(|blob| json!({ "digest": blob.digest, "size": blob.size }))
        .collect();
    image.manifest = Some(Document::new(json!({ "layers": descriptors }).to_string().into_bytes(), None));
    evidence
}

fn image_true() -> Trials {
    let descriptor = |change: fn(&mut Value)| {
        move |e: &mut Export| {
            let image = e.image.as_mut().unwrap();
            let mut manifest: Value = serde_json::from_slice(&image.manifest.as_ref().unwrap().bytes).unwrap();
            change(&mut manifest);
            image.manifest = Some(Document::new(manifest.to_string().into_bytes(), None));
        }
    };
    Trials::of("daemon.image-true")
        .rejects("the daemon has it and does not save it", |e| e.image = None)
        .rejects("two layers swapped", layers(|layers| layers.swap(2, 3)))
        .rejects("the first and the last swapped", layers(|layers| layers.swap(0, 8)))
        .rejects("one doubled and one lost, diff_ids untouched", layers(|layers| layers[4] = layers[3].clone()))
        .rejects("the last doubled and the one before lost", layers(|layers| layers[7] = layers[8].clone()))
        .rejects("all shifted by one", layers(|layers| layers.rotate_right(1)))
        .rejects(
            "one doubled, all after it shifted, the last lost",
            layers(|layers| {
                let again = layers[3].clone();
                layers.insert(3, again);
                layers.pop();
            }),
        )
        .rejects("one doubled, none lost", layers(|layers| layers.push(layers[3].clone())))
        .rejects("the last is lost", layers(|layers| drop(layers.pop())))
        .rejects("the first is lost", layers(|layers| drop(layers.remove(0))))
        .rejects("one is not in the archive", layers(|layers| layers[0].blob = None))
        .rejects(
            "the run image's are empty",
            layers(|layers| {
                for layer in &mut layers[..2] {
                    let blob = layer.blob.as_mut().unwrap();
                    blob.diff_id = Digest::of(b"");
                    blob.uncompressed_size = 0;
                    blob.entries.clear();
                }
            }),
        )
        .rejects("one is cut", layers(|layers| layers[2].problem = Some("unpack it: cut".to_owned())))
        .rejects("two diffIDs swapped", config(|c| c["rootfs"]["diff_ids"].as_array_mut().unwrap().swap(3, 4)))
        .rejects("no diffIDs", config(|c| c["rootfs"]["diff_ids"] = json!([])))
        .rejects("no config", |e| e.image.as_mut().unwrap().config = None)
        .accepts("one layer twice by design", |e| edit_layers(e, |own| own.push(own[3].clone())))
        .accepts("other names in the archive", layers(|layers| layers[3].name = "x/layer.tar".to_owned()))
        .accepts(
            "a tar without its end",
            layers(|layers| {
                (layers[2].problem, layers[2].fault) =
                    (Some("it ends inside an entry".to_owned()), Some(LayerFault::Tar));
            }),
        )
        .from(oci_archive)
        .rejects(
            "an OCI archive's size one off",
            descriptor(|m| m["layers"][3]["size"] = json!(m["layers"][3]["size"].as_u64().unwrap() + 1)),
        )
        .rejects(
            "an OCI archive's digest of another",
            descriptor(|m| m["layers"][3]["digest"] = m["layers"][4]["digest"].clone()),
        )
        .rejects("an OCI archive's descriptors swapped", descriptor(|m| m["layers"].as_array_mut().unwrap().swap(3, 4)))
        .accepts("annotations in an OCI archive", descriptor(|m| m["annotations"] = json!({ "a.b": "c" })))
}

fn twins() -> Vec<Trials> {
    let mut same = Trials::of("daemon.same-config");
    for path in COMPARED {
        same = same.rejects(
            format!("another {}", path.join(".")),
            config(move |c| match path {
                [one] => c[*one] = json!("2001-01-01T00:00:00Z"),
                [one, two] => c[*one][*two] = json!(["x"]),
                _ => {}
            }),
        );
        if path != ["config", "Cmd"] && path != ["variant"] {
            same = same.rejects(
                format!("no {}", path.join(".")),
                config(move |c| match path {
                    [one] => drop(c.as_object_mut().unwrap().remove(*one)),
                    [one, two] => drop(c[*one].as_object_mut().unwrap().remove(*two)),
                    _ => {}
                }),
            );
        }
    }
    let reference = |e: &mut Export| edit_label(e, LIFECYCLE, |l| l["runImage"]["reference"] = json!("x"));
    vec![
        Trials::of("daemon.same-diff-ids")
            .rejects("two layers swapped", |e| edit_layers(e, |own| own.swap(0, 1)))
            .rejects("another app layer", |e| edit_layers(e, |own| own[3] = sample::layer("changed", Vec::new())))
            .rejects("a layer less", |e| edit_layers(e, |own| drop(own.pop())))
            .rejects("a layer more", |e| edit_layers(e, |own| own.push(sample::layer("more", Vec::new()))))
            .accepts("another label", label("x", "1"))
            .accepts("layers named otherwise", layers(|layers| layers[3].name = "x".to_owned()))
            .whole("no registry export", Wanted::NotJudged, alone)
            .whole("a repeat differs already", Wanted::NotJudged, unsteady),
        same.rejects("variables in other order", config(|c| c["config"]["Env"].as_array_mut().unwrap().swap(0, 1)))
            .accepts("an empty Cmd", config(|c| c["config"]["Cmd"] = json!([])))
            .accepts("another label", label("x", "1"))
            .accepts("another history", config(|c| drop(c.as_object_mut().unwrap().remove("history"))))
            .whole("no registry export", Wanted::NotJudged, alone)
            .whole("a repeat differs already", Wanted::NotJudged, unsteady),
        Trials::of("daemon.same-labels")
            .whole("a label of another key, in which a reference to a run image differs", Wanted::Rejected, |e, _| {
                for export in &mut e.exports {
                    let label = json!({ "runImage": { "reference": export.target.name() } }).to_string();
                    edit_config(export, |c| c["config"]["Labels"]["com.example.run"] = json!(label));
                }
            })
            .rejects("another value", label("k", "x"))
            .rejects("one more", label("more", "x"))
            .rejects("one less", config(|c| drop(c["config"]["Labels"].as_object_mut().unwrap().remove("k"))))
            .rejects("another run image", |e| edit_label(e, LIFECYCLE, |l| l["runImage"]["image"] = json!("x")))
            .rejects("no run image", |e| {
                edit_label(e, LIFECYCLE, |l| drop(l.as_object_mut().unwrap().remove("runImage")));
            })
            .accepts("another reference to the run image", reference)
            .accepts("another reference in stack", |e| {
                edit_label(e, LIFECYCLE, |l| l["stack"]["runImage"]["reference"] = json!("x"));
            })
            .accepts("labels in other order", |e| crate::harmless::HARMLESS[0].1(e))
            .whole("no registry export", Wanted::NotJudged, alone)
            .whole("a repeat differs already", Wanted::NotJudged, unsteady),
    ]
}

fn explained() -> Trials {
    Trials::of("daemon.image-id-difference-explained")
        .rejects("something else in the config", config(|c| c["x"] = json!(1)))
        .rejects("another label", label("x", "1"))
        .rejects("another time", config(|c| c["created"] = json!("2001-01-01T00:00:00Z")))
        .rejects(
            "no label of the lifecycle",
            config(|c| drop(c["config"]["Labels"].as_object_mut().unwrap().remove(LIFECYCLE))),
        )
        .rejects("another history", config(|c| c["history"][0]["created_by"] = json!("z")))
        .accepts("another reference to the run image", |e| {
            edit_label(e, LIFECYCLE, |l| l["runImage"]["reference"] = json!("x"));
        })
        .accepts("the same config with keys in other order", |e| crate::harmless::HARMLESS[0].1(e))
        .whole("one config", Wanted::Held, |evidence, target| {
            let registry = on(evidence, Target::Registry).image.as_ref().unwrap().config.clone().unwrap();
            sample::set_config(on(evidence, target), registry);
        })
        .whole("no registry export", Wanted::NotJudged, alone)
        .whole("a repeat differs already", Wanted::NotJudged, unsteady)
}

fn round_trip() -> Trials {
    let changed = |change: fn(&mut Value)| {
        pushed(move |image| {
            let mut config: Value = serde_json::from_slice(&image.config.as_ref().unwrap().bytes).unwrap();
            change(&mut config);
            image.config = Some(Document::new(config.to_string().into_bytes(), None));
        })
    };
    let problem = |cause: PushCause, reason: &'static str| {
        move |e: &mut Export| {
            let daemon = e.daemon.as_mut().unwrap();
            daemon.pushed = None;
            daemon.push_problem = Some(NotPushed { cause, reason: reason.to_owned() });
        }
    };
    let ended = |again: Option<bool>, of_run_image: Option<bool>| {
        move |e: &mut Export| {
            let (how, said) = ("with exit 2".to_owned(), "panic: nil pointer".to_owned());
            let end = EngineEnd { how, said, pushes_run_image: of_run_image, again };
            let daemon = e.daemon.as_mut().unwrap();
            daemon.engine_end = Some(end);
        }
    };
    Trials::of("daemon.round-trip-content")
        .rejects("the engine ends at every push of it", ended(Some(true), Some(true)))
        .rejects("two layers swapped", pushed(|image| image.layers.swap(2, 3)))
        .rejects("one doubled and one lost", pushed(|image| image.layers[4] = image.layers[3].clone()))
        .rejects("a layer is lost", pushed(|image| drop(image.layers.pop())))
        .rejects("a layer more", pushed(|image| image.layers.push(image.layers[3].clone())))
        .rejects("a layer is not served", pushed(|image| image.layers[1].blob = None))
        .rejects("a layer is cut", pushed(|image| image.layers[2].problem = Some("unpack it: cut".to_owned())))
        .rejects("no config", pushed(|image| image.config = None))
        .rejects("something else in the config", changed(|config| config["x"] = json!(1)))
        .rejects("diffIDs swapped", changed(|config| config["rootfs"]["diff_ids"].as_array_mut().unwrap().swap(2, 3)))
        .rejects("the push failed", problem(PushCause::Failed, "EOF"))
        .accepts("the daemon's pull failed, of what the registry serves whole", |e| {
            e.daemon.as_mut().unwrap().pull_problem = Some("locating layer".to_owned());
        })
        .accepts("another manifest", pushed(|image| image.manifest = None))
        .accepts("layers compressed in another way", |e| crate::harmless::HARMLESS[4].1(e))
        .ignores("a daemon that is not the suite's", problem(PushCause::NotAllowed, "the push failed elsewhere"))
}
