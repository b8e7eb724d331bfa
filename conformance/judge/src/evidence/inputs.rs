//! What an exporter was given: the facts from which the judge computes what to expect.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Document, Machine, RunImageInDaemon, WireFault};
use crate::digest::Digest;

/// The inputs of one export. All paths are absolute and as the exporter saw them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inputs {
    /// The command line, program first.
    pub argv: Vec<String>,
    /// The whole environment, credentials left out.
    pub environment: BTreeMap<String, String>,
    /// Every `<image>`, as given.
    pub images: Vec<String>,
    /// `<layers>`.
    pub layers: String,
    /// `<app>`.
    pub app: String,
    /// `<analyzed>`.
    pub analyzed: String,
    /// `<group>`.
    pub group: String,
    /// `<project-metadata>`; the file need not exist.
    pub project_metadata: String,
    /// `<report>`.
    pub report: String,
    /// `<run>`.
    pub run: String,
    /// `<launcher>`.
    pub launcher: String,
    /// `<launcher-sbom>`.
    pub launcher_sbom: String,
    /// `<layout-dir>`; none where the target is not a layout.
    pub layout_dir: Option<String>,
    /// `<process-type>`; none where it was not given.
    pub process_type: Option<String>,
    /// `SOURCE_DATE_EPOCH`, in seconds since 1970; none where it is not set or is not a number.
    pub source_date_epoch: Option<i64>,
    /// `<uid>`: the flag's or variable's, else the owner of the files.
    pub uid: u32,
    /// `<gid>`, likewise.
    pub gid: u32,
    /// Every file below `<layers>`, `<app>`, `<launcher-sbom>`, and each single input file, before the export; sorted
    /// by path.
    pub files: Vec<FileFact>,
    /// The requirement under `errors` that this export must meet by failing; none for a good build.
    pub expected_failure: Option<String>,
    /// The requirement that this export may also meet by failing: it is judged as a good build where it succeeds. None
    /// where it has to succeed, and in older evidence.
    #[serde(default)]
    pub may_refuse: Option<String>,
    /// What around the exporter's process and of its input files was made other than usual on purpose and is not a part
    /// of the build: `TZ`, `locale`, `TMPDIR`, `umask`, `working-directory`, `hostname`, `kernel`, `processors`,
    /// `PATH`, `HOME`, `USER`, `file-times`, `creation-order`.
    #[serde(default)]
    pub surroundings: BTreeMap<String, String>,
    /// Numeric ID of the user that the exporter ran as; none where that is the user who ran the suite, and in older
    /// evidence.
    #[serde(default)]
    pub run_as: Option<u32>,
    /// Seconds within which the exporter must give up a registry that it cannot reach, by its description; 0 in older
    /// evidence.
    #[serde(default)]
    pub unreachable_limit: u64,
    /// The word that stands for the scenario in names of images, drawn for this run; none where an earlier version gave
    /// them the scenario's own name.
    #[serde(default)]
    pub project: Option<String>,
    /// The machine and the user; none where an earlier version wrote the evidence.
    #[serde(default)]
    pub machine: Option<Machine>,
    /// What the registry did wrong on purpose during this export. Nothing in older evidence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<WireFault>,
    /// The image that `analyzed.toml` names as the previous one, where another exporter than this one made it. Absent
    /// in evidence of before there were such images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_image: Option<PreviousImage>,
}

/// A previous image that the suite made, as another exporter leaves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousImage {
    /// Its manifest.
    pub manifest: Document,
    /// Its config.
    pub config: Document,
    /// Values that no other input has: where one is found, it was taken from this image.
    pub sentinels: Vec<String>,
}

/// Variables that are of the surroundings and not of the build.
const OF_THE_SURROUNDINGS: [&str; 8] = ["TZ", "LC_ALL", "LANG", "TMPDIR", "HOME", "PATH", "USER", "LOGNAME"];
/// Flags that say how to work and not what to make.
const OF_THE_WORK: [&str; 1] = ["-parallel"];

/// One file on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFact {
    /// Absolute path.
    pub path: String,
    /// What it is.
    pub kind: FileKind,
    /// Permission bits with setuid, setgid and sticky: at most `0o7777`.
    pub mode: u32,
    /// Size of a regular file in bytes; 0 for all else.
    pub size: u64,
    /// sha256 of a regular file's bytes; none for all else.
    pub content: Option<Digest>,
    /// Where a symbolic link points, as written; none for all else.
    pub link: Option<String>,
    /// The text of a regular `.toml` or `.json` file that is UTF-8 and at most 1 MiB; none for all else.
    pub text: Option<String>,
    /// Extended attributes of a file or folder: their names, and their values in base64. Absent where there are none,
    /// and in older evidence.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub xattrs: BTreeMap<String, String>,
    /// How many names a regular file has: 1 where it has no hard links. Absent for what is not a regular file, and in
    /// older evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub links: Option<u64>,
}

/// A file that is otherwise after an export than it was before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedFile {
    /// Absolute path, as the exporter saw it.
    pub path: String,
    /// What it is now; what it was, where it is gone.
    pub kind: FileKind,
    /// What became of it.
    pub change: Change,
    /// In what it is another, where it was altered; nothing in older evidence.
    #[serde(default)]
    pub aspects: Vec<Aspect>,
}

