//! From what a run was, and what was judged of it, to its report.

use std::collections::BTreeMap;

use judge::difference::Comparison;
use judge::evidence::ScenarioEvidence;
use judge::profile::Profile;
use judge::{Judgement, Selection};

use super::{Report, SCHEMA_VERSION, Totals, headline};
use crate::exit::Exit;
use crate::record::{RunRecord, Tool, is_service};

impl RunRecord {
    /// What is judged of this run, and what its repeat commands carry.
    #[must_use]
    pub fn selection(&self, profile: &Profile) -> Selection {
        Selection {
            profile: profile.clone(),
            requirements: self.narrowed.requirements.set().cloned(),
            exporter_argument: self.exporter_argument.clone(),
            scenario_folders: self.scenario_folders.clone(),
            conditions: self.conditions.clone(),
            phase: self.phase,
        }
    }

    /// Judges the exports of this run.
    #[must_use]
    pub fn judge(&self, found: &[ScenarioEvidence], profile: &Profile) -> Report {
        let judgement = judge::judge(found, &self.selection(profile));
        self.report(judgement, judge::difference::all(found), profile)
    }

    /// The report on this run, with what differs between its builds' outputs.
    #[must_use]
    pub fn report(&self, mut judgement: Judgement, differences: Vec<Comparison>, profile: &Profile) -> Report {
        judgement.verdicts.retain(|verdict| self.narrowed.asks(verdict));
        let mut headlines = headline::headlines(
            &judgement.verdicts,
            &self.targets,
            profile,
            headline::Extent::of_run(self.narrowed.quick),
        );
        if self.interrupted || !self.complete {
            for headline in &mut headlines {
                headline.text += " so far; the run did not come to its end";
            }
        }
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
            headlines,
            totals: Totals::of(&judgement.verdicts),
            verdicts: judgement.verdicts,
            observations: judgement.observations,
            differences,
            left_behind: self.left_behind.clone(),
            evidence: None,
            baseline: None,
            troubles: self.troubles(),
            exit_code: Exit::Conformant,
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
