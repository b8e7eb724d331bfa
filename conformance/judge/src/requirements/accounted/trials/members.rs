//! What is rejected of members that are there twice, of open modes, and of variables.

use serde_json::json;

use super::super::layers::LAUNCHER;
use crate::evidence::{Document, Export, Target};
use crate::sample::{edit_config, edit_entries, edit_label, raw_config, raw_manifest};
use crate::trial::Trials;

/// Places of the sample's own layers.
const APP: usize = 3;
const LAUNCHER_LAYER: usize = 4;
const CONFIG: usize = 5;

pub(super) fn trials() -> Vec<Trials> {
    vec![readings(), modes(), variables()]
}

fn twice(from: &'static str, to: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| raw_config(export, from, to)
}

fn readings() -> Trials {
    Trials::of("config.one-reading")
        .rejects("config twice", twice("\"config\":{", "\"config\":{},\"config\":{"))
        .rejects("config and Config", twice("\"config\":{", "\"Config\":{},\"config\":{"))
        .rejects("Entrypoint and entrypoint", |e| {
            edit_config(e, |config| config["config"]["entrypoint"] = json!(["/evil"]));
        })
        .rejects("RootFS after rootfs", |e| edit_config(e, |config| config["RootFS"] = json!({})))
        .rejects("a member of a history entry twice", |e| {
            edit_config(e, |config| {
                config["history"][2]["comment"] = json!("one");
                config["history"][2]["Comment"] = json!("two");
            });
        })
        .rejects("a member of a label's JSON in two spellings", |e| {
            edit_label(e, "io.buildpacks.lifecycle.metadata", |label| label["RunImage"] = json!({}));
        })
        .rejects("a member of an item in a label's JSON", |e| {
            edit_label(e, "io.buildpacks.build.metadata", |label| label["buildpacks"][0]["ID"] = json!("x"));
        })
        .rejects("a member of a layer in a label's JSON", |e| {
            edit_label(e, "io.buildpacks.lifecycle.metadata", |label| {
                label["buildpacks"][0]["layers"]["runtime"]["Sha"] = json!("x");
            });
        })
        .accepts("two layers of a buildpack whose names differ in case", |e| {
            edit_label(e, "io.buildpacks.lifecycle.metadata", |label| {
                label["buildpacks"][0]["layers"]["Runtime"] = label["buildpacks"][0]["layers"]["runtime"].clone();
            });
        })
        .accepts("labels that differ in case", |e| {
            edit_config(e, |config| {
                config["config"]["Labels"]["x.one"] = json!("1");
                config["config"]["Labels"]["X.one"] = json!("2");
            });
        })
        .accepts("ports and volumes that differ in case", |e| {
            edit_config(e, |config| config["config"]["Volumes"] = json!({ "/a": {}, "/A": {} }));
        })
        .accepts("the run image has it", |e| {
            let text = e.run_image.config.text().unwrap().replacen("\"config\":{", "\"Config\":{},\"config\":{", 1);
            e.run_image.config = Document::new(text.into_bytes(), None);
            twice("\"config\":{", "\"Config\":{},\"config\":{")(e);
        })
        .on(&[Target::Registry, Target::Layout])
        .rejects("layers and Layers", |e| raw_manifest(e, "\"layers\":[", "\"Layers\":[],\"layers\":["))
        .rejects("digest of a descriptor twice", |e| {
            raw_manifest(e, "\"digest\":", "\"Digest\":\"sha256:0\",\"digest\":");
        })
        .accepts("annotations that differ in case", |e| {
            raw_manifest(e, "\"annotations\":{", "\"annotations\":{\"com.x.a\":\"1\",\"com.x.A\":\"2\",");
        })
        .on(&[Target::Layout])
        .rejects("two versions of a layout", |e| {
            let text = r#"{"imageLayoutVersion":"2.0.0","imageLayoutVersion":"1.0.0"}"#;
            e.layout.as_mut().unwrap().roots[0].oci_layout = Some(Document::new(text.as_bytes().to_vec(), None));
        })
        .rejects("two spellings of a member of index.json", |e| {
            let index = &mut e.layout.as_mut().unwrap().roots[0].index;
            let text = index.as_ref().and_then(Document::text).unwrap();
            let text = text.replacen("\"manifests\":[", "\"Manifests\":[],\"manifests\":[", 1);
            *index = Some(Document::new(text.into_bytes(), None));
        })
}

