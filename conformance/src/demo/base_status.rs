//! Whether an image's base is still what its name means: `base.name` and `base.digest` against a registry. One function,
//! so that another way to ask can take its place.

use std::fmt;

use super::place::{DemoRegistry, PlaceError};
use super::{PREFIX, annotations};

/// How an image stands to its base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BaseStatus {
    /// The name means the digest.
    Current,
    /// It means another one by now.
    Behind {
        /// What it means.
        now: String,
    },
    /// It cannot be told.
    Unknown(&'static str),
}

impl fmt::Display for BaseStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Current => f.write_str("its base is current: base.name means base.digest"),
            Self::Behind { now } => write!(f, "its base is behind: base.name means {} by now", super::short(now)),
            Self::Unknown(reason) => write!(f, "its base is not known: {reason}"),
        }
    }
}

/// How the image of this manifest stands to its base, as the registry has it now.
pub(super) async fn base_status(registry: &DemoRegistry, manifest: &[u8]) -> Result<BaseStatus, PlaceError> {
    let found = annotations(manifest);
    let of = |key: &str| found.get(&format!("{PREFIX}base.{key}"));
    let (Some(name), Some(digest)) = (of("name"), of("digest")) else {
        return Ok(BaseStatus::Unknown("it has no base.name and base.digest"));
    };
    Ok(match registry.named(name).await? {
        None => BaseStatus::Unknown("the registry has nothing under base.name"),
        Some(now) if now == *digest => BaseStatus::Current,
        Some(now) => BaseStatus::Behind { now },
    })
}
