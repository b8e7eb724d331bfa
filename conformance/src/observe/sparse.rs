//! GNU sparse files in a tar: where their pieces lie, by the old header and by the three forms of PAX records.

use std::io::{self, Read};

use judge::digest::Digest;

use super::blobs::Hash;

/// Most bytes of a file that is unfolded: holes cost nothing to write, and time to hash.
const MOST: u64 = 1 << 30;
/// Most pieces of one file.
pub(super) const MOST_PIECES: usize = 1 << 16;

/// Where a file's pieces lie, in their order: offset and length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Map {
    pub(super) pieces: Vec<(u64, u64)>,
}

impl Map {
    /// Adds what a part of an old GNU header says: entries of two numbers of 12 bytes; those of no bytes are the end.
    pub(super) fn add_old(&mut self, part: &[u8], number: impl Fn(&[u8]) -> Option<u64>) -> Option<()> {
        for entry in part.chunks_exact(24) {
            if entry[0] == 0 {
                break;
            }
            self.pieces.push((number(&entry[..12])?, number(&entry[12..])?));
        }
        Some(())
    }

    /// The map of PAX 0.1: `offset,length,offset,length…`.
    pub(super) fn of_list(list: &[u8]) -> Option<Self> {
        let numbers: Option<Vec<u64>> =
            std::str::from_utf8(list).ok()?.split(',').map(|text| text.parse().ok()).collect();
        let numbers = numbers?;
        let is_paired = numbers.len() % 2 == 0;
        is_paired.then(|| Self { pieces: numbers.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect() })
    }

    /// The map of PAX 1.0, which stands before the data, a number in each line, and fills whole blocks.
    pub(super) fn of_data(mut data: impl Read) -> io::Result<Option<Self>> {
        let mut taken = 0_usize;
        let mut numbers = Vec::new();
        let mut most = 1;
        while numbers.len() < most {
            let Some(number) = line(&mut data, &mut taken)? else { return Ok(None) };
            if numbers.is_empty() {
                let count = usize::try_from(number).ok().filter(|count| *count <= MOST_PIECES);
                let Some(count) = count else { return Ok(None) };
                most = 1 + 2 * count;
            }
            numbers.push(number);
        }
        let padding = taken.wrapping_neg() % 512;
        io::copy(&mut data.by_ref().take(padding as u64), &mut io::sink())?;
        Ok(Some(Self { pieces: numbers[1..].chunks_exact(2).map(|pair| (pair[0], pair[1])).collect() }))
    }

    /// sha256 of the file of `size` bytes whose pieces `data` yields one after another; none where that is not what
    /// they make.
    pub(super) fn unfolded(
        &self,
        size: u64,
        mut data: impl Read,
        mut also: impl FnMut(&[u8]),
    ) -> io::Result<Option<Digest>> {
        if size > MOST || self.pieces.len() > MOST_PIECES {
            return Ok(None);
        }
        let mut hash = Hash::new();
        let mut at = 0;
        for (offset, length) in &self.pieces {
            let Some(hole) = offset.checked_sub(at) else { return Ok(None) };
            let end = offset.checked_add(*length).filter(|end| *end <= size);
            let Some(end) = end else { return Ok(None) };
            pass(io::repeat(0), hole, &mut hash, &mut also)?;
            if pass(&mut data, *length, &mut hash, &mut also)? < *length {
                return Ok(None);
            }
            at = end;
        }
        pass(io::repeat(0), size - at, &mut hash, &mut also)?;
        Ok(Some(hash.finish()))
    }
}

/// A decimal number and the newline after it; none where there is something else.
fn line(data: &mut impl Read, taken: &mut usize) -> io::Result<Option<u64>> {
    let mut digits = String::new();
    let mut byte = [0];
    while digits.len() <= 20 {
        if data.read(&mut byte)? == 0 {
            return Ok(None);
        }
        *taken += 1;
        match byte[0] {
            b'\n' => return Ok(digits.parse().ok()),
            digit if digit.is_ascii_digit() => digits.push(char::from(digit)),
            _ => return Ok(None),
        }
    }
    Ok(None)
}

/// Hashes so many bytes; how many there were.
fn pass(source: impl Read, count: u64, hash: &mut Hash, also: &mut impl FnMut(&[u8])) -> io::Result<u64> {
    let mut source = source.take(count);
    let mut buffer = [0; 16 * 1024];
    let mut passed = 0;
    loop {
        match source.read(&mut buffer) {
            Ok(0) => return Ok(passed),
            Ok(read) => {
                hash.update(&buffer[..read]);
                also(&buffer[..read]);
                passed += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unfolded(pieces: &[(u64, u64)], size: u64, data: &[u8]) -> Option<Digest> {
        Map { pieces: pieces.to_vec() }.unfolded(size, data, |_| {}).unwrap()
    }

    #[test]
    fn pieces_and_holes_make_the_file() {
        let whole = Digest::of(b"\0\0ab\0c\0\0");
        assert_eq!(unfolded(&[(2, 2), (5, 1)], 8, b"abc"), Some(whole.clone()));
        assert_eq!(unfolded(&[(2, 2), (5, 1), (8, 0)], 8, b"abc"), Some(whole));
        assert_eq!(unfolded(&[], 3, b""), Some(Digest::of(b"\0\0\0")));
    }

    #[test]
    fn a_map_that_makes_no_file_is_not_believed() {
        assert_eq!(unfolded(&[(5, 1), (2, 2)], 8, b"abc"), None, "out of order");
        assert_eq!(unfolded(&[(7, 2)], 8, b"ab"), None, "beyond the end");
        assert_eq!(unfolded(&[(0, 3)], 8, b"ab"), None, "fewer bytes than the map says");
        assert_eq!(unfolded(&[(u64::MAX, 3)], 8, b"ab"), None, "out of range");
        assert_eq!(unfolded(&[], MOST + 1, b""), None, "too large");
    }

    #[test]
    fn maps_are_read_from_records_and_from_data() {
        let map = Some(Map { pieces: vec![(2, 2), (5, 1)] });
        assert_eq!(Map::of_list(b"2,2,5,1"), map);
        assert_eq!((Map::of_list(b"2,2,5"), Map::of_list(b"2,x")), (None, None));
        let mut data = b"2\n2\n2\n5\n1\n".to_vec();
        data.resize(512, 0);
        data.extend(b"abc");
        let mut rest = data.as_slice();
        assert_eq!(Map::of_data(&mut rest).unwrap(), map);
        assert_eq!(rest, b"abc");
        for bad in [b"x\n".as_slice(), b"99999999\n", b"1\n2\n", b""] {
            assert_eq!(Map::of_data(bad).unwrap(), None);
        }
    }
}
