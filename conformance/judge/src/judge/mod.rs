//! Brings evidence and catalogue together: every requirement, in every scenario, on every service.

mod causes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use causes::Causes;

use crate::evidence::{Export, NotRun, NotRunCause, Phase, ScenarioEvidence, Target};
use crate::observation::Observation;
use crate::requirement::{Case, Needs, Requirement};
use crate::requirements;
use crate::requirements::annotating::Annotating;
use crate::selection::Selection;
use crate::verdict::{Answer, Finding, Level, Verdict, Violation, weigh};

/// The result of judging.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// By scenario, service, then catalogue order.
    pub verdicts: Vec<Verdict>,
    /// Whether the exporter annotates; then by scenario, then service.
    pub observations: Vec<Observation>,
}

/// Judges all evidence, several scenarios at a time.
#[must_use]
pub fn judge(evidence: &[ScenarioEvidence], selection: &Selection) -> Judgement {
    let annotating = Annotating::of(evidence);
    let next = AtomicUsize::new(0);
    let take = || {
        let judged = std::iter::from_fn(|| {
            let number = next.fetch_add(1, Ordering::Relaxed);
            Some((number, of_one(evidence.get(number)?, evidence, selection, &annotating)))
        });
        judged.collect::<Vec<_>>()
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(evidence.len());
    let mut judged = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(take)).collect();
        let mut all = take();
        for other in others {
            all.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        all
    });
    judged.sort_by_key(|(number, _)| *number);
    let mut whole = Judgement { verdicts: Vec::new(), observations: annotating.observation().into_iter().collect() };
    for (_, one) in judged {
        whole.verdicts.extend(one.verdicts);
        whole.observations.extend(one.observations);
    }
    whole
}

/// Judges one scenario of a run.
fn of_one(
    scenario: &ScenarioEvidence,
    run: &[ScenarioEvidence],
    selection: &Selection,
    annotating: &Annotating,
) -> Judgement {
    let (mut verdicts, mut observations) = (Vec::new(), Vec::new());
    for case in cases(scenario, run) {
        verdicts.extend(told(&case, selection, found(&case, selection)));
        observations.extend(match case.phase() {
            Phase::Exporter => requirements::observations(&case, annotating),
            Phase::Rebaser => requirements::rebase::observations(&case),
        });
    }
    for missing in &scenario.not_run {
        let case = Case { scenario, target: missing.target, service: &missing.service, exports: Vec::new(), run };
        verdicts.extend(told(&case, selection, not_observed(missing, selection)));
    }
    Judgement { verdicts, observations }
}

fn selected(
    selection: &Selection,
    target: Target,
    phase: Phase,
) -> impl Iterator<Item = &'static Requirement> + use<'_> {
    requirements::all().filter(move |requirement| {
        requirement.phase == phase
            && selection.phase.is_none_or(|only| only == phase)
            && requirement.targets.contains(&target)
            && selection.requirements.as_ref().is_none_or(|globs| globs.is_match(requirement.id))
    })
}

/// The cases of a scenario: one for each service that was exported to, then one for each on which was rebased.
fn cases<'a>(scenario: &'a ScenarioEvidence, run: &'a [ScenarioEvidence]) -> Vec<Case<'a>> {
    [&scenario.exports, &scenario.rebases].into_iter().flat_map(|of_phase| cases_of(scenario, of_phase, run)).collect()
}

fn cases_of<'a>(
    scenario: &'a ScenarioEvidence,
    of_phase: &'a [Export],
    run: &'a [ScenarioEvidence],
) -> impl Iterator<Item = Case<'a>> {
    let services: BTreeSet<(Target, &str)> =
        of_phase.iter().map(|export| (export.target, export.service.as_str())).collect();
    services.into_iter().map(move |(target, service)| Case {
        scenario,
        target,
        service,
        exports: of_phase.iter().filter(|e| e.target == target && e.service == service).collect(),
        run,
    })
}

/// What one requirement came to in a case.
struct Found {
    row: &'static Requirement,
    finding: Finding,
    /// The requirement whose verdict stands for this one's.
    root: Option<&'static str>,
}

/// Asks every selected requirement. What follows from one that is told is told as following from it; what follows from
/// one that is not selected is told itself, so that no failure is lost.
fn found(case: &Case<'_>, selection: &Selection) -> Vec<Found> {
    let mut causes = Causes::of(case);
    let rows: Vec<&'static Requirement> = selected(selection, case.target, case.phase()).collect();
    let is_told = |row: &'static Requirement| rows.iter().any(|told| told.id == row.id);
    let found = rows.iter().copied().map(|row| {
        let root = causes.root(row, &is_told);
        let untold = causes.cause(row);
        let finding = causes.finding(row).by_itself();
        let finding = if root.is_none() { with_cause(finding, untold) } else { finding };
        Found { row, finding, root }
    });
    each_error_once(found.collect())
}

/// Names the unselected cause in the violation's message.
fn with_cause(finding: Finding, cause: Option<&'static str>) -> Finding {
    let worded = |violation: Violation, cause: &str| Violation {
        message: format!("{} (it follows from {cause}, which was not selected)", violation.message),
        ..violation
    };
    match (finding, cause) {
        (Finding::Violated(violation), Some(cause)) => Finding::Violated(worded(violation, cause)),
        (Finding::Absent(violation), Some(cause)) => Finding::Absent(worded(violation, cause)),
        (finding, _) => finding,
    }
}

