//! What the theme rejects, and what it must not.

mod descriptors;
mod kept;
mod previous;
mod repeats;
mod reported;

use serde_json::{Value, json};

use super::*;
use crate::digest::Digest;
use crate::evidence::{EntryKind, Layer, LayerFault, ScenarioEvidence, Tag, WireRecord};
use crate::sample::{
    self, annotate, edit_config, edit_entries, edit_input, edit_layers, edit_manifest, edit_report, step,
};
use crate::trial::{self, Trial, Trials, Wanted};

const PROJECT: &str = "/layers/project-metadata.toml";

fn report(from: &'static str, to: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| edit_report(export, from, to)
}

fn manifest(change: impl Fn(&mut Value) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| edit_manifest(export, &change)
}

fn config(change: impl Fn(&mut Value) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| edit_config(export, &change)
}

fn layers(change: impl Fn(&mut Vec<Layer>) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| change(&mut export.image.as_mut().unwrap().layers)
}

fn media_type(text: &'static str) -> impl Fn(&mut Export) + 'static {
    manifest(move |manifest| manifest["layers"][3]["mediaType"] = json!(text))
}

fn other() -> String {
    Digest::of(b"another").to_string()
}

pub(in super::super) fn trials() -> Vec<Trial> {
    trial::all(
        reported::reported()
            .into_iter()
            .chain(descriptors::descriptors())
            .chain(descriptors::diff_ids())
            .chain(named())
            .chain(repeats::repeated())
            .chain(repeats::times())
            .chain(repeats::annotated())
            .chain([kept::untouched(), previous::of_previous()]),
    )
}

fn named() -> Vec<Trials> {
    vec![
        Trials::of("digest.history-true")
            .rejects("an entry is lost", config(|c| drop(c["history"].as_array_mut().unwrap().pop())))
            .rejects(
                "an entry more",
                config(|c| c["history"].as_array_mut().unwrap().push(json!({ "created_by": "x" }))),
            )
            .rejects("a layer's entry is called empty", config(|c| c["history"][3]["empty_layer"] = json!(true)))
            .rejects(
                "an entry more that is not called empty",
                config(|c| c["history"].as_array_mut().unwrap().push(json!({ "empty_layer": false }))),
            )
            .rejects("an empty history", config(|c| c["history"] = json!([])))
            .accepts(
                "an empty layer's entry",
                config(|c| c["history"].as_array_mut().unwrap().insert(4, json!({ "empty_layer": true }))),
            )
            .accepts(
                "entries of nothing",
                config(|c| c["history"].as_array_mut().unwrap().iter_mut().for_each(|entry| *entry = json!({}))),
            )
            .ignores("no history", config(|c| drop(c.as_object_mut().unwrap().remove("history"))))
            .ignores("a run image whose own is not true", |e| {
                let text =
                    e.run_image.config.text().unwrap().replace("\"history\":[{\"created_by\":\"x\"},", "\"history\":[");
                e.run_image.config = crate::evidence::Document::new(text.into_bytes(), None);
            }),
        Trials::of("digest.all-tags-same")
            .rejects("one more is another image", |e| e.tags.push(tag(Some("sha256:0"))))
            .rejects("one more is not there", |e| e.tags.push(tag(None)))
            .rejects("no tag", |e| e.tags.clear())
            .rejects("the only tag is not there", |e| e.tags[0].digest = None)
            .from(sample::with_two_tags)
            .rejects("the second names what it named before", |e| e.tags[1].digest = Some(other()))
            .rejects("the first names what it named before", |e| e.tags[0].digest = Some(other()))
            .rejects("the second is not there", |e| e.tags[1].digest = None)
            .rejects("the second is missing from what was asked", |e| drop(e.tags.pop()))
            .accepts("the two in other order", |e| e.tags.swap(0, 1))
            .accepts("what they named before", |e| {
                e.tags_before.values_mut().for_each(|before| *before = Some(other()));
            }),
    ]
}

fn tag(digest: Option<&str>) -> Tag {
    Tag {
        reference: "host.example/app:2".to_owned(),
        digest: digest.map(str::to_owned),
        status: if digest.is_some() { 200 } else { 404 },
        content_type: None,
    }
}

fn sha512(bytes: &[u8]) -> Digest {
    Digest::parse(&format!("sha512:{}", "0".repeat(128))).unwrap().likewise(bytes)
}

/// A layer whose descriptor has the sha512 of these bytes, which are the blob's.
fn named_by_sha512(export: &mut Export, bytes: &[u8]) {
    let digest = sha512(bytes);
    export.image.as_mut().unwrap().layers[3].blob.as_mut().unwrap().named = Some(digest.clone());
    edit_manifest(export, |manifest| manifest["layers"][3]["digest"] = json!(digest));
}
