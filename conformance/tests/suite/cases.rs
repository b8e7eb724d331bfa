//! The binary as its users run it: on registries and layouts that need no service. Exporters that must be there are
//! those of the same build.

use bounded::Bounded as _;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

pub(super) fn conformance() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_conformance"));
    // Nothing here may reach a daemon that happens to run.
    command.env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
    command
}

/// A program of the workspace next to this test's.
pub(super) fn program(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_conformance")).with_file_name(name);
    assert!(path.is_file(), "{} is not built; test the whole workspace", path.display());
    path
}

pub(super) struct Judged {
    pub(super) code: Option<i32>,
    pub(super) report: Value,
    pub(super) stderr: String,
}

/// Runs with a JSON report, in a temporary folder of its own that must be empty afterwards.
pub(super) fn run(arguments: &[&str]) -> Judged {
    let folder = tempfile::tempdir().unwrap();
    let temporary = folder.path().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    // Steps that run as another user must come there.
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let report = folder.path().join("report.json");
    let output = conformance()
        .env("TMPDIR", &temporary)
        .args(["run", "--registry", "embedded", "--report", &format!("json={}", report.display())])
        .args(arguments)
        .output_in_time()
        .unwrap();
    let left: Vec<_> = std::fs::read_dir(&temporary).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty(), "left behind: {left:?}");
    let report: Value =
        std::fs::read(&report).ok().and_then(|bytes| conformance::report::json::plain(&bytes).ok()).unwrap_or_default();
    super::shown::hold(&report);
    Judged { code: output.status.code(), report, stderr: String::from_utf8_lossy(&output.stderr).into_owned() }
}

/// Requirements with this verdict.
pub(super) fn requirements(report: &Value, verdict: &str) -> BTreeSet<String> {
    let verdicts = report["verdicts"].as_array().unwrap();
    let wanted = verdicts.iter().filter(|entry| entry["verdict"] == verdict);
    wanted.map(|entry| entry["requirement"].as_str().unwrap().to_owned()).collect()
}

