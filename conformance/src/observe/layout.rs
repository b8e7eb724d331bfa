//! OCI image layouts on disk (`oci-image-image-layout.md`) below a `<layout-dir>`: which are there, and what is in
//! those at the mapped paths. Links are not followed, and no name in a file leads out of its layout.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use judge::digest::Digest;
use judge::evidence::{BaseImage, Document, Fetched, Image, Layer, LayoutFacts, LayoutRoot, LooseBlob, SavedFile, Tag};
use judge::json::Json;
use judge::reference::Reference;
use walkdir::WalkDir;

use super::blobs::{BlobError, BlobStore};
use super::documents::{Named, contents_of, descriptor_for, manifest_for, manifests_of};
use super::files::{FileError, is_reached_without_links};
use super::layer::{LayerError, LayerReader};
use crate::budget;

/// Why a layout could not be observed: the disk's trouble or the harness's.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// A folder cannot be listed, or a file read.
    #[error(transparent)]
    File(#[from] FileError),
    /// What is there cannot be kept.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// A layer cannot be read back.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// The observing task was ended.
    #[error("finish reading the layout")]
    Ended(#[from] tokio::task::JoinError),
}

/// What an export left below a `<layout-dir>`.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedLayout {
    /// The facts.
    pub facts: LayoutFacts,
    /// The image at the first `<image>`'s mapped path, where there is one.
    pub image: Option<Image>,
    /// What each mapped path's index names.
    pub tags: Vec<Tag>,
}

/// The path of an `<image>` relative to `<layout-dir>` (`cnb-platform.md`, Map an image reference to a path in the
/// layout directory): registry, repository, then the tag or the digest's two halves as folders. Docker Hub is
/// `index.docker.io/library/…/latest`, filled in as RFC 0119 shows; a registry's port stays in its folder's name
/// (`localhost:5000`), as the text says nothing else. A digest wins over a tag. None for what is not a reference.
#[must_use]
pub fn mapped_path(reference: &str) -> Option<String> {
    let Reference { registry, repository, tag, digest, .. } = Reference::parse(reference).ok()?;
    let leads_out = matches!(registry.as_str(), "." | "..");
    let last = match (digest, tag) {
        (Some(digest), _) => format!("{}/{}", digest.algorithm(), digest.encoded()),
        (None, tag) => tag?,
    };
    (!leads_out).then(|| format!("{registry}/{repository}/{last}"))
}

/// Every folder below `layout_dir` that holds an `oci-layout` or `index.json`, relative to it and sorted; none where
/// it is not there. Blocks the thread.
///
/// # Errors
/// [`FileError`] when a folder cannot be listed.
pub fn list_layout_folders(layout_dir: &Path) -> Result<Vec<String>, FileError> {
    let mut folders = Vec::new();
    for file in files_below(layout_dir)? {
        let is_mark = file.file_name().is_some_and(|name| name == "oci-layout" || name == "index.json");
        if let Some(folder) = file.parent().filter(|_| is_mark) {
            folders.push(below(layout_dir, folder));
        }
    }
    folders.sort();
    folders.dedup();
    Ok(folders)
}

/// What the index at the `<image>`'s mapped path names; none where there is none. Blocks the thread.
///
/// # Errors
/// [`FileError`] when the index is there and cannot be read.
pub fn layout_tag_state(layout_dir: &Path, reference: &str) -> Result<Option<String>, FileError> {
    let (Some(path), Ok(parsed)) = (mapped_path(reference), Reference::parse(reference)) else { return Ok(None) };
    let index = small(&layout_dir.join(path).join("index.json"))?;
    Ok(index.and_then(|index| descriptor_for(&index.bytes, &parsed)).map(|named| named.name))
}

/// The manifest, index or config `asked` in the layout `folder`: status 200, or 404 where no such blob is there or
/// `asked` is not a digest. Blocks the thread.
///
/// # Errors
/// [`FileError`] when it is there and cannot be read.
pub fn layout_document(folder: &Path, asked: &str) -> Result<Fetched, FileError> {
    let document = match Digest::parse(asked) {
        Ok(digest) => small(&folder.join(blob_path(&digest)))?,
        Err(_) => None,
    };
    Ok(Fetched { asked: asked.to_owned(), status: if document.is_some() { 200 } else { 404 }, document })
}

