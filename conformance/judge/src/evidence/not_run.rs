//! What a run did not attempt, and why.

use serde::{Deserialize, Serialize};

use super::{Phase, Target};

/// A target on which a scenario was not attempted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct NotRun {
    /// The target.
    pub target: Target,
    /// The service as `--require` names it, for example `daemon`.
    pub service: String,
    /// Why, in words that follow "skipped: ".
    pub reason: String,
    /// What kept it from being attempted.
    pub cause: NotRunCause,
    /// The phase to whose requirements this applies; the exporter's in older evidence.
    pub phase: Phase,
}

/// What kept a scenario from being attempted: it decides the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotRunCause {
    /// Something that it needs is not here (verdict `skipped`).
    NotHere,
    /// The harness itself failed (verdict `error`).
    HarnessFailed,
    /// The phase is not one of those that are described (verdict `n/a`).
    NotDescribed,
}

/// The form on disk, where each cause but [`NotRunCause::NotHere`] is a member that is true.
#[derive(Serialize, Deserialize)]
struct Stored {
    target: Target,
    service: String,
    reason: String,
    harness_failed: bool,
    #[serde(default)]
    phase: Phase,
    #[serde(default)]
    not_described: bool,
}

impl From<Stored> for NotRun {
    fn from(stored: Stored) -> Self {
        let Stored { target, service, reason, harness_failed, phase, not_described } = stored;
        let cause = match (not_described, harness_failed) {
            (true, _) => NotRunCause::NotDescribed,
            (false, true) => NotRunCause::HarnessFailed,
            (false, false) => NotRunCause::NotHere,
        };
        Self { target, service, reason, cause, phase }
    }
}

impl From<NotRun> for Stored {
    fn from(not_run: NotRun) -> Self {
        let NotRun { target, service, reason, cause, phase } = not_run;
        let harness_failed = cause == NotRunCause::HarnessFailed;
        let not_described = cause == NotRunCause::NotDescribed;
        Self { target, service, reason, harness_failed, phase, not_described }
    }
}
