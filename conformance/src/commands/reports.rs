//! `merge`, `baseline` and `completions`, and what others need to read of reports.

use std::io::ErrorKind;
use std::path::Path;

use clap::CommandFactory;
use conformance::baseline::{self, Baseline};
use conformance::cli::{Cli, MergeArguments};
use conformance::exit::Exit;
use conformance::report::{Report, SCHEMA_VERSION};
use conformance::{merge, profile_file};
use jiff::civil::Date;
use judge::profile::Profile;

use super::run::{exit_of, write_report};
use super::{Failure, print, wanted};

/// A JSON report.
pub(super) fn read_report(file: &Path) -> Result<Report, Failure> {
    let fail = |reason: String| {
        Failure::usage(format!("read the report {}: {reason}; give a file of --report json=FILE", file.display()))
    };
    let bytes = std::fs::read(file).map_err(|error| fail(error.to_string()))?;
    let report: Report = serde_json::from_slice(&bytes).map_err(|error| fail(error.to_string()))?;
    if report.schema != SCHEMA_VERSION {
        return Err(fail(format!("its schema is {}, and this program reads {SCHEMA_VERSION}", report.schema)));
    }
    Ok(report)
}

pub(super) fn baseline(file: &Path) -> Result<Baseline, Failure> {
    Baseline::read(file).map_err(Failure::usage)
}

/// The day by which a baseline's dates are taken, in UTC so that every machine agrees.
pub(super) fn today() -> Date {
    jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::now()).date()
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
    let known = arguments.baseline.as_deref().map(baseline).transpose()?;
    let wanted = wanted(arguments.report)?;
    let mut reports = Vec::new();
    for file in &arguments.reports {
        reports.push((file.display().to_string(), read_report(file)?));
    }
    let name = reports.first().map(|(_, report)| report.profile.clone()).unwrap_or_default();
    let profile = profile_named(arguments.profile, &name)?;
    if profile.name() != name {
        return Err(Failure::usage(format!("merge reports: they are of profile {name}, not {}", profile.name())));
    }
    let mut report = merge::merge(reports, &profile).map_err(Failure::usage)?;
    if let Some(known) = known {
        known.apply(&mut report, today());
    }
    for argument in &wanted {
        write_report(&report, argument)?;
    }
    Ok(exit_of(&report))
}

pub(super) fn update_baseline(file: &Path, report: &Path) -> Result<Exit, Failure> {
    let report = read_report(report)?;
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