pub(crate) fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub(super) fn executable(folder: &Path, name: &str, script: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

#[test]
fn the_reference_meets_the_strict_profile_and_the_report_its_schema() {
    program("reference-exporter");
    let folder = tempfile::tempdir().unwrap();
    let evidence = folder.path().join("evidence").display().to_string();
    let targets = ["--target", "registry", "--target", "layout"];
    let file = folder.path().join("packed.json");
    let packed = format!("json={}", file.display());
    let judged = run(&[&["--profile", "strict", "--evidence", &evidence, "--report", &packed], &targets[..]].concat());
    assert_eq!(judged.code, Some(0), "{}", judged.stderr);
    super::shown::hold_a_full_run(&judged.report, Path::new(&evidence));
    let totals = &judged.report["totals"];
    assert_eq!(
        (&totals["fail"], &totals["warn"], &totals["error"], &totals["skipped"]),
        (&0.into(), &0.into(), &0.into(), &0.into())
    );
    assert!(totals["pass"].as_u64().unwrap() > 1000, "{totals}");
    let schema: Value = serde_json::from_str(include_str!("../../../docs/report.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let packed: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    for report in [&packed, &judged.report] {
        let errors: Vec<String> = validator.iter_errors(report).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
    assert!(std::fs::metadata(&file).unwrap().len() < 3 << 20, "texts are there once");
    let ids: BTreeSet<&str> =
        judged.report["verdicts"].as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), judged.report["verdicts"].as_array().unwrap().len(), "ids are unique");
}

/// A description of the exporter that spoils the reference by this fault, with a TOML list's items as its targets.
pub(super) fn faulty(fault: &str, targets: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("faulty.toml");
    let text = format!(
        "name = \"faulty\"\ncommand = [{:?}, \"{fault}\", {:?}]\ntargets = [{targets}]\n",
        program("faulty-exporter"),
        program("reference-exporter"),
    );
    std::fs::write(&file, text).unwrap();
    let file = file.display().to_string();
    (folder, file)
}

#[test]
fn a_fault_trips_exactly_the_requirements_that_speak_of_it() {
    for (fault, expected) in [
        ("base-digest-dropped", &["base.digest-present", "base.pair"][..]),
        (
            "base-digest-is-image-id",
            &["base.digest-is-run-image", "base.digest-resolves", "base.digest-not-image-id", "base.agrees-with-label"],
        ),
        ("title-altered", &["source.title.verbatim"]),
        ("layers-swapped", &["digest.diff-ids-true"]),
        ("undefined-reserved-key", &["annotations.reserved-namespace"]),
        ("file-left-in-the-app", &["platform.nothing-else-written"]),
        ("file-left-in-the-layers", &["platform.nothing-else-written"]),
        ("file-left-in-the-working-folder", &["platform.nothing-else-written"]),
        ("input-rewritten", &["inputs.untouched"]),
        ("input-removed", &["inputs.untouched"]),
    ] {
        let (_folder, file) = faulty(fault, "\"registry\"");
        let judged = run(&[
            "--exporter-file",
            &file,
            "--profile",
            "strict",
            "--scenario",
            "all-project-metadata",
            "--target",
            "registry",
        ]);
        assert_eq!(judged.code, Some(1), "{fault}: {}", judged.stderr);
        assert_eq!(requirements(&judged.report, "fail"), set(expected), "{fault}");
    }
}

#[test]
fn a_fault_on_another_target_or_scenario_trips_exactly_what_speaks_of_it() {
    for (fault, target, scenario, expected) in [
        ("report-of-layout-paths", "layout", "three-tags", &["layout.report-tags"][..]),
        ("experimental-warning-with-silent", "layout", "layout-gate", &["layout.experimental-gate"]),
        ("no-experimental-warning", "layout", "layout-gate", &["layout.experimental-gate"]),
        ("layout-without-a-tag", "layout", "three-tags", &["layout.path"]),
        (
            "docker-descriptors-without-annotations",
            "registry",
            "no-project-metadata",
            &["manifest.descriptor-types", "base.digest-present", "base.name-present"],
        ),
    ] {
        let (_folder, file) = faulty(fault, &format!("\"{target}\""));
        let of = ["--exporter-file", &file, "--profile", "strict", "--scenario", scenario, "--target", target];
        let judged = run(&of);
        assert_eq!(judged.code, Some(1), "{fault}: {}", judged.stderr);
        assert_eq!(requirements(&judged.report, "fail"), set(expected), "{fault}");
    }
}

#[test]
fn in_core_an_exporter_that_annotates_nothing_and_is_otherwise_right_is_conformant() {
    let (_folder, file) = faulty("annotates-nothing", "\"registry\", \"layout\"");
    let both = ["--target", "registry", "--target", "layout"];
    let judged = run(&[&["--exporter-file", &file, "--profile", "core"][..], &both].concat());
    assert_eq!(judged.code, Some(0), "{:?}\n{}", requirements(&judged.report, "fail"), judged.stderr);
    let warned = requirements(&judged.report, "warn");
    assert!(warned.is_empty(), "{warned:?}");
    assert!(judged.report["totals"]["pass"].as_u64().unwrap() > 1000);
    // The same exporter is not conformant where the RFC decides.
    let judged = run(&["--exporter-file", &file, "--profile", "rfc-196", "--scenario", "minimal"]);
    assert_eq!(judged.code, Some(1), "{}", judged.stderr);
}

#[test]
fn an_exporter_that_fails_is_told_so_in_every_scenario() {
    let judged = run(&["--exporter", "/bin/false", "--target", "registry", "--target", "layout"]);
    assert_eq!(judged.code, Some(1));
    let verdicts = judged.report["verdicts"].as_array().unwrap();
    // Scenarios in which nothing has to succeed, and those of daemons alone.
    let without_good_build = [
        "daemon-ends-during-push",
        "daemon-restarted",
        "docker-run-image-of-mixed-layers",
        "errors-daemon-down",
        "errors-daemon-ends",
        "errors-daemon-full",
        "image-started",
        "other-surroundings-daemon",
        "rebuilt-without-launch-cache",
        "run-image-index-nested",
        "run-image-made-in-daemon",
        "socket-in-app",
    ];
    for scenario in judged.report["scenarios"].as_array().unwrap() {
        let name = scenario.as_str().unwrap();
        // No rebaser was named, and nothing says that it has extensions.
        if without_good_build.contains(&name) || name.starts_with("rebase-") || name.starts_with("run-image-extended") {
            continue;
        }
        let of_it: Vec<&Value> = verdicts.iter().filter(|entry| entry["scenario"] == *scenario).collect();
        let exit = of_it.iter().find(|entry| entry["requirement"] == "platform.exit-zero");
        let exit = exit.unwrap_or_else(|| panic!("{scenario} has no good build"));
        assert_eq!(exit["verdict"], "fail", "{scenario}");
        assert!(exit["found"].as_str().unwrap().starts_with("exit 1"), "{exit}");
        assert!(of_it.iter().any(|entry| entry["follows_from"] == exit["id"]), "{scenario}");
    }
    // It refuses whatever it is given, so that a refusal says nothing.
    let passed = requirements(&judged.report, "pass");
    assert!(passed.is_empty(), "{passed:?}");
    let failed = requirements(&judged.report, "fail");
    assert_eq!(failed.iter().map(String::as_str).collect::<Vec<_>>(), ["platform.exit-zero"]);
}

#[test]
fn what_cannot_be_run_is_the_caller_s_fault_and_no_verdict() {
    let not_executable = run(&["--exporter", "/etc/passwd"]);
    assert_eq!((not_executable.code, &not_executable.report), (Some(2), &Value::Null));
    let missing = run(&["--exporter", "/nonexistent"]);
    assert_eq!(missing.code, Some(2));
    assert!(missing.stderr.contains("/nonexistent"), "{}", missing.stderr);
    assert_eq!(missing.stderr.lines().count(), 1, "{}", missing.stderr);
}

#[test]
fn wrong_usage_is_exit_2_and_names_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("odd.toml");
    std::fs::write(&odd, "name = 'x'\ncommand = ['true']\ntimeuot = 3\n").unwrap();
    let odd = odd.display().to_string();
    for (arguments, named) in [
        (&["--profile", "lax"][..], "lax"),
        (&["--scenario", "no-such"], "--scenario"),
        (&["--requirement", "no-such"], "requirements"),
        (&["--requirement", "base.digest-presnt"], "did you mean base.digest-present?"),
        (&["--require", "foo"], "there is no such service"),
        (&["--require", "daemon", "--target", "registry"], "--target leaves it out"),
        (&["--daemon", "/nope.sock"], "unix:///"),
        (&["--scenarios", "/nonexistent/scenarios"], "/nonexistent/scenarios"),
        (&["--exporter-file", &odd], "timeuot"),
        (&["--report", "pdf"], "pdf"),
        (&["--platform-api", "new"], "new"),
        (&["--no-such-flag"], "--no-such-flag"),
        (&["--evidence", "/etc"], "/etc"),
    ] {
        let judged = run(arguments);
        assert_eq!(judged.code, Some(2), "{arguments:?}: {}", judged.stderr);
        assert!(judged.stderr.contains(named), "{arguments:?}: {}", judged.stderr);
        assert!(!judged.stderr.contains("panicked"), "{}", judged.stderr);
    }
}

