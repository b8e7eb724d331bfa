//! `scenario.toml`: every key that `docs/scenario.md` describes; an unknown one is refused.

mod previous;
mod rebase;
mod run_image;
mod step;
pub(crate) mod values;

use std::collections::BTreeMap;

use judge::evidence::Target;
use serde::Deserialize;

use crate::scenario::RegistryEndpoint;

pub use previous::{OtherLabel, OtherLayer, OtherPrevious};
pub use rebase::{RebaseStep, RecordedApp};
pub use run_image::{
    Arrival, ExtensionFile, HistoryShape, ImageFormat, IndexDigest, IndexEntries, LayerCompression, RunImageFile,
    RunLayer,
};
pub(crate) use step::IMAGES;
pub use step::{AfterPush, AnalyzedSpelling, CreationOrder, CredentialsBy, EndDaemon, Step, StepUser, UNPRIVILEGED};

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ScenarioFile {
    /// What the scenario shows, in one or two sentences.
    pub why: String,
    /// The scenario of which this one says what differs.
    pub base: Option<String>,
    /// Files and folders of the base that are not taken, relative to its folder.
    #[serde(default)]
    pub leave_out: Vec<String>,
    /// Whether it is run where `--faults` or its name asks for it, and else left out.
    #[serde(default)]
    pub with_faults: bool,
    /// What it needs; where that is not here, it is skipped.
    #[serde(default)]
    pub needs: Vec<Need>,
    /// Targets to export to.
    #[serde(default = "all_targets")]
    pub targets: Vec<Target>,
    /// `[place/]repository[:tag]` of every `<image>`, below the run's own prefix.
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
    /// What `analyzed.toml` has in addition to what the suite writes there, or in place of it.
    #[serde(default)]
    pub analyzed: toml::Table,
    /// The daemon of its own that it runs on, in place of those available.
    pub private_daemon: Option<PrivateDaemon>,
    /// Files that a version-controlled folder cannot hold.
    #[serde(default)]
    pub files: Vec<FileEntry>,
    /// Texts that the keys of the project metadata take in turn: each makes a step.
    #[serde(default)]
    pub values: Vec<values::Value>,
    /// The exports, one after another.
    #[serde(default = "one_step")]
    pub steps: Vec<Step>,
}

/// A daemon that a scenario has to itself, so that it may be restarted, filled or ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct PrivateDaemon {
    /// The size of the disk that holds its images, in MiB; none for as much as the machine has.
    pub disk: Option<u32>,
}

/// What not every machine and user has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// The suite runs as root.
    Root,
    /// Exporters run in a namespace of their own.
    Namespace,
}

/// What in the path of a file stands for its number.
pub(crate) const NUMBER: &str = "{n}";

/// A file that is made rather than copied; exactly one of `content`, `symlink`, `hard-link`, `directory`, `size`,
/// `socket`, `fifo` says how, and with none of them `mode` is given to what is already there.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the file that stands for itself")]
pub struct FileEntry {
    /// Path relative to the scenario's folder, below `app/`, `layers/`, `lifecycle/` or `report/`, or `cnb/run.toml`.
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
    /// Whether the made-up content is zeros but for its first and last part, and the zeros take no room on the disk.
    pub sparse: bool,
    /// A Unix socket that no one listens on.
    pub socket: bool,
    /// A named pipe.
    pub fifo: bool,
    /// Permission bits as octal text, for example `4755`.
    pub mode: Option<String>,
    /// So many of it: `{n}` in `path` is 1, 2, … for each.
    pub count: Option<u16>,
    /// Extended attributes: names, and values in base64.
    pub xattrs: BTreeMap<String, String>,
}

impl FileEntry {
    /// How many of the keys that say what is made it has.
    #[must_use]
    pub fn kinds(&self) -> usize {
        let kinds = [
            self.content.is_some(),
            self.symlink.is_some(),
            self.hard_link.is_some(),
            self.size.is_some(),
            self.directory,
            self.socket,
            self.fifo,
        ];
        kinds.into_iter().filter(|kind| *kind).count()
    }

    /// Each of those that `count` says there are, this one alone without it.
    pub(crate) fn each(self) -> Vec<Self> {
        let Some(count) = self.count else { return vec![self] };
        let numbered = |number: u16| self.path.replace(NUMBER, &number.to_string());
        (1..=count).map(|number| Self { path: numbered(number), count: None, ..self.clone() }).collect()
    }
}

impl ScenarioFile {
    /// Every `<image>` of a step.
    #[must_use]
    pub fn images_of<'a>(&'a self, step: &'a Step) -> &'a [String] {
        step.images.as_deref().unwrap_or(&self.images)
    }

    /// Every registry that the exporter or rebaser of a step has to do with, each once.
    #[must_use]
    pub fn endpoints_of(&self, step: &Step) -> Vec<RegistryEndpoint> {
        let rebase = step.rebase.iter();
        let further = rebase
            .flat_map(|rebase| rebase.run_image.iter().map(|run_image| &run_image.name).chain(&rebase.previous_image));
        let names = self.images_of(step).iter().chain([&self.run_image.name]).chain(&self.run_image.chosen_mirror);
        let mut found: Vec<RegistryEndpoint> =
            names.chain(further).map(|name| RegistryEndpoint::split(name).0).collect();
        found.sort();
        found.dedup();
        found
    }

    /// Whether a step of it calls the rebaser.
    #[must_use]
    pub fn rebases(&self) -> bool {
        self.steps.iter().any(|step| step.rebase.is_some())
    }

    /// Whether a step of it calls the exporter.
    #[must_use]
    pub fn exports(&self) -> bool {
        self.steps.iter().any(|step| step.rebase.is_none())
    }

    /// `-process-type` of a step.
    #[must_use]
    pub fn process_type_of<'a>(&'a self, step: &'a Step) -> Option<&'a str> {
        step.process_type.as_deref().or(self.process_type.as_deref())
    }

    /// What it needs, said in `needs` or by a key that means nothing without it.
    #[must_use]
    pub fn all_needs(&self) -> Vec<Need> {
        let mut found = self.needs.clone();
        found.extend(self.steps.iter().any(|step| step.user.is_some()).then_some(Need::Root));
        found.extend(self.steps.iter().any(|step| step.hostname.is_some()).then_some(Need::Namespace));
        found.sort();
        found.dedup();
        found
    }
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
