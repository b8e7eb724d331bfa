//! Readers between a stored layer and its tar: the file, its gzip members, and the bytes counted and hashed.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

use flate2::bufread::GzDecoder;
use judge::evidence::GzipHeader;

use super::blobs::Hash;
use crate::error::chain;

/// Most bytes of a name or comment of a gzip header that are kept.
const HEADER_TEXT: usize = 1024;

/// A gzip stream of one member or many, whose headers are noted on the way.
pub(super) struct Members<R> {
    /// None once the stream has ended.
    member: Option<GzDecoder<R>>,
    said: Rc<RefCell<GzipHeader>>,
}

impl<R: BufRead> Members<R> {
    pub(super) fn new(source: R, said: Rc<RefCell<GzipHeader>>) -> Self {
        Self { member: Some(GzDecoder::new(source)), said }
    }

    fn note(&self, member: &GzDecoder<R>) {
        let Some(header) = member.header() else { return };
        let text = |bytes: Option<&[u8]>| {
            let bytes = bytes.filter(|bytes| !bytes.is_empty())?;
            Some(String::from_utf8_lossy(&bytes[..bytes.len().min(HEADER_TEXT)]).into_owned())
        };
        let mut said = self.said.borrow_mut();
        if said.mtime == 0 {
            said.mtime = header.mtime();
        }
        said.name = said.name.take().or_else(|| text(header.filename()));
        said.comment = said.comment.take().or_else(|| text(header.comment()));
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while let Some(mut member) = self.member.take() {
            let count = member.read(buffer)?;
            if count > 0 {
                self.member = Some(member);
                return Ok(count);
            }
            self.note(&member);
            let mut rest = member.into_inner();
            self.member = if rest.fill_buf()?.is_empty() { None } else { Some(GzDecoder::new(rest)) };
        }
        Ok(0)
    }
}

/// The store's file; remembers when the disk fails, which must not look like a broken layer.
pub(super) struct Stored {
    pub(super) file: File,
    pub(super) trouble: Rc<RefCell<Option<io::Error>>>,
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
pub(super) struct Measured<R> {
    pub(super) source: R,
    pub(super) hash: Hash,
    pub(super) size: u64,
    pub(super) limit: u64,
    pub(super) fault: Option<String>,
}

impl<R: Read> Measured<R> {
    pub(super) fn drain(&mut self) {
        let mut buffer = vec![0; 128 * 1024];
        while self.read(&mut buffer).is_ok_and(|count| count > 0) {}
    }
}

impl<R: Read> Read for Measured<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.fault.is_some() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let count = self.source.read(buffer).inspect_err(|error| {
            self.fault = Some(format!("cannot be decompressed beyond {} bytes: {}", self.size, chain(error)));
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
