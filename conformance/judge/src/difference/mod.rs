//! What differs between two outputs of one build: registry, layout, a daemon, and what a daemon pushed. Every difference
//! is held by a named class that permits it, or it is unexpected.

use serde::{Deserialize, Serialize};

/// Two outputs of the same step of a scenario, field by field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// The scenario.
    pub scenario: String,
    /// The step, from 1.
    pub step: usize,
    /// One side: a service as `--require` names it, or a service and how its image travelled on: `daemon:classic pushed`.
    pub left: String,
    /// The other side.
    pub right: String,
    /// Fields that are the same on both sides, for example `config.Env`.
    pub identical: Vec<String>,
    /// Fields that differ.
    pub differences: Vec<Difference>,
}

/// One field that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The field, for example `manifest.annotations/org.opencontainers.image.title`.
    pub field: String,
    /// Whether a class permits it.
    pub relation: Relation,
    /// The class that permits it; empty when none does.
    pub class: String,
    /// Where that is written or was measured; empty when nothing permits it.
    pub source: String,
    /// The value on the left, cut to a readable length; empty when absent.
    pub left: String,
    /// The value on the right; likewise.
    pub right: String,
}

/// How a difference is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Relation {
    /// A class permits it.
    Expected,
    /// None does.
    Unexpected,
}
