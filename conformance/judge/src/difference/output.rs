//! One output of a build: an image, where it is, and the export that it came of.

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

    /// As a comparison names it.
    #[must_use]
    pub fn name(&self) -> String {
        let service = &self.export.service;
        match self.place {
            Place::Registry | Place::Layout | Place::Held(_) => service.clone(),
            Place::Pushed(_) => format!("{service} pushed"),
            Place::PulledBack(_) => format!("{service} pulled back"),
        }
    }
}
