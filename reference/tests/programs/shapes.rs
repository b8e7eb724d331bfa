//! Run images of other shapes, and registries that answer otherwise than most.

use std::fs;
use std::os::unix::fs::symlink;

use bounded::Bounded as _;
use serde_json::{Value, json};

use crate::support::build::{Build, RunImage, exporter, run_image};
use crate::support::http::Answer;
use crate::support::server::{Server, Wanted};

const APP: &str = "app.example/app/1";

fn run() -> RunImage {
    run_image(&[&[0; 1024]])
}

/// A build on what `document` is, in a layout.
fn upon(document: &Value) -> Build {
    let build = Build::with_layout();
    let digest = build.put(document.to_string().as_bytes());
    let place = build.path("layout/run.example/run");
    build.analyzed("run.example/run:1", &format!("{}@{digest}", place.display()));
    build
}

fn export(build: &Build) -> (bool, String, String) {
    let output = build.to_layout(exporter(), &["app.example/app:1"]);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

fn on_server(wish: impl Fn(&crate::support::http::Asked) -> Wanted + Send + Sync + 'static) -> (Server, Build) {
    let server = Server::start(wish);
    let run = run();
    server.publish("run", &run);
    let build = Build::new();
    build.analyzed(&format!("{}/run:1", server.host), &format!("{}/run@{}", server.host, run.manifest));
    (server, build)
}

#[test]
fn an_index_that_leaves_the_platform_out_or_stands_in_another_leads_to_the_image() {
    let silent = json!({ "schemaVersion": 2, "manifests": [{ "digest": run().manifest }] });
    let build = upon(&silent);
    let inner = build.put(silent.to_string().as_bytes());
    for document in [silent, json!({ "schemaVersion": 2, "manifests": [{ "digest": inner }] })] {
        let build = upon(&document);
        build.put(json!({ "schemaVersion": 2, "manifests": [{ "digest": run().manifest }] }).to_string().as_bytes());
        let (succeeded, _, told) = export(&build);
        assert!(succeeded, "{told}");
        let layers = build.manifest(APP).1["layers"].clone();
        assert_eq!(layers[0]["digest"], run().layers[0]);
    }
}

#[test]
fn what_is_not_an_image_is_named_before_anything_is_written() {
    let other = json!({ "schemaVersion": 2, "manifests": [
        { "digest": run().manifest, "platform": { "os": "linux", "architecture": "s390x" } }] });
    let mut long = json!({ "schemaVersion": 2, "config": { "digest": run().config }, "layers": [] });
    long["layers"] = json!([{ "mediaType": "application/vnd.oci.image.layer.v1.tar", "size": 1,
                              "digest": format!("sha512:{}", "0".repeat(128)) }]);
    for (document, words) in [
        (other, "it has linux/s390x"),
        (json!({ "schemaVersion": 1, "fsLayers": [] }), "schema 1"),
        (
            json!({ "schemaVersion": 2, "config": { "mediaType": "application/vnd.x.config", "digest": run().config } }),
            "vnd.x.config",
        ),
        (long, "sha512"),
    ] {
        let build = upon(&document);
        let (succeeded, _, told) = export(&build);
        assert!(!succeeded && told.contains(words), "{told}");
        assert!(!build.path("layout/app.example").exists());
    }
}

#[test]
fn whiteouts_are_refused_by_name_in_every_folder_of_the_build() {
    for name in ["app/lib/.wh.serve", "layers/b/runtime/.wh..wh..opq", "layers/sbom/launch/b/.wh.x"] {
        let build = Build::with_layout();
        build.write(name, "");
        let (succeeded, _, told) = export(&build);
        let file = name.rsplit('/').next().unwrap();
        assert!(!succeeded && told.contains(file) && told.contains("whiteout"), "{name}: {told}");
    }
}

#[test]
fn roots_that_are_links_give_what_they_lead_to() {
    let plain = Build::with_layout();
    assert!(export(&plain).0);
    let linked = Build::with_layout();
    for name in ["app", "layers/b/runtime", "layers/config"] {
        let real = linked.path(&format!("real-{}", name.replace('/', "-")));
        fs::rename(linked.path(name), &real).unwrap();
        symlink(&real, linked.path(name)).unwrap();
    }
    let (succeeded, _, told) = export(&linked);
    assert!(succeeded, "{told}");
    let sizes = |build: &Build| -> Vec<Value> {
        build.manifest(APP).1["layers"].as_array().unwrap().iter().map(|layer| layer["size"].clone()).collect()
    };
    assert_eq!(sizes(&linked).len(), sizes(&plain).len());
    let dangling = Build::with_layout();
    fs::remove_dir_all(dangling.path("layers/b/runtime")).unwrap();
    symlink("nowhere", dangling.path("layers/b/runtime")).unwrap();
    assert!(!export(&dangling).0);
}

#[test]
fn a_tag_that_is_given_twice_is_used_once() {
    let build = Build::with_layout();
    let output = build.to_layout(exporter(), &["app.example/app:1", "app.example/app:1", "app.example/app:2"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said.matches("Saved").count(), 2, "{said}");
    assert_eq!(build.report().unwrap()["image"]["tags"].as_array().unwrap().len(), 2);
}

#[test]
fn a_registry_on_this_machine_is_asked_without_the_proxy() {
    let (server, build) = on_server(|_| Wanted::Usual);
    let image = format!("{}/app:1", server.host);
    let mut command = build.command(exporter());
    command.args(["-insecure-registry", &server.host, &image]).env("HTTP_PROXY", "http://127.0.0.1:1");
    let output = command.output_in_time().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_proxy_is_named_where_a_registry_cannot_be_reached_through_it() {
    let build = Build::new();
    let digest = run().manifest;
    build.analyzed("reg.example/run:1", &format!("reg.example/run@{digest}"));
    let mut command = build.command(exporter());
    command.args(["-insecure-registry", "reg.example", "reg.example/app:1"]);
    let output = command.env("HTTP_PROXY", "http://user:secret@127.0.0.1:1").output_in_time().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("through the proxy 127.0.0.1:1") && !told.contains("secret"), "{told}");
}

#[test]
fn a_mount_that_fails_and_a_head_that_is_refused_have_another_way() {
    for status in [200, 500] {
        let (server, build) = on_server(move |asked| {
            if asked.target.contains("?mount=") { Wanted::Answer(Answer::status(status)) } else { Wanted::Usual }
        });
        let output = build.to_registry(&server.host, &[&format!("{}/app:1", server.host)]);
        assert!(output.status.success(), "mount {status}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(server.has("app", &run().layers[0]));
    }
    for status in [400, 405] {
        let (server, build) =
            on_server(
                move |asked| {
                    if asked.method == "HEAD" { Wanted::Answer(Answer::status(status)) } else { Wanted::Usual }
                },
            );
        let output = build.to_registry(&server.host, &[&format!("{}/app:1", server.host)]);
        assert!(output.status.success(), "HEAD {status}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_manifest_that_is_too_large_is_told_with_both_figures() {
    let (server, build) = on_server(|asked| {
        if asked.method == "PUT" && asked.target.contains("/manifests/") {
            Wanted::Answer(Answer::status(400))
        } else {
            Wanted::Usual
        }
    });
    build.write("layers/project-metadata.toml", &format!("[source.metadata]\nname='{}'\n", "x".repeat(5 << 20)));
    let output = build.to_registry(&server.host, &[&format!("{}/app:1", server.host)]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.matches("4194304").count() == 2, "{}", &told[..told.len().min(2000)]);
}

#[test]
fn a_number_that_is_no_user_is_refused_with_the_range() {
    for number in ["-1", "-12", "4294967295", "4294967296"] {
        let build = Build::with_layout();
        let mut command = build.command(exporter());
        let output = command.args(["-uid", number, "app.example/app:1"]).output_in_time().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{told}");
        assert!(told.contains("-uid") && told.contains(number) && told.contains("4294967294"), "{told}");
    }
}
