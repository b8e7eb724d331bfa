//! What a name leads to on one platform, without its layers: the document under the name, the manifest and the config.

use std::path::{Path, PathBuf};

use judge::digest::Digest;
use judge::evidence::Document;

use super::documents::{contents_of, manifest_for, manifests_of};
use super::error::RegistryError;
use super::files::FileError;
use super::http::AccessError;
use super::layout::layout_document;
use super::registry::RegistryObserver;

/// An index may stand in an index, and none leads further than this.
const MOST_INDEXES: usize = 4;

/// Documents of an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// What the name names: an index, or the manifest itself.
    pub named: Document,
    /// The manifest for the platform.
    pub manifest: Document,
    /// Its config.
    pub config: Document,
}

/// Whether a name leads to an image of a platform.
#[derive(Debug, Clone, PartialEq)]
pub enum Stands {
    /// It does.
    Here(Box<Standing>),
    /// Nothing has the name.
    Gone,
    /// Something has it, and not for this platform.
    NotForPlatform,
}

impl RegistryObserver {
    /// What a tag or digest of a repository leads to.
    ///
    /// # Errors
    /// [`RegistryError`] when the registry does not answer, or neither yes nor no.
    pub async fn standing(
        &self,
        repository: &str,
        asked: &str,
        (os, architecture): (&str, &str),
    ) -> Result<Stands, RegistryError> {
        let mut fetched = self.fetch_manifest(repository, asked).await?;
        if let status @ (0..=199 | 201..=403 | 405..) = fetched.status {
            return Err(AccessError::Status { url: format!("{repository} {asked}"), status }.into());
        }
        let Some(named) = fetched.document.take() else { return Ok(Stands::Gone) };
        let mut manifest = named.clone();
        for _ in 0..MOST_INDEXES {
            if manifests_of(&manifest.bytes).is_none() {
                break;
            }
            let Some(next) = manifest_for(&manifest.bytes, os, architecture) else { return Ok(Stands::NotForPlatform) };
            let Some(found) = self.fetch_manifest(repository, next.as_str()).await?.document else {
                return Ok(Stands::Gone);
            };
            manifest = found;
        }
        let config = contents_of(&manifest.bytes).config.and_then(|config| config.digest);
        let config = match config {
            Some(digest) => self.config(repository, &digest).await?,
            None => None,
        };
        Ok(config.map_or(Stands::Gone, |config| Stands::Here(Box::new(Standing { named, manifest, config }))))
    }
}

/// What a layout's name leads to: a digest, a reference name of its index, or its only image where nothing is asked
/// for.
///
/// # Errors
/// [`FileError`] when a file is there and cannot be read.
pub fn layout_standing(
    folder: &Path,
    asked: Option<&str>,
    (os, architecture): (&str, &str),
) -> Result<Stands, FileError> {
    let path: PathBuf = folder.join("index.json");
    let index = std::fs::read(&path).map_err(|source| FileError::Read { path, source })?;
    let entries = manifests_of(&index).unwrap_or_default();
    let digest = match asked {
        Some(asked) if Digest::parse(asked).is_ok() => Digest::parse(asked).ok(),
        Some(asked) => entries
            .iter()
            .find(|entry| entry.names.iter().any(|name| name == asked))
            .and_then(|entry| entry.named.digest.clone()),
        None if entries.len() == 1 => entries[0].named.digest.clone(),
        None => manifest_for(&index, os, architecture),
    };
    let Some(digest) = digest else { return Ok(Stands::Gone) };
    let document = |digest: &Digest| layout_document(folder, digest.as_str()).map(|fetched| fetched.document);
    let Some(named) = document(&digest)? else { return Ok(Stands::Gone) };
    let mut manifest = named.clone();
    for _ in 0..MOST_INDEXES {
        if manifests_of(&manifest.bytes).is_none() {
            break;
        }
        let Some(next) = manifest_for(&manifest.bytes, os, architecture) else { return Ok(Stands::NotForPlatform) };
        let Some(found) = document(&next)? else { return Ok(Stands::Gone) };
        manifest = found;
    }
    let config = contents_of(&manifest.bytes).config.and_then(|config| config.digest);
    let config = config.map(|digest| document(&digest)).transpose()?.flatten();
    Ok(config.map_or(Stands::Gone, |config| Stands::Here(Box::new(Standing { named, manifest, config }))))
}
