//! Daemons at hand, and what happens when one of them ends during a run: a private engine takes its place for the other
//! scenarios, and those that were under way are run again, each alone on an engine of its own. One that does not end
//! there was ended by another; one that does has the image that ends it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use judge::evidence::{EVIDENCE_VERSION, EngineEnd, ScenarioEvidence};

use super::Shared;
use super::private_daemon::{finish, start};
use super::scenario::on_daemon;
use super::services::DaemonService;
use crate::report::ServiceFacts;
use crate::scenario::Scenario;

/// A daemon at hand, or the private engine in its place.
pub(super) struct Slot {
    current: Mutex<Arc<DaemonService>>,
    /// Held while a replacement is started.
    replacing: tokio::sync::Mutex<()>,
    /// Those that were replaced: scenarios may still hold them.
    retired: Mutex<Vec<Arc<DaemonService>>>,
    /// What happened.
    note: Mutex<Vec<String>>,
}

impl Slot {
    pub(super) fn new(service: DaemonService) -> Self {
        Self {
            current: Mutex::new(Arc::new(service)),
            replacing: tokio::sync::Mutex::default(),
            retired: Mutex::default(),
            note: Mutex::default(),
        }
    }

    /// The daemon that is used now.
    pub(super) fn current(&self) -> Arc<DaemonService> {
        Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn facts(&self) -> ServiceFacts {
        let note = self.note.lock().unwrap_or_else(PoisonError::into_inner).join("; ");
        self.current().facts(&note)
    }

    fn tell(&self, what: String) {
        self.note.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    /// Puts a private engine in the place of `gone`, where no other scenario has done so already.
    async fn replace(&self, shared: &Shared, gone: &Arc<DaemonService>, scenario: &str) {
        let _alone = self.replacing.lock().await;
        if !Arc::ptr_eq(&self.current(), gone) {
            return;
        }
        let like = (gone.daemon.store(), gone.daemon.version());
        match start(shared, gone.name.clone(), like, None).await {
            Ok(service) => {
                *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(service);
                self.retired.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(gone));
                self.tell(format!("it ended while {scenario} was run, and a private engine took its place"));
            }
            Err(error) => self.tell(format!("it ended while {scenario} was run, and none takes its place: {error}")),
        }
    }

    /// Ends what was started; what is left, in words, as names are that begin with one of `hosts`. An engine that has
    /// ended has no names to ask for.
    pub(super) async fn stop(self, hosts: &[String]) -> Vec<String> {
        let mut left = Vec::new();
        for service in self.retired.into_inner().unwrap_or_else(PoisonError::into_inner) {
            if let Some(service) = Arc::into_inner(service) {
                left.extend(service.stop(&[]).await);
            }
        }
        if let Some(service) = Arc::into_inner(self.current.into_inner().unwrap_or_else(PoisonError::into_inner)) {
            left.extend(service.stop(hosts).await);
        }
        left
    }
}

/// Runs a scenario on a daemon at hand.
pub(super) async fn run(shared: &Shared, scenario: &Scenario, slot: &Slot, evidence: &mut ScenarioEvidence) {
    let service = slot.current();
    let mut found = nothing_yet(scenario);
    on_daemon(shared, scenario, &service, &mut found).await;
    if is_suspicious(&found) && !shared.cancelled.is_cancelled() && !answers(&service).await {
        slot.replace(shared, &service, &scenario.name).await;
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
    let push_failed = |problem: &String| problem.starts_with("the push failed");
    found.not_run.iter().any(|missing| missing.harness_failed)
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
    shared: &Shared,
    scenario: &Scenario,
    gone: &DaemonService,
    mut found: ScenarioEvidence,
) -> ScenarioEvidence {
    let like = (gone.daemon.store(), gone.daemon.version());
    let reason = match start(shared, gone.name.clone(), like, None).await {
        Ok(service) => {
            let mut again = nothing_yet(scenario);
            on_daemon(shared, scenario, &service, &mut again).await;
            finish(shared, service).await;
            return again;
        }
        Err(error) => error.to_string(),
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
