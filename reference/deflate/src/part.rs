//! A part of a block as it is written: stored, or in the fixed code, or in a code of its own, whichever is shortest
//! (RFC 1951, 3.2.3).

use crate::bits::Bits;
use crate::code;
use crate::search::Found;
use crate::symbols::{DISTANCE, DISTANCES, END, LENGTH, LITERALS, LONGEST, distance_symbol, length_symbol};

/// The longest word of a literal: four fit between two flushes.
const LONGEST_LITERAL: usize = 14;
/// Symbols of the code in which lengths of words are written, and the longest word there (RFC 1951, 3.2.7).
const LENGTHS: usize = 19;
const LONGEST_LENGTH: usize = 7;
/// The order in which that code's lengths are written.
const ORDER: [usize; LENGTHS] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
/// Bytes around a stored part: how it is written, its length twice.
const STORED: usize = 5;

/// The most bytes that a block of so many becomes.
pub(crate) fn most_bytes(block: usize) -> usize {
    // No part is longer than it would be stored, and each but the last has more than 2^15 bytes.
    block + (block / (1 << 15) + 1) * (STORED + 1)
}

/// The lengths of the words of both codes.
struct Codes {
    literals: [u8; LITERALS],
    distances: [u8; DISTANCES],
}

impl Codes {
    fn fixed() -> Self {
        let literals = std::array::from_fn(|symbol| match symbol {
            144..256 => 9,
            256..280 => 7,
            _ => 8,
        });
        Self { literals, distances: [5; DISTANCES] }
    }

    /// Bits of the part's symbols, without what describes the codes.
    fn bits(&self, found: &Found<'_>) -> usize {
        let of_lengths = LENGTH.iter().map(|(_, extra)| *extra);
        let of_literals = std::iter::repeat_n(0, END + 1).chain(of_lengths);
        bits_of(&found.literals, &self.literals, of_literals)
            + bits_of(&found.distances, &self.distances, DISTANCE.iter().map(|(_, extra)| *extra))
    }
}

/// Bits of symbols that occur so often, with words of these lengths and so many extra bits behind each.
fn bits_of(counts: &[u32], lengths: &[u8], extra: impl Iterator<Item = u8>) -> usize {
    let bits = lengths.iter().zip(extra).map(|(length, extra)| usize::from(length + extra));
    counts.iter().zip(bits).map(|(count, bits)| *count as usize * bits).sum()
}

/// What describes codes of the part's own, in front of its symbols: runs of lengths, in a code of their own.
struct Header {
    literals: usize,
    distances: usize,
    lengths: [u8; LENGTHS],
    /// Symbol, extra bits, and their value.
    runs: Vec<(u8, u8, u8)>,
}

impl Header {
    fn of(codes: &Codes) -> Self {
        let up_to = |lengths: &[u8], least: usize| {
            lengths.iter().rposition(|length| *length > 0).map_or(least, |last| last + 1).max(least)
        };
        let (literals, distances) = (up_to(&codes.literals, END + 1), up_to(&codes.distances, 1));
        let all = [&codes.literals[..literals], &codes.distances[..distances]].concat();
        let mut runs = Vec::with_capacity(all.len());
        for run in all.chunk_by(|one, next| one == next) {
            add_run(run[0], run.len(), &mut runs);
        }
        let mut counts = [0; LENGTHS];
        for (symbol, ..) in &runs {
            counts[usize::from(*symbol)] += 1;
        }
        Self { literals, distances, lengths: code::lengths(&counts, LONGEST_LENGTH), runs }
    }

    /// How many lengths of the code of lengths are written.
    fn ordered(&self) -> usize {
        ORDER.iter().rposition(|symbol| self.lengths[*symbol] > 0).map_or(4, |last| last + 1).max(4)
    }

    fn bits(&self) -> usize {
        let runs = self.runs.iter().map(|(symbol, extra, _)| usize::from(self.lengths[usize::from(*symbol)] + extra));
        14 + 3 * self.ordered() + runs.sum::<usize>()
    }

    fn write(&self, bits: &mut Bits) {
        let ordered = self.ordered();
        bits.put((self.literals - 257) as u64, 5);
        bits.put((self.distances - 1) as u64, 5);
        bits.put((ordered - 4) as u64, 4);
        bits.flush();
        for symbol in &ORDER[..ordered] {
            bits.put(u64::from(self.lengths[*symbol]), 3);
            bits.flush();
        }
        let words = code::words(&self.lengths);
        for (symbol, extra, value) in &self.runs {
            let symbol = usize::from(*symbol);
            bits.put(u64::from(words[symbol]), u32::from(self.lengths[symbol]));
            bits.put(u64::from(*value), u32::from(*extra));
            bits.flush();
        }
    }
}

