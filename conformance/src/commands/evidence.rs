//! `judge`, `bundle` and `compare`: stored runs, without services and exporter.

use std::path::{Path, PathBuf};

use conformance::bundle::{self, BundleError};
use conformance::cli::{JudgeArguments, ReportArgument, ReportFormat};
use conformance::compare::{self, Side};
use conformance::exit::Exit;
use conformance::stored::{Stored, StoredError};

use super::reports::{baseline, profile_named, read_report, today};
use super::run::{exit_of, write_report};
use super::{Failure, deliver, globs, print, wanted};

fn failure(error: StoredError) -> Failure {
    match error {
        StoredError::NotThere { .. } => Failure::usage(error),
        _ => Failure::suite(error),
    }
}

pub(super) fn judge_again(arguments: &JudgeArguments) -> Result<Exit, Failure> {
    let known = arguments.baseline.as_deref().map(baseline).transpose()?;
    let wanted = wanted(arguments.report.clone())?;
    if let Some(globs) = globs("requirement", &arguments.requirement)?
        && !judge::requirements::all().any(|row| globs.is_match(row.id))
    {
        return Err(Failure::usage("select requirements: none matches; see conformance list requirements"));
    }
    let Stored { mut facts, scenarios } = bundle::read(&arguments.path).map_err(failure)?;
    if !arguments.requirement.is_empty() {
        facts.narrowed.requirements.clone_from(&arguments.requirement);
    }
    let profile = profile_named(arguments.profile.clone(), &facts.profile)?;
    let mut report =
        facts.judge(&scenarios, &profile).map_err(|error| Failure::suite(format!("read globs: {error}")))?;
    report.evidence = Some(arguments.path.display().to_string());
    if let Some(known) = known {
        known.apply(&mut report, today());
    }
    for argument in &wanted {
        write_report(&report, argument)?;
    }
    Ok(exit_of(&report))
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

fn side(path: &Path) -> Result<Side, Failure> {
    if path.is_file() && !bundle::is_meant(path) {
        return Ok(Side { report: read_report(path)?, evidence: None });
    }
    let Stored { facts, scenarios } = bundle::read(path).map_err(failure)?;
    let profile = profile_named(None, &facts.profile)?;
    let report = facts.judge(&scenarios, &profile).map_err(|error| Failure::suite(format!("read globs: {error}")))?;
    Ok(Side { report, evidence: Some(scenarios) })
}

pub(super) fn compare(old: &Path, new: &Path, report: Vec<ReportArgument>) -> Result<Exit, Failure> {
    let wanted = wanted(report)?;
    let (old, new) = (side(old)?, side(new)?);
    if old.report.profile != new.report.profile {
        let (old, new) = (&old.report.profile, &new.report.profile);
        return Err(Failure::usage(format!("compare: the old run is of profile {old}, the new one of {new}")));
    }
    let changes = compare::compare(&old, &new);
    for argument in &wanted {
        let text = match argument.format {
            ReportFormat::Json => {
                serde_json::to_string_pretty(&changes)
                    .map_err(|error| Failure::suite(format!("write a report: {error}")))?
                    + "\n"
            }
            _ => changes.text(),
        };
        deliver(&text, argument)?;
    }
    Ok(changes.exit())
}
