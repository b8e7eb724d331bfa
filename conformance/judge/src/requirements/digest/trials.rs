//! What the theme rejects, and what it must not.

use serde_json::{Value, json};

use super::*;
use crate::digest::Digest;
use crate::evidence::{LayerFault, ScenarioEvidence, Tag, WireRecord};
use crate::sample::{
    self, annotate, edit_config, edit_entries, edit_input, edit_layers, edit_manifest, edit_report, step,
};
use crate::trial::{self, Trial, Trials, Wanted};

const PROJECT: &str = "/layers/project-metadata.toml";

fn report(from: &'static str, to: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| edit_report(export, from, to)
}

fn manifest(change: impl Fn(&mut Value) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| edit_manifest(export, &change)
}

fn config(change: impl Fn(&mut Value) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| edit_config(export, &change)
}

fn layers(change: impl Fn(&mut Vec<Layer>) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| change(&mut export.image.as_mut().unwrap().layers)
}

fn media_type(text: &'static str) -> impl Fn(&mut Export) + 'static {
    manifest(move |manifest| manifest["layers"][3]["mediaType"] = json!(text))
}

fn other() -> String {
    Digest::of(b"another").to_string()
}

pub(in super::super) fn trials() -> Vec<Trial> {
    trial::all(
        reported()
            .into_iter()
            .chain(descriptors())
            .chain(diff_ids())
            .chain(named())
            .chain(repeated())
            .chain(times())
            .chain(annotated())
            .chain([untouched()]),
    )
}

/// The report's digest, changed.
fn digest(change: fn(&str) -> String) -> impl Fn(&mut Export) + 'static {
    move |export| {
        let real = export.manifest_digest().unwrap().to_string();
        edit_report(export, &real, &change(&real));
    }
}

/// The report's size, written in another way.
fn size(change: fn(usize) -> String) -> impl Fn(&mut Export) + 'static {
    move |export| {
        let real = export.image.as_ref().unwrap().manifest.as_ref().unwrap().bytes.len();
        edit_report(export, &format!("manifest-size={real}"), &format!("manifest-size={}", change(real)));
    }
}

/// The report of the run before: of an image without the title.
fn earlier(export: &mut Export) {
    let mut before = export.clone();
    annotate(&mut before, "org.opencontainers.image.title", None);
    export.report = before.report;
}

fn reported() -> Vec<Trials> {
    let tags = || Trials::of("digest.report-tags");
    vec![
        Trials::of("digest.report-agrees")
            .rejects("another digest", digest(|_| other()))
            .rejects("capitals", digest(str::to_uppercase))
            .rejects("capital digits", digest(|real| real.to_uppercase().replace("SHA", "sha")))
            .rejects("without algorithm", digest(|real| real.replace("sha256:", "")))
            .rejects("a space after it", digest(|real| format!("{real} ")))
            .rejects("one digit lost", digest(|real| real[..70].to_owned()))
            .rejects("with its repository", digest(|real| format!("host.example/app@{real}")))
            .rejects("empty", digest(|_| String::new()))
            .rejects("the imageID", |e| {
                let id = e.image_id().unwrap().to_string();
                let real = e.manifest_digest().unwrap().to_string();
                edit_report(e, &real, &id);
            })
            .rejects("none", report("\ndigest=", "\ndigests="))
            .rejects("no report", |e| e.report = None)
            .rejects("the report of the run before", earlier)
            .rejects("the registry serves other bytes", |e| {
                let manifest = e.image.as_mut().unwrap().manifest.as_mut().unwrap();
                *manifest = crate::evidence::Document::new(b"{}".to_vec(), None);
            })
            .accepts("keys in other order", |e| {
                let real = e.manifest_digest().unwrap().to_string();
                edit_report(e, &format!("digest='{real}'\n"), "");
                edit_report(e, "[image]\n", &format!("[image]\ndigest = \"{real}\"\n"));
            })
            .accepts("fields and tables more", report("[image]\n", "[build]\nbom=[]\n[image]\nmore=1\n")),
        Trials::of("digest.report-manifest-size")
            .rejects("one more", size(|real| (real + 1).to_string()))
            .rejects("one less", size(|real| (real - 1).to_string()))
            .rejects("a fraction", size(|real| format!("{real}.0")))
            .rejects("a string with a space", size(|real| format!("' {real}'")))
            .rejects("a string of another number", size(|real| format!("'{}'", real + 1)))
            .rejects("negative", size(|real| format!("-{real}")))
            .rejects("in a list", size(|real| format!("[{real}]")))
            .rejects("zero", size(|_| "0".to_owned()))
            .rejects("none", report("manifest-size", "size"))
            .rejects("the config's size", |e| {
                let config = e.image.as_ref().unwrap().config.as_ref().unwrap().bytes.len();
                let real = e.image.as_ref().unwrap().manifest.as_ref().unwrap().bytes.len();
                edit_report(e, &real.to_string(), &config.to_string());
            })
            .rejects("the report of the run before", earlier)
            .accepts("a string", size(|real| format!("'{real}'")))
            .accepts("in hexadecimal", size(|real| format!("{real:#x}"))),
        tags()
            .rejects("one more", report("app:latest'", "app:latest', 'host.example/x:1'"))
            .rejects("none listed", report("'host.example/app:latest'", ""))
            .rejects("no list", report("tags=", "tag="))
            .rejects("another tag", report("app:latest'", "app:2'"))
            .rejects("another repository", report("example/app:", "example/App:"))
            .rejects("a digest reference", |e| {
                let real = e.manifest_digest().or(e.image_id()).unwrap().to_string();
                edit_report(e, "app:latest'", &format!("app@{real}'"));
            })
            .rejects(
                "something other than the strings",
                report("['host.example/app:latest']", "['host.example/app:latest', 1]"),
            )
            .rejects("a string instead of a list", report("['host.example/app:latest']", "'host.example/app:latest'"))
            .rejects("no report", |e| e.report = None)
            .accepts("the default tag left out", report("app:latest'", "app'"))
            .accepts("one twice", report("app:latest'", "app:latest','host.example/app:latest'"))
            .from(sample::with_two_tags)
            .rejects("of two tags the second is missing", report(",'host.example/app:2'", ""))
            .rejects("of two tags the first is there twice", report("app:2'", "app:latest'"))
            .accepts("two tags in other order", |e| {
                edit_report(
                    e,
                    "'host.example/app:latest','host.example/app:2'",
                    "'host.example/app:2','host.example/app:latest'",
                );
            }),
    ]
}

