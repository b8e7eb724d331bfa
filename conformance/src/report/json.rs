//! The JSON report: `docs/report.schema.json` describes it.

use std::path::{Path, PathBuf};

use super::{Report, SCHEMA_VERSION};

/// Why a file is no JSON report. The message reads after "failed to".
#[derive(Debug, thiserror::Error)]
#[error("read the report {}: {reason}; give a file of --report json=FILE", file.display())]
pub struct ReportFileError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong.
    pub reason: String,
}

/// The report as indented JSON with a final newline.
///
/// # Errors
/// The serialiser's.
pub fn render(report: &Report) -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string_pretty(report)? + "\n")
}

/// Reads a report that `--report json=FILE` wrote.
///
/// # Errors
/// [`ReportFileError`] naming the file.
pub fn read(file: &Path) -> Result<Report, ReportFileError> {
    let fail = |reason: String| ReportFileError { file: file.to_path_buf(), reason };
    let bytes = std::fs::read(file).map_err(|error| fail(error.to_string()))?;
    let report: Report = serde_json::from_slice(&bytes).map_err(|error| fail(error.to_string()))?;
    if report.schema == SCHEMA_VERSION {
        Ok(report)
    } else {
        Err(fail(format!("its schema is {}, and this program reads {SCHEMA_VERSION}", report.schema)))
    }
}
