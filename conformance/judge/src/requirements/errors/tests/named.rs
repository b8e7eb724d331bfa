//! By which names each fault may be called, and by which not.

use super::super::named;
use crate::digest::Digest;
use crate::evidence::{Export, FileKind, Target};
use crate::sample::{self, edit_input, on};

pub(super) fn export(target: Target, change: impl FnOnce(&mut Export)) -> Export {
    let mut evidence = sample::scenario();
    change(on(&mut evidence, target));
    on(&mut evidence, target).clone()
}

pub(super) fn names(names: fn(&Export) -> Vec<String>, change: impl FnOnce(&mut Export)) -> Vec<String> {
    let found = names(&export(Target::Registry, change));
    assert!(found.iter().all(|name| !name.is_empty()), "{found:?}");
    found
}

#[test]
fn a_name_ends_where_its_word_ends() {
    for (text, name) in [
        ("open a.toml-", "a.toml"),
        ("a.toml - no such file", "a.toml"),
        ("no Ümlaut", "ümlaut"),
        ("run run-image.", "run-image"),
        ("x/run run", "run"),
        ("<image> is missing", "<image>"),
        ("give an <image>", "<image>"),
        ("open /cnb/a.toml", "/cnb/a.toml"),
        ("path=/cnb/a", "/cnb/a"),
    ] {
        assert!(named::is_in(text, name), "{name} in {text}");
    }
    for (text, name) in [
        ("a.toml-x", "a.toml"),
        ("a.toml_", "a.toml"),
        ("a.toml2", "a.toml"),
        ("_run", "run"),
        ("2run", "run"),
        ("re-run", "run"),
        ("x-report", "-report"),
        ("rerun runs", "run"),
        ("/cnb/a1", "/cnb/a"),
        ("", "a"),
    ] {
        assert!(!named::is_in(text, name), "{name} in {text}");
    }
}

#[test]
fn references_go_by_all_their_parts() {
    let digest = Digest::of(b"x");
    let set = |images: &[String]| names(named::images, |export| export.inputs.images = images.to_vec());
    assert_eq!(
        set(&[format!("host.example/team/app@{digest}")]),
        [
            &format!("host.example/team/app@{digest}"),
            &format!("host.example/team/app@{digest}"),
            "team/app",
            "host.example/team/app",
            "host.example/v2/team/app",
            digest.encoded()
        ]
    );
    assert_eq!(
        set(&["host.example/App:!@x".to_owned()]),
        ["host.example/App:!@x", "host.example/App:!", "'x'", "\"x\"", "`x`", "App:!@x"]
    );
    let mixed = |export: &mut Export| {
        export.inputs.images = vec!["a".to_owned(), format!("b@{digest}"), "C".to_owned(), "@".to_owned()];
    };
    let by_digest = names(named::digest_references, mixed);
    assert!(by_digest.contains(&"library/b".to_owned()) && !by_digest.contains(&"library/a".to_owned()));
    assert_eq!(names(named::malformed_references, mixed)[..3], ["'C'", "\"C\"", "`C`"]);
    let both = names(named::images_and_run_image, |_| {});
    for name in ["host.example/app:latest", "host.example/run:base"] {
        assert!(both.contains(&name.to_owned()), "{name} in {both:?}");
    }
}

/// By what a fault of an export may be called.
type Named = fn(&Export) -> Vec<String>;

