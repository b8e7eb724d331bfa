//! Makes a scenario's run image: layers, config and manifest, the same bytes in every run.

mod config;
mod extension;
mod index;
#[cfg(test)]
mod read_elsewhere;
mod stores;

use std::sync::{Arc, LazyLock};

use flate2::{Compression, write::GzEncoder};
use judge::digest::Digest;
use judge::evidence::Document;
use oci_spec::image::{Arch, MediaType, ToDockerV2S2 as _};
use serde_json::{Value, json};

pub use extension::MadeExtension;

use super::{ImageFormat, IndexDigest, LayerCompression, RunImageFile, RunLayer};

/// A run image, made but not yet published.
#[derive(Debug, Clone)]
pub struct MadeImage {
    /// Compressed layers and the tars that they hold, from the bottom.
    pub layers: Vec<MadeLayer>,
    /// The config.
    pub config: Document,
    /// The manifest; its `content_type` is its media type.
    pub manifest: Document,
    /// What it stands behind, where the scenario wants an index.
    pub index: Option<MadeIndex>,
    /// What image extensions made of it.
    pub extension: Option<Arc<MadeExtension>>,
}

/// An index: of this machine's platform, and of what the scenario wants next to it.
#[derive(Debug, Clone)]
pub struct MadeIndex {
    /// The index; its `content_type` is its media type.
    pub document: Document,
    /// The images next to it.
    pub others: Vec<MadeImage>,
    /// Indexes that are named in it.
    pub inner: Vec<Document>,
    /// Which digest the analysis refers to.
    pub analysed: IndexDigest,
}

/// One layer.
#[derive(Debug, Clone)]
pub struct MadeLayer {
    /// The tar, as the layer is compressed.
    pub blob: Vec<u8>,
    /// The tar.
    pub tar: Vec<u8>,
    /// Annotations of its descriptor.
    pub annotations: std::collections::BTreeMap<String, String>,
    /// How it is compressed.
    pub compression: LayerCompression,
}

/// Makes the image that `file` describes; `salt` goes into its top layer, so that another salt makes another image.
///
/// # Errors
/// The tar writer's, for a path that no tar can hold.
pub fn make(file: &RunImageFile, salt: &str) -> std::io::Result<MadeImage> {
    let mut image = for_platform(file, salt, file.architecture())?;
    if let Some(analysed) = file.index {
        image.index = Some(index::make(file, salt, &image, analysed)?);
    }
    if let Some(extension) = &file.extension {
        image.extension = Some(Arc::new(extension::make(&image, extension)?));
    }
    Ok(image)
}

fn for_platform(file: &RunImageFile, salt: &str, architecture: &str) -> std::io::Result<MadeImage> {
    let mut layers = file.layers.iter().map(layer).collect::<std::io::Result<Vec<_>>>()?;
    for number in 1..=file.more_layers {
        let files = [(format!("usr/share/layers/{number}"), format!("layer {number}\n"))].into();
        layers.push(layer(&RunLayer { files, ..RunLayer::default() })?);
    }
    if !salt.is_empty() {
        let files = [("usr/share/salt".to_owned(), salt.to_owned())].into();
        layers.push(layer(&RunLayer { files, ..RunLayer::default() })?);
    }
    let config = Document::new(config::make(file, &layers, architecture).to_string().into_bytes(), None);
    let manifest = manifest(file, &layers, &config);
    let of_the_manifest = media_type(&MediaType::ImageManifest, file.format);
    let manifest = Document::new(manifest.to_string().into_bytes(), Some(of_the_manifest));
    Ok(MadeImage { layers, manifest, config, index: None, extension: None })
}

/// A descriptor of a document that has a media type.
fn descriptor(document: &Document) -> Value {
    json!({ "mediaType": document.content_type, "digest": document.digest, "size": document.bytes.len() })
}

pub(super) fn layer(layer: &RunLayer) -> std::io::Result<MadeLayer> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, text) in &layer.files {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(0o644);
        header.set_mtime(1);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(text.len() as u64);
        builder.append_data(&mut header, path, text.as_bytes())?;
    }
    let tar = builder.into_inner()?;
    let blob = match layer.compression {
        LayerCompression::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            std::io::Write::write_all(&mut encoder, &tar)?;
            encoder.finish()?
        }
        LayerCompression::Zstd => zstd::encode_all(tar.as_slice(), 1)?,
        LayerCompression::None => tar.clone(),
    };
    Ok(MadeLayer { blob, tar, annotations: layer.annotations.clone(), compression: layer.compression })
}

