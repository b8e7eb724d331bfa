//! From a source folder to what an exporter takes: what a platform does before the export, done small. [`source`] makes
//! a repository to begin with, [`detect`] and [`build`] run buildpacks as the lifecycle does, [`scenario`] makes a
//! scenario of what they left, so that exports of it are judged as any other. Nothing here knows the reference but as
//! programs.

pub mod build;
pub mod buildpack;
pub mod detect;
pub mod judged;
mod launch;
pub mod program;
pub mod programs;
pub mod scenario;
pub mod source;
pub mod way;

use crate::error::Cause;
use std::path::{Path, PathBuf};

/// Why a source did not become a build. Messages read after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// A program is not there.
    #[error("find {what} {}: there is no such program; build it (cargo build), or name it by {flag}", path.display())]
    Missing {
        /// What it is for.
        what: &'static str,
        /// Where it was looked for.
        path: PathBuf,
        /// The flag that names it.
        flag: &'static str,
    },
    /// A file cannot be read or written.
    #[error("{doing} {}", path.display())]
    File {
        /// What was done.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file is not what the specification says.
    #[error("read {}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: Cause,
    },
    /// A program failed.
    #[error("run {program}")]
    Program {
        /// Its name.
        program: String,
        /// How it ended, and what it said.
        source: Cause,
    },
    /// A buildpack failed, or contributes what cannot be used.
    #[error("{phase} with the buildpack {id}: {reason}")]
    Buildpack {
        /// `detect` or `build`.
        phase: &'static str,
        /// Its ID.
        id: String,
        /// What is wrong.
        reason: String,
    },
    /// A scenario that was made cannot be used.
    #[error(transparent)]
    Scenario(#[from] crate::scenario::ScenarioError),
    /// It could not be exported and judged.
    #[error(transparent)]
    Run(#[from] crate::run::RunError),
    /// No group of the order is for this app.
    #[error("detect: no group of buildpacks passes: {0}")]
    NoGroup(String),
}

impl PipelineError {
    fn file(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::File { doing, path: path.to_path_buf(), source }
    }
}

/// Writes a file, and the folders above it.
///
/// # Errors
/// [`PipelineError::File`].
pub fn write(path: &Path, text: &str) -> Result<(), PipelineError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(PipelineError::file("make", folder))?;
    }
    std::fs::write(path, text).map_err(PipelineError::file("write", path))
}

#[cfg(test)]
mod tests;
