//! Scenarios × services × requirements: runs every export, has the evidence judged, and makes the report. Scenarios
//! run beside each other, the exports of one scenario one after another.

mod bounded;
mod call;
mod conditions;
mod containers;
pub mod control;
mod daemon_case;
mod export;
mod facts;
mod inputs;
mod layout_case;
mod listed;
mod located;
mod patterns;
mod places;
mod private_daemon;
mod ready;
mod rebase;
mod registry_case;
mod replaced;
mod scenario;
mod services;
mod shard;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use jiff::civil::Date;
use judge::Selection;
use judge::evidence::{Phase, ScenarioEvidence, Target};
use judge::profile::Profile;
use judge::verdict::{Answer, Verdict};
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use crate::baseline::Baseline;
use crate::evidence_folder::{EvidenceError, EvidenceFolder};
use crate::exporter::Exporter;
use crate::exporter::process::Supervisor;
use crate::limits::{Patience, STARTING_AFTER_SIGNAL};
use crate::observe::{BlobStore, Trust};
use crate::report::{ExporterFacts, PathFacts, Report, Tool};
use crate::rig::registry::{RegistryChoice, RegistryError};
use crate::scenario::{Origin, Scenario};
use crate::workplace::{Workplace, WorkplaceError};
use services::Services;

pub use conditions::{TIMEOUT, conditions};
pub(crate) use facts::exit;
pub use facts::{Case, Narrowed, RunFacts, ScenarioFacts, is_service, unobserved};
pub use patterns::Patterns;
pub use shard::Shard;

/// Everything that a run needs to be told.
#[derive(Clone)]
pub struct Options {
    /// What is judged.
    pub exporter: Exporter,
    /// The profile that decides the exit code.
    pub profile: Profile,
    /// What is run.
    pub scenarios: Vec<Scenario>,
    /// What narrows the run further.
    pub narrowed: Narrowed,
    /// Targets to export to.
    pub targets: Vec<Target>,
    /// Which registry.
    pub registry: RegistryChoice,
    /// Daemons' addresses; empty means the default one.
    pub daemons: Vec<String>,
    /// Whether a daemon that the suite did not start may be told to push.
    pub allow_push: bool,
    /// Services that must be observed.
    pub require: Vec<String>,
    /// What `CNB_PLATFORM_API` is.
    pub platform_api: String,
    /// Known failures, which do not end a run under `--fail-fast`, and the day by which their dates are taken.
    pub known: Option<(Baseline, Date)>,
    /// Where the evidence is kept.
    pub evidence: Option<PathBuf>,
    /// Where inputs are kept.
    pub keep: Option<PathBuf>,
    /// Scenarios at a time.
    pub jobs: usize,
    /// Seconds after which an exporter is ended.
    pub timeout: u64,
    /// Seconds that a service may be silent.
    pub service_limit: u64,
    /// Whose certificates a registry may have.
    pub trust: Trust,
    /// What names of repositories are drawn by; none means other ones in every run.
    pub names: Option<String>,
    /// The only phase of the lifecycle that is judged; none means all that are described.
    pub phase: Option<Phase>,
}

/// Why a run could not be made at all.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is no place to build at.
    #[error(transparent)]
    Workplace(#[from] WorkplaceError),
    /// Evidence cannot be kept.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// There is no registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The exporter never starts.
    #[error("start the exporter {program}: {reason}")]
    NotStarted {
        /// The program.
        program: String,
        /// Why, and what to do.
        reason: String,
    },
    /// The control export showed that nothing can be judged.
    #[error("judge {exporter}: {reason}")]
    NotJudged {
        /// Its name.
        exporter: String,
        /// Why, and what to do.
        reason: String,
        /// What lets it be judged, where that was found.
        remedy: Option<control::Remedy>,
    },
    /// A service could not be prepared.
    #[error("prepare {service}: {reason}")]
    Service {
        /// Its name.
        service: String,
        /// What happened and what to do.
        reason: String,
    },
    /// A signal came before anything was run.
    #[error("start: interrupted while the services were started; nothing was judged")]
    Interrupted,
}

/// What happens during a run, for those who show progress.
#[derive(Debug, Clone)]
pub enum Event {
    /// The services are there; so many exports will be made.
    Started {
        /// Exports to be made.
        exports: usize,
    },
    /// An export begins.
    Exporting {
        /// Its id.
        id: String,
        /// Seconds after which the exporter is ended.
        limit: u64,
    },
    /// An export and its observation are done.
    Exported {
        /// Its id.
        id: String,
    },
    /// A scenario is over, or was left out.
    Ended {
        /// Its name.
        scenario: String,
        /// The exports of it among those that were to be made.
        planned: usize,
    },
}

/// What the parts of a run share.
struct Shared {
    options: Options,
    services: Services,
    workplace: Workplace,
    evidence: EvidenceFolder,
    supervisor: Supervisor,
    cancelled: CancellationToken,
    patience: Patience,
    /// The scenario that ended the run, where the first failure is to end it.
    failed: OnceLock<String>,
    events: UnboundedSender<Event>,
}

