//! Lays a scenario's inputs out on disk, as the phases before the exporter would have left them. Names that later
//! steps change or remove are applied here; what the exporter does with the folder is no concern of this module.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{FileEntry, Scenario, Step, run_image};

/// Why inputs could not be laid out.
#[derive(Debug, thiserror::Error)]
pub enum MaterialiseError {
    /// The file system refused.
    #[error("lay out {path} of scenario {scenario}: {source}")]
    Write {
        /// The scenario.
        scenario: String,
        /// The path relative to the scenario's folder.
        path: String,
        /// The system's reason.
        source: io::Error,
    },
    /// An entry under `[[files]]` cannot be made.
    #[error("lay out {path} of scenario {scenario}: {reason}")]
    Entry {
        /// The scenario.
        scenario: String,
        /// The entry's path.
        path: String,
        /// What is wrong and what to do.
        reason: String,
    },
}

/// Names of the folders and files below the build folder, the same for every scenario.
#[derive(Debug, Clone)]
pub struct Places {
    /// The build folder as this process writes it.
    pub here: PathBuf,
    /// The build folder as the exporter sees it: the same in every run, because paths are part of the image.
    pub seen: PathBuf,
}

impl Places {
    /// `<layers>`, `<app>` and so on, below `root`.
    fn below(root: &Path, name: &str) -> String {
        root.join(name).display().to_string()
    }

    /// The path that the exporter sees.
    #[must_use]
    pub fn seen(&self, name: &str) -> String {
        Self::below(&self.seen, name)
    }

    /// The same file as this process sees it.
    #[must_use]
    pub fn here(&self, name: &str) -> PathBuf {
        self.here.join(name)
    }
}

/// `<layers>` below the build folder.
pub const LAYERS: &str = "layers";
/// `<app>`.
pub const APP: &str = "workspace";
/// `<launcher-sbom>`; `launcher` in it is `<launcher>`.
pub const LIFECYCLE: &str = "cnb/lifecycle";
/// `<run>`.
pub const RUN: &str = "cnb/run.toml";
/// `<report>`.
pub const REPORT: &str = "report/report.toml";
/// `<layout-dir>`.
pub const LAYOUT: &str = "layout";
/// Where `DOCKER_CONFIG` points.
pub const DOCKER_CONFIG: &str = "docker-config";
/// Where `TMPDIR` points.
pub const TEMPORARY: &str = "tmp";

/// What the analysis phase found, for `analyzed.toml` and `run.toml`.
#[derive(Debug, Clone)]
pub struct Analysis {
    /// `run-image.image`.
    pub run_image: String,
    /// `run-image.reference`.
    pub reference: String,
    /// Mirrors of the run image.
    pub mirrors: Vec<String>,
    /// The previous image.
    pub previous: Option<Previous>,
}

/// The previous image as the analysis phase found it.
#[derive(Debug, Clone)]
pub struct Previous {
    /// `image.reference`.
    pub reference: String,
    /// Its label `io.buildpacks.lifecycle.metadata`.
    pub metadata: Option<Value>,
}

/// Lays out one step's inputs below `places.here`, which must be an empty folder.
///
/// # Errors
/// [`MaterialiseError`] naming the file.
pub fn materialise(
    scenario: &Scenario,
    step: &Step,
    analysis: &Analysis,
    places: &Places,
) -> Result<(), MaterialiseError> {
    let writer = Writer { scenario, root: &places.here };
    for folder in [LAYERS, APP, LIFECYCLE, "report", LAYOUT, DOCKER_CONFIG, TEMPORARY] {
        writer.folder(folder)?;
    }
    for (path, content) in contents(scenario, step) {
        if let Some(place) = place_of(&path) {
            writer.file(&place, &content)?;
        }
    }
    for entry in scenario.file.files.iter().filter(|entry| !is_removed(step, &entry.path)) {
        writer.entry(entry)?;
    }
    let launcher = format!("{LIFECYCLE}/launcher");
    writer.file(&launcher, LAUNCHER.as_bytes())?;
    writer.mode(&launcher, 0o755)?;
    writer.file(&format!("{LAYERS}/analyzed.toml"), analyzed(analysis).as_bytes())?;
    writer.file(RUN, run(analysis).as_bytes())
}

