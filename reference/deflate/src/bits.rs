//! Bits in the order of RFC 1951, 3.1.1: the first is the lowest of the first byte.

/// Where bits are written.
#[derive(Debug, Default)]
pub(crate) struct Bits {
    out: Vec<u8>,
    /// Bytes that are whole.
    at: usize,
    waiting: u64,
    /// How many bits wait; fewer than eight after [`Bits::flush`].
    count: u32,
}

impl Bits {
    /// Nothing is written, and there is room for so many bytes.
    pub(crate) fn begin(&mut self, most: usize) {
        // What is flushed is written in words.
        let room = most + 8;
        if self.out.len() < room {
            self.out.resize(room, 0);
        }
        (self.at, self.waiting, self.count) = (0, 0, 0);
    }

    /// Adds bits. Between two flushes there is room for 56.
    #[inline]
    pub(crate) fn put(&mut self, value: u64, count: u32) {
        self.waiting |= value << self.count;
        self.count += count;
    }

    /// Writes the bytes that are whole.
    #[inline]
    pub(crate) fn flush(&mut self) {
        if let Some(word) = self.out[self.at..].first_chunk_mut() {
            *word = self.waiting.to_le_bytes();
        }
        let bytes = self.count >> 3;
        self.at += bytes as usize;
        self.waiting >>= bytes * 8;
        self.count &= 7;
    }

    /// Fills up the byte that was begun, and writes bytes.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.count = self.count.next_multiple_of(8);
        self.flush();
        self.out[self.at..][..bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }

    /// All that was written, the last byte filled up.
    pub(crate) fn finish(&mut self) -> &[u8] {
        self.bytes(&[]);
        &self.out[..self.at]
    }
}
