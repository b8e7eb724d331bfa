//! `group.toml`: the buildpacks that take part (`cnb-platform.md`, group.toml).

use serde::{Deserialize, Serialize};

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Group {
    /// Buildpacks, in order of execution.
    #[serde(default)]
    pub group: Vec<Buildpack>,
    /// Image extensions.
    #[serde(default)]
    pub group_extensions: Vec<Buildpack>,
}

/// A buildpack or image extension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buildpack {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// Its homepage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// The Buildpack API version that it is written for.
    pub api: String,
}

impl Buildpack {
    /// Its folder below `<layers>`: the id with every `/` as `_`.
    #[must_use]
    pub fn folder(&self) -> String {
        self.id.replace('/', "_")
    }
}
