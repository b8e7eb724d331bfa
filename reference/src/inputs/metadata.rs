//! `<layers>/config/metadata.toml`: what the buildpacks contributed (`cnb-platform.md`, metadata.toml; labels by
//! `rfc-0034-image-labels.md`, annotations in the same way by the review of RFC 196).

use serde::{Deserialize, Serialize};

use super::Buildpack;

/// The parts of the file that the exporter reads.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BuildMetadata {
    /// The process type that the buildpacks chose.
    pub buildpack_default_process_type: Option<String>,
    /// Buildpacks that took part.
    #[serde(default)]
    pub buildpacks: Vec<Buildpack>,
    /// Every process.
    #[serde(default)]
    pub processes: Vec<Process>,
    /// Every slice, in buildpack order.
    #[serde(default)]
    pub slices: Vec<Slice>,
    /// Every label, in buildpack order.
    #[serde(default)]
    pub labels: Vec<Label>,
    /// Every annotation, in buildpack order.
    #[serde(default)]
    pub annotations: Vec<Annotation>,
}

/// A process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Process {
    /// Its type.
    pub r#type: String,
    /// Program and fixed arguments; a single string in older files.
    #[serde(default)]
    pub command: Command,
    /// Arguments that a user may replace.
    #[serde(default)]
    pub args: Vec<String>,
    /// Whether it runs without a shell.
    #[serde(default)]
    pub direct: bool,
    /// Working folder, where it is not `<app>`.
    #[serde(
        default,
        rename(deserialize = "working-dir", serialize = "working-dir"),
        skip_serializing_if = "Option::is_none"
    )]
    pub working_dir: Option<String>,
    /// The buildpack that contributed it.
    #[serde(
        default,
        rename(deserialize = "buildpack-id", serialize = "buildpackID"),
        skip_serializing_if = "Option::is_none"
    )]
    pub buildpack_id: Option<String>,
    /// Execution environments that it is for.
    #[serde(default, rename = "exec-env", skip_serializing_if = "Option::is_none")]
    pub exec_env: Option<Vec<String>>,
}

/// A command as buildpacks write it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Command {
    /// Program and fixed arguments.
    List(Vec<String>),
    /// A shell command.
    Text(String),
}

impl Default for Command {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

/// A slice of the app folder.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Slice {
    /// Glob patterns.
    #[serde(default, alias = "Paths")]
    pub paths: Vec<String>,
}

/// A label.
#[derive(Debug, Clone, Deserialize)]
pub struct Label {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// A buildpack's annotation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Annotation {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
}
