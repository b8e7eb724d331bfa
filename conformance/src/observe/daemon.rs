//! A daemon observed: what it says of an image, and the archive that it saves for it.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use judge::digest::Digest;
use judge::evidence::{DaemonFacts, Document, Image, Layer, SavedFile, TagId};
use judge::json::Json;

use super::ObserveError;
use super::blobs::BlobStore;
use crate::rig::daemon::Daemon;

/// Files of an archive that are kept whole when they are at most this large, in bytes.
const LARGEST_DOCUMENT: u64 = 16 << 20;

/// Observes the image under the first of `references`, and the IDs under all.
///
/// # Errors
/// [`ObserveError`] where the daemon fails; an image that is not there is a fact.
pub async fn observe(
    daemon: &Daemon,
    references: &[String],
    blobs: &Arc<BlobStore>,
) -> Result<(DaemonFacts, Option<Image>), ObserveError> {
    let fail = |doing: &str, error: &dyn std::fmt::Display| ObserveError::Daemon {
        doing: format!("{doing} in {}", daemon.service_name()),
        reason: error.to_string(),
    };
    let mut tag_ids = Vec::new();
    for reference in references {
        let id = daemon.image_id(reference).await.map_err(|error| fail("inspect an image", &error))?;
        tag_ids.push(TagId { reference: reference.clone(), id });
    }
    let mut facts = DaemonFacts {
        store: daemon.store(),
        engine: daemon.version().to_owned(),
        inspect: None,
        tag_ids,
        saved: Vec::new(),
        archive_manifest: None,
        archive_index: None,
        pushed: None,
        push_problem: None,
    };
    let Some(first) = references.first().filter(|_| facts.tag_ids.first().is_some_and(|tag| tag.id.is_some())) else {
        return Ok((facts, None));
    };
    facts.inspect = daemon
        .inspect(first)
        .await
        .map_err(|error| fail("inspect an image", &error))?
        .map(|bytes| Document::new(bytes, None));
    let file = tempfile::NamedTempFile::new().map_err(|source| disk(&std::env::temp_dir(), source))?;
    daemon.save(first, file.path()).await.map_err(|error| fail("save an image", &error))?;
    let (path, store) = (file.path().to_path_buf(), blobs.clone());
    let archive = tokio::task::spawn_blocking(move || Archive::read(&path, &store))
        .await
        .map_err(|error| fail("read a saved image", &error))??;
    facts.saved.clone_from(&archive.files);
    facts.archive_manifest = archive.document("manifest.json");
    facts.archive_index = archive.document("index.json");
    let image = archive.image(first, blobs).await?;
    Ok((facts, image))
}

fn disk(path: &Path, source: std::io::Error) -> ObserveError {
    ObserveError::Disk { path: path.to_path_buf(), source }
}

/// A saved archive, unpacked into the evidence's blobs.
struct Archive {
    files: Vec<SavedFile>,
    documents: BTreeMap<String, Vec<u8>>,
    links: BTreeMap<String, String>,
}

