//! What is otherwise on disk than it was: by kind, mode, size and link, and by content only where all of these are the
//! same, so that what an exporter leaves is not read, however large it is.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use judge::evidence::{Change, ChangedFile, FileFact, FileKind};
use walkdir::WalkDir;

use super::files::{FileError, content, kind_of, shown};

/// Most changes that are kept of one folder: who changes more has changed enough.
const MOST: usize = 1000;

/// What is otherwise strictly below `root` than `before` has it. `shown_as` is where the exporter sees `root`. Blocks
/// the thread.
///
/// # Errors
/// [`FileError`] where the folder cannot be listed.
pub fn changed_files(before: &[FileFact], root: &Path, shown_as: &str) -> Result<Vec<ChangedFile>, FileError> {
    let prefix = format!("{}/", shown_as.trim_end_matches('/'));
    let known: std::collections::BTreeMap<&str, &FileFact> =
        before.iter().filter(|fact| fact.path.starts_with(&prefix)).map(|fact| (fact.path.as_str(), fact)).collect();
    let mut there: BTreeSet<String> = BTreeSet::new();
    let mut found = Vec::new();
    let walk = |source| FileError::Walk { root: root.to_owned(), source };
    let files = if root.is_dir() { Some(WalkDir::new(root).min_depth(1)) } else { None };
    for file in files.into_iter().flatten() {
        let file = file.map_err(walk)?;
        let metadata = file.metadata().map_err(walk)?;
        let path = shown(shown_as, file.path().strip_prefix(root).unwrap_or(file.path()));
        let kind = kind_of(metadata.file_type());
        match known.get(path.as_str()) {
            None => found.push(ChangedFile { path, kind, change: Change::Added }),
            Some(fact) => {
                there.insert(path.clone());
                if is_other(fact, file.path(), &metadata) {
                    found.push(ChangedFile { path, kind, change: Change::Altered });
                }
            }
        }
        if found.len() >= MOST {
            return Ok(found);
        }
    }
    let gone = known.into_iter().filter(|(path, _)| !there.contains(*path));
    found.extend(gone.map(|(path, fact)| ChangedFile {
        path: path.to_owned(),
        kind: fact.kind,
        change: Change::Removed,
    }));
    found.truncate(MOST);
    Ok(found)
}

fn is_other(fact: &FileFact, path: &Path, metadata: &Metadata) -> bool {
    let mode = metadata.permissions().mode() & 0o7777;
    let kind = kind_of(metadata.file_type());
    if fact.kind != kind || (kind != FileKind::Symlink && fact.mode != mode) {
        return true;
    }
    match kind {
        FileKind::File if fact.size != metadata.len() => true,
        // What cannot be read any more is not known to be other.
        FileKind::File => content(path).is_ok_and(|(_, digest, _)| Some(digest) != fact.content),
        FileKind::Symlink => fs::read_link(path).ok().map(|link| link.to_string_lossy().into_owned()) != fact.link,
        FileKind::Directory | FileKind::Other => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::file_facts;

    #[test]
    fn what_is_added_altered_and_removed_is_told_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for name in ["same", "other", "longer", "gone", "mode"] {
            fs::write(root.join(name), "text").unwrap();
        }
        std::os::unix::fs::symlink("same", root.join("link")).unwrap();
        fs::create_dir(root.join("folder")).unwrap();
        let before = file_facts(root, "/app").unwrap();
        assert_eq!(changed_files(&before, root, "/app").unwrap(), []);
        fs::write(root.join("other"), "TEXT").unwrap();
        fs::write(root.join("longer"), "text and more").unwrap();
        fs::remove_file(root.join("gone")).unwrap();
        fs::set_permissions(root.join("mode"), fs::Permissions::from_mode(0o600)).unwrap();
        fs::remove_file(root.join("link")).unwrap();
        std::os::unix::fs::symlink("other", root.join("link")).unwrap();
        fs::write(root.join("folder/more"), "").unwrap();
        let found = changed_files(&before, root, "/app").unwrap();
        let mut told: Vec<(&str, Change)> = found.iter().map(|one| (one.path.as_str(), one.change)).collect();
        told.sort_by_key(|(path, _)| *path);
        let expected = [
            ("/app/folder/more", Change::Added),
            ("/app/gone", Change::Removed),
            ("/app/link", Change::Altered),
            ("/app/longer", Change::Altered),
            ("/app/mode", Change::Altered),
            ("/app/other", Change::Altered),
        ];
        assert_eq!(told, expected);
        fs::remove_dir_all(root).unwrap();
        let gone = changed_files(&before, root, "/app").unwrap();
        assert!(gone.iter().all(|one| one.change == Change::Removed) && gone.len() == before.len() - 1);
    }
}