/// Runs and judges. An interruption ends it early: what was seen until then is in the report, whose exit code is 130.
///
/// # Errors
/// [`RunError`] when nothing could be run.
pub async fn run(
    options: Options,
    supervisor: Supervisor,
    cancelled: CancellationToken,
    events: UnboundedSender<Event>,
) -> Result<Report, RunError> {
    Box::pin(observed(options, supervisor, cancelled, events)).await.map(|(report, _)| report)
}

/// Runs and judges, and gives the evidence too.
///
/// # Errors
/// [`RunError`] when nothing could be run.
pub async fn observed(
    options: Options,
    supervisor: Supervisor,
    cancelled: CancellationToken,
    events: UnboundedSender<Event>,
) -> Result<(Report, Vec<ScenarioEvidence>), RunError> {
    let begun = Instant::now();
    let started = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let patience = Patience::new(Duration::from_secs(options.service_limit), cancelled.clone());
    let started_up = Box::pin(start(&options, &supervisor, &patience));
    let (workplace, evidence, services) = unless_interrupted(&cancelled, started_up).await?;
    let (failed, token) = (OnceLock::new(), cancelled.clone());
    let shared =
        Shared { options, services, workplace, evidence, supervisor, cancelled: token, patience, failed, events };
    let shared = Arc::new(shared);
    shared.evidence.write_run(&facts(&shared, &[], &BTreeMap::new(), &started))?;
    let (found, took) = Box::pin(all_scenarios(&shared)).await;
    let judgement = judge::judge(&found, &selection(&shared.options));
    let mut facts = facts(&shared, &found, &took, &started);
    facts.complete = true;
    facts.interrupted = cancelled.is_cancelled();
    let (mut left_behind, mut evidence) = (Vec::new(), None);
    let (profile, kept) = (shared.options.profile.clone(), shared.options.evidence.clone());
    if let Some(shared) = Arc::into_inner(shared) {
        left_behind = shared.services.stop().await;
        evidence = Some(shared.evidence);
    }
    facts.left_behind = left_behind;
    facts.seconds = begun.elapsed().as_secs_f64();
    // What was seen is told, also where a disk had no room for all of it.
    let unkept = evidence.filter(|_| kept.is_some()).and_then(|evidence| evidence.complete(&facts).err());
    let mut report = facts.report(judgement, judge::difference::all(&found), &profile);
    if let Some(error) = unkept {
        report.troubles.push(format!("the evidence is not complete: failed to {error}"));
        if !facts.interrupted {
            report.exit_code = crate::exit::Exit::SuiteFailed.code();
        }
    }
    report.evidence = kept.map(|folder| folder.display().to_string());
    Ok((report, found))
}

/// Opens what a run needs.
async fn start(
    options: &Options,
    supervisor: &Supervisor,
    patience: &Patience,
) -> Result<(Workplace, EvidenceFolder, Services), RunError> {
    let kept = [&options.evidence, &options.keep].into_iter().flatten().cloned().collect();
    let workplace = Workplace::open(supervisor, kept).await?;
    let folder = options.evidence.clone().unwrap_or_else(|| workplace.scratch().join("evidence"));
    let evidence = EvidenceFolder::create(&folder)?;
    let blobs = BlobStore::open(evidence.root())
        .map_err(|error| RunError::Service { service: "evidence".to_owned(), reason: error.to_string() })?;
    let services = Services::start(options, blobs, patience).await?;
    Ok((workplace, evidence, services))
}

/// Waits for what is started; after a signal only for a moment, in which what is half started is better finished.
async fn unless_interrupted<T>(
    cancelled: &CancellationToken,
    work: impl Future<Output = Result<T, RunError>>,
) -> Result<T, RunError> {
    let enough = async {
        cancelled.cancelled().await;
        tokio::time::sleep(STARTING_AFTER_SIGNAL).await;
    };
    tokio::select! {
        biased;
        done = work => done,
        () = enough => Err(RunError::Interrupted),
    }
}

/// What every scenario left, and the milliseconds that each took which was run to its end.
async fn all_scenarios(shared: &Arc<Shared>) -> (Vec<ScenarioEvidence>, BTreeMap<String, u64>) {
    let jobs = if shared.workplace.sequential().is_some() { 1 } else { shared.options.jobs };
    let steps: usize = shared.options.scenarios.iter().map(|s| scenario::planned(shared, s)).sum();
    let _ = shared.events.send(Event::Started { exports: steps });
    let all = &shared.options.scenarios;
    // One that waits for a registry that cannot be reached takes no processor from the others.
    let waits = |scenario: &&Scenario| jobs > 1 && scenario.waits();
    let (waiting, working): (Vec<&Scenario>, Vec<&Scenario>) = all.iter().partition(waits);
    let side = waiting.len().max(1);
    let (mut found, aside) = futures_util::join!(several(shared, working, jobs), several(shared, waiting, side));
    found.extend(aside);
    found.sort_by(|(a, _), (b, _)| a.scenario.cmp(&b.scenario));
    let took = found.iter().filter_map(|(scenario, took)| Some((scenario.scenario.clone(), (*took)?))).collect();
    (found.into_iter().map(|(scenario, _)| scenario).collect(), took)
}

