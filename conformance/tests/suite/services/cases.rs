//! The real registry and a real daemon. Run under `registry-compose/with-services`, with ignored tests included; a
//! service that is missing then is a failure.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use bounded::Bounded as _;
use serde_json::Value;

use crate::support::{CONTAINERS, IMAGES, docker, executable, ids, left, needs_services, program};

fn judged(arguments: &[&str]) -> (Option<i32>, Value, String) {
    needs_services();
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let output = Command::new(env!("CARGO_BIN_EXE_conformance"))
        .args(["run", "--profile", "strict", "--report", &format!("json={}", report.display())])
        .args(arguments)
        .output_in_time()
        .unwrap();
    let report = conformance::report::json::plain(&std::fs::read(&report).unwrap_or_default()).unwrap_or_default();
    (output.status.code(), report, String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Requirements that a classic store shows nothing of: it keeps no manifest, and who refers to the run image by its ID
/// makes no digest reference. `tests/stores` has the other stores.
const NOT_IN_A_CLASSIC_STORE: [&str; 6] = [
    "daemon.annotations-kept",
    "daemon.base-digest-known",
    "daemon.containerd-keeps-digest",
    "daemon.reference-not-image-id",
    "daemon.round-trip-annotations",
    "daemon.round-trip-digest",
];

/// Requirements on optional fields, which the reference does not write, and on uploads in chunks, which it does not
/// make.
const NOT_WRITTEN: [&str; 4] =
    ["manifest.artifact-type", "manifest.descriptor-data", "manifest.descriptor-urls", "wire.chunks-in-order"];

/// Requirements that are n/a, absent or skipped wherever they are asked.
fn not_judged(report: &Value) -> BTreeSet<String> {
    let verdicts = report["verdicts"].as_array().unwrap();
    let is_judged = |id: &str| {
        let of_it = verdicts.iter().filter(|entry| entry["requirement"] == id);
        of_it.map(|entry| entry["verdict"].as_str().unwrap()).any(|verdict| ["pass", "fail", "warn"].contains(&verdict))
    };
    judge::requirements::all().map(|row| row.id.to_owned()).filter(|id| !is_judged(id)).collect()
}

/// Question, scenario, service and answer of every observation.
fn observed(observations: &Value) -> BTreeSet<[String; 4]> {
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap().to_owned();
    let observations = observations.as_array().unwrap().iter();
    observations.map(|entry| ["question", "scenario", "service", "answer"].map(|key| text(entry, key))).collect()
}

#[test]
#[ignore = "needs the services of registry-compose/with-services"]
fn the_reference_conforms_on_registry_daemon_and_layout_with_nothing_skipped() {
    let before = ids(&IMAGES);
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
    // The registry, another one, a closed port, a silent server, a guard, one with TLS, one with tokens, three whose
    // certificates are not to be trusted; then daemon, private daemon and layout.
    let mut expected = vec!["container", "container", "none", "none"];
    expected.extend(["container"; 6]);
    expected.extend(["docker", "docker", "disk"]);
    assert_eq!(kinds, expected);
    let mut unseen = not_judged(&report);
    unseen.retain(|slug| !NOT_IN_A_CLASSIC_STORE.contains(&slug.as_str()) && !NOT_WRITTEN.contains(&slug.as_str()));
    assert_eq!(unseen, BTreeSet::new(), "requirements that no scenario shows");
    assert!(totals["pass"].as_u64().unwrap() >= 1500, "{totals}");
    let seen = observed(&report["observations"]);
    let stored: Value = serde_json::from_str(include_str!("../../../../docs/observations/reference.json")).unwrap();
    let mut stored = observed(&stored["observations"]);
    // It is of every kind of store; here is a classic one.
    stored
        .retain(|[_, _, service, _]| report["services"].as_array().unwrap().iter().any(|one| one["name"] == **service));
    let other: Vec<_> = seen.symmetric_difference(&stored).collect();
    assert!(other.is_empty(), "renew it with --report observations=FILE on every kind of store: {other:?}");
    assert_eq!(left(|| ids(&IMAGES), &before), BTreeSet::new(), "images are left in the daemon");
    assert_eq!(left(|| ids(&CONTAINERS), &BTreeSet::new()), BTreeSet::new(), "containers are left in the daemon");
}

#[test]
#[ignore = "needs the services of registry-compose/with-services"]
fn a_registry_in_a_container_is_published_on_loopback_alone() {
    let folder = tempfile::tempdir().unwrap();
    let ports = folder.path().join("ports");
    let script = format!("docker ps --format '{{{{.Ports}}}}' >{}", ports.display());
    let wrapper = executable(folder.path(), "looks", &script);
    // The exporter's environment has no DOCKER_HOST on a registry, so its description brings it.
    let description = folder.path().join("looks.toml");
    let host = std::env::var("DOCKER_HOST").unwrap();
    let text = format!("name = 'looks'\ncommand = [{wrapper:?}]\nenvironment = {{ DOCKER_HOST = {host:?} }}\n");
    std::fs::write(&description, text).unwrap();
    let description = description.display().to_string();
    judged(&[
        "--registry",
        "container",
        "--exporter-file",
        &description,
        "--scenario",
        "minimal",
        "--target",
        "registry",
    ]);
    let seen = std::fs::read_to_string(&ports).unwrap();
    assert!(seen.contains("127.0.0.1:") && !seen.contains("0.0.0.0") && !seen.contains("::"), "{seen}");
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
    let reference = program("reference-exporter");
    let script = format!(
        "set -e\n{} \"$@\"\nfor image; do :; done\n\
         id=$(docker create \"$image\" x)\n\
         docker commit -c 'LABEL org.opencontainers.image.source=smuggled' \"$id\" \"$image\" >/dev/null\n\
         docker rm \"$id\" >/dev/null",
        reference.display()
    );
    let wrapper = executable(folder.path(), "relabels", &script);
    let (code, report, stderr) = judged(&[
        "--exporter",
        &wrapper,
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

/// What is left of private engines whose folders lie in `folder`: processes, mounts, bridges, folders.
fn left_of_engines(folder: &Path) -> Vec<String> {
    let marker = format!("{}/engine-", folder.display());
    let mut left = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let mounts = std::fs::read_to_string(entry.path().join("mountinfo")).unwrap_or_default();
        if String::from_utf8_lossy(&line).contains(&marker) || mounts.contains(&marker) {
            left.push(format!("process {}", entry.file_name().display()));
        }
    }
    for entry in std::fs::read_dir(folder).unwrap().filter_map(Result::ok) {
        if entry.file_name().to_string_lossy().starts_with("engine-") {
            left.push(format!("folder {}", entry.path().display()));
        }
    }
    left
}

/// The bridges of private engines. Containers of other tests come and go on the engine of the services.
fn bridges() -> BTreeSet<String> {
    let links = std::fs::read_dir("/sys/class/net").unwrap().map(|entry| entry.unwrap().file_name());
    links.map(|name| name.to_string_lossy().into_owned()).filter(|name| name.starts_with("cf")).collect()
}

#[test]
#[ignore = "needs the services of registry-compose/with-services"]
fn nothing_of_a_private_engine_is_left_when_the_suite_is_killed() {
    needs_services();
    for signal in ["KILL", "INT"] {
        let folder = tempfile::tempdir().unwrap();
        let before = bridges();
        // The control export before the run is not a part of what hangs.
        let script = "case \"$*\" in *control-export*) exit 1 ;; esac\nsleep 86396.875";
        let hangs = executable(folder.path(), "hangs", script);
        let mut suite = Command::new(env!("CARGO_BIN_EXE_conformance"))
            .env("TMPDIR", folder.path())
            .args(["run", "--registry", "embedded", "--target", "daemon", "--scenario", "errors-daemon-full"])
            .args(["--exporter", &hangs])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let wait = |is_it: &dyn Fn() -> bool| {
            (0..400).any(|_| {
                std::thread::sleep(std::time::Duration::from_millis(100));
                is_it()
            })
        };
        // Keeper, engine and containerd: three processes and a folder at least.
        assert!(wait(&|| left_of_engines(folder.path()).len() >= 4), "{:?}", left_of_engines(folder.path()));
        let killed = Command::new("kill").args([format!("-{signal}"), suite.id().to_string()]).status().unwrap();
        assert!(killed.success());
        suite.wait().unwrap();
        assert!(wait(&|| left_of_engines(folder.path()).is_empty()), "{signal}: {:?}", left_of_engines(folder.path()));
        assert_eq!(left(bridges, &before), BTreeSet::new(), "{signal}");
    }
}

#[test]
#[ignore = "needs the services of registry-compose/with-services"]
fn an_engine_that_fills_or_ends_is_survived_and_the_reference_says_so() {
    let (code, report, stderr) = judged(&[
        "--registry",
        "embedded",
        "--target",
        "daemon",
        "--scenario",
        "daemon-*",
        "--scenario",
        "errors-daemon-*",
    ]);
    assert_eq!(code, Some(0), "{stderr}\n{}", report["totals"]);
    assert_eq!(report["left_behind"], serde_json::json!([]));
    let verdicts = report["verdicts"].as_array().unwrap();
    for (scenario, requirement) in [
        ("daemon-restarted", "platform.layer-reuse"),
        ("daemon-ends-during-push", "daemon.round-trip-content"),
        ("errors-daemon-full", "errors.daemon-full.message"),
        ("errors-daemon-ends", "errors.daemon-ends.message"),
    ] {
        let id = format!("{scenario}/daemon:private-classic/{requirement}");
        let verdict = verdicts.iter().find(|entry| entry["id"] == *id).unwrap_or_else(|| panic!("{id}"));
        assert_eq!(verdict["verdict"], "pass", "{verdict}");
    }
}

#[test]
#[ignore = "needs the services of registry-compose/with-services"]
fn a_container_that_a_killed_run_left_is_removed_by_the_next_one_which_says_so() {
    needs_services();
    let folder = tempfile::tempdir().unwrap();
    let waits = executable(folder.path(), "waits", "sleep 86395.75");
    let run = |exporter: &Path, target: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_conformance"));
        command.env("TMPDIR", folder.path()).args(["run", "--registry", "container", "--scenario", "minimal"]);
        command.args(["--target", target, "--exporter"]).arg(exporter);
        command
    };
    // Other tests have containers too: this run's names a file in its TMPDIR.
    let own = || {
        let all = docker(&["ps", "--all", "--no-trunc", "--format", "{{.ID}} {{.Labels}}"]);
        let place = folder.path().display().to_string();
        let line = all.lines().find(|line| line.contains(&place)).map(str::to_owned);
        line.and_then(|line| Some(line.split_once(' ')?.0.to_owned()))
    };
    let mut killed = run(Path::new(&waits), "registry").stderr(std::process::Stdio::null()).spawn().unwrap();
    let is_there = (0..600).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        own().is_some()
    });
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(is_there, "there was no container");
    let id = own().expect("a kill leaves the container");
    let exporter = program("reference-exporter");
    let next = run(&exporter, "layout").output_in_time().unwrap();
    let said = String::from_utf8_lossy(&next.stderr);
    assert_eq!(next.status.code(), Some(0), "{said}");
    assert!(said.contains("removed what killed runs had left: ") && said.contains(&id), "{said}");
    assert_eq!(own(), None);
}
