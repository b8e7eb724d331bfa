//! What is refused: with one message that names the cause, and nothing written.

use bounded::Bounded as _;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::time::{Duration, Instant};

use crate::support::build::{Build, exporter, run_image};

/// What is changed, the images, the exit code, and what the message names.
type Case<'a> = (&'a dyn Fn(&Build), &'a [&'a str], i32, &'a str);

fn change(file: &'static str, text: &'static str) -> impl Fn(&Build) {
    move |build: &Build| build.write(file, text)
}

#[test]
fn bad_input_is_refused_in_one_line_and_leaves_nothing() {
    let one: &[&str] = &["a.example/a:1"];
    let extended = |build: &Build| {
        let path = build.path("layers/analyzed.toml");
        let text = fs::read_to_string(&path).unwrap().replacen("[run-image]", "[run-image]\nextend = true", 1);
        fs::write(path, text).unwrap();
    };
    let cases: [Case<'_>; 20] = [
        (&change("layers/analyzed.toml", "[run-image"), one, 3, "analyzed.toml"),
        (&|build| fs::remove_file(build.path("layers/analyzed.toml")).unwrap(), one, 3, "analyzed.toml"),
        (&extended, one, 3, "layers/extended/run"),
        (&change("layers/analyzed.toml", "[run-image]\nreference='x'\n"), one, 3, "'x'"),
        (&change("layers/analyzed.toml", ""), one, 3, "analyzed.toml"),
        (&change("layers/group.toml", "[[group]]\nid='b'\nversion='1'\napi='999.0'\n"), one, 12, "999.0"),
        (&change("layers/group.toml", "[[group]]\nid='b'\n"), one, 3, "group.toml"),
        (&change("layers/config/metadata.toml", "x"), one, 3, "metadata.toml: line 1"),
        (
            &change("layers/config/metadata.toml", "[[buildpacks]]\nid='b'\nversion='1'\napi='999.0'\n"),
            one,
            12,
            "999.0",
        ),
        (&change("layers/config/metadata.toml", "[[annotations]]\nkey='k'\n"), one, 3, "value"),
        (
            &change("layers/config/metadata.toml", "[[annotations]]\nkey='k'\nvalue=1\n"),
            one,
            3,
            "metadata.toml: line 3",
        ),
        (&change("layers/config/metadata.toml", "[[annotations]]\nkey=''\nvalue='v'\n"), one, 3, "key is empty"),
        (&change("layers/project-metadata.toml", "[source]\na=1\na=2\n"), one, 3, "project-metadata.toml: line 3"),
        (&change("layers/b/gone.toml", "[types]\nlaunch=true\n"), one, 62, "gone"),
        (&|build| fs::remove_file(build.path("lifecycle/launcher")).unwrap(), one, 62, "-launcher"),
        (&|build| drop(std::os::unix::net::UnixListener::bind(build.path("app/s.sock"))), one, 62, "s.sock"),
        (&|_| {}, &[], 3, "no image"),
        (&|_| {}, &["A/b"], 3, "A/b"),
        (
            &|_| {},
            &["a.example/a@sha256:0000000000000000000000000000000000000000000000000000000000000000"],
            3,
            "digest",
        ),
        (&|_| {}, &["a.example/a:1", "b.example/a:1"], 3, "b.example"),
    ];
    for (prepare, images, code, named) in cases {
        let build = Build::with_layout();
        build.write("report.toml", "[image]\ntags=['of an earlier export']\n");
        prepare(&build);
        let output = build.to_layout(exporter(), images);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{named}: {stderr}");
        assert!(stderr.contains(named) && stderr.trim_end().lines().count() == 1, "{named}: {stderr}");
        assert!(build.report().is_none(), "{named}");
        assert_eq!(fs::read_dir(build.path("layout")).unwrap().count(), 1, "{named}");
        assert_eq!(build.left_over(), Vec::<String>::new(), "{named}");
    }
}

#[test]
fn a_platform_api_that_is_not_known_is_told_before_all_that_is_wrong() {
    let build = Build::new();
    build.write("layers/group.toml", "x");
    let output =
        build.command(exporter()).env("CNB_PLATFORM_API", "999.0").args(["-no-such", "A/b"]).output_in_time().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(11), "{stderr}");
    assert!(stderr.contains("999.0") && stderr.lines().count() == 1, "{stderr}");
}

