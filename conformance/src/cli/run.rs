//! The commands that call exporters: which one, under what, and how often.

use std::path::PathBuf;

use clap::Args;
use judge::evidence::{Phase, Target};
use judge::profile::Profile;

use super::ProjectArguments;
use super::values::{
    PlainFormat, ReportArgument, SelfTestFormat, daemon_host, phase, platform_api, profile, report, service, target,
};
use crate::limits::{SERVICE_LIMIT, at_a_time};
use crate::report::ReportFormat;
use crate::rig::registry::RegistryChoice;
use crate::run::TIMEOUT;
use crate::shard::Shard;

/// Which exporter.
#[derive(Debug, Clone, Default, Args)]
pub struct ExporterArguments {
    /// The exporter to judge; without it, or as reference, the reference exporter next to this program
    #[arg(long, value_name = "PATH")]
    pub exporter: Option<PathBuf>,
    /// An exporter description (conformance docs exporter-description), or the name of a built-in one: reference,
    /// lifecycle. With --exporter, how that one is called
    #[arg(long, value_name = "FILE")]
    pub exporter_file: Option<PathBuf>,
    /// The rebaser to judge, called as the Platform API says (default: the description's, where it has one)
    #[arg(long, value_name = "PATH")]
    pub rebaser: Option<PathBuf>,
    /// Seconds within which it must give up on a registry that never answers (default: the description's, else 120)
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub unreachable_limit: Option<u64>,
}

/// The arguments of `doctor`.
#[derive(Debug, Clone, Args)]
pub struct DoctorArguments {
    /// Which project file.
    #[command(flatten)]
    pub project: ProjectArguments,
    /// Which exporter.
    #[command(flatten)]
    pub exporter: ExporterArguments,
    /// The Platform API version to tell the exporter (default: the description's, else 0.15)
    #[arg(long, value_name = "VERSION", value_parser = platform_api)]
    pub platform_api: Option<String>,
    /// Only these targets; may be repeated
    #[arg(long, value_name = "TARGET", value_parser = target())]
    pub target: Vec<Target>,
    /// The services.
    #[command(flatten)]
    pub services: ServiceArguments,
    /// Write the exporter description that was found to this new file
    #[arg(long, value_name = "FILE")]
    pub write: Option<PathBuf>,
}

