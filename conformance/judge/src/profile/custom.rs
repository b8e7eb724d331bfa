//! A user's own profile: what it extends, and which levels it raises (`docs/profile.md`).

use globset::{Glob, GlobMatcher};
use serde::Deserialize;

use super::Profile;
use crate::evidence::Target;
use crate::requirement::Requirement;
use crate::requirements;
use crate::verdict::Level;

/// Why a text is not a profile. Messages read after "failed to".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// It is not TOML, lacks a key, has an unknown one, or one of another type.
    #[error("read the profile {file}")]
    Format {
        /// The file.
        file: String,
        /// The parser's words.
        source: Box<toml::de::Error>,
    },
    /// The name cannot be used.
    #[error(
        "read the profile {file}: name '{name}' must be lower-case letters, digits and '-', and no built-in profile's"
    )]
    Name {
        /// The file.
        file: String,
        /// The name.
        name: String,
    },
    /// What it extends is not there.
    #[error("read the profile {file}: extends '{extends}' is not a built-in profile; there are {known}")]
    Extends {
        /// The file.
        file: String,
        /// What it says.
        extends: String,
        /// What there is.
        known: String,
    },
    /// A level is none to which one can raise.
    #[error("read the profile {file}: the level of '{pattern}' must be \"MUST\" or \"SHOULD\"")]
    Level {
        /// The file.
        file: String,
        /// The glob.
        pattern: String,
    },
    /// A glob is malformed.
    #[error("read the profile {file}: '{pattern}' is not a glob")]
    Glob {
        /// The file.
        file: String,
        /// The glob.
        pattern: String,
        /// What is wrong with it.
        source: globset::Error,
    },
    /// A glob matches nothing.
    #[error("read the profile {file}: '{pattern}' matches no requirement{place}; see conformance list requirements")]
    NoMatch {
        /// The file.
        file: String,
        /// The glob.
        pattern: String,
        /// ` on <target>` where the table is a target's; else empty.
        place: String,
    },
    /// It would lower a level.
    #[error(
        "read the profile {file}: '{pattern}' lowers {requirement} on {target} from {from} to {to}; a profile can only \
         raise levels"
    )]
    Lowers {
        /// The file.
        file: String,
        /// The glob.
        pattern: String,
        /// The requirement.
        requirement: &'static str,
        /// The target.
        target: Target,
        /// The level that it has.
        from: Level,
        /// The level that it would get.
        to: Level,
    },
}

/// A profile read from a file.
#[derive(Debug, Clone)]
pub struct CustomProfile {
    /// Its name in reports.
    pub name: String,
    /// The file as it was named on the command line.
    pub argument: String,
    /// The built-in profile whose levels it raises.
    pub extends: Profile,
    raises: Vec<Raise>,
}

impl PartialEq for CustomProfile {
    fn eq(&self, other: &Self) -> bool {
        let told = |profile: &Self| -> Vec<(String, Option<Target>, Level)> {
            let raises = profile.raises.iter();
            raises.map(|raise| (raise.glob.glob().glob().to_owned(), raise.target, raise.level)).collect()
        };
        self.name == other.name
            && self.argument == other.argument
            && self.extends == other.extends
            && told(self) == told(other)
    }
}

impl Eq for CustomProfile {}

/// One line of `[levels]`.
#[derive(Debug, Clone)]
struct Raise {
    glob: GlobMatcher,
    target: Option<Target>,
    level: Level,
}

impl Raise {
    fn speaks_of(&self, requirement: &Requirement, target: Target) -> bool {
        self.target.is_none_or(|own| own == target)
            && requirement.targets.contains(&target)
            && self.glob.is_match(requirement.id)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    name: String,
    extends: String,
    #[serde(default)]
    levels: toml::Table,
}

impl CustomProfile {
    /// Reads a profile's text; `file` is what names it in messages and repeat commands.
    ///
    /// # Errors
    /// [`ProfileError`] naming the file and the key at fault.
    pub fn parse(text: &str, file: &str) -> Result<Self, ProfileError> {
        let read: File = toml::from_str(text)
            .map_err(|error| ProfileError::Format { file: file.to_owned(), source: Box::new(error) })?;
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if read.name.is_empty() || !read.name.chars().all(fits) || Profile::named(&read.name).is_some() {
            return Err(ProfileError::Name { file: file.to_owned(), name: read.name });
        }
        let Some(extends) = Profile::named(&read.extends) else {
            let known = Profile::BUILT_IN.map(|profile| profile.name().to_owned()).join(", ");
            return Err(ProfileError::Extends { file: file.to_owned(), extends: read.extends, known });
        };
        let mut raises = Vec::new();
        for (key, value) in &read.levels {
            match (key.parse::<Target>(), value) {
                (Ok(target), toml::Value::Table(table)) => {
                    for (pattern, level) in table {
                        raises.push(raise(file, &extends, pattern, level, Some(target))?);
                    }
                }
                _ => raises.push(raise(file, &extends, key, value, None)?),
            }
        }
        Ok(Self { name: read.name, argument: file.to_owned(), extends, raises })
    }

