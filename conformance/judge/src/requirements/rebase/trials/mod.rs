//! Mutations of good rebases, and near misses.

mod configs;
mod shared;

use serde_json::{Value, json};

use crate::digest::Digest;
use crate::evidence::{End, Export, Target};
use crate::sample::{self, annotate, edit_config, edit_label, edit_manifest};
use crate::trial::{Trial, Trials, all};
use crate::view::LIFECYCLE;
pub(super) use shared::before;
use shared::{of, other_digest};

const PREFIX: &str = "org.opencontainers.image.";

fn key(name: &str) -> String {
    format!("{PREFIX}{name}")
}

/// Sets or removes an annotation of the rebased image.
fn says(name: &str, text: Option<&'static str>) -> impl Fn(&mut Export) + 'static {
    let key = key(name);
    move |export| annotate(export, &key, text)
}

fn without_annotations(export: &mut Export) {
    edit_manifest(export, |manifest| drop(manifest.as_object_mut().unwrap().shift_remove("annotations")));
}

/// The app image had no annotations but those of the base, and the rebased image has none.
fn of_the_base_alone(export: &mut Export) {
    before(export, |export| {
        edit_manifest(export, |manifest| {
            manifest["annotations"].as_object_mut().unwrap().retain(|name, _| name.starts_with(&key("base.")));
        });
    });
    without_annotations(export);
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
    let of_images = annotations().into_iter().chain(manifests()).chain(stores()).chain(again());
    all(of_images.chain(configs::trials()))
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
            .ignores("there were none", |export| before(export, without_annotations))
            .on(&[Target::Registry])
            .rejects("there were those of the base alone, and none is left", of_the_base_alone)
            .on(&[Target::Daemon])
            .accepts("a daemon removes those of the base, and there were no others", of_the_base_alone),
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
            .ignores("there was none", |export| before(export, |export| annotate(export, &key("base.name"), None)))
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
            .ignores("there was none", |export| before(export, |export| annotate(export, &key("base.digest"), None)))
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
            .ignores("there is no base.digest", says("base.digest", None))
            .ignores("the label has an ID", |export| {
                let id = export.run_image.config.digest.to_string();
                edit_label(export, LIFECYCLE, |label| label["runImage"]["reference"] = json!(id));
            })
            .accepts("title is wrong", says("title", Some("other"))),
        of("rebase.annotations-not-inherited")
            .rejects("the run image's title", says("title", Some("sentinel-new-title")))
            .rejects("the run image's own", |export| annotate(export, "x.y", Some("sentinel-new-own")))
            .accepts("the run image's key with another value", |export| annotate(export, "x.y", Some("other")))
            .ignores("the run image has none", |export| {
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
            .rejects("a manifest of another type", |export| {
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
            .ignores("it was Docker's before", |export| before(export, as_docker)),
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
            .ignores("the old label's topLayer names no layer", |export| {
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
            .accepts("how far an upload of it came is asked", |export| {
                send_layer(export, 5, "digest=");
                export.wire.as_mut().unwrap()[1].method = "GET".to_owned();
            })
            .accepts("a layer of the run image is sent", |export| send_layer(export, 0, "digest="))
            .ignores("there is no recorder", |export| export.wire = None),
    ]
}

fn send_layer(export: &mut Export, index: usize, word: &str) {
    let name = export.image.as_ref().unwrap().layers[index].name.replace(':', "%3A");
    export.wire.as_mut().unwrap()[1].target = format!("/v2/app/blobs/uploads/1?{word}{name}");
}

/// One more request of a manifest of the app image's repository.
fn after_the_tag(method: &'static str, reference: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| {
        let mut record = export.wire.as_ref().unwrap()[2].clone();
        (record.method, record.sequence) = (method.to_owned(), 99);
        record.target = format!("/v2/app/manifests/{reference}");
        export.wire.as_mut().unwrap().push(record);
    }
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
                sample::edit_report(export, "digest='sha256:", "digest='sha256:0");
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
            .ignores("it is an <image> too", |export| {
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
            .ignores("there was none", |export| export.previous_after = None),
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
            .rejects("a manifest by its digest after the tag", after_the_tag("PUT", "sha256:0000"))
            .rejects("a manifest by its digest, of which the colon is escaped", after_the_tag("PUT", "sha256%3A0000"))
            .rejects("a blob after the tag, and then a look at the tag", |export| {
                export.wire.as_mut().unwrap()[1].sequence = 98;
                after_the_tag("GET", "latest")(export);
            })
            .accepts("another tag afterwards", after_the_tag("PUT", "2"))
            .accepts("a look at a manifest afterwards", after_the_tag("GET", "sha256:0000"))
            .accepts("another repository afterwards", |export| {
                let wire = export.wire.as_mut().unwrap();
                (wire[1].target, wire[1].sequence) = ("/v2/other/blobs/uploads/?digest=sha256:0000".to_owned(), 99);
            })
            .accepts("a look afterwards", |export| {
                let mut record = export.wire.as_ref().unwrap()[1].clone();
                (record.method, record.sequence) = ("GET".to_owned(), 99);
                export.wire.as_mut().unwrap().push(record);
            })
            .ignores("no tag was written", |export| drop(export.wire.as_mut().unwrap().pop())),
    ]
}

fn again() -> Vec<Trials> {
    vec![
        Trials::of("rebase.same-inputs-same-digest")
            .from(sample::rebased_twice)
            .step(2)
            .rejects("another time", |export| {
                edit_config(export, |config| config["created"] = json!("1990-01-01T00:00:00Z"));
            })
            .accepts("another report", |export| export.report = None)
            .ignores("on another run image", |export| export.run_image.digest = Digest::of(b"another"))
            .on(&[Target::Registry])
            .rejects("another annotation", says("title", Some("other")))
            .on(&[Target::Daemon])
            .accepts("a daemon tells images by their ID", says("title", Some("other"))),
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
            .accepts("the exporter had packed the run image's layers in its own way", |export| {
                before(export, |export| {
                    edit_manifest(export, |manifest| manifest["layers"][0]["digest"] = json!(other_digest()));
                });
            })
            .ignores("another run image", |export| export.rebase.as_mut().unwrap().is_same_run_image = false)
            .on(&[Target::Registry])
            .rejects("base.name is gone", says("base.name", None))
            .on(&[Target::Daemon])
            .accepts("a daemon removes base.name", says("base.name", None)),
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
