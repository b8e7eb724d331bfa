//! Scenarios × services × requirements: runs every export, has the evidence judged, and makes the report. Scenarios
//! run beside each other, the exports of one scenario one after another.

mod call;
mod daemon_case;
mod export;
mod inputs;
mod layout_case;
mod located;
mod places;
mod registry_case;
mod scenario;
mod services;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use futures_util::StreamExt;
use globset::GlobSet;
use judge::evidence::{ScenarioEvidence, Target};
use judge::profile::Profile;
use judge::{Judgement, Selection};
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use crate::evidence_folder::{EvidenceError, EvidenceFolder};
use crate::exit::Exit;
use crate::exporter::Exporter;
use crate::exporter::process::Supervisor;
use crate::observe::BlobStore;
use crate::report::{ExporterFacts, PathFacts, Report, SCHEMA_VERSION, Tool, Totals, headline};
use crate::rig::registry::{RegistryChoice, RegistryError};
use crate::scenario::{Origin, Place, Scenario};
use crate::workplace::{Workplace, WorkplaceError};
use services::Services;

/// Everything that a run needs to be told.
#[derive(Clone)]
pub struct Options {
    /// What is judged.
    pub exporter: Exporter,
    /// The profile that decides the exit code.
    pub profile: Profile,
    /// What is run.
    pub scenarios: Vec<Scenario>,
    /// Slugs to judge; none means all.
    pub requirements: Option<GlobSet>,
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
    /// Where the evidence is kept.
    pub evidence: Option<PathBuf>,
    /// Where inputs are kept.
    pub keep: Option<PathBuf>,
    /// Scenarios at a time.
    pub jobs: usize,
    /// Seconds after which an exporter is ended.
    pub timeout: u64,
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
    /// A service could not be prepared.
    #[error("prepare {service}: {reason}")]
    Service {
        /// Its name.
        service: String,
        /// What happened and what to do.
        reason: String,
    },
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
    },
    /// An export and its observation are done.
    Exported {
        /// Its id.
        id: String,
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
    let begun = Instant::now();
    let started = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let workplace = Workplace::open(&supervisor).await?;
    let folder = options.evidence.clone().unwrap_or_else(|| workplace.scratch().join("evidence"));
    let evidence = EvidenceFolder::create(&folder)?;
    let blobs = BlobStore::open(evidence.root())
        .map_err(|error| RunError::Service { service: "evidence".to_owned(), reason: error.to_string() })?;
    let services = Services::start(&options, blobs).await?;
    let shared =
        Arc::new(Shared { options, services, workplace, evidence, supervisor, cancelled: cancelled.clone(), events });
    let found = Box::pin(all_scenarios(&shared)).await;
    let judgement = judge::judge(&found, &selection(&shared.options));
    let mut report = assemble(&shared, &found, judgement, started);
    if let Some(shared) = Arc::into_inner(shared) {
        report.left_behind = shared.services.stop().await;
    }
    report.seconds = begun.elapsed().as_secs_f64();
    if cancelled.is_cancelled() {
        report.troubles.push("the run was interrupted; the report covers what was seen until then".to_owned());
        report.exit_code = Exit::Interrupted.code();
    }
    Ok(report)
}

async fn all_scenarios(shared: &Arc<Shared>) -> Vec<ScenarioEvidence> {
    let jobs = if shared.workplace.sequential().is_some() { 1 } else { shared.options.jobs };
    let steps: usize = shared.options.scenarios.iter().map(|s| scenario::planned(shared, s)).sum();
    let _ = shared.events.send(Event::Started { exports: steps });
    let all = &shared.options.scenarios;
    // One that waits for a registry that never answers takes no processor from the others.
    let waits = |scenario: &&Scenario| jobs > 1 && scenario.places().contains(&Place::Silent);
    let (waiting, working): (Vec<&Scenario>, Vec<&Scenario>) = all.iter().partition(waits);
    let side = waiting.len().max(1);
    let (mut found, aside) = futures_util::join!(several(shared, working, jobs), several(shared, waiting, side));
    found.extend(aside);
    found.sort_by(|a, b| a.scenario.cmp(&b.scenario));
    found
}

