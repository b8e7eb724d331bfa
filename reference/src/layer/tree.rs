//! What goes into a layer: items in the order of the tar, metadata alone. Contents stay on disk until they are written.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::LayerError;

/// What the name of a whiteout begins with.
pub const WHITEOUT: &[u8] = b".wh.";

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
    /// Content at hand.
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
        path.split('/').try_for_each(|name| no_whiteout(name.as_bytes(), folder))?;
        // The root may be a link: what is wanted is what it leads to.
        let facts = fs::metadata(folder).map_err(|source| LayerError::Read { path: folder.to_path_buf(), source })?;
        if !facts.is_dir() {
            return Err(LayerError::NoFolder { path: folder.to_path_buf() });
        }
        let mut walk = Walk { owner, links: HashMap::new(), items: Vec::new() };
        walk.visit((folder, &facts), path.as_bytes())?;
        Ok(Self { items: walk.items })
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

    /// A file with content at hand, for the root user.
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

/// A name that begins like a whiteout's takes other files away when the layer is unpacked, and is not a file then
/// (`oci-image-layer.md`, Whiteouts).
fn no_whiteout(name: &[u8], place: &Path) -> Result<(), LayerError> {
    if name.starts_with(WHITEOUT) { Err(LayerError::Whiteout { path: place.to_path_buf() }) } else { Ok(()) }
}

struct Walk {
    owner: Owner,
    /// Device and inode of a file with several names → its first path in the layer.
    links: HashMap<(u64, u64), Vec<u8>>,
    items: Vec<Item>,
}

impl Walk {
    fn visit(&mut self, (source, facts): (&Path, &Metadata), path: &[u8]) -> Result<(), LayerError> {
        let fail = |error| LayerError::Read { path: source.to_path_buf(), source: error };
        let kind = facts.file_type();
        let kind = if kind.is_dir() {
            Kind::Directory
        } else if kind.is_symlink() {
            Kind::Symlink(fs::read_link(source).map_err(fail)?.as_os_str().as_bytes().to_vec())
        } else if kind.is_file() {
            self.file(source, path, facts)
        } else {
            return Err(LayerError::Kind { path: source.to_path_buf(), kind: named(kind) });
        };
        let is_folder = matches!(kind, Kind::Directory);
        let mode = if matches!(kind, Kind::Symlink(_)) { 0o777 } else { facts.permissions().mode() & 0o7777 };
        let attributes = match kind {
            Kind::Directory | Kind::File { .. } => attributes(source).map_err(fail)?,
            // A further name is the same file.
            _ => BTreeMap::new(),
        };
        self.items.push(Item { path: path.to_vec(), mode, owner: self.owner, kind, attributes });
        if is_folder {
            let mut names = fs::read_dir(source)
                .and_then(|entries| {
                    entries.map(|entry| entry.map(|entry| entry.file_name())).collect::<Result<Vec<_>, _>>()
                })
                .map_err(fail)?;
            names.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
            for name in names {
                let (inner, place) = ([path, b"/", name.as_bytes()].concat(), source.join(&name));
                no_whiteout(name.as_bytes(), &place)?;
                let facts = fs::symlink_metadata(&place);
                let facts = facts.map_err(|source| LayerError::Read { path: place.clone(), source })?;
                self.visit((&place, &facts), &inner)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, source: &Path, path: &[u8], facts: &fs::Metadata) -> Kind {
        if facts.nlink() > 1 {
            let key = (facts.dev(), facts.ino());
            if let Some(first) = self.links.get(&key) {
                return Kind::HardLink(first.clone());
            }
            self.links.insert(key, path.to_vec());
        }
        Kind::File { source: source.to_path_buf(), size: facts.len() }
    }
}

/// The attributes that are the file's own: its capability, and those of users. Others are the machine's, such as the
/// labels of its security modules.
fn attributes(path: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let names = match xattr::list(path) {
        Ok(names) => names,
        // Not every file system has them.
        Err(error) if error.kind() == io::ErrorKind::Unsupported => return Ok(BTreeMap::new()),
        Err(error) => return Err(error),
    };
    let mut found = BTreeMap::new();
    for name in names.filter_map(|name| name.into_string().ok()) {
        // A record of the tar ends a name at its first equals sign.
        let is_own = name == "security.capability" || name.starts_with("user.") && !name.contains('=');
        if is_own && let Some(value) = xattr::get(path, &name)? {
            found.insert(name, value);
        }
    }
    Ok(found)
}

fn named(kind: fs::FileType) -> &'static str {
    if kind.is_socket() {
        "socket"
    } else if kind.is_fifo() {
        "named pipe"
    } else if kind.is_block_device() || kind.is_char_device() {
        "device"
    } else {
        "file of an unknown kind"
    }
}
