//! Faults as scenarios: a copy of each scenario that shows a fault, in whose environment the fault is named, and one in
//! which none is.

use judge::evidence::Target;

use super::faults::Fault;
use super::{SelfTestError, VARIABLE};
use crate::scenario::Scenario;

/// One scenario to be run, on one target; the registry may stand beside.
#[derive(Clone)]
pub(super) struct Case {
    /// None where the exporter is unspoiled.
    pub(super) fault: Option<String>,
    /// The scenario with its steps, as the fault names it.
    pub(super) shown_in: String,
    pub(super) target: Target,
    pub(super) beside: bool,
    /// What is run, under a name of its own.
    pub(super) scenario: Scenario,
}

impl Case {
    /// Whether it is the same build, spoiled or not.
    pub(super) fn is_twin(&self, other: &Self) -> bool {
        self.shown_in == other.shown_in && self.target == other.target && self.beside == other.beside
    }
}

/// Every fault's cases on `targets`, each with an unspoiled twin.
pub(super) fn cases(faults: &[Fault], targets: &[Target], built_in: &[Scenario]) -> Result<Vec<Case>, SelfTestError> {
    let mut found: Vec<Case> = Vec::new();
    for fault in faults {
        for target in fault.targets.iter().filter(|target| targets.contains(target)) {
            for (number, shown_in) in fault.scenarios.iter().enumerate() {
                let unknown =
                    || SelfTestError::Unknown { fault: fault.name.clone(), what: format!("scenario {shown_in}") };
                let scenario = cut(shown_in, built_in).ok_or_else(unknown)?;
                if !scenario.file.targets.contains(target) {
                    continue;
                }
                let beside = fault.beside_the_registry && *target != Target::Registry;
                let mut case = Case { fault: None, shown_in: shown_in.clone(), target: *target, beside, scenario };
                case.scenario.file.targets = if beside { vec![Target::Registry, *target] } else { vec![*target] };
                if !found.iter().any(|other| other.fault.is_none() && other.is_twin(&case)) {
                    let mut twin = case.clone();
                    twin.scenario.name = format!("unspoiled-{}-{target}", found.len());
                    found.push(twin);
                }
                case.fault = Some(fault.name.clone());
                case.scenario.name = format!("{}-{target}-{}", fault.name, number + 1);
                let named = format!("{}@{target}", fault.name);
                case.scenario.file.environment.insert(VARIABLE.to_owned(), named);
                found.push(case);
            }
        }
    }
    Ok(found)
}

/// The scenario `name`, or `name:1,3` with these steps alone.
fn cut(shown_in: &str, built_in: &[Scenario]) -> Option<Scenario> {
    let (name, steps) = shown_in.split_once(':').map_or((shown_in, None), |(name, steps)| (name, Some(steps)));
    let mut scenario = built_in.iter().find(|scenario| scenario.name == name)?.clone();
    if let Some(steps) = steps {
        let all = std::mem::take(&mut scenario.file.steps);
        for number in steps.split(',') {
            let index = number.parse::<usize>().ok()?.checked_sub(1)?;
            scenario.file.steps.push(all.get(index)?.clone());
        }
    }
    Some(scenario)
}
