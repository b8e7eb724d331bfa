//! Every clause of the contract seen to hold and to fail, on every target.

use serde_json::json;

use super::slices::glob;
use crate::digest::Digest;
use crate::evidence::{Document, End, EntryKind, Export, ScenarioEvidence, Target};
use crate::sample::{
    self, Fault, edit_config, edit_entries, edit_input, edit_label, edit_layers, fails, find, holds, on,
};
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
    let empty_folder = |e: &mut Export| {
        let mut folder = e.inputs.file("/layers/a_one/runtime").unwrap().clone();
        folder.path = "/workspace/empty".to_owned();
        e.inputs.files.push(folder);
    };
    fails_everywhere(id, empty_folder);
    holds(id, Target::Registry, |evidence| {
        let export = on(evidence, Target::Registry);
        empty_folder(export);
        edit_entries(export, 3, |entries| {
            let mut folder = entries[0].clone();
            folder.path = "/workspace/empty".to_owned();
            entries.push(folder);
        });
    });
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

/// For every requirement of the theme a fault that violates it.
pub(in super::super) fn faults() -> Vec<Fault> {
    const ON: Target = Target::Registry;
    const PROJECT: &str = "io.buildpacks.project.metadata";
    let edit = |slug: &str, name: &'static str, change: fn(&mut Export)| {
        Fault::new(slug, name, ON, move |e| change(on(e, ON)))
    };
    let set = |slug: &str, name: &'static str, key: &'static str, value: serde_json::Value| {
        Fault::new(slug, name, ON, move |e| config(["config", key], value)(on(e, ON)))
    };
    vec![
        edit("platform.exit-zero", "exit 1", |e| e.outcome.end = End::Exited(1)),
        edit("platform.report-written", "no report", |e| e.report = None),
        edit("platform.base-layers-preserved", "the run image's layers changed places", |e| {
            edit_config(e, |c| c["rootfs"]["diff_ids"].as_array_mut().unwrap().swap(0, 1));
        }),
        set("platform.base-config-preserved", "another user", "User", json!("root")),
        edit("platform.launch-layers", "the layer is missing", |e| edit_layers(e, |own| drop(own.remove(0)))),
        edit("platform.no-other-layers", "the compiler is in the image", |e| {
            edit_entries(e, 0, |entries| entries[1].path = "/layers/b/tools/compiler".to_owned());
        }),
        edit("platform.app-files-once", "a file is missing", |e| edit_entries(e, 3, |entries| drop(entries.pop()))),
        edit("platform.empty-slice-accepted", "exit 1", |e| e.outcome.end = End::Exited(1)),
        edit("platform.launcher-layer", "no launcher", |e| edit_layers(e, |own| drop(own.remove(4)))),
        edit("platform.process-symlinks", "no symlinks", |e| edit_layers(e, |own| drop(own.pop()))),
        edit("platform.config-layer", "no config layer", |e| edit_layers(e, |own| drop(own.remove(5)))),
        edit("platform.sbom-paths", "no SBOM layer", |e| edit_layers(e, |own| drop(own.remove(1)))),
        edit("platform.build-sbom-on-disk", "the SBOM is gone", |e| e.build_sboms.clear()),
        set("platform.entrypoint", "the launcher", "Entrypoint", json!(["/cnb/lifecycle/launcher"])),
        set("platform.env", "no folders", "Env", json!(["PATH=/cnb/process:/usr/bin:/bin"])),
        set("platform.env-exact", "a folder between", "Env", json!(["PATH=/cnb/process:/x:/usr/bin:/bin"])),
        set("platform.working-dir", "the root", "WorkingDir", json!("/")),
        edit("platform.label-project-metadata", "another type", |e| {
            edit_label(e, PROJECT, |l| l["source"]["type"] = json!("x"));
        }),
        edit("platform.label-build-metadata", "no processes", |e| edit_label(e, BUILD, |l| l["processes"] = json!([]))),
        edit("platform.label-run-image", "no mirrors", |e| {
            edit_label(e, LIFECYCLE, |l| l["runImage"]["mirrors"] = json!([]));
        }),
        edit("platform.label-stack-agrees", "another name", |e| {
            edit_label(e, LIFECYCLE, |l| l["stack"]["runImage"]["image"] = json!("x"));
        }),
        edit("platform.layer-metadata-stored", "no layers", |e| {
            edit_label(e, LIFECYCLE, |l| l["buildpacks"][0]["layers"] = json!({}));
        }),
        edit("platform.store-kept", "an empty store", |e| {
            edit_label(e, LIFECYCLE, |l| l["buildpacks"][0]["store"] = json!({}));
        }),
        edit("platform.label-rebasable", "another word", |e| {
            edit_config(e, |c| c["config"]["Labels"]["io.buildpacks.rebasable"] = json!("yes"));
        }),
        edit("platform.buildpack-labels", "the first definition", |e| {
            edit_config(e, |c| c["config"]["Labels"]["k"] = json!("1"));
        }),
        Fault::of(reusing(ON), "platform.layer-reuse", "another layer", ON, |e| {
            edit_label(sample::step(e, ON, 2), LIFECYCLE, |l| {
                l["buildpacks"][0]["layers"]["runtime"]["sha"] = json!(Digest::of(b"x"));
            });
        }),
        Fault::of(contradicted(), "platform.flags-over-env", "the variable's folder", ON, |e| {
            config(["config", "WorkingDir"], json!("/elsewhere"))(on(e, ON));
        }),
        Fault::of(checked_first(), "platform.api-checked-first", "exit 1", ON, |e| {
            on(e, ON).outcome.end = End::Exited(1);
        }),
    ]
}

