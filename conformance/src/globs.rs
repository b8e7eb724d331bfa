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
