//! Fault × requirement: what each fault tripped, next to what it must trip.

use std::collections::{BTreeMap, BTreeSet};

use judge::evidence::Target;
use judge::requirements;
use judge::verdict::{Answer, Verdict};
use serde::Serialize;

use super::case::Case;
use super::faults::Fault;
use super::marks::{self, Unspoiled};
use super::of_fault;
use crate::record::ServiceFacts;

/// A fault on a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The fault's name.
    pub fault: String,
    /// The target.
    pub target: Target,
    /// Where: `registry`, `layout`, or one of the daemons, each of which has to show it.
    pub service: String,
    /// Requirements that it must trip and did, in catalogue order.
    pub caught: Vec<String>,
    /// Requirements that it must trip and did not.
    pub missed: Vec<String>,
    /// Requirements that it also tripped.
    pub also: Vec<String>,
    /// Requirements that it must trip and cannot here, each with the reason.
    pub not_shown: Vec<NotShown>,
    /// Why the fault was not run at all.
    pub skipped: Option<String>,
    /// Why the fault could not be applied: the exporter has nothing that it could spoil.
    pub not_applied: Option<String>,
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
struct TrippedByFault {
    tripped: BTreeSet<String>,
    /// Requirements that are violated only because a tripped one is: they were noticed, and are told with it.
    followers: BTreeSet<String>,
    /// What the unspoiled exporter's verdicts are: `pass` where any is, else the first.
    before: BTreeMap<String, Verdict>,
    /// Requirements that were not judged of the spoiled exporter, and why.
    unjudged: BTreeMap<String, String>,
    /// Why a case was not run.
    skipped: Option<String>,
    /// How many cases were run.
    run: usize,
    troubles: BTreeSet<String>,
}

/// The rows of all faults on these services; where it is not known what the exporter does, a requirement that it does
/// not pass unspoiled cannot be missed.
pub(super) fn rows(
    faults: &[Fault],
    cases: &[Case],
    exports: &marks::KnownExports<'_>,
    verdicts: &[Verdict],
    services: &[ServiceFacts],
    exact: bool,
) -> Vec<Row> {
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
            let verdicts = of_cases(&own, &by_scenario, *target);
            let run = verdicts.iter().filter(|verdict| verdict.verdict != Answer::Skipped);
            let places: BTreeSet<&str> = run.map(|verdict| verdict.service.as_str()).collect();
            let shown = places.iter().filter(|service| shows(fault, *target, store_of(services, service)));
            let before = found.len();
            for service in shown {
                let seen = seen(&own, cases, &by_scenario, service);
                let told = exports.of(fault, &own, cases, *target, service);
                found.push(row(fault, (*target, service, store_of(services, service)), &seen, &told, exact));
            }
            if found.len() == before {
                let skipped = Some(why_nowhere(fault, &verdicts, places.is_empty()));
                let nothing = TrippedByFault { skipped, ..TrippedByFault::default() };
                found.push(row(fault, (*target, target.name(), None), &nothing, &Unspoiled::default(), exact));
            }
        }
    }
    found
}

/// All verdicts of these cases on a target.
fn of_cases<'a>(cases: &[&Case], by_scenario: &BTreeMap<&str, Vec<&'a Verdict>>, target: Target) -> Vec<&'a Verdict> {
    let all = cases.iter().filter_map(|case| by_scenario.get(case.scenario.name.as_str())).flatten();
    all.copied().filter(|verdict| verdict.target == target).collect()
}

fn store_of<'a>(services: &'a [ServiceFacts], name: &str) -> Option<&'a str> {
    services.iter().find(|service| service.name == name)?.store.as_deref()
}

/// Whether a service has a store that shows a fault.
fn shows(fault: &Fault, target: Target, store: Option<&str>) -> bool {
    target != Target::Daemon || fault.stores.is_empty() || fault.stores.iter().any(|own| Some(own.as_str()) == store)
}

/// Why no service shows a fault.
fn why_nowhere(fault: &Fault, verdicts: &[&Verdict], is_nowhere: bool) -> String {
    if is_nowhere && fault.stores.is_empty() {
        return verdicts.first().map_or_else(|| "it was not run".to_owned(), |verdict| verdict.message.clone());
    }
    format!("it shows in a daemon with the {} store, and there is none", fault.stores.join(" or "))
}

fn is_bad(answer: Answer) -> bool {
    matches!(answer, Answer::Fail | Answer::Warn | Answer::Absent)
}

