//! What the extension headers before a tar entry say about it: PAX records and GNU long names.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::sparse::Map;

/// What records of extended attributes begin with.
const XATTR: &[u8] = b"SCHILY.xattr.";
const MALFORMED: &str = "its PAX records are malformed";

/// Everything that a following entry's own header is overridden by.
#[derive(Debug, Default)]
pub(super) struct Extensions {
    pub(super) long_name: Option<Vec<u8>>,
    pub(super) long_link: Option<Vec<u8>>,
    path: Option<Vec<u8>>,
    link_path: Option<Vec<u8>>,
    pub(super) stored_size: Option<u64>,
    pub(super) real_size: Option<u64>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    pub(super) mtime: Option<i64>,
    pub(super) sparse: bool,
    /// The map of a sparse file; none where it is in its data (PAX 1.0), or is not one.
    pub(super) map: Option<Map>,
    /// Whether the map stands in the data.
    pub(super) map_in_data: bool,
    pub(super) user: Option<String>,
    pub(super) group: Option<String>,
    /// Extended attributes with their values in base64.
    pub(super) xattrs: BTreeMap<String, String>,
    /// What records say beyond all that.
    pub(super) records: BTreeMap<String, String>,
    sparse_offset: Option<u64>,
    any: bool,
}

impl Extensions {
    /// Whether no header announced anything.
    pub(super) fn is_empty(&self) -> bool {
        !self.any && self.long_name.is_none() && self.long_link.is_none()
    }

    /// The entry's name, if it is overridden; the GNU spelling wins, as in Go's `archive/tar`.
    pub(super) fn name(&self) -> Option<&[u8]> {
        self.long_name.as_deref().map(until_nul).or(self.path.as_deref())
    }

    /// The link's target, if it is overridden.
    pub(super) fn link(&self) -> Option<&[u8]> {
        self.long_link.as_deref().map(until_nul).or(self.link_path.as_deref())
    }

    /// Reads the records of an extended header.
    pub(super) fn read_pax(&mut self, bytes: &[u8]) -> Result<(), &'static str> {
        self.any = true;
        each_record(bytes, |key, value| self.apply(key, value))
    }

    /// Notes the records of a global header, as far as they can be read: engines do not apply them.
    pub(super) fn note_global(&mut self, bytes: &[u8]) {
        let noted = each_record(bytes, |key, value| {
            self.records.insert(format!("global {}", text(key.to_vec())), text(value.to_vec()));
            Ok(())
        });
        if let Err(reason) = noted {
            self.records.insert("global".to_owned(), reason.to_owned());
        }
    }

    /// An empty value takes an override back.
    fn apply(&mut self, key: &[u8], value: &[u8]) -> Result<(), &'static str> {
        let bytes = || (!value.is_empty()).then(|| value.to_vec());
        match key {
            b"path" if !self.sparse => self.path = bytes(),
            b"linkpath" => self.link_path = bytes(),
            b"size" => self.stored_size = number(value)?,
            b"uid" => self.uid = number(value)?,
            b"gid" => self.gid = number(value)?,
            b"mtime" => {
                self.mtime = seconds(value)?;
                if has_fraction(value) {
                    self.records.insert("mtime".to_owned(), text(value.to_vec()));
                }
            }
            b"GNU.sparse.name" => {
                self.sparse = true;
                self.path = bytes();
            }
            b"GNU.sparse.realsize" | b"GNU.sparse.size" => {
                self.sparse = true;
                self.real_size = number(value)?;
            }
            b"uname" => self.user = bytes().map(text),
            b"gname" => self.group = bytes().map(text),
            _ if key.starts_with(b"GNU.sparse.") => self.apply_sparse(&key[b"GNU.sparse.".len()..], value)?,
            _ => {
                if let Some(name) = key.strip_prefix(XATTR) {
                    // Its value may be empty, which takes nothing back.
                    self.xattrs.insert(text(name.to_vec()), BASE64.encode(value));
                } else {
                    self.records.insert(text(key.to_vec()), text(value.to_vec()));
                }
            }
        }
        Ok(())
    }
}

impl Extensions {
    /// Where the pieces of a sparse file lie (PAX 0.0 and 0.1), or that its data say so (PAX 1.0).
    fn apply_sparse(&mut self, key: &[u8], value: &[u8]) -> Result<(), &'static str> {
        self.sparse = true;
        match key {
            b"major" => self.map_in_data = value == b"1",
            b"map" => self.map = Map::of_list(value),
            b"offset" => self.sparse_offset = number(value)?,
            b"numbytes" => {
                let piece = self.sparse_offset.take().zip(number(value)?).ok_or(MALFORMED)?;
                self.map.get_or_insert_default().pieces.push(piece);
            }
            _ => {}
        }
        Ok(())
    }
}

/// Reads `length key=value\n` records. Values may hold newlines, which is why their length is trusted and checked.
fn each_record(
    mut bytes: &[u8],
    mut take: impl FnMut(&[u8], &[u8]) -> Result<(), &'static str>,
) -> Result<(), &'static str> {
    while !bytes.is_empty() {
        let blank = bytes.iter().position(|byte| *byte == b' ').ok_or(MALFORMED)?;
        let length: usize = decimal(&bytes[..blank]).ok_or(MALFORMED)?;
        let record = bytes.get(blank + 1..length).and_then(|record| record.strip_suffix(b"\n")).ok_or(MALFORMED)?;
        let equals = record.iter().position(|byte| *byte == b'=').ok_or(MALFORMED)?;
        take(&record[..equals], &record[equals + 1..])?;
        bytes = &bytes[length..];
    }
    Ok(())
}

/// Whether a decimal number of seconds has a fraction that is not 0.
fn has_fraction(value: &[u8]) -> bool {
    let fraction = value.split(|byte| *byte == b'.').nth(1).unwrap_or_default();
    fraction.iter().any(|byte| *byte != b'0')
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn until_nul(name: &[u8]) -> &[u8] {
    name.split(|byte| *byte == 0).next().unwrap_or(name)
}

fn decimal<N: std::str::FromStr>(digits: &[u8]) -> Option<N> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn number(value: &[u8]) -> Result<Option<u64>, &'static str> {
    if value.is_empty() { Ok(None) } else { decimal(value).map(Some).ok_or(MALFORMED) }
}

/// Whole seconds of a decimal number, rounded down.
fn seconds(value: &[u8]) -> Result<Option<i64>, &'static str> {
    let text = std::str::from_utf8(value).map_err(|_| MALFORMED)?;
    if text.is_empty() {
        return Ok(None);
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().map_err(|_| MALFORMED)?;
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(MALFORMED);
    }
    let below = whole.starts_with('-') && fraction.bytes().any(|byte| byte != b'0');
    Ok(Some(seconds.saturating_sub(i64::from(below))))
}
