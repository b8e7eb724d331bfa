//! What differs between the outputs of builds, gathered over all builds: for every pair of places how many fields are
//! the same, which classes permit the others, and what none permits.

use std::collections::{BTreeMap, BTreeSet};

use judge::difference::{Comparison, Relation, Side, Stage};

/// Two places, over all builds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Between<'a> {
    /// One side.
    pub left: &'a Side,
    /// The other side, further from the exporter.
    pub right: &'a Side,
    /// Builds that were compared.
    pub builds: usize,
    /// Fields that are the same, all builds together.
    pub identical: usize,
    /// Differing fields of each class, all builds together.
    pub expected: BTreeMap<&'a str, usize>,
    /// Fields that no class permits to differ, and the scenarios in which they do.
    pub unexpected: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

/// Every pair of places, from the registry export outwards.
#[must_use]
pub fn between(comparisons: &[Comparison]) -> Vec<Between<'_>> {
    let mut found: Vec<Between<'_>> = Vec::new();
    for comparison in comparisons {
        let (left, right) = (&comparison.left, &comparison.right);
        let known = found.iter().position(|pair| pair.left == left && pair.right == right);
        let at = known.unwrap_or_else(|| {
            let (expected, unexpected) = (BTreeMap::new(), BTreeMap::new());
            found.push(Between { left, right, builds: 0, identical: 0, expected, unexpected });
            found.len() - 1
        });
        let pair = &mut found[at];
        pair.builds += 1;
        pair.identical += comparison.identical.len();
        for difference in &comparison.differences {
            match difference.relation {
                Relation::Expected => *pair.expected.entry(&difference.class).or_default() += 1,
                Relation::Unexpected => {
                    pair.unexpected.entry(&difference.field).or_default().insert(&comparison.scenario);
                }
            }
        }
    }
    found.sort_by_key(|pair| order(pair));
    found
}

/// Layouts before daemons; of a daemon what it holds before what it pushed, and that before what it pulled back.
fn order<'a>(pair: &Between<'a>) -> (bool, &'a str, Stage, bool) {
    (!pair.right.is_layout(), &pair.right.service, pair.right.stage, !pair.left.is_registry())
}

impl Between<'_> {
    /// Differing fields that a class permits.
    #[must_use]
    pub fn expected_fields(&self) -> usize {
        self.expected.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comparison(left: &str, right: &str) -> Comparison {
        let (left, right, identical) = (left.into(), right.into(), vec!["config.os".to_owned()]);
        Comparison { scenario: "one".to_owned(), step: 1, left, right, identical, differences: Vec::new() }
    }

    #[test]
    fn pairs_are_in_the_order_in_which_an_image_travels() {
        let all = [
            comparison("daemon:podman pushed", "daemon:podman pulled back"),
            comparison("registry", "daemon:podman pushed"),
            comparison("daemon:classic", "daemon:classic pushed"),
            comparison("registry", "daemon:podman"),
            comparison("registry", "daemon:classic"),
            comparison("registry", "layout"),
            comparison("registry", "layout"),
        ];
        let found = between(&all);
        let names: Vec<(String, String, usize)> =
            found.iter().map(|pair| (pair.left.to_string(), pair.right.to_string(), pair.builds)).collect();
        let names: Vec<(&str, &str, usize)> =
            names.iter().map(|(left, right, builds)| (left.as_str(), right.as_str(), *builds)).collect();
        assert_eq!(
            names,
            [
                ("registry", "layout", 2),
                ("registry", "daemon:classic", 1),
                ("daemon:classic", "daemon:classic pushed", 1),
                ("registry", "daemon:podman", 1),
                ("registry", "daemon:podman pushed", 1),
                ("daemon:podman pushed", "daemon:podman pulled back", 1),
            ]
        );
    }
}
