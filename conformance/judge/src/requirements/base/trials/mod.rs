//! What the theme rejects, and what it must not.

mod digests;
mod names;

use serde_json::{Value, json};

use super::*;
use crate::evidence::{Document, ExtendedImage, ScenarioEvidence, StoreKind};
use crate::requirement::{DAEMON, REGISTRY};
use crate::sample::{self, annotate, edit_input, edit_label, edit_layers, edit_manifest};
use crate::trial::{self, Trial, Trials};

const DIGEST: &str = "org.opencontainers.image.base.digest";
const NAME: &str = "org.opencontainers.image.base.name";
const LABEL: &str = "io.buildpacks.lifecycle.metadata";

fn set(key: &'static str, value: impl Into<String>) -> impl Fn(&mut Export) + 'static {
    let value = value.into();
    move |export| annotate(export, key, Some(&value))
}

const LEAK: &str = "annotations.not-inherited";

/// A value of the run image's own annotations, copied along.
fn leaks(key: &'static str, value: &str) -> impl Fn(&mut Export) + 'static {
    let value = value.to_owned();
    move |export| {
        export.run_image.sentinels.push(value.clone());
        annotate(export, key, Some(&value));
    }
}

fn none(key: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| annotate(export, key, None)
}

/// The digest that stands there, changed.
fn changed(change: fn(&str) -> String) -> impl Fn(&mut Export) + 'static {
    move |export| {
        let old = annotation(export, "base.digest").unwrap();
        annotate(export, DIGEST, Some(&change(&old)));
    }
}

fn upper(digest: &str) -> String {
    digest.to_uppercase().replace("SHA256", "sha256")
}

fn one_digit(digest: &str) -> String {
    let last = if digest.ends_with('0') { "1" } else { "0" };
    format!("{}{last}", &digest[..digest.len() - 1])
}

fn other() -> String {
    Digest::of(b"another").to_string()
}

fn index() -> Document {
    Document::new(b"{\"manifests\":[]}".to_vec(), None)
}

/// The run image is behind an index, by whose digest it was analysed.
fn behind_an_index() -> ScenarioEvidence {
    let mut evidence = sample::scenario();
    for export in &mut evidence.exports {
        let index = index();
        let name = export.run_image.reference.split('@').next().unwrap_or_default().to_owned();
        export.run_image.digest = index.digest.clone();
        export.run_image.reference = format!("{name}@{}", index.digest);
        edit_label(export, LABEL, |l| l["runImage"]["reference"] = json!(format!("host.example/run@{}", index.digest)));
        export.run_image.index = Some(index.clone());
        if let Some(base) = &mut export.base {
            base.fetched.document = Some(index.clone());
            annotate(export, DIGEST, Some(index.digest.as_str()));
        }
    }
    evidence
}

fn extended(export: &mut Export) {
    let run = &mut export.run_image;
    run.extension = Some(ExtendedImage { manifest: run.manifest.clone(), config: run.config.clone() });
}

/// The run image's manifest and the app's are Docker schema 2.
fn docker(export: &mut Export) {
    let docker = json!({ "mediaType": "application/vnd.docker.distribution.manifest.v2+json" });
    export.run_image.manifest = Document::new(docker.to_string().into_bytes(), None);
    edit_manifest(export, |manifest| manifest["mediaType"] = docker["mediaType"].clone());
}

fn without_digest(export: &mut Export) {
    export.run_image.reference = "/layout/run.example/run/base".to_owned();
    edit_input(export, "/layers/analyzed.toml", "[run-image]\nreference='/layout/run.example/run/base'\n");
}

fn theirs(key: &'static str) -> impl Fn(&mut Export) + 'static {
    move |export| sample::contribute(export, &[(key, "theirs")])
}

pub(in super::super) fn trials() -> Vec<Trial> {
    trial::all(
        presence()
            .into_iter()
            .chain(digests::digests())
            .chain(names::names())
            .chain(names::agreement())
            .chain([of_extended()]),
    )
}

/// Extensions made another image of the run image.
fn of_extensions() -> ScenarioEvidence {
    let mut evidence = sample::scenario();
    for export in &mut evidence.exports {
        let made = Document::new(b"{\"extended\":true}".to_vec(), None);
        export.run_image.extension = Some(ExtendedImage { manifest: made, config: export.run_image.config.clone() });
    }
    evidence
}

fn of_extended() -> Trials {
    let theirs = |e: &mut Export| {
        let made = e.run_image.extension.as_ref().unwrap().manifest.digest.to_string();
        annotate(e, DIGEST, Some(&made));
    };
    let its_config = |e: &mut Export| {
        let config = e.run_image.config.digest.to_string();
        annotate(e, DIGEST, Some(&config));
    };
    Trials::of("base.extended-is-an-input")
        .from(of_extensions)
        .rejects("another digest", set(DIGEST, other()))
        .rejects("the run image's config", its_config)
        .rejects("another name", set(NAME, "host.example/other:base"))
        .rejects("the name with an ending of its own", |e| {
            let name = format!("{}-extended", e.run_image.name);
            annotate(e, NAME, Some(&name));
        })
        .accepts("the image that extensions made", theirs)
        .accepts("the digest alone", none(NAME))
        .accepts("the name alone, which another row judges", none(DIGEST))
        .ignores("neither", |e| {
            none(NAME)(e);
            none(DIGEST)(e);
        })
        .ignores("a buildpack's", |e| sample::contribute(e, &[(NAME, "theirs"), (DIGEST, "theirs")]))
        .ignores("a run image that is as it was", |e| e.run_image.extension = None)
}

fn presence() -> Vec<Trials> {
    let platform_s = |e: &mut Export| {
        let platform = e.run_image.manifest.digest.to_string();
        annotate(e, DIGEST, Some(&platform));
    };
    vec![
        Trials::of("base.digest-present")
            .rejects("none", none(DIGEST))
            .follows("one left over from the run image", LEAK, leaks(DIGEST, "sha256:1111"))
            .rejects("under a misspelt key", |e| {
                sample::raw_manifest(e, "image.base.digest", "image.base.Digest");
            })
            .accepts("another digest, which other rows judge", set(DIGEST, other()))
            .ignores("an extended run image", extended)
            .ignores("Docker schema 2", docker)
            .ignores("a buildpack's", theirs(DIGEST))
            .from(behind_an_index)
            .accepts("the platform manifest's", platform_s)
            .from(sample::scenario)
            .on(&[Target::Layout])
            .ignores("a layout's reference without digest", without_digest),
        Trials::of("base.name-present")
            .rejects("none", none(NAME))
            .follows("one left over from the run image", LEAK, leaks(NAME, "below.example/base:1"))
            .rejects("under a misspelt key", |e| sample::raw_manifest(e, "image.base.name", "image.base_name"))
            .accepts("another name, which other rows judge", set(NAME, "x"))
            .accepts("a Docker run image converted to OCI", |e| {
                let docker = json!({ "mediaType": "application/vnd.docker.distribution.manifest.v2+json" });
                let reference = e.run_image.reference.clone();
                e.run_image.manifest = Document::new(docker.to_string().into_bytes(), None);
                e.run_image.reference = reference;
            })
            .ignores("a run image whose digest is not known", |e| {
                without_digest(e);
                none(NAME)(e);
            })
            .ignores("a run image whose name is not a reference", |e| {
                "reg.example:port/run".clone_into(&mut e.run_image.name);
                none(NAME)(e);
            })
            .ignores("an extended run image", extended)
            .ignores("Docker schema 2", docker)
            .ignores("a buildpack's", theirs(NAME)),
        Trials::of("base.pair")
            .rejects("the name alone", none(DIGEST))
            .follows("the run image's name alone", LEAK, |e| {
                none(DIGEST)(e);
                leaks(NAME, "below.example/base:1")(e);
            })
            .accepts("any digest", set(DIGEST, "x"))
            .ignores("the digest alone", none(NAME))
            .ignores("neither", |e| {
                none(NAME)(e);
                none(DIGEST)(e);
            })
            .ignores("a buildpack's name", theirs(NAME)),
    ]
}
