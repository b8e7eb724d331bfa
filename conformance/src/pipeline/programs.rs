//! The programs of a demo: those that were named, else those next to this one.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::PipelineError;

/// The programs, each of which is there.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The exporter, which is the rebaser too.
    pub exporter: PathBuf,
    /// What writes `project-metadata.toml`.
    pub project_metadata: PathBuf,
    /// The utility buildpack's one program.
    pub project_annotations: PathBuf,
}

/// Names of programs next to this one, and the flags that name others.
const EXPORTER: (&str, &str, &str) = ("the exporter", "reference-exporter", "--exporter");
const PROJECT_METADATA: (&str, &str, &str) = ("the program", "project-metadata", "--project-metadata");
const PROJECT_ANNOTATIONS: (&str, &str, &str) =
    ("the buildpack's program", "project-annotations", "--project-annotations");

impl Programs {
    /// Finds them.
    ///
    /// # Errors
    /// [`PipelineError::Missing`].
    pub fn find(
        exporter: Option<&Path>,
        project_metadata: Option<&Path>,
        project_annotations: Option<&Path>,
    ) -> Result<Self, PipelineError> {
        Ok(Self {
            exporter: found(exporter, EXPORTER)?,
            project_metadata: found(project_metadata, PROJECT_METADATA)?,
            project_annotations: found(project_annotations, PROJECT_ANNOTATIONS)?,
        })
    }

    /// The rebaser: the exporter under the name by which platforms call it, as a link in `folder`.
    ///
    /// # Errors
    /// [`PipelineError::File`].
    pub fn rebaser(&self, folder: &Path) -> Result<PathBuf, PipelineError> {
        std::fs::create_dir_all(folder).map_err(PipelineError::file("make", folder))?;
        let link = folder.join("rebaser");
        symlink(&self.exporter, &link).map_err(PipelineError::file("link", &link))?;
        Ok(link)
    }
}

fn found(
    named: Option<&Path>,
    (what, name, flag): (&'static str, &str, &'static str),
) -> Result<PathBuf, PipelineError> {
    let beside = std::env::current_exe().ok().map(|program| program.with_file_name(name));
    let path = named.map(Path::to_path_buf).or(beside).unwrap_or_else(|| name.into());
    let is_there = path.is_file();
    let missing = PipelineError::Missing { what, path: path.clone(), flag };
    if is_there { std::path::absolute(&path).map_err(|_| missing) } else { Err(missing) }
}
