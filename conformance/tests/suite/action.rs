//! The script of the composite action in docs/ci, run as a runner of GitHub Actions does: with inputs as variables.

use std::path::Path;
use std::process::Command;

use bounded::Bounded as _;

use super::support::executable;

const ACTION: &str = include_str!("../../../docs/ci/action.yml");

/// What its only step runs.
fn script() -> String {
    let (_, after) = ACTION.split_once("      run: |\n").unwrap();
    after.lines().map(|line| line.strip_prefix("        ").unwrap_or(line).to_owned() + "\n").collect()
}

/// What the program was told by these inputs, how the step ended, and what it put out.
fn called(folder: &Path, inputs: &[(&str, &str)], code: u8) -> (Vec<String>, Option<i32>, String) {
    let told = folder.join("told").display().to_string();
    let program = executable(folder, "stub", &format!("printf '%s\\n' \"$@\" > {told:?}; exit {code}"));
    let put_out = folder.join("output");
    std::fs::write(&put_out, "").unwrap();
    let output = Command::new("bash")
        .args(["-eo", "pipefail", "-c", &script()])
        .current_dir(folder)
        .envs(inputs.iter().copied())
        .env("CONFORMANCE", program)
        .env("GITHUB_OUTPUT", &put_out)
        .output_in_time()
        .unwrap();
    let words = std::fs::read_to_string(&told).unwrap().lines().map(str::to_owned).collect();
    (words, output.status.code(), std::fs::read_to_string(put_out).unwrap())
}

#[test]
fn the_action_hands_on_its_inputs_and_the_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let inputs =
        [("EXPORTER", "./my exporter; exit 0"), ("PROFILE", "strict"), ("BASELINE", ""), ("REPORT", "reports of it")];
    let (words, code, put_out) = called(folder.path(), &inputs, 1);
    let reports = ["json=reports of it/report.json", "junit=reports of it/junit.xml", "html=reports of it/report.html"];
    let start = ["run", "--exporter", "./my exporter; exit 0", "--profile", "strict"];
    assert_eq!(words[..5], start);
    for report in ["terminal", "github"].into_iter().chain(reports) {
        assert!(words.windows(2).any(|pair| pair == ["--report", report]), "{report}: {words:?}");
    }
    assert!(!words.contains(&"--baseline".to_owned()), "{words:?}");
    assert_eq!((code, put_out.as_str()), (Some(1), "exit-code=1\n"));
    assert!(folder.path().join("reports of it").is_dir());
    let inputs = [("EXPORTER", "e"), ("PROFILE", "rfc-196"), ("BASELINE", "known.toml"), ("REPORT", "r")];
    let (words, code, put_out) = called(folder.path(), &inputs, 0);
    assert!(words.windows(2).any(|pair| pair == ["--baseline", "known.toml"]), "{words:?}");
    assert_eq!((code, put_out.as_str()), (Some(0), "exit-code=0\n"));
}

#[test]
fn every_input_of_the_action_reaches_its_script() {
    let inputs = ACTION.split_once("inputs:\n").unwrap().1.split_once("\noutputs:").unwrap().0;
    let names = inputs.lines().filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'));
    let names: Vec<&str> = names.filter(|name| !name.starts_with(' ')).collect();
    assert_eq!(names, ["exporter", "profile", "baseline", "report", "conformance"]);
    for name in names {
        let variable = name.to_uppercase();
        assert!(ACTION.contains(&format!("{variable}: ${{{{ inputs.{name} }}}}")), "{name}");
        assert!(script().contains(&format!("${variable}")), "{name}");
        assert!(!script().contains("inputs."), "text of inputs is never part of the script");
    }
}
