//! What buildpacks wrote to `launch.toml`, put together as `config/metadata.toml` (`cnb-buildpack.md`, launch.toml;
//! `cnb-platform.md`, metadata.toml, buildpacks/spec b745fcf). Labels stand there as the lifecycle writes them (RFC
//! 0034), annotations in the same way, as the review of RFC 196 wants.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::PipelineError;
use super::buildpack::Buildpack;
use crate::error::Cause;

/// `launch.toml`; other keys are not looked at.
#[derive(Debug, Default, Deserialize)]
struct Launch {
    #[serde(default)]
    processes: Vec<Process>,
    #[serde(default)]
    slices: Vec<Slice>,
    #[serde(default)]
    labels: Vec<Pair>,
    #[serde(default)]
    annotations: Vec<Pair>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Process {
    r#type: String,
    command: Vec<String>,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    default: bool,
    working_dir: Option<String>,
    exec_env: Option<Vec<String>>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
struct Slice {
    paths: Vec<String>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
struct Pair {
    key: String,
    value: String,
}

/// `config/metadata.toml`.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Metadata {
    #[serde(skip_serializing_if = "Option::is_none")]
    buildpack_default_process_type: Option<String>,
    buildpacks: Vec<Reference>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    processes: Vec<Started>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    slices: Vec<Slice>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    labels: Vec<Pair>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    annotations: Vec<Pair>,
}

#[derive(Debug, Serialize)]
struct Reference {
    id: String,
    version: String,
    api: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    homepage: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Started {
    r#type: String,
    command: Vec<String>,
    args: Vec<String>,
    direct: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    working_dir: Option<String>,
    exec_env: Vec<String>,
    buildpack_id: String,
}

impl Metadata {
    /// Adds what a buildpack left in its layers.
    pub(super) fn add(&mut self, buildpack: &Buildpack, layers: &Path) -> Result<(), PipelineError> {
        let Buildpack { id, version, api, homepage, .. } = buildpack.clone();
        self.buildpacks.push(Reference { id, version, api, homepage });
        let path = layers.join("launch.toml");
        if !path.exists() {
            return Ok(());
        }
        let text = crate::given::text(&path).map_err(PipelineError::file("read", &path))?;
        let wrong = |source: Cause| PipelineError::Format { path: path.clone(), source };
        let launch: Launch = toml::from_str(&text).map_err(|error| wrong(error.into()))?;
        let types = launch.processes.iter().map(|process| process.r#type.as_str());
        for (what, keys) in [
            ("the process type", types.collect::<Vec<_>>()),
            ("the label", launch.labels.iter().map(|pair| pair.key.as_str()).collect()),
            ("the annotation", launch.annotations.iter().map(|pair| pair.key.as_str()).collect()),
        ] {
            if let Some(key) = twice(&keys) {
                return Err(wrong(format!("it has {what} {key} twice").into()));
            }
        }
        if launch.processes.iter().filter(|process| process.default).count() > 1 {
            return Err(wrong("more than one of its processes is the default".into()));
        }
        self.slices.extend(launch.slices);
        self.labels.extend(launch.labels);
        self.annotations.extend(launch.annotations);
        launch.processes.into_iter().for_each(|process| self.start(process, buildpack));
        Ok(())
    }

    /// The last definition of a type counts, also where an earlier one was the default and this one is not.
    fn start(&mut self, process: Process, buildpack: &Buildpack) {
        let Process { r#type, command, args, default, working_dir, exec_env } = process;
        self.processes.retain(|other| other.r#type != r#type);
        if default {
            self.buildpack_default_process_type = Some(r#type.clone());
        } else if self.buildpack_default_process_type.as_ref() == Some(&r#type) {
            self.buildpack_default_process_type = None;
        }
        let exec_env = exec_env.unwrap_or_else(|| vec!["*".to_owned()]);
        let buildpack_id = buildpack.id.clone();
        self.processes.push(Started { r#type, command, args, direct: true, working_dir, exec_env, buildpack_id });
    }

    pub(super) fn text(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }
}

fn twice<'a>(keys: &[&'a str]) -> Option<&'a str> {
    let mut seen = BTreeSet::new();
    keys.iter().copied().find(|key| !seen.insert(*key))
}
