//! One sentence for each built-in profile, and for a user's own one that decides: conformant where, not conformant
//! where, and what was not observed.

use std::collections::BTreeMap;

use judge::evidence::Target;
use judge::profile::Profile;
use judge::requirements;
use judge::verdict::{Answer, Level, Verdict};
use serde::{Deserialize, Serialize};

/// The answer for one profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Headline {
    /// The profile's name.
    pub profile: String,
    /// One word for each target.
    pub targets: BTreeMap<Target, TargetAnswer>,
    /// False where nothing was observed of what the profile asks beyond `core`.
    pub shown: bool,
    /// The sentence.
    pub text: String,
}

/// How an exporter stands on one target under one profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetAnswer {
    /// Nothing judged fails.
    Conformant,
    /// Nothing judged fails in a quick run, which is not an answer.
    NothingFailed,
    /// Something fails.
    NotConformant,
    /// The suite or a service failed, so it cannot be said.
    Undecided,
    /// Nothing was judged.
    NotObserved,
}

/// The answer to a verdict under another profile. Only violations weigh differently; what is OPTIONAL in the catalogue
/// can be violated only by not being there. What follows from a violation weighs in it, under every profile.
#[must_use]
pub fn under(profile: &Profile, verdict: &Verdict) -> Answer {
    if !matches!(verdict.verdict, Answer::Fail | Answer::Warn | Answer::Absent) {
        return verdict.verdict;
    }
    let level = |id: &String| requirements::named(id).map(|row| profile.level(row, verdict.target));
    match std::iter::once(&verdict.requirement).chain(&verdict.followed_by).filter_map(level).max() {
        Some(Level::Must) => Answer::Fail,
        Some(Level::Should) => Answer::Warn,
        Some(Level::Optional) => Answer::Absent,
        None => verdict.verdict,
    }
}

/// How much of the suite the verdicts are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All scenarios that were asked for.
    Full,
    /// The few scenarios of a quick run, from which conformance does not follow.
    Quick,
}

impl Extent {
    /// That of a run.
    #[must_use]
    pub const fn of_run(is_quick: bool) -> Self {
        if is_quick { Self::Quick } else { Self::Full }
    }
}

/// The headline of every built-in profile, and of the deciding one where that is a user's own; `asked` are the targets
/// that the run was to observe.
#[must_use]
pub fn headlines(verdicts: &[Verdict], asked: &[Target], decides: &Profile, extent: Extent) -> Vec<Headline> {
    let own = matches!(decides, Profile::Custom(_)).then_some(decides);
    Profile::BUILT_IN.iter().chain(own).map(|profile| headline(profile, verdicts, asked, extent)).collect()
}

fn headline(profile: &Profile, verdicts: &[Verdict], asked: &[Target], extent: Extent) -> Headline {
    let of_a_target = |target| match standing(profile, verdicts, target) {
        TargetAnswer::Conformant if extent == Extent::Quick => TargetAnswer::NothingFailed,
        standing => standing,
    };
    let targets: BTreeMap<Target, TargetAnswer> =
        Target::ALL.into_iter().map(|target| (target, of_a_target(target))).collect();
    let shown = beyond_core_was_observed(profile, verdicts);
    let names = |standing: TargetAnswer| -> Vec<&str> {
        targets
            .iter()
            .filter(|(target, is)| {
                **is == standing && (standing != TargetAnswer::NotObserved || asked.contains(target))
            })
            .map(|(target, _)| target.name())
            .collect()
    };
    let mut parts = Vec::new();
    for (standing, words) in [
        (TargetAnswer::NotConformant, "not conformant on"),
        (TargetAnswer::Conformant, "conformant on"),
        (TargetAnswer::NothingFailed, "nothing failed on"),
        (TargetAnswer::Undecided, "undecided on"),
    ] {
        let names = names(standing);
        if !names.is_empty() {
            parts.push(format!("{words} {}", listed(&names)));
        }
    }
    let missing = names(TargetAnswer::NotObserved);
    if !missing.is_empty() {
        parts.push(format!("{} not observed", listed(&missing)));
    }
    let text = if shown {
        parts.join("; ")
    } else {
        format!("{} (as core; nothing that this profile asks beyond it was exercised)", parts.join("; "))
    };
    Headline { profile: profile.name().to_owned(), targets, shown, text }
}

fn standing(profile: &Profile, verdicts: &[Verdict], target: Target) -> TargetAnswer {
    let answers: Vec<Answer> =
        verdicts.iter().filter(|verdict| verdict.target == target).map(|verdict| under(profile, verdict)).collect();
    let any = |wanted: &[Answer]| answers.iter().any(|answer| wanted.contains(answer));
    if any(&[Answer::Fail]) {
        TargetAnswer::NotConformant
    } else if any(&[Answer::Error]) {
        TargetAnswer::Undecided
    } else if any(&[Answer::Pass, Answer::Warn, Answer::Absent]) {
        TargetAnswer::Conformant
    } else {
        TargetAnswer::NotObserved
    }
}

fn beyond_core_was_observed(profile: &Profile, verdicts: &[Verdict]) -> bool {
    *profile == Profile::Core
        || verdicts.iter().any(|verdict| {
            let judged = matches!(verdict.verdict, Answer::Pass | Answer::Fail | Answer::Warn | Answer::Absent);
            let raised = requirements::named(&verdict.requirement)
                .is_some_and(|row| profile.level(row, verdict.target) > row.level);
            judged && raised
        })
}

fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
