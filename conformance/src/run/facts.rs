//! What a run was, beside its exports: `run.json` of the evidence. With the exports it is all that judging needs.

use std::collections::{BTreeMap, BTreeSet};

use judge::difference::Comparison;
use judge::evidence::{NotRun, Phase, ScenarioEvidence, Target};
use judge::profile::Profile;
use judge::verdict::Verdict;
use judge::{Judgement, Selection};
use serde::{Deserialize, Serialize};

use super::patterns::Patterns;
use super::shard::Shard;
use crate::exit::Exit;
use crate::report::{ExporterFacts, PathFacts, Report, SCHEMA_VERSION, ServiceFacts, Tool, Totals, headline};

/// A case that is judged where only some are: scenario, requirement, target.
pub type Case = (String, String, Target);

/// What narrows a run beyond its scenarios.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Narrowed {
    /// The globs of `--requirement`.
    pub requirements: Patterns,
    /// The globs of `--scenario`; empty also where an earlier version wrote it.
    #[serde(default)]
    pub scenarios: Patterns,
    /// Only these cases; none means all.
    pub only: Option<BTreeSet<Case>>,
    /// Which part of the scenarios.
    pub shard: Option<Shard>,
    /// Whether the first scenario with a failure is the last.
    pub fail_fast: bool,
    /// Whether only a few telling scenarios were run; false also where an earlier version wrote it.
    #[serde(default)]
    pub quick: bool,
    /// Scenarios that match and were left out, because the run is quick, or they cannot show what it asks for; none also
    /// where an earlier version wrote it.
    #[serde(default)]
    pub left_out: usize,
}

impl Narrowed {
    /// Whether this case is one of those that were asked for.
    #[must_use]
    pub fn asks(&self, verdict: &Verdict) -> bool {
        let case = || (verdict.scenario.clone(), verdict.requirement.clone(), verdict.target);
        self.only.as_ref().is_none_or(|only| only.contains(&case()))
    }
}

/// A run without its exports.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFacts {
    /// [`judge::evidence::EVIDENCE_VERSION`].
    pub version: u32,
    /// Whether the run came to its end; what stands below `started` is not known before.
    pub complete: bool,
    /// What observed.
    pub tool: Tool,
    /// What was run.
    pub exporter: ExporterFacts,
    /// How the command line named it.
    pub exporter_argument: String,
    /// The Platform API version that the exporter was told.
    pub platform_api: String,
    /// The deciding profile as the command line named it.
    pub profile: String,
    /// Targets that were asked for.
    pub targets: Vec<Target>,
    /// Services that had to be observed.
    pub require: Vec<String>,
    /// What narrowed the run.
    pub narrowed: Narrowed,
    /// Folders of scenarios that are not compiled in.
    pub scenario_folders: BTreeMap<String, String>,
    /// What else of the command line holds for every case, word by word; empty also where an earlier version wrote it.
    #[serde(default)]
    pub conditions: Vec<String>,
    /// The only phase that was judged; none for all that are described, and where an earlier version wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// What names of repositories were drawn by; none where an earlier version gave them the scenarios' own.
    #[serde(default)]
    pub names: Option<String>,
    /// When it began, RFC 3339 in UTC.
    pub started: String,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Where builds were seen.
    pub paths: PathFacts,
    /// Services.
    pub services: Vec<ServiceFacts>,
    /// What each scenario left.
    pub scenarios: Vec<ScenarioFacts>,
    /// What could not be removed.
    pub left_behind: Vec<String>,
    /// Whether it was interrupted.
    pub interrupted: bool,
}

/// A scenario without its exports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScenarioFacts {
    /// Its name.
    pub scenario: String,
    /// Ids of the exports that count, in the order in which they were made.
    pub exports: Vec<String>,
    /// Targets that were not attempted.
    pub not_run: Vec<NotRun>,
    /// Wall time of all its exports and what was observed of them; none where it was not begun or not to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub milliseconds: Option<u64>,
}