fn descriptors() -> Vec<Trials> {
    vec![
        Trials::of("digest.descriptors-true")
            .rejects(
                "a layer's size one off",
                manifest(|m| m["layers"][3]["size"] = json!(m["layers"][3]["size"].as_u64().unwrap() + 1)),
            )
            .rejects(
                "a layer's size is the uncompressed one of another",
                manifest(|m| m["layers"][3]["size"] = m["layers"][4]["size"].clone()),
            )
            .rejects("no size", manifest(|m| drop(m["layers"][3].as_object_mut().unwrap().remove("size"))))
            .rejects(
                "a size that is a string",
                manifest(|m| m["layers"][3]["size"] = json!(m["layers"][3]["size"].to_string())),
            )
            .rejects("no list of layers", manifest(|m| drop(m.as_object_mut().unwrap().remove("layers"))))
            .rejects("a gzip layer as a plain tar", media_type("application/vnd.oci.image.layer.v1.tar"))
            .rejects("a gzip layer as zstd", media_type("application/vnd.oci.image.layer.v1.tar+zstd"))
            .rejects("a plain tar as gzip", |e| {
                let blob = e.image.as_mut().unwrap().layers[3].blob.as_mut().unwrap();
                blob.compression = Compression::None;
            })
            .accepts("a true sha512 of a layer", |e| named_by_sha512(e, b"the layer"))
            .rejects("another sha512 of a layer", |e| {
                named_by_sha512(e, b"the layer");
                e.image.as_mut().unwrap().layers[3].blob.as_mut().unwrap().named = Some(sha512(b"other bytes"));
            })
            .spares("a sha512 of a layer that no one computed", |e| {
                named_by_sha512(e, b"the layer");
                e.image.as_mut().unwrap().layers[3].blob.as_mut().unwrap().named = None;
            })
            .rejects("a sha512 that no one computed, and a wrong size", |e| {
                named_by_sha512(e, b"the layer");
                e.image.as_mut().unwrap().layers[3].blob.as_mut().unwrap().named = None;
                edit_manifest(e, |m| m["layers"][3]["size"] = json!(1));
            })
            .accepts("a true sha512 of the config", |e| {
                let digest = sha512(&e.image.as_ref().unwrap().config.as_ref().unwrap().bytes);
                edit_manifest(e, |m| m["config"]["digest"] = json!(digest));
            })
            .rejects("another sha512 of the config", manifest(|m| m["config"]["digest"] = json!(sha512(b"x"))))
            .accepts("Docker's name of gzip", media_type("application/vnd.docker.image.rootfs.diff.tar.gzip"))
            .accepts("a media type of its own", media_type("application/vnd.example.layer.tar+zstd"))
            .rejects("the config's size one off", manifest(|m| m["config"]["size"] = json!(1)))
            .rejects("another digest of a layer", manifest(|m| m["layers"][3]["digest"] = json!(Digest::of(b"x"))))
            .rejects(
                "a digest in capitals",
                manifest(|m| {
                    let old = m["layers"][3]["digest"].as_str().unwrap().to_uppercase().replace("SHA", "sha");
                    m["layers"][3]["digest"] = json!(old);
                }),
            )
            .rejects("a diffID where a digest belongs", |e| {
                let id = e.image.as_ref().unwrap().layers[3].blob.as_ref().unwrap().diff_id.clone();
                edit_manifest(e, |m| m["layers"][3]["digest"] = json!(id));
            })
            .rejects(
                "two layers swapped in the manifest alone",
                manifest(|m| m["layers"].as_array_mut().unwrap().swap(3, 4)),
            )
            .rejects("another config's digest", manifest(|m| m["config"]["digest"] = json!(Digest::of(b"x"))))
            .rejects("a layer is not served", layers(|layers| layers[4].blob = None))
            .rejects("a layer's bytes are other ones", layers(|layers| layers[4].blob = layers[5].blob.clone()))
            .rejects("the config is not served", |e| e.image.as_mut().unwrap().config = None)
            .rejects("no config", manifest(|m| drop(m.as_object_mut().unwrap().remove("config"))))
            .accepts(
                "other members of a descriptor",
                manifest(|m| m["layers"][3]["annotations"] = json!({ "a.b": "c" })),
            )
            .rejects("a layer that may be fetched elsewhere, served with another size", |e| {
                edit_manifest(e, |m| {
                    m["layers"][0]["urls"] = json!(["https://elsewhere.example/x"]);
                    m["layers"][0]["size"] = json!(1);
                });
            })
            .accepts("a layer kept elsewhere", |e| {
                edit_manifest(e, |m| m["layers"][0]["urls"] = json!(["https://elsewhere.example/x"]));
                e.image.as_mut().unwrap().layers[0].blob = None;
            })
            .on(&[Target::Layout])
            .accepts(
                "a run image's layer left out",
                layers(|layers| {
                    layers[0] = Layer { blob: None, left_out: true, ..layers[0].clone() };
                }),
            ),
    ]
}

