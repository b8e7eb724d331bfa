//! An OCI image layout as a target (`rfc-0119-export-to-oci-layout.md`; `cnb-platform.md`, Map an image reference to a
//! path in the layout directory). Layers of the run image whose blobs the layout does not hold are left out.

mod staging;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt;

use super::choice::{self, Document, Documents};
use super::{NewLayer, Outcome, Platform, StoredImage};
use crate::digest::Digest;
use crate::image::{Descriptor, LAYER};
use crate::image_name::ImageName;
use staging::{Staging, put_all};

/// Why a layout could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// The reference has no path and digest.
    #[error("find the run image '{0}': in a layout its reference is path@digest; run the analyzer with -layout")]
    Reference(String),
    /// A file cannot be read or written.
    #[error("{doing} {}: {source}", path.display())]
    Disk {
        /// What was done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("read {}: {reason}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// Layouts below a folder.
#[derive(Debug)]
pub struct Layout {
    root: PathBuf,
    base: Option<PathBuf>,
    previous: Option<PathBuf>,
    base_layers: Vec<Descriptor>,
}

/// Tells a thread that nobody waits for it any more.
struct Abandon(Arc<AtomicBool>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn disk(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LayoutError {
    let path = path.to_path_buf();
    move |source| LayoutError::Disk { doing, path, source }
}

fn blob(folder: &Path, digest: &Digest) -> PathBuf {
    folder.join("blobs/sha256").join(digest.hex())
}

/// The folder and digest of `path@digest`.
fn split(reference: &str) -> Result<(PathBuf, Digest), LayoutError> {
    let wrong = || LayoutError::Reference(reference.to_owned());
    let (path, digest) = reference.rsplit_once('@').ok_or_else(wrong)?;
    Ok((PathBuf::from(path), Digest::parse(digest).ok_or_else(wrong)?))
}

impl Layout {
    /// Layouts below `root`.
    #[must_use]
    pub fn open(root: PathBuf) -> Self {
        Self { root, base: None, previous: None, base_layers: Vec::new() }
    }

    /// The run image at `path@digest`; of an index the manifest for `platform`.
    ///
    /// # Errors
    /// [`LayoutError`] naming the file.
    pub fn base(&mut self, reference: &str, platform: &Platform) -> Result<StoredImage, LayoutError> {
        let (folder, digest) = split(reference)?;
        let image = read_image(&folder, &digest, platform)?;
        self.base_layers.clone_from(&image.layers);
        self.base = Some(folder);
        Ok(image)
    }

    /// The previous image at `path@digest`; none where it is not there any more.
    ///
    /// # Errors
    /// [`LayoutError`] where it is there and cannot be read.
    pub fn previous(&mut self, reference: &str, platform: &Platform) -> Result<Option<StoredImage>, LayoutError> {
        let Ok((folder, digest)) = split(reference) else { return Ok(None) };
        if !blob(&folder, &digest).is_file() {
            return Ok(None);
        }
        let image = read_image(&folder, &digest, platform)?;
        self.previous = Some(folder);
        Ok(Some(image))
    }

    /// Whether the previous image's layout holds the blob of a layer: it may leave some out.
    #[must_use]
    pub fn holds(&self, layer: &Descriptor) -> bool {
        self.previous.as_deref().is_some_and(|folder| blob(folder, &layer.digest).is_file())
    }

    /// Descriptors of the image's layers.
    #[must_use]
    pub fn descriptors(&self, layers: &[NewLayer]) -> Vec<Descriptor> {
        self.base_layers.iter().cloned().chain(layers.iter().filter_map(descriptor)).collect()
    }

    /// Writes the image for every tag: all folders are made beside their places first, and put there whole.
    ///
    /// # Errors
    /// [`LayoutError`] naming the file; every place is as it was then.
    pub async fn write(
        self,
        images: &[ImageName],
        config: Vec<u8>,
        manifest: Vec<u8>,
        layers: Vec<NewLayer>,
    ) -> Result<Outcome, LayoutError> {
        let mut places: Vec<PathBuf> = images.iter().map(|image| self.place(image)).collect();
        places.sort();
        places.dedup();
        let outcome = Outcome {
            digest: Some(Digest::of(&manifest)),
            image_id: Digest::of(&config).to_string(),
            manifest_size: Some(manifest.len() as u64),
        };
        let abandoned = Arc::new(AtomicBool::new(false));
        let _abandon = Abandon(abandoned.clone());
        let root = self.root.clone();
        let written = tokio::task::spawn_blocking(move || {
            let staging =
                Staging { base: self.base, previous: self.previous, base_layers: self.base_layers, abandoned };
            put_all(&root, &places, |folder, place, first| {
                // The last part of a place is the tag.
                let tag = place.file_name().map(|tag| tag.to_string_lossy().into_owned()).unwrap_or_default();
                match first {
                    None => staging.fill(folder, &tag, &config, &manifest, &layers),
                    Some(first) => staging.copy(first, folder, &tag, &config, &manifest),
                }
            })
        });
        let broken = |error: tokio::task::JoinError| disk("write", &PathBuf::from("layout"))(io::Error::other(error));
        written.await.map_err(broken)??;
        Ok(outcome)
    }

    fn place(&self, image: &ImageName) -> PathBuf {
        let tag = image.tag_or_latest().unwrap_or("latest");
        self.root.join(&image.registry).join(&image.repository).join(tag)
    }
}

/// Blobs of a layout.
struct Blobs<'a> {
    folder: &'a Path,
    /// What the reference says.
    digest: &'a Digest,
}

impl Documents for Blobs<'_> {
    type Error = LayoutError;

    async fn manifest(&self, digest: &Digest) -> Result<Document, LayoutError> {
        read_document(&blob(self.folder, digest), digest)
    }

    async fn config(&self, digest: &Digest) -> Result<Document, LayoutError> {
        read_document(&blob(self.folder, digest), digest)
    }

    fn wrong(&self, reason: String) -> LayoutError {
        LayoutError::Content { path: blob(self.folder, self.digest), reason }
    }
}

fn read_image(folder: &Path, digest: &Digest, platform: &Platform) -> Result<StoredImage, LayoutError> {
    let at = Blobs { folder, digest };
    let document = read_document(&blob(folder, digest), digest)?;
    let found = choice::image(&at, document, platform).now_or_never();
    let found = found.ok_or_else(|| at.wrong("it was not read at once".to_owned()))??;
    Ok(StoredImage { config: found.config.value, layers: found.image.layers, notes: found.notes })
}

/// A JSON document whose bytes are those that its digest promises.
fn read_document(path: &Path, digest: &Digest) -> Result<Document, LayoutError> {
    let wrong = |reason: String| LayoutError::Content { path: path.to_path_buf(), reason };
    let bytes = fs::read(path).map_err(disk("read", path))?;
    if Digest::of(&bytes) != *digest {
        return Err(wrong(format!("its bytes are not those of {digest}")));
    }
    let value = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    Ok(Document { bytes, value })
}

/// The descriptor of a new layer; none of one for a classic daemon.
#[must_use]
pub fn descriptor(layer: &NewLayer) -> Option<Descriptor> {
    match layer {
        NewLayer::Made(blob) => Some(Descriptor {
            media_type: LAYER.to_owned(),
            digest: blob.digest.clone(),
            size: blob.size,
            urls: Vec::new(),
            annotations: std::collections::BTreeMap::new(),
        }),
        NewLayer::Reused { descriptor, .. } => descriptor.clone(),
        NewLayer::Sent { descriptor, .. } => Some(descriptor.clone()),
        NewLayer::Streamed { .. } => None,
    }
}
