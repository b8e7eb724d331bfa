//! Brings evidence and catalogue together: every requirement, in every scenario, on every service.

use std::collections::{BTreeMap, BTreeSet};

use globset::GlobSet;

use crate::evidence::{NotRun, ScenarioEvidence, Target};
use crate::observation::Observation;
use crate::profile::Profile;
use crate::requirement::{Case, Needs, Requirement};
use crate::requirements;
use crate::requirements::annotating::Annotating;
use crate::verdict::{Finding, Verdict, weigh};

/// What is to be judged.
pub struct Selection {
    /// The profile that gives the levels.
    pub profile: Profile,
    /// Slugs to judge; none means all.
    pub requirements: Option<GlobSet>,
    /// The exporter as it is named in the repeat command: `--exporter X` or `--exporter-file F`, or empty.
    pub exporter_argument: String,
    /// The folders of scenarios that are not compiled in, by the scenario's name: the repeat command names them.
    pub scenario_folders: BTreeMap<String, String>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// By scenario, service, then catalogue order.
    pub verdicts: Vec<Verdict>,
    /// Whether the exporter annotates; then by scenario, then service.
    pub observations: Vec<Observation>,
}

/// Judges all evidence.
#[must_use]
pub fn judge(evidence: &[ScenarioEvidence], selection: &Selection) -> Judgement {
    let mut verdicts = Vec::new();
    let annotating = Annotating::of(evidence);
    let mut observations: Vec<Observation> = annotating.observation().into_iter().collect();
    for scenario in evidence {
        for case in cases(scenario) {
            verdicts.extend(
                selected(selection, case.target)
                    .map(|requirement| verdict(&case, requirement, selection, ask(&case, requirement))),
            );
            observations.extend(requirements::observations(&case, &annotating));
        }
        for missing in &scenario.not_run {
            verdicts
                .extend(selected(selection, missing.target).map(|row| not_observed(scenario, missing, row, selection)));
        }
    }
    Judgement { verdicts, observations }
}

fn selected(selection: &Selection, target: Target) -> impl Iterator<Item = &'static Requirement> + use<'_> {
    requirements::all().filter(move |requirement| {
        requirement.targets.contains(&target)
            && selection.requirements.as_ref().is_none_or(|globs| globs.is_match(requirement.id))
    })
}

/// The cases of a scenario: one for each service that was exported to.
fn cases(scenario: &ScenarioEvidence) -> Vec<Case<'_>> {
    let services: BTreeSet<(Target, &str)> =
        scenario.exports.iter().map(|export| (export.target, export.service.as_str())).collect();
    services
        .into_iter()
        .map(|(target, service)| Case {
            scenario,
            target,
            service,
            exports: scenario.exports.iter().filter(|e| e.target == target && e.service == service).collect(),
        })
        .collect()
}

/// Asks the judge where what it needs is there; says why not where it is not.
pub(crate) fn ask(case: &Case<'_>, requirement: &Requirement) -> Finding {
    let good = || case.exports.iter().filter(|export| export.is_good_build());
    if let Some(reason) = too_early(case, requirement) {
        return reason;
    }
    if requirement.needs != Needs::Process {
        if good().next().is_none() {
            return Finding::NotApplicable("no export of this scenario is meant to succeed".to_owned());
        }
        if good().any(|export| !export.outcome.succeeded()) {
            return Finding::Skipped("export failed".to_owned());
        }
        if let Some(trouble) = good().find_map(|export| export.troubles.first()) {
            return Finding::Error(trouble.clone());
        }
    }
    if requirement.needs == Needs::Image && good().any(|export| export.image.is_none()) {
        return Finding::Skipped("the exporter exited 0, yet no image is there".to_owned());
    }
    (requirement.judge)(case)
}

fn too_early(case: &Case<'_>, requirement: &Requirement) -> Option<Finding> {
    let number = |version: &str| -> Option<(u32, u32)> {
        let (major, minor) = version.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    let api = &case.exports.first()?.platform_api;
    (number(api)? < number(requirement.since)?).then(|| {
        Finding::NotApplicable(format!("it holds from Platform API {}, and {api} was used", requirement.since))
    })
}

fn verdict(case: &Case<'_>, requirement: &Requirement, selection: &Selection, finding: Finding) -> Verdict {
    let level = selection.profile.level(requirement, case.target);
    let answer = weigh(&finding, level);
    let blank = crate::verdict::Violation::default();
    let violation = match finding {
        Finding::Violated(violation) | Finding::Absent(violation) => violation,
        Finding::NotApplicable(message) | Finding::Skipped(message) | Finding::Error(message) => {
            crate::verdict::Violation { message, ..blank }
        }
        Finding::Holds => blank,
    };
    let scenario = &case.scenario.scenario;
    Verdict {
        id: format!("{scenario}/{}/{}", case.service, requirement.id),
        scenario: scenario.clone(),
        target: case.target,
        service: case.service.to_owned(),
        exports: case.exports.iter().map(|export| export.id.clone()).collect(),
        requirement: requirement.id.to_owned(),
        level,
        base_level: requirement.level,
        verdict: answer,
        known: None,
        message: violation.message,
        expected: violation.expected,
        found: violation.found,
        evidence: violation.evidence,
        source: requirement.source.to_string(),
        repeat: repeat(selection, scenario, requirement.id, case.target),
    }
}

fn repeat(selection: &Selection, scenario: &str, requirement: &str, target: Target) -> String {
    let others = requirements::compares_with_registry(requirement) && target != Target::Registry;
    let targets = if others { format!("--target registry --target {target}") } else { format!("--target {target}") };
    let exporter = &selection.exporter_argument;
    let gap = if exporter.is_empty() { "" } else { " " };
    let folder = selection.scenario_folders.get(scenario);
    let folder = folder.map_or_else(String::new, |folder| format!(" --scenarios {}", quoted(folder)));
    format!(
        "conformance run{gap}{exporter} --profile {}{folder} --scenario {scenario} --requirement {requirement} {targets}",
        quoted(selection.profile.argument())
    )
}

/// The text as one word of a shell's command line.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

fn not_observed(
    scenario: &ScenarioEvidence,
    missing: &NotRun,
    requirement: &Requirement,
    selection: &Selection,
) -> Verdict {
    let case = Case { scenario, target: missing.target, service: &missing.service, exports: Vec::new() };
    let reason = missing.reason.clone();
    let finding = if missing.harness_failed { Finding::Error(reason) } else { Finding::Skipped(reason) };
    verdict(&case, requirement, selection, finding)
}

#[cfg(test)]
mod tests;
