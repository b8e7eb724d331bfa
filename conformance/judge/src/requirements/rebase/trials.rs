//! Mutations of good rebases, and near misses.

use serde_json::{Value, json};

use super::refusals::REFUSALS;
use crate::digest::Digest;
use crate::evidence::{End, Export, Target};
use crate::sample::{self, annotate, edit_config, edit_label, edit_manifest};
use crate::trial::{Trial, Trials, all};

const PREFIX: &str = "org.opencontainers.image.";
const LIFECYCLE: &str = "io.buildpacks.lifecycle.metadata";
const BASE: &str = "io.buildpacks.base.distro.version";

fn of(slug: &str) -> Trials {
    Trials::of(slug).from(sample::rebased)
}

fn key(name: &str) -> String {
    format!("{PREFIX}{name}")
}

/// Sets or removes an annotation of the rebased image.
fn says(name: &str, text: Option<&'static str>) -> impl Fn(&mut Export) + 'static {
    let key = key(name);
    move |export| annotate(export, &key, text)
}

fn other_digest() -> String {
    Digest::of(b"another image").to_string()
}

/// A change of the config's labels.
fn labels(change: impl Fn(&mut serde_json::Map<String, Value>) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| edit_config(export, |config| change(config["config"]["Labels"].as_object_mut().unwrap()))
}

/// Changes the image that was there before.
fn before(export: &mut Export, change: impl FnOnce(&mut Export)) {
    let after = export.image.take();
    export.image = export.rebase.as_ref().and_then(|rebase| rebase.app.clone());
    let (tags, report, daemon) = (export.tags.clone(), export.report.clone(), export.daemon.clone());
    change(export);
    let changed = export.image.take();
    export.rebase.as_mut().unwrap().app = changed;
    export.image = after;
    (export.tags, export.report, export.daemon) = (tags, report, daemon);
}

fn without_annotations(export: &mut Export) {
    edit_manifest(export, |manifest| drop(manifest.as_object_mut().unwrap().shift_remove("annotations")));
}

fn as_docker(export: &mut Export) {
    edit_manifest(export, |manifest| {
        manifest["mediaType"] = json!("application/vnd.docker.distribution.manifest.v2+json");
        manifest["config"]["mediaType"] = json!("application/vnd.docker.container.image.v1+json");
    });
}

fn wholly_docker(export: &mut Export) {
    sample::made_up(export.image.as_mut().unwrap());
    sample::seal(export);
}

pub(crate) fn trials() -> Vec<Trial> {
    let mut found = all(annotations().into_iter().chain(manifests()).chain(configs()).chain(stores()));
    found.extend(all(refusals()));
    found
}

fn annotations() -> Vec<Trials> {
    vec![
        of("rebase.annotations-kept")
            .rejects("all annotations are gone", without_annotations)
            .rejects("revision is gone", says("revision", None))
            .rejects("title is another", says("title", Some("other")))
            .rejects("title is normalised", says("title", Some("Na\u{308}me")))
            .rejects("what the Go rebaser does", |export| {
                without_annotations(export);
                as_docker(export);
            })
            .accepts("base.digest is wrong, which is another's affair", says("base.digest", Some("x")))
            .accepts("one more", says("created", Some("1980-01-01T00:00:01Z")))
            .spares("there were none", |export| before(export, without_annotations)),
        of("rebase.base-name")
            .rejects("it is that of before", |export| {
                export.rebase.as_mut().unwrap().run_image = Some("host.example/other:new".to_owned());
            })
            .rejects("it is the reference by digest alone", |export| {
                let reference = format!("host.example/elsewhere@{}", export.run_image.digest);
                annotate(export, &key("base.name"), Some(&reference));
            })
            .rejects("it is empty", says("base.name", Some("")))
            .accepts("the label says the name", |export| export.rebase.as_mut().unwrap().run_image = None)
            .spares("there was none", |export| before(export, |export| annotate(export, &key("base.name"), None)))
            .on(&[Target::Registry])
            .rejects("it is gone", says("base.name", None))
            .follows("all annotations are gone", "rebase.annotations-kept", without_annotations)
            .on(&[Target::Daemon])
            .accepts("a daemon removes it", says("base.name", None)),
        of("rebase.base-digest")
            .rejects("it is that of before", |export| {
                let old =
                    crate::view::annotation(export.rebase.as_ref().unwrap().app.as_ref().unwrap(), &key("base.digest"));
                annotate(export, &key("base.digest"), old.as_deref());
            })
            .rejects("it is an imageID", |export| {
                let id = export.run_image.config.digest.to_string();
                annotate(export, &key("base.digest"), Some(&id));
            })
            .accepts("title is wrong", says("title", Some("other")))
            .spares("there was none", |export| before(export, |export| annotate(export, &key("base.digest"), None)))
            .on(&[Target::Registry])
            .rejects("it is gone", says("base.digest", None))
            .on(&[Target::Daemon])
            .accepts("a daemon removes it", says("base.digest", None)),
        of("rebase.base-agrees-with-label")
            .follows("the annotation is of before", "rebase.base-digest", |export| {
                annotate(export, &key("base.digest"), Some(&other_digest()));
            })
            .rejects("the label has the index's digest and the annotation that of the manifest", |export| {
                let index = Digest::of(b"index");
                export.run_image.digest = index.clone();
                edit_label(export, LIFECYCLE, |label| {
                    label["runImage"]["reference"] = json!(format!("host.example/run@{index}"));
                });
            })
            .spares("there is no base.digest", says("base.digest", None))
            .spares("the label has an ID", |export| {
                let id = export.run_image.config.digest.to_string();
                edit_label(export, LIFECYCLE, |label| label["runImage"]["reference"] = json!(id));
            })
            .accepts("title is wrong", says("title", Some("other"))),
        of("rebase.annotations-not-inherited")
            .rejects("the run image's title", says("title", Some("sentinel-new-title")))
            .rejects("the run image's own", |export| annotate(export, "x.y", Some("sentinel-new-own")))
            .accepts("the run image's key with another value", |export| annotate(export, "x.y", Some("other")))
            .spares("the run image has none", |export| {
                let manifest = &mut export.run_image.manifest;
                let mut value: Value = serde_json::from_slice(&manifest.bytes).unwrap();
                value.as_object_mut().unwrap().shift_remove("annotations");
                *manifest =
                    crate::evidence::Document::new(value.to_string().into_bytes(), manifest.content_type.clone());
            }),
        of("rebase.annotations-added")
            .rejects("created", says("created", Some("1980-01-01T00:00:01Z")))
            .rejects("base.name where there was none", |export| {
                before(export, |export| annotate(export, &key("base.name"), None));
            })
            .rejects("an image that had none has some", |export| before(export, without_annotations))
            .follows("the run image's own", "rebase.annotations-not-inherited", |export| {
                annotate(export, "x.y", Some("sentinel-new-own"));
            })
            .accepts("one is gone", says("title", None)),
    ]
}

fn manifests() -> Vec<Trials> {
    vec![
        of("rebase.media-types-agree")
            .rejects("what the Go rebaser does", as_docker)
            .rejects("a layer of Docker's", |export| {
                edit_manifest(export, |manifest| {
                    manifest["layers"][0]["mediaType"] = json!("application/vnd.docker.image.rootfs.diff.tar.gzip");
                });
            })
            .rejects("a config of Docker's", |export| {
                edit_manifest(export, |manifest| {
                    manifest["config"]["mediaType"] = json!("application/vnd.docker.container.image.v1+json");
                });
            })
            .rejects("a manifest of nobody's", |export| {
                edit_manifest(export, |manifest| manifest["mediaType"] = json!("application/json"));
            })
            .rejects("served as something else", |export| {
                let manifest = export.image.as_mut().unwrap().manifest.as_mut().unwrap();
                manifest.content_type = Some("application/vnd.docker.distribution.manifest.v2+json".to_owned());
            })
            .accepts("all of Docker's", wholly_docker)
            .accepts("no mediaType in the manifest", |export| {
                edit_manifest(export, |manifest| drop(manifest.as_object_mut().unwrap().shift_remove("mediaType")));
                let served = Some("application/vnd.oci.image.manifest.v1+json".to_owned());
                export.image.as_mut().unwrap().manifest.as_mut().unwrap().content_type = served;
            }),
        of("rebase.oci-kept")
            .rejects("what the Go rebaser does", as_docker)
            .rejects("all of Docker's", wholly_docker)
            .accepts("a layer of Docker's", |export| {
                edit_manifest(export, |manifest| {
                    manifest["layers"][0]["mediaType"] = json!("application/vnd.docker.image.rootfs.diff.tar.gzip");
                });
            })
            .spares("it was Docker's before", |export| before(export, as_docker)),
        of("rebase.descriptors-true")
            .rejects("a size", |export| edit_manifest(export, |manifest| manifest["layers"][1]["size"] = json!(7)))
            .rejects("a digest", |export| {
                edit_manifest(export, |manifest| manifest["config"]["digest"] = json!(other_digest()));
            })
            .rejects("a layer that is not there", |export| export.image.as_mut().unwrap().layers[0].blob = None)
            .rejects("a layer is not named", |export| {
                edit_manifest(export, |manifest| drop(manifest["layers"].as_array_mut().unwrap().pop()));
            })
            .accepts("an annotation of a layer", |export| {
                edit_manifest(export, |manifest| manifest["layers"][0]["annotations"] = json!({ "a.b": "c" }));
            }),
        of("rebase.diff-ids-true")
            .rejects("the order", |export| {
                edit_config(export, |config| config["rootfs"]["diff_ids"].as_array_mut().unwrap().swap(0, 1));
            })
            .rejects("one too few", |export| {
                edit_config(export, |config| drop(config["rootfs"]["diff_ids"].as_array_mut().unwrap().pop()));
            })
            .accepts("title is gone", says("title", None)),
        of("rebase.run-layers-replaced")
            .rejects("nothing is replaced", |export| export.image = export.rebase.as_ref().unwrap().app.clone())
            .rejects("an app layer is lost", |export| {
                edit_config(export, |config| drop(config["rootfs"]["diff_ids"].as_array_mut().unwrap().pop()));
            })
            .rejects("the app comes first", |export| {
                edit_config(export, |config| config["rootfs"]["diff_ids"].as_array_mut().unwrap().rotate_left(3));
            })
            .rejects("a run image's layer is lost", |export| {
                edit_config(export, |config| drop(config["rootfs"]["diff_ids"].as_array_mut().unwrap().remove(2)));
            })
            .accepts("the label's topLayer is wrong, which is another's affair", |export| {
                edit_label(export, LIFECYCLE, |label| label["runImage"]["topLayer"] = json!(other_digest()));
            })
            .spares("the old label's topLayer names no layer", |export| {
                before(export, |export| {
                    edit_label(export, LIFECYCLE, |label| label["runImage"]["topLayer"] = json!(other_digest()));
                });
            }),
        of("rebase.app-layers-reused")
            .rejects("compressed anew", |export| {
                let again = sample::recompressed(export.image.as_ref().unwrap());
                export.image = Some(again);
                sample::seal(export);
            })
            .accepts("the run image's layers compressed anew", |export| {
                edit_manifest(export, |manifest| manifest["layers"][0]["digest"] = json!(other_digest()));
            }),
        of("rebase.layers-not-sent")
            .rejects("a layer of the app is sent", |export| send_layer(export, 5, "digest="))
            .accepts("a layer of the app is mounted", |export| send_layer(export, 5, "mount="))
            .accepts("a layer of the run image is sent", |export| send_layer(export, 0, "digest="))
            .spares("there is no recorder", |export| export.wire = None),
    ]
}

fn send_layer(export: &mut Export, index: usize, word: &str) {
    let name = export.image.as_ref().unwrap().layers[index].name.replace(':', "%3A");
    export.wire.as_mut().unwrap()[1].target = format!("/v2/app/blobs/uploads/1?{word}{name}");
}

fn configs() -> Vec<Trials> {
    vec![
        of("rebase.label-updated")
            .rejects("topLayer is of before", |export| {
                edit_label(export, LIFECYCLE, |label| label["runImage"]["topLayer"] = json!(other_digest()));
            })
            .rejects("reference is of before", |export| {
                edit_label(export, LIFECYCLE, |label| {
                    label["runImage"]["reference"] = json!(format!("host.example/run@{}", other_digest()));
                });
            })
            .rejects("reference is a tag", |export| {
                edit_label(export, LIFECYCLE, |label| label["runImage"]["reference"] = json!("host.example/run:base"));
            })
            .accepts("reference is the imageID", |export| {
                let id = export.run_image.config.digest.to_string();
                edit_label(export, LIFECYCLE, |label| label["runImage"]["reference"] = json!(id));
            }),
        of("rebase.label-names")
            .rejects("image is another", |export| {
                edit_label(export, LIFECYCLE, |label| label["runImage"]["image"] = json!("host.example/other:base"));
            })
            .rejects("mirrors are gone", |export| {
                edit_label(export, LIFECYCLE, |label| label["runImage"]["mirrors"] = json!([]));
            })
            .rejects("a forced run image is not in the label", |export| {
                export.rebase.as_mut().unwrap().run_image = Some("host.example/forced:1".to_owned());
            })
            .accepts("the same image in other words", |export| {
                edit_label(export, LIFECYCLE, |label| {
                    label["runImage"]["mirrors"] = json!(["mirror.example/run:base"])
                });
                annotate(export, "x", Some("y"));
            })
            .spares("the old label names none", |export| {
                before(export, |export| {
                    edit_label(export, LIFECYCLE, |label| {
                        drop(label["runImage"].as_object_mut().unwrap().remove("image"))
                    });
                });
            }),
        of("rebase.label-rest-kept")
            .rejects("buildpacks are gone", |export| {
                edit_label(export, LIFECYCLE, |label| drop(label.as_object_mut().unwrap().remove("buildpacks")));
            })
            .rejects("a digest of the app's", |export| {
                edit_label(export, LIFECYCLE, |label| label["app"][0]["sha"] = json!(other_digest()));
            })
            .rejects("a flag of a layer", |export| {
                edit_label(export, LIFECYCLE, |label| {
                    label["buildpacks"][0]["layers"]["runtime"]["cache"] = json!(false);
                });
            })
            .accepts("null is as good as nothing", |export| {
                edit_label(export, LIFECYCLE, |label| label["more"] = Value::Null);
            })
            .spares("there was no label", |export| {
                before(export, |export| {
                    edit_config(export, |config| {
                        config["config"]["Labels"].as_object_mut().unwrap().remove(LIFECYCLE);
                    });
                });
            }),
        of("rebase.base-labels")
            .rejects("that of before", labels(|labels| drop(labels.insert(BASE.to_owned(), json!("12")))))
            .rejects("it is gone", labels(|labels| drop(labels.shift_remove(BASE))))
            .accepts("another label", labels(|labels| drop(labels.insert("k".to_owned(), json!("x")))))
            .accepts("one that neither had before", |export| {
                before(export, |export| {
                    edit_config(export, |config| {
                        drop(config["config"]["Labels"].as_object_mut().unwrap().shift_remove(BASE))
                    });
                });
                edit_config(export, |config| {
                    drop(config["config"]["Labels"].as_object_mut().unwrap().shift_remove(BASE))
                });
            }),
        of("rebase.other-labels-kept")
            .rejects("one is gone", labels(|labels| drop(labels.shift_remove("k"))))
            .rejects("one is added", labels(|labels| drop(labels.insert("of.the.run".to_owned(), json!("1")))))
            .rejects(
                "rebasable follows the run image",
                labels(|labels| {
                    labels.insert("io.buildpacks.rebasable".to_owned(), json!("true"));
                }),
            )
            .accepts("a label of the base", labels(|labels| drop(labels.insert(BASE.to_owned(), json!("12"))))),
        of("rebase.rest-identical")
            .rejects("Env of the run image", |export| {
                edit_config(export, |config| config["config"]["Env"] = json!(["PATH=/opt/new"]));
            })
            .rejects("no Entrypoint", |export| {
                edit_config(export, |config| {
                    drop(config["config"].as_object_mut().unwrap().shift_remove("Entrypoint"))
                });
            })
            .rejects("an author", |export| edit_config(export, |config| config["author"] = json!("rebaser")))
            .rejects("another user", |export| edit_config(export, |config| config["config"]["User"] = json!("0")))
            .accepts("null is as good as nothing", |export| {
                edit_config(export, |config| config["config"]["Shell"] = Value::Null);
            })
            .accepts("created", |export| {
                edit_config(export, |config| config["created"] = json!("1990-01-01T00:00:00Z"));
            }),
        of("rebase.target-data")
            .rejects("architecture of before", |export| {
                edit_config(export, |config| config["architecture"] = json!("s390x"));
            })
            .rejects("variant is missing", |export| {
                let run = &mut export.run_image.config;
                let mut value: Value = serde_json::from_slice(&run.bytes).unwrap();
                value["variant"] = json!("v8");
                *run = crate::evidence::Document::new(value.to_string().into_bytes(), None);
            })
            .accepts("os.version", |export| edit_config(export, |config| config["os.version"] = json!("7"))),
        of("rebase.history-true")
            .rejects("one too few", |export| {
                edit_config(export, |config| drop(config["history"].as_array_mut().unwrap().pop()));
            })
            .rejects("one too many", |export| {
                edit_config(export, |config| config["history"].as_array_mut().unwrap().push(json!({})));
            })
            .accepts("an entry without a layer", |export| {
                edit_config(export, |config| {
                    config["history"].as_array_mut().unwrap().push(json!({ "empty_layer": true }));
                });
            })
            .spares("the run image has none", |export| {
                let run = &mut export.run_image.config;
                let mut value: Value = serde_json::from_slice(&run.bytes).unwrap();
                value.as_object_mut().unwrap().shift_remove("history");
                *run = crate::evidence::Document::new(value.to_string().into_bytes(), None);
            }),
        of("rebase.created-constant")
            .rejects("now", |export| {
                let now = jiff::Timestamp::from_second(sample::STARTED + 2).unwrap().to_string();
                edit_config(export, |config| config["created"] = json!(now));
            })
            .rejects("no time", |export| edit_config(export, |config| config["created"] = json!("today")))
            .accepts("another constant", |export| {
                edit_config(export, |config| config["created"] = json!("1990-01-01T00:00:00Z"));
            })
            .accepts("none", |export| {
                edit_config(export, |config| drop(config.as_object_mut().unwrap().shift_remove("created")));
            }),
    ]
}

fn stores() -> Vec<Trials> {
    vec![
        of("rebase.exit-zero")
            .rejects("it fails", |export| export.outcome.end = End::Exited(70))
            .rejects("it crashes", |export| export.outcome.end = End::Signalled(11))
            .rejects("it does not end", |export| export.outcome.end = End::TimedOut(9))
            .accepts("it says much", |export| "ERROR: none".clone_into(&mut export.outcome.stderr)),
        of("rebase.all-tags")
            .rejects("the tag is gone", |export| export.tags[0].digest = None)
            .rejects("no tag", |export| export.tags.clear())
            .accepts("one more tag, the same", |export| {
                sample::one_more_tag(export);
            }),
        of("rebase.report-agrees")
            .rejects("there is none", |export| export.report = None)
            .rejects("other tags", |export| sample::edit_report(export, ":latest", ":other"))
            .accepts("a key more", |export| sample::edit_report(export, "[image]", "[image]\nmore='x'"))
            .on(&[Target::Registry])
            .rejects("the digest of before", |export| {
                sample::edit_report(export, "digest='sha256:", "digest='sha256:0")
            })
            .rejects("another size", |export| sample::edit_report(export, "manifest-size=", "manifest-size=1"))
            .on(&[Target::Daemon])
            .rejects("another ID", |export| sample::edit_report(export, "image-id='sha256:", "image-id='sha256:0")),
        of("rebase.previous-untouched")
            .from(previous)
            .rejects("it is the rebased image", |export| {
                export.rebase.as_mut().unwrap().previous_tag = Some((Some("one".to_owned()), Some("two".to_owned())));
            })
            .rejects("it is gone", |export| {
                export.rebase.as_mut().unwrap().previous_tag = Some((Some("one".to_owned()), None));
            })
            .accepts("title is gone", says("title", None))
            .spares("it is an <image> too", |export| {
                let rebase = export.rebase.as_mut().unwrap();
                rebase.previous_image = Some(export.inputs.images[0].clone());
                rebase.previous_tag = Some((Some("one".to_owned()), Some("two".to_owned())));
            }),
        of("rebase.old-digest-there")
            .rejects("it is gone", |export| {
                let after = export.previous_after.as_mut().unwrap();
                (after.status, after.document) = (404, None);
            })
            .accepts("the tag has moved", |export| export.tags_before.clear())
            .spares("there was none", |export| export.previous_after = None),
        of("rebase.nothing-else-written")
            .rejects("a tag of the run image", |export| {
                let mut record = export.wire.as_ref().unwrap()[2].clone();
                record.target = "/v2/run/manifests/base".to_owned();
                export.wire.as_mut().unwrap().push(record);
            })
            .rejects("a deletion", |export| {
                let mut record = export.wire.as_ref().unwrap()[2].clone();
                (record.method, record.status) = ("DELETE".to_owned(), 202);
                export.wire.as_mut().unwrap().push(record);
            })
            .accepts("a blob more", |export| {
                let record = export.wire.as_ref().unwrap()[1].clone();
                export.wire.as_mut().unwrap().push(record);
            }),
        of("rebase.tag-moves-last")
            .rejects("a blob after the tag", |export| export.wire.as_mut().unwrap()[1].sequence = 99)
            .rejects("a mount after the tag", |export| export.wire.as_mut().unwrap()[0].sequence = 99)
            .accepts("another repository afterwards", |export| {
                let wire = export.wire.as_mut().unwrap();
                (wire[1].target, wire[1].sequence) = ("/v2/other/blobs/uploads/?digest=sha256:0000".to_owned(), 99);
            })
            .accepts("a look afterwards", |export| {
                let mut record = export.wire.as_ref().unwrap()[1].clone();
                (record.method, record.sequence) = ("GET".to_owned(), 99);
                export.wire.as_mut().unwrap().push(record);
            })
            .spares("no tag was written", |export| drop(export.wire.as_mut().unwrap().pop())),
        Trials::of("rebase.same-inputs-same-digest")
            .from(sample::rebased_twice)
            .step(2)
            .rejects("another time", |export| {
                edit_config(export, |config| config["created"] = json!("1990-01-01T00:00:00Z"));
            })
            .accepts("another report", |export| export.report = None)
            .spares("upon another run image", |export| export.run_image.digest = Digest::of(b"another")),
        Trials::of("rebase.same-run-image")
            .from(sample::rebased_upon_the_same)
            .rejects("a layer of the run image is another blob", |export| {
                edit_manifest(export, |manifest| manifest["layers"][0]["digest"] = json!(other_digest()));
            })
            .follows("an annotation more", "rebase.annotations-added", |export| annotate(export, "a.b", Some("c")))
            .follows("annotations lost", "rebase.annotations-kept", without_annotations)
            .accepts("another time", |export| {
                edit_config(export, |config| config["created"] = json!("1990-01-01T00:00:00Z"));
            })
            .spares("another run image", |export| export.rebase.as_mut().unwrap().is_same_run_image = false),
    ]
}

fn previous() -> crate::evidence::ScenarioEvidence {
    let mut evidence = sample::rebased();
    for export in &mut evidence.rebases {
        let rebase = export.rebase.as_mut().unwrap();
        rebase.previous_image = Some("host.example/app:before".to_owned());
        rebase.previous_tag = Some((Some("one".to_owned()), Some("one".to_owned())));
    }
    evidence
}

fn refusals() -> Vec<Trials> {
    let accept = |export: &mut Export| export.outcome.end = End::Exited(0);
    let mut found: Vec<Trials> = Vec::new();
    for (slug, words) in REFUSALS {
        let said = format!("ERROR: {}", words[0]);
        found.push(
            Trials::of(slug)
                .from(move || sample::refused_rebase(slug, &said))
                .rejects("it is accepted", accept)
                .rejects("it crashes", |export| export.outcome.end = End::Signalled(6))
                .rejects("it comes down with a trace", |export| {
                    "panic: nil\ngoroutine 1 [running]:".clone_into(&mut export.outcome.stderr);
                })
                .rejects("the tag has moved", |export| export.tags[0].digest = Some(other_digest()))
                .accepts("another code", |export| export.outcome.end = End::Exited(1))
                .spares("another reason", |export| export.inputs.expected_failure = Some("rebase.other".to_owned()))
                .whole("nothing was accepted", crate::trial::Wanted::NotJudged, |evidence, _| {
                    evidence.rebases.retain(|export| export.step == 1);
                }),
        );
    }
    let sample = || sample::refused_rebase("rebase.not-rebasable-refused", "ERROR: the label rebasable is false");
    found.push(
        Trials::of("rebase.refusal-codes")
            .from(sample)
            .rejects("a code of the exporter", |export| export.outcome.end = End::Exited(62))
            .rejects("a code of no phase", |export| export.outcome.end = End::Exited(101))
            .accepts("a generic one", |export| export.outcome.end = End::Exited(2))
            .spares("it is accepted", |export| export.outcome.end = End::Exited(0)),
    );
    found.push(
        Trials::of("rebase.refusal-explained")
            .from(sample)
            .rejects("nothing is said", |export| export.outcome.stderr.clear())
            .rejects("something else is said", |export| "ERROR: sorry".clone_into(&mut export.outcome.stderr))
            .follows("it is accepted", "rebase.not-rebasable-refused", |export| export.outcome.end = End::Exited(0))
            .accepts("it is said on standard output", |export| {
                let said = std::mem::take(&mut export.outcome.stderr);
                export.outcome.stdout = said;
            }),
    );
    found
}