#[test]
fn nothing_judged_is_exit_4_and_a_missing_service_exit_3() {
    let nothing = run(&["--exporter", "/bin/false", "--target", "registry", "--requirement", "layout.*"]);
    assert_eq!(nothing.code, Some(4), "{}", nothing.stderr);
    let missing = run(&["--exporter", "/bin/false", "--scenario", "minimal", "--require", "daemon"]);
    assert_eq!(missing.code, Some(3), "{}", missing.stderr);
    assert!(missing.stderr.contains("--require daemon: none is available"), "{}", missing.stderr);
    assert!(missing.report.is_null(), "it is known before the first export");
}

#[test]
fn a_registry_that_is_none_is_found_before_the_first_export() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        for stream in listener.incoming().take(2) {
            let mut stream = stream.unwrap();
            let _ = std::io::Read::read(&mut stream, &mut [0; 4096]);
            let answer = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            std::io::Write::write_all(&mut stream, answer.as_bytes()).unwrap();
        }
    });
    let web = format!("http://127.0.0.1:{port}");
    let ask = || {
        let output =
            conformance().args(["run", "--exporter", "/bin/false", "--registry", &web]).output_in_time().unwrap();
        assert_eq!(output.status.code(), Some(3));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said.lines().count(), 1, "{said}");
        said
    };
    let other = ask();
    assert!(other.contains("it answers 404"), "{other}");
    let _ = std::net::TcpStream::connect(("127.0.0.1", port));
    server.join().unwrap();
    let closed = ask();
    assert!(closed.contains("refused"), "{closed}");
}

/// Processes whose command line holds `marker`.
fn running(marker: &str) -> usize {
    let entries = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    entries
        .filter(|entry| {
            std::fs::read(entry.path().join("cmdline"))
                .is_ok_and(|line| String::from_utf8_lossy(&line).contains(marker))
        })
        .count()
}

