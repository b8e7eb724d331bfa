//! What the theme rejects, and what it must not.

mod fields;

use serde_json::{Value, json};

use super::*;
use crate::evidence::{Entry, EntryKind, LayerFault, Unlisted};
use crate::sample::{edit_config, edit_entries, edit_manifest, edit_report, raw_config};
use crate::trial::{self, Trial, Trials};

const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";

fn manifest(change: impl Fn(&mut Value) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| edit_manifest(export, &change)
}

fn config(change: impl Fn(&mut Value) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| edit_config(export, &change)
}

fn without(key: &'static str) -> impl Fn(&mut Value) + 'static {
    move |value| drop(value.as_object_mut().unwrap().shift_remove(key))
}

fn report(from: &'static str, to: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| edit_report(export, from, to)
}

pub(in super::super) fn trials() -> Vec<Trial> {
    trial::all(schema().into_iter().chain([required()]).chain(fields::trials()).chain(labels()).chain([
        paths(),
        whole(),
        run_image(),
    ]))
}

/// Images without annotations.
fn bare() -> crate::evidence::ScenarioEvidence {
    let mut evidence = crate::sample::scenario();
    for export in evidence.exports.iter_mut().filter(|export| export.target != crate::evidence::Target::Daemon) {
        edit_manifest(export, |manifest| manifest["annotations"] = json!({}));
    }
    evidence
}

fn schema() -> Vec<Trials> {
    let mut form = Trials::of("manifest.schema");
    for bad in [json!(1), json!("2"), json!(null), json!(2.0), json!([2])] {
        form = form.rejects(format!("schemaVersion {bad}"), manifest(move |m| m["schemaVersion"] = bad.clone()));
    }
    vec![
        form.rejects("no schemaVersion", manifest(without("schemaVersion")))
            .rejects("another mediaType", manifest(|m| m["mediaType"] = json!("application/json")))
            .rejects("an index's", manifest(|m| m["mediaType"] = json!("application/vnd.oci.image.index.v1+json")))
            .rejects(
                "in other case",
                manifest(|m| m["mediaType"] = json!("application/vnd.oci.image.Manifest.v1+json")),
            )
            .rejects("mediaType null", manifest(|m| m["mediaType"] = json!(null)))
            .rejects("not JSON", |e| crate::sample::raw_manifest(e, "{", ""))
            .accepts("no mediaType", manifest(without("mediaType")))
            .accepts("an artifactType", manifest(|m| m["artifactType"] = json!("application/vnd.example.x")))
            .ignores("Docker schema 2", manifest(|m| m["mediaType"] = json!(DOCKER))),
        Trials::of("manifest.media-type-present")
            .rejects("none", manifest(without("mediaType")))
            .rejects("null", manifest(|m| m["mediaType"] = json!(null)))
            .rejects("a number", manifest(|m| m["mediaType"] = json!(2)))
            .accepts("another, which another row judges", manifest(|m| m["mediaType"] = json!("application/json")))
            .ignores("Docker schema 2", manifest(|m| m["mediaType"] = json!(DOCKER))),
        Trials::of("manifest.descriptor-types")
            .from(bare)
            .rejects("a layer of Docker's type", manifest(|m| m["layers"][3]["mediaType"] = json!(DOCKER_LAYER)))
            .rejects(
                "the first layer of Docker's type",
                manifest(|m| m["layers"][0]["mediaType"] = json!(DOCKER_LAYER)),
            )
            .rejects("a layer without a type", manifest(|m| m["layers"][2]["mediaType"] = json!(null)))
            .rejects(
                "a config of Docker's type",
                manifest(|m| m["config"]["mediaType"] = json!("application/vnd.docker.container.image.v1+json")),
            )
            .accepts(
                "a layer that is not compressed",
                manifest(|m| m["layers"][3]["mediaType"] = json!("application/vnd.oci.image.layer.v1.tar")),
            )
            .accepts("a subject of Docker's type", manifest(|m| m["subject"] = json!({ "mediaType": DOCKER })))
            .accepts("no mediaType of its own", manifest(without("mediaType")))
            .ignores("Docker schema 2", manifest(|m| m["mediaType"] = json!(DOCKER)))
            .accepts("annotations", manifest(|m| m["annotations"] = json!({ "a.b": "c" })))
            .ignores(
                "a layer of Docker's type in an annotated manifest, of which another row speaks",
                manifest(|m| {
                    m["annotations"] = json!({ "a.b": "c" });
                    m["layers"][3]["mediaType"] = json!(DOCKER_LAYER);
                }),
            ),
    ]
}

fn required() -> Trials {
    let mut trials = Trials::of("config.required");
    for name in ["os", "architecture", "rootfs"] {
        trials = trials
            .rejects(format!("no {name}"), config(without(name)))
            .rejects(format!("{name} null"), config(move |c| c[name] = json!(null)))
            .rejects(format!("{name} empty"), config(move |c| c[name] = json!("")));
    }
    trials
        .rejects("created is a word", config(|c| c["created"] = json!("yesterday")))
        .rejects("created is a date", config(|c| c["created"] = json!("1980-01-01")))
        .rejects("created is a number", config(|c| c["created"] = json!(315_532_801)))
        .rejects("another rootfs.type", config(|c| c["rootfs"]["type"] = json!("Layers")))
        .rejects("no rootfs.type", config(|c| drop(c["rootfs"].as_object_mut().unwrap().remove("type"))))
        .rejects("no diff_ids", config(|c| drop(c["rootfs"].as_object_mut().unwrap().remove("diff_ids"))))
        .rejects("diff_ids that are an object", config(|c| c["rootfs"]["diff_ids"] = json!({})))
        .rejects("not JSON", |e| raw_config(e, "{", ""))
        .accepts("no created", config(without("created")))
        .accepts("created that is null", config(|c| c["created"] = json!(null)))
        .accepts("created with fraction and offset", config(|c| c["created"] = json!("1980-01-01T01:00:01.5+01:00")))
        .accepts("an author", config(|c| c["author"] = json!("Ada")))
}

fn labels() -> Vec<Trials> {
    let mut map = Trials::of("labels.string-map");
    for bad in [json!(1), json!(null), json!(true), json!([]), json!({})] {
        map = map.rejects(format!("{bad} as value"), config(move |c| c["config"]["Labels"]["x"] = bad.clone()));
    }
    let doubled = |to: &'static str| move |e: &mut Export| raw_config(e, "\"Labels\":{", to);
    vec![
        map.rejects("an array", config(|c| c["config"]["Labels"] = json!([])))
            .rejects("null", config(|c| c["config"]["Labels"] = json!(null)))
            .rejects("a string", config(|c| c["config"]["Labels"] = json!("a=b")))
            .accepts("none", config(|c| drop(c["config"].as_object_mut().unwrap().remove("Labels"))))
            .accepts("an empty object", config(|c| c["config"]["Labels"] = json!({})))
            .accepts("an empty value under an empty key", config(|c| c["config"]["Labels"][""] = json!(""))),
        Trials::of("labels.unique-keys")
            .rejects("a label twice", doubled("\"Labels\":{\"k\":\"1\","))
            .rejects("a label twice, one value", doubled("\"Labels\":{\"k\":\"2\","))
            .rejects("a label twice, once escaped", doubled("\"Labels\":{\"\\u006b\":\"2\","))
            .rejects("Labels twice", doubled("\"Labels\":{},\"Labels\":{"))
            .accepts("a label that differs in case", config(|c| c["config"]["Labels"]["K"] = json!("2")))
            .accepts(
                "a label twice inside a label's text",
                config(|c| c["config"]["Labels"]["x"] = json!("{\"a\":1,\"a\":2}")),
            )
            .accepts("a field of that name elsewhere", config(|c| c["Labels"] = json!({ "k": "1" }))),
    ]
}

/// A layer with this problem.
fn problem(index: usize, fault: LayerFault, text: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| {
        if let Some(layer) = export.image.as_mut().and_then(|image| image.layers.get_mut(index)) {
            (layer.problem, layer.fault) = (Some(text.to_owned()), Some(fault));
        }
    }
}

/// A layer whose entries are not all listed.
fn unlisted(index: usize, why: Unlisted) -> impl Fn(&mut Export) + 'static {
    move |export| {
        let image = export.image.as_mut().unwrap();
        image.layers[index].problem = Some("the tar has more than is kept".to_owned());
        image.layers[index].fault = Some(LayerFault::Limit);
        image.layers[index].blob.as_mut().unwrap().unlisted = Some(why);
    }
}

