//! An image as a daemon saves it, read while it comes: its documents are kept, its layers only where they are spooled.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;

use futures_util::FutureExt;
use serde_json::Value;

use crate::digest::Digest;
use crate::image::{Descriptor, diff_ids};
use crate::target::Platform;
use crate::target::choice::{self, Document, Documents};
use crate::target::document::Image;

/// Bytes of all documents that are kept of an archive; an image has a few kilobytes of them.
const MOST_OF_DOCUMENTS: u64 = 16 << 20;
/// Where an OCI archive says from which registry an image's content is: this, and the host.
const SOURCE: &str = "containerd.io/distribution.source.";
/// An uncompressed layer.
const TAR: &str = "application/vnd.oci.image.layer.v1.tar";

/// A file of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Bytes before it.
    pub(super) at: u64,
    /// Bytes of it.
    pub(super) size: u64,
}

/// What an archive holds.
#[derive(Debug, Default)]
pub(super) struct Archive {
    places: BTreeMap<String, Place>,
    links: BTreeMap<String, String>,
    documents: BTreeMap<String, Vec<u8>>,
}

/// A saved image.
#[derive(Debug)]
pub(super) struct Saved {
    pub(super) config: Value,
    /// The config's bytes.
    pub(super) config_bytes: Vec<u8>,
    /// Digest of the config.
    pub(super) config_digest: Digest,
    /// The manifest's bytes; none of a docker-archive.
    pub(super) manifest: Option<Vec<u8>>,
    /// Whether the archive is of an index.
    pub(super) behind_index: bool,
    /// Descriptors of its layers: those of its manifest, or of a docker-archive the uncompressed ones.
    pub(super) layers: Vec<Descriptor>,
    /// Where each layer lies in the archive; none of one that the archive lacks.
    pub(super) places: Vec<Option<Place>>,
    /// Host, without its port, and repository that the content is from or was sent to.
    pub(super) sources: BTreeSet<String>,
    /// What a log should say of how it was found.
    pub(super) notes: Vec<String>,
}

impl Archive {
    /// Reads an archive to its end.
    pub(super) fn read(from: impl Read) -> io::Result<Self> {
        let mut found = Self::default();
        let mut kept = 0;
        for entry in tar::Archive::new(from).entries()? {
            let mut entry = entry?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            if let Some(target) = entry.link_name_bytes().filter(|_| !entry.header().entry_type().is_file()) {
                found.links.insert(name.clone(), resolved(&name, &String::from_utf8_lossy(&target)));
                continue;
            }
            let place = Place { at: entry.raw_file_position(), size: entry.size() };
            found.places.insert(name.clone(), place);
            if kept + place.size <= MOST_OF_DOCUMENTS
                && let Some(document) = document(&mut entry)?
            {
                kept += document.len() as u64;
                found.documents.insert(name, document);
            }
        }
        Ok(found)
    }

    fn place(&self, name: &str) -> Option<Place> {
        self.places.get(self.links.get(name).map_or(name, String::as_str)).copied()
    }

    fn json(&self, name: &str) -> Result<(Value, Digest), String> {
        let bytes = self.documents.get(name).ok_or_else(|| match self.places.get(name) {
            Some(Place { size, .. }) if *size > 0 => not_kept(name, *size),
            _ => lacking(name),
        })?;
        let value = serde_json::from_slice(bytes).map_err(|error| format!("{name}: {error}"))?;
        Ok((value, Digest::of(bytes)))
    }

    /// The document under a digest that it hashes to.
    fn blob(&self, digest: &Digest) -> Result<Value, String> {
        let (value, found) = self.json(&blob(digest))?;
        if found == *digest { Ok(value) } else { Err(format!("it saves {found} as {digest}")) }
    }

    /// The first image of a docker-archive.
    pub(super) fn docker_image(&self) -> Result<Saved, String> {
        let (list, _) = self.json("manifest.json")?;
        let (config, config_digest) = self.json(list[0]["Config"].as_str().unwrap_or_default())?;
        let config_bytes = self.bytes(list[0]["Config"].as_str().unwrap_or_default());
        let names = list[0]["Layers"].as_array().cloned().unwrap_or_default();
        let ids = diff_ids(&config);
        if names.len() != ids.len() {
            return Err(format!("its archive has {} layers, its config {}", names.len(), ids.len()));
        }
        let places: Vec<_> = names.iter().map(|name| self.place(name.as_str().unwrap_or_default())).collect();
        let described = ids.iter().zip(&places).map(|(id, place)| Descriptor {
            media_type: TAR.to_owned(),
            digest: id.digest().clone(),
            size: place.map_or(0, |place| place.size),
            urls: Vec::new(),
            annotations: BTreeMap::new(),
        });
        let layers = described.collect();
        let (manifest, behind_index, sources, notes) = (None, false, BTreeSet::new(), Vec::new());
        Ok(Saved { config, config_bytes, config_digest, manifest, behind_index, layers, places, sources, notes })
    }