#[test]
fn an_exporter_that_hangs_is_ended_with_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let script = "setsid sleep 86399.125 & sleep 86399.125 & sleep 86399.125";
    let exporter = executable(folder.path(), "hangs", script);
    let judged = run(&["--exporter", &exporter, "--scenario", "minimal", "--target", "registry", "--timeout", "1"]);
    assert_eq!(judged.code, Some(1), "{}", judged.stderr);
    let verdicts = judged.report["verdicts"].as_array().unwrap();
    let exit = verdicts.iter().find(|entry| entry["requirement"] == "platform.exit-zero").unwrap();
    assert!(exit["found"].as_str().unwrap().starts_with("ended after 1 s"), "{exit}");
    assert_eq!(running("86399.125"), 0);
}

#[test]
fn noise_and_children_left_behind_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let script = "head -c 1073741824 /dev/zero; setsid sleep 86398.375 & exit 7";
    let exporter = executable(folder.path(), "loud", script);
    let evidence = folder.path().join("evidence");
    let judged = run(&[
        "--exporter",
        &exporter,
        "--scenario",
        "minimal",
        "--target",
        "registry",
        "--evidence",
        &evidence.display().to_string(),
    ]);
    assert_eq!(judged.code, Some(1), "{}", judged.stderr);
    assert_eq!(running("86398.375"), 0);
    let export: Value =
        serde_json::from_slice(&std::fs::read(evidence.join("minimal/registry/1/export.json")).unwrap()).unwrap();
    assert_eq!(export["outcome"]["printed"], 1_073_741_824_u64);
    assert_eq!(export["outcome"]["outlived"], 1);
    // Both ends, and how much is missing between.
    assert!(std::fs::metadata(evidence.join("minimal/registry/1/stdout.txt")).unwrap().len() <= 256 * 1024 + 64);
}

/// A program that hears every signal, also where the tests are run under nohup, or in the background of a shell.
pub(super) fn that_hears_signals(program: &str) -> Command {
    let mut command = Command::new("env");
    command.args(["--default-signal=HUP,INT", program]);
    command
}

