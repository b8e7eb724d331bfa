//! Evidence on disk, written as it is made: one folder for each export, layer blobs once under `blobs/sha256`, their
//! listings once under `listings`, and an `index.json` with the hash of every file. `docs/evidence.md` describes the format.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use judge::digest::Digest;
use judge::evidence::{Document, EVIDENCE_VERSION, Export, Image, Listing};
use serde_json::json;

use super::index::files;
use super::parts;
use crate::locked::locked;
use crate::record::RunRecord;
use crate::whole_file;

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

/// How many times the time that writing the index takes pass at least until it is written again. It names every file of the
/// run: written after each export, it would cost more than the exports of a long run do.
const BETWEEN_INDEXES: u32 = 50;

/// A folder of evidence.
pub struct EvidenceFolder {
    root: PathBuf,
    /// Whether documents are written; if not, the folder holds blobs alone.
    documents: bool,
    /// When the index is due again.
    due: Mutex<Instant>,
    /// What the index says of each export, by its id.
    exports: Mutex<BTreeMap<String, serde_json::Value>>,
    /// Size by sha256.
    listings: Mutex<BTreeMap<String, usize>>,
    /// The sha256 of listings that were written, by where they are in memory; each is kept there, so that no other comes
    /// to its place.
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
        folder.write_index()?;
        Ok(folder)
    }

    /// Makes the folder of a run whose evidence is not kept: only blobs are put there, and what is added is not written.
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

    /// Writes one export's evidence. The index names it now or later, at the end of the run at the latest; of a run that
    /// is killed it may lack the last exports.
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
        for (name, bytes) in contents {
            let path = self.root.join(&export.id).join(name);
            let fail = |source| EvidenceError::Write { path: path.clone(), source };
            path.parent().map_or(Ok(()), fs::create_dir_all).map_err(fail)?;
            let mode = if name == "repeat.sh" { 0o777 } else { 0o666 };
            whole_file::write(&path, &bytes, mode).map_err(fail)?;
            files.push(json!({ "path": name, "size": bytes.len(), "sha256": Digest::of(&bytes).encoded() }));
        }
        let entry = json!({ "id": export.id, "folder": export.id, "files": files });
        // An export that is made again on another engine replaces what was seen of it, and what the index says of it.
        let replaced = locked(&self.exports).insert(export.id.clone(), entry).is_some();
        if replaced || *locked(&self.due) <= Instant::now() {
            self.write_index()?;
        }
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
        let fail = |path: &Path| {
            let path = path.to_path_buf();
            move |source| EvidenceError::Write { path, source }
        };
        let bytes = serde_json::to_vec(listing).map_err(|error| fail(&self.root)(error.into()))?;
        let hash = Digest::of(&bytes).encoded().to_owned();
        let path = self.root.join(parts::listing_file(&hash));
        path.parent().map_or(Ok(()), fs::create_dir_all).map_err(fail(&path))?;
        whole_file::write(&path, &bytes, 0o666).map_err(fail(&path))?;
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
        let path = self.root.join("run.json");
        let fail = |source| EvidenceError::Write { path: path.clone(), source };
        let text = serde_json::to_string_pretty(facts).map_err(|error| fail(error.into()))? + "\n";
        whole_file::write(&path, text.as_bytes(), 0o666).map_err(fail)?;
        *locked(&self.run) = Some(Digest::of(text.as_bytes()).encoded().to_owned());
        self.write_index()
    }

    /// Writes what the run was, and the manifest of all files, which `sha256sum -c` reads too.
    ///
    /// # Errors
    /// [`EvidenceError::Write`] naming the file.
    pub fn complete(&self, facts: &RunRecord) -> Result<(), EvidenceError> {
        self.write_run(facts)?;
        let fail = |path: PathBuf| move |source| EvidenceError::Write { path, source };
        let index = self.root.join("index.json");
        let bytes = fs::read(&index).map_err(fail(index.clone()))?;
        let value = serde_json::from_slice(&bytes).map_err(|error| fail(index)(error.into()))?;
        let mut files = files(&value);
        files.push(("index.json".to_owned(), Digest::of(&bytes).encoded().to_owned()));
        files.sort();
        let lines: Vec<String> = files.into_iter().map(|(file, hash)| format!("{hash}  {file}\n")).collect();
        let manifest = self.root.join("manifest.sha256");
        whole_file::write(&manifest, lines.concat().as_bytes(), 0o666).map_err(fail(manifest.clone()))
    }

    fn write_index(&self) -> Result<(), EvidenceError> {
        let begun = Instant::now();
        let path = self.root.join("index.json");
        let fail = |source| EvidenceError::Write { path: path.clone(), source };
        let mut blobs = Vec::new();
        for entry in fs::read_dir(self.root.join("blobs/sha256")).map_err(fail)?.filter_map(Result::ok) {
            let name = entry.file_name().to_string_lossy().into_owned();
            // A blob that is still being written has another name.
            if name.len() == 64 {
                blobs
                    .push(json!({ "digest": format!("sha256:{name}"), "size": entry.metadata().map_err(fail)?.len() }));
            }
        }
        blobs.sort_by_key(|blob| blob["digest"].as_str().unwrap_or_default().to_owned());
        let exports: Vec<_> = locked(&self.exports).values().cloned().collect();
        let listings = locked(&self.listings).clone();
        let listings: Vec<_> =
            listings.into_iter().map(|(sha256, size)| json!({ "sha256": sha256, "size": size })).collect();
        let index = json!({
            "version": EVIDENCE_VERSION,
            "tool": format!("conformance {}", env!("CARGO_PKG_VERSION")),
            "run": locked(&self.run).clone(),
            "exports": exports,
            "listings": listings,
            "blobs": blobs,
        });
        whole_file::write(&path, format!("{index:#}\n").as_bytes(), 0o666).map_err(fail)?;
        *locked(&self.due) = Instant::now() + begun.elapsed() * BETWEEN_INDEXES;
        Ok(())
    }
}

