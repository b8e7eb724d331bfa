//! The manifest of a rebased image: the app image's, with another config, the new run image's layers below its own, and
//! annotations whose base has moved. Whatever else is in it stays.

use serde_json::{Value, json};

use crate::annotations;
use crate::digest::Digest;
use crate::image::{CONFIG, DOCKER_CONFIG, DOCKER_MANIFEST, Descriptor, MANIFEST, docker_layer_type, oci_layer_type};
use crate::inputs::RunImage;

/// What a rebase changes.
pub(super) struct Change<'a> {
    /// The config's bytes.
    pub(super) config: &'a [u8],
    /// How many of the app image's layers are the old run image's.
    pub(super) run_layers: usize,
    /// The new run image's layers.
    pub(super) layers: &'a [Descriptor],
    /// The new run image.
    pub(super) run_image: &'a RunImage,
}

/// A manifest after a rebase.
pub(super) struct Rebased {
    pub(super) value: Value,
    /// Its media type.
    pub(super) media_type: &'static str,
    /// Annotations that had to be removed.
    pub(super) removed: Vec<String>,
}

/// The manifest after a rebase. All media types in it are of one kind: Docker's where the app image's manifest is of
/// Docker's schema 2, has no annotations, which are none of that format, and no layer that the format does not have;
/// else OCI's, whatever the run image's are.
pub(super) fn rebased(app: &Value, change: &Change<'_>) -> Rebased {
    let mut value = app.clone();
    let own = app["layers"].as_array().into_iter().flatten().skip(change.run_layers).cloned();
    let layers: Vec<Value> = change.layers.iter().map(|layer| json!(layer)).chain(own).collect();
    let has_annotations = app["annotations"].as_object().is_some_and(|annotations| !annotations.is_empty());
    let docker: Option<Vec<Value>> = layers.iter().map(|layer| retyped(layer, docker_layer_type)).collect();
    let docker = docker.filter(|_| app["mediaType"] == DOCKER_MANIFEST && !has_annotations);
    let media_type = if docker.is_some() { DOCKER_MANIFEST } else { MANIFEST };
    // A manifest of OCI's may leave its media type out.
    if value.get("mediaType").is_some() {
        value["mediaType"] = json!(media_type);
    }
    let as_oci = |layer: &Value| retyped(layer, |media_type| Some(oci_layer_type(media_type).unwrap_or(media_type)));
    value["layers"] = docker.unwrap_or_else(|| layers.iter().filter_map(as_oci).collect()).into();
    config(&mut value["config"], change.config, media_type == DOCKER_MANIFEST);
    let found = value.get_mut("annotations").and_then(Value::as_object_mut);
    let removed = found.map(|found| annotations::rebase(found, change.run_image)).unwrap_or_default();
    if let Some(members) = value.as_object_mut()
        && !removed.is_empty()
        && members.get("annotations").and_then(Value::as_object).is_some_and(serde_json::Map::is_empty)
    {
        members.shift_remove("annotations");
    }
    Rebased { value, media_type, removed }
}

/// A descriptor with another media type; none where there is none for it.
fn retyped(layer: &Value, other: impl for<'a> Fn(&'a str) -> Option<&'a str>) -> Option<Value> {
    let media_type = other(layer["mediaType"].as_str().unwrap_or_default())?;
    let mut layer = layer.clone();
    layer["mediaType"] = json!(media_type);
    Some(layer)
}

