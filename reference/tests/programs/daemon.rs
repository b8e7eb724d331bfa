//! To a daemon.

use bounded::Bounded as _;
use std::collections::BTreeSet;
use std::io::Read;
use std::process::Output;

use reference::digest::Digest;
use serde_json::{Value, json};

use crate::support::archive::{Archive, blob, texts};
use crate::support::build::{Build, RunImage, exporter, run_image};
use crate::support::engine::{Engine, Wanted};
use crate::support::http::Asked;
use crate::support::store::{KINDS, Kind};

const APP: &str = "app.example/team/app:1";

/// A run image of two layers.
pub(crate) fn two_layers() -> RunImage {
    run_image(&[&[0; 1024], &[0; 2048]])
}

/// An engine that has the run image, and a build on it, whose run image is named by its ID.
pub(crate) fn build_upon(
    kind: Kind,
    wish: impl Fn(&Build, &Asked) -> Wanted + Send + Sync + 'static,
) -> (std::sync::Arc<Build>, Engine, String) {
    let build = std::sync::Arc::new(Build::new());
    // The engine's thread outlives the test, and the build's folder must not.
    let shared = std::sync::Arc::downgrade(&build);
    let engine = Engine::start(&build.path("engine.sock"), kind, move |asked| {
        shared.upgrade().map_or(Wanted::Usual, |build| wish(&build, asked))
    });
    let run = engine.store(|store| store.pull(&two_layers()));
    build.analyzed("run.example/team/run:1", &run);
    build.write(
        "layers/config/metadata.toml",
        "[[processes]]\ntype='web'\ncommand=['x']\n[[annotations]]\nkey='example.own'\nvalue='of a buildpack'\n",
    );
    (build, engine, run)
}

pub(crate) fn usual(_: &Build, _: &Asked) -> Wanted {
    Wanted::Usual
}

fn succeeded(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What the report says of the image.
fn reported(build: &Build, key: &str) -> String {
    build.report().unwrap()["image"][key].as_str().unwrap().to_owned()
}

fn only_load(engine: &Engine) -> Archive {
    let mut loads = engine.loads();
    assert_eq!(loads.len(), 1, "{:?}", engine.changes());
    loads.remove(0)
}

#[test]
fn a_classic_store_is_given_a_docker_archive_of_the_new_layers_alone_as_tars() {
    let (build, engine, _) = build_upon(Kind::Classic, usual);
    let output = build.to_daemon(&engine.address, &[APP]);
    succeeded(&output);
    let archive = only_load(&engine);
    let list = archive.json("manifest.json");
    let name = list[0]["Config"].as_str().unwrap();
    let id = Digest::of(archive.file(name).unwrap());
    assert_eq!(
        list,
        json!([{ "Config": format!("{}.json", id.hex()), "RepoTags": null, "Layers": list[0]["Layers"] }])
    );
    assert_eq!(reported(&build, "image-id"), id.as_str());
    let config = archive.json(name);
    let ids = texts(&config, "/rootfs/diff_ids", "");
    assert_eq!(ids[..2], two_layers().layers);
    let layers = texts(&list[0], "/Layers", "");
    assert_eq!(layers, ids.iter().map(|id| format!("{}.tar", &id["sha256:".len()..])).collect::<Vec<_>>());
    let sent: Vec<&str> = layers[2..].iter().map(String::as_str).collect();
    assert_eq!(archive.names(), [&[name], &sent[..], &["manifest.json"]].concat(), "the run image's are there already");
    for (layer, id) in layers.iter().zip(&ids).skip(2) {
        assert_eq!(Digest::of(archive.file(layer).unwrap()).as_str(), id);
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.lines().count() == 1 && stderr.contains("keeps no annotations"), "{stderr}");
    assert!(stderr.contains("example.own") && stderr.contains("org.opencontainers.image.base.name"), "{stderr}");
}

#[test]
fn a_classic_store_s_layers_need_no_temporary_disk() {
    let (build, engine, _) = build_upon(Kind::Classic, usual);
    let mut command = build.command(exporter());
    command.env("DOCKER_HOST", &engine.address).env("TMPDIR", build.path("nowhere")).args(["-daemon", APP]);
    succeeded(&command.output_in_time().unwrap());
    assert_eq!(engine.tags().len(), 1);
}

/// Everything that makes an OCI archive whole where the run image's layers are there already; gives its manifest's
/// digest, the manifest and the config.
fn checked(archive: &Archive) -> (String, Value, Value) {
    assert_eq!(archive.json("oci-layout"), json!({ "imageLayoutVersion": "1.0.0" }));
    let index = archive.json("index.json");
    let entry = &index["manifests"][0];
    let digest = entry["digest"].as_str().unwrap().to_owned();
    let size = archive.blob(&digest).unwrap().len();
    let described =
        json!({ "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": size });
    assert_eq!(
        index,
        json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [described] })
    );
    let manifest = archive.json(&blob(&digest));
    let config = archive.json(&blob(manifest["config"]["digest"].as_str().unwrap()));
    let layers = manifest["layers"].as_array().unwrap();
    let ids = texts(&config, "/rootfs/diff_ids", "");
    assert_eq!(texts(&manifest, "/layers", "digest")[..2], two_layers().layers);
    assert_eq!(layers.len(), ids.len());
    for (layer, id) in layers.iter().zip(&ids).skip(2) {
        let bytes = archive.blob(layer["digest"].as_str().unwrap()).unwrap();
        assert_eq!(layer["mediaType"], "application/vnd.oci.image.layer.v1.tar+gzip");
        let mut tar = Vec::new();
        flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut tar).unwrap();
        assert_eq!(Digest::of(&tar).as_str(), id);
    }
    for described in layers[2..].iter().chain([&manifest["config"]]) {
        assert_eq!(described["size"], archive.blob(described["digest"].as_str().unwrap()).unwrap().len());
    }
    let mut expected: BTreeSet<String> = layers[2..]
        .iter()
        .chain([&manifest["config"], entry])
        .map(|described| blob(described["digest"].as_str().unwrap()))
        .collect();
    for (name, content) in &archive.0 {
        if name.starts_with("blobs/") {
            assert_eq!(name, &blob(Digest::of(content).as_str()));
        }
    }
    expected.extend(["oci-layout".to_owned(), "index.json".to_owned()]);
    let mut names = archive.names();
    names.sort_unstable();
    assert_eq!(names, expected.iter().collect::<Vec<_>>(), "each once, and nothing else");
    (digest, manifest, config)
}

