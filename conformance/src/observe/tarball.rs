//! Reads a tar stream the way container engines read it (ustar, PAX, GNU long names), bounded in memory and never
//! trusting a number in it. Who may ask for what, and what the files mean, is left to others.
//!
//! `tar::Archive` repairs or refuses what is hostile; here it has to be said at which byte what is wrong.

use std::collections::BTreeMap;
use std::io::{self, Read};

use judge::digest::Digest;
use judge::evidence::EntryKind;
use tar::{EntryType, Header};

use super::blobs::Hash;
use super::pax::Extensions;
use super::sparse::{MOST_PIECES, Map};
use super::tar_header::{absolute, further, has_data, has_true_sum, kind_of, names, number, unsigned};
use crate::file_names;

/// Where a tar stream stops being one. Offsets are in bytes of the uncompressed stream.
#[derive(Debug, thiserror::Error)]
pub(super) enum TarError {
    /// The stream itself fails.
    #[error("read the tar at byte {offset}")]
    Stream {
        /// Where.
        offset: u64,
        /// Why.
        source: io::Error,
    },
    /// The stream ends inside an entry.
    #[error("read the tar: it ends inside an entry at byte {offset}")]
    Truncated {
        /// Where.
        offset: u64,
    },
    /// Something follows the end.
    #[error("read the tar: its end is followed by more than zeros, at byte {offset}")]
    Followed {
        /// Where.
        offset: u64,
    },
    /// A header is not one.
    #[error("read the tar header at byte {offset}: {reason}")]
    Header {
        /// Where the header begins.
        offset: u64,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// What an entry's header says, extensions applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// Absolute, without `.` and empty components; `..` is kept, so that it can be seen.
    pub(super) path: String,
    pub(super) kind: EntryKind,
    pub(super) mode: u32,
    pub(super) uid: u64,
    pub(super) gid: u64,
    pub(super) size: u64,
    pub(super) mtime: i64,
    pub(super) link: Option<String>,
    /// The owner's and the group's name; empty where there is none.
    pub(super) user: String,
    pub(super) group: String,
    /// Extended attributes with their values in base64.
    pub(super) xattrs: BTreeMap<String, String>,
    /// What records and header say beyond all that.
    pub(super) records: BTreeMap<String, String>,
    /// Where the data are pieces of the file, and not the file.
    pub(super) sparse: Option<Sparse>,
}

/// Where the pieces of a file lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sparse {
    /// As the headers say.
    Mapped(Map),
    /// As the data say.
    InData,
    /// No one knows.
    Unknown,
}

/// A tar stream, read entry by entry. Reading from it yields the current entry's data.
pub(super) struct Tarball<R> {
    source: R,
    offset: u64,
    data: u64,
    padding: u64,
}

const BLOCK: usize = 512;
/// Most bytes of a long name or a PAX header: what Go's `archive/tar` allows.
const MAX_EXTENSION: u64 = 1 << 20;

