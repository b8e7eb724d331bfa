//! `project-metadata.toml`: where the app's source comes from; arbitrary data (`cnb-platform.md`,
//! project-metadata.toml).

use serde::Deserialize;

/// The whole file, as it is: nothing in it has a type that can be relied on.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct ProjectMetadata(pub toml::Table);

impl ProjectMetadata {
    /// The value at `source.<table>.<key>`.
    #[must_use]
    pub fn source(&self, table: &str, key: &str) -> Option<&toml::Value> {
        self.0.get("source")?.get(table)?.get(key)
    }

    /// Its JSON form, for the label.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        super::to_json(&toml::Value::Table(self.0.clone()))
    }
}
