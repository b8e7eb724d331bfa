//! Where scenarios come from: compiled in, or a folder on disk. Both give the same files, so that an installed binary
//! and a checkout judge alike; permission bits are not taken over, because neither a checkout nor a binary keeps them.

use std::path::{Path, PathBuf};

use include_dir::{Dir, DirEntry, include_dir};

use super::ScenarioError;

static SCENARIOS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../fixtures/scenarios");

/// One file of a scenario's folder.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Path relative to the folder.
    pub path: String,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// Where a scenario comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Compiled in.
    BuiltIn,
    /// A folder on disk.
    Folder(PathBuf),
}

impl Origin {
    /// The scenario's file as messages name it.
    #[must_use]
    pub fn shown(&self, name: &str) -> String {
        match self {
            Self::BuiltIn => format!("built-in scenario {name}"),
            Self::Folder(path) => path.join("scenario.toml").display().to_string(),
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built-in"),
            Self::Folder(path) => path.display().fmt(f),
        }
    }
}

pub(super) fn built_in() -> Vec<(String, Vec<SourceFile>)> {
    let mut found = Vec::new();
    for folder in SCENARIOS.dirs() {
        let mut files = Vec::new();
        collect(folder, folder.path(), &mut files);
        found.push((folder.path().to_string_lossy().into_owned(), files));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

fn collect(folder: &Dir<'_>, root: &Path, files: &mut Vec<SourceFile>) {
    for entry in folder.entries() {
        match entry {
            DirEntry::Dir(inner) => collect(inner, root, files),
            DirEntry::File(file) => {
                let path = file.path().strip_prefix(root).unwrap_or(file.path());
                files.push(SourceFile { path: path.to_string_lossy().into_owned(), content: file.contents().to_vec() });
            }
        }
    }
}

/// `folder` itself where it is a scenario, else the scenarios in it, by name.
pub(super) fn scenario_folders(folder: &Path) -> Result<Vec<PathBuf>, ScenarioError> {
    if folder.join("scenario.toml").is_file() {
        return Ok(vec![folder.to_path_buf()]);
    }
    let fail = |source| ScenarioError::Read { path: folder.to_path_buf(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        if path.join("scenario.toml").is_file() {
            found.push(path);
        }
    }
    if found.is_empty() {
        return Err(fail(std::io::Error::new(std::io::ErrorKind::NotFound, "no scenario.toml in it or its folders")));
    }
    found.sort();
    Ok(found)
}

pub(super) fn read_folder(folder: &Path) -> Result<Vec<SourceFile>, ScenarioError> {
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name() {
        let entry = entry.map_err(|error| ScenarioError::Read {
            path: error.path().unwrap_or(folder).to_path_buf(),
            source: error.into_io_error().unwrap_or_else(|| std::io::Error::other("a loop of links")),
        })?;
        if entry.file_type().is_dir() {
            continue;
        }
        let path = entry.path();
        if !entry.file_type().is_file() {
            return Err(ScenarioError::Senseless {
                file: path.display().to_string(),
                key: "the file's kind".to_owned(),
                reason: "a scenario's folder holds regular files only; make links under [[files]]".to_owned(),
            });
        }
        let content = crate::given::bytes(path, crate::budget::SOURCE)
            .map_err(|source| ScenarioError::Read { path: path.to_path_buf(), source })?;
        let relative = path.strip_prefix(folder).unwrap_or(path).to_string_lossy().into_owned();
        files.push(SourceFile { path: relative, content });
    }
    Ok(files)
}