/// The config's descriptor, whatever else is in it but a copy of the old config.
fn config(descriptor: &mut Value, bytes: &[u8], is_docker: bool) {
    let media_type = descriptor["mediaType"].as_str().unwrap_or_default();
    if matches!(media_type, CONFIG | DOCKER_CONFIG | "") {
        descriptor["mediaType"] = json!(if is_docker { DOCKER_CONFIG } else { CONFIG });
    }
    descriptor["digest"] = json!(Digest::of(bytes));
    descriptor["size"] = json!(bytes.len());
    if let Some(members) = descriptor.as_object_mut() {
        members.shift_remove("data");
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::image::LAYER;

    const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
    const ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";

    fn layer(media_type: &str, name: &str) -> Descriptor {
        let (media_type, digest) = (media_type.to_owned(), Digest::of(name.as_bytes()));
        Descriptor { media_type, digest, size: 4, urls: Vec::new(), annotations: BTreeMap::new() }
    }

    fn app(media_type: &str, layers: &str) -> Value {
        json!({ "schemaVersion": 2, "mediaType": media_type,
                "config": { "mediaType": DOCKER_CONFIG, "size": 1, "digest": Digest::of(b"old"), "data": "b2xk" },
                "layers": [layer(layers, "run"), layer(layers, "app")] })
    }

    fn rebase(app: &Value, layers: &[Descriptor]) -> Rebased {
        let run_image =
            RunImage { image: "run".to_owned(), reference: "sha256:id".to_owned(), extend: false, target: None };
        rebased(app, &Change { config: b"{}", run_layers: 1, layers, run_image: &run_image })
    }

    fn types(value: &Value) -> Vec<&str> {
        let layers = value["layers"].as_array().unwrap().iter();
        let all = [value, &value["config"]].into_iter().chain(layers);
        all.map(|part| part["mediaType"].as_str().unwrap()).collect()
    }

    #[test]
    fn a_manifest_s_media_types_are_of_one_kind() {
        let (docker, oci) =
            ([DOCKER_MANIFEST, DOCKER_CONFIG, DOCKER_LAYER, DOCKER_LAYER], [MANIFEST, CONFIG, LAYER, LAYER]);
        for (app, run, expected) in [
            (app(MANIFEST, LAYER), LAYER, oci),
            (app(MANIFEST, DOCKER_LAYER), DOCKER_LAYER, oci),
            (app(DOCKER_MANIFEST, DOCKER_LAYER), LAYER, docker),
            // As the released Go rebaser leaves it.
            (app(DOCKER_MANIFEST, LAYER), LAYER, docker),
            (app(DOCKER_MANIFEST, DOCKER_LAYER), ZSTD, [MANIFEST, CONFIG, ZSTD, LAYER]),
        ] {
            let found = rebase(&app, &[layer(run, "new")]);
            assert_eq!((types(&found.value), found.media_type), (expected.to_vec(), expected[0]));
            assert_eq!(found.value["config"]["digest"], Digest::of(b"{}").as_str());
            assert!(found.value["config"].get("data").is_none() && found.value.get("annotations").is_none());
        }
        let mut annotated = app(DOCKER_MANIFEST, DOCKER_LAYER);
        annotated["annotations"] = json!({ "k": "v" });
        let found = rebase(&annotated, &[layer(DOCKER_LAYER, "new")]);
        assert_eq!((types(&found.value), &found.value["annotations"]["k"]), (oci.to_vec(), &json!("v")));
    }

    #[test]
    fn what_a_rebase_does_not_know_stays_in_its_place() {
        let mut app = app(MANIFEST, LAYER);
        app["layers"][1]["annotations"] = json!({ "own": "o" });
        app["layers"][1]["x"] = json!(1);
        app["subject"] = json!({ "digest": "d" });
        app["annotations"] = json!({ "z": "1", "org.opencontainers.image.base.digest": "old" });
        if let Some(members) = app.as_object_mut() {
            members.shift_remove("mediaType");
        }
        let found = rebase(&app, &[layer(LAYER, "new")]);
        assert_eq!(found.value["layers"][1], app["layers"][1]);
        assert_eq!(found.value["subject"], app["subject"]);
        assert_eq!(found.value["annotations"], json!({ "z": "1" }), "the new run image's digest is not known");
        assert_eq!(found.removed, ["org.opencontainers.image.base.digest"]);
        assert_eq!((found.value.get("mediaType"), found.media_type), (None, MANIFEST));
    }
}
