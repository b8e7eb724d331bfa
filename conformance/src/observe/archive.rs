//! The archive that a daemon saves for an image: unpacked into the blob store while it arrives, then read as the
//! docker-archive or the OCI archive that it is, or both.

use std::collections::BTreeMap;
use std::io;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use judge::digest::Digest;
use judge::evidence::{Document, EntryKind, Image, Layer, SavedFile};
use judge::json::Json;
use judge::reference::Reference;
use tokio_util::io::{StreamReader, SyncIoBridge};

use super::blobs::{BlobError, BlobStore};
use super::documents::{Named, contents_of, descriptor_for, manifests_of};
use super::layer::{LayerError, LayerReader};
use super::registry::MAX_DOCUMENT;
use super::tarball::{TarError, Tarball};

/// Why an archive could not be taken in.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArchiveError {
    #[error(transparent)]
    Tar(#[from] TarError),
    #[error(transparent)]
    Blob(#[from] BlobError),
    #[error("read an archive of more than {MAX_FILES} files")]
    TooMany,
    #[error("finish reading the archive")]
    Ended(#[from] tokio::task::JoinError),
}

impl ArchiveError {
    /// Whether the harness or its disk failed, not the daemon or what it sent.
    pub(super) fn is_own(&self) -> bool {
        match self {
            Self::Ended(_) => true,
            Self::Blob(error) => !matches!(error, BlobError::Source { .. } | BlobError::TooLarge { .. }),
            Self::Tar(_) | Self::TooMany => false,
        }
    }
}

/// Most files in an archive: far beyond any image's, and few enough to be listed.
const MAX_FILES: usize = 100_000;

/// An archive's files; their bytes are in the blob store.
#[derive(Debug, Default)]
pub(super) struct Archive {
    /// Every regular file in the archive's order.
    pub(super) files: Vec<SavedFile>,
    by_path: BTreeMap<String, Digest>,
    links: BTreeMap<String, String>,
}

impl Archive {
    /// Takes the archive in as it comes; nothing of it is kept in memory or on disk but its files, once each.
    pub(super) async fn receive<S>(stream: S, store: &BlobStore) -> Result<Self, ArchiveError>
    where
        S: Stream<Item = io::Result<Bytes>> + Send + 'static,
    {
        let store = store.clone();
        let reader = SyncIoBridge::new(StreamReader::new(stream.boxed()));
        tokio::task::spawn_blocking(move || Self::unpack(reader, &store)).await?
    }

    fn unpack(reader: impl io::Read, store: &BlobStore) -> Result<Self, ArchiveError> {
        let mut tar = Tarball::new(reader);
        let mut archive = Self::default();
        while let Some(head) = tar.next_entry()? {
            let path = head.path.trim_start_matches('/').to_owned();
            match (head.kind, head.link) {
                (EntryKind::File, _) => {
                    let stored = store.put_reader(&mut tar)?;
                    archive.by_path.insert(path.clone(), stored.digest.clone());
                    archive.files.push(SavedFile { path, size: stored.size, digest: stored.digest });
                }
                // Older engines write a layer once and link to it, from the link's own folder.
                (EntryKind::Symlink, Some(link)) => {
                    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                    let target = joined(folder, &link);
                    archive.links.insert(path, target);
                }
                (EntryKind::HardLink, Some(link)) => {
                    archive.links.insert(path, joined("", &link));
                }
                _ => {}
            }
            if archive.files.len() + archive.links.len() > MAX_FILES {
                return Err(ArchiveError::TooMany);
            }
        }
        Ok(archive)
    }

    /// The stored bytes of the file at `path`, links followed.
    fn digest(&self, path: &str) -> Option<&Digest> {
        let mut path = joined("", path);
        for _ in 0..8 {
            match self.links.get(&path) {
                Some(target) => path.clone_from(target),
                None => return self.by_path.get(&path),
            }
        }
        None
    }

    fn blob(&self, digest: &Digest) -> Option<&Digest> {
        self.digest(&format!("blobs/{}/{}", digest.algorithm(), digest.encoded()))
    }

    /// The bytes of a small file of the archive; none where it is not there or not small.
    pub(super) fn document(&self, store: &BlobStore, path: &str) -> Result<Option<Document>, BlobError> {
        self.digest(path).map_or(Ok(None), |digest| small(store, digest))
    }

    /// The image of a docker-archive, by its `manifest.json`: no manifest, layers named by their path.
    pub(super) async fn docker_image(
        &self,
        manifest: &Document,
        reference: &Reference,
        layers: &LayerReader,
    ) -> Result<Image, LayerError> {
        let (config, paths) = docker_names(manifest, reference);
        let config = match config {
            Some(path) => self.document(layers.store(), &path)?,
            None => None,
        };
        let mut read = Vec::new();
        for path in paths {
            let digest = self.digest(&path);
            read.push(layer(path, digest, layers).await?);
        }
        Ok(Image { manifest: None, config, layers: read })
    }

    /// The image of an OCI archive, by its `index.json`: none where no manifest of it is in the archive.
    pub(super) async fn oci_image(
        &self,
        index: &Document,
        reference: &Reference,
        layers: &LayerReader,
    ) -> Result<Option<Image>, LayerError> {
        let store = layers.store();
        let Some(manifest) = descriptor_for(&index.bytes, reference).and_then(|named| named.digest) else {
            return Ok(None);
        };
        let Some(mut manifest) = self.blob(&manifest).map_or(Ok(None), |digest| small(store, digest))? else {
            return Ok(None);
        };
        // An image of several platforms, of which the daemon holds one.
        if let Some(of_platforms) = manifests_of(&manifest.bytes) {
            let held = of_platforms.iter().filter(|one| one.os.as_deref() != Some("unknown"));
            let held = held.filter_map(|one| one.named.digest.as_ref()).find_map(|digest| self.blob(digest));
            let Some(document) = held.map_or(Ok(None), |digest| small(store, digest))? else { return Ok(None) };
            manifest = document;
        }
        let contents = contents_of(&manifest.bytes);
        let config = contents.config.and_then(|config| config.digest);
        let config = match config.as_ref().and_then(|digest| self.blob(digest)) {
            Some(digest) => small(store, digest)?,
            None => None,
        };
        let mut read = Vec::new();
        for Named { name, digest } in contents.layers {
            let held = digest.as_ref().and_then(|digest| self.blob(digest));
            read.push(layer(name, held, layers).await?);
        }
        Ok(Some(Image { manifest: Some(manifest), config, layers: read }))
    }
}

/// `Config` and `Layers` of the `manifest.json` entry whose `RepoTags` hold the reference, else of the first.
fn docker_names(manifest: &Document, reference: &Reference) -> (Option<String>, Vec<String>) {
    let Ok(json) = Json::parse(&manifest.bytes) else { return (None, Vec::new()) };
    let images = json.items().unwrap_or_default();
    let texts = |image: &Json, key: &str| -> Vec<String> {
        let items = image.get(key).and_then(Json::items).unwrap_or_default();
        items.iter().map(|item| item.as_str().unwrap_or_default().to_owned()).collect()
    };
    let is_it = |tag: &String| Reference::parse(tag).is_ok_and(|tag| tag.same_image(reference));
    let Some(image) = images.iter().find(|one| texts(one, "RepoTags").iter().any(is_it)).or(images.first()) else {
        return (None, Vec::new());
    };
    (image.get("Config").and_then(Json::as_str).map(str::to_owned), texts(image, "Layers"))
}

async fn layer(name: String, held: Option<&Digest>, layers: &LayerReader) -> Result<Layer, LayerError> {
    let Some(digest) = held else {
        let mut layer = Layer::named(name);
        layer.is_missing("it is not in the archive that the daemon saves");
        return Ok(layer);
    };
    let read = layers.read(digest).await?;
    Ok(read.as_layer(name, None))
}

fn small(store: &BlobStore, digest: &Digest) -> Result<Option<Document>, BlobError> {
    match store.document(digest, MAX_DOCUMENT as u64) {
        Ok(document) => Ok(Some(document)),
        Err(BlobError::TooLarge { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// `path` as seen from `folder`, without `.` and `..`, none of which leads out of the archive.
fn joined(folder: &str, path: &str) -> String {
    let start = if path.starts_with('/') { "" } else { folder };
    let mut components: Vec<&str> = Vec::new();
    for component in start.split('/').chain(path.split('/')) {
        match component {
            "" | "." => {}
            ".." => drop(components.pop()),
            name => components.push(name),
        }
    }
    components.join("/")
}