#[test]
fn input_files_go_by_path_flag_and_variable() {
    let cases: [(Named, &[&str]); 5] = [
        (
            named::analyzed,
            &[
                "/layers/analyzed.toml",
                "analyzed.toml",
                "-analyzed",
                "CNB_ANALYZED_PATH",
                "analyzed file",
                "analyzed metadata",
            ],
        ),
        (
            named::project_metadata,
            &[
                "/layers/project-metadata.toml",
                "project-metadata.toml",
                "-project-metadata",
                "CNB_PROJECT_METADATA_PATH",
                "project metadata",
            ],
        ),
        (
            named::group,
            &["/layers/group.toml", "group.toml", "-group", "CNB_GROUP_PATH", "group file", "buildpack group"],
        ),
        (
            named::build_metadata,
            &["/layers/config/metadata.toml", "metadata.toml", "config/metadata.toml", "build metadata"],
        ),
        (
            named::report,
            &[
                "/report/report.toml",
                "report.toml",
                "-report",
                "CNB_REPORT_PATH",
                "report file",
                "export report",
                "/report",
            ],
        ),
    ];
    for (of, expected) in cases {
        assert_eq!(names(of, |_| {}), expected);
    }
    let report = |path: &'static str| names(named::report, move |export| export.inputs.report = path.to_owned());
    assert_eq!(report("/r.toml"), ["/r.toml", "r.toml", "-report", "CNB_REPORT_PATH", "report file", "export report"]);
    assert_eq!(report("r.toml"), ["r.toml", "r.toml", "-report", "CNB_REPORT_PATH", "report file", "export report"]);
}

#[test]
fn arguments_and_versions_go_by_what_was_given() {
    assert!(names(named::the_image_argument, |_| {}).contains(&"<image>".to_owned()));
    let both = ["-daemon", "-layout", "daemon", "CNB_USE_DAEMON", "CNB_USE_LAYOUT", "multiple targets", "two targets"];
    assert_eq!(names(named::layout_and_daemon, |_| {}), both);
    let set = |export: &mut Export, name: &str, value: &str| {
        export.inputs.environment.insert(name.to_owned(), value.to_owned());
    };
    assert_eq!(names(named::process_type, |_| {}), ["-process-type", "CNB_PROCESS_TYPE"]);
    let asked = names(named::process_type, |export| {
        export.inputs.process_type = Some("worker".to_owned());
        set(export, "CNB_PROCESS_TYPE", "web");
    });
    assert_eq!(
        asked,
        ["'worker'", "\"worker\"", "`worker`", "'web'", "\"web\"", "`web`", "-process-type", "CNB_PROCESS_TYPE"]
    );
    assert_eq!(
        names(named::platform_api, |export| set(export, "CNB_PLATFORM_API", "9.9")),
        ["9.9", "CNB_PLATFORM_API", "platform API"]
    );
    let unix = ["/var/run/docker.sock", "docker.sock", "DOCKER_HOST", "-daemon", "CNB_USE_DAEMON"];
    let mut expected: Vec<&str> = unix.to_vec();
    expected.push("unix:///var/run/docker.sock");
    assert_eq!(names(named::daemon, |_| {}), expected);
    let address = |text: &'static str| names(named::daemon, move |export| set(export, "DOCKER_HOST", text));
    assert_eq!(address("tcp://h.example:1/")[..2], ["h.example:1", "h.example:1"]);
    assert_eq!(address("h.example")[0], "h.example");
}

#[test]
fn an_unknown_buildpack_api_stands_out() {
    let group = |text: &'static str| {
        names(named::buildpack_api, move |export| {
            edit_input(export, "/layers/group.toml", text);
            edit_input(export, "/layers/config/metadata.toml", "[[buildpacks]]\nid='c'\napi='0.2'\n");
        })
    };
    assert_eq!(group("[[group]]\nid='a'\napi='0.10'\n[[group]]\nid='b'\napi='9.0'\n"), ["9.0", "'b'", "\"b\"", "`b`"]);
    assert_eq!(group("[[group]]\nid='a'\napi='0.10'\n"), ["0.10", "'a'", "\"a\"", "`a`", "0.2", "'c'", "\"c\"", "`c`"]);
    assert_eq!(group("[[group]]\nid='a'\napi='0'\n"), ["0", "'a'", "\"a\"", "`a`"]);
    assert_eq!(group("[[group]]\nid='a'\n"), ["'a'", "\"a\"", "`a`"]);
}

