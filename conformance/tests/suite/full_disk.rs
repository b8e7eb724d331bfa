//! Disks that are full: the suite's failure, and no verdict on an exporter.

use std::process::Command;

use bounded::Bounded as _;

use super::support::{executable, program, requirements};

#[test]
fn a_disk_without_room_for_evidence_is_the_suite_s_failure_and_verdicts_are_printed() {
    program("reference-exporter");
    let folder = tempfile::tempdir().unwrap();
    let full = folder.path().join("full");
    std::fs::create_dir(&full).unwrap();
    // A disk of its own, in a namespace of its own.
    let script = "mount -t tmpfs -o size=100k tmpfs \"$1\" && shift && exec \"$@\"";
    let inside =
        ["--registry", "embedded", "--target", "registry", "--scenario", "three-tags", "--scenario", "minimal"];
    let output = Command::new("unshare")
        .args(["--mount", "--map-root-user", "sh", "-c", script, "sh"])
        .arg(&full)
        .arg(env!("CARGO_BIN_EXE_conformance"))
        .args(["run", "--evidence"])
        .arg(full.join("evidence"))
        .args(inside)
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
        .output_in_time()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("No space left on device") && said.contains("verdicts"), "{said}");
}

#[test]
fn an_exporter_that_fails_on_the_suite_s_full_disk_is_not_judged() {
    program("reference-exporter");
    let folder = tempfile::tempdir().unwrap();
    let full = folder.path().join("full");
    std::fs::create_dir(&full).unwrap();
    let fails = executable(folder.path(), "fails", "echo No space left on device >&2; exit 62");
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    for (size, code) in [("16m", 3), ("512m", 1)] {
        let report = folder.path().join(format!("{size}.json"));
        let script = format!("mount -t tmpfs -o size={size} tmpfs \"$1\" && export TMPDIR=$1 && shift && exec \"$@\"");
        let output = Command::new("unshare")
            .args(["--mount", "--map-root-user", "sh", "-c", &script, "sh"])
            .arg(&full)
            .arg(env!("CARGO_BIN_EXE_conformance"))
            .args([
                "run",
                "--registry",
                "embedded",
                "--target",
                "registry",
                "--scenario",
                "minimal",
                "--exporter",
                &fails,
            ])
            .args(["--report", &format!("json={}", report.display())])
            .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
            .output_in_time()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{size}: {said}");
        let plain = conformance::report::json::plain(&std::fs::read(&report).unwrap()).unwrap();
        assert_eq!(requirements(&plain, "fail").is_empty(), code == 3, "{size}: {said}");
        assert_eq!(plain.to_string().contains("TMPDIR chooses the disk"), code == 3, "{size}: {said}");
    }
}
