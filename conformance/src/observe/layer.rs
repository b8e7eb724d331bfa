//! A layer's blob read to its last byte: compression, diffID, and every entry of the tar.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use judge::digest::Digest;
use judge::evidence::{Blob, Compression, Entry, EntryKind};
use ring::digest::{Context, SHA256};

/// A layer that unpacks to more than this many bytes is not read on: nothing in the suite is that large.
const LARGEST: u64 = 8 << 30;

/// Reads the blob at `path`, whose sha256 is `digest`. The text beside the facts says why the tar could not be read to
/// its end, where it could not; hash and size are true all the same.
///
/// # Errors
/// The file system's.
pub fn read(path: &Path, digest: Digest) -> io::Result<(Blob, Option<String>)> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut magic = [0; 4];
    let got = file.read(&mut magic)?;
    file.rewind()?;
    let compression = compression(&magic[..got]);
    let raw = BufReader::with_capacity(256 * 1024, file);
    let mut stream = Hashing {
        inner: match compression {
            Compression::None => Box::new(raw),
            Compression::Gzip => Box::new(MultiGzDecoder::new(raw)),
            Compression::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(raw)?),
        },
        context: Context::new(&SHA256),
        size: 0,
    };
    let mut entries = Vec::new();
    let mut problem = read_entries(&mut stream, &mut entries).err().map(|error| format!("read its tar: {error}"));
    if let Err(error) = io::copy(&mut stream, &mut io::sink()) {
        problem.get_or_insert(format!("unpack it: {error}"));
    }
    let diff_id = Digest::from_sha256(stream.context.finish().as_ref());
    Ok((Blob { digest, size, compression, diff_id, uncompressed_size: stream.size, entries }, problem))
}

fn compression(magic: &[u8]) -> Compression {
    match magic {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd] => Compression::Zstd,
        _ => Compression::None,
    }
}

struct Hashing<'a> {
    inner: Box<dyn Read + 'a>,
    context: Context,
    size: u64,
}

impl Read for Hashing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.context.update(&buffer[..read]);
        self.size += read as u64;
        if self.size > LARGEST {
            return Err(io::Error::other(format!("it unpacks to more than {LARGEST} bytes")));
        }
        Ok(read)
    }
}

fn read_entries(stream: &mut Hashing<'_>, entries: &mut Vec<Entry>) -> io::Result<()> {
    let mut archive = tar::Archive::new(stream);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let header = entry.header();
        let path = absolute(&String::from_utf8_lossy(&entry.path_bytes()));
        let kind = match header.entry_type() {
            tar::EntryType::Regular | tar::EntryType::Continuous | tar::EntryType::GNUSparse => EntryKind::File,
            tar::EntryType::Directory => EntryKind::Directory,
            tar::EntryType::Symlink => EntryKind::Symlink,
            tar::EntryType::Link => EntryKind::HardLink,
            // Global extended headers describe no file.
            tar::EntryType::XGlobalHeader => continue,
            _ => EntryKind::Other,
        };
        let mut found = Entry {
            path,
            kind,
            mode: header.mode()? & 0o7777,
            uid: header.uid().unwrap_or(0),
            gid: header.gid().unwrap_or(0),
            size: entry.size(),
            mtime: i64::try_from(header.mtime()?).unwrap_or(i64::MAX),
            link: entry.link_name_bytes().map(|name| String::from_utf8_lossy(&name).into_owned()),
            content: None,
        };
        extended(&mut entry, &mut found)?;
        if kind == EntryKind::File {
            found.content = Some(hash(&mut entry)?);
        }
        entries.push(found);
    }
    Ok(())
}

/// Numbers that a PAX header gives in place of the entry's own.
fn extended(entry: &mut tar::Entry<'_, &mut Hashing<'_>>, found: &mut Entry) -> io::Result<()> {
    let Some(extensions) = entry.pax_extensions()? else { return Ok(()) };
    for extension in extensions {
        let extension = extension?;
        let (Ok(key), Ok(value)) = (extension.key(), extension.value()) else { continue };
        match key {
            "mtime" => {
                let whole = value.split('.').next().unwrap_or(value);
                found.mtime = whole.parse().unwrap_or(found.mtime);
            }
            "uid" => found.uid = value.parse().unwrap_or(found.uid),
            "gid" => found.gid = value.parse().unwrap_or(found.gid),
            _ => {}
        }
    }
    Ok(())
}

fn hash(reader: &mut impl Read) -> io::Result<Digest> {
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = reader.read(&mut buffer)?;
        if read == 0 {
            return Ok(Digest::from_sha256(context.finish().as_ref()));
        }
        context.update(&buffer[..read]);
    }
}

/// `/a/b` for `a/b`, `./a/b`, `/a/b/`.
fn absolute(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn tar_of(path: &str, text: &[u8]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o4755);
        header.set_mtime(7);
        builder.append_data(&mut header, path, text).unwrap();
        builder.into_inner().unwrap()
    }

    fn read_bytes(bytes: &[u8]) -> (Blob, Option<String>) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        read(file.path(), Digest::of(bytes)).unwrap()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn one_tar_is_the_same_layer_however_it_is_compressed() {
        let tar = tar_of("./layers/a", b"text");
        let many = [gzip(&tar[..100]), gzip(&tar[100..])].concat();
        let zstd = zstd::encode_all(tar.as_slice(), 1).unwrap();
        for (bytes, compression) in [
            (tar.clone(), Compression::None),
            (gzip(&tar), Compression::Gzip),
            (many, Compression::Gzip),
            (zstd, Compression::Zstd),
        ] {
            let (blob, problem) = read_bytes(&bytes);
            assert_eq!((problem, blob.compression), (None, compression));
            assert_eq!((blob.diff_id, blob.size), (Digest::of(&tar), bytes.len() as u64));
            assert_eq!(blob.entries[0].path, "/layers/a");
            assert_eq!((blob.entries[0].mode, blob.entries[0].mtime), (0o4755, 7));
            assert_eq!(blob.entries[0].content, Some(Digest::of(b"text")));
        }
    }

    #[test]
    fn long_names_are_read_whole() {
        let long = format!("layers/{}", "long-name/".repeat(30));
        let (blob, _) = read_bytes(&tar_of(&format!("{long}x"), b""));
        assert_eq!(blob.entries[0].path, format!("/{long}x"));
    }

    #[test]
    fn what_is_no_tar_is_said_and_still_hashed() {
        let (blob, problem) = read_bytes(&[b'x'; 2000]);
        assert!(problem.is_some());
        assert_eq!(blob.diff_id, Digest::of(&[b'x'; 2000]));
        let mut cut = gzip(&tar_of("a", &[b'y'; 5000]));
        cut.truncate(cut.len() / 2);
        assert!(read_bytes(&cut).1.is_some());
        let (empty, problem) = read_bytes(b"");
        assert_eq!((empty.entries.len(), problem), (0, None));
    }
}
