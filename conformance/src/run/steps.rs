//! The steps of one scenario on one service.

use judge::evidence::{NotRun, NotRunCause, Phase, ScenarioEvidence, Target};

use super::context::RunContext;
use super::error::ExportError;
use super::options::Event;
use super::services::daemon::DaemonService;
use super::store::bounded::Bounded;
use super::store::daemon::DaemonStore;
use super::store::{StepContext, Store};
use super::{export, invoke, rebase};
use crate::error::chain;
use crate::scenario::Scenario;

/// Why a scenario is not attempted on a target.
pub(super) struct Obstacle {
    pub(super) reason: String,
    pub(super) cause: NotRunCause,
}

impl Obstacle {
    /// Something that it needs is not here.
    pub(super) fn not_here(reason: String) -> Self {
        Self { reason, cause: NotRunCause::NotHere }
    }
}

impl From<&ExportError> for Obstacle {
    /// What is skipped is not here; all else is the harness's failure.
    fn from(error: &ExportError) -> Self {
        let cause = match error {
            ExportError::Skipped(_) => NotRunCause::NotHere,
            _ => NotRunCause::HarnessFailed,
        };
        Self { reason: chain(error), cause }
    }
}

/// What was not attempted, for each phase that the scenario has. Exports of a scenario whose rebaser is not described
/// are left out with it, and no verdict is asked of them.
pub(super) fn not_attempted(scenario: &Scenario, target: Target, service: &str, obstacle: &Obstacle) -> Vec<NotRun> {
    let exports = scenario.file.exports() && obstacle.cause != NotRunCause::NotDescribed;
    let phases = [(Phase::Exporter, exports), (Phase::Rebaser, scenario.file.rebases())];
    let missing = phases.into_iter().filter(|(_, has)| *has).map(|(phase, _)| NotRun {
        target,
        service: service.to_owned(),
        reason: obstacle.reason.clone(),
        cause: obstacle.cause,
        phase,
    });
    missing.collect()
}

/// The steps of which exports on a service say that they are left out.
fn left_out(evidence: &ScenarioEvidence, service: &str) -> Vec<usize> {
    let own = evidence.exports.iter().filter(|export| export.service == service);
    own.flat_map(|export| &export.left_out).map(|left_out| left_out.step).collect()
}

/// Runs it on one daemon.
pub(super) async fn on_daemon(
    shared: &RunContext,
    scenario: &Scenario,
    service: &DaemonService,
    evidence: &mut ScenarioEvidence,
) {
    on(shared, scenario, DaemonStore::new(shared, scenario, service), evidence).await;
}

/// Runs it in one store.
pub(super) async fn on<S: Store>(shared: &RunContext, scenario: &Scenario, store: S, evidence: &mut ScenarioEvidence) {
    let mut store = Bounded::new(shared, scenario, store);
    for number in 1..=scenario.file.steps.len() {
        if shared.cancelled.is_cancelled() {
            break;
        }
        let step = &scenario.file.steps[number - 1];
        let left_out = left_out(evidence, store.service());
        if !step.is_made_on(store.target()) || left_out.contains(&number) {
            continue;
        }
        let id = format!("{}/{}/{number}", scenario.name, store.service());
        let _ = shared.events.send(Event::Exporting { id: id.clone(), limit: invoke::limit(&shared.options, step) });
        let mut own = evidence.exports.iter().filter(|export| export.service == store.service());
        let previous = match step.previous_image_of_step {
            Some(number) => own.find(|export| export.step == number),
            None => own.last(),
        };
        let context = StepContext { number, step, id: &id, previous, left_out };
        let result = match &step.rebase {
            None => Box::pin(export::run(shared, scenario, &mut store, &context)).await,
            Some(_) => Box::pin(rebase::run(shared, scenario, &mut store, &context)).await,
        };
        let _ = shared.events.send(Event::Exported { id });
        match result {
            Ok(rebased) if rebased.rebase.is_some() => evidence.rebases.push(rebased),
            Ok(export) => evidence.exports.push(export),
            Err(_) if shared.cancelled.is_cancelled() => break,
            Err(error) => {
                evidence.exports.retain(|export| export.service != store.service());
                evidence.rebases.retain(|export| export.service != store.service());
                let obstacle = Obstacle::from(&error);
                evidence.not_run.extend(not_attempted(scenario, store.target(), store.service(), &obstacle));
                break;
            }
        }
    }
    store.clean_up().await;
}
