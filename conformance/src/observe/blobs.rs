//! The evidence's blobs: every byte string that was observed, stored once under its sha256. Nothing here knows what
//! the bytes mean.

use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use judge::digest::Digest;
use judge::evidence::Document;
use ring::digest::{Context, SHA256, SHA512};
use tempfile::NamedTempFile;
use tokio_util::io::{StreamReader, SyncIoBridge};

use crate::budget;

/// Why bytes could not be stored or read back: always the harness's own trouble, or that of `Source`'s sender.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The folder cannot be made.
    #[error("create the blob folder '{path}'")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The store's disk refuses.
    #[error("store a blob in '{path}'")]
    Write {
        /// The folder, or the blob's file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A stored blob cannot be opened or read.
    #[error("read the stored blob '{path}'")]
    Read {
        /// The blob's file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What delivers the bytes broke off.
    #[error("receive a blob's bytes")]
    Source {
        /// Why.
        source: io::Error,
    },
    /// The blobs of the run are more than its disk budget.
    #[error("store a blob: the blobs of this run have more than {limit} bytes")]
    NoRoom {
        /// The limit in bytes.
        limit: u64,
    },
    /// The bytes do not end within the limit.
    #[error("receive a blob of more than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The storing task was ended.
    #[error("finish storing a blob")]
    Ended {
        /// Why.
        source: tokio::task::JoinError,
    },
}

/// What of the run's disk a blob takes, given back where it does not stay.
struct Taken<'a> {
    kept: &'a AtomicU64,
    bytes: u64,
}

impl Taken<'_> {
    fn more(&mut self, bytes: u64) -> Result<(), BlobError> {
        self.bytes += bytes;
        let limit = budget::KEPT_BLOBS;
        let kept = self.kept.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if kept > limit { Err(BlobError::NoRoom { limit }) } else { Ok(()) }
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.kept.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// What was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBlob {
    /// sha256 of the bytes.
    pub digest: Digest,
    /// How many bytes.
    pub size: u64,
}

/// A hash that is fed in pieces: sha256 by `ring`, the fastest that was measured.
pub(super) struct Hash(Context);

impl Hash {
    pub(super) fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn finish(self) -> Digest {
        Digest::from_sha256(self.0.finish().as_ref())
    }
}

/// The folder `<evidence>/blobs/sha256`. Clones share it; any number of threads and processes may write to it at once,
/// because a blob appears under its name only when it is whole.
#[derive(Debug, Clone)]
pub struct BlobStore {
    folder: Arc<PathBuf>,
    /// Bytes of all blobs that were stored, and are being stored.
    kept: Arc<AtomicU64>,
}

impl BlobStore {
    /// Most bytes that one blob may have: 8 GiB. A store that never stops sending must not fill the disk.
    pub const MAX_BLOB: u64 = budget::BLOB;

    /// Opens the store below the evidence folder, which is made if it is not there.
    ///
    /// # Errors
    /// [`BlobError::Folder`] when the folder cannot be made.
    pub fn open(evidence: &Path) -> Result<Self, BlobError> {
        let folder = evidence.join("blobs").join("sha256");
        std::fs::create_dir_all(&folder).map_err(|source| BlobError::Folder { path: folder.clone(), source })?;
        Ok(Self { folder: Arc::new(folder), kept: Arc::default() })
    }