/// A hard link to a file of the app, at this place of its layer.
fn linked(export: &mut Export, at: usize) {
    edit_entries(export, 3, |entries| {
        let link = Some("workspace/main".to_owned());
        let path = "/workspace/link".to_owned();
        let entry = Entry { path, kind: EntryKind::HardLink, link, content: None, ..entries[1].clone() };
        entries.insert(at, entry);
    });
}

fn whole() -> Trials {
    Trials::of("layer.tar-whole")
        .rejects("a hard link before its file", |e| linked(e, 0))
        .accepts("a hard link after its file", |e| linked(e, 2))
        .accepts("a hard link to a file of a layer below", |e| {
            edit_entries(e, 3, |entries| {
                let link = Some("etc/os-release".to_owned());
                let path = "/workspace/link".to_owned();
                entries.push(Entry { path, kind: EntryKind::HardLink, link, content: None, ..entries[1].clone() });
            });
        })
        .rejects("a size that is not a number", problem(3, LayerFault::Tar, "the size is not a number"))
        .rejects("an archive that ends inside an entry", problem(4, LayerFault::Tar, "it ends inside an entry"))
        .rejects("more entries than are kept of a layer", unlisted(3, Unlisted::Layer))
        .ignores("more entries than are kept of a run", unlisted(3, Unlisted::Run))
        .accepts("more entries of the run image's", unlisted(0, Unlisted::Layer))
        .accepts("a layer of the run image's", problem(0, LayerFault::Tar, "the size is not a number"))
        .accepts("a layer that the registry does not have", problem(3, LayerFault::Bytes, "the registry answers 404"))
}

