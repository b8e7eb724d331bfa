//! What the theme rejects, and what it must not.

use serde_json::{Value, json};

use crate::digest::Digest;
use crate::evidence::{Document, Export, Target, WireRecord};
use crate::sample::{edit_config, edit_document, edit_input, edit_label, edit_manifest};
use crate::trial::{self, Trial, Trials};

const METADATA: &str = "/layers/config/metadata.toml";
const BUILD: &str = "io.buildpacks.build.metadata";
const NAME: &str = "org.opencontainers.image.ref.name";

pub(in super::super) fn trials() -> Vec<Trial> {
    trial::all(
        [types(), times(), artifact_type(), urls(), distributable(), environments()]
            .into_iter()
            .chain(indexes())
            .chain([pushed()]),
    )
}

fn set(place: &'static [&'static str], value: Value) -> impl Fn(&mut Export) + 'static {
    move |export| {
        edit_config(export, |config| {
            let (last, above) = place.split_last().unwrap();
            let holder = above.iter().fold(config, |holder, name| &mut holder[*name]);
            holder[*last] = value.clone();
        });
    }
}

fn history(entry: Value) -> impl Fn(&mut Export) + 'static {
    set(&["history"], Value::Array(vec![json!({ "created": "1980-01-01T00:00:01Z", "empty_layer": true }), entry]))
}

fn types() -> Trials {
    let mut rows = Trials::of("config.field-types")
        .rejects("created with a blank", set(&["created"], json!("1980-01-01 00:00:01Z")))
        .accepts("created in small letters", set(&["created"], json!("1980-01-01t00:00:01z")))
        .accepts("created with fraction and offset", set(&["created"], json!("1980-01-01T01:00:01.5+01:00")));
    for bad in [json!("PATH=/bin"), json!({ "PATH": "/bin" }), json!([1])] {
        rows = rows
            .rejects(format!("Env {bad}"), set(&["config", "Env"], bad.clone()))
            .rejects(format!("os.features {bad}"), set(&["os.features"], bad.clone()))
            .rejects(format!("Entrypoint {bad}"), set(&["config", "Entrypoint"], bad.clone()))
            .rejects(format!("Cmd {bad}"), set(&["config", "Cmd"], bad));
    }
    for bad in [json!(["80/tcp"]), json!({ "80/tcp": null }), json!({ "80/tcp": { "a": 1 } }), json!("80")] {
        rows = rows
            .rejects(format!("ExposedPorts {bad}"), set(&["config", "ExposedPorts"], bad.clone()))
            .rejects(format!("Volumes {bad}"), set(&["config", "Volumes"], bad));
    }
    for bad in [json!(1), json!(["a"]), json!({}), json!(true)] {
        for place in [&["config", "User"][..], &["config", "WorkingDir"], &["config", "StopSignal"]] {
            rows = rows.rejects(format!("{place:?} {bad}"), set(place, bad.clone()));
        }
        for place in [&["author"][..], &["variant"], &["os.version"]] {
            rows = rows.rejects(format!("{place:?} {bad}"), set(place, bad.clone()));
        }
        for name in ["author", "created_by", "comment", "created"] {
            rows = rows.rejects(format!("history {name} {bad}"), history(json!({ name: bad })));
        }
    }
    rows.rejects("ArgsEscaped as a word", set(&["config", "ArgsEscaped"], json!("true")))
        .rejects("config as a list", set(&["config"], json!([])))
        .rejects("a history that is an object", set(&["history"], json!({})))
        .rejects("a history of words", set(&["history"], json!(["RUN x"])))
        .rejects("empty_layer as a word", history(json!({ "empty_layer": "true" })))
        .rejects("a day for a time", history(json!({ "created": "1980-01-01" })))
        .accepts("null", |e| {
            for place in [&["author"][..], &["config", "Volumes"], &["config", "Cmd"], &["history"]] {
                set(place, Value::Null)(e);
            }
        })
        .accepts("every field in its type", |e| {
            set(&["author"], json!("a"))(e);
            set(&["os.features"], json!(["x"]))(e);
            set(&["config", "Volumes"], json!({ "/data": {} }))(e);
            set(&["config", "ArgsEscaped"], json!(false))(e);
            history(json!({ "created": "1980-01-01T00:00:01.5+01:00", "comment": "", "created_by": "x" }))(e);
        })
        .accepts("what the run image has wrong", |e| {
            let wrong = json!({ "created": "unknown" });
            let mut base = Some(e.run_image.config.clone());
            edit_document(&mut base, |config| {
                config["history"] = json!([wrong]);
                config["config"]["Volumes"] = json!(["/data"]);
            });
            e.run_image.config = base.unwrap();
            set(&["history"], json!([wrong]))(e);
            set(&["config", "Volumes"], json!(["/data"]))(e);
        })
        .accepts("fields that it does not know", set(&["config", "X-Example"], json!(1)))
        .ignores("not JSON", |e| crate::sample::raw_config(e, "{", ""))
}

