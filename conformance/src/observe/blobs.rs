//! Blobs of the evidence: each once, under `blobs/sha256/<hex>`, and what a layer among them was found to be.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use futures_util::{Stream, StreamExt};
use judge::digest::Digest;
use judge::evidence::Blob;
use ring::digest::{Context, SHA256};
use tempfile::NamedTempFile;

use super::{ObserveError, layer};

/// A folder of blobs.
pub struct BlobStore {
    folder: PathBuf,
    read: Mutex<HashMap<Digest, Arc<ReadLayer>>>,
}

/// A layer's facts, and why its tar could not be read to its end, where it could not.
pub type ReadLayer = (Blob, Option<String>);

/// A blob that is being written.
pub struct Incoming {
    file: NamedTempFile,
    context: Context,
    size: u64,
}

impl BlobStore {
    /// The store of the evidence folder `root`, whose `blobs/sha256` must be there.
    #[must_use]
    pub fn at(root: &Path) -> Self {
        Self { folder: root.join("blobs/sha256"), read: Mutex::new(HashMap::new()) }
    }

    /// The file of a blob that is there.
    #[must_use]
    pub fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(digest.encoded())
    }

    /// Begins a blob.
    ///
    /// # Errors
    /// [`ObserveError::Disk`].
    pub fn begin(&self) -> Result<Incoming, ObserveError> {
        let file = tempfile::Builder::new()
            .prefix(".incoming-")
            .tempfile_in(&self.folder)
            .map_err(|source| ObserveError::Disk { path: self.folder.clone(), source })?;
        Ok(Incoming { file, context: Context::new(&SHA256), size: 0 })
    }

    /// Ends a blob; gives its sha256 and its size in bytes.
    ///
    /// # Errors
    /// [`ObserveError::Disk`].
    pub fn finish(&self, incoming: Incoming) -> Result<(Digest, u64), ObserveError> {
        let digest = Digest::from_sha256(incoming.context.finish().as_ref());
        let path = self.path(&digest);
        if !path.exists() {
            incoming.file.persist(&path).map_err(|error| ObserveError::Disk { path, source: error.error })?;
        }
        Ok((digest, incoming.size))
    }

    /// Stores what a reader gives.
    ///
    /// # Errors
    /// [`ObserveError::Disk`], also where the reader fails.
    pub fn put(&self, reader: &mut dyn io::Read) -> Result<(Digest, u64), ObserveError> {
        let mut incoming = self.begin()?;
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let read =
                reader.read(&mut buffer).map_err(|source| ObserveError::Disk { path: self.folder.clone(), source })?;
            if read == 0 {
                return self.finish(incoming);
            }
            incoming.add(&buffer[..read]).map_err(|source| ObserveError::Disk { path: self.folder.clone(), source })?;
        }
    }

    /// Stores a stream; the inner error says why the stream broke off.
    ///
    /// # Errors
    /// [`ObserveError::Disk`].
    pub async fn put_stream<E: std::fmt::Display>(
        &self,
        mut stream: impl Stream<Item = Result<bytes::Bytes, E>> + Unpin,
    ) -> Result<Result<(Digest, u64), String>, ObserveError> {
        let mut incoming = self.begin()?;
        while let Some(chunk) = stream.next().await {
            match chunk {
                Ok(bytes) => {
                    incoming.add(&bytes).map_err(|source| ObserveError::Disk { path: self.folder.clone(), source })?;
                }
                Err(error) => return Ok(Err(error.to_string())),
            }
        }
        self.finish(incoming).map(Ok)
    }

    /// What the layer under `digest` is; read once, however many images have it.
    ///
    /// # Errors
    /// [`ObserveError::Disk`].
    pub async fn layer(&self, digest: &Digest) -> Result<Arc<ReadLayer>, ObserveError> {
        if let Some(known) = self.read.lock().ok().and_then(|read| read.get(digest).cloned()) {
            return Ok(known);
        }
        let path = self.path(digest);
        let (wanted, failed) = (digest.clone(), path.clone());
        let found = tokio::task::spawn_blocking(move || layer::read(&path, wanted))
            .await
            .map_err(io::Error::other)
            .and_then(|result| result)
            .map_err(|source| ObserveError::Disk { path: failed, source })?;
        let found = Arc::new(found);
        if let Ok(mut read) = self.read.lock() {
            read.insert(digest.clone(), found.clone());
        }
        Ok(found)
    }
}

impl Incoming {
    /// Adds bytes.
    ///
    /// # Errors
    /// The file system's.
    pub fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.context.update(bytes);
        self.size += bytes.len() as u64;
        self.file.write_all(bytes)
    }
}
