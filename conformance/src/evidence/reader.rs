//! A run read back from its evidence: every file is held against its hash before anything of it is used.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Component, Path, PathBuf};

use judge::evidence::{EVIDENCE_VERSION, Export, Listing, ScenarioEvidence};
use serde_json::Value;

use super::index::{files, folders, sha256_of};
use super::parts;
use crate::budget;
use crate::error::{Cause, context};
use crate::given;
use crate::record::{RunRecord, ScenarioFacts};

/// The oldest format that is read: in version 1 every `export.json` is whole by itself.
const OLDEST: u32 = 1;

/// Why stored evidence cannot be used. Messages read after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    /// There is no evidence at the path.
    #[error("read evidence from {} (a folder that run --evidence made, or a file that bundle made)", path.display())]
    NotThere {
        /// The path.
        path: PathBuf,
        /// Why.
        source: Cause,
    },
    /// A file is there, and may not be read.
    #[error("read evidence from {}: {file} cannot be read", path.display())]
    Unreadable {
        /// The folder or bundle.
        path: PathBuf,
        /// The file in it.
        file: String,
        /// The system's reason.
        source: io::Error,
    },
    /// A file is missing, altered or cut short.
    #[error("read evidence from {}: {file} is damaged", path.display())]
    Damaged {
        /// The folder or bundle.
        path: PathBuf,
        /// The file in it.
        file: String,
        /// What is wrong with it.
        source: Cause,
    },
    /// Another program wrote it.
    #[error(
        "read evidence from {}: its format is version {found}, and this program reads {OLDEST} to {EVIDENCE_VERSION}; use \
         the version of conformance that wrote it ({tool})", path.display()
    )]
    Version {
        /// The folder or bundle.
        path: PathBuf,
        /// Its version.
        found: String,
        /// Who wrote it.
        tool: String,
    },
    /// A temporary folder could not be made or written.
    #[error("unpack {}", path.display())]
    Unpack {
        /// The bundle.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// A run that was stored.
pub struct Stored {
    /// The run without its exports.
    pub facts: RunRecord,
    /// Its exports.
    pub scenarios: Vec<ScenarioEvidence>,
}

impl Stored {
    /// Reads a folder of evidence; `named` is what messages call it.
    ///
    /// # Errors
    /// [`StoredError`] naming what is damaged.
    pub fn read(folder: &Path, named: &Path) -> Result<Self, StoredError> {
        Self::read_hashed(folder, named, &BTreeMap::new())
    }

    /// As [`Self::read`], with the hashes of files that are not in the folder: they were hashed on their way.
    pub(super) fn read_hashed(
        folder: &Path,
        named: &Path,
        hashed: &BTreeMap<String, String>,
    ) -> Result<Self, StoredError> {
        let reader = Reader { folder, named, hashed, left: Cell::new(budget::EVIDENCE), listings: RefCell::default() };
        let index = reader.index()?;
        reader.verify(&index)?;
        let mut facts: RunRecord =
            serde_json::from_slice(&reader.bytes("run.json")?).map_err(|error| reader.damaged("run.json", error))?;
        let known: BTreeSet<String> = files(&index).into_iter().map(|(file, _)| file).collect();
        let mut exports = BTreeMap::new();
        for folder in folders(&index) {
            let export = reader.export(&folder, &known)?;
            exports.insert(export.id.clone(), export);
        }
        if facts.complete && !folder.join("manifest.sha256").exists() {
            return Err(reader.damaged("manifest.sha256", "it is not there, and the run came to its end"));
        }
        if !facts.complete {
            facts.scenarios = unfinished(&exports);
        }
        let scenarios = facts.scenarios.iter().map(|scenario| reader.scenario(scenario, &mut exports));
        let scenarios = scenarios.collect::<Result<_, _>>()?;
        Ok(Self { facts, scenarios })
    }
}

/// Every export that was written before the end, in the order in which a run would have them.
fn unfinished(exports: &BTreeMap<String, Export>) -> Vec<ScenarioFacts> {
    let mut ordered: Vec<&Export> = exports.values().collect();
    ordered.sort_by_key(|export| (&export.scenario, export.target, &export.service, export.step));
    let mut scenarios: Vec<ScenarioFacts> = Vec::new();
    for export in ordered {
        if scenarios.last().is_none_or(|last| last.scenario != export.scenario) {
            let scenario = export.scenario.clone();
            scenarios.push(ScenarioFacts { scenario, exports: Vec::new(), not_run: Vec::new(), milliseconds: None });
        }
        if let Some(last) = scenarios.last_mut() {
            last.exports.push(export.id.clone());
        }
    }
    scenarios
}

struct Reader<'a> {
    folder: &'a Path,
    named: &'a Path,
    /// The sha256 of files that are not in the folder.
    hashed: &'a BTreeMap<String, String>,
    /// Bytes of documents that may still be read.
    left: Cell<u64>,
    /// Listings by the sha256 of their files: each is in memory once.
    listings: RefCell<BTreeMap<String, Listing>>,
}

