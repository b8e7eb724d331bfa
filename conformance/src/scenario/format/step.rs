//! `[[steps]]`: the exports of a scenario, and what is around each.

use std::collections::BTreeMap;

use judge::evidence::{Target, WireFault};
use serde::Deserialize;

use super::{FileEntry, OtherPrevious, RebaseStep};

/// One export of a scenario.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the file that stands for itself")]
pub struct Step {
    /// A folder of the scenario whose files are laid over the inputs.
    pub overlay: Option<String>,
    /// Paths, relative to the scenario's folder, that are left out, with all that is below them; the suite's own files
    /// too.
    pub remove: Vec<String>,
    /// Files that lie elsewhere than usual, the suite's own too: from which path to which one.
    #[serde(rename = "move")]
    pub moved: BTreeMap<String, String>,
    /// Files made after everything else; they replace what is there, the suite's own files too.
    pub files: Vec<FileEntry>,
    /// Every `<image>` of this step, in place of the scenario's; may be empty.
    pub images: Option<Vec<String>>,
    /// `-process-type` of this step, in place of the scenario's.
    pub process_type: Option<String>,
    /// Arguments before `<image>`.
    pub arguments: Vec<String>,
    /// Flags of the suite's own that are not given in this step.
    pub without: Vec<String>,
    /// The targets on which this step is made, of those of the scenario; none means all.
    pub targets: Option<Vec<Target>>,
    /// Whether the analysis found the image of the step before.
    pub previous_image: bool,
    /// The step, from 1, whose image that is, where it is not the one before: another build has moved the tag since.
    pub previous_image_of_step: Option<usize>,
    /// The image that the analysis found, made by the suite as another exporter leaves it.
    pub previous_image_of_another: Option<OtherPrevious>,
    /// How `analyzed.toml` is spelt.
    pub analyzed_spelling: AnalyzedSpelling,
    /// Whether `HOME`, `TMPDIR` and the caches hold what the exporter left in them in the step before.
    pub kept_state: bool,
    /// Whether the run image has moved on before the analysis: it is another image than that of steps without this.
    pub newer_run_image: bool,
    /// Whether the run image's tag is moved to another image after the analysis.
    pub move_run_image_tag: bool,
    /// Whether the run image is gone after the analysis, by tag and by digest.
    pub delete_run_image: bool,
    /// What a daemon does after it has pushed the image.
    pub after_push: Option<AfterPush>,
    /// Whether containers of the image are run, where the target is a daemon; `<launcher>` is then a program that tells
    /// what it finds in them.
    pub run_containers: bool,
    /// Whether the private daemon is restarted before the export.
    pub restart_daemon: bool,
    /// When the private daemon ends.
    pub end_daemon: Option<EndDaemon>,
    /// How the exporter is given the credentials that a registry wants in this step.
    pub credentials_by: CredentialsBy,
    /// Variables set for the exporter in this step.
    pub environment: BTreeMap<String, String>,
    /// Variables that are not set in this step although they are elsewhere.
    pub unset: Vec<String>,
    /// The umask, as octal text.
    pub umask: Option<String>,
    /// Where the exporter is started: absolute, or relative to the build folder.
    pub working_directory: Option<String>,
    /// A folder of the build folder that `TMPDIR` names in place of the usual one.
    pub temporary: Option<String>,
    /// The host's name, in a namespace of its own.
    pub hostname: Option<String>,
    /// Seconds after which the exporter is asked to end, by SIGTERM.
    pub terminate_after: Option<u64>,
    /// Processors that the exporter may use; none means all.
    pub processors: Option<usize>,
    /// Whether the kernel tells the exporter another release than its own.
    pub other_kernel: bool,
    /// Modification time of every input file and folder, in seconds since 1970.
    pub file_times: Option<i64>,
    /// The order in which input files are made.
    pub creation_order: Option<CreationOrder>,
    /// Who the exporter runs as.
    pub user: Option<StepUser>,
    /// A call of the rebaser in place of one of the exporter.
    pub rebase: Option<RebaseStep>,
    /// What the registry does wrong while the exporter runs.
    pub faults: Vec<WireFault>,
    /// The requirement that this step meets by failing.
    pub expect_failure: Option<String>,
    /// The requirement that this step may meet by failing, or else by a good image.
    pub may_refuse: Option<String>,
}

/// What `{images}` is written as.
pub(crate) const IMAGES: &str = "{images}";

impl Step {
    /// Names of images that arguments and variables have, such as a cache's.
    pub fn further_images(&self) -> impl Iterator<Item = &str> {
        let texts = self.arguments.iter().chain(self.environment.values());
        texts.filter_map(|text| text.split_once(IMAGES).map(|(_, name)| name))
    }

    /// Whether it is made on a target of its scenario.
    #[must_use]
    pub fn is_made_on(&self, target: Target) -> bool {
        self.targets.as_ref().is_none_or(|targets| targets.contains(&target))
    }
}

/// How `analyzed.toml` is spelt, with the same values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnalyzedSpelling {
    /// As programs write TOML.
    #[default]
    Usual,
    /// With inline tables, quoted keys, literal strings, lists over several lines, comments and CR LF.
    InlineTables,
    /// With dotted keys alone, and texts over several lines with escapes.
    DottedKeys,
}

/// How an exporter is given credentials.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialsBy {
    /// By docker's `config.json`, in the folder that `DOCKER_CONFIG` names.
    #[default]
    ConfigFile,
    /// By the variable `CNB_REGISTRY_AUTH`.
    Variable,
    /// By the variable, next to a `config.json` with another password.
    VariableAndConfigFile,
    /// By the variable, which has a token that is good already for a registry that wants tokens.
    VariableWithToken,
    /// By `config.json` in `.docker` of the folder that `HOME` names, where `DOCKER_CONFIG` is not set.
    HomeConfigFile,
    /// By `config.json`, under an address as docker's older versions write it, among other registries.
    ConfigFileOfMany,
    /// By `config.json`, which has a token to be exchanged in place of the password for a registry that wants tokens.
    IdentityToken,
    /// By a program that `credHelpers` in `config.json` names for the registry.
    Helper,
    /// By a program that `credsStore` in `config.json` names for all registries.
    Store,
}

/// What a daemon does after it has pushed an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AfterPush {
    /// It lets go of the image and pulls it back.
    PullBack,
}

/// When a private daemon ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndDaemon {
    /// While the exporter sends it the image.
    Load,
    /// While it pushes the image, as the suite asks it to after the export.
    Push,
}

/// The order in which input files are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CreationOrder {
    /// By path, from the last.
    Reversed,
}

/// Who an exporter runs as, other than the user who runs the suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepUser {
    /// User and group [`UNPRIVILEGED`], without further groups.
    Unprivileged,
}

/// The user and group that [`StepUser::Unprivileged`] names: `nobody` and `nogroup` on Debian.
pub const UNPRIVILEGED: u32 = 65534;
