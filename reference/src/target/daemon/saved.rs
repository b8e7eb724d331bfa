//! An image that a daemon has saved to temporary disk as a docker-archive.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Seek};
use std::os::unix::fs::FileExt;

use serde_json::Value;

use crate::digest::{Digest, Hasher};
use crate::image::diff_ids;

/// The largest JSON document that is read from an archive, in bytes.
const LARGEST_DOCUMENT: u64 = 16 << 20;

/// A layer within the archive.
pub(super) struct Part {
    archive: File,
    at: u64,
    /// Bytes of the tar.
    pub(super) size: u64,
    /// Its digest, by the config.
    pub(super) diff_id: Digest,
}

/// The config and the layers of the first image of an archive; the inner error says what is wrong with its content.
pub(super) fn image(spool: &mut File) -> io::Result<Result<(Value, Vec<Part>), String>> {
    let archive = Archive::read(spool)?;
    let found = match archive.image(spool) {
        Ok(found) => found,
        Err(reason) => return Ok(Err(reason)),
    };
    for part in &found.1 {
        if let Err(reason) = part.check()? {
            return Ok(Err(reason));
        }
    }
    Ok(Ok(found))
}

impl Part {
    /// Whether the saved layer is the one that the config names; stores are known to save others.
    fn check(&self) -> io::Result<Result<(), String>> {
        let mut hasher = Hasher::new();
        self.for_each_chunk(|chunk| {
            hasher.update(chunk);
            Ok(())
        })?;
        let found = hasher.finish();
        Ok(if found == self.diff_id { Ok(()) } else { Err(format!("it saves {found} as layer {}", self.diff_id)) })
    }

    /// Gives the tar, in pieces.
    pub(super) fn for_each_chunk(&self, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let mut buffer = vec![0; 256 * 1024];
        let mut done = 0;
        while done < self.size {
            let wanted = usize::try_from(self.size - done).unwrap_or(usize::MAX).min(buffer.len());
            let read = self.archive.read_at(&mut buffer[..wanted], self.at + done)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            take(&buffer[..read])?;
            done += read as u64;
        }
        Ok(())
    }
}

/// Where the files of a spooled archive lie.
struct Archive {
    places: BTreeMap<String, (u64, u64)>,
    links: BTreeMap<String, String>,
}

impl Archive {
    fn read(spool: &mut File) -> io::Result<Self> {
        let mut found = Self { places: BTreeMap::new(), links: BTreeMap::new() };
        spool.rewind()?;
        for entry in tar::Archive::new(BufReader::new(spool)).entries_with_seek()? {
            let entry = entry?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            match entry.link_name_bytes() {
                Some(target) if !entry.header().entry_type().is_file() => {
                    found.links.insert(name.clone(), resolved(&name, &String::from_utf8_lossy(&target)));
                }
                _ => {
                    found.places.insert(name, (entry.raw_file_position(), entry.size()));
                }
            }
        }
        Ok(found)
    }

    fn place(&self, name: &str) -> Option<(u64, u64)> {
        self.places.get(self.links.get(name).map_or(name, String::as_str)).copied()
    }

    fn json(&self, spool: &File, name: &str) -> Result<Value, String> {
        let (at, size) = self.place(name).ok_or_else(|| format!("its archive lacks '{name}'"))?;
        let size = usize::try_from(size).ok().filter(|_| size <= LARGEST_DOCUMENT);
        let mut bytes = vec![0; size.ok_or_else(|| format!("{name} is larger than 16 MiB"))?];
        spool.read_exact_at(&mut bytes, at).map_err(|error| error.to_string())?;
        serde_json::from_slice(&bytes).map_err(|error| format!("{name}: {error}"))
    }

    fn image(&self, spool: &File) -> Result<(Value, Vec<Part>), String> {
        let entry = self.json(spool, "manifest.json")?[0].clone();
        let config = self.json(spool, entry["Config"].as_str().unwrap_or_default())?;
        let names = entry["Layers"].as_array().cloned().unwrap_or_default();
        let ids = diff_ids(&config);
        if names.len() != ids.len() {
            return Err(format!("its archive has {} layers, its config {}", names.len(), ids.len()));
        }
        let mut parts = Vec::new();
        for (name, diff_id) in names.iter().zip(ids) {
            let name = name.as_str().unwrap_or_default();
            let (at, size) = self.place(name).ok_or_else(|| format!("its archive lacks {name}"))?;
            let archive = spool.try_clone().map_err(|error| error.to_string())?;
            parts.push(Part { archive, at, size, diff_id });
        }
        Ok((config, parts))
    }
}

/// Where a link in an archive points.
fn resolved(name: &str, target: &str) -> String {
    let mut parts: Vec<&str> = name.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            ".." => {
                parts.pop();
            }
            "" | "." => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use serde_json::json;

    use super::*;

    /// An archive as engines save them: a layer that is there twice is a link the second time.
    fn archive(layer: &[u8], named: &Digest) -> File {
        let mut builder = tar::Builder::new(tempfile::tempfile().unwrap());
        let mut put = |name: &str, bytes: &[u8]| {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, name, bytes).unwrap();
        };
        let config = json!({ "rootfs": { "diff_ids": [named, named] } }).to_string();
        let list = json!([{ "Config": "c.json", "Layers": ["one/layer.tar", "two/layer.tar"] }]).to_string();
        put("c.json", config.as_bytes());
        put("one/layer.tar", layer);
        put("manifest.json", list.as_bytes());
        let mut link = tar::Header::new_gnu();
        link.set_entry_type(tar::EntryType::Symlink);
        link.set_size(0);
        builder.append_link(&mut link, "two/layer.tar", "../one/layer.tar").unwrap();
        let mut file = builder.into_inner().unwrap();
        file.flush().unwrap();
        file
    }

    #[test]
    fn two_identical_layers_are_two_parts() {
        let (_, parts) = image(&mut archive(b"layer", &Digest::of(b"layer"))).unwrap().unwrap();
        let mut found = Vec::new();
        for part in &parts {
            part.for_each_chunk(|chunk| {
                found.extend_from_slice(chunk);
                Ok(())
            })
            .unwrap();
        }
        assert_eq!((parts.len(), found.as_slice()), (2, &b"layerlayer"[..]));
    }

    #[test]
    fn a_layer_that_is_not_what_the_config_says_is_told() {
        let reason = image(&mut archive(b"other", &Digest::of(b"layer"))).unwrap().err().unwrap();
        assert!(reason.contains(Digest::of(b"layer").as_str()), "{reason}");
        let mut empty = tempfile::tempfile().unwrap();
        empty.write_all(&[0; 1024]).unwrap();
        assert!(image(&mut empty).unwrap().err().unwrap().contains("manifest.json"));
    }
}
