//! What is rejected of files that were there before, of history, descriptors, uploads and SBOMs on disk, and what is not.

use serde_json::{Value, json};

use crate::digest::Digest;
use crate::evidence::{
    Aspect, Change, ChangedFile, Document, Export, FileFact, FileKind, LayoutRoot, Target, WireRecord,
};
use crate::sample::{edit_config, edit_manifest};
use crate::trial::Trials;

pub(super) fn trials() -> Vec<Trials> {
    vec![inputs(), layouts(), history(), descriptors(), indexes(), kinds(), uploads(), blobs(), sboms()]
}

fn changed(path: &'static str, change: Change, aspects: &'static [Aspect]) -> impl Fn(&mut Export) + 'static {
    move |export| {
        let file = ChangedFile { path: path.to_owned(), kind: FileKind::File, change, aspects: aspects.to_vec() };
        export.changed_files.get_or_insert_default().push(file);
    }
}

fn altered(path: &'static str, aspects: &'static [Aspect]) -> impl Fn(&mut Export) + 'static {
    changed(path, Change::Altered, aspects)
}

fn gone(path: &'static str) -> impl Fn(&mut Export) + 'static {
    changed(path, Change::Removed, &[])
}

fn inputs() -> Trials {
    Trials::of("inputs.untouched")
        .rejects("a file of the app has other bytes", altered("/workspace/main", &[Aspect::Content]))
        .rejects("a file of the app has another mode", altered("/workspace/main", &[Aspect::Mode]))
        .rejects("a file of the app has another owner", altered("/workspace/main", &[Aspect::Owner]))
        .rejects("a file of the app is newer", altered("/workspace/main", &[Aspect::Time]))
        .rejects("a file of the app is a folder now", altered("/workspace/main", &[Aspect::Kind]))
        .rejects("a link points elsewhere", altered("/workspace/link", &[Aspect::Link]))
        .rejects("a file of the app is gone", gone("/workspace/main"))
        .rejects("it is not said in what it is another", altered("/layers/group.toml", &[]))
        .rejects("the folder of an output is gone", gone("/layers"))
        .rejects("the lifecycle's own file", altered("/cnb/lifecycle/launcher", &[Aspect::Mode]))
        .rejects("an SBOM of a buildpack", altered("/layers/sbom/launch/a_one/sbom.cdx.json", &[Aspect::Content]))
        .rejects("an SBOM of the lifecycle is gone", gone("/layers/sbom/build/buildpacksio_lifecycle/sbom.cdx.json"))
        .rejects("the app is where scratch files go", |e| {
            e.inputs.environment.insert("TMPDIR".to_owned(), "/workspace".to_owned());
            gone("/workspace/main")(e);
        })
        .rejects("an input after an output", |e| {
            altered("/layers/sbom/build/buildpacksio_lifecycle/sbom.cdx.json", &[Aspect::Content])(e);
            altered("/layers/config/metadata.toml", &[Aspect::Content])(e);
        })
        .accepts("a file more, which another row judges", changed("/workspace/more", Change::Added, &[]))
        .accepts("the report", |e| {
            let path = e.inputs.report.clone();
            e.changed_files = Some(vec![ChangedFile {
                path,
                kind: FileKind::File,
                change: Change::Altered,
                aspects: vec![Aspect::Content],
            }]);
        })
        .accepts("SBOMs of the lifecycle", |e| {
            altered("/layers/sbom/build/buildpacksio_lifecycle/sbom.cdx.json", &[Aspect::Content])(e);
            altered("/layers/sbom/launch/buildpacksio_lifecycle/launcher/sbom.cdx.json", &[Aspect::Time])(e);
        })
        .accepts("a cache", |e| {
            e.inputs.argv.splice(1..1, ["-cache-dir".to_owned(), "/elsewhere/cache".to_owned()]);
            gone("/elsewhere/cache/committed/old")(e);
            altered("/elsewhere/cache", &[Aspect::Mode])(e);
        })
        .accepts("scratch files", |e| {
            e.inputs.environment.insert("TMPDIR".to_owned(), "/elsewhere/tmp".to_owned());
            gone("/elsewhere/tmp/old")(e);
        })
        .spares("it was not observed", |e| e.changed_files = None)
}

/// A layout with the image's folder and another image beside it.
fn layout(export: &mut Export, path: &str, change: Change, aspects: &[Aspect]) {
    export.inputs.layout_dir = Some("/layout".to_owned());
    let root = LayoutRoot {
        reference: "app.example/app:1".to_owned(),
        path: "app.example/app/1".to_owned(),
        present: true,
        oci_layout: None,
        index: None,
        blobs: Vec::new(),
    };
    export.layout.as_mut().unwrap().roots = vec![root];
    export.changed_files =
        Some(vec![ChangedFile { path: path.to_owned(), kind: FileKind::File, change, aspects: aspects.to_vec() }]);
}

fn layouts() -> Trials {
    let of = |path: &'static str, change: Change, aspects: &'static [Aspect]| {
        move |export: &mut Export| layout(export, path, change, aspects)
    };
    let own = "/layout/app.example/app/1/index.json";
    let blob = "/layout/app.example/app/1/blobs/sha256/00";
    let other = "/layout/run.example/run/base/index.json";
    Trials::of("inputs.untouched")
        .on(&[Target::Layout])
        .rejects("a blob has other bytes", of(blob, Change::Altered, &[Aspect::Content]))
        .rejects("a blob is a link now", of(blob, Change::Altered, &[Aspect::Kind]))
        .rejects("a blob's link", of(blob, Change::Altered, &[Aspect::Time, Aspect::Link]))
        .rejects("the run image's index", of(other, Change::Altered, &[Aspect::Content]))
        .rejects("the run image is gone", of(other, Change::Removed, &[]))
        .rejects(
            "a folder whose name begins like that of the image",
            of("/layout/app.example/app/11/index.json", Change::Removed, &[]),
        )
        .rejects("a folder beside <layout-dir>", of("/layout-old/app.example/app/1/x", Change::Removed, &[]))
        .accepts("the image's index", of(own, Change::Altered, &[Aspect::Content]))
        .accepts("the image's folder", of("/layout/app.example/app/1", Change::Altered, &[Aspect::Mode]))
        .accepts("a blob is written again", of(blob, Change::Altered, &[Aspect::Time, Aspect::Mode]))
        .accepts("a blob that nothing names any more goes", of(blob, Change::Removed, &[]))
        .accepts("the image is elsewhere, for the port in its name", |e| {
            layout(e, "/layout/app.example_5000/app/1/index.json", Change::Altered, &[Aspect::Content]);
            e.layout.as_mut().unwrap().roots[0].present = false;
        })
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
        .rejects("another order", |e| edit_config(e, |config| config["history"].as_array_mut().unwrap().swap(0, 2)))
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
        .spares("the run image has none", |e| {
            let mut run: Value = serde_json::from_slice(&e.run_image.config.bytes).unwrap();
            run.as_object_mut().unwrap().remove("history");
            e.run_image.config = Document::new(run.to_string().into_bytes(), None);
        })
        .spares("the run image's is not of its layers", |e| {
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
                drop(found.shift_remove(key))
            } else {
                drop(found.insert(key.to_owned(), value.clone()))
            }
        });
    }
}

