//! An image wherever it lives: raw documents first, and what its layers were found to be.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Listing;
use crate::digest::Digest;

/// Raw bytes with their hash, computed where they were fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// sha256 of `bytes`.
    pub digest: Digest,
    /// The registry's Content-Type; none where it gave none, and for what came from a disk or a daemon.
    pub content_type: Option<String>,
    /// The bytes as served.
    #[serde(serialize_with = "write_bytes", deserialize_with = "read_bytes")]
    pub bytes: Vec<u8>,
}

impl Document {
    /// A document of these bytes; hashes them.
    #[must_use]
    pub fn new(bytes: Vec<u8>, content_type: Option<String>) -> Self {
        Self { digest: Digest::of(&bytes), content_type, bytes }
    }

    /// The bytes as a string slice, where they are UTF-8.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes).ok()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Stored {
    Text(String),
    Base64(String),
}

fn write_bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    use base64::Engine as _;
    match std::str::from_utf8(bytes) {
        Ok(text) => Stored::Text(text.to_owned()),
        Err(_) => Stored::Base64(base64::engine::general_purpose::STANDARD.encode(bytes)),
    }
    .serialize(serializer)
}

fn read_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    use base64::Engine as _;
    match Stored::deserialize(deserializer)? {
        Stored::Text(text) => Ok(text.into_bytes()),
        Stored::Base64(text) => {
            base64::engine::general_purpose::STANDARD.decode(text).map_err(serde::de::Error::custom)
        }
    }
}

/// An image as one store holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Image {
    /// The manifest's bytes; none in a classic daemon, which keeps none.
    pub manifest: Option<Document>,
    /// The config's bytes; none where they could not be read.
    pub config: Option<Document>,
    /// One for each layer that the manifest (or the daemon's archive) names, in its order.
    pub layers: Vec<Layer>,
}

/// One layer as the manifest names it and as the store serves it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// What the manifest's descriptor or the daemon's archive calls it.
    pub name: String,
    /// What was found under that name; none where nothing could be read.
    pub blob: Option<Blob>,
    /// Why nothing or not all was read, in words for people; nothing is decided by them.
    pub problem: Option<String>,
    /// What of it could not be read. Absent where there is no problem, and in older evidence, where
    /// [`Layer::fault()`] tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<LayerFault>,
    /// True for a layer that an OCI layout leaves out because it is the run image's (RFC 0119 allows it).
    pub left_out: bool,
}

/// What of a layer could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LayerFault {
    /// There is nothing under its name, or it could not be unpacked to its end: its diffID is not known.
    Bytes,
    /// It was unpacked to its end, and the tar in it cannot be read: its digests are true all the same.
    Tar,
    /// It was unpacked to its end, and the tar in it has more than the suite lists: its digests are true, and it is not
    /// at fault.
    Limit,
}

/// What the words of a problem of the tar begin with in evidence of before its fault was kept.
const OLD_TAR_PROBLEM: &str = "read the tar";

impl Layer {
    /// A layer of this name of which nothing is known yet.
    #[must_use]
    pub fn named(name: String) -> Self {
        Self { name, blob: None, problem: None, fault: None, left_out: false }
    }

    /// Says that there are no bytes of it, or not all, and why.
    pub fn is_missing(&mut self, why: impl Into<String>) {
        (self.problem, self.fault) = (Some(why.into()), Some(LayerFault::Bytes));
    }

    /// What of it could not be read; none where there is no problem.
    #[must_use]
    pub fn fault(&self) -> Option<LayerFault> {
        let words = self.problem.as_deref()?;
        // Evidence of before this was kept has words alone.
        let old = || if words.starts_with(OLD_TAR_PROBLEM) { LayerFault::Tar } else { LayerFault::Bytes };
        Some(self.fault.unwrap_or_else(old))
    }

    /// The diffID of what was unpacked to its end; none where it could not be.
    #[must_use]
    pub fn whole_diff_id(&self) -> Option<&Digest> {
        self.blob.as_ref().filter(|_| self.fault() != Some(LayerFault::Bytes)).map(|blob| &blob.diff_id)
    }

