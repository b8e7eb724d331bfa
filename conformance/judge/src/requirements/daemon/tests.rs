//! What a daemon shows, seen to hold and to fail.

use serde_json::json;

use super::*;
use crate::evidence::Document;
use crate::sample::{self};

#[test]
fn differences_of_the_round_trip_are_classified() {
    let evidence = sample::scenario();
    let direct = evidence.exports[0].image.clone().unwrap();
    assert_eq!(classes(&direct, &direct), ["none: one digest"]);
    let mut pushed = direct.clone();
    let mut manifest: serde_json::Value = serde_json::from_slice(&pushed.manifest.as_ref().unwrap().bytes).unwrap();
    manifest.as_object_mut().unwrap().remove("annotations");
    manifest["mediaType"] = json!("application/vnd.docker.distribution.manifest.v2+json");
    pushed.manifest = Some(Document::new(manifest.to_string().into_bytes(), None));
    pushed.layers[3].name = "sha256:recompressed".to_owned();
    assert_eq!(classes(&direct, &pushed), ["annotations lost", "media types", "recompression"]);
    let mut unknown = direct.clone();
    let bytes = [unknown.manifest.as_ref().unwrap().bytes.clone(), b"\n".to_vec()].concat();
    unknown.manifest = Some(Document::new(bytes, None));
    assert_eq!(classes(&direct, &unknown), ["unknown"]);
}
