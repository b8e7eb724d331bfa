//! One scenario on every service that it asks for.

use judge::evidence::{EVIDENCE_VERSION, Export, NotRun, Phase, ScenarioEvidence, Target};

use super::bounded::Bounded;
use super::call;
use super::export::{self, Before, ExportError, Store};
use super::services::DaemonService;
use super::{Event, Shared, rebase};
use super::{daemon_case::DaemonStore, private_daemon, replaced};
use super::{layout_case::LayoutStore, registry_case::RegistryStore};
use crate::scenario::{Need, Scenario};

/// How many exports [`run`] will make.
pub(super) fn planned(shared: &Shared, scenario: &Scenario) -> usize {
    let exports = |target: Target| {
        let services = match (target, &scenario.file.private_daemon) {
            (Target::Daemon, Some(_)) => private_daemon::stores(shared).len(),
            (Target::Daemon, None) => shared.services.daemons.len(),
            _ => 1,
        };
        services * scenario.file.steps.iter().filter(|step| step.is_made_on(target)).count()
    };
    targets(shared, scenario).map(exports).sum()
}

fn targets<'a>(shared: &'a Shared, scenario: &'a Scenario) -> impl Iterator<Item = Target> + use<'a> {
    let has_all = missing(shared, scenario).is_none();
    let wanted = move |target: &Target| {
        has_all
            && scenario.file.targets.contains(target)
            && shared.options.targets.contains(target)
            && obstacle(shared, scenario, *target).is_none()
    };
    Target::ALL.into_iter().filter(wanted)
}

/// Runs it; what could not be run is named in the evidence.
pub(super) async fn run(shared: &Shared, scenario: &Scenario) -> ScenarioEvidence {
    let mut evidence = ScenarioEvidence {
        version: EVIDENCE_VERSION,
        scenario: scenario.name.clone(),
        exports: Vec::new(),
        rebases: Vec::new(),
        not_run: left_out(shared, scenario),
    };
    for target in targets(shared, scenario) {
        match target {
            Target::Registry => on(shared, scenario, RegistryStore::new(shared, scenario), &mut evidence).await,
            Target::Layout => on(shared, scenario, LayoutStore::new(shared, scenario), &mut evidence).await,
            Target::Daemon if scenario.file.private_daemon.is_some() => {
                private_daemon::run(shared, scenario, &mut evidence).await;
            }
            Target::Daemon => {
                for slot in &shared.services.daemons {
                    replaced::run(shared, scenario, slot, &mut evidence).await;
                }
            }
        }
    }
    evidence
}

/// The evidence of a scenario that was left out: every target that it asks for, with the reason.
pub(super) fn not_begun(shared: &Shared, scenario: &Scenario, reason: &str) -> ScenarioEvidence {
    let mut not_run = left_out(shared, scenario);
    let missing = targets(shared, scenario).flat_map(|target| {
        let reason = Obstacle { reason: reason.to_owned(), not_described: false };
        not_attempted(scenario, target, target.name(), &reason, false)
    });
    not_run.extend(missing);
    let scenario = scenario.name.clone();
    ScenarioEvidence { version: EVIDENCE_VERSION, scenario, exports: Vec::new(), rebases: Vec::new(), not_run }
}

/// Why a scenario is not attempted on a target.
struct Obstacle {
    reason: String,
    /// Whether no rebaser is described.
    not_described: bool,
}

/// What keeps exporter or rebaser from a target that they are asked for.
fn obstacle(shared: &Shared, scenario: &Scenario, target: Target) -> Option<Obstacle> {
    let exporter = &shared.options.exporter;
    let skipped = |reason: String| Some(Obstacle { reason, not_described: false });
    if scenario.file.rebases() {
        match &exporter.rebaser {
            None => {
                let reason = format!("not described: the description of exporter {} has no [rebaser]", exporter.name);
                return Some(Obstacle { reason, not_described: true });
            }
            Some(rebaser) if !rebaser.targets.contains(&target) => {
                return skipped(format!("[rebaser] of the description of {} does not list {target}", exporter.name));
            }
            Some(_) => {}
        }
    }
    if !scenario.file.exports() {
        return None;
    }
    if exporter.targets.is_empty() {
        return skipped(format!("it needs the exporter, and the description of {} has none", exporter.name));
    }
    if !exporter.targets.contains(&target) {
        return skipped(format!("the description of exporter {} does not list {target}", exporter.name));
    }
    exporter.refused.get(&target).cloned().and_then(skipped)
}

