//! The reference exporter of the same build stands all cases, copies of it with a planted fault do not.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use bounded::Bounded as _;
use serde_json::Value;

use crate::support::{conformance, executable, program};

/// Runs in `folder`, where failures are kept in `kept`; `tmp` in it must be empty afterwards.
pub(super) fn fuzz(folder: &Path, arguments: &[&str]) -> (Output, Value) {
    let temporary = folder.join("tmp");
    std::fs::create_dir_all(&temporary).unwrap();
    let output = conformance()
        .env("TMPDIR", &temporary)
        .current_dir(folder)
        .args(["fuzz", "--report", "json", "--keep-failures", "kept"])
        .args(arguments)
        .output_in_time()
        .unwrap();
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0, "left behind");
    let report = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output, report)
}

pub(super) fn faulty(folder: &Path, fault: &str) -> String {
    let file = folder.join(format!("{fault}.toml"));
    let text = format!(
        "name = \"faulty\"\ncommand = [{:?}, \"{fault}\", {:?}]\ntargets = [\"registry\"]\n",
        program("faulty-exporter"),
        program("reference-exporter"),
    );
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

#[test]
fn the_reference_stands_generated_builds() {
    program("reference-exporter");
    let folder = tempfile::tempdir().unwrap();
    let (output, report) = fuzz(folder.path(), &["--cases", "8", "--seed", "11", "--profile", "strict"]);
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    let none = serde_json::json!([]);
    assert_eq!((&report["done"], &report["failures"], &report["troubles"]), (&8.into(), &none, &none));
    assert!(report["judged"].as_u64().unwrap() > 400, "{report:#}");
    assert!(!folder.path().join("kept").exists());
}

#[test]
fn planted_faults_are_found_kept_and_repeated() {
    for (fault, requirement, is_file) in [
        ("values-trimmed", "source.", "layers/project-metadata.toml"),
        ("values-nfc", "source.", "layers/project-metadata.toml"),
        ("base-digest-by-tag", "base.digest-pinned", "scenario.toml"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let exporter = faulty(folder.path(), fault);
        let arguments = ["--exporter-file", &exporter, "--cases", "8", "--shrink", "2", "--target", "registry"];
        let (output, report) = fuzz(folder.path(), &arguments);
        assert_eq!(output.status.code(), Some(1), "{fault}: {report:#}");
        let failures = report["failures"].as_array().unwrap();
        let is_wanted =
            |name: &str| name.starts_with(requirement) && (requirement != "source." || name.ends_with(".verbatim"));
        let failure = failures.iter().find(|failure| is_wanted(failure["requirement"].as_str().unwrap()));
        let failure = failure.unwrap_or_else(|| panic!("{fault}: {report:#}"));
        assert_eq!(failure["repeated"], true, "{fault}: {failure:#}");
        assert!(failure["tries"].as_u64().unwrap() > 0, "{fault}: {failure:#}");
        let place = |key: &str| folder.path().join(failure[key].as_str().unwrap());
        assert!(place("scenario").join(is_file).is_file(), "{fault}");
        assert!(place("evidence").join("index.json").is_file(), "{fault}");
        let repeat = failure["repeat"].as_str().unwrap();
        let words: Vec<&str> = repeat.split(' ').skip(1).collect();
        let again = conformance().current_dir(folder.path()).args(words).output_in_time().unwrap();
        assert_eq!(again.status.code(), Some(1), "{fault}: {repeat}\n{}", String::from_utf8_lossy(&again.stderr));
    }
}

#[test]
fn the_time_ends_it_and_nothing_judged_is_exit_4() {
    let folder = tempfile::tempdir().unwrap();
    let sleeps = executable(folder.path(), "sleeps", "exec sleep 86396.25");
    let (output, report) = fuzz(folder.path(), &["--exporter", &sleeps, "--time", "1"]);
    assert_eq!(output.status.code(), Some(4), "{report:#}");
    assert_eq!((&report["done"], &report["cases"]), (&0.into(), &100.into()));
    assert!(report["seconds"].as_f64().unwrap() < 30.0);
}

#[test]
fn a_requirement_that_fails_in_every_case_is_told_once_with_its_cases() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--exporter", "/bin/false", "--cases", "5", "--shrink", "1", "--target", "layout", "--jobs", "1"];
    let (output, report) = fuzz(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(1), "{report:#}");
    let failures = report["failures"].as_array().unwrap();
    let exits: Vec<&Value> = failures.iter().filter(|failure| failure["requirement"] == "platform.exit-zero").collect();
    assert_eq!(exits.len(), 1, "{report:#}");
    assert_eq!(exits[0]["cases"], serde_json::json!([0, 1, 2, 3, 4]));
}

#[test]
fn wrong_usage_is_exit_2() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    for arguments in [&["--cases", "0"][..], &["--seed", "x"], &["--keep-failures", "file"], &["--target", "moon"]] {
        let output = conformance()
            .current_dir(folder.path())
            .args(["fuzz", "--exporter", "/bin/false"])
            .args(arguments)
            .output_in_time()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(arguments[1]), "{arguments:?}");
    }
}

#[test]
fn ctrl_c_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let begun = folder.path().join("begun");
    let hangs = executable(folder.path(), "hangs", &format!("touch {}\nexec sleep 86395.5", begun.display()));
    let temporary = folder.path().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let child = conformance()
        .env("TMPDIR", &temporary)
        .current_dir(folder.path())
        .args(["fuzz", "--exporter", &hangs])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    for _ in 0..400 {
        if begun.exists() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(begun.exists());
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0);
    assert!(!folder.path().join("fuzz-failures").exists());
}