/// Another mode for an entry of a layer.
fn moded(index: usize, path: &'static str, mode: u32) -> impl Fn(&mut Export) + 'static {
    move |export| {
        edit_entries(export, index, |entries| {
            entries.iter_mut().filter(|entry| entry.path == path).for_each(|entry| entry.mode = mode);
        });
    }
}

/// As on disk.
fn given(export: &mut Export, path: &str, mode: u32) {
    for file in export.inputs.files.iter_mut().filter(|file| file.path == path) {
        file.mode = mode;
    }
}

fn modes() -> Trials {
    let metadata = "/layers/config/metadata.toml";
    Trials::of("layer.modes-closed")
        .rejects("everyone may write /cnb", moded(LAUNCHER_LAYER, "/cnb", 0o777))
        .rejects("everyone may write the launcher", moded(LAUNCHER_LAYER, LAUNCHER, 0o757))
        .rejects("the launcher is set-user-ID", moded(LAUNCHER_LAYER, LAUNCHER, 0o4755))
        .rejects("the launcher is set-group-ID", moded(LAUNCHER_LAYER, LAUNCHER, 0o2755))
        .rejects("everyone may write the metadata", moded(CONFIG, metadata, 0o666))
        .rejects("everyone may write the app", moded(APP, "/workspace", 0o777))
        .accepts("a group may write", moded(LAUNCHER_LAYER, "/cnb", 0o775))
        .accepts("a sticky folder", moded(LAUNCHER_LAYER, "/cnb", 0o1777))
        .accepts("a folder that hands on its group", moded(LAUNCHER_LAYER, "/cnb", 0o2755))
        .accepts("the launcher is so on disk", |e| {
            let launcher = e.inputs.launcher.clone();
            given(e, &launcher, 0o4755);
            moded(LAUNCHER_LAYER, LAUNCHER, 0o4755)(e);
        })
        .accepts("the metadata is so on disk", move |e| {
            given(e, metadata, 0o666);
            moded(CONFIG, metadata, 0o666)(e);
        })
}

fn variables() -> Trials {
    let with = |entry: &'static str| {
        move |export: &mut Export| {
            edit_config(export, |config| config["config"]["Env"].as_array_mut().unwrap().push(json!(entry)));
        }
    };
    let and_base = move |entry: &'static str| {
        move |export: &mut Export| {
            let mut run: serde_json::Value = serde_json::from_slice(&export.run_image.config.bytes).unwrap();
            run["config"]["Env"].as_array_mut().unwrap().push(json!(entry));
            export.run_image.config = Document::new(run.to_string().into_bytes(), None);
            with(entry)(export);
        }
    };
    Trials::of("config.nothing-else")
        .rejects("a library that every program loads", with("LD_PRELOAD=/tmp/x.so"))
        .rejects("what every shell runs first", with("BASH_ENV=/tmp/x"))
        .rejects("options of every virtual machine", with("JAVA_TOOL_OPTIONS=-javaagent:/tmp/x.jar"))
        .rejects("the proxy of the build", with("http_proxy=http://proxy.example:3128"))
        .rejects("a Platform API that the exporter was not told", with("CNB_PLATFORM_API=99.9"))
        .rejects("a process type", with("CNB_PROCESS_TYPE=other"))
        .rejects("another execution environment", with("CNB_EXEC_ENV=test"))
        .accepts("the Platform API that the exporter was told", with("CNB_PLATFORM_API=0.15"))
        .accepts("the execution environment of every build", with("CNB_EXEC_ENV=production"))
        .accepts("the execution environment that the exporter was told", move |e| {
            e.inputs.environment.insert("CNB_EXEC_ENV".to_owned(), "test".to_owned());
            with("CNB_EXEC_ENV=test")(e);
        })
        .accepts("how deprecated versions are told", with("CNB_DEPRECATION_MODE=quiet"))
        .rejects("a second value of a variable", with("CNB_APP_DIR=/elsewhere"))
        .accepts("another variable", with("EXAMPLE=1"))
        .accepts("more variables than can be compared with each other", |e| {
            edit_config(e, |config| {
                let more = (0..50_000).map(|number| json!(format!("EXAMPLE_{number}=1")));
                config["config"]["Env"].as_array_mut().unwrap().extend(more);
            });
        })
        .accepts("a variable twice with one value", |e| {
            edit_config(e, |config| {
                let env = config["config"]["Env"].as_array_mut().unwrap();
                env.push(env[0].clone());
            });
        })
        .accepts("the run image's library", and_base("LD_PRELOAD=/usr/lib/x.so"))
}
