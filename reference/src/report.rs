//! `report.toml` (`cnb-platform.md`, report.toml; run image data by `rfc-0129-run-image-metadata-in-report.md`).

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
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
    image.insert("image-id".to_owned(), outcome.image_id.to_string().into());
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
        return Err(io::Error::new(ErrorKind::IsADirectory, "it is a folder"));
    }
    fs::create_dir_all(folder(path))?;
    if !is_replaceable(path)? {
        return if path.is_file() { empty(path) } else { Ok(()) };
    }
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        // A file that is mounted, as a container's termination log is, can be written and not removed.
        Err(_) => return empty(path),
    }
    tempfile::NamedTempFile::new_in(folder(path)).map(|_| ())
}

/// Writes the report; whole or not at all where the place allows it.
///
/// # Errors
/// The file system's.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    if !is_replaceable(path)? {
        return fs::write(path, text);
    }
    match replace(path, text) {
        // Where the disk is full there is no other way, and what would be left of a try is not a report.
        Err(error) if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => Err(error),
        Err(_) => fs::write(path, text),
        Ok(()) => Ok(()),
    }
}

/// Whether another file may take the place of what is there. Not so with links and devices, which lead elsewhere.
fn is_replaceable(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(facts) => Ok(facts.is_file()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

fn empty(path: &Path) -> io::Result<()> {
    fs::File::options().write(true).truncate(true).open(path).map(|_| ())
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder(path))?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
    file.persist(path).map(|_| ()).map_err(|error| error.error)
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileTypeExt;

    use super::*;

    #[test]
    fn the_report_of_an_earlier_build_goes_before_the_new_one_comes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/report.toml");
        prepare(&path).unwrap();
        write(&path, "one").unwrap();
        prepare(&path).unwrap();
        assert!(!path.exists());
        write(&path, "two").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert!(prepare(folder.path()).is_err());
        assert!(prepare(&path.join("below")).is_err());
    }

    #[test]
    fn links_and_devices_are_written_to_and_stay_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        prepare(&link).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "");
        write(&link, "new").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        let null = Path::new("/dev/null");
        prepare(null).unwrap();
        write(null, "x").unwrap();
        assert!(fs::metadata(null).unwrap().file_type().is_char_device());
        assert!(write(Path::new("/dev/full"), "x").is_err());
    }
}