fn diff_ids() -> Vec<Trials> {
    let swapped = |path: &'static str| config(move |c| c.pointer_mut(path).unwrap().as_array_mut().unwrap().swap(3, 4));
    vec![
        Trials::of("digest.diff-ids-true")
            .rejects("two layers swapped", layers(|layers| layers.swap(3, 4)))
            .rejects("one doubled and one lost", layers(|layers| layers[4] = layers[3].clone()))
            .rejects(
                "one shifted in",
                layers(|layers| {
                    let first = layers[2].clone();
                    layers.insert(2, first);
                    layers.pop();
                }),
            )
            .rejects("the last is lost", layers(|layers| drop(layers.pop())))
            .rejects("one more", layers(|layers| layers.push(sample::layer("more", Vec::new()))))
            .rejects("one cannot be unpacked", layers(|layers| layers[2].problem = Some("unpack it: cut".to_owned())))
            .rejects("one is not there", layers(|layers| layers[2].blob = None))
            .rejects("two diffIDs swapped", swapped("/rootfs/diff_ids"))
            .rejects("a diffID lost", config(|c| drop(c["rootfs"]["diff_ids"].as_array_mut().unwrap().pop())))
            .rejects(
                "a diffID in capitals",
                config(|c| {
                    let old = c["rootfs"]["diff_ids"][3].as_str().unwrap().to_uppercase().replace("SHA", "sha");
                    c["rootfs"]["diff_ids"][3] = json!(old);
                }),
            )
            .rejects(
                "the digest where a diffID belongs",
                config(|c| c["rootfs"]["diff_ids"][3] = json!(Digest::of(b"gzip"))),
            )
            .rejects("no config", |e| e.image.as_mut().unwrap().config = None)
            .accepts(
                "a tar without its end",
                layers(|layers| {
                    (layers[2].problem, layers[2].fault) =
                        (Some("it ends inside an entry".to_owned()), Some(LayerFault::Tar));
                }),
            )
            .accepts("one layer twice by design", |e| edit_layers(e, |own| own.push(own[3].clone())))
            .accepts("no layer of its own but one", |e| edit_layers(e, |own| own.truncate(1))),
    ]
}

