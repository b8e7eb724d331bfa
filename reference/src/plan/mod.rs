//! What the image will be: entrypoint, environment and labels from the inputs and from the layers' diffIDs. Pure: it
//! reads no file and knows no target.

mod entrypoint;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::digest::DiffId;
use crate::inputs::{BuildMetadata, Buildpack, Group, ProjectMetadata, RunImages};

pub use entrypoint::{ProcessError, entrypoint};

/// The launcher's place in the image.
pub const LAUNCHER: &str = "/cnb/lifecycle/launcher";
/// The folder of process symlinks in the image.
pub const PROCESSES: &str = "/cnb/process";

/// The label that says whether the image may be rebased.
pub const REBASABLE: &str = "io.buildpacks.rebasable";

/// A launch layer in the lifecycle's label.
#[derive(Debug, Clone)]
pub struct LaunchLayer {
    /// Its name.
    pub name: String,
    /// Digest of its tar.
    pub diff_id: DiffId,
    /// `[metadata]` of its file.
    pub data: Option<Value>,
    /// `build` of `[types]`.
    pub build: bool,
    /// `cache` of `[types]`.
    pub cache: bool,
}

/// A buildpack in the lifecycle's label.
#[derive(Debug, Clone)]
pub struct Contribution {
    /// The buildpack.
    pub buildpack: Buildpack,
    /// Its launch layers.
    pub layers: Vec<LaunchLayer>,
    /// `[metadata]` of its `store.toml`.
    pub store: Option<Value>,
}

/// Digests of the layers that belong to no buildpack.
#[derive(Debug, Clone)]
pub struct OwnLayers {
    /// App layers: slices, then the rest.
    pub app: Vec<DiffId>,
    /// SBOM layer.
    pub sbom: Option<DiffId>,
    /// Launcher layer.
    pub launcher: DiffId,
    /// Process symlinks.
    pub processes: Option<DiffId>,
    /// Config layer.
    pub config: DiffId,
    /// The execution environment that they were made for.
    pub exec_env: Option<String>,
}

/// The run image as the labels and the report name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunImageFacts {
    /// Its names, resolved from `run.toml`.
    pub names: RunImages,
    /// Digest reference, or the daemon's image ID.
    pub reference: String,
    /// Its last diffID.
    pub top_layer: DiffId,
}

/// The label `io.buildpacks.lifecycle.metadata` (`cnb-platform.md`, the label's section, and Deprecations for `stack`).
#[must_use]
pub fn lifecycle_label(own: &OwnLayers, contributions: &[Contribution], run: &RunImageFacts) -> Value {
    let sha = |digest: &DiffId| json!({ "sha": digest });
    let mut names = Map::new();
    names.insert("image".to_owned(), json!(run.names.image));
    if !run.names.mirrors.is_empty() {
        names.insert("mirrors".to_owned(), json!(run.names.mirrors));
    }
    let mut run_image = json!({ "topLayer": run.top_layer, "reference": run.reference });
    if let Some(members) = run_image.as_object_mut() {
        members.extend(names.clone());
    }
    let mut label = json!({
        "app": own.app.iter().map(sha).collect::<Vec<_>>(),
        "config": sha(&own.config),
        "launcher": sha(&own.launcher),
        "buildpacks": contributions.iter().map(contribution).collect::<Vec<_>>(),
        "runImage": run_image,
        "stack": { "runImage": run_image },
    });
    if let Some(sbom) = &own.sbom {
        label["sbom"] = sha(sbom);
    }
    if let Some(processes) = &own.processes {
        label["process-types"] = sha(processes);
    }
    if let Some(exec_env) = &own.exec_env {
        label["exec-env"] = json!(exec_env);
    }
    label
}

fn contribution(contribution: &Contribution) -> Value {
    let layers: Map<String, Value> = contribution
        .layers
        .iter()
        .map(|layer| {
            let mut entry = json!({ "sha": layer.diff_id, "launch": true, "build": layer.build, "cache": layer.cache });
            entry["data"] = layer.data.clone().unwrap_or_else(|| json!({}));
            (layer.name.clone(), entry)
        })
        .collect();
    let mut entry = json!({
        "key": contribution.buildpack.id,
        "version": contribution.buildpack.version,
        "layers": layers,
    });
    if let Some(store) = &contribution.store {
        entry["store"] = json!({ "metadata": store });
    }
    entry
}

/// What a file next to the launcher says of it; without one there is nothing to say.
#[derive(Debug, Clone, Default)]
pub struct LauncherFacts {
    /// Its version.
    pub version: String,
}

