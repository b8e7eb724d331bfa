//! Where figures come from: a JSON report, or evidence, which is judged again and shows what annotations cost too. A
//! name of its own may stand before it: `NAME=PATH`.

use std::path::{Path, PathBuf};

use super::Cost;
use crate::evidence::bundle;
use crate::evidence::reader::{Stored, StoredError};
use crate::profile_file::{self, ProfileFileError};
use crate::report::Report;
use crate::report::json::{self, ReportFileError};

/// A run that was read.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its report.
    pub report: Report,
    /// What annotations cost, where evidence shows it.
    pub cost: Option<Cost>,
}

/// Why a source cannot be used. Messages read after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It is not a JSON report.
    #[error(transparent)]
    Report(#[from] ReportFileError),
    /// It is not evidence, or is damaged.
    #[error(transparent)]
    Stored(#[from] StoredError),
    /// Its profile is a user's own, which a report names and does not have.
    #[error("judge {} (or give its JSON report)", path.display())]
    Profile {
        /// The evidence.
        path: PathBuf,
        /// Why.
        source: ProfileFileError,
    },
    /// Two sources have one name.
    #[error("tell two runs of {name} apart: give one another name, as in {name}-2=PATH")]
    TwoOfAName {
        /// The name.
        name: String,
    },
}

impl Source {
    /// Reads `PATH` or `NAME=PATH`.
    ///
    /// # Errors
    /// [`SourceError`] naming the file.
    pub fn read(given: &str) -> Result<Self, SourceError> {
        let (name, path) = match given.split_once('=') {
            Some((name, path)) if !name.is_empty() && !name.contains('/') && !Path::new(given).exists() => {
                (Some(name), path)
            }
            _ => (None, given),
        };
        let path = Path::new(path);
        let is_report = path.is_file() && path.extension().is_some_and(|extension| extension == "json");
        let mut source =
            if is_report { Self { report: json::read(path)?, cost: None } } else { Self::of_evidence(path)? };
        if let Some(name) = name {
            name.clone_into(&mut source.report.exporter.name);
        }
        Ok(source)
    }

    /// Reads all of them; no two may have one name.
    ///
    /// # Errors
    /// [`SourceError`] naming what is wrong.
    pub fn read_all(given: &[String]) -> Result<Vec<Self>, SourceError> {
        let mut sources: Vec<Self> = Vec::new();
        for one in given {
            let source = Self::read(one)?;
            let name = &source.report.exporter.name;
            if sources.iter().any(|other| other.report.exporter.name == *name) {
                return Err(SourceError::TwoOfAName { name: name.clone() });
            }
            sources.push(source);
        }
        Ok(sources)
    }

    fn of_evidence(path: &Path) -> Result<Self, SourceError> {
        let Stored { facts, scenarios } = bundle::read(path)?;
        let profile = profile_file::named(&facts.profile)
            .map_err(|source| SourceError::Profile { path: path.to_path_buf(), source })?;
        Ok(Self { report: facts.judge(&scenarios, &profile), cost: Cost::of(&scenarios) })
    }
}
