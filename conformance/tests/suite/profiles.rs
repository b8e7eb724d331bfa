//! A user's own profile, as its file is given on the command line.

use std::path::Path;

use serde_json::Value;

use super::support::said;

fn written(folder: &Path, text: &str) -> String {
    let file = folder.join("our profile.toml");
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

#[test]
fn a_profile_s_file_decides_and_is_named_in_repeat_commands() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path(), "name = 'ours'\nextends = 'core'\n[levels]\n'source.*.present' = 'MUST'\n");
    let report = folder.path().join("report.json");
    let (scenario, target) = (["--scenario", "minimal"], ["--target", "registry"]);
    let to = format!("json={}", report.display());
    let mut arguments = vec!["run", "--exporter", "/bin/false", "--registry", "embedded", "--profile", &file];
    arguments.extend(scenario.iter().chain(&target));
    arguments.extend(["--report", &to]);
    assert_eq!(said(&arguments).status.code(), Some(1));
    let bytes = std::fs::read(&report).unwrap();
    let report: Value = conformance::report::json::plain(&bytes).unwrap();
    assert_eq!(report["profile"], "ours");
    let names: Vec<&str> =
        report["headlines"].as_array().unwrap().iter().map(|headline| headline["profile"].as_str().unwrap()).collect();
    assert_eq!(names, ["core", "rfc-196", "buildpack-annotations", "strict", "ours"]);
    let verdicts = report["verdicts"].as_array().unwrap();
    let of = |id: &str| verdicts.iter().find(|verdict| verdict["requirement"] == id).unwrap();
    assert_eq!(
        (&of("source.title.present")["level"], &of("base.name-present")["level"]),
        (&"MUST".into(), &"OPTIONAL".into())
    );
    let repeat = of("platform.exit-zero")["repeat"].as_str().unwrap();
    assert!(repeat.contains(&format!("--profile '{file}'")), "{repeat}");
    let schema = serde_json::from_str(include_str!("../../../docs/report.schema.json")).unwrap();
    assert!(jsonschema::is_valid(&schema, &serde_json::from_slice(&bytes).unwrap()));
}

#[test]
fn what_is_no_profile_is_refused_with_one_message() {
    let folder = tempfile::tempdir().unwrap();
    for (text, words) in [
        ("name = 'ours'\nextends = 'strict'\n[levels]\n'base.pair' = 'SHOULD'\n", "lowers base.pair on registry"),
        ("name = 'ours'\nextends = 'core'\n[levels]\n'base.none' = 'MUST'\n", "'base.none' matches no requirement"),
        ("name = 'ours'\nextends = 'core'\nmore = 1\n", "unknown field `more`"),
    ] {
        let file = written(folder.path(), text);
        for arguments in [&["run", "--profile", &file][..], &["check", &file]] {
            let output = said(arguments);
            let message = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{message}");
            assert!(message.contains(words) && message.contains("our profile.toml"), "{message}");
        }
    }
    let output = said(&["run", "--profile", "strickt"]);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2));
    assert!(message.contains("read the profile strickt") && message.contains("buildpack-annotations"), "{message}");
    let good = written(folder.path(), "name = 'ours'\nextends = 'rfc-196'\n");
    let output = said(&["check", &good]);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stdout).contains("the profile 'ours' is well-formed"));
}
