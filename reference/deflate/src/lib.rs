//! Members of a gzip file (RFC 1952), each of one block of bytes, made for speed: one look for each match, and a
//! Huffman code for each part of the block (RFC 1951). All of it is arithmetic in whole numbers on the block alone, so
//! that every machine makes the same bytes.
//!
//! ```
//! let member = deflate::Members::new().of(b"layers, layers, layers");
//! let mut block = String::new();
//! std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&member[..]), &mut block)?;
//! assert_eq!(block, "layers, layers, layers");
//! # Ok::<(), std::io::Error>(())
//! ```

mod bits;
mod code;
mod part;
mod search;
mod symbols;

use bits::Bits;
use search::Search;

/// No name, no time, the fastest level, and a system that is not told.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];

/// Compresses blocks, each into a gzip member of its own. It keeps its tables from block to block, and nothing that
/// changes a member.
#[derive(Debug, Default)]
pub struct Members {
    search: Search,
    bits: Bits,
}

impl Members {
    /// With empty tables.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The block, of less than 4 GiB, as a member; the same bytes on every machine.
    #[must_use]
    pub fn of(&mut self, block: &[u8]) -> Vec<u8> {
        self.search.begin();
        self.bits.begin(part::most_bytes(block.len()));
        let mut at = 0;
        loop {
            let found = self.search.part(block, at);
            let is_last = found.end == block.len();
            part::write(&found, &block[at..found.end], is_last, &mut self.bits);
            at = found.end;
            if is_last {
                break;
            }
        }
        let deflated = self.bits.finish();
        let mut member = Vec::with_capacity(HEADER.len() + deflated.len() + 8);
        member.extend_from_slice(&HEADER);
        member.extend_from_slice(deflated);
        member.extend_from_slice(&crc32fast::hash(block).to_le_bytes());
        // The format has the size modulo 2^32, and a block is smaller.
        member.extend_from_slice(&u32::try_from(block.len()).unwrap_or_default().to_le_bytes());
        member
    }
}

#[cfg(test)]
mod tests;
