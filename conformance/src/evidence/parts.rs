//! What `export.json` leaves to other files, so that it is kept once: the listing of a layer, which is the same in every
//! export and store that has the layer, and a document that has a file of its own beside it.

use std::collections::BTreeMap;

use judge::digest::Digest;
use serde_json::{Value, json};

/// What stands elsewhere in the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// A layer's listing, by the sha256 of its file.
    Listing(&'a str),
    /// A document, by the name of its file in the export's folder.
    File(&'a str),
}

/// The file of a listing.
pub(crate) fn listing_file(hash: &str) -> String {
    format!("listings/{hash}.json")
}

/// Takes out what has a file in `beside`, and the listings, which are returned by their hash.
pub(crate) fn take(value: &mut Value, beside: &[(&'static str, Vec<u8>)]) -> BTreeMap<String, Vec<u8>> {
    let mut listings = BTreeMap::new();
    take_from(value, beside, &mut listings);
    listings
}

fn take_from(value: &mut Value, beside: &[(&'static str, Vec<u8>)], listings: &mut BTreeMap<String, Vec<u8>>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match (name.as_str(), &*field) {
                    ("entries", Value::Array(entries)) if !entries.is_empty() => {
                        let bytes = field.to_string().into_bytes();
                        let hash = Digest::of(&bytes).encoded().to_owned();
                        *field = json!({ "listing": hash });
                        listings.insert(hash, bytes);
                    }
                    ("bytes", Value::Object(_)) => {
                        let text = field["text"].as_str();
                        let same = |bytes: &[u8]| text.is_some_and(|text| text.as_bytes() == bytes);
                        if let Some((file, _)) = beside.iter().find(|(_, bytes)| same(bytes)) {
                            *field = json!({ "file": file });
                        }
                    }
                    _ => take_from(field, beside, listings),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| take_from(item, beside, listings)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Puts back what was taken out, as `read` has it.
///
/// # Errors
/// The first one of `read`.
pub(crate) fn put_back<E>(value: &mut Value, read: &impl Fn(Part<'_>) -> Result<Value, E>) -> Result<(), E> {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let part = match name.as_str() {
                    "entries" => field["listing"].as_str().map(Part::Listing),
                    "bytes" => field["file"].as_str().map(Part::File),
                    _ => None,
                };
                match part {
                    Some(part) => *field = read(part)?,
                    None => put_back(field, read)?,
                }
            }
            Ok(())
        }
        Value::Array(items) => items.iter_mut().try_for_each(|item| put_back(item, read)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export() -> Value {
        let layer = json!({ "diff_id": "sha256:0", "entries": [{ "path": "/a", "mode": 420 }, { "path": "/b" }] });
        let document = |text: &str| json!({ "digest": "sha256:1", "bytes": { "text": text } });
        json!({
            "image": { "config": document("{}"), "layers": [layer, { "diff_id": "sha256:2", "entries": [] }] },
            "pushed": { "config": document("other"), "layers": [layer] },
            "base": { "bytes": { "base64": "/w==" } },
            "tags_before": { "entries": null, "bytes": "text" },
        })
    }

    #[test]
    fn a_listing_is_kept_once_and_a_document_that_has_a_file_is_named_by_it() {
        let mut value = export();
        let listings = take(&mut value, &[("empty", Vec::new()), ("config.json", b"{}".to_vec())]);
        assert_eq!(listings.len(), 1);
        let (hash, bytes) = listings.first_key_value().unwrap();
        assert_eq!(hash, Digest::of(bytes).encoded());
        for layer in [&value["image"]["layers"][0], &value["pushed"]["layers"][0]] {
            assert_eq!(layer["entries"], json!({ "listing": hash }));
        }
        assert_eq!(value["image"]["config"]["bytes"], json!({ "file": "config.json" }));
        assert_eq!(value["pushed"]["config"], export()["pushed"]["config"], "no file has its bytes");
        let read = |part: Part<'_>| match part {
            Part::Listing(hash) => serde_json::from_slice(&listings[hash]).map_err(|error| error.to_string()),
            Part::File("config.json") => Ok(json!({ "text": "{}" })),
            Part::File(name) => Err(name.to_owned()),
        };
        put_back(&mut value, &read).unwrap();
        assert_eq!(value, export());
    }

    #[test]
    fn what_was_never_taken_out_stays_and_what_cannot_be_read_is_told() {
        let mut value = export();
        put_back(&mut value, &|part| Err(format!("{part:?}"))).unwrap();
        assert_eq!(value, export());
        let mut value = json!([{ "entries": { "listing": "0" } }]);
        assert_eq!(put_back(&mut value, &|part| Err(format!("{part:?}"))), Err("Listing(\"0\")".to_owned()));
    }
}
