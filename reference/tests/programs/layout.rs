//! To a layout.

use bounded::Bounded as _;
use std::fs;

use reference::digest::Digest;
use serde_json::Value;

use crate::support::build::{Build, exporter, index, run_image};

#[test]
fn an_annotated_image_is_written_under_every_tag() {
    let build = Build::with_layout();
    let output = build.to_layout(exporter(), &["app.example/app:1", "app.example/app:2"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (digest, manifest) = build.manifest("app.example/app/1");
    assert_eq!(build.manifest("app.example/app/2").0, digest);
    let annotations = &manifest["annotations"];
    assert_eq!(annotations["org.opencontainers.image.title"], "App");
    assert_eq!(annotations["org.opencontainers.image.base.name"], "run.example/run:1");
    let base = annotations["org.opencontainers.image.base.digest"].as_str().unwrap();
    let config = build.document("app.example/app/1", manifest["config"]["digest"].as_str().unwrap());
    let label: Value =
        serde_json::from_str(config["config"]["Labels"]["io.buildpacks.lifecycle.metadata"].as_str().unwrap()).unwrap();
    assert_eq!(label["runImage"]["reference"], format!("run.example/run@{base}"), "a digest reference, not a path");
    assert_eq!(build.report().unwrap()["image"]["digest"].as_str(), Some(digest.as_str()));
    assert_eq!(fs::read_dir(build.path("layout")).unwrap().count(), 2, "nothing next to the images");
}

#[test]
fn the_same_build_gives_the_same_bytes_also_through_a_link() {
    let build = Build::with_layout();
    assert!(build.to_layout(exporter(), &["app.example/app:1"]).status.success());
    let first = build.manifest("app.example/app/1").0;
    let link = build.path("exporter");
    std::os::unix::fs::symlink(exporter(), &link).unwrap();
    assert!(build.to_layout(&link, &["app.example/app:1"]).status.success());
    assert_eq!(build.manifest("app.example/app/1").0, first);
}

#[test]
fn a_run_image_behind_an_index_is_annotated_with_the_digest_of_the_analysis() {
    let build = Build::with_layout();
    let run = run_image(&[&[0; 1024], &[0; 1024]]);
    build.publish(&run);
    let index = build.put(&index(&run));
    let place = build.path("layout/run.example/run");
    build.analyzed("run.example/run:1", &format!("{}@{index}", place.display()));
    let output = build.to_layout(exporter(), &["app.example/app:1"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let manifest = build.manifest("app.example/app/1").1;
    assert_eq!(manifest["annotations"]["org.opencontainers.image.base.digest"], index.to_string());
    // Two identical layers stay two.
    assert_eq!(manifest["layers"][0]["digest"], run.layers[0]);
    assert_eq!(manifest["layers"][1]["digest"], run.layers[1]);
}

#[test]
fn buildpack_annotations_change_the_config_layer_alone() {
    let build = Build::with_layout();
    assert!(build.to_layout(exporter(), &["app.example/app:1"]).status.success());
    build.write(
        "layers/config/metadata.toml",
        "[[processes]]\ntype='web'\ncommand=['x']\n[[annotations]]\nkey='com.example.k'\nvalue='v'\n\
         [[annotations]]\nkey='org.opencontainers.image.base.name'\nvalue='liar'\n",
    );
    let output = build.to_layout(exporter(), &["app.example/app:2"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stderr.contains("base.name"), "{stderr}");
    let (one, two) = (build.manifest("app.example/app/1").1, build.manifest("app.example/app/2").1);
    assert_eq!(two["annotations"]["com.example.k"], "v");
    assert_eq!(two["annotations"]["org.opencontainers.image.base.name"], "run.example/run:1");
    let (one, two) = (one["layers"].as_array().unwrap(), two["layers"].as_array().unwrap());
    let differing = one.iter().zip(two).filter(|(a, b)| a != b).count();
    assert_eq!((one.len(), differing), (two.len(), 1));
}

#[test]
fn a_layer_of_the_previous_image_is_used_again_where_its_blob_is_there() {
    let build = Build::with_layout();
    assert!(build.to_layout(exporter(), &["app.example/app:1"]).status.success());
    let (digest, manifest) = build.manifest("app.example/app/1");
    let place = build.path("layout/app.example/app/1");
    let config = build.document("app.example/app/1", manifest["config"]["digest"].as_str().unwrap());
    let analyzed = fs::read_to_string(build.path("layers/analyzed.toml")).unwrap();
    // The label of the previous image says what analyzed.toml leaves out.
    build.write("layers/analyzed.toml", &format!("{analyzed}[image]\nreference='{}@{digest}'\n", place.display()));
    fs::remove_dir_all(build.path("layers/b/runtime")).unwrap();
    build.write("layers/b/runtime.toml", "[types]\nlaunch=true\n[metadata]\nv=2\n");
    let output = build.to_layout(exporter(), &["app.example/app:2"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (_, again) = build.manifest("app.example/app/2");
    assert_eq!(again["layers"][1], manifest["layers"][1]);
    let new = build.document("app.example/app/2", again["config"]["digest"].as_str().unwrap());
    assert_eq!(new["rootfs"], config["rootfs"]);
    let label = new["config"]["Labels"]["io.buildpacks.lifecycle.metadata"].as_str().unwrap();
    assert!(label.contains(r#""data":{"v":2}"#), "{label}");
    let blob = manifest["layers"][1]["digest"].as_str().unwrap().trim_start_matches("sha256:");
    fs::remove_file(place.join("blobs/sha256").join(blob)).unwrap();
    let output = build.to_layout(exporter(), &["app.example/app:3"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(62), "{stderr}");
    assert!(stderr.contains("runtime") && !build.path("layout/app.example/app/3").exists(), "{stderr}");
}

#[test]
fn what_is_around_an_export_changes_nothing() {
    let build = Build::with_layout();
    let digest = |change: &dyn Fn(&mut std::process::Command)| {
        let mut command = build.command(exporter());
        command.env("CNB_EXPERIMENTAL_MODE", "silent").args(["-layout", "-layout-dir"]).arg(build.path("layout"));
        change(&mut command);
        let output = command.arg("app.example/app:1").output_in_time().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Digest::parse(&build.manifest("app.example/app/1").0).unwrap()
    };
    let usual = digest(&|_| {});
    fs::set_permissions(build.path("layers/b"), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    for change in [
        (&|command: &mut std::process::Command| {
            command.env("TZ", "Asia/Kathmandu").env("LC_ALL", "tr_TR.UTF-8").env("HOME", "/nowhere");
        }) as &dyn Fn(&mut std::process::Command),
        &|command| {
            command.current_dir("/").arg("-parallel");
        },
        &|command| {
            command.env("TMPDIR", "/tmp");
        },
    ] {
        assert_eq!(digest(change), usual);
    }
}