impl RunFacts {
    /// Judges the exports of this run.
    #[must_use]
    pub fn judge(&self, found: &[ScenarioEvidence], profile: &Profile) -> Report {
        let selection = Selection {
            profile: profile.clone(),
            requirements: self.narrowed.requirements.set().cloned(),
            exporter_argument: self.exporter_argument.clone(),
            scenario_folders: self.scenario_folders.clone(),
            conditions: self.conditions.clone(),
            phase: self.phase,
        };
        self.report(judge::judge(found, &selection), judge::difference::all(found), profile)
    }

    /// The report on this run, with what differs between its builds' outputs.
    #[must_use]
    pub fn report(&self, mut judgement: Judgement, differences: Vec<Comparison>, profile: &Profile) -> Report {
        judgement.verdicts.retain(|verdict| self.narrowed.asks(verdict));
        let mut report = Report {
            schema: SCHEMA_VERSION,
            tool: Tool::this(),
            exporter: self.exporter.clone(),
            platform_api: self.platform_api.clone(),
            profile: profile.name().to_owned(),
            started: self.started.clone(),
            seconds: self.seconds,
            paths: self.paths.clone(),
            targets: self.targets.clone(),
            shard: self.narrowed.shard,
            narrowed: Some(self.narrowed.clone()),
            services: self.services.clone(),
            scenarios: self.scenarios.iter().map(|scenario| scenario.scenario.clone()).collect(),
            scenario_milliseconds: self.took(),
            exports: self.scenarios.iter().map(|scenario| scenario.exports.len()).sum(),
            headlines: headline::headlines(&judgement.verdicts, &self.targets, profile, self.narrowed.quick),
            totals: Totals::of(&judgement.verdicts),
            verdicts: judgement.verdicts,
            observations: judgement.observations,
            differences,
            left_behind: self.left_behind.clone(),
            evidence: None,
            baseline: None,
            troubles: self.troubles(),
            exit_code: 0,
        };
        report.settle(self.interrupted);
        report
    }

    fn took(&self) -> BTreeMap<String, u64> {
        self.scenarios.iter().filter_map(|scenario| Some((scenario.scenario.clone(), scenario.milliseconds?))).collect()
    }

    fn troubles(&self) -> Vec<String> {
        let missing = |wanted: &&String| {
            !self.services.iter().any(|service| service.observed && is_service(&service.name, wanted))
        };
        let mut troubles: Vec<String> = self.require.iter().filter(missing).map(|wanted| unobserved(wanted)).collect();
        if self.narrowed.shard.is_some() && self.scenarios.is_empty() {
            // A shard without scenarios observes nothing; the others answer for the services.
            troubles.clear();
        }
        if !self.complete {
            troubles.push("the run did not come to its end; what it did not run is not in its evidence".to_owned());
        }
        if self.interrupted {
            troubles.push("the run was interrupted; the report covers what was seen until then".to_owned());
        }
        troubles
    }
}

/// The trouble of a service that had to be observed and was not.
#[must_use]
pub fn unobserved(wanted: &str) -> String {
    format!("--require {wanted}: it was not observed")
}

/// Whether `--require` of this word means this service.
#[must_use]
pub fn is_service(name: &str, wanted: &str) -> bool {
    name == wanted || name.strip_prefix(wanted).is_some_and(|rest| rest.starts_with(':'))
}

/// Scenarios without their exports, and how long those that were run took.
#[must_use]
pub(super) fn scenarios(found: &[ScenarioEvidence], took: &BTreeMap<String, u64>) -> Vec<ScenarioFacts> {
    let facts = |scenario: &ScenarioEvidence| ScenarioFacts {
        scenario: scenario.scenario.clone(),
        exports: scenario.exports.iter().chain(&scenario.rebases).map(|export| export.id.clone()).collect(),
        not_run: scenario.not_run.clone(),
        milliseconds: took.get(&scenario.scenario).copied(),
    };
    found.iter().map(facts).collect()
}

/// The exit code that verdicts and troubles come to.
#[must_use]
pub(crate) fn exit(totals: Totals, known: usize, baseline_fails: bool, troubles: &[String]) -> Exit {
    let when = |condition: bool, exit: Exit| if condition { exit } else { Exit::Conformant };
    when(totals.fail > known || baseline_fails, Exit::NotConformant)
        .or(when(totals.error > 0 || !troubles.is_empty(), Exit::SuiteFailed))
        .or(when(totals.judged() == 0, Exit::NothingJudged))
}