async fn several(shared: &Shared, scenarios: Vec<&Scenario>, jobs: usize) -> Vec<ScenarioEvidence> {
    let runs = futures_util::stream::iter(scenarios).map(|scenario| scenario::run(shared, scenario));
    runs.buffer_unordered(jobs).collect().await
}

/// A scenario that is not compiled in, and where it is.
fn folder(scenario: &Scenario) -> Option<(String, String)> {
    match &scenario.origin {
        Origin::BuiltIn => None,
        Origin::Folder(path) => Some((scenario.name.clone(), path.display().to_string())),
    }
}

fn selection(options: &Options) -> Selection {
    Selection {
        profile: options.profile.clone(),
        requirements: options.requirements.clone(),
        exporter_argument: options.exporter.argument.clone(),
        scenario_folders: options.scenarios.iter().filter_map(folder).collect(),
    }
}

fn assemble(shared: &Shared, found: &[ScenarioEvidence], judgement: Judgement, started: String) -> Report {
    let options = &shared.options;
    let mut services = shared.services.facts();
    for service in &mut services {
        let place = shared.services.host_of(&service.name);
        let is_in = |text: &str| place.is_some_and(|host| text.starts_with(&format!("{host}/")));
        service.observed = found.iter().flat_map(|scenario| &scenario.exports).any(|export| {
            let run_image = [&export.run_image.name, &export.run_image.reference];
            export.service == service.name || export.inputs.images.iter().chain(run_image).any(|text| is_in(text))
        });
    }
    let totals = Totals::of(&judgement.verdicts);
    let mut troubles = Vec::new();
    for wanted in &options.require {
        let is_it =
            |name: &str| name == wanted || name.strip_prefix(wanted.as_str()).is_some_and(|r| r.starts_with(':'));
        if !services.iter().any(|service| service.observed && is_it(&service.name)) {
            troubles.push(format!("--require {wanted}: it was not observed"));
        }
    }
    let exit = exit(totals, &troubles);
    Report {
        schema: SCHEMA_VERSION,
        tool: Tool {
            name: "conformance".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            catalogue: judge::CATALOGUE_VERSION.to_owned(),
        },
        exporter: ExporterFacts {
            name: options.exporter.name.clone(),
            path: options.exporter.program.display().to_string(),
            sha256: options.exporter.sha256.clone(),
        },
        platform_api: options.platform_api.clone(),
        profile: options.profile.name().to_owned(),
        started,
        seconds: 0.0,
        paths: PathFacts {
            build: shared.workplace.seen().display().to_string(),
            isolated: shared.workplace.sequential().is_none(),
            reason: shared.workplace.sequential().map(str::to_owned),
        },
        scenarios: found.iter().map(|scenario| scenario.scenario.clone()).collect(),
        exports: found.iter().map(|scenario| scenario.exports.len()).sum(),
        headlines: headline::headlines(&judgement.verdicts, &options.targets, &options.profile),
        services,
        totals,
        verdicts: judgement.verdicts,
        observations: judgement.observations,
        differences: judge::difference::all(found),
        left_behind: Vec::new(),
        evidence: options.evidence.as_ref().map(|folder| folder.display().to_string()),
        troubles,
        exit_code: exit.code(),
    }
}

fn exit(totals: Totals, troubles: &[String]) -> Exit {
    let when = |condition: bool, exit: Exit| if condition { exit } else { Exit::Conformant };
    when(totals.fail > 0, Exit::NotConformant)
        .or(when(totals.error > 0 || !troubles.is_empty(), Exit::SuiteFailed))
        .or(when(totals.judged() == 0, Exit::NothingJudged))
}
