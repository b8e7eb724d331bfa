//! Profiles: sets of levels. A profile only raises what the catalogue says, never lowers it.

use serde::{Deserialize, Serialize};

use crate::evidence::Target;
use crate::requirement::Requirement;
use crate::verdict::Level;

/// The built-in profiles (the shared catalogue, Profiles).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Profile {
    /// Every requirement at its own level.
    #[serde(rename = "core")]
    Core,
    /// `core`, and the RFC's annotations are demanded.
    #[serde(rename = "rfc-196")]
    Rfc196,
    /// `core`, and annotations that buildpacks contribute are demanded.
    #[serde(rename = "buildpack-annotations")]
    BuildpackAnnotations,
    /// `rfc-196`, and every SHOULD is a MUST.
    #[serde(rename = "strict")]
    Strict,
}

impl Profile {
    /// All built-in profiles, in the order of headlines.
    pub const ALL: [Self; 4] = [Self::Core, Self::Rfc196, Self::BuildpackAnnotations, Self::Strict];

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Rfc196 => "rfc-196",
            Self::BuildpackAnnotations => "buildpack-annotations",
            Self::Strict => "strict",
        }
    }

    /// What it is, in one sentence.
    #[must_use]
    pub fn summary(self) -> &'static str {
        match self {
            Self::Core => "every requirement at its own level: an exporter that sets no annotation can pass",
            Self::Rfc196 => "core, and the nine annotations of RFC 196 are demanded on the registry",
            Self::BuildpackAnnotations => "core, and the annotations that buildpacks contribute are demanded",
            Self::Strict => "rfc-196, and every SHOULD counts as a MUST",
        }
    }

    /// The profile of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }

    /// The level of a requirement on a target.
    #[must_use]
    pub fn level(self, requirement: &Requirement, target: Target) -> Level {
        let own = requirement.level;
        match self {
            Self::Rfc196 => own.max(rfc_196(requirement.id, target)),
            Self::BuildpackAnnotations if requirement.id == "buildpack.annotations-present" => Level::Must,
            Self::Core | Self::BuildpackAnnotations => own,
            Self::Strict => match own.max(rfc_196(requirement.id, target)) {
                Level::Should | Level::Must => Level::Must,
                Level::Optional => Level::Optional,
            },
        }
    }
}

impl std::fmt::Display for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The RFC speaks of publishing to a registry, so its annotations are a MUST there and a SHOULD in a layout.
fn rfc_196(id: &str, target: Target) -> Level {
    let is_presence = matches!(id, "base.digest-present" | "base.name-present")
        || (id.starts_with("source.") && id.ends_with(".present"));
    match target {
        _ if id == "annotations.not-inherited" => Level::Must,
        Target::Registry if is_presence => Level::Must,
        Target::Layout if is_presence => Level::Should,
        _ => Level::Optional,
    }
}
