//! Calls of exporters and rebasers: command lines and variables.

mod command;
mod rebaser;

use std::path::PathBuf;
use std::sync::LazyLock;

use judge::evidence::Target;

use super::{CallPlaces, Invocation};
use crate::scenario::ScenarioFile;
use crate::scenario::materialise::BuildDir;

static BUILD_DIR: LazyLock<BuildDir> =
    LazyLock::new(|| BuildDir { host_path: PathBuf::from("/here"), exporter_path: PathBuf::from("/build") });

/// A call under the newest Platform API, as root.
fn on(target: Target, insecure_registries: &[String]) -> CallPlaces<'_> {
    CallPlaces {
        build_dir: &BUILD_DIR,
        target,
        insecure_registries,
        docker_host: Some("unix:///run/d.sock"),
        platform_api: "0.15",
        owner: (0, 0),
    }
}

/// A scenario of this text, which need not say why.
fn scenario(text: &str) -> ScenarioFile {
    toml::from_str(&format!("why = 'x.'\n{text}")).unwrap()
}

/// What a call says in place of a flag that is left out of it: the variables that the usual call has not.
fn in_place(flag: &str, usual: &Invocation, found: &Invocation) -> String {
    assert!(!found.argv.iter().any(|word| word == flag), "{:?}", found.argv);
    let more = found.environment.iter().filter(|(name, value)| usual.environment.get(*name) != Some(value));
    more.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}
