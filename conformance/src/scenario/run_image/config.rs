//! The config of a scenario's run image.

use judge::digest::Digest;
use serde_json::{Value, json};

use super::MadeLayer;
use crate::scenario::{HistoryShape, RunImageFile};

pub(super) fn make(file: &RunImageFile, layers: &[MadeLayer], architecture: &str) -> Value {
    let diff_ids: Vec<Digest> = layers.iter().map(|layer| Digest::of(&layer.tar)).collect();
    let mut config = json!({
        "architecture": architecture,
        "os": "linux",
        "created": "1970-01-01T00:00:01Z",
        "config": inner(file),
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    if let Some(history) = history(file.history, layers.len()) {
        config["history"] = history;
    }
    if let Some(version) = &file.os_version {
        config["os.version"] = json!(version);
    }
    if !file.os_features.is_empty() {
        config["os.features"] = json!(file.os_features);
    }
    if let Some(variant) = &file.variant {
        config["variant"] = json!(variant);
    }
    if let Some(author) = &file.author {
        config["author"] = json!(author);
    }
    for (key, value) in &file.fields {
        config[key] = json!(value);
    }
    config
}

fn inner(file: &RunImageFile) -> Value {
    if file.empty_config {
        return json!({});
    }
    let set = |keys: &[String]| -> Value { keys.iter().map(|key| (key.clone(), json!({}))).collect() };
    let mut inner = json!({ "Env": file.env });
    let mut put = |key: &str, value: Value, is_there: bool| {
        if is_there {
            inner[key] = value;
        }
    };
    put("User", json!(file.user), file.user.is_some());
    put("Cmd", json!(file.cmd), !file.cmd.is_empty());
    put("Labels", json!(file.labels), !file.labels.is_empty());
    put("ExposedPorts", set(&file.exposed_ports), !file.exposed_ports.is_empty());
    put("Volumes", set(&file.volumes), !file.volumes.is_empty());
    put("StopSignal", json!(file.stop_signal), file.stop_signal.is_some());
    for (key, value) in &file.config {
        put(key, json!(value), true);
    }
    inner
}

fn history(shape: HistoryShape, layers: usize) -> Option<Value> {
    let entry = |number: usize| json!({ "created": "1970-01-01T00:00:01Z", "created_by": format!("COPY / / # buildkit, stage {number}"), "comment": "buildkit.dockerfile.v0" });
    // The same second, as writers of other languages put it.
    let empty = json!({ "created": "1970-01-01T02:00:01.250000000+02:00", "created_by": "ENV A=B", "author": "the base's authors", "empty_layer": true });
    let layers: Vec<Value> = (1..=layers).map(entry).collect();
    match shape {
        HistoryShape::Whole => Some(json!(layers)),
        HistoryShape::WithEmptyLayers => {
            let entries = layers.into_iter().flat_map(|layer| [layer, empty.clone()]);
            Some(entries.collect())
        }
        HistoryShape::Absent => None,
        HistoryShape::Null => Some(Value::Null),
        HistoryShape::EmptyLayersAlone => Some(json!([empty, empty])),
    }
}
