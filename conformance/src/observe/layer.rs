//! Reads stored layers to their end: how compressed, which diffID, what is in the tar. What a store's fault and what
//! the harness's own is stays apart: the first is a problem in words, the second an error.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use flate2::bufread::MultiGzDecoder;
use judge::digest::Digest;
use judge::evidence::{Blob, Compression, Entry, EntryFacts, EntryKind};
use tokio::sync::{OnceCell, Semaphore};

use super::blobs::{BlobError, BlobStore, Hash};
use super::tarball::{TarError, Tarball};

/// Why a stored layer could not be read: never the fault of what is in it.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// The store's file is not there or cannot be read.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The reading task was ended.
    #[error("finish reading the layer {digest}")]
    Ended {
        /// The layer.
        digest: Digest,
    },
}

/// A layer as it was found.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadLayer {
    /// What was found. Where `problem` says that it cannot be decompressed to its end, `diff_id` and
    /// `uncompressed_size` are those of the bytes before that; where its tar is at fault, they are the layer's, and
    /// `entries` are those before the fault.
    pub blob: Blob,
    /// What is wrong with it, in words.
    pub problem: Option<String>,
}

/// Where reading stops, whatever the layer would still yield.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most uncompressed bytes.
    pub uncompressed: u64,
    /// Most tar entries.
    pub entries: usize,
    /// Most bytes of their names, links, attributes and kept texts together.
    pub kept: usize,
}

impl Default for Limits {
    /// 8 GiB, 300 000 entries, and 32 MiB of what is kept of them: all of it is in memory while it is judged.
    fn default() -> Self {
        Self { uncompressed: 8 << 30, entries: 300_000, kept: 32 << 20 }
    }
}

type Cell = Arc<OnceCell<Arc<ReadLayer>>>;

/// Reads layers from a [`BlobStore`], each once however often it is asked for. Clones share what was read.
#[derive(Debug, Clone)]
pub struct LayerReader {
    store: BlobStore,
    limits: Limits,
    read: Arc<Mutex<HashMap<Digest, Cell>>>,
    turns: Arc<Semaphore>,
}

impl LayerReader {
    /// A reader of the layers in `store` that reads as many at once as there are cores.
    #[must_use]
    pub fn new(store: BlobStore, limits: Limits) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { store, limits, read: Arc::default(), turns: Arc::new(Semaphore::new(cores)) }
    }

    /// The store that it reads from.
    #[must_use]
    pub fn store(&self) -> &BlobStore {
        &self.store
    }

    /// Reads the stored blob `digest` on a thread of its own.
    ///
    /// # Errors
    /// [`LayerError`] when the harness could not read it; a layer that is broken is no error.
    pub async fn read(&self, digest: &Digest) -> Result<Arc<ReadLayer>, LayerError> {
        let cell = {
            let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(read.entry(digest.clone()).or_default())
        };
        cell.get_or_try_init(|| self.read_anew(digest)).await.cloned()
    }

    /// The digest of the stored blob by the algorithm of the name under which it was asked for, where that is not the
    /// one under which it is stored.
    ///
    /// # Errors
    /// [`LayerError`] when the harness could not read it.
    pub async fn named(&self, digest: &Digest, asked: &Digest) -> Result<Option<Digest>, LayerError> {
        if asked.algorithm() != "sha512" {
            return Ok(None);
        }
        let (store, stored) = (self.store.clone(), digest.clone());
        let hashed = tokio::task::spawn_blocking(move || store.sha512(&stored)).await;
        Ok(Some(hashed.map_err(|_| LayerError::Ended { digest: digest.clone() })??))
    }

    async fn read_anew(&self, digest: &Digest) -> Result<Arc<ReadLayer>, LayerError> {
        let ended = || LayerError::Ended { digest: digest.clone() };
        let _turn = self.turns.acquire().await.map_err(|_| ended())?;
        let (store, limits, wanted) = (self.store.clone(), self.limits, digest.clone());
        tokio::task::spawn_blocking(move || read_layer(&store, &wanted, limits).map(Arc::new))
            .await
            .map_err(|_| ended())?
    }
}

fn read_layer(store: &BlobStore, digest: &Digest, limits: Limits) -> Result<ReadLayer, LayerError> {
    let failed = |source| BlobError::Read { path: store.path(digest), source };
    let file = store.open_blob(digest)?;
    let size = file.metadata().map_err(failed)?.len();
    let own_trouble = Rc::new(RefCell::new(None));
    let stored = Stored { file, trouble: Rc::clone(&own_trouble) };
    let mut source = BufReader::with_capacity(128 * 1024, stored);
    let start = start_of(&mut source).map_err(failed)?;
    let compression = compression_of(&start);
    let whole: Box<dyn Read> = match compression {
        Compression::None => Box::new(io::Cursor::new(start).chain(source)),
        Compression::Gzip => {
            let again = BufReader::new(io::Cursor::new(start).chain(source));
            Box::new(MultiGzDecoder::new(again))
        }
        Compression::Zstd => {
            let again = io::Cursor::new(start).chain(source);
            Box::new(zstd::stream::read::Decoder::new(again).map_err(failed)?)
        }
    };
    let mut measured = Measured { source: whole, hash: Hash::new(), size: 0, limit: limits.uncompressed, fault: None };
    let (entries, tar_fault) = entries_of(&mut measured, limits);
    measured.drain();
    if let Some(source) = own_trouble.take() {
        return Err(failed(source).into());
    }
    let blob = Blob {
        digest: digest.clone(),
        named: None,
        size,
        compression,
        diff_id: measured.hash.finish(),
        uncompressed_size: measured.size,
        entries,
    };
    Ok(ReadLayer { blob, problem: measured.fault.or(tar_fault) })
}