    /// Why not all of its entries are listed, where its tar goes on.
    #[must_use]
    pub fn unlisted(&self) -> Option<Unlisted> {
        self.blob.as_ref()?.unlisted
    }

    /// Why the tar in the blob could not be read, where it was the tar.
    #[must_use]
    pub fn tar_problem(&self) -> Option<&str> {
        self.problem.as_deref().filter(|_| self.fault() == Some(LayerFault::Tar))
    }
}

/// A layer's blob, read to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Blob {
    /// sha256 of the bytes as served.
    pub digest: Digest,
    /// Its digest by the algorithm of its name, where that is sha512. Absent for other names, and in older
    /// evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<Digest>,
    /// How many bytes were served.
    pub size: u64,
    /// How it is compressed, told from its first bytes.
    pub compression: Compression,
    /// What its gzip headers say. Absent where it is not compressed with gzip, and in older evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gzip: Option<GzipHeader>,
    /// sha256 of the uncompressed bytes.
    pub diff_id: Digest,
    /// Uncompressed bytes.
    pub uncompressed_size: u64,
    /// The tar's entries in their order.
    pub entries: Listing,
    /// Why not all entries are listed, where the tar goes on. Absent where all are, and in evidence of before it was
    /// told apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlisted: Option<Unlisted>,
}

/// What gzip headers say other than how the bytes are packed: of each fact the first that any member of the stream has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GzipHeader {
    /// A time in seconds since 1970; 0 where no member has one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub mtime: u32,
    /// The name of a file. Bytes that are not UTF-8 are replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A comment. Bytes that are not UTF-8 are replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

/// Why a listing ends before its tar does: more is not kept in memory, whatever an exporter made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unlisted {
    /// The layer has more entries, or longer names, than are kept of one.
    Layer,
    /// The layers of the run have more than are kept of all.
    Run,
}

/// How a layer is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// A plain tar.
    None,
    /// RFC 1952, of one member or many.
    Gzip,
    /// RFC 8878.
    Zstd,
}

/// One entry of a layer's tar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Absolute and without a trailing slash: `/layers/x`. Bytes that are not UTF-8 are replaced.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Permission bits with setuid, setgid and sticky: at most `0o7777`.
    pub mode: u32,
    /// Numeric ID of the owner, as the header or a PAX record has it.
    pub uid: u64,
    /// Numeric ID of the group, likewise.
    pub gid: u64,
    /// Size of a regular file in bytes, sparse files unfolded; 0 for all else.
    pub size: u64,
    /// Modification time in seconds since 1970.
    pub mtime: i64,
    /// Where a symbolic or hard link points, as written; none for all else.
    pub link: Option<String>,
    /// sha256 of a regular file's bytes; none for all else, and where [`Entry::is_unread`] says so.
    pub content: Option<Digest>,
    /// The text of a `config/metadata.toml`, `/etc/passwd` or `/etc/group` that is UTF-8 and at most 1 MiB; absent for
    /// other files, and in evidence from before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Its facts beyond those; all as for an entry without any where evidence is from before they were kept.
    #[serde(flatten)]
    pub more: EntryFacts,
}

/// What only some entries have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryFacts {
    /// The owner's name, where the entry has one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// The group's name, where the entry has one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Extended attributes (PAX records `SCHILY.xattr.*`): their names, and their values in base64.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub xattrs: BTreeMap<String, String>,
    /// What its PAX records and its header say beyond all that: other times than `mtime` (`atime`, `ctime`; `mtime`
    /// where it has a fraction of a second), comments, numbers of devices. `global` stands before the key of a record
    /// of a global header.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub records: BTreeMap<String, String>,
    /// Whether the tar holds pieces of the file and a map of them (GNU sparse files).
    #[serde(default, skip_serializing_if = "is_false")]
    pub sparse: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Entry {
    /// Whether it is a regular file whose bytes were not read: a sparse file of unusual size, or with a map that cannot
    /// be read.
    #[must_use]
    pub fn is_unread(&self) -> bool {
        self.kind == EntryKind::File && self.content.is_none()
    }
}

/// What a tar entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A hard link to another entry.
    HardLink,
    /// Anything else: a device, a fifo.
    Other,
}
