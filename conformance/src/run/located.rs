//! Names of a scenario, as references in this run.

use judge::digest::Digest;
use judge::evidence::{Document, RunImageInDaemon};
use judge::reference::Reference;

use super::services::Services;
use crate::scenario::materialise::{Analysis, Previous};
use crate::scenario::{Place, RunImageFile, Scenario};

/// A name of a scenario, where it lies in this run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Located {
    /// In which registry.
    pub(super) place: Place,
    /// The registry as references name it.
    pub(super) host: String,
    /// The repository there.
    pub(super) repository: String,
    /// `:tag` or `@digest`, as given; empty where neither was.
    pub(super) rest: String,
}

impl Located {
    /// The reference, as given but for its registry and the run's own prefix. It need not be well-formed.
    pub(super) fn reference(&self) -> String {
        format!("{}/{}{}", self.host, self.repository, self.rest)
    }

    /// The tag; `latest` where none was given.
    pub(super) fn tag(&self) -> &str {
        self.rest.strip_prefix(':').unwrap_or("latest")
    }

    /// The reference with its tag spelled out.
    pub(super) fn tagged(&self) -> String {
        format!("{}/{}:{}", self.host, self.repository, self.tag())
    }

    /// The reference by digest.
    pub(super) fn at(&self, digest: &Digest) -> String {
        format!("{}/{}@{digest}", self.host, self.repository)
    }

    /// Whether it is a tag that a registry or daemon can be asked for.
    pub(super) fn is_tag(&self) -> bool {
        Reference::parse(&self.reference()).is_ok_and(|reference| reference.digest.is_none())
    }
}

/// The run image's names.
pub(super) struct RunImageNames {
    /// Its own.
    pub(super) own: Located,
    /// That of the mirror which the analysis chose.
    pub(super) mirror: Option<Located>,
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
    pub(super) fn all(&self) -> impl Iterator<Item = &Located> {
        std::iter::once(&self.own).chain(&self.mirror)
    }

    /// The one that the analysis read it from.
    pub(super) fn analysed(&self) -> &Located {
        self.mirror.as_ref().unwrap_or(&self.own)
    }

    /// What the analysis says of it, where `reference` is how it refers to it.
    pub(super) fn published(&self, scenario: &Scenario, reference: String) -> Published {
        let file = &scenario.file.run_image;
        let listed = file.analysed_name.clone().unwrap_or_else(|| self.own.tagged());
        let mirror = self.mirror.as_ref().map(Located::tagged);
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
        }
    }
}
