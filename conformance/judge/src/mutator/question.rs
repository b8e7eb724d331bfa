//! Good evidence and what is asked of it: everything of the sample, and of other good evidence what is tried on it.

use std::collections::BTreeSet;

use crate::evidence::{ScenarioEvidence, Target};
use crate::requirements::{self, trials::goods};
use crate::sample::{self, find};
use crate::verdict::Finding;

/// A requirement and where it is judged.
type Question = (String, Target);

/// Good evidence.
pub(super) struct Good {
    pub(super) evidence: ScenarioEvidence,
    asked: BTreeSet<Question>,
}

/// All good evidence that the trials begin with; of those with requirements that differ in nothing but the key that
/// they speak of, the first.
pub(super) fn all() -> Vec<Good> {
    let everything = requirements::all().flat_map(|row| row.targets.iter().map(|target| (row.id.to_owned(), *target)));
    let mut found = vec![Good { evidence: sample::scenario(), asked: everything.collect() }];
    let mut families: BTreeSet<Vec<Question>> = BTreeSet::new();
    for (evidence, asked) in goods() {
        let family: Option<Vec<Question>> = asked.iter().map(family).collect();
        let is_known = family.is_some_and(|family| !families.insert(family));
        if evidence != found[0].evidence && !is_known {
            found.push(Good { evidence, asked });
        }
    }
    found
}

/// The question without its key: `source.title.verbatim` is one of `source.verbatim`.
fn family((slug, target): &Question) -> Option<Question> {
    match slug.split('.').collect::<Vec<_>>().as_slice() {
        [theme, _, what] => Some((format!("{theme}.{what}"), *target)),
        _ => None,
    }
}

/// What is asked about one target, each with how bad the answer to good evidence is.
pub(super) struct Questions {
    target: Target,
    /// The one that noticed last comes first: it is likely to notice what is next to it.
    asked: Vec<(String, u8)>,
}

impl Questions {
    pub(super) fn of(good: &Good, target: Target) -> Self {
        let own = good.asked.iter().filter(|(_, on)| *on == target);
        let asked = own.map(|(slug, _)| (slug.clone(), badness(&find(&good.evidence, slug, target)))).collect();
        Self { target, asked }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    /// Whether an answer is worse than that to good evidence.
    pub(super) fn notice(&mut self, evidence: &ScenarioEvidence) -> bool {
        let is_worse = |(slug, before): &(String, u8)| badness(&find(evidence, slug, self.target)) > *before;
        match self.asked.iter().position(is_worse) {
            Some(index) => {
                self.asked[..=index].rotate_right(1);
                true
            }
            None => false,
        }
    }
}

/// What does not apply is not worse than what holds: neither is reported.
fn badness(finding: &Finding) -> u8 {
    match finding {
        Finding::Holds | Finding::NotApplicable(_) => 0,
        Finding::Absent(_) => 1,
        Finding::Violated(_) => 2,
        Finding::Skipped(_) | Finding::Error(_) => 3,
        Finding::Follows { finding, .. } => badness(finding),
    }
}
