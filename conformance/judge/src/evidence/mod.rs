//! The facts that an export left: plain data, versioned, written to disk as they are made. Nothing here judges.

mod contacts;
mod image;
mod inputs;
mod listing;
mod machine;
mod not_run;
mod ran;
mod rebase;
mod stores;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::BTreeMap;

use strum::{Display, EnumString, IntoStaticStr};

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

pub use contacts::{Act, Contact, Contacts, Protocol};
pub use image::{
    Blob, Compression, Document, Entry, EntryFacts, EntryKind, GzipHeader, Image, Layer, LayerFault, Unlisted,
};
pub use inputs::{Aspect, Change, ChangedFile, ExtendedImage, FileFact, FileKind, Inputs, PreviousImage, RunImage};
pub use listing::Listing;
pub(crate) use listing::watched;
pub use machine::Machine;
pub use not_run::{NotRun, NotRunCause};
pub use ran::{Container, FileInContainer, InContainer, Ran};
pub use rebase::{MadeBy, Phase, Rebase};
pub use stores::{
    Arrival, DaemonFacts, EngineEnd, LayoutFacts, LayoutRoot, LooseBlob, NotPushed, PushCause, RunImageInDaemon,
    SavedFile, StoreKind, TagId,
};
pub use wire::{Channel, FaultKind, Form, Leak, Private, SentManifest, WireFault, WireRecord};

/// Version of the evidence format; `index.json` and `run.json` carry it.
pub const EVIDENCE_VERSION: u32 = 2;

/// Where an export was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[derive(IntoStaticStr, Display, EnumString)]
#[strum(serialize_all = "lowercase")]
pub enum Target {
    /// An OCI registry.
    Registry,
    /// A Docker daemon, or one that speaks its protocol.
    Daemon,
    /// An OCI image layout on disk.
    Layout,
}

impl Target {
    /// All targets, in the order of reports.
    pub const ALL: [Self; 3] = [Self::Registry, Self::Daemon, Self::Layout];

    /// The name on the command line and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// Everything observed of one scenario, on all targets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScenarioEvidence {
    /// [`EVIDENCE_VERSION`].
    pub version: u32,
    /// The scenario's name, that of its folder.
    pub scenario: String,
    /// Each export that was attempted, by target, then service, then step.
    pub exports: Vec<Export>,
    /// Each rebase that was attempted, likewise: an export whose `rebase` is there. None in evidence of before rebasers
    /// were judged.
    #[serde(default)]
    pub rebases: Vec<Export>,
    /// Each target that the scenario asks for and that was not attempted.
    pub not_run: Vec<NotRun>,
}

/// One run of the exporter at one target, and what it left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Export {
    /// Unique in a run and stable between runs: `<scenario>/<service>/<step>`; also its folder in the evidence.
    pub id: String,
    /// The scenario's name.
    pub scenario: String,
    /// Where it was written to.
    pub target: Target,
    /// The service as `--require` names it: `registry`, `daemon:classic`, `layout`.
    pub service: String,
    /// 1 for the scenario's first export at this target, 2 for the second, …
    pub step: usize,
    /// The Platform API version that the exporter was told, for example `0.15`.
    pub platform_api: String,
    /// What the exporter was given.
    pub inputs: Inputs,
    /// The run image that the analysis phase had seen.
    pub run_image: RunImage,
    /// How the process ended.
    pub outcome: Outcome,
    /// The bytes of `report.toml` after the export, where there is one that this export wrote.
    pub report: Option<Document>,
    /// What every `<image>` named before the export: reference → manifest digest (registry, layout) or the daemon's ID.
    pub tags_before: BTreeMap<String, Option<String>>,
    /// What every `<image>` names after the export, in the order of the command line.
    pub tags: Vec<Tag>,
    /// The image under the first `<image>` as fetched after the export; none where there is none.
    pub image: Option<Image>,
    /// What was fetched under the `base.digest` annotation from the run image's repository; none where the image
    /// has no such annotation.
    pub base: Option<BaseImage>,
    /// What only a daemon shows; none on other targets.
    pub daemon: Option<DaemonFacts>,
    /// What only a layout shows; none on other targets.
    pub layout: Option<LayoutFacts>,
    /// Requests that the exporter sent to the registry; none where no recorder stood between.
    pub wire: Option<Vec<WireRecord>>,
    /// The manifest that the first `<image>` named before the export, fetched by digest after it; none
    /// where it named nothing.
    pub previous_after: Option<Fetched>,
    /// The files under `<layers>/sbom/build` after the export; empty where there are none.
    pub build_sboms: Vec<FileFact>,
    /// What is otherwise in the build folder, which holds every input and output on disk, than before the export,
    /// sorted by path; none where that was not observed. Older evidence has `<app>`, `<layers>`, the lifecycle's folder
    /// and the working folder alone.
    #[serde(default)]
    pub changed_files: Option<Vec<ChangedFile>>,
    /// Permission bits of the outputs on disk after the export: the report, and every file of a layout at an
    /// `<image>`'s path. Nothing in older evidence.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub output_modes: BTreeMap<String, u32>,
    /// What the harness or its services could not observe, and why: verdict `error` for what rests on it.
    pub troubles: Vec<String>,
    /// What a rebase was given. Absent for an export, and so in evidence from before rebasers were judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebase: Option<Rebase>,
    /// Later steps of the scenario that were not made, because the exporter hung on a registry's fault in this one, or
    /// on one of their kind in another scenario, and would have been waited for as long in each of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

/// A step that was not made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Its number, from 1.
    pub step: usize,
    /// The requirement that it would have met by failing; absent where it had to succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_failure: Option<String>,
    /// The requirement that it could have met by failing; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may_refuse: Option<String>,
    /// Where the exporter hung; absent where it was in the export that names this step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hang: Option<Hang>,
}