/// This machine's architecture in the words of the OCI configuration (Go's).
static ARCHITECTURE: LazyLock<String> = LazyLock::new(|| Arch::default().to_string());

/// This machine's architecture in the words of the OCI configuration (Go's).
#[must_use]
pub fn architecture() -> &'static str {
    &ARCHITECTURE
}

impl RunImageFile {
    /// The architecture that its config names.
    #[must_use]
    pub fn architecture(&self) -> &str {
        self.architecture.as_deref().unwrap_or(&ARCHITECTURE)
    }
}

/// What Docker's engines call a layer that is not compressed; `oci-spec` has a word of theirs for gzip alone.
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";

/// A media type in the words of a format.
pub(super) fn media_type(of: &MediaType, format: ImageFormat) -> String {
    match (format, of) {
        (ImageFormat::Oci, _) => of.to_string(),
        (ImageFormat::DockerSchema2, MediaType::ImageLayer) => DOCKER_LAYER.to_owned(),
        (ImageFormat::DockerSchema2, MediaType::ImageLayerZstd) => format!("{DOCKER_LAYER}.zstd"),
        (ImageFormat::DockerSchema2, _) => of.to_docker_v2s2().unwrap_or_else(|_| of.as_ref()).to_owned(),
    }
}

fn layer_type(format: ImageFormat, compression: LayerCompression) -> String {
    let layer = match compression {
        LayerCompression::Gzip => MediaType::ImageLayerGzip,
        LayerCompression::Zstd => MediaType::ImageLayerZstd,
        LayerCompression::None => MediaType::ImageLayer,
    };
    media_type(&layer, format)
}

fn manifest(file: &RunImageFile, layers: &[MadeLayer], config: &Document) -> Value {
    let mut manifest = manifest_of(file.format, layers, config);
    if !file.annotations.is_empty() {
        manifest["annotations"] = json!(file.annotations);
    }
    for (key, value) in &file.manifest {
        manifest[key] = json!(value);
    }
    for (key, value) in &file.config_descriptor {
        manifest["config"][key] = json!(value);
    }
    if let Some(members) = manifest.as_object_mut().filter(|_| file.without_media_type) {
        members.remove("mediaType");
    }
    manifest
}

/// A manifest without annotations.
pub(super) fn manifest_of(format: ImageFormat, layers: &[MadeLayer], config: &Document) -> Value {
    let descriptor = |media_type: &str, bytes: &[u8]| json!({ "mediaType": media_type, "digest": Digest::of(bytes), "size": bytes.len() });
    let layer = |layer: &MadeLayer| {
        let mut found = descriptor(&layer_type(format, layer.compression), &layer.blob);
        if !layer.annotations.is_empty() {
            found["annotations"] = json!(layer.annotations);
        }
        found
    };
    json!({
        "schemaVersion": 2,
        "mediaType": media_type(&MediaType::ImageManifest, format),
        "config": descriptor(&media_type(&MediaType::ImageConfig, format), &config.bytes),
        "layers": layers.iter().map(layer).collect::<Vec<_>>(),
    })
}

impl MadeImage {
    /// The document by whose digest the analysis refers to the image.
    #[must_use]
    pub fn analysed(&self) -> &Document {
        match &self.index {
            Some(MadeIndex { document, analysed: IndexDigest::Index, .. }) => document,
            _ => &self.manifest,
        }
    }

    /// What its tag names.
    #[must_use]
    pub fn tagged(&self) -> &Document {
        self.index.as_ref().map_or(&self.manifest, |index| &index.document)
    }

    /// Every manifest and, last, the index: what a store must take in this order.
    #[must_use]
    pub fn documents(&self) -> Vec<&Document> {
        let index = self.index.iter().flat_map(|index| {
            let others = index.others.iter().map(|other| &other.manifest);
            others.chain(&index.inner).chain([&index.document])
        });
        std::iter::once(&self.manifest).chain(index).collect()
    }

