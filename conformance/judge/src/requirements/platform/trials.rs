//! What the theme rejects, and what it must not.

use serde_json::{Value, json};

use crate::digest::Digest;
use crate::evidence::{
    Arrival, Change, ChangedFile, Document, End, Entry, EntryKind, Export, FileKind, RunImageInDaemon,
    ScenarioEvidence, StoreKind, Target,
};
use crate::sample::{self, edit_config, edit_entries, edit_input, edit_label, edit_layers, raw_config};
use crate::trial::{self, Trial, Trials, Wanted};

const LIFECYCLE: &str = "io.buildpacks.lifecycle.metadata";
const BUILD: &str = "io.buildpacks.build.metadata";
const PROJECT: &str = "io.buildpacks.project.metadata";
const METADATA: &str = "/layers/config/metadata.toml";
const PROJECT_FILE: &str = "/layers/project-metadata.toml";
const BEYOND_THE_SCHEMA: &str =
    "authors='a'\n[source]\ntype='git'\ntitle='t'\n[source.metadata]\nname='x'\n[other]\nk=1\n";

pub(super) fn config(change: impl Fn(&mut Value) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| edit_config(export, &change)
}

pub(super) fn set(key: &'static str, value: Value) -> impl Fn(&mut Export) + 'static {
    config(move |config| config["config"][key] = value.clone())
}

fn top(key: &'static str, value: Value) -> impl Fn(&mut Export) + 'static {
    config(move |config| config[key] = value.clone())
}

fn unset(key: &'static str) -> impl Fn(&mut Export) + 'static {
    config(move |config| drop(config["config"].as_object_mut().unwrap().shift_remove(key)))
}

fn label(label: &'static str, change: impl Fn(&mut Value) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| edit_label(export, label, &change)
}

pub(super) fn plain(key: &'static str, value: &'static str) -> impl Fn(&mut Export) + 'static {
    config(move |config| config["config"]["Labels"][key] = json!(value))
}

pub(super) fn unlabelled(key: &'static str) -> impl Fn(&mut Export) + 'static {
    config(move |config| drop(config["config"]["Labels"].as_object_mut().unwrap().shift_remove(key)))
}

fn entries(index: usize, change: impl Fn(&mut Vec<Entry>) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| edit_entries(export, index, &change)
}

fn without(index: usize) -> impl Fn(&mut Export) + 'static {
    move |export| edit_layers(export, |own| drop(own.remove(index)))
}

fn end(end: End) -> impl Fn(&mut Export) + 'static {
    move |export| export.outcome.end = end
}

fn input(path: &'static str, text: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| edit_input(export, path, text)
}

fn changed(path: &'static str, change: Change) -> impl Fn(&mut Export) + 'static {
    move |export| {
        export.changed_files =
            Some(vec![ChangedFile { path: path.to_owned(), kind: FileKind::File, change, aspects: Vec::new() }]);
    }
}

fn other() -> Value {
    json!(Digest::of(b"x"))
}

pub(in super::super) fn trials() -> Vec<Trial> {
    let rows = process().into_iter().chain(base()).chain(layers()).chain([app()]).chain(files()).chain(run());
    trial::all(
        rows.chain(metadata())
            .chain(lifecycle())
            .chain(layers_in_the_label())
            .chain([app_in_the_label()])
            .chain(super::trials_of_extension::trials())
            .chain(more_labels())
            .chain(steps())
            .chain([sboms(), flags(), written(), nothing_left()]),
    )
}

fn process() -> Vec<Trials> {
    let failing = |trials: Trials| {
        trials
            .rejects("exit 1", end(End::Exited(1)))
            .rejects("a signal", end(End::Signalled(9)))
            .rejects("the time limit", end(End::TimedOut(3)))
            .accepts("words on standard error", |e| "warning: x".clone_into(&mut e.outcome.stderr))
    };
    let report = |bytes: &'static [u8]| move |e: &mut Export| e.report = Some(Document::new(bytes.to_vec(), None));
    vec![
        failing(Trials::of("platform.exit-zero"))
            .rejects("exit 1 for root, who can be any owner", |e| {
                end(End::Exited(1))(e);
                e.inputs.run_as = Some(0);
            })
            .spares("exit 1 for a user who cannot be the owner that it is told", |e| {
                end(End::Exited(1))(e);
                e.inputs.run_as = Some(65534);
            })
            .spares("an export that is to fail", |e| e.inputs.expected_failure = Some("errors.no-image".to_owned())),
        Trials::of("platform.empty-slice-accepted")
            .rejects("refused for its slice", refused("ERROR: slice 2 matches no file"))
            .rejects("refused by its pattern", refused("ERROR: glob 'nothing' has no match"))
            .rejects("ended by a signal after it spoke of slices", |e| {
                refused("processing slices")(e);
                e.outcome.end = End::Signalled(9);
            })
            .accepts("a warning", |e| "warning: a slice is empty".clone_into(&mut e.outcome.stderr))
            .follows(
                "refused for another reason",
                "platform.exit-zero",
                refused("ERROR: layer 'x' is cache=true but has no contents"),
            )
            .follows("refused without a word", "platform.exit-zero", refused(""))
            .follows("a path that is called so", "platform.exit-zero", refused("open /tmp/slice/nothing: no such file"))
            .spares("every slice matches", input(METADATA, "[[slices]]\npaths=['main']\n")),
        Trials::of("platform.report-written")
            .rejects("none", |e| e.report = None)
            .rejects("half a report", report(b"[image"))
            .rejects("no UTF-8", report(&[0xff]))
            .rejects("a key twice", |e| sample::edit_report(e, "image-id=", "image-id='x'\nimage-id="))
            .accepts("an empty one", report(b""))
            .accepts("comments and tables more", |e| sample::edit_report(e, "[image]", "# ä\n[build]\n[image]")),
    ]
}

fn base() -> Vec<Trials> {
    let mut kept = Trials::of("platform.base-config-preserved");
    for (key, value) in [
        ("User", json!("root")),
        ("ExposedPorts", json!({})),
        ("ExposedPorts", json!({ "80/tcp": {}, "81/tcp": {} })),
        ("Volumes", json!({ "/other": {} })),
        ("StopSignal", json!(null)),
        ("StopSignal", json!("SIGTERM")),
        ("Env", json!(["PATH=/cnb/process:/usr/bin:/bin"])),
        ("Env", json!(["LANG=c", "PATH=/cnb/process:/usr/bin:/bin"])),
        ("Labels", json!({})),
    ] {
        kept = kept.rejects(format!("{key} {value}"), set(key, value));
    }
    for key in ["User", "ExposedPorts", "Volumes", "StopSignal", "Env"] {
        kept = kept.rejects(format!("no {key}"), unset(key));
    }
    for key in ["os", "architecture", "os.version"] {
        kept = kept
            .rejects(format!("another {key}"), top(key, json!("x")))
            .rejects(format!("no {key}"), top(key, json!(null)));
    }
    kept = kept.on(&[Target::Daemon]).accepts("no os.version in podman, which does not give it", |e| {
        e.daemon.as_mut().unwrap().store = StoreKind::Podman;
        top("os.version", json!(null))(e);
    });
    kept = kept.rejects("another os.version in podman", |e| {
        e.daemon.as_mut().unwrap().store = StoreKind::Podman;
        top("os.version", json!("x"))(e);
    });
    vec![
        Trials::of("platform.base-layers-preserved")
            .rejects("they changed places", config(|c| c["rootfs"]["diff_ids"].as_array_mut().unwrap().swap(0, 1)))
            .rejects("the second is lost", config(|c| drop(c["rootfs"]["diff_ids"].as_array_mut().unwrap().remove(1))))
            .rejects(
                "one of its own first",
                config(|c| c["rootfs"]["diff_ids"].as_array_mut().unwrap().insert(0, other())),
            )
            .rejects("one is recompressed under another diffID", config(|c| c["rootfs"]["diff_ids"][0] = other()))
            .rejects(
                "in capitals",
                config(|c| {
                    c["rootfs"]["diff_ids"][0] = json!(c["rootfs"]["diff_ids"][0].as_str().unwrap().to_uppercase());
                }),
            )
            .rejects("no layer", config(|c| c["rootfs"]["diff_ids"] = json!([])))
            .accepts("none of its own", |e| edit_layers(e, Vec::clear))
            .accepts("another split of its own", |e| edit_layers(e, |own| own.push(sample::layer("more", Vec::new())))),
        kept.rejects("a variant", top("variant", json!("v8")))
            .rejects("a label of the run image is lost", unlabelled("base"))
            .rejects("a label of the run image is altered", plain("base", "sentinel-label-basE"))
            .rejects("no config", |e| raw_config(e, "{", ""))
            .accepts("an empty variant", top("variant", json!("")))
            .accepts("another Cmd", set("Cmd", json!(["x"])))
            .accepts("another time", top("created", json!("1985-04-12T23:20:50Z")))
            .accepts("variables in other order", config(|c| c["config"]["Env"].as_array_mut().unwrap().reverse()))
            .accepts("a variable more", config(|c| c["config"]["Env"].as_array_mut().unwrap().push(json!("CNB_X=1"))))
            .accepts("a label that a buildpack replaced", |e| {
                edit_input(e, METADATA, "[[labels]]\nkey='base'\nvalue='theirs'\n");
                plain("base", "theirs")(e);
            }),
    ]
}

fn layers() -> Vec<Trials> {
    vec![
        Trials::of("platform.launch-layers")
            .rejects("the layer is missing", without(0))
            .rejects("another mode", entries(0, |entries| entries[1].mode = 0o600))
            .rejects("a bit of the folder's mode", entries(0, |entries| entries[0].mode = 0o1755))
            .rejects("other content", entries(0, |entries| entries[1].content = Some(Digest::of(b"x"))))
            .rejects("another kind", entries(0, |entries| entries[1].kind = EntryKind::Symlink))
            .rejects("another path", entries(0, |entries| entries[1].path = "/layers/a_one/runtime/Bin".to_owned()))
            .rejects(
                "a file is hidden by a later layer",
                entries(3, |entries| {
                    let mut hidden = entries[1].clone();
                    hidden.path = "/layers/a_one/runtime/.wh.bin".to_owned();
                    entries.push(hidden);
                }),
            )
            .rejects(
                "a file is replaced in a later layer",
                entries(3, |entries| {
                    let mut other = entries[1].clone();
                    other.path = "/layers/a_one/runtime/bin".to_owned();
                    entries.push(other);
                }),
            )
            .accepts("other owners", entries(0, |entries| entries[1].uid = 0))
            .accepts("another time", entries(0, |entries| entries[1].mtime = 0))
            .accepts("another place among the layers", |e| edit_layers(e, |own| own.swap(0, 5)))
            .accepts(
                "a hard link",
                entries(0, |entries| {
                    let mut link = entries[1].clone();
                    entries[1].path = "/layers/a_one/runtime.original".to_owned();
                    link.kind = EntryKind::HardLink;
                    link.link = Some("layers/a_one/runtime.original".to_owned());
                    link.content = None;
                    entries.push(link);
                }),
            )
            .spares("no launch layer", input("/layers/a_one/runtime.toml", "[types]\nbuild=true\n")),
        Trials::of("platform.no-other-layers")
            .rejects(
                "the compiler is in the image",
                entries(0, |entries| entries[1].path = "/layers/b/tools/compiler".to_owned()),
            )
            .rejects("hidden again by a later layer", |e| {
                edit_entries(e, 0, |entries| entries[1].path = "/layers/b/tools/compiler".to_owned());
                edit_entries(e, 3, |entries| entries[1].path = "/layers/b/tools/.wh.compiler".to_owned());
            })
            .rejects("a cache layer's file", |e| {
                edit_input(e, "/layers/b/tools.toml", "[types]\ncache=true\n");
                edit_entries(e, 6, |entries| entries[0].path = "/layers/b/tools/x/y".to_owned());
            })
            .accepts(
                "the layer's description",
                entries(0, |entries| entries[1].path = "/layers/b/tools.toml".to_owned()),
            )
            .accepts(
                "a neighbour of the folder",
                entries(0, |entries| entries[1].path = "/layers/b/tools2/x".to_owned()),
            )
            .accepts("the bare folder", entries(0, |entries| entries[1].path = "/layers/b/tools".to_owned()))
            .spares("launch layers alone", input("/layers/b/tools.toml", "[types]\nlaunch=true\n")),
    ]
}

fn app() -> Trials {
    let merged = |from: usize, to: usize| {
        move |e: &mut Export| {
            edit_layers(e, |own| {
                let moved = own[from].blob.take().unwrap().entries;
                let mut entries = own[to].blob.take().unwrap().entries;
                entries.extend(moved.iter().skip(1).cloned());
                own[to] = sample::layer("app", entries);
                own.remove(from);
            });
        }
    };
    let empty_folder = |e: &mut Export| {
        let mut folder = e.inputs.file("/layers/a_one/runtime").unwrap().clone();
        "/workspace/empty".clone_into(&mut folder.path);
        e.inputs.files.push(folder);
    };
    Trials::of("platform.app-files-once")
        .rejects("an empty folder is missing", empty_folder)
        .accepts("an empty folder", move |e| {
            empty_folder(e);
            edit_entries(e, 3, |entries| {
                let mut folder = entries[0].clone();
                "/workspace/empty".clone_into(&mut folder.path);
                entries.push(folder);
            });
        })
        .rejects("a folder of a mode of its own is missing", |e| {
            let mut folder = e.inputs.file("/layers/a_one/runtime").unwrap().clone();
            "/workspace/static".clone_into(&mut folder.path);
            folder.mode = 0o1777;
            e.inputs.files.push(folder);
        })
        .accepts("a folder of the usual mode is missing", |e| {
            let mut folder = e.inputs.file("/layers/a_one/runtime").unwrap().clone();
            "/workspace/static".clone_into(&mut folder.path);
            e.inputs.files.push(folder);
        })
        .rejects("a file is missing", entries(3, |entries| drop(entries.pop())))
        .rejects("the slice comes last", |e| edit_layers(e, |own| own.swap(2, 3)))
        .rejects("the slice is in no layer of its own", merged(2, 3))
        .rejects("the rest is in the slice's layer", merged(3, 2))
        .rejects("a file is in two layers", |e| {
            edit_layers(e, |own| {
                let twice = own[2].blob.as_ref().unwrap().entries[1].clone();
                let mut entries = own[3].blob.take().unwrap().entries;
                entries.push(twice);
                own[3] = sample::layer("app", entries);
            });
        })
        .spares("a sparse file that was not read", entries(3, |entries| entries[1].content = None))
        .rejects(
            "a sparse file that was not read, of another size",
            entries(3, |entries| (entries[1].content, entries[1].size) = (None, 1 << 40)),
        )
        .rejects("a later layer hides a file", |e| hide(e, "/workspace/.wh.main"))
        .rejects("a later layer hides the folder of a file", |e| hide(e, "/workspace/.wh.static"))
        .rejects("a later layer hides all of the app", |e| hide(e, "/workspace/.wh..wh..opq"))
        .accepts("a later layer hides what is not there", |e| hide(e, "/workspace/.wh.other"))
        .rejects("another mode", entries(3, |entries| entries[1].mode = 0o755))
        .rejects("other content", entries(3, |entries| entries[1].content = Some(Digest::of(b""))))
        .rejects(
            "another kind",
            entries(3, |entries| {
                entries[1].kind = EntryKind::Symlink;
                entries[1].link = Some("x".to_owned());
            }),
        )
        .rejects("another path", entries(3, |entries| entries[1].path = "/workspace/Main".to_owned()))
        .accepts("other owners", entries(3, |entries| entries[1].uid = 0))
        .accepts("the rest in two layers", |e| {
            edit_layers(e, |own| own.insert(4, sample::layer("rest", Vec::new())));
        })
        .accepts(
            "a file that is none of the app's",
            entries(3, |entries| {
                let mut more = entries[1].clone();
                more.path = "/elsewhere".to_owned();
                entries.push(more);
            }),
        )
}

fn linked(path: &str, to: &str, like: &Entry) -> Entry {
    Entry { path: path.to_owned(), kind: EntryKind::HardLink, link: Some(to.to_owned()), content: None, ..like.clone() }
}

fn files() -> Vec<Trials> {
    let hard = |entries: &mut Vec<Entry>| {
        let mut link = entries[1].clone();
        entries[1].path = "/cnb/original".to_owned();
        link.kind = EntryKind::HardLink;
        link.link = Some("cnb/original".to_owned());
        link.content = None;
        entries.push(link);
    };
    vec![
        Trials::of("platform.launcher-layer")
            .rejects("no launcher", without(4))
            .rejects("other bytes", entries(4, |entries| entries[1].content = Some(Digest::of(b""))))
            .rejects("another path", entries(4, |entries| entries[1].path = "/cnb/launcher".to_owned()))
            .rejects("a link", entries(4, |entries| entries[1].kind = EntryKind::Symlink))
            .accepts("a hard link", entries(4, hard))
            .accepts(
                "a hard link to a hard link",
                entries(4, |entries| {
                    entries[1].path = "/cnb/original".to_owned();
                    let like = entries[1].clone();
                    entries.push(linked("/cnb/between", "./cnb/original", &like));
                    entries.push(linked("/cnb/lifecycle/launcher", "/cnb/between", &like));
                }),
            )
            .rejects(
                "hard links in a circle",
                entries(4, |entries| {
                    let like = entries.pop().unwrap();
                    entries.push(linked("/cnb/between", "cnb/lifecycle/launcher", &like));
                    entries.push(linked("/cnb/lifecycle/launcher", "cnb/between", &like));
                }),
            )
            .accepts("another mode", entries(4, |entries| entries[1].mode = 0o555))
            .spares("none is given", |e| e.inputs.files.retain(|file| file.path != "/cnb/lifecycle/launcher")),
        Trials::of("platform.process-symlinks")
            .rejects("none", without(6))
            .rejects("to another file", entries(6, |entries| entries[0].link = Some("/cnb/lifecycle/other".to_owned())))
            .rejects("a relative one", entries(6, |entries| entries[0].link = Some("../lifecycle/launcher".to_owned())))
            .rejects("a hard link", entries(6, |entries| entries[0].kind = EntryKind::HardLink))
            .rejects("another type's", entries(6, |entries| entries[0].path = "/cnb/process/Web".to_owned()))
            .accepts(
                "one more",
                entries(6, |entries| {
                    let mut more = entries[0].clone();
                    more.path = "/cnb/process/worker".to_owned();
                    entries.push(more);
                }),
            )
            .spares("no process", input(METADATA, "")),
        Trials::of("platform.config-layer")
            .rejects("none", without(5))
            .rejects("another path", entries(5, |entries| entries[0].path = "/layers/config/Metadata.toml".to_owned()))
            .rejects("a folder", entries(5, |entries| entries[0].kind = EntryKind::Directory))
            .rejects(
                "hidden by a later layer",
                entries(6, |entries| {
                    let mut hidden = entries[0].clone();
                    hidden.path = "/layers/config/.wh.metadata.toml".to_owned();
                    entries.push(hidden);
                }),
            )
            .accepts("written anew", entries(5, |entries| entries[0].content = Some(Digest::of(b"x")))),
        Trials::of("platform.build-sbom-on-disk")
            .rejects("it is gone", |e| e.build_sboms.clear())
            .rejects("other bytes", |e| e.build_sboms[0].content = Some(Digest::of(b"")))
            .rejects("no bytes", |e| e.build_sboms[0].content = None)
            .rejects("it was moved", |e| e.build_sboms[0].path.push('x'))
            .accepts("one more", |e| {
                let mut more = e.build_sboms[0].clone();
                more.path.push('x');
                e.build_sboms.push(more);
            })
            .accepts("another mode", |e| e.build_sboms[0].mode = 0o600)
            .spares("none given", |e| e.inputs.files.retain(|file| !file.path.contains("sbom/build"))),
    ]
}

fn env(path: &str) -> Value {
    json!(["LANG=C", "CNB_LAYERS_DIR=/layers", "CNB_APP_DIR=/workspace", format!("PATH={path}")])
}

fn run() -> Vec<Trials> {
    let mut entrypoint = Trials::of("platform.entrypoint");
    for bad in [
        json!(["/cnb/lifecycle/launcher"]),
        json!(["/cnb/process/web", "x"]),
        json!("/cnb/process/web"),
        json!(null),
        json!([]),
        json!(["/cnb/process/Web"]),
        json!(["web"]),
        json!([["/cnb/process/web"]]),
    ] {
        entrypoint = entrypoint.rejects(bad.to_string(), set("Entrypoint", bad));
    }
    let worker = "[[processes]]\ntype='web'\ncommand=['x']\n[[processes]]\ntype='worker'\ncommand=['x']\n";
    let (mut needed, mut exact) = (Trials::of("platform.env"), Trials::of("platform.env-exact"));
    for bad in [
        "/usr/bin:/bin",
        "/cnb/process:/bin",
        "/cnb/processes:/usr/bin:/bin",
        "/usr/bin:/bin:/cnb/process",
        "/cnb/process",
        "",
        "/cnb/process:/usr/bin",
        "/cnb/process/:/usr/bin:/bin",
        "/CNB/process:/usr/bin:/bin",
    ] {
        needed = needed.rejects(format!("PATH={bad}"), set("Env", env(bad)));
        exact = exact.rejects(format!("PATH={bad}"), set("Env", env(bad)));
    }
    let between = || set("Env", env("/cnb/process:/cnb/lifecycle:/usr/bin:/bin"));
    let doubled = config(|c| c["config"]["Env"].as_array_mut().unwrap().insert(0, json!("PATH=/other")));
    vec![
        entrypoint
            .rejects("none", unset("Entrypoint"))
            .accepts("another Cmd", set("Cmd", json!(["x"])))
            .accepts("the launcher without a default process", |e| {
                edit_input(e, METADATA, "");
                set("Entrypoint", json!(["/cnb/lifecycle/launcher"]))(e);
            })
            .accepts("the given process", move |e| {
                edit_input(e, METADATA, worker);
                e.inputs.process_type = Some("worker".to_owned());
                set("Entrypoint", json!(["/cnb/process/worker"]))(e);
            })
            .spares("an unknown process", |e| e.inputs.process_type = Some("x".to_owned())),
        needed
            .rejects("no CNB_APP_DIR", config(|c| drop(c["config"]["Env"].as_array_mut().unwrap().remove(2))))
            .rejects("no CNB_LAYERS_DIR", config(|c| drop(c["config"]["Env"].as_array_mut().unwrap().remove(1))))
            .rejects(
                "the folders swapped",
                set(
                    "Env",
                    json!(["CNB_LAYERS_DIR=/workspace", "CNB_APP_DIR=/layers", "PATH=/cnb/process:/usr/bin:/bin"]),
                ),
            )
            .rejects("no variables", unset("Env"))
            .accepts("a folder between", between())
            .accepts("in other order", config(|c| c["config"]["Env"].as_array_mut().unwrap().reverse()))
            .accepts("another PATH before it", doubled),
        exact
            .rejects("a folder between", between())
            .rejects("no variables", unset("Env"))
            .accepts("in other order", config(|c| c["config"]["Env"].as_array_mut().unwrap().reverse()))
            .accepts("a run image without PATH", |e| {
                let text = e.run_image.config.text().unwrap().replace("\"PATH=/usr/bin:/bin\",", "");
                e.run_image.config = Document::new(text.into_bytes(), None);
                set("Env", env("/cnb/process"))(e);
            }),
        Trials::of("platform.working-dir")
            .rejects("the root", set("WorkingDir", json!("/")))
            .rejects("a slash after it", set("WorkingDir", json!("/workspace/")))
            .rejects("empty", set("WorkingDir", json!("")))
            .rejects("none", unset("WorkingDir"))
            .accepts("another <app>", |e| {
                "/app".clone_into(&mut e.inputs.app);
                set("WorkingDir", json!("/app"))(e);
            }),
    ]
}

fn metadata() -> Vec<Trials> {
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
            .rejects("no JSON", plain(PROJECT, "{"))
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
            .rejects("an argument that is no text", label(BUILD, |l| l["processes"][0]["args"] = json!(["-v", null])))
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
            .rejects("no JSON", plain(BUILD, "x"))
            .accepts("extensions", label(BUILD, |l| l["extensions"] = json!([])))
            .accepts("a buildpack's homepage", label(BUILD, |l| l["buildpacks"][0]["homepage"] = json!("https://x.example")))
            .accepts("a command as string", label(BUILD, |l| l["processes"][0]["command"] = json!("serve")))
            .accepts("buildpacks in other order", label(BUILD, |l| l["buildpacks"].as_array_mut().unwrap().reverse())),
    ]
}

fn lifecycle() -> Vec<Trials> {
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
            .rejects("a mirror that is no text", run("mirrors", json!(["mirror.example/run:base", 5])))
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
            .spares("no stack", label(LIFECYCLE, |l| drop(l.as_object_mut().unwrap().remove("stack")))),
    ]
}