/// Sends signals to a run whose exporter hangs, in turn; the exit code, when nothing of it is left.
fn ended_by(seconds: &str, before: &[&str], signals: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let temporary = folder.path().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let exporter = executable(folder.path(), "hangs", &format!("sleep {seconds} & sleep {seconds}"));
    let program = conformance().get_program().to_str().unwrap().to_owned();
    let words = [before, &[program.as_str()]].concat();
    let child = that_hears_signals(words[0])
        .args(&words[1..])
        .env("TMPDIR", &temporary)
        .args(["run", "--registry", "embedded", "--exporter", &exporter, "--target", "registry"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    for signal in signals {
        for _ in 0..200 {
            if running(seconds) > 0 {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        assert!(running(seconds) > 0, "it ended before {signal}");
        assert!(Command::new("kill").args([*signal, &child.id().to_string()]).status().unwrap().success());
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!(running(seconds), 0);
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0);
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn ctrl_c_and_a_closed_terminal_end_the_run_in_order() {
    for (seconds, signal) in [("86397.625", "-INT"), ("86397.125", "-HUP")] {
        let (code, printed) = ended_by(seconds, &[], &[signal]);
        assert_eq!(code, Some(130), "{signal}: {printed}");
    }
}

#[test]
fn under_nohup_a_closed_terminal_ends_nothing() {
    let (code, printed) = ended_by("86396.625", &["nohup"], &["-HUP", "-TERM"]);
    assert_eq!(code, Some(130), "{printed}");
}

#[test]
fn evidence_is_indexed_and_inputs_can_be_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (evidence, keep) = (folder.path().join("evidence"), folder.path().join("keep"));
    let judged = run(&[
        "--scenario",
        "minimal",
        "--evidence",
        &evidence.display().to_string(),
        "--keep",
        &keep.display().to_string(),
    ]);
    assert_eq!(judged.code, Some(0), "{}", judged.stderr);
    let index: Value = serde_json::from_slice(&std::fs::read(evidence.join("index.json")).unwrap()).unwrap();
    assert_eq!(index["version"], 2);
    let hex = |path: &Path| -> String { judge::digest::Digest::of(&std::fs::read(path).unwrap()).encoded().to_owned() };
    for export in index["exports"].as_array().unwrap() {
        for file in export["files"].as_array().unwrap() {
            let path = evidence.join(export["folder"].as_str().unwrap()).join(file["path"].as_str().unwrap());
            assert_eq!(file["sha256"], hex(&path), "{}", path.display());
        }
    }
    let listings = index["listings"].as_array().unwrap();
    assert!(!listings.is_empty());
    for listing in listings {
        let hash = listing["sha256"].as_str().unwrap();
        assert_eq!(hex(&evidence.join("listings").join(hash).with_extension("json")), hash);
    }
    for blob in index["blobs"].as_array().unwrap() {
        let name = blob["digest"].as_str().unwrap().trim_start_matches("sha256:");
        assert_eq!(hex(&evidence.join("blobs/sha256").join(name)), name);
    }
    assert!(keep.join("minimal/registry/1/layers/group.toml").is_file());
    let again = run(&["--scenario", "minimal", "--evidence", &evidence.display().to_string()]);
    assert_eq!(again.code, Some(2), "evidence is never overwritten");
}

pub(super) fn said(arguments: &[&str]) -> Output {
    conformance().args(arguments).output_in_time().unwrap()
}

#[test]
fn what_the_suite_knows_can_be_listed_and_explained() {
    for what in ["requirements", "scenarios", "profiles"] {
        let output = said(&["list", what, "--format", "json"]);
        let list: Value = serde_json::from_slice(&output.stdout).unwrap();
        let ids: BTreeSet<&str> = list.as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), list.as_array().unwrap().len(), "{what}");
        assert!(ids.len() >= 4, "{what}");
    }
    let output = said(&["explain", "base.digest-pinned"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("rfc-196-discussion.txt") && text.contains("MUST on registry"), "{text}");
    let output = said(&["explain", "digest-pinned"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("base.digest-pinned"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    for path in ["scenarios", "scenarios/minimal", "exporters/lifecycle.toml"] {
        let output = said(&["check", &root.join(path).display().to_string()]);
        assert_eq!(output.status.code(), Some(0), "{path}");
    }
    assert_eq!(said(&["check", "/etc/passwd"]).status.code(), Some(2));
}

#[test]
fn the_doctor_speaks_plainly() {
    program("reference-exporter");
    let well = said(&["doctor"]);
    assert_eq!(well.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&well.stdout).contains("ready to be judged"));
    let ill = said(&["doctor", "--exporter", "/bin/false"]);
    assert_eq!(ill.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&ill.stdout).contains("exit 1"));
    assert_eq!(said(&["doctor", "--exporter", "/nonexistent"]).status.code(), Some(2));
}

#[test]
fn scenarios_and_descriptions_meet_their_schemas() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let schema = |text: &str| jsonschema::validator_for(&serde_json::from_str(text).unwrap()).unwrap();
    let scenario = schema(include_str!("../../../docs/scenario.schema.json"));
    for entry in std::fs::read_dir(root.join("scenarios")).unwrap() {
        let path = entry.unwrap().path().join("scenario.toml");
        let value: toml::Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
        let errors: Vec<String> =
            scenario.iter_errors(&serde_json::to_value(value).unwrap()).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", path.display());
    }
    let description = schema(include_str!("../../../docs/exporter-description.schema.json"));
    for name in ["reference", "lifecycle", "umoci"] {
        let text = std::fs::read_to_string(root.join(format!("exporters/{name}.toml"))).unwrap();
        let value: toml::Table = text.parse().unwrap();
        assert!(description.is_valid(&serde_json::to_value(value).unwrap()), "{name}");
    }
}

#[test]
fn the_document_of_open_questions_is_current() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let mut stored: Vec<String> = std::fs::read_dir(docs.join("observations"))
        .unwrap()
        .map(|entry| entry.unwrap().path().display().to_string())
        .filter(|path| Path::new(path).extension().is_some_and(|ending| ending == "json"))
        .collect();
    stored.sort();
    let output = said(&[&["questions"][..], &stored.iter().map(String::as_str).collect::<Vec<_>>()].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let committed = std::fs::read_to_string(docs.join("open-questions.md")).unwrap();
    let renew = "renew it: conformance questions docs/observations/*.json > docs/open-questions.md";
    assert_eq!(String::from_utf8_lossy(&output.stdout), committed, "{renew}");
    let odd = said(&["questions", &docs.join("report.schema.json").display().to_string()]);
    assert_eq!(odd.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&odd.stderr).contains("report.schema.json"));
}

#[test]
fn a_folder_of_temporary_files_that_is_not_there_is_refused_and_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("nowhere");
    let output =
        conformance().env("TMPDIR", &missing).args(["run", "--exporter", "/bin/false"]).output_in_time().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("TMPDIR") && said.contains("nowhere"), "{said}");
    assert!(said.lines().count() == 1 && !missing.exists(), "{said}");
}

#[test]
fn pages_that_messages_name_are_printed_and_others_are_refused() {
    let page = said(&["docs", "exporter-description"]);
    assert!(page.status.success() && page.stdout.starts_with(b"# "));
    let refused = said(&["docs", "nothing"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("see conformance docs"));
}
