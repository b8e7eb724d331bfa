//! `demo`: from a source folder to a verdict.

use std::path::{Path, PathBuf};

use crate::cli::{DemoArguments, ProgramArguments};
use crate::demo::{DemoError, DemoOptions, Tell, demo};
use crate::error::context;
use crate::exit::Exit;
use crate::exporter::Exporter;
use crate::exporter::process::Supervisor;
use crate::pipeline::PipelineError;
use crate::pipeline::judged::Judging;
use crate::pipeline::programs::Programs;
use judge::evidence::Target;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::{Failure, in_order, not_run};

/// What names of repositories are drawn by: the same in every demo.
const NAMES: &str = "demo";

pub(super) fn show(arguments: DemoArguments) -> Result<Exit, Failure> {
    let programs = programs(&arguments.programs)?;
    let exporter = exporter(&arguments.programs)?;
    let folder = Kept::open(arguments.keep)?;
    in_order(async |supervisor, cancelled| {
        let judging = Judging {
            exporter,
            targets: Target::ALL.to_vec(),
            daemons: arguments.daemon,
            names: NAMES.to_owned(),
            supervisor,
            cancelled,
        };
        let settings = DemoOptions { programs, judging, folder: folder.path().to_path_buf() };
        let mut tell = Tell::new(Box::new(std::io::stdout()));
        match Box::pin(demo(&settings, &mut tell)).await {
            Ok(is_conformant) => {
                folder.stays();
                Ok(if is_conformant { Exit::Conformant } else { Exit::NotConformant })
            }
            Err(DemoError::Pipeline(error)) => Err(failure(error)),
            Err(error @ DemoError::Place(_)) => Err(Failure::suite(error)),
        }
    })
}

/// A program that is missing is the command line's fault, and what cannot be run is told as a run tells it.
pub(super) fn failure(error: PipelineError) -> Failure {
    match error {
        PipelineError::Missing { .. } => Failure::usage(error),
        PipelineError::Run(error) => not_run(error),
        other => Failure::suite(other),
    }
}

pub(super) fn programs(given: &ProgramArguments) -> Result<Programs, Failure> {
    let programs = Programs::find(
        given.exporter.as_deref(),
        given.project_metadata.as_deref(),
        given.project_annotations.as_deref(),
    );
    programs.map_err(failure)
}

pub(super) fn exporter(given: &ProgramArguments) -> Result<Exporter, Failure> {
    let found = given.exporter.as_deref().map_or_else(Exporter::beside_this_program, Exporter::at);
    found.map_err(Failure::usage)
}

/// With what is measured: the registry in this process, and layouts.
pub(super) fn judging(exporter: Exporter, supervisor: Supervisor, cancelled: CancellationToken) -> Judging {
    let targets = vec![Target::Registry, Target::Layout];
    Judging { exporter, targets, daemons: Vec::new(), names: NAMES.to_owned(), supervisor, cancelled }
}

/// The folder in which everything is kept.
enum Kept {
    Named(PathBuf),
    /// Of a demo that is not shown to its end nothing stays.
    Made(TempDir),
}

impl Kept {
    /// One that was named, which is new or empty, or a new one.
    fn open(named: Option<PathBuf>) -> Result<Self, Failure> {
        let Some(folder) = named else {
            let made = tempfile::Builder::new().prefix("conformance-demo-").tempdir();
            return made.map(Self::Made).map_err(context("make a temporary folder")).map_err(Failure::suite);
        };
        let wrong = |reason: &dyn std::fmt::Display| {
            Failure::usage(format!("keep the demo in {}: {reason}; name a new or empty folder", folder.display()))
        };
        std::fs::create_dir_all(&folder).map_err(|error| wrong(&error))?;
        let mut entries = std::fs::read_dir(&folder).map_err(|error| wrong(&error))?;
        if entries.next().is_some() {
            return Err(wrong(&"it is not empty"));
        }
        std::fs::canonicalize(&folder).map(Self::Named).map_err(|error| wrong(&error))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Named(folder) => folder,
            Self::Made(folder) => folder.path(),
        }
    }

    fn stays(self) {
        if let Self::Made(folder) = self {
            let _ = folder.keep();
        }
    }
}
