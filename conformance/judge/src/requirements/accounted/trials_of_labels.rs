//! What is rejected of labels, config, registry, layout, report and clock, and what is not.

use serde_json::{Value, json};

use crate::digest::Digest;
use crate::evidence::{Document, Export, SavedFile, Target, WireRecord};
use crate::sample::{self, STARTED, annotate, edit_config, edit_entries, edit_input, edit_label, edit_report};
use crate::trial::{Trials, Wanted};
use crate::view::LIFECYCLE;

const BUILD: &str = "io.buildpacks.build.metadata";
const METADATA: &str = "/layers/config/metadata.toml";

pub(super) fn trials() -> Vec<Trials> {
    vec![labels(), stores(), previous(), base(), processes(), config(), registry(), layout(), report(), clock()]
}

fn label(name: &'static str, change: impl Fn(&mut Value) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| edit_label(export, name, &change)
}

fn push(name: &'static str, list: &'static str, entry: Value) -> impl Fn(&mut Export) + 'static {
    label(name, move |label| {
        if !label[list].is_array() {
            label[list] = json!([]);
        }
        label[list].as_array_mut().unwrap().push(entry.clone());
    })
}

pub(super) fn plain(key: &'static str, value: impl Into<String>) -> impl Fn(&mut Export) + 'static {
    let value = value.into();
    move |export| edit_config(export, |config| config["config"]["Labels"][key] = json!(value))
}

fn set(key: &'static str, value: Value) -> impl Fn(&mut Export) + 'static {
    move |export| edit_config(export, |config| config["config"][key] = value.clone())
}

fn labels() -> Trials {
    Trials::of("labels.nothing-else")
        .rejects("an invented buildpack", push(BUILD, "buildpacks", json!({ "id": "x", "version": "1" })))
        .rejects("a buildpack of another version", label(BUILD, |label| label["buildpacks"][1]["version"] = json!("3")))
        .rejects("a buildpack twice", push(BUILD, "buildpacks", json!({ "id": "b", "version": "2" })))
        .rejects(
            "a homepage that no input has",
            label(BUILD, |l| l["buildpacks"][0]["homepage"] = json!("https://x.example")),
        )
        .rejects("an API that is not the group's", label(BUILD, |label| label["buildpacks"][0]["api"] = json!("0.11")))
        .rejects("an invented extension", push(BUILD, "extensions", json!({ "id": "x", "version": "1" })))
        .rejects("an invented process", push(BUILD, "processes", json!({ "type": "sh", "command": ["sh"] })))
        .rejects("a process twice", push(BUILD, "processes", json!({ "type": "web", "command": ["sh"] })))
        .rejects("another default process", label(BUILD, |l| l["buildpack-default-process-type"] = json!("sh")))
        .rejects(
            "an invented buildpack of the lifecycle's",
            push(LIFECYCLE, "buildpacks", json!({ "key": "x", "version": "1", "layers": {} })),
        )
        .rejects(
            "a buildpack of the lifecycle's of another version",
            label(LIFECYCLE, |label| label["buildpacks"][1]["version"] = json!("3")),
        )
        .rejects(
            "an invented layer",
            label(LIFECYCLE, |label| label["buildpacks"][1]["layers"]["x"] = json!({ "sha": "x" })),
        )
        .rejects(
            "a layer for build alone",
            label(LIFECYCLE, |label| label["buildpacks"][1]["layers"]["tools"] = json!({})),
        )
        .rejects(
            "another layer of links",
            label(LIFECYCLE, |l| l["process-types"] = json!({ "sha": Digest::of(b"x") })),
        )
        .rejects("a layer of SBOMs that is not there", label(LIFECYCLE, |l| l["sbom"]["sha"] = json!(Digest::of(b"x"))))
        .rejects("a default process that the build has not", |e| {
            let text = e.inputs.text(METADATA).unwrap().replace("buildpack-default-process-type='web'\n", "");
            edit_input(e, METADATA, &text);
            label(BUILD, |l| l["processes"][0]["default"] = json!(true))(e);
        })
        .rejects("another execution environment", label(LIFECYCLE, |l| l["exec-env"] = json!("test")))
        .rejects("the same in a label of its own", plain("io.buildpacks.exec-env", "test"))
        .rejects("a bill of materials of nothing", label(BUILD, |l| l["bom"] = json!([{ "name": "x" }])))
        .rejects("a distribution that the run image does not name", plain("io.buildpacks.base.distro.name", "noble"))
        .rejects("a stack that the run image does not name", plain("io.buildpacks.stack.id", "x.example"))
        .accepts("the execution environment of every build", label(LIFECYCLE, |l| l["exec-env"] = json!("production")))
        .accepts("an empty bill of materials", label(BUILD, |l| l["bom"] = json!([])))
        .accepts("the build's default process, by a flag", label(BUILD, |l| l["processes"][0]["default"] = json!(true)))
        .accepts("a distribution that a buildpack names", |e| {
            let text =
                format!("{}[[labels]]\nkey='io.buildpacks.base.id'\nvalue='own'\n", e.inputs.text(METADATA).unwrap());
            edit_input(e, METADATA, &text);
            plain("io.buildpacks.base.id", "own")(e);
        })
        .accepts("fields that no specification knows", |e| {
            label(LIFECYCLE, |label| {
                label["x-example"] = json!({ "sha": "none" });
                label["buildpacks"][0]["x-example"] = json!([1]);
            })(e);
            label(BUILD, |label| {
                label["x-example"] = json!({ "processes": [{ "type": "x" }] });
                label["extensions"] = json!([]);
                label["processes"][0]["x-example"] = json!("x");
            })(e);
        })
        .accepts(
            "an API that is left out",
            label(BUILD, |l| drop(l["buildpacks"][0].as_object_mut().unwrap().shift_remove("api"))),
        )
        .accepts("empty homepages", label(BUILD, |label| label["buildpacks"][0]["homepage"] = json!("")))
        .accepts("the build's default process", label(BUILD, |l| l["buildpack-default-process-type"] = json!("web")))
        .accepts("other labels", plain("com.example.more", "x"))
        .accepts("another order", label(BUILD, |label| label["buildpacks"].as_array_mut().unwrap().reverse()))
        .accepts("a homepage of the group", |e| {
            let group = e.inputs.text("/layers/group.toml").unwrap().replacen(
                "[[group]]",
                "[[group]]\nhomepage='https://x.example'",
                1,
            );
            edit_input(e, "/layers/group.toml", &group);
            label(BUILD, |label| label["buildpacks"][0]["homepage"] = json!("https://x.example"))(e);
        })
}

fn stores() -> Trials {
    let store =
        |at: usize, store: Value| label(LIFECYCLE, move |label| label["buildpacks"][at]["store"] = store.clone());
    Trials::of("labels.nothing-else")
        .rejects("another's store", store(1, json!({ "metadata": { "kept": "store-sentinel" } })))
        .rejects("a store with more", store(0, json!({ "metadata": { "kept": "store-sentinel", "more": 1 } })))
        .rejects("a store of another value", store(0, json!({ "metadata": { "kept": "other" } })))
        .accepts("an empty one where there is none", store(1, json!({ "metadata": {} })))
        .accepts(
            "none in the label",
            label(LIFECYCLE, |l| drop(l["buildpacks"][0].as_object_mut().unwrap().shift_remove("store"))),
        )
}

fn previous() -> Trials {
    let without = |export: &mut Export| {
        let text = export
            .inputs
            .text(METADATA)
            .unwrap()
            .replace("[[labels]]\nkey='k'\nvalue='1'\n[[labels]]\nkey='k'\nvalue='2'\n", "");
        edit_input(export, METADATA, &text);
    };
    let dropped = move || {
        let mut evidence = sample::repeated();
        for export in evidence.exports.iter_mut().filter(|export| export.step == 2) {
            without(export);
            edit_config(export, |config| drop(config["config"]["Labels"].as_object_mut().unwrap().shift_remove("k")));
        }
        evidence
    };
    Trials::of("labels.nothing-else")
        .from(dropped)
        .step(2)
        .rejects("a label of the previous image stays", plain("k", "2"))
        .rejects("a label of the previous image stays next to one of this build", |e| {
            let text = format!("{}[[labels]]\nkey='m'\nvalue='1'\n", e.inputs.text(METADATA).unwrap());
            edit_input(e, METADATA, &text);
            plain("m", "1")(e);
            plain("k", "2")(e);
        })
        .accepts("it has another value, which is a vendor's", plain("k", "3"))
        .whole("the run image has it now", Wanted::Held, |evidence, target| {
            let export = sample::step(evidence, target, 2);
            let mut base: Value = serde_json::from_slice(&export.run_image.config.bytes).unwrap();
            base["config"]["Labels"]["k"] = json!("2");
            export.run_image.config = Document::new(base.to_string().into_bytes(), None);
            plain("k", "2")(export);
        })
        .accepts("it was exported to another image", |e| {
            e.inputs.images[0] = e.inputs.images[0].replace("app:", "other:");
            plain("k", "2")(e);
        })
}

/// The sample with one more label of the run image, kept in the image.
fn distributed() -> crate::evidence::ScenarioEvidence {
    let mut evidence = sample::scenario();
    for export in &mut evidence.exports {
        let mut base: Value = serde_json::from_slice(&export.run_image.config.bytes).unwrap();
        base["config"]["Labels"]["io.buildpacks.base.distro.name"] = json!("noble");
        base["config"]["Labels"]["io.buildpacks.rebasable"] = json!("true");
        export.run_image.config = Document::new(base.to_string().into_bytes(), None);
        plain("io.buildpacks.base.distro.name", "noble")(export);
    }
    evidence
}

fn base() -> Trials {
    Trials::of("labels.base-kept")
        .from(distributed)
        .rejects("it is lost", |e| {
            edit_config(e, |config| {
                drop(
                    config["config"]["Labels"].as_object_mut().unwrap().shift_remove("io.buildpacks.base.distro.name"),
                );
            });
        })
        .rejects("it is changed", plain("io.buildpacks.base.distro.name", "jammy"))
        .accepts("one that the exporter writes is another", plain("io.buildpacks.rebasable", "true"))
        .accepts("one more", plain("io.buildpacks.base.distro.version", "24.04"))
        .accepts("a label of another kind is changed", plain("base", "other"))
        .ignores("a buildpack replaced it", |e| {
            edit_input(e, METADATA, "[[labels]]\nkey='io.buildpacks.base.distro.name'\nvalue='own'\n");
            plain("io.buildpacks.base.distro.name", "own")(e);
        })
}

fn processes() -> Trials {
    let without =
        |key: &'static str| label(BUILD, move |l| drop(l["processes"][0].as_object_mut().unwrap().shift_remove(key)));
    let direct = || {
        let mut evidence = sample::scenario();
        for export in &mut evidence.exports {
            let text = export.inputs.text(METADATA).unwrap().replace("direct=false", "direct=true");
            edit_input(export, METADATA, &text);
            label(BUILD, |label| label["processes"][0]["direct"] = json!(true))(export);
        }
        evidence
    };
    Trials::of("labels.process-fields")
        .rejects("whose it is is not said", without("buildpackID"))
        .rejects("whose it is is empty", label(BUILD, |label| label["processes"][0]["buildpackID"] = json!("")))
        .accepts("direct, which is false, is left out", without("direct"))
        .from(direct)
        .rejects("direct, which is true, is left out", without("direct"))
        .rejects("direct, which is true, is null", label(BUILD, |label| label["processes"][0]["direct"] = Value::Null))
        .ignores("there is no process", |e| edit_input(e, METADATA, "[[labels]]\nkey='k'\nvalue='2'\n"))
}

fn config() -> Trials {
    let shelled = || {
        let mut evidence = sample::scenario();
        for export in &mut evidence.exports {
            let mut base: Value = serde_json::from_slice(&export.run_image.config.bytes).unwrap();
            base["config"]["Shell"] = json!(["/bin/ash"]);
            base["config"]["Cmd"] = json!(["sh"]);
            base["config"]["OnBuild"] = json!(["RUN x"]);
            export.run_image.config = Document::new(base.to_string().into_bytes(), None);
            set("Shell", json!(["/bin/ash"]))(export);
        }
        evidence
    };
    let mut rows = Trials::of("config.nothing-else");
    for (key, value) in [
        ("Cmd", json!(["--debug"])),
        ("Healthcheck", json!({ "Test": ["CMD", "true"] })),
        ("Shell", json!(["/bin/bash", "-c"])),
        ("StopTimeout", json!(1)),
        ("OnBuild", json!(["RUN true"])),
        ("Tty", json!(true)),
        ("NetworkDisabled", json!(true)),
        ("OpenStdin", json!(true)),
        ("Memory", json!(1_048_576)),
        ("MemorySwap", json!(-1)),
        ("CpuShares", json!(2)),
    ] {
        rows = rows.rejects(format!("{key} that was not asked for"), set(key, value));
    }
    rows.accepts("null and empty fields", |e| {
        for (key, value) in
            [("Cmd", json!(null)), ("Healthcheck", json!({})), ("OnBuild", json!([])), ("Tty", json!(false))]
        {
            set(key, value)(e);
        }
    })
    .accepts("fields of an engine", |e| {
        set("Hostname", json!("x"))(e);
        set("Memory", json!(0))(e);
        set("X-Example", json!("x"))(e);
    })
    .from(shelled)
    .rejects("the run image's shell is lost", set("Shell", Value::Null))
    .rejects("another command than the run image's", set("Cmd", json!(["bash"])))
    .accepts("the run image's command", set("Cmd", json!(["sh"])))
    .accepts("the run image's triggers", set("OnBuild", json!(["RUN x"])))
}

fn sent(method: &'static str, target: impl Into<String>, status: u16) -> impl Fn(&mut Export) + 'static {
    let target = target.into();
    move |export| {
        let wire = export.wire.get_or_insert_with(Vec::new);
        wire.push(WireRecord {
            sequence: wire.len() as u64,
            method: method.to_owned(),
            target: target.clone(),
            status,
            content_type: None,
            request_bytes: 1,
            response_bytes: 0,
            had_credentials: false,
            ..WireRecord::default()
        });
    }
}

fn registry() -> Trials {
    Trials::of("registry.nothing-else")
        .rejects("the run image's tag", sent("PUT", "/v2/run/manifests/base", 201))
        .rejects("a tag that was not asked for", sent("PUT", "/v2/app/manifests/newest", 201))
        .rejects("a manifest by another digest", sent("PUT", format!("/v2/app/manifests/{}", Digest::of(b"x")), 201))
        .rejects("another repository's tag", sent("PUT", "/v2/other/app/manifests/latest", 201))
        .rejects("an upload that ends in another repository", sent("PUT", "/v2/other/blobs/uploads/1?digest=x", 201))
        .rejects("a blob to another repository", sent("POST", "/v2/other/blobs/uploads/", 202))
        .rejects(
            "a blob mounted in another repository",
            sent("POST", "/v2/run/blobs/uploads/?mount=sha256%3Ax&from=app", 201),
        )
        .rejects("a manifest is deleted", sent("DELETE", format!("/v2/app/manifests/{}", Digest::of(b"x")), 202))
        .rejects("a blob is deleted", sent("DELETE", format!("/v2/app/blobs/{}", Digest::of(b"x")), 202))
        .accepts("the tag", sent("PUT", "/v2/app/manifests/latest", 201))
        .accepts("the manifest by its digest", |e| {
            let digest = e.manifest_digest().unwrap().to_string();
            sent("PUT", format!("/v2/app/manifests/{digest}"), 201)(e);
        })
        .accepts("a blob", sent("PUT", "/v2/app/blobs/uploads/1?digest=sha256%3Ax", 201))
        .accepts(
            "a blob of the run image mounted",
            sent("POST", "/v2/app/blobs/uploads/?mount=sha256%3Ax&from=run", 201),
        )
        .accepts("an upload that is given up", sent("DELETE", "/v2/app/blobs/uploads/1", 204))
        .accepts("the run image is read", sent("GET", "/v2/run/manifests/base", 200))
        .accepts("a write that was refused", sent("PUT", "/v2/run/manifests/base", 401))
        .accepts("a token", sent("POST", "/token", 200))
        .accepts("a cache image", |e| {
            e.inputs.argv.insert(1, "-cache-image=host.example/cache:1".to_owned());
            sent("PUT", "/v2/cache/manifests/1", 201)(e);
        })
        .accepts("a cache image in two words", |e| {
            e.inputs.argv.splice(1..1, ["-cache-image", "host.example/cache:1"].map(str::to_owned));
            sent("PUT", "/v2/cache/manifests/1", 201)(e);
        })
        .ignores("no recorder", |e| e.wire = None)
}

fn layout() -> Trials {
    let indexed = |digest: String| {
        move |export: &mut Export| {
            for root in &mut export.layout.as_mut().unwrap().roots {
                let mut index: Value = serde_json::from_slice(&root.index.as_ref().unwrap().bytes).unwrap();
                let mut entry = index["manifests"][0].clone();
                entry["digest"] = json!(digest);
                index["manifests"].as_array_mut().unwrap().push(entry);
                root.index = Some(Document::new(index.to_string().into_bytes(), None));
            }
        }
    };
    let other = Digest::of(b"other").to_string();
    let stayed = other.clone();
    let both = indexed(other.clone());
    Trials::of("layout.nothing-else")
        .rejects("a blob that no one can keep", |e| {
            let root = &mut e.layout.as_mut().unwrap().roots[0];
            root.unread.push(("blobs/sha256/x".to_owned(), 200 << 30));
        })
        .rejects("a second manifest", indexed(other))
        .rejects("a layout more", |e| e.layout.as_mut().unwrap().folders.push("app.example/other".to_owned()))
        .accepts("a blob that nothing names", |e| {
            let digest = Digest::of(b"x");
            let path = format!("blobs/sha256/{}", digest.encoded());
            e.layout.as_mut().unwrap().roots[0].blobs.push(SavedFile { path, size: 1, digest });
        })
        .rejects("its own manifest under one more name", |e| {
            let own = e.manifest_digest().unwrap().to_string();
            for root in &mut e.layout.as_mut().unwrap().roots {
                let mut index: Value = serde_json::from_slice(&root.index.as_ref().unwrap().bytes).unwrap();
                let mut entry = index["manifests"][0].clone();
                assert_eq!(entry["digest"], json!(own));
                entry["annotations"] = json!({ "org.opencontainers.image.ref.name": "x" });
                index["manifests"].as_array_mut().unwrap().push(entry);
                root.index = Some(Document::new(index.to_string().into_bytes(), None));
            }
        })
        .rejects("a name that no <image> has", |e| of_the_index(e, "ref.name", "stable"))
        .rejects("a title that the image has not", |e| of_the_index(e, "title", "x"))
        .accepts("the full reference as its name", |e| of_the_index(e, "ref.name", "app.example/app:latest"))
        .accepts("the image's own title", |e| of_the_index(e, "title", "Näme"))
        .accepts("what a vendor says", |e| of_the_index(e, "vendor", "x"))
        .accepts("what was there before", move |e| {
            for before in e.tags_before.values_mut() {
                *before = Some(stayed.clone());
            }
            both(e);
        })
        .ignores("it was not observed", |e| e.layout = None)
}

/// Gives the app image's entry in each index one more annotation.
fn of_the_index(export: &mut Export, name: &str, value: &str) {
    for root in &mut export.layout.as_mut().unwrap().roots {
        let mut index: Value = serde_json::from_slice(&root.index.as_ref().unwrap().bytes).unwrap();
        index["manifests"][0]["annotations"][format!("org.opencontainers.image.{name}")] = json!(value);
        root.index = Some(Document::new(index.to_string().into_bytes(), None));
    }
}

fn report() -> Trials {
    let told = |from: &'static str, to: &'static str| move |e: &mut Export| edit_report(e, from, to);
    Trials::of("report.nothing-else")
        .rejects("the ID of another image", told("image-id='sha256:", "image-id='sha256:0"))
        .accepts("the ID without its algorithm", told("image-id='sha256:", "image-id='"))
        .accepts("more keys", told("[image]", "[image]\nx-example=1"))
        .ignores("it has no table of the image", |e| e.report = Some(Document::new(b"x=1\n".to_vec(), None)))
        .on(&[Target::Layout])
        .rejects("another digest", told("\ndigest='sha256:", "\ndigest='sha256:0"))
        .rejects("another size", told("manifest-size=", "manifest-size=1"))
        .rejects("a tag more", told("tags=[", "tags=['app.example/more:1',"))
        .rejects("a tag that is a number", told("tags=[", "tags=[1,"))
        .accepts("the path in the layout for a tag", told("app.example/app:latest", "/layout/app.example/app/latest"))
        .accepts("nothing but the ID", |e| {
            let text = format!("[image]\nimage-id='{}'\n", e.image_id().unwrap());
            e.report = Some(Document::new(text.into_bytes(), None));
        })
}

fn clock() -> Trials {
    let dated = |key: &'static str, value: String| plain(key, value);
    let file = |mtime: i64| {
        move |export: &mut Export| {
            edit_entries(export, 3, |entries| {
                for entry in entries.iter_mut() {
                    entry.mtime = mtime;
                }
            });
        }
    };
    let created = |export: &mut Export, text: &str| edit_config(export, |config| config["created"] = json!(text));
    Trials::of("image.no-export-time")
        .rejects("a label of the day", dated("x", "2026-09-21".to_owned()))
        .rejects("a label of the day in digits", dated("x", "build 20260921".to_owned()))
        .rejects("a label of the day in words", dated("x", "built Mon, 21 Sep 2026 by us".to_owned()))
        .rejects("a label of the day as C has it", dated("x", "Mon Sep 21 14:00:00 2026".to_owned()))
        .rejects("a label of the day with slashes", dated("x", "2026/09/21".to_owned()))
        .accepts("a day in words that is another", dated("x", "Mon, 21 Sep 2020".to_owned()))
        .accepts("a longer number", dated("x", "121 Sep 20261".to_owned()))
        .accepts("a day in words that an input has", |e| {
            edit_input(
                e,
                "/layers/project-metadata.toml",
                "[source]\ntype='git'\n[source.metadata]\nx='21 Sep 2026'\n",
            );
            plain("x", "21 Sep 2026")(e);
        })
        .rejects("a label of the second", dated("x", STARTED.to_string()))
        .rejects("a label of the millisecond", dated("x", format!("at {}", STARTED * 1000)))
        .rejects("a label of the hour", dated("x", "2026-09-21T14:00:00Z".to_owned()))
        .rejects("a label of the hour in another zone", dated("x", "2026-09-21T23:00:00+09:00".to_owned()))
        .rejects(
            "a date in the JSON of a label",
            label(BUILD, |label| label["launcher"]["built"] = json!("2026-09-21T14:00:00.123Z")),
        )
        .rejects("created is now", move |e| created(e, "2026-09-21T14:13:20Z"))
        .rejects("files of now", file(STARTED + 1))
        .rejects("files of the day's midnight", file(STARTED.div_euclid(86_400) * 86_400))
        .rejects("a label of the day's midnight", dated("x", "2026-09-21T00:00:00Z".to_owned()))
        .rejects("a history of now", |e| {
            edit_config(e, |config| config["history"][2]["created"] = json!("2026-09-21T14:13:21Z"));
        })
        .rejects("a label of the day before", dated("x", "2026-09-20".to_owned()))
        .rejects("a label of the day after", dated("x", "2026-09-22".to_owned()))
        .rejects("a label of the day on which a long export ended", |e| {
            e.outcome.milliseconds = 5 * 86_400 * 1000;
            plain("x", "2026-09-26")(e);
        })
        .rejects("a label of the day in digits of a longer word", dated("x", "v20260921".to_owned()))
        .rejects("a label of the microsecond", dated("x", (STARTED * 1_000_000).to_string()))
        .rejects("a label of the nanosecond", dated("x", (STARTED * 1_000_000_000).to_string()))
        .rejects("another time than the one that was asked for", |e| {
            e.inputs.source_date_epoch = Some(STARTED - 7200);
            plain("x", "2026-09-21T14:13:20Z")(e);
        })
        .accepts("a label of two days before", dated("x", "2026-09-19".to_owned()))
        .accepts("a label of two days after", dated("x", "2026-09-23".to_owned()))
        .accepts("a label of a second long ago", dated("x", "1500000000".to_owned()))
        .accepts("a label of many digits in a longer word", dated("x", "v17900000000".to_owned()))
        .accepts("files of the time that was asked for", move |e| {
            e.inputs.source_date_epoch = Some(STARTED);
            file(STARTED)(e);
        })
        .accepts("labels of the time that was asked for, in other forms", |e| {
            e.inputs.source_date_epoch = Some(STARTED);
            for (key, text) in [
                ("a", "2026-09-21".to_owned()),
                ("b", STARTED.to_string()),
                ("c", (STARTED * 1000).to_string()),
                ("d", "2026-09-21T14:13:21Z".to_owned()),
            ] {
                plain(key, text)(e);
            }
        })
        .accepts("a label of another year", dated("x", "2025-09-21T14:00:00Z".to_owned()))
        .accepts("a label of many digits", dated("x", "17900000000".to_owned()))
        .accepts("files of another day", file(STARTED - 3 * 86_400))
        .accepts("an input has it", |e| {
            edit_input(e, "/layers/project-metadata.toml", "[source.metadata]\nversion='2026-09-21'\n");
            plain("x", "2026-09-21")(e);
        })
        .accepts("it was asked for", |e| {
            e.inputs.source_date_epoch = Some(STARTED);
            e.inputs.environment.insert("SOURCE_DATE_EPOCH".to_owned(), STARTED.to_string());
            edit_config(e, |config| config["created"] = json!("2026-09-21T14:13:20Z"));
        })
        .on(&[Target::Registry, Target::Layout])
        .rejects("an annotation of now", |e| annotate(e, "com.example.built", Some("2026-09-21T14:13:20+00:00")))
        .accepts("an annotation of another day", |e| annotate(e, "com.example.built", Some("1985-09-21")))
}
