//! Names of images as a platform would give them: drawn anew for every run, so that no exporter knows a scenario by its
//! name. Evidence keeps both; reports have the scenario's.

use judge::digest::Digest;

/// Words of one length: the names of two runs make images of one size.
const WHAT: [&str; 16] = [
    "payments", "accounts", "checkout", "shipping", "invoices", "products", "messages", "calendar", "identity",
    "sessions", "receipts", "profiles", "webhooks", "delivery", "bookings", "training",
];
const KIND: [&str; 8] = ["service", "backend", "gateway", "workers", "website", "handler", "console", "manager"];
/// Letters of the last part: none of them makes a word with the others.
const LETTERS: &[u8; 16] = b"bcdfghjkmpqrtvxz";

/// What a run draws its names by.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    seed: String,
}

impl Names {
    /// Names of this seed.
    #[must_use]
    pub(crate) fn of(seed: impl Into<String>) -> Self {
        Self { seed: seed.into() }
    }

    /// Names that no other run has.
    #[must_use]
    pub(crate) fn drawn() -> Self {
        let now = jiff::Timestamp::now().as_nanosecond();
        Self::of(format!("{now}-{}", std::process::id()))
    }

    /// What they are drawn by.
    #[must_use]
    pub(crate) fn seed(&self) -> &str {
        &self.seed
    }

    /// The word that stands for a scenario: the same throughout a run.
    #[must_use]
    pub(crate) fn project(&self, scenario: &str) -> String {
        let drawn = Digest::of(format!("{}/{scenario}", self.seed).as_bytes());
        let digits: Vec<usize> =
            drawn.encoded().chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as usize).collect();
        let digit = |at: usize| digits.get(at).copied().unwrap_or_default();
        let last: String = (2..10).map(|at| char::from(LETTERS[digit(at) % LETTERS.len()])).collect();
        format!("{}-{}-{last}", WHAT[digit(0) % WHAT.len()], KIND[digit(1) % KIND.len()])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_name_is_one_of_a_platform_the_same_in_a_run_and_another_in_another() {
        let (one, other) = (Names::of("1"), Names::of("2"));
        assert_eq!(one.project("minimal"), Names::of(one.seed()).project("minimal"));
        assert_ne!(one.project("minimal"), other.project("minimal"));
        let all: BTreeSet<String> = (0..2000).map(|number| one.project(&format!("errors-{number}"))).collect();
        assert_eq!(all.len(), 2000);
        for name in &all {
            assert_eq!(name.len(), "payments-service-bcdfghjk".len(), "{name}");
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{name}");
            for word in ["conformance", "scenario", "suite", "test", "error"] {
                assert!(!name.contains(word), "{name}");
            }
        }
    }

    #[test]
    fn two_runs_draw_by_different_seeds() {
        assert_ne!(Names::drawn().seed(), Names::drawn().seed());
    }
}
