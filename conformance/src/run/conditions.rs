//! What of a run's command line holds for every case of it, as words that repeat commands carry. Exporter, profile and
//! scenarios are named next to it; what only says how a run is made or told, such as `--jobs`, is left out.

use judge::Selection;

use super::options::{Options, TIMEOUT};
use crate::limits::SERVICE_LIMIT;
use crate::scenario::{Origin, Scenario};

/// The words, none of which needs the run's default.
#[must_use]
pub fn conditions(options: &Options) -> Vec<String> {
    let mut words = Vec::new();
    let mut add = |flag: &str, value: String| words.extend([flag.to_owned(), value]);
    if options.platform_api != options.exporter.described_platform_api() {
        add("--platform-api", options.platform_api.clone());
    }
    if let Some(registry) = options.registry.argument() {
        add("--registry", registry);
    }
    if let Some(file) = options.trust.file() {
        add("--registry-ca", file.display().to_string());
    }
    for daemon in &options.daemons {
        add("--daemon", daemon.clone());
    }
    if options.timeout != TIMEOUT {
        add("--timeout", options.timeout.to_string());
    }
    if options.service_limit != SERVICE_LIMIT {
        add("--service-limit", options.service_limit.to_string());
    }
    if let Some(names) = &options.names {
        add("--names", names.clone());
    }
    if options.allow_push {
        words.push("--allow-push-from-daemon".to_owned());
    }
    words
}

/// A scenario that is not compiled in, and where it is.
fn folder(scenario: &Scenario) -> Option<(String, String)> {
    match &scenario.origin {
        Origin::BuiltIn => None,
        Origin::Folder(path) => Some((scenario.name.clone(), path.display().to_string())),
    }
}

/// What is judged of a run, and what its repeat commands carry.
#[must_use]
pub fn selection(options: &Options) -> Selection {
    Selection {
        profile: options.profile.clone(),
        requirements: options.narrowed.requirements.set().cloned(),
        exporter_argument: options.exporter.argument.clone(),
        scenario_folders: options.scenarios.iter().filter_map(folder).collect(),
        conditions: conditions(options),
        phase: options.phase,
    }
}
