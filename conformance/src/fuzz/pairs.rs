//! Builds that cover every pair of values of the dimensions that can be combined: greedy, from a seed. A pair counts
//! where one export of the scenario that a build becomes shows both values, not where they were asked for.

use std::collections::BTreeSet;

use judge::evidence::Target;

use super::folder;
use crate::generated::Build;
use crate::promises::{self, Dimension, Make, StepView};
use crate::scenario::materialise::MaterialiseError;
use crate::scenario::{Scenario, ScenarioError};

/// Builds that are tried for a pair, the last of them plain except for the pair.
const TRIES: usize = 6;

/// Why no builds could be made: a fault of the generator.
#[derive(Debug, thiserror::Error)]
pub enum PairsError {
    /// A build is not a valid scenario.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// A build cannot be laid out.
    #[error(transparent)]
    Inputs(#[from] MaterialiseError),
    /// A pair is shown by no build.
    #[error("combine {one} with {other}: no generated build shows both")]
    Uncovered {
        /// A value with its dimension.
        one: String,
        /// The other one.
        other: String,
    },
}

/// Builds, and what they cover.
pub struct Plan {
    /// The builds.
    pub builds: Vec<Build>,
    /// Pairs that there are; all of them are covered.
    pub pairs: usize,
    /// How many each build covers that those before it do not.
    covers: Vec<usize>,
}

impl Plan {
    /// Pairs that the first builds cover.
    #[must_use]
    pub fn covered(&self, builds: u64) -> usize {
        self.covers.iter().take(usize::try_from(builds).unwrap_or(usize::MAX)).sum()
    }
}

/// A value that can be combined.
struct Combined {
    /// Which of the dimensions.
    dimension: usize,
    /// Which of its values.
    value: usize,
    make: Make,
}

type Pair = (usize, usize);

/// Plans builds for all pairs of the table of promises.
///
/// # Errors
/// [`PairsError`] where a pair cannot be covered.
pub fn plan(seed: u64) -> Result<Plan, PairsError> {
    Planner::new(seed).plan()
}

struct Planner {
    dimensions: Vec<Dimension>,
    values: Vec<Combined>,
    chance: Chance,
    left: BTreeSet<Pair>,
}

impl Planner {
    fn new(seed: u64) -> Self {
        let dimensions = promises::dimensions();
        let combined = |(at, dimension): (usize, &Dimension)| -> Vec<Combined> {
            let made = dimension.values.iter().enumerate().filter_map(|(value, one)| Some((value, one.make?)));
            made.map(|(value, make)| Combined { dimension: at, value, make }).collect()
        };
        let groups = dimensions.iter().enumerate().map(combined).filter(|group| group.len() > 1);
        let values: Vec<Combined> = groups.flatten().collect();
        let mut found = Self { dimensions, values, chance: Chance(seed), left: BTreeSet::new() };
        found.left = found.all();
        found
    }

    /// Every pair of values of two dimensions.
    fn all(&self) -> BTreeSet<Pair> {
        let count = self.values.len();
        let pairs = (0..count).flat_map(|one| (one + 1..count).map(move |other| (one, other)));
        pairs.filter(|(one, other)| self.values[*one].dimension != self.values[*other].dimension).collect()
    }

    fn name(&self, at: usize) -> &str {
        let value = &self.values[at];
        &self.dimensions[value.dimension].values[value.value].name
    }

    fn told(&self, at: usize) -> String {
        format!("{}: {}", self.dimensions[self.values[at].dimension].name, self.name(at))
    }

    fn plan(mut self) -> Result<Plan, PairsError> {
        let (mut builds, mut covers) = (Vec::new(), Vec::new());
        let pairs = self.left.len();
        while let Some(pair) = self.next() {
            let mut is_shown = false;
            for number in 0..TRIES {
                let build = self.build(&self.assignment(pair, number));
                let shown = self.shown(&build)?;
                if shown.contains(&pair) {
                    let before = self.left.len();
                    self.left.retain(|left| !shown.contains(left));
                    covers.push(before - self.left.len());
                    builds.push(build);
                    is_shown = true;
                    break;
                }
                self.chance.next();
            }
            if !is_shown {
                return Err(PairsError::Uncovered { one: self.told(pair.0), other: self.told(pair.1) });
            }
        }
        Ok(Plan { builds, pairs, covers })
    }

