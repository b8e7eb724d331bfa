//! What keeps a daemon's images, by what the daemon says of itself. It decides what can be loaded, what survives there,
//! and whether the daemon knows under which digest a registry has an image.

use std::collections::BTreeSet;

use bollard::Docker;
use bollard::models::{SystemInfo, SystemVersion};

use crate::digest::Digest;
use crate::image_name::ImageName;

/// How a daemon keeps images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// Docker's own: config and uncompressed layers, no manifest. It loads docker-archives.
    Classic,
    /// containerd's: manifests and blobs as they came. It loads OCI archives.
    Containerd,
    /// Podman's: manifests as they came, layers uncompressed. It loads OCI archives.
    Podman,
}

impl Store {
    /// Asks the daemon.
    pub(super) async fn of(api: &Docker) -> Result<Self, bollard::errors::Error> {
        let info = api.info().await?;
        let version = api.version().await?;
        Ok(Self::told(&info, &version))
    }

    fn told(info: &SystemInfo, version: &SystemVersion) -> Self {
        let is_containerd = |pair: &Vec<String>| {
            pair.first().is_some_and(|key| key == "driver-type")
                && pair.get(1).is_some_and(|value| value.starts_with("io.containerd.snapshotter"))
        };
        if info.driver_status.iter().flatten().any(is_containerd) {
            Self::Containerd
        } else if version.components.iter().flatten().any(|part| part.name.to_lowercase().contains("podman")) {
            Self::Podman
        } else {
            Self::Classic
        }
    }

    /// Whether an image keeps its manifest, and with it its annotations.
    #[must_use]
    pub fn keeps_annotations(self) -> bool {
        self != Self::Classic
    }

    /// As messages name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Classic => "Docker's own",
            Self::Containerd => "containerd's",
            Self::Podman => "Podman's",
        }
    }

    /// The digest under which the repository of `name` has an image, by what the daemon knows: `repository_digests` of
    /// its inspection, and the repositories, without their hosts' ports, that containerd remembers as its sources. None
    /// where that is a guess:
    /// a classic store writes such a digest down when it pulls or pushes, and one image can have several; containerd's
    /// makes it of name and manifest for whatever was loaded or built there, so that only its record of where the
    /// content came from, or went, counts; Podman's does the same and has no such record.
    pub(super) fn known_digest(
        self,
        name: &ImageName,
        repository_digests: &[String],
        sources: &BTreeSet<String>,
    ) -> Option<Digest> {
        let of_repository = |text: &String| {
            let found = ImageName::parse(text).ok()?;
            (found.context() == name.context()).then_some(found.digest?)
        };
        let found: BTreeSet<Digest> = repository_digests.iter().filter_map(of_repository).collect();
        let digest = found.first().filter(|_| found.len() == 1)?;
        let is_known = match self {
            Self::Classic => true,
            Self::Containerd => sources.contains(&source(name)),
            Self::Podman => false,
        };
        is_known.then(|| digest.clone())
    }
}

/// As containerd writes it down: the host without its port, and Docker Hub by its own name.
fn source(name: &ImageName) -> String {
    let host = name.registry.rsplit_once(':').map_or(name.registry.as_str(), |(host, _)| host);
    let host = if host == "index.docker.io" { "docker.io" } else { host };
    format!("{host}/{}", name.repository)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn told(info: Value, version: Value) -> Store {
        Store::told(&serde_json::from_value(info).unwrap(), &serde_json::from_value(version).unwrap())
    }

    #[test]
    fn stores_are_told_apart_by_what_engines_say() {
        let engine = json!({ "Components": [{ "Name": "Engine", "Version": "26.1.5" }] });
        let podman = json!({ "Components": [{ "Name": "Podman Engine", "Version": "4.3.1" }] });
        let overlay = json!({ "Driver": "overlay2", "DriverStatus": [["Backing Filesystem", "extfs"]] });
        let snapshotter =
            json!({ "Driver": "overlayfs", "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]] });
        assert_eq!(told(overlay, engine.clone()), Store::Classic);
        assert_eq!(told(snapshotter, engine), Store::Containerd);
        assert_eq!(told(json!({ "Driver": "vfs", "DriverStatus": [] }), podman), Store::Podman);
        assert_eq!(told(json!({}), json!({})), Store::Classic);
    }

    fn known(store: Store, name: &str, digests: &[String], sources: &[&str]) -> Option<Digest> {
        let sources = sources.iter().map(|&source| source.to_owned()).collect();
        store.known_digest(&ImageName::parse(name).unwrap(), digests, &sources)
    }

    #[test]
    fn a_repository_digest_is_taken_where_the_store_has_it_from_a_registry() {
        let (one, other) = (Digest::of(b"one"), Digest::of(b"other"));
        let digests = [format!("host.example:5000/a/run@{one}"), format!("host.example:5000/a/copy@{other}")];
        let name = "host.example:5000/a/run:1";
        assert_eq!(known(Store::Classic, name, &digests, &[]), Some(one.clone()));
        assert_eq!(known(Store::Containerd, name, &digests, &["host.example/a/run"]), Some(one));
        // Made there, or loaded under that name.
        assert_eq!(known(Store::Containerd, name, &digests, &[]), None);
        assert_eq!(known(Store::Containerd, name, &digests, &["host.example/a/copy"]), None);
        assert_eq!(known(Store::Podman, name, &digests, &["host.example/a/run"]), None);
    }

    #[test]
    fn of_another_repository_or_of_two_digests_none_is_taken() {
        let digests = [Digest::of(b"one"), Digest::of(b"two")].map(|digest| format!("run@{digest}"));
        assert_eq!(known(Store::Classic, "run", &digests, &[]), None);
        assert_eq!(known(Store::Classic, "docker.io/library/run:2", &digests[..1], &[]), Some(Digest::of(b"one")));
        assert_eq!(
            known(Store::Containerd, "run", &digests[..1], &["docker.io/library/run"]),
            Some(Digest::of(b"one"))
        );
        assert_eq!(known(Store::Classic, "host.example/run", &digests[..1], &[]), None);
        assert_eq!(known(Store::Classic, "run", &[], &[]), None);
    }
}
