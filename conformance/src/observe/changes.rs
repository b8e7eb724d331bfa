//! What is otherwise on disk than it was: by kind, mode, owner, size, time and link, and by content only where the size
//! is the same, so that what an exporter leaves is not read, however large it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use judge::digest::Digest;
use judge::evidence::{Aspect, Change, ChangedFile, FileKind};
use walkdir::WalkDir;

use super::files::{FileError, content, kind_of, shown};
use crate::file_names;

/// Most changes that are kept: more would say nothing new.
const MOST: usize = 1000;

/// Everything below a folder as it was.
pub struct Snapshot(BTreeMap<String, Stamp>);

/// What one file was.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    kind: FileKind,
    mode: u32,
    owner: (u32, u32),
    size: u64,
    /// Seconds and nanoseconds since 1970.
    modified: (i64, i64),
    /// None where it cannot be read.
    content: Option<Digest>,
    link: Option<String>,
}

impl Stamp {
    fn of(path: &Path, metadata: &Metadata) -> Self {
        let kind = kind_of(metadata.file_type());
        Self { content: read(path, kind), ..Self::without_content(path, metadata) }
    }

    fn without_content(path: &Path, metadata: &Metadata) -> Self {
        let kind = kind_of(metadata.file_type());
        let link = (kind == FileKind::Symlink).then(|| fs::read_link(path).ok()).flatten();
        Self {
            kind,
            mode: metadata.permissions().mode() & 0o7777,
            owner: (metadata.uid(), metadata.gid()),
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            content: None,
            link: link.map(|link| file_names::text(link.as_os_str().as_bytes())),
        }
    }

    /// In what a file differs now. The time and size of a folder follow from what is in it, the mode of a link is of no
    /// use.
    fn differences(&self, path: &Path, metadata: &Metadata) -> Vec<Aspect> {
        let now = Self::without_content(path, metadata);
        if self.kind != now.kind {
            return vec![Aspect::Kind];
        }
        let is_file = self.kind == FileKind::File;
        // What cannot be read, then or now, is not known to be other.
        let is_other = |before: &Digest| read(path, now.kind).is_some_and(|content| content != *before);
        let has_other_content = is_file && (self.size != now.size || self.content.as_ref().is_some_and(is_other));
        let found = [
            (Aspect::Content, has_other_content),
            (Aspect::Link, self.link != now.link),
            (Aspect::Mode, self.kind != FileKind::Symlink && self.mode != now.mode),
            (Aspect::Owner, self.owner != now.owner),
            (Aspect::Time, is_file && self.modified != now.modified),
        ];
        found.into_iter().filter(|(_, differs)| *differs).map(|(aspect, _)| aspect).collect()
    }
}

fn read(path: &Path, kind: FileKind) -> Option<Digest> {
    (kind == FileKind::File).then(|| content(path).ok()).flatten().map(|(_, digest, _)| digest)
}

impl Snapshot {
    /// Remembers what is strictly below `root`. `shown_as` is where the exporter sees it. Blocks the thread.
    ///
    /// # Errors
    /// [`FileError`] where the folder cannot be listed.
    pub fn of(root: &Path, shown_as: &str) -> Result<Self, FileError> {
        let mut found = BTreeMap::new();
        each_below(root, |path, metadata| {
            let place = shown(shown_as, path.strip_prefix(root).unwrap_or(path));
            found.insert(place, Stamp::of(path, metadata));
            true
        })?;
        Ok(Self(found))
    }

    /// What is otherwise now, by path. Blocks the thread.
    ///
    /// # Errors
    /// [`FileError`] where the folder cannot be listed.
    pub fn changes(&self, root: &Path, shown_as: &str) -> Result<Vec<ChangedFile>, FileError> {
        let mut there: BTreeSet<String> = BTreeSet::new();
        let mut found = Vec::new();
        each_below(root, |path, metadata| {
            let place = shown(shown_as, path.strip_prefix(root).unwrap_or(path));
            let kind = kind_of(metadata.file_type());
            let (change, aspects) = match self.0.get(&place) {
                None => (Some(Change::Added), Vec::new()),
                Some(before) => {
                    there.insert(place.clone());
                    let aspects = before.differences(path, metadata);
                    ((!aspects.is_empty()).then_some(Change::Altered), aspects)
                }
            };
            found.extend(change.map(|change| ChangedFile { path: place, kind, change, aspects }));
            found.len() < MOST
        })?;
        let is_whole = found.len() < MOST;
        let gone = self.0.iter().filter(|(path, _)| is_whole && !there.contains(*path));
        found.extend(gone.map(|(path, before)| ChangedFile {
            path: path.clone(),
            kind: before.kind,
            change: Change::Removed,
            aspects: Vec::new(),
        }));
        found.truncate(MOST);
        found.sort_by(|one, two| one.path.cmp(&two.path));
        Ok(found)
    }
}