#[test]
fn the_run_image_goes_by_name_digest_and_reference() {
    let run = export(Target::Registry, |_| {}).run_image;
    let usual = names(named::run_image, |_| {});
    for name in ["host.example/run:base", "'run'", run.digest.encoded(), run.reference.as_str()] {
        assert!(usual.contains(&name.to_owned()), "{name} in {usual:?}");
    }
    // The file is at fault only where it does not say what was analysed.
    let file = ["/layers/analyzed.toml", "run-image", "run image"].map(str::to_owned);
    assert!(!usual.iter().any(|name| file.contains(name)), "{usual:?}");
    for text in ["", "[run-image]\nimage='host.example/run:base'\n", "[run-image]\nreference=''\n", "[run-image"] {
        let found = names(named::run_image, |export| edit_input(export, "/layers/analyzed.toml", text));
        assert!(file.iter().all(|name| found.contains(name)), "{text}: {found:?}");
    }
    let other = names(named::run_image, |export| {
        let text = "[run-image]\nreference='/layout/gone@sha256:12'\nimage='other.example/gone'\n";
        edit_input(export, "/layers/analyzed.toml", text);
    });
    for name in ["/layout/gone", "sha256:12", "other.example/gone", "other.example/v2/gone"] {
        assert!(other.contains(&name.to_owned()), "{name} in {other:?}");
    }
    assert!(!other.iter().any(|name| file.contains(name)), "{other:?}");
    let index = names(named::run_image, |export| export.run_image.digest = Digest::of(b"index"));
    for digest in [Digest::of(b"index"), run.manifest.digest] {
        assert!(index.contains(&digest.encoded().to_owned()), "{digest}");
    }
}

#[test]
fn only_launch_layers_without_a_folder_are_re_used() {
    assert_eq!(names(named::reused_layers, |_| {}), [""; 0]);
    let found = names(named::reused_layers, |export| {
        export.inputs.files.retain(|file| file.kind != FileKind::Directory);
    });
    // tools is for the build alone.
    assert_eq!(
        found,
        [
            "'runtime'",
            "\"runtime\"",
            "`runtime`",
            "a/one:runtime",
            "a/one/runtime",
            "layer runtime",
            "layer=runtime",
            "layer: runtime",
            "runtime layer",
            "/layers/a_one/runtime",
            "/layers/a_one/runtime.toml"
        ]
    );
}

#[test]
fn files_go_by_their_place_in_app_or_layers() {
    let mode = |bits: u32| {
        names(named::unreadable_files, move |export| {
            for file in &mut export.inputs.files {
                if file.path == "/workspace/static/a.css" {
                    file.mode = bits;
                }
            }
        })
    };
    let css = ["/workspace/static/a.css", "a.css", "static/a.css"];
    assert_eq!(mode(0o000), css);
    assert_eq!(mode(0o640), css);
    assert_eq!(mode(0o604), [""; 0]);
    let with_two = |change: fn(&mut Export)| names(named::unreadable_files, change);
    // What no one may read comes before what only some may.
    let both = with_two(|export| {
        for file in &mut export.inputs.files {
            match file.path.as_str() {
                "/workspace/main" => file.mode = 0o600,
                "/layers/b/tools/compiler" => file.mode = 0,
                _ => {}
            }
        }
    });
    assert_eq!(both[..5], ["/layers/b/tools/compiler", "'compiler'", "\"compiler\"", "`compiler`", "b/tools/compiler"]);
    assert_eq!(both[5..9], ["./compiler", "tools/compiler", "<app>/compiler", ": compiler:"]);
    let link = with_two(|export| {
        for file in export.inputs.files.iter_mut().filter(|file| file.path == "/workspace/main") {
            (file.kind, file.mode) = (FileKind::Symlink, 0);
        }
    });
    assert_eq!(link, [""; 0]);
    let socket = names(named::special_files, |export| {
        for file in export.inputs.files.iter_mut().filter(|file| file.path == "/workspace/static/a.css") {
            file.kind = FileKind::Other;
        }
    });
    assert_eq!(socket, css);
    assert_eq!(names(named::special_files, |_| {}), [""; 0]);
}