/// So many words of one length in a row.
#[expect(clippy::cast_possible_truncation, reason = "a run that is told at once is at most 138")]
fn add_run(length: u8, times: usize, runs: &mut Vec<(u8, u8, u8)>) {
    let mut left = times;
    if length == 0 {
        while left >= 11 {
            let now = left.min(138);
            runs.push((18, 7, (now - 11) as u8));
            left -= now;
        }
        if left >= 3 {
            runs.push((17, 3, (left - 3) as u8));
            left = 0;
        }
    } else if left >= 4 {
        runs.push((length, 0, 0));
        left -= 1;
        while left >= 3 {
            let now = left.min(6);
            runs.push((16, 2, (now - 3) as u8));
            left -= now;
        }
    }
    runs.extend(std::iter::repeat_n((length, 0, 0), left));
}

/// Writes a part; `bytes` are its.
pub(crate) fn write(found: &Found<'_>, bytes: &[u8], is_last: bool, bits: &mut Bits) {
    let own = Codes {
        literals: code::lengths(&found.literals, LONGEST_LITERAL),
        distances: code::lengths(&found.distances, code::LONGEST),
    };
    let header = Header::of(&own);
    let fixed = Codes::fixed();
    let (of_own, of_fixed) = (own.bits(found) + header.bits(), fixed.bits(found));
    // The byte that was begun is filled up.
    let of_stored = 8 * (bytes.len() + STORED);
    let last = u64::from(is_last);
    if of_stored <= of_own.min(of_fixed) {
        bits.put(last, 3);
        let size = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        let [[a, b], [c, d]] = [size.to_le_bytes(), (!size).to_le_bytes()];
        bits.bytes(&[a, b, c, d]);
        bits.bytes(bytes);
    } else if of_fixed <= of_own {
        bits.put(last | 1 << 1, 3);
        write_symbols(found, bytes, &fixed, bits);
    } else {
        bits.put(last | 2 << 1, 3);
        header.write(bits);
        write_symbols(found, bytes, &own, bits);
    }
}

/// A word, with the bits behind it, and how many they are.
#[derive(Debug, Clone, Copy, Default)]
struct Word {
    bits: u32,
    count: u32,
}

fn write_symbols(found: &Found<'_>, bytes: &[u8], codes: &Codes, bits: &mut Bits) {
    let words = code::words(&codes.literals);
    let word = |symbol: usize| Word { bits: u32::from(words[symbol]), count: u32::from(codes.literals[symbol]) };
    let literals: [Word; 256] = std::array::from_fn(word);
    let lengths: [Word; LONGEST + 1] = std::array::from_fn(|length| {
        if length < 3 {
            return Word::default();
        }
        let symbol = length_symbol(length);
        let (least, extra) = LENGTH[symbol - END - 1];
        let word = word(symbol);
        let beyond = u32::try_from(length).unwrap_or_default() - u32::from(least);
        Word { bits: word.bits | beyond << word.count, count: word.count + u32::from(extra) }
    });
    let of_distances = code::words(&codes.distances);
    // A power of two, so that no symbol is beyond.
    let distances: [(Word, u32, u32); 32] = std::array::from_fn(|symbol| {
        let Some((least, extra)) = DISTANCE.get(symbol) else { return (Word::default(), 0, 0) };
        let count = u32::from(codes.distances[symbol]);
        (Word { bits: u32::from(of_distances[symbol]), count }, u32::from(*least), count + u32::from(*extra))
    });
    let put = |word: Word, bits: &mut Bits| bits.put(u64::from(word.bits), word.count);
    bits.flush();
    let mut at = 0;
    for sequence in found.sequences {
        let run = &bytes[at..][..sequence.literals as usize];
        let (fours, rest) = run.as_chunks::<4>();
        for four in fours {
            for byte in four {
                put(literals[usize::from(*byte)], bits);
            }
            bits.flush();
        }
        for byte in rest {
            put(literals[usize::from(*byte)], bits);
        }
        bits.flush();
        at += run.len() + usize::from(sequence.length);
        if sequence.length == 0 {
            break;
        }
        put(lengths[usize::from(sequence.length)], bits);
        let (word, least, count) = distances[distance_symbol(usize::from(sequence.distance)) % 32];
        bits.put(u64::from(word.bits) | u64::from(u32::from(sequence.distance) - least) << word.count, count);
        bits.flush();
    }
    put(word(END), bits);
    bits.flush();
}