const LAST: &str = "/layers/8";

fn descriptors() -> Trials {
    Trials::of("manifest.descriptor-fields")
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
        .rejects("urls that are none", field(LAST, "urls", json!(["layers.example/x"])))
        .rejects("urls that are text", field(LAST, "urls", json!("https://layers.example/x")))
        .rejects("a kind of artifact that is none", field(LAST, "artifactType", json!("x")))
        .rejects("a platform without a system", field(LAST, "platform", json!({ "architecture": "arm64" })))
        .rejects("content that is another", field("/config", "data", json!("e30=")))
        .rejects("content that is not in Base 64", field("/config", "data", json!("{}")))
        .rejects("content that is no text", field("/config", "data", json!([1])))
        .rejects("a kind of artifact of the whole", member("artifactType", json!("app")))
        .accepts("the content itself", |e| {
            edit_manifest(e, |manifest| {
                manifest["config"]["digest"] = json!(Digest::of(b"{}"));
                manifest["config"]["data"] = json!("e30=");
            });
        })
        .accepts("content of another algorithm, which is not read", |e| {
            edit_manifest(e, |manifest| {
                manifest["config"]["digest"] = json!(format!("sha512:{}", "0a".repeat(64)));
                manifest["config"]["data"] = json!("e30=");
            });
        })
        .accepts("a kind of artifact that is null", member("artifactType", Value::Null))
        .accepts("other fields", field(LAST, "x-example", json!([1])))
        .accepts("a whole platform", field("/config", "platform", json!({ "architecture": "arm64", "os": "linux" })))
        .accepts("urls", field(LAST, "urls", json!(["https://layers.example/x?y#z"])))
        .accepts("a kind of artifact", field("/config", "artifactType", json!("application/x.y+json")))
        .accepts("a descriptor that is the run image's", |e| {
            let mut run: Value = serde_json::from_slice(&e.run_image.manifest.bytes).unwrap();
            run["layers"][0].as_object_mut().unwrap().shift_remove("mediaType");
            let descriptor = run["layers"][0].clone();
            e.run_image.manifest.bytes = run.to_string().into_bytes();
            edit_manifest(e, |manifest| manifest["layers"][0] = descriptor);
        })
        .spares("a Docker manifest", |e| {
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
    Trials::of("manifest.descriptor-fields")
        .on(&[Target::Layout])
        .rejects(
            "an index's entry without a media type",
            index(|index| {
                index["manifests"][0].as_object_mut().unwrap().shift_remove("mediaType");
            }),
        )
        .rejects(
            "an index's entry for half a platform",
            index(|index| {
                index["manifests"][0]["platform"] = json!({ "os": "linux" });
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

fn kinds() -> Trials {
    let other =
        json!({ "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": Digest::of(b"x"), "size": 1 });
    let trials = Trials::of("manifest.nothing-else")
        .rejects("a subject", member("subject", other.clone()))
        .rejects("a layer that is elsewhere", field(LAST, "urls", json!(["https://layers.example/x"])))
        .accepts("it says what kind it is", member("artifactType", json!("application/vnd.example.app")))
        .accepts("the run image as its subject", |e| {
            let digest = e.run_image.digest.clone();
            edit_manifest(e, |manifest| manifest["subject"] = json!({ "digest": digest }));
        })
        .accepts("no urls", field(LAST, "urls", json!([])))
        .accepts(
            "a layer of the run image that is elsewhere",
            field("/layers/0", "urls", json!(["https://l.example/x"])),
        )
        .accepts("other members", member("x-example", json!({ "subject": 1 })))
        .accepts("null", member("subject", Value::Null))
        .accepts("the run image's own subject", move |e| {
            let mut run: Value = serde_json::from_slice(&e.run_image.manifest.bytes).unwrap();
            run["subject"] = other.clone();
            e.run_image.manifest.bytes = run.to_string().into_bytes();
            member("subject", other.clone())(e);
        });
    trials
        .on(&[Target::Layout])
        .rejects("a subject of the index", index(|index| index["subject"] = json!({})))
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
        .spares(
            "one that is refused",
            sent(&[("POST", "/v2/app/blobs/uploads/", 202), ("PUT", "/v2/app/blobs/uploads/u2?digest=sha256:0", 500)]),
        )
        .spares(
            "a registry with uploads elsewhere",
            sent(&[("POST", "/v2/app/blobs/uploads/", 202), ("PUT", "/artifacts/u2?digest=sha256:0", 201)]),
        )
        .spares("no upload", |e| e.wire = Some(Vec::new()))
        .spares("no recorder", |e| e.wire = None)
}

fn blobs() -> Trials {
    let one_more = ("PUT", "/v2/app/blobs/uploads/u2?digest=sha256:1234", 201);
    Trials::of("registry.blobs-named")
        .from(exported)
        .rejects("a blob that nothing names", sent(&[("PUT", "/v2/app/blobs/uploads/u2?x=1&digest=sha256:1234", 201)]))
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
        .spares("a manifest was replaced", move |e| {
            e.wire.as_mut().unwrap().push(record(one_more.0, one_more.1, one_more.2));
            sent(&[("PUT", "/v2/app/manifests/latest", 201)])(e);
        })
        .spares("another manifest was put by its digest", move |e| {
            e.wire.as_mut().unwrap().push(record(one_more.0, one_more.1, one_more.2));
            e.wire.as_mut().unwrap().push(record("PUT", &format!("/v2/app/manifests/{}", Digest::of(b"x")), 201));
        })
        .spares("no blob was uploaded", |e| e.wire = Some(Vec::new()))
        .spares("no recorder", |e| e.wire = None)
}

fn file(path: &str, text: &str) -> FileFact {
    FileFact {
        path: path.to_owned(),
        kind: FileKind::File,
        mode: 0o644,
        size: text.len() as u64,
        content: Some(Digest::of(text.as_bytes())),
        link: None,
        text: None,
    }
}

/// The sample with the lifecycle's SBOM in this folder, and where it belongs.
fn with_sbom(folder: &'static str) -> impl Fn() -> crate::evidence::ScenarioEvidence + 'static {
    move || {
        let mut evidence = crate::sample::scenario();
        for export in &mut evidence.exports {
            folder.clone_into(&mut export.inputs.launcher_sbom);
            export.inputs.files.push(file(&format!("{folder}/lifecycle.sbom.cdx.json"), "lifecycle"));
            let path = "/layers/sbom/build/buildpacksio_lifecycle/sbom.cdx.json";
            export.build_sboms.push(file(path, "lifecycle"));
        }
        evidence
    }
}

fn on_disk(path: &'static str, text: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| {
        export.build_sboms.pop();
        export.build_sboms.push(file(path, text));
    }
}

fn sboms() -> Trials {
    const OTHER_NAME: &str = "/layers/sbom/build/buildpacksio_lifecycle/lifecycle.sbom.cdx.json";
    Trials::of("platform.lifecycle-sbom-on-disk")
        .from(with_sbom("/cnb/lifecycle"))
        .rejects("it is not there", |e| drop(e.build_sboms.pop()))
        .rejects("it is another", on_disk("/layers/sbom/build/buildpacksio_lifecycle/sbom.cdx.json", "x"))
        .rejects("it is in another folder", on_disk("/layers/sbom/build/lifecycle/sbom.cdx.json", "lifecycle"))
        .rejects("it has another name", on_disk(OTHER_NAME, "lifecycle"))
        .spares("there is none", |e| drop(e.inputs.files.pop()))
        .from(with_sbom("/elsewhere"))
        .rejects("it is not there, of another folder", |e| drop(e.build_sboms.pop()))
        .rejects(
            "it is another format's",
            on_disk("/layers/sbom/build/buildpacksio_lifecycle/sbom.spdx.json", "lifecycle"),
        )
        .accepts("it has another name, of another folder", on_disk(OTHER_NAME, "lifecycle"))
        .accepts("there are others beside it", |e| {
            e.build_sboms.push(file("/layers/sbom/build/buildpacksio_lifecycle/more.sbom.cdx.json", "x"));
        })
}
