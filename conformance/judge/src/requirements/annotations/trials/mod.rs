//! What the theme rejects, and what it must not.

mod keys;
mod media_types;
mod values;

use serde_json::{Value, json};

use super::*;
use crate::digest::Digest;
use crate::evidence::ScenarioEvidence;
use crate::sample::{self, annotate, edit_config, edit_input, edit_manifest, raw_manifest};
use crate::trial::{self, Trial, Trials, Wanted};
use crate::view::{PREFIX, RFC_KEYS};

const TITLE: &str = "org.opencontainers.image.title";
const PROJECT: &str = "/layers/project-metadata.toml";

fn manifest(change: impl Fn(&mut Value) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| edit_manifest(export, &change)
}

fn annotations(value: Value) -> impl Fn(&mut Export) + 'static {
    manifest(move |manifest| manifest["annotations"] = value.clone())
}

/// An annotation of the image specification.
fn set(name: &str, text: &'static str) -> impl Fn(&mut Export) + 'static {
    key(format!("{PREFIX}{name}"), text)
}

fn key(key: impl Into<String>, text: &'static str) -> impl Fn(&mut Export) + 'static {
    let key = key.into();
    move |export| annotate(export, &key, Some(text))
}

fn raw(from: &'static str, to: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| raw_manifest(export, from, to)
}

fn media_type(place: &'static str, value: Value) -> impl Fn(&mut Export) + 'static {
    manifest(move |manifest| *manifest.pointer_mut(place).unwrap() = value.clone())
}

fn given(text: &'static str, name: &'static str, value: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| {
        edit_input(export, PROJECT, text);
        annotate(export, &format!("{PREFIX}{name}"), Some(value));
    }
}

fn label(name: &'static str, value: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| edit_config(export, |c| c["config"]["Labels"][format!("{PREFIX}{name}")] = json!(value))
}

fn contributes(name: &'static str, value: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| sample::contribute(export, &[(&format!("{PREFIX}{name}"), value)])
}

fn each_export(change: impl Fn(&mut Export)) -> ScenarioEvidence {
    let mut evidence = sample::scenario();
    evidence.exports.iter_mut().filter(|e| e.target != crate::evidence::Target::Daemon).for_each(change);
    evidence
}

fn described() -> ScenarioEvidence {
    each_export(|e| edit_manifest(e, |m| m["layers"][0]["annotations"] = json!({ "a.b": "c" })))
}

fn dated() -> ScenarioEvidence {
    each_export(|e| annotate(e, "org.opencontainers.image.created", Some("2026-01-01T00:00:00Z")))
}

pub(in super::super) fn trials() -> Vec<Trial> {
    trial::all(
        keys::form()
            .into_iter()
            .chain(keys::keys())
            .chain(media_types::media_types())
            .chain(values::values())
            .chain(values::origin()),
    )
}

const LEAK: &str = "annotations.not-inherited";

/// A value of the run image's own annotations, copied along.
fn leaks(name: &'static str, value: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| {
        export.run_image.sentinels.push(value.to_owned());
        set(name, value)(export);
    }
}

/// No annotation but the run image's.
fn leaked_alone(export: &mut Export) {
    let theirs = json!({ "org.opencontainers.image.title": "sentinel-annotation-title", "x.y": "sentinel-annotation" });
    edit_manifest(export, |manifest| manifest["annotations"] = theirs.clone());
}
