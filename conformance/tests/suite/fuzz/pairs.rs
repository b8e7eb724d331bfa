//! Builds that cover every pair of values.

use super::cases::{faulty, fuzz};
use crate::support::program;

#[test]
fn every_pair_is_built_judged_and_told() {
    program("reference-exporter");
    let folder = tempfile::tempdir().unwrap();
    let (output, report) = fuzz(folder.path(), &["--pairs", "--target", "layout", "--profile", "strict"]);
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    let (pairs, builds) = (&report["pairs"], report["done"].as_u64().unwrap());
    assert_eq!(pairs["covered"], pairs["of"]);
    assert!(pairs["of"].as_u64().unwrap() > 4000 && (50..120).contains(&builds), "{pairs} in {builds}");
    assert_eq!((&report["done"], &report["failures"]), (&report["cases"], &serde_json::json!([])));
}

#[test]
fn a_fault_is_found_and_what_was_not_built_is_not_covered() {
    let folder = tempfile::tempdir().unwrap();
    let faulty = faulty(folder.path(), "values-nfc");
    let arguments = ["--pairs", "--time", "20", "--target", "registry", "--shrink", "0"];
    let (output, report) = fuzz(folder.path(), &[&["--exporter-file", &faulty], &arguments[..]].concat());
    let done = report["done"].as_u64().unwrap();
    assert!(report["seconds"].as_f64().unwrap() < 90.0, "{report:#}");
    if done > 0 {
        assert_eq!(output.status.code(), Some(1), "{report:#}");
        let is_cause = |failure: &serde_json::Value| failure["cause"] == "source.*.verbatim";
        assert!(report["failures"].as_array().unwrap().iter().any(is_cause), "{report:#}");
    }
    let covered = report["pairs"]["covered"].as_u64().unwrap();
    let is_all = done == report["cases"].as_u64().unwrap();
    assert_eq!(covered == report["pairs"]["of"].as_u64().unwrap(), is_all, "{report:#}");
}

#[test]
fn pairs_have_no_number_of_cases() {
    let folder = tempfile::tempdir().unwrap();
    let (output, _) = fuzz(folder.path(), &["--pairs", "--cases", "3"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--pairs"));
}
