//! Reports: each format reads a [`Report`], which holds verdicts and what was run, and nothing of the evidence.

mod build;
pub mod differences;
pub mod github;
pub mod groups;
pub mod headline;
pub mod html;
pub mod in_toto;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod observations;
mod parts;
#[cfg(test)]
pub(crate) mod sample;
pub mod terminal;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use judge::difference::Comparison;
use judge::evidence::Target;
use judge::observation::Observation;
use judge::verdict::{Answer, Verdict};
use serde::{Deserialize, Serialize};

use crate::error::Cause;
use crate::exit::Exit;
use crate::record::{ExporterFacts, PathFacts, RunFilter, ServiceFacts, Tool};
use crate::shard::Shard;
use observations::Record;

pub use build::unobserved;

/// Formats of reports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ReportFormat {
    /// For people.
    #[default]
    Terminal,
    /// For programs.
    Json,
    /// What the RFC leaves open and the exporter did, for `questions`.
    Observations,
    /// For servers that show tests.
    Junit,
    /// For a comment on a pull request.
    Markdown,
    /// A page for people.
    Html,
    /// Workflow commands of GitHub Actions; the summary goes next to them.
    Github,
    /// A statement to be signed.
    InToto,
}

/// The report in a format; `style` is the terminal's.
///
/// # Errors
/// The format's writer's.
pub fn render(report: &Report, format: ReportFormat, style: terminal::Style) -> Result<String, Cause> {
    Ok(match format {
        ReportFormat::Terminal => terminal::render(report, style),
        ReportFormat::Json => json::render(report)?,
        ReportFormat::Observations => Record::of(report).render()?,
        ReportFormat::Junit => junit::render(report)?,
        ReportFormat::Markdown => markdown::render(report, markdown::COMMENT),
        ReportFormat::Html => html::render(report)?,
        ReportFormat::Github => github::render(report),
        ReportFormat::InToto => in_toto::render(report)?,
    })
}

/// Version of `docs/report.schema.json`. Version 1 has whole verdicts, observations and differences.
pub const SCHEMA_VERSION: u32 = 2;

/// Everything that a report can show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Report {
    /// [`SCHEMA_VERSION`].
    pub schema: u32,
    /// What judged.
    pub tool: Tool,
    /// What was judged.
    pub exporter: ExporterFacts,
    /// The Platform API version that the exporter was told.
    pub platform_api: String,
    /// The name of the profile that decides the exit code.
    pub profile: String,
    /// When the run began, RFC 3339 in UTC.
    pub started: String,
    /// Wall time of the run in seconds; of reports that were merged, the sum.
    pub seconds: f64,
    /// Where builds were seen, and how.
    pub paths: PathFacts,
    /// Targets that were asked for; all where an earlier version wrote the report.
    #[serde(default = "all_targets")]
    pub targets: Vec<Target>,
    /// Which part of the scenarios this is; none where the run was not shared out.
    #[serde(default)]
    pub shard: Option<Shard>,
    /// What narrowed the run; none where an earlier version wrote the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub narrowed: Option<RunFilter>,
    /// Services that were used, and those that were not available.
    pub services: Vec<ServiceFacts>,
    /// Scenarios that were run.
    pub scenarios: Vec<String>,
    /// Wall time in milliseconds of each scenario that was run to its end. Scenarios run side by side, so that the sum
    /// is more than the run took.
    #[serde(default)]
    pub scenario_milliseconds: BTreeMap<String, u64>,
    /// How many exports and rebases were made.
    pub exports: usize,
    /// One answer for every built-in profile, and for a user's own one that decides.
    pub headlines: Vec<headline::Headline>,
    /// How many verdicts of each kind.
    pub totals: Totals,
    /// By scenario, service, then catalogue order.
    #[serde(serialize_with = "parts::pack", deserialize_with = "parts::unpack")]
    pub verdicts: Vec<Verdict>,
    /// What the exporter did where the RFC leaves it open.
    #[serde(serialize_with = "parts::pack", deserialize_with = "parts::unpack")]
    pub observations: Vec<Observation>,
    /// What differs between the outputs of one build, by scenario, step, then sides.
    #[serde(serialize_with = "parts::pack", deserialize_with = "parts::unpack")]
    pub differences: Vec<Comparison>,
    /// What could not be removed from a registry that was given, or is left for another reason.
    pub left_behind: Vec<String>,
    /// The folder of the evidence, as the command line named it; none where it was not kept.
    pub evidence: Option<String>,
    /// What came of the known failures; none where no baseline was given.
    #[serde(default)]
    pub baseline: Option<BaselineFacts>,
    /// Why the suite itself failed, one sentence each; empty where it did not.
    pub troubles: Vec<String>,
    /// The exit code of the run: a number in JSON.
    pub exit_code: Exit,
}

fn all_targets() -> Vec<Target> {
    Target::ALL.to_vec()
}

impl Report {
    /// Brings the exit code up to verdicts, baseline and troubles.
    pub fn settle(&mut self, interrupted: bool) {
        let known = self.verdicts.iter().filter(|verdict| verdict.known.is_some()).count();
        let stale = self.baseline.as_ref().is_some_and(|baseline| !baseline.problems.is_empty());
        let exit = match exit(self.totals, known, stale, &self.troubles) {
            Exit::NothingJudged if self.is_empty_shard() => Exit::Conformant,
            exit => exit,
        };
        self.exit_code = if interrupted { Exit::Interrupted } else { exit };
    }