impl<R: Read> Tarball<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, offset: 0, data: 0, padding: 0 }
    }

    /// The next entry, what is left of the current one skipped; none at the archive's end.
    pub(super) fn next_entry(&mut self) -> Result<Option<Head>, TarError> {
        let mut extensions = Extensions::default();
        loop {
            self.skip_data()?;
            let at = self.offset;
            let Some(block) = self.block()? else {
                return if extensions.is_empty() { Ok(None) } else { Err(TarError::Truncated { offset: at }) };
            };
            let header = Header::from_byte_slice(&block);
            if !has_true_sum(header) {
                return Err(TarError::Header { offset: at, reason: "its checksum is wrong" });
            }
            match header.entry_type() {
                EntryType::GNULongName => extensions.long_name = Some(self.extension(header, at)?),
                EntryType::GNULongLink => extensions.long_link = Some(self.extension(header, at)?),
                EntryType::XHeader => {
                    let records = self.extension(header, at)?;
                    extensions.read_pax(&records).map_err(|reason| TarError::Header { offset: at, reason })?;
                }
                // Engines do not apply global headers; neither is it an entry.
                EntryType::XGlobalHeader => extensions.note_global(&self.extension(header, at)?),
                _ => return self.head(header, &extensions, at).map(Some),
            }
        }
    }

    /// Reads what follows the archive's end: zeros, or what some readers unpack and others do not see.
    pub(super) fn end(&mut self) -> Result<(), TarError> {
        let mut buffer = [0; 16 * 1024];
        loop {
            let at = self.offset;
            match self.take_some(&mut buffer)? {
                0 => return Ok(()),
                count if buffer[..count].iter().any(|byte| *byte != 0) => {
                    return Err(TarError::Followed { offset: at });
                }
                _ => {}
            }
        }
    }

    /// sha256 of what is left of the current entry's data.
    pub(super) fn hash_data(&mut self, mut also: impl FnMut(&[u8])) -> Result<Digest, TarError> {
        let mut hash = Hash::new();
        let mut buffer = [0; 16 * 1024];
        loop {
            match self.read(&mut buffer) {
                Ok(0) => return Ok(hash.finish()),
                Ok(count) => {
                    hash.update(&buffer[..count]);
                    also(&buffer[..count]);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(TarError::Truncated { offset: self.offset });
                }
                Err(source) => return Err(TarError::Stream { offset: self.offset, source }),
            }
        }
    }

    /// sha256 of the sparse file whose pieces the current entry's data are; none where its map makes none.
    pub(super) fn hash_pieces(
        &mut self,
        sparse: &Sparse,
        size: u64,
        also: impl FnMut(&[u8]),
    ) -> Result<Option<Digest>, TarError> {
        let unfolded = match sparse {
            Sparse::Unknown => return Ok(None),
            Sparse::Mapped(map) => map.unfolded(size, &mut *self, also),
            Sparse::InData => Map::of_data(&mut *self).and_then(|map| match map {
                Some(map) => map.unfolded(size, &mut *self, also),
                None => Ok(None),
            }),
        };
        unfolded.map_err(|source| match source.kind() {
            io::ErrorKind::UnexpectedEof => TarError::Truncated { offset: self.offset },
            _ => TarError::Stream { offset: self.offset, source },
        })
    }

    fn head(&mut self, header: &Header, extensions: &Extensions, at: u64) -> Result<Head, TarError> {
        let fail = |reason| TarError::Header { offset: at, reason };
        let old = header.as_old();
        let name = extensions.name().map_or_else(|| header.path_bytes().into_owned(), <[u8]>::to_vec);
        let kind = kind_of(header.entry_type(), &name);
        let stored = match extensions.stored_size {
            Some(size) => size,
            None => unsigned(&old.size).ok_or_else(|| fail("its size is not a number"))?,
        };
        let mut sparse = extensions.sparse.then(|| match (&extensions.map, extensions.map_in_data) {
            (_, true) => Sparse::InData,
            (Some(map), false) => Sparse::Mapped(map.clone()),
            (None, false) => Sparse::Unknown,
        });
        self.expect_data(if has_data(header.entry_type(), kind) { stored } else { 0 }, at)?;
        let mut size = if kind == EntryKind::File { extensions.real_size.unwrap_or(stored) } else { 0 };
        if let Some(gnu) = header.as_gnu().filter(|_| header.entry_type() == EntryType::GNUSparse) {
            size = unsigned(&gnu.realsize).ok_or_else(|| fail("its real size is not a number"))?;
            let mut map = Map::default();
            let mut is_read = map.add_old(&header.as_bytes()[386..482], unsigned).is_some();
            if gnu.isextended[0] != 0 {
                is_read &= self.read_sparse_map(&mut map)?;
            }
            sparse = Some(if is_read { Sparse::Mapped(map) } else { Sparse::Unknown });
        }
        let link = matches!(kind, EntryKind::Symlink | EntryKind::HardLink).then(|| {
            let written = header.link_name_bytes().unwrap_or_default();
            file_names::text(extensions.link().unwrap_or(&written))
        });
        let mode = unsigned(&old.mode).ok_or_else(|| fail("its mode is not a number"))? & 0o7777;
        let uid = extensions.uid.or_else(|| unsigned(&old.uid)).ok_or_else(|| fail("its owner is not a number"))?;
        let gid = extensions.gid.or_else(|| unsigned(&old.gid)).ok_or_else(|| fail("its group is not a number"))?;
        let mtime = extensions.mtime.or_else(|| number(&old.mtime)).ok_or_else(|| fail("its time is not a number"))?;
        let mode = u32::try_from(mode).unwrap_or_default();
        let (user, group) = names(header, extensions);
        let xattrs = extensions.xattrs.clone();
        let records = further(header, extensions);
        let path = absolute(&name);
        Ok(Head { path, kind, mode, uid, gid, size, mtime, link, user, group, xattrs, records, sparse })
    }

    /// The next header block; none at two zero blocks, at one before the stream's end, or at the stream's end.
    fn block(&mut self) -> Result<Option<[u8; BLOCK]>, TarError> {
        let at = self.offset;
        let mut block = [0; BLOCK];
        if !self.fill(&mut block)? {
            return Ok(None);
        }
        if block.iter().any(|byte| *byte != 0) {
            return Ok(Some(block));
        }
        if self.fill(&mut block)? && block.iter().any(|byte| *byte != 0) {
            return Err(TarError::Header { offset: at, reason: "a single block of zeros is not an end" });
        }
        Ok(None)
    }

    /// Fills `buffer`; false when the stream ended before its first byte.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<bool, TarError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.take_some(&mut buffer[filled..])? {
                0 if filled == 0 => return Ok(false),
                0 => return Err(TarError::Truncated { offset: self.offset }),
                count => filled += count,
            }
        }
        Ok(true)
    }

    fn take_some(&mut self, buffer: &mut [u8]) -> Result<usize, TarError> {
        loop {
            match self.source.read(buffer) {
                Ok(count) => {
                    self.offset += count as u64;
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(TarError::Stream { offset: self.offset, source }),
            }
        }
    }

    fn expect_data(&mut self, size: u64, at: u64) -> Result<(), TarError> {
        if size > i64::MAX.unsigned_abs() {
            return Err(TarError::Header { offset: at, reason: "its size is out of range" });
        }
        self.data = size;
        self.padding = size.wrapping_neg() % BLOCK as u64;
        Ok(())
    }

    fn extension(&mut self, header: &Header, at: u64) -> Result<Vec<u8>, TarError> {
        let fail = |reason| TarError::Header { offset: at, reason };
        let size = unsigned(&header.as_old().size).ok_or_else(|| fail("its size is not a number"))?;
        if size > MAX_EXTENSION {
            return Err(fail("it announces a name or PAX header of more than 1 MiB"));
        }
        self.expect_data(size, at)?;
        let mut bytes = vec![0; usize::try_from(size).unwrap_or_default()];
        if !bytes.is_empty() && !self.fill(&mut bytes)? {
            return Err(TarError::Truncated { offset: self.offset });
        }
        self.data = 0;
        Ok(bytes)
    }

    /// The blocks of a map that does not fit into the header; whether all of it could be read.
    fn read_sparse_map(&mut self, map: &mut Map) -> Result<bool, TarError> {
        let mut block = [0; BLOCK];
        let mut is_read = true;
        loop {
            if !self.fill(&mut block)? {
                return Err(TarError::Truncated { offset: self.offset });
            }
            is_read &= map.pieces.len() <= MOST_PIECES && map.add_old(&block[..504], unsigned).is_some();
            if block[504] == 0 {
                return Ok(is_read);
            }
        }
    }

    fn skip_data(&mut self) -> Result<(), TarError> {
        let mut buffer = [0; 16 * 1024];
        while self.data + self.padding > 0 {
            let left = usize::try_from(self.data + self.padding).unwrap_or(usize::MAX).min(buffer.len());
            let count = self.take_some(&mut buffer[..left])? as u64;
            if count == 0 && self.data == 0 {
                // Released exporters leave out the padding of the last entry, and every reader in the field takes it.
                self.padding = 0;
                break;
            }
            if count == 0 {
                return Err(TarError::Truncated { offset: self.offset });
            }
            let of_data = count.min(self.data);
            self.data -= of_data;
            self.padding -= count - of_data;
        }
        Ok(())
    }
}

impl<R: Read> Read for Tarball<R> {
    /// The current entry's data; an early end of the stream is an error of kind `UnexpectedEof`.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.data).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let count = self.source.read(&mut buffer[..most])?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.offset += count as u64;
        self.data -= count as u64;
        Ok(count)
    }
}
