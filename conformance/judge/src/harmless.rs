//! Variations that every specification allows and no requirement may reject, made of all exports alike.

use serde_json::{Value, json};

use crate::digest::Digest;
use crate::evidence::{Blob, Compression, Document, Export, Image};
use crate::sample;
use crate::view;

/// A harmless change of an export; one without an image stays as it is.
pub type Harmless = (&'static str, fn(&mut Export));

/// All of them.
pub const HARMLESS: [Harmless; 11] = [
    ("keys in reverse order", |export| rewritten(export, |value| compact(&reversed(value)))),
    ("white space in the documents", |export| {
        rewritten(export, |value| serde_json::to_vec_pretty(value).expect("JSON"));
    }),
    ("an end of line after the documents", |export| {
        rewritten(export, |value| [compact(value), b"\n".to_vec()].concat());
    }),
    ("another gzip level", |export| {
        recompressed(export, Compression::Gzip, "application/vnd.oci.image.layer.v1.tar+gzip");
    }),
    ("zstd layers", |export| recompressed(export, Compression::Zstd, "application/vnd.oci.image.layer.v1.tar+zstd")),
    ("uncompressed layers", |export| recompressed(export, Compression::None, "application/vnd.oci.image.layer.v1.tar")),
    ("annotations more, one not ASCII", |export| {
        annotated(
            export,
            &[("com.example.more", "x"), ("dev.example/part", "Grüße, 世界 \u{1f980}"), ("x.y.empty", "")],
        );
    }),
    ("labels more, one not ASCII", |export| {
        configured(export, |config| {
            config["config"]["Labels"]["com.example.more"] = json!("x");
            config["config"]["Labels"]["bare word"] = json!("Grüße, 世界 \u{1f980}");
        });
    }),
    ("variables more", |export| {
        configured(export, |config| {
            config["config"]["Env"].as_array_mut().expect("Env").insert(0, json!("CNB_EXTRA=ä=b"));
        });
    }),
    ("other words in the history of the last layer", |export| {
        configured(export, |config| {
            if let Some(last) = config["history"].as_array_mut().and_then(|history| history.last_mut()) {
                last["created_by"] = json!("ADD ä");
            }
        });
    }),
    ("fields more in config and manifest", |export| {
        configured(export, |config| config["com.example.more"] = json!({ "x": [1, null] }));
        if export.image.as_ref().is_some_and(|image| image.manifest.is_some()) {
            sample::edit_manifest(export, |manifest| manifest["com.example.more"] = json!([1.5, true]));
        }
    }),
];

fn compact(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

/// The same value with the members of every object in reverse order.
fn reversed(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            Value::Object(members.iter().rev().map(|(key, value)| (key.clone(), reversed(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(reversed).collect()),
        other => other.clone(),
    }
}

fn rewritten(export: &mut Export, write: fn(&Value) -> Vec<u8>) {
    let Some(image) = &export.image else { return };
    let parsed = |document: &Document| serde_json::from_slice::<Value>(&document.bytes).expect("JSON");
    let config = image.config.as_ref().map(|config| Document::new(write(&parsed(config)), None));
    if let Some(config) = config {
        sample::set_config(export, config.clone());
        if let Some(pushed) = export.daemon.as_mut().and_then(|daemon| daemon.pushed.as_mut()) {
            pushed.config = Some(config);
        }
    }
    let image = export.image.as_mut().expect("an image");
    if let Some(manifest) = &mut image.manifest {
        *manifest = Document::new(write(&parsed(manifest)), manifest.content_type.clone());
    }
    sample::seal(export);
}

fn configured(export: &mut Export, edit: fn(&mut Value)) {
    if export.image.is_none() {
        return;
    }
    sample::edit_config(export, edit);
    let config = export.image.as_ref().and_then(|image| image.config.clone());
    if let Some(pushed) = export.daemon.as_mut().and_then(|daemon| daemon.pushed.as_mut()) {
        pushed.config = config;
    }
}

fn annotated(export: &mut Export, pairs: &[(&str, &str)]) {
    if export.image.as_ref().is_some_and(|image| !view::annotations(image).is_empty()) {
        for (key, value) in pairs {
            sample::annotate(export, key, Some(value));
        }
    }
}

fn recompressed(export: &mut Export, compression: Compression, media_type: &str) {
    if let Some(image) = export.image.as_mut().filter(|image| image.manifest.is_some()) {
        recompress(image, compression, media_type);
        sample::seal(export);
    }
    if let Some(pushed) = export.daemon.as_mut().and_then(|daemon| daemon.pushed.as_mut()) {
        recompress(pushed, compression, media_type);
    }
}

/// Other bytes of the same content, true everywhere.
fn recompress(image: &mut Image, compression: Compression, media_type: &str) {
    let Some(manifest) = &mut image.manifest else { return };
    let mut value: Value = serde_json::from_slice(&manifest.bytes).expect("JSON");
    for (index, layer) in image.layers.iter_mut().enumerate() {
        let Some(blob) = &mut layer.blob else { continue };
        squeeze(blob, compression);
        layer.name = blob.digest.to_string();
        let descriptor = &mut value["layers"][index];
        descriptor["digest"] = json!(layer.name);
        descriptor["size"] = json!(blob.size);
        descriptor["mediaType"] = json!(media_type);
    }
    *manifest = Document::new(compact(&value), manifest.content_type.clone());
}

fn squeeze(blob: &mut Blob, compression: Compression) {
    blob.compression = compression;
    if compression == Compression::None {
        blob.digest = blob.diff_id.clone();
        blob.size = blob.uncompressed_size;
    } else {
        blob.digest = Digest::of(format!("{compression:?} at another level {}", blob.diff_id).as_bytes());
        blob.size = blob.uncompressed_size / 2 + 1;
    }
}
