//! What of a block was there before, found with one look for each place: the last place whose five bytes have the same
//! hash.

use crate::symbols::{DISTANCES, END, LITERALS, LONGEST, WINDOW, distance_symbol, length_symbol};

/// Slots of the table, as a power of two; 32 KiB of it stay in a processor's first cache.
const SLOT_BITS: u32 = 14;
const SLOTS: usize = 1 << SLOT_BITS;
/// Bytes of the largest part that can be stored as it is (RFC 1951, 3.2.4).
const STORED: usize = 65_535;
/// From so many bytes of a part on the next begins. A match may go beyond them.
const PART: usize = STORED - 2 * LONGEST;
/// The end of a block, where words of eight bytes are no longer read.
const TAIL: usize = 12;
/// After so many places without a match one more is passed over each time, and at most [`STRIDE`].
const PATIENCE: usize = 32;
const STRIDE: usize = 16;

/// Literals, then a match; none at the end of a part, where the length is 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sequence {
    pub(crate) literals: u32,
    pub(crate) length: u16,
    pub(crate) distance: u16,
}

/// A part of a block as literals and matches.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    pub(crate) sequences: &'a [Sequence],
    /// How often each symbol occurs.
    pub(crate) literals: [u32; LITERALS],
    pub(crate) distances: [u32; DISTANCES],
    /// Where the next part begins.
    pub(crate) end: usize,
}

/// Finds matches.
#[derive(Debug)]
pub(crate) struct Search {
    /// The lowest 16 bits of the last place with a hash. Another place with the same bits is noticed by its bytes.
    places: Vec<u16>,
    sequences: Vec<Sequence>,
}

impl Default for Search {
    fn default() -> Self {
        Self { places: vec![0; SLOTS], sequences: Vec::with_capacity(PART / 4) }
    }
}

impl Search {
    /// Forgets the block before.
    pub(crate) fn begin(&mut self) {
        self.places.fill(0);
    }

    /// The part of the block that begins there.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the table has the lowest bits, and lengths and distances are at most 32,768"
    )]
    pub(crate) fn part(&mut self, block: &[u8], begin: usize) -> Found<'_> {
        self.sequences.clear();
        let Ok(places) = <&mut [u16; SLOTS]>::try_from(&mut self.places[..]) else {
            unreachable!("it has so many slots")
        };
        let (mut literals, mut distances) = ([0; LITERALS], [0; DISTANCES]);
        let last = block.len().saturating_sub(TAIL);
        let end = (begin + PART).min(last);
        let (mut at, mut anchor, mut misses) = (begin, begin, PATIENCE);
        while at < end {
            let here = word(block, at);
            let place = &mut places[slot(here)];
            let distance = usize::from((at as u16).wrapping_sub(*place));
            *place = at as u16;
            // One branch that is hard to foretell, not three.
            let is_near = both(distance.wrapping_sub(1) < WINDOW, distance <= at);
            let from = at - std::hint::select_unpredictable(is_near, distance, 0);
            let difference = word(block, from) ^ here;
            if !both(is_near, difference as u32 == 0) {
                at += (misses / PATIENCE).min(STRIDE);
                misses += 1;
                continue;
            }
            let length = if difference == 0 { long(block, from, at) } else { common(difference) };
            count(&block[anchor..at], &mut literals);
            literals[length_symbol(length)] += 1;
            distances[distance_symbol(distance)] += 1;
            self.sequences.push(Sequence {
                literals: (at - anchor) as u32,
                length: length as u16,
                distance: distance as u16,
            });
            if at + length < last {
                for place in [at + 1, at + length - 1] {
                    places[slot(word(block, place))] = place as u16;
                }
            }
            at += length;
            (anchor, misses) = (at, PATIENCE);
        }
        let end = if at < last { at } else { block.len() };
        count(&block[anchor..end], &mut literals);
        literals[END] += 1;
        self.sequences.push(Sequence { literals: (end - anchor) as u32, length: 0, distance: 0 });
        Found { sequences: &self.sequences, literals, distances, end }
    }
}

/// Both, without a branch between them.
#[inline]
fn both(one: bool, other: bool) -> bool {
    one & other
}

#[inline]
fn word(block: &[u8], at: usize) -> u64 {
    block[at..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word))
}

/// The slot of the first five bytes.
#[inline]
fn slot(word: u64) -> usize {
    ((word << 24).wrapping_mul(0x9e37_79b1_85eb_ca87) >> (64 - SLOT_BITS)) as usize
}

/// How many bytes at the beginning of two words are the same; they differ.
#[inline]
fn common(difference: u64) -> usize {
    (difference.trailing_zeros() / 8) as usize
}

/// How long two places are the same, whose first eight bytes are.
fn long(block: &[u8], from: usize, at: usize) -> usize {
    let most = LONGEST.min(block.len() - at);
    let mut length = 8;
    while length + 8 <= most {
        let difference = word(block, from + length) ^ word(block, at + length);
        if difference != 0 {
            return length + common(difference);
        }
        length += 8;
    }
    while length < most && block[from + length] == block[at + length] {
        length += 1;
    }
    length
}

#[inline]
fn count(literals: &[u8], counts: &mut [u32; LITERALS]) {
    for byte in literals {
        counts[usize::from(*byte)] += 1;
    }
}