    /// The level of a requirement on a target: the highest that a line gives it.
    pub(super) fn level(&self, requirement: &Requirement, target: Target) -> Level {
        let raised = self.raises.iter().filter(|raise| raise.speaks_of(requirement, target)).map(|raise| raise.level);
        raised.fold(self.extends.level(requirement, target), Level::max)
    }
}

/// One line, checked against the catalogue.
fn raise(
    file: &str,
    extends: &Profile,
    pattern: &str,
    level: &toml::Value,
    target: Option<Target>,
) -> Result<Raise, ProfileError> {
    let (file, pattern) = (file.to_owned(), pattern.to_owned());
    let level = match level.as_str() {
        Some("MUST") => Level::Must,
        Some("SHOULD") => Level::Should,
        _ => return Err(ProfileError::Level { file, pattern }),
    };
    let glob = match Glob::new(&pattern) {
        Ok(glob) => glob.compile_matcher(),
        Err(source) => return Err(ProfileError::Glob { file, pattern, source }),
    };
    let raise = Raise { glob, target, level };
    let mut matches = false;
    for requirement in requirements::all() {
        for target in requirement.targets.iter().copied().filter(|target| raise.speaks_of(requirement, *target)) {
            matches = true;
            let from = extends.level(requirement, target);
            if level < from {
                return Err(ProfileError::Lowers {
                    file,
                    pattern,
                    requirement: requirement.id,
                    target,
                    from,
                    to: level,
                });
            }
        }
    }
    if !matches {
        let place = target.map_or_else(String::new, |target| format!(" on {target}"));
        return Err(ProfileError::NoMatch { file, pattern, place });
    }
    Ok(raise)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "name = 'ours'\nextends = 'rfc-196'\n[levels]\n'base.pair' = 'MUST'\n'source.*.present' = 'MUST'\n\
        [levels.daemon]\n'digest.history-true' = 'MUST'\n";

    fn level(profile: &CustomProfile, id: &str, target: Target) -> Level {
        profile.level(requirements::named(id).unwrap(), target)
    }

    #[test]
    fn levels_are_raised_where_they_are_meant_to_be() {
        let profile = CustomProfile::parse(GOOD, "ours.toml").unwrap();
        assert_eq!(level(&profile, "base.pair", Target::Registry), Level::Must);
        assert_eq!(level(&profile, "source.title.present", Target::Layout), Level::Must);
        assert_eq!(level(&profile, "digest.history-true", Target::Daemon), Level::Must);
        assert_eq!(level(&profile, "digest.history-true", Target::Registry), Level::Should);
        // What it does not name is as in what it extends.
        assert_eq!(level(&profile, "base.name-present", Target::Layout), Level::Should);
        assert_eq!(level(&profile, "buildpack.annotations-present", Target::Registry), Level::Optional);
        let profile = Profile::Custom(Box::new(profile));
        assert_eq!((profile.name(), profile.argument()), ("ours", "ours.toml"));
    }

    #[test]
    fn what_is_no_profile_is_refused_by_name() {
        let refused = |text: &str| CustomProfile::parse(text, "ours.toml").unwrap_err();
        let with = |lines: &str| refused(&format!("name = 'ours'\nextends = 'strict'\n[levels]\n{lines}\n"));
        assert!(matches!(refused("name = "), ProfileError::Format { .. }));
        let parser_s = |text: &str| std::error::Error::source(&refused(text)).unwrap().to_string();
        assert!(parser_s("extends = 'core'").contains("name"));
        assert!(parser_s("name = 'x'\nextends = 'core'\nmore = 1").contains("`more`"));
        for name in ["strict", "", "Ours", "a b"] {
            let error = refused(&format!("name = '{name}'\nextends = 'core'"));
            assert!(matches!(error, ProfileError::Name { .. }), "{name}");
        }
        assert!(refused("name = 'x'\nextends = 'y'").to_string().ends_with("rfc-196, buildpack-annotations, strict"));
        for level in ["'OPTIONAL'", "'must'", "1", "{}"] {
            assert!(matches!(with(&format!("'base.pair' = {level}")), ProfileError::Level { .. }), "{level}");
        }
        assert!(matches!(with("'base.[' = 'MUST'"), ProfileError::Glob { .. }));
        assert!(with("'base.none' = 'MUST'").to_string().contains("'base.none' matches no requirement;"));
        let elsewhere = with("[levels.daemon]\n'layout.*' = 'MUST'").to_string();
        assert!(elsewhere.contains("matches no requirement on daemon"), "{elsewhere}");
        let lowers = with("'base.p*' = 'SHOULD'").to_string();
        assert!(lowers.contains("lowers base.pair on registry from MUST to SHOULD"), "{lowers}");
        assert!(matches!(with("'*' = 'SHOULD'"), ProfileError::Lowers { .. }));
    }
}
