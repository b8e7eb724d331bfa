//! `merge`, `baseline` and `completions`, and what others need to read of reports.

use std::io::ErrorKind;
use std::path::Path;

use clap::CommandFactory;
use conformance::baseline::{self, Baseline};
use conformance::cli::{Cli, MergeArguments};
use conformance::exit::Exit;
use conformance::report::json;
use conformance::{merge, profile_file};
use jiff::civil::Date;
use judge::profile::Profile;

use super::run::conclude;
use super::{Failure, print, wanted};

/// The baseline that was given, and the day by which its dates are taken: in UTC, so that every machine agrees.
pub(super) fn known(file: Option<&Path>) -> Result<Option<(Baseline, Date)>, Failure> {
    let Some(file) = file else { return Ok(None) };
    let today = jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::now()).date();
    Ok(Some((Baseline::read(file).map_err(Failure::usage)?, today)))
}

/// The profile that a report or a run names.
pub(super) fn profile_named(given: Option<Profile>, name: &str) -> Result<Profile, Failure> {
    match given {
        Some(profile) => Ok(profile),
        None => profile_file::named(name)
            .map_err(|error| Failure::usage(format!("{error}; the profile's file can be named by --profile"))),
    }
}

pub(super) fn merge(arguments: MergeArguments) -> Result<Exit, Failure> {
    let known = known(arguments.baseline.as_deref())?;
    let wanted = wanted(arguments.report)?;
    let mut reports = Vec::new();
    for file in &arguments.reports {
        reports.push((file.display().to_string(), json::read(file).map_err(Failure::usage)?));
    }
    let name = reports.first().map(|(_, report)| report.profile.clone()).unwrap_or_default();
    let profile = profile_named(arguments.profile, &name)?;
    if profile.name() != name {
        return Err(Failure::usage(format!("merge reports: they are of profile {name}, not {}", profile.name())));
    }
    conclude(merge::merge(reports, &profile).map_err(Failure::usage)?, known, &wanted)
}

pub(super) fn update_baseline(file: &Path, report: &Path) -> Result<Exit, Failure> {
    let report = json::read(report).map_err(Failure::usage)?;
    let text = match std::fs::read_to_string(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        other => other,
    }
    .map_err(|error| Failure::usage(format!("read the baseline {}: {error}", file.display())))?;
    let new = baseline::updated(&text, &file.display().to_string(), &report).map_err(Failure::usage)?;
    if new.text != text {
        replace(file, &new.text)
            .map_err(|error| Failure::suite(format!("write the baseline {}: {error}", file.display())))?;
    }
    let mut lines: Vec<String> = new.struck.iter().map(|name| format!("struck off  {name}")).collect();
    lines.extend(new.added.iter().map(|name| format!("added       {name}")));
    lines.push(format!("{} added, {} struck off\n", new.added.len(), new.struck.len()));
    print(&lines.join("\n"))
}

/// A file is there whole or as it was.
fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let temporary = tempfile::NamedTempFile::new_in(folder)?;
    std::fs::write(temporary.path(), text)?;
    let mode = std::fs::metadata(file)
        .map_or_else(|_| std::os::unix::fs::PermissionsExt::from_mode(0o644), |metadata| metadata.permissions());
    std::fs::set_permissions(temporary.path(), mode)?;
    temporary.persist(file).map(|_| ()).map_err(|error| error.error)
}

pub(super) fn completions(shell: clap_complete::Shell) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "conformance", &mut text);
    print(&String::from_utf8_lossy(&text))
}
