//! What is judged and how: plain facts in, verdicts out. No I/O, no async, no clock.
//!
//! [`evidence`] is what was observed, [`requirements`] is the catalogue, [`judge`] brings them together under a
//! [`profile::Profile`] and yields [`verdict::Verdict`]s and [`observation::Observation`]s.
//!
//! A run in which one scenario could not be attempted on a registry, and what is said of each requirement there:
//!
//! ```
//! use judge::evidence::{EVIDENCE_VERSION, NotRun, NotRunCause, Phase, ScenarioEvidence, Target};
//! use judge::profile::Profile;
//! use judge::verdict::Answer;
//!
//! let mut evidence = ScenarioEvidence {
//!     version: EVIDENCE_VERSION,
//!     scenario: "minimal".to_owned(),
//!     exports: Vec::new(),
//!     rebases: Vec::new(),
//!     not_run: vec![NotRun {
//!         target: Target::Registry,
//!         service: "registry".to_owned(),
//!         reason: "there is no registry here".to_owned(),
//!         cause: NotRunCause::NotHere,
//!         phase: Phase::Exporter,
//!     }],
//! };
//! let selection = judge::Selection::of(Profile::Rfc196);
//! let judgement = judge::judge(std::slice::from_ref(&evidence), &selection);
//! assert!(!judgement.verdicts.is_empty());
//! assert!(judgement.verdicts.iter().all(|verdict| verdict.verdict == Answer::Skipped));
//!
//! // The same evidence with one fact changed: the suite itself failed, which is told once.
//! evidence.not_run[0].cause = NotRunCause::HarnessFailed;
//! let judgement = judge::judge(&[evidence], &selection);
//! let errors = judgement.verdicts.iter().filter(|verdict| verdict.verdict == Answer::Error);
//! assert_eq!(errors.count(), 1);
//! ```

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

/// Version of the catalogue: the first 8 hexadecimal digits of a hash of everything that decides a verdict, made by
/// `build.rs`. Two programs with the same version judge alike.
pub const CATALOGUE_VERSION: &str = env!("CATALOGUE_VERSION");
