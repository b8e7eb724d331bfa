//! Exporters that do not end by themselves, and signals to the suite: nothing of either stays.

use std::process::Command;

use serde_json::Value;

use super::support::{conformance, executable, run, running, that_hears_signals};

#[test]
fn an_exporter_that_hangs_is_ended_with_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let script = "setsid sleep 86399.125 & sleep 86399.125 & sleep 86399.125";
    let exporter = executable(folder.path(), "hangs", script);
    let judged = run(&["--exporter", &exporter, "--scenario", "minimal", "--target", "registry", "--timeout", "1"]);
    assert_eq!(judged.code, Some(1), "{}", judged.stderr);
    let verdicts = judged.report["verdicts"].as_array().unwrap();
    let exit = verdicts.iter().find(|entry| entry["requirement"] == "platform.exit-zero").unwrap();
    assert!(exit["found"].as_str().unwrap().starts_with("ended after 1 s"), "{exit}");
    assert_eq!(running("86399.125"), 0);
}

#[test]
fn noise_and_children_left_behind_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let script = "head -c 1073741824 /dev/zero; setsid sleep 86398.375 & exit 7";
    let exporter = executable(folder.path(), "loud", script);
    let evidence = folder.path().join("evidence");
    let judged = run(&[
        "--exporter",
        &exporter,
        "--scenario",
        "minimal",
        "--target",
        "registry",
        "--evidence",
        &evidence.display().to_string(),
    ]);
    assert_eq!(judged.code, Some(1), "{}", judged.stderr);
    assert_eq!(running("86398.375"), 0);
    let export: Value =
        serde_json::from_slice(&std::fs::read(evidence.join("minimal/registry/1/export.json")).unwrap()).unwrap();
    assert_eq!(export["outcome"]["printed"], 1_073_741_824_u64);
    assert_eq!(export["outcome"]["outlived"], 1);
    // Both ends, and how much is missing between.
    assert!(std::fs::metadata(evidence.join("minimal/registry/1/stdout.txt")).unwrap().len() <= 256 * 1024 + 64);
}

/// Sends signals to a run whose exporter hangs, in turn; the exit code, when nothing of it is left.
fn ended_by(seconds: &str, before: &[&str], signals: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let temporary = folder.path().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let exporter = executable(folder.path(), "hangs", &format!("sleep {seconds} & sleep {seconds}"));
    let program = conformance().get_program().to_str().unwrap().to_owned();
    let words = [before, &[program.as_str()]].concat();
    let child = that_hears_signals(words[0])
        .args(&words[1..])
        .env("TMPDIR", &temporary)
        .args(["run", "--registry", "embedded", "--exporter", &exporter, "--target", "registry"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    for signal in signals {
        for _ in 0..200 {
            if running(seconds) > 0 {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        assert!(running(seconds) > 0, "it ended before {signal}");
        assert!(Command::new("kill").args([*signal, &child.id().to_string()]).status().unwrap().success());
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!(running(seconds), 0);
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0);
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn ctrl_c_and_a_closed_terminal_end_the_run_in_order() {
    for (seconds, signal) in [("86397.625", "-INT"), ("86397.125", "-HUP")] {
        let (code, printed) = ended_by(seconds, &[], &[signal]);
        assert_eq!(code, Some(130), "{signal}: {printed}");
    }
}

#[test]
fn under_nohup_a_closed_terminal_ends_nothing() {
    let (code, printed) = ended_by("86396.625", &["nohup"], &["-HUP", "-TERM"]);
    assert_eq!(code, Some(130), "{printed}");
}
