//! Exporter descriptions: a small TOML file that says how a given exporter is called. `docs/exporter-description.md`
//! describes every key.

mod file;
mod program;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use judge::evidence::Target;

use crate::error::Cause;
use file::{DescriptionFile, Phase, RebaserFile, parse, read, rebased_targets};
pub use file::{built_in_descriptions, check_text, program_of};
pub use program::{Program, Role};
use program::{find, find_as_given, hash};

/// Why an exporter cannot be called.
#[derive(Debug, thiserror::Error)]
pub enum DescriptionError {
    /// The file cannot be read.
    #[error(
        "read the exporter description {} (built in are {})",
        path.display(),
        built_in_descriptions().map(|(name, _)| name).join(" and ")
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file is not a description.
    #[error("read the exporter description {file} (conformance docs exporter-description lists every key)")]
    Format {
        /// The file.
        file: String,
        /// What is wrong, with line and key.
        source: Cause,
    },
    /// There is no such program.
    #[error("find the {} {program}: there is no such file; give {} the path of an executable", role.name, role.flag)]
    Missing {
        /// What it is to be.
        role: Role,
        /// What was looked for.
        program: String,
    },
    /// The program cannot be executed.
    #[error(
        "run the {} {}: it is not an executable file; give {} the path of one",
        role.name,
        path.display(),
        role.flag
    )]
    NotExecutable {
        /// What it is to be.
        role: Role,
        /// The file.
        path: PathBuf,
    },
}

/// An exporter that can be called.
#[derive(Debug, Clone)]
pub struct Exporter {
    /// Its name in reports.
    pub name: String,
    /// The program, and how it is called.
    pub program: Program,
    /// sha256 of the program's bytes, as `sha256:<hex>`.
    pub sha256: String,
    /// Targets that it has.
    pub targets: Vec<Target>,
    /// Targets of these that a control export before the run showed it not to have, and how.
    pub refused: BTreeMap<Target, String>,
    /// Why nothing that it sends under TLS can be recorded, where a control export before the run showed that.
    pub distrust: Option<String>,
    /// Platform API versions that it may speak, in the order in which they are tried, where the command line gives
    /// none.
    pub platform_apis: Vec<String>,
    /// The Platform API version that the command line gives: the only one that is tried.
    pub asked_platform_api: Option<String>,
    /// Seconds within which it must give up an unreachable registry.
    pub unreachable_limit: u64,
    /// Whether it exports images whose run image was extended.
    pub extensions: bool,
    /// The rebaser, where one is described.
    pub rebaser: Option<Rebaser>,
    /// The argument that names it in a repeat command.
    pub argument: String,
}

/// A rebaser that can be called.
#[derive(Debug, Clone)]
pub struct Rebaser {
    /// The program, and how it is called.
    pub program: Program,
    /// Where it rebases.
    pub targets: Vec<Target>,
    /// The Platform API version that it is told, where it is another one than the exporter's.
    pub platform_api: Option<String>,
}

impl Rebaser {
    /// The rebaser at `path`, called as the Platform API says.
    ///
    /// # Errors
    /// [`DescriptionError`] when there is no such executable.
    pub fn at(path: &Path) -> Result<Self, DescriptionError> {
        let program = Program::plain(find_as_given(path, Role::REBASER)?);
        Ok(Self { program, targets: rebased_targets(), platform_api: None })
    }

    fn from_description(file: RebaserFile, folder: Option<&Path>) -> Result<Self, DescriptionError> {
        let program = Program {
            path: find(&file.command[0], folder, Role::REBASER)?,
            before: file.command[1..].to_vec(),
            arguments: file.arguments,
            leave_out: file.leave_out,
            environment: file.environment,
        };
        Ok(Self { program, targets: file.targets, platform_api: file.platform_api })
    }

    /// The table by which it is called now.
    fn described(&self) -> toml::Table {
        let mut table = self.program.described();
        if self.targets != rebased_targets() {
            let names: Vec<String> = self.targets.iter().map(|target| target.name().to_owned()).collect();
            table.insert("targets".to_owned(), names.into());
        }
        if let Some(version) = &self.platform_api {
            table.insert("platform-api".to_owned(), version.clone().into());
        }
        table
    }
}

impl Exporter {
    /// The description by which it is called now, as a file: what its description says, and what was found since.
    #[must_use]
    pub fn described(&self) -> String {
        let mut table = toml::Table::from_iter([("name".to_owned(), self.name.clone().into())]);
        table.extend(self.program.described());
        let mut put = |key: &str, value: toml::Value| table.insert(key.to_owned(), value);
        let has = |target: &&Target| self.targets.contains(target) && !self.refused.contains_key(target);
        let targets: Vec<String> = Target::ALL.iter().filter(has).map(|target| target.name().to_owned()).collect();
        if targets.len() < Target::ALL.len() {
            put("targets", targets.into());
        }
        match (&self.asked_platform_api, self.platform_apis.as_slice()) {
            (Some(one), _) | (None, [one]) => drop(put("platform-api", one.clone().into())),
            (None, []) => {}
            (None, several) => drop(put("platform-apis", several.to_vec().into())),
        }
        if self.unreachable_limit != UNREACHABLE_LIMIT {
            put("unreachable-limit", i64::try_from(self.unreachable_limit).unwrap_or(i64::MAX).into());
        }
        if self.extensions {
            put("extensions", true.into());
        }
        if let Some(rebaser) = &self.rebaser {
            put("rebaser", rebaser.described().into());
        }
        table.to_string()
    }

