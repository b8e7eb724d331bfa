//! Fault × requirement: what each fault tripped, beside what it must trip.

use std::collections::{BTreeMap, BTreeSet};

use judge::evidence::Target;
use judge::requirements;
use judge::verdict::{Answer, Verdict};
use serde::Serialize;

use super::case::Case;
use super::faults::Fault;
use super::of_fault;

/// A fault on a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The fault's name.
    pub fault: String,
    /// The target.
    pub target: Target,
    /// Requirements that it must trip and did, in catalogue order.
    pub caught: Vec<String>,
    /// Requirements that it must trip and did not.
    pub missed: Vec<String>,
    /// Requirements that it tripped besides.
    pub also: Vec<String>,
    /// Requirements that it must trip and cannot here, each with the reason.
    pub not_shown: Vec<NotShown>,
    /// Why the fault was not run at all.
    pub skipped: Option<String>,
    /// What the suite or its services did not manage.
    pub troubles: Vec<String>,
}

/// A requirement that a fault could not trip here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotShown {
    /// Its slug.
    pub requirement: String,
    /// Why.
    pub reason: String,
}

/// What came of the cases of one fault on one target.
#[derive(Default)]
struct Seen {
    tripped: BTreeSet<String>,
    /// Requirements that the unspoiled exporter passes.
    passes: BTreeSet<String>,
    /// Why a case was not run.
    skipped: Option<String>,
    /// How many cases were run.
    run: usize,
    troubles: BTreeSet<String>,
}

/// The rows of all faults, where daemons with these stores were observed; where it is not known what the exporter does, a
/// requirement that it does not pass unspoiled cannot be missed.
pub(super) fn rows(faults: &[Fault], cases: &[Case], verdicts: &[Verdict], stores: &[&str], exact: bool) -> Vec<Row> {
    let mut by_scenario: BTreeMap<&str, Vec<&Verdict>> = BTreeMap::new();
    for verdict in verdicts {
        by_scenario.entry(&verdict.scenario).or_default().push(verdict);
    }
    let mut found = Vec::new();
    for fault in faults {
        for target in &fault.targets {
            let own = of_fault(cases, &fault.name, *target);
            if own.is_empty() {
                continue;
            }
            let mut seen = seen(&own, cases, &by_scenario);
            if let Some(reason) = no_store(fault, *target, stores) {
                seen.run = 0;
                seen.skipped = Some(reason);
            }
            found.push(row(fault, *target, &seen, exact));
        }
    }
    found
}

/// Why no daemon here shows a fault; none where one does.
fn no_store(fault: &Fault, target: Target, stores: &[&str]) -> Option<String> {
    let is_here = |store: &String| stores.contains(&store.as_str());
    let shows = target != Target::Daemon || fault.stores.is_empty() || fault.stores.iter().any(is_here);
    (!shows).then(|| format!("it shows in a daemon with the {} store, and there is none", fault.stores.join(" or ")))
}

fn is_bad(answer: Answer) -> bool {
    matches!(answer, Answer::Fail | Answer::Warn | Answer::Absent)
}

fn seen(own: &[&Case], cases: &[Case], by_scenario: &BTreeMap<&str, Vec<&Verdict>>) -> Seen {
    let mut seen = Seen::default();
    let of = |case: &Case| -> Vec<&Verdict> {
        let all = by_scenario.get(case.scenario.name.as_str()).into_iter().flatten();
        all.copied().filter(|verdict| verdict.target == case.target).collect()
    };
    for case in own {
        let twin = cases.iter().find(|other| other.fault.is_none() && other.is_twin(case));
        let (before, after) = (twin.map(of).unwrap_or_default(), of(case));
        let is_run = |verdicts: &[&Verdict]| verdicts.iter().any(|verdict| verdict.verdict != Answer::Skipped);
        if !is_run(&before) || !is_run(&after) {
            let reason = after.first().or(before.first()).map(|verdict| verdict.message.clone());
            seen.skipped = Some(reason.unwrap_or_else(|| "it was not run".to_owned()));
            continue;
        }
        seen.run += 1;
        let was_bad: BTreeSet<(&str, &str)> = before
            .iter()
            .filter(|verdict| is_bad(verdict.verdict))
            .map(|verdict| (verdict.service.as_str(), verdict.requirement.as_str()))
            .collect();
        let passes = before.iter().filter(|verdict| verdict.verdict == Answer::Pass);
        seen.passes.extend(passes.map(|verdict| verdict.requirement.clone()));
        for verdict in after {
            if is_bad(verdict.verdict) && !was_bad.contains(&(&verdict.service, &verdict.requirement)) {
                seen.tripped.insert(verdict.requirement.clone());
            }
            if verdict.verdict == Answer::Error {
                seen.troubles.insert(verdict.message.clone());
            }
        }
    }
    seen
}

fn row(fault: &Fault, target: Target, seen: &Seen, exact: bool) -> Row {
    let mut row = Row {
        fault: fault.name.clone(),
        target,
        caught: Vec::new(),
        missed: Vec::new(),
        also: Vec::new(),
        not_shown: Vec::new(),
        skipped: if seen.run == 0 { seen.skipped.clone() } else { None },
        troubles: seen.troubles.iter().cloned().collect(),
    };
    if row.skipped.is_some() {
        return row;
    }
    for requirement in requirements::all() {
        let slug = requirement.id.to_owned();
        let must = fault.trips.contains(&slug) && requirement.targets.contains(&target);
        match (must, seen.tripped.contains(&slug)) {
            (true, true) => row.caught.push(slug),
            (false, true) => row.also.push(slug),
            (true, false) => match reason(seen, &slug, exact) {
                Some(reason) => row.not_shown.push(NotShown { requirement: slug, reason }),
                None => row.missed.push(slug),
            },
            (false, false) => {}
        }
    }
    row
}

/// Why a fault cannot trip what it must.
fn reason(seen: &Seen, slug: &str, exact: bool) -> Option<String> {
    if let Some(reason) = &seen.skipped {
        return Some(reason.clone());
    }
    (!exact && !seen.passes.contains(slug)).then(|| "the unspoiled exporter does not pass it".to_owned())
}
