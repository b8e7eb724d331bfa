//! Config and manifest of the image, as bytes. The run image's config is edited, not rebuilt, so that what this
//! exporter does not know is kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::digest::{DiffId, Digest};
use crate::platform::Platform;

/// Media types of the OCI image specification.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// An image config.
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// A manifest of Docker's schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// A config of Docker's.
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
/// A gzip-compressed layer.
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// A descriptor (`oci-image-descriptor.md`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What it describes.
    pub media_type: String,
    /// Digest of the blob.
    pub digest: Digest,
    /// Bytes of the blob.
    pub size: u64,
    /// Where else the blob can be had.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// Annotations; a run image's layer keeps those that it came with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// A layer's media type as OCI has it, where it has one; the blob is the same.
#[must_use]
pub fn oci_layer_type(media_type: &str) -> Option<&str> {
    Some(match media_type {
        "application/vnd.docker.image.rootfs.diff.tar" => "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.docker.image.rootfs.diff.tar.gzip" => LAYER,
        "application/vnd.docker.image.rootfs.diff.tar.zstd" => "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.foreign.diff.tar" => {
            "application/vnd.oci.image.layer.nondistributable.v1.tar"
        }
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" => {
            "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
        }
        "application/vnd.docker.image.rootfs.foreign.diff.tar.zstd" => {
            "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"
        }
        // Encrypted layers and what may come: the type stays, as their blob does.
        other if other.starts_with("application/vnd.oci.image.layer.") => other,
        _ => return None,
    })
}

/// An OCI layer's media type as Docker's schema 2 has it; none where it has no such layers.
#[must_use]
pub fn docker_layer_type(media_type: &str) -> Option<&str> {
    match oci_layer_type(media_type)? {
        LAYER => Some("application/vnd.docker.image.rootfs.diff.tar.gzip"),
        "application/vnd.oci.image.layer.v1.tar" => Some("application/vnd.docker.image.rootfs.diff.tar"),
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip" => {
            Some("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")
        }
        _ => None,
    }
}

/// What the config is made of.
pub struct ConfigParts<'a> {
    /// The run image's config.
    pub base: &'a Value,
    /// The platform, for a run image that does not say.
    pub platform: &'a Platform,
    /// Digests of the new layers' tars, with what made each.
    pub layers: &'a [(DiffId, String)],
    /// `Env`.
    pub env: Vec<String>,
    /// `Entrypoint`.
    pub entrypoint: String,
    /// `WorkingDir`.
    pub working_dir: &'a str,
    /// Labels to set.
    pub labels: BTreeMap<String, String>,
    /// `created`, in seconds since 1970.
    pub created: i64,
}

/// The image's config. `Cmd` is removed: it was the argument of the run image's own entrypoint.
#[must_use]
pub fn config(parts: ConfigParts<'_>) -> Vec<u8> {
    let created = jiff::Timestamp::from_second(parts.created).unwrap_or_default().to_string();
    let mut config = parts.base.clone();
    for (key, value) in [("os", &parts.platform.os), ("architecture", &parts.platform.architecture)] {
        if !config[key].is_string() {
            config[key] = json!(value);
        }
    }
    config["created"] = json!(created);
    let inner = &mut config["config"];
    if !inner.is_object() {
        *inner = json!({});
    }
    inner["Env"] = json!(parts.env);
    inner["Entrypoint"] = json!([parts.entrypoint]);
    inner["WorkingDir"] = json!(parts.working_dir);
    if let Some(members) = inner.as_object_mut() {
        members.shift_remove("Cmd");
    }
    if !inner["Labels"].is_object() {
        inner["Labels"] = json!({});
    }
    for (key, value) in parts.labels {
        inner["Labels"][key] = json!(value);
    }
    history(&mut config, parts.layers, &created);
    config["rootfs"]["type"] = json!("layers");
    let diff_ids = &mut config["rootfs"]["diff_ids"];
    if let Some(list) = diff_ids.as_array_mut() {
        list.extend(parts.layers.iter().map(|(diff_id, _)| json!(diff_id)));
    }
    // What an engine records of the container that a layer was committed from has no meaning here.
    if let Some(members) = config.as_object_mut() {
        members.shift_remove("container");
        members.shift_remove("container_config");
    }
    config.to_string().into_bytes()
}

/// What the history says of a layer of which the run image's says nothing.
const UNKNOWN: &str = "unknown: the run image has no history of this layer";

/// The history goes on: the run image's own as it is, and an entry for each layer that it leaves out, because tools
/// that convert images refuse one whose history does not fit its layers. One of more layers than there are is not its
/// own.
fn history(config: &mut Value, layers: &[(DiffId, String)], created: &str) {
    let base_layers = config["rootfs"]["diff_ids"].as_array().map_or(0, Vec::len);
    let mut history = config["history"].as_array().cloned().unwrap_or_default();
    let mut told = history.iter().filter(|entry| entry["empty_layer"] != json!(true)).count();
    if told > base_layers {
        (history, told) = (Vec::new(), 0);
    }
    history.extend((told..base_layers).map(|_| json!({ "created_by": UNKNOWN })));
    history.extend(layers.iter().map(|(_, made_by)| json!({ "created": created, "created_by": made_by })));
    config["history"] = json!(history);
}