fn named() -> Vec<Trials> {
    vec![
        Trials::of("digest.history-true")
            .rejects("an entry is lost", config(|c| drop(c["history"].as_array_mut().unwrap().pop())))
            .rejects(
                "an entry more",
                config(|c| c["history"].as_array_mut().unwrap().push(json!({ "created_by": "x" }))),
            )
            .rejects("a layer's entry is called empty", config(|c| c["history"][3]["empty_layer"] = json!(true)))
            .rejects(
                "an entry more that is not called empty",
                config(|c| c["history"].as_array_mut().unwrap().push(json!({ "empty_layer": false }))),
            )
            .rejects("an empty history", config(|c| c["history"] = json!([])))
            .accepts(
                "an empty layer's entry",
                config(|c| c["history"].as_array_mut().unwrap().insert(4, json!({ "empty_layer": true }))),
            )
            .accepts(
                "entries of nothing",
                config(|c| c["history"].as_array_mut().unwrap().iter_mut().for_each(|entry| *entry = json!({}))),
            )
            .spares("no history", config(|c| drop(c.as_object_mut().unwrap().remove("history"))))
            .spares("a run image whose own is not true", |e| {
                let text =
                    e.run_image.config.text().unwrap().replace("\"history\":[{\"created_by\":\"x\"},", "\"history\":[");
                e.run_image.config = crate::evidence::Document::new(text.into_bytes(), None);
            }),
        Trials::of("digest.all-tags-same")
            .rejects("one more is another image", |e| e.tags.push(tag(Some("sha256:0"))))
            .rejects("one more is not there", |e| e.tags.push(tag(None)))
            .rejects("no tag", |e| e.tags.clear())
            .rejects("the only tag is not there", |e| e.tags[0].digest = None)
            .from(sample::with_two_tags)
            .rejects("the second names what it named before", |e| e.tags[1].digest = Some(other()))
            .rejects("the first names what it named before", |e| e.tags[0].digest = Some(other()))
            .rejects("the second is not there", |e| e.tags[1].digest = None)
            .rejects("the second is missing from what was asked", |e| drop(e.tags.pop()))
            .accepts("the two in other order", |e| e.tags.swap(0, 1))
            .accepts("what they named before", |e| {
                e.tags_before.values_mut().for_each(|before| *before = Some(other()));
            }),
    ]
}

fn tag(digest: Option<&str>) -> Tag {
    Tag {
        reference: "host.example/app:2".to_owned(),
        digest: digest.map(str::to_owned),
        status: if digest.is_some() { 200 } else { 404 },
        content_type: None,
    }
}

