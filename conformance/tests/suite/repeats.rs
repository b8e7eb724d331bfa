//! The commands that a report prints, run as they are printed.

use bounded::Bounded as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::support::{Judged, faulty, program, run};

fn verdict<'a>(report: &'a Value, scenario: &str, requirement: &str) -> &'a Value {
    let mut all = report["verdicts"].as_array().unwrap().iter();
    let found = all.find(|verdict| verdict["scenario"] == scenario && verdict["requirement"] == requirement);
    found.unwrap_or_else(|| panic!("{scenario}/{requirement}: {}", report["verdicts"]))
}

/// Runs the command that a verdict prints, in a shell whose PATH has the program, and judges the case again.
fn repeated(verdict: &Value) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let line = format!("{} --report 'json={}'", verdict["repeat"].as_str().unwrap(), report.display());
    let programs = Path::new(env!("CARGO_BIN_EXE_conformance")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
    let output = Command::new("sh").args(["-c", &line]).env("PATH", path).output_in_time().unwrap();
    let text = std::fs::read(&report).unwrap_or_else(|_| panic!("{line}: {}", String::from_utf8_lossy(&output.stderr)));
    conformance::report::json::plain(&text).unwrap()
}

fn is_the_same_again(judged: &Judged, scenario: &str, requirement: &str, answer: &str) {
    let first = verdict(&judged.report, scenario, requirement);
    assert_eq!(first["verdict"], answer, "{first}");
    let report = repeated(first);
    let again = verdict(&report, scenario, requirement);
    for member in ["verdict", "level", "target", "service", "message"] {
        assert_eq!(again[member], first[member], "{member} of {}", first["repeat"]);
    }
    assert_eq!(report["platform_api"], judged.report["platform_api"]);
    assert_eq!(report["profile"], judged.report["profile"]);
}

#[test]
fn a_command_gives_its_verdict_again_with_the_control_of_a_refusal_and_every_condition() {
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("our profile.toml");
    std::fs::write(&profile, "name = 'our-platform'\nextends = 'rfc-196'\n").unwrap();
    let reference = program("reference-exporter");
    let given = ["--exporter", reference.to_str().unwrap(), "--profile", profile.to_str().unwrap()];
    let asked = ["--scenario", "minimal", "--scenario", "socket-in-app", "--target", "registry"];
    let conditions = ["--platform-api", "0.14", "--timeout", "90"];
    let judged = run(&[&given[..], &asked, &conditions].concat());
    is_the_same_again(&judged, "socket-in-app", "errors.special-file", "pass");
    is_the_same_again(&judged, "minimal", "manifest.schema", "pass");
    // Alone it could not be judged, and its command says no more than it did.
    let alone = run(&[&given[..], &["--scenario", "socket-in-app", "--target", "registry"]].concat());
    is_the_same_again(&alone, "socket-in-app", "errors.special-file", "skipped");
}

#[test]
fn a_command_of_a_failure_gives_the_failure_again() {
    let (_folder, file) = faulty("title-altered", "\"registry\"");
    let judged = run(&[
        "--exporter-file",
        &file,
        "--profile",
        "strict",
        "--target",
        "registry",
        "--scenario",
        "all-project-metadata",
    ]);
    let all = judged.report["verdicts"].as_array().unwrap();
    let failed = all.iter().find(|verdict| verdict["verdict"] == "fail").unwrap_or_else(|| panic!("{}", judged.stderr));
    let requirement = failed["requirement"].as_str().unwrap();
    is_the_same_again(&judged, "all-project-metadata", requirement, "fail");
}