fn layer(change: impl Fn(&mut Value) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| edit_manifest(export, |manifest| change(&mut manifest["layers"][3]))
}

fn times() -> Trials {
    Trials::of("config.times-upper-case")
        .rejects("created in lower case", set(&["created"], json!("1980-01-01t00:00:01z")))
        .rejects("T in lower case", set(&["created"], json!("1980-01-01t00:00:01+00:00")))
        .rejects("Z in lower case", set(&["created"], json!("1980-01-01T00:00:01z")))
        .rejects("a time of the history", history(json!({ "created": "1980-01-01T00:00:01z", "empty_layer": true })))
        .accepts("an offset and a fraction", set(&["created"], json!("1980-01-01T01:00:01.5+01:00")))
        .accepts("null", set(&["created"], Value::Null))
        .accepts("words, which another row judges", set(&["created"], json!("at zero")))
        .accepts("words of the history", history(json!({ "created_by": "tar z", "empty_layer": true })))
        .accepts("the run image's", |e| {
            let mut base: Value = serde_json::from_slice(&e.run_image.config.bytes).unwrap();
            base["history"] = json!([{ "created": "1980-01-01t00:00:01z" }]);
            e.run_image.config = Document::new(base.to_string().into_bytes(), None);
            history(json!({ "created": "1980-01-01t00:00:01z", "empty_layer": true }))(e);
        })
}

fn artifact_type() -> Trials {
    let typed = |value: Value| {
        move |export: &mut Export| edit_manifest(export, |manifest| manifest["artifactType"] = value.clone())
    };
    let mut rows = Trials::of("manifest.artifact-type").from(|| {
        let mut evidence = crate::sample::scenario();
        evidence.exports.iter_mut().filter(|e| e.image.as_ref().is_some_and(|i| i.manifest.is_some())).for_each(|e| {
            edit_manifest(e, |manifest| manifest["artifactType"] = json!("application/vnd.example.app"));
        });
        evidence
    });
    for bad in [json!("artifact"), json!(""), json!(1), json!(null), json!("a/b/c"), json!("/b"), json!("a/b; c")] {
        rows = rows.rejects(format!("{bad}"), typed(bad));
    }
    rows.accepts("another type", typed(json!("text/x-1+json"))).ignores("none", |e| {
        edit_manifest(e, |manifest| drop(manifest.as_object_mut().unwrap().remove("artifactType")));
    })
}

fn urls() -> Trials {
    let with = |url: &'static str| layer(move |layer| layer["urls"] = json!(["https://x.example/a", url]));
    Trials::of("manifest.descriptor-urls")
        .from(|| {
            let mut evidence = crate::sample::scenario();
            evidence.exports.iter_mut().filter(|e| e.image.as_ref().is_some_and(|i| i.manifest.is_some())).for_each(
                |e| {
                    edit_manifest(e, |manifest| manifest["layers"][3]["urls"] = json!(["http://x.example/b"]));
                },
            );
            evidence
        })
        .rejects("ftp", with("ftp://x.example/a"))
        .rejects("a file", with("file:///a"))
        .accepts("a bare name, which another row judges", with("x.example/a"))
        .accepts("https in upper case", with("HTTPS://x.example/a"))
        .ignores("no urls", layer(|layer| drop(layer.as_object_mut().unwrap().remove("urls"))))
        .on(&[Target::Layout])
        .rejects("a file in index.json", entry("urls", json!(["file:///a"])))
        .accepts("the web in index.json", entry("urls", json!(["https://x.example/a"])))
}

fn distributable() -> Trials {
    let typed = |kind: &'static str| layer(move |layer| layer["mediaType"] = json!(kind));
    Trials::of("layer.distributable")
        .rejects("gzip", typed("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"))
        .rejects("plain", typed("application/vnd.oci.image.layer.nondistributable.v1.tar"))
        .rejects("Docker's", typed("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"))
        .accepts("zstd", typed("application/vnd.oci.image.layer.v1.tar+zstd"))
        .accepts("the run image's own", |e| {
            edit_manifest(e, |manifest| {
                manifest["layers"][0]["mediaType"] =
                    json!("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip");
            });
        })
}