fn repeated() -> Vec<Trials> {
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
            .spares("other inputs", another)
            .spares("a refused export", refused)
            .spares("another run image", |e| e.run_image.digest = Digest::of(b"x")),
        Trials::of("digest.same-inputs-same-image-id")
            .from(sample::repeated)
            .rejects("another config", other_config())
            .rejects("another time", config(|c| c["created"] = json!("2026-01-01T00:00:00Z")))
            .rejects("another layer", |e| edit_layers(e, |own| own[3] = sample::layer("changed", Vec::new())))
            .rejects("labels in other order", |e| crate::harmless::HARMLESS[0].1(e))
            .accepts("another log", |e| e.outcome.stdout = "took 3 s".to_owned())
            .spares("other inputs", another)
            .spares("a refused export", refused)
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
            .spares("the build differs as well", another)
            .spares("another run image", |e| e.run_image.digest = Digest::of(b"x"))
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

fn times() -> Vec<Trials> {
    let created = |text: &'static str| config(move |c| c["created"] = json!(text));
    let mut epoch = Trials::of("digest.source-date-epoch")
        .rejects("the time of the export", created("2026-09-21T14:13:20Z"))
        .rejects("an hour before the export", created("2026-09-21T13:13:20Z"))
        .accepts("another constant", created("2025-01-01T00:00:00Z"))
        .accepts("1970", created("1970-01-01T00:00:00Z"))
        .accepts("none", config(|c| drop(c.as_object_mut().unwrap().remove("created"))))
        .from(sample::repeated)
        .rejects("another time in the second export", created("1980-01-01T00:00:02Z"))
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
pub(super) fn other_metadata() -> ScenarioEvidence {
    let mut evidence = sample::repeated();
    for target in Target::ALL {
        edit_input(step(&mut evidence, target, 1), PROJECT, "[source.metadata]\nname='x'\n");
    }
    for target in [Target::Registry, Target::Layout] {
        annotate(step(&mut evidence, target, 1), "org.opencontainers.image.title", Some("x"));
    }
    evidence
}

fn annotated() -> Vec<Trials> {
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
            .spares("another input as well", |e| drop(e.inputs.environment.insert("X".to_owned(), "1".to_owned())))
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

fn old() -> String {
    Digest::of(b"old").to_string()
}

/// What was sent in an export to a tag that named an image before.
fn sent(method: &'static str, target: impl Into<String>) -> impl Fn(&mut Export) + 'static {
    let target = target.into();
    move |export| {
        export.tags_before.insert("host.example/app:latest".to_owned(), Some(old()));
        export.wire = Some(vec![WireRecord {
            sequence: 0,
            method: method.to_owned(),
            target: target.clone(),
            status: 201,
            content_type: None,
            request_bytes: 0,
            response_bytes: 0,
            had_credentials: false,
            ..WireRecord::default()
        }]);
    }
}

fn untouched() -> Trials {
    Trials::of("digest.old-digest-untouched")
        .rejects("a manifest deleted by digest", sent("DELETE", format!("/v2/app/manifests/{}", old())))
        .rejects("a tag deleted", sent("DELETE", "/v2/app/manifests/latest"))
        .rejects("a blob deleted", sent("DELETE", format!("/v2/app/blobs/{}", old())))
        .rejects("other bytes under the old digest", written("", b"new"))
        .rejects("other bytes under the old digest, with a query", written("?x=1", b"new"))
        .rejects("other bytes that the registry refuses", |e| {
            written("", b"old")(e);
            e.wire.as_mut().unwrap()[0].status = 400;
        })
        .rejects("nothing is under the old digest any more", |e| {
            written("", b"old")(e);
            e.previous_after.as_mut().unwrap().document = None;
        })
        .accepts("the same bytes under the old digest, then the tag", |e| {
            written("", b"old")(e);
            let mut tag = e.wire.as_ref().unwrap()[0].clone();
            (tag.sequence, tag.target) = (1, "/v2/app/manifests/latest".to_owned());
            e.wire.as_mut().unwrap().push(tag);
        })
        .accepts("the tag written", sent("PUT", "/v2/app/manifests/latest"))
        .accepts("a new digest written", sent("PUT", format!("/v2/app/manifests/{}", other())))
        .accepts("the old digest read", sent("GET", format!("/v2/app/manifests/{}", old())))
        .accepts("an upload given up", sent("DELETE", "/v2/app/blobs/uploads/7"))
        .spares("no recorder", |e| e.wire = None)
        .follows("it refuses whatever comes", "platform.exit-zero", |e| e.outcome.end = crate::evidence::End::Exited(1))
        .rejects("it refuses, and has deleted before", |e| {
            sent("DELETE", "/v2/app/manifests/latest")(e);
            e.outcome.end = crate::evidence::End::Exited(1);
        })
        .whole("the second build alone is refused", crate::trial::Wanted::Held, |evidence, target| {
            let mut again = sample::on(evidence, target).clone();
            again.step = 2;
            again.outcome.end = crate::evidence::End::Exited(1);
            evidence.exports.push(again);
        })
}

/// What was put under the digest of what a tag named, and what is under it afterwards.
fn written(query: &'static str, bytes: &'static [u8]) -> impl Fn(&mut Export) + 'static {
    move |export| {
        sent("PUT", format!("/v2/app/manifests/{}{query}", old()))(export);
        let document = crate::evidence::Document::new(bytes.to_vec(), None);
        export.previous_after = Some(crate::evidence::Fetched { asked: old(), status: 200, document: Some(document) });
    }
}

fn sha512(bytes: &[u8]) -> Digest {
    Digest::parse(&format!("sha512:{}", "0".repeat(128))).unwrap().likewise(bytes)
}

/// A layer whose descriptor has the sha512 of these bytes, which are the blob's.
fn named_by_sha512(export: &mut Export, bytes: &[u8]) {
    let digest = sha512(bytes);
    export.image.as_mut().unwrap().layers[3].blob.as_mut().unwrap().named = Some(digest.clone());
    edit_manifest(export, |manifest| manifest["layers"][3]["digest"] = json!(digest));
}
