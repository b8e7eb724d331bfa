//! What is stored of a run for the open questions: who was judged, on what, and what was observed. Neither paths nor
//! verdicts, so that it can be published.
//!
//! ```text
//! { "version": 1, "exporter": "reference", "platform_api": "0.15", "catalogue": "9e3633af",
//!   "services": [{ "name": "registry", "kind": "embedded", "version": "", "store": null }],
//!   "observations": [
//!     {"question":"…","scenario":"minimal","target":"registry","service":"registry","answer":"…","evidence":"…"}
//!   ] }
//! ```

use std::path::{Path, PathBuf};

use judge::observation::Observation;
use serde::{Deserialize, Serialize};

use super::Report;
use crate::error::Cause;

/// Version of this format.
pub(crate) const VERSION: u32 = 1;

/// Why stored observations cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The file cannot be read.
    #[error("read {} (a file of --report observations=FILE)", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// It is something else.
    #[error("read {} (a file of --report observations=FILE)", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        source: Cause,
    },
}

/// The observations of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Version of this format: 1.
    pub version: u32,
    /// The exporter's name.
    pub exporter: String,
    /// The Platform API that it was told.
    pub platform_api: String,
    /// The catalogue's version.
    pub catalogue: String,
    /// What it was observed on.
    pub services: Vec<RecordedService>,
    /// What was observed, in the order of the report.
    pub observations: Vec<Observation>,
}

/// A service that was exported to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedService {
    /// As `--require` names it.
    pub name: String,
    /// What it is.
    pub kind: String,
    /// Its version; empty where it has none.
    pub version: String,
    /// A daemon's store.
    pub store: Option<String>,
}

impl std::fmt::Display for RecordedService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}", self.name, self.kind)?;
        if !self.version.is_empty() {
            write!(f, " {}", self.version)?;
        }
        match &self.store {
            Some(store) => write!(f, ", {store} store)"),
            None => f.write_str(")"),
        }
    }
}

impl Record {
    /// The part of a report that is stored.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        let services = report.services.iter().filter(|service| service.observed && service.is_target());
        Self {
            version: VERSION,
            exporter: report.exporter.name.clone(),
            platform_api: report.platform_api.clone(),
            catalogue: report.tool.catalogue.clone(),
            services: services
                .map(|service| RecordedService {
                    name: service.name.clone(),
                    kind: service.kind.clone(),
                    version: service.version.clone(),
                    store: service.store.clone(),
                })
                .collect(),
            observations: report.observations.clone(),
        }
    }

    /// Reads a stored one.
    ///
    /// # Errors
    /// [`RecordError`] naming the file.
    pub fn read(path: &Path) -> Result<Self, RecordError> {
        let text = crate::given::bytes(path, crate::budget::RECORD)
            .map_err(|source| RecordError::Read { path: path.to_path_buf(), source })?;
        let wrong = |source: Cause| RecordError::Format { path: path.to_path_buf(), source };
        let record: Self = serde_json::from_slice(&text).map_err(|error| wrong(error.into()))?;
        if record.version != VERSION {
            return Err(wrong(format!("its version is {}, and this program knows {VERSION}", record.version).into()));
        }
        Ok(record)
    }

    /// As it is stored: one observation a line, so that a change shows in a diff.
    ///
    /// # Errors
    /// The error of `serde_json`, when the record cannot be serialised.
    pub fn render(&self) -> Result<String, serde_json::Error> {
        let head = Self { observations: Vec::new(), ..self.clone() };
        let head = serde_json::to_string_pretty(&head)?;
        let lines: Vec<String> = self
            .observations
            .iter()
            .map(|one| serde_json::to_string(one).map(|text| format!("    {text}")))
            .collect::<Result<_, _>>()?;
        let list = if lines.is_empty() { "[]".to_owned() } else { format!("[\n{}\n  ]", lines.join(",\n")) };
        Ok(head.replacen("\"observations\": []", &format!("\"observations\": {list}"), 1) + "\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_reads_back_and_anything_else_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one.json");
        let record = Record::of(&crate::report::sample::report());
        assert!(!record.observations.is_empty());
        std::fs::write(&path, record.render().unwrap()).unwrap();
        assert_eq!(Record::read(&path).unwrap(), record);
        std::fs::write(&path, "{\"verdicts\": []}").unwrap();
        let error = crate::error::chain(&Record::read(&path).unwrap_err());
        assert!(error.contains("one.json") && error.contains("verdicts"), "{error}");
        std::fs::write(&path, record.render().unwrap().replacen("\"version\": 1", "\"version\": 9", 1)).unwrap();
        assert!(crate::error::chain(&Record::read(&path).unwrap_err()).contains("its version is 9"));
    }
}
