//! One output of a build: an image, where it is, and the export that it came of.

use serde::{Deserialize, Serialize};

use crate::evidence::{Export, Image, StoreKind, Target};

/// Where an output is, and through what it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A registry, to which the exporter wrote.
    Registry,
    /// A layout, to which the exporter wrote.
    Layout,
    /// A daemon's store, as the daemon saves it.
    Held(StoreKind),
    /// A registry, to which the daemon pushed.
    Pushed(StoreKind),
    /// The daemon's store again, to which it pulled what it had pushed.
    PulledBack(StoreKind),
}

impl Place {
    /// The store that the image went through.
    #[must_use]
    pub fn store(self) -> Option<StoreKind> {
        match self {
            Self::Registry | Self::Layout => None,
            Self::Held(store) | Self::Pushed(store) | Self::PulledBack(store) => Some(store),
        }
    }
}

/// One side of a comparison. In JSON it is one text: the service as `--require` names it, followed by ` pushed` or
/// ` pulled back` if the image travelled on from there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Side {
    /// The service to which the exporter wrote.
    pub service: String,
    /// What became of the image there.
    pub stage: Stage,
}

/// How far an image travelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// It is where the exporter stored it.
    Stored,
    /// The daemon pushed it to a registry.
    Pushed,
    /// The daemon pulled back what it had pushed.
    PulledBack,
}

impl Stage {
    /// What follows the service's name in the text of a side.
    const fn suffix(self) -> &'static str {
        match self {
            Self::Stored => "",
            Self::Pushed => " pushed",
            Self::PulledBack => " pulled back",
        }
    }
}

impl Side {
    /// What the exporter stored in a service.
    #[must_use]
    pub fn stored(service: &str) -> Self {
        Self { service: service.to_owned(), stage: Stage::Stored }
    }

    /// Whether it is the registry export.
    #[must_use]
    pub fn is_registry(&self) -> bool {
        self.service == Target::Registry.name() && self.stage == Stage::Stored
    }

    /// Whether it is the layout export.
    #[must_use]
    pub fn is_layout(&self) -> bool {
        self.service == Target::Layout.name() && self.stage == Stage::Stored
    }
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.service, self.stage.suffix())
    }
}

impl From<&str> for Side {
    fn from(text: &str) -> Self {
        let travelled = |stage: Stage| Some(Self { service: text.strip_suffix(stage.suffix())?.to_owned(), stage });
        [Stage::Pushed, Stage::PulledBack].into_iter().find_map(travelled).unwrap_or_else(|| Self::stored(text))
    }
}

impl From<String> for Side {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<Side> for String {
    fn from(side: Side) -> Self {
        side.to_string()
    }
}

/// One output of a step.
#[derive(Debug, Clone, Copy)]
pub struct Output<'a> {
    /// The export.
    pub export: &'a Export,
    /// Where its image is.
    pub place: Place,
    /// The image there.
    pub image: &'a Image,
}

impl<'a> Output<'a> {
    /// What the exporter itself left; none where the build failed, may have been refused, or left no image.
    #[must_use]
    pub fn stored(export: &'a Export) -> Option<Self> {
        let place = match export.target {
            Target::Registry => Place::Registry,
            Target::Layout => Place::Layout,
            Target::Daemon => Place::Held(export.daemon.as_ref()?.store),
        };
        let is_good = export.is_good_build() && export.outcome.succeeded();
        export.image.as_ref().filter(|_| is_good).map(|image| Self { export, place, image })
    }

    /// What the daemon made of it in a registry.
    #[must_use]
    pub fn pushed(export: &'a Export) -> Option<Self> {
        let daemon = export.daemon.as_ref()?;
        Self::stored(export)?;
        Some(Self { export, place: Place::Pushed(daemon.store), image: daemon.pushed.as_ref()? })
    }

    /// What the daemon has after it pulled that.
    #[must_use]
    pub fn pulled_back(export: &'a Export) -> Option<Self> {
        let daemon = export.daemon.as_ref()?;
        Self::stored(export)?;
        Some(Self { export, place: Place::PulledBack(daemon.store), image: daemon.pulled_back.as_ref()? })
    }

    /// Whether it is where the exporter stored it.
    #[must_use]
    pub fn is_stored(&self) -> bool {
        matches!(self.place, Place::Registry | Place::Layout | Place::Held(_))
    }

    /// The side of a comparison that it is.
    #[must_use]
    pub fn side(&self) -> Side {
        let stage = match self.place {
            Place::Registry | Place::Layout | Place::Held(_) => Stage::Stored,
            Place::Pushed(_) => Stage::Pushed,
            Place::PulledBack(_) => Stage::PulledBack,
        };
        Side { service: self.export.service.clone(), stage }
    }
}
