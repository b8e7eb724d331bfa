//! Why an export could not be made or observed.

use super::workplace::WorkplaceError;
use crate::evidence::writer::EvidenceError;
use crate::exporter::process::ProcessError;
use crate::scenario::materialise::MaterialiseError;

/// Why an export could not be made or observed: never the exporter's fault.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExportError {
    #[error(transparent)]
    Workplace(#[from] WorkplaceError),
    #[error(transparent)]
    Materialise(#[from] MaterialiseError),
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    #[error("{doing}: {source}")]
    Disk { doing: String, source: std::io::Error },
    #[error("{doing}: {reason}")]
    Service { doing: String, reason: String },
    /// Nothing failed: this machine, user or service does not have what the step needs.
    #[error("{0}")]
    Skipped(String),
}

/// Something that could not be observed, with all its causes in one line.
pub(super) fn unobserved(doing: &str, error: &dyn std::error::Error) -> ExportError {
    let mut reason = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        reason = format!("{reason}: {next}");
        cause = next.source();
    }
    ExportError::Service { doing: doing.to_owned(), reason }
}

pub(super) fn disk(doing: &str, source: std::io::Error) -> ExportError {
    ExportError::Disk { doing: doing.to_owned(), source }
}
