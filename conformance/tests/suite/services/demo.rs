//! The whole way from a source folder, with a real daemon in it.

use std::process::Command;

use bounded::Bounded as _;

use crate::support::{docker, needs_services};

#[test]
#[ignore = "needs the services of registry-compose/with-services"]
fn the_demo_exports_to_the_daemon_as_well_and_leaves_nothing_there() {
    needs_services();
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_conformance"))
        .args(["demo", "--keep"])
        .arg(folder.path())
        .output_in_time()
        .unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{stdout}{stderr}");
    let daemons = stdout.lines().filter(|line| line.trim_start().starts_with("daemon:")).count();
    assert!(daemons >= 2, "each way is exported to a daemon: {stdout}");
    assert!(stdout.contains("conformant on registry, daemon and layout"), "{stdout}");
    // Other tests have images there at the same time: those of the demo are named by its registries.
    let registries: Vec<&str> = stdout
        .split_whitespace()
        .filter_map(|word| word.starts_with("127.0.0.1:").then(|| word.split('/').next())?)
        .collect();
    assert!(!registries.is_empty(), "{stdout}");
    let named = docker(&["images", "--format", "{{.Repository}}"]);
    let left: Vec<&str> = named.lines().filter(|name| registries.iter().any(|host| name.starts_with(host))).collect();
    assert!(left.is_empty(), "images are left in the daemon: {left:?}");
}
