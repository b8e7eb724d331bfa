//! Trials of the labels that describe a build.

use serde_json::{Value, json};

use super::edits::{BUILD, LIFECYCLE, METADATA, PROJECT, PROJECT_FILE, input, label, other, plain, unlabelled};
use crate::digest::Digest;
use crate::evidence::{Arrival, Export, RunImageInDaemon, Target};
use crate::sample::{self, edit_config, edit_entries, edit_input, edit_label, edit_layers};
use crate::trial::Trials;

const BEYOND_THE_SCHEMA: &str =
    "authors='a'\n[source]\ntype='git'\ntitle='t'\n[source.metadata]\nname='x'\n[other]\nk=1\n";

pub(super) fn metadata() -> Vec<Trials> {
    let without_file = |value: Value| {
        move |e: &mut Export| {
            e.inputs.files.retain(|file| !file.path.ends_with("project-metadata.toml"));
            edit_label(e, PROJECT, |l| *l = value.clone());
        }
    };
    vec![
        Trials::of("platform.label-project-metadata")
            .rejects("another type", label(PROJECT, |l| l["source"]["type"] = json!("x")))
            .rejects("one key more", label(PROJECT, |l| l["more"] = json!(1)))
            .rejects("one key more in source", label(PROJECT, |l| l["source"]["more"] = json!("x")))
            .rejects("a member of version more", label(PROJECT, |l| l["source"]["version"]["more"] = json!("")))
            .accepts("empty tables more", label(PROJECT, |l| {
                l["more"] = json!({ "a": null });
                l["source"]["metadata"]["more"] = json!({});
            }))
            .accepts("an empty table is left out", |e| {
                input(PROJECT_FILE, "[source]\ntype='git'\nversion={}\n[source.metadata]\nx={}\n")(e);
                edit_label(e, PROJECT, |l| *l = json!({ "source": { "type": "git" } }));
            })
            .accepts("what no schema has is left out", |e| {
                input(PROJECT_FILE, BEYOND_THE_SCHEMA)(e);
                edit_label(e, PROJECT, |l| *l = json!({ "source": { "type": "git", "metadata": { "name": "x" } } }));
            })
            .accepts("what no schema has is kept", |e| {
                input(PROJECT_FILE, BEYOND_THE_SCHEMA)(e);
                let source = json!({ "type": "git", "title": "t", "metadata": { "name": "x" } });
                edit_label(e, PROJECT, |l| *l = json!({ "authors": "a", "source": source, "other": { "k": 1 } }));
            })
            .rejects("what no schema has is another", |e| {
                input(PROJECT_FILE, BEYOND_THE_SCHEMA)(e);
                let source = json!({ "type": "git", "title": "T", "metadata": { "name": "x" } });
                edit_label(e, PROJECT, |l| *l = json!({ "source": source }));
            })
            .rejects("one key less", label(PROJECT, |l| drop(l["source"].as_object_mut().unwrap().remove("version"))))
            .rejects("a value in another normal form", label(PROJECT, |l| l["source"]["metadata"]["name"] = json!("Na\u{308}me")))
            .rejects("empty", label(PROJECT, |l| *l = json!({})))
            .rejects("null", label(PROJECT, |l| *l = json!(null)))
            .rejects("not JSON", plain(PROJECT, "{"))
            .rejects("none", unlabelled(PROJECT))
            .rejects("more than there is without a file", |e| {
                e.inputs.files.retain(|file| !file.path.ends_with("project-metadata.toml"));
                edit_label(e, PROJECT, |l| *l = json!({ "source": { "type": "git" }, "x": 1 }));
            })
            .accepts("nothing without a file", without_file(json!({})))
            .accepts("empty tables without a file", without_file(json!({ "source": { "type": "", "metadata": null } })))
            .accepts("keys in other order and white space", |e| {
                let text = "{\n \"source\": {\"metadata\": {\"licenses\": \"Apache-2.0\", \"name\": \"N\\u00e4me\", \
                    \"documentation-url\": \"https://docs.example\", \"version\": \"1.2\", \"authors\": \"Ada\", \
                    \"repository\": \"https://git.example\\/app\"}, \"version\": {\"commit\": \"c0ffee\"}, \"type\": \"git\"}}";
                edit_config(e, |c| c["config"]["Labels"][PROJECT] = json!(text));
            }),
        Trials::of("platform.label-build-metadata")
            .rejects("another version", label(BUILD, |l| l["buildpacks"][1]["version"] = json!("3")))
            .rejects("a buildpack less", label(BUILD, |l| drop(l["buildpacks"].as_array_mut().unwrap().pop())))
            .rejects("no processes", label(BUILD, |l| l["processes"] = json!([])))
            .rejects("an argument that is not a string", label(BUILD, |l| l["processes"][0]["args"] = json!(["-v", null])))
            .rejects("a folder that the build does not give", label(BUILD, |l| l["processes"][0]["working-dir"] = json!("/tmp")))
            .accepts("the folder of the app", label(BUILD, |l| l["processes"][0]["working-dir"] = json!("/workspace")))
            .rejects("no extension of the group", |e| {
                let text = e.inputs.text("/layers/group.toml").unwrap().to_owned();
                edit_input(e, "/layers/group.toml", &format!("{text}[[group-extensions]]\nid='x'\nversion='1'\n"));
            })
            .accepts("an extension of the group", |e| {
                let text = e.inputs.text("/layers/group.toml").unwrap().to_owned();
                edit_input(e, "/layers/group.toml", &format!("{text}[[group-extensions]]\nid='x'\nversion='1'\n"));
                label(BUILD, |l| l["extensions"] = json!([{ "id": "x", "version": "1" }]))(e);
            })
            .rejects("another command", label(BUILD, |l| l["processes"][0]["command"] = json!(["Serve"])))
            .rejects("no arguments", label(BUILD, |l| l["processes"][0]["args"] = json!([])))
            .rejects("an argument more", label(BUILD, |l| l["processes"][0]["args"] = json!(["-v", "-v"])))
            .rejects("another type", label(BUILD, |l| l["processes"][0]["type"] = json!("Web")))
            .rejects("another buildpack's process", label(BUILD, |l| l["processes"][0]["buildpackID"] = json!("a/one")))
            .rejects("a process that is direct", label(BUILD, |l| l["processes"][0]["direct"] = json!(true)))
            .rejects("another API of a buildpack", label(BUILD, |l| l["buildpacks"][1]["api"] = json!("0.9")))
            .accepts("no launcher, of which another row speaks", label(BUILD, |l| l["launcher"] = json!(null)))
            .rejects("none", unlabelled(BUILD))
            .rejects("not JSON", plain(BUILD, "x"))
            .accepts("extensions", label(BUILD, |l| l["extensions"] = json!([])))
            .accepts("a buildpack's homepage", label(BUILD, |l| l["buildpacks"][0]["homepage"] = json!("https://x.example")))
            .accepts("a command as string", label(BUILD, |l| l["processes"][0]["command"] = json!("serve")))
            .accepts("buildpacks in other order", label(BUILD, |l| l["buildpacks"].as_array_mut().unwrap().reverse())),
    ]
}

