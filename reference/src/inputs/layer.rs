//! `<layers>/<buildpack>/<layer>.toml`: layer content metadata (`cnb-buildpack.md`, Layer Content Metadata).

use serde::Deserialize;

/// The whole file.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct LayerContent {
    /// What the layer is for.
    #[serde(default)]
    pub types: LayerTypes,
    /// What the buildpack keeps about it.
    pub metadata: Option<toml::Table>,
}

/// What a layer is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct LayerTypes {
    /// It goes into the app image.
    #[serde(default)]
    pub launch: bool,
    /// Later buildpacks see it.
    #[serde(default)]
    pub build: bool,
    /// It is kept for the next build.
    #[serde(default)]
    pub cache: bool,
}
