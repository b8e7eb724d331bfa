//! Scenarios × services × requirements: runs every export, has the evidence judged, and makes the report. Scenarios
//! run side by side, the exports of one scenario one after another.

mod conditions;
mod context;
pub mod control;
mod error;
mod export;
mod failover;
mod hung;
mod inputs;
mod invoke;
mod listed;
mod options;
mod ready;
mod rebase;
mod run_image;
mod scenario;
mod services;
mod steps;
mod store;
mod workspace;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use judge::Selection;
use judge::evidence::ScenarioEvidence;
use judge::verdict::{Answer, Verdict};
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use crate::error::chain;
use crate::exporter::process::Supervisor;
use crate::limits::Patience;
use crate::record::{self, ExporterFacts, PathFacts, RunRecord, Tool};
use crate::report::Report;
use crate::scenario::Scenario;
use context::{RunContext, removed, start, unless_interrupted};
use hung::Hung;

pub use conditions::{conditions, selection};
pub use options::{Event, Options, Remedy, RunError, TIMEOUT};
pub use workspace::WorkspaceError;

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
    let (workspace, evidence, services) = unless_interrupted(&cancelled, started_up).await?;
    let removed = removed(&workspace, &services);
    if !removed.is_empty() {
        let _ = events.send(Event::Removed { what: removed });
    }
    let (failed, token) = (OnceLock::new(), cancelled.clone());
    let shared = RunContext {
        options,
        services,
        workspace,
        evidence,
        supervisor,
        cancelled: token,
        patience,
        hung: Hung::default(),
        failed,
        events,
    };
    let shared = Arc::new(shared);
    shared.evidence.write_run(&facts(&shared, &[], &BTreeMap::new(), &started))?;
    let (found, took) = Box::pin(all_scenarios(&shared)).await;
    let mut facts = facts(&shared, &found, &took, &started);
    let judgement = judge::judge(&found, &facts.selection(&shared.options.profile));
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
        report.troubles.push(format!("the evidence is not complete: failed to {}", chain(&error)));
        if !facts.interrupted {
            report.exit_code = crate::exit::Exit::SuiteFailed;
        }
    }
    report.evidence = kept.map(|folder| folder.display().to_string());
    Ok((report, found))
}

/// What every scenario left, and the milliseconds that each took which was run to its end.
async fn all_scenarios(shared: &Arc<RunContext>) -> (Vec<ScenarioEvidence>, BTreeMap<String, u64>) {
    let jobs = if shared.workspace.sequential().is_some() { 1 } else { shared.options.jobs };
    let steps: usize = shared.options.scenarios.iter().map(|s| scenario::planned(shared, s)).sum();
    let _ = shared.events.send(Event::Started { exports: steps });
    let all = 0..shared.options.scenarios.len();
    // One that waits for a registry that cannot be reached takes no processor from the others.
    let waits = |number: &usize| jobs > 1 && shared.options.scenarios[*number].waits();
    let (waiting, mut working): (Vec<usize>, Vec<usize>) = all.partition(waits);
    // The longest begin first: one that began last would run alone at the end. The first failure is the first by name.
    if !shared.options.narrowed.fail_fast {
        working.sort_by_key(|number| Reverse(scenario::planned(shared, &shared.options.scenarios[*number])));
    }
    let side = waiting.len().max(1);
    let (mut found, aside) = futures_util::join!(several(shared, working, jobs), several(shared, waiting, side));
    found.extend(aside);
    found.sort_by(|(a, _), (b, _)| a.scenario.cmp(&b.scenario));
    let took = found.iter().filter_map(|(scenario, took)| Some((scenario.scenario.clone(), (*took)?))).collect();
    (found.into_iter().map(|(scenario, _)| scenario).collect(), took)
}

/// Runs those with these numbers, each on a thread of its own: making inputs and reading images takes as much processor
/// time as the exporter does.
async fn several(shared: &Arc<RunContext>, numbers: Vec<usize>, jobs: usize) -> Vec<(ScenarioEvidence, Option<u64>)> {
    let runtime = tokio::runtime::Handle::current();
    let runs = futures_util::stream::iter(numbers).map(|number| {
        let (shared, runtime) = (Arc::clone(shared), runtime.clone());
        tokio::task::spawn_blocking(move || {
            let scenario = &shared.options.scenarios[number];
            let planned = scenario::planned(&shared, scenario);
            let found = runtime.block_on(Box::pin(one(&shared, scenario)));
            let _ = shared.events.send(Event::Ended { scenario: scenario.name.clone(), planned });
            found
        })
    });
    let ended: Vec<_> = runs.buffer_unordered(jobs).collect().await;
    // Nothing ends such a thread early, so an error is a panic in it, and this run's.
    ended.into_iter().map(|ended| ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))).collect()
}

/// One scenario; under `--fail-fast` none begins after the first one that fails.
async fn one(shared: &RunContext, scenario: &Scenario) -> (ScenarioEvidence, Option<u64>) {
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

/// The run as far as it is known.
fn facts(shared: &RunContext, found: &[ScenarioEvidence], took: &BTreeMap<String, u64>, started: &str) -> RunRecord {
    let options = &shared.options;
    let Selection { exporter_argument, scenario_folders, conditions, phase, .. } = selection(options);
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
    RunRecord {
        version: judge::evidence::EVIDENCE_VERSION,
        complete: false,
        tool: Tool::this(),
        exporter: ExporterFacts {
            name: options.exporter.name.clone(),
            path: options.exporter.program.path.display().to_string(),
            sha256: options.exporter.sha256.clone(),
        },
        exporter_argument,
        platform_api: options.platform_api.clone(),
        profile: options.profile.argument().to_owned(),
        targets: options.targets.clone(),
        require: options.require.clone(),
        narrowed: options.narrowed.clone(),
        scenario_folders,
        conditions,
        phase,
        names: Some(shared.services.names.seed().to_owned()),
        started: started.to_owned(),
        seconds: 0.0,
        paths: PathFacts {
            build: shared.workspace.exporter_path().display().to_string(),
            isolated: shared.workspace.sequential().is_none(),
            reason: shared.workspace.sequential().map(str::to_owned),
            exposed: shared.workspace.exposed().map(str::to_owned),
        },
        services,
        scenarios: record::scenarios(found, took),
        left_behind: Vec::new(),
        interrupted: false,
    }
}
