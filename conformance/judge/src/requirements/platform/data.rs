//! Data that an exporter carries from TOML into JSON: an empty table and none are one and the same, as encoders leave
//! empty tables out or write them.

use super::super::same_value;
use crate::json::Json;

/// Whether JSON says nothing: null, or objects that hold nothing that says something.
pub(super) fn is_nothing(json: &Json) -> bool {
    match json {
        Json::Null => true,
        Json::Object(members) => members.iter().all(|(_, value)| is_nothing(value)),
        _ => false,
    }
}

/// Whether a table holds nothing but empty tables.
pub(super) fn is_empty(toml: &toml::Value) -> bool {
    toml.as_table().is_some_and(|table| table.values().all(is_empty))
}

/// Whether JSON is the form of a TOML value, whatever becomes of empty tables in it.
pub(super) fn same_data(toml: &toml::Value, json: &Json) -> bool {
    match (toml, json) {
        (toml::Value::Table(_), json) if is_empty(toml) => is_nothing(json),
        (toml::Value::Table(table), Json::Object(members)) => {
            let none = Json::Null;
            table.iter().all(|(key, value)| same_data(value, json.get(key).unwrap_or(&none)))
                && members.iter().all(|(key, found)| table.contains_key(key) || is_nothing(found))
        }
        (toml::Value::Array(one), Json::Array(two)) => {
            one.len() == two.len() && one.iter().zip(two).all(|(one, two)| same_data(one, two))
        }
        (one, two) => same_value(one, two),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_table_is_none_and_nothing_else_is() {
        for (toml, json, same) in [
            ("", "null", true),
            ("", "{}", true),
            ("a = {}", "{}", true),
            ("a = {}", "{\"a\":{\"b\":null}}", true),
            ("a = {}\nb = 1", "{\"b\":1}", true),
            ("b = 1", "{\"a\":{},\"b\":1}", true),
            ("a = [{}]", "{\"a\":[null]}", true),
            ("", "{\"a\":\"\"}", false),
            ("", "[]", false),
            ("a = {}", "{\"a\":[]}", false),
            ("a = {}", "{\"a\":\"\"}", false),
            ("a = ''", "{}", false),
            ("a = []", "{}", false),
            ("a = {b = 1}", "{}", false),
            ("a = {b = 1}", "{\"a\":{\"b\":1,\"c\":2}}", false),
            ("a = [{}]", "{\"a\":[]}", false),
            ("a = 1", "{\"a\":\"1\"}", false),
        ] {
            let table = toml::Value::Table(toml.parse().unwrap());
            assert_eq!(same_data(&table, &Json::parse(json.as_bytes()).unwrap()), same, "{toml} and {json}");
        }
    }
}