/// The arguments of `run`.
#[derive(Debug, Clone, Args)]
pub struct RunArguments {
    /// Which project file.
    #[command(flatten)]
    pub project: ProjectArguments,
    /// Which exporter.
    #[command(flatten)]
    pub exporter: ExporterArguments,
    /// Under what it is run.
    #[command(flatten)]
    pub conditions: RunConditions,
    /// terminal, json, observations, junit, markdown, html, github or in-toto (conformance docs ci), to standard output
    /// or to a file; may be repeated
    #[arg(long, value_name = "FORMAT[=FILE]", value_parser = report::<ReportFormat>)]
    pub report: Vec<ReportArgument>,
    /// A file of known failures that do not affect the exit code (conformance docs compare)
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Only one phase of the lifecycle: exporter or rebaser (default: all that are described)
    #[arg(long, value_name = "PHASE", value_parser = phase)]
    pub phase: Option<Phase>,
    /// Only part K of N of the scenarios; conformance merge puts the reports together
    #[arg(long, value_name = "K/N")]
    pub shard: Option<Shard>,
    /// Quick check in seconds: a few representative scenarios on an embedded registry and on layouts. Not a substitute
    /// for a full run
    #[arg(long, conflicts_with_all = ["shard", "only_failed"])]
    pub quick: bool,
    /// Run all scenarios in which the registry fails (default: a few of them)
    #[arg(long, conflicts_with = "quick")]
    pub faults: bool,
    /// Stop after the first scenario that fails
    #[arg(long)]
    pub fail_fast: bool,
    /// Only what failed in this JSON report
    #[arg(long, value_name = "REPORT.json")]
    pub only_failed: Option<PathBuf>,
    /// Keep the evidence in this new or empty folder
    #[arg(long, value_name = "DIR")]
    pub evidence: Option<PathBuf>,
    /// Keep every export's inputs in this new or empty folder
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

/// The conditions of a run: the same for `run` and `compare`.
#[derive(Debug, Clone, Args)]
pub struct RunConditions {
    /// The profile that decides the exit code: a built-in one's name, or the path of a profile file (conformance docs
    /// profile)
    #[arg(long, value_name = "NAME|FILE", default_value = "rfc-196", value_parser = profile)]
    pub profile: Profile,
    /// A scenario's folder, or a folder of them, instead of the built-in ones; may be repeated
    #[arg(long, value_name = "DIR")]
    pub scenarios: Vec<PathBuf>,
    /// Only scenarios whose name matches; may be repeated
    #[arg(long, value_name = "GLOB")]
    pub scenario: Vec<String>,
    /// Judge only requirements whose slug matches; without --scenario, run only scenarios that exercise them; may be
    /// repeated
    #[arg(long, value_name = "GLOB")]
    pub requirement: Vec<String>,
    /// Only these targets; may be repeated
    #[arg(long, value_name = "TARGET", value_parser = target())]
    pub target: Vec<Target>,
    /// The services.
    #[command(flatten)]
    pub services: ServiceArguments,
    /// The Platform API version to tell the exporter (default: the description's, else 0.15)
    #[arg(long, value_name = "VERSION", value_parser = platform_api)]
    pub platform_api: Option<String>,
    /// How many at a time, and for how long.
    #[command(flatten)]
    pub pace: PaceArguments,
}

/// How many exporters are run at a time, and for how long: the same for `run`, `compare`, `fuzz` and `self-test`.
#[derive(Debug, Clone, Args)]
pub struct PaceArguments {
    /// Number of scenarios, builds or faults to run in parallel (default: twice the number of CPUs, at most CPUs + 4)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    /// Seconds after which an exporter is killed
    #[arg(long, value_name = "SECONDS", default_value_t = TIMEOUT, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub timeout: u64,
}

impl PaceArguments {
    /// How many at a time.
    #[must_use]
    pub fn jobs(&self) -> usize {
        self.jobs.map_or_else(at_a_time, usize::from)
    }
}

/// The services that are used: the same for `run`, `compare` and `self-test`.
#[derive(Debug, Clone, Args)]
pub struct ServiceArguments {
    /// embedded, container, executable or a URL; by default the first that is available: container, executable,
    /// embedded
    #[arg(long, value_name = "KIND")]
    pub registry: Option<RegistryChoice>,
    /// A PEM file of certificates to trust a registry by, next to the machine's or those of `SSL_CERT_FILE`
    #[arg(long, value_name = "FILE")]
    pub registry_ca: Option<PathBuf>,
    /// A Docker daemon's address instead of `DOCKER_HOST` or the default socket; may be repeated
    #[arg(long, value_name = "HOST", value_parser = daemon_host)]
    pub daemon: Vec<String>,
    /// Allow pushes from a daemon that the suite did not start
    #[arg(long)]
    pub allow_push_from_daemon: bool,
    /// Services that must be observed, separated by commas: registry, daemon, daemon:classic, layout
    #[arg(long, value_name = "SERVICE", value_delimiter = ',', value_parser = service)]
    pub require: Vec<String>,
    /// Seconds without data from a registry or daemon before it is reported as a service error
    #[arg(long, value_name = "SECONDS", default_value_t = SERVICE_LIMIT, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub service_limit: u64,
    /// Seed for the generated names of repositories (`names` in run.json); random by default
    #[arg(long, value_name = "SEED")]
    pub names: Option<String>,
}

/// The arguments of `fuzz`.
#[derive(Debug, Clone, Args)]
pub struct FuzzArguments {
    /// Which exporter.
    #[command(flatten)]
    pub exporter: ExporterArguments,
    /// Number of builds
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    pub cases: u64,
    /// Generate builds until every valid pair of values (conformance docs promises) is covered
    #[arg(long, conflicts_with = "cases")]
    pub pairs: bool,
    /// Seed; the same seed generates the same builds
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Seconds after which no further build is run
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub time: Option<u64>,
    /// Seconds for shrinking each failure
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub shrink: u64,
    /// The profile that decides what a failure is
    #[arg(long, value_name = "NAME", default_value = "rfc-196", value_parser = profile)]
    pub profile: Profile,
    /// Only these targets; may be repeated (default: registry and layout)
    #[arg(long, value_name = "TARGET", value_parser = target())]
    pub target: Vec<Target>,
    /// embedded, container, executable or a URL
    #[arg(long, value_name = "KIND", default_value = "embedded")]
    pub registry: RegistryChoice,
    /// A Docker daemon's address instead of `DOCKER_HOST` or the default socket; may be repeated
    #[arg(long, value_name = "HOST", value_parser = daemon_host)]
    pub daemon: Vec<String>,
    /// The Platform API version to tell the exporter (default: the description's, else 0.15)
    #[arg(long, value_name = "VERSION", value_parser = platform_api)]
    pub platform_api: Option<String>,
    /// Where failing builds are kept as scenarios, each with its evidence next to it
    #[arg(long, value_name = "DIR", default_value = "fuzz-failures")]
    pub keep_failures: PathBuf,
    /// terminal or json, to standard output or to a file; may be repeated
    #[arg(long, value_name = "FORMAT[=FILE]", value_parser = report::<PlainFormat>)]
    pub report: Vec<ReportArgument<PlainFormat>>,
    /// How many at a time, and for how long.
    #[command(flatten)]
    pub pace: PaceArguments,
}

/// The arguments of `self-test`.
#[derive(Debug, Clone, Args)]
pub struct SelfTestArguments {
    /// Which exporter.
    #[command(flatten)]
    pub exporter: ExporterArguments,
    /// The program that injects faults (default: faulty-exporter next to this program)
    #[arg(long, value_name = "PATH")]
    pub faulty: Option<PathBuf>,
    /// Only faults whose name matches; may be repeated
    #[arg(long, value_name = "GLOB")]
    pub fault: Vec<String>,
    /// Only faults on these targets; may be repeated
    #[arg(long, value_name = "TARGET", value_parser = target())]
    pub target: Vec<Target>,
    /// The services.
    #[command(flatten)]
    pub services: ServiceArguments,
    /// The Platform API version to tell the exporter (default: the description's, else 0.15)
    #[arg(long, value_name = "VERSION", value_parser = platform_api)]
    pub platform_api: Option<String>,
    /// terminal, json or markdown (the section of conformance docs trust), to standard output or to a file; may be
    /// repeated
    #[arg(long, value_name = "FORMAT[=FILE]", value_parser = report::<SelfTestFormat>)]
    pub report: Vec<ReportArgument<SelfTestFormat>>,
    /// How many at a time, and for how long.
    #[command(flatten)]
    pub pace: PaceArguments,
}
