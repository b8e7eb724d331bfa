//! What a document behind a digest is: an index, an image, or something else that has to be called by its name.

use serde_json::Value;

use crate::digest::Digest;
use crate::image::{CONFIG, DOCKER_CONFIG, Descriptor, oci_layer_type};

/// A document that is an image's manifest.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    /// Digest of its config.
    pub(crate) config: Digest,
    /// Its layers, with media types of OCI.
    pub(crate) layers: Vec<Descriptor>,
    /// What a log should say of them.
    pub(crate) notes: Vec<String>,
}

/// Whether a document is an index of images.
pub(crate) fn is_index(document: &Value) -> bool {
    document["manifests"].is_array()
}

impl Image {
    /// Reads a manifest; what is not an image's is told as what it is.
    pub(crate) fn of(manifest: &Value) -> Result<Self, String> {
        if manifest["schemaVersion"] == 1 || manifest["fsLayers"].is_array() {
            return Err("it is a manifest of Docker's schema 1, which has no config; push the image again with a \
                        current tool"
                .to_owned());
        }
        let config = &manifest["config"];
        let config_type = config["mediaType"].as_str().unwrap_or(CONFIG);
        if config.is_object() && !matches!(config_type, CONFIG | DOCKER_CONFIG) {
            let kind = manifest["artifactType"].as_str().unwrap_or(config_type);
            return Err(format!("it is an artifact of type {kind}, not an image"));
        }
        let digest = config["digest"].as_str().ok_or_else(|| "its manifest names no config".to_owned())?;
        let config = sha256(digest, "its config")?;
        let mut layers: Vec<Descriptor> =
            serde_json::from_value(manifest["layers"].clone()).map_err(|error| format!("its layers: {error}"))?;
        let mut notes = Vec::new();
        for layer in &mut layers {
            sha256(layer.digest.as_str(), "a layer")?;
            let Some(media_type) = oci_layer_type(&layer.media_type) else {
                return Err(format!(
                    "its layer {} has the type {}, which is not that of an image's layer in OCI's terms; is it a \
                     signature or another artifact?",
                    layer.digest, layer.media_type
                ));
            };
            if is_foreign(media_type) {
                notes.push(format!(
                    "Layer {} of the run image is not distributable: it stays where it is",
                    layer.digest
                ));
            }
            layer.media_type = media_type.to_owned();
        }
        Ok(Self { config, layers, notes })
    }
}

fn is_foreign(media_type: &str) -> bool {
    media_type.contains(".nondistributable.")
}

/// A digest that this exporter can check what it describes against.
fn sha256(text: &str, of: &str) -> Result<Digest, String> {
    Digest::parse(text).ok_or_else(|| match text.split_once(':') {
        Some((algorithm, _)) if algorithm != "sha256" => {
            format!(
                "{of} has a digest of {algorithm}, and this exporter knows sha256 alone; publish it with sha256 digests"
            )
        }
        _ => format!("{of} has the digest '{text}', which is not one of sha256"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn manifest(config_type: &str, digest: &str, layer_type: &str) -> Value {
        json!({ "schemaVersion": 2, "config": { "mediaType": config_type, "digest": digest, "size": 1 },
                "layers": [{ "mediaType": layer_type, "digest": Digest::of(b"l"), "size": 1 }] })
    }

    #[test]
    fn what_is_not_an_image_is_called_by_its_name() {
        let own = Digest::of(b"c").to_string();
        let long = format!("sha512:{}", "0".repeat(128));
        let layer = "application/vnd.oci.image.layer.v1.tar+gzip";
        let mut long_layer = manifest(CONFIG, &own, layer);
        long_layer["layers"][0]["digest"] = json!(long);
        for (manifest, words) in [
            (json!({ "schemaVersion": 1, "fsLayers": [] }), "schema 1"),
            (json!({ "schemaVersion": 2, "layers": [] }), "names no config"),
            (manifest("application/vnd.cncf.helm.config.v1+json", &own, layer), "helm"),
            (manifest(CONFIG, &long, layer), "sha512"),
            (long_layer, "sha512"),
            (manifest(CONFIG, &own, "application/vnd.dev.cosign.simplesigning.v1+json"), "simplesigning"),
            (manifest(DOCKER_CONFIG, &own, "application/vnd.docker.image.rootfs.diff.tar.lz4"), "tar.lz4"),
        ] {
            let told = Image::of(&manifest).unwrap_err();
            assert!(told.contains(words), "{told}");
        }
    }

    #[test]
    fn every_layer_type_of_docker_has_its_name_in_oci() {
        let own = Digest::of(b"c").to_string();
        for (given, oci) in [
            ("docker.image.rootfs.diff.tar", "oci.image.layer.v1.tar"),
            ("docker.image.rootfs.diff.tar.gzip", "oci.image.layer.v1.tar+gzip"),
            ("docker.image.rootfs.diff.tar.zstd", "oci.image.layer.v1.tar+zstd"),
            ("docker.image.rootfs.foreign.diff.tar", "oci.image.layer.nondistributable.v1.tar"),
            ("docker.image.rootfs.foreign.diff.tar.gzip", "oci.image.layer.nondistributable.v1.tar+gzip"),
            ("docker.image.rootfs.foreign.diff.tar.zstd", "oci.image.layer.nondistributable.v1.tar+zstd"),
            ("oci.image.layer.v1.tar+zstd", "oci.image.layer.v1.tar+zstd"),
            ("oci.image.layer.v1.tar+gzip+encrypted", "oci.image.layer.v1.tar+gzip+encrypted"),
        ] {
            let found = Image::of(&manifest(DOCKER_CONFIG, &own, &format!("application/vnd.{given}"))).unwrap();
            assert_eq!(found.layers[0].media_type, format!("application/vnd.{oci}"));
        }
    }
}
