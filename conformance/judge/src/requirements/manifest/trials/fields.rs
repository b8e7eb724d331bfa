//! What the requirements on optional fields, on indexes and on sparse files reject, and what they must not.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::manifest;
use crate::evidence::{Export, Target};
use crate::sample::{edit_entries, edit_manifest};
use crate::trial::Trials;

pub(super) fn trials() -> Vec<Trials> {
    vec![under_tag(), data(), fields(), fields_of_an_index(), sparse()]
}

/// An index in place of the manifest.
fn index(media_type: Option<&'static str>) -> impl Fn(&mut Export) + 'static {
    move |export| {
        edit_manifest(export, |manifest| {
            let named =
                json!({ "mediaType": manifest["mediaType"], "digest": manifest["config"]["digest"], "size": 7 });
            *manifest = json!({ "schemaVersion": 2, "manifests": [named] });
            if let Some(media_type) = media_type {
                manifest["mediaType"] = json!(media_type);
            }
        });
    }
}

fn under_tag() -> Trials {
    const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    Trials::of("manifest.image-under-tag")
        .rejects("an index", index(Some(INDEX)))
        .rejects("Docker's list", index(Some("application/vnd.docker.distribution.manifest.list.v2+json")))
        .rejects("an index that does not say so", index(None))
        .accepts("another mediaType, which another row judges", manifest(|m| m["mediaType"] = json!(INDEX)))
        .accepts("a manifest that has more", manifest(|m| m["manifests"] = json!([])))
}

/// The config's descriptor embeds this of the config's bytes.
fn embeds(change: fn(Vec<u8>) -> Value) -> impl Fn(&mut Export) + 'static {
    move |export| {
        let bytes = export.image.as_ref().unwrap().config.as_ref().unwrap().bytes.clone();
        edit_manifest(export, |manifest| manifest["config"]["data"] = change(bytes));
    }
}

/// A descriptor that embeds what it names, whatever becomes of the other documents.
fn subject() -> Value {
    json!({
        "mediaType": "application/vnd.oci.empty.v1+json",
        "digest": crate::digest::Digest::of(b"{}"),
        "size": 2,
        "data": STANDARD.encode(b"{}"),
    })
}

fn data() -> Trials {
    fn right() -> crate::evidence::ScenarioEvidence {
        let mut evidence = crate::sample::scenario();
        for export in evidence.exports.iter_mut().filter(|e| e.target != crate::evidence::Target::Daemon) {
            edit_manifest(export, |manifest| manifest["subject"] = subject());
        }
        evidence
    }
    Trials::of("manifest.descriptor-data")
        .from(right)
        .rejects("no base64", embeds(|_| json!("not base64!")))
        .rejects("not a string", embeds(|_| json!(7)))
        .rejects(
            "without padding",
            embeds(|bytes| {
                // So many bytes that there is padding.
                let text = STANDARD.encode(&bytes[..bytes.len() - 1 - bytes.len() % 3]);
                json!(text.trim_end_matches('='))
            }),
        )
        .rejects(
            "other content of the same size",
            embeds(|mut bytes| {
                bytes[0] ^= 1;
                json!(STANDARD.encode(bytes))
            }),
        )
        .rejects(
            "the content and more",
            embeds(|mut bytes| {
                bytes.push(b' ');
                json!(STANDARD.encode(bytes))
            }),
        )
        .rejects(
            "other content of a layer",
            manifest(|m| {
                (m["layers"][3]["data"], m["layers"][3]["size"]) = (json!(STANDARD.encode(b"other")), json!(5));
            }),
        )
        .rejects("nothing, of something", embeds(|_| json!("")))
        .accepts("the config as well", embeds(|bytes| json!(STANDARD.encode(bytes))))
        .rejects("other content of the subject", manifest(|m| m["subject"]["data"] = json!(STANDARD.encode(b"[]"))))
        .ignores(
            "no descriptor has data",
            manifest(|m| drop(m["subject"].as_object_mut().unwrap().shift_remove("data"))),
        )
}

fn fields() -> Trials {
    let layer = |key: &'static str, value: Value| manifest(move |m| m["layers"][3][key] = value.clone());
    Trials::of("manifest.descriptor-fields")
        .rejects("an artifactType without a slash", layer("artifactType", json!("sbom")))
        .rejects("an artifactType that is not a string", layer("artifactType", json!(["application/x"])))
        .rejects("urls that are one text", layer("urls", json!("https://blobs.example/x")))
        .rejects("an url without a scheme", layer("urls", json!(["https://blobs.example/x", "blobs.example/x"])))
        .rejects("an url with a blank", layer("urls", json!(["https://blobs.example/a b"])))
        .rejects("a platform that names nothing", layer("platform", json!({})))
        .rejects("a platform without os", layer("platform", json!({ "architecture": "amd64" })))
        .rejects("a platform that is a text", layer("platform", json!("linux/amd64")))
        .accepts("an artifactType", layer("artifactType", json!("application/vnd.example.sbom.v1+json")))
        .accepts("urls", layer("urls", json!(["https://blobs.example/x?y=z", "ftp://blobs.example/x"])))
        .accepts("no urls", layer("urls", json!([])))
        .accepts("a platform", layer("platform", json!({ "os": "linux", "architecture": "amd64" })))
        .accepts("a field of its own", layer("com.example.more", json!(7)))
        .accepts("a descriptor that is the run image's", |e| {
            let mut run: Value = serde_json::from_slice(&e.run_image.manifest.bytes).unwrap();
            run["layers"][0]["platform"] = json!("linux/amd64");
            let descriptor = run["layers"][0].clone();
            e.run_image.manifest.bytes = run.to_string().into_bytes();
            edit_manifest(e, |manifest| manifest["layers"][0] = descriptor);
        })
}

fn fields_of_an_index() -> Trials {
    let entry = |key: &'static str, value: Value| {
        move |export: &mut Export| {
            let index = &mut export.layout.as_mut().unwrap().roots[0].index;
            crate::sample::edit_document(index, |index| index["manifests"][0][key] = value.clone());
        }
    };
    Trials::of("manifest.descriptor-fields")
        .on(&[Target::Layout])
        .rejects("an entry for half a platform", entry("platform", json!({ "os": "linux" })))
        .rejects("an entry's urls that are one text", entry("urls", json!("https://blobs.example/x")))
        .accepts("an entry for a platform", entry("platform", json!({ "os": "linux", "architecture": "amd64" })))
}

fn sparse() -> Trials {
    Trials::of("layer.no-sparse-files")
        .rejects("a sparse file", |e| edit_entries(e, 3, |entries| entries[1].more.sparse = true))
        .rejects("a sparse file that was not read", |e| {
            edit_entries(e, 0, |entries| (entries[1].more.sparse, entries[1].content) = (true, None));
        })
        .accepts("a file of no bytes", |e| edit_entries(e, 3, |entries| entries[1].size = 0))
}
