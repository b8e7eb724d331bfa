//! Which scenario can show which requirement, so that a run that is narrowed to requirements runs no scenario in vain,
//! and a quick run takes those that show most. The table is generated from runs; tests hold that nothing is missing in
//! it. What it does not know is run.

mod table;

use std::collections::BTreeSet;

use judge::evidence::Target;
use judge::requirement::{Needs, Requirement};
use judge::requirements;

use crate::globs::Patterns;
use crate::scenario::{Origin, Scenario};

pub use table::{Table, TableError};

/// Exports that a quick run makes at most, over its targets.
const QUICK: usize = 30;
/// The scenario whose exports are controls for the refusals of others.
const CONTROL: &str = "minimal";
/// Where a quick run exports to: what every machine has.
pub const QUICK_TARGETS: [Target; 2] = [Target::Registry, Target::Layout];

impl Table {
    /// Whether a scenario can show one of the requirements that are meant. Scenarios of a user's own, and scenarios and
    /// requirements that the table does not know, can.
    fn shows_one_of(&self, scenario: &Scenario, meant: &[&Requirement]) -> bool {
        scenario.origin != Origin::BuiltIn || meant.iter().any(|row| self.can_show(row.id, &scenario.name))
    }

    /// The scenarios that can show one of the requirements that are meant, and the one that controls refusals.
    #[must_use]
    pub fn narrowed(&self, scenarios: Vec<Scenario>, requirements: &Patterns) -> Vec<Scenario> {
        let meant: Vec<&Requirement> = requirements::all().filter(|row| requirements.matches(row.id)).collect();
        if !scenarios.iter().any(|scenario| self.shows_one_of(scenario, &meant)) {
            return scenarios;
        }
        let may_be_refused = meant.iter().any(|row| row.needs == Needs::Process);
        let is_kept =
            |scenario: &Scenario| self.shows_one_of(scenario, &meant) || (may_be_refused && scenario.name == CONTROL);
        scenarios.into_iter().filter(is_kept).collect()
    }

    /// A few scenarios that show as many of the requirements as so many exports can: those first that show most for
    /// each export. None that waits for what never answers, or needs an engine of its own.
    #[must_use]
    pub fn quick(&self, scenarios: &[Scenario], requirements: &Patterns, targets: &[Target]) -> Vec<Scenario> {
        let cost = |scenario: &Scenario| -> usize {
            let on = |target: &Target| scenario.file.steps.iter().filter(|step| step.is_made_on(*target)).count();
            scenario.file.targets.iter().filter(|target| targets.contains(target)).map(on).sum()
        };
        let fits =
            |scenario: &&Scenario| !scenario.waits() && scenario.file.private_daemon.is_none() && cost(scenario) > 0;
        let meant = |row: &&Requirement| {
            requirements.matches(row.id) && row.targets.iter().any(|target| targets.contains(target))
        };
        let mut left: BTreeSet<&str> = requirements::all().filter(meant).map(|row| row.id).collect();
        let mut rest: Vec<&Scenario> = scenarios.iter().filter(fits).collect();
        let (mut chosen, mut exports): (Vec<Scenario>, usize) = (Vec::new(), 0);
        loop {
            let worth = |scenario: &Scenario| left.iter().filter(|id| self.was_seen(id, &scenario.name)).count();
            let affordable = rest.iter().enumerate().filter(|(_, scenario)| exports + cost(scenario) <= QUICK);
            // Thousandths, as halves and thirds are not whole numbers; of equals the first by name.
            let rate = |scenario: &Scenario| worth(scenario) * 1000 / cost(scenario);
            let best = affordable
                .map(|(index, scenario)| (rate(scenario), std::cmp::Reverse(index)))
                .max()
                .filter(|(rate, _)| *rate > 0);
            let Some((_, std::cmp::Reverse(index))) = best else { break };
            let scenario = rest.remove(index);
            exports += cost(scenario);
            left.retain(|id| !self.was_seen(id, &scenario.name));
            chosen.push(scenario.clone());
        }
        chosen.sort_by(|one, other| one.name.cmp(&other.name));
        chosen
    }

    /// The scenario that shows a requirement in the fewest steps, where no daemon is needed if that can be: what an
    /// example runs. Next to one that has refused builds alone stands the scenario that controls refusals.
    #[must_use]
    pub fn example<'a>(&self, scenarios: &'a [Scenario], requirement: &str) -> Vec<&'a Scenario> {
        let shows = |scenario: &&Scenario| self.was_seen(requirement, &scenario.name);
        let targets = requirements::named(requirement).map_or(&[][..], |row| row.targets);
        let needs_daemon = |scenario: &Scenario| {
            !QUICK_TARGETS.iter().any(|target| targets.contains(target) && scenario.file.targets.contains(target))
        };
        // It shows one thing of an exporter that refuses there, and another of one that does not.
        let is_open = |scenario: &Scenario| scenario.file.steps.iter().any(|step| step.may_refuse.is_some());
        let effort = |scenario: &&Scenario| {
            let steps = scenario.file.steps.len();
            (needs_daemon(scenario), is_open(scenario), scenario.waits(), steps, scenario.name != CONTROL)
        };
        let example = scenarios.iter().filter(shows).min_by_key(effort);
        let is_refused = |scenario: &&Scenario| {
            scenario.file.steps.iter().all(|step| step.expect_failure.is_some() || step.may_refuse.is_some())
        };
        let lacks_control = example.as_ref().is_some_and(is_refused);
        let control = scenarios.iter().filter(|scenario| lacks_control && scenario.name == CONTROL);
        example.into_iter().chain(control).collect()
    }
}

#[cfg(test)]
mod tests;