/// Flags that say what is true, and variables that say something else.
fn contradicted() -> ScenarioEvidence {
    let mut evidence = sample::scenario();
    for export in &mut evidence.exports {
        let flags = ["-app", "/workspace", "--layers=/layers", "-report", "/report/report.toml"].map(str::to_owned);
        export.inputs.argv.splice(1..1, flags);
        for (name, value) in
            [("CNB_APP_DIR", "/elsewhere"), ("CNB_LAYERS_DIR", "/other"), ("CNB_REPORT_PATH", "/other/report.toml")]
        {
            export.inputs.environment.insert(name.to_owned(), value.to_owned());
        }
    }
    evidence
}

fn checked_first() -> ScenarioEvidence {
    let mut evidence = sample::refused("platform.api-checked-first", "999.0 is not supported");
    for export in &mut evidence.exports {
        export.outcome.end = End::Exited(11);
    }
    evidence
}

#[test]
fn a_flag_wins_over_its_variable() {
    let id = "platform.flags-over-env";
    for target in Target::ALL {
        assert!(matches!(find(&sample::scenario(), id, target), Finding::NotApplicable(_)));
        assert_eq!(find(&contradicted(), id, target), Finding::Holds);
        let changes: [&dyn Fn(&mut Export); 3] = [
            &|e| {
                let env = json!(["CNB_LAYERS_DIR=/other", "CNB_APP_DIR=/workspace", "PATH=/cnb/process:/usr/bin:/bin"]);
                config(["config", "Env"], env)(e);
            },
            &|e| config(["config", "WorkingDir"], json!("/elsewhere"))(e),
            &|e| e.report = None,
        ];
        for change in changes {
            let mut evidence = contradicted();
            change(on(&mut evidence, target));
            let Finding::Violated(found) = find(&evidence, id, target) else { panic!("{target}") };
            assert!(found.message.contains(" does not win over CNB_"), "{}", found.message);
        }
        // A variable that says the same contradicts nothing.
        let mut evidence = sample::scenario();
        let inputs = &mut on(&mut evidence, target).inputs;
        inputs.argv.splice(1..1, ["-app=/workspace".to_owned()]);
        inputs.environment.insert("CNB_APP_DIR".to_owned(), "/workspace".to_owned());
        assert!(matches!(find(&evidence, id, target), Finding::NotApplicable(_)));
    }
}

#[test]
fn the_platform_api_comes_first() {
    let id = "platform.api-checked-first";
    for target in Target::ALL {
        assert!(matches!(find(&sample::scenario(), id, target), Finding::NotApplicable(_)));
        assert_eq!(find(&checked_first(), id, target), Finding::Holds);
        for end in [End::Exited(0), End::Exited(12), End::Signalled(11), End::TimedOut(11)] {
            let mut evidence = checked_first();
            on(&mut evidence, target).outcome.end = end;
            assert!(matches!(find(&evidence, id, target), Finding::Violated(_)), "{end}");
        }
    }
}

#[test]
fn a_refused_export_between_two_good_ones_is_no_previous_image() {
    for target in Target::ALL {
        let mut evidence = reusing(target);
        let mut between = sample::step(&mut evidence, target, 1).clone();
        between.inputs.expected_failure = Some("errors.missing-analyzed".to_owned());
        between.outcome.end = End::Exited(1);
        between.image = None;
        let place = evidence.exports.iter().position(|e| e.target == target && e.step == 2).unwrap();
        evidence.exports.insert(place, between);
        assert_eq!(find(&evidence, "platform.layer-reuse", target), Finding::Holds);
    }
}

#[test]
fn a_hard_link_may_lead_to_another_one() {
    let link = |path: &str, to: &str, like: &crate::evidence::Entry| crate::evidence::Entry {
        path: path.to_owned(),
        kind: EntryKind::HardLink,
        link: Some(to.to_owned()),
        content: None,
        ..like.clone()
    };
    holds_everywhere("platform.launcher-layer", |e| {
        edit_entries(e, 4, |entries| {
            entries[1].path = "/cnb/original".to_owned();
            let like = entries[1].clone();
            entries.push(link("/cnb/between", "./cnb/original", &like));
            entries.push(link("/cnb/lifecycle/launcher", "/cnb/between", &like));
        });
    });
    fails_everywhere("platform.launcher-layer", |e| {
        edit_entries(e, 4, |entries| {
            let like = entries.pop().unwrap();
            entries.push(link("/cnb/between", "cnb/lifecycle/launcher", &like));
            entries.push(link("/cnb/lifecycle/launcher", "cnb/between", &like));
        });
    });
}