impl Archive {
    fn read(path: &Path, blobs: &BlobStore) -> Result<Self, ObserveError> {
        let fail = |source| disk(path, source);
        let mut archive = tar::Archive::new(std::fs::File::open(path).map_err(fail)?);
        let mut found = Self { files: Vec::new(), documents: BTreeMap::new(), links: BTreeMap::new() };
        for entry in archive.entries().map_err(fail)? {
            let mut entry = entry.map_err(fail)?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).trim_start_matches("./").to_owned();
            match entry.header().entry_type() {
                tar::EntryType::Regular => {}
                // Docker saves a layer that several legacy folders share as a link.
                tar::EntryType::Symlink | tar::EntryType::Link => {
                    let target = entry.link_name_bytes().map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
                    found.links.insert(name.clone(), resolved(&name, &target.unwrap_or_default()));
                    continue;
                }
                _ => continue,
            }
            if entry.size() <= LARGEST_DOCUMENT && is_document(&name) {
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).map_err(fail)?;
                found.files.push(SavedFile {
                    path: name.clone(),
                    size: bytes.len() as u64,
                    digest: Digest::of(&bytes),
                });
                blobs.put(&mut bytes.as_slice())?;
                found.documents.insert(name, bytes);
            } else {
                let (digest, size) = blobs.put(&mut entry)?;
                found.files.push(SavedFile { path: name, size, digest });
            }
        }
        Ok(found)
    }

    fn document(&self, name: &str) -> Option<Document> {
        self.documents.get(name).map(|bytes| Document::new(bytes.clone(), None))
    }

    fn json(&self, name: &str) -> Option<Json> {
        Json::parse(self.documents.get(name)?).ok()
    }

    fn saved(&self, name: &str) -> Option<&SavedFile> {
        let name = self.links.get(name).map_or(name, String::as_str);
        self.files.iter().find(|file| file.path == name)
    }

    /// The image under `reference`: by the OCI index where the archive has one, else by `manifest.json`.
    async fn image(&self, reference: &str, blobs: &Arc<BlobStore>) -> Result<Option<Image>, ObserveError> {
        if let Some(manifest) = self.oci_manifest(reference, blobs) {
            return self.oci_image(manifest, blobs).await.map(Some);
        }
        let Some(entry) = self.json("manifest.json").and_then(|list| list.items()?.first().cloned()) else {
            return Ok(None);
        };
        let config = match entry.get("Config").and_then(Json::as_str) {
            Some(name) => self.bytes(name, blobs)?,
            None => None,
        };
        let mut layers = Vec::new();
        for name in entry.get("Layers").and_then(Json::items).unwrap_or_default() {
            layers.push(self.layer(name.as_str().unwrap_or_default(), blobs).await?);
        }
        Ok(Some(Image { manifest: None, config, layers }))
    }

    /// The manifest that the archive's index names for `reference`, or its only one. Engines with a classic store
    /// write an index too since version 25, but make the manifest up as they save: there `manifest.json` is the truth.
    fn oci_manifest(&self, reference: &str, blobs: &Arc<BlobStore>) -> Option<Document> {
        let index = self.json("index.json")?;
        let entries = index.get("manifests")?.items()?;
        let named = |entry: &&Json| {
            let name = entry.at(&["annotations", "io.containerd.image.name"]).and_then(Json::as_str);
            name == Some(reference)
        };
        let entry = entries.iter().find(named)?;
        let digest = Digest::parse(entry.get("digest")?.as_str()?).ok()?;
        self.bytes(&format!("blobs/{}/{}", digest.algorithm(), digest.encoded()), blobs).ok()?
    }

    async fn oci_image(&self, manifest: Document, blobs: &Arc<BlobStore>) -> Result<Image, ObserveError> {
        let json = Json::parse(&manifest.bytes).ok();
        let path = |value: Option<&Json>| {
            let digest = Digest::parse(value?.get("digest")?.as_str()?).ok()?;
            Some(format!("blobs/{}/{}", digest.algorithm(), digest.encoded()))
        };
        let config = match path(json.as_ref().and_then(|json| json.get("config"))) {
            Some(name) => self.bytes(&name, blobs)?,
            None => None,
        };
        let mut layers = Vec::new();
        for descriptor in json.as_ref().and_then(|json| json.get("layers")?.items()).unwrap_or_default() {
            layers.push(self.layer(&path(Some(descriptor)).unwrap_or_default(), blobs).await?);
        }
        Ok(Image { manifest: Some(manifest), config, layers })
    }

    fn bytes(&self, name: &str, blobs: &Arc<BlobStore>) -> Result<Option<Document>, ObserveError> {
        if let Some(document) = self.document(name) {
            return Ok(Some(document));
        }
        let Some(saved) = self.saved(name).filter(|saved| saved.size <= LARGEST_DOCUMENT) else { return Ok(None) };
        let path = blobs.path(&saved.digest);
        std::fs::read(&path).map(|bytes| Some(Document::new(bytes, None))).map_err(|source| disk(&path, source))
    }

    async fn layer(&self, name: &str, blobs: &Arc<BlobStore>) -> Result<Layer, ObserveError> {
        let Some(saved) = self.saved(name) else {
            let problem = Some("the saved archive does not hold it".to_owned());
            return Ok(Layer { name: name.to_owned(), blob: None, problem, left_out: false });
        };
        let (blob, problem) = (*blobs.layer(&saved.digest).await?).clone();
        Ok(Layer { name: name.to_owned(), blob: Some(blob), problem, left_out: false })
    }
}

fn is_document(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|ending| ending == "json") || name == "oci-layout" || name == "repositories"
}

/// Where a link at `name` points, within the archive.
fn resolved(name: &str, target: &str) -> String {
    let mut parts: Vec<&str> = name.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            ".." => {
                parts.pop();
            }
            "." | "" => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{RunImageFile, run_image};

    #[tokio::test]
    async fn a_docker_archive_is_read_as_the_image_that_it_holds() {
        let evidence = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(evidence.path().join("blobs/sha256")).unwrap();
        let blobs = Arc::new(BlobStore::at(evidence.path()));
        let made = run_image::make(&RunImageFile::default(), "").unwrap();
        let path = evidence.path().join("archive.tar");
        std::fs::write(&path, made.docker_archive("host.example/a:1").unwrap()).unwrap();
        let archive = Archive::read(&path, &blobs).unwrap();
        let image = archive.image("host.example/a:1", &blobs).await.unwrap().unwrap();
        assert_eq!(image.config.unwrap().digest, made.config.digest);
        let diff_ids: Vec<Digest> = image.layers.iter().map(|layer| layer.blob.clone().unwrap().diff_id).collect();
        assert_eq!(diff_ids, made.diff_ids());
        assert!(archive.document("manifest.json").is_some());
    }

    #[test]
    fn links_point_within_the_archive() {
        assert_eq!(resolved("aa/layer.tar", "../bb/layer.tar"), "bb/layer.tar");
    }
}