async fn several(shared: &Shared, scenarios: Vec<&Scenario>, jobs: usize) -> Vec<(ScenarioEvidence, Option<u64>)> {
    let runs = futures_util::stream::iter(scenarios).map(async |scenario| {
        let planned = scenario::planned(shared, scenario);
        let found = one(shared, scenario).await;
        let _ = shared.events.send(Event::Ended { scenario: scenario.name.clone(), planned });
        found
    });
    runs.buffer_unordered(jobs).collect().await
}

/// One scenario; under `--fail-fast` none begins after the first one that fails.
async fn one(shared: &Shared, scenario: &Scenario) -> (ScenarioEvidence, Option<u64>) {
    if let Some(failed) = shared.failed.get() {
        return (scenario::not_begun(shared, scenario, &format!("--fail-fast: {failed} failed before it began")), None);
    }
    let begun = Instant::now();
    let found = scenario::run(shared, scenario).await;
    let took = u64::try_from(begun.elapsed().as_millis()).ok().filter(|_| !shared.cancelled.is_cancelled());
    if shared.options.narrowed.fail_fast {
        let judgement = judge::judge(std::slice::from_ref(&found), &selection(&shared.options));
        if judgement.verdicts.iter().any(|verdict| ends(&shared.options, verdict)) {
            let _ = shared.failed.set(scenario.name.clone());
        }
    }
    (found, took)
}

/// Whether a verdict ends a run under `--fail-fast`: a failure that was asked for and is not known.
fn ends(options: &Options, verdict: &Verdict) -> bool {
    let known = options.known.as_ref().is_some_and(|(known, today)| known.knows(verdict, *today));
    verdict.verdict == Answer::Fail && options.narrowed.asks(verdict) && !known
}

/// A scenario that is not compiled in, and where it is.
fn folder(scenario: &Scenario) -> Option<(String, String)> {
    match &scenario.origin {
        Origin::BuiltIn => None,
        Origin::Folder(path) => Some((scenario.name.clone(), path.display().to_string())),
    }
}

/// What is judged of a run, and what its repeat commands carry.
#[must_use]
pub fn selection(options: &Options) -> Selection {
    Selection {
        profile: options.profile.clone(),
        requirements: options.narrowed.requirements.set().cloned(),
        exporter_argument: options.exporter.argument.clone(),
        scenario_folders: options.scenarios.iter().filter_map(folder).collect(),
        conditions: conditions(options),
        phase: options.phase,
    }
}

/// The run as far as it is known.
fn facts(shared: &Shared, found: &[ScenarioEvidence], took: &BTreeMap<String, u64>, started: &str) -> RunFacts {
    let options = &shared.options;
    let mut services = shared.services.facts();
    for service in &mut services {
        let place = shared.services.host_of(&service.name);
        let is_in = |text: &str| place.is_some_and(|host| text.starts_with(&format!("{host}/")));
        let all = found.iter().flat_map(|scenario| scenario.exports.iter().chain(&scenario.rebases));
        service.observed = all.into_iter().any(|export| {
            let run_image = [&export.run_image.name, &export.run_image.reference];
            export.service == service.name || export.inputs.images.iter().chain(run_image).any(|text| is_in(text))
        });
    }
    RunFacts {
        version: judge::evidence::EVIDENCE_VERSION,
        complete: false,
        tool: Tool::this(),
        exporter: ExporterFacts {
            name: options.exporter.name.clone(),
            path: options.exporter.program.display().to_string(),
            sha256: options.exporter.sha256.clone(),
        },
        exporter_argument: options.exporter.argument.clone(),
        platform_api: options.platform_api.clone(),
        profile: options.profile.argument().to_owned(),
        targets: options.targets.clone(),
        require: options.require.clone(),
        narrowed: options.narrowed.clone(),
        scenario_folders: options.scenarios.iter().filter_map(folder).collect(),
        conditions: conditions(options),
        phase: options.phase,
        names: Some(shared.services.names.seed().to_owned()),
        started: started.to_owned(),
        seconds: 0.0,
        paths: PathFacts {
            build: shared.workplace.seen().display().to_string(),
            isolated: shared.workplace.sequential().is_none(),
            reason: shared.workplace.sequential().map(str::to_owned),
            exposed: shared.workplace.exposed().map(str::to_owned),
        },
        services,
        scenarios: facts::scenarios(found, took),
        left_behind: Vec::new(),
        interrupted: false,
    }
}