/// One trouble of the harness is one error: the first requirement that met it has it, the others follow from that one.
fn each_error_once(mut found: Vec<Found>) -> Vec<Found> {
    let mut first: BTreeMap<String, &'static str> = BTreeMap::new();
    for one in &mut found {
        if let Finding::Error(trouble) = &one.finding {
            let id = *first.entry(trouble.clone()).or_insert(one.row.id);
            one.root = (id != one.row.id).then_some(id);
        }
    }
    found
}

/// The verdicts on what was found. What a cause brings with it weighs in its verdict.
fn told(case: &Case<'_>, selection: &Selection, found: Vec<Found>) -> Vec<Verdict> {
    let mut heaviest: BTreeMap<&'static str, (Level, Vec<String>)> = BTreeMap::new();
    for one in &found {
        if let (Some(root), Some(_)) = (one.root, one.finding.violation()) {
            let (level, followers) = heaviest.entry(root).or_insert((Level::Optional, Vec::new()));
            *level = weight(&one.finding, selection.profile.level(one.row, case.target)).max(*level);
            followers.push(one.row.id.to_owned());
        }
    }
    let controls = controls(case);
    found.into_iter().map(|one| verdict(case, selection, (one, &controls), &heaviest)).collect()
}

/// The other scenarios that have a control of a refusal of this one: without them it would not be judged.
fn controls<'a>(case: &Case<'a>) -> Vec<&'a str> {
    let refused = case.exports.iter().filter(|export| !export.is_good_build());
    let elsewhere = refused
        .filter_map(|refused| case.control(refused))
        .map(|control| control.scenario.as_str())
        .filter(|scenario| *scenario != case.scenario.scenario);
    elsewhere.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The level at which a cause has to be told, so that it is as heavy as what follows from it.
fn weight(finding: &Finding, level: Level) -> Level {
    match weigh(finding, level) {
        Answer::Fail => Level::Must,
        Answer::Warn => Level::Should,
        _ => Level::Optional,
    }
}

/// The finding on one requirement of a case: one that follows from something else only where that is violated.
#[cfg(test)]
pub(crate) fn resolved(case: &Case<'_>, requirement: &'static Requirement) -> Finding {
    let mut causes = Causes::of(case);
    match (causes.root(requirement, &|_| true), causes.finding(requirement)) {
        (Some(_), finding) => finding,
        (None, finding) => finding.by_itself(),
    }
}

/// The requirement whose verdict stands for this one's.
#[cfg(test)]
pub(crate) fn root(case: &Case<'_>, requirement: &'static Requirement) -> Option<&'static str> {
    Causes::of(case).root(requirement, &|_| true)
}

fn verdict(
    case: &Case<'_>,
    selection: &Selection,
    (found, controls): (Found, &[&str]),
    heaviest: &BTreeMap<&'static str, (Level, Vec<String>)>,
) -> Verdict {
    let Found { row, finding, root } = found;
    let (weight, followed_by) = heaviest.get(row.id).cloned().unwrap_or((Level::Optional, Vec::new()));
    let level = selection.profile.level(row, case.target).max(weight);
    let answer = if root.is_some() { Answer::Skipped } else { weigh(&finding, level) };
    let mut violation = told_of(finding);
    if let Some(root) = root {
        violation.message = format!("follows from {root}: {}", violation.message);
    }
    let scenario = &case.scenario.scenario;
    // What is judged by a process's end may need a control.
    let controls = if row.needs == Needs::Process { controls } else { &[] };
    let scenarios = [&[scenario.as_str()], controls].concat();
    let repeat = crate::repeat::command(selection, &scenarios, row.id, &followed_by, case.target);
    let id = |requirement: &str| format!("{scenario}/{}/{requirement}", case.service);
    Verdict {
        id: id(row.id),
        scenario: scenario.clone(),
        target: case.target,
        service: case.service.to_owned(),
        exports: case.exports.iter().map(|export| export.id.clone()).collect(),
        requirement: row.id.to_owned(),
        level,
        base_level: row.level,
        verdict: answer,
        known: None,
        follows_from: root.map(id),
        followed_by,
        message: violation.message,
        expected: violation.expected,
        found: violation.found,
        evidence: violation.evidence,
        source: row.source.to_string(),
        repeat,
    }
}

/// What a report says of a finding.
fn told_of(finding: Finding) -> Violation {
    match finding.by_itself() {
        Finding::Violated(violation) | Finding::Absent(violation) => violation,
        Finding::NotApplicable(message) | Finding::Skipped(message) | Finding::Error(message) => {
            Violation { message, ..Violation::default() }
        }
        Finding::Holds | Finding::Follows { .. } => Violation::default(),
    }
}

/// A service that was not run: the harness's failure is told once.
fn not_observed(missing: &NotRun, selection: &Selection) -> Vec<Found> {
    let reason = || missing.reason.clone();
    let finding = || match missing.cause {
        NotRunCause::NotDescribed => Finding::NotApplicable(reason()),
        NotRunCause::HarnessFailed => Finding::Error(reason()),
        NotRunCause::NotHere => Finding::Skipped(reason()),
    };
    each_error_once(
        selected(selection, missing.target, missing.phase)
            .map(|row| Found { row, finding: finding(), root: None })
            .collect(),
    )
}

#[cfg(test)]
mod tests;