/// Which layers are listed as the app's.
fn app_in_the_label() -> Trials {
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

fn layers_in_the_label() -> Vec<Trials> {
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
            .spares("no store", |e| e.inputs.files.retain(|file| !file.path.ends_with("store.toml"))),
    ]
}

fn more_labels() -> Vec<Trials> {
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
            .spares("none contributed", input(METADATA, "")),
    ]
}

/// Two exports on each target, of which the second re-uses the launch layer.
pub(super) fn reusing() -> ScenarioEvidence {
    let mut evidence = sample::repeated();
    for export in evidence.exports.iter_mut().filter(|export| export.step == 2) {
        export.inputs.files.retain(|file| !file.path.starts_with("/layers/a_one/runtime") || file.text.is_some());
    }
    evidence
}

/// Where SBOMs for launch are.
fn sboms() -> Trials {
    Trials::of("platform.sbom-paths")
        .rejects("one that nobody may read", entries(1, |entries| entries[0].mode = 0))
        .rejects("none", without(1))
        .rejects("the launcher's is lost", entries(1, |entries| drop(entries.pop())))
        .rejects("the buildpack's is lost", entries(1, |entries| drop(entries.remove(0))))
        .rejects(
            "the two changed places",
            entries(1, |entries| {
                let content = entries[0].content.clone();
                entries[0].content = entries[1].content.clone();
                entries[1].content = content;
            }),
        )
        .rejects(
            "another path",
            entries(1, |entries| entries[0].path = "/layers/sbom/launch/a_one/SBOM.cdx.json".to_owned()),
        )
        .accepts(
            "one more",
            entries(1, |entries| {
                let mut more = entries[0].clone();
                more.path = "/layers/sbom/launch/sbom.legacy.json".to_owned();
                entries.push(more);
            }),
        )
        .rejects(
            "the launcher's has another name",
            entries(1, |entries| launcher_sbom(entries, "launcher.sbom.cdx.json")),
        )
        .spares("none given", |e| e.inputs.files.retain(|file| !file.path.contains("sbom")))
        .from(in_another_folder)
        .accepts("the name of the folder", entries(1, |entries| launcher_sbom(entries, "launcher.sbom.cdx.json")))
        .accepts("any name", entries(1, |entries| launcher_sbom(entries, "x.y.sbom.cdx.json")))
        .rejects("a name of another format", entries(1, |entries| launcher_sbom(entries, "launcher.sbom.spdx.json")))
        .rejects("a name that is not an SBOM's", entries(1, |entries| launcher_sbom(entries, "launcher.cdx.json")))
        .rejects("a folder further down", entries(1, |entries| launcher_sbom(entries, "x/sbom.cdx.json")))
        .rejects("another folder's is lost", entries(1, |entries| drop(entries.pop())))
        .rejects(
            "another folder's of other bytes",
            entries(1, |entries| {
                launcher_sbom(entries, "launcher.sbom.cdx.json");
                entries[1].content = Some(Digest::of(b"x"));
            }),
        )
}

