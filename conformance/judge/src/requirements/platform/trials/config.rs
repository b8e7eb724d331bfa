//! Trials of the config: what stays of the run image's, and what starts the app.

use serde_json::{Value, json};

use super::edits::{METADATA, config, other, plain, set, top, unlabelled, unset};
use crate::evidence::{Document, StoreKind, Target};
use crate::sample::{self, edit_input, edit_layers, raw_config};
use crate::trial::Trials;

pub(super) fn base() -> Vec<Trials> {
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

fn env(path: &str) -> Value {
    json!(["LANG=C", "CNB_LAYERS_DIR=/layers", "CNB_APP_DIR=/workspace", format!("PATH={path}")])
}

pub(super) fn run() -> Vec<Trials> {
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
            .ignores("an unknown process", |e| e.inputs.process_type = Some("x".to_owned())),
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
            .rejects("a slash after another folder", |e| {
                e.inputs.argv.insert(1, "-app=/workspace/".to_owned());
                set("WorkingDir", json!("/other/"))(e);
            })
            .accepts("a slash after it, as it was given", |e| {
                e.inputs.argv.extend(["-app", "/workspace/"].map(str::to_owned));
                set("WorkingDir", json!("/workspace/"))(e);
            })
            .accepts("another <app>", |e| {
                "/app".clone_into(&mut e.inputs.app);
                set("WorkingDir", json!("/app"))(e);
            }),
    ]
}
