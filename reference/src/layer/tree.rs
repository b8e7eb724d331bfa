//! What goes into a layer: items in the order of the tar, metadata alone. Contents stay on disk until they are written.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use super::{LayerError, walk};

/// Owner of the items of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// One entry of a layer.
#[derive(Debug, Clone)]
pub struct Item {
    /// Absolute path in the image, as bytes, without a trailing slash.
    pub path: Vec<u8>,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub owner: Owner,
    /// What it is.
    pub kind: Kind,
    /// Extended attributes, by name.
    pub attributes: BTreeMap<String, Vec<u8>>,
}

/// What an entry is.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A folder.
    Directory,
    /// A file on disk.
    File {
        /// Where its content is.
        source: PathBuf,
        /// How many bytes it had when the tree was made.
        size: u64,
    },
    /// Content available.
    Bytes(Vec<u8>),
    /// A symbolic link to this target.
    Symlink(Vec<u8>),
    /// A hard link to the entry of this path.
    HardLink(Vec<u8>),
}

/// The entries of one layer.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    /// In the order of the tar: a folder before what is in it.
    pub items: Vec<Item>,
}

impl Tree {
    /// Everything in `folder` and the folder itself, as it is to lie at `path`; in the order of the names' bytes.
    ///
    /// # Errors
    /// [`LayerError`] naming the file that cannot be read or is of a kind that no layer can hold.
    pub fn of_folder(folder: &Path, path: &str, owner: Owner) -> Result<Self, LayerError> {
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self::of_folder_on(folder, path, owner, cores)
    }

    fn of_folder_on(folder: &Path, path: &str, owner: Owner, cores: usize) -> Result<Self, LayerError> {
        path.split('/').try_for_each(|name| walk::no_whiteout(name.as_bytes(), folder))?;
        // The root may be a link: what is wanted is what it leads to.
        let facts = fs::metadata(folder).map_err(|source| LayerError::Read { path: folder.to_path_buf(), source })?;
        if !facts.is_dir() {
            return Err(LayerError::NoFolder { path: folder.to_path_buf() });
        }
        walk::walk(folder, &facts, path, owner, cores).map(|items| Self { items })
    }

    /// Bytes of all its files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let size = |item: &Item| match &item.kind {
            Kind::File { size, .. } => *size,
            Kind::Bytes(bytes) => bytes.len() as u64,
            Kind::Directory | Kind::Symlink(_) | Kind::HardLink(_) => 0,
        };
        self.items.iter().map(size).sum()
    }

    /// A file with content available, for the root user.
    #[must_use]
    pub fn file(path: &str, mode: u32, content: Vec<u8>) -> Item {
        Item {
            path: path.into(),
            mode,
            owner: Owner { uid: 0, gid: 0 },
            kind: Kind::Bytes(content),
            attributes: BTreeMap::new(),
        }
    }

    /// A folder of the root user.
    #[must_use]
    pub fn directory(path: &str) -> Item {
        Item {
            path: path.into(),
            mode: 0o755,
            owner: Owner { uid: 0, gid: 0 },
            kind: Kind::Directory,
            attributes: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_the_same_on_any_number_of_cores() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b", "b/c", "b.d", "a-", "a"] {
            fs::create_dir(folder.path().join(name)).unwrap();
            for file in 0..300 {
                fs::write(folder.path().join(name).join(file.to_string()), "x").unwrap();
            }
        }
        for (from, to) in [("b/c/7", "a/linked"), ("b/c/7", "z"), ("a/0", "b/c/0-0")] {
            fs::hard_link(folder.path().join(from), folder.path().join(to)).unwrap();
        }
        let of = |cores| {
            let tree = Tree::of_folder_on(folder.path(), "/x", Owner { uid: 1, gid: 2 }, cores).unwrap();
            tree.items.iter().map(|item| format!("{item:?}")).collect::<Vec<_>>()
        };
        let one = of(1);
        assert_eq!(one.len(), 1 + 5 + 5 * 300 + 3);
        let is_link = |item: &&String| item.contains("HardLink");
        assert_eq!(one.iter().filter(is_link).count(), 3);
        for cores in [2, 16] {
            assert!(of(cores) == one, "{cores}");
        }
        let paths: Vec<Vec<u8>> = Tree::of_folder(folder.path(), "/x", Owner { uid: 1, gid: 2 })
            .unwrap()
            .items
            .into_iter()
            // A folder's content comes right after it, whatever else begins with its name.
            .map(|item| item.path.iter().map(|byte| if *byte == b'/' { 0 } else { *byte }).collect())
            .collect();
        assert!(paths.is_sorted());
    }

    #[test]
    fn of_many_files_one_that_no_layer_can_hold_is_told() {
        let folder = tempfile::tempdir().unwrap();
        for file in 0..1000 {
            fs::write(folder.path().join(file.to_string()), "").unwrap();
        }
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("500.sock")).unwrap();
        let told = Tree::of_folder_on(folder.path(), "/x", Owner { uid: 0, gid: 0 }, 4).unwrap_err();
        assert!(told.to_string().contains("500.sock"), "{told}");
    }
}
