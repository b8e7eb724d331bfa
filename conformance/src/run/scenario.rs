//! One scenario on every service that it asks for.

use judge::evidence::{EVIDENCE_VERSION, NotRun, NotRunCause, ScenarioEvidence, Target};

use super::context::RunContext;
use super::failover;
use super::steps::{Obstacle, not_attempted, on};
use super::store::{layout::LayoutStore, registry::RegistryStore};
use crate::scenario::{Need, RegistryEndpoint, Scenario};

/// How many exports [`run`] will make.
pub(super) fn planned(shared: &RunContext, scenario: &Scenario) -> usize {
    let exports = |target: Target| {
        let services = match (target, &scenario.file.private_daemon) {
            (Target::Daemon, Some(_)) => shared.services.stores().len(),
            (Target::Daemon, None) => shared.services.daemons.len(),
            _ => 1,
        };
        services * scenario.file.steps.iter().filter(|step| step.is_made_on(target)).count()
    };
    targets(shared, scenario).map(exports).sum()
}

fn targets<'a>(shared: &'a RunContext, scenario: &'a Scenario) -> impl Iterator<Item = Target> + use<'a> {
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
pub(super) async fn run(shared: &RunContext, scenario: &Scenario) -> ScenarioEvidence {
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
                failover::on_private(shared, scenario, &mut evidence).await;
            }
            Target::Daemon => {
                for slot in &shared.services.daemons {
                    failover::run(shared, scenario, slot, &mut evidence).await;
                }
            }
        }
    }
    evidence
}

/// The evidence of a scenario that was left out: every target that it asks for, with the reason.
pub(super) fn not_begun(shared: &RunContext, scenario: &Scenario, reason: &str) -> ScenarioEvidence {
    let mut not_run = left_out(shared, scenario);
    let missing = targets(shared, scenario)
        .flat_map(|target| not_attempted(scenario, target, target.name(), &Obstacle::not_here(reason.to_owned())));
    not_run.extend(missing);
    let scenario = scenario.name.clone();
    ScenarioEvidence { version: EVIDENCE_VERSION, scenario, exports: Vec::new(), rebases: Vec::new(), not_run }
}

/// What keeps exporter or rebaser from a target that they are asked for.
fn obstacle(shared: &RunContext, scenario: &Scenario, target: Target) -> Option<Obstacle> {
    let exporter = &shared.options.exporter;
    let skipped = |reason: String| Some(Obstacle::not_here(reason));
    if scenario.file.rebases() {
        match &exporter.rebaser {
            None => {
                let reason = format!("not described: the description of exporter {} has no [rebaser]", exporter.name);
                return Some(Obstacle { reason, cause: NotRunCause::NotDescribed });
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
    if scenario.file.run_image.extension.is_some() && !exporter.extensions {
        return skipped(format!("the description of exporter {} does not say extensions = true", exporter.name));
    }
    if target == Target::Registry
        && scenario.endpoints().contains(&RegistryEndpoint::Secure)
        && let Some(reason) = &exporter.distrust
    {
        return skipped(reason.clone());
    }
    exporter.refused.get(&target).cloned().and_then(skipped)
}

/// Why the scenario cannot be run by this user on this machine.
fn missing(shared: &RunContext, scenario: &Scenario) -> Option<String> {
    let is_root = nix::unistd::geteuid().is_root();
    scenario.file.all_needs().into_iter().find_map(|need| match need {
        Need::Root => (!is_root).then(|| "it needs root, and the suite runs as another user".to_owned()),
        Need::Namespace => shared
            .workspace
            .sequential()
            .map(|reason| format!("it needs a namespace of its own for each exporter: {reason}")),
    })
}

/// Targets that were asked for and will not be run, with the reason.
fn left_out(shared: &RunContext, scenario: &Scenario) -> Vec<NotRun> {
    let options = &shared.options;
    let asked = scenario.file.targets.iter().filter(|target| options.targets.contains(target));
    let mut found = Vec::new();
    for target in asked {
        let found_there = if let Some(reason) = missing(shared, scenario) {
            Obstacle::not_here(reason)
        } else if let Some(found) = obstacle(shared, scenario, *target) {
            found
        } else if *target == Target::Daemon && shared.services.daemons.is_empty() {
            Obstacle::not_here(shared.services.no_daemon.clone())
        } else {
            continue;
        };
        found.extend(not_attempted(scenario, *target, target.name(), &found_there));
    }
    found
}