    /// Where a blob lies, whether or not it is there. Only sha256 digests are ever stored.
    #[must_use]
    pub fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(digest.encoded())
    }

    /// Stores a document's bytes, which are in memory already and so must be few.
    ///
    /// # Errors
    /// [`BlobError::Write`] when the disk refuses.
    pub fn put_document(&self, bytes: Vec<u8>, content_type: Option<String>) -> Result<Document, BlobError> {
        let document = Document::new(bytes, content_type);
        if !self.path(&document.digest).exists() {
            let mut file = self.temporary()?;
            file.write_all(&document.bytes).map_err(|source| self.refused(source))?;
            self.keep(file, &document.digest)?;
        }
        Ok(document)
    }

    /// Stores all bytes of `source`, hashing them as they come. Blocks the thread.
    ///
    /// # Errors
    /// [`BlobError::Source`] when `source` fails, [`BlobError::TooLarge`] beyond [`Self::MAX_BLOB`],
    /// [`BlobError::Write`] when the disk refuses. Nothing is left behind then.
    pub fn put_reader(&self, source: &mut dyn Read) -> Result<StoredBlob, BlobError> {
        let mut file = self.temporary()?;
        let mut taken = Taken { kept: &self.kept, bytes: 0 };
        let (mut hash, mut size) = (Hash::new(), 0_u64);
        let mut buffer = vec![0; 128 * 1024];
        loop {
            let count = match source.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(BlobError::Source { source }),
            };
            size += count as u64;
            if size > Self::MAX_BLOB {
                return Err(BlobError::TooLarge { limit: Self::MAX_BLOB });
            }
            taken.more(count as u64)?;
            hash.update(&buffer[..count]);
            file.write_all(&buffer[..count]).map_err(|source| self.refused(source))?;
        }
        let digest = hash.finish();
        if self.keep(file, &digest)? {
            // It stays, and so does what it takes.
            taken.bytes = 0;
        }
        Ok(StoredBlob { digest, size })
    }

    /// Stores all bytes of a stream on a thread of its own, as [`Self::put_reader`] does.
    ///
    /// # Errors
    /// Those of [`Self::put_reader`], and [`BlobError::Ended`] when the runtime is shutting down.
    pub async fn put_stream<S>(&self, stream: S) -> Result<StoredBlob, BlobError>
    where
        S: Stream<Item = io::Result<Bytes>> + Send + 'static,
    {
        let store = self.clone();
        let mut reader = SyncIoBridge::new(StreamReader::new(stream.boxed()));
        tokio::task::spawn_blocking(move || store.put_reader(&mut reader))
            .await
            .map_err(|source| BlobError::Ended { source })?
    }

    /// Opens a stored blob.
    ///
    /// # Errors
    /// [`BlobError::Read`] when it is not there or cannot be opened.
    pub fn open_blob(&self, digest: &Digest) -> Result<File, BlobError> {
        let path = self.path(digest);
        File::open(&path).map_err(|source| BlobError::Read { path, source })
    }

    /// sha512 of a stored blob. Blocks the thread.
    ///
    /// # Errors
    /// [`BlobError::Read`] when it cannot be read.
    pub fn sha512(&self, digest: &Digest) -> Result<Digest, BlobError> {
        let mut file = self.open_blob(digest)?;
        let mut hash = Context::new(&SHA512);
        let mut buffer = vec![0; 128 * 1024];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok(Digest::from_sha512(hash.finish().as_ref())),
                Ok(count) => hash.update(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(BlobError::Read { path: self.path(digest), source }),
            }
        }
    }

    /// A stored blob's bytes, if they are at most `limit`.
    ///
    /// # Errors
    /// [`BlobError::Read`] when it cannot be read, [`BlobError::TooLarge`] when it has more bytes.
    pub fn document(&self, digest: &Digest, limit: u64) -> Result<Document, BlobError> {
        let mut bytes = Vec::new();
        self.open_blob(digest)?
            .take(limit.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|source| BlobError::Read { path: self.path(digest), source })?;
        if bytes.len() as u64 > limit {
            return Err(BlobError::TooLarge { limit });
        }
        Ok(Document::new(bytes, None))
    }

    fn temporary(&self) -> Result<NamedTempFile, BlobError> {
        // Evidence is read by others too: the usual mode, less what the umask takes.
        tempfile::Builder::new()
            .prefix(".incoming-")
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(self.folder.as_path())
            .map_err(|source| self.refused(source))
    }

    /// A rename within the folder: the second writer replaces the blob by the same bytes.
    fn keep(&self, file: NamedTempFile, digest: &Digest) -> Result<bool, BlobError> {
        let path = self.path(digest);
        if path.exists() {
            return Ok(false);
        }
        file.persist(&path).map(|_| true).map_err(|error| BlobError::Write { path, source: error.error })
    }

    fn refused(&self, source: io::Error) -> BlobError {
        BlobError::Write { path: self.folder.as_ref().clone(), source }
    }
}