/// What follows from a flag, and what does not.
fn flags() -> Trials {
    let other_layers = json!(["CNB_LAYERS_DIR=/other", "CNB_APP_DIR=/workspace", "PATH=/cnb/process:/usr/bin:/bin"]);
    Trials::of("platform.flags-over-env")
        .from(contradicted)
        .rejects("the variable's <app>", set("WorkingDir", json!("/elsewhere")))
        .rejects("the variable's <layers>", set("Env", other_layers))
        .rejects("the variable's <report>", |e| e.report = None)
        .rejects("the variable's <group>", label(BUILD, |l| l["buildpacks"] = json!([])))
        .rejects("the variable's <project-metadata>", label(PROJECT, |l| *l = json!({})))
        .rejects(
            "the variable's <run>",
            label(LIFECYCLE, |l| {
                l["runImage"]["image"] = json!("host.example/other:base");
            }),
        )
        .accepts("a PATH that is wrong for another reason", |e| {
            edit_config(e, |c| c["config"]["Env"] = json!(["CNB_LAYERS_DIR=/layers", "CNB_APP_DIR=/workspace"]));
        })
        .accepts(
            "a reference that is wrong for another reason",
            label(LIFECYCLE, |l| {
                l["runImage"]["reference"] = json!("x");
                l["runImage"]["topLayer"] = json!("x");
            }),
        )
        .accepts("processes that are wrong for another reason", label(BUILD, |l| l["processes"] = json!([])))
        .accepts(
            "project metadata that are wrong for another reason",
            label(PROJECT, |l| {
                l["source"]["version"] = json!({});
            }),
        )
        .accepts("a report that is wrong for another reason", |e| {
            e.report = Some(Document::new(b"[image".to_vec(), None));
        })
        .accepts("a flag with two dashes", |e| "--app".clone_into(&mut e.inputs.argv[1]))
        .spares("variables that say the same", |e| {
            for (name, value) in [
                ("CNB_APP_DIR", "/workspace"),
                ("CNB_LAYERS_DIR", "/layers"),
                ("CNB_REPORT_PATH", "/report/report.toml"),
                ("CNB_GROUP_PATH", "/layers/group.toml"),
                ("CNB_PROJECT_METADATA_PATH", PROJECT_FILE),
                ("CNB_RUN_PATH", "/cnb/run.toml"),
            ] {
                e.inputs.environment.insert(name.to_owned(), value.to_owned());
            }
        })
}

