//! The dockerd programs that private engines are run from, and the kinds of store that each has.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use judge::evidence::StoreKind;
use serde_json::{Value, json};
use tokio::process::Command;

/// Variable by which `registry-compose/with-services` names its programs; without it, `dockerd` on PATH is meant.
const PROGRAMS: &str = "CONFORMANCE_DOCKERD";

/// The first version whose containerd store is a setting.
const WITH_CONTAINERD_STORE: u32 = 24;

/// A dockerd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineProgram {
    /// The program.
    pub path: PathBuf,
    /// Its version, as the engine that it runs tells it.
    pub version: String,
}

/// Every dockerd available; one that does not tell its version is none.
pub async fn programs() -> Vec<EngineProgram> {
    let named = std::env::var(PROGRAMS).unwrap_or_default();
    let paths: Vec<PathBuf> = if named.trim().is_empty() {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .map(|folder| folder.join("dockerd"))
            .find(|file| file.is_file())
            .into_iter()
            .collect()
    } else {
        named.split_whitespace().map(PathBuf::from).collect()
    };
    let mut found = Vec::new();
    for path in paths {
        if let Some(version) = version(&path).await {
            found.push(EngineProgram { path, version });
        }
    }
    found
}

/// The program for an engine with this store, best of the version of one that is available.
#[must_use]
pub fn chosen<'a>(programs: &'a [EngineProgram], store: StoreKind, version: &str) -> Option<&'a EngineProgram> {
    let mut able = programs.iter().filter(|program| program.has(store));
    let first = able.clone().next();
    able.find(|program| program.version == version).or(first)
}

impl EngineProgram {
    fn major(&self) -> u32 {
        self.version.split('.').next().and_then(|number| number.parse().ok()).unwrap_or(0)
    }

    fn has(&self, store: StoreKind) -> bool {
        match store {
            StoreKind::Classic => true,
            StoreKind::Containerd => self.major() >= WITH_CONTAINERD_STORE,
            StoreKind::Podman => false,
        }
    }

    /// The engine's settings, in place of the machine's own; `folder` is where it may write.
    pub(super) fn settings(&self, store: StoreKind, folder: &Path) -> Value {
        if self.major() >= WITH_CONTAINERD_STORE {
            return json!({ "features": { "containerd-snapshotter": store == StoreKind::Containerd } });
        }
        // Older ones would put a key into /etc.
        json!({ "deprecated-key-path": folder.join("key.json") })
    }
}

/// `Docker version 26.1.5, build 411e817` → `26.1.5`.
fn told(text: &str) -> Option<String> {
    let rest = text.trim().strip_prefix("Docker version ")?;
    rest.split([',', ' ']).next().filter(|version| !version.is_empty()).map(str::to_owned)
}

async fn version(program: &Path) -> Option<String> {
    let asked = Command::new(program).arg("--version").stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(std::time::Duration::from_secs(10), asked).await.ok()?.ok()?;
    told(&String::from_utf8_lossy(&output.stdout))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(version: &str) -> EngineProgram {
        EngineProgram { path: PathBuf::from(version), version: version.to_owned() }
    }

    #[test]
    fn the_version_at_hand_is_chosen_among_those_that_have_the_store() {
        let programs = ["20.10.24", "26.1.5", "27.0.1"].map(program);
        let found = |store, version| chosen(&programs, store, version).map(|program| program.version.as_str());
        assert_eq!(found(StoreKind::Classic, "26.1.5"), Some("26.1.5"));
        assert_eq!(found(StoreKind::Classic, "19.3"), Some("20.10.24"));
        assert_eq!(found(StoreKind::Containerd, "20.10.24"), Some("26.1.5"));
        assert_eq!(found(StoreKind::Containerd, "27.0.1"), Some("27.0.1"));
        assert_eq!(found(StoreKind::Podman, "4.3.1"), None);
        assert_eq!(chosen(&programs[..1], StoreKind::Containerd, "20.10.24"), None);
    }

    #[test]
    fn versions_are_read_and_settings_follow_them() {
        assert_eq!(told("Docker version 20.10.24+dfsg1, build 5d6db84\n").as_deref(), Some("20.10.24+dfsg1"));
        assert_eq!(told("podman version 4.3.1"), None);
        let folder = Path::new("/f");
        assert_eq!(
            program("20.10.24").settings(StoreKind::Classic, folder),
            json!({"deprecated-key-path": "/f/key.json"})
        );
        for store in [StoreKind::Classic, StoreKind::Containerd] {
            let settings = program("26.1.5").settings(store, folder);
            assert_eq!(settings["features"]["containerd-snapshotter"], json!(store == StoreKind::Containerd));
        }
    }
}
