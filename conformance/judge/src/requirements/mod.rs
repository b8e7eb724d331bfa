//! The catalogue: one file for each theme, in each a table of its requirements with their judges and tests.

use crate::observation::Observation;
use crate::requirement::{Case, Requirement};

/// Every theme's table.
const THEMES: &[&[Requirement]] = &[];

/// Every requirement, in catalogue order.
pub fn all() -> impl Iterator<Item = &'static Requirement> {
    THEMES.iter().flat_map(|theme| theme.iter())
}

/// The requirement with this slug.
#[must_use]
pub fn named(id: &str) -> Option<&'static Requirement> {
    all().find(|requirement| requirement.id == id)
}

/// Whether a requirement's judge looks at the registry export beside the one that it judges.
#[must_use]
pub fn compares_with_registry(id: &str) -> bool {
    id.starts_with("daemon.") || id.starts_with("layout.")
}

/// What the case shows of the questions that the RFC leaves open.
#[must_use]
pub fn observations(_case: &Case<'_>) -> Vec<Observation> {
    Vec::new()
}
