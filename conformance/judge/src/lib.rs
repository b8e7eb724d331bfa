//! What is judged and how: plain facts in, verdicts out. No I/O, no async, no clock.
//!
//! [`evidence`] is what was observed, [`requirements`] is the catalogue, [`judge`] brings them together under a
//! [`profile::Profile`] and yields [`verdict::Verdict`]s and [`observation::Observation`]s.

mod ask;
pub mod difference;
pub mod digest;
pub mod evidence;
mod forms;
#[cfg(test)]
pub mod harmless;
pub mod json;
mod judge;
pub mod log;
mod memo;
#[cfg(test)]
mod mutator;
pub mod observation;
pub mod profile;
pub mod reference;
pub mod repeat;
pub mod requirement;
pub mod requirements;
#[cfg(test)]
pub mod sample;
mod selection;
#[cfg(test)]
pub mod trial;
pub mod verdict;
pub mod view;

pub use judge::{Judgement, judge};
pub use selection::Selection;

/// Version of the catalogue: changes whenever a requirement is added or judged differently.
pub const CATALOGUE_VERSION: &str = "2026.19";
