//! What the inputs of builds ask an exporter to annotate, over all of a run.

use std::collections::BTreeSet;

use super::annotating::{Annotating, own};
use super::{contributed_annotations, source};
use crate::evidence::{Export, ScenarioEvidence, Target};
use crate::observation::{ANNOTATES, Observation};
use crate::view::{self, PREFIX, RFC_KEYS};

impl Annotating {
    /// What the evidence shows.
    #[must_use]
    pub fn of(evidence: &[ScenarioEvidence]) -> Self {
        let mut found = Self::default();
        for export in evidence.iter().flat_map(|scenario| &scenario.exports) {
            found.see(export);
        }
        found
    }

    fn see(&mut self, export: &Export) {
        if !export.is_good_build() || !export.outcome.succeeded() {
            return;
        }
        let Some(image) = export.image.as_ref().filter(|image| image.manifest.is_some()) else { return };
        self.written.extend(own(export, image));
        let asked = asked(export);
        // What a daemon holds is the daemon's manifest: without annotations it says nothing of the exporter.
        if export.target == Target::Daemon || asked.is_empty() {
            return;
        }
        self.asked.extend(asked);
        self.first.get_or_insert_with(|| Observation {
            question: ANNOTATES.to_owned(),
            scenario: export.scenario.clone(),
            target: export.target,
            service: export.service.clone(),
            answer: String::new(),
            evidence: export.at("manifest.json#/annotations"),
        });
    }
}

/// Keys that the inputs of a build ask for: the base where its digest is known, what the platform says of the sources,
/// and what buildpacks contribute.
pub(super) fn asked(export: &Export) -> BTreeSet<String> {
    let base = view::pinned(export).is_some();
    let is_asked = |name: &&&str| if name.starts_with("base.") { base } else { source::has_text(export, name) };
    let mut keys: BTreeSet<String> = RFC_KEYS.iter().filter(is_asked).map(|name| format!("{PREFIX}{name}")).collect();
    keys.extend(contributed_annotations(export).into_iter().map(|(key, _)| key));
    keys
}
