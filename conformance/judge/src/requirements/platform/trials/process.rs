//! Trials of the process: how it ends, what it obeys, and what it leaves on disk.

use serde_json::{Value, json};

use super::edits::{
    BUILD, LIFECYCLE, METADATA, PROJECT, PROJECT_FILE, changed, end, input, label, other, set, without,
};
use crate::evidence::{Change, ChangedFile, Document, End, Export, FileKind, ScenarioEvidence};
use crate::sample::{self, edit_config, edit_layers};
use crate::trial::{Trials, Wanted};

pub(super) fn process() -> Vec<Trials> {
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
            .ignores("exit 1 for a user who cannot be the owner that it is told", |e| {
                end(End::Exited(1))(e);
                e.inputs.run_as = Some(65534);
            })
            .ignores("an export that is to fail", |e| e.inputs.expected_failure = Some("errors.no-image".to_owned())),
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
            .ignores("every slice matches", input(METADATA, "[[slices]]\npaths=['main']\n")),
        Trials::of("platform.report-written")
            .rejects("none", |e| e.report = None)
            .rejects("half a report", report(b"[image"))
            .rejects("not UTF-8", report(&[0xff]))
            .rejects("a key twice", |e| sample::edit_report(e, "image-id=", "image-id='x'\nimage-id="))
            .accepts("an empty one", report(b""))
            .accepts("comments and tables more", |e| sample::edit_report(e, "[image]", "# ä\n[build]\n[image]")),
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

/// What follows from a flag, and what does not.
pub(super) fn flags() -> Trials {
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
        .ignores("variables that say the same", |e| {
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
pub(super) fn written() -> Trials {
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
        .ignores("it was not observed", |e| e.changed_files = None)
}

pub(super) fn nothing_left() -> Trials {
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
        .ignores("it had no folders of its own", |e| e.outcome.left = None)
}

fn refused(said: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| {
        export.outcome.end = End::Exited(1);
        said.clone_into(&mut export.outcome.stderr);
    }
}

/// Flags that say what is true, and variables that say something else.
pub(in super::super) fn contradicted() -> ScenarioEvidence {
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

pub(super) fn steps() -> Vec<Trials> {
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
            .ignores("not for launch", input("/layers/a_one/runtime.toml", "[types]\nbuild=true\n"))
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
            .ignores("another reason", |e| e.inputs.expected_failure = Some("errors.no-image".to_owned())),
    ]
}