pub(super) fn lifecycle() -> Vec<Trials> {
    let run = |key: &'static str, value: Value| label(LIFECYCLE, move |l| l["runImage"][key] = value.clone());
    let stack =
        |key: &'static str, value: Value| label(LIFECYCLE, move |l| l["stack"]["runImage"][key] = value.clone());
    let pinned = |e: &mut Export, what: &str| {
        let digest =
            if what == "image" { e.run_image.config.digest.clone() } else { e.run_image.manifest.digest.clone() };
        edit_label(e, LIFECYCLE, |l| l["runImage"]["reference"] = json!(digest));
    };
    vec![
        Trials::of("platform.label-launcher")
            .rejects("null", label(BUILD, |l| l["launcher"] = json!(null)))
            .rejects("a text", label(BUILD, |l| l["launcher"] = json!("1")))
            .rejects("none", label(BUILD, |l| drop(l.as_object_mut().unwrap().remove("launcher"))))
            .follows("no label", "platform.label-build-metadata", unlabelled(BUILD))
            .accepts("without a version", label(BUILD, |l| l["launcher"] = json!({})))
            .accepts("with a source", label(BUILD, |l| l["launcher"]["source"] = json!({ "git": {} }))),
        Trials::of("platform.label-run-image")
            .rejects("another top layer", run("topLayer", json!("sha256:0")))
            .rejects(
                "the app's top layer",
                label(LIFECYCLE, |l| l["runImage"]["topLayer"] = l["config"]["sha"].clone()),
            )
            .rejects("a mirror that is not a string", run("mirrors", json!(["mirror.example/run:base", 5])))
            .rejects("no top layer", run("topLayer", json!(null)))
            .rejects("another name", run("image", json!("host.example/other:base")))
            .rejects("an empty name", run("image", json!("")))
            .rejects("the name by digest", run("image", json!(format!("host.example/run@{}", Digest::of(b"x")))))
            .rejects("no mirrors", run("mirrors", json!([])))
            .rejects("another mirror", run("mirrors", json!(["other.example/run:base"])))
            .rejects("a mirror more", run("mirrors", json!(["mirror.example/run:base", "x.example/run:base"])))
            .rejects("a tag as reference", run("reference", json!("host.example/run:base")))
            .rejects(
                "another digest as reference",
                run("reference", json!(format!("host.example/run@{}", Digest::of(b"x")))),
            )
            .rejects("no reference", run("reference", json!("")))
            .rejects("no run image", label(LIFECYCLE, |l| drop(l.as_object_mut().unwrap().remove("runImage"))))
            .rejects("no label", unlabelled(LIFECYCLE))
            .accepts("another key", run("more", json!(1)))
            .accepts("no run.toml", |e| e.inputs.files.retain(|file| file.path != "/cnb/run.toml"))
            .accepts("the bare hash of the imageID", |e| {
                let id = e.run_image.config.digest.encoded().to_owned();
                refer(e, &id);
            })
            .accepts("a digest reference without the algorithm", |e| {
                let reference = format!("host.example/run@{}", e.run_image.manifest.digest.encoded());
                refer(e, &reference);
            })
            .rejects("a bare hash of something else", |e| refer(e, Digest::of(b"x").encoded()))
            .rejects("a part of the hash", |e| {
                let id = e.run_image.config.digest.encoded()[..12].to_owned();
                refer(e, &id);
            })
            .on(&[Target::Daemon])
            .accepts("the daemon's own ID, with and without algorithm", |e| called(e, true))
            .accepts("the daemon's own ID without algorithm where it has one", |e| called(e, false))
            .on(crate::requirement::WITH_MANIFEST)
            .rejects("what a daemon calls it", |e| called(e, true))
            .on(crate::requirement::EVERYWHERE)
            .accepts("Docker Hub in another spelling", |e| {
                edit_input(e, "/cnb/run.toml", "[[images]]\nimage='docker.io/library/run'\n");
                "run:latest".clone_into(&mut e.run_image.name);
                edit_label(e, LIFECYCLE, |l| {
                    l["runImage"]["image"] = json!("index.docker.io/library/run:latest");
                    l["runImage"]["mirrors"] = json!(null);
                });
            })
            .on(crate::requirement::WITH_MANIFEST)
            .accepts("the imageID as reference", move |e| pinned(e, "image"))
            .accepts("the bare digest as reference", move |e| pinned(e, "manifest")),
        Trials::of("platform.label-stack-agrees")
            .rejects("another name", stack("image", json!("x")))
            .rejects("no name", stack("image", json!(null)))
            .rejects("other mirrors", stack("mirrors", json!(["x"])))
            .rejects("no mirrors", stack("mirrors", json!([])))
            .rejects("another top layer", stack("topLayer", json!("sha256:0")))
            .rejects("another reference", stack("reference", json!("x")))
            .accepts("another key", stack("more", json!(1)))
            .accepts(
                "its own two keys alone",
                label(LIFECYCLE, |l| {
                    for key in ["topLayer", "reference"] {
                        l["stack"]["runImage"].as_object_mut().unwrap().remove(key);
                    }
                }),
            )
            .accepts("no mirrors in both", |e| {
                edit_label(e, LIFECYCLE, |l| {
                    l["runImage"]["mirrors"] = json!([]);
                    l["stack"]["runImage"].as_object_mut().unwrap().remove("mirrors");
                });
            })
            .ignores("no stack", label(LIFECYCLE, |l| drop(l.as_object_mut().unwrap().remove("stack")))),
    ]
}

