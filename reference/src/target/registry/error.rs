//! Why a registry could not be read or written.

use crate::image_name::ImageName;

/// Why a registry could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// No answer.
    #[error("{doing} {name}: {reason}{}", if *.passing { "" } else { "; is the registry there, and reachable?" })]
    Unreachable {
        /// What was done.
        doing: &'static str,
        /// Of what.
        name: String,
        /// The cause.
        reason: String,
        /// Whether another try may have another end.
        passing: bool,
    },
    /// An answer that is no success.
    #[error("{doing} {name}: the registry answers {status}{said}{}", advice(*status))]
    Status {
        /// What was done.
        doing: &'static str,
        /// Of what.
        name: String,
        /// The status.
        status: u16,
        /// What the registry said, in parentheses and with a space before them; else empty.
        said: String,
    },
    /// Content that is not what it should be.
    #[error("read {name}: {reason}")]
    Content {
        /// Of what.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// A temporary file.
    #[error("spool a layer to temporary disk: {0}; TMPDIR chooses the disk")]
    Disk(std::io::Error),
    /// Something of this program.
    #[error("prepare the registry client: {0}")]
    Broken(String),
}

fn advice(status: u16) -> &'static str {
    match status {
        401 | 403 => "; CNB_REGISTRY_AUTH or docker's config.json must have credentials for it",
        404 => "; is the reference right, and still there?",
        _ => "",
    }
}

impl RegistryError {
    pub(super) fn content(name: &ImageName, reason: impl Into<String>) -> Self {
        Self::Content { name: name.to_string(), reason: reason.into() }
    }

    /// Whether another try may have another end.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { passing, .. } => *passing,
            Self::Status { status, .. } => is_passing(*status),
            _ => false,
        }
    }
}

/// Statuses that say that the registry, and not the request, is at fault.
pub(super) fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}