fn paths() -> Trials {
    Trials::of("layer.no-duplicate-paths")
        .rejects("an entry twice", |e| edit_entries(e, 3, |entries| entries.push(entries[0].clone())))
        .rejects("a path twice with other content", |e| {
            edit_entries(e, 3, |entries| {
                let mut again = entries[1].clone();
                again.mode = 0o755;
                entries.insert(0, again);
            });
        })
        .rejects("a file and a folder of one path", |e| {
            edit_entries(e, 3, |entries| {
                let mut again = entries[0].clone();
                again.path.clone_from(&entries[1].path);
                entries.push(again);
            });
        })
        .accepts("paths that differ in case", |e| {
            edit_entries(e, 3, |entries| {
                let mut other = entries[1].clone();
                other.path = other.path.to_uppercase();
                entries.push(other);
            });
        })
        .accepts("one path in two layers", |e| {
            let folder = e.image.as_ref().unwrap().layers[6].blob.as_ref().unwrap().entries[0].clone();
            edit_entries(e, 3, move |entries| entries.push(folder));
        })
        .accepts("the run image's layers", |e| {
            let blob = e.image.as_mut().unwrap().layers[0].blob.as_mut().unwrap();
            let first = blob.entries[0].clone();
            blob.entries.push(first);
        })
}

fn run_image() -> Trials {
    Trials::of("report.run-image-true")
        .rejects("another name", report("image='host.example/run:base'", "image='host.example/run:other'"))
        .rejects("an empty name", report("image='host.example/run:base'", "image=''"))
        .rejects("another reference", report("\nreference='", "\nreference='x"))
        .rejects("another top layer", report("top-layer='", "top-layer='x"))
        .rejects("a top layer without algorithm", report("top-layer='sha256:", "top-layer='"))
        .rejects("another mirror", report("['mirror", "['x"))
        .rejects("no mirror", report("mirrors=['mirror.example/run:base']", "mirrors=[]"))
        .rejects(
            "a mirror twice",
            report("['mirror.example/run:base']", "['mirror.example/run:base','mirror.example/run:base']"),
        )
        .rejects("a name that is not a string", report("image='host.example/run:base'", "image=1"))
        .rejects("the report of a build on another run image", |e| {
            edit_report(e, "host.example/run:base'\nreference='", "host.example/run:base'\nreference='sha256:old");
        })
        .accepts("a key more", report("[image.run-image]\n", "[image.run-image]\nextend=false\n"))
        .accepts("a name left out", report("image='host.example/run:base'\n", ""))
        .accepts("keys in other order", |e| {
            edit_report(e, "mirrors=['mirror.example/run:base']\n", "");
            edit_report(e, "[image.run-image]\n", "[image.run-image]\nmirrors = [\"mirror.example/run:base\"]\n");
        })
        .ignores("no run image data", |e| {
            let text = e.report.as_ref().unwrap().text().unwrap().split("[image.run-image]").next().unwrap().to_owned();
            e.report = Some(crate::evidence::Document::new(text.into_bytes(), None));
        })
}
