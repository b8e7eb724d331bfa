//! The description file: its keys, what they may say, and where it is looked for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use judge::evidence::Target;
use serde::Deserialize;

use super::DescriptionError;
use crate::error::Cause;
use crate::exporter::command::version;
use crate::exporter::rebaser::FLAGS;

/// The description file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct DescriptionFile {
    pub(super) name: String,
    #[serde(default)]
    pub(super) command: Vec<String>,
    pub(super) rebaser: Option<RebaserFile>,
    #[serde(default)]
    pub(super) arguments: Vec<String>,
    #[serde(default)]
    pub(super) leave_out: Vec<String>,
    #[serde(default)]
    pub(super) environment: BTreeMap<String, String>,
    #[serde(default = "all_targets")]
    pub(super) targets: Vec<Target>,
    #[serde(default = "all_phases")]
    pub(super) phases: Vec<Phase>,
    pub(super) platform_api: Option<String>,
    #[serde(default)]
    pub(super) platform_apis: Vec<String>,
    pub(super) unreachable_limit: Option<u64>,
    #[serde(default)]
    pub(super) extensions: bool,
}

/// `[rebaser]`, whose keys of a call are those of the description: serde cannot share them (`flatten`) and deny unknown
/// ones. How the rebaser that belongs to an exporter, or that stands alone, is called.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RebaserFile {
    pub(super) command: Vec<String>,
    #[serde(default)]
    pub(super) arguments: Vec<String>,
    #[serde(default)]
    pub(super) leave_out: Vec<String>,
    #[serde(default)]
    pub(super) environment: BTreeMap<String, String>,
    #[serde(default = "rebased_targets")]
    pub(super) targets: Vec<Target>,
    pub(super) platform_api: Option<String>,
}

impl DescriptionFile {
    /// That of a program of which nothing more is known: it is called as the Platform API says.
    pub(super) fn plain(path: &Path) -> Self {
        let name = path.file_name().map_or_else(|| "exporter".to_owned(), |name| name.to_string_lossy().into_owned());
        Self {
            name,
            command: vec![path.display().to_string()],
            rebaser: None,
            arguments: Vec::new(),
            leave_out: Vec::new(),
            environment: BTreeMap::new(),
            targets: all_targets(),
            phases: all_phases(),
            platform_api: None,
            platform_apis: Vec::new(),
            unreachable_limit: None,
            extensions: false,
        }
    }
}

/// A phase of the lifecycle that an exporter brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Phase {
    Export,
    Rebase,
}

fn all_targets() -> Vec<Target> {
    Target::ALL.to_vec()
}

pub(super) fn rebased_targets() -> Vec<Target> {
    vec![Target::Registry, Target::Daemon]
}

fn all_phases() -> Vec<Phase> {
    vec![Phase::Export]
}

/// The descriptions that are compiled in: name and text.
#[must_use]
pub fn built_in_descriptions() -> [(&'static str, &'static str); 2] {
    [
        ("reference", include_str!("../../../../fixtures/exporters/reference.toml")),
        ("lifecycle", include_str!("../../../../fixtures/exporters/lifecycle.toml")),
    ]
}

/// The program that a description names, where the text is one.
#[must_use]
pub fn program_of(text: &str) -> Option<String> {
    toml::from_str::<DescriptionFile>(text).ok()?.command.into_iter().next()
}

/// The description at a path, and its folder; the built-in one of that name where no such file is there.
pub(super) fn read(path: &Path) -> Result<(DescriptionFile, Option<PathBuf>), DescriptionError> {
    let named = built_in_descriptions().into_iter().find(|(name, _)| Path::new(name) == path);
    let (text, folder) = match (crate::given::text(path), named) {
        (Ok(text), _) => (text, path.parent().map(Path::to_path_buf)),
        (Err(_), Some((_, text))) => (text.to_owned(), None),
        (Err(source), None) => return Err(DescriptionError::Read { path: path.to_path_buf(), source }),
    };
    Ok((parse(&text, &path.display().to_string())?, folder))
}

/// Reads a description without looking for its program; gives its name.
///
/// # Errors
/// [`DescriptionError::Format`] naming the key at fault.
pub fn check_text(text: &str, shown: &str) -> Result<String, DescriptionError> {
    parse(text, shown).map(|file| file.name)
}

pub(super) fn parse(text: &str, shown: &str) -> Result<DescriptionFile, DescriptionError> {
    let wrong = |source: Cause| DescriptionError::Format { file: shown.to_owned(), source };
    let file: DescriptionFile = toml::from_str(text).map_err(|error| wrong(error.into()))?;
    if file.command.first().map_or(file.rebaser.is_none(), String::is_empty) {
        return Err(wrong("command: name the program first".into()));
    }
    if let Some(rebaser) = &file.rebaser {
        check_rebaser(rebaser).map_err(|reason| wrong(reason.into()))?;
    }
    for flag in &file.leave_out {
        if !crate::flags::is_flag(flag) {
            return Err(wrong(format!("leave-out: {flag} is not a flag that the harness gives").into()));
        }
    }
    if file.platform_api.is_some() && !file.platform_apis.is_empty() {
        return Err(wrong("platform-apis: platform-api is there too; leave one of the two out".into()));
    }
    for api in file.platform_api.iter().chain(&file.platform_apis) {
        if version(api).is_none() {
            return Err(wrong(
                format!("platform-api: '{api}' is not two numbers with a dot between, such as 0.15").into(),
            ));
        }
    }
    Ok(file)
}

/// What is wrong with `[rebaser]`, by its key.
fn check_rebaser(rebaser: &RebaserFile) -> Result<(), String> {
    if rebaser.command.first().is_none_or(String::is_empty) {
        return Err("rebaser.command: name the program first".to_owned());
    }
    if rebaser.targets.contains(&Target::Layout) {
        return Err("rebaser.targets: the Platform API's rebaser has no layouts; use registry and daemon".to_owned());
    }
    if let Some(flag) = rebaser.leave_out.iter().find(|flag| !FLAGS.contains(&flag.as_str())) {
        return Err(format!("rebaser.leave-out: {flag} is not a flag that the harness gives a rebaser"));
    }
    match rebaser.platform_api.as_ref().filter(|api| version(api).is_none()) {
        Some(api) => Err(format!("rebaser.platform-api: '{api}' is not two numbers with a dot between, such as 0.15")),
        None => Ok(()),
    }
}
