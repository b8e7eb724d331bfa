//! Failures put together by what they come of: a requirement on all targets is one cause, and so are the requirements
//! that ask one thing of each annotation. What follows from another failure is not a verdict of `fail` and is not here.

use std::collections::{BTreeMap, BTreeSet};

use judge::verdict::Verdict;

use super::Failing;
use crate::report::groups::theme_of;

/// What the requirements of a cause have in common: `source.*.present` for one of `source.title.present`.
pub(super) fn cause_of(requirement: &str) -> String {
    match requirement.split('.').collect::<Vec<_>>().as_slice() {
        [theme, _, asked] => format!("{theme}.*.{asked}"),
        _ => requirement.to_owned(),
    }
}

/// Failures in the order in which they are kept: one of each theme, then a second one of each.
pub(super) fn in_turn<T>(failed: BTreeMap<Failing, T>) -> Vec<(Failing, T)> {
    let mut causes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut ranked: Vec<(usize, Failing, T)> = Vec::new();
    for (failing, found) in failed {
        let of_theme = causes.entry(theme_of(&failing.requirement).to_owned()).or_default();
        let cause = cause_of(&failing.requirement);
        let rank = of_theme.iter().position(|known| *known == cause).unwrap_or(of_theme.len());
        of_theme.insert(cause);
        ranked.push((rank, failing, found));
    }
    ranked.sort_by_key(|(rank, ..)| *rank);
    ranked.into_iter().map(|(_, failing, found)| (failing, found)).collect()
}

/// Verdicts with the numbers of their cases, by case.
pub(super) type Found = Vec<(u64, Verdict)>;

#[cfg(test)]
mod tests {
    use judge::evidence::Target;

    use super::*;

    #[test]
    fn what_asks_the_same_of_each_annotation_is_one_cause() {
        assert_eq!(cause_of("source.title.present"), cause_of("source.licenses.present"));
        assert_ne!(cause_of("source.title.present"), cause_of("source.title.verbatim"));
        assert_ne!(cause_of("base.name-present"), cause_of("base.digest-present"));
    }

    #[test]
    fn every_theme_has_its_turn_before_a_second_one_of_any() {
        let failed = ["base.a", "base.b", "base.c", "platform.x", "source.title.present", "source.version.present"];
        let failing = |name: &&str| Failing { requirement: (*name).to_owned(), target: Target::Registry };
        let order = in_turn(failed.iter().map(|name| (failing(name), ())).collect());
        let names: Vec<&str> = order.iter().map(|(failing, ())| failing.requirement.as_str()).collect();
        assert_eq!(
            names,
            ["base.a", "platform.x", "source.title.present", "source.version.present", "base.b", "base.c"]
        );
    }
}
