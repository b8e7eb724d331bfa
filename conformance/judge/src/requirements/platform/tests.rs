//! Every clause of the contract seen to hold and to fail, on every target.

use serde_json::json;

use super::slices::glob;
use crate::digest::Digest;
use crate::evidence::{Document, End, EntryKind, Export, ScenarioEvidence, Target};
use crate::sample::{self, edit_config, edit_entries, edit_input, edit_label, edit_layers, fails, find, holds, on};
use crate::verdict::Finding;

const LIFECYCLE: &str = "io.buildpacks.lifecycle.metadata";
const BUILD: &str = "io.buildpacks.build.metadata";

fn fails_everywhere(requirement: &str, change: impl Fn(&mut Export)) {
    for target in Target::ALL {
        fails(requirement, target, |evidence| change(on(evidence, target)));
    }
}

fn holds_everywhere(requirement: &str, change: impl Fn(&mut Export)) {
    for target in Target::ALL {
        holds(requirement, target, |evidence| change(on(evidence, target)));
    }
}

fn config(path: [&'static str; 2], value: serde_json::Value) -> impl Fn(&mut Export) {
    move |export| edit_config(export, |config| config[path[0]][path[1]] = value.clone())
}

#[test]
fn process_and_report() {
    for end in [End::Exited(1), End::Signalled(9), End::TimedOut(3)] {
        fails_everywhere("platform.exit-zero", |export| export.outcome.end = end);
        fails_everywhere("platform.empty-slice-accepted", |export| export.outcome.end = end);
    }
    fails_everywhere("platform.report-written", |export| export.report = None);
    fails_everywhere("platform.report-written", |e| e.report = Some(Document::new(b"[image".to_vec(), None)));
    fails_everywhere("platform.report-written", |e| e.report = Some(Document::new(vec![0xff], None)));
}

#[test]
fn the_run_image_is_kept() {
    fails_everywhere("platform.base-layers-preserved", |export| {
        edit_config(export, |c| c["rootfs"]["diff_ids"].as_array_mut().unwrap().swap(0, 1));
    });
    for (path, value) in [
        (["config", "User"], json!("root")),
        (["config", "ExposedPorts"], json!({})),
        (["config", "Volumes"], json!({ "/other": {} })),
        (["config", "StopSignal"], json!(null)),
        (["config", "Labels"], json!({})),
        (["config", "Env"], json!(["PATH=/cnb/process:/usr/bin:/bin"])),
    ] {
        fails_everywhere("platform.base-config-preserved", config(path, value));
    }
    for key in ["os", "architecture", "os.version"] {
        fails_everywhere("platform.base-config-preserved", |e| edit_config(e, |c| c[key] = json!("x")));
    }
    fails_everywhere("platform.base-config-preserved", |e| edit_config(e, |c| c["variant"] = json!("v8")));
    holds_everywhere("platform.base-config-preserved", |e| edit_config(e, |c| c["variant"] = json!("")));
    holds_everywhere("platform.base-config-preserved", config(["config", "Cmd"], json!(["x"])));
}

#[test]
fn launch_layers_are_in_the_image_and_others_are_not() {
    fails_everywhere("platform.launch-layers", |e| edit_layers(e, |own| drop(own.remove(0))));
    fails_everywhere("platform.launch-layers", |e| edit_entries(e, 0, |entries| entries[1].mode = 0o600));
    fails_everywhere("platform.launch-layers", |e| {
        edit_entries(e, 0, |entries| entries[1].content = Some(Digest::of(b"x")));
    });
    fails_everywhere("platform.launch-layers", |e| edit_entries(e, 0, |entries| entries[1].kind = EntryKind::Symlink));
    fails_everywhere("platform.no-other-layers", |e| {
        edit_entries(e, 0, |entries| entries[1].path = "/layers/b/tools/compiler".to_owned());
    });
    holds_everywhere("platform.no-other-layers", |e| {
        edit_entries(e, 0, |entries| entries[1].path = "/layers/b/tools.toml".to_owned());
    });
}

#[test]
fn the_app_is_sliced() {
    let id = "platform.app-files-once";
    fails_everywhere(id, |e| edit_entries(e, 3, |entries| drop(entries.pop())));
    fails_everywhere(id, |e| edit_layers(e, |own| own.swap(2, 3)));
    fails_everywhere(id, |e| {
        edit_layers(e, |own| {
            let twice = own[2].blob.as_ref().unwrap().entries[1].clone();
            let mut entries = own[3].blob.take().unwrap().entries;
            entries.push(twice);
            own[3] = sample::layer("app", entries);
        });
    });
    fails_everywhere(id, |e| {
        edit_layers(e, |own| {
            let moved = own.remove(2).blob.unwrap().entries;
            let mut entries = own[2].blob.take().unwrap().entries;
            entries.extend(moved.into_iter().skip(1));
            own[2] = sample::layer("app", entries);
        });
    });
    fails_everywhere(id, |e| edit_entries(e, 3, |entries| entries[1].mode = 0o755));
    let every_slice_matches = |e: &mut Export| {
        edit_input(e, "/layers/config/metadata.toml", "[[slices]]\npaths=['main']\n");
    };
    let mut evidence = sample::scenario();
    every_slice_matches(on(&mut evidence, Target::Registry));
    assert!(matches!(find(&evidence, "platform.empty-slice-accepted", Target::Registry), Finding::NotApplicable(_)));
}

#[test]
fn globs_mean_what_they_mean_in_go() {
    for (pattern, path, expected) in [
        ("/app/*.js", "/app/a.js", true),
        ("/app/*", "/app/a/b", false),
        ("/app/[a-c]?", "/app/bz", true),
        ("/app/[^a]", "/app/a", false),
        ("/app/\\*", "/app/*", true),
        ("/app/[", "/app/[", false),
        ("/app/[]", "/app/]", false),
        ("/app/\\", "/app/\\", false),
        ("/app/**", "/app/ab", true),
    ] {
        assert_eq!(glob(pattern, path), expected, "{pattern} {path}");
    }
}

#[test]
fn launcher_processes_config_and_sboms() {
    fails_everywhere("platform.launcher-layer", |e| edit_layers(e, |own| drop(own.remove(4))));
    fails_everywhere("platform.launcher-layer", |e| {
        edit_entries(e, 4, |entries| entries[1].content = Some(Digest::of(b"")));
    });
    fails_everywhere("platform.process-symlinks", |e| edit_layers(e, |own| drop(own.pop())));
    fails_everywhere("platform.process-symlinks", |e| {
        edit_entries(e, 6, |entries| entries[0].link = Some("/cnb/lifecycle/other".to_owned()));
    });
    fails_everywhere("platform.config-layer", |e| edit_layers(e, |own| drop(own.remove(5))));
    fails_everywhere("platform.sbom-paths", |e| edit_layers(e, |own| drop(own.remove(1))));
    fails_everywhere("platform.sbom-paths", |e| edit_entries(e, 1, |entries| drop(entries.pop())));
    fails_everywhere("platform.build-sbom-on-disk", |e| e.build_sboms.clear());
    fails_everywhere("platform.build-sbom-on-disk", |e| e.build_sboms[0].content = None);
    holds_everywhere("platform.launcher-layer", |e| {
        edit_entries(e, 4, |entries| {
            let mut link = entries[1].clone();
            entries[1].path = "/cnb/original".to_owned();
            link.kind = EntryKind::HardLink;
            link.link = Some("cnb/original".to_owned());
            link.content = None;
            entries.push(link);
        });
    });
}

#[test]
fn entrypoint_environment_and_working_folder() {
    for bad in
        [json!(["/cnb/lifecycle/launcher"]), json!(["/cnb/process/web", "x"]), json!("/cnb/process/web"), json!(null)]
    {
        fails_everywhere("platform.entrypoint", config(["config", "Entrypoint"], bad));
    }
    holds_everywhere("platform.entrypoint", |e| {
        edit_input(e, "/layers/config/metadata.toml", "");
        config(["config", "Entrypoint"], json!(["/cnb/lifecycle/launcher"]))(e);
    });
    let env =
        |path: &str| json!(["LANG=C", "CNB_LAYERS_DIR=/layers", "CNB_APP_DIR=/workspace", format!("PATH={path}")]);
    for bad in ["/usr/bin:/bin", "/cnb/process:/bin", "/cnb/processes:/usr/bin:/bin", "/usr/bin:/bin:/cnb/process"] {
        fails_everywhere("platform.env", config(["config", "Env"], env(bad)));
    }
    fails_everywhere("platform.env", config(["config", "Env"], json!(["PATH=/cnb/process:/usr/bin:/bin"])));
    let between = env("/cnb/process:/cnb/lifecycle:/usr/bin:/bin");
    holds_everywhere("platform.env", config(["config", "Env"], between.clone()));
    fails_everywhere("platform.env-exact", config(["config", "Env"], between));
    fails_everywhere("platform.working-dir", config(["config", "WorkingDir"], json!("/")));
}

#[test]
fn project_and_build_metadata() {
    let project = "io.buildpacks.project.metadata";
    fails_everywhere("platform.label-project-metadata", |e| {
        edit_label(e, project, |l| l["source"]["type"] = json!("x"));
    });
    fails_everywhere("platform.label-project-metadata", |e| edit_label(e, project, |l| l["more"] = json!(1)));
    fails_everywhere("platform.label-project-metadata", |e| {
        edit_config(e, |c| {
            c["config"]["Labels"].as_object_mut().unwrap().remove(project);
        });
    });
    let without_file = |label: serde_json::Value| {
        move |e: &mut Export| {
            e.inputs.files.retain(|file| !file.path.ends_with("project-metadata.toml"));
            edit_label(e, project, |l| *l = label.clone());
        }
    };
    for good in [json!({}), json!({ "source": { "type": "", "metadata": null } })] {
        holds_everywhere("platform.label-project-metadata", without_file(good));
    }
    fails_everywhere("platform.label-project-metadata", without_file(json!({ "source": { "type": "git" } })));
    fails_everywhere("platform.label-build-metadata", |e| {
        edit_label(e, BUILD, |l| l["buildpacks"][1]["version"] = json!("3"));
    });
    fails_everywhere("platform.label-build-metadata", |e| edit_label(e, BUILD, |l| l["processes"] = json!([])));
    fails_everywhere("platform.label-build-metadata", |e| {
        edit_label(e, BUILD, |l| l["processes"][0]["args"] = json!([]));
    });
    fails_everywhere("platform.label-build-metadata", |e| edit_label(e, BUILD, |l| l["launcher"] = json!(null)));
    holds_everywhere("platform.label-build-metadata", |e| edit_label(e, BUILD, |l| l["extensions"] = json!([])));
}

#[test]
fn the_lifecycle_label() {
    let edit = |change: fn(&mut serde_json::Value)| move |e: &mut Export| edit_label(e, LIFECYCLE, change);
    let run = "platform.label-run-image";
    fails_everywhere(run, edit(|l| l["runImage"]["topLayer"] = json!("sha256:0")));
    fails_everywhere(run, edit(|l| l["runImage"]["image"] = json!("host.example/other:base")));
    fails_everywhere(run, edit(|l| l["runImage"]["mirrors"] = json!([])));
    fails_everywhere(run, edit(|l| l["runImage"]["reference"] = json!("host.example/run:base")));
    fails_everywhere(
        run,
        edit(|l| l["runImage"]["reference"] = json!(format!("host.example/run@{}", Digest::of(b"x")))),
    );
    fails_everywhere("platform.label-stack-agrees", edit(|l| l["stack"]["runImage"]["image"] = json!("x")));
    fails_everywhere("platform.label-stack-agrees", edit(|l| l["stack"]["runImage"]["mirrors"] = json!(["x"])));
    let stored = "platform.layer-metadata-stored";
    fails_everywhere(stored, edit(|l| drop(l["buildpacks"].as_array_mut().unwrap().pop())));
    fails_everywhere(stored, edit(|l| l["buildpacks"][0]["layers"] = json!({})));
    fails_everywhere(stored, edit(|l| l["buildpacks"][0]["layers"]["runtime"]["cache"] = json!(false)));
    fails_everywhere(stored, edit(|l| l["buildpacks"][0]["layers"]["runtime"]["data"] = json!({})));
    fails_everywhere(stored, edit(|l| l["buildpacks"][0]["layers"]["runtime"]["sha"] = json!(Digest::of(b"x"))));
    fails_everywhere(stored, edit(|l| l["buildpacks"][0]["layers"]["runtime"]["sha"] = l["app"][0]["sha"].clone()));
    fails_everywhere("platform.store-kept", edit(|l| l["buildpacks"][0]["store"] = json!({})));
}

#[test]
fn other_labels() {
    for bad in [json!("yes"), json!("")] {
        fails_everywhere("platform.label-rebasable", |e| {
            edit_config(e, |c| c["config"]["Labels"]["io.buildpacks.rebasable"] = bad.clone());
        });
    }
    holds_everywhere("platform.label-rebasable", |e| {
        edit_config(e, |c| c["config"]["Labels"]["io.buildpacks.rebasable"] = json!("true"));
    });
    fails_everywhere("platform.buildpack-labels", |e| edit_config(e, |c| c["config"]["Labels"]["k"] = json!("1")));
    fails_everywhere("platform.buildpack-labels", |e| {
        edit_config(e, |c| {
            c["config"]["Labels"].as_object_mut().unwrap().remove("k");
        });
    });
}

fn reusing(target: Target) -> ScenarioEvidence {
    let mut evidence = sample::repeated();
    let second = evidence.exports.iter_mut().filter(|export| export.target == target).nth(1).unwrap();
    second.inputs.files.retain(|file| !file.path.starts_with("/layers/a_one/runtime") || file.text.is_some());
    evidence
}

#[test]
fn a_layer_without_folder_is_re_used() {
    let id = "platform.layer-reuse";
    for target in Target::ALL {
        assert!(matches!(find(&sample::repeated(), id, target), Finding::NotApplicable(_)));
        assert_eq!(find(&reusing(target), id, target), Finding::Holds);
        let changes: [&dyn Fn(&mut Export); 3] = [
            &|e| edit_label(e, LIFECYCLE, |l| l["buildpacks"][0]["layers"]["runtime"]["sha"] = json!(Digest::of(b"x"))),
            &|e| edit_layers(e, |own| drop(own.remove(0))),
            &|e| edit_label(e, LIFECYCLE, |l| l["buildpacks"][0]["layers"]["runtime"]["data"] = json!({ "v": "0" })),
        ];
        for change in changes {
            let mut evidence = reusing(target);
            change(evidence.exports.iter_mut().filter(|export| export.target == target).nth(1).unwrap());
            assert!(matches!(find(&evidence, id, target), Finding::Violated(_)), "{target}");
        }
    }
}