/// Which layers are listed as the app's.
pub(super) fn app_in_the_label() -> Trials {
    Trials::of("platform.layer-metadata-stored")
        .rejects(
            "a layer of the app twice",
            label(LIFECYCLE, |l| {
                let first = l["app"][0].clone();
                l["app"].as_array_mut().unwrap().push(first);
            }),
        )
        .rejects(
            "the launcher among the layers of the app",
            label(LIFECYCLE, |l| {
                let launcher = l["launcher"].clone();
                l["app"].as_array_mut().unwrap().push(launcher);
            }),
        )
        .accepts("a layer of the app that is empty", |e| {
            let empty = sample::layer("empty", Vec::new());
            let sha = empty.blob.as_ref().unwrap().diff_id.clone();
            edit_layers(e, |own| own.push(empty));
            label(LIFECYCLE, move |l| l["app"].as_array_mut().unwrap().push(json!({ "sha": sha })))(e);
        })
}

pub(super) fn layers_in_the_label() -> Vec<Trials> {
    let runtime = |key: &'static str, value: Value| {
        label(LIFECYCLE, move |l| l["buildpacks"][0]["layers"]["runtime"][key] = value.clone())
    };
    vec![
        Trials::of("platform.layer-metadata-stored")
            .rejects("a buildpack less", label(LIFECYCLE, |l| drop(l["buildpacks"].as_array_mut().unwrap().pop())))
            .rejects("another version", label(LIFECYCLE, |l| l["buildpacks"][1]["version"] = json!("1")))
            .rejects("no layers", label(LIFECYCLE, |l| l["buildpacks"][0]["layers"] = json!({})))
            .rejects(
                "none of a buildpack without one",
                label(LIFECYCLE, |l| drop(l["buildpacks"][1].as_object_mut().unwrap().shift_remove("layers"))),
            )
            .rejects("a file of the layer is in another one", move |e| {
                let mut more = None;
                edit_entries(e, 0, |entries| more = entries.pop());
                let sha = e.image.as_ref().unwrap().layers[2].blob.as_ref().unwrap().diff_id.clone();
                edit_layers(e, |own| own.insert(1, sample::layer("more", vec![more.unwrap()])));
                runtime("sha", json!(sha))(e);
            })
            .rejects("not for launch", runtime("launch", json!(false)))
            .rejects("for build", runtime("build", json!(true)))
            .rejects("not for cache", runtime("cache", json!(false)))
            .rejects("a flag as a string", runtime("launch", json!("true")))
            .rejects("no data", runtime("data", json!({})))
            .rejects("other data", runtime("data", json!({ "v": "2" })))
            .rejects("data of another type", runtime("data", json!({ "v": 1 })))
            .rejects("another digest", runtime("sha", other()))
            .rejects(
                "another layer's digest",
                label(LIFECYCLE, |l| {
                    l["buildpacks"][0]["layers"]["runtime"]["sha"] = l["app"][0]["sha"].clone();
                }),
            )
            .rejects("no digest", runtime("sha", json!("")))
            .rejects("no label", unlabelled(LIFECYCLE))
            .rejects("no entry of the app", label(LIFECYCLE, |l| l["app"] = json!([])))
            .rejects("one of the app's layers less", label(LIFECYCLE, |l| drop(l["app"].as_array_mut().unwrap().pop())))
            .rejects("an entry of the app that is not a layer", label(LIFECYCLE, |l| l["app"][0]["sha"] = other()))
            .rejects("the SBOMs' digest is another's", label(LIFECYCLE, |l| l["sbom"] = l["config"].clone()))
            .rejects("the config's digest is another's", label(LIFECYCLE, |l| l["config"] = l["launcher"].clone()))
            .rejects("the launcher's digest is another's", label(LIFECYCLE, |l| l["launcher"] = l["app"][0].clone()))
            .rejects("nothing of the launcher", label(LIFECYCLE, |l| l["launcher"] = json!({})))
            .accepts("the app's in other order", label(LIFECYCLE, |l| l["app"].as_array_mut().unwrap().reverse()))
            .accepts("another key", runtime("more", json!(1)))
            .accepts(
                "a flag that is false left out",
                label(LIFECYCLE, |l| {
                    drop(l["buildpacks"][0]["layers"]["runtime"].as_object_mut().unwrap().remove("build"));
                }),
            )
            .accepts(
                "buildpacks in other order",
                label(LIFECYCLE, |l| l["buildpacks"].as_array_mut().unwrap().reverse()),
            ),
        Trials::of("platform.store-kept")
            .rejects("one of two values", |e| {
                edit_input(e, "/layers/a_one/store.toml", "[metadata]\nkept='store-sentinel'\nmore='other-sentinel'\n");
            })
            .accepts("values that JSON escapes", |e| {
                edit_input(e, "/layers/a_one/store.toml", "[metadata]\nkept='a \"b\" \\c'\n");
                label(LIFECYCLE, |l| l["buildpacks"][0]["store"]["metadata"]["kept"] = json!("a \"b\" \\c"))(e);
            })
            .rejects("an empty store", label(LIFECYCLE, |l| l["buildpacks"][0]["store"] = json!({})))
            .rejects(
                "one byte other",
                label(LIFECYCLE, |l| l["buildpacks"][0]["store"]["metadata"]["kept"] = json!("store-sentineL")),
            )
            .rejects("no label", unlabelled(LIFECYCLE))
            .accepts("in another label", |e| {
                edit_label(e, LIFECYCLE, |l| l["buildpacks"][0]["store"] = json!({}));
                plain("com.example.store", "{\"kept\":\"store-sentinel\"}")(e);
            })
            .accepts("as a file", |e| {
                edit_label(e, LIFECYCLE, |l| l["buildpacks"][0]["store"] = json!({}));
                let content = e.inputs.file("/layers/a_one/store.toml").unwrap().content.clone();
                edit_entries(e, 5, |entries| {
                    let mut file = entries[0].clone();
                    file.path = "/layers/a_one/store.toml".to_owned();
                    file.content = content;
                    entries.push(file);
                });
            })
            .ignores("no store", |e| e.inputs.files.retain(|file| !file.path.ends_with("store.toml"))),
    ]
}

