//! `judge` and `bundle`: stored runs, without services and exporter.

use std::path::{Path, PathBuf};

use crate::cli::{JudgeArguments, ShownArguments};
use crate::evidence::bundle::{self, BundleError};
use crate::evidence::reader::{Stored, StoredError};
use crate::exit::Exit;
use crate::report::json;

use super::output::conclude;
use super::selection::{known, profile_named};
use super::{Failure, is_of_the_place, print, requirements, wanted};

pub(super) fn failure(error: StoredError) -> Failure {
    match error {
        StoredError::NotThere { .. } | StoredError::Unreadable { .. } => Failure::usage(error),
        StoredError::Damaged { .. } | StoredError::Version { .. } | StoredError::Unpack { .. } => Failure::suite(error),
    }
}

pub(super) fn judge_again(arguments: &JudgeArguments, shown: ShownArguments) -> Result<Exit, Failure> {
    let known = known(arguments.baseline.as_deref())?;
    let wanted = wanted(arguments.report.clone())?;
    let requirements = requirements(&arguments.requirement)?;
    let path = &arguments.path;
    let is_report = |error: &StoredError| matches!(error, StoredError::NotThere { .. }) && json::read(path).is_ok();
    let Stored { mut facts, scenarios } = bundle::read(path).map_err(|error| {
        if is_report(&error) {
            let path = path.display();
            return Failure::usage(format!(
                "judge {path}: it is a JSON report, which has no evidence: conformance show reads it"
            ));
        }
        failure(error)
    })?;
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
        let why = if folder.exists() { "it is a file" } else { "it is not there" };
        let folder = folder.display();
        return Err(Failure::usage(format!("bundle {folder}: {why}; give a folder that run --evidence made")));
    }
    let file = match (output, std::fs::canonicalize(folder).ok().as_deref().and_then(Path::file_name)) {
        (Some(file), _) => file,
        (None, Some(name)) => PathBuf::from(format!("{}.tar.zst", name.to_string_lossy())),
        (None, None) => return Err(Failure::usage("bundle /: name a file with --output")),
    };
    let size = bundle::write(folder, &file).map_err(|error| match error {
        BundleError::Stored(error) => failure(error),
        BundleError::There { .. } => Failure::usage(error),
        BundleError::Write { ref source, .. } if is_of_the_place(source.kind()) => Failure::usage(error),
        BundleError::Write { .. } => Failure::suite(error),
    })?;
    print(&format!("{}  {size} bytes\n", file.display()))
}