    /// Every layer and config, those of the images next to it too.
    #[must_use]
    pub fn blobs(&self) -> Vec<&[u8]> {
        let others = self.index.iter().flat_map(|index| &index.others);
        let images = std::iter::once(self).chain(others);
        images
            .flat_map(|image| image.layers.iter().map(|layer| &layer.blob).chain([&image.config.bytes]))
            .map(Vec::as_slice)
            .collect()
    }

    /// The diffIDs, from the bottom.
    #[must_use]
    pub fn diff_ids(&self) -> Vec<Digest> {
        self.layers.iter().map(|layer| Digest::of(&layer.tar)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_file_makes_the_same_image_and_another_salt_another() {
        let file = RunImageFile::default();
        let (one, two, other) = (make(&file, "").unwrap(), make(&file, "").unwrap(), make(&file, "x").unwrap());
        assert_eq!(one.manifest.digest, two.manifest.digest);
        assert_ne!(one.manifest.digest, other.manifest.digest);
    }

    #[test]
    fn an_index_names_two_platforms_and_the_analysed_digest_is_the_one_asked_for() {
        for analysed in [IndexDigest::Index, IndexDigest::Manifest] {
            let image = make(&RunImageFile { index: Some(analysed), ..RunImageFile::default() }, "").unwrap();
            let index = image.index.as_ref().unwrap();
            let parsed: Value = serde_json::from_slice(&index.document.bytes).unwrap();
            let named: Vec<&str> =
                parsed["manifests"].as_array().unwrap().iter().map(|m| m["digest"].as_str().unwrap()).collect();
            assert_eq!(named, [index.others[0].manifest.digest.as_str(), image.manifest.digest.as_str()]);
            let expected = if analysed == IndexDigest::Index { &index.document } else { &image.manifest };
            assert_eq!((image.analysed(), image.tagged()), (expected, &index.document));
        }
    }

    #[test]
    fn a_layer_without_files_is_an_empty_tar_and_one_named_twice_is_stored_once() {
        let empty = RunLayer::default();
        let file = RunImageFile { layers: vec![empty.clone(), empty], ..RunImageFile::default() };
        let image = make(&file, "").unwrap();
        assert_eq!(image.layers[0].tar, [0; 1024]);
        assert_eq!(image.diff_ids().len(), 2);
        let archive = image.docker_archive("run:base").unwrap();
        let mut archive = tar::Archive::new(archive.as_slice());
        assert_eq!(archive.entries().unwrap().count(), 3, "config, layer, manifest.json");
    }

    #[test]
    fn an_index_has_what_its_scenario_wants() {
        use super::super::IndexEntries;
        for (entries, manifests, inner) in
            [(IndexEntries::WithoutPlatform, 1, 0), (IndexEntries::Variants, 4, 0), (IndexEntries::Nested, 1, 1)]
        {
            let file =
                RunImageFile { index: Some(IndexDigest::Index), index_entries: entries, ..RunImageFile::default() };
            let image = make(&file, "").unwrap();
            let index = image.index.as_ref().unwrap();
            let parsed: Value = serde_json::from_slice(&index.document.bytes).unwrap();
            let named = parsed["manifests"].as_array().unwrap();
            assert_eq!((named.len(), index.inner.len()), (manifests, inner), "{entries:?}");
            let documents: Vec<String> =
                image.documents().iter().map(|document| document.digest.as_str().to_owned()).collect();
            assert!(named.iter().all(|entry| documents.iter().any(|digest| entry["digest"] == digest.as_str())));
        }
    }

    #[test]
    fn layers_have_the_media_type_of_their_compression() {
        for (format, types) in [
            (ImageFormat::Oci, ["tar+gzip", "tar+zstd", "v1.tar"]),
            (ImageFormat::DockerSchema2, ["tar.gzip", "tar.zstd", "diff.tar"]),
        ] {
            let layers = [LayerCompression::Gzip, LayerCompression::Zstd, LayerCompression::None];
            let layers = layers.map(|compression| RunLayer { compression, ..RunLayer::default() }).to_vec();
            let image = make(&RunImageFile { format, layers, ..RunImageFile::default() }, "").unwrap();
            let manifest: Value = serde_json::from_slice(&image.manifest.bytes).unwrap();
            for (layer, end) in manifest["layers"].as_array().unwrap().iter().zip(types) {
                assert!(layer["mediaType"].as_str().unwrap().ends_with(end), "{layer}");
            }
            assert!(image.layers[1].blob.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]));
        }
    }
}