#[test]
fn a_report_that_cannot_be_written_is_told_before_anything_is_exported() {
    let build = Build::with_layout();
    fs::create_dir(build.path("report.toml")).unwrap();
    let output = build.to_layout(exporter(), &["a.example/a:1"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(62), "{stderr}");
    assert!(stderr.contains("report.toml"), "{stderr}");
    assert!(!build.path("layout/a.example").exists());
}

#[test]
fn two_targets_are_refused() {
    let build = Build::with_layout();
    let mut command = build.command(exporter());
    command.env("CNB_EXPERIMENTAL_MODE", "silent").args(["-daemon", "-layout", "-layout-dir", "/nowhere", "a"]);
    let output = command.output_in_time().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("-daemon or -layout"));
}

#[test]
fn a_registry_where_nothing_listens_is_told_soon_and_by_name() {
    let host = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let build = Build::new();
    let run = run_image(&[&[0; 1024]]);
    build.analyzed(&format!("{host}/run:1"), &format!("{host}/run@{}", run.manifest));
    let begun = Instant::now();
    let output = build.to_registry(&host, &[&format!("{host}/app:1")]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(62), "{stderr}");
    assert!(stderr.contains(&host) && stderr.lines().count() == 1, "{stderr}");
    assert!(stderr.ends_with(": Connection refused (os error 111)\n"), "{stderr}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_daemon_where_nothing_listens_is_told_with_the_system_s_reason() {
    let host = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let build = Build::new();
    build.analyzed("run:1", "run:1");
    // A socket that is left of a daemon that has ended.
    drop(std::os::unix::net::UnixListener::bind(build.path("left.sock")).unwrap());
    for address in [format!("tcp://{host}"), format!("unix://{}", build.path("left.sock").display())] {
        let output = build.to_daemon(&address, &["app:1"]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(62), "{stderr}");
        assert!(stderr.contains(&address) && stderr.lines().count() == 1, "{stderr}");
        assert!(stderr.ends_with(": Connection refused (os error 111)\n"), "{stderr}");
    }
}

#[test]
fn a_registry_that_never_answers_is_given_up_and_a_signal_ends_the_waiting() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = silent.local_addr().unwrap().to_string();
    let build = Build::new();
    let run = run_image(&[&[0; 1024]]);
    build.analyzed(&format!("{host}/run:1"), &format!("{host}/run@{}", run.manifest));
    let start = || {
        let mut command = build.command(exporter());
        command.args(["-insecure-registry", &host, &format!("{host}/app:1")]);
        command.stderr(std::process::Stdio::piped()).spawn().unwrap()
    };
    let begun = Instant::now();
    let (waiting, ended) = (start(), start());
    // Once it has connected, it waits.
    let _connections = [silent.accept().unwrap(), silent.accept().unwrap()];
    let kill = std::process::Command::new("kill").args(["-TERM", &ended.id().to_string()]).status();
    assert!(kill.unwrap().success());
    let ended = ended.wait_with_output().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(ended.status.code(), Some(62));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("SIGTERM"));
    let waited = waiting.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&waited.stderr);
    assert_eq!(waited.status.code(), Some(62), "{stderr}");
    assert!(stderr.contains(&host) && stderr.contains("no answer"), "{stderr}");
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert_eq!(build.left_over(), Vec::<String>::new());
}

#[test]
fn a_file_that_cannot_be_read_is_told_by_its_path() {
    let build = Build::with_layout();
    let open = std::process::Command::new("chmod").args(["-R", "a+rwX"]).arg(build.path("")).status();
    assert!(open.unwrap().success());
    fs::set_permissions(build.path("app/main"), fs::Permissions::from_mode(0o000)).unwrap();
    let mut command = build.command(exporter());
    command.env("CNB_EXPERIMENTAL_MODE", "silent").args(["-layout", "-layout-dir"]).arg(build.path("layout"));
    if fs::read(build.path("app/main")).is_ok() {
        // The root user reads everything; this one does not.
        command.uid(65534).gid(65534);
    }
    let output = command.arg("a.example/a:1").output_in_time().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(62), "{stderr}");
    assert!(stderr.contains("app/main"), "{stderr}");
    assert!(!build.path("layout/a.example").exists());
}
