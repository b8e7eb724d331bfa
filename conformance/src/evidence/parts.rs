//! What `export.json` leaves to other files, so that it is kept once: the listing of a layer, which is the same in
//! every export and store that has the layer, and a document that has a file of its own next to it.

use serde_json::{Value, json};

/// The file of a listing.
pub(crate) fn listing_file(hash: &str) -> String {
    format!("listings/{hash}.json")
}

/// Names each document that has a file in `others` by that file.
pub(crate) fn take(value: &mut Value, others: &[(&'static str, Vec<u8>)]) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let text = if name == "bytes" { field["text"].as_str() } else { None };
                let same = |bytes: &[u8]| text.is_some_and(|text| text.as_bytes() == bytes);
                match others.iter().find(|(_, bytes)| same(bytes)) {
                    Some((file, _)) => *field = json!({ "file": file }),
                    None => take(field, others),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| take(item, others)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Puts back the documents that have files, as `read` has them.
///
/// # Errors
/// The first one of `read`.
pub(crate) fn put_back<E>(value: &mut Value, read: &impl Fn(&str) -> Result<Value, E>) -> Result<(), E> {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field["file"].as_str().filter(|_| name == "bytes") {
                    Some(file) => *field = read(file)?,
                    None => put_back(field, read)?,
                }
            }
            Ok(())
        }
        Value::Array(items) => items.iter_mut().try_for_each(|item| put_back(item, read)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

/// How many listings it leaves to files of their own.
pub(crate) fn listings(value: &Value) -> usize {
    match value {
        Value::Object(fields) => {
            let own = |(name, field): (&String, &Value)| usize::from(name == "entries" && field["listing"].is_string());
            fields.iter().map(own).sum::<usize>() + fields.values().map(listings).sum::<usize>()
        }
        Value::Array(items) => items.iter().map(listings).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export() -> Value {
        let layer = json!({ "diff_id": "sha256:0", "entries": { "listing": "0af" } });
        let document = |text: &str| json!({ "digest": "sha256:1", "bytes": { "text": text } });
        json!({
            "image": { "config": document("{}"), "layers": [layer, { "diff_id": "sha256:2", "entries": [] }] },
            "pushed": { "config": document("other"), "layers": [layer] },
            "base": { "bytes": { "base64": "/w==" } },
            "tags_before": { "entries": null, "bytes": "text" },
        })
    }

    #[test]
    fn a_document_that_has_a_file_is_named_by_it_and_listings_are_counted() {
        let mut value = export();
        take(&mut value, &[("empty", Vec::new()), ("config.json", b"{}".to_vec())]);
        assert_eq!(value["image"]["config"]["bytes"], json!({ "file": "config.json" }));
        assert_eq!(value["pushed"]["config"], export()["pushed"]["config"], "no file has its bytes");
        put_back(&mut value, &|file| match file {
            "config.json" => Ok(json!({ "text": "{}" })),
            other => Err(other.to_owned()),
        })
        .unwrap();
        assert_eq!((&value, listings(&value)), (&export(), 2));
    }

    #[test]
    fn what_was_never_taken_out_stays_and_what_cannot_be_read_is_told() {
        let mut value = export();
        put_back(&mut value, &|file| Err(file.to_owned())).unwrap();
        assert_eq!(value, export());
        let mut value = json!([{ "bytes": { "file": "config.json" } }]);
        assert_eq!(put_back(&mut value, &|file| Err(file.to_owned())), Err("config.json".to_owned()));
    }
}
