//! Reports to where they were asked for, and the exit code that they come to.

use std::io::Write as _;
use std::path::Path;

use crate::baseline::Baseline;
use crate::cli::{ReportArgument, ReportFormat, ShownArguments};
use crate::error::context;
use crate::exit::Exit;
use crate::report::{self, Report, github};
use jiff::civil::Date;

use super::{Failure, deliver};

/// Marks what is known in a report, writes it where it was asked for, and gives its exit code.
pub(super) fn conclude(
    mut report: Report,
    known: Option<(Baseline, Date)>,
    wanted: &[ReportArgument],
    shown: ShownArguments,
) -> Result<Exit, Failure> {
    if let Some((known, today)) = known {
        known.apply(&mut report, today);
    }
    for argument in wanted {
        write_report(&report, argument, shown)?;
    }
    if !shown.quiet && wanted.iter().all(|argument| argument.file.is_some()) {
        let files: Vec<String> =
            wanted.iter().filter_map(|argument| Some(argument.file.as_ref()?.display().to_string())).collect();
        // Where all of it goes to files, a person who waited for it would see nothing.
        eprintln!("conformance: {} (exit {}): {}", report.answer(), report.exit_code, files.join(", "));
    }
    Ok(report.exit_code)
}

/// Writes a report where it was asked for; `github` also appends to the job's summary where there is one.
fn write_report(report: &Report, argument: &ReportArgument, shown: ShownArguments) -> Result<(), Failure> {
    let text = report::render(report, argument.format, shown.style(argument.file.is_some()))
        .map_err(context("write a report"))
        .map_err(Failure::suite)?;
    if argument.format == ReportFormat::Github
        && let Some(file) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|file| !file.is_empty())
    {
        append(&github::summary(report), Path::new(&file))?;
    }
    deliver(&text, argument.file.as_deref())
}

fn append(text: &str, file: &Path) -> Result<(), Failure> {
    let opened = std::fs::OpenOptions::new().append(true).create(true).open(file);
    opened
        .and_then(|mut opened| opened.write_all(text.as_bytes()))
        .map_err(context(format!("append to GITHUB_STEP_SUMMARY {}", file.display())))
        .map_err(Failure::suite)
}