/// What an export may leave on disk.
fn written() -> Trials {
    Trials::of("platform.nothing-else-written")
        .rejects("a file more in <app>", changed("/workspace/left", Change::Added))
        .rejects("a layout in <app>", changed("/workspace/app.example/app:1/index.json", Change::Added))
        .rejects("a file more in <layers>", changed("/layers/left.toml", Change::Added))
        .rejects("an SBOM of no buildpack", changed("/layers/sbom/launch/invented/sbom.cdx.json", Change::Added))
        .rejects("a folder whose name begins like that of an output", changed("/layers/sbom-old", Change::Added))
        .rejects("the working folder", changed("/elsewhere/left", Change::Added))
        .rejects("the app is where scratch files go", |e| {
            e.inputs.environment.insert("TMPDIR".to_owned(), "/workspace".to_owned());
            changed("/workspace/left", Change::Added)(e);
        })
        .accepts("a file is another, which inputs.untouched asks", changed("/workspace/main", Change::Altered))
        .accepts("an SBOM", changed("/layers/sbom/build/buildpacksio_lifecycle/sbom.cdx.json", Change::Added))
        .accepts("the report", changed("/report/report.toml", Change::Added))
        .accepts("the report's folder", changed("/report", Change::Added))
        .accepts("a report in <layers>", |e| {
            "/layers/report.toml".clone_into(&mut e.inputs.report);
            changed("/layers/report.toml", Change::Added)(e);
        })
        .accepts("a cache in <layers>", |e| {
            e.inputs.argv.splice(1..1, ["-cache-dir".to_owned(), "/layers/cache".to_owned()]);
            changed("/layers/cache/committed/x", Change::Added)(e);
        })
        .accepts("a launch cache that a variable names", |e| {
            e.inputs.environment.insert("CNB_LAUNCH_CACHE_DIR".to_owned(), "/elsewhere/launch".to_owned());
            changed("/elsewhere/launch/x", Change::Added)(e);
        })
        .accepts("scratch files", |e| {
            e.inputs.environment.insert("TMPDIR".to_owned(), "/elsewhere/tmp".to_owned());
            changed("/elsewhere/tmp/x", Change::Added)(e);
        })
        .spares("it was not observed", |e| e.changed_files = None)
}

