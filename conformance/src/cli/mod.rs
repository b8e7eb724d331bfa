//! The command line: every flag that `conformance --help` shows, and what is wrong with it when something is.

mod run;
mod stored;
#[cfg(test)]
mod tests;
mod values;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::limits::SERVICE_LIMIT;
pub use crate::report::ReportFormat;
use crate::report::terminal::{Detail, Style};
pub use run::{
    DoctorArguments, ExporterArguments, FuzzArguments, PaceArguments, RunArguments, RunConditions, SelfTestArguments,
    ServiceArguments,
};
pub use stored::{BaselineCommand, CompareArguments, JudgeArguments, MergeArguments, ShowArguments};
pub use values::{CompareFormat, PlainFormat, ReportArgument, SelfTestFormat};
pub(crate) use values::{daemon_host, platform_api, profile, report, service};

/// Judges whether an exporter of container images conforms to the Buildpacks proposal for OCI annotations.
#[derive(Debug, Parser)]
#[command(name = "conformance", version = LONG_VERSION.as_str(), max_term_width = 100, after_help = AFTER)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How it is shown.
    #[command(flatten)]
    pub shown: ShownArguments,
}

/// How what is for people is shown.
#[derive(Debug, Clone, Copy, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct ShownArguments {
    /// Colour in the terminal report; auto: if it goes to a terminal and `NO_COLOR` is not set
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = Colour::Auto)]
    pub color: Colour,
    /// Only the answer and the tally, and no progress
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Every failure in full, and every skip, difference and observation
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

/// Whether colour is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// If the output is a terminal and `NO_COLOR` is not set.
    #[default]
    Auto,
    /// Also in files and pipes.
    Always,
    /// No colour.
    Never,
}

impl ShownArguments {
    /// The style of a report that goes to standard output, or into a file.
    #[must_use]
    pub fn style(&self, to_file: bool) -> Style {
        use std::io::IsTerminal as _;
        let terminal = (!to_file && std::io::stdout().is_terminal()).then(console::Term::stdout);
        let wants_none = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = match self.color {
            Colour::Auto => terminal.is_some() && !wants_none,
            Colour::Always => true,
            Colour::Never => false,
        };
        let detail = match (self.quiet, self.verbose) {
            (true, _) => Detail::Quiet,
            (_, true) => Detail::Verbose,
            _ => Detail::Normal,
        };
        let width = terminal.map(|terminal| usize::from(terminal.size().1).min(WIDEST));
        Style { colour, width, detail }
    }
}

/// Lines longer than this are hard to read.
const WIDEST: usize = 200;

/// The version with what decides verdicts: the catalogue, and the commit where it is known.
static LONG_VERSION: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
    let commit = option_env!("CONFORMANCE_COMMIT").map_or_else(String::new, |commit| format!(", commit {commit}"));
    format!("{} (catalogue {}{commit})", env!("CARGO_PKG_VERSION"), judge::CATALOGUE_VERSION)
});

const AFTER: &str = "Exit codes: 0 conformant, 1 not conformant, 2 usage, 3 the suite or its services failed, \
4 nothing was judged, 130 interrupted.";

const SELF_TEST: &str = "Each fault is one modification of the exporter's work, made by the program faulty-exporter, which names the \
requirements that the fault must trip. A requirement is tripped if it fails under the profile strict and does not for the \
unmodified exporter in the same run. With the reference, a fault must trip exactly the named requirements; with any other \
exporter, those of them that it passes unmodified. A fault that has nothing to modify is not applied, and not counted as missed.\n\n\
Exit codes: 0 every fault that could be applied is caught, 1 one is missed (or, with the reference, also trips another requirement), \
2 usage, 3 the suite or its services failed, 4 no fault could be applied, 130 interrupted.";

const BASE_STATUS: &str = "An IMAGE is a reference in a registry, daemon:NAME, or layout:FOLDER, layout:FOLDER:NAME or \
layout:FOLDER@DIGEST. If an annotation is missing, the label io.buildpacks.lifecycle.metadata is used. Credentials are those of \
docker's config.json; registries on loopback are contacted without TLS.\n\n\
States: up-to-date; newer: the base's name refers to another image; base-gone: no image has the name; layers-differ: the \
image is not made on the layers of the base that it names; not-said: neither annotations nor labels name a base; unread.\n\n\
Exit codes: 0 every image is up to date, 1 one is not, 2 usage, 3 one could not be read, 4 nothing is said of a base.";

