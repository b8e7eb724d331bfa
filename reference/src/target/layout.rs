//! An OCI image layout as a target (`rfc-0119-export-to-oci-layout.md`; `cnb-platform.md`, Map an image reference to a
//! path in the layout directory). Layers of the run image whose blobs the layout does not hold are left out.

use std::fs;
use std::io::{self, Seek};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{NewLayer, Outcome, StoredImage};
use crate::digest::Digest;
use crate::image::{Descriptor, LAYER, MANIFEST, oci_layer_type};
use crate::image_name::ImageName;

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

    /// The run image at `path@digest`.
    ///
    /// # Errors
    /// [`LayoutError`] naming the file.
    pub fn base(&mut self, reference: &str) -> Result<StoredImage, LayoutError> {
        let (folder, digest) = split(reference)?;
        let image = read_image(&folder, &digest)?;
        self.base_layers.clone_from(&image.layers);
        self.base = Some(folder);
        Ok(image)
    }

    /// The previous image at `path@digest`; none where it is not there any more.
    ///
    /// # Errors
    /// [`LayoutError`] where it is there and cannot be read.
    pub fn previous(&mut self, reference: &str) -> Result<Option<StoredImage>, LayoutError> {
        let Ok((folder, digest)) = split(reference) else { return Ok(None) };
        if !blob(&folder, &digest).is_file() {
            return Ok(None);
        }
        let image = read_image(&folder, &digest)?;
        self.previous = Some(folder);
        Ok(Some(image))
    }

    /// Descriptors of the image's layers.
    #[must_use]
    pub fn descriptors(&self, layers: &[NewLayer]) -> Vec<Descriptor> {
        self.base_layers.iter().cloned().chain(layers.iter().filter_map(descriptor)).collect()
    }

    /// Writes the image for every tag: each folder is made beside its place and put there whole.
    ///
    /// # Errors
    /// [`LayoutError`] naming the file.
    pub fn write(
        &self,
        images: &[ImageName],
        config: &[u8],
        manifest: &[u8],
        layers: &mut [NewLayer],
    ) -> Result<Outcome, LayoutError> {
        for image in images {
            let place = self.place(image);
            let parent = place.parent().unwrap_or(&self.root);
            fs::create_dir_all(parent).map_err(disk("make the folder", parent))?;
            let making = tempfile::Builder::new()
                .prefix(".exporting-")
                .tempdir_in(parent)
                .map_err(disk("make a folder in", parent))?;
            self.fill(making.path(), config, manifest, layers)?;
            put(making, &place)?;
        }
        Ok(Outcome {
            digest: Some(Digest::of(manifest)),
            image_id: Digest::of(config).to_string(),
            manifest_size: Some(manifest.len() as u64),
        })
    }

    fn place(&self, image: &ImageName) -> PathBuf {
        let tag = image.tag_or_latest().unwrap_or("latest");
        self.root.join(&image.registry).join(&image.repository).join(tag)
    }

    fn fill(&self, folder: &Path, config: &[u8], manifest: &[u8], layers: &mut [NewLayer]) -> Result<(), LayoutError> {
        let blobs = folder.join("blobs/sha256");
        fs::create_dir_all(&blobs).map_err(disk("make the folder", &blobs))?;
        for layer in &self.base_layers {
            copy_if_there(self.base.as_deref(), folder, &layer.digest)?;
        }
        for layer in layers {
            match layer {
                NewLayer::Made(made) => {
                    let to = blob(folder, &made.digest);
                    let mut file = fs::File::create(&to).map_err(disk("write", &to))?;
                    made.file
                        .rewind()
                        .and_then(|()| io::copy(&mut made.file, &mut file))
                        .map_err(disk("write", &to))?;
                }
                NewLayer::Reused { descriptor: Some(descriptor), .. } => {
                    copy_if_there(self.previous.as_deref(), folder, &descriptor.digest)?;
                }
                NewLayer::Reused { .. } | NewLayer::Streamed { .. } => {}
            }
        }
        let index = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [{ "mediaType": MANIFEST, "digest": Digest::of(manifest), "size": manifest.len() }],
        });
        for (path, bytes) in [
            (blob(folder, &Digest::of(config)), config),
            (blob(folder, &Digest::of(manifest)), manifest),
            (folder.join("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#),
            (folder.join("index.json"), index.to_string().as_bytes()),
        ] {
            fs::write(&path, bytes).map_err(disk("write", &path))?;
        }
        Ok(())
    }
}

fn copy_if_there(from: Option<&Path>, to: &Path, digest: &Digest) -> Result<(), LayoutError> {
    let (Some(from), to) = (from.map(|folder| blob(folder, digest)), blob(to, digest)) else { return Ok(()) };
    if !from.is_file() || to.exists() {
        return Ok(());
    }
    // A link costs nothing; across file systems, or where links are not allowed, a copy does it.
    fs::hard_link(&from, &to).or_else(|_| fs::copy(&from, &to).map(|_| ())).map_err(disk("copy", &from))
}

/// Puts a finished folder at its place; what was there goes only when the new one is ready.
fn put(making: tempfile::TempDir, place: &Path) -> Result<(), LayoutError> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(making.path(), fs::Permissions::from_mode(0o755)).map_err(disk("open up", making.path()))?;
    if place.exists() {
        fs::remove_dir_all(place).map_err(disk("replace", place))?;
    }
    let from = making.keep();
    fs::rename(&from, place).map_err(disk("write", place))
}

fn read_image(folder: &Path, digest: &Digest) -> Result<StoredImage, LayoutError> {
    let manifest = read_document(&blob(folder, digest), digest)?;
    let wrong = |reason: String| LayoutError::Content { path: blob(folder, digest), reason };
    let config = Digest::parse(manifest["config"]["digest"].as_str().unwrap_or_default())
        .ok_or_else(|| wrong("it names no config".to_owned()))?;
    let mut layers: Vec<Descriptor> =
        serde_json::from_value(manifest["layers"].clone()).map_err(|error| wrong(error.to_string()))?;
    for layer in &mut layers {
        layer.media_type = oci_layer_type(&layer.media_type).to_owned();
    }
    Ok(StoredImage { config: read_document(&blob(folder, &config), &config)?, layers })
}

/// A JSON document whose bytes are those that its digest promises.
fn read_document(path: &Path, digest: &Digest) -> Result<Value, LayoutError> {
    let wrong = |reason: String| LayoutError::Content { path: path.to_path_buf(), reason };
    let bytes = fs::read(path).map_err(disk("read", path))?;
    if Digest::of(&bytes) != *digest {
        return Err(wrong(format!("its bytes are not those of {digest}")));
    }
    serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))
}

/// The descriptor of a new layer; none of one that only a daemon has.
#[must_use]
pub fn descriptor(layer: &NewLayer) -> Option<Descriptor> {
    match layer {
        NewLayer::Made(blob) => Some(Descriptor {
            media_type: LAYER.to_owned(),
            digest: blob.digest.clone(),
            size: blob.size,
            urls: Vec::new(),
        }),
        NewLayer::Reused { descriptor, .. } => descriptor.clone(),
        NewLayer::Streamed { .. } => None,
    }
}
