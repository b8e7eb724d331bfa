//! What is rejected of history, descriptors and uploads, and what is not.

use serde_json::{Value, json};

use crate::digest::Digest;
use crate::evidence::{Document, Export, Target, WireRecord};
use crate::sample::{edit_config, edit_manifest};
use crate::trial::Trials;

pub(super) fn trials() -> Vec<Trials> {
    vec![history(), descriptors(), indexes(), kinds(), uploads(), blobs()]
}

/// Gives run image and image a history, the run image's for its two layers and one change of no files.
fn with_history(export: &mut Export) {
    let base = json!([
        { "created": "2020-01-01T00:00:00Z", "created_by": "ADD rootfs", "comment": "base" },
        { "created": "2020-01-01T00:00:00Z", "created_by": "ENV X=1", "empty_layer": true },
        { "created": "2020-01-01T00:00:00Z", "created_by": "RUN apt", "author": "Ada" },
    ]);
    let mut run: Value = serde_json::from_slice(&export.run_image.config.bytes).unwrap();
    run["history"] = base.clone();
    export.run_image.config = Document::new(run.to_string().into_bytes(), None);
    edit_config(export, |config| {
        let own: Vec<Value> = (0..7).map(|_| json!({ "created_by": "exporter" })).collect();
        let all: Vec<Value> = base.as_array().unwrap().iter().cloned().chain(own).collect();
        config["history"] = json!(all);
    });
}

fn history() -> Trials {
    let good = || {
        let mut evidence = crate::sample::scenario();
        evidence.exports.iter_mut().for_each(with_history);
        evidence
    };
    let entry = |index: usize, key: &'static str, value: Value| {
        move |export: &mut Export| edit_config(export, |config| config["history"][index][key] = value.clone())
    };
    Trials::of("config.history-kept")
        .from(good)
        .rejects("there is none", |e| edit_config(e, |config| drop(config.as_object_mut().unwrap().remove("history"))))
        .rejects("it is empty", |e| edit_config(e, |config| config["history"] = json!([])))
        .rejects("the new layers' alone", |e| {
            edit_config(e, |config| drop(config["history"].as_array_mut().unwrap().drain(..3)));
        })
        .rejects("another command", entry(0, "created_by", json!("step 0")))
        .rejects("another author", entry(2, "author", json!("nobody")))
        .rejects("a comment is lost", entry(0, "comment", Value::Null))
        .rejects("a layer where there was none", entry(1, "empty_layer", json!(false)))
        .rejects("another time", entry(2, "created", json!("2026-01-01T00:00:00Z")))
        .rejects("a part of its time", entry(2, "created", json!("2020")))
        .rejects("another order", |e| edit_config(e, |config| config["history"].as_array_mut().unwrap().swap(0, 2)))
        .accepts("its time with an offset", |e| {
            edit_config(e, |config| {
                let created = &mut config["history"][2]["created"];
                let text = created.as_str().unwrap().trim_end_matches('Z').to_owned();
                *created = json!(format!("{text}.000+00:00"));
            });
        })
        .accepts("times as the image's created", |e| {
            edit_config(e, |config| {
                let created = config["created"].clone();
                (0..3).for_each(|index| config["history"][index]["created"] = created.clone());
            });
        })
        .accepts("no times", |e| {
            edit_config(e, |config| {
                (0..3).for_each(|index| drop(config["history"][index].as_object_mut().unwrap().remove("created")));
            });
        })
        .accepts("what is empty is as absent", |e| {
            edit_config(e, |config| {
                config["history"][0]["author"] = json!("");
                config["history"][0]["empty_layer"] = json!(false);
            });
        })
        .accepts("another history of new layers", entry(5, "created_by", json!("x")))
        .ignores("the run image has none", |e| {
            let mut run: Value = serde_json::from_slice(&e.run_image.config.bytes).unwrap();
            run.as_object_mut().unwrap().remove("history");
            e.run_image.config = Document::new(run.to_string().into_bytes(), None);
        })
        .ignores("the run image's is not of its layers", |e| {
            let mut run: Value = serde_json::from_slice(&e.run_image.config.bytes).unwrap();
            run["history"].as_array_mut().unwrap().pop();
            e.run_image.config = Document::new(run.to_string().into_bytes(), None);
        })
}

/// A field of a descriptor of the manifest; null takes it away.
fn field(pointer: &'static str, key: &'static str, value: Value) -> impl Fn(&mut Export) + 'static {
    move |export| {
        edit_manifest(export, |manifest| {
            let found = manifest.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
            if value.is_null() {
                drop(found.shift_remove(key));
            } else {
                drop(found.insert(key.to_owned(), value.clone()));
            }
        });
    }
}