    /// Whether it is of a shard that no scenario fell to: that is in order, and still nothing was judged.
    #[must_use]
    pub fn is_empty_shard(&self) -> bool {
        self.shard.is_some() && self.scenarios.is_empty()
    }

    /// Failures that the baseline names.
    fn known(&self) -> usize {
        self.baseline.as_ref().map_or(0, |baseline| baseline.known)
    }

    /// Whether only a few telling scenarios were run, so that nothing that holds is the last word.
    #[must_use]
    pub fn is_quick(&self) -> bool {
        self.narrowed.as_ref().is_some_and(|narrowed| narrowed.quick)
    }

    /// Whether only some scenarios or requirements were asked for, so that what was left out may still fail.
    fn is_a_part(&self) -> bool {
        self.narrowed.as_ref().is_some_and(|narrowed| {
            let is_named = narrowed.scenarios.set().is_some() || narrowed.requirements.set().is_some();
            is_named || narrowed.only.is_some() || narrowed.left_out > 0
        })
    }

    /// What was left out of a narrowed run, in words.
    fn left_out(&self) -> Option<String> {
        let narrowed = self.narrowed.as_ref().filter(|narrowed| narrowed.quick || narrowed.left_out > 0)?;
        if self.shard.is_some() {
            return None;
        }
        let run = self.scenarios.len();
        let all = terminal::counted(run + narrowed.left_out, "scenario");
        let targets: Vec<&str> =
            Target::ALL.iter().filter(|target| !self.targets.contains(target)).map(|target| target.name()).collect();
        let without = if targets.is_empty() { String::new() } else { format!("; {} left out", targets.join(" and ")) };
        Some(if narrowed.quick {
            format!("quick: {run} of {all}, those that show most{without}; a full run decides")
        } else {
            format!("{run} of {all}, those that can show what was asked for; --scenario '*' runs all")
        })
    }

    /// What the run came to, in a few words.
    pub(crate) fn answer(&self) -> String {
        match self.told() {
            0 if self.is_quick() => {
                let known = match self.known() {
                    0 => String::new(),
                    known => format!(" but {known} known"),
                };
                format!("nothing failed of {}{known} in a quick run; a full run decides", self.profile)
            }
            0 => {
                let part = if self.is_a_part() { " in the part that was run" } else { "" };
                match self.known() {
                    0 => format!("conformant to {}{part}", self.profile),
                    known => format!("conformant to {}{part} except for what is known ({known} known)", self.profile),
                }
            }
            1 => format!("not conformant to {}", self.profile),
            3 => "the suite or a service failed".to_owned(),
            4 => "nothing was judged".to_owned(),
            130 => "interrupted".to_owned(),
            code => format!("ended with {code}"),
        }
    }

    /// How much was run, and how long it took.
    fn scale(&self) -> String {
        format!(
            "{}, {}, {} in {:.1} s",
            terminal::counted(self.scenarios.len(), "scenario"),
            terminal::counted(self.exports, "export"),
            terminal::counted(self.verdicts.len(), "verdict"),
            self.seconds
        )
    }

    /// The exit code that a report puts into words: an empty shard ends with 0 and is not called conformant.
    fn told(&self) -> u8 {
        let is_empty = self.exit_code == Exit::Conformant && self.is_empty_shard();
        if is_empty { Exit::NothingJudged } else { self.exit_code }.code()
    }
}

/// The result of applying the baseline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaselineFacts {
    /// The file that names them.
    pub file: String,
    /// Failures that are known.
    pub known: usize,
    /// Entries that fail the run: they have expired, or pass again.
    pub problems: Vec<String>,
}

/// How many verdicts of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// `pass`.
    pub pass: usize,
    /// `fail`.
    pub fail: usize,
    /// `warn`.
    pub warn: usize,
    /// `absent`.
    pub absent: usize,
    /// `n/a`.
    #[serde(rename = "n/a")]
    pub not_applicable: usize,
    /// `skipped`.
    pub skipped: usize,
    /// `error`.
    pub error: usize,
}

impl Totals {
    /// Counts `verdicts`.
    #[must_use]
    pub fn of(verdicts: &[Verdict]) -> Self {
        let mut totals = Self::default();
        for verdict in verdicts {
            let count = match verdict.verdict {
                Answer::Pass => &mut totals.pass,
                Answer::Fail => &mut totals.fail,
                Answer::Warn => &mut totals.warn,
                Answer::Absent => &mut totals.absent,
                Answer::NotApplicable => &mut totals.not_applicable,
                Answer::Skipped => &mut totals.skipped,
                Answer::Error => &mut totals.error,
            };
            *count += 1;
        }
        totals
    }

    /// Verdicts that say something about the exporter.
    #[must_use]
    pub fn judged(self) -> usize {
        self.pass + self.fail + self.warn + self.absent
    }
}

/// The exit code that verdicts and troubles come to.
fn exit(totals: Totals, known: usize, baseline_fails: bool, troubles: &[String]) -> Exit {
    Exit::strongest([
        (totals.fail > known || baseline_fails, Exit::NotConformant),
        (totals.error > 0 || !troubles.is_empty(), Exit::SuiteFailed),
        (totals.judged() == 0, Exit::NothingJudged),
    ])
}
