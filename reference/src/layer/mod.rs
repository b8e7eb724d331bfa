//! Layers: a folder or a few files become a deterministic tar, its diffID, and a gzip blob, in one pass over the files
//! and with memory that does not grow with them.

mod ahead;
mod glob;
mod gzip;
mod ready;
mod tar;
mod tree;
mod walk;

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::digest::{DiffId, Digest, Hasher};
use crate::image::LAYER;

pub use glob::matches;
pub use ready::Ready;
pub use tree::{Item, Kind, Owner, Tree};
pub use walk::WHITEOUT;

/// Modification time of every entry, in seconds: 1980-01-01T00:00:01Z, the earliest that also zip archives can hold.
pub const MODIFIED: u64 = 315_532_801;

/// Why a layer could not be made.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// A file cannot be read.
    #[error("read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file is of a kind that no image can hold sensibly.
    #[error("put {} into a layer: it is a {kind}; remove it before the export", path.display())]
    Kind {
        /// The file.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// A name that unpacks as something else than a file.
    #[error(
        "put {} into a layer: a name that begins with .wh. is a whiteout there and takes other files away; rename or \
         remove it before the export",
        path.display()
    )]
    Whiteout {
        /// The file.
        path: PathBuf,
    },
    /// The root of a layer is something else than a folder.
    #[error("put {} into a layer: it is not a folder", path.display())]
    NoFolder {
        /// What is there.
        path: PathBuf,
    },
    /// A file changed while it was read.
    #[error("put {} into a layer: it changed while it was read", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A layer of an extension is not what its image says.
    #[error("read {}: {reason}; run the extender again", path.display())]
    Ready {
        /// The blob.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The temporary disk refused.
    #[error("spool a layer to temporary disk (TMPDIR chooses the disk)")]
    Spool(#[source] io::Error),
}

/// A layer whose blob lies on temporary disk.
#[derive(Debug)]
pub struct Blob {
    /// Digest of the uncompressed tar.
    pub diff_id: DiffId,
    /// Digest of the blob.
    pub digest: Digest,
    /// Bytes of the blob.
    pub size: u64,
    /// Its media type.
    pub media_type: String,
    /// The blob; deleted when this is dropped.
    pub file: File,
}

/// The tar's digest and its size in bytes, without keeping a byte of it.
///
/// # Errors
/// [`LayerError`] naming the file.
pub fn diff_id(tree: &Tree) -> Result<(DiffId, u64), LayerError> {
    let mut sink = Counting { hasher: Hasher::new(), size: 0, inner: io::sink() };
    tar::write(tree, usize::MAX, &mut sink)?;
    Ok((DiffId::of_tar(sink.hasher.finish()), sink.size))
}

/// Writes the tar to `out`.
///
/// # Errors
/// [`LayerError`] naming the file.
pub fn write_tar(tree: &Tree, out: &mut dyn Write) -> Result<(), LayerError> {
    tar::write(tree, usize::MAX, out)
}

/// The header of a regular file in a tar that is not a layer, such as a docker-archive.
#[must_use]
pub fn plain_header(name: &str, size: u64) -> Vec<u8> {
    tar::plain_header(name, size)
}

/// Makes the compressed blob in `temporary`, on so many cores at most.
///
/// # Errors
/// [`LayerError`] naming the file.
pub fn compress(tree: &Tree, temporary: &Path, cores: usize) -> Result<Blob, LayerError> {
    let spool = tempfile::tempfile_in(temporary).map_err(LayerError::Spool)?;
    let out = Counting { hasher: Hasher::new(), size: 0, inner: spool };
    let (diff_id, out) = gzip::compress(out, cores, |tar_bytes| {
        let mut counting = Counting { hasher: Hasher::new(), size: 0, inner: tar_bytes };
        tar::write(tree, cores, &mut counting)?;
        Ok(DiffId::of_tar(counting.hasher.finish()))
    })?;
    Ok(Blob { diff_id, digest: out.hasher.finish(), size: out.size, media_type: LAYER.to_owned(), file: out.inner })
}

/// Hashes and counts what passes.
struct Counting<W> {
    hasher: Hasher,
    size: u64,
    inner: W,
}

impl<W: Write> Write for Counting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek};

    use super::*;

    fn sample(folder: &Path) -> Tree {
        std::fs::create_dir_all(folder.join("bin/empty")).unwrap();
        std::fs::write(folder.join("bin/a"), vec![7; 3 << 20]).unwrap();
        std::fs::hard_link(folder.join("bin/a"), folder.join("bin/b")).unwrap();
        std::os::unix::fs::symlink("a", folder.join("bin/link")).unwrap();
        std::fs::write(folder.join(format!("{}-é", "long".repeat(40))), "x").unwrap();
        Tree::of_folder(folder, "/layers/x", Owner { uid: 1000, gid: 1001 }).unwrap()
    }

    #[test]
    fn the_same_files_give_the_same_blob_and_other_readers_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let tree = sample(folder.path());
        let mut one = compress(&tree, &std::env::temp_dir(), usize::MAX).unwrap();
        let two = compress(&sample(tempfile::tempdir().unwrap().path()), &std::env::temp_dir(), usize::MAX).unwrap();
        assert_eq!((&one.diff_id, &one.digest, one.size), (&two.diff_id, &two.digest, two.size));
        assert_eq!(diff_id(&tree).unwrap().0, one.diff_id);
        one.file.rewind().unwrap();
        let mut tar_bytes = Vec::new();
        flate2::read::MultiGzDecoder::new(&one.file).read_to_end(&mut tar_bytes).unwrap();
        assert_eq!(DiffId::of_tar(Digest::of(&tar_bytes)), one.diff_id);
        let mut archive = ::tar::Archive::new(tar_bytes.as_slice());
        let listing: Vec<String> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let header = entry.header();
                format!(
                    "{:?} {:o} {}:{} {} {} {}",
                    header.entry_type(),
                    header.mode().unwrap(),
                    header.uid().unwrap(),
                    header.gid().unwrap(),
                    header.mtime().unwrap(),
                    entry.size(),
                    String::from_utf8_lossy(&entry.path_bytes())
                )
            })
            .collect();
        insta::assert_snapshot!(listing.join("\n"));
    }

    /// Type, mode, path and target of an entry.
    type Facts = (::tar::EntryType, u32, Vec<u8>, Option<Vec<u8>>);

    /// Every entry, as an independent reader sees it.
    fn read_back(tree: &Tree) -> Vec<Facts> {
        let mut bytes = Vec::new();
        write_tar(tree, &mut bytes).unwrap();
        let mut archive = ::tar::Archive::new(bytes.as_slice());
        let facts = |entry: ::tar::Entry<'_, &[u8]>| {
            let header = entry.header();
            let target = entry.link_name_bytes().map(std::borrow::Cow::into_owned);
            (header.entry_type(), header.mode().unwrap(), entry.path_bytes().into_owned(), target)
        };
        archive.entries().unwrap().map(|entry| facts(entry.unwrap())).collect()
    }

    #[test]
    fn long_names_other_bytes_and_mode_bits_come_through() {
        use std::os::unix::ffi::OsStrExt;
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let deep = ["d".repeat(99), "e".repeat(200), "f".repeat(255)].join("/");
        let odd = std::ffi::OsStr::from_bytes(b"\xff\xfe= ").to_owned();
        let target = "t/".repeat(1500);
        std::fs::create_dir_all(folder.path().join(&deep)).unwrap();
        std::fs::write(folder.path().join(&deep).join("file"), "").unwrap();
        std::fs::write(folder.path().join(&odd), "").unwrap();
        std::os::unix::fs::symlink(&target, folder.path().join("link")).unwrap();
        for (name, mode) in [("setuid", 0o4755), ("setgid", 0o2711), ("none", 0o000)] {
            std::fs::write(folder.path().join(name), "").unwrap();
            std::fs::set_permissions(folder.path().join(name), std::fs::Permissions::from_mode(mode)).unwrap();
        }
        std::fs::create_dir(folder.path().join("sticky")).unwrap();
        std::fs::set_permissions(folder.path().join("sticky"), std::fs::Permissions::from_mode(0o1777)).unwrap();
        let mut tree = Tree::of_folder(folder.path(), "/l", Owner { uid: 3_000_000, gid: 0 }).unwrap();
        // Not everybody who runs this test can read it.
        tree.items.retain(|item| item.path != b"/l/none");
        let found = read_back(&tree);
        let of = |path: &[u8]| found.iter().find(|entry| entry.2 == path).unwrap();
        assert_eq!(of(b"l/setuid").1, 0o4755);
        assert_eq!(of(b"l/setgid").1, 0o2711);
        assert_eq!((of(b"l/sticky/").0, of(b"l/sticky/").1), (::tar::EntryType::Directory, 0o1777));
        assert_eq!(of(&[b"l/", odd.as_bytes()].concat()).0, ::tar::EntryType::Regular);
        assert_eq!(of(format!("l/{deep}/file").as_bytes()).0, ::tar::EntryType::Regular);
        assert_eq!(of(b"l/link").3.as_deref(), Some(target.as_bytes()));
    }

    #[test]
    fn a_file_of_many_gigabytes_has_its_size_where_readers_look_for_it() {
        let size = 9_u64 << 30;
        let bytes = plain_header("layer.tar", size);
        assert_eq!((bytes.len(), &bytes[156..157]), (3 * 512, &b"x"[..]));
        assert!(String::from_utf8_lossy(&bytes[512..1024]).contains(&format!("size={size}")));
        assert_eq!(plain_header("layer.tar", 1).len(), 512);
    }

    #[test]
    fn sockets_and_pipes_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("s.sock")).unwrap();
        let error = Tree::of_folder(folder.path(), "/x", Owner { uid: 0, gid: 0 }).unwrap_err().to_string();
        assert!(error.contains("s.sock") && error.contains("socket"), "{error}");
        std::fs::remove_file(folder.path().join("s.sock")).unwrap();
        let fifo = std::process::Command::new("mkfifo").arg(folder.path().join("pipe")).status();
        assert!(fifo.unwrap().success());
        let error = Tree::of_folder(folder.path(), "/x", Owner { uid: 0, gid: 0 }).unwrap_err().to_string();
        assert!(error.contains("pipe") && error.contains("named pipe"), "{error}");
    }

    #[test]
    fn a_name_that_is_a_whiteout_in_a_layer_is_refused_wherever_it_is() {
        for name in [".wh.serve", ".wh.", ".wh..wh..opq"] {
            let folder = tempfile::tempdir().unwrap();
            std::fs::create_dir(folder.path().join("lib")).unwrap();
            std::fs::write(folder.path().join("lib").join(name), "").unwrap();
            let told = Tree::of_folder(folder.path(), "/x", Owner { uid: 0, gid: 0 }).unwrap_err().to_string();
            assert!(told.contains(&format!("lib/{name}")) && told.contains("whiteout"), "{told}");
        }
        let folder = tempfile::tempdir().unwrap();
        assert!(Tree::of_folder(folder.path(), "/layers/b/.wh.x", Owner { uid: 0, gid: 0 }).is_err());
        std::fs::write(folder.path().join("a.wh.b"), "").unwrap();
        assert!(Tree::of_folder(folder.path(), "/x", Owner { uid: 0, gid: 0 }).is_ok());
    }

    #[test]
    fn a_root_that_is_a_link_is_what_it_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("real")).unwrap();
        std::fs::write(folder.path().join("real/file"), "").unwrap();
        for (link, target) in [("link", "real"), ("dangling", "nowhere"), ("to-file", "real/file")] {
            std::os::unix::fs::symlink(target, folder.path().join(link)).unwrap();
        }
        let of = |name: &str| Tree::of_folder(&folder.path().join(name), "/x", Owner { uid: 0, gid: 0 });
        let paths: Vec<Vec<u8>> = of("link").unwrap().items.into_iter().map(|item| item.path).collect();
        assert_eq!(paths, [b"/x".to_vec(), b"/x/file".to_vec()]);
        assert!(of("dangling").is_err());
        assert!(of("to-file").unwrap_err().to_string().contains("not a folder"));
    }

    proptest::proptest! {
        #[test]
        fn any_files_come_back_as_they_went_in(
            files in proptest::collection::btree_map("[a-zé/]{1,20}", proptest::collection::vec(0_u8.., 0..3000), 0..12)
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut there = std::collections::BTreeMap::new();
            for (name, content) in files {
                let path = folder.path().join(name.trim_matches('/').replace("//", "/"));
                let made = path.parent().is_some_and(|parent| std::fs::create_dir_all(parent).is_ok());
                if made && !path.is_dir() && std::fs::write(&path, &content).is_ok() {
                    there.insert(path.strip_prefix(folder.path()).unwrap().to_path_buf(), content);
                }
            }
            let tree = Tree::of_folder(folder.path(), "/l", Owner { uid: 0, gid: 0 }).unwrap();
            let mut bytes = Vec::new();
            write_tar(&tree, &mut bytes).unwrap();
            let mut found = std::collections::BTreeMap::new();
            for entry in ::tar::Archive::new(bytes.as_slice()).entries().unwrap() {
                let mut entry = entry.unwrap();
                if entry.header().entry_type().is_file() {
                    let mut content = Vec::new();
                    entry.read_to_end(&mut content).unwrap();
                    found.insert(entry.path().unwrap().strip_prefix("/l").or(entry.path().unwrap().strip_prefix("l")).unwrap().to_path_buf(), content);
                }
            }
            proptest::prop_assert_eq!(found, there);
        }
    }
}
