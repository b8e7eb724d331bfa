//! `demo`: from a source folder to a verdict.

use std::path::PathBuf;

use crate::cli::{DemoArguments, ProgramArguments};
use crate::demo::{DemoError, Settings, Tell, demo};
use crate::error::context;
use crate::exit::Exit;
use crate::exporter::Exporter;
use crate::exporter::process::Supervisor;
use crate::pipeline::PipelineError;
use crate::pipeline::judged::Judging;
use crate::pipeline::programs::Programs;
use judge::evidence::Target;
use tokio_util::sync::CancellationToken;

use super::{Failure, in_order, not_run};

/// What names of repositories are drawn by: the same in every demo.
const NAMES: &str = "demo";

pub(super) fn show(arguments: DemoArguments) -> Result<Exit, Failure> {
    let programs = programs(&arguments.programs)?;
    let exporter = exporter(&arguments.programs)?;
    let folder = kept(arguments.keep)?;
    in_order(async |supervisor, cancelled| {
        let judging = Judging {
            exporter,
            targets: Target::ALL.to_vec(),
            daemons: arguments.daemon,
            names: NAMES.to_owned(),
            supervisor,
            cancelled,
        };
        let settings = Settings { programs, judging, folder };
        let mut tell = Tell::new(Box::new(std::io::stdout()));
        match Box::pin(demo(&settings, &mut tell)).await {
            Ok(true) => Ok(Exit::Conformant),
            Ok(false) => Ok(Exit::NotConformant),
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

/// The folder in which everything is kept: one that was named, which is new or empty, or a new one.
fn kept(named: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let Some(folder) = named else {
        let made = tempfile::Builder::new().prefix("conformance-demo-").tempdir();
        let made = made.map_err(context("make a temporary folder")).map_err(Failure::suite)?;
        return Ok(made.keep());
    };
    let wrong = |reason: &dyn std::fmt::Display| {
        Failure::usage(format!("keep the demo in {}: {reason}; name a new or empty folder", folder.display()))
    };
    std::fs::create_dir_all(&folder).map_err(|error| wrong(&error))?;
    let mut entries = std::fs::read_dir(&folder).map_err(|error| wrong(&error))?;
    if entries.next().is_some() {
        return Err(wrong(&"it is not empty"));
    }
    std::fs::canonicalize(&folder).map_err(|error| wrong(&error))
}