/// The arguments of `base-status`.
#[derive(Debug, Clone, Args)]
pub struct BaseStatusArguments {
    /// App images
    #[arg(required = true, value_name = "IMAGE")]
    pub images: Vec<String>,
    /// table or json
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = TableFormat::Table)]
    pub format: TableFormat,
    /// The platform of images behind an index (default: linux and this machine's architecture)
    #[arg(long, value_name = "OS/ARCHITECTURE")]
    pub platform: Option<String>,
    /// The daemon of `daemon:NAME` (default: `DOCKER_HOST`, else Docker's own socket)
    #[arg(long, value_name = "HOST")]
    pub daemon: Option<String>,
    /// A registry without TLS that is not on loopback; may be repeated
    #[arg(long, value_name = "HOST:PORT")]
    pub insecure_registry: Vec<String>,
    /// A PEM file of certificates to trust registries by, in addition to the machine's or those of `SSL_CERT_FILE`
    #[arg(long, value_name = "FILE")]
    pub registry_ca: Option<PathBuf>,
    /// Seconds that a registry or daemon may be silent
    #[arg(long, value_name = "SECONDS", default_value_t = SERVICE_LIMIT, value_parser = clap::value_parser!(u64).range(1..))]
    pub service_limit: u64,
}

/// How rows are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
}
const DEMO: &str = "Everything is made on this machine: the repository by git, the registry in this process. If a \
Docker daemon is available, the demo exports to it as well.\n\n\
Exit codes: 0 all is as the proposal wants it, 1 it is not, 2 usage, 3 a program or service failed, 130 interrupted.";

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run scenarios against an exporter and judge what it made
    Run(Box<RunArguments>),
    /// Generate builds from a seed, run them as scenarios, and shrink and keep those that fail
    Fuzz(Box<FuzzArguments>),
    /// Test the suite itself: run an exporter unmodified and with each injected fault, and print which requirements
    /// each fault violates
    #[command(after_help = SELF_TEST)]
    SelfTest(Box<SelfTestArguments>),
    /// Judge stored evidence again, without services and exporter
    Judge(JudgeArguments),
    /// Pack a folder of evidence into one file
    Bundle {
        /// The folder that run --evidence made
        folder: PathBuf,
        /// The file (default: the folder's name and .tar.zst)
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Print what changed between two runs; exit 1 only if something fails now that passed before
    Compare(Box<CompareArguments>),
    /// Merge the JSON reports of all shards of a run
    Merge(MergeArguments),
    /// Print a stored JSON report again, in any format and detail, without a run
    Show(ShowArguments),
    /// Update a file of known failures from a report
    #[command(subcommand)]
    Baseline(BaselineCommand),
    /// Write man pages: one for the program, one for each command
    Man {
        /// An existing folder
        folder: PathBuf,
    },
    /// Write a commented project file, conformance.toml, which run, compare and doctor read (conformance docs project)
    Init(InitArguments),
    /// Print a shell's completions
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Make one minimal export and explain what is missing or went wrong
    Doctor(Box<DoctorArguments>),
    /// Check whether newer base images exist for app images, using the annotations base.name and base.digest
    #[command(after_help = BASE_STATUS)]
    BaseStatus(BaseStatusArguments),
    /// Check an exporter description, a profile, a baseline or scenarios without running anything
    Check {
        /// An exporter description, profile or baseline, or a scenario's folder, or a folder of them
        path: PathBuf,
    },
    /// List requirements, scenarios, profiles, built-in exporter descriptions, coverage or promises
    List {
        /// What to list
        what: Listed,
        /// Output format
        #[arg(long, value_enum, default_value_t = ListFormat::Text)]
        format: ListFormat,
    },
    /// Print a page of the documentation, as Markdown: how an exporter is described, what a result means, CI and so on
    Docs {
        /// Name of the page; without it, all names are listed
        page: Option<String>,
    },
    /// Explain a requirement: what it asks, why, its source, what a violation looks like and how to fix it
    Explain {
        /// The requirement's slug, for example base.digest-is-run-image
        requirement: String,
    },
    /// Print what the RFC leaves open with what stored observations show, as Markdown
    Questions {
        /// Files that --report observations=FILE wrote
        #[arg(required = true)]
        observations: Vec<PathBuf>,
    },
    /// Show the whole way from a source folder to a verdict: git repository, project metadata, buildpacks, export,
    /// rebase
    #[command(after_help = DEMO)]
    Demo(DemoArguments),
    /// Measure the proposal's way, the review's and labels side by side (conformance docs alternatives)
    Alternatives(AlternativesArguments),
    /// Print what survives in which store, as reports have it, as Markdown
    Stores {
        /// Files that --report json=FILE wrote
        #[arg(required = true)]
        reports: Vec<PathBuf>,
    },
    /// Make static pages of any number of runs: overview, exporters, requirements, questions, stores, consumers, badges
    Site {
        /// JSON reports, folders of evidence or bundles; NAME=PATH gives an exporter another name
        #[arg(required = true, value_name = "REPORT")]
        reports: Vec<String>,
        /// A new or empty folder, or one that an earlier site is in
        #[arg(short, long, value_name = "DIR")]
        output: PathBuf,
        /// A report of self-test --report json=FILE; pages of requirements then list the faults that they catch
        #[arg(long, value_name = "FILE")]
        self_test: Option<PathBuf>,
    },
    /// Print the figures that documents quote, as JSON
    Figures {
        /// JSON reports, folders of evidence or bundles, where NAME=PATH gives an exporter another name; or one file of
        /// figures
        #[arg(required = true, value_name = "REPORT")]
        reports: Vec<String>,
        /// Print in how many cases these requirements hold, and nothing else (glob; may be repeated)
        #[arg(long, value_name = "GLOB")]
        requirement: Vec<String>,
        /// Print what is the same at two places, such as registry and 'daemon:containerd pushed'; may be repeated
        #[arg(long, num_args = 2, value_names = ["PLACE", "PLACE"])]
        between: Vec<String>,
    },
    /// Print the proposal and its review claim by claim with what was measured, as Markdown
    Proposal {
        /// A file that figures wrote
        figures: PathBuf,
    },
}

