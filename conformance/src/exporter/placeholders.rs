//! What a scenario cannot know and a command line needs: where the build is seen, what names of images begin with, and
//! which registries have no TLS.

use std::collections::BTreeMap;

use judge::evidence::Target;

use crate::scenario::materialise::{BuildDir, DOCKER_CONFIG, TEMPORARY};
use crate::scenario::{IMAGES, RegistryEndpoint, ScenarioFile, Step};

/// What of the surroundings goes into a call.
#[derive(Debug, Clone)]
pub struct CallPlaces<'a> {
    /// The folder of this build.
    pub build_dir: &'a BuildDir,
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

/// The variable that names the Platform API.
pub(super) const PLATFORM_API: &str = "CNB_PLATFORM_API";

impl CallPlaces<'_> {
    /// The variables of every call, before those of a description and of a scenario; `temporary` is where scratch files
    /// go, below the build folder.
    pub(super) fn environment(&self, temporary: &str) -> BTreeMap<String, String> {
        let mut found = BTreeMap::from(
            [
                ("PATH", std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned())),
                ("HOME", self.build_dir.for_exporter(TEMPORARY)),
                ("TMPDIR", self.build_dir.for_exporter(temporary)),
                ("LC_ALL", "C.UTF-8".to_owned()),
                ("TZ", "UTC".to_owned()),
                ("DOCKER_CONFIG", self.build_dir.for_exporter(DOCKER_CONFIG)),
                (PLATFORM_API, self.platform_api.to_owned()),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        if let Some(host) = self.docker_host.filter(|_| self.target == Target::Daemon) {
            found.insert("DOCKER_HOST".to_owned(), host.to_owned());
        }
        found
    }
}

/// Texts for the placeholders of one call.
pub(super) struct Placeholders {
    build: String,
    images: String,
    insecure: String,
}

impl Placeholders {
    pub(super) fn of(scenario: &ScenarioFile, step: &Step, images: &[String], call: &CallPlaces<'_>) -> Self {
        let named = scenario.images_of(step).first().map(|name| RegistryEndpoint::split(name).1);
        let prefix = images.first().zip(named).and_then(|(image, name)| image.strip_suffix(name));
        Self {
            build: call.build_dir.exporter_path.display().to_string(),
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
