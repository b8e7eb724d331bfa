//! An OCI image layout on disk, observed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use judge::digest::Digest;
use judge::evidence::{Document, Image, Layer, LayoutFacts, LayoutRoot, SavedFile, Tag};
use judge::json::Json;
use judge::reference::Reference;

use super::ObserveError;
use super::blobs::BlobStore;

/// What a layout folder shows of an export.
pub struct Observed {
    /// Folders and files.
    pub facts: LayoutFacts,
    /// The image under the first `<image>`.
    pub image: Option<Image>,
    /// The manifest digest that each `<image>`'s index names.
    pub tags: Vec<Tag>,
}

/// Documents larger than this are not read, in bytes.
const LARGEST_DOCUMENT: u64 = 16 << 20;

/// Every folder below `layout_dir` that holds `oci-layout` or `index.json`, relative to it, sorted.
///
/// # Errors
/// [`ObserveError::Disk`].
pub fn folders(layout_dir: &Path) -> Result<Vec<String>, ObserveError> {
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(layout_dir).sort_by_file_name() {
        let entry = entry.map_err(|error| ObserveError::Disk {
            path: error.path().unwrap_or(layout_dir).to_path_buf(),
            source: error.into_io_error().unwrap_or_else(|| std::io::Error::other("a loop of links")),
        })?;
        if entry.file_name() == "oci-layout" || entry.file_name() == "index.json" {
            let folder = entry.path().parent().unwrap_or(layout_dir);
            found.push(folder.strip_prefix(layout_dir).unwrap_or(folder).to_string_lossy().into_owned());
        }
    }
    found.dedup();
    Ok(found)
}

/// The mapped path of an `<image>`, relative to `<layout-dir>` (`cnb-platform.md`, Map an image reference to a path in
/// the layout directory; RFC 0119 for what a short reference stands for).
#[must_use]
pub fn mapped_path(reference: &Reference) -> String {
    let last = match (&reference.digest, &reference.tag) {
        (Some(digest), _) => format!("{}/{}", digest.algorithm(), digest.encoded()),
        (None, Some(tag)) => tag.clone(),
        (None, None) => "latest".to_owned(),
    };
    format!("{}/{}/{last}", reference.registry, reference.repository)
}

/// Observes what `images` left below `layout_dir`, where `before` lists the folders that were there already.
///
/// # Errors
/// [`ObserveError::Disk`].
pub async fn observe(
    layout_dir: &Path,
    images: &[String],
    before: &[String],
    blobs: &Arc<BlobStore>,
) -> Result<Observed, ObserveError> {
    let folders = folders(layout_dir)?.into_iter().filter(|folder| !before.contains(folder)).collect();
    let mut roots = Vec::new();
    for image in images {
        let path = Reference::parse(image).map_or_else(|_| image.clone(), |reference| mapped_path(&reference));
        roots.push(root(layout_dir, image, path)?);
    }
    let tags = roots
        .iter()
        .map(|root| Tag {
            reference: root.reference.clone(),
            digest: root.index.as_ref().and_then(only_manifest).map(|digest| digest.to_string()),
            status: 0,
            content_type: None,
        })
        .collect();
    let image = match roots.first() {
        Some(root) => image(&layout_dir.join(&root.path), root, blobs).await?,
        None => None,
    };
    Ok(Observed { facts: LayoutFacts { folders, roots }, image, tags })
}

fn root(layout_dir: &Path, image: &str, path: String) -> Result<LayoutRoot, ObserveError> {
    let folder = layout_dir.join(&path);
    let mut blobs = Vec::new();
    if folder.join("blobs").is_dir() {
        for fact in super::file_facts(&folder.join("blobs"), "blobs")? {
            if let Some(digest) = fact.content {
                blobs.push(SavedFile { path: fact.path, size: fact.size, digest });
            }
        }
    }
    Ok(LayoutRoot {
        reference: image.to_owned(),
        present: folder.is_dir(),
        oci_layout: document(&folder.join("oci-layout"))?,
        index: document(&folder.join("index.json"))?,
        blobs,
        path,
    })
}