/// What lies under the value of a `base.digest` annotation in the run image's layout `folder`, and the config of it
/// or, where it is an index, of its manifest for this platform. Blocks the thread.
///
/// # Errors
/// [`FileError`] when something is there and cannot be read.
pub fn layout_base_image(
    folder: &Path,
    base_digest: &str,
    os: &str,
    architecture: &str,
) -> Result<BaseImage, FileError> {
    let fetched = layout_document(folder, base_digest)?;
    let Some(found) = &fetched.document else { return Ok(BaseImage { fetched, config: None }) };
    let mut contents = contents_of(&found.bytes);
    if let Some(digest) = manifest_for(&found.bytes, os, architecture) {
        let manifest = layout_document(folder, digest.as_str())?.document;
        contents = manifest.map(|manifest| contents_of(&manifest.bytes)).unwrap_or_default();
    }
    let config = match contents.config {
        Some(config) => layout_document(folder, &config.name)?.document,
        None => None,
    };
    Ok(BaseImage { fetched, config })
}

/// Everything that an export of `images` left below `layout_dir`. `folders_before` is what [`list_layout_folders`]
/// found before it. Blobs are kept and layers read by `layers`; a layer whose blob is not there is one left out.
///
/// # Errors
/// [`LayoutError`] when what is there cannot be read or kept.
pub async fn layout_facts(
    layout_dir: &Path,
    images: &[String],
    folders_before: &[String],
    layers: &LayerReader,
) -> Result<ObservedLayout, LayoutError> {
    let (folder, wanted, store) = (layout_dir.to_owned(), images.to_vec(), layers.store().clone());
    let (mut folders, roots) = tokio::task::spawn_blocking(move || {
        let roots = wanted.iter().map(|image| root(&folder, image, &store)).collect::<Result<Vec<_>, _>>()?;
        Ok::<_, LayoutError>((list_layout_folders(&folder)?, roots))
    })
    .await??;
    folders.retain(|folder| !folders_before.contains(folder));
    let image = match roots.first() {
        Some(root) => image_of(root, layers).await?,
        None => None,
    };
    let tags = roots.iter().map(tag_of).collect();
    Ok(ObservedLayout { facts: LayoutFacts { folders, roots }, image, tags })
}

fn root(layout_dir: &Path, image: &str, store: &BlobStore) -> Result<LayoutRoot, LayoutError> {
    let path = mapped_path(image).unwrap_or_default();
    let folder = layout_dir.join(&path);
    let mut root = LayoutRoot {
        reference: image.to_owned(),
        present: !path.is_empty()
            && is_reached_without_links(layout_dir.parent().unwrap_or(layout_dir), &folder)
            && fs::symlink_metadata(&folder).is_ok_and(|metadata| metadata.is_dir()),
        path,
        oci_layout: None,
        index: None,
        blobs: Vec::new(),
        unread: Vec::new(),
        loose: None,
    };
    if !root.present {
        return Ok(root);
    }
    root.oci_layout = small(&folder.join("oci-layout"))?;
    root.index = small(&folder.join("index.json"))?;
    for name in ["oci-layout", "index.json"] {
        let size = fs::symlink_metadata(folder.join(name)).ok().filter(fs::Metadata::is_file).map(|facts| facts.len());
        root.unread.extend(size.filter(|size| *size > LIMIT).map(|size| (name.to_owned(), size)));
    }
    let mut left = budget::LAYOUT;
    for file in files_below(&folder.join("blobs"))? {
        // A file may be larger than the disk: what is not there takes no room.
        let size = fs::symlink_metadata(&file).map_or(0, |metadata| metadata.len());
        if size > left {
            root.unread.push((below(&folder, &file), size));
            continue;
        }
        let mut bytes = match File::open(&file) {
            Ok(bytes) => bytes,
            // What its mode closes to the suite is closed to others as well.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                root.unread.push((below(&folder, &file), size));
                continue;
            }
            Err(source) => return Err(FileError::Read { path: file, source }.into()),
        };
        left -= size;
        let stored = store.put_reader(&mut bytes)?;
        root.blobs.push(SavedFile { path: below(&folder, &file), size: stored.size, digest: stored.digest });
    }
    root.blobs.sort_by(|one, other| one.path.cmp(&other.path));
    root.loose = Some(loose(&root, store)?);
    Ok(root)
}

/// Most documents of loose blobs that are kept, and the bytes of one.
const LOOSE_DOCUMENTS: usize = 64;
const LOOSE_DOCUMENT: u64 = 1 << 20;
/// Most documents through which an index is followed.
const FOLLOWED: usize = 1000;

