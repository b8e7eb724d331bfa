//! What one row of the catalogue is, and the case that its judge is given.

mod control;

pub use control::{EXIT_ZERO, REBASE_EXIT_ZERO};

use std::rc::Rc;

use crate::evidence::{Export, Image, Inputs, Phase, ScenarioEvidence, Target};
use crate::memo;
use crate::verdict::{Finding, Level, Violation};

/// One row of the catalogue.
pub struct Requirement {
    /// The slug.
    pub id: &'static str,
    /// The level in the catalogue.
    pub level: Level,
    /// What must be seen for it to hold, in one sentence.
    pub asks: &'static str,
    /// Why it is asked, in a sentence or two of our own.
    pub why: &'static str,
    /// What a violation looks like to those who meet one.
    pub violation: &'static str,
    /// What an exporter's author does about a violation.
    pub remedy: &'static str,
    /// When it is judged, in one clause; empty when always.
    pub condition: &'static str,
    /// Where it is written.
    pub source: Source,
    /// Targets on which it is judged.
    pub targets: &'static [Target],
    /// The first Platform API version for which it holds.
    pub since: &'static str,
    /// What of an export it needs; decides what a failed export leaves to be judged.
    pub needs: Needs,
    /// The phase that it is judged of.
    pub phase: Phase,
    /// The profile that demands it where its own level does not.
    pub demanded_by: Demand,
    /// Whether its judge looks at the registry export next to the one that it judges, so that repeating it needs both.
    pub compares_with_registry: bool,
    /// Whether an export that it judges may wait for a service, as long as the exporter's description allows.
    pub waits: bool,
    /// The judge.
    pub judge: fn(&Case<'_>) -> Finding,
}

impl Requirement {
    /// A requirement of every target that needs an image; what differs is added by the methods below.
    #[must_use]
    pub const fn new(
        level: Level,
        id: &'static str,
        asks: &'static str,
        source: Source,
        judge: fn(&Case<'_>) -> Finding,
    ) -> Self {
        Self {
            id,
            level,
            asks,
            why: "",
            violation: "",
            remedy: "",
            condition: "",
            source,
            targets: EVERYWHERE,
            since: "0.12",
            needs: Needs::Image,
            phase: Phase::Exporter,
            demanded_by: Demand::NoProfile,
            compares_with_registry: false,
            waits: false,
            judge,
        }
    }

    /// A requirement of rebasers: judged where the Platform API has one.
    #[must_use]
    pub const fn of_rebases(mut self) -> Self {
        self.phase = Phase::Rebaser;
        self.targets = REBASED;
        self
    }

    /// Why it is asked.
    #[must_use]
    pub const fn because(mut self, why: &'static str) -> Self {
        self.why = why;
        self
    }

    /// What a violation looks like.
    #[must_use]
    pub const fn looks_like(mut self, violation: &'static str) -> Self {
        self.violation = violation;
        self
    }

    /// How a violation is fixed.
    #[must_use]
    pub const fn fix(mut self, remedy: &'static str) -> Self {
        self.remedy = remedy;
        self
    }

    /// Judged only under a condition.
    #[must_use]
    pub const fn when(mut self, condition: &'static str) -> Self {
        self.condition = condition;
        self
    }

    /// Judged only on some targets.
    #[must_use]
    pub const fn on(mut self, targets: &'static [Target]) -> Self {
        self.targets = targets;
        self
    }

    /// Demanded by a profile.
    #[must_use]
    pub const fn demanded_by(mut self, demand: Demand) -> Self {
        self.demanded_by = demand;
        self
    }

    /// Judged by a look at the registry export too.
    #[must_use]
    pub const fn comparing_with_registry(mut self) -> Self {
        self.compares_with_registry = true;
        self
    }

    /// Judged of exports that may wait for a service, where that is so.
    #[must_use]
    pub const fn waiting(mut self, waits: bool) -> Self {
        self.waits = waits;
        self
    }

    /// Needs something else than an image.
    #[must_use]
    pub const fn needing(mut self, needs: Needs) -> Self {
        self.needs = needs;
        self
    }
}

/// Where a requirement is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// File of the specification.
    pub file: &'static str,
    /// Section.
    pub section: &'static str,
    /// Repository and revision.
    pub revision: &'static str,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {} ({})", self.file, self.section, self.revision)
    }
}