/// What was not attempted, for each phase that the scenario has. Exports of a scenario whose rebaser is not described
/// are left out with it, and nobody asks for them.
fn not_attempted(
    scenario: &Scenario,
    target: Target,
    service: &str,
    obstacle: &Obstacle,
    harness_failed: bool,
) -> Vec<NotRun> {
    let exports = scenario.file.exports() && !obstacle.not_described;
    let phases = [(Phase::Exporter, exports), (Phase::Rebaser, scenario.file.rebases())];
    let missing = phases.into_iter().filter(|(_, has)| *has).map(|(phase, _)| NotRun {
        target,
        service: service.to_owned(),
        reason: obstacle.reason.clone(),
        harness_failed,
        phase,
        not_described: obstacle.not_described,
    });
    missing.collect()
}

/// Why the scenario cannot be run by this user on this machine.
fn missing(shared: &Shared, scenario: &Scenario) -> Option<String> {
    let is_root = nix::unistd::geteuid().is_root();
    scenario.file.all_needs().into_iter().find_map(|need| match need {
        Need::Root => (!is_root).then(|| "it needs root, and the suite runs as another user".to_owned()),
        Need::Namespace => shared
            .workplace
            .sequential()
            .map(|reason| format!("it needs a namespace of its own for each exporter: {reason}")),
    })
}

/// Targets that were asked for and will not be run, with the reason.
fn left_out(shared: &Shared, scenario: &Scenario) -> Vec<NotRun> {
    let options = &shared.options;
    let asked = scenario.file.targets.iter().filter(|target| options.targets.contains(target));
    let mut found = Vec::new();
    for target in asked {
        let skipped = |reason: String| Obstacle { reason, not_described: false };
        let found_there = if let Some(reason) = missing(shared, scenario) {
            skipped(reason)
        } else if let Some(found) = obstacle(shared, scenario, *target) {
            found
        } else if *target == Target::Daemon && shared.services.daemons.is_empty() {
            skipped(shared.services.no_daemon.clone())
        } else {
            continue;
        };
        found.extend(not_attempted(scenario, *target, target.name(), &found_there, false));
    }
    found
}

/// Runs it on one daemon.
pub(super) async fn on_daemon(
    shared: &Shared,
    scenario: &Scenario,
    service: &DaemonService,
    evidence: &mut ScenarioEvidence,
) {
    on(shared, scenario, DaemonStore::new(shared, scenario, service), evidence).await;
}

async fn on<S: Store>(shared: &Shared, scenario: &Scenario, store: S, evidence: &mut ScenarioEvidence) {
    let mut store = Bounded::new(shared, scenario, store);
    let mut before: Option<Export> = None;
    for number in 1..=scenario.file.steps.len() {
        if shared.cancelled.is_cancelled() {
            break;
        }
        let step = &scenario.file.steps[number - 1];
        if !step.is_made_on(store.target()) {
            continue;
        }
        let id = format!("{}/{}/{number}", scenario.name, store.service());
        let _ = shared.events.send(Event::Exporting { id: id.clone(), limit: call::limit(&shared.options, step) });
        let context = Before { number, step, id: &id, last: before.as_ref() };
        let result = match &step.rebase {
            None => Box::pin(export::run(shared, scenario, &mut store, &context)).await,
            Some(_) => Box::pin(rebase::run(shared, scenario, &mut store, &context)).await,
        };
        let _ = shared.events.send(Event::Exported { id });
        match result {
            Ok(rebased) if rebased.rebase.is_some() => evidence.rebases.push(rebased),
            Ok(export) => {
                evidence.exports.push(export.clone());
                before = Some(export);
            }
            Err(_) if shared.cancelled.is_cancelled() => break,
            Err(error) => {
                evidence.exports.retain(|export| export.service != store.service());
                evidence.rebases.retain(|export| export.service != store.service());
                let harness_failed = !matches!(error, ExportError::Skipped(_));
                let reason = Obstacle { reason: error.to_string(), not_described: false };
                evidence.not_run.extend(not_attempted(
                    scenario,
                    store.target(),
                    store.service(),
                    &reason,
                    harness_failed,
                ));
                break;
            }
        }
    }
    store.clean_up().await;
}