    /// The exporter at `path`, called as the Platform API says.
    ///
    /// # Errors
    /// [`DescriptionError`] when there is no such executable.
    pub fn at(path: &Path) -> Result<Self, DescriptionError> {
        let program = find_as_given(path, Role::EXPORTER)?;
        Self::from_description(DescriptionFile::plain(path), program, None, option("--exporter", path))
    }

    /// The program at `path`, called as a description file, or the built-in description of that name, says: `command`
    /// alone does not hold.
    ///
    /// # Errors
    /// [`DescriptionError`] naming the file and the key at fault, or the program that is not there.
    pub fn at_as_described(path: &Path, description: &Path) -> Result<Self, DescriptionError> {
        let (mut file, folder) = read(description)?;
        let program = find_as_given(path, Role::EXPORTER)?;
        file.command = vec![path.display().to_string()];
        let argument = format!("{} {}", option("--exporter", path), option("--exporter-file", description));
        Self::from_description(file, program, folder.as_deref(), argument)
    }

    /// The exporter that a description file, or the built-in description of that name, describes.
    ///
    /// # Errors
    /// [`DescriptionError`] naming the file and the key at fault, or the program that is not there.
    pub fn from_file(path: &Path) -> Result<Self, DescriptionError> {
        let (mut file, folder) = read(path)?;
        if let (true, Some(rebaser)) = (file.command.is_empty(), &file.rebaser) {
            // A rebaser alone: it stands where the exporter would, and nothing is exported.
            file.command.clone_from(&rebaser.command);
            file.phases = vec![Phase::Rebase];
        }
        let program = find(&file.command[0], folder.as_deref(), Role::EXPORTER)?;
        Self::from_description(file, program, folder.as_deref(), option("--exporter-file", path))
    }

    /// The reference exporter next to this program.
    ///
    /// # Errors
    /// [`DescriptionError::Missing`] when it is not there.
    pub fn beside_this_program() -> Result<Self, DescriptionError> {
        let (_, text) = built_in_descriptions()[0];
        let file = parse(text, "reference.toml")?;
        let program = find(&file.command[0], None, Role::EXPORTER)?;
        Self::from_description(file, program, None, String::new())
    }

    fn from_description(
        file: DescriptionFile,
        path: PathBuf,
        folder: Option<&Path>,
        argument: String,
    ) -> Result<Self, DescriptionError> {
        let rebaser = file.rebaser.map(|rebaser| Rebaser::from_description(rebaser, folder)).transpose()?;
        let sha256 = hash(&path)?;
        let program = Program {
            path,
            before: file.command[1..].to_vec(),
            arguments: file.arguments,
            leave_out: file.leave_out,
            environment: file.environment,
        };
        let targets = if file.phases.contains(&Phase::Export) { file.targets } else { Vec::new() };
        Ok(Self {
            name: file.name,
            program,
            sha256,
            targets,
            refused: BTreeMap::new(),
            distrust: None,
            platform_apis: file.platform_api.into_iter().chain(file.platform_apis).collect(),
            asked_platform_api: None,
            unreachable_limit: file.unreachable_limit.unwrap_or(UNREACHABLE_LIMIT),
            extensions: file.extensions,
            rebaser,
            argument,
        })
    }

    /// The Platform API version that it is told first.
    #[must_use]
    pub fn first_platform_api(&self) -> String {
        self.asked_platform_api.clone().unwrap_or_else(|| self.described_platform_api())
    }

    /// The Platform API version that it is told first where the command line gives none.
    #[must_use]
    pub fn described_platform_api(&self) -> String {
        self.platform_apis.first().map_or_else(|| NEWEST_API.to_owned(), Clone::clone)
    }

    /// The Platform API versions that are tried after the first.
    pub fn further_platform_apis(&self) -> impl Iterator<Item = &String> {
        self.platform_apis.iter().skip(1).filter(|_| self.asked_platform_api.is_none())
    }
}

/// Seconds within which an exporter gives up an unreachable registry, where its description says nothing.
const UNREACHABLE_LIMIT: u64 = 120;

/// The versions of the Platform API that are judged, newest first.
pub(crate) const PLATFORM_APIS: [&str; 4] = ["0.15", "0.14", "0.13", "0.12"];

/// The newest version of the Platform API.
pub(crate) const NEWEST_API: &str = PLATFORM_APIS[0];

/// The oldest version of the Platform API that has something to judge.
pub(crate) const OLDEST_API: &str = PLATFORM_APIS[PLATFORM_APIS.len() - 1];

/// The option that names an exporter, as a shell reads it.
fn option(name: &str, path: &Path) -> String {
    format!("{name} {}", judge::repeat::quoted(&path.display().to_string()))
}