fn nothing_left() -> Trials {
    let left = |path: &'static str, kind: FileKind| {
        move |export: &mut Export| {
            export.outcome.left =
                Some(vec![ChangedFile { path: path.to_owned(), kind, change: Change::Added, aspects: Vec::new() }]);
        }
    };
    Trials::of("platform.nothing-left")
        .rejects("a file in /tmp", left("/tmp/left", FileKind::File))
        .rejects("a socket in /var/tmp", left("/var/tmp/s", FileKind::Other))
        .rejects("an empty folder", left("/dev/shm/x", FileKind::Directory))
        .accepts("in TMPDIR", move |e| {
            e.inputs.environment.insert("TMPDIR".to_owned(), "/tmp/own".to_owned());
            left("/tmp/own/x", FileKind::File)(e);
        })
        .accepts("in HOME", move |e| {
            e.inputs.environment.insert("HOME".to_owned(), "/tmp/home".to_owned());
            left("/tmp/home/.cache", FileKind::Directory)(e);
        })
        .spares("it had no folders of its own", |e| e.outcome.left = None)
}

/// The launcher's SBOM under another name.
fn launcher_sbom(entries: &mut [Entry], name: &str) {
    entries[1].path = format!("/layers/sbom/launch/buildpacksio_lifecycle/launcher/{name}");
}

