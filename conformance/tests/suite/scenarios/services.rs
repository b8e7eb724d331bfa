//! The same on a real daemon and a real registry.

use std::collections::BTreeSet;

use bounded::Bounded as _;
use serde_json::Value;

use super::rig::Rig;
use crate::support::{IMAGES, ids, left, needs_services};

/// Prints whether the run image is there, and leaves an image of its own under the tag.
const IN_A_DAEMON: &str = r#"
for word; do [ "$last" = -analyzed ] && analyzed=$word; last=$word; done
reference=$(sed -n 's/^reference = "\(.*\)"/\1/p' "$analyzed" | tail -n 1)
docker image inspect "$reference" >/dev/null 2>&1 && echo run-image=there || echo run-image=gone
tar -c --files-from /dev/null | docker import --message "$(date +%N)" - "$image" >/dev/null
exit 1
"#;

#[test]
#[ignore = "needs the services of registry-compose/with-services"]
fn a_daemon_lets_go_of_the_run_image_and_keeps_nothing_after_the_run() {
    needs_services();
    let rig = Rig::new();
    rig.exporter(IN_A_DAEMON);
    rig.scenario(
        "gone",
        "targets = ['daemon']\n[[steps]]\n[[steps]]\ndelete-run-image = true\n[[steps]]\nmove-run-image-tag = true\n",
    );
    rig.scenario("mirror", "targets = ['daemon']\n[run-image]\nchosen-mirror = 'team/run:base'\nindex = 'index'\n");
    let (before, report) = (ids(&IMAGES), rig.path("report.json"));
    let evidence = rig.path("evidence");
    let mut command = rig.command();
    match std::env::var_os("DOCKER_HOST") {
        Some(host) => command.env("DOCKER_HOST", host),
        None => command.env_remove("DOCKER_HOST"),
    };
    // Without a push there is no other name that holds on to an image.
    command.env_remove("CONFORMANCE_OWN_DAEMON").arg("--report").arg(format!("json={}", report.display()));
    let output = command.arg("--evidence").arg(&evidence).output_in_time().unwrap();
    let read = |id: &str| -> Value {
        let bytes = std::fs::read(evidence.join(id).join("export.json"));
        let bytes = bytes.unwrap_or_else(|error| panic!("{id}: {error}: {}", String::from_utf8_lossy(&output.stderr)));
        serde_json::from_slice(&bytes).unwrap()
    };
    let service = std::fs::read_dir(evidence.join("gone")).unwrap().next().unwrap().unwrap().file_name();
    let service = service.to_string_lossy().into_owned();
    for (step, expected) in [(1, "run-image=there"), (2, "run-image=gone"), (3, "run-image=there")] {
        let export = read(&format!("gone/{service}/{step}"));
        assert_eq!(export["outcome"]["stdout"].as_str().unwrap().trim(), expected, "step {step}");
        assert!(export["tags"][0]["digest"].is_string(), "the exporter's image is seen");
    }
    let image = read(&format!("mirror/{service}/1"))["run_image"].clone();
    let mirror = read(&format!("mirror/{service}/1"))["inputs"]["project"].clone();
    let name = format!("/{}/team/run:base", mirror.as_str().unwrap());
    assert!(image["name"].as_str().unwrap().ends_with(&name), "{image}");
    assert_eq!((&image["index"], &image["digest"]), (&Value::Null, &image["manifest"]["digest"]));
    assert_eq!(left(|| ids(&IMAGES), &before), BTreeSet::new(), "images are left in the daemon");
}