/// The launcher's bytes: any program will do, because nothing launches the image.
const LAUNCHER: &str = "#!/bin/sh\nexec \"$@\"\n";

/// The scenario's files with the step's overlay over them and without what the step removes.
fn contents(scenario: &Scenario, step: &Step) -> BTreeMap<String, Vec<u8>> {
    let overlays: Vec<&String> = scenario.file.steps.iter().filter_map(|step| step.overlay.as_ref()).collect();
    let is_overlay = |path: &str| overlays.iter().any(|folder| path.starts_with(&format!("{folder}/")));
    let base = scenario.files.iter().filter(|file| !is_overlay(&file.path) && !is_removed(step, &file.path));
    let mut found: BTreeMap<String, Vec<u8>> = base.map(|file| (file.path.clone(), file.content.clone())).collect();
    if let Some(folder) = &step.overlay {
        let prefix = format!("{folder}/");
        for file in &scenario.files {
            if let Some(path) = file.path.strip_prefix(&prefix) {
                found.insert(path.to_owned(), file.content.clone());
            }
        }
    }
    found
}

fn is_removed(step: &Step, path: &str) -> bool {
    step.remove.iter().any(|removed| path == removed || path.starts_with(&format!("{removed}/")))
}

/// Where a file of the scenario's folder is laid out; none for what is not an input.
fn place_of(path: &str) -> Option<String> {
    let (first, rest) = path.split_once('/')?;
    match first {
        "app" => Some(format!("{APP}/{rest}")),
        "layers" => Some(format!("{LAYERS}/{rest}")),
        "lifecycle" => Some(format!("{LIFECYCLE}/{rest}")),
        _ => None,
    }
}

struct Writer<'a> {
    scenario: &'a Scenario,
    root: &'a Path,
}

impl Writer<'_> {
    fn fail(&self, path: &str) -> impl FnOnce(io::Error) -> MaterialiseError {
        let (scenario, path) = (self.scenario.name.clone(), path.to_owned());
        move |source| MaterialiseError::Write { scenario, path, source }
    }

    /// Creates a folder and those above it, with bits that do not depend on the umask.
    fn folder(&self, path: &str) -> Result<(), MaterialiseError> {
        let mut at = self.root.to_path_buf();
        for part in Path::new(path).components() {
            at.push(part);
            if !at.is_dir() {
                fs::create_dir(&at).map_err(self.fail(path))?;
                fs::set_permissions(&at, fs::Permissions::from_mode(0o755)).map_err(self.fail(path))?;
            }
        }
        Ok(())
    }

    fn parent(&self, path: &str) -> Result<(), MaterialiseError> {
        path.rsplit_once('/').map_or(Ok(()), |(folder, _)| self.folder(folder))
    }

    fn file(&self, path: &str, content: &[u8]) -> Result<(), MaterialiseError> {
        self.parent(path)?;
        fs::write(self.root.join(path), content).map_err(self.fail(path))?;
        self.mode(path, 0o644)
    }

    fn mode(&self, path: &str, mode: u32) -> Result<(), MaterialiseError> {
        fs::set_permissions(self.root.join(path), fs::Permissions::from_mode(mode)).map_err(self.fail(path))
    }

    fn entry(&self, entry: &FileEntry) -> Result<(), MaterialiseError> {
        let wrong = |reason: &str| MaterialiseError::Entry {
            scenario: self.scenario.name.clone(),
            path: entry.path.clone(),
            reason: reason.to_owned(),
        };
        let place =
            place_of(&entry.path).ok_or_else(|| wrong("its path must begin with app/, layers/ or lifecycle/"))?;
        self.parent(&place)?;
        if entry.directory {
            self.folder(&place)?;
        } else if let Some(text) = &entry.content {
            self.file(&place, text.as_bytes())?;
        } else if let Some(size) = entry.size {
            self.file(&place, &made_up(&entry.path, size))?;
        } else if let Some(target) = &entry.symlink {
            std::os::unix::fs::symlink(target, self.root.join(&place)).map_err(self.fail(&place))?;
            return Ok(());
        } else if let Some(other) = &entry.hard_link {
            let other = place_of(other).ok_or_else(|| wrong("hard-link must name a file below app/ or layers/"))?;
            fs::hard_link(self.root.join(other), self.root.join(&place)).map_err(self.fail(&place))?;
        }
        match &entry.mode {
            Some(text) => {
                let mode = u32::from_str_radix(text, 8).map_err(|_| wrong("mode must be octal, such as \"4755\""))?;
                self.mode(&place, mode)
            }
            None => Ok(()),
        }
    }
}

