//! Every variation of a rebase: none of them is a fault of the rebaser.

use std::process::Command;

use bounded::Bounded as _;
use serde_json::Value;

use crate::support::program;

const SCENARIOS: [&str; 4] =
    ["rebase-recorded", "rebase-repeated", "rebase-upon-another-name", "rebase-without-annotations"];

fn names() -> Vec<String> {
    let list = Command::new(program("harmless-exporter")).arg("--list").output_in_time().unwrap();
    let text = String::from_utf8(list.stdout).unwrap();
    let first = text.lines().filter_map(|line| line.split_whitespace().next());
    first.filter(|name| name.starts_with("rebase-")).map(str::to_owned).collect()
}

#[test]
fn harmless_variations_of_a_rebase_raise_no_alarm() {
    let names = names();
    assert!(names.len() >= 10, "{names:?}");
    for name in names {
        let folder = tempfile::tempdir().unwrap();
        let (file, report, evidence) =
            (folder.path().join("x.toml"), folder.path().join("r.json"), folder.path().join("evidence"));
        let [harmless, reference] =
            ["harmless-exporter", "reference-exporter"].map(|name| program(name).display().to_string());
        let command = [harmless, name.clone(), reference, "rebaser".to_owned()];
        std::fs::write(&file, format!("name = \"wrapped\"\n[rebaser]\ncommand = {command:?}\n")).unwrap();
        let mut run = Command::new(env!("CARGO_BIN_EXE_conformance"));
        run.args([
            "run",
            "--profile",
            "strict",
            "--registry",
            "embedded",
            "--target",
            "registry",
            "--phase",
            "rebaser",
        ]);
        run.arg("--exporter-file").arg(&file).arg("--report").arg(format!("json={}", report.display()));
        run.arg("--evidence").arg(&evidence);
        for scenario in SCENARIOS {
            run.args(["--scenario", scenario]);
        }
        let output = run.output_in_time().unwrap();
        let bytes = std::fs::read(&report).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        let report: Value = conformance::report::json::plain(&bytes).unwrap();
        let verdicts = report["verdicts"].as_array().unwrap();
        let bad = |one: &&Value| matches!(one["verdict"].as_str(), Some("fail" | "warn" | "error" | "skipped"));
        let alarms: Vec<String> =
            verdicts.iter().filter(bad).map(|one| format!("{}: {}", one["id"], one["message"])).collect();
        assert!(alarms.is_empty(), "{name}: {alarms:#?}");
        assert!(verdicts.iter().filter(|one| one["verdict"] == "pass").count() > 80, "{name}");
        let said = std::fs::read_to_string(evidence.join("rebase-recorded/registry/1/stderr.txt")).unwrap();
        assert!(said.contains("changed manifest and config"), "{name}: {said}");
    }
}