fn files_of(export: &Export, inputs_kept: Option<&Path>) -> Vec<(&'static str, Vec<u8>)> {
    let mut files = Vec::new();
    let mut document = |name, document: Option<&Document>| {
        if let Some(document) = document {
            files.push((name, document.bytes.clone()));
        }
    };
    let image =
        |names: [&'static str; 2], image: Option<&Image>, put: &mut dyn FnMut(&'static str, Option<&Document>)| {
            put(names[0], image.and_then(|image| image.manifest.as_ref()));
            put(names[1], image.and_then(|image| image.config.as_ref()));
        };
    image(["manifest.json", "config.json"], export.image.as_ref(), &mut document);
    document("report.toml", export.report.as_ref());
    document("run-image-index.json", export.run_image.index.as_ref());
    document("run-image-manifest.json", Some(&export.run_image.manifest));
    document("run-image-config.json", Some(&export.run_image.config));
    if let Some(daemon) = &export.daemon {
        document("inspect.json", daemon.inspect.as_ref());
        document("archive-manifest.json", daemon.archive_manifest.as_ref());
        document("archive-index.json", daemon.archive_index.as_ref());
        image(["pushed-manifest.json", "pushed-config.json"], daemon.pushed.as_ref(), &mut document);
        let pulled_back = daemon.pulled_back.as_ref();
        image(["pulled-back-manifest.json", "pulled-back-config.json"], pulled_back, &mut document);
    }
    if let Some(root) = export.layout.as_ref().and_then(|layout| layout.roots.first()) {
        document("index.json", root.index.as_ref());
        document("oci-layout", root.oci_layout.as_ref());
    }
    files.push(("stdout.txt", export.outcome.stdout.clone().into_bytes()));
    files.push(("stderr.txt", export.outcome.stderr.clone().into_bytes()));
    let tags: Vec<_> = export
        .tags
        .iter()
        .map(|tag| json!({ "reference": tag.reference, "status": tag.status, "content-type": tag.content_type, "digest": tag.digest }))
        .collect();
    files.push(("tags.json", format!("{:#}\n", json!(tags)).into_bytes()));
    files.push(("repeat.sh", repeat_script(export, inputs_kept).into_bytes()));
    files
}

/// A shell script that runs the exporter alone, at the same paths and with the same surroundings. File times and
/// creation order are those of the inputs that were kept.
fn repeat_script(export: &Export, inputs_kept: Option<&Path>) -> String {
    let inputs = &export.inputs;
    let around = |name: &str| inputs.surroundings.get(name).map(String::as_str);
    let seen = Path::new(&inputs.layers).parent().unwrap_or(Path::new("/"));
    let folder = around("working-directory").map_or_else(|| PathBuf::from(&inputs.app), |folder| seen.join(folder));
    let kept = inputs_kept.map_or_else(String::new, |path| quoted(&path.display().to_string()));
    let mut words: Vec<String> =
        inputs.environment.iter().map(|(name, value)| quoted(&format!("{name}={value}"))).collect();
    words.extend(inputs.argv.iter().map(|word| quoted(word)));
    let user =
        inputs.run_as.map_or_else(String::new, |user| format!("setpriv --reuid {user} --regid {user} --clear-groups "));
    let kernel = around("kernel").map_or("", |_| "setarch --uname-2.6 ");
    let processors = around("processors").and_then(|count| count.parse::<usize>().ok());
    let processors = processors.map_or_else(String::new, |count| format!("taskset -c 0-{} ", count.max(1) - 1));
    let name = around("hostname").map_or_else(String::new, |name| format!("hostname {name}; "));
    format!(
        "#!/bin/sh\n\
         # Runs the {phase} alone, as the suite did for {id}. Credentials are left out.\n\
         # INPUTS is the folder of this export below the one that was given to --keep. The registry, daemon and run\n\
         # image that the arguments and analyzed.toml name have to be there.\n\
         set -eu\n\
         inputs=${{1:-{kept}}}\n\
         [ -n \"$inputs\" ] || {{ echo \"usage: $0 INPUTS\" >&2; exit 2; }}\n\
         seen={seen}\n\
         mkdir -p \"$seen\"\n\
         [ \"$(id -u)\" = 0 ] && user= || user='--map-current-user --keep-caps'\n\
         exec unshare $user --mount --uts --propagation private sh -c '\n\
         mount --bind \"$1\" \"$2\"; cd \"$3\"; shift 3; {name}umask {umask}; exec {user}{kernel}{processors}env -i \"$@\"\n\
         ' sh \"$inputs\" \"$seen\" {folder} \\\n    {words}\n",
        phase = export.phase(),
        id = export.id,
        seen = quoted(&seen.display().to_string()),
        folder = quoted(&folder.display().to_string()),
        umask = around("umask").unwrap_or("022"),
        words = words.join(" \\\n    "),
    )
}

/// A word that a shell reads back as it is.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
