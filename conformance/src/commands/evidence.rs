//! `judge` and `bundle`: stored runs, without services and exporter.

use std::path::{Path, PathBuf};

use crate::cli::{JudgeArguments, ShownArguments};
use crate::evidence::bundle::{self, BundleError};
use crate::evidence::reader::{Stored, StoredError};
use crate::exit::Exit;

use super::output::conclude;
use super::selection::{known, profile_named};
use super::{Failure, print, requirements, wanted};

pub(super) fn failure(error: StoredError) -> Failure {
    match error {
        StoredError::NotThere { .. } => Failure::usage(error),
        StoredError::Damaged { .. } | StoredError::Version { .. } | StoredError::Unpack { .. } => Failure::suite(error),
    }
}

pub(super) fn judge_again(arguments: &JudgeArguments, shown: ShownArguments) -> Result<Exit, Failure> {
    let known = known(arguments.baseline.as_deref())?;
    let wanted = wanted(arguments.report.clone())?;
    let requirements = requirements(&arguments.requirement)?;
    let Stored { mut facts, scenarios } = bundle::read(&arguments.path).map_err(failure)?;
    if !arguments.requirement.is_empty() {
        facts.narrowed.requirements = requirements;
    }
    let profile = profile_named(arguments.profile.clone(), &facts.profile)?;
    let mut report = facts.judge(&scenarios, &profile);
    report.evidence = Some(arguments.path.display().to_string());
    conclude(report, known, &wanted, shown)
}

pub(super) fn bundle(folder: &Path, output: Option<PathBuf>) -> Result<Exit, Failure> {
    if !folder.is_dir() {
        let folder = folder.display();
        return Err(Failure::usage(format!("bundle {folder}: give a folder that run --evidence made")));
    }
    let file = match (output, std::fs::canonicalize(folder).ok().as_deref().and_then(Path::file_name)) {
        (Some(file), _) => file,
        (None, Some(name)) => PathBuf::from(format!("{}.tar.zst", name.to_string_lossy())),
        (None, None) => return Err(Failure::usage("bundle /: name a file with --output")),
    };
    let size = bundle::write(folder, &file).map_err(|error| match error {
        BundleError::Stored(error) => failure(error),
        BundleError::Write { .. } => Failure::suite(error),
    })?;
    print(&format!("{}  {size} bytes\n", file.display()))
}
