//! One part of the scenarios of a run, so that several machines share it: the same scenarios give the same parts.

use judge::evidence::Target;
use serde::{Deserialize, Serialize};

use crate::scenario::Scenario;

/// Part `index` of `of`, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shard {
    /// Which part, from 1.
    pub index: usize,
    /// How many parts there are.
    pub of: usize,
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl std::str::FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "a shard is K/N with K from 1 to N, such as 2/4".to_owned();
        let (index, of) = text.split_once('/').ok_or_else(wrong)?;
        let shard = Self { index: index.parse().map_err(|_| wrong())?, of: of.parse().map_err(|_| wrong())? };
        if (1..=shard.of).contains(&shard.index) && shard.of <= 1000 { Ok(shard) } else { Err(wrong()) }
    }
}

impl Shard {
    /// The scenarios of this part. What weighs most is given first, to the part that has least; what a machine happens
    /// to have (daemons) does not count, so that all machines agree.
    #[must_use]
    pub fn of(self, scenarios: Vec<Scenario>, targets: &[Target]) -> Vec<Scenario> {
        let mut weighed: Vec<(usize, Scenario)> =
            scenarios.into_iter().map(|scenario| (weight(&scenario, targets), scenario)).collect();
        weighed.sort_by(|(a, one), (b, other)| b.cmp(a).then_with(|| one.name.cmp(&other.name)));
        let mut loads = vec![0; self.of];
        let mut own = Vec::new();
        for (weight, scenario) in weighed {
            let lightest = loads.iter().enumerate().min_by_key(|(_, load)| **load).map_or(0, |(part, _)| part);
            loads[lightest] += weight;
            if lightest + 1 == self.index {
                own.push(scenario);
            }
        }
        own.sort_by(|a, b| a.name.cmp(&b.name));
        own
    }
}

/// Exports that a scenario asks for on one daemon at most; 1 where it asks for none, so that it is in one part too.
fn weight(scenario: &Scenario, targets: &[Target]) -> usize {
    let asked = scenario.file.targets.iter().filter(|target| targets.contains(target)).count();
    (asked * scenario.file.steps.len()).max(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::scenario;

    #[test]
    fn the_parts_are_the_whole_without_overlap_and_none_is_much_heavier() {
        let all = scenario::built_in().unwrap();
        let whole: BTreeSet<String> = all.iter().map(|scenario| scenario.name.clone()).collect();
        for of in [1, 2, 3, 7] {
            let parts: Vec<Vec<Scenario>> =
                (1..=of).map(|index| Shard { index, of }.of(all.clone(), &Target::ALL)).collect();
            let names: Vec<String> = parts.iter().flatten().map(|scenario| scenario.name.clone()).collect();
            assert_eq!((names.len(), names.into_iter().collect()), (whole.len(), whole.clone()), "{of}");
            let loads: Vec<usize> =
                parts.iter().map(|part| part.iter().map(|s| weight(s, &Target::ALL)).sum()).collect();
            let heaviest = all.iter().map(|s| weight(s, &Target::ALL)).max().unwrap();
            assert!(loads.iter().max().unwrap() - loads.iter().min().unwrap() <= heaviest, "{loads:?}");
        }
    }

    #[test]
    fn a_part_beyond_the_last_is_none() {
        assert_eq!("2/4".parse(), Ok(Shard { index: 2, of: 4 }));
        for wrong in ["0/4", "5/4", "1", "a/b", "1/0", "-1/2", ""] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}