/// The first four bytes, or all of them where there are fewer.
fn start_of(source: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut start = Vec::with_capacity(4);
    source.take(4).read_to_end(&mut start)?;
    Ok(start)
}

/// Told from the magic numbers of RFC 1952 and RFC 8878 (frames and skippable frames).
fn compression_of(start: &[u8]) -> Compression {
    match start {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Compression::Zstd,
        _ => Compression::None,
    }
}

/// The tar's entries as far as it can be read, and why no further.
fn entries_of(source: &mut impl Read, Limits { entries: most, kept, .. }: Limits) -> (Vec<Entry>, Option<String>) {
    let mut tar = Tarball::new(source);
    let (mut entries, mut bytes) = (Vec::new(), 0);
    loop {
        match next_entry(&mut tar) {
            Ok(None) => return (entries, None),
            Ok(Some(_)) if entries.len() >= most => {
                return (entries, Some(format!("the tar has more than {most} entries")));
            }
            Ok(Some(entry)) => {
                bytes += kept_of(&entry);
                if bytes > kept {
                    return (entries, Some(format!("the tar has more than {kept} bytes of names and attributes")));
                }
                entries.push(entry);
            }
            Err(error) => return (entries, Some(error.to_string())),
        }
    }
}

/// The bytes of what is kept of an entry and may be as long as its author likes.
fn kept_of(entry: &Entry) -> usize {
    let more = &entry.more;
    let attributes: usize = more.xattrs.iter().map(|(name, value)| name.len() + value.len()).sum();
    let texts = [entry.link.as_ref(), entry.text.as_ref()].into_iter().flatten().map(String::len).sum::<usize>();
    entry.path.len() + more.user.len() + more.group.len() + attributes + texts
}

fn next_entry(tar: &mut Tarball<impl Read>) -> Result<Option<Entry>, TarError> {
    let Some(head) = tar.next_entry()? else { return Ok(None) };
    let mut text = Kept::of(&head.path);
    let content = match (head.kind, &head.sparse) {
        (EntryKind::File, None) => Some(tar.hash_data(|bytes| text.add(bytes))?),
        (EntryKind::File, Some(sparse)) => tar.hash_pieces(sparse, head.size, |bytes| text.add(bytes))?,
        _ => None,
    };
    let more = EntryFacts { user: head.user, group: head.group, xattrs: head.xattrs, sparse: head.sparse.is_some() };
    Ok(Some(Entry {
        path: head.path,
        kind: head.kind,
        mode: head.mode,
        uid: head.uid,
        gid: head.gid,
        size: head.size,
        mtime: head.mtime,
        link: head.link,
        text: text.finished().filter(|_| content.is_some()),
        content,
        more,
    }))
}

/// The file whose text is kept: the build's metadata, which an exporter may write in its own words.
const KEPT: &str = "/config/metadata.toml";
/// Most bytes of it.
const KEPT_MOST: usize = 1 << 20;

/// The text of a file as it is read; none where it is not kept or too long.
struct Kept(Option<Vec<u8>>);

impl Kept {
    fn of(path: &str) -> Self {
        Self(path.ends_with(KEPT).then(Vec::new))
    }

    fn add(&mut self, bytes: &[u8]) {
        if let Some(text) = &mut self.0 {
            text.extend_from_slice(bytes);
        }
        self.0 = self.0.take().filter(|text| text.len() <= KEPT_MOST);
    }

    fn finished(self) -> Option<String> {
        self.0.and_then(|bytes| String::from_utf8(bytes).ok())
    }
}

/// The store's file; remembers when the disk fails, which must not look like a broken layer.
struct Stored {
    file: File,
    trouble: Rc<RefCell<Option<io::Error>>>,
}

impl Read for Stored {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer).map_err(|error| {
            let kind = error.kind();
            self.trouble.replace(Some(error));
            kind.into()
        })
    }
}

/// The uncompressed bytes, hashed and counted on their way, up to the first fault.
struct Measured<R> {
    source: R,
    hash: Hash,
    size: u64,
    limit: u64,
    fault: Option<String>,
}

impl<R: Read> Measured<R> {
    fn drain(&mut self) {
        let mut buffer = vec![0; 128 * 1024];
        while self.read(&mut buffer).is_ok_and(|count| count > 0) {}
    }
}

impl<R: Read> Read for Measured<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.fault.is_some() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let count = self.source.read(buffer).map_err(|error| {
            self.fault = Some(format!("cannot be decompressed beyond {} bytes: {error}", self.size));
            error
        })?;
        self.size += count as u64;
        self.hash.update(&buffer[..count]);
        if self.size > self.limit {
            self.fault = Some(format!("decompresses to more than {} bytes and was not read further", self.limit));
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(count)
    }
}