/// Permission bits of the regular files below a folder, as far as it can be listed. `shown_as` is where the exporter
/// sees it. Blocks the thread.
#[must_use]
pub fn modes_below(root: &Path, shown_as: &str) -> BTreeMap<String, u32> {
    let mut found = BTreeMap::new();
    // What cannot be listed has no modes to tell.
    let _ = each_below(root, |path, metadata| {
        if metadata.is_file() {
            let place = shown(shown_as, path.strip_prefix(root).unwrap_or(path));
            found.insert(place, metadata.permissions().mode() & 0o7777);
        }
        found.len() < MOST
    });
    found
}

/// Hands over every file strictly below a folder, as long as `more` are wanted; a folder that is gone has none.
fn each_below(root: &Path, mut more: impl FnMut(&Path, &Metadata) -> bool) -> Result<(), FileError> {
    let walk = |source| FileError::Walk { root: root.to_owned(), source };
    let files = root.is_dir().then(|| WalkDir::new(root).min_depth(1));
    for file in files.into_iter().flatten() {
        let file = file.map_err(walk)?;
        let metadata = file.metadata().map_err(walk)?;
        if !more(file.path(), &metadata) {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::{File, Permissions};
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn what_is_added_altered_and_removed_is_told_and_in_what_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for name in ["same", "other", "longer", "gone", "mode", "touched"] {
            fs::write(root.join(name), "text").unwrap();
        }
        std::os::unix::fs::symlink("same", root.join("link")).unwrap();
        fs::create_dir(root.join("folder")).unwrap();
        fs::create_dir(root.join("closed")).unwrap();
        let before = Snapshot::of(root, "/app").unwrap();
        assert_eq!(before.changes(root, "/app").unwrap(), []);
        let old = SystemTime::UNIX_EPOCH + Duration::from_secs(9);
        let time = File::open(root.join("other")).unwrap().metadata().unwrap().modified().unwrap();
        fs::write(root.join("other"), "TEXT").unwrap();
        File::options().write(true).open(root.join("other")).unwrap().set_modified(time).unwrap();
        fs::write(root.join("longer"), "text and more").unwrap();
        fs::remove_file(root.join("gone")).unwrap();
        fs::set_permissions(root.join("mode"), Permissions::from_mode(0o600)).unwrap();
        fs::set_permissions(root.join("closed"), Permissions::from_mode(0o700)).unwrap();
        File::options().write(true).open(root.join("touched")).unwrap().set_modified(old).unwrap();
        fs::remove_file(root.join("link")).unwrap();
        std::os::unix::fs::symlink("other", root.join("link")).unwrap();
        fs::write(root.join("folder/more"), "").unwrap();
        let found = before.changes(root, "/app").unwrap();
        let told: Vec<(&str, Change, Option<Aspect>)> =
            found.iter().map(|one| (one.path.as_str(), one.change, one.aspects.first().copied())).collect();
        let expected = [
            ("/app/closed", Change::Altered, Some(Aspect::Mode)),
            ("/app/folder/more", Change::Added, None),
            ("/app/gone", Change::Removed, None),
            ("/app/link", Change::Altered, Some(Aspect::Link)),
            ("/app/longer", Change::Altered, Some(Aspect::Content)),
            ("/app/mode", Change::Altered, Some(Aspect::Mode)),
            ("/app/other", Change::Altered, Some(Aspect::Content)),
            ("/app/touched", Change::Altered, Some(Aspect::Time)),
        ];
        assert_eq!(told, expected);
        fs::remove_dir_all(root).unwrap();
        let gone = before.changes(root, "/app").unwrap();
        assert!(gone.iter().all(|one| one.change == Change::Removed) && gone.len() == before.0.len());
    }

    #[test]
    fn what_becomes_of_another_kind_is_told_as_that_alone() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::write(root.join("file"), "text").unwrap();
        let before = Snapshot::of(root, "/app/").unwrap();
        fs::remove_file(root.join("file")).unwrap();
        fs::create_dir(root.join("file")).unwrap();
        let found = before.changes(root, "/app/").unwrap();
        assert_eq!((found[0].path.as_str(), found[0].aspects.as_slice()), ("/app/file", &[Aspect::Kind][..]));
    }
}
