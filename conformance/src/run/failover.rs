//! Daemons available, and what happens when one of them ends during a run: a private engine takes its place for the
//! other scenarios, and those that were under way are run again, each alone on an engine of its own. One that does not
//! end there was ended by another; one that does has the image that ends it.

use std::time::Duration;

use judge::evidence::{EVIDENCE_VERSION, EngineEnd, NotPushed, NotRunCause, PushCause, ScenarioEvidence, Target};

use super::context::RunContext;
use super::services::daemon::DaemonService;
use super::services::slot::DaemonSlot;
use super::steps::{Obstacle, not_attempted, on_daemon};
use crate::error::chain;
use crate::scenario::Scenario;

/// Runs a scenario on a daemon available.
pub(super) async fn run(shared: &RunContext, scenario: &Scenario, slot: &DaemonSlot, evidence: &mut ScenarioEvidence) {
    let service = slot.current();
    let mut found = nothing_yet(scenario);
    on_daemon(shared, scenario, &service, &mut found).await;
    if is_suspicious(&found) && !shared.cancelled.is_cancelled() && !answers(&service).await {
        slot.replace((&shared.services.private, shared.means()), &service, &scenario.name).await;
        found = run_alone(shared, scenario, &service, found).await;
        for export in
            found.exports.iter().filter(|export| export.daemon.as_ref().is_some_and(|d| d.engine_end.is_some()))
        {
            slot.tell(format!("the image of {} ends an engine that pushes it", export.id));
        }
    }
    evidence.exports.extend(found.exports);
    evidence.rebases.extend(found.rebases);
    evidence.not_run.extend(found.not_run);
}

fn nothing_yet(scenario: &Scenario) -> ScenarioEvidence {
    ScenarioEvidence {
        version: EVIDENCE_VERSION,
        scenario: scenario.name.clone(),
        exports: Vec::new(),
        rebases: Vec::new(),
        not_run: Vec::new(),
    }
}

/// Whether something was seen that a daemon's end would explain.
fn is_suspicious(found: &ScenarioEvidence) -> bool {
    let push_failed = |problem: &NotPushed| problem.cause == PushCause::Failed;
    found.not_run.iter().any(|missing| missing.cause == NotRunCause::HarnessFailed)
        || found.exports.iter().chain(&found.rebases).any(|export| {
            let daemon = export.daemon.as_ref();
            !export.outcome.succeeded()
                || !export.troubles.is_empty()
                || daemon.and_then(|daemon| daemon.push_problem.as_ref()).is_some_and(push_failed)
        })
}

async fn answers(service: &DaemonService) -> bool {
    // One that ends may answer until it has.
    for _ in 0..3 {
        let asked = tokio::time::timeout(Duration::from_secs(5), service.daemon.api().ping()).await;
        if !matches!(asked, Ok(Ok(_))) {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    true
}

/// Runs the scenario again on an engine of its own; without one, what was found says so.
async fn run_alone(
    shared: &RunContext,
    scenario: &Scenario,
    gone: &DaemonService,
    mut found: ScenarioEvidence,
) -> ScenarioEvidence {
    let like = (gone.daemon.store(), gone.daemon.version());
    let reason = match shared.services.private.start(shared.means(), gone.name.clone(), like, None).await {
        Ok(service) => {
            let mut again = nothing_yet(scenario);
            on_daemon(shared, scenario, &service, &mut again).await;
            shared.services.end(service).await;
            return again;
        }
        Err(error) => chain(&error),
    };
    for missing in &mut found.not_run {
        missing.reason = format!("{} ended during the run ({reason}): {}", gone.name, missing.reason);
    }
    let pushes = found.exports.iter_mut().filter_map(|export| export.daemon.as_mut());
    for daemon in pushes.filter(|daemon| daemon.push_problem.is_some()) {
        let how = format!("without a word; it cannot be asked again: {reason}");
        daemon.engine_end = Some(EngineEnd { how, said: String::new(), pushes_run_image: None, again: None });
    }
    found
}

/// Runs a scenario on a new private daemon of every store.
pub(super) async fn on_private(shared: &RunContext, scenario: &Scenario, evidence: &mut ScenarioEvidence) {
    let disk = scenario.file.private_daemon.and_then(|daemon| daemon.disk);
    let stores = shared.services.stores();
    if stores.is_empty() && !shared.services.daemons.is_empty() {
        let reason = "it needs a Docker engine that it may end, and there is none available".to_owned();
        evidence.not_run.extend(not_attempted(scenario, Target::Daemon, "daemon", &Obstacle::not_here(reason)));
    }
    for (store, version) in stores {
        if shared.cancelled.is_cancelled() {
            return;
        }
        let name = format!("daemon:private-{}", store.name());
        match shared.services.private.start(shared.means(), name.clone(), (store, &version), disk).await {
            Ok(service) => {
                shared.services.private.saw(&service);
                on_daemon(shared, scenario, &service, evidence).await;
                shared.services.end(service).await;
            }
            Err(error) => {
                evidence.not_run.extend(not_attempted(scenario, Target::Daemon, &name, &Obstacle::from(&error)));
            }
        }
    }
}
