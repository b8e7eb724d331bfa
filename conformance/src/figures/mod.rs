//! Figures that documents and the site quote, computed from reports: what survives where, how digests travel, what
//! holds, and what annotations cost. `figures` prints them as JSON, which is small enough to be kept with the
//! documents.

mod asked;
mod quoted;
mod source;

use std::collections::BTreeMap;

use judge::difference::Comparison;
use judge::evidence::{ScenarioEvidence, Target};
use judge::verdict::Answer;
use serde::{Deserialize, Serialize};

pub use asked::Asked;
pub use quoted::{QuoteError, filled};
pub use source::{Source, SourceError};

use crate::report::Report;
use crate::report::differences::between;
use crate::stores::annotations::{annotates_nothing, kept_of};
use crate::stores::{Travel, fields_of, travel};

/// Version of the JSON form.
pub const SCHEMA_VERSION: u32 = 1;

/// What is compared between two places next to annotations.
pub const ASPECTS: [&str; 4] = ["manifest digest", "imageID", "diffIDs", "layer digests"];

/// The figures of some exporters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// [`SCHEMA_VERSION`].
    pub schema: u32,
    /// One for each report.
    pub exporters: Vec<OfExporter>,
}

/// The figures of one exporter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OfExporter {
    /// Its name.
    pub name: String,
    /// When the run began, RFC 3339 in UTC.
    pub started: String,
    /// The catalogue's version.
    pub catalogue: String,
    /// The Platform API version.
    pub platform_api: String,
    /// Scenarios that were run.
    pub scenarios: usize,
    /// Exports that were made.
    pub exports: usize,
    /// Whether it writes annotations that its inputs ask for.
    pub annotates: bool,
    /// The sentence of each profile.
    pub headlines: BTreeMap<String, String>,
    /// Every two places that were compared.
    pub pairs: Vec<Pair>,
    /// What came of each requirement that was judged.
    pub requirements: BTreeMap<String, Judged>,
    /// What annotations and exports cost; none where only a report was given, which does not say.
    pub cost: Option<Cost>,
}

/// Two places, over all builds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// One side, in the text of [`judge::difference::Side`].
    pub left: String,
    /// The other side.
    pub right: String,
    /// Builds that were compared.
    pub builds: usize,
    /// For each of the nine keys how many of the annotations on the left the right has too; only from the registry.
    pub annotations: BTreeMap<String, Kept>,
    /// What became of each of [`ASPECTS`].
    pub aspects: BTreeMap<String, Travel>,
}

/// How many of how many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// So many are kept.
    pub kept: usize,
    /// Of so many.
    pub all: usize,
}

/// What came of a requirement, by verdicts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// It holds.
    pub pass: usize,
    /// A MUST does not hold.
    pub fail: usize,
    /// A SHOULD does not hold.
    pub warn: usize,
    /// Something OPTIONAL is not there.
    pub absent: usize,
}

impl Judged {
    /// Cases that say something of the exporter.
    #[must_use]
    pub fn all(self) -> usize {
        self.pass + self.fail + self.warn + self.absent
    }

    /// Counts an answer.
    pub fn see(&mut self, answer: Answer) {
        match answer {
            Answer::Pass => self.pass += 1,
            Answer::Fail => self.fail += 1,
            Answer::Warn => self.warn += 1,
            Answer::Absent => self.absent += 1,
            Answer::NotApplicable | Answer::Skipped | Answer::Error => {}
        }
    }
}

/// What annotations add to a manifest, and how long exports take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Annotated manifests in the registry.
    pub manifests: usize,
    /// The fewest bytes that annotations add to one.
    pub least: usize,
    /// The median.
    pub usual: usize,
    /// The most.
    pub most: usize,
    /// The median export on each service, in milliseconds, all else that it does included.
    pub milliseconds: BTreeMap<String, u64>,
}

impl Figures {
    /// Those of these sources.
    #[must_use]
    pub fn of(sources: &[Source]) -> Self {
        Self { schema: SCHEMA_VERSION, exporters: sources.iter().map(OfExporter::of).collect() }
    }