macro_rules! sources {
    ($($name:ident: $file:literal, $revision:literal;)*) => { $(
        #[doc = concat!("A section of `", $file, "`.")]
        #[must_use]
        pub const fn $name(section: &'static str) -> Source {
            Source { file: $file, section, revision: $revision }
        }
    )* };
}

impl Source {
    sources! {
        platform: "cnb-platform.md", "buildpacks/spec b745fcf";
        buildpack: "cnb-buildpack.md", "buildpacks/spec b745fcf";
        rfc_196: "rfc-196-oci-annotations.md", "buildpacks/rfcs pull request 196, ffa7354";
        rfc_196_review: "rfc-196-discussion.txt", "buildpacks/rfcs pull request 196";
        rfc_0034: "rfc-0034-image-labels.md", "buildpacks/rfcs 9efea82";
        rfc_0119: "rfc-0119-export-to-oci-layout.md", "buildpacks/rfcs 9efea82";
        rfc_0129: "rfc-0129-run-image-metadata-in-report.md", "buildpacks/rfcs 9efea82";
        oci_annotations: "oci-image-annotations.md", "opencontainers/image-spec 13cff54";
        oci_config: "oci-image-config.md", "opencontainers/image-spec 13cff54";
        oci_descriptor: "oci-image-descriptor.md", "opencontainers/image-spec 13cff54";
        oci_index: "oci-image-image-index.md", "opencontainers/image-spec 13cff54";
        oci_layer: "oci-image-layer.md", "opencontainers/image-spec 13cff54";
        oci_layout: "oci-image-image-layout.md", "opencontainers/image-spec 13cff54";
        oci_manifest: "oci-image-manifest.md", "opencontainers/image-spec 13cff54";
        oci_media_types: "oci-image-media-types.md", "opencontainers/image-spec 13cff54";
        oci_distribution: "oci-distribution.md", "opencontainers/distribution-spec 967efdc";
        own: "this catalogue", "this project's own";
    }
}

/// Which profile raises a requirement's level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// None but `strict`, which raises every SHOULD.
    NoProfile,
    /// `rfc-196`, on every target.
    Rfc196,
    /// `rfc-196`, as the presence of one of the RFC's annotations: a MUST on registries, a SHOULD in layouts.
    Rfc196Annotation,
    /// `buildpack-annotations`.
    BuildpackAnnotations,
}

/// What a requirement needs to be there before its judge is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Only how the process ended.
    Process,
    /// Every export of the case exited 0.
    Success,
    /// Every export of the case exited 0 and its image was observed.
    Image,
}

/// All targets.
pub const EVERYWHERE: &[Target] = &[Target::Registry, Target::Daemon, Target::Layout];
/// Where a manifest can carry annotations for sure.
pub const WITH_MANIFEST: &[Target] = &[Target::Registry, Target::Layout];
/// The registry alone.
pub const REGISTRY: &[Target] = &[Target::Registry];
/// Where the Platform API's rebaser rebases.
pub const REBASED: &[Target] = &[Target::Registry, Target::Daemon];
/// Daemons alone.
pub const DAEMON: &[Target] = &[Target::Daemon];
/// Layouts alone.
pub const LAYOUT: &[Target] = &[Target::Layout];

/// One scenario's exports at one service, and its exports elsewhere for those judges that compare.
pub struct Case<'a> {
    /// The whole scenario.
    pub scenario: &'a ScenarioEvidence,
    /// The target that is judged.
    pub target: Target,
    /// The service that is judged.
    pub service: &'a str,
    /// The exports at that service, by step; never empty.
    pub exports: Vec<&'a Export>,
    /// All scenarios of the run, where a refusal may find its control.
    pub run: &'a [ScenarioEvidence],
}