#[test]
fn a_store_that_keeps_manifests_is_given_a_whole_oci_archive_with_the_annotations() {
    for kind in [Kind::Containerd, Kind::Podman] {
        let (build, engine, _) = build_upon(kind, usual);
        let output = build.to_daemon(&engine.address, &[APP]);
        succeeded(&output);
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{kind:?}");
        let (digest, manifest, _) = checked(&only_load(&engine));
        let id =
            if kind == Kind::Containerd { digest } else { manifest["config"]["digest"].as_str().unwrap().to_owned() };
        assert_eq!(reported(&build, "image-id"), id, "{kind:?}");
        assert_eq!(engine.tags()[APP], id, "{kind:?}");
        assert_eq!(manifest["annotations"]["example.own"], "of a buildpack");
        assert_eq!(manifest["annotations"]["org.opencontainers.image.title"], "App");
        assert_eq!(build.left_over(), Vec::<String>::new());
    }
}

#[test]
fn each_tag_is_given_to_the_image_once_it_is_there() {
    for kind in KINDS {
        let (build, engine, _) = build_upon(kind, usual);
        succeeded(&build.to_daemon(&engine.address, &[APP, "app.example/team/app:2", "b.example:5000/b", "hub/app:3"]));
        let id = reported(&build, "image-id");
        let tags = [APP, "app.example/team/app:2", "b.example:5000/b:latest", "docker.io/hub/app:3"];
        assert_eq!(engine.tags(), tags.map(|tag| (tag.to_owned(), id.clone())).into(), "{kind:?}");
        let tag = format!("POST /images/{id}/tag");
        assert_eq!(engine.changes(), ["POST /images/load", &tag, &tag, &tag, &tag], "{kind:?}");
        let told = build.report().unwrap()["image"]["tags"].as_array().unwrap().len();
        assert_eq!(told, 4, "{kind:?}");
    }
}

#[test]
fn an_image_that_is_there_already_is_the_same_image_after_another_export() {
    for kind in KINDS {
        let (build, engine, _) = build_upon(kind, usual);
        succeeded(&build.to_daemon(&engine.address, &[APP]));
        let id = reported(&build, "image-id");
        succeeded(&build.to_daemon(&engine.address, &["app.example/team/app:2"]));
        assert_eq!(reported(&build, "image-id"), id, "{kind:?}");
        let tags = [APP, "app.example/team/app:2"];
        assert_eq!(engine.tags(), tags.map(|tag| (tag.to_owned(), id.clone())).into(), "{kind:?}");
        assert_eq!(engine.store(|store| store.images.len()), 2, "the run image and this");
    }
}

