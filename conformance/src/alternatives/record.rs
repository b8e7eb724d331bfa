//! What was measured of every way. Everything but the times is the same in every run of one exporter.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The whole record; `docs/alternatives.json` is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The exporter's name.
    pub exporter: String,
    /// Of every way, in the order of the table.
    pub ways: Vec<WayFacts>,
}

/// What was measured of one way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WayFacts {
    /// Its word.
    pub way: String,
    /// Service → how many of the nine annotations are there; none where the store keeps no manifest.
    pub annotations: BTreeMap<String, Option<usize>>,
    /// How many of the nine are labels of the config.
    pub labels: usize,
    /// Bytes of the manifest in a registry.
    pub manifest_bytes: usize,
    /// Bytes of the config.
    pub config_bytes: usize,
    /// Bytes of the compressed layer that holds `config/metadata.toml`.
    pub metadata_layer_bytes: u64,
    /// What another commit, and nothing else, changes.
    pub other_commit: Change,
    /// Whether the same build has the same digest once more.
    pub reproducible: bool,
    /// Whether a layout has the digest of the registry.
    pub layout_has_the_digest: bool,
    /// Profile → how the exporter stands.
    pub answers: BTreeMap<String, String>,
    /// Milliseconds, on the machine that measured.
    pub times: Times,
}

/// What changes between two exports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Layers that are not those of before.
    pub layers: usize,
    /// All layers, those of the run image too.
    pub of_layers: usize,
    /// Whether the config, and so the imageID, is another.
    pub config: bool,
    /// Whether the manifest is another.
    pub manifest: bool,
    /// Blobs that were sent.
    pub sent_blobs: usize,
    /// Bytes of them.
    pub sent_bytes: u64,
}

/// How long it took.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Times {
    /// `project-metadata`, with `git`; none where it has no part.
    pub project_metadata: Option<u64>,
    /// The utility buildpack's build; none where it has no part.
    pub buildpack: Option<u64>,
    /// The first export to a registry.
    pub export: u64,
}

impl Record {
    /// The record without what differs from run to run.
    #[must_use]
    pub fn without_times(mut self) -> Self {
        for way in &mut self.ways {
            way.times = Times::default();
        }
        self
    }
}
