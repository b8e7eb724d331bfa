//! Two images' documents, field by field.

use std::collections::BTreeSet;

use judge::evidence::{Document, Export, Image};
use serde_json::Value;

use super::FieldChange;

/// Fields of manifest and config that differ between two exports' images.
pub(super) fn changed(old: &Export, new: &Export) -> Vec<FieldChange> {
    let mut found = Vec::new();
    let documents: [(&str, fn(&Image) -> Option<&Document>); 2] =
        [("manifest", |image| image.manifest.as_ref()), ("config", |image| image.config.as_ref())];
    for (name, document) in documents {
        let value = |export: &Export| -> Option<Value> {
            let document = document(export.image.as_ref()?)?;
            serde_json::from_slice(&document.bytes).ok()
        };
        if let (Some(old), Some(new)) = (value(old), value(new)) {
            walk(name, Some(&old), Some(&new), &mut found);
        }
    }
    found
}

fn walk(path: &str, old: Option<&Value>, new: Option<&Value>, found: &mut Vec<FieldChange>) {
    match (old, new) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                // A key with dots in it, such as an annotation's, is told apart from a path.
                let gap = if key.contains('.') { "/" } else { "." };
                walk(&format!("{path}{gap}{key}"), a.get(key), b.get(key), found);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            for index in 0..a.len().max(b.len()) {
                walk(&format!("{path}[{index}]"), a.get(index), b.get(index), found);
            }
        }
        _ if old == new => {}
        _ => {
            let text = |value: Option<&Value>| value.map_or_else(String::new, ToString::to_string);
            found.push(FieldChange { field: path.to_owned(), old: text(old), new: text(new) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_that_differs_is_named_and_no_other() {
        let old = serde_json::json!({"a": 1, "list": [1, 2], "annotations": {"x.y": "one"}, "gone": null});
        let new = serde_json::json!({"a": 1, "list": [1, 3, 4], "annotations": {"x.y": "two"}});
        let mut found = Vec::new();
        walk("manifest", Some(&old), Some(&new), &mut found);
        let seen: Vec<String> = found.iter().map(|f| format!("{} {} {}", f.field, f.old, f.new)).collect();
        assert_eq!(
            seen,
            [
                "manifest.annotations/x.y \"one\" \"two\"",
                "manifest.gone null ",
                "manifest.list[1] 2 3",
                "manifest.list[2]  4"
            ]
        );
    }
}
