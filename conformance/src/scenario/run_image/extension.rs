//! A run image as the extender leaves it in `<extended>/run` (`cnb-platform.md`, extender): an OCI layout, named after
//! the manifest's digest, with manifest, config and the new layers; the run image's own layers are not in it.

use std::collections::BTreeMap;

use judge::digest::Digest;
use judge::evidence::Document;
use oci_spec::image::MediaType;
use serde_json::{Value, json};

use super::{MadeImage, MadeLayer, descriptor, layer, manifest_of, media_type};
use crate::scenario::{ExtensionFile, ImageFormat};

/// An extended run image.
#[derive(Debug, Clone)]
pub struct MadeExtension {
    /// The config.
    pub config: Document,
    /// The manifest.
    pub manifest: Document,
    /// The layers that extensions added, from the bottom.
    pub layers: Vec<MadeLayer>,
    /// `<extended>` below the build folder.
    pub folder: String,
}

pub(super) fn make(image: &MadeImage, file: &ExtensionFile) -> std::io::Result<MadeExtension> {
    let layers = file.layers.iter().map(layer).collect::<std::io::Result<Vec<_>>>()?;
    let config = Document::new(config(image, file, &layers)?.to_string().into_bytes(), None);
    let all: Vec<MadeLayer> = image.layers.iter().chain(&layers).cloned().collect();
    let manifest = manifest_of(ImageFormat::Oci, &all, &config).to_string().into_bytes();
    let manifest = Document::new(manifest, Some(media_type(&MediaType::ImageManifest, ImageFormat::Oci)));
    Ok(MadeExtension { config, manifest, layers, folder: file.folder.clone() })
}

fn config(image: &MadeImage, file: &ExtensionFile, layers: &[MadeLayer]) -> std::io::Result<Value> {
    let mut config: Value = serde_json::from_slice(&image.config.bytes)?;
    let inner = &mut config["config"];
    let mut env: Vec<String> = serde_json::from_value(inner["Env"].clone()).unwrap_or_default();
    for entry in &file.env {
        let name = entry.split('=').next().unwrap_or(entry);
        env.retain(|own| own.split('=').next() != Some(name));
        env.push(entry.clone());
    }
    inner["Env"] = json!(env);
    if let Some(user) = &file.user {
        inner["User"] = json!(user);
    }
    for (key, value) in &file.labels {
        inner["Labels"][key] = json!(value);
    }
    let created_by = |what: &str| json!({ "created_by": format!("RUN {what} # by an extension") });
    let mut history = config["history"].as_array().cloned().unwrap_or_default();
    history.extend((1..=layers.len()).map(|number| created_by(&format!("install --stage {number}"))));
    config["history"] = json!(history);
    let ids = image.diff_ids().into_iter().chain(layers.iter().map(|layer| Digest::of(&layer.tar)));
    config["rootfs"]["diff_ids"] = json!(ids.collect::<Vec<_>>());
    Ok(config)
}

impl MadeExtension {
    /// The files of the layout, by their path below `<extended>`.
    #[must_use]
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let root = format!("run/{}", self.manifest.digest);
        let index = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::ImageIndex.to_string(),
            "manifests": [descriptor(&self.manifest)],
        });
        let documents = [&self.manifest.bytes, &self.config.bytes];
        let blobs = documents.into_iter().chain(self.layers.iter().map(|layer| &layer.blob));
        let blobs = blobs.map(|bytes| (format!("blobs/sha256/{}", Digest::of(bytes).encoded()), bytes.clone()));
        let documents = [
            ("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()),
            ("index.json".to_owned(), index.to_string().into_bytes()),
        ];
        blobs.chain(documents).map(|(path, bytes)| (format!("{root}/{path}"), bytes)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{RunImageFile, RunLayer};

    #[test]
    fn it_holds_what_extensions_added_and_names_what_was_there() {
        let files = [("opt/tool".to_owned(), "x".to_owned())].into();
        let extension = ExtensionFile {
            layers: vec![RunLayer { files, ..RunLayer::default() }],
            env: vec!["PATH=/opt".to_owned()],
            ..ExtensionFile::default()
        };
        let file = RunImageFile { extension: Some(extension), ..RunImageFile::default() };
        let image = super::super::make(&file, "").unwrap();
        let extended = image.extension.as_ref().unwrap();
        let config: Value = serde_json::from_slice(&extended.config.bytes).unwrap();
        let manifest: Value = serde_json::from_slice(&extended.manifest.bytes).unwrap();
        assert_eq!(config["config"]["Env"], json!(["PATH=/opt"]));
        let all = image.layers.len() + 1;
        for list in [&config["rootfs"]["diff_ids"], &config["history"], &manifest["layers"]] {
            assert_eq!(list.as_array().unwrap().len(), all);
        }
        let files = extended.files();
        let blobs = files.keys().filter(|path| path.contains("/blobs/sha256/")).count();
        assert_eq!((blobs, files.len()), (3, 5), "manifest, config and one layer: {:?}", files.keys());
    }
}