    /// One of the pairs that are left, by chance.
    fn next(&mut self) -> Option<Pair> {
        let count = self.left.len();
        let at = if count == 0 { 0 } else { self.chance.below(count) };
        self.left.iter().nth(at).copied()
    }

    /// A value for each dimension: those of the pair, and of every other that which covers the most pairs. Where that
    /// did not show the pair, others by chance, and at last those that are plain.
    fn assignment(&self, pair: Pair, number: usize) -> Vec<usize> {
        let mut chance = Chance(self.chance.0.wrapping_add(number as u64));
        let mut chosen = vec![pair.0, pair.1];
        let taken = [self.values[pair.0].dimension, self.values[pair.1].dimension];
        let mut others: Vec<usize> = self.values.iter().map(|value| value.dimension).collect();
        others.dedup();
        others.retain(|dimension| !taken.contains(dimension));
        chance.shuffle(&mut others);
        for dimension in others {
            let of: Vec<usize> = (0..self.values.len()).filter(|at| self.values[*at].dimension == dimension).collect();
            let covers = |at: usize| chosen.iter().filter(|other| self.left.contains(&ordered(at, **other))).count();
            let most = of.iter().map(|at| covers(*at)).max().unwrap_or_default();
            let best: Vec<usize> = of.iter().copied().filter(|at| covers(*at) == most).collect();
            let next = match number {
                0 => best[chance.below(best.len())],
                last if last + 1 == TRIES => of[0],
                _ => of[chance.below(of.len())],
            };
            chosen.push(next);
        }
        chosen.sort_unstable();
        chosen
    }

    fn build(&self, assignment: &[usize]) -> Build {
        let mut build = Build::plain();
        for at in assignment {
            (self.values[*at].make)(&mut build);
        }
        build
    }

    /// Pairs of which an export of the build's scenario shows both values.
    fn shown(&self, build: &Build) -> Result<BTreeSet<Pair>, PairsError> {
        let scenario: Scenario = folder::scenario(build, "pair")?;
        let mut found = BTreeSet::new();
        for (index, step) in scenario.file.steps.iter().enumerate() {
            let seen = StepView::new(&scenario, step, index + 1, Target::Registry)?;
            let is_shown = |value: &Combined| self.dimensions[value.dimension].values[value.value].is_shown(&seen);
            let shown: Vec<usize> = (0..self.values.len()).filter(|at| is_shown(&self.values[*at])).collect();
            for (at, one) in shown.iter().enumerate() {
                found.extend(shown[at + 1..].iter().map(|other| (*one, *other)));
            }
        }
        Ok(found)
    }
}

fn ordered(one: usize, other: usize) -> Pair {
    (one.min(other), one.max(other))
}

/// Numbers from a seed (`SplitMix64`).
pub struct Chance(pub u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `count`, which is not 0.
    pub fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next() % count.max(1) as u64).unwrap_or_default()
    }

    fn shuffle(&mut self, items: &mut [usize]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_is_covered() {
        let plan = plan(1).unwrap();
        let planner = Planner::new(1);
        let mut left = planner.left.clone();
        assert_eq!(left.len(), plan.pairs);
        for build in &plan.builds {
            let shown = planner.shown(build).unwrap();
            left.retain(|pair| !shown.contains(pair));
        }
        assert!(
            left.is_empty(),
            "{:?}",
            left.iter().map(|pair| (planner.told(pair.0), planner.told(pair.1))).collect::<Vec<_>>()
        );
        assert_eq!((plan.covered(0), plan.covered(u64::MAX)), (0, plan.pairs));
        assert!(plan.pairs > 1000 && plan.builds.len() * 4 < plan.pairs, "{} in {}", plan.pairs, plan.builds.len());
    }

    #[test]
    fn the_same_seed_gives_the_same_builds_and_another_gives_others() {
        let [one, again, other] = [7, 7, 8].map(|seed| plan(seed).unwrap().builds);
        assert!(one == again && one != other);
    }

    #[test]
    fn chance_reaches_every_number() {
        let mut chance = Chance(3);
        let found: BTreeSet<usize> = (0..100).map(|_| chance.below(5)).collect();
        assert_eq!(found.len(), 5);
    }
}
