//! An output as a table of fields: manifest, config, labels, layers, history, report. Labels that hold JSON are opened
//! down to their members; null, empty objects and empty arrays are as good as absent.

use std::collections::BTreeMap;

use serde_json::Value;

use super::output::Output;
use crate::evidence::Document;
use crate::json::Json;
use crate::view;

/// Field → value.
pub(super) type Fields = BTreeMap<String, Value>;

/// The fields of an output; those of the report only where it is to be compared.
pub(super) fn of(output: &Output<'_>, with_report: bool) -> Fields {
    let mut found = Fields::new();
    manifest(&mut found, output);
    layers(&mut found, output);
    config(&mut found, output);
    if with_report {
        report(&mut found, output);
    }
    found
}

/// The field's name with `*` for the place in a list: `layers/3.size` is `layers/*.size`. A key of annotations or
/// labels stays what it is.
#[must_use]
pub fn without_numbers(field: &str) -> String {
    let (head, tail) = field.split_once('#').map_or((field, None), |(head, tail)| (head, Some(tail)));
    let is_listed = ["layers/", "history/", "config.rootfs.diff_ids/"].iter().any(|list| head.starts_with(list));
    let general = |text: &str| -> String {
        let parts = text.split('/').enumerate().map(|(index, part)| {
            let digits = part.chars().take_while(char::is_ascii_digit).count();
            let is_number = index > 0 && digits > 0 && matches!(part.as_bytes().get(digits), None | Some(b'.'));
            if is_number { format!("*{}", &part[digits..]) } else { part.to_owned() }
        });
        parts.collect::<Vec<_>>().join("/")
    };
    let head = if is_listed { general(head) } else { head.to_owned() };
    match tail {
        Some(tail) => format!("{head}#{}", general(tail)),
        None => head,
    }
}

fn put(found: &mut Fields, field: String, value: &Value) {
    match value {
        Value::Null => {}
        Value::Object(members) => {
            for (key, value) in members {
                put(found, format!("{field}.{key}"), value);
            }
        }
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            for (index, item) in items.iter().enumerate() {
                put(found, format!("{field}/{index}"), item);
            }
        }
        Value::Array(items) if items.is_empty() => {}
        other => drop(found.insert(field, other.clone())),
    }
}

fn value(document: Option<&Document>) -> Option<Value> {
    view::json(document).map(|json| json.to_value())
}

fn text(value: &impl ToString) -> Value {
    Value::String(value.to_string())
}

fn manifest(found: &mut Fields, output: &Output<'_>) {
    let Some(document) = &output.image.manifest else { return };
    found.insert("manifest.digest".to_owned(), text(&document.digest));
    let Some(Value::Object(members)) = value(Some(document)) else { return };
    for (key, value) in &members {
        match (key.as_str(), value) {
            ("layers", _) => {}
            ("annotations", Value::Object(annotations)) => {
                for (key, value) in annotations {
                    found.insert(format!("manifest.annotations/{key}"), value.clone());
                }
            }
            (key, value) => put(found, format!("manifest.{key}"), value),
        }
    }
}

/// What the manifest says of each layer, and the diffID of what was read there.
fn layers(found: &mut Fields, output: &Output<'_>) {
    let manifest = value(output.image.manifest.as_ref());
    let descriptors = manifest.as_ref().and_then(|manifest| manifest.get("layers")?.as_array());
    for (index, descriptor) in descriptors.into_iter().flatten().enumerate() {
        put(found, format!("layers/{index}"), descriptor);
    }
    for (index, layer) in output.image.layers.iter().enumerate() {
        if let Some(id) = layer.whole_diff_id() {
            found.insert(format!("layers/{index}.diffID"), text(id));
        }
    }
}

fn config(found: &mut Fields, output: &Output<'_>) {
    let Some(document) = &output.image.config else { return };
    found.insert("imageID".to_owned(), text(&document.digest));
    let Some(Value::Object(mut members)) = value(Some(document)) else { return };
    if let Some(Value::Object(labels)) =
        members.get_mut("config").and_then(Value::as_object_mut).and_then(|inner| inner.remove("Labels"))
    {
        for (key, value) in &labels {
            label(found, key, value);
        }
    }
    if let Some(Value::Array(entries)) = members.remove("history") {
        for (index, entry) in entries.iter().enumerate() {
            put(found, format!("history/{index}"), entry);
        }
    }
    if let Some(Value::Array(ids)) =
        members.get_mut("rootfs").and_then(Value::as_object_mut).and_then(|rootfs| rootfs.remove("diff_ids"))
    {
        for (index, id) in ids.iter().enumerate() {
            found.insert(format!("config.rootfs.diff_ids/{index}"), id.clone());
        }
    }
    for (key, value) in &members {
        put(found, format!("config.{key}"), value);
    }
}

/// A label; one that holds a JSON object or array by its members.
fn label(found: &mut Fields, key: &str, value: &Value) {
    let opened = value.as_str().and_then(|text| Json::parse(text.as_bytes()).ok()).map(|json| json.to_value());
    match opened {
        Some(Value::Object(members)) => {
            for (name, value) in &members {
                put(found, format!("labels/{key}#{name}"), value);
            }
        }
        Some(Value::Array(items)) => put(found, format!("labels/{key}#"), &Value::Array(items)),
        _ => drop(found.insert(format!("labels/{key}"), value.clone())),
    }
}

fn report(found: &mut Fields, output: &Output<'_>) {
    if let Some(value) = crate::view::report(output.export).and_then(|table| serde_json::to_value(table).ok()) {
        put(found, "report".to_owned(), &value);
    }
}
