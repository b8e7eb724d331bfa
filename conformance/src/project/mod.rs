//! The project file, `conformance.toml`: what a project always says to `run`, `compare` and `doctor`. What the command
//! line says wins. `docs/project.md` describes every key.

mod apply;
mod init;

use std::path::{Path, PathBuf};

use judge::evidence::Target;
use judge::profile::Profile;
use serde::Deserialize;

use crate::cli::{self, ReportArgument};
use crate::error::{Cause, chain};
use crate::rig::registry::RegistryChoice;

pub use init::template;

/// The file that is read where it is in the working folder.
pub const NAME: &str = cli::PROJECT_FILE;
/// The most that is read of it.
const LARGEST: u64 = 64 * 1024;
/// The keys, and those of `[services]`.
const KEYS: [&str; 11] = [
    "exporter",
    "description",
    "profile",
    "baseline",
    "scenarios",
    "targets",
    "platform-api",
    "jobs",
    "timeout",
    "reports",
    "services",
];
const SERVICE_KEYS: [&str; 5] = ["registry", "daemons", "require", "limit", "allow-push-from-daemon"];

/// Why there is no project file to go by. Messages read after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// It cannot be read.
    #[error("read the project file {}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: Cause,
    },
    /// It is not of the format.
    #[error("read the project file {} (conformance docs project lists every key)", file.display())]
    Format {
        /// The file.
        file: PathBuf,
        /// What is wrong, with key or line.
        source: Cause,
    },
}

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Written {
    exporter: Option<PathBuf>,
    description: Option<PathBuf>,
    profile: Option<String>,
    baseline: Option<PathBuf>,
    scenarios: Vec<PathBuf>,
    targets: Vec<Target>,
    platform_api: Option<String>,
    jobs: Option<u16>,
    timeout: Option<u64>,
    reports: Vec<String>,
    services: WrittenServices,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct WrittenServices {
    registry: Option<String>,
    daemons: Vec<String>,
    require: Vec<String>,
    limit: Option<u64>,
    allow_push_from_daemon: bool,
}

/// What a project file says, each value as the flag of that meaning gives it. Paths are relative to the file's folder.
#[derive(Debug, Default)]
pub struct Project {
    exporter: Option<PathBuf>,
    description: Option<PathBuf>,
    profile: Option<Profile>,
    baseline: Option<PathBuf>,
    scenarios: Vec<PathBuf>,
    targets: Vec<Target>,
    platform_api: Option<String>,
    jobs: Option<u16>,
    timeout: Option<u64>,
    reports: Vec<ReportArgument>,
    registry: Option<RegistryChoice>,
    daemons: Vec<String>,
    require: Vec<String>,
    limit: Option<u64>,
    allow_push: bool,
}

impl Project {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ProjectError`] naming the file and the key.
    pub fn read(file: &Path) -> Result<Self, ProjectError> {
        let unreadable = |source: Cause| ProjectError::Read { file: file.to_path_buf(), source };
        let text = crate::given::text_within(file, LARGEST).map_err(|error| unreadable(error.into()))?;
        Self::parse(&text, file)
    }

    /// Reads a text; `file` is what messages call it, and its folder is that of relative paths.
    ///
    /// # Errors
    /// [`ProjectError::Format`].
    pub fn parse(text: &str, file: &Path) -> Result<Self, ProjectError> {
        let wrong = |source: Cause| ProjectError::Format { file: file.to_path_buf(), source };
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| wrong(error.into()))?;
        known_keys(&table).map_err(|reason| wrong(reason.into()))?;
        let written: Written = toml::from_str(text).map_err(|error| wrong(error.into()))?;
        let folder = file.parent().unwrap_or(Path::new(""));
        resolved(written, folder).map_err(|(key, reason)| wrong(format!("{key}: {reason}").into()))
    }
}

/// Whether a TOML text is meant as a project file: it has a key that no other file has.
#[must_use]
pub fn is_meant(text: &str) -> bool {
    let table: Option<toml::Table> = text.parse().ok();
    table.is_some_and(|table| {
        ["exporter", "description", "services", "reports"].iter().any(|key| table.contains_key(*key))
    })
}

/// Every key is known; a misspelt one is told with what it is most like.
fn known_keys(table: &toml::Table) -> Result<(), String> {
    let services = table.get("services").and_then(toml::Value::as_table);
    let inner = services.into_iter().flat_map(toml::Table::keys).map(|key| ("services.", key, &SERVICE_KEYS[..]));
    for (before, key, known) in table.keys().map(|key| ("", key, &KEYS[..])).chain(inner) {
        if known.contains(&key.as_str()) {
            continue;
        }
        let elsewhere =
            if before.is_empty() { SERVICE_KEYS.contains(&key.as_str()) } else { KEYS.contains(&key.as_str()) };
        let advice = match nearest(key, known) {
            Some(near) => format!(" (did you mean {before}{near}?)"),
            None if elsewhere && before.is_empty() => format!(" (did you mean services.{key}?)"),
            None if elsewhere => format!(" (did you mean {key}, before the first table?)"),
            None => format!("; known are {}", known.join(", ")),
        };
        return Err(format!("there is no key {before}{key}{advice}"));
    }
    Ok(())
}

fn nearest<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    const ALIKE: f64 = 0.85;
    let likeness = |other: &str| strsim::jaro_winkler(key, other);
    known.iter().copied().max_by(|a, b| likeness(a).total_cmp(&likeness(b))).filter(|near| likeness(near) >= ALIKE)
}

/// The values, each read as its flag is.
fn resolved(written: Written, folder: &Path) -> Result<Project, (&'static str, String)> {
    let at = |path: PathBuf| if path.is_relative() { folder.join(path) } else { path };
    // A name that is not a path is that of something built in.
    let named =
        |path: PathBuf| if path.components().count() == 1 && !folder.join(&path).is_file() { path } else { at(path) };
    let report = |text: &String| {
        let found: ReportArgument = cli::report(text)?;
        Ok(ReportArgument { file: found.file.map(at), ..found })
    };
    let profile = |text: String| cli::profile(&named(PathBuf::from(text)).display().to_string());
    let services = written.services;
    let each = |key: &'static str, values: Vec<String>, read: fn(&str) -> Result<String, String>| {
        values.iter().map(|text| read(text)).collect::<Result<Vec<_>, _>>().map_err(|reason| (key, reason))
    };
    Ok(Project {
        exporter: written.exporter.map(named),
        description: written.description.map(named),
        profile: written.profile.map(profile).transpose().map_err(|reason| ("profile", reason))?,
        baseline: written.baseline.map(at),
        scenarios: written.scenarios.into_iter().map(at).collect(),
        targets: written.targets,
        platform_api: written
            .platform_api
            .map(|text| cli::platform_api(&text))
            .transpose()
            .map_err(|reason| ("platform-api", reason))?,
        jobs: within("jobs", written.jobs, 256)?,
        timeout: within("timeout", written.timeout, 86_400)?,
        reports: written
            .reports
            .iter()
            .map(report)
            .collect::<Result<_, String>>()
            .map_err(|reason| ("reports", reason))?,
        registry: services
            .registry
            .map(|text| text.parse::<RegistryChoice>().map_err(|error| ("services.registry", chain(&error))))
            .transpose()?,
        daemons: each("services.daemons", services.daemons, cli::daemon_host)?,
        require: each("services.require", services.require, cli::service)?,
        limit: within("services.limit", services.limit, 86_400)?,
        allow_push: services.allow_push_from_daemon,
    })
}

fn within<N: Copy + Into<u64>>(
    key: &'static str,
    number: Option<N>,
    most: u64,
) -> Result<Option<N>, (&'static str, String)> {
    match number.map(Into::into) {
        Some(found) if found == 0 || found > most => Err((key, format!("{found} is not within 1 to {most}"))),
        _ => Ok(number),
    }
}

#[cfg(test)]
mod tests;