const LAST: &str = "/layers/8";

fn descriptors() -> Trials {
    Trials::of("manifest.descriptors-whole")
        .rejects("a layer without a media type", field(LAST, "mediaType", Value::Null))
        .rejects("a config without a media type", field("/config", "mediaType", Value::Null))
        .rejects("an empty media type", field(LAST, "mediaType", json!("")))
        .rejects("a media type with a parameter", field(LAST, "mediaType", json!("application/x; q=1")))
        .rejects("a size that is text", field(LAST, "size", json!("10")))
        .rejects("a size less than nothing", field(LAST, "size", json!(-1)))
        .rejects("a size with a part", field(LAST, "size", json!(1.5)))
        .rejects("no size", field("/config", "size", Value::Null))
        .rejects("no digest", field(LAST, "digest", Value::Null))
        .rejects("a digest in upper case", field(LAST, "digest", json!(format!("sha256:{}", "AB".repeat(32)))))
        .accepts("fields that are of no form, of which others speak", field(LAST, "urls", json!("x")))
        .accepts("other fields", field(LAST, "x-example", json!([1])))
        .accepts("a descriptor that is the run image's", |e| {
            let mut run: Value = serde_json::from_slice(&e.run_image.manifest.bytes).unwrap();
            run["layers"][0].as_object_mut().unwrap().shift_remove("mediaType");
            let descriptor = run["layers"][0].clone();
            e.run_image.manifest.bytes = run.to_string().into_bytes();
            edit_manifest(e, |manifest| manifest["layers"][0] = descriptor);
        })
        .ignores("a Docker manifest", |e| {
            edit_manifest(e, |m| m["mediaType"] = json!("application/vnd.docker.distribution.manifest.v2+json"));
        })
}

fn index(change: impl Fn(&mut Value) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| {
        let index = &mut export.layout.as_mut().unwrap().roots[0].index;
        crate::sample::edit_document(index, &change);
    }
}

fn indexes() -> Trials {
    Trials::of("manifest.descriptors-whole")
        .on(&[Target::Layout])
        .rejects(
            "an index's entry without a media type",
            index(|index| {
                index["manifests"][0].as_object_mut().unwrap().shift_remove("mediaType");
            }),
        )
        .accepts(
            "an index's entry for a platform",
            index(|index| {
                index["manifests"][0]["platform"] = json!({ "os": "linux", "architecture": "amd64" });
            }),
        )
}

