//! `site`, `figures` and `proposal` as their users call them: what they write, and what they refuse.

use bounded::Bounded as _;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use super::support::{conformance, program};

fn called(folder: &Path, arguments: &[&str]) -> Output {
    conformance().current_dir(folder).args(arguments).output_in_time().unwrap()
}

/// Runs one scenario of the reference, and keeps report and evidence.
fn report(folder: &Path) {
    let exporter = program("reference-exporter");
    let run = ["run", "--registry", "embedded", "--target", "registry", "--target", "layout", "--scenario", "minimal"];
    let kept = ["--evidence", "evidence", "--report", "json=report.json", "--exporter", exporter.to_str().unwrap()];
    let output = called(folder, &[&run[..], &kept[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_site_of_a_report_and_of_its_evidence_has_pages_and_badges() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    report(at);
    let site = ["site", "one=report.json", "Two, seen=evidence", "--output", "site"];
    let output = called(at, &site);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let page = |name: &str| std::fs::read_to_string(at.join("site").join(name)).unwrap();
    assert!(page("index.html").contains("Two, seen") && page("index.html").contains("bytes longer"));
    assert!(page("exporters/two-seen.html").contains("Nothing: no requirement was seen violated"));
    assert!(page("requirements/base.digest-present.html").contains("1 of 1"));
    let badge: Value = serde_json::from_str(&page("badges/one/rfc-196.json")).unwrap();
    assert_eq!(badge["message"], "conformant: registry, layout (part of the suite)");
    assert_eq!(called(at, &site).status.code(), Some(0), "a site replaces the one that is there");

    std::fs::write(at.join("site/mine.txt"), "mine").unwrap();
    let refused = called(at, &site);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("mine.txt"));
    let two = called(at, &["site", "report.json", "evidence", "--output", "other"]);
    assert_eq!(two.status.code(), Some(2), "two runs of one name");
    assert!(!at.join("other").exists());

    let figures = called(at, &["figures", "report.json"]);
    std::fs::write(at.join("figures.json"), &figures.stdout).unwrap();
    let proposal = called(at, &["proposal", "figures.json"]);
    assert_eq!(proposal.status.code(), Some(2), "figures of daemons were not measured here");
    assert!(proposal.stdout.is_empty());
    assert_eq!(called(at, &["proposal", "report.json"]).status.code(), Some(2));
}
