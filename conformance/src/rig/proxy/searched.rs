//! Bodies of uploads, looked through as they pass: a blob can be sent and given up, so that no image tells of it. What
//! is sent of one blob in several requests is looked through as one.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use flate2::write::MultiGzDecoder;
use zstd::stream::write::Decoder as ZstdDecoder;

/// Most uploads that are remembered between two of their requests: each can hold the window of a packer's.
const UPLOADS: usize = 8;
/// Largest window of zstd's that is unpacked, as a power of two: 8 MiB, which a decoder should have (RFC 8878,
/// 3.1.1.1.2).
const WINDOW: u32 = 23;
/// The first byte of what gzip packs.
const GZIP: u8 = 0x1f;
/// The first byte of what zstd packs.
const ZSTD: u8 = 0x28;

/// What was sent of uploads that may go on, by their places.
#[derive(Default, Clone)]
pub(super) struct Uploads(Arc<Mutex<VecDeque<(String, Searched)>>>);

impl Uploads {
    /// Looks through what is sent to a place after what was sent there before, else as `new` does. It is remembered
    /// where the upload `goes_on`; the oldest is forgotten where there are too many.
    pub(super) fn searching(&self, place: &str, goes_on: bool, new: Searched) -> Searching {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = all.iter().position(|(known, _)| known == place).and_then(|at| all.remove(at));
        let searched = Some(before.map_or(new, |(_, searched)| searched));
        Searching { searched, keep: goes_on.then(|| (self.clone(), place.to_owned())) }
    }

    fn keep(&self, place: String, searched: Searched) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push_back((place, searched));
        if all.len() > UPLOADS {
            all.pop_front();
        }
    }
}

/// One request's body of an upload.
pub(super) struct Searching {
    searched: Option<Searched>,
    keep: Option<(Uploads, String)>,
}

impl Searching {
    /// Looks through what comes next; whether it is in this that a word is found first.
    pub(super) fn finds_in(&mut self, chunk: &[u8]) -> bool {
        self.searched.as_mut().is_some_and(|searched| searched.finds_in(chunk))
    }
}

impl Drop for Searching {
    fn drop(&mut self) {
        if let (Some(searched), Some((uploads, place))) = (self.searched.take(), self.keep.take()) {
            uploads.keep(place, searched);
        }
    }
}

/// A body, and what it is packed from where that is gzip's or zstd's.
pub(super) struct Searched {
    plain: Search,
    unpacked: Option<Unpacked>,
    has_begun: bool,
}

enum Unpacked {
    Gzip(Box<MultiGzDecoder<Search>>),
    Zstd(Box<ZstdDecoder<'static, Search>>),
}

impl Unpacked {
    /// By the first byte of a body.
    fn of(first: u8, search: &Search) -> Option<Self> {
        match first {
            GZIP => Some(Self::Gzip(Box::new(MultiGzDecoder::new(search.clone())))),
            ZSTD => {
                let mut decoder = ZstdDecoder::new(search.clone()).ok()?;
                decoder.window_log_max(WINDOW).ok()?;
                Some(Self::Zstd(Box::new(decoder)))
            }
            _ => None,
        }
    }

    fn unpack(&mut self, chunk: &[u8]) -> io::Result<()> {
        match self {
            Self::Gzip(decoder) => decoder.write_all(chunk).and_then(|()| decoder.flush()),
            Self::Zstd(decoder) => decoder.write_all(chunk).and_then(|()| decoder.flush()),
        }
    }

    fn has_found(&self) -> bool {
        match self {
            Self::Gzip(decoder) => decoder.get_ref().is_found,
            Self::Zstd(decoder) => decoder.get_ref().is_found,
        }
    }
}

impl Searched {
    /// A body in which none of these words may be; none where there are no words.
    pub(super) fn for_words(words: Vec<Vec<u8>>) -> Option<Self> {
        let longest = words.iter().map(Vec::len).max()?;
        let search = Search { words, longest, tail: Vec::new(), is_found: false };
        Some(Self { plain: search, unpacked: None, has_begun: false })
    }

