//! Rebases in a daemon, as far as each store can.

use bounded::Bounded as _;
use reference::digest::Digest;
use serde_json::Value;

use crate::support::archive::{blob, texts};
use crate::support::build::{Build, RunImage, exporter};
use crate::support::engine::{Engine, Wanted};
use crate::support::http::Asked;
use crate::support::rebasing::{Run, label, new, old, rebaser, succeeded};
use crate::support::store::{KINDS, Kind};

const APP: &str = "app.example/team/app:1";
const RUN: &str = "run.example/team/run:1";

/// An engine with an app image on the old run image, and the new run image under the name of the old one.
struct Place {
    build: Build,
    engine: Engine,
    run: RunImage,
}

fn place(kind: Kind, wish: impl Fn(&Asked) -> Wanted + Send + Sync + 'static) -> Place {
    let build = Build::new();
    let engine = Engine::start(&build.path("engine.sock"), kind, wish);
    let id = pull(&engine, &old());
    build.analyzed(RUN, &id);
    succeeded(&build.to_daemon(&engine.address, &[APP]));
    engine.change(&id, |image| image.tags.clear());
    pull(&engine, &new());
    Place { run: new().make(), build, engine }
}

fn usual(_: &Asked) -> Wanted {
    Wanted::Usual
}

/// Has a run image as a pull leaves it; gives its ID.
fn pull(engine: &Engine, run: &Run<'_>) -> String {
    let run = run.make();
    let id = engine.store(|store| store.pull(&run));
    engine.change(&id, |image| {
        image.tags = vec![RUN.to_owned()];
        image.digests = vec![format!("run.example/team/run@{}", run.manifest)];
        image.pulled_from = Some(("run.example".to_owned(), "team/run".to_owned()));
    });
    id
}

impl Place {
    fn rebase(&self, words: &[&str]) -> std::process::Output {
        let mut command = rebaser(&self.build, exporter());
        // The exporter says of every image that it is not rebasable, as the specification's text has it.
        command.env("DOCKER_HOST", &self.engine.address).args(["-daemon", "-force"]).args(words);
        command.output_in_time().unwrap()
    }

    fn reported(&self, key: &str) -> String {
        self.build.report().unwrap()["image"][key].as_str().unwrap().to_owned()
    }
}

/// What was warned of, except for what was forced.
fn warnings(output: &std::process::Output) -> Vec<String> {
    let stderr = String::from_utf8_lossy(&output.stderr);
    stderr.lines().filter(|line| !line.contains("because of -force")).map(str::to_owned).collect()
}

/// Config and, of an OCI archive, manifest of the last image that was loaded, and how many files its archive had.
fn loaded(engine: &Engine) -> (Value, Option<Value>, usize) {
    let archive = engine.loads().pop().unwrap();
    let files = archive.names().len();
    if let Some(list) = archive.file("manifest.json") {
        let list: Value = serde_json::from_slice(list).unwrap();
        return (archive.json(list[0]["Config"].as_str().unwrap()), None, files);
    }
    let index = archive.json("index.json");
    let manifest = archive.json(&blob(index["manifests"][0]["digest"].as_str().unwrap()));
    let config = archive.json(&blob(manifest["config"]["digest"].as_str().unwrap()));
    (config, Some(manifest), files)
}

#[test]
fn the_image_stands_upon_the_new_run_image_in_every_store() {
    for kind in KINDS {
        let place = place(kind, usual);
        let before = texts(&loaded(&place.engine).0, "/rootfs/diff_ids", "");
        let output = place.rebase(&[APP, "app.example/team/app:2"]);
        succeeded(&output);
        let (config, ..) = loaded(&place.engine);
        let ids = texts(&config, "/rootfs/diff_ids", "");
        assert_eq!(ids[..3], place.run.layers, "{kind:?}");
        assert_eq!(ids[3..], before[2..], "{kind:?}");
        assert_eq!(config["config"]["Labels"]["io.buildpacks.base.id"], "new");
        assert_eq!(label(&config)["runImage"]["topLayer"], place.run.layers[2].as_str());
        let id = place.reported("image-id");
        let tags = place.engine.tags();
        assert_eq!((&tags[APP], &tags["app.example/team/app:2"]), (&id, &id), "{kind:?}");
        assert_eq!(place.engine.changes().last().unwrap(), &format!("POST /images/{id}/tag"));
        assert_eq!(place.build.left_over(), Vec::<String>::new());
        // Once more: nothing changes.
        succeeded(&place.rebase(&[APP]));
        assert_eq!(place.reported("image-id"), id, "{kind:?}");
    }
}