/// The label `io.buildpacks.build.metadata`.
#[must_use]
pub fn build_label(metadata: &BuildMetadata, group: &Group, launcher: &LauncherFacts) -> Value {
    let mut label = json!({
        "processes": metadata.processes,
        "buildpacks": group.group,
        "launcher": {
            "version": launcher.version,
            "source": { "git": { "repository": "", "commit": "" } },
        },
    });
    if !group.group_extensions.is_empty() {
        label["extensions"] = json!(group.group_extensions);
    }
    label
}

/// `Env` of the image: the run image's, with the three entries that the specification asks for.
#[must_use]
pub fn environment(run_image: &[String], layers: &str, app: &str) -> Vec<String> {
    let value = |name: &str| run_image.iter().rev().find_map(|entry| entry.strip_prefix(&format!("{name}=")));
    let path = value("PATH")
        .filter(|path| !path.is_empty())
        .map_or_else(|| PROCESSES.to_owned(), |path| format!("{PROCESSES}:{path}"));
    let own = [("CNB_LAYERS_DIR", layers), ("CNB_APP_DIR", app), ("PATH", &path)];
    let is_own = |entry: &String| own.iter().any(|(name, _)| entry.starts_with(&format!("{name}=")));
    let mut env: Vec<String> = run_image.iter().filter(|entry| !is_own(entry)).cloned().collect();
    env.extend(own.iter().map(|(name, value)| format!("{name}={value}")));
    env
}

/// All labels that the exporter sets: those of buildpacks first, so that none of them replaces one of its own. The
/// specification has `rebasable` true where extensions extended the run image and all of them allow it, and else false.
#[must_use]
pub fn labels(
    metadata: &BuildMetadata,
    lifecycle: &Value,
    build: &Value,
    project: &ProjectMetadata,
    is_rebasable: bool,
) -> BTreeMap<String, String> {
    let mut labels: BTreeMap<String, String> =
        metadata.labels.iter().map(|label| (label.key.clone(), label.value.clone())).collect();
    labels.insert("io.buildpacks.lifecycle.metadata".to_owned(), lifecycle.to_string());
    labels.insert("io.buildpacks.build.metadata".to_owned(), build.to_string());
    labels.insert("io.buildpacks.project.metadata".to_owned(), project.to_json().to_string());
    labels.insert(REBASABLE.to_owned(), is_rebasable.to_string());
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(text: &str) -> BuildMetadata {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn the_run_image_s_environment_is_kept_and_its_path_extended() {
        let run = ["PATH=/usr/bin:/bin", "LANG=C", "CNB_APP_DIR=/old"].map(str::to_owned);
        assert_eq!(
            environment(&run, "/layers", "/app"),
            ["LANG=C", "CNB_LAYERS_DIR=/layers", "CNB_APP_DIR=/app", "PATH=/cnb/process:/usr/bin:/bin"]
        );
        assert_eq!(environment(&[], "/l", "/a")[2], "PATH=/cnb/process");
        // A colon at the end would put the working folder on the path.
        assert_eq!(environment(&["PATH=".to_owned()], "/l", "/a")[2], "PATH=/cnb/process");
    }

    #[test]
    fn the_last_definition_of_a_label_wins_and_none_replaces_the_lifecycle_s() {
        let metadata = metadata(
            "[[labels]]\nkey='k'\nvalue='1'\n[[labels]]\nkey='k'\nvalue='2'\n\
             [[labels]]\nkey='io.buildpacks.rebasable'\nvalue='x'\n",
        );
        let labels = labels(&metadata, &json!({}), &json!({}), &ProjectMetadata::default(), true);
        assert_eq!((labels["k"].as_str(), labels["io.buildpacks.rebasable"].as_str()), ("2", "true"));
    }

    #[test]
    fn the_lifecycle_label_has_the_specification_s_shape() {
        let digest = |text: &str| DiffId::of_tar(crate::digest::Digest::of(text.as_bytes()));
        let own = OwnLayers {
            app: vec![digest("slice"), digest("rest")],
            sbom: Some(digest("sbom")),
            launcher: digest("launcher"),
            processes: Some(digest("processes")),
            config: digest("config"),
            exec_env: Some("test".to_owned()),
        };
        let buildpack =
            Buildpack { id: "a/b".to_owned(), version: "1".to_owned(), homepage: None, api: "0.10".to_owned() };
        let layer =
            LaunchLayer { name: "jre".to_owned(), diff_id: digest("jre"), data: None, build: false, cache: true };
        let contribution = Contribution { buildpack, layers: vec![layer], store: Some(json!({ "k": "v" })) };
        let run = RunImageFacts {
            names: RunImages { image: "run".to_owned(), mirrors: vec!["m.example/run".to_owned()] },
            reference: "host.example/run@sha256:0".to_owned(),
            top_layer: digest("top"),
        };
        let label = lifecycle_label(&own, &[contribution], &run);
        insta::assert_snapshot!(serde_json::to_string_pretty(&label).unwrap());
    }
}