    fn finds_in(&mut self, chunk: &[u8]) -> bool {
        if self.is_over() || chunk.is_empty() {
            return false;
        }
        if !mem::replace(&mut self.has_begun, true) {
            self.unpacked = Unpacked::of(chunk[0], &self.plain);
        }
        self.plain.look_through(chunk);
        // What is not packed after all is looked through as it is alone.
        if self.unpacked.as_mut().is_some_and(|unpacked| unpacked.unpack(chunk).is_err()) {
            self.unpacked = None;
        }
        self.is_over()
    }

    fn is_over(&self) -> bool {
        self.plain.is_found || self.unpacked.as_ref().is_some_and(Unpacked::has_found)
    }
}

#[derive(Clone)]
struct Search {
    words: Vec<Vec<u8>>,
    longest: usize,
    /// The end of what was looked through, in which a word may begin.
    tail: Vec<u8>,
    is_found: bool,
}

impl Search {
    fn look_through(&mut self, chunk: &[u8]) {
        self.tail.extend_from_slice(chunk);
        let text = &self.tail;
        self.is_found |= self.words.iter().any(|word| text.windows(word.len()).any(|part| part == word));
        self.tail.drain(..self.tail.len().saturating_sub(self.longest - 1));
    }
}

impl Write for Search {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.look_through(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn found(chunks: &[&[u8]]) -> usize {
        let mut searched = Searched::for_words(vec![b"open-sesame-99".to_vec(), b"short".to_vec()]).unwrap();
        chunks.iter().filter(|chunk| searched.finds_in(chunk)).count()
    }

    #[test]
    fn a_word_is_found_once_wherever_it_is_cut() {
        assert_eq!(found(&[b"x open-sesame-99 x", b"open-sesame-99"]), 1);
        assert_eq!(found(&[b"x open-", b"", b"sesa", b"me-99"]), 1);
        assert_eq!(found(&[b"x open-", b"and sesame-99", b"\x1f no gzip"]), 0);
        assert_eq!(found(&[b"\x1f no gzip, and open-sesame-99"]), 1);
        assert!(Searched::for_words(Vec::new()).is_none());
    }

    #[test]
    fn a_word_is_found_in_what_gzip_packed() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(b"a config.json, a config.json with open-sesame-99 in it").unwrap();
        let packed = encoder.finish().unwrap();
        assert_eq!(found(&[&packed]), 1);
        let (first, second) = packed.split_at(packed.len() / 2);
        assert_eq!(found(&[first, second]), 1);
    }

    #[test]
    fn a_word_is_found_in_what_zstd_packed() {
        let digits: Vec<String> = (0..999).map(|number| number.to_string()).collect();
        let digits = digits.join(" ");
        let packed =
            zstd::encode_all(format!("{digits} a config.json with open-sesame-99 in it").as_bytes(), 19).unwrap();
        assert!(packed.windows(14).all(|part| part != b"open-sesame-99"), "it is not packed");
        assert_eq!(found(&[&packed]), 1);
        let (first, second) = packed.split_at(packed.len() / 2);
        assert_eq!(found(&[first, second]), 1);
        assert_eq!(found(&[b"( no zstd", b" and open-sesame-99"]), 1);
    }

    #[test]
    fn the_requests_of_an_upload_are_looked_through_as_one_and_few_uploads_are_remembered() {
        let uploads = Uploads::default();
        let finds = |place: &str, goes_on: bool, chunk: &[u8]| {
            let new = Searched::for_words(vec![b"open-sesame-99".to_vec()]).unwrap();
            uploads.searching(place, goes_on, new).finds_in(chunk)
        };
        assert!(!finds("/a", true, b"open-"));
        assert!(!finds("/b", false, b"sesame-99"));
        assert!(finds("/a", false, b"sesame-99"));
        assert!(!finds("/a", true, b"open-"));
        for number in 0..UPLOADS {
            assert!(!finds(&format!("/{number}"), true, b"x"));
        }
        assert_eq!(uploads.0.lock().unwrap().len(), UPLOADS);
        assert!(!finds("/a", false, b"sesame-99"));
    }
}
