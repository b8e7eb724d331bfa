//! What the tests share: the programs of the same build, runs of the suite with their reports, and what the services'
//! daemon has.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use bounded::Bounded as _;
use serde_json::Value;

/// The program, away from daemons: nothing may reach one that happens to run.
pub(super) fn conformance() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_conformance"));
    command.env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
    command
}

/// A program of the workspace next to this test's.
pub(super) fn program(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_conformance")).with_file_name(name);
    assert!(path.is_file(), "{} is not built; test the whole workspace", path.display());
    path
}

/// The output of the program, called with these words.
pub(super) fn said(arguments: &[&str]) -> Output {
    conformance().args(arguments).output_in_time().unwrap()
}

/// A run, its exit code and its JSON report.
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

/// These names as a set.
pub(super) fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// A shell script that can be run, and its path.
pub(super) fn executable(folder: &Path, name: &str, script: &str) -> String {
    let path = folder.join(name);
    bounded::write_program(&path, &format!("#!/bin/sh\n{script}\n")).unwrap();
    path.display().to_string()
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

/// Processes whose command line holds `marker`.
pub(super) fn running(marker: &str) -> usize {
    let entries = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    entries
        .filter(|entry| {
            std::fs::read(entry.path().join("cmdline"))
                .is_ok_and(|line| String::from_utf8_lossy(&line).contains(marker))
        })
        .count()
}

/// A program that hears every signal, also where the tests are run under nohup, or in the background of a shell.
pub(super) fn that_hears_signals(program: &str) -> Command {
    let mut command = Command::new("env");
    command.args(["--default-signal=HUP,INT", program]);
    command
}

/// Fails where the services of `registry-compose/with-services` are not there.
pub(super) fn needs_services() {
    let told = std::env::var("CONFORMANCE_SERVICES");
    assert_eq!(told.as_deref(), Ok("1"), "run this under registry-compose/with-services");
}

/// What `docker` prints, on the daemon of the services.
pub(super) fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output_in_time().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// `docker` with these lists the daemon's images.
pub(super) const IMAGES: [&str; 4] = ["images", "--all", "--quiet", "--no-trunc"];
/// `docker` with these lists the daemon's containers.
pub(super) const CONTAINERS: [&str; 3] = ["ps", "--all", "--quiet"];

/// What the daemon lists.
pub(super) fn ids(list: &[&str]) -> BTreeSet<String> {
    docker(list).lines().map(str::to_owned).collect()
}

/// What is new and stays. What tests have that run at the same time goes again, within two minutes.
pub(super) fn left(now: impl Fn() -> BTreeSet<String>, before: &BTreeSet<String>) -> BTreeSet<String> {
    let mut new: BTreeSet<String> = now().difference(before).cloned().collect();
    for _ in 0..240 {
        if new.is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(500));
        new = new.intersection(&now()).cloned().collect();
    }
    new
}
