//! What the program says of itself: its lists, pages and schemas, and the doctor.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::support::{program, said};

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
fn pages_that_messages_name_are_printed_and_others_are_refused() {
    let page = said(&["docs", "exporter-description"]);
    assert!(page.status.success() && page.stdout.starts_with(b"# "));
    let refused = said(&["docs", "nothing"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("see conformance docs"));
}
