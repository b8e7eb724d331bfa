//! What a rebase was given beyond what an export is: the app image as it was, the new run image's name, and force.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};

use super::Image;

/// A phase of the lifecycle that writes an app image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[derive(IntoStaticStr, Display, EnumString)]
#[strum(serialize_all = "lowercase")]
pub enum Phase {
    /// The exporter: an image from a build.
    #[default]
    Exporter,
    /// The rebaser: an image on another run image.
    Rebaser,
}

impl Phase {
    /// The word on the command line and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// Who made the app image that was rebased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MadeBy {
    /// The exporter under test, or an earlier rebase of its image.
    Exporter,
    /// The suite, from bytes of its own: what a conformant exporter leaves.
    Suite,
    /// There was none to be rebased.
    Nobody,
}

/// What a rebase was given. The new run image is the export's `run_image`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rebase {
    /// Who made the app image.
    pub made_by: MadeBy,
    /// The app image as it was before: under `-previous-image`, else under the first `<image>`. None where there was
    /// none.
    pub app: Option<Image>,
    /// The value of `-previous-image`; none where it was not given.
    pub previous_image: Option<String>,
    /// What the previous image's tag named before, and after the rebase; nothing where it was given by digest.
    pub previous_tag: Option<(Option<String>, Option<String>)>,
    /// The value of `-run-image`; none where the rebaser has to take the name from the app image's label.
    pub run_image: Option<String>,
    /// Whether `-force` was given.
    pub force: bool,
    /// Whether the new run image is the one that the app image is based on.
    pub is_same_run_image: bool,
}
