//! The project file before `run`, `compare` and `doctor`, and `init`, which writes one.

use std::io::Write as _;
use std::path::PathBuf;

use crate::cli::{CompareArguments, DoctorArguments, InitArguments, ProjectArguments, RunArguments, ShownArguments};
use crate::error::context;
use crate::exit::Exit;
use crate::project::{NAME, Project, template};
use clap::ArgMatches;

use super::{Failure, print};

/// The project file that was named, or is in the working folder.
fn project(arguments: &ProjectArguments, quiet: bool) -> Result<Option<Project>, Failure> {
    let file = match &arguments.config {
        Some(file) => file.clone(),
        None if arguments.no_config || std::fs::symlink_metadata(NAME).is_err() => return Ok(None),
        None => {
            if !quiet {
                eprintln!("conformance: {NAME} of this folder is read; --no-config leaves it out");
            }
            PathBuf::from(NAME)
        }
    };
    Project::read(&file).map(Some).map_err(Failure::usage)
}

pub(super) fn run(mut arguments: RunArguments, matches: &ArgMatches, shown: ShownArguments) -> Result<Exit, Failure> {
    if let Some(project) = project(&arguments.project, shown.quiet)? {
        project.complete_run(&mut arguments, matches);
    }
    super::run::judge_exporter(arguments, shown)
}

pub(super) fn compare(
    mut arguments: CompareArguments,
    matches: &ArgMatches,
    shown: ShownArguments,
) -> Result<Exit, Failure> {
    let mut beside = None;
    if arguments.stored.is_empty()
        && let Some(project) = project(&arguments.project, shown.quiet)?
    {
        beside = project.exporter();
        project.complete_compare(&mut arguments, matches);
    }
    super::compare::compare(&arguments, beside, shown)
}

pub(super) fn doctor(
    mut arguments: DoctorArguments,
    matches: &ArgMatches,
    shown: ShownArguments,
) -> Result<Exit, Failure> {
    if let Some(project) = project(&arguments.project, shown.quiet)? {
        project.complete_doctor(&mut arguments, matches);
    }
    super::doctor::examine(&arguments, shown)
}

/// Writes a project file; one that is there stays, unless that is asked for.
pub(super) fn init(arguments: &InitArguments) -> Result<Exit, Failure> {
    let name = arguments.file.display();
    if arguments.file.as_os_str() == "-" {
        return Err(Failure::usage("write -: init writes a file, and not to standard output; name the file"));
    }
    let text = template(arguments.exporter.as_deref(), arguments.exporter_file.as_deref());
    let mut options = std::fs::OpenOptions::new();
    options.write(true);
    if arguments.force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let written = options.open(&arguments.file).and_then(|mut file| file.write_all(text.as_bytes()));
    match written {
        Ok(()) => print(&format!("{name} is written; conformance run reads it where it is in the working folder\n")),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(Failure::usage(format!("write {name}: it is there; --force writes it anew")))
        }
        Err(error) => Err(Failure::usage(context(format!("write {name}"))(error))),
    }
}
