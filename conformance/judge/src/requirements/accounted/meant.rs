//! What `config/metadata.toml` means to the launcher, whatever words it is written in.

use crate::json::Json;

/// What the launcher reads in the build's metadata.
pub(super) const READ: [&str; 3] = ["processes", "buildpacks", "buildpack-default-process-type"];

/// What else the specification has in the file (`cnb-platform.md`, metadata.toml).
pub(super) const KEPT: [&str; 2] = ["slices", "extensions"];

/// Whether the launcher reads a key: what it says is then judged as that.
pub(super) fn is_read(key: &str) -> bool {
    READ.contains(&key)
}

/// Whether a key says nothing.
pub(super) fn is_empty(table: &toml::Table, key: &str) -> bool {
    meaning(table, key) == Json::Null
}

/// Whether a key means the same in both.
pub(super) fn is_same(one: &toml::Table, two: &toml::Table, key: &str) -> bool {
    meaning(one, key) == meaning(two, key)
}

/// A value as a launcher reads it: what is empty or false is as what is not there, a command may be a string or a list.
fn meaning(table: &toml::Table, key: &str) -> Json {
    fn read(value: &toml::Value) -> Json {
        match value {
            toml::Value::Array(items) => Json::Array(items.iter().map(read).collect()),
            toml::Value::Table(table) => {
                let mut members: Vec<(String, Json)> =
                    table.iter().map(|(key, value)| (key.clone(), member(key, value))).collect();
                members.retain(|(_, value)| !matches!(value, Json::Null));
                members.sort_by(|one, two| one.0.cmp(&two.0));
                Json::Object(members)
            }
            other => Json::String(other.to_string()),
        }
    }
    fn member(key: &str, value: &toml::Value) -> Json {
        let is_nothing = match value {
            toml::Value::String(text) => text.is_empty(),
            toml::Value::Boolean(flag) => !flag,
            toml::Value::Array(items) => items.is_empty(),
            toml::Value::Table(table) => table.is_empty(),
            _ => false,
        };
        match value {
            _ if is_nothing => Json::Null,
            toml::Value::String(_) if key == "command" => Json::Array(vec![read(value)]),
            _ => read(value),
        }
    }
    table.get(key).map_or(Json::Null, |value| member(key, value))
}
