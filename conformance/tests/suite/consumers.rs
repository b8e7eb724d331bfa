//! What skopeo and umoci read, of an image whose labels and annotations have the same keys and other values: the rows
//! of docs/consumers.md that are known by a run.

use bounded::Bounded as _;
use std::path::Path;
use std::process::Command;

use judge::view::{PREFIX, RFC_KEYS};
use serde_json::{Value, json};

/// Writes a blob under the digest that is its name, and gives digest and size.
fn put(folder: &Path, bytes: &[u8]) -> (String, usize) {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    let hex = digest.as_ref().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    std::fs::write(folder.join("blobs/sha256").join(&hex), bytes).unwrap();
    (format!("sha256:{hex}"), bytes.len())
}

fn nine(value: &str) -> Value {
    RFC_KEYS.iter().map(|key| (format!("{PREFIX}{key}"), json!(value))).collect::<serde_json::Map<_, _>>().into()
}

/// A layout with one image: its labels say `label`, its annotations `annotation`.
fn layout(folder: &Path) {
    std::fs::create_dir_all(folder.join("blobs/sha256")).unwrap();
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(1);
    header.set_mode(0o644);
    tar.append_data(&mut header, "file", &b"x"[..]).unwrap();
    let layer = put(folder, &tar.into_inner().unwrap());
    let rootfs = json!({ "type": "layers", "diff_ids": [layer.0] });
    let config =
        json!({ "architecture": "amd64", "os": "linux", "config": { "Labels": nine("label") }, "rootfs": rootfs });
    let config = put(folder, config.to_string().as_bytes());
    let descriptor = |kind: &str, (digest, size): &(String, usize)| json!({ "mediaType": format!("application/vnd.oci.image.{kind}"), "digest": digest, "size": size });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("config.v1+json", &config),
        "layers": [descriptor("layer.v1.tar", &layer)],
        "annotations": nine("annotation"),
    });
    let mut listed = descriptor("manifest.v1+json", &put(folder, manifest.to_string().as_bytes()));
    listed["annotations"] = json!({ "org.opencontainers.image.ref.name": "latest" });
    std::fs::write(folder.join("index.json"), json!({ "schemaVersion": 2, "manifests": [listed] }).to_string())
        .unwrap();
    std::fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
}

fn printed(folder: &Path, program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).current_dir(folder).args(arguments).output_in_time().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// How many of the nine keys have their annotation's value there, and how many their label's.
fn seen(text: &str) -> (usize, usize) {
    let count = |value: &str| {
        RFC_KEYS
            .iter()
            .filter(|key| text.replace(": ", ":").contains(&format!("\"{PREFIX}{key}\":\"{value}\"")))
            .count()
    };
    (count("annotation"), count("label"))
}

/// Whether the program is available; only this decides that a test has nothing to run.
fn is_here(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output_in_time().is_ok();
    if !found {
        eprintln!("not run: {program} is not installed");
    }
    found
}

#[test]
fn skopeo_shows_labels_and_loses_annotations_in_docker_formats() {
    if !is_here("skopeo") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    layout(&at.join("image"));
    let skopeo = |arguments: &[&str]| printed(at, "skopeo", arguments);
    assert_eq!(seen(&skopeo(&["inspect", "oci:image:latest"])), (0, 9));
    assert_eq!(seen(&skopeo(&["inspect", "--raw", "oci:image:latest"])), (9, 0));
    for (target, kept) in [("oci:copy:latest", 9), ("docker-archive:copy.tar:app:latest", 0)] {
        skopeo(&["copy", "--quiet", "oci:image:latest", target]);
        let target = target.trim_end_matches(":app:latest");
        assert_eq!(seen(&skopeo(&["inspect", "--raw", target])).0, kept, "{target}");
        assert_eq!(seen(&skopeo(&["inspect", target])).1, 9, "{target}");
    }
    skopeo(&["copy", "--quiet", "--format", "v2s2", "oci:image:latest", "dir:docker"]);
    assert_eq!(seen(&std::fs::read_to_string(at.join("docker/manifest.json")).unwrap()).0, 0);
}

#[test]
fn umoci_makes_annotations_of_containers_out_of_labels() {
    if !is_here("umoci") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    layout(&at.join("image"));
    let umoci = |arguments: &[&str]| printed(at, "umoci", arguments);
    assert_eq!(seen(&umoci(&["stat", "--image", "image:latest", "--json"])), (0, 0));
    umoci(&["unpack", "--rootless", "--image", "image:latest", "bundle"]);
    assert_eq!(seen(&std::fs::read_to_string(at.join("bundle/config.json")).unwrap()), (0, 9));
    umoci(&["config", "--image", "image:latest", "--config.label", "other=thing"]);
    let index: Value = serde_json::from_slice(&std::fs::read(at.join("image/index.json")).unwrap()).unwrap();
    let digest = index["manifests"][0]["digest"].as_str().unwrap().replace(':', "/");
    assert_eq!(seen(&std::fs::read_to_string(at.join("image/blobs").join(digest)).unwrap()).0, 9);
}