impl<'a> Case<'a> {
    /// The phase that was run.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.exports.first().map_or(Phase::Exporter, |export| export.phase())
    }

    /// The exports that are judged as builds which had to succeed, by step.
    pub fn good(&self) -> impl Iterator<Item = &'a Export> + use<'_, 'a> {
        self.exports.iter().copied().filter(|export| export.is_good_build())
    }

    /// Asks `judge` of every good build's export and puts the findings together: the first violation, else the first
    /// absence, else holds where any held, else what the last one said.
    pub fn each(&self, judge: impl Fn(&'a Export) -> Finding) -> Finding {
        together(self.good().map(judge))
    }

    /// As [`Case::each`], with the export's image; an export without one is left out (a requirement that
    /// [`Needs::Image`] is not asked then).
    pub fn each_image(&self, judge: impl Fn(&'a Export, &'a Image) -> Finding) -> Finding {
        self.each(|export| match &export.image {
            Some(image) => judge(export, image),
            None => Finding::Skipped("no image was observed".to_owned()),
        })
    }

    /// The registry export of the same step.
    #[must_use]
    pub fn registry_twin(&self, export: &Export) -> Option<&'a Export> {
        self.scenario
            .exports
            .iter()
            .find(|other| other.target == Target::Registry && other.step == export.step && other.is_good_build())
            .filter(|twin| twin.outcome.succeeded())
    }

    /// Pairs of exports of this case, earlier one first, that were given the same inputs at the same paths.
    #[must_use]
    pub fn repeats(&self) -> Vec<(&'a Export, &'a Export)> {
        self.pairs_that_differ_in(<[String]>::is_empty)
    }

    /// Pairs of good builds of this case whose inputs differ in a way that `accepts`. What an image's name held after
    /// a refused export is an earlier export's image, so refused ones are in no pair.
    pub fn pairs_that_differ_in(&self, accepts: impl Fn(&[String]) -> bool) -> Vec<(&'a Export, &'a Export)> {
        let mut pairs = Vec::new();
        let good: Vec<&'a Export> = self.good().collect();
        for (index, first) in good.iter().enumerate() {
            for second in &good[index + 1..] {
                let same_base = first.run_image.digest == second.run_image.digest;
                if same_base && accepts(&first.inputs.differences(&second.inputs)) {
                    pairs.push((*first, *second));
                }
            }
        }
        pairs
    }
}

/// One finding of many: the first violation or error, else the first absence, else holds where any held, else the last.
pub fn together(findings: impl IntoIterator<Item = Finding>) -> Finding {
    let mut result = Finding::NotApplicable("no good build was exported here".to_owned());
    // What stands for itself comes before what follows from something else.
    let rank = |finding: &Finding| match finding {
        Finding::Violated(_) => 8,
        Finding::Follows { finding, .. } if matches!(**finding, Finding::Violated(_)) => 7,
        Finding::Error(_) => 6,
        Finding::Absent(_) => 5,
        Finding::Follows { finding, .. } if matches!(**finding, Finding::Absent(_)) => 4,
        Finding::Skipped(_) => 3,
        Finding::Follows { .. } => 2,
        Finding::Holds => 1,
        Finding::NotApplicable(_) => 0,
    };
    let mut best = -1;
    for finding in findings {
        if rank(&finding) > best {
            best = rank(&finding);
            result = finding;
        }
    }
    result
}

/// Longest text of a violation, in characters: an input may be of any length, and a report is read by people.
const LONGEST: usize = 1000;

fn shown(text: impl Into<String>) -> String {
    crate::view::cut_to(&text.into(), LONGEST)
}

/// A violation; `expected` and `found` are shown as they stand, except for what is longer than a person reads.
pub fn violated(
    message: impl Into<String>,
    expected: impl std::fmt::Display,
    found: impl std::fmt::Display,
    evidence: String,
) -> Finding {
    Finding::Violated(Violation {
        message: shown(message),
        expected: shown(expected.to_string()),
        found: shown(found.to_string()),
        evidence,
    })
}

/// The absence of something optional.
pub fn absent(message: impl Into<String>, expected: impl std::fmt::Display, evidence: String) -> Finding {
    absent_for(message, expected, "nothing", evidence)
}

/// The absence of something optional, where something else stands in its place.
pub fn absent_for(
    message: impl Into<String>,
    expected: impl std::fmt::Display,
    found: impl std::fmt::Display,
    evidence: String,
) -> Finding {
    Finding::Absent(Violation {
        message: shown(message),
        expected: shown(expected.to_string()),
        found: shown(found.to_string()),
        evidence,
    })
}

/// Why nothing is said of what an exporter sent, where that was not recorded.
pub(crate) const UNSEEN: &str = "no recorder stood between exporter and registry";

/// The condition does not hold, and why.
pub fn not_applicable(reason: impl Into<String>) -> Finding {
    Finding::NotApplicable(reason.into())
}

/// Holds when `condition`, else what `otherwise` says.
pub fn holds_when(condition: bool, otherwise: impl FnOnce() -> Finding) -> Finding {
    if condition { Finding::Holds } else { otherwise() }
}

/// TOML input as a table, where the file is there and parses.
#[must_use]
pub fn toml_input(inputs: &Inputs, path: &str) -> Option<Rc<toml::Table>> {
    memo::toml(inputs.text(path)?)
}

#[cfg(test)]
mod tests;
