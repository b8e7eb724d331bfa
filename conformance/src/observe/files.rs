//! Files on disk as facts: what an exporter is given, and what it leaves next to the image. Links are never followed.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Component, Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use judge::digest::Digest;
use judge::evidence::{FileFact, FileKind};
use walkdir::WalkDir;

use super::blobs::Hash;
use crate::file_names;

/// A file that could not be observed.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be listed.
    #[error("list the files below '{root}'")]
    Walk {
        /// The folder that was walked.
        root: PathBuf,
        /// Which file, and why.
        source: walkdir::Error,
    },
    /// It cannot be read.
    #[error("read '{path}'")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Most bytes of a file whose text is kept: 1 MiB.
const MAX_TEXT: u64 = 1 << 20;

/// The facts of `root`, and of everything below it if it is a folder, sorted by path. `shown_as` is the absolute path
/// at which the exporter sees `root`. Nothing at `root` yields no facts. Blocks the thread.
///
/// # Errors
/// [`FileError`] names the first file that cannot be listed or read.
pub fn file_facts(root: &Path, shown_as: &str) -> Result<Vec<FileFact>, FileError> {
    if fs::symlink_metadata(root).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return Ok(Vec::new());
    }
    let mut facts = Vec::new();
    for file in WalkDir::new(root).follow_root_links(false) {
        let walk = |source| FileError::Walk { root: root.to_owned(), source };
        let file = file.map_err(walk)?;
        let metadata = file.metadata().map_err(walk)?;
        let below = file.path().strip_prefix(root).unwrap_or(file.path());
        facts.push(fact(file.path(), &metadata, shown(shown_as, below))?);
    }
    facts.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(facts)
}

pub(super) fn shown(shown_as: &str, below: &Path) -> String {
    let root = shown_as.trim_end_matches('/');
    let below = file_names::text(below.as_os_str().as_bytes());
    match (root, below.as_str()) {
        ("", "") => "/".to_owned(),
        (root, "") => root.to_owned(),
        (root, below) => format!("{root}/{below}"),
    }
}

/// Whether no part of `path` below `root` is a symbolic link.
pub(crate) fn is_reached_without_links(root: &Path, path: &Path) -> bool {
    let Ok(below) = path.strip_prefix(root) else { return false };
    let mut place = root.to_path_buf();
    below.components().all(|part| {
        place.push(part);
        matches!(part, Component::Normal(_)) && fs::symlink_metadata(&place).is_ok_and(|facts| !facts.is_symlink())
    })
}

pub(crate) fn kind_of(kind: fs::FileType) -> FileKind {
    match kind {
        kind if kind.is_file() => FileKind::File,
        kind if kind.is_dir() => FileKind::Directory,
        kind if kind.is_symlink() => FileKind::Symlink,
        _ => FileKind::Other,
    }
}

fn fact(path: &Path, metadata: &Metadata, shown: String) -> Result<FileFact, FileError> {
    let failed = |source| FileError::Read { path: path.to_owned(), source };
    let kind = kind_of(metadata.file_type());
    let mut fact = FileFact {
        path: shown,
        kind,
        mode: metadata.permissions().mode() & 0o7777,
        size: 0,
        content: None,
        link: None,
        text: None,
        xattrs: BTreeMap::new(),
        links: (kind == FileKind::File).then(|| metadata.nlink()),
    };
    if matches!(kind, FileKind::File | FileKind::Directory) {
        fact.xattrs = xattrs(path);
    }
    match kind {
        FileKind::File => {
            let (size, content, text) = content(path).map_err(failed)?;
            (fact.size, fact.content, fact.text) = (size, Some(content), text);
        }
        FileKind::Symlink => {
            fact.link = Some(file_names::text(fs::read_link(path).map_err(failed)?.as_os_str().as_bytes()));
        }
        FileKind::Directory | FileKind::Other => {}
    }
    Ok(fact)
}

/// Extended attributes with their values in base64; none where the file system has none to give.
fn xattrs(path: &Path) -> BTreeMap<String, String> {
    let names = xattr::list(path).into_iter().flatten();
    let pairs = names.filter_map(|name| {
        let value = xattr::get(path, &name).ok().flatten()?;
        Some((name.to_string_lossy().into_owned(), STANDARD.encode(value)))
    });
    pairs.collect()
}

/// Size, hash and, where it is to be kept, the text; all from one reading.
pub(super) fn content(path: &Path) -> io::Result<(u64, Digest, Option<String>)> {
    let mut file = File::open(path)?;
    let readable = path.extension().is_some_and(|extension| extension == "toml" || extension == "json");
    let (mut hash, mut size, mut kept) = (Hash::new(), 0_u64, Vec::new());
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        size += count as u64;
        hash.update(&buffer[..count]);
        if readable && size <= MAX_TEXT {
            kept.extend_from_slice(&buffer[..count]);
        }
    }
    let text = (readable && size <= MAX_TEXT).then(|| String::from_utf8(kept).ok()).flatten();
    Ok((size, hash.finish(), text))
}
