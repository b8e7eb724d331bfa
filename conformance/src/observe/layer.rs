//! Reads stored layers to their end: how compressed, which diffID, what is in the tar. What a store's fault and what
//! the harness's own is stays apart: the first is a problem in words, the second an error.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, BufReader, Read};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use judge::digest::Digest;
use judge::evidence::{
    Blob, Compression, Entry, EntryFacts, EntryKind, GzipHeader, Layer, LayerFault, Listing, Unlisted,
};
use tokio::sync::{OnceCell, Semaphore};

use super::blobs::{BlobError, BlobStore, Hash};
use super::streams::{Measured, Members, Stored};
use super::tarball::{TarError, Tarball};
use crate::budget;
use crate::error::chain;
use crate::locked::locked;

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
    /// The kind of `problem`; `None` if there is none.
    pub fault: Option<LayerFault>,
}

impl ReadLayer {
    /// As a layer of an image; `named` is its digest by the algorithm of its name, where that is not sha256.
    pub(super) fn as_layer(&self, name: String, named: Option<Digest>) -> Layer {
        let blob = Some(Blob { named, ..self.blob.clone() });
        Layer { name, blob, problem: self.problem.clone(), fault: self.fault, left_out: false }
    }
}

/// Where reading stops, whatever the layer would still yield.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most uncompressed bytes.
    pub uncompressed: u64,
    /// Most tar entries.
    pub entries: usize,
    /// Most bytes of memory that they take.
    pub kept: usize,
    /// Most bytes of memory of those that are kept where there is no room for all of them.
    pub kept_of_more: usize,
    /// Most bytes of memory that the entries of all layers take that are read.
    pub kept_in_all: usize,
}

impl Default for Limits {
    /// Those of [`crate::budget`].
    fn default() -> Self {
        Self {
            uncompressed: budget::UNCOMPRESSED,
            entries: budget::ENTRIES,
            kept: budget::LISTING,
            kept_of_more: budget::START_OF_LISTING,
            kept_in_all: budget::LISTINGS,
        }
    }
}

type Cell = Arc<OnceCell<Arc<ReadLayer>>>;

/// Reads layers from a [`BlobStore`], each once however often it is asked for. Clones share what was read.
#[derive(Debug, Clone)]
pub struct LayerReader {
    store: BlobStore,
    limits: Limits,
    read: Arc<Mutex<HashMap<Digest, Cell>>>,
    /// Bytes of memory that the entries of all layers take.
    kept: Arc<AtomicUsize>,
    turns: Arc<Semaphore>,
}

impl LayerReader {
    /// A reader of the layers in `store` that reads as many at once as there are cores.
    #[must_use]
    pub fn new(store: BlobStore, limits: Limits) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { store, limits, read: Arc::default(), kept: Arc::default(), turns: Arc::new(Semaphore::new(cores)) }
    }

    /// The store that it reads from.
    #[must_use]
    pub fn store(&self) -> &BlobStore {
        &self.store
    }

    /// Reads the stored blob `digest` on a thread of its own.
    ///
    /// # Errors
    /// [`LayerError`] when the harness could not read it; a layer that is broken is not an error.
    pub async fn read(&self, digest: &Digest) -> Result<Arc<ReadLayer>, LayerError> {
        let cell = {
            let mut read = locked(&self.read);
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
        let (store, wanted) = (self.store.clone(), digest.clone());
        let room = Room { limits: self.limits, own: 0, all: self.kept.clone() };
        tokio::task::spawn_blocking(move || read_layer(&store, &wanted, room).map(Arc::new))
            .await
            .map_err(|_| ended())?
    }
}