/// A build whose process is for tests, which its label says.
fn for_tests() -> crate::evidence::ScenarioEvidence {
    let mut evidence = crate::sample::scenario();
    for export in evidence.exports.iter_mut().filter(|export| export.image.is_some()) {
        let text = export.inputs.file(METADATA).and_then(|file| file.text.clone()).unwrap();
        let with = text.replacen("[[processes]]\n", "[[processes]]\nexec-env = [\"test\", \"ci\"]\n", 1);
        assert_ne!(text, with);
        edit_input(export, METADATA, &with);
        edit_label(export, BUILD, |label| label["processes"][0]["exec-env"] = json!(["ci", "test"]));
        crate::sample::push(export);
    }
    evidence
}

/// Takes from the build what its process is for.
fn for_every_environment(export: &mut Export) {
    let text = export.inputs.file(METADATA).and_then(|file| file.text.clone()).unwrap();
    edit_input(export, METADATA, &text.replace("exec-env = [\"test\", \"ci\"]\n", ""));
}

fn environments() -> Trials {
    let said =
        |value: Value| move |e: &mut Export| edit_label(e, BUILD, |l| l["processes"][0]["exec-env"] = value.clone());
    let mut rows = Trials::of("labels.process-exec-env").from(for_tests);
    for bad in
        [json!(null), json!(["*"]), json!([]), json!(["test"]), json!(["test", "ci", "production"]), json!("test")]
    {
        rows = rows.rejects(format!("{bad}"), said(bad));
    }
    rows.rejects("none", |e| {
        edit_label(e, BUILD, |l| drop(l["processes"][0].as_object_mut().unwrap().remove("exec-env")));
    })
    .rejects("some, where the build says nothing", for_every_environment)
    .accepts("in another order", said(json!(["test", "ci"])))
    .ignores("neither says anything", |e| {
        for_every_environment(e);
        edit_label(e, BUILD, |l| drop(l["processes"][0].as_object_mut().unwrap().remove("exec-env")));
    })
    .ignores("the build says nothing, and the label null", |e| {
        for_every_environment(e);
        edit_label(e, BUILD, |l| l["processes"][0]["exec-env"] = Value::Null);
    })
    .ignores("no label", |e| edit_config(e, |c| drop(c["config"]["Labels"].as_object_mut().unwrap().remove(BUILD))))
}

fn index(change: impl Fn(&mut Value) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| {
        for root in &mut export.layout.as_mut().unwrap().roots {
            let mut index: Value = serde_json::from_slice(&root.index.as_ref().unwrap().bytes).unwrap();
            change(&mut index);
            root.index = Some(Document::new(index.to_string().into_bytes(), None));
        }
    }
}