/// The programs of `demo` and `alternatives`.
#[derive(Debug, Clone, Args)]
pub struct ProgramArguments {
    /// The exporter, which is called as the rebaser too (default: the reference exporter next to this program)
    #[arg(long, value_name = "PATH")]
    pub exporter: Option<PathBuf>,
    /// The program that writes project-metadata.toml (default: project-metadata next to this program)
    #[arg(long, value_name = "PATH")]
    pub project_metadata: Option<PathBuf>,
    /// The utility buildpack's program (default: project-annotations next to this program)
    #[arg(long, value_name = "PATH")]
    pub project_annotations: Option<PathBuf>,
}

/// The arguments of `demo`.
#[derive(Debug, Clone, Args)]
pub struct DemoArguments {
    /// The programs.
    #[command(flatten)]
    pub programs: ProgramArguments,
    /// Keep everything in this new or empty folder (default: a new one among the temporary files, removed where the
    /// demo fails)
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// A Docker daemon's address; may be repeated (default: the usual one, where it is available)
    #[arg(long, value_name = "HOST")]
    pub daemon: Vec<String>,
}

/// The arguments of `alternatives`.
#[derive(Debug, Clone, Args)]
pub struct AlternativesArguments {
    /// The programs.
    #[command(flatten)]
    pub programs: ProgramArguments,
    /// markdown is the page, json the record that it is made of
    #[arg(long, value_enum, default_value_t = AlternativesFormat::Markdown)]
    pub format: AlternativesFormat,
    /// Measure nothing, and take this record
    #[arg(long, value_name = "FILE")]
    pub measured: Option<PathBuf>,
}

/// How alternatives are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AlternativesFormat {
    /// The page.
    Markdown,
    /// The record.
    Json,
}

/// Which project file is read.
#[derive(Debug, Clone, Default, Args)]
pub struct ProjectArguments {
    /// The project file (conformance docs project) in place of conformance.toml in the working folder
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Read no project file
    #[arg(long, conflicts_with = "config")]
    pub no_config: bool,
}

/// The project file that is read where it is in the working folder.
pub const PROJECT_FILE: &str = "conformance.toml";

/// The arguments of `init`.
#[derive(Debug, Clone, Args)]
pub struct InitArguments {
    /// The file
    #[arg(default_value = PROJECT_FILE)]
    pub file: PathBuf,
    /// The exporter to judge
    #[arg(long, value_name = "PATH")]
    pub exporter: Option<PathBuf>,
    /// How it is called: an exporter description, or the name of a built-in one
    #[arg(long, value_name = "FILE")]
    pub exporter_file: Option<PathBuf>,
    /// Overwrite an existing file
    #[arg(long)]
    pub force: bool,
}

/// What can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Listed {
    /// The catalogue.
    Requirements,
    /// Scenarios that are compiled in.
    Scenarios,
    /// Profiles.
    Profiles,
    /// Exporter descriptions that are compiled in.
    Exporters,
    /// Sentences of the specifications, and what judges them.
    Coverage,
    /// What an exporter promises, and which scenarios exercise it.
    Promises,
    /// Tools that read images, and which keys they take from where.
    Consumers,
}

/// How a list is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// Plain text.
    Text,
    /// An array of objects, each with `id`.
    Json,
    /// A document.
    Markdown,
}
