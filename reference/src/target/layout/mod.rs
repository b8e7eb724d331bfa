//! An OCI image layout as a target (`rfc-0119-export-to-oci-layout.md`; `cnb-platform.md`, Map an image reference to a
//! path in the layout directory). Layers of the run image whose blobs the layout does not hold are left out.

mod staging;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt;

use super::choice::{self, Document, Documents};
use super::{Keeping, Making, Need, NewImage, NewLayer, Outcome, Platform, StoredImage, Target, TargetError};
use crate::digest::{Digest, ImageId};
use crate::image::Descriptor;
use crate::image_name::ImageName;
use crate::whole::whole;
use staging::{Staging, put_all};

/// Why a layout could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// The reference has no path and digest.
    #[error("find the run image '{0}': in a layout its reference is path@digest; run the analyzer with -layout")]
    Reference(String),
    /// A file cannot be read or written.
    #[error("{doing} {}", path.display())]
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
    images: Vec<ImageName>,
    base: Option<PathBuf>,
    previous: Option<PathBuf>,
    base_layers: Vec<Descriptor>,
}

/// Tells a thread that no one waits for it any more.
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

/// Where a blob of the layout in `folder` lies.
pub(crate) fn blob(folder: &Path, digest: &Digest) -> PathBuf {
    folder.join("blobs/sha256").join(digest.hex())
}

/// The folder and digest of `path@digest`.
fn split(reference: &str) -> Result<(PathBuf, Digest), LayoutError> {
    let wrong = || LayoutError::Reference(reference.to_owned());
    let (path, digest) = reference.rsplit_once('@').ok_or_else(wrong)?;
    Ok((PathBuf::from(path), Digest::parse(digest).ok_or_else(wrong)?))
}

impl Layout {
    /// Layouts below `root` for these tags.
    #[must_use]
    pub fn open(root: PathBuf, images: &[ImageName]) -> Self {
        Self { root, images: images.to_vec(), base: None, previous: None, base_layers: Vec::new() }
    }

    fn place(&self, image: &ImageName) -> PathBuf {
        let tag = image.tag_or_latest().unwrap_or("latest");
        self.root.join(&image.registry).join(&image.repository).join(tag)
    }
}

impl Target for Layout {
    async fn base(&mut self, reference: &str, platform: &Platform) -> Result<StoredImage, TargetError> {
        let (folder, digest) = split(reference)?;
        let image = read_image(&folder, &digest, platform)?;
        self.base_layers.clone_from(&image.layers);
        self.base = Some(folder);
        Ok(image)
    }

    /// The path in the reference says nothing elsewhere; its digest does.
    fn base_digest(&self, reference: &str, _: &ImageName) -> Option<Digest> {
        Digest::of_reference(reference)
    }

    async fn previous(
        &mut self,
        reference: &str,
        platform: &Platform,
        _: Need,
    ) -> Result<Option<StoredImage>, TargetError> {
        let Ok((folder, digest)) = split(reference) else { return Ok(None) };
        if !blob(&folder, &digest).is_file() {
            return Ok(None);
        }
        let image = read_image(&folder, &digest, platform)?;
        self.previous = Some(folder);
        Ok(Some(image))
    }

    fn making(&self) -> Making {
        Making::Blobs
    }

    /// A layout may leave some blobs out.
    fn holds(&self, layer: &Descriptor) -> bool {
        self.previous.as_deref().is_some_and(|folder| blob(folder, &layer.digest).is_file())
    }

    async fn take(&mut self, layer: NewLayer) -> Result<NewLayer, TargetError> {
        Ok(layer)
    }

    fn describe(&self, layers: &[NewLayer]) -> Vec<Descriptor> {
        self.base_layers.iter().cloned().chain(layers.iter().filter_map(NewLayer::descriptor)).collect()
    }

    fn annotations(&self) -> Keeping {
        Keeping::Always
    }

    /// All folders are made next to their places first, and put there whole; after an error every place is as it was.
    async fn write(self, image: NewImage) -> Result<Outcome, TargetError> {
        let NewImage { config, manifest, layers, .. } = image;
        let mut places: Vec<PathBuf> = self.images.iter().map(|image| self.place(image)).collect();
        places.sort();
        places.dedup();
        let outcome = Outcome {
            digest: Some(Digest::of(&manifest)),
            image_id: ImageId::of_document(Digest::of(&config)),
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

/// The one image of the layout in `folder`, whose layers need not be there.
///
/// # Errors
/// [`LayoutError`] naming the file.
pub(crate) fn only_image(folder: &Path, platform: &Platform) -> Result<StoredImage, LayoutError> {
    let path = folder.join("index.json");
    let wrong = |reason: String| LayoutError::Content { path: path.clone(), reason };
    let bytes = document(&path)?;
    let index: serde_json::Value = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    let manifests = index["manifests"].as_array().map(Vec::as_slice).unwrap_or_default();
    let [manifest] = manifests else {
        return Err(wrong(format!("it names {} images and has to name one", manifests.len())));
    };
    let digest = manifest["digest"].as_str().and_then(Digest::parse);
    read_image(folder, &digest.ok_or_else(|| wrong("its image has no sha256 digest".to_owned()))?, platform)
}

fn read_image(folder: &Path, digest: &Digest, platform: &Platform) -> Result<StoredImage, LayoutError> {
    let at = Blobs { folder, digest };
    let document = read_document(&blob(folder, digest), digest)?;
    let found = choice::image(&at, document, platform).now_or_never();
    let found = found.ok_or_else(|| at.wrong("it was not read at once".to_owned()))??;
    Ok(StoredImage { config: found.config.value, layers: found.image.layers, notes: found.notes })
}

/// A document's bytes.
fn document(path: &Path) -> Result<Vec<u8>, LayoutError> {
    let wrong = |reason: String| LayoutError::Content { path: path.to_path_buf(), reason };
    whole(path).map_err(|error| error.parted().map_or_else(wrong, disk("read", path)))
}

/// A JSON document whose bytes are those that its digest promises.
fn read_document(path: &Path, digest: &Digest) -> Result<Document, LayoutError> {
    let wrong = |reason: String| LayoutError::Content { path: path.to_path_buf(), reason };
    let bytes = document(path)?;
    if Digest::of(&bytes) != *digest {
        return Err(wrong(format!("its bytes are not those of {digest}")));
    }
    let value = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    Ok(Document { bytes, value })
}
