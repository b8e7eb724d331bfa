//! The run image of a scenario, by its names in this run, and what the analysis says of it.

use judge::evidence::{Document, RunImageInDaemon};

use super::services::Services;
use super::services::reference::ResolvedReference;
use crate::scenario::materialise::{Analysis, Previous};
use crate::scenario::{RunImageFile, Scenario};

/// What is in the top layer of a run image that has moved on.
pub(super) const MOVED_ON: &str = "the run image has moved on\n";

/// The run image's names.
pub(super) struct RunImageNames {
    /// Its own.
    pub(super) own: ResolvedReference,
    /// That of the mirror which the analysis chose.
    pub(super) mirror: Option<ResolvedReference>,
}

impl RunImageNames {
    pub(super) fn new(services: &Services, scenario: &Scenario) -> Self {
        Self::of(services, scenario, &scenario.file.run_image)
    }

    /// Those of a run image that takes the place of the scenario's own.
    pub(super) fn of(services: &Services, scenario: &Scenario, file: &RunImageFile) -> Self {
        let locate = |name: &String| services.locate(&scenario.name, name);
        Self { own: locate(&file.name), mirror: file.chosen_mirror.as_ref().map(locate) }
    }

    /// Every name under which it is published.
    pub(super) fn all(&self) -> impl Iterator<Item = &ResolvedReference> {
        std::iter::once(&self.own).chain(&self.mirror)
    }

    /// The one that the analysis read it from.
    pub(super) fn analysed(&self) -> &ResolvedReference {
        self.mirror.as_ref().unwrap_or(&self.own)
    }

    /// What the analysis says of it, where `reference` is how it refers to it.
    pub(super) fn published(&self, scenario: &Scenario, reference: String) -> Published {
        let file = &scenario.file.run_image;
        let listed = file.analysed_name.clone().unwrap_or_else(|| self.own.tagged());
        let mirror = self.mirror.as_ref().map(ResolvedReference::tagged);
        Published {
            name: mirror.clone().unwrap_or_else(|| listed.clone()),
            reference,
            listed,
            mirrors: mirror.into_iter().chain(file.mirrors.iter().cloned()).collect(),
            in_daemon: None,
            made: None,
        }
    }
}

/// A run image where the analysis found it.
pub(super) struct Published {
    /// `run-image.image`.
    pub(super) name: String,
    /// `run-image.reference`.
    pub(super) reference: String,
    /// `image` in `run.toml`.
    pub(super) listed: String,
    /// `mirrors` in `run.toml`.
    pub(super) mirrors: Vec<String>,
    /// How a daemon has it.
    pub(super) in_daemon: Option<RunImageInDaemon>,
    /// Config and manifest, where a daemon made it; the manifest has no bytes where the daemon keeps none.
    pub(super) made: Option<(Document, Document)>,
}

impl Published {
    /// What the analysis says of it, and of the previous image.
    pub(super) fn analysis(&self, previous: Option<Previous>) -> Analysis {
        Analysis {
            run_image: self.name.clone(),
            reference: self.reference.clone(),
            listed: self.listed.clone(),
            mirrors: self.mirrors.clone(),
            previous,
            extension: None,
        }
    }
}