fn entry(key: &'static str, value: Value) -> impl Fn(&mut Export) + 'static {
    index(move |index| index["manifests"][0][key] = value.clone())
}

fn without(key: &'static str) -> impl Fn(&mut Export) + 'static {
    index(move |index| drop(index["manifests"][0].as_object_mut().unwrap().remove(key)))
}

fn named(name: &'static str) -> impl Fn(&mut Export) + 'static {
    entry("annotations", json!({ NAME: name }))
}

fn unreadable(export: &mut Export) {
    for root in &mut export.layout.as_mut().unwrap().roots {
        root.index = Some(Document::new(b"{".to_vec(), None));
    }
}

fn indexes() -> Vec<Trials> {
    let mut fields = Trials::of("layout.index-fields");
    for bad in [json!("application/vnd.oci.image.manifest.v1+json"), json!(1), json!(null), json!("")] {
        fields = fields.rejects(format!("mediaType {bad}"), index(move |index| index["mediaType"] = bad.clone()));
    }
    for bad in [
        json!({ "architecture": "arm64", "os": "linux" }),
        json!({ "architecture": "amd64", "os": "windows" }),
        json!({ "architecture": "amd64", "os": "linux", "variant": 8 }),
        json!({ "architecture": "amd64", "os": "linux", "variant": "v3" }),
        json!({ "architecture": "amd64", "os": "linux", "os.features": "x" }),
        json!({ "architecture": "amd64", "os": "linux", "os.features": ["x"] }),
        json!({ "architecture": "amd64", "os": "linux", "os.version": [] }),
    ] {
        fields = fields.rejects(format!("platform {bad}"), entry("platform", bad));
    }
    for bad in [json!([]), json!({ "a.b": 1 }), json!({ "a.b": null }), json!("a")] {
        let other = bad.clone();
        fields = fields
            .rejects(format!("annotations {bad} of the entry"), entry("annotations", bad))
            .rejects(format!("annotations {other}"), index(move |index| index["annotations"] = other.clone()));
    }
    let own = Digest::of(b"other").to_string();
    let fields = fields
        .rejects("artifactType that is a word", index(|index| index["artifactType"] = json!("index")))
        .accepts(
            "an entry's artifactType that is a word, which another row judges",
            entry("artifactType", json!("image")),
        )
        .accepts(
            "a platform without os, which another row judges",
            entry("platform", json!({ "architecture": "amd64" })),
        )
        .accepts("no mediaType", index(|index| drop(index.as_object_mut().unwrap().remove("mediaType"))))
        .accepts(
            "a variant of every machine",
            entry("platform", json!({ "architecture": "amd64", "os": "linux", "variant": "v1" })),
        )
        .accepts("no platform", without("platform"))
        .accepts("an artifactType", entry("artifactType", json!("application/vnd.example.x")))
        .accepts("annotations", index(|index| index["annotations"] = json!({ "a.b": "c" })))
        .accepts("no features", entry("platform", json!({ "architecture": "amd64", "os": "linux", "os.features": [] })))
        .accepts("the config's features, in another order", |e| {
            edit_config(e, |config| config["os.features"] = json!(["x", "y"]));
            // The config has another digest now, and so has the manifest.
            let manifest = e.manifest_digest().unwrap().to_string();
            let platform = json!({ "architecture": "amd64", "os": "linux", "os.features": ["y", "x"] });
            index(move |index| {
                index["manifests"][0]["digest"] = json!(manifest);
                index["manifests"][0]["platform"] = platform.clone();
            })(e);
        })
        .accepts(
            "another image's platform",
            index(move |index| {
                let mut more = index["manifests"][0].clone();
                more["digest"] = json!(own);
                more["platform"] = json!({ "architecture": "arm64", "os": "linux" });
                index["manifests"].as_array_mut().unwrap().push(more);
            }),
        )
        .ignores("not JSON", unreadable);
    let mut grammar = Trials::of("layout.ref-name-form");
    for bad in ["", "a b", "-a", "a-", "a..b", "a---b", "a//b", "/a", "a_", "ä", "a,b", "a\n"] {
        grammar = grammar.rejects(format!("'{bad}'"), named(bad));
    }
    for good in ["1", "a--b", "a/b.c_d:e@f+g", "v1.0-rc.1", "host.example/app:latest"] {
        grammar = grammar.accepts(format!("'{good}'"), named(good));
    }
    vec![
        fields,
        Trials::of("layout.index-media-type")
            .rejects("none", index(|index| drop(index.as_object_mut().unwrap().remove("mediaType"))))
            .accepts("another, which another row judges", index(|index| index["mediaType"] = json!("a/b"))),
        Trials::of("layout.platform-present")
            .rejects("none", without("platform"))
            .accepts("a Docker manifest", |e| {
                without("platform")(e);
                entry("mediaType", json!("application/vnd.docker.distribution.manifest.v2+json"))(e);
            })
            .accepts(
                "another image without",
                index(|index| {
                    let mut more = index["manifests"][0].clone();
                    more["digest"] = json!(Digest::of(b"x").to_string());
                    more.as_object_mut().unwrap().remove("platform");
                    index["manifests"].as_array_mut().unwrap().push(more);
                }),
            ),
        Trials::of("layout.ref-name")
            .rejects("no annotations", without("annotations"))
            .rejects("another annotation", entry("annotations", json!({ "a.b": "c" })))
            .rejects("a number", entry("annotations", json!({ NAME: 1 })))
            .accepts("any name", named("x")),
        grammar.ignores("no name", without("annotations")),
    ]
}

fn sent(method: &'static str, content_type: Option<&'static str>) -> impl Fn(&mut Export) + 'static {
    move |export| {
        let wire = export.wire.get_or_insert_with(Vec::new);
        wire.push(WireRecord {
            sequence: wire.len() as u64,
            method: method.to_owned(),
            target: "/v2/app/manifests/latest".to_owned(),
            status: 201,
            content_type: content_type.map(str::to_owned),
            request_bytes: 1,
            response_bytes: 0,
            had_credentials: false,
            ..WireRecord::default()
        });
    }
}

fn pushed() -> Trials {
    Trials::of("registry.plain-content-type")
        .rejects("none", sent("PUT", None))
        .rejects("empty", sent("PUT", Some("")))
        .rejects("a parameter", sent("PUT", Some("application/vnd.oci.image.manifest.v1+json; charset=utf-8")))
        .accepts("the type alone", sent("PUT", Some("application/vnd.oci.image.manifest.v1+json")))
        .accepts("reading without one", sent("GET", None))
        .ignores("no recorder", |e| e.wire = None)
}
