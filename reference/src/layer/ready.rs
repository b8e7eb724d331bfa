//! Layers that are compressed already: an extender left their blobs on disk. They are copied while they are hashed, so
//! that what is sent is what was checked.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::{Blob, Counting, LayerError};
use crate::digest::{DiffId, Hasher};
use crate::image::{Descriptor, oci_layer_type};

/// The magic numbers of compressed blobs; anything else is a tar.
const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// A blob, and what its image says of it.
#[derive(Debug, Clone)]
pub struct Ready {
    /// Where it lies.
    pub path: PathBuf,
    /// Its descriptor.
    pub descriptor: Descriptor,
    /// Digest of the tar in it.
    pub diff_id: DiffId,
}

impl Ready {
    /// The blob on temporary disk.
    ///
    /// # Errors
    /// [`LayerError`] naming the file, also where the blob is not what its image says.
    pub fn spool(&self, temporary: &Path) -> Result<Blob, LayerError> {
        let Descriptor { media_type, digest, size, .. } = &self.descriptor;
        let media_type = oci_layer_type(media_type).unwrap_or(media_type).to_owned();
        let facts = std::fs::symlink_metadata(&self.path).map_err(self.unread())?;
        if !facts.is_file() {
            return Err(self.wrong("a blob must be a file".to_owned()));
        }
        let source = File::open(&self.path).map_err(self.unread())?;
        let spool = tempfile::tempfile_in(temporary).map_err(LayerError::Spool)?;
        let mut out = Counting { hasher: Hasher::new(), size: 0, inner: spool };
        // One byte more than there should be tells a blob that is too long.
        copy(&mut source.take(size + 1), &mut out, self.unread())?;
        let (found, read) = (out.hasher.finish(), out.size);
        if found != *digest {
            let reason = format!("its bytes are not those of {digest}, which its manifest names with {size} bytes");
            return Err(self.wrong(if read > *size { format!("it has more than {size} bytes") } else { reason }));
        }
        Ok(Blob { diff_id: self.diff_id.clone(), digest: found, size: read, media_type, file: out.inner })
    }

    /// The tar in a blob that was spooled, with its size, written to `out`.
    ///
    /// # Errors
    /// [`LayerError`] naming the file, also where the tar has another diffID.
    pub fn unpack<W: Write>(&self, blob: &Blob, out: W) -> Result<(W, u64), LayerError> {
        let mut file = blob.file.try_clone().map_err(LayerError::Spool)?;
        file.rewind().map_err(LayerError::Spool)?;
        let mut out = Counting { hasher: Hasher::new(), size: 0, inner: out };
        let broken = |error: io::Error| self.wrong(format!("it cannot be decompressed ({error})"));
        let mut tar = decompressed(file).map_err(broken)?;
        copy(&mut tar, &mut out, broken)?;
        let found = DiffId::of_tar(out.hasher.finish());
        if found != self.diff_id {
            return Err(self.wrong(format!("its tar is {found}, and the config names {}", self.diff_id)));
        }
        Ok((out.inner, out.size))
    }

    fn unread(&self) -> impl Fn(io::Error) -> LayerError {
        |source| LayerError::Read { path: self.path.clone(), source }
    }

    fn wrong(&self, reason: String) -> LayerError {
        LayerError::Ready { path: self.path.clone(), reason }
    }
}

fn decompressed(mut file: File) -> io::Result<Box<dyn Read>> {
    let mut magic = Vec::new();
    (&mut file).take(4).read_to_end(&mut magic)?;
    file.rewind()?;
    Ok(if magic.starts_with(&GZIP) {
        Box::new(flate2::read::MultiGzDecoder::new(io::BufReader::new(file)))
    } else if magic.starts_with(&ZSTD) {
        Box::new(zstd::Decoder::new(file)?)
    } else {
        Box::new(file)
    })
}

/// Copies to the end; what cannot be read and what cannot be written are told apart.
fn copy(from: &mut dyn Read, to: &mut dyn Write, unread: impl Fn(io::Error) -> LayerError) -> Result<(), LayerError> {
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => to.write_all(&buffer[..count]).map_err(LayerError::Spool)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unread(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::image::LAYER;

    fn ready(folder: &Path, blob: &[u8], tar: &[u8]) -> Ready {
        let path = folder.join("blob");
        std::fs::write(&path, blob).unwrap();
        let descriptor = Descriptor {
            media_type: LAYER.to_owned(),
            digest: Digest::of(blob),
            size: blob.len() as u64,
            urls: Vec::new(),
            annotations: std::collections::BTreeMap::new(),
        };
        Ready { path, descriptor, diff_id: DiffId::of_tar(Digest::of(tar)) }
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_blob_is_the_same_after_it_was_spooled_and_its_tar_comes_out() {
        let folder = tempfile::tempdir().unwrap();
        for blob in [gzip(b"tar"), zstd::encode_all(b"tar".as_slice(), 1).unwrap(), b"tar".to_vec()] {
            let ready = ready(folder.path(), &blob, b"tar");
            let spooled = ready.spool(folder.path()).unwrap();
            assert_eq!((&spooled.digest, spooled.size), (&Digest::of(&blob), blob.len() as u64));
            assert_eq!(ready.unpack(&spooled, Vec::new()).unwrap(), (b"tar".to_vec(), 3));
        }
    }

    #[test]
    fn a_blob_that_is_another_is_refused_by_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let good = ready(folder.path(), &gzip(b"tar"), b"tar");
        let said = |ready: &Ready| {
            let spooled = ready.spool(folder.path()).and_then(|blob| ready.unpack(&blob, io::sink()));
            spooled.unwrap_err().to_string()
        };
        let mut other = good.clone();
        other.descriptor.digest = Digest::of(b"other");
        assert!(said(&other).contains("not those of"), "{}", said(&other));
        other = Ready { diff_id: DiffId::of_tar(Digest::of(b"other")), ..good.clone() };
        assert!(said(&other).contains("its tar is"), "{}", said(&other));
        other = good.clone();
        other.descriptor.size = 3;
        assert!(said(&other).contains("more than 3 bytes"), "{}", said(&other));
        std::fs::write(folder.path().join("blob"), [0x1f, 0x8b, 0]).unwrap();
        other = ready(folder.path(), &[0x1f, 0x8b, 0], b"tar");
        assert!(said(&other).contains("decompressed"), "{}", said(&other));
        std::fs::remove_file(&good.path).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &good.path).unwrap();
        assert!(said(&good).contains("must be a file") && said(&good).contains("blob"), "{}", said(&good));
    }
}
