//! The suite judged by itself: every fault of the faulty exporter is run end to end, and what it trips is compared with
//! what it must trip. Verdicts are relative to those of the same exporter unspoiled in the same run, so that any
//! exporter can be spoiled. `docs/trust.md` is for users.

mod case;
mod faults;
pub mod markdown;
mod marks;
mod matrix;
pub mod report;
pub mod text;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Instant;

use judge::evidence::Target;
use judge::profile::Profile;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use crate::error::Cause;
use crate::exit::Exit;
use crate::exporter::process::Supervisor;
use crate::exporter::{DescriptionError, Exporter, Program, Rebaser, Role};
use crate::globs::{self, Patterns};
use crate::run::{self, Event, Options, RunError};
use crate::scenario::{self, ScenarioError};
use case::Case;
use marks::Marks;
use report::{Asked, Report};

/// The faulty exporter's file name.
const FAULTY: &str = "faulty-exporter";
/// The argument by which it takes the fault from [`VARIABLE`].
const OF_VARIABLE: &str = "--of-variable";
/// The variable that names a fault.
const VARIABLE: &str = "FAULTY_EXPORTER";
/// Seconds within which an exporter has to give up a registry here, so that one that does not is soon seen.
const UNREACHABLE_LIMIT: u64 = 3;

/// Everything that a self-test needs to be told.
pub struct SelfTestOptions {
    /// The faulty exporter; without one, that next to this program.
    pub faulty: Option<PathBuf>,
    /// Faults to run; none means all.
    pub faults: Patterns,
    /// Whether a fault may trip nothing but what it must: where it is known what the exporter does.
    pub exact: bool,
    /// Exporter, targets, services; scenarios, requirements and profile are not looked at.
    pub options: Options,
}

/// Why a self-test could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SelfTestError {
    /// There is no faulty exporter.
    #[error(transparent)]
    Faulty(#[from] DescriptionError),
    /// It does not list its faults.
    #[error("list the faults of {}", path.display())]
    List {
        /// The program.
        path: PathBuf,
        /// What it said.
        source: Cause,
    },
    /// What it tells could not be asked for.
    #[error("make a temporary folder for what the faulty exporter tells (TMPDIR says where)")]
    Marks {
        /// The system's reason.
        source: std::io::Error,
    },
    /// No fault is selected.
    #[error("select faults: nothing matches --fault {pattern}{}; {} --list shows them", meant(near.as_ref()), path.display())]
    NoFault {
        /// What was asked for.
        pattern: String,
        /// What was meant, most likely.
        near: Option<String>,
        /// The program.
        path: PathBuf,
    },
    /// A fault names a scenario or requirement that there is not.
    #[error("use the fault {fault}: there is no {what}")]
    Unknown {
        /// The fault.
        fault: String,
        /// What it names.
        what: String,
    },
    /// A built-in scenario is malformed.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// Nothing could be run.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// Runs the exporter unspoiled and with every fault, and compares. All of it is one run, so services start once.
///
/// # Errors
/// [`SelfTestError`], never for what the exporter did.
pub async fn self_test(
    settings: SelfTestOptions,
    supervisor: Supervisor,
    cancelled: CancellationToken,
    events: UnboundedSender<Event>,
) -> Result<Report, SelfTestError> {
    let begun = Instant::now();
    let program = program(settings.faulty.as_deref())?;
    let mut faults = faults::list(&program)?;
    let names: Vec<&str> = faults.iter().map(|fault| fault.name.as_str()).collect();
    if let Some(pattern) = settings.faults.idle(&names) {
        let near = globs::nearest(pattern, &names).map(str::to_owned);
        return Err(SelfTestError::NoFault { pattern: pattern.to_owned(), near, path: program });
    }
    faults.retain(|fault| settings.faults.matches(&fault.name));
    let built_in = scenario::built_in()?;
    let mut cases = case::cases(&faults, &settings.options.targets, &built_in)?;
    let marks = Marks::asked_for(&mut cases).map_err(|source| SelfTestError::Marks { source })?;
    let all = settings.faults.set().is_none() && Target::ALL.iter().all(|one| settings.options.targets.contains(one));
    let exporter = spoiled(&settings.options.exporter, &program);
    let name = exporter.name.clone();
    let mut targets = settings.options.targets;
    // What stands next to for comparison is needed, whether it is spoiled itself or not.
    if cases.iter().any(|case| case.beside) && !targets.contains(&Target::Registry) {
        targets.insert(0, Target::Registry);
    }
    let options = Options {
        targets,
        exporter,
        profile: Profile::Strict,
        scenarios: cases.iter().map(|case| case.scenario.clone()).collect(),
        ..settings.options
    };
    let (judged, evidence) = Box::pin(run::observed(options, supervisor, cancelled.clone(), events)).await?;
    let seen = marks::KnownExports { marks: Some(&marks), evidence: &evidence };
    let rows = matrix::rows(&faults, &cases, &seen, &judged.verdicts, &judged.services, settings.exact);
    let mut report = Report::new(&Asked { exporter: &name, exact: settings.exact, all, faults: &faults }, rows, judged);
    report.seconds = begun.elapsed().as_secs_f64();
    report.conclude(if cancelled.is_cancelled() { Exit::Interrupted } else { Exit::Conformant });
    Ok(report)
}

/// What is added to a name that was not found.
fn meant(near: Option<&String>) -> String {
    near.map_or_else(String::new, |near| format!(" (did you mean {near}?)"))
}

/// The faulty exporter: the given one, else that next to this program.
///
/// # Errors
/// [`SelfTestError::Faulty`] when it is not there.
pub fn program(given: Option<&Path>) -> Result<PathBuf, SelfTestError> {
    let beside = || std::env::current_exe().unwrap_or_default().with_file_name(FAULTY);
    let path = given.map_or_else(beside, Path::to_path_buf);
    Ok(Role::FAULTY.at(&path)?)
}

/// The exporter, and its rebaser, with the faulty one before them.
fn spoiled(exporter: &Exporter, faulty: &Path) -> Exporter {
    let behind = |program: &Program| program.behind(faulty, OF_VARIABLE);
    let rebaser = exporter.rebaser.as_ref();
    Exporter {
        program: behind(&exporter.program),
        unreachable_limit: UNREACHABLE_LIMIT,
        rebaser: rebaser.map(|rebaser| Rebaser { program: behind(&rebaser.program), ..rebaser.clone() }),
        ..exporter.clone()
    }
}

/// The cases of a run, by what they are of.
fn of_fault<'a>(cases: &'a [Case], fault: &str, target: Target) -> Vec<&'a Case> {
    cases.iter().filter(|case| case.fault.as_deref() == Some(fault) && case.target == target).collect()
}
