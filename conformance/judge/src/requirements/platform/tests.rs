//! Every clause of the contract seen to hold and to fail, on every target.

use serde_json::json;

use super::slices::glob;
use crate::evidence::{Export, Target};
use crate::sample::{self, edit_config, find, on};
use crate::verdict::Finding;

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
fn a_flag_wins_over_its_variable() {
    let id = "platform.flags-over-env";
    for target in Target::ALL {
        assert!(matches!(find(&sample::scenario(), id, target), Finding::NotApplicable(_)));
        assert_eq!(find(&super::trials::contradicted(), id, target), Finding::Holds);
        let changes: [&dyn Fn(&mut Export); 3] = [
            &|e| {
                let env = json!(["CNB_LAYERS_DIR=/other", "CNB_APP_DIR=/workspace", "PATH=/cnb/process:/usr/bin:/bin"]);
                config(["config", "Env"], env)(e);
            },
            &|e| config(["config", "WorkingDir"], json!("/elsewhere"))(e),
            &|e| e.report = None,
        ];
        for change in changes {
            let mut evidence = super::trials::contradicted();
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