/// A step in which the exporter was ended by its limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hang {
    /// The scenario.
    pub scenario: String,
    /// The step's number.
    pub step: usize,
}

/// How the exporter's process ended and what it printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// Standard output, as UTF-8 with replacement characters: of more than 256 KiB the first and the last 128 KiB, and
    /// a line between that says how much is missing.
    pub stdout: String,
    /// Standard error: likewise.
    pub stderr: String,
    /// Bytes that it printed in all, also beyond what was kept.
    pub printed: u64,
    /// When it was started, in seconds since 1970.
    pub started: i64,
    /// Wall time in milliseconds.
    pub milliseconds: u64,
    /// What it left in folders for scratch files, sorted by path: they were the exporter's own and are gone. None where
    /// it had none of its own, or an earlier version wrote the evidence.
    #[serde(default)]
    pub left: Option<Vec<ChangedFile>>,
    /// Which internet addresses it contacted. None where that was not observed, or an earlier version wrote the
    /// evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contacted: Option<Contacts>,
    /// Where it told a credential that it was given, which is left out of what is kept; none where it was given none,
    /// or an earlier version wrote the evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_printed: Option<Vec<Stream>>,
    /// How many processes that it had started still ran some time after it had ended, and were ended. None where it was
    /// ended itself, or an earlier version wrote the evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlived: Option<u32>,
    /// Which files it wrote on the machine outside of its build and of its folders for scratch files, also those that
    /// are gone again, sorted; not all where there are many. None where that was not observed, or an earlier version
    /// wrote the evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<Vec<String>>,
}

/// What an exporter prints to, and what it writes that others read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// The image's config.
    Config,
    /// The image's manifest.
    Manifest,
    /// The report.
    Report,
    /// Another file that is left.
    File,
}

impl Stream {
    /// The file of an export's evidence that has what was kept of it.
    #[must_use]
    pub fn file(self) -> &'static str {
        match self {
            Self::Stdout => "stdout.txt",
            Self::Stderr => "stderr.txt",
            Self::Config => "config.json",
            Self::Manifest => "manifest.json",
            Self::Report => "report.toml",
            Self::File => "export.json#/changed_files",
        }
    }
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "how", content = "code")]
pub enum End {
    /// By itself with this exit code.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
    /// It ran longer than the limit of this many seconds and was ended.
    TimedOut(u64),
}

impl Outcome {
    /// True when it exited 0.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.end == End::Exited(0)
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exit {code}"),
            Self::Signalled(signal) => write!(f, "signal {signal}"),
            Self::TimedOut(seconds) => write!(f, "ended after {seconds} s"),
        }
    }
}

/// What one `<image>` names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// The reference as it was on the command line.
    pub reference: String,
    /// sha256 of the manifest bytes that were served (registry), or that the layout's index names; in a daemon its
    /// ID. None where it names nothing.
    pub digest: Option<String>,
    /// The registry's status, 0 where there is no registry.
    pub status: u16,
    /// The registry's Content-Type; none where it gave none, and on other targets.
    pub content_type: Option<String>,
}

/// A document fetched by digest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fetched {
    /// The digest or reference that was asked for.
    pub asked: String,
    /// The registry's status; 200 for what was read from disk, 404 for what is not there.
    pub status: u16,
    /// The bytes; none with another status than 200.
    pub document: Option<Document>,
}

/// What lies under a `base.digest` annotation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BaseImage {
    /// What the run image's repository served under the annotation's value: a manifest or an index.
    pub fetched: Fetched,
    /// The config of that manifest, or of the index's manifest for the run image's platform; none where it
    /// could not be read.
    pub config: Option<Document>,
}

/// Digests that an export's evidence holds for its image, for comparisons.
impl Export {
    /// The listing of every layer in it, those of a classic daemon's pushed image and of a rebased one's app image too.
    pub fn listings_mut(&mut self) -> impl Iterator<Item = &mut Listing> {
        let app = self.rebase.as_mut().and_then(|rebase| rebase.app.as_mut());
        let stored = self.daemon.as_mut().map(|daemon| [daemon.pushed.as_mut(), daemon.pulled_back.as_mut()]);
        let images = [self.image.as_mut(), app].into_iter().chain(stored.into_iter().flatten()).flatten();
        images.flat_map(|image| &mut image.layers).filter_map(|layer| Some(&mut layer.blob.as_mut()?.entries))
    }

    /// The digest of the manifest's bytes, where a manifest was observed.
    #[must_use]
    pub fn manifest_digest(&self) -> Option<&Digest> {
        self.image.as_ref()?.manifest.as_ref().map(|document| &document.digest)
    }

    /// The imageID: the digest of the config's bytes.
    #[must_use]
    pub fn image_id(&self) -> Option<&Digest> {
        self.image.as_ref()?.config.as_ref().map(|document| &document.digest)
    }

    /// The phase of the lifecycle that was run.
    #[must_use]
    pub fn phase(&self) -> Phase {
        if self.rebase.is_some() { Phase::Rebaser } else { Phase::Exporter }
    }

    /// Whether it is judged as a build that had to succeed: neither bad input, nor input that it may refuse and did.
    #[must_use]
    pub fn is_good_build(&self) -> bool {
        self.inputs.expected_failure.is_none() && (self.inputs.may_refuse.is_none() || self.outcome.succeeded())
    }

    /// Path of one of this export's files in the evidence folder.
    #[must_use]
    pub fn at(&self, file: &str) -> String {
        format!("{}/{file}", self.id)
    }
}
