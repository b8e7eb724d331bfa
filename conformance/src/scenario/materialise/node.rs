//! A file, folder or link of the inputs, before it is written.

/// What a file system keeps of a file is a multiple of this.
pub(super) const PART: usize = 1 << 16;

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    File(Vec<u8>),
    /// Whole parts of zeros take no room on the disk.
    Sparse(Vec<u8>),
    Directory,
    Symlink(String),
    /// The file, below the build folder, whose inode is shared.
    HardLink(String),
    Socket,
    Fifo,
}

/// One file or folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) mode: u32,
}

impl Node {
    /// With the bits of a file, or of a folder.
    pub(crate) fn new(kind: Kind) -> Self {
        let mode = if kind == Kind::Directory { 0o755 } else { 0o644 };
        Self { kind, mode }
    }
}
