//! What is rejected of labels and config, and what is not.

use serde_json::{Value, json};

use crate::digest::Digest;
use crate::evidence::{Document, Export};
use crate::sample::{self, edit_config, edit_input, edit_label};
use crate::trial::{Trials, Wanted};
use crate::view::LIFECYCLE;

pub(super) const BUILD: &str = "io.buildpacks.build.metadata";
const METADATA: &str = "/layers/config/metadata.toml";

pub(super) fn trials() -> Vec<Trials> {
    vec![labels(), stores(), previous(), base(), processes(), config()]
}

pub(super) fn label(name: &'static str, change: impl Fn(&mut Value) + 'static) -> impl Fn(&mut Export) + 'static {
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
