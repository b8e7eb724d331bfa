//! Whether an exporter annotates at all, by the manifests of builds whose inputs ask for it. An exporter that annotates
//! nothing has no answers to the questions about annotations, and one that never writes a key has none about that key.

use std::collections::BTreeSet;

use super::contributed_annotations;
use crate::evidence::{Export, Image};
use crate::observation::{NOTHING, Observation};
use crate::view::{self, PREFIX, RFC_KEYS};

/// What an exporter was asked to annotate and what it wrote, over all of its builds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Annotating {
    pub(super) asked: BTreeSet<String>,
    pub(super) written: BTreeSet<String>,
    pub(super) first: Option<Observation>,
}

impl Annotating {
    /// Whether it was seen to annotate: what the run image's annotations left behind does not count.
    #[must_use]
    pub fn answers(&self) -> bool {
        !self.written.is_empty()
    }

    /// Whether its images say something about a key: not where it was asked to write that one and never did.
    #[must_use]
    pub fn answers_of(&self, key: &str) -> bool {
        self.answers() && (self.written.contains(key) || !self.asked.contains(key))
    }

    /// The one answer to whether it annotates; none where no manifest of its own was asked to be annotated.
    #[must_use]
    pub fn observation(&self) -> Option<Observation> {
        let answer = if self.answers() { "yes" } else { NOTHING };
        self.first.clone().map(|first| Observation { answer: answer.to_owned(), ..first })
    }
}

/// The keys of the RFC and of buildpacks that an image's manifest has, and that are not the run image's.
pub(super) fn own(export: &Export, image: &Image) -> BTreeSet<String> {
    let contributed: BTreeSet<String> = contributed_annotations(export).into_iter().map(|(key, _)| key).collect();
    let is_known =
        |key: &str| key.strip_prefix(PREFIX).is_some_and(|name| RFC_KEYS.contains(&name)) || contributed.contains(key);
    view::annotations(image)
        .into_iter()
        .filter(|(key, value)| is_known(key) && value.as_str().is_some_and(|text| !is_run_image_s(export, text)))
        .map(|(key, _)| key)
        .collect()
}

/// Whether a value is one of the run image's annotations or labels.
pub(super) fn is_run_image_s(export: &Export, value: &str) -> bool {
    export.run_image.sentinels.iter().any(|sentinel| sentinel == value)
}
