//! Rebases of and on images of Docker's schema 2, and of the image on which the released rebaser was measured: media
//! types agree with each other, and annotations are not lost.

use serde_json::{Value, json};

use crate::support::rebasing::{Place, Run, new, succeeded};

const OCI: &str = "application/vnd.oci.image.";
const DOCKER: &str = "application/vnd.docker.";

/// Every media type of a manifest.
fn types(manifest: &Value) -> Vec<&str> {
    let layers = manifest["layers"].as_array().unwrap().iter();
    let all = [manifest, &manifest["config"]].into_iter().chain(layers);
    all.map(|part| part["mediaType"].as_str().unwrap()).collect()
}

fn all_are(manifest: &Value, kind: &str) {
    assert!(types(manifest).iter().all(|media_type| media_type.starts_with(kind)), "{manifest:#}");
}

/// Makes the app image one of Docker's schema 2, without annotations.
fn as_docker(place: &Place) {
    let mut manifest = place.manifest("app", "1");
    manifest.as_object_mut().unwrap().shift_remove("annotations");
    manifest["mediaType"] = json!("application/vnd.docker.distribution.manifest.v2+json");
    manifest["config"]["mediaType"] = json!("application/vnd.docker.container.image.v1+json");
    for layer in manifest["layers"].as_array_mut().unwrap() {
        let is_gzip = layer["mediaType"].as_str().unwrap().ends_with("gzip");
        layer["mediaType"] = json!(format!("{DOCKER}image.rootfs.diff.tar{}", if is_gzip { ".gzip" } else { "" }));
    }
    place.server.tag("app", "1", manifest.to_string().as_bytes());
}

/// The Content-Type of the last manifest that was sent.
fn sent_as(place: &Place) -> String {
    let asked = place.server.asked();
    let sent = asked.iter().rev().find(|asked| asked.method == "PUT" && asked.target.contains("/manifests/"));
    sent.unwrap().content_type.clone().unwrap()
}

#[test]
fn an_oci_image_upon_a_run_image_of_schema_2_stays_an_oci_image() {
    let place = Place::new();
    let run = place.move_on(&Run { docker: true, annotations: Value::Null, ..new() });
    succeeded(&place.rebase(&[&place.name("app:1")]));
    let manifest = place.manifest("app", "1");
    all_are(&manifest, OCI);
    assert_eq!(sent_as(&place), manifest["mediaType"].as_str().unwrap());
    assert_eq!(manifest["layers"][2]["digest"], json!(run.layers[2]));
    assert_eq!(manifest["annotations"]["org.opencontainers.image.base.digest"], json!(run.manifest));
}

#[test]
fn an_image_of_schema_2_stays_one_upon_either_kind_of_run_image() {
    for docker in [true, false] {
        let place = Place::new();
        as_docker(&place);
        let before = place.manifest("app", "1");
        place.move_on(&Run { docker, ..new() });
        succeeded(&place.rebase(&[&place.name("app:1")]));
        let manifest = place.manifest("app", "1");
        all_are(&manifest, DOCKER);
        assert_eq!(sent_as(&place), manifest["mediaType"].as_str().unwrap());
        assert!(manifest.get("annotations").is_none());
        assert_eq!(manifest["layers"].as_array().unwrap().last(), before["layers"].as_array().unwrap().last());
    }
}

#[test]
fn a_manifest_of_two_kinds_as_the_released_rebaser_writes_it_is_of_one_kind_after_the_next_rebase() {
    let place = Place::new();
    let mut manifest = place.manifest("app", "1");
    manifest.as_object_mut().unwrap().shift_remove("annotations");
    manifest["mediaType"] = json!("application/vnd.docker.distribution.manifest.v2+json");
    manifest["config"]["mediaType"] = json!("application/vnd.docker.container.image.v1+json");
    place.server.tag("app", "1", manifest.to_string().as_bytes());
    place.move_on(&new());
    succeeded(&place.rebase(&[&place.name("app:1")]));
    all_are(&place.manifest("app", "1"), DOCKER);
}

/// The released Go rebaser, 0.17.7 and 0.21.14, on an image of this shape: no annotation is left, and the manifest is
/// Docker's, around layers of OCI's media types.
#[test]
fn the_image_on_which_the_released_rebaser_was_measured_keeps_what_that_one_dropped() {
    let place = Place::new();
    let before = place.manifest("app", "1");
    let keys = |manifest: &Value| manifest["annotations"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let named = ["base.digest", "base.name", "revision", "source", "title"];
    assert_eq!(keys(&before), named.map(|name| format!("org.opencontainers.image.{name}")));
    all_are(&before, OCI);
    let run = new().make();
    place.run("run", "new", &run);
    let name = place.name("run:new");
    succeeded(&place.rebase(&["-force", "-run-image", &name, &place.name("app:1")]));
    let after = place.manifest("app", "1");
    assert_eq!(keys(&after), keys(&before));
    all_are(&after, OCI);
    let mut expected = before["annotations"].clone();
    expected["org.opencontainers.image.base.digest"] = json!(run.manifest);
    expected["org.opencontainers.image.base.name"] = json!(name);
    assert_eq!(after["annotations"].to_string(), expected.to_string());
    let report = place.reported();
    assert_eq!(report["run-image"]["image"].as_str(), Some(name.as_str()), "the released one reports no run image");
}