fn read_layer(store: &BlobStore, digest: &Digest, mut room: Room) -> Result<ReadLayer, LayerError> {
    let failed = |source| BlobError::Read { path: store.path(digest), source };
    let file = store.open_blob(digest)?;
    let size = file.metadata().map_err(failed)?.len();
    let own_trouble = Rc::new(RefCell::new(None));
    let stored = Stored { file, trouble: Rc::clone(&own_trouble) };
    let mut source = BufReader::with_capacity(128 * 1024, stored);
    let start = start_of(&mut source).map_err(failed)?;
    let compression = compression_of(&start);
    let said = Rc::new(RefCell::new(GzipHeader::default()));
    let whole: Box<dyn Read> = match compression {
        Compression::None => Box::new(io::Cursor::new(start).chain(source)),
        Compression::Gzip => {
            let again = BufReader::new(io::Cursor::new(start).chain(source));
            Box::new(Members::new(again, Rc::clone(&said)))
        }
        Compression::Zstd => {
            let again = io::Cursor::new(start).chain(source);
            Box::new(zstd::stream::read::Decoder::new(again).map_err(failed)?)
        }
    };
    let mut measured =
        Measured { source: whole, hash: Hash::new(), size: 0, limit: room.limits.uncompressed, fault: None };
    let Listed { entries, unlisted, fault } = entries_of(&mut measured, &mut room);
    measured.drain();
    if let Some(source) = own_trouble.take() {
        return Err(failed(source).into());
    }
    let blob = Blob {
        digest: digest.clone(),
        named: None,
        size,
        compression,
        gzip: (compression == Compression::Gzip).then(|| said.take()),
        diff_id: measured.hash.finish(),
        uncompressed_size: measured.size,
        entries: Listing::compact(entries),
        unlisted,
    };
    let of_the_bytes = measured.fault.map(|words| (LayerFault::Bytes, words));
    let (fault, problem) = of_the_bytes.or(fault).unzip();
    Ok(ReadLayer { blob, problem, fault })
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

/// How much memory the entries of a layer may still take.
struct Room {
    limits: Limits,
    own: usize,
    all: Arc<AtomicUsize>,
}

impl Room {
    /// Takes what an entry needs; why there is none.
    fn take(&mut self, entry: &Entry) -> Option<Unlisted> {
        let needed = memory_of(entry);
        self.own += needed;
        if self.own > self.limits.kept {
            return Some(Unlisted::Layer);
        }
        let before = self.all.fetch_add(needed, Ordering::Relaxed);
        if before + needed > self.limits.kept_in_all {
            self.all.fetch_sub(needed, Ordering::Relaxed);
            return Some(Unlisted::Run);
        }
        None
    }

    /// Keeps the first of the entries of a layer that cannot be listed whole, and gives back what the others took: the
    /// layers after it need the room.
    fn shorten(&self, mut entries: Vec<Entry>) -> Vec<Entry> {
        let (mut first, mut taken) = (0, 0);
        for entry in &entries {
            taken += memory_of(entry);
            if taken > self.limits.kept_of_more {
                break;
            }
            first += 1;
        }
        let given_back = entries.drain(first..).map(|entry| memory_of(&entry)).sum();
        self.all.fetch_sub(given_back, Ordering::Relaxed);
        entries
    }
}

/// What was found of a tar's entries.
#[derive(Default)]
struct Listed {
    entries: Vec<Entry>,
    unlisted: Option<Unlisted>,
    /// Why no further, and in words.
    fault: Option<(LayerFault, String)>,
}

/// The tar's entries as far as it can be read, and why no further; the first of them where there is no room for all.
fn entries_of(source: &mut impl Read, room: &mut Room) -> Listed {
    let listed = all_entries_of(source, room);
    match listed.unlisted {
        None => listed,
        Some(_) => Listed { entries: room.shorten(listed.entries), ..listed },
    }
}

fn all_entries_of(source: &mut impl Read, room: &mut Room) -> Listed {
    let mut tar = Tarball::new(source);
    let mut listed = Listed::default();
    loop {
        match next_entry(&mut tar) {
            Ok(None) => {
                let fault = tar.end().err().map(|error| (LayerFault::Tar, chain(&error)));
                return Listed { fault, ..listed };
            }
            Ok(Some(_)) if listed.entries.len() >= room.limits.entries => {
                let words = format!("the tar has more than {} entries", room.limits.entries);
                let fault = Some((LayerFault::Limit, words));
                return Listed { unlisted: Some(Unlisted::Layer), fault, ..listed };
            }
            Ok(Some(entry)) => {
                if let Some(unlisted) = room.take(&entry) {
                    let words = match unlisted {
                        Unlisted::Layer => format!(
                            "the tar's names and attributes take more than the {} bytes of memory that a layer has",
                            room.limits.kept
                        ),
                        Unlisted::Run => format!(
                            "the layers of this run take more than the {} bytes of memory that all of them have",
                            room.limits.kept_in_all
                        ),
                    };
                    let fault = Some((LayerFault::Limit, words));
                    return Listed { unlisted: Some(unlisted), fault, ..listed };
                }
                listed.entries.push(entry);
            }
            Err(error) => return Listed { fault: Some((LayerFault::Tar, chain(&error))), ..listed },
        }
    }
}

/// The bytes of memory that an entry takes.
fn memory_of(entry: &Entry) -> usize {
    let more = &entry.more;
    let pairs = more.xattrs.iter().chain(&more.records);
    let attributes = pairs.map(|(name, value)| 2 * size_of::<String>() + name.len() + value.len());
    let texts = [Some(&entry.path), entry.link.as_ref(), entry.text.as_ref(), Some(&more.user), Some(&more.group)];
    let texts = texts.into_iter().flatten().map(String::len).sum::<usize>();
    let content = entry.content.as_ref().map_or(0, |digest| digest.as_str().len());
    size_of::<Entry>() + texts + content + attributes.sum::<usize>()
}

fn next_entry(tar: &mut Tarball<impl Read>) -> Result<Option<Entry>, TarError> {
    let Some(head) = tar.next_entry()? else { return Ok(None) };
    let mut text = Kept::of(&head.path);
    let content = match (head.kind, &head.sparse) {
        (EntryKind::File, None) => Some(tar.hash_data(|bytes| text.add(bytes))?),
        (EntryKind::File, Some(sparse)) => tar.hash_pieces(sparse, head.size, |bytes| text.add(bytes))?,
        _ => None,
    };
    let more = EntryFacts {
        user: head.user,
        group: head.group,
        xattrs: head.xattrs,
        records: head.records,
        sparse: head.sparse.is_some(),
    };
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
/// Files whose text is kept because an image's user may be a name.
const OF_USERS: [&str; 2] = ["/etc/passwd", "/etc/group"];
/// Most bytes of it.
const KEPT_MOST: usize = 1 << 20;

/// The text of a file as it is read; none where it is not kept or too long.
struct Kept(Option<Vec<u8>>);

impl Kept {
    fn of(path: &str) -> Self {
        Self((path.ends_with(KEPT) || OF_USERS.contains(&path)).then(Vec::new))
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