#[test]
fn containerd_s_store_keeps_the_annotations_and_is_sent_no_layer() {
    let place = place(Kind::Containerd, usual);
    let before = loaded(&place.engine).1.unwrap();
    let output = place.rebase(&[APP]);
    succeeded(&output);
    assert_eq!(warnings(&output), Vec::<String>::new());
    let (config, manifest, files) = loaded(&place.engine);
    assert_eq!(files, 4, "config, manifest, index and oci-layout");
    let mut expected = before["annotations"].clone();
    expected["org.opencontainers.image.base.digest"] = place.run.manifest.as_str().into();
    let manifest = manifest.unwrap();
    assert_eq!(manifest["annotations"].to_string(), expected.to_string());
    assert_eq!(place.reported("image-id"), Digest::of(manifest.to_string().as_bytes()).as_str());
    let reference = format!("run.example/team/run@{}", place.run.manifest);
    assert_eq!(label(&config)["runImage"]["reference"], reference.as_str());
}

#[test]
fn a_base_whose_digest_the_daemon_does_not_know_is_removed_and_nothing_else() {
    let place = place(Kind::Containerd, usual);
    let id = place.engine.tags()[RUN].clone();
    place.engine.change(&id, |image| {
        image.pulled_from = None;
        image.digests.clear();
    });
    let before = loaded(&place.engine).1.unwrap();
    let output = place.rebase(&[APP]);
    succeeded(&output);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("base.name") && stderr.contains("base.digest"), "{stderr}");
    let (config, manifest, _) = loaded(&place.engine);
    let mut expected = before["annotations"].as_object().unwrap().clone();
    expected.retain(|key, _| !key.contains(".base."));
    assert!(!expected.is_empty());
    assert_eq!(manifest.unwrap()["annotations"], Value::from(expected));
    assert_eq!(label(&config)["runImage"]["reference"], id.as_str());
}

#[test]
fn podman_s_store_keeps_the_annotations_that_its_own_api_tells() {
    let place = place(Kind::Podman, usual);
    let before = loaded(&place.engine).1.unwrap();
    succeeded(&place.rebase(&[APP]));
    let after = loaded(&place.engine).1.unwrap();
    assert!(!before["annotations"].as_object().unwrap().is_empty());
    assert_eq!(after["annotations"], before["annotations"]);
}

#[test]
fn annotations_that_a_daemon_does_not_tell_are_left_out_and_the_log_says_so() {
    for kind in [Kind::Classic, Kind::Podman] {
        let place =
            place(kind, |asked| if asked.target.contains("/libpod/") { Wanted::text(404, "") } else { Wanted::Usual });
        let output = place.rebase(&[APP]);
        succeeded(&output);
        let told = warnings(&output);
        assert!(told.len() == 1 && told[0].contains("annotations"), "{kind:?}: {told:?}");
    }
}

#[test]
fn a_classic_store_is_sent_the_app_s_layers_and_not_those_of_the_run_image() {
    let place = place(Kind::Classic, usual);
    let all = texts(&loaded(&place.engine).0, "/rootfs/diff_ids", "").len();
    succeeded(&place.rebase(&[APP]));
    let (run_layers, documents) = (2, 2);
    assert_eq!(loaded(&place.engine).2, all - run_layers + documents);
}

#[test]
fn what_a_daemon_does_not_have_is_named_and_nothing_is_loaded() {
    for kind in KINDS {
        let place = place(kind, usual);
        let loads = place.engine.loads().len();
        for (words, named) in [
            (&["gone.example/app:1"][..], &["app image", "gone.example/app:1"][..]),
            (&["-run-image", "run.example/team/run:9", APP], &["run image", "run:9", "-run-image"]),
            (&["-previous-image", "gone", APP], &["library/gone", "-previous-image"]),
        ] {
            let output = place.rebase(words);
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(72), "{stderr}");
            assert!(named.iter().all(|named| stderr.contains(named)) && stderr.lines().count() == 1, "{stderr}");
        }
        assert_eq!(place.engine.loads().len(), loads);
        assert!(place.build.report().is_none());
    }
}
