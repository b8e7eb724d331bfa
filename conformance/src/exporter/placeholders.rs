//! What a scenario cannot know and a command line needs: where the build is seen, what names of images begin with, and
//! which registries have no TLS.

use judge::evidence::Target;

use crate::scenario::materialise::Places;
use crate::scenario::{IMAGES, Place, ScenarioFile, Step};

/// What of the surroundings goes into a call.
#[derive(Debug, Clone)]
pub struct CallPlaces<'a> {
    /// Folders of this build.
    pub places: &'a Places,
    /// Target of the export.
    pub target: Target,
    /// `host:port` of every registry in use that is spoken to without TLS.
    pub insecure_registries: &'a [String],
    /// The daemon's address, for `DOCKER_HOST`.
    pub docker_host: Option<&'a str>,
    /// The Platform API version.
    pub platform_api: &'a str,
    /// User and group to run and to export as.
    pub owner: (u32, u32),
}

/// Texts for the placeholders of one call.
pub(super) struct Placeholders {
    build: String,
    images: String,
    insecure: String,
}

impl Placeholders {
    pub(super) fn of(scenario: &ScenarioFile, step: &Step, images: &[String], call: &CallPlaces<'_>) -> Self {
        let named = scenario.images_of(step).first().map(|name| Place::split(name).1);
        let prefix = images.first().zip(named).and_then(|(image, name)| image.strip_suffix(name));
        Self {
            build: call.places.seen.display().to_string(),
            images: prefix.unwrap_or_default().to_owned(),
            insecure: call.insecure_registries.join(","),
        }
    }

    /// A text of the scenario as the exporter gets it.
    pub(super) fn fill(&self, text: &str) -> String {
        text.replace("{build}", &self.build)
            .replace(IMAGES, &self.images)
            .replace("{insecure-registries}", &self.insecure)
    }
}
