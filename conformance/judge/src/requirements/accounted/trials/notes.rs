//! What is rejected of annotations of descriptors, and what is not.

use serde_json::{Value, json};

use crate::digest::Digest;
use crate::evidence::{Compression, Document, Entry, EntryKind, Export, Target};
use crate::sample::{edit_document, edit_entries, edit_manifest};
use crate::trial::Trials;

/// The sample's last layer, and its place among the exporter's own.
const LAST: usize = 8;
const LAST_OF_ITS_OWN: usize = 6;
const CONTENTS: &str = "containerd.io/snapshot/stargz/toc.digest";
const POSITION: &str = "io.github.containers.zstd-chunked.manifest-position";
const NAME: &str = "io.containerd.image.name";
const BASE_DIGEST: &str = "org.opencontainers.image.base.digest";

/// An annotation of a descriptor of the manifest.
fn noted(pointer: &'static str, key: &'static str, value: impl Into<String>) -> impl Fn(&mut Export) + 'static {
    let value = value.into();
    move |export| {
        edit_manifest(export, |manifest| manifest.pointer_mut(pointer).unwrap()["annotations"] = json!({ key: value }));
    }
}

/// An annotation of the last layer's descriptor.
fn layer(key: &'static str, value: impl Into<String>) -> impl Fn(&mut Export) + 'static {
    noted("/layers/8", key, value)
}

/// The same with what the layer is.
fn layer_s(key: &'static str, value: fn(&crate::evidence::Blob) -> String) -> impl Fn(&mut Export) + 'static {
    move |export| {
        let text = value(export.image.as_ref().unwrap().layers[LAST].blob.as_ref().unwrap());
        layer(key, text)(export);
    }
}

/// A table of contents in the last layer.
fn with_contents(export: &mut Export) {
    edit_entries(export, LAST_OF_ITS_OWN, |entries| {
        let like = entries[0].clone();
        let content = Some(Digest::of(b"contents"));
        entries.push(Entry {
            path: "/stargz.index.json".to_owned(),
            kind: EntryKind::File,
            content,
            link: None,
            ..like
        });
    });
}

/// The last layer is packed with zstd.
fn with_zstd(export: &mut Export) {
    export.image.as_mut().unwrap().layers[LAST].blob.as_mut().unwrap().compression = Compression::Zstd;
}

pub(super) fn trials() -> Vec<Trials> {
    vec![layers(), bases(), indexes()]
}

fn layers() -> Trials {
    Trials::of("annotations.descriptors-true")
        .rejects("another diffID", layer("containerd.io/uncompressed", Digest::of(b"x").as_str()))
        .accepts("the diffID", layer_s("containerd.io/uncompressed", |blob| blob.diff_id.to_string()))
        .rejects("a table of contents that is not there", layer(CONTENTS, Digest::of(b"contents").as_str()))
        .rejects("another table of contents", |e| {
            with_contents(e);
            layer(CONTENTS, Digest::of(b"x").as_str())(e);
        })
        .accepts("the table of contents", |e| {
            with_contents(e);
            layer(CONTENTS, Digest::of(b"contents").as_str())(e);
        })
        .rejects("another length", layer("io.containers.estargz.uncompressed-size", "1"))
        .accepts(
            "the length",
            layer_s("io.containers.estargz.uncompressed-size", |blob| blob.uncompressed_size.to_string()),
        )
        .rejects("gzip as zstd:chunked", layer(POSITION, "0:1:1:1"))
        .rejects(
            "gzip as zstd:chunked, by the name of old",
            layer("io.containers.zstd-chunked.manifest-checksum", Digest::of(b"x").as_str()),
        )
        .rejects("a table of contents behind the layer's end", |e| {
            with_zstd(e);
            layer(POSITION, "4294967296:1:1:1")(e);
        })
        .rejects("a position that is none", |e| {
            with_zstd(e);
            layer(POSITION, "first")(e);
        })
        .accepts("a position within the layer", |e| {
            with_zstd(e);
            layer(POSITION, "0:1:1:1")(e);
        })
        .accepts("a key of someone else's", layer("com.example.uncompressed", "sha256:none"))
        .accepts("a title of the layer's own", layer("org.opencontainers.image.title", "layer.tar.gz"))
        .accepts("a source of the layer's own", layer("org.opencontainers.image.source", "https://source.example/x"))
        .accepts("a diffID on the config, which has none", noted("/config", "containerd.io/uncompressed", "none"))
        .accepts("the run image's own", |e| {
            let wrong = json!({ "containerd.io/uncompressed": "none" });
            let mut run: Value = serde_json::from_slice(&e.run_image.manifest.bytes).unwrap();
            run["layers"][0]["annotations"] = wrong.clone();
            let descriptor = run["layers"][0].clone();
            e.run_image.manifest = Document::new(run.to_string().into_bytes(), None);
            edit_manifest(e, |manifest| manifest["layers"][0] = descriptor);
        })
}

fn bases() -> Trials {
    Trials::of("annotations.descriptors-true")
        .rejects("another base on a layer", layer(BASE_DIGEST, Digest::of(b"x").as_str()))
        .rejects("another base on the config", noted("/config", BASE_DIGEST, Digest::of(b"x").as_str()))
        .rejects("another name of the base", layer("org.opencontainers.image.base.name", "registry.example/other:1"))
        .accepts("the base that the manifest names", |e| {
            let said = crate::view::annotation(e.image.as_ref().unwrap(), BASE_DIGEST).unwrap();
            layer(BASE_DIGEST, said)(e);
        })
        .accepts("the run image's digest, where the manifest has none", |e| {
            let digest = e.run_image.digest.to_string();
            edit_manifest(e, |manifest| {
                let annotations = manifest["annotations"].as_object_mut().unwrap();
                annotations.retain(|key, _| !key.contains(".base."));
            });
            layer(BASE_DIGEST, digest)(e);
        })
        .rejects("another digest, where the manifest has none", |e| {
            edit_manifest(e, |manifest| drop(manifest.as_object_mut().unwrap().remove("annotations")));
            layer(BASE_DIGEST, Digest::of(b"x").as_str())(e);
        })
}

fn entry(key: &'static str, value: impl Into<String>) -> impl Fn(&mut Export) + 'static {
    let value = value.into();
    index(move |index| index["manifests"][0]["annotations"][key] = json!(value))
}

fn index(change: impl Fn(&mut Value) + 'static) -> impl Fn(&mut Export) + 'static {
    move |export| edit_document(&mut export.layout.as_mut().unwrap().roots[0].index, &change)
}

fn indexes() -> Trials {
    Trials::of("annotations.descriptors-true")
        .on(&[Target::Layout])
        .rejects("a name that no one asked for", entry(NAME, "registry.example/other:latest"))
        .accepts("the name that was asked for", |e| {
            let name = e.inputs.images[0].clone();
            entry(NAME, name)(e);
        })
        .rejects("an attestation", entry("vnd.docker.reference.type", "attestation-manifest"))
        .rejects(
            "an index that is based on another image",
            index(|index| index["annotations"] = json!({ BASE_DIGEST: Digest::of(b"x") })),
        )
        .accepts(
            "an index of another image too",
            index(|index| {
                let mut more = index["manifests"][0].clone();
                more["digest"] = json!(Digest::of(b"other"));
                more["annotations"] = json!({ NAME: "registry.example/other:latest" });
                index["manifests"].as_array_mut().unwrap().push(more);
                index["annotations"] = json!({ BASE_DIGEST: Digest::of(b"x") });
            }),
        )
        .accepts("a key of someone else's", entry("com.example.name", "registry.example/other:latest"))
}
