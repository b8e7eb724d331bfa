//! Globs over names.

use globset::{Glob, GlobBuilder, GlobMatcher, GlobSet, GlobSetBuilder};
use serde::{Deserialize, Serialize};

/// A pattern of the paths of requests, whose `*` spans slashes.
///
/// # Errors
/// [`globset::Error`], where it is not a pattern.
pub fn of_paths(pattern: &str) -> Result<GlobMatcher, globset::Error> {
    Ok(GlobBuilder::new(pattern).literal_separator(false).build()?.compile_matcher())
}

/// Globs as they were given, and the set that they make; without one, every name is meant.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Patterns {
    given: Vec<String>,
    set: Option<GlobSet>,
}

impl Patterns {
    /// The set; none where every name is meant.
    #[must_use]
    pub fn set(&self) -> Option<&GlobSet> {
        self.set.as_ref()
    }

    /// Whether a name is meant.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        self.set.as_ref().is_none_or(|set| set.is_match(name))
    }
}

impl Patterns {
    /// The first pattern that none of these names is meant by.
    #[must_use]
    pub fn idle(&self, names: &[&str]) -> Option<&str> {
        let is_idle = |pattern: &&String| {
            Glob::new(pattern).is_ok_and(|glob| {
                let matcher = glob.compile_matcher();
                !names.iter().any(|name| matcher.is_match(name))
            })
        };
        self.given.iter().find(is_idle).map(String::as_str)
    }
}

/// The name that a misspelt one most likely was meant to be.
#[must_use]
pub fn nearest<'a>(given: &str, names: &[&'a str]) -> Option<&'a str> {
    /// From which likeness on, of 0 to 1, a name is taken for a misspelt one.
    const ALIKE: f64 = 0.9;
    let likeness = |name: &str| strsim::jaro_winkler(given, name);
    let best = names.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    best.copied().filter(|name| likeness(name) >= ALIKE)
}

impl PartialEq for Patterns {
    fn eq(&self, other: &Self) -> bool {
        self.given == other.given
    }
}

impl Eq for Patterns {}

impl TryFrom<Vec<String>> for Patterns {
    type Error = globset::Error;

    fn try_from(given: Vec<String>) -> Result<Self, Self::Error> {
        let mut builder = GlobSetBuilder::new();
        for pattern in &given {
            builder.add(Glob::new(pattern)?);
        }
        let set = if given.is_empty() { None } else { Some(builder.build()?) };
        Ok(Self { given, set })
    }
}

impl From<Patterns> for Vec<String> {
    fn from(patterns: Patterns) -> Self {
        patterns.given
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_names_nothing_is_found_among_those_that_do() {
        let names = ["minimal", "app-alone"];
        let idle = |given: &[&str]| {
            let patterns = Patterns::try_from(given.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>()).unwrap();
            patterns.idle(&names).map(str::to_owned)
        };
        assert_eq!(idle(&["minimal", "app-*", "{minimal,none}"]), None);
        assert_eq!(idle(&[]), None);
        assert_eq!(idle(&["minimal", "minmal"]).as_deref(), Some("minmal"));
        assert_eq!(nearest("minmal", &names), Some("minimal"));
        assert_eq!(nearest("nothing", &names), None);
    }
}
