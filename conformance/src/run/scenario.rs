//! One scenario on every service that it asks for.

use judge::evidence::{EVIDENCE_VERSION, Export, NotRun, ScenarioEvidence, Target};

use super::bounded::Bounded;
use super::call;
use super::export::{self, Before, ExportError, Store};
use super::services::DaemonService;
use super::{Event, Shared};
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
            && shared.options.exporter.targets.contains(target)
            && !shared.options.exporter.refused.contains_key(target)
    };
    Target::ALL.into_iter().filter(wanted)
}

/// Runs it; what could not be run is named in the evidence.
pub(super) async fn run(shared: &Shared, scenario: &Scenario) -> ScenarioEvidence {
    let mut evidence = ScenarioEvidence {
        version: EVIDENCE_VERSION,
        scenario: scenario.name.clone(),
        exports: Vec::new(),
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
    not_run.extend(targets(shared, scenario).map(|target| NotRun {
        target,
        service: target.name().to_owned(),
        reason: reason.to_owned(),
        harness_failed: false,
    }));
    let scenario = scenario.name.clone();
    ScenarioEvidence { version: EVIDENCE_VERSION, scenario, exports: Vec::new(), not_run }
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
        let reason = if let Some(reason) = missing(shared, scenario) {
            reason
        } else if !options.exporter.targets.contains(target) {
            format!("the description of exporter {} does not list {target}", options.exporter.name)
        } else if let Some(reason) = options.exporter.refused.get(target) {
            reason.clone()
        } else if *target == Target::Daemon && shared.services.daemons.is_empty() {
            shared.services.no_daemon.clone()
        } else {
            continue;
        };
        found.push(NotRun { target: *target, service: target.name().to_owned(), reason, harness_failed: false });
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
        let result = Box::pin(export::run(shared, scenario, &mut store, &context)).await;
        let _ = shared.events.send(Event::Exported { id });
        match result {
            Ok(export) => {
                evidence.exports.push(export.clone());
                before = Some(export);
            }
            Err(_) if shared.cancelled.is_cancelled() => break,
            Err(error) => {
                evidence.exports.retain(|export| export.service != store.service());
                let (target, service) = (store.target(), store.service().to_owned());
                let harness_failed = !matches!(error, ExportError::Skipped(_));
                evidence.not_run.push(NotRun { target, service, reason: error.to_string(), harness_failed });
                break;
            }
        }
    }
    store.clean_up().await;
}
