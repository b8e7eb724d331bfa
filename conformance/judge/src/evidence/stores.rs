//! What only one kind of store shows: a daemon's inspection and archive, a layout's folders.

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use super::{Document, Image, Ran};
use crate::digest::Digest;

/// How a daemon keeps images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum StoreKind {
    /// Docker's own graph drivers: an image is its config; there is no manifest.
    Classic,
    /// Docker on containerd's content store: an image is its manifest.
    Containerd,
    /// Podman behind its Docker-compatible socket.
    Podman,
}

impl StoreKind {
    /// Its word in evidence, reports and the names of services.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// What a daemon shows of an exported image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DaemonFacts {
    /// The store's kind.
    pub store: StoreKind,
    /// The engine's version, as it says it.
    pub engine: String,
    /// Raw answer to an inspection of the first `<image>`; none where the daemon has no such image.
    pub inspect: Option<Document>,
    /// The ID under every `<image>`.
    pub tag_ids: Vec<TagId>,
    /// Whether a podman, which knows images by their config, had one of the first one's ID before the export.
    #[serde(default)]
    pub had_image: bool,
    /// Every file of the archive that the daemon saves for the image.
    pub saved: Vec<SavedFile>,
    /// The archive's `manifest.json` (docker-archive); none where it has none.
    pub archive_manifest: Option<Document>,
    /// The archive's `index.json` (OCI archive); none where it has none.
    pub archive_index: Option<Document>,
    /// The image after a push from the daemon to the registry, as the registry serves it; none where `push_problem`
    /// says why, or nothing was there to push.
    pub pushed: Option<Image>,
    /// Why there is no pushed image; none where it was pushed, or nothing was there to push.
    pub push_problem: Option<NotPushed>,
    /// The image after the daemon had let go of it and pulled what it had pushed; absent where the scenario does
    /// not ask for that, and where `pull_problem` says why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pulled_back: Option<Image>,
    /// Why the pull failed, in words; absent where it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_problem: Option<String>,
    /// The end of an engine that no one had asked to end, while it pushed the image; absent where it went on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine_end: Option<EngineEnd>,
    /// Containers of the image, where the scenario asks for them. Absent where it does not, and in older
    /// evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ran: Option<Ran>,
}

/// Why a registry has no image after a push from a daemon. Earlier versions wrote it as one sentence, which is read as
/// what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "WrittenNotPushed")]
pub struct NotPushed {
    /// What kept it from being pushed.
    pub cause: PushCause,
    /// In words: what the daemon said, where it failed.
    pub reason: String,
}

/// What kept an image from being pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PushCause {
    /// The daemon is not the suite's, and may not be told to push.
    NotAllowed,
    /// The daemon did not push it.
    Failed,
    /// The daemon says that it pushed it, and the registry has no image.
    NotServed,
}

impl std::fmt::Display for NotPushed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.cause {
            PushCause::Failed => write!(f, "the push failed: {}", self.reason),
            PushCause::NotAllowed | PushCause::NotServed => f.write_str(&self.reason),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenNotPushed {
    Known { cause: PushCause, reason: String },
    Sentence(String),
}

impl From<WrittenNotPushed> for NotPushed {
    fn from(written: WrittenNotPushed) -> Self {
        let sentence = match written {
            WrittenNotPushed::Known { cause, reason } => return Self { cause, reason },
            WrittenNotPushed::Sentence(sentence) => sentence,
        };
        // What the versions wrote that had no other place for it.
        match sentence.strip_prefix("the push failed: ") {
            Some(reason) => Self { cause: PushCause::Failed, reason: reason.to_owned() },
            None if sentence == "the push succeeded, yet the registry has no image" => {
                Self { cause: PushCause::NotServed, reason: sentence }
            }
            None => Self { cause: PushCause::NotAllowed, reason: sentence },
        }
    }
}

/// How a run image came into a daemon, in the words of scenarios.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arrival {
    /// As a pull would have left it in most; an empty word in evidence.
    #[default]
    #[serde(rename = "")]
    Usual,
    /// The daemon pulled its tag.
    PulledByTag,
    /// The daemon pulled it by digest.
    PulledByDigest,
    /// A docker-archive was loaded.
    Loaded,
    /// The daemon made it, by an import of its files.
    Made,
}

