//! What a daemon shows, seen to hold and to fail.

use serde_json::json;

use super::observed::classes;
use super::*;
use crate::evidence::{Document, EngineEnd, Target};
use crate::sample::{self, find, on};

#[test]
fn an_engine_that_ends_is_the_image_s_doing_when_that_image_alone_ends_it_every_time() {
    for (again, of_run_image, is_its_doing) in [
        (Some(true), Some(true), true),
        (Some(true), Some(false), false),
        (Some(false), Some(true), false),
        (Some(false), Some(false), false),
        (None, None, false),
    ] {
        let mut evidence = sample::scenario();
        let end = EngineEnd {
            how: "with exit 2".to_owned(),
            said: "panic: nil pointer".to_owned(),
            pushes_run_image: of_run_image,
            again,
        };
        on(&mut evidence, Target::Daemon).daemon.as_mut().unwrap().engine_end = Some(end);
        match find(&evidence, "daemon.round-trip-content", Target::Daemon) {
            Finding::Violated(violation) => assert!(is_its_doing && violation.found.contains("nil pointer")),
            Finding::Error(reason) => assert!(!is_its_doing && reason.contains("with exit 2"), "{reason}"),
            other => panic!("{again:?} {of_run_image:?}: {other:?}"),
        }
    }
}

#[test]
fn differences_of_the_round_trip_are_classified() {
    let evidence = sample::scenario();
    let direct = evidence.exports[0].image.clone().unwrap();
    let export = on(&mut sample::scenario(), Target::Registry).clone();
    assert_eq!(what_differs(&export, &direct, &direct), "none: one digest");
    let mut pushed = direct.clone();
    let mut manifest: serde_json::Value = serde_json::from_slice(&pushed.manifest.as_ref().unwrap().bytes).unwrap();
    manifest.as_object_mut().unwrap().remove("annotations");
    manifest["mediaType"] = json!("application/vnd.docker.distribution.manifest.v2+json");
    pushed.manifest = Some(Document::new(manifest.to_string().into_bytes(), None));
    pushed.layers[3].name = "sha256:recompressed".to_owned();
    assert_eq!(classes(&export, &direct, &pushed), ["annotations lost", "media types", "recompression"]);
    let mut unknown = direct.clone();
    let bytes = [unknown.manifest.as_ref().unwrap().bytes.clone(), b"\n".to_vec()].concat();
    unknown.manifest = Some(Document::new(bytes, None));
    assert_eq!(classes(&export, &direct, &unknown), ["the manifest's bytes alone"]);
}
