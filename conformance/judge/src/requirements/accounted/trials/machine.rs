//! What of the machine and its user must be noticed, and what must not.

use serde_json::json;

use super::labels::plain;
use crate::evidence::{Export, Target};
use crate::sample::{STARTED, annotate, edit_config, edit_input};
use crate::trial::Trials;

pub(super) fn machine() -> Trials {
    let history = |text: &'static str| {
        move |export: &mut Export| edit_config(export, |config| config["history"][2]["comment"] = json!(text))
    };
    let variable = |name: &'static str, value: &'static str| {
        move |export: &mut Export| {
            export.inputs.environment.insert(name.to_owned(), value.to_owned());
        }
    };
    let env = |export: &mut Export, text: &str| {
        edit_config(export, |config| config["config"]["Env"].as_array_mut().unwrap().push(json!(text)));
    };
    Trials::of("image.no-machine")
        .rejects("a label of the host", plain("x", "worker-17"))
        .rejects("a label with the host", plain("x", "made on worker-17."))
        .rejects("a label whose name is the host's", plain("worker-17", "x"))
        .rejects("the kernel in the history", history("Linux 6.1.0-18-amd64"))
        .rejects("the user in a label", plain("x", "builder"))
        .rejects("the user as author", |e| edit_config(e, |config| config["author"] = json!("builder")))
        .rejects("the machine's PATH", move |e| {
            variable("PATH", "/root/.cargo/bin:/usr/bin")(e);
            env(e, "CNB_PATH=/root/.cargo/bin:/usr/bin");
        })
        .rejects("the user's HOME", move |e| {
            variable("HOME", "/home/builder")(e);
            plain("x", "/home/builder/.cache")(e);
        })
        .rejects("the folder of the build in a label", |e| {
            "/srv/job/layers".clone_into(&mut e.inputs.layers);
            plain("x", "/srv/job/workspace")(e);
        })
        .rejects("the folder of the build in the history", move |e| {
            "/srv/job/layers".clone_into(&mut e.inputs.layers);
            history("from /srv/job")(e);
        })
        .rejects("a user whose name is a part of other words of the run image", |e| {
            if let Some(machine) = &mut e.inputs.machine {
                "roo".clone_into(&mut machine.user);
            }
            plain("x", "roo")(e);
        })
        .accepts("root, where root exports", |e| {
            if let Some(machine) = &mut e.inputs.machine {
                "root".clone_into(&mut machine.user);
            }
            plain("x", "root")(e);
        })
        .accepts("a longer word", plain("x", "coworker-170"))
        .accepts("the user's name within a text", plain("x", "a builder of apps"))
        .accepts("a user of the image that is called so", |e| {
            edit_config(e, |config| config["config"]["User"] = json!("builder"));
        })
        .accepts("<app> and <layers> in the history, in the folder of the build", move |e| {
            "/srv/job/layers".clone_into(&mut e.inputs.layers);
            "/srv/job/workspace".clone_into(&mut e.inputs.app);
            history("COPY /srv/job/workspace /srv/job/layers/a/b")(e);
        })
        .accepts("an app in the folder of the build", |e| {
            "/srv/job/layers".clone_into(&mut e.inputs.layers);
            edit_config(e, |config| config["config"]["WorkingDir"] = json!("/srv/job/workspace"));
        })
        .accepts("a run image that the analysis names by a path in the folder", |e| {
            "/srv/job/layers".clone_into(&mut e.inputs.layers);
            "/srv/job/layout/run@sha256:0".clone_into(&mut e.run_image.reference);
            plain("x", "/srv/job/layout/run@sha256:0")(e);
        })
        .rejects("another path where the analysis names one in the folder", |e| {
            "/srv/job/layers".clone_into(&mut e.inputs.layers);
            "/srv/job/layout/run@sha256:0".clone_into(&mut e.run_image.reference);
            edit_input(e, "/layers/analyzed.toml", "[run-image]\nreference='/srv/job/layout/run@sha256:0'\n");
            plain("x", "/srv/job/workspace")(e);
        })
        .accepts("an input has the host's name by chance", |e| {
            edit_input(e, "/layers/project-metadata.toml", "[source.metadata]\nversion='worker-17'\n");
            plain("x", "worker-17")(e);
        })
        .accepts("a host of a short word, within a text", |e| {
            if let Some(machine) = &mut e.inputs.machine {
                "v-1".clone_into(&mut machine.hostname);
            }
            plain("x", "made by v-1 of it")(e);
        })
        .accepts("a host of a plain word, within a text", |e| {
            if let Some(machine) = &mut e.inputs.machine {
                "layers".clone_into(&mut machine.hostname);
            }
            plain("x", "the layers of an app")(e);
        })
        .ignores("it was not noted", |e| e.inputs.machine = None)
        .on(&[Target::Registry, Target::Layout])
        .rejects("an annotation of the host", |e| annotate(e, "com.example.host", Some("worker-17")))
}

/// Numbers of days since 1970, which may be any number.
pub(super) fn days() -> Trials {
    const DAYS: i64 = STARTED / 86_400;
    let labelled = |key: &'static str, text: String| {
        move |export: &mut Export| edit_config(export, |config| config["config"]["Labels"][key] = json!(text))
    };
    Trials::of("image.no-export-time")
        .rejects("a number of days under a key that says so", labelled("com.example.build-date", DAYS.to_string()))
        .rejects("a number of days in a text that says so", labelled("x", format!("Built on {DAYS}")))
        .accepts("a constant that is the same number by chance", labelled("com.example.port", DAYS.to_string()))
        .accepts("the same in a text", labelled("x", format!("runtime {DAYS}")))
        .on(&[Target::Registry, Target::Layout])
        .rejects("a number of days in an annotation", |e| {
            annotate(e, "com.example.date", Some(&DAYS.to_string()));
        })
        .accepts("an annotation that is the same number by chance", |e| {
            annotate(e, "com.example.serial", Some(&DAYS.to_string()));
        })
}