impl Reader<'_> {
    fn damaged(&self, file: &str, cause: impl Into<Cause>) -> StoredError {
        StoredError::Damaged { path: self.named.to_path_buf(), file: file.to_owned(), source: cause.into() }
    }

    /// What is wrong with a file that could not be read.
    fn unread(&self, file: &str, source: io::Error) -> StoredError {
        match source.kind() {
            io::ErrorKind::PermissionDenied => {
                StoredError::Unreadable { path: self.named.to_path_buf(), file: file.to_owned(), source }
            }
            _ => self.damaged(file, source),
        }
    }

    fn bytes(&self, file: &str) -> Result<Vec<u8>, StoredError> {
        let bytes = given::bytes(&self.folder.join(file), budget::RECORD).map_err(|error| self.unread(file, error))?;
        let left = self.left.get().checked_sub(bytes.len() as u64).ok_or_else(|| {
            self.damaged(file, format!("all that is read of a run is more than {} bytes", budget::EVIDENCE))
        })?;
        self.left.set(left);
        Ok(bytes)
    }

    fn index(&self) -> Result<Value, StoredError> {
        let bytes =
            given::bytes(&self.folder.join("index.json"), budget::RECORD).map_err(|error| StoredError::NotThere {
                path: self.named.to_path_buf(),
                source: context("no index.json can be read there")(error).into(),
            })?;
        let index: Value = serde_json::from_slice(&bytes).map_err(|error| self.damaged("index.json", error))?;
        let is_read = |version| (OLDEST.into()..=EVIDENCE_VERSION.into()).contains(&version);
        if !index["version"].as_u64().is_some_and(is_read) {
            return Err(StoredError::Version {
                path: self.named.to_path_buf(),
                found: index["version"].to_string(),
                tool: index["tool"].as_str().unwrap_or("unknown").to_owned(),
            });
        }
        if index["run"].as_str().is_none() {
            return Err(self.damaged("index.json", "it names no run.json; an older conformance wrote it: run again"));
        }
        Ok(index)
    }

    /// Every file is there and has its hash; the manifest, where the run came to its end, says the same of each.
    fn verify(&self, index: &Value) -> Result<(), StoredError> {
        let mut hashes: BTreeMap<String, String> = files(index).into_iter().collect();
        for (file, hash) in &hashes {
            self.verify_file(file, hash)?;
        }
        let manifest = match given::bytes(&self.folder.join("manifest.sha256"), budget::RECORD) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other.map_err(|error| self.unread("manifest.sha256", error))?,
        };
        let manifest = String::from_utf8_lossy(&manifest);
        let index = sha256_of(&self.folder.join("index.json")).map_err(|error| self.damaged("index.json", error))?;
        hashes.insert("index.json".to_owned(), index);
        for line in manifest.lines() {
            let (hash, file) = line
                .split_once("  ")
                .ok_or_else(|| self.damaged("manifest.sha256", "a line is not a hash and file"))?;
            match hashes.remove(file) {
                Some(found) if found == hash => {}
                Some(found) => {
                    return Err(self.damaged(file, format!("its sha256 is {found}, and manifest.sha256 has {hash}")));
                }
                None => {
                    let reason = format!("it names {file} twice, or index.json does not name that");
                    return Err(self.damaged("manifest.sha256", reason));
                }
            }
        }
        match hashes.keys().next() {
            None => Ok(()),
            Some(file) => Err(self.damaged("manifest.sha256", format!("it does not name {file}"))),
        }
    }

    fn verify_file(&self, file: &str, hash: &str) -> Result<(), StoredError> {
        let inside = Path::new(file).components().all(|part| matches!(part, Component::Normal(_)));
        if !inside {
            return Err(self.damaged("index.json", format!("it names a file outside of the evidence: {file}")));
        }
        let found = match self.hashed.get(file) {
            Some(found) => Ok(found.clone()),
            None => sha256_of(&self.folder.join(file)),
        };
        match found {
            Ok(found) if found == hash => Ok(()),
            Ok(found) => Err(self.damaged(file, format!("its sha256 is {found} and was {hash}"))),
            Err(error) => Err(self.unread(file, error)),
        }
    }

    /// An export with all that its file leaves to others; only files that were held against their hashes are read.
    fn export(&self, folder: &str, known: &BTreeSet<String>) -> Result<Export, StoredError> {
        let name = format!("{folder}/export.json");
        let unreadable = |error: serde_json::Error| self.damaged(&name, error);
        let mut value: Value = serde_json::from_slice(&self.bytes(&name)?).map_err(unreadable)?;
        parts::put_back(&mut value, &|file| {
            let file = format!("{folder}/{file}");
            let bytes = self.known(&file, &name, known)?;
            String::from_utf8(bytes)
                .map(|text| serde_json::json!({ "text": text }))
                .map_err(|error| self.damaged(&file, error))
        })?;
        let mut named = parts::listings(&value);
        let mut export: Export = serde_json::from_value(value).map_err(unreadable)?;
        for listing in export.listings_mut() {
            let Some(hash) = listing.is_elsewhere() else { continue };
            let found = self.listing(hash, &name, known)?;
            listing.put(&found);
            named -= 1;
        }
        if named > 0 {
            return Err(self.damaged(&name, "it names a listing where there is no layer"));
        }
        Ok(export)
    }

    /// The bytes of a file that was held against its hash; `by` names it.
    fn known(&self, file: &str, by: &str, known: &BTreeSet<String>) -> Result<Vec<u8>, StoredError> {
        if !known.contains(file) {
            return Err(self.damaged(by, format!("it names {file}, and index.json does not")));
        }
        self.bytes(file)
    }

    fn listing(&self, hash: &str, by: &str, known: &BTreeSet<String>) -> Result<Listing, StoredError> {
        if let Some(found) = self.listings.borrow().get(hash) {
            return Ok(found.clone());
        }
        let file = parts::listing_file(hash);
        let bytes = self.known(&file, by, known)?;
        let found: Listing = serde_json::from_slice(&bytes).map_err(|error| self.damaged(&file, error))?;
        if found.is_elsewhere().is_some() {
            return Err(self.damaged(&file, "it is not a listing"));
        }
        self.listings.borrow_mut().insert(hash.to_owned(), found.clone());
        Ok(found)
    }

    fn scenario(
        &self,
        facts: &ScenarioFacts,
        exports: &mut BTreeMap<String, Export>,
    ) -> Result<ScenarioEvidence, StoredError> {
        let mut found = Vec::new();
        for id in &facts.exports {
            let export =
                exports.remove(id).ok_or_else(|| self.damaged(id, "run.json names it, and it is not there"))?;
            found.push(export);
        }
        let (rebases, found) = found.into_iter().partition(|export: &Export| export.rebase.is_some());
        Ok(ScenarioEvidence {
            version: EVIDENCE_VERSION,
            scenario: facts.scenario.clone(),
            exports: found,
            rebases,
            not_run: facts.not_run.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_not_be_read_is_not_damaged() {
        let (folder, hashed) = (Path::new("/evidence"), BTreeMap::new());
        let left = Cell::new(budget::EVIDENCE);
        let reader = Reader { folder, named: folder, hashed: &hashed, left, listings: RefCell::default() };
        let told = |kind: io::ErrorKind| reader.unread("run.json", kind.into()).to_string();
        assert!(told(io::ErrorKind::PermissionDenied).ends_with("run.json cannot be read"));
        assert!(told(io::ErrorKind::NotFound).ends_with("run.json is damaged"));
    }
}
