//! One member of a gzip file, of one block (RFC 1952). A block that would not shrink is stored (RFC 1951, 3.2.4): a search
//! in it is in vain and costs most of all. The choice is a rule on the block's bytes in whole numbers, so that every
//! machine makes the same.

use libdeflater::{CompressionLvl, Compressor, Crc};

/// Fastest level.
const LEVEL: i32 = 1;
/// No name, no time, the fastest level, and a system that is not told.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];
/// The longest stored part, in bytes.
const PART: usize = 65_535;
/// How far back a deflate stream may refer, in bytes.
const WINDOW: usize = 1 << 15;
/// Blocks smaller than this are tried: they cost little, and say little of themselves.
const SMALL: usize = 4096;

/// Compresses blocks, each into a gzip member of its own.
pub struct Members(Compressor);

impl Members {
    /// With room for one block at a time.
    ///
    /// # Errors
    /// The compressor's.
    pub fn new() -> Result<Self, String> {
        Ok(Self(Compressor::new(CompressionLvl::new(LEVEL).map_err(|error| format!("{error:?}"))?)))
    }

    /// The block as a member; the same bytes on every machine.
    ///
    /// # Errors
    /// The compressor's.
    pub fn of(&mut self, block: &[u8]) -> Result<Vec<u8>, String> {
        if block.len() >= SMALL && looks_random(block) {
            return Ok(stored(block));
        }
        let mut member = vec![0; self.0.gzip_compress_bound(block.len())];
        let size = self.0.gzip_compress(block, &mut member).map_err(|error| error.to_string())?;
        member.truncate(size);
        Ok(member)
    }
}

/// The block uncompressed.
fn stored(block: &[u8]) -> Vec<u8> {
    let mut member = Vec::with_capacity(block.len() + block.len() / PART * 5 + 32);
    member.extend_from_slice(&HEADER);
    let mut parts = block.chunks(PART).peekable();
    while let Some(part) = parts.next() {
        let size = u16::try_from(part.len()).unwrap_or(u16::MAX);
        member.push(u8::from(parts.peek().is_none()));
        member.extend_from_slice(&size.to_le_bytes());
        member.extend_from_slice(&(!size).to_le_bytes());
        member.extend_from_slice(part);
    }
    let mut crc = Crc::new();
    crc.update(block);
    member.extend_from_slice(&crc.sum().to_le_bytes());
    // The format has the size modulo 2^32, and a block is smaller.
    member.extend_from_slice(&u32::try_from(block.len()).unwrap_or_default().to_le_bytes());
    member
}

/// Whether all bytes occur about equally often, and nothing that was there comes again within reach.
fn looks_random(block: &[u8]) -> bool {
    let counts = counts(block);
    let size = block.len() as u128;
    let squares: u128 = counts.iter().map(|count| u128::from(*count).pow(2)).sum();
    // 256 times the sum of squares is size² where all are equal; 1/16 more is 0.045 bits less than 8 in each byte.
    if 256 * 16 * squares > 17 * size * size {
        return false;
    }
    let most = counts.iter().zip(0_u8..=255).max_by_key(|(count, _)| **count).map_or(0, |(_, byte)| byte);
    !repeats(block, most)
}

fn counts(block: &[u8]) -> [u32; 256] {
    // Two tables, because a counter that was just written is slow to read.
    let (mut even, mut odd) = ([0_u32; 256], [0_u32; 256]);
    let (pairs, rest) = block.as_chunks::<2>();
    for [a, b] in pairs {
        even[usize::from(*a)] += 1;
        odd[usize::from(*b)] += 1;
    }
    for byte in rest {
        even[usize::from(*byte)] += 1;
    }
    std::array::from_fn(|byte| even[byte] + odd[byte])
}

/// Whether more than a 64th of the places where `mark` is begin with eight bytes that were at another one within reach.
/// What repeats holds all bytes as often as the rest does, so these places stand for all.
fn repeats(block: &[u8], mark: u8) -> bool {
    const SLOTS: usize = 1 << 12;
    let mut last = vec![usize::MAX; SLOTS];
    let (mut marks, mut again) = (0_usize, 0_usize);
    let places = block.iter().enumerate().filter(|(_, byte)| **byte == mark).map(|(at, _)| at);
    for at in places {
        let Some(word) = block[at..].first_chunk::<8>() else { break };
        marks += 1;
        let hash = u64::from_le_bytes(*word).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52;
        let slot = &mut last[usize::try_from(hash).unwrap_or_default() % SLOTS];
        let before = std::mem::replace(slot, at);
        let is_near = before != usize::MAX && at - before <= WINDOW;
        again += usize::from(is_near && block[before..].first_chunk::<8>() == Some(word));
    }
    again * 64 > marks
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::prelude::*;

    use super::*;

    /// Bytes that look random, from a seed.
    fn noise(size: usize, seed: u64) -> Vec<u8> {
        let mut state = seed.wrapping_mul(2).wrapping_add(1);
        let next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        std::iter::repeat_with(next).take(size).collect()
    }

    fn member(block: &[u8]) -> Vec<u8> {
        Members::new().unwrap().of(block).unwrap()
    }

    /// As two other readers see it.
    fn read(member: &[u8], size: usize) -> [Vec<u8>; 2] {
        let (mut one, mut two) = (Vec::new(), vec![0; size]);
        flate2::read::MultiGzDecoder::new(member).read_to_end(&mut one).unwrap();
        let read = libdeflater::Decompressor::new().gzip_decompress(member, &mut two).unwrap();
        two.truncate(read);
        [one, two]
    }

    #[test]
    fn what_cannot_shrink_is_stored_and_grows_by_no_more_than_its_headers() {
        for size in [SMALL, PART - 1, PART, PART + 1, 2 * PART, 1 << 20] {
            let block = noise(size, 7);
            let member = member(&block);
            assert_eq!(member.len(), size + size.div_ceil(PART) * 5 + 18, "{size}");
            assert_eq!(read(&member, size), [block.clone(), block]);
        }
    }

    #[test]
    fn what_can_shrink_is_compressed_though_its_bytes_are_spread_evenly() {
        let repeated = noise(20_000, 1).repeat(50);
        let half = [noise(1 << 19, 2), vec![b'a'; 1 << 19]].concat();
        let base64: Vec<u8> = noise(1 << 20, 3).iter().map(|byte| byte & 63 | 64).collect();
        let mut copied = noise(1 << 20, 4);
        for at in (0..1 << 20).step_by(16_384).skip(1) {
            copied.copy_within(at - 8192..at - 6144, at);
        }
        for (block, most) in [(repeated, 4), (half, 55), (base64, 80), (copied, 90)] {
            let member = member(&block);
            assert!(member.len() < block.len() * most / 100, "{} of {}", member.len(), block.len());
            assert_eq!(read(&member, block.len()), [block.clone(), block]);
        }
    }

    proptest! {
        #[test]
        fn every_block_comes_back(
            parts in prop::collection::vec((any::<u64>(), 0_usize..9000, 1_usize..6), 0..8),
        ) {
            let block: Vec<u8> = parts.iter().flat_map(|(seed, size, times)| noise(*size, *seed).repeat(*times)).collect();
            prop_assert_eq!(read(&member(&block), block.len()), [block.clone(), block]);
        }
    }
}