/// The blobs to which the index does not lead: neither itself, nor an index, manifest, config or layer below it.
fn loose(root: &LayoutRoot, store: &BlobStore) -> Result<Vec<LooseBlob>, LayoutError> {
    let small = |digest: &Digest| match store.document(digest, LOOSE_DOCUMENT) {
        Ok(document) => Ok(Some(document)),
        Err(BlobError::TooLarge { .. }) => Ok(None),
        Err(error) => Err(error),
    };
    let mut named: BTreeSet<String> = BTreeSet::new();
    let mut documents: Vec<Document> = root.index.clone().into_iter().collect();
    let mut followed = 0;
    while let Some(document) = documents.pop().filter(|_| followed < FOLLOWED) {
        followed += 1;
        let contents = contents_of(&document.bytes);
        named.extend(contents.layers.iter().chain(&contents.config).map(|one| one.name.clone()));
        for one in manifests_of(&document.bytes).unwrap_or_default() {
            let held = one.named.digest.as_ref().and_then(|digest| blob_in(root, digest));
            if named.insert(one.named.name.clone())
                && let Some(held) = held
            {
                documents.extend(small(held)?);
            }
        }
    }
    let name = |path: &str| path.trim_start_matches("blobs/").replacen('/', ":", 1);
    let mut found = Vec::new();
    for blob in root.blobs.iter().filter(|blob| !named.contains(&name(&blob.path))) {
        let is_kept = found.len() < LOOSE_DOCUMENTS;
        let document = if is_kept { small(&blob.digest)? } else { None };
        let document =
            document.filter(|document| Json::parse(&document.bytes).is_ok_and(|json| json.members().is_some()));
        found.push(LooseBlob { path: blob.path.clone(), document });
    }
    Ok(found)
}

async fn image_of(root: &LayoutRoot, layers: &LayerReader) -> Result<Option<Image>, LayoutError> {
    let Some(named) = named_by(root) else { return Ok(None) };
    let kept = |digest: &Option<Digest>| digest.as_ref().and_then(|digest| blob_in(root, digest)).cloned();
    let document = |digest: Option<Digest>| match digest.map(|digest| layers.store().document(&digest, LIMIT)) {
        None | Some(Err(BlobError::TooLarge { .. })) => Ok(None),
        Some(read) => read.map(Some),
    };
    let Some(manifest) = document(kept(&named.digest))? else { return Ok(None) };
    let contents = contents_of(&manifest.bytes);
    let config = document(contents.config.and_then(|config| kept(&config.digest)))?;
    let mut read = Vec::new();
    for Named { name, digest } in contents.layers {
        let mut layer = Layer::named(name);
        match (&digest, kept(&digest)) {
            (None, _) => layer.is_missing("its descriptor has no valid digest"),
            (Some(digest), None) => match root.unread.iter().find(|(path, _)| *path == blob_path(digest)) {
                Some((_, size)) => layer.is_missing(format!("its blob of {size} bytes was not read")),
                None => layer.left_out = true,
            },
            (Some(asked), Some(held)) => {
                let found = layers.read(&held).await?;
                let named = layers.named(&held, asked).await?;
                layer = found.as_layer(layer.name, named);
            }
        }
        read.push(layer);
    }
    Ok(Some(Image { manifest: Some(manifest), config, layers: read }))
}

const LIMIT: u64 = budget::DOCUMENT as u64;

fn named_by(root: &LayoutRoot) -> Option<Named> {
    descriptor_for(&root.index.as_ref()?.bytes, &Reference::parse(&root.reference).ok()?)
}

fn tag_of(root: &LayoutRoot) -> Tag {
    let digest = named_by(root).map(|named| named.name);
    Tag { reference: root.reference.clone(), digest, status: 0, content_type: None }
}

/// What the bytes of the blob file called `digest` hash to.
fn blob_in<'a>(root: &'a LayoutRoot, digest: &Digest) -> Option<&'a Digest> {
    let path = blob_path(digest);
    root.blobs.iter().find(|blob| blob.path == path).map(|blob| &blob.digest)
}

fn blob_path(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm(), digest.encoded())
}

/// Every regular file below `folder`; none where it is not there or is not a folder.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    if !fs::symlink_metadata(folder).is_ok_and(|metadata| metadata.is_dir()) {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for file in WalkDir::new(folder).follow_root_links(false) {
        let file = file.map_err(|source| FileError::Walk { root: folder.to_owned(), source })?;
        if file.file_type().is_file() {
            files.push(file.into_path());
        }
    }
    Ok(files)
}

fn below(folder: &Path, file: &Path) -> String {
    file.strip_prefix(folder).unwrap_or(file).to_string_lossy().into_owned()
}

/// A regular file's bytes; none where there is none, its mode closes it, or it has more than [`budget::DOCUMENT`].
fn small(path: &Path) -> Result<Option<Document>, FileError> {
    let is_small = |metadata: fs::Metadata| metadata.is_file() && metadata.len() <= LIMIT;
    if !fs::symlink_metadata(path).is_ok_and(is_small) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let read = match File::open(path) {
        // What its mode closes to the suite is closed to others as well.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(None),
        opened => opened.and_then(|file| file.take(LIMIT).read_to_end(&mut bytes)),
    };
    read.map_err(|source| FileError::Read { path: path.to_owned(), source })?;
    Ok(Some(Document::new(bytes, None)))
}
