//! `analyzed.toml`: what the analysis phase found (`cnb-platform.md`, analyzed.toml).

use serde::Deserialize;

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Analyzed {
    /// The previous image.
    #[serde(alias = "previous-image")]
    pub image: Option<PreviousImage>,
    /// Layer metadata of the previous image: its label `io.buildpacks.lifecycle.metadata` as TOML.
    pub metadata: Option<toml::Table>,
    /// The run image.
    pub run_image: Option<RunImage>,
}

/// The previous image.
#[derive(Debug, Clone, Deserialize)]
pub struct PreviousImage {
    /// Digest reference, daemon's image ID, or path in a layout.
    #[serde(default)]
    pub reference: String,
    /// As the table next to it, for platforms that write it here.
    pub metadata: Option<toml::Table>,
}

/// The run image.
#[derive(Debug, Clone, Deserialize)]
pub struct RunImage {
    /// The name that platform or extension gave it.
    #[serde(default)]
    pub image: String,
    /// Digest reference, daemon's image ID, or `path@digest` in a layout.
    pub reference: String,
    /// Whether image extensions extended it.
    #[serde(default)]
    pub extend: bool,
    /// What the analysis found it to be for.
    pub target: Option<TargetData>,
}

/// The platform of an image; empty where it is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct TargetData {
    /// Operating system.
    #[serde(default)]
    pub os: String,
    /// Architecture.
    #[serde(default)]
    pub arch: String,
    /// Variant of the architecture.
    #[serde(default)]
    pub variant: String,
}

impl Analyzed {
    /// Layer metadata of the previous image, wherever it was written.
    #[must_use]
    pub fn previous_metadata(&self) -> Option<serde_json::Value> {
        let table = self.metadata.as_ref().or_else(|| self.image.as_ref()?.metadata.as_ref())?;
        Some(super::to_json(&toml::Value::Table(table.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_file_and_an_almost_empty_one() {
        let full: Analyzed = toml::from_str(
            "[image]\nreference='h/a@sha256:0'\n[metadata.config]\nsha='x'\n\
             [run-image]\nreference='h/r@sha256:1'\nimage='h/r:1'\nextend=true\n[run-image.target]\nos='linux'\n",
        )
        .unwrap();
        assert_eq!(full.previous_metadata().unwrap()["config"]["sha"], "x");
        assert!(full.run_image.unwrap().extend);
        let least: Analyzed = toml::from_str("[run-image]\nreference='x'\n").unwrap();
        assert_eq!(least.run_image.unwrap().image, "");
    }
}