    /// The image of an OCI archive under `digest`; of an index the manifest for `platform`.
    pub(super) fn oci_image(&self, digest: &Digest, platform: &Platform) -> Result<Saved, String> {
        let root = self.document(digest)?;
        let found = choice::image(self, root, platform).now_or_never();
        let found = found.ok_or("its archive was not read at once")??;
        let Image { config: config_digest, layers, .. } = found.image;
        let places = layers.iter().map(|layer| self.place(&blob(&layer.digest))).collect();
        let (manifest, sources) = (Some(found.manifest.bytes), self.sources(digest));
        let (config, config_bytes) = (found.config.value, found.config.bytes);
        let (behind_index, notes) = (found.behind_index, found.notes);
        Ok(Saved { config, config_bytes, config_digest, manifest, behind_index, layers, places, sources, notes })
    }

    fn document(&self, digest: &Digest) -> Result<Document, String> {
        Ok(Document { value: self.blob(digest)?, bytes: self.bytes(&blob(digest)) })
    }

    /// A document that was found before.
    fn bytes(&self, name: &str) -> Vec<u8> {
        self.documents.get(name).cloned().unwrap_or_default()
    }

    fn sources(&self, digest: &Digest) -> BTreeSet<String> {
        let Ok((index, _)) = self.json("index.json") else { return BTreeSet::new() };
        let entries = index["manifests"].as_array().into_iter().flatten();
        let own = entries.filter(|entry| entry["digest"] == digest.as_str());
        let annotations = own.filter_map(|entry| entry["annotations"].as_object()).flatten();
        let named = annotations.filter_map(|(key, value)| Some((key.strip_prefix(SOURCE)?, value.as_str()?)));
        named.flat_map(|(host, names)| names.split(',').map(move |name| format!("{host}/{name}"))).collect()
    }
}

impl Documents for Archive {
    type Error = String;

    async fn manifest(&self, digest: &Digest) -> Result<Document, String> {
        self.document(digest)
    }

    async fn config(&self, digest: &Digest) -> Result<Document, String> {
        self.document(digest)
    }

    fn wrong(&self, reason: String) -> String {
        reason
    }
}

/// A blob's place in an OCI archive.
pub(super) fn blob(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

fn lacking(name: &str) -> String {
    // containerd keeps one of two images with the same layers and another compression without its documents.
    format!(
        "its archive lacks the document '{name}'; where another image of the daemon has the same layers, remove both of \
         them before it is pulled again"
    )
}

fn not_kept(name: &str, size: u64) -> String {
    format!(
        "'{name}' of its archive is not a JSON document, or with its {size} bytes too large: of all documents \
         {MOST_OF_DOCUMENTS} bytes (16 MiB) are read; make the image anew"
    )
}

/// The whole entry, where it is a JSON document: neither a tar nor a gzip of one begins as one does.
fn document(entry: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = vec![0];
    if entry.read(&mut bytes)? == 0 || !matches!(bytes[0], b'{' | b'[') {
        return Ok(None);
    }
    entry.read_to_end(&mut bytes)?;
    Ok(Some(bytes))
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

/// The temporary disk refused, while it is the daemon that is read.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct Disk(pub(super) io::Error);

/// Reads and keeps what is read.
pub(super) struct Spooling<R> {
    pub(super) from: R,
    pub(super) spool: File,
}

impl<R: Read> Read for Spooling<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.spool.write_all(&buffer[..read]).map_err(|error| io::Error::other(Disk(error)))?;
        Ok(read)
    }
}

