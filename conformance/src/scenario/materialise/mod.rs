//! Lays a scenario's inputs out on disk, as the phases before the exporter would have left them. Names that later
//! steps change or remove are applied here; what the exporter does with the folder is not the concern of this module.

mod analysis;
mod launch;
mod node;
mod spelling;
mod tree;
mod writer;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::base::is_inside;
use super::{CreationOrder, Scenario, Step, UNPRIVILEGED};
pub use analysis::{Analysis, Previous};
pub(crate) use node::{Kind, Node};
pub(crate) use tree::tree;
pub(super) use tree::{ELSEWHERE, place_of, place_of_entry, place_of_removed};
use writer::Writer;

/// Why inputs could not be laid out.
#[derive(Debug, thiserror::Error)]
pub enum MaterialiseError {
    /// The file system refused.
    #[error("lay out {path} of scenario {scenario}")]
    Write {
        /// The scenario.
        scenario: String,
        /// The path relative to the scenario's folder.
        path: String,
        /// The system's reason.
        source: io::Error,
    },
    /// Extended attributes cannot be set, or not here.
    #[error("give {path} of scenario {scenario} the attribute {name}")]
    Attribute {
        /// The scenario.
        scenario: String,
        /// The entry's path.
        path: String,
        /// The attribute.
        name: String,
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

impl MaterialiseError {
    /// Whether nothing failed, and only this file system or user has no extended attributes to give.
    #[must_use]
    pub fn is_unsupported(&self) -> bool {
        let unsupported = [nix::errno::Errno::EOPNOTSUPP, nix::errno::Errno::EPERM].map(|errno| errno as i32);
        matches!(self, Self::Attribute { source, .. } if source.raw_os_error().is_some_and(|code| unsupported.contains(&code)))
    }
}

/// The folder of one build, where this process and where the exporter sees it.
#[derive(Debug, Clone)]
pub struct BuildDir {
    /// The build folder as this process writes it.
    pub host_path: PathBuf,
    /// The build folder as the exporter sees it: the same in every run, because paths are part of the image.
    pub exporter_path: PathBuf,
}

impl BuildDir {
    /// `<layers>`, `<app>` and so on, below `root`.
    fn below(root: &Path, name: &str) -> String {
        root.join(name).display().to_string()
    }

    /// The path that the exporter sees.
    #[must_use]
    pub fn for_exporter(&self, name: &str) -> String {
        Self::below(&self.exporter_path, name)
    }

    /// Where this process sees what the exporter sees at a path; none for what is not below the build folder.
    #[must_use]
    pub fn host_path_of(&self, seen: &str) -> Option<PathBuf> {
        Path::new(seen).strip_prefix(&self.exporter_path).ok().map(|below| self.host_path.join(below))
    }

    /// The same file as this process sees it.
    #[must_use]
    pub fn on_host(&self, name: &str) -> PathBuf {
        self.host_path.join(name)
    }
}

/// `<layers>` below the build folder.
pub const LAYERS: &str = "layers";

/// A buildpack's ID as the name of its folder in `<layers>`, and in `<layers>/sbom`.
#[must_use]
pub fn buildpack_folder(id: &str) -> String {
    id.replace('/', "_")
}

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
/// `<launch-cache>`, for exports to daemons.
pub const LAUNCH_CACHE: &str = "launch-cache";
/// An empty folder that steps may give as `<cache-dir>`.
pub const CACHE: &str = "cache";
/// Where `DOCKER_CONFIG` points.
pub const DOCKER_CONFIG: &str = "docker-config";
/// Where `TMPDIR` points.
pub const TEMPORARY: &str = "tmp";

/// The launcher's bytes: any program will do where nothing launches the image.
const LAUNCHER: &str = "#!/bin/sh\nexec \"$@\"\n";

/// Lays out one step's inputs below `build_dir.host_path`, which must be an empty folder.
///
/// # Errors
/// [`MaterialiseError`] naming the file.
pub fn materialise(
    scenario: &Scenario,
    step: &Step,
    analysis: &Analysis,
    build_dir: &BuildDir,
) -> Result<(), MaterialiseError> {
    let seen = build_dir.exporter_path.display().to_string();
    let writer = Writer { scenario, root: &build_dir.host_path, seen: &seen };
    let nodes = tree::tree(scenario, step, analysis)?;
    let made = [LAYERS, APP, LIFECYCLE, "report", LAYOUT, LAUNCH_CACHE, CACHE, DOCKER_CONFIG, TEMPORARY];
    for folder in made.into_iter().filter(|folder| !is_left_out(step, &nodes, folder)) {
        writer.folder(folder)?;
    }
    for folder in [step.temporary.as_deref(), step.working_directory.as_deref()].into_iter().flatten() {
        if !folder.starts_with('/') {
            writer.folder(folder)?;
        }
    }
    writer.write(&nodes, step.creation_order == Some(CreationOrder::Reversed))?;
    for entry in scenario.file.files.iter().chain(&step.files) {
        if let Some(place) = place_of(&entry.path).filter(|place| nodes.contains_key(place)) {
            writer.attributes(&place, entry)?;
        }
    }
    if let Some(seconds) = step.file_times {
        for folder in [LAYERS, APP, "cnb"].into_iter().filter(|folder| !is_left_out(step, &nodes, folder)) {
            writer.times(folder, seconds)?;
        }
    }
    Ok(())
}

/// Whether a step removes a folder as a whole and lays nothing out in it, or has a file in its place.
fn is_left_out(step: &Step, nodes: &BTreeMap<String, Node>, folder: &str) -> bool {
    let is_removed = step.remove.iter().any(|path| place_of_removed(path).as_deref() == Some(folder));
    let is_empty = !nodes.keys().any(|place| is_inside(place, folder));
    (is_removed && is_empty) || nodes.get(folder).is_some_and(|node| node.kind != Kind::Directory)
}

/// Gives the build's files, and all folders in which an exporter may have to write, to the unprivileged user, where the
/// step runs as that one: a platform gives the build to the user who builds.
///
/// # Errors
/// [`MaterialiseError`] naming the folder.
pub fn hand_over(scenario: &Scenario, step: &Step, build_dir: &BuildDir) -> Result<(), MaterialiseError> {
    if step.user.is_none() {
        return Ok(());
    }
    let seen = build_dir.exporter_path.display().to_string();
    let writer = Writer { scenario, root: &build_dir.host_path, seen: &seen };
    let temporary = step.temporary.as_deref().unwrap_or(TEMPORARY);
    let working = step.working_directory.as_deref().filter(|folder| !folder.starts_with('/'));
    let own = [LAYERS, APP, "report", LAYOUT, LAUNCH_CACHE, CACHE, DOCKER_CONFIG, TEMPORARY, temporary];
    for folder in own.into_iter().chain(working) {
        writer.give(folder, UNPRIVILEGED)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
