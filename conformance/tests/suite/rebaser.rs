//! Rebasers, end to end on the embedded registry: the reference's, one that does what the Go lifecycle's does, and
//! none.

use std::path::Path;

use serde_json::Value;

use super::support::{program, said};

const HERE: [&str; 5] = ["run", "--registry", "embedded", "--target", "registry"];
const FEW: [&str; 6] =
    ["--scenario", "rebase-recorded", "--scenario", "rebase-not-rebasable", "--scenario", "rebase-without-annotations"];

/// The verdicts of a run, and its exit code.
fn judged(words: &[&str]) -> (Option<i32>, Vec<Value>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.json");
    let report = format!("json={}", file.display());
    let output = said(&[&HERE[..], words, &["--report", &report]].concat());
    let text = std::fs::read_to_string(&file).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let report: Value = conformance::report::json::plain(text.as_bytes()).unwrap();
    (output.status.code(), report["verdicts"].as_array().unwrap().clone())
}

fn slugs(verdicts: &[Value], answer: &str) -> Vec<String> {
    let of_it = verdicts.iter().filter(|verdict| verdict["verdict"] == answer);
    let mut found: Vec<String> = of_it.map(|verdict| verdict["requirement"].as_str().unwrap().to_owned()).collect();
    found.sort();
    found.dedup();
    found
}

#[test]
fn the_reference_s_rebaser_does_it_right_and_only_rebases_are_judged() {
    program("reference-exporter");
    let (code, verdicts) =
        judged(&[&["--exporter", "reference", "--phase", "rebaser", "--profile", "strict"][..], &FEW].concat());
    assert_eq!(code, Some(0));
    assert!(verdicts.iter().all(|one| one["requirement"].as_str().unwrap().starts_with("rebase.")));
    let held = slugs(&verdicts, "pass");
    assert!(held.len() > 25, "{held:?}");
    assert!(slugs(&verdicts, "skipped").is_empty());
}

#[test]
fn a_rebaser_that_does_what_the_go_lifecycle_s_does_fails_what_speaks_of_it() {
    if ["curl", "jq"].iter().any(|tool| std::process::Command::new(tool).arg("--version").output().is_err()) {
        eprintln!("skipped: the shell rebaser needs curl and jq");
        return;
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/exporters/like-go-rebaser.toml");
    let (code, verdicts) = judged(&[&["--exporter-file", &file.display().to_string()][..], &FEW].concat());
    assert_eq!(code, Some(1));
    let failed = ["rebase.annotations-kept", "rebase.media-types-agree", "rebase.oci-kept"];
    assert_eq!(slugs(&verdicts, "fail"), failed);
    assert!(slugs(&verdicts, "warn").is_empty());
}

#[test]
fn without_a_rebaser_nothing_is_said_of_it_and_asking_for_it_is_refused() {
    program("reference-exporter");
    let (_, verdicts) =
        judged(&["--exporter-file", "lifecycle", "--exporter", "/bin/false", "--scenario", "rebase-recorded"]);
    assert!(!verdicts.is_empty());
    for verdict in &verdicts {
        assert_eq!(verdict["verdict"], "n/a", "{verdict}");
        assert!(verdict["message"].as_str().unwrap().starts_with("not described"), "{verdict}");
    }
    let output = said(&["run", "--exporter", "/bin/false", "--phase", "rebaser"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("has no [rebaser]"));
    let output = said(&["run", "--exporter", "reference", "--phase", "exporter", "--scenario", "rebase-*"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn stored_evidence_of_rebases_is_judged_again_with_the_same_verdicts() {
    program("reference-exporter");
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let first =
        ["--exporter", "reference", "--scenario", "rebase-exported", "--evidence", &path("evidence"), "--report"];
    let output = said(&[&HERE[..], &first, &[&format!("json={}", path("one.json"))]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let again = said(&["judge", &path("evidence"), "--report", &format!("json={}", path("two.json"))]);
    assert_eq!(again.status.code(), Some(0), "{}", String::from_utf8_lossy(&again.stderr));
    let verdicts = |name: &str| -> Value {
        let report: Value = conformance::report::json::plain(&std::fs::read(path(name)).unwrap()).unwrap();
        report["verdicts"].clone()
    };
    assert_eq!(verdicts("one.json"), verdicts("two.json"));
    let of_both = verdicts("one.json").as_array().unwrap().iter().any(|one| one["requirement"] == "rebase.base-name");
    assert!(of_both);
    let known = said(&["base-status", "not a reference"]);
    assert_eq!(known.status.code(), Some(2));
    assert_eq!(said(&["base-status", "a", "--platform", "linux"]).status.code(), Some(2));
}