#[test]
fn a_load_that_fails_removes_no_image_that_was_there_before() {
    for kind in KINDS {
        let fails = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let now = fails.clone();
        let (build, engine, _) = build_upon(kind, move |_, asked| {
            let is_load = asked.target.contains("/images/load") && now.load(std::sync::atomic::Ordering::SeqCst);
            if is_load { Wanted::text(500, "{\"message\":\"no space left on device\"}") } else { Wanted::Usual }
        });
        succeeded(&build.to_daemon(&engine.address, &[APP]));
        let id = reported(&build, "image-id");
        engine.change(&id, |image| image.tags.clear());
        fails.store(true, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(build.to_daemon(&engine.address, &[APP]).status.code(), Some(62), "{kind:?}");
        assert!(engine.store(|store| store.find(&id).is_some()), "{kind:?}");
    }
}

#[test]
fn a_run_image_named_by_its_id_is_identified_by_its_digest_where_the_daemon_knows_it() {
    let digest = two_layers().manifest;
    let known = format!("run.example/team/run@{digest}");
    for (kind, has_digests, was_pulled, is_known) in [
        (Kind::Classic, true, false, true),
        (Kind::Classic, false, false, false),
        (Kind::Containerd, true, true, true),
        (Kind::Containerd, true, false, false),
        (Kind::Containerd, false, false, false),
        (Kind::Podman, true, false, false),
        (Kind::Podman, false, false, false),
    ] {
        let (build, engine, run) = build_upon(kind, usual);
        engine.change(&run, |image| {
            image.digests = if has_digests { vec![known.clone()] } else { Vec::new() };
            image.pulled_from = was_pulled.then(|| ("run.example".to_owned(), "team/run".to_owned()));
        });
        succeeded(&build.to_daemon(&engine.address, &[APP]));
        let told = build.report().unwrap();
        let reference = told["image"]["run-image"]["reference"].as_str().unwrap();
        let case = format!("{kind:?}, digests: {has_digests}, pulled: {was_pulled}");
        assert_eq!(reference, if is_known { &known } else { &run }, "{case}");
        if kind != Kind::Classic {
            let (_, manifest, _) = checked(&only_load(&engine));
            let base = ["digest", "name"]
                .map(|part| manifest["annotations"][format!("org.opencontainers.image.base.{part}")].as_str());
            let expected = [digest.as_str(), "run.example/team/run:1"].map(|text| is_known.then_some(text));
            assert_eq!(base, expected, "{case}");
        }
    }
}

/// Exports, and prepares another export on the image that this one made.
pub(crate) fn prepare_again(build: &Build, engine: &Engine, run: &str) {
    succeeded(&build.to_daemon(&engine.address, &[APP]));
    let previous = reported(build, "image-id");
    build.write(
        "layers/analyzed.toml",
        &format!("[image]\nreference='{previous}'\n[run-image]\nimage='run.example/team/run:1'\nreference='{run}'\n"),
    );
    // The buildpack leaves its layer to the previous image.
    std::fs::remove_dir_all(build.path("layers/b/runtime")).unwrap();
    build.write("app/main", "changed");
}

/// Exports twice.
fn export_again(build: &Build, engine: &Engine, run: &str) -> (Archive, Archive) {
    prepare_again(build, engine, run);
    succeeded(&build.to_daemon(&engine.address, &[APP]));
    let loads: [Archive; 2] = engine.loads().try_into().unwrap_or_else(|_| panic!("{:?}", engine.changes()));
    loads.into()
}

#[test]
fn layers_of_the_previous_image_that_containerd_s_store_holds_are_not_sent_again() {
    let (build, engine, run) = build_upon(Kind::Containerd, usual);
    let (first, second) = export_again(&build, &engine, &run);
    let layers = |archive: &Archive| {
        let index = archive.json("index.json");
        texts(&archive.json(&blob(index["manifests"][0]["digest"].as_str().unwrap())), "/layers", "digest")
    };
    let (before, after) = (layers(&first), layers(&second));
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(&after).skip(2) {
        assert_eq!(second.blob(after).is_some(), before != after);
    }
    assert!(before[2] == after[2] && before.iter().filter(|layer| !after.contains(layer)).count() >= 1);
}

#[test]
fn layers_of_the_previous_image_are_sent_again_to_a_classic_store() {
    let (build, engine, run) = build_upon(Kind::Classic, usual);
    let (first, second) = export_again(&build, &engine, &run);
    let layers = texts(&second.json("manifest.json")[0], "/Layers", "");
    assert_eq!(second.file(&layers[2]), first.file(&layers[2]), "the one that was left to the previous image");
    assert!(layers[2..].iter().all(|layer| second.file(layer).is_some()));
}