/// Bytes that do not compress to nothing and are the same in every run: a xorshift sequence seeded by the path.
fn made_up(path: &str, size: u64) -> Vec<u8> {
    let seed = path
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut state = seed | 1;
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(usize::try_from(size).unwrap_or(bytes.len()));
    bytes
}

fn analyzed(analysis: &Analysis) -> String {
    let mut file = toml::Table::new();
    if let Some(previous) = &analysis.previous {
        file.insert("image".to_owned(), toml::Table::from_iter([text("reference", &previous.reference)]).into());
        if let Some(toml::Value::Table(metadata)) = previous.metadata.as_ref().and_then(to_toml) {
            file.insert("metadata".to_owned(), metadata.into());
        }
    }
    let mut run = toml::Table::from_iter([
        text("reference", &analysis.reference),
        text("image", &analysis.run_image),
        ("extend".to_owned(), false.into()),
    ]);
    let target = [text("os", "linux"), text("arch", run_image::architecture())];
    run.insert("target".to_owned(), toml::Table::from_iter(target).into());
    file.insert("run-image".to_owned(), run.into());
    file.to_string()
}

fn run(analysis: &Analysis) -> String {
    let mut image = toml::Table::from_iter([text("image", &analysis.run_image)]);
    if !analysis.mirrors.is_empty() {
        image.insert("mirrors".to_owned(), analysis.mirrors.clone().into());
    }
    toml::Table::from_iter([("images".to_owned(), toml::Value::Array(vec![image.into()]))]).to_string()
}

fn text(key: &str, value: &str) -> (String, toml::Value) {
    (key.to_owned(), value.into())
}

/// The TOML form of a JSON value; TOML has no null, so such members are left out.
fn to_toml(value: &Value) -> Option<toml::Value> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(flag) => (*flag).into(),
        Value::Number(number) => number.as_i64().map_or_else(|| number.as_f64().unwrap_or(0.0).into(), Into::into),
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => toml::Value::Array(items.iter().filter_map(to_toml).collect()),
        Value::Object(members) => {
            toml::Value::Table(members.iter().filter_map(|(key, value)| Some((key.clone(), to_toml(value)?))).collect())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn analysis() -> Analysis {
        Analysis {
            run_image: "host.example/run:base".to_owned(),
            reference: "host.example/run@sha256:00".to_owned(),
            mirrors: vec!["mirror.example/run:base".to_owned()],
            previous: Some(Previous {
                reference: "host.example/app@sha256:01".to_owned(),
                metadata: Some(serde_json::json!({"app": [{"sha": "sha256:02"}], "none": null})),
            }),
        }
    }

    #[test]
    fn analysis_files_have_the_shape_of_the_platform_specification() {
        insta::assert_snapshot!(format!("{}---\n{}", analyzed(&analysis()), run(&analysis())));
    }

    #[test]
    fn a_step_removes_and_overlays() {
        let scenarios = super::super::built_in().unwrap();
        let scenario = scenarios.iter().find(|scenario| scenario.name == "rebuilt-with-another-app").unwrap();
        let (first, second) = (&scenario.file.steps[0], &scenario.file.steps[1]);
        assert_ne!(contents(scenario, first), contents(scenario, second));
        assert!(contents(scenario, second).keys().all(|path| !path.starts_with("step-2/")));
    }

    #[test]
    fn made_up_bytes_depend_on_the_path_alone() {
        assert_eq!(made_up("app/a", 100), made_up("app/a", 100));
        assert_ne!(made_up("app/a", 100), made_up("app/b", 100));
        assert_eq!(made_up("app/a", 13).len(), 13);
    }
}
