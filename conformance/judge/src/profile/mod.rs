//! Profiles: sets of levels. A profile only raises what the catalogue says, never lowers it.

mod custom;

use crate::evidence::Target;
use crate::requirement::{Demand, Requirement};
use crate::verdict::Level;

pub use custom::{CustomProfile, ProfileError};

/// A profile: a built-in one (the shared catalogue, Profiles) or a user's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Profile {
    /// Every requirement at its own level.
    Core,
    /// `core`, and the RFC's annotations are demanded.
    Rfc196,
    /// `core`, and annotations that buildpacks contribute are demanded.
    BuildpackAnnotations,
    /// `rfc-196`, and every SHOULD is a MUST.
    Strict,
    /// A user's own (`docs/profile.md`).
    Custom(Box<CustomProfile>),
}

impl Profile {
    /// All built-in profiles, in the order of headlines.
    pub const BUILT_IN: [Self; 4] = [Self::Core, Self::Rfc196, Self::BuildpackAnnotations, Self::Strict];

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Core => "core",
            Self::Rfc196 => "rfc-196",
            Self::BuildpackAnnotations => "buildpack-annotations",
            Self::Strict => "strict",
            Self::Custom(own) => &own.name,
        }
    }

    /// What names it on the command line: a built-in one's name, an own one's file.
    #[must_use]
    pub fn argument(&self) -> &str {
        match self {
            Self::Custom(own) => &own.argument,
            built_in => built_in.name(),
        }
    }

    /// What it is, in one sentence.
    #[must_use]
    pub fn summary(&self) -> String {
        match self {
            Self::Core => "every requirement at its own level: an exporter that sets no annotation can pass".to_owned(),
            Self::Rfc196 => "core, and the nine annotations of RFC 196 are demanded on the registry".to_owned(),
            Self::BuildpackAnnotations => {
                "core, and the annotations that buildpacks contribute are demanded".to_owned()
            }
            Self::Strict => "rfc-196, and every SHOULD counts as a MUST".to_owned(),
            Self::Custom(own) => format!("{}, and what {} raises", own.extends.name(), own.argument),
        }
    }

    /// The built-in profile of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::BUILT_IN.into_iter().find(|profile| profile.name() == name)
    }

    /// The level of a requirement on a target.
    #[must_use]
    pub fn level(&self, requirement: &Requirement, target: Target) -> Level {
        let own = requirement.level;
        match self {
            Self::Rfc196 => own.max(rfc_196(requirement.demanded_by, target)),
            Self::BuildpackAnnotations if requirement.demanded_by == Demand::BuildpackAnnotations => Level::Must,
            Self::Core | Self::BuildpackAnnotations => own,
            Self::Strict => match own.max(rfc_196(requirement.demanded_by, target)) {
                Level::Should | Level::Must => Level::Must,
                Level::Optional => Level::Optional,
            },
            Self::Custom(profile) => profile.level(requirement, target),
        }
    }
}

impl std::fmt::Display for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The RFC speaks of publishing to a registry, so its annotations are a MUST there and a SHOULD in a layout.
fn rfc_196(demand: Demand, target: Target) -> Level {
    match (demand, target) {
        (Demand::Rfc196, _) | (Demand::Rfc196Annotation, Target::Registry) => Level::Must,
        (Demand::Rfc196Annotation, Target::Layout) => Level::Should,
        _ => Level::Optional,
    }
}

#[cfg(test)]
mod tests;