fn document(path: &Path) -> Result<Option<Document>, ObserveError> {
    let fail = |source| ObserveError::Disk { path: path.to_path_buf(), source };
    match std::fs::symlink_metadata(path) {
        Ok(facts) if facts.is_file() && facts.len() <= LARGEST_DOCUMENT => {
            std::fs::read(path).map(|bytes| Some(Document::new(bytes, None))).map_err(fail)
        }
        _ => Ok(None),
    }
}

/// The digest that an index names, where it names one manifest.
fn only_manifest(index: &Document) -> Option<Digest> {
    let json = Json::parse(&index.bytes).ok()?;
    match json.get("manifests")?.items()? {
        [one] => Digest::parse(one.get("digest")?.as_str()?).ok(),
        _ => None,
    }
}

async fn image(folder: &Path, root: &LayoutRoot, blobs: &Arc<BlobStore>) -> Result<Option<Image>, ObserveError> {
    let Some(digest) = root.index.as_ref().and_then(only_manifest) else { return Ok(None) };
    let blob_path =
        |digest: &Digest| -> PathBuf { folder.join("blobs").join(digest.algorithm()).join(digest.encoded()) };
    let Some(manifest) = document(&blob_path(&digest))? else { return Ok(None) };
    let json = Json::parse(&manifest.bytes).ok();
    let named = |value: Option<&Json>| value?.get("digest")?.as_str().map(str::to_owned);
    let config = match named(json.as_ref().and_then(|json| json.get("config"))).as_deref().map(Digest::parse) {
        Some(Ok(digest)) => document(&blob_path(&digest))?,
        _ => None,
    };
    let mut layers = Vec::new();
    for descriptor in json.as_ref().and_then(|json| json.get("layers")?.items()).unwrap_or_default() {
        let name = named(Some(descriptor)).unwrap_or_default();
        layers.push(match Digest::parse(&name) {
            Ok(digest) => layer(name, &blob_path(&digest), blobs).await?,
            Err(error) => Layer { name, blob: None, problem: Some(error.to_string()), left_out: false },
        });
    }
    Ok(Some(Image { manifest: Some(manifest), config, layers }))
}

async fn layer(name: String, path: &Path, blobs: &Arc<BlobStore>) -> Result<Layer, ObserveError> {
    let Ok(mut file) = std::fs::File::open(path) else {
        return Ok(Layer { name, blob: None, problem: None, left_out: true });
    };
    let (digest, _) = blobs.put(&mut file)?;
    let found = blobs.layer(&digest).await?;
    let (blob, problem) = (*found).clone();
    Ok(Layer { name, blob: Some(blob), problem, left_out: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{RunImageFile, run_image};

    #[test]
    fn references_map_to_paths_as_the_specification_says() {
        let path = |text: &str| mapped_path(&Reference::parse(text).unwrap());
        assert_eq!(path("run"), "index.docker.io/library/run/latest");
        assert_eq!(path("host.example/a/b:1"), "host.example/a/b/1");
        let digest = Digest::of(b"");
        assert_eq!(path(&format!("host.example/a@{digest}")), format!("host.example/a/sha256/{}", digest.encoded()));
    }

    #[tokio::test]
    async fn an_image_in_a_layout_is_read_whole_and_what_is_not_there_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let evidence = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(evidence.path().join("blobs/sha256")).unwrap();
        let blobs = Arc::new(BlobStore::at(evidence.path()));
        let made = run_image::make(&RunImageFile::default(), "").unwrap();
        let at = folder.path().join("host.example/a/1");
        made.write_layout(&at).unwrap();
        std::fs::remove_file(at.join("blobs/sha256").join(Digest::of(&made.layers[1].blob).encoded())).unwrap();
        let images = ["host.example/a:1".to_owned(), "host.example/b:1".to_owned()];
        let seen = observe(folder.path(), &images, &[], &blobs).await.unwrap();
        assert_eq!(seen.facts.folders, ["host.example/a/1"]);
        assert_eq!(seen.tags[0].digest, Some(made.manifest.digest.to_string()));
        assert_eq!((seen.tags[1].digest.clone(), seen.facts.roots[1].present), (None, false));
        let image = seen.image.unwrap();
        assert_eq!(image.manifest.unwrap().digest, made.manifest.digest);
        assert_eq!(image.config.unwrap().digest, made.config.digest);
        assert_eq!(image.layers[0].blob.as_ref().unwrap().diff_id, made.diff_ids()[0]);
        assert!(image.layers[1].left_out);
    }
}