fn member(key: &'static str, value: Value) -> impl Fn(&mut Export) + 'static {
    move |export| edit_manifest(export, |manifest| manifest[key] = value.clone())
}

/// The type that index.json gives the app image.
fn typed(kind: &'static str) -> impl Fn(&mut Export) + 'static {
    index(move |index| index["manifests"][0]["artifactType"] = json!(kind))
}

fn kinds() -> Trials {
    let other =
        json!({ "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": Digest::of(b"x"), "size": 1 });
    let trials = Trials::of("manifest.nothing-else")
        .rejects("a subject", member("subject", other.clone()))
        .accepts("a layer that is elsewhere too", field(LAST, "urls", json!(["https://layers.example/x"])))
        .rejects("a config of an artifact", field("/config", "mediaType", json!("application/vnd.oci.empty.v1+json")))
        .rejects(
            "a config that is a layer",
            field("/config", "mediaType", json!("application/vnd.oci.image.layer.v1.tar")),
        )
        .rejects(
            "a layer that is a config",
            field(LAST, "mediaType", json!("application/vnd.oci.image.config.v1+json")),
        )
        .accepts(
            "a config of Docker's",
            field("/config", "mediaType", json!("application/vnd.docker.container.image.v1+json")),
        )
        .accepts(
            "an encrypted layer",
            field(LAST, "mediaType", json!("application/vnd.oci.image.layer.v1.tar+gzip+encrypted")),
        )
        .accepts(
            "a layer of Docker's",
            field(LAST, "mediaType", json!("application/vnd.docker.image.rootfs.diff.tar.gzip")),
        )
        .accepts("no media type, which another row asks for", field("/config", "mediaType", Value::Null))
        .accepts("it says what kind it is", member("artifactType", json!("application/vnd.example.app")))
        .accepts("the run image as its subject", |e| {
            let digest = e.run_image.digest.clone();
            edit_manifest(e, |manifest| manifest["subject"] = json!({ "digest": digest }));
        })
        .accepts("the run image's manifest of an index as its subject", |e| {
            e.run_image.digest = Digest::of(b"index");
            let digest = e.run_image.manifest.digest.clone();
            edit_manifest(e, |manifest| manifest["subject"] = json!({ "digest": digest }));
        })
        .rejects(
            "a config for another platform",
            field("/config", "platform", json!({ "os": "linux", "architecture": "s390x" })),
        )
        .rejects(
            "a config for a variant that the config does not name",
            field("/config", "platform", json!({ "os": "linux", "architecture": "amd64", "variant": "v3" })),
        )
        .accepts(
            "a config for its own platform",
            field("/config", "platform", json!({ "os": "linux", "architecture": "amd64" })),
        )
        .accepts(
            "a platform that lacks what a platform has, which another row judges",
            field("/config", "platform", json!({ "os": "linux" })),
        )
        .accepts(
            "a layer for one kind of machine",
            field(LAST, "platform", json!({ "os": "linux", "architecture": "amd64", "variant": "v3" })),
        )
        .accepts("a config that is typed", field("/config", "artifactType", json!("application/vnd.example.config")))
        .accepts("no urls", field(LAST, "urls", json!([])))
        .accepts(
            "a layer of the run image that is elsewhere",
            field("/layers/0", "urls", json!(["https://l.example/x"])),
        )
        .accepts("other members", member("x-example", json!({ "subject": 1 })))
        .accepts("null", member("subject", Value::Null))
        .rejects("the run image's own subject", move |e| {
            let mut run: Value = serde_json::from_slice(&e.run_image.manifest.bytes).unwrap();
            run["subject"] = other.clone();
            e.run_image.manifest.bytes = run.to_string().into_bytes();
            member("subject", other.clone())(e);
        });
    trials
        .on(&[Target::Layout])
        .rejects("a subject of the index", index(|index| index["subject"] = json!({})))
        .rejects("the entry is typed as an artifact", typed("application/vnd.cncf.helm.config.v1+json"))
        .accepts("the entry is typed as the config is", typed("application/vnd.oci.image.config.v1+json"))
        .accepts("the entry is typed as the manifest is", |e| {
            member("artifactType", json!("application/vnd.example.app"))(e);
            let digest = e.manifest_digest().unwrap().to_string();
            index(move |index| index["manifests"][0]["digest"] = json!(digest))(e);
            typed("application/vnd.example.app")(e);
        })
        .accepts(
            "another image that was there before is typed",
            index(|index| {
                let mut more = index["manifests"][0].clone();
                more["digest"] = json!(Digest::of(b"other"));
                more["artifactType"] = json!("application/vnd.example.app");
                index["manifests"].as_array_mut().unwrap().push(more);
            }),
        )
        .accepts("annotations of the index", index(|index| index["annotations"] = json!({ "com.example.x": "y" })))
}

fn record(method: &str, target: &str, status: u16) -> WireRecord {
    WireRecord {
        sequence: 0,
        method: method.to_owned(),
        target: target.to_owned(),
        status,
        content_type: None,
        request_bytes: 0,
        response_bytes: 0,
        had_credentials: false,
        ..WireRecord::default()
    }
}

fn sent(list: &'static [(&'static str, &'static str, u16)]) -> impl Fn(&mut Export) + 'static {
    move |export| {
        let wire = export.wire.as_mut().unwrap();
        wire.extend(list.iter().map(|(method, target, status)| record(method, target, *status)));
    }
}

/// The sample with an upload of what the manifest names however its layers are packed, and the manifest put.
fn exported() -> crate::evidence::ScenarioEvidence {
    let mut evidence = crate::sample::scenario();
    let export = crate::sample::on(&mut evidence, Target::Registry);
    let digest = export.run_image.digest.clone();
    edit_manifest(export, |manifest| manifest["subject"] = json!({ "digest": digest }));
    let digest = digest.to_string().replace(':', "%3A");
    export.wire = Some(vec![
        record("POST", "/v2/app/blobs/uploads/", 202),
        record("PATCH", "/v2/app/blobs/uploads/u1", 202),
        record("PUT", &format!("/v2/app/blobs/uploads/u1?digest={digest}"), 201),
        record("PUT", "/v2/app/manifests/latest", 201),
    ]);
    evidence
}

fn uploads() -> Trials {
    Trials::of("registry.uploads-ended")
        .from(exported)
        .rejects("one that is begun alone", sent(&[("POST", "/v2/app/blobs/uploads/", 202)]))
        .rejects("one in another repository", sent(&[("POST", "/v2/other/blobs/uploads", 202)]))
        .rejects(
            "one that got its bytes",
            sent(&[("POST", "/v2/app/blobs/uploads/", 202), ("PATCH", "/v2/app/blobs/uploads/u2", 202)]),
        )
        .rejects("one that was to be a mount", sent(&[("POST", "/v2/app/blobs/uploads/?mount=sha256:0&from=run", 202)]))
        .accepts(
            "one that is given up",
            sent(&[("POST", "/v2/app/blobs/uploads/", 202), ("DELETE", "/v2/app/blobs/uploads/u2", 204)]),
        )
        .accepts("one that is done at once", sent(&[("POST", "/v2/app/blobs/uploads/?digest=sha256:0", 201)]))
        .accepts("one that wants credentials first", sent(&[("POST", "/v2/app/blobs/uploads/", 401)]))
        .accepts("a read that fails", sent(&[("GET", "/v2/app/blobs/uploads/u1", 404)]))
        .ignores(
            "one that is refused",
            sent(&[("POST", "/v2/app/blobs/uploads/", 202), ("PUT", "/v2/app/blobs/uploads/u2?digest=sha256:0", 500)]),
        )
        .ignores(
            "a registry with uploads elsewhere",
            sent(&[("POST", "/v2/app/blobs/uploads/", 202), ("PUT", "/artifacts/u2?digest=sha256:0", 201)]),
        )
        .ignores("no upload", |e| e.wire = Some(Vec::new()))
        .ignores("no recorder", |e| e.wire = None)
}

fn blobs() -> Trials {
    let one_more: (&str, &str, u16) = ("PUT", "/v2/app/blobs/uploads/u2?digest=sha256:1234", 201);
    Trials::of("registry.blobs-named")
        .from(exported)
        .rejects("a blob that nothing names", sent(&[("PUT", "/v2/app/blobs/uploads/u2?x=1&digest=sha256:1234", 201)]))
        .rejects("a blob that nothing names, where the tag was read", move |e| {
            sent(&[("GET", "/v2/app/manifests/latest", 200)])(e);
            e.wire.as_mut().unwrap().push(record(one_more.0, one_more.1, one_more.2));
        })
        .rejects("a blob that nothing names, where the tag wanted credentials first", move |e| {
            sent(&[("PUT", "/v2/app/manifests/latest", 401)])(e);
            e.wire.as_mut().unwrap().push(record(one_more.0, one_more.1, one_more.2));
        })
        .rejects("a blob that is put at once", sent(&[("POST", "/v2/app/blobs/uploads/?digest=sha256:1234", 201)]))
        .rejects("a blob that is mounted", sent(&[("POST", "/v2/app/blobs/uploads/?from=r&mount=sha256:1234", 201)]))
        .accepts("an upload that is refused", sent(&[("PUT", "/v2/app/blobs/uploads/u2?digest=sha256:1234", 400)]))
        .accepts("a mount that became an upload", sent(&[("POST", "/v2/app/blobs/uploads/?mount=sha256:12", 202)]))
        .accepts("a blob of a cache image", |e| {
            e.inputs.argv.splice(1..1, ["-cache-image=host.example/cache:1".to_owned()]);
            sent(&[
                ("PUT", "/v2/cache/blobs/uploads/u2?digest=sha256:1234", 201),
                ("PUT", "/v2/cache/manifests/1", 201),
            ])(e);
            sent(&[("PUT", "/v2/cache/manifests/1", 201)])(e);
        })
        .accepts("the manifest under two tags, and by its digest", |e| {
            let digest = e.manifest_digest().unwrap().to_string();
            let wire = e.wire.as_mut().unwrap();
            wire.push(record("PUT", "/v2/app/manifests/2", 201));
            wire.push(record("PUT", &format!("/v2/app/manifests/{digest}"), 201));
        })
        .ignores("a manifest was replaced", move |e| {
            e.wire.as_mut().unwrap().push(record(one_more.0, one_more.1, one_more.2));
            sent(&[("PUT", "/v2/app/manifests/latest", 201)])(e);
        })
        .ignores("another manifest was put by its digest", move |e| {
            e.wire.as_mut().unwrap().push(record(one_more.0, one_more.1, one_more.2));
            e.wire.as_mut().unwrap().push(record("PUT", &format!("/v2/app/manifests/{}", Digest::of(b"x")), 201));
        })
        .ignores("no blob was uploaded", |e| e.wire = Some(Vec::new()))
        .ignores("no recorder", |e| e.wire = None)
}
