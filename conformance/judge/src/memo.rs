//! Documents that were read already: many judges ask the same manifest, config and label, and each is parsed once.
//!
//! What was read is found again by its bytes, so a document that changes is another document.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::json::Json;

/// Bytes of documents whose readings are kept at a time. A larger document is read each time, and a reading takes up to
/// ten times the memory of its bytes.
const KEPT: usize = 4 << 20;

/// The string labels of a config, by name.
pub(crate) type Labels = BTreeMap<String, String>;

struct Memo<T> {
    /// Ordered, not hashed: comparing a document with a few others reads less of it than hashing does.
    read: BTreeMap<Box<[u8]>, Option<Rc<T>>>,
    bytes: usize,
}

impl<T> Default for Memo<T> {
    fn default() -> Self {
        Self { read: BTreeMap::new(), bytes: 0 }
    }
}

thread_local! {
    static JSON: RefCell<Memo<Json>> = RefCell::default();
    static TOML: RefCell<Memo<toml::Table>> = RefCell::default();
    static LABELS: RefCell<Memo<Labels>> = RefCell::default();
}

impl<T> Memo<T> {
    fn keep(&mut self, bytes: &[u8], read: Option<Rc<T>>) {
        if bytes.len() > KEPT {
            return;
        }
        if self.bytes + bytes.len() > KEPT {
            *self = Self::default();
        }
        self.bytes += bytes.len();
        self.read.insert(bytes.into(), read);
    }
}

/// What `read` makes of the bytes, or made of them before.
fn once<T>(
    memo: &'static std::thread::LocalKey<RefCell<Memo<T>>>,
    bytes: &[u8],
    read: impl FnOnce() -> Option<T>,
) -> Option<Rc<T>> {
    if let Some(known) = memo.with_borrow(|memo| memo.read.get(bytes).cloned()) {
        return known;
    }
    let read = read().map(Rc::new);
    memo.with_borrow_mut(|memo| memo.keep(bytes, read.clone()));
    read
}

/// A document as JSON, where it is JSON.
pub(crate) fn json(bytes: &[u8]) -> Option<Rc<Json>> {
    once(&JSON, bytes, || Json::parse(bytes).ok())
}

/// A document as TOML, where it is TOML.
pub(crate) fn toml(text: &str) -> Option<Rc<toml::Table>> {
    once(&TOML, text.as_bytes(), || text.parse().ok())
}

/// The string labels of a config, none where it is not JSON.
pub(crate) fn labels(config: &[u8]) -> Rc<Labels> {
    let read = || {
        let config = json(config)?;
        let members = config.at(&["config", "Labels"])?.members()?;
        Some(members.iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect())
    };
    once(&LABELS, config, read).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_read_anew_and_what_is_unreadable_stays_so() {
        for text in ["{\"a\":1}", "{\"a\":2}", "{\"a\":1}"] {
            assert_eq!(json(text.as_bytes()).as_deref(), Json::parse(text.as_bytes()).ok().as_ref());
        }
        for _ in 0..2 {
            assert!(json(b"{").is_none() && toml("a =").is_none() && labels(b"[]").is_empty());
        }
        assert_eq!(labels(br#"{"config":{"Labels":{"a":"1","b":2}}}"#).get("a").map(String::as_str), Some("1"));
    }

    #[test]
    fn readings_are_kept_within_a_bound() {
        let mut memo = Memo::<Json>::default();
        for number in 0..9_u8 {
            memo.keep(&vec![number; KEPT / 4], None);
            assert!(memo.bytes <= KEPT && memo.bytes == memo.read.keys().map(|bytes| bytes.len()).sum::<usize>());
        }
        memo.keep(&vec![0; KEPT + 1], None);
        assert!(memo.read.keys().all(|bytes| bytes.len() <= KEPT));
    }
}
