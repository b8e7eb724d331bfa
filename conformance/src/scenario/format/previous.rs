//! `[steps.previous-image-of-another]`: a previous image that the suite makes, as another exporter would have left it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{ImageFormat, LayerCompression};

/// The previous image of a build that another exporter made.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct OtherPrevious {
    /// The media types of its manifest, config and layers.
    pub format: ImageFormat,
    /// What it has for a label of the lifecycle.
    pub lifecycle_label: OtherLabel,
    /// Its launch layers.
    pub layers: Vec<OtherLayer>,
}

/// What such an image has for `io.buildpacks.lifecycle.metadata`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OtherLabel {
    /// What names its layers.
    #[default]
    OfItsLayers,
    /// No label of buildpacks: a person or another tool made the image.
    Missing,
    /// An empty text.
    Empty,
    /// A text that is not JSON.
    NotJson,
    /// JSON that is not an object.
    NotAnObject,
}

impl Default for OtherPrevious {
    fn default() -> Self {
        Self { format: ImageFormat::Oci, lifecycle_label: OtherLabel::default(), layers: Vec::new() }
    }
}

/// A launch layer of such an image.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OtherLayer {
    /// The ID of its buildpack.
    pub buildpack: String,
    /// Its name.
    pub name: String,
    /// Path below the layer's folder → text.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// How it is compressed.
    #[serde(default)]
    pub compression: LayerCompression,
}
