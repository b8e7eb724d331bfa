//! What the documents show of the demo and of the ways side by side is what runs show: with what varies masked.
//! `RENEW_PROJECT_DOCS=1` writes them anew.

use std::path::PathBuf;

use bounded::Bounded as _;
use conformance::alternatives::{Record, page};

use super::support::{conformance, program};

const RENEW: &str = "renew it: RENEW_PROJECT_DOCS=1 cargo test -p conformance --test suite project_docs";

fn document(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name)
}

fn renews() -> bool {
    std::env::var_os("RENEW_PROJECT_DOCS").is_some()
}

/// The text with `N` for times, ports and digests.
fn masked(text: &str) -> String {
    let words = text.split_inclusive([' ', '\n', '/', ',']).map(|word| {
        let bare = word.trim_end_matches([' ', '\n', '/', ',']);
        let end = &word[bare.len()..];
        let is_time = bare.contains('.') && bare.parse::<f64>().is_ok();
        if bare.starts_with("127.0.0.1:") {
            format!("127.0.0.1:N{end}")
        } else if bare.starts_with("sha256:") {
            format!("sha256:N{end}")
        } else if is_time && end == " " {
            format!("N{end}")
        } else {
            word.to_owned()
        }
    });
    words.collect()
}

#[test]
fn the_recorded_demo_is_what_the_demo_prints_and_it_is_over_in_20_seconds() {
    for name in ["reference-exporter", "project-metadata", "project-annotations"] {
        program(name);
    }
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    let output = conformance().args(["demo", "--keep"]).arg(&kept).output_in_time().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    let shown_folder = std::fs::canonicalize(&kept).unwrap().display().to_string();
    let printed = printed.replace(&shown_folder, "DIR");
    let seconds: f64 = printed.lines().last().unwrap().trim().trim_end_matches(" s").parse().unwrap();
    assert!(seconds < 20.0, "{seconds} s");
    for name in
        ["before-the-rebase.json", "after-the-rebase.json", "scenarios/platform/scenario.toml", "source/project.toml"]
    {
        assert!(kept.join(name).is_file(), "{name} is not kept");
    }
    let file = document("demo.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let (head, rest) = text.split_once("```text\n").unwrap();
    let (shown, tail) = rest.split_once("```\n").unwrap();
    if renews() {
        std::fs::write(&file, format!("{head}```text\n{printed}```\n{tail}")).unwrap();
        return;
    }
    assert_eq!(masked(&printed), masked(shown), "{RENEW}");
}

#[test]
fn the_page_of_the_ways_is_that_of_its_record_and_the_record_is_what_runs_show() {
    let output = conformance().args(["alternatives", "--format", "json"]).output_in_time().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let fresh: Record = serde_json::from_slice(&output.stdout).unwrap();
    if renews() {
        std::fs::write(document("alternatives.json"), &output.stdout).unwrap();
        std::fs::write(document("alternatives.md"), page(&fresh)).unwrap();
        return;
    }
    let stored: Record = serde_json::from_slice(&std::fs::read(document("alternatives.json")).unwrap()).unwrap();
    assert_eq!(std::fs::read_to_string(document("alternatives.md")).unwrap(), page(&stored), "{RENEW}");
    assert_eq!(fresh.without_times(), stored.without_times(), "{RENEW}");
}

#[test]
fn masking_hides_what_varies_and_nothing_else() {
    assert_eq!(masked("a 127.0.0.1:4/x sha256:ab…, is 2.4 s\n"), "a 127.0.0.1:N/x sha256:N, is N s\n");
    assert_ne!(masked("9 of 9"), masked("8 of 9"));
    assert_ne!(masked("version        1.4.0\n"), masked("version        1.5.0\n"));
}
