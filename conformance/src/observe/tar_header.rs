//! What the fields of a tar header mean, as container engines read them.

use std::collections::BTreeMap;

use judge::evidence::EntryKind;
use tar::{EntryType, Header};

use super::pax::Extensions;
use crate::file_names;

/// The owner's and the group's name.
pub(super) fn names(header: &Header, extensions: &Extensions) -> (String, String) {
    let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
    let user = extensions.user.clone().unwrap_or_else(|| text(header.username_bytes()));
    let group = extensions.group.clone().unwrap_or_else(|| text(header.groupname_bytes()));
    (user, group)
}

/// What records say that nothing else is made of, and the times that GNU's header has in addition to `mtime`.
pub(super) fn further(header: &Header, extensions: &Extensions) -> BTreeMap<String, String> {
    let mut found = extensions.records.clone();
    if let Some(gnu) = header.as_gnu() {
        for (key, field) in [("atime", &gnu.atime), ("ctime", &gnu.ctime)] {
            if let Some(time) = number(field).filter(|time| *time != 0) {
                found.entry(key.to_owned()).or_insert_with(|| time.to_string());
            }
        }
    }
    found
}

/// Whether the header's checksum is that of its bytes.
pub(super) fn has_true_sum(header: &Header) -> bool {
    let bytes = header.as_bytes();
    let sum: u64 = bytes[..148].iter().chain(&bytes[156..]).map(|byte| u64::from(*byte)).sum::<u64>() + 8 * 32;
    unsigned(&header.as_old().cksum) == Some(sum)
}

pub(super) fn kind_of(kind: EntryType, name: &[u8]) -> EntryKind {
    match kind {
        // Before ustar a folder was a file whose name ends in a slash.
        EntryType::Regular if name.ends_with(b"/") => EntryKind::Directory,
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => EntryKind::File,
        EntryType::Directory => EntryKind::Directory,
        EntryType::Symlink => EntryKind::Symlink,
        EntryType::Link => EntryKind::HardLink,
        _ => EntryKind::Other,
    }
}

/// Links, folders, devices and fifos have none, whatever their size says; types that is not known have.
pub(super) fn has_data(kind: EntryType, is: EntryKind) -> bool {
    let bare = matches!(kind, EntryType::Char | EntryType::Block | EntryType::Fifo);
    is == EntryKind::File || is == EntryKind::Other && !bare
}

pub(super) fn absolute(name: &[u8]) -> String {
    let text = file_names::text(name);
    let mut path = String::with_capacity(text.len() + 1);
    for component in text.split('/').filter(|component| !component.is_empty() && *component != ".") {
        path.push('/');
        path.push_str(component);
    }
    if path.is_empty() { "/".to_owned() } else { path }
}

pub(super) fn unsigned(field: &[u8]) -> Option<u64> {
    number(field).and_then(|value| u64::try_from(value).ok())
}

/// A numeric field: octal digits between blanks and NULs, empty for 0, or two's complement big-endian where the first
/// bit is set (GNU).
pub(super) fn number(field: &[u8]) -> Option<i64> {
    let (first, rest) = field.split_first()?;
    if first & 0x80 != 0 {
        let negative = first & 0x40 != 0;
        let start = i64::from(first & 0x3f) - if negative { 0x40 } else { 0 };
        return rest.iter().try_fold(start, |value, byte| value.checked_mul(256)?.checked_add(i64::from(*byte)));
    }
    let text = std::str::from_utf8(field).ok()?.trim_matches([' ', '\0']);
    if text.is_empty() {
        return Some(0);
    }
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| i64::from_str_radix(text, 8).ok())?
}
