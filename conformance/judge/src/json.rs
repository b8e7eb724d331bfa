//! A view of raw JSON that hides nothing: objects keep every member in order, also a key that is there twice.
//!
//! `serde_json` keeps the last of two members of one name; that there are two is a finding.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A JSON value as it is in the bytes.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(serde_json::Number),
    /// A string, escapes resolved.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// Every member in order, doubled keys included.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads one JSON document and nothing after it.
    ///
    /// # Errors
    /// The parser's message with line and column when the bytes are not JSON.
    pub fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// The member under `key`: the last one where there are several, as most parsers read it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.members()?.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The value at a path of keys.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |value, key| value.get(key))
    }

    /// All members of an object.
    #[must_use]
    pub fn members(&self) -> Option<&[(String, Self)]> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// All items of an array.
    #[must_use]
    pub fn items(&self) -> Option<&[Self]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The text of a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a non-negative integer.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Number(number) => number.as_u64(),
            _ => None,
        }
    }

    /// What kind of value it is, in the words of RFC 8259.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    /// JSON Pointers (RFC 6901) of all members whose key occurs more than once in their object.
    #[must_use]
    pub fn doubled_keys(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.collect_doubled("", &mut found);
        found
    }

    fn collect_doubled(&self, at: &str, found: &mut Vec<String>) {
        match self {
            Self::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    item.collect_doubled(&format!("{at}/{index}"), found);
                }
            }
            Self::Object(members) => {
                // A hostile document has a hundred thousand members.
                let mut seen = HashSet::with_capacity(members.len());
                for (key, value) in members {
                    let pointer = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                    if !seen.insert(key.as_str()) {
                        found.push(pointer.clone());
                    }
                    value.collect_doubled(&pointer, found);
                }
            }
            _ => {}
        }
    }

    /// The same value for comparisons in which the order of keys does not matter; the last of doubled keys counts.
    #[must_use]
    pub fn to_value(&self) -> serde_json::Value {
        use serde_json::Value;
        match self {
            Self::Null => Value::Null,
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Number(number) => Value::Number(number.clone()),
            Self::String(text) => Value::String(text.clone()),
            Self::Array(items) => Value::Array(items.iter().map(Self::to_value).collect()),
            Self::Object(members) => {
                Value::Object(members.iter().map(|(key, value)| (key.clone(), value.to_value())).collect())
            }
        }
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_value().fmt(f)
    }
}

struct Whole;

impl<'de> Visitor<'de> for Whole {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Json, E> {
        Ok(Json::Bool(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Json, E> {
        serde_json::Number::from_f64(number).map(Json::Number).ok_or_else(|| E::custom("a number out of range"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = access.next_entry()? {
            members.push(member);
        }
        Ok(Json::Object(members))
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doubled_key_is_seen_wherever_it_is() {
        let json = Json::parse(br#"{"a":{"x":1,"y":[{"k":1,"k":2}],"x":3},"a~/":null}"#).unwrap();
        assert_eq!(json.doubled_keys(), ["/a/y/0/k", "/a/x"]);
        assert_eq!(json.at(&["a", "x"]).and_then(Json::as_u64), Some(3));
    }

    #[test]
    fn a_hundred_thousand_keys_take_no_time() {
        let members: Vec<String> = (0..100_000).map(|n| format!("\"example.key-{n}\":\"\"")).collect();
        let json = Json::parse(format!("{{{},\"example.key-7\":1}}", members.join(",")).as_bytes()).unwrap();
        let begun = std::time::Instant::now();
        assert_eq!(json.doubled_keys(), ["/example.key-7"]);
        assert!(begun.elapsed().as_secs() < 2, "{:?}", begun.elapsed());
    }

    #[test]
    fn what_is_not_json_is_refused_also_after_the_document() {
        assert!(Json::parse(b"{} {}").is_err());
        assert!(Json::parse(b"{\"a\":01}").is_err());
        assert!(Json::parse(b"").is_err());
    }

    #[test]
    fn every_kind_of_value_is_kept() {
        let text = r#"[null,true,18446744073709551615,-7,1.5,"\u00e4",{"a":[]}]"#;
        let json = Json::parse(text.as_bytes()).unwrap();
        let items = json.items().unwrap();
        assert_eq!(items[0], Json::Null);
        assert_eq!(items[1], Json::Bool(true));
        assert_eq!((items[2].as_u64(), items[3].as_u64(), items[4].as_u64()), (Some(u64::MAX), None, None));
        assert_eq!(items[3], Json::Number((-7).into()));
        assert_eq!(items[4].to_value(), serde_json::json!(1.5));
        assert_eq!((items[5].as_str(), items[1].as_str()), (Some("ä"), None));
        assert_eq!((items[6].members().map(<[_]>::len), items[6].items(), items[5].members()), (Some(1), None, None));
        let kinds: Vec<&str> = items.iter().map(Json::kind).collect();
        let words = ["null", "a boolean", "a number", "a number", "a number", "a string", "an object"];
        assert_eq!(kinds, words);
        assert_eq!(json.kind(), "an array");
        assert_eq!(json.to_string(), text.replace("\\u00e4", "ä"));
        assert_eq!(json.to_value(), serde_json::from_str::<serde_json::Value>(text).unwrap());
        assert!(serde_json::from_value::<Json>(serde_json::json!(1.5)).is_ok());
    }

    #[test]
    fn a_path_leads_through_objects_alone() {
        let json = Json::parse(br#"{"a":{"b":1,"b":2},"c":[{"d":3}]}"#).unwrap();
        assert_eq!(json.at(&["a", "b"]).and_then(Json::as_u64), Some(2));
        assert_eq!(json.at(&[]), Some(&json));
        assert_eq!((json.get("b"), json.at(&["c", "d"]), json.at(&["a", "b", "c"])), (None, None, None));
        assert_eq!(json.to_value(), serde_json::json!({"a": {"b": 2}, "c": [{"d": 3}]}));
        let marks = Json::parse(br#"{"~/":1,"~/":{"x":1}}"#).unwrap();
        assert_eq!(marks.doubled_keys(), ["/~0~1"]);
    }
}
