//! Reports: each format reads a [`Report`], which holds verdicts and what was run, and nothing of the evidence.

pub mod differences;
pub mod github;
pub mod headline;
pub mod html;
pub mod in_toto;
pub mod json;
pub mod junit;
pub mod markdown;
#[cfg(test)]
pub(crate) mod sample;
pub mod terminal;

use judge::difference::Comparison;
use judge::observation::Observation;
use judge::verdict::{Answer, Verdict};
use serde::{Deserialize, Serialize};

use crate::questions::Record;

/// Formats of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportFormat {
    /// For people.
    Terminal,
    /// For programs.
    Json,
    /// What the RFC leaves open and the exporter did, for `questions`.
    Observations,
    /// For servers that show tests.
    Junit,
    /// For a comment on a pull request; of a self-test, a section of a document.
    Markdown,
    /// A page for people.
    Html,
    /// Workflow commands of GitHub Actions; the summary goes beside them.
    Github,
    /// A statement to be signed.
    InToto,
}

/// The formats of a run's report by name.
pub const FORMATS: &[(&str, ReportFormat)] = &[
    ("terminal", ReportFormat::Terminal),
    ("json", ReportFormat::Json),
    ("observations", ReportFormat::Observations),
    ("junit", ReportFormat::Junit),
    ("markdown", ReportFormat::Markdown),
    ("html", ReportFormat::Html),
    ("github", ReportFormat::Github),
    ("in-toto", ReportFormat::InToto),
];

/// The report in a format; `style` is the terminal's.
///
/// # Errors
/// The serialiser's.
pub fn render(report: &Report, format: ReportFormat, style: terminal::Style) -> Result<String, serde_json::Error> {
    Ok(match format {
        ReportFormat::Terminal => terminal::render(report, style),
        ReportFormat::Json => json::render(report)?,
        ReportFormat::Observations => Record::of(report).render()?,
        ReportFormat::Junit => junit::render(report),
        ReportFormat::Markdown => markdown::render(report, markdown::COMMENT),
        ReportFormat::Html => html::render(report)?,
        ReportFormat::Github => github::render(report),
        ReportFormat::InToto => in_toto::render(report)?,
    })
}

/// Version of `docs/report.schema.json`.
pub const SCHEMA_VERSION: u32 = 1;

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
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Where builds were seen, and how.
    pub paths: PathFacts,
    /// Services that were used, and those that were not at hand.
    pub services: Vec<ServiceFacts>,
    /// Scenarios that were run.
    pub scenarios: Vec<String>,
    /// Exports that were made.
    pub exports: usize,
    /// One answer for every built-in profile, and for a user's own one that decides.
    pub headlines: Vec<headline::Headline>,
    /// How many verdicts of each kind.
    pub totals: Totals,
    /// By scenario, service, then catalogue order.
    pub verdicts: Vec<Verdict>,
    /// What the exporter did where the RFC leaves it open.
    pub observations: Vec<Observation>,
    /// What differs between the outputs of one build, by scenario, step, then sides.
    pub differences: Vec<Comparison>,
    /// What could not be removed from a registry that was given, or is left for another reason.
    pub left_behind: Vec<String>,
    /// Where the evidence is, when it was kept.
    pub evidence: Option<String>,
    /// Why the suite itself failed, when it did.
    pub troubles: Vec<String>,
    /// The exit code.
    pub exit_code: u8,
}

/// The judging program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The catalogue's version.
    pub catalogue: String,
}

/// The judged program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExporterFacts {
    /// Its name.
    pub name: String,
    /// Its path.
    pub path: String,
    /// `sha256:` and the hash of its bytes.
    pub sha256: String,
}

/// Where builds were seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathFacts {
    /// The build folder that every exporter saw.
    pub build: String,
    /// Whether each export had a mount namespace of its own.
    pub isolated: bool,
    /// Why not.
    pub reason: Option<String>,
}

/// A service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceFacts {
    /// As `--require` names it: `registry`, `daemon:classic`, `layout`.
    pub name: String,
    /// What it is: `embedded`, `container`, `executable`, `url`, `docker`, `podman`, `disk`.
    pub kind: String,
    /// Its version; empty where it has none.
    pub version: String,
    /// A daemon's store.
    pub store: Option<String>,
    /// Whether anything was exported to it.
    pub observed: bool,
    /// Why this one, or why none.
    pub note: String,
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