    /// As a file.
    ///
    /// # Errors
    /// The serialiser's.
    pub fn render(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

impl OfExporter {
    /// Those of one source.
    #[must_use]
    pub fn of(source: &Source) -> Self {
        let report = &source.report;
        let mut requirements: BTreeMap<String, Judged> = BTreeMap::new();
        for verdict in &report.verdicts {
            requirements.entry(verdict.requirement.clone()).or_default().see(verdict.verdict);
        }
        requirements.retain(|_, judged| judged.all() > 0);
        Self {
            name: report.exporter.name.clone(),
            started: report.started.clone(),
            catalogue: report.tool.catalogue.clone(),
            platform_api: report.platform_api.clone(),
            scenarios: report.scenarios.len(),
            exports: report.exports,
            annotates: !annotates_nothing(report),
            headlines: report.headlines.iter().map(|one| (one.profile.clone(), one.text.clone())).collect(),
            pairs: pairs(report),
            requirements,
            cost: source.cost.clone(),
        }
    }

    /// Two places, where they were compared.
    #[must_use]
    pub fn pair(&self, left: &str, right: &str) -> Option<&Pair> {
        self.pairs.iter().find(|pair| pair.left == left && pair.right == right)
    }
}

impl Pair {
    /// All nine keys together.
    #[must_use]
    pub fn nine(&self) -> Kept {
        let add = |sum: Kept, one: &Kept| Kept { kept: sum.kept + one.kept, all: sum.all + one.all };
        self.annotations.values().fold(Kept::default(), add)
    }
}

fn pairs(report: &Report) -> Vec<Pair> {
    let of = |pair: crate::report::differences::Between<'_>| {
        let is_this = |one: &&Comparison| one.left == *pair.left && one.right == *pair.right;
        let compared: Vec<&Comparison> = report.differences.iter().filter(is_this).collect();
        let nine = if pair.left.is_registry() { kept_of(report, pair.right) } else { Vec::new() };
        Pair {
            left: pair.left.to_string(),
            right: pair.right.to_string(),
            builds: pair.builds,
            annotations: nine.into_iter().map(|(name, kept, all)| (name.to_owned(), Kept { kept, all })).collect(),
            aspects: ASPECTS.iter().map(|name| ((*name).to_owned(), travel(&compared, fields_of(name)))).collect(),
        }
    };
    between(&report.differences).into_iter().map(of).collect()
}

impl Cost {
    /// What evidence shows; none where it has no annotated manifest in a registry.
    #[must_use]
    pub fn of(evidence: &[ScenarioEvidence]) -> Option<Self> {
        let exports = || evidence.iter().flat_map(|scenario| &scenario.exports);
        let mut sizes: Vec<usize> = exports()
            .filter(|export| export.target == Target::Registry && export.outcome.succeeded())
            .filter_map(|export| added(&export.image.as_ref()?.manifest.as_ref()?.bytes))
            .collect();
        sizes.sort_unstable();
        let mut times: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for export in exports().filter(|export| export.outcome.succeeded()) {
            times.entry(export.service.clone()).or_default().push(export.outcome.milliseconds);
        }
        let median = |(service, mut all): (String, Vec<u64>)| {
            all.sort_unstable();
            let middle = all.get(all.len() / 2).copied().unwrap_or_default();
            (service, middle)
        };
        Some(Self {
            manifests: sizes.len(),
            least: *sizes.first()?,
            usual: *sizes.get(sizes.len() / 2)?,
            most: *sizes.last()?,
            milliseconds: times.into_iter().map(median).collect(),
        })
    }
}

/// How much shorter a manifest is without its annotations; none where it has none.
fn added(bytes: &[u8]) -> Option<usize> {
    let manifest: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    let annotations = manifest.get("annotations")?.as_object().filter(|all| !all.is_empty())?;
    // With its key, colon and comma, as compact JSON.
    Some(serde_json::to_string(annotations).ok()?.len() + "\"annotations\":,".len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    pub(super) fn source() -> Source {
        Source { report: sample::report(), cost: None }
    }

    #[test]
    fn a_requirement_that_nothing_judged_has_no_figures() {
        let mut source = source();
        for verdict in &mut source.report.verdicts {
            verdict.verdict = if verdict.requirement == "base.pair" { Answer::Skipped } else { Answer::Pass };
        }
        let figures = OfExporter::of(&source);
        assert!(!figures.requirements.contains_key("base.pair"));
        assert!(figures.requirements.values().all(|judged| judged.pass == judged.all() && judged.pass > 0));
    }

    #[test]
    fn annotations_cost_what_a_manifest_is_longer_by() {
        let with = br#"{"schemaVersion":2,"layers":[],"annotations":{"a":"b"}}"#;
        let without = br#"{"schemaVersion":2,"layers":[]}"#;
        assert_eq!(added(with), Some(with.len() - without.len()));
        assert_eq!((added(without), added(b"{\"annotations\":{}}"), added(b"no JSON")), (None, None, None));
    }
}