pub(super) fn more_labels() -> Vec<Trials> {
    let mut rebasable = Trials::of("platform.label-rebasable");
    for bad in ["yes", "", "True", "FALSE", "1", "true ", "\"true\""] {
        rebasable = rebasable.rejects(format!("'{bad}'"), plain("io.buildpacks.rebasable", bad));
    }
    vec![
        rebasable
            .rejects("none", unlabelled("io.buildpacks.rebasable"))
            .accepts("'true'", plain("io.buildpacks.rebasable", "true")),
        Trials::of("platform.buildpack-labels")
            .rejects("the first definition", plain("k", "1"))
            .rejects("a space after it", plain("k", "2 "))
            .rejects("both", plain("k", "1 2"))
            .rejects("none", unlabelled("k"))
            .rejects("in other case", |e| {
                unlabelled("k")(e);
                plain("K", "2")(e);
            })
            .accepts("a label more", plain("l", "1"))
            .accepts("a value that is not ASCII", |e| {
                edit_input(e, METADATA, "[[labels]]\nkey='ä b'\nvalue='世界'\n");
                plain("ä b", "世界")(e);
            })
            .accepts("a label that the exporter writes itself", |e| {
                edit_input(
                    e,
                    METADATA,
                    "[[labels]]\nkey='k'\nvalue='2'\n[[labels]]\nkey='io.buildpacks.rebasable'\nvalue='x'\n",
                );
            })
            .ignores("none contributed", input(METADATA, "")),
    ]
}

fn refer(export: &mut Export, reference: &str) {
    edit_label(export, LIFECYCLE, |label| label["runImage"]["reference"] = json!(reference));
}

/// The run image has an ID in the daemon that is neither its manifest's nor its config's digest.
fn called(export: &mut Export, is_bare: bool) {
    let id = Digest::of(b"the daemon's own");
    export.run_image.in_daemon = Some(RunImageInDaemon {
        arrival: Arrival::Loaded,
        id: if is_bare { id.encoded().to_owned() } else { id.to_string() },
        repo_digests: Vec::new(),
    });
    refer(export, if is_bare { id.as_str() } else { id.encoded() });
}
