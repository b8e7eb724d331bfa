//! Images travel through every daemon available, and nothing of them stays. Run under `registry-compose/with-services`,
//! with ignored tests included. This program has no other test: what is in a daemon before and after must be its doing.

use bounded::Bounded as _;
use std::process::Command;

use serde_json::Value;

/// The daemons' addresses.
fn daemons() -> Vec<String> {
    let named = std::env::var("CONFORMANCE_DAEMONS").expect("run this under registry-compose/with-services");
    named.split_whitespace().map(str::to_owned).collect()
}

/// Images with their names, containers and volumes of a daemon.
fn held(host: &str) -> Vec<String> {
    let all: [&[&str]; 3] = [
        &["images", "--all", "--no-trunc", "--digests", "--format", "{{.ID}} {{.Repository}}:{{.Tag}} {{.Digest}}"],
        &["ps", "--all", "--quiet"],
        &["volume", "ls", "--quiet"],
    ];
    let listed = all.iter().map(|arguments| {
        let output = Command::new("docker").args(["--host", host]).args(*arguments).output_in_time().unwrap();
        assert!(output.status.success(), "{host}: {}", String::from_utf8_lossy(&output.stderr));
        let mut lines: Vec<String> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
        lines.sort();
        format!("{}: {}", arguments[0], lines.join(", "))
    });
    listed.collect()
}

#[test]
#[ignore = "needs the services of registry-compose/with-services"]
fn images_travel_through_every_daemon_with_known_differences_and_none_stays() {
    let daemons = daemons();
    let before: Vec<Vec<String>> = daemons.iter().map(|host| held(host)).collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.json");
    let scenarios = [
        "image-started",
        "pushed-and-pulled-back",
        "run-image-*-daemon",
        "run-image-pulled-by-*",
        "run-image-loaded",
        "three-tags",
    ];
    let output = Command::new(env!("CARGO_BIN_EXE_conformance"))
        .args(["run", "--profile", "strict", "--registry", "embedded", "--target", "registry", "--target", "daemon"])
        .args(scenarios.iter().flat_map(|name| ["--scenario", name]))
        .args(daemons.iter().flat_map(|host| ["--daemon", host]))
        .args(["--report", &format!("json={}", file.display())])
        .output_in_time()
        .unwrap();
    let after: Vec<Vec<String>> = daemons.iter().map(|host| held(host)).collect();
    assert_eq!(after, before, "images, containers or volumes are left");
    let report: Value = conformance::report::json::plain(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", report["verdicts"]);
    assert_eq!(report["left_behind"], serde_json::json!([]));
    let comparisons = report["differences"].as_array().unwrap();
    for service in report["services"].as_array().unwrap().iter().filter_map(|service| service["name"].as_str()) {
        let of_it = |suffix: &str| comparisons.iter().any(|one| one["right"] == format!("{service}{suffix}").as_str());
        let is_daemon = conformance::record::is_daemon(service);
        // Podman 4.3.1 fails to find layers of an OCI image that it had and let go of.
        let comes_back = of_it(" pulled back") || service == "daemon:podman";
        assert!(!is_daemon || (of_it("") && of_it(" pushed") && comes_back), "{service} was not seen whole");
    }
    let verdicts = report["verdicts"].as_array().unwrap();
    for (service, started) in verdicts
        .iter()
        .filter(|verdict| verdict["scenario"] == "image-started" && verdict["requirement"] == "works.starts")
        .map(|verdict| (&verdict["service"], verdict))
    {
        // What monitors podman's containers starts their runtime without what packages that are unpacked need.
        let is_run = started["verdict"] == "pass" || service == "daemon:podman" && started["verdict"] == "skipped";
        assert!(is_run, "no container of the image was run: {started}");
    }
    let unexpected = comparisons.iter().flat_map(|one| one["differences"].as_array().unwrap());
    let unexpected: Vec<&Value> = unexpected.filter(|one| one["relation"] == "unexpected").collect();
    assert!(unexpected.is_empty(), "{unexpected:?}");
}
