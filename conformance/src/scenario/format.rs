//! `scenario.toml`: every key that `docs/scenario.md` describes; an unknown one is refused.

use std::collections::BTreeMap;

use judge::evidence::Target;
use serde::Deserialize;

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ScenarioFile {
    /// What the scenario shows, in one or two sentences.
    pub why: String,
    /// Targets to export to.
    #[serde(default = "all_targets")]
    pub targets: Vec<Target>,
    /// `repository[:tag]` of every `<image>`, below the run's own prefix.
    #[serde(default = "one_image")]
    pub images: Vec<String>,
    /// `-process-type`.
    pub process_type: Option<String>,
    /// Variables set for the exporter in every step.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// The run image.
    #[serde(default)]
    pub run_image: RunImageFile,
    /// Files that a version-controlled folder cannot hold.
    #[serde(default)]
    pub files: Vec<FileEntry>,
    /// The exports, one after another.
    #[serde(default = "one_step")]
    pub steps: Vec<Step>,
}

/// A run image to be made and published.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RunImageFile {
    /// `repository:tag`.
    pub name: String,
    /// The manifest's format.
    pub format: ImageFormat,
    /// Further names that `run.toml` lists as mirrors, as full references.
    pub mirrors: Vec<String>,
    /// Annotations of its manifest.
    pub annotations: BTreeMap<String, String>,
    /// Labels of its config.
    pub labels: BTreeMap<String, String>,
    /// `Env` of its config.
    pub env: Vec<String>,
    /// `User`.
    pub user: Option<String>,
    /// `Cmd`.
    pub cmd: Vec<String>,
    /// `ExposedPorts`.
    pub exposed_ports: Vec<String>,
    /// `Volumes`.
    pub volumes: Vec<String>,
    /// `StopSignal`.
    pub stop_signal: Option<String>,
    /// `os.version` of its config.
    pub os_version: Option<String>,
    /// Its layers, from the bottom; each needs at least one file.
    pub layers: Vec<RunLayer>,
}

impl Default for RunImageFile {
    fn default() -> Self {
        let layer = |path: &str, text: &str| RunLayer { files: BTreeMap::from([(path.to_owned(), text.to_owned())]) };
        Self {
            name: "run:base".to_owned(),
            format: ImageFormat::Oci,
            mirrors: Vec::new(),
            annotations: BTreeMap::new(),
            labels: BTreeMap::new(),
            env: vec!["PATH=/usr/local/bin:/usr/bin:/bin".to_owned()],
            user: Some("1000:1000".to_owned()),
            cmd: Vec::new(),
            exposed_ports: Vec::new(),
            volumes: Vec::new(),
            stop_signal: None,
            os_version: None,
            layers: vec![
                layer("etc/os-release", "ID=conformance\nVERSION_ID=1\n"),
                layer("usr/share/base", "the run image's second layer\n"),
            ],
        }
    }
}

impl RunImageFile {
    /// Every annotation and label value.
    #[must_use]
    pub fn sentinels(&self) -> Vec<String> {
        self.annotations.values().chain(self.labels.values()).cloned().collect()
    }
}

/// The media types of a run image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageFormat {
    /// An OCI image manifest.
    Oci,
    /// A Docker image manifest, version 2, schema 2.
    DockerSchema2,
}

/// One layer of a run image.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunLayer {
    /// Path without leading slash → text.
    pub files: BTreeMap<String, String>,
}

/// A file that is made rather than copied; exactly one of `content`, `symlink`, `hard-link`, `directory`, `size` says
/// how, and with none of them `mode` is given to what is already there.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct FileEntry {
    /// Path relative to the scenario's folder, below `app/` or `layers/`.
    pub path: String,
    /// Text of a regular file.
    pub content: Option<String>,
    /// Where a symbolic link points.
    pub symlink: Option<String>,
    /// The file, relative to the scenario's folder, that a hard link shares.
    pub hard_link: Option<String>,
    /// An empty folder.
    pub directory: bool,
    /// Bytes of a regular file with made-up content, the same in every run.
    pub size: Option<u64>,
    /// Permission bits as octal text, for example `4755`.
    pub mode: Option<String>,
}

/// One export of a scenario.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Step {
    /// A folder of the scenario whose files are laid over the inputs.
    pub overlay: Option<String>,
    /// Paths, relative to the scenario's folder, that are left out, with all that is below them.
    pub remove: Vec<String>,
    /// Whether the analysis found the image of the step before.
    pub previous_image: bool,
    /// Whether the run image's tag is moved to another image after the analysis.
    pub move_run_image_tag: bool,
    /// Variables set for the exporter in this step.
    pub environment: BTreeMap<String, String>,
    /// Variables that are not set in this step although they are elsewhere.
    pub unset: Vec<String>,
    /// The requirement that this step meets by failing.
    pub expect_failure: Option<String>,
}

fn all_targets() -> Vec<Target> {
    Target::ALL.to_vec()
}

fn one_image() -> Vec<String> {
    vec!["app:latest".to_owned()]
}

fn one_step() -> Vec<Step> {
    vec![Step::default()]
}