/// Copies a part of a spooled file, exactly: an archive with a shorter file would be another archive.
pub(super) fn copy(spool: &File, place: Place, out: &mut dyn Write) -> io::Result<()> {
    let mut buffer = vec![0; 256 * 1024];
    let mut done = 0;
    while done < place.size {
        let wanted = usize::try_from(place.size - done).unwrap_or(usize::MAX).min(buffer.len());
        let read = spool.read_at(&mut buffer[..wanted], place.at + done)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        out.write_all(&buffer[..read])?;
        done += read as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn archive(files: &[(&str, &[u8])]) -> tar::Builder<Vec<u8>> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, bytes) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, name, *bytes).unwrap();
        }
        builder
    }

    fn platform() -> Platform {
        Platform { os: "linux".to_owned(), architecture: "amd64".to_owned(), variant: None }
    }

    #[test]
    fn of_a_docker_archive_a_layer_that_is_there_twice_is_a_link_the_second_time() {
        let id = Digest::of(b"layer");
        let config = json!({ "rootfs": { "diff_ids": [id, id] } }).to_string();
        let list = json!([{ "Config": "c.json", "Layers": ["one/layer.tar", "two/layer.tar"] }]).to_string();
        let mut builder =
            archive(&[("c.json", config.as_bytes()), ("one/layer.tar", b"layer"), ("manifest.json", list.as_bytes())]);
        let mut link = tar::Header::new_gnu();
        link.set_entry_type(tar::EntryType::Symlink);
        link.set_size(0);
        builder.append_link(&mut link, "two/layer.tar", "../one/layer.tar").unwrap();
        let bytes = builder.into_inner().unwrap();
        let spool = tempfile::tempfile().unwrap();
        let read = Archive::read(Spooling { from: bytes.as_slice(), spool: spool.try_clone().unwrap() }).unwrap();
        let saved = read.docker_image().unwrap();
        let mut found = Vec::new();
        saved.places.iter().for_each(|place| copy(&spool, place.unwrap(), &mut found).unwrap());
        assert_eq!(found, b"layerlayer");
        assert_eq!((&saved.layers[1].digest, saved.layers[1].size, saved.layers[1].media_type.as_str()), (&id, 5, TAR));
        assert_eq!(saved.config_digest, Digest::of(config.as_bytes()));
    }

    /// Files of an OCI archive with one image, the manifest's digest first.
    fn oci_archive(annotations: &Value) -> (Digest, Vec<u8>) {
        let config = json!({ "rootfs": { "diff_ids": [Digest::of(b"tar")] } }).to_string();
        let layer = json!({ "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
                            "digest": Digest::of(b"\x1f\x8bgz"), "size": 4 });
        let manifest = json!({ "config": { "digest": Digest::of(config.as_bytes()) }, "layers": [layer] }).to_string();
        let digest = Digest::of(manifest.as_bytes());
        let index = json!({ "manifests": [{ "digest": digest, "annotations": annotations }] }).to_string();
        let names = [config.as_bytes(), manifest.as_bytes(), b"\x1f\x8bgz"].map(|bytes| blob(&Digest::of(bytes)));
        let builder = archive(&[
            (&names[0], config.as_bytes()),
            (&names[1], manifest.as_bytes()),
            (&names[2], b"\x1f\x8bgz"),
            ("index.json", index.as_bytes()),
        ]);
        (digest, builder.into_inner().unwrap())
    }

    #[test]
    fn of_an_oci_archive_the_manifest_s_descriptors_and_the_record_of_its_sources_are_read() {
        let (digest, bytes) = oci_archive(&json!({
            "containerd.io/distribution.source.host.example": "a/run,b/run", "io.containerd.image.name": "x",
        }));
        let read = Archive::read(bytes.as_slice()).unwrap();
        let saved = read.oci_image(&digest, &platform()).unwrap();
        assert_eq!((&saved.layers[0].digest, saved.layers[0].size), (&Digest::of(b"\x1f\x8bgz"), 4));
        assert_eq!(saved.layers[0].media_type, crate::image::LAYER);
        assert!(saved.places[0].is_some());
        assert_eq!(saved.sources.iter().collect::<Vec<_>>(), ["host.example/a/run", "host.example/b/run"]);
        assert!(read.oci_image(&Digest::of(b"other"), &platform()).unwrap_err().contains("lacks"));
    }

    #[test]
    fn a_document_under_another_s_digest_is_told() {
        let named = Digest::of(b"other");
        let bytes = archive(&[(&blob(&named), b"{}")]).into_inner().unwrap();
        let reason = Archive::read(bytes.as_slice()).unwrap().oci_image(&named, &platform()).unwrap_err();
        assert!(reason.contains(named.as_str()) && reason.contains(Digest::of(b"{}").as_str()), "{reason}");
        let large = vec![b' '; usize::try_from(MOST_OF_DOCUMENTS).unwrap() + 1];
        let bytes = archive(&[("manifest.json", &large)]).into_inner().unwrap();
        let reason = Archive::read(bytes.as_slice()).unwrap().docker_image().unwrap_err();
        assert!(reason.contains("'manifest.json'") && reason.contains("16777217 bytes too large"), "{reason}");
        assert!(Archive::read(&[0; 1024][..]).unwrap().docker_image().unwrap_err().contains("manifest.json"));
    }
}
