//! Why an export could not be made or observed.

use super::workspace::WorkspaceError;
use crate::error::Cause;
use crate::evidence::writer::EvidenceError;
use crate::exporter::process::ProcessError;
use crate::scenario::materialise::MaterialiseError;

/// Why an export could not be made or observed: never the exporter's fault.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExportError {
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    #[error(transparent)]
    Materialise(#[from] MaterialiseError),
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    #[error("{doing}")]
    Disk { doing: String, source: std::io::Error },
    #[error("{doing}")]
    Service { doing: String, source: Cause },
    /// Nothing failed: this machine, user or service does not have what the step needs.
    #[error("{0}")]
    Skipped(String),
}

/// Something that a service did not let the suite do or see.
pub(super) fn service(doing: impl Into<String>, cause: impl Into<Cause>) -> ExportError {
    ExportError::Service { doing: doing.into(), source: cause.into() }
}

pub(super) fn disk(doing: &str, source: std::io::Error) -> ExportError {
    ExportError::Disk { doing: doing.to_owned(), source }
}