/// The launcher's SBOM comes of a `<launcher-sbom>` that is not the lifecycle's usual folder.
fn in_another_folder() -> ScenarioEvidence {
    let mut evidence = sample::scenario();
    for export in &mut evidence.exports {
        "/build/sboms".clone_into(&mut export.inputs.launcher_sbom);
        let of_it =
            export.inputs.files.iter_mut().filter(|file| file.path.starts_with("/cnb/lifecycle/launcher.sbom."));
        of_it.for_each(|file| file.path = file.path.replace("/cnb/lifecycle", "/build/sboms"));
        export.inputs.files.sort_by(|a, b| a.path.cmp(&b.path));
    }
    evidence
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

fn refused(said: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| {
        export.outcome.end = End::Exited(1);
        said.clone_into(&mut export.outcome.stderr);
    }
}

/// Flags that say what is true, and variables that say something else.
pub(super) fn contradicted() -> ScenarioEvidence {
    let mut evidence = sample::scenario();
    for export in &mut evidence.exports {
        let flags = ["-app", "/workspace", "--layers=/layers", "-report", "/report/report.toml"];
        let files = ["-group=/layers/group.toml", "-project-metadata", PROJECT_FILE, "-run=/cnb/run.toml"];
        export.inputs.argv.splice(1..1, flags.into_iter().chain(files).map(str::to_owned));
        for (name, value) in [
            ("CNB_APP_DIR", "/elsewhere"),
            ("CNB_LAYERS_DIR", "/other"),
            ("CNB_REPORT_PATH", "/other/report.toml"),
            ("CNB_GROUP_PATH", "/other/group.toml"),
            ("CNB_PROJECT_METADATA_PATH", "/other/project-metadata.toml"),
            ("CNB_RUN_PATH", "/other/run.toml"),
        ] {
            export.inputs.environment.insert(name.to_owned(), value.to_owned());
        }
    }
    evidence
}

fn checked_first() -> ScenarioEvidence {
    let mut evidence = sample::refused("platform.api-checked-first", "999.0 is not supported");
    evidence.exports.iter_mut().for_each(|export| export.outcome.end = End::Exited(11));
    sample::add_controls(&mut evidence);
    evidence
}

fn steps() -> Vec<Trials> {
    let runtime = |key: &'static str, value: Value| {
        label(LIFECYCLE, move |l| l["buildpacks"][0]["layers"]["runtime"][key] = value.clone())
    };
    vec![
        Trials::of("platform.layer-reuse")
            .from(reusing)
            .step(2)
            .rejects("another layer", runtime("sha", other()))
            .rejects(
                "another layer of the image",
                label(LIFECYCLE, |l| {
                    l["buildpacks"][0]["layers"]["runtime"]["sha"] = l["app"][0]["sha"].clone();
                }),
            )
            .rejects("no entry", label(LIFECYCLE, |l| l["buildpacks"][0]["layers"] = json!({})))
            .rejects("the layer is not in the image", without(0))
            .rejects("the old metadata", runtime("data", json!({ "v": "0" })))
            .rejects("the old types", runtime("cache", json!(false)))
            .accepts("another app layer", |e| edit_layers(e, |own| own.insert(4, sample::layer("more", Vec::new()))))
            .accepts("another place among the layers", |e| edit_layers(e, |own| own.swap(0, 1)))
            .spares("not for launch", input("/layers/a_one/runtime.toml", "[types]\nbuild=true\n"))
            .whole("a refused export between", Wanted::Held, |evidence, target| {
                let mut between = sample::step(evidence, target, 1).clone();
                between.inputs.expected_failure = Some("errors.missing-analyzed".to_owned());
                between.outcome.end = End::Exited(1);
                between.image = None;
                let place = evidence.exports.iter().position(|e| e.target == target && e.step == 2).unwrap();
                evidence.exports.insert(place, between);
            }),
        Trials::of("platform.api-checked-first")
            .from(checked_first)
            .rejects("exit 0", end(End::Exited(0)))
            .rejects("exit 1", end(End::Exited(1)))
            .rejects("exit 12", end(End::Exited(12)))
            .rejects("signal 11", end(End::Signalled(11)))
            .rejects("the time limit of 11 s", end(End::TimedOut(11)))
            .rejects("a tag is there", |e| e.tags[0].digest = Some("sha256:0".to_owned()))
            .accepts("another message", |e| "x".clone_into(&mut e.outcome.stderr))
            .spares("another reason", |e| e.inputs.expected_failure = Some("errors.no-image".to_owned())),
    ]
}

/// A last layer that holds a whiteout.
fn hide(export: &mut Export, whiteout: &'static str) {
    edit_layers(export, |own| {
        let mut entry = own[3].blob.as_ref().unwrap().entries[1].clone();
        whiteout.clone_into(&mut entry.path);
        own.push(sample::layer("whiteouts", vec![entry]));
    });
}
