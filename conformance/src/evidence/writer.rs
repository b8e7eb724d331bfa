//! Evidence on disk, written as it is made: one folder for each export, layer blobs once under `blobs/sha256`, their
//! listings once under `listings`, and an `index.json` with the hash of every file. `docs/evidence.md` describes the
//! format.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use judge::digest::Digest;
use judge::evidence::{EVIDENCE_VERSION, Export, Listing};
use serde_json::json;

use super::files::files_of;
use super::index::files;
use super::parts;
use crate::locked::locked;
use crate::record::RunRecord;
use crate::whole_file::{self, Beside};

/// Why evidence could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The folder holds something already.
    #[error("keep evidence in {}: it is not empty, and evidence is never overwritten; name a new folder", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// It is not a folder.
    #[error("keep evidence in {}: it is a file; name a new folder", path.display())]
    File {
        /// The file.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("write evidence to {} (--evidence chooses the disk)", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// How many times the time that writing the index takes pass at least until it is written again. It names every file of
/// the run: written after each export, it would cost more than the exports of a long run do.
const BETWEEN_INDEXES: u32 = 50;

/// A folder of evidence.
pub struct EvidenceFolder {
    root: PathBuf,
    /// Whether documents are written; if not, the folder holds blobs alone.
    documents: bool,
    /// Held while files are put that belong together: an index is never replaced by one that was made before it.
    turn: Mutex<()>,
    /// When the index is due again.
    due: Mutex<Instant>,
    /// What the index says of each export, by its id.
    exports: Mutex<BTreeMap<String, serde_json::Value>>,
    /// Size by sha256.
    listings: Mutex<BTreeMap<String, usize>>,
    /// The sha256 of listings that were written, by where they are in memory; each is kept there, so that no other
    /// comes to its place.
    written: Mutex<HashMap<usize, (String, Listing)>>,
    run: Mutex<Option<String>>,
}

impl EvidenceFolder {
    /// Makes the folder of a run whose evidence is kept. It must be empty or not there yet.
    ///
    /// # Errors
    /// [`EvidenceError`] naming the folder.
    pub fn create(root: &Path) -> Result<Self, EvidenceError> {
        let folder = Self { documents: true, ..Self::of_blobs(root)? };
        folder.put_with_index(Vec::new(), &BTreeMap::new(), None, false)?;
        Ok(folder)
    }

    /// Makes the folder of a run whose evidence is not kept: only blobs are put there, and what is added is not
    /// written.
    ///
    /// # Errors
    /// As of [`Self::create`].
    pub fn of_blobs(root: &Path) -> Result<Self, EvidenceError> {
        let fail = |source| EvidenceError::Write { path: root.to_path_buf(), source };
        if root.exists() && !root.is_dir() {
            return Err(EvidenceError::File { path: root.to_path_buf() });
        }
        fs::create_dir_all(root.join("blobs/sha256")).map_err(fail)?;
        let others = fs::read_dir(root).map_err(fail)?.filter_map(Result::ok).filter(|e| e.file_name() != "blobs");
        let blobs = fs::read_dir(root.join("blobs/sha256")).map_err(fail)?;
        if others.count() > 0 || blobs.count() > 0 {
            return Err(EvidenceError::NotEmpty { path: root.to_path_buf() });
        }
        Ok(Self {
            root: root.to_path_buf(),
            documents: false,
            turn: Mutex::default(),
            due: Mutex::new(Instant::now()),
            exports: Mutex::default(),
            listings: Mutex::default(),
            written: Mutex::default(),
            run: Mutex::default(),
        })
    }

    /// Where it is.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Writes one export's evidence. The index names it now or later, at the end of the run at the latest; of a run
    /// that is killed it may lack the last exports.
    ///
    /// # Errors
    /// [`EvidenceError::Write`] naming the file.
    pub fn add(&self, export: &Export, inputs_kept: Option<&Path>) -> Result<(), EvidenceError> {
        if !self.documents {
            return Ok(());
        }
        let mut files = Vec::new();
        let mut contents = files_of(export, inputs_kept);
        contents.push(("export.json", self.export_file(export, &contents)?));
        let replaces = locked(&self.exports).contains_key(&export.id);
        let mut files_beside = Vec::new();
        for (name, bytes) in contents {
            let path = self.root.join(&export.id).join(name);
            path.parent().map_or(Ok(()), fs::create_dir_all).map_err(failed(&path))?;
            let mode = if name == "repeat.sh" { 0o777 } else { 0o666 };
            let file = whole_file::beside(&path, &bytes, mode).map_err(failed(&path))?;
            if replaces {
                files_beside.push((file, path));
            } else {
                file.put().map_err(failed(&path))?;
            }
            files.push(json!({ "path": name, "size": bytes.len(), "sha256": Digest::of(&bytes).encoded() }));
        }
        let entry = json!({ "id": export.id, "folder": export.id, "files": files });
        // An export that is made again on another engine replaces what was seen of it, and what the index says of it.
        let _turn = locked(&self.turn);
        if replaces || *locked(&self.due) <= Instant::now() {
            let mut exports = locked(&self.exports).clone();
            exports.insert(export.id.clone(), entry.clone());
            let run = locked(&self.run).clone();
            self.put_with_index(files_beside, &exports, run.as_deref(), false)?;
        }
        locked(&self.exports).insert(export.id.clone(), entry);
        Ok(())
    }

    /// The bytes of `export.json`, which leaves to other files what they have; listings are written before them.
    fn export_file(&self, export: &Export, others: &[(&'static str, Vec<u8>)]) -> Result<Vec<u8>, EvidenceError> {
        let mut export = export.clone();
        for listing in export.listings_mut().filter(|listing| !listing.is_empty()) {
            *listing = Listing::elsewhere(&self.listing(listing)?);
        }
        let path = self.root.join(&export.id).join("export.json");
        let mut value =
            serde_json::to_value(export).map_err(|error| EvidenceError::Write { path, source: error.into() })?;
        parts::take(&mut value, others);
        Ok(value.to_string().into_bytes())
    }

    /// The sha256 of a listing's file, which is written where it is not there.
    fn listing(&self, listing: &Listing) -> Result<String, EvidenceError> {
        let mut written = locked(&self.written);
        if let Some((hash, _)) = written.get(&listing.place()) {
            return Ok(hash.clone());
        }
        let bytes = serde_json::to_vec(listing).map_err(|error| failed(&self.root)(error.into()))?;
        let hash = Digest::of(&bytes).encoded().to_owned();
        let path = self.root.join(parts::listing_file(&hash));
        path.parent().map_or(Ok(()), fs::create_dir_all).map_err(failed(&path))?;
        whole_file::write(&path, &bytes, 0o666).map_err(failed(&path))?;
        locked(&self.listings).insert(hash.clone(), bytes.len());
        written.insert(listing.place(), (hash.clone(), listing.clone()));
        Ok(hash)
    }

    /// Writes what the run is, next to its exports, as far as it is known.
    ///
    /// # Errors
    /// [`EvidenceError::Write`] naming the file.
    pub fn write_run(&self, facts: &RunRecord) -> Result<(), EvidenceError> {
        if !self.documents {
            return Ok(());
        }
        self.put_run(facts, false)
    }

    /// Writes what the run was, and the manifest of all files, which `sha256sum -c` reads too.
    ///
    /// # Errors
    /// [`EvidenceError::Write`] naming the file.
    pub fn complete(&self, facts: &RunRecord) -> Result<(), EvidenceError> {
        self.put_run(facts, true)
    }

    fn put_run(&self, facts: &RunRecord, is_complete: bool) -> Result<(), EvidenceError> {
        let path = self.root.join("run.json");
        let text = serde_json::to_string_pretty(facts).map_err(|error| failed(&path)(error.into()))? + "\n";
        let hash = Digest::of(text.as_bytes()).encoded().to_owned();
        let _turn = locked(&self.turn);
        let exports = locked(&self.exports).clone();
        let run = whole_file::beside(&path, text.as_bytes(), 0o666).map_err(failed(&path))?;
        self.put_with_index(vec![(run, path)], &exports, Some(&hash), is_complete)?;
        *locked(&self.run) = Some(hash);
        Ok(())
    }

    /// Puts files in their places together with an index that names them as they are now, and with the manifest where
    /// the run is complete. All is written before the first is put: on a full disk those that are there go on being one
    /// whole.
    fn put_with_index(
        &self,
        mut files_beside: Vec<(Beside, PathBuf)>,
        exports: &BTreeMap<String, serde_json::Value>,
        run: Option<&str>,
        is_complete: bool,
    ) -> Result<(), EvidenceError> {
        let begun = Instant::now();
        let value = self.index(exports, run)?;
        let index = format!("{value:#}\n");
        let mut add = |name: &str, text: &str| {
            let path = self.root.join(name);
            let file = whole_file::beside(&path, text.as_bytes(), 0o666).map_err(failed(&path))?;
            files_beside.push((file, path));
            Ok(())
        };
        add("index.json", &index)?;
        if is_complete {
            let mut files = files(&value);
            files.push(("index.json".to_owned(), Digest::of(index.as_bytes()).encoded().to_owned()));
            files.sort();
            let lines: Vec<String> = files.into_iter().map(|(file, hash)| format!("{hash}  {file}\n")).collect();
            add("manifest.sha256", &lines.concat())?;
        }
        for (file, path) in files_beside {
            file.put().map_err(failed(&path))?;
        }
        *locked(&self.due) = Instant::now() + begun.elapsed() * BETWEEN_INDEXES;
        Ok(())
    }

    /// What `index.json` says with these exports and this run.
    fn index(
        &self,
        exports: &BTreeMap<String, serde_json::Value>,
        run: Option<&str>,
    ) -> Result<serde_json::Value, EvidenceError> {
        let path = self.root.join("blobs/sha256");
        let mut blobs = Vec::new();
        for entry in fs::read_dir(&path).map_err(failed(&path))?.filter_map(Result::ok) {
            let name = entry.file_name().to_string_lossy().into_owned();
            // A blob that is still being written has another name.
            if name.len() == 64 {
                let size = entry.metadata().map_err(failed(&path))?.len();
                blobs.push(json!({ "digest": format!("sha256:{name}"), "size": size }));
            }
        }
        blobs.sort_by_key(|blob| blob["digest"].as_str().unwrap_or_default().to_owned());
        let exports: Vec<_> = exports.values().cloned().collect();
        let listings = locked(&self.listings).clone();
        let listings: Vec<_> =
            listings.into_iter().map(|(sha256, size)| json!({ "sha256": sha256, "size": size })).collect();
        Ok(json!({
            "version": EVIDENCE_VERSION,
            "tool": format!("conformance {}", env!("CARGO_PKG_VERSION")),
            "run": run,
            "exports": exports,
            "listings": listings,
            "blobs": blobs,
        }))
    }
}

/// The file system refused this file: for `map_err`.
fn failed(path: &Path) -> impl FnOnce(io::Error) -> EvidenceError {
    let path = path.to_path_buf();
    move |source| EvidenceError::Write { path, source }
}

#[cfg(test)]
mod tests {
    use judge::evidence::ScenarioEvidence;

    use super::super::reader::{Stored, StoredError};
    use super::*;
    use crate::compare::sample;
    use crate::record;

    fn facts(found: &[ScenarioEvidence], complete: bool) -> RunRecord {
        let mut value = json!({
            "version": EVIDENCE_VERSION, "complete": complete, "tool": record::Tool::this(),
            "exporter": { "name": "x", "path": "/x", "sha256": "sha256:0" }, "exporter_argument": "", "platform_api": "0.15",
            "profile": "default", "targets": [], "require": [], "scenario_folders": {}, "started": "2026-01-01T00:00:00Z",
            "narrowed": { "requirements": [], "only": null, "shard": null, "fail_fast": false },
            "seconds": 0.0, "paths": { "build": "/b", "isolated": true, "reason": null }, "services": [],
            "left_behind": [], "interrupted": false, "scenarios": [],
        });
        value["scenarios"] = json!(record::scenarios(found, &BTreeMap::new()));
        serde_json::from_value(value).unwrap()
    }

    /// A run whose writes fail as `failing` says; how many exports were written, and how many writes there were.
    fn run_on(root: &Path, failing: whole_file::Failing) -> (usize, usize) {
        let made = |step: usize| Export { id: format!("minimal/registry/{step}"), step, ..sample::export() };
        let scenario = ScenarioEvidence {
            version: EVIDENCE_VERSION,
            scenario: "minimal".to_owned(),
            exports: (1..4).map(made).collect(),
            rebases: Vec::new(),
            not_run: Vec::new(),
        };
        whole_file::fail(failing);
        let mut added = 0;
        if let Ok(folder) = EvidenceFolder::create(root) {
            let begun = folder.write_run(&facts(&[], false)).is_ok();
            for export in scenario.exports.iter().filter(|_| begun) {
                *locked(&folder.due) = Instant::now();
                added += usize::from(folder.add(export, None).is_ok());
            }
            // One that is made again.
            let mut again = scenario.exports[0].clone();
            again.outcome.stdout.push_str("again");
            if begun {
                let _ = folder.add(&again, None);
            }
            if begun && added == scenario.exports.len() {
                let _ = folder.complete(&facts(std::slice::from_ref(&scenario), true));
            }
        }
        (added, whole_file::fail(whole_file::Failing::Never))
    }

    #[test]
    fn what_was_written_is_judgeable_whichever_write_finds_no_room() {
        let folder = tempfile::tempdir().unwrap();
        let (all, writes) = run_on(&folder.path().join("whole"), whole_file::Failing::Never);
        assert!(all > 1 && writes > 20, "{all} {writes}");
        assert_eq!(Stored::read(&folder.path().join("whole"), folder.path()).unwrap().scenarios.len(), 1);
        let mut read = 0;
        for at in 0..writes {
            for failing in [whole_file::Failing::Once(at), whole_file::Failing::From(at)] {
                let root = folder.path().join(format!("{failing:?}"));
                let (added, _) = run_on(&root, failing);
                match Stored::read(&root, &root) {
                    Ok(stored) => {
                        let found: usize = stored.scenarios.iter().map(|one| one.exports.len()).sum();
                        assert!(found >= added, "{failing:?}: {found} of {added}");
                        read += 1;
                    }
                    // There is nothing yet.
                    Err(StoredError::NotThere { .. }) if added == 0 => {}
                    Err(StoredError::Damaged { ref file, .. }) if added == 0 && file == "index.json" => {}
                    Err(error) => panic!("{failing:?}: {}", crate::error::chain(&error)),
                }
            }
        }
        assert!(read > writes, "{read}");
    }
}
