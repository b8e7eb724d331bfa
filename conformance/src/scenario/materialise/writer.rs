//! Writes what was decided, with bits and times that depend on nothing but the scenario.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nix::sys::stat::{Mode, SFlag, UtimensatFlags, mknod, utimensat};
use nix::sys::time::TimeSpec;

use super::MaterialiseError;
use super::node::{Kind, Node, PART};
use crate::file_names;
use crate::scenario::{FileEntry, Scenario};

/// What stands for the build folder in a link's target.
const BUILD: &str = "{build}";

pub(super) struct Writer<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) root: &'a Path,
    /// The same folder as exporters see it, for links that name it.
    pub(super) seen: &'a str,
}

impl Writer<'_> {
    fn fail(&self, path: &str) -> impl FnOnce(io::Error) -> MaterialiseError {
        let (scenario, path) = (self.scenario.name.clone(), path.to_owned());
        move |source| MaterialiseError::Write { scenario, path, source }
    }

    /// Makes everything in the order of its paths, or from the last: then inodes and what a folder lists first differ.
    pub(super) fn write(&self, nodes: &BTreeMap<String, Node>, reversed: bool) -> Result<(), MaterialiseError> {
        let order = in_order(nodes, reversed);
        // A link needs its file, and a folder must be writable until all is in it.
        for (path, node) in &order {
            self.make(path, &node.kind)?;
        }
        for (path, node) in &order {
            if let Kind::HardLink(other) = &node.kind {
                self.parent(path)?;
                fs::hard_link(self.at(other), self.at(path)).map_err(self.fail(path))?;
            }
        }
        let (folders, others): (Vec<_>, Vec<_>) =
            nodes.iter().rev().partition(|(_, node)| node.kind == Kind::Directory);
        for (path, node) in others.into_iter().chain(folders) {
            if !matches!(node.kind, Kind::Symlink(_) | Kind::HardLink(_)) {
                self.mode(path, node.mode)?;
            }
        }
        Ok(())
    }

    fn make(&self, path: &str, kind: &Kind) -> Result<(), MaterialiseError> {
        self.parent(path)?;
        let at = self.at(path);
        let special = |kind: SFlag| mknod(&at, kind, Mode::S_IRUSR | Mode::S_IWUSR, 0).map_err(io::Error::from);
        match kind {
            Kind::File(bytes) => fs::write(&at, bytes),
            Kind::Sparse(bytes) => sparse(&at, bytes),
            Kind::Symlink(target) => {
                std::os::unix::fs::symlink(file_names::name(&target.replace(BUILD, self.seen)), &at)
            }
            Kind::Socket => special(SFlag::S_IFSOCK),
            Kind::Fifo => special(SFlag::S_IFIFO),
            Kind::HardLink(_) => Ok(()),
            Kind::Directory => return self.folder(path),
        }
        .map_err(self.fail(path))
    }

    /// Creates a folder and those above it, with bits that do not depend on the umask.
    pub(super) fn folder(&self, path: &str) -> Result<(), MaterialiseError> {
        let mut at = self.root.to_path_buf();
        for part in Path::new(&file_names::name(path)).components() {
            at.push(part);
            if !at.is_dir() {
                fs::create_dir(&at).map_err(self.fail(path))?;
                fs::set_permissions(&at, fs::Permissions::from_mode(0o755)).map_err(self.fail(path))?;
            }
        }
        Ok(())
    }

    /// Where a path of a scenario lies.
    fn at(&self, path: &str) -> PathBuf {
        self.root.join(file_names::name(path))
    }

    fn parent(&self, path: &str) -> Result<(), MaterialiseError> {
        path.rsplit_once('/').map_or(Ok(()), |(folder, _)| self.folder(folder))
    }

    fn mode(&self, path: &str, mode: u32) -> Result<(), MaterialiseError> {
        fs::set_permissions(self.at(path), fs::Permissions::from_mode(mode)).map_err(self.fail(path))
    }

    /// Gives a file its extended attributes.
    pub(super) fn attributes(&self, place: &str, entry: &FileEntry) -> Result<(), MaterialiseError> {
        for (name, value) in &entry.xattrs {
            let fail = |source| MaterialiseError::Attribute {
                scenario: self.scenario.name.clone(),
                path: entry.path.clone(),
                name: name.clone(),
                source,
            };
            let value = STANDARD.decode(value).map_err(|error| fail(io::Error::other(error)))?;
            xattr::set(self.at(place), name, &value).map_err(fail)?;
        }
        Ok(())
    }

    /// Gives every file and folder of `folder`, itself included, this modification time; links get it themselves.
    pub(super) fn times(&self, folder: &str, seconds: i64) -> Result<(), MaterialiseError> {
        for entry in walkdir::WalkDir::new(self.root.join(folder)) {
            let entry = entry.map_err(|error| self.fail(folder)(error.into()))?;
            let time = TimeSpec::new(seconds, 0);
            utimensat(nix::fcntl::AT_FDCWD, entry.path(), &time, &time, UtimensatFlags::NoFollowSymlink)
                .map_err(|error| self.fail(folder)(error.into()))?;
        }
        Ok(())
    }

    /// Gives a folder with all that is in it to another user, who is to write there.
    pub(super) fn give(&self, folder: &str, user: u32) -> Result<(), MaterialiseError> {
        for entry in walkdir::WalkDir::new(self.root.join(folder)) {
            let entry = entry.map_err(|error| self.fail(folder)(error.into()))?;
            let before = fs::symlink_metadata(entry.path()).map_err(self.fail(folder))?;
            std::os::unix::fs::lchown(entry.path(), Some(user), Some(user)).map_err(self.fail(folder))?;
            if !before.is_symlink() {
                // Another owner takes setuid and setgid away.
                fs::set_permissions(entry.path(), before.permissions()).map_err(self.fail(folder))?;
            }
        }
        Ok(())
    }
}

/// Writes what is not zero, so that the rest are holes.
fn sparse(at: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = fs::File::create(at)?;
    file.set_len(bytes.len() as u64)?;
    for (number, part) in bytes.chunks(PART).enumerate().filter(|(_, part)| part.iter().any(|byte| *byte != 0)) {
        file.write_all_at(part, (number * PART) as u64)?;
    }
    Ok(())
}

fn in_order(nodes: &BTreeMap<String, Node>, reversed: bool) -> Vec<(&String, &Node)> {
    if reversed { nodes.iter().rev().collect() } else { nodes.iter().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_take_no_room() {
        use std::os::unix::fs::MetadataExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sparse");
        let bytes = [vec![1; PART], vec![0; 8 * PART], vec![2; 3]].concat();
        sparse(&path, &bytes).unwrap();
        assert_eq!(fs::read(&path).unwrap(), bytes);
        assert!(fs::metadata(&path).unwrap().blocks() * 512 < bytes.len() as u64);
    }

    #[test]
    fn reversed_makes_the_last_path_first() {
        let node = Node { kind: Kind::Fifo, mode: 0o644 };
        let nodes = ["a", "b/c", "b"].map(|path| (path.to_owned(), node.clone())).into();
        let paths =
            |reversed| in_order(&nodes, reversed).into_iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>();
        assert_eq!((paths(false), paths(true)), (vec!["a", "b", "b/c"], vec!["b/c", "b", "a"]));
    }
}
