//! The site on disk: written next to its place and put there whole, over nothing but an earlier site of ours.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Files;

/// Names every file of a site, so that a later one knows what it may replace.
const MARKER: &str = "conformance-site.json";

/// Why a site cannot be written. Messages read after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// There is something else.
    #[error("write the site to {}: {reason}; give a new or empty folder, or one that conformance site made", folder.display())]
    Occupied {
        /// The folder.
        folder: PathBuf,
        /// What is there.
        reason: String,
    },
    /// The system refused.
    #[error("write the site to {}", folder.display())]
    Write {
        /// The folder.
        folder: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

#[derive(Debug, Serialize, Deserialize)]
struct Marker {
    made_by: String,
    files: BTreeSet<String>,
}

/// Whether a site may be written there.
///
/// # Errors
/// [`FolderError::Occupied`] where something is there that is not a site of ours.
pub fn check(folder: &Path) -> Result<(), FolderError> {
    let occupied = |reason: String| FolderError::Occupied { folder: folder.to_path_buf(), reason };
    let failed = |source| FolderError::Write { folder: folder.to_path_buf(), source };
    match std::fs::symlink_metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
        Ok(metadata) if !metadata.is_dir() => return Err(occupied("it is not a folder".to_owned())),
        Ok(_) => {}
    }
    let there = files_of(folder).map_err(failed)?;
    if there.is_empty() {
        return Ok(());
    }
    let marker = std::fs::read(folder.join(MARKER)).map_err(|_| occupied("it is not empty".to_owned()))?;
    let marker: Marker = serde_json::from_slice(&marker).map_err(|_| occupied(format!("its {MARKER} is not ours")))?;
    match there.iter().find(|file| *file != MARKER && !marker.files.contains(*file)) {
        Some(other) => Err(occupied(format!("{other} is not of the site that is there"))),
        None => Ok(()),
    }
}

/// Every file below the folder by its path in it.
fn files_of(folder: &Path) -> io::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for entry in walkdir::WalkDir::new(folder).min_depth(1) {
        let entry = entry.map_err(io::Error::from)?;
        if !entry.file_type().is_dir() {
            let path = entry.path().strip_prefix(folder).unwrap_or(entry.path());
            found.insert(path.to_string_lossy().into_owned());
        }
    }
    Ok(found)
}

/// Writes the site; until it is whole, what was there stays.
///
/// # Errors
/// [`FolderError`] naming the folder.
pub fn write(files: &Files, folder: &Path) -> Result<(), FolderError> {
    check(folder)?;
    let failed = |source| FolderError::Write { folder: folder.to_path_buf(), source };
    replace(files, folder).map_err(failed)
}

fn replace(files: &Files, folder: &Path) -> io::Result<()> {
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent)?;
    let beside = tempfile::Builder::new().prefix(".conformance-site-").tempdir_in(parent)?;
    let (new, old) = (beside.path().join("new"), beside.path().join("old"));
    for (path, text) in files {
        let file = new.join(path);
        std::fs::create_dir_all(file.parent().unwrap_or(&new))?;
        std::fs::write(file, text)?;
    }
    let marker = Marker { made_by: crate::record::Tool::this().name, files: files.keys().cloned().collect() };
    std::fs::write(new.join(MARKER), serde_json::to_string_pretty(&marker)? + "\n")?;
    match std::fs::rename(folder, &old) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // What was there comes back where the new one cannot take its place.
    std::fs::rename(&new, folder).inspect_err(|_| drop(std::fs::rename(&old, folder)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(text: &str) -> Files {
        [("index.html", text), ("a/b.html", "b")].map(|(path, text)| (path.to_owned(), text.to_owned())).into()
    }

    #[test]
    fn a_site_replaces_a_site_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("site");
        write(&site("one"), &at).unwrap();
        write(&[("index.html".to_owned(), "two".to_owned())].into(), &at).unwrap();
        assert_eq!(std::fs::read_to_string(at.join("index.html")).unwrap(), "two");
        assert!(!at.join("a").exists(), "pages of the earlier site are gone");
        std::fs::write(at.join("notes.txt"), "mine").unwrap();
        let error = write(&site("three"), &at).unwrap_err();
        assert!(error.to_string().contains("notes.txt"), "{error}");
        assert_eq!(std::fs::read_to_string(at.join("index.html")).unwrap(), "two");
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["site"], "nothing half written is left");
    }

    #[test]
    fn a_folder_of_others_is_refused_and_an_empty_one_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        write(&site("one"), folder.path()).unwrap();
        let other = tempfile::tempdir().unwrap();
        std::fs::write(other.path().join("mine"), "x").unwrap();
        assert!(matches!(write(&site("one"), other.path()), Err(FolderError::Occupied { .. })));
        assert_eq!(std::fs::read_dir(other.path()).unwrap().count(), 1);
        let file = other.path().join("mine");
        assert!(matches!(write(&site("one"), &file), Err(FolderError::Occupied { .. })));
        std::os::unix::fs::symlink(folder.path(), other.path().join("link")).unwrap();
        assert!(matches!(write(&site("one"), &other.path().join("link")), Err(FolderError::Occupied { .. })));
    }
}