/// The `diff_ids` of a config.
#[must_use]
pub fn diff_ids(config: &Value) -> Vec<DiffId> {
    let list = config["rootfs"]["diff_ids"].as_array();
    list.into_iter().flatten().filter_map(|id| DiffId::parse(id.as_str()?)).collect()
}

/// The image's manifest: always OCI, with annotations in the order of their keys.
#[must_use]
pub fn manifest(config: &[u8], layers: &[Descriptor], annotations: &BTreeMap<String, String>) -> Vec<u8> {
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": { "mediaType": CONFIG, "digest": Digest::of(config), "size": config.len() },
        "layers": layers,
    });
    if !annotations.is_empty() {
        manifest["annotations"] = json!(annotations);
    }
    manifest.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Value {
        json!({
            "architecture": "amd64", "os": "linux", "os.version": "6", "x-unknown": 1,
            "config": { "Env": ["PATH=/bin"], "Cmd": ["sh"], "User": "1000", "Labels": { "kept": "yes" }, "Volumes": { "/d": {} } },
            "rootfs": { "type": "layers", "diff_ids": [Digest::of(b"base")] },
            "history": [{ "created_by": "x" }, { "created_by": "env", "empty_layer": true }]
        })
    }

    fn platform() -> Platform {
        Platform { os: "linux".to_owned(), architecture: "amd64".to_owned(), variant: None }
    }

    fn parts<'a>(base: &'a Value, layers: &'a [(DiffId, String)], platform: &'a Platform) -> ConfigParts<'a> {
        ConfigParts {
            base,
            platform,
            layers,
            env: vec!["PATH=/cnb/process:/bin".to_owned()],
            entrypoint: "/cnb/process/web".to_owned(),
            working_dir: "/workspace",
            labels: BTreeMap::from([("new".to_owned(), "label".to_owned())]),
            created: 1_700_000_000,
        }
    }

    #[test]
    fn config_and_manifest_of_a_sample() {
        let (base, layers) = (base(), [(DiffId::of_tar(Digest::of(b"app")), "app".to_owned())]);
        let config = config(parts(&base, &layers, &platform()));
        let descriptor = Descriptor {
            media_type: LAYER.to_owned(),
            digest: Digest::of(b"blob"),
            size: 4,
            urls: Vec::new(),
            annotations: BTreeMap::new(),
        };
        let annotations = BTreeMap::from([("b".to_owned(), "2".to_owned()), ("a".to_owned(), "1".to_owned())]);
        let manifest = manifest(&config, &[descriptor], &annotations);
        let pretty =
            |bytes: &[u8]| serde_json::to_string_pretty(&serde_json::from_slice::<Value>(bytes).unwrap()).unwrap();
        insta::assert_snapshot!(format!("{}\n{}", pretty(&config), pretty(&manifest)));
        assert_eq!(config, super::config(parts(&base, &layers, &platform())));
    }

    #[test]
    fn a_history_has_an_entry_for_every_layer_and_keeps_the_run_image_s_own() {
        let own = json!({ "created_by": "own" });
        let empty = json!({ "created_by": "ENV", "empty_layer": true });
        let unknown = json!({ "created_by": UNKNOWN });
        for (given, kept) in [
            (json!([own, empty]), vec![&own, &empty]),
            (json!([empty]), vec![&empty, &unknown]),
            (json!([]), vec![&unknown]),
            (Value::Null, vec![&unknown]),
            (json!([own, own]), vec![&unknown]),
        ] {
            let mut base = base();
            base["history"] = given.clone();
            let layers = [(DiffId::of_tar(Digest::of(b"app")), "app".to_owned())];
            let config: Value = serde_json::from_slice(&config(parts(&base, &layers, &platform()))).unwrap();
            let history = config["history"].as_array().unwrap();
            assert_eq!(history.len(), kept.len() + 1, "{given}");
            assert!(history.iter().zip(&kept).all(|(found, kept)| found == *kept), "{given}");
            assert_eq!(history.last().unwrap()["created_by"], "app");
        }
    }

    #[test]
    fn a_run_image_that_leaves_out_what_it_may_gives_a_whole_config() {
        let diff_ids = json!([Digest::of(b"base")]);
        for base in [
            json!({ "rootfs": { "diff_ids": diff_ids } }),
            json!({ "os": null, "config": null, "history": null, "rootfs": { "type": null, "diff_ids": diff_ids } }),
            json!({ "config": { "Env": null, "Labels": null, "Cmd": null }, "rootfs": { "diff_ids": diff_ids } }),
        ] {
            let layers = [(DiffId::of_tar(Digest::of(b"app")), "app".to_owned())];
            let config: Value = serde_json::from_slice(&config(parts(&base, &layers, &platform()))).unwrap();
            assert_eq!((&config["os"], &config["rootfs"]["type"]), (&json!("linux"), &json!("layers")));
            assert_eq!(config["rootfs"]["diff_ids"].as_array().unwrap().len(), 2);
            assert_eq!(config["config"]["Labels"]["new"], "label");
            assert_eq!(config["history"].as_array().unwrap().len(), 2);
        }
        let base = json!({ "os": "plan9", "architecture": "mips", "rootfs": { "diff_ids": diff_ids } });
        let config: Value = serde_json::from_slice(&config(parts(&base, &[], &platform()))).unwrap();
        assert_eq!((&config["os"], &config["architecture"]), (&json!("plan9"), &json!("mips")));
    }
}
