//! The real registry and a real daemon. Run under `registry-compose/with-services`, with ignored tests included; a
//! service that is missing then is a failure.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

fn judged(arguments: &[&str]) -> (Option<i32>, Value, String) {
    assert_eq!(
        std::env::var("CONFORMANCE_SERVICES").as_deref(),
        Ok("1"),
        "run this under registry-compose/with-services"
    );
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let output = Command::new(env!("CARGO_BIN_EXE_conformance"))
        .args(["run", "--profile", "strict", "--report", &format!("json={}", report.display())])
        .args(arguments)
        .output()
        .unwrap();
    let report = serde_json::from_slice(&std::fs::read(&report).unwrap_or_default()).unwrap_or_default();
    (output.status.code(), report, String::from_utf8_lossy(&output.stderr).into_owned())
}

fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
#[ignore = "needs the services of registry-compose/with-services"]
fn the_reference_conforms_on_registry_daemon_and_layout_with_nothing_skipped() {
    let before = docker(&["images", "--all", "--quiet"]);
    let (code, report, stderr) =
        judged(&["--registry", "container", "--require", "registry,daemon,layout", "--allow-push-from-daemon"]);
    assert_eq!(code, Some(0), "{stderr}\n{}", report["verdicts"]);
    let totals = &report["totals"];
    assert_eq!(
        (&totals["skipped"], &totals["error"], &totals["fail"], &totals["warn"]),
        (&0.into(), &0.into(), &0.into(), &0.into())
    );
    let kinds: Vec<&str> =
        report["services"].as_array().unwrap().iter().map(|service| service["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["container", "docker", "disk"]);
    let judged_by_daemon = report["verdicts"]
        .as_array()
        .unwrap()
        .iter()
        .any(|entry| entry["requirement"] == "daemon.round-trip-content" && entry["verdict"] == "pass");
    assert!(judged_by_daemon, "nothing was pushed from the daemon");
    assert_eq!(docker(&["images", "--all", "--quiet"]), before, "images are left in the daemon");
    assert_eq!(docker(&["ps", "--all", "--quiet"]), "", "containers are left in the daemon");
}

#[test]
#[ignore = "needs the services of registry-compose/with-services"]
fn the_reference_conforms_on_a_registry_program() {
    let (code, report, stderr) = judged(&["--registry", "executable", "--target", "registry"]);
    assert_eq!(code, Some(0), "{stderr}");
    let service = &report["services"][0];
    assert_eq!(service["kind"], "executable");
    assert!(service["version"].as_str().unwrap().starts_with("docker-registry 2."), "{service}");
}

#[test]
#[ignore = "needs the services of registry-compose/with-services"]
fn a_fault_in_the_daemon_is_the_exporter_s() {
    let folder = tempfile::tempdir().unwrap();
    let reference = Path::new(env!("CARGO_BIN_EXE_conformance")).with_file_name("reference-exporter");
    let wrapper = folder.path().join("relabels");
    let script = format!(
        "#!/bin/sh\nset -e\n{} \"$@\"\nfor image; do :; done\n\
         id=$(docker create \"$image\" x)\n\
         docker commit -c 'LABEL org.opencontainers.image.source=smuggled' \"$id\" \"$image\" >/dev/null\n\
         docker rm \"$id\" >/dev/null\n",
        reference.display()
    );
    std::fs::write(&wrapper, script).unwrap();
    Command::new("chmod").arg("755").arg(&wrapper).status().unwrap();
    let (code, report, stderr) = judged(&[
        "--exporter",
        &wrapper.display().to_string(),
        "--registry",
        "embedded",
        "--scenario",
        "minimal",
        "--target",
        "daemon",
        "--target",
        "registry",
        "--requirement",
        "daemon.*",
        "--allow-push-from-daemon",
    ]);
    // On the registry there is no image in the daemon, so the wrapper fails there: only the daemon's own rows count.
    assert_eq!(code, Some(1), "{stderr}");
    let failed: Vec<&str> = report["verdicts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["verdict"] == "fail")
        .map(|entry| entry["requirement"].as_str().unwrap())
        .collect();
    assert!(failed.contains(&"daemon.report-image-id"), "{failed:?}");
}
