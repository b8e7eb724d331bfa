//! `project-metadata.toml` (`cnb-platform.md`, project-metadata.toml, buildpacks/spec b745fcf) made from a project
//! descriptor, version control and overrides, with the keys that RFC 196 takes its annotations from. Every rule is in
//! `docs/project-metadata.md`.

pub mod address;
pub mod cli;
pub mod descriptor;
mod document;
mod error;
pub mod git;
pub mod values;

use std::path::{Path, PathBuf};

pub use error::{Exit, ProjectError};

/// The descriptor's usual name (`cnb-project-descriptor.md`).
pub const DESCRIPTOR: &str = "project.toml";

/// What is done with a commit that is not what is built.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Dirty {
    /// `commit` is the commit's hash, and `dirty` says that it is not all.
    #[default]
    Keep,
    /// `commit` ends with `-dirty`, so that the annotation says it too.
    Mark,
    /// Nothing is written.
    Refuse,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// The app's source.
    pub source: PathBuf,
    /// A descriptor that has to be there; else that of the source, where there is one.
    pub descriptor: Option<PathBuf>,
    /// Values that replace all others; empty ones remove.
    pub overrides: Vec<(KeySource, String)>,
    /// Whether version control is looked at.
    pub git: bool,
    /// The remote whose address is taken.
    pub remote: Option<String>,
    /// What is done with a changed work tree.
    pub dirty: Dirty,
    /// How long one call of `git` may take.
    pub limit: std::time::Duration,
}

/// A key below `[source]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeySource {
    /// `source.type`.
    Type,
    /// `source.version.<key>`.
    Version(String),
    /// `source.metadata.<key>`.
    Metadata(String),
}

/// The document, and what its reader should know.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// The whole file.
    pub text: String,
    /// One sentence each.
    pub warnings: Vec<String>,
}

/// Makes the document.
///
/// # Errors
/// [`ProjectError`]; nothing is written by then.
pub async fn make(options: &Options) -> Result<Made, ProjectError> {
    let source = std::fs::canonicalize(&options.source)
        .map_err(|source| ProjectError::Source { path: options.source.clone(), source })?;
    let descriptor = match &options.descriptor {
        Some(path) => Some(descriptor::read(path)?),
        None => descriptor::read_if_there(&source.join(DESCRIPTOR))?,
    };
    let facts = if options.git { git::facts(&source, options.remote.as_deref(), options.limit).await? } else { None };
    if options.dirty == Dirty::Refuse
        && let Some(found) = facts.as_ref().filter(|found| found.dirty || found.untracked)
    {
        return Err(ProjectError::Dirty { root: found.root.clone(), untracked: !found.dirty });
    }
    Ok(document::made(descriptor.as_ref(), facts.as_ref(), options))
}

/// Writes the document next to its place and puts it there, so that it is there whole or not at all.
///
/// # Errors
/// [`ProjectError::Write`].
pub fn write(text: &str, path: &Path) -> Result<(), ProjectError> {
    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt as _;
    let fail = |source| ProjectError::Write { path: path.to_path_buf(), source };
    if path.is_dir() {
        return Err(fail(std::io::Error::from(std::io::ErrorKind::IsADirectory)));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".project-metadata").tempfile_in(folder).map_err(fail)?;
    file.write_all(text.as_bytes()).map_err(fail)?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644)).map_err(fail)?;
    file.persist(path).map(drop).map_err(|error| fail(error.error))
}
