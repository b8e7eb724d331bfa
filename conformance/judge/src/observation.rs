//! What an exporter did where the RFC leaves it open. No verdict: evidence for those who decide.

use serde::{Deserialize, Serialize};

use crate::evidence::Target;

/// The question whether an exporter annotates at all: one answer for all of its builds.
pub const ANNOTATES: &str = "annotates";
/// The answer to it of an exporter that was asked to annotate and never did.
pub const NOTHING: &str = "nothing";

/// One answer to one open question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// The question's slug, for example `layout-digest-equals-registry`.
    pub question: String,
    /// The scenario in which it was seen.
    pub scenario: String,
    /// The target.
    pub target: Target,
    /// The service.
    pub service: String,
    /// What was seen, in a few words.
    pub answer: String,
    /// Where in the evidence.
    pub evidence: String,
}
