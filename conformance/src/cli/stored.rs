//! The commands that read what runs have left: reports, evidence, baselines.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use judge::profile::Profile;

use super::values::{CompareFormat, ReportArgument, profile, report};
use super::{ProjectArguments, RunConditions};
use crate::report::ReportFormat;

/// What can be done with a baseline.
#[derive(Debug, Clone, Subcommand)]
pub enum BaselineCommand {
    /// Add new failures and remove entries that pass again; reasons and comments are kept
    Update {
        /// The baseline file; created if missing
        file: PathBuf,
        /// A JSON report
        report: PathBuf,
    },
}

/// The arguments of `judge`.
#[derive(Debug, Clone, Args)]
pub struct JudgeArguments {
    /// A folder that run --evidence made, or a file that bundle made
    pub path: PathBuf,
    /// The profile that decides the exit code (default: the run's)
    #[arg(long, value_name = "NAME|FILE", value_parser = profile)]
    pub profile: Option<Profile>,
    /// Only requirements whose slug matches (default: the run's); may be repeated
    #[arg(long, value_name = "GLOB")]
    pub requirement: Vec<String>,
    /// A format of run, to standard output or to a file; may be repeated
    #[arg(long, value_name = "FORMAT[=FILE]", value_parser = report::<ReportFormat>)]
    pub report: Vec<ReportArgument>,
    /// A file of known failures, which do not decide the exit code
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
}

/// The arguments of `compare`: two stored runs, or two exporters to be run.
#[derive(Debug, Clone, Args)]
pub struct CompareArguments {
    /// Which project file.
    #[command(flatten)]
    pub project: ProjectArguments,
    /// The old run and the new one: each a JSON report, a folder of evidence or a bundle
    #[arg(
        value_name = "RUN",
        num_args = 2,
        required_unless_present_any = ["exporter", "exporter_file"],
        conflicts_with_all = [
            "profile", "scenarios", "scenario", "requirement", "target", "registry", "daemon", "allow_push_from_daemon",
            "require", "platform_api", "jobs", "timeout", "service_limit",
            "names", "registry_ca",
        ],
    )]
    pub stored: Vec<PathBuf>,
    /// An exporter to run and compare; twice, the old one first. With one --exporter-file this is the old one
    #[arg(long, value_name = "PATH", conflicts_with = "stored")]
    pub exporter: Vec<PathBuf>,
    /// An exporter description, or the name of a built-in one; likewise
    #[arg(long, value_name = "FILE", conflicts_with = "stored")]
    pub exporter_file: Vec<PathBuf>,
    /// terminal, json, markdown or html, to standard output or to a file; may be repeated
    #[arg(long, value_name = "FORMAT[=FILE]", value_parser = report::<CompareFormat>)]
    pub report: Vec<ReportArgument<CompareFormat>>,
    /// Under what both exporters are run.
    #[command(flatten, next_help_heading = "Both exporters are run as by conformance run with")]
    pub conditions: RunConditions,
}

/// The arguments of `show`.
#[derive(Debug, Clone, Args)]
pub struct ShowArguments {
    /// A JSON report of run, judge or merge
    #[arg(value_name = "REPORT.json")]
    pub stored: PathBuf,
    /// A format of run, to standard output or to a file; may be repeated
    #[arg(long, value_name = "FORMAT[=FILE]", value_parser = report::<ReportFormat>)]
    pub report: Vec<ReportArgument>,
    /// A file of known failures, which do not decide the exit code
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
}

/// The arguments of `merge`.
#[derive(Debug, Clone, Args)]
pub struct MergeArguments {
    /// JSON reports of run --shard
    #[arg(required = true, value_name = "REPORT.json")]
    pub reports: Vec<PathBuf>,
    /// The file of the profile that decides the exit code, if it is a custom one
    #[arg(long, value_name = "NAME|FILE", value_parser = profile)]
    pub profile: Option<Profile>,
    /// A format of run, to standard output or to a file; may be repeated
    #[arg(long, value_name = "FORMAT[=FILE]", value_parser = report::<ReportFormat>)]
    pub report: Vec<ReportArgument>,
    /// A file of known failures that do not affect the exit code; baselines given to the shards are ignored
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
}
