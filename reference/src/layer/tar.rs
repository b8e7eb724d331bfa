//! The tar of a layer: POSIX ustar headers, and one PAX header before an entry that ustar cannot hold. Written here and
//! not by a library, because every byte of it is part of a digest.

use std::io::Write;

use super::ahead::{self, Contents};
use super::{Item, Kind, LayerError, MODIFIED, Tree};

const BLOCK: usize = 512;

/// Writes all of `tree`, and the two empty blocks that end a tar; files are read on so many cores at most.
pub(super) fn write(tree: &Tree, cores: usize, out: &mut dyn Write) -> Result<(), LayerError> {
    ahead::contents(tree, cores, |contents| {
        tree.items.iter().try_for_each(|item| entry(item, contents, out))?;
        contents.finish()
    })?;
    out.write_all(&[0; 2 * BLOCK]).map_err(LayerError::Spool)
}

fn entry(item: &Item, contents: &mut Contents<'_>, out: &mut dyn Write) -> Result<(), LayerError> {
    let (flag, size, link): (u8, u64, &[u8]) = match &item.kind {
        Kind::Directory => (b'5', 0, b""),
        Kind::File { size, .. } => (b'0', *size, b""),
        Kind::Bytes(bytes) => (b'0', bytes.len() as u64, b""),
        Kind::Symlink(target) => (b'2', 0, target),
        Kind::HardLink(first) => (b'1', 0, first.strip_prefix(b"/").unwrap_or(first)),
    };
    header(item, (flag, size, link), out)?;
    match &item.kind {
        Kind::File { size, .. } => contents.pass(*size, out)?,
        Kind::Bytes(bytes) => out.write_all(bytes).map_err(LayerError::Spool)?,
        _ => {}
    }
    pad(size, out)
}

/// The header of an entry (type, bytes of content, link's target), after a PAX header where it needs one.
fn header(item: &Item, (flag, size, link): (u8, u64, &[u8]), out: &mut dyn Write) -> Result<(), LayerError> {
    // Names in a layer are relative to the root folder, a folder's with a slash at its end.
    let mut name = item.path.strip_prefix(b"/").unwrap_or(&item.path).to_vec();
    if flag == b'5' {
        name.push(b'/');
    }
    let extended = extended(&name, link, size, item);
    if !extended.is_empty() {
        let header = Header {
            name: b"PaxHeaders.0/entry",
            link: b"",
            flag: b'x',
            mode: 0o644,
            uid: 0,
            gid: 0,
            size: extended.len() as u64,
        };
        out.write_all(&header.bytes()).map_err(LayerError::Spool)?;
        out.write_all(&extended).map_err(LayerError::Spool)?;
        pad(extended.len() as u64, out)?;
    }
    let header = Header { name: &name, link, flag, mode: item.mode, uid: item.owner.uid, gid: item.owner.gid, size };
    out.write_all(&header.bytes()).map_err(LayerError::Spool)
}

pub(super) fn plain_header(name: &str, size: u64) -> Vec<u8> {
    let item = Item { mode: 0o644, ..Tree::file(name, 0o644, Vec::new()) };
    let mut bytes = Vec::new();
    // A vector takes everything.
    let _ = header(&item, (b'0', size, b""), &mut bytes);
    bytes
}

fn pad(size: u64, out: &mut dyn Write) -> Result<(), LayerError> {
    let over = usize::try_from(size % BLOCK as u64).unwrap_or(0);
    if over == 0 { Ok(()) } else { out.write_all(&[0; BLOCK][over..]).map_err(LayerError::Spool) }
}

/// PAX records for what the ustar header cannot hold; empty where it can hold everything.
fn extended(name: &[u8], link: &[u8], size: u64, item: &Item) -> Vec<u8> {
    let mut records = Vec::new();
    let mut record = |key: &str, value: &[u8]| {
        // The length counts its own digits.
        let rest = key.len() + value.len() + 3;
        let mut length = rest + 1;
        while length != rest + length.to_string().len() {
            length = rest + length.to_string().len();
        }
        records.extend_from_slice(format!("{length} {key}=").as_bytes());
        records.extend_from_slice(value);
        records.push(b'\n');
    };
    for (name, value) in &item.attributes {
        record(&format!("SCHILY.xattr.{name}"), value);
    }
    for (key, id) in [("gid", item.owner.gid), ("uid", item.owner.uid)] {
        if u64::from(id) > octal_limit(7) {
            record(key, id.to_string().as_bytes());
        }
    }
    for (key, value) in [("linkpath", link), ("path", name)] {
        if value.len() > 100 || !value.is_ascii() {
            record(key, value);
        }
    }
    if size > octal_limit(11) {
        record("size", size.to_string().as_bytes());
    }
    records
}

fn octal_limit(digits: u32) -> u64 {
    8_u64.pow(digits) - 1
}

struct Header<'a> {
    name: &'a [u8],
    link: &'a [u8],
    flag: u8,
    mode: u32,
    uid: u32,
    gid: u32,
    size: u64,
}

impl Header<'_> {
    fn bytes(&self) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        text(&mut block[..100], self.name);
        octal(&mut block[100..108], u64::from(self.mode));
        octal(&mut block[108..116], u64::from(self.uid));
        octal(&mut block[116..124], u64::from(self.gid));
        octal(&mut block[124..136], self.size);
        octal(&mut block[136..148], MODIFIED);
        block[156] = self.flag;
        text(&mut block[157..257], self.link);
        block[257..265].copy_from_slice(b"ustar\x0000");
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        octal(&mut block[148..155], u64::from(sum));
        block
    }
}

/// What a reader without PAX sees: the first bytes, with `?` for those that are not ASCII.
fn text(field: &mut [u8], value: &[u8]) {
    for (to, from) in field.iter_mut().zip(value) {
        *to = if from.is_ascii() { *from } else { b'?' };
    }
}

/// Octal digits and a NUL; a number that does not fit is in the PAX header, and the field holds zero.
fn octal(field: &mut [u8], value: u64) {
    let Some((end, digits)) = field.split_last_mut() else { return };
    let limit = octal_limit(u32::try_from(digits.len()).unwrap_or(11));
    let mut rest = if value > limit { 0 } else { value };
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 8).unwrap_or_default();
        rest /= 8;
    }
    *end = 0;
}
