//! Names of files as text. Linux has names that are not UTF-8, and evidence and scenarios are text.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStringExt as _;

/// What stands before the two hexadecimal digits of a byte that is not part of UTF-8.
const MARK: char = char::REPLACEMENT_CHARACTER;

/// A name or path as text: what is UTF-8 stays, any other byte becomes U+FFFD and its two hexadecimal digits, so that
/// names that differ stay different.
#[must_use]
pub(crate) fn text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push(MARK);
            // Writing to a text does not fail.
            let _ = write!(text, "{byte:02X}");
        }
    }
    text
}

/// The name or path that [`text`] stands for.
#[must_use]
pub(crate) fn name(text: &str) -> OsString {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split(MARK);
    bytes.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        if let Some(byte) = part.get(..2).and_then(byte) {
            bytes.push(byte);
            bytes.extend_from_slice(&part.as_bytes()[2..]);
        } else {
            bytes.extend_from_slice(MARK.encode_utf8(&mut [0; 4]).as_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
    }
    OsString::from_vec(bytes)
}

/// A byte that [`text`] writes as its digits: none of ASCII.
fn byte(digits: &str) -> Option<u8> {
    let is_written = digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'A'..=b'F'));
    is_written.then(|| u8::from_str_radix(digits, 16).ok()).flatten().filter(|byte| !byte.is_ascii())
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt as _;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_byte_that_is_not_utf_8_is_its_digits() {
        assert_eq!(text(b"caf\xE9.txt"), "caf\u{FFFD}E9.txt");
        assert_eq!(text("café \u{FFFD} 1".as_bytes()), "café \u{FFFD} 1");
        assert_eq!(name("caf\u{FFFD}E9.txt").as_bytes(), b"caf\xE9.txt");
    }

    #[test]
    fn a_mark_without_digits_is_itself() {
        for kept in ["\u{FFFD}", "\u{FFFD}E", "\u{FFFD}é1", "\u{FFFD}41", "\u{FFFD}e9", "\u{FFFD}\u{FFFD}"] {
            assert_eq!(name(kept).as_bytes(), kept.as_bytes(), "{kept:?}");
        }
    }

    proptest! {
        #[test]
        fn names_come_back_from_their_text(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            prop_assume!(!bytes.windows(3).any(|three| three == "\u{FFFD}".as_bytes()));
            let back = name(&text(&bytes));
            prop_assert_eq!(back.as_bytes(), &bytes[..]);
        }
    }
}
