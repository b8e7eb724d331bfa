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
        (toml::Value::Integer(_) | toml::Value::Float(_), Json::Number(number)) => same_number(toml, number),
        (one, two) => same_value(one, two),
    }
}

/// Whether two numbers have one value, however they are written: `512.0` is 512 (RFC 8259, section 6).
fn same_number(toml: &toml::Value, json: &serde_json::Number) -> bool {
    /// Up to here a double has every integer; beyond it the text that it was read from may have had another.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let integral = |float: f64| format!("{float:.0}").parse::<i128>().ok().filter(|_| float.fract() == 0.0);
    let integer = json.as_i64().map(i128::from).or_else(|| json.as_u64().map(i128::from));
    match toml {
        toml::Value::Integer(one) => {
            let whole = || json.as_f64().filter(|float| float.abs() <= EXACT).and_then(integral);
            integer.or_else(whole) == Some(i128::from(*one))
        }
        toml::Value::Float(one) => {
            integer.map_or_else(|| json.as_f64() == Some(*one), |two| integral(*one) == Some(two))
        }
        _ => false,
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
            ("a = 512", "{\"a\":512.0}", true),
            ("a = 512", "{\"a\":5.12e2}", true),
            ("a = -512", "{\"a\":-512.0}", true),
            ("a = 512.0", "{\"a\":512}", true),
            ("a = 1.5", "{\"a\":1.5}", true),
            ("a = 9007199254740993", "{\"a\":9007199254740993}", true),
            ("a = 1e16", "{\"a\":10000000000000000}", true),
            ("a = 1e300", "{\"a\":1e300}", true),
            ("a = 512", "{\"a\":512.5}", false),
            ("a = 512.5", "{\"a\":512}", false),
            ("a = 512", "{\"a\":513.0}", false),
            ("a = 9007199254740992", "{\"a\":9007199254740993}", false),
            ("a = 9007199254740992.0", "{\"a\":9007199254740993}", false),
            ("a = 9007199254740994", "{\"a\":9007199254740994.0}", false),
            ("a = nan", "{\"a\":0}", false),
        ] {
            let table = toml::Value::Table(toml.parse().unwrap());
            assert_eq!(same_data(&table, &Json::parse(json.as_bytes()).unwrap()), same, "{toml} and {json}");
        }
    }
}
