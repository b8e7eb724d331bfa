//! `report.toml` (`cnb-platform.md`, report.toml; run image data by `rfc-0129-run-image-metadata-in-report.md`).

use std::io::{self, Write};
use std::path::Path;

use crate::plan::RunImageFacts;
use crate::target::Outcome;

/// The report as text.
#[must_use]
pub fn render(tags: &[String], outcome: &Outcome, run: &RunImageFacts) -> String {
    let mut image = toml::Table::new();
    image.insert("tags".to_owned(), tags.to_vec().into());
    if let Some(digest) = &outcome.digest {
        image.insert("digest".to_owned(), digest.to_string().into());
    }
    image.insert("image-id".to_owned(), outcome.image_id.clone().into());
    if let Some(size) = outcome.manifest_size {
        image.insert("manifest-size".to_owned(), i64::try_from(size).unwrap_or(i64::MAX).into());
    }
    let mut facts = toml::Table::new();
    facts.insert("image".to_owned(), run.names.image.clone().into());
    facts.insert("reference".to_owned(), run.reference.clone().into());
    facts.insert("top-layer".to_owned(), run.top_layer.to_string().into());
    if !run.names.mirrors.is_empty() {
        facts.insert("mirrors".to_owned(), run.names.mirrors.clone().into());
    }
    image.insert("run-image".to_owned(), facts.into());
    toml::Table::from_iter([("image".to_owned(), image.into())]).to_string()
}

/// Makes sure, before anything is exported, that a report can be written, and removes one of an earlier build.
///
/// # Errors
/// The file system's.
pub fn prepare(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
    }
    tempfile::NamedTempFile::new_in(folder(path))?;
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes the report whole or not at all.
///
/// # Errors
/// The file system's.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut file = tempfile::NamedTempFile::new_in(folder(path))?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    file.persist(path).map(|_| ()).map_err(|error| error.error)
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