/// In what a file is another than it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Aspect {
    /// A file is a folder now, or a link.
    Kind,
    /// The bytes.
    Content,
    /// Where a link points.
    Link,
    /// The permission bits.
    Mode,
    /// User or group.
    Owner,
    /// When a regular file was last modified.
    Time,
}

/// What became of a file during an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It was not there before.
    Added,
    /// It is another in one [`Aspect`] or more.
    Altered,
    /// It is gone.
    Removed,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileKind {
    /// A regular file, hard links included.
    File,
    /// A folder.
    Directory,
    /// A symbolic link.
    Symlink,
    /// Anything else: a socket, a fifo, a device.
    Other,
}

/// The run image as the analysis phase saw it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunImage {
    /// `run-image.image` of `analyzed.toml`.
    pub name: String,
    /// `run-image.reference` of `analyzed.toml`.
    pub reference: String,
    /// The digest under which it was analysed: of the index where it is behind one, else of the manifest.
    pub digest: Digest,
    /// The index's bytes; none where it is not behind one, and where the target keeps none.
    pub index: Option<Document>,
    /// The (platform) manifest's bytes; no bytes where the daemon made the image and keeps no manifest.
    pub manifest: Document,
    /// The config's bytes.
    pub config: Document,
    /// Every annotation and label value, each of which occurs in no other input.
    pub sentinels: Vec<String>,
    /// What image extensions made of it; absent where `run-image.extend` of `analyzed.toml` does not say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<ExtendedImage>,
    /// What the run image's tag named when the exporter started; none where that was `digest`.
    pub tag_moved_to: Option<Digest>,
    /// How the daemon that is exported to has it; absent on other targets, and in older evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_daemon: Option<RunImageInDaemon>,
}

/// A run image as image extensions left it in `<extended>/run`: its layers are the run image's, and theirs upon them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExtendedImage {
    /// The manifest's bytes.
    pub manifest: Document,
    /// The config's bytes.
    pub config: Document,
}

impl RunImage {
    /// The config that the app image's is made from: the extended image's, where extensions extended the run image.
    #[must_use]
    pub fn base_config(&self) -> &Document {
        self.extension.as_ref().map_or(&self.config, |extended| &extended.config)
    }

    /// Every document of it that was an input.
    pub fn documents(&self) -> impl Iterator<Item = &Document> {
        let extended = self.extension.iter().flat_map(|extended| [&extended.config, &extended.manifest]);
        [&self.config, &self.manifest].into_iter().chain(&self.index).chain(extended)
    }
}

impl Inputs {
    /// The fact of the file at `path`.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&FileFact> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The text of the file at `path`, where it was kept.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        self.file(path)?.text.as_deref()
    }

    /// The log level that the platform asked for: the last flag's, else the variable's.
    #[must_use]
    pub fn log_level(&self) -> Option<&str> {
        let is_flag = |word: &str| matches!(word, "-log-level" | "--log-level");
        let of_a_flag = self.argv.iter().enumerate().rev().find_map(|(index, word)| match word.split_once('=') {
            Some((name, level)) if is_flag(name) => Some(level),
            _ if is_flag(word) => self.argv.get(index + 1).map(String::as_str),
            _ => None,
        });
        of_a_flag.or_else(|| self.environment.get("CNB_LOG_LEVEL").map(String::as_str))
    }

    /// The files strictly below `folder`.
    pub fn below<'a>(&'a self, folder: &str) -> impl Iterator<Item = &'a FileFact> + use<'a> {
        let prefix = format!("{}/", folder.trim_end_matches('/'));
        self.files.iter().filter(move |file| file.path.starts_with(&prefix))
    }

    /// Paths of the files whose facts are not the same in both, and names of other inputs that differ (`images`,
    /// `environment`, `arguments`, `surroundings`). Empty when both exports were given the same at the same paths.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        let facts = |inputs: &Self| -> BTreeMap<String, FileFact> {
            inputs.files.iter().map(|file| (file.path.clone(), file.clone())).collect()
        };
        let (ours, theirs) = (facts(self), facts(other));
        let mut paths: Vec<&String> = ours.keys().chain(theirs.keys()).collect();
        paths.sort();
        paths.dedup();
        found.extend(paths.into_iter().filter(|path| ours.get(*path) != theirs.get(*path)).cloned());
        if self.images != other.images {
            found.push("images".to_owned());
        }
        let variables = |inputs: &Self, of_the_build: bool| -> BTreeMap<String, String> {
            let is_wanted = |name: &String| OF_THE_SURROUNDINGS.contains(&name.as_str()) != of_the_build;
            inputs.environment.clone().into_iter().filter(|(name, _)| is_wanted(name)).collect()
        };
        if variables(self, true) != variables(other, true) || self.source_date_epoch != other.source_date_epoch {
            found.push("environment".to_owned());
        }
        let what = |inputs: &Self| -> Vec<String> {
            inputs.argv.iter().filter(|argument| !OF_THE_WORK.contains(&argument.as_str())).cloned().collect()
        };
        if what(self) != what(other) || self.run_as != other.run_as {
            found.push("arguments".to_owned());
        }
        if self.surroundings != other.surroundings || variables(self, false) != variables(other, false) {
            found.push("surroundings".to_owned());
        }
        found
    }
}
