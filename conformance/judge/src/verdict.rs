//! What a requirement came to: the finding of its judge, weighed by its level.

use serde::{Deserialize, Serialize};
use strum::{Display, IntoStaticStr, VariantArray};

use crate::evidence::Target;

/// How binding a requirement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, IntoStaticStr, Display)]
#[serde(rename_all = "UPPERCASE")]
#[strum(serialize_all = "UPPERCASE")]
pub enum Level {
    /// Its absence is not a fault.
    Optional,
    /// A violation is a warning.
    Should,
    /// A violation is a failure.
    Must,
}

impl Level {
    /// The word of RFC 2119.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// What a judge found. It says nothing of levels: the profile turns it into an [`Answer`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// What is required was seen.
    Holds,
    /// What is optional is not there.
    Absent(Violation),
    /// What is required does not hold.
    Violated(Violation),
    /// The requirement's condition does not hold here; the words say which.
    NotApplicable(String),
    /// It could not be observed; the words say why.
    Skipped(String),
    /// The harness or its services failed; the words say how.
    Error(String),
    /// A violation, an absence or a skip that says nothing new where one of the named requirements is violated in the
    /// same case: it is told as following from that one. Where none of them is, it stands as what it is.
    Follows {
        /// What it is by itself.
        finding: Box<Finding>,
        /// The slugs of the requirements that may be its cause.
        from: &'static [&'static str],
    },
}

impl Finding {
    /// This violation or absence, as one that follows from any of the named requirements; no effect on what is neither.
    #[must_use]
    pub fn following(self, from: &'static [&'static str]) -> Self {
        match self {
            Self::Violated(_) | Self::Absent(_) => Self::Follows { finding: Box::new(self), from },
            other => other,
        }
    }

    /// A skip, as one that follows from any of the named requirements.
    #[must_use]
    pub fn skipped_after(reason: impl Into<String>, from: &'static [&'static str]) -> Self {
        Self::Follows { finding: Box::new(Self::Skipped(reason.into())), from }
    }

    /// How the requirement is not met, where it is violated or absent, whatever that follows from.
    #[must_use]
    pub fn violation(&self) -> Option<&Violation> {
        match self {
            Self::Violated(violation) | Self::Absent(violation) => Some(violation),
            Self::Follows { finding, .. } => finding.violation(),
            _ => None,
        }
    }

    /// What it is where it follows from nothing.
    #[must_use]
    pub fn by_itself(self) -> Self {
        match self {
            Self::Follows { finding, .. } => finding.by_itself(),
            other => other,
        }
    }
}

/// How a requirement is not met, for a person to read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Violation {
    /// One sentence.
    pub message: String,
    /// What was to be seen.
    pub expected: String,
    /// What was seen.
    pub found: String,
    /// Where in the evidence: a path in its folder, and after `#` a place in the file.
    pub evidence: String,
}

/// The verdict on one requirement, in one scenario, on one service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[derive(IntoStaticStr, Display, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum Answer {
    /// It holds.
    Pass,
    /// A violated MUST.
    Fail,
    /// A violated SHOULD.
    Warn,
    /// An OPTIONAL that is not there.
    Absent,
    /// Its condition does not hold.
    #[serde(rename = "n/a")]
    #[strum(serialize = "n/a")]
    NotApplicable,
    /// Not observed.
    Skipped,
    /// The harness's own failure.
    Error,
}

impl Answer {
    /// The word in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// What a baseline says of a failure that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownFailure {
    /// Why it is known, in words.
    pub reason: String,
    /// The last day on which it may fail, YYYY-MM-DD; none where no end is set.
    pub until: Option<String>,
}

/// One line of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Unique in a run and stable between runs: `<scenario>/<service>/<requirement>`.
    pub id: String,
    /// The scenario.
    pub scenario: String,
    /// The target.
    pub target: Target,
    /// The service as `--require` names it.
    pub service: String,
    /// Ids of the exports that were judged; empty where none was made.
    pub exports: Vec<String>,
    /// The requirement's slug.
    pub requirement: String,
    /// The level under the deciding profile, or that of the heaviest of `followed_by` where that is higher.
    pub level: Level,
    /// The level in the catalogue.
    pub base_level: Level,
    /// The verdict.
    pub verdict: Answer,
    /// What the baseline says of the failure; none where it does not name it.
    pub known: Option<KnownFailure>,
    /// The id of the verdict that this one follows from: it is `skipped` then, and weighs nothing by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows_from: Option<String>,
    /// The requirements that are violated only because this one is; they weigh here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub followed_by: Vec<String>,
    /// One sentence: the violation, or why it was not judged. Empty on `pass`.
    pub message: String,
    /// What was to be seen; empty where nothing was violated.
    pub expected: String,
    /// What was seen; likewise.
    pub found: String,
    /// Where in the evidence; likewise.
    pub evidence: String,
    /// File, section and revision that ask for it.
    pub source: String,
    /// The command that repeats this one case.
    pub repeat: String,
}

/// The answer to a finding at a level.
#[must_use]
pub fn weigh(finding: &Finding, level: Level) -> Answer {
    match (finding, level) {
        (Finding::Holds, _) => Answer::Pass,
        (Finding::Absent(_), Level::Optional) => Answer::Absent,
        (Finding::Absent(_) | Finding::Violated(_), Level::Must) => Answer::Fail,
        (Finding::Absent(_), Level::Should) | (Finding::Violated(_), Level::Should | Level::Optional) => Answer::Warn,
        (Finding::NotApplicable(_), _) => Answer::NotApplicable,
        (Finding::Skipped(_), _) => Answer::Skipped,
        (Finding::Error(_), _) => Answer::Error,
        (Finding::Follows { finding, .. }, _) => weigh(finding, level),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_weighed_by_the_level() {
        use Answer::{Absent, Error, Fail, NotApplicable, Pass, Skipped, Warn};
        let blank = Violation::default;
        for (finding, answers) in [
            (Finding::Holds, [Pass; 3]),
            (Finding::Absent(blank()), [Absent, Warn, Fail]),
            (Finding::Violated(blank()), [Warn, Warn, Fail]),
            (Finding::NotApplicable(String::new()), [NotApplicable; 3]),
            (Finding::Skipped(String::new()), [Skipped; 3]),
            (Finding::Error(String::new()), [Error; 3]),
            (Finding::Absent(blank()).following(&[]), [Absent, Warn, Fail]),
            (Finding::Violated(blank()).following(&[]), [Warn, Warn, Fail]),
            (Finding::skipped_after("", &[]), [Skipped; 3]),
        ] {
            let found = [Level::Optional, Level::Should, Level::Must].map(|level| weigh(&finding, level));
            assert_eq!(found, answers, "{finding:?}");
        }
    }

    #[test]
    fn levels_and_answers_read_as_they_are_stored() {
        for level in [Level::Optional, Level::Should, Level::Must] {
            assert_eq!(serde_json::to_value(level).unwrap(), level.to_string());
        }
        for answer in Answer::VARIANTS {
            assert_eq!(serde_json::to_value(answer).unwrap(), answer.to_string());
        }
    }
}