impl Arrival {
    /// Whether the daemon pulled it from a registry.
    #[must_use]
    pub fn is_pulled(self) -> bool {
        matches!(self, Self::PulledByTag | Self::PulledByDigest)
    }
}

/// The run image as the daemon that is exported to has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunImageInDaemon {
    /// How it came there.
    pub arrival: Arrival,
    /// The daemon's ID of it, as it spells it.
    pub id: String,
    /// The digest references that the daemon has for it (`RepoDigests`): what it pulled or was given, or in a
    /// containerd store whatever has a name.
    pub repo_digests: Vec<String>,
}

impl RunImageInDaemon {
    /// The digests of `repo_digests`, as they are spelled there.
    pub fn digests(&self) -> impl Iterator<Item = &str> {
        self.repo_digests.iter().filter_map(|name| Some(name.rsplit_once('@')?.1))
    }
}

/// An engine that ended by itself while it pushed an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineEnd {
    /// How it ended, in words.
    pub how: String,
    /// The end of its log; empty where there is none.
    pub said: String,
    /// Whether, started again, it pushed the run image that the suite had loaded; none where it could not be asked.
    pub pushes_run_image: Option<bool>,
    /// Whether, started again, it ended at the same push again; none where it could not be asked.
    pub again: Option<bool>,
}

/// The daemon's ID under one tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagId {
    /// The tag as it was on the exporter's command line.
    pub reference: String,
    /// The daemon's ID, as it spells it; none where it has no such image.
    pub id: Option<String>,
}

/// A file of a saved archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedFile {
    /// Path in the archive.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// sha256 of its bytes.
    pub digest: Digest,
}

/// What lies below a `<layout-dir>` after an export.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayoutFacts {
    /// Every folder that holds an `oci-layout` or `index.json`, relative to `<layout-dir>`, that was not there before
    /// the export; sorted.
    pub folders: Vec<String>,
    /// For every `<image>` the folder at its mapped path.
    pub roots: Vec<LayoutRoot>,
}

/// The image layout at an `<image>`'s mapped path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayoutRoot {
    /// The `<image>`.
    pub reference: String,
    /// The mapped path (`cnb-platform.md`, Map an image reference to a path in the layout directory), relative to
    /// `<layout-dir>`.
    pub path: String,
    /// Whether a folder is there.
    pub present: bool,
    /// The bytes of `oci-layout`; none where it is not there.
    pub oci_layout: Option<Document>,
    /// The bytes of `index.json`; none where it is not there.
    pub index: Option<Document>,
    /// Every file below `blobs/`: its path relative to the folder, its size, its hash.
    pub blobs: Vec<SavedFile>,
    /// Files below `blobs/` that are too large to be kept, or closed by their mode, and `index.json` and `oci-layout`
    /// where they are too large, and their sizes in bytes: they were not read. Absent where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<(String, u64)>,
    /// Files below `blobs/` to which `index.json` does not lead. Absent in older evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loose: Option<Vec<LooseBlob>>,
}

impl LayoutRoot {
    /// Bytes of a file that was not read; none of one that was, or that is not there.
    #[must_use]
    pub fn unread_size(&self, path: &str) -> Option<u64> {
        self.unread.iter().find(|(unread, _)| unread == path).map(|(_, size)| *size)
    }
}

/// A file of a layout's `blobs/` to which its `index.json` does not lead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LooseBlob {
    /// Its path relative to the layout.
    pub path: String,
    /// Its bytes; absent where they are not a small JSON object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<Document>,
}