fn seen(own: &[&Case], cases: &[Case], by_scenario: &BTreeMap<&str, Vec<&Verdict>>, service: &str) -> TrippedByFault {
    let mut seen = TrippedByFault::default();
    let of = |case: &Case| -> Vec<&Verdict> {
        let all = of_cases(&[case], by_scenario, case.target).into_iter();
        all.filter(|verdict| verdict.service == service).collect()
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
        let bad = before.iter().filter(|verdict| is_bad(verdict.verdict));
        let was_bad: BTreeSet<&str> = bad.map(|verdict| verdict.requirement.as_str()).collect();
        for verdict in &before {
            let known = seen.before.entry(verdict.requirement.clone()).or_insert_with(|| (*verdict).clone());
            if verdict.verdict == Answer::Pass {
                known.clone_from(verdict);
            }
        }
        for verdict in after {
            if is_bad(verdict.verdict) {
                let of_it = before.iter().filter(|other| other.requirement == verdict.requirement);
                let known: BTreeSet<&String> = of_it.flat_map(|other| &other.followed_by).collect();
                seen.followers.extend(verdict.followed_by.iter().filter(|slug| !known.contains(slug)).cloned());
            }
            if verdict.verdict == Answer::Skipped {
                seen.unjudged.insert(verdict.requirement.clone(), verdict.message.clone());
            }
            if is_bad(verdict.verdict) && !was_bad.contains(verdict.requirement.as_str()) {
                seen.tripped.insert(verdict.requirement.clone());
            }
            if verdict.verdict == Answer::Error {
                seen.troubles.insert(verdict.message.clone());
            }
        }
    }
    seen
}

fn row(
    fault: &Fault,
    place: (Target, &str, Option<&str>),
    seen: &TrippedByFault,
    told: &Unspoiled,
    exact: bool,
) -> Row {
    let (target, service, store) = place;
    let mut row = Row {
        fault: fault.name.clone(),
        target,
        service: service.to_owned(),
        caught: Vec::new(),
        missed: Vec::new(),
        also: Vec::new(),
        not_shown: Vec::new(),
        skipped: if seen.run == 0 { seen.skipped.clone() } else { None },
        // The reference has what every fault spoils: there, one that spoils nothing is a fault of ours.
        not_applied: told.nothing.clone().filter(|_| !exact && seen.run > 0),
        troubles: seen.troubles.iter().cloned().collect(),
    };
    if row.skipped.is_some() || row.not_applied.is_some() {
        return row;
    }
    let of_store = store.and_then(|store| fault.trips_in.get(store));
    let is_named = |slug: &String| fault.trips.contains(slug) || of_store.is_some_and(|more| more.contains(slug));
    let is_noticed = !seen.tripped.is_empty() || !seen.followers.is_empty();
    for requirement in requirements::all() {
        let slug = requirement.id.to_owned();
        let must = is_named(&slug) && requirement.targets.contains(&target);
        match (must, seen.tripped.contains(&slug)) {
            (true, false) if seen.followers.contains(&slug) => row.caught.push(slug),
            (true, true) => row.caught.push(slug),
            (false, true) => row.also.push(slug),
            (true, false) => match reason(seen, told, &slug, is_noticed).filter(|_| !exact || seen.skipped.is_some()) {
                Some(reason) => row.not_shown.push(NotShown { requirement: slug, reason }),
                None => row.missed.push(slug),
            },
            (false, false) => {}
        }
    }
    row
}

/// Why a fault cannot trip what it must.
fn reason(seen: &TrippedByFault, told: &Unspoiled, slug: &str, is_noticed: bool) -> Option<String> {
    if let Some(reason) = &seen.skipped {
        return Some(reason.clone());
    }
    let Some(before) = seen.before.get(slug) else {
        return Some("it is not judged of the unspoiled exporter".to_owned());
    };
    match before.verdict {
        Answer::Pass => {}
        Answer::NotApplicable => return Some(format!("n/a for the unspoiled exporter: {}", before.message)),
        Answer::Skipped | Answer::Error => {
            return Some(format!("not judged of the unspoiled exporter: {}", before.message));
        }
        Answer::Fail | Answer::Warn | Answer::Absent => {
            return Some(format!("the unspoiled exporter does not pass it either ({})", before.verdict));
        }
    }
    if told.cannot_trip.contains(slug) {
        return Some("the exporter does not have what it is judged by".to_owned());
    }
    // A fault that is noticed elsewhere may keep this one from being judged; one that is not noticed at all is missed.
    seen.unjudged.get(slug).filter(|_| is_noticed).map(|reason| format!("not judged then: {reason}"))
}
