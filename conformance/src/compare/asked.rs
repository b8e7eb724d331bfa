//! What each of two runs was asked for: what one was not asked for it did not lose.

use std::collections::BTreeSet;

use judge::evidence::Target;
use serde::Serialize;

use super::Side;
use crate::report::Report;

/// What only one of two runs has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct OnlyThere {
    /// What the other run was asked for as well: it came or went.
    pub changed: Vec<String>,
    /// What the other run was not asked for.
    pub not_asked: Vec<String>,
}

/// Requirements that `one` judged and `other` did not.
pub(super) fn requirements(one: &Side, other: &Side) -> OnlyThere {
    let judged = |side: &Side| -> BTreeSet<String> {
        side.report.verdicts.iter().map(|verdict| verdict.requirement.clone()).collect()
    };
    let there = judged(other);
    parted(judged(one).into_iter().filter(|slug| !there.contains(slug)), |slug| {
        let of_it = one.report.verdicts.iter().filter(|verdict| verdict.requirement == slug);
        let targets: BTreeSet<Target> = of_it.map(|verdict| verdict.target).collect();
        asks_for_requirement(&other.report, &one.report, slug, &targets)
    })
}

/// Scenarios that `one` ran and `other` did not.
pub(super) fn scenarios(one: &Side, other: &Side) -> OnlyThere {
    let there: BTreeSet<&String> = other.report.scenarios.iter().collect();
    let only: BTreeSet<String> = one.report.scenarios.iter().filter(|name| !there.contains(name)).cloned().collect();
    parted(only.into_iter(), |name| asks_for_scenario(&other.report, name))
}

fn parted(names: impl Iterator<Item = String>, asks: impl Fn(&str) -> bool) -> OnlyThere {
    let (changed, not_asked) = names.partition(|name| asks(name));
    OnlyThere { changed, not_asked }
}

/// Whether a run would have judged a requirement if it were in its catalogue.
fn asks_for_requirement(report: &Report, other: &Report, slug: &str, targets: &BTreeSet<Target>) -> bool {
    // Nothing comes or goes within one catalogue.
    if report.tool.catalogue == other.tool.catalogue || !report.targets.iter().any(|target| targets.contains(target)) {
        return false;
    }
    report.narrowed.as_ref().is_none_or(|narrowed| {
        let is_case = |only: &BTreeSet<crate::record::Case>| only.iter().any(|case| case.requirement == slug);
        narrowed.requirements.matches(slug) && narrowed.only.as_ref().is_none_or(is_case)
    })
}

/// Whether a run would have run a scenario if it were there.
fn asks_for_scenario(report: &Report, name: &str) -> bool {
    report.shard.is_none()
        && report.narrowed.as_ref().is_none_or(|narrowed| {
            let is_case = |only: &BTreeSet<crate::record::Case>| only.iter().any(|case| case.scenario == name);
            narrowed.left_out == 0 && narrowed.scenarios.matches(name) && narrowed.only.as_ref().is_none_or(is_case)
        })
}
