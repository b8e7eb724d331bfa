//! Scenarios: one build's inputs, a folder. Reading them, from disk or from those compiled in, is here; laying them
//! out for an exporter is in [`materialise`], their run images are made in [`run_image`].

pub mod app_image;
mod base;
mod check;
mod endpoint;
mod format;
pub mod materialise;
pub mod previous_image;
pub mod run_image;
mod source;

use crate::error::Cause;
use std::path::{Path, PathBuf};

pub use endpoint::RegistryEndpoint;
pub(crate) use format::IMAGES;
pub(crate) use format::values::KEYS;
pub use format::{
    AfterPush, AnalyzedSpelling, Arrival, CreationOrder, CredentialsBy, EndDaemon, ExtensionFile, FileEntry,
    HistoryShape, ImageFormat, IndexDigest, IndexEntries, LayerCompression, Need, OtherLabel, OtherLayer,
    OtherPrevious, PrivateDaemon, RebaseStep, RecordedApp, RunImageFile, RunLayer, ScenarioFile, Step, StepUser,
    UNPRIVILEGED,
};
pub use source::{Origin, SourceFile};

/// Why a scenario cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// A file or folder cannot be read.
    #[error("read {} (a folder that holds scenario.toml, or folders that do)", path.display())]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// `scenario.toml` is not what `docs/scenario.md` describes.
    #[error("read {file} (conformance docs scenario lists every key)")]
    Format {
        /// The file.
        file: String,
        /// What is wrong, with line and key.
        source: Cause,
    },
    /// It can be read, but makes no sense.
    #[error("use {file}: {key}: {reason}")]
    Senseless {
        /// The file.
        file: String,
        /// The key at fault.
        key: String,
        /// What is wrong and what to do.
        reason: String,
    },
}

/// One scenario, ready to be laid out.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The folder's name.
    pub name: String,
    /// Where it comes from.
    pub origin: Origin,
    /// What `scenario.toml` says.
    pub file: ScenarioFile,
    /// Every other file of the folder, by path relative to it.
    pub files: Vec<SourceFile>,
}

/// The scenarios that are compiled in, by name.
///
/// # Errors
/// [`ScenarioError`] when one of them is malformed: a fault of this build.
pub fn built_in() -> Result<Vec<Scenario>, ScenarioError> {
    source::built_in().into_iter().map(|(name, files)| assemble(name, Origin::BuiltIn, files)).collect()
}

/// The scenarios of a folder: the folder itself where it holds `scenario.toml`, else each of its folders.
///
/// # Errors
/// [`ScenarioError`] naming the file at fault.
pub fn from_folder(folder: &Path) -> Result<Vec<Scenario>, ScenarioError> {
    source::scenario_folders(folder)?
        .into_iter()
        .map(|path| {
            let name = path.file_name().map_or_else(|| "scenario".to_owned(), |n| n.to_string_lossy().into_owned());
            let files = source::read_folder(&path)?;
            assemble(name, Origin::Folder(path), files)
        })
        .collect()
}

pub(crate) fn assemble(name: String, origin: Origin, files: Vec<SourceFile>) -> Result<Scenario, ScenarioError> {
    let shown = origin.shown(&name);
    let base::Merged { file, mut files } =
        base::resolve(base::Own { name: name.clone(), origin: origin.clone(), files })?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let mut scenario = Scenario { name, origin, file, files };
    check::check(&scenario).map_err(|(key, reason)| ScenarioError::Senseless { file: shown, key, reason })?;
    let steps = scenario.file.steps.iter_mut().map(|step| &mut step.files);
    for entries in steps.chain([&mut scenario.file.files]) {
        *entries = std::mem::take(entries).into_iter().flat_map(FileEntry::each).collect();
    }
    Ok(scenario)
}

impl Scenario {
    /// Every place that a name in it begins with, each once.
    #[must_use]
    pub fn endpoints(&self) -> Vec<RegistryEndpoint> {
        let file = &self.file;
        let steps = file.steps.iter().flat_map(|step| file.images_of(step));
        let rebases = file.steps.iter().filter_map(|step| step.rebase.as_ref());
        let further = rebases
            .flat_map(|rebase| rebase.run_image.iter().map(|run_image| &run_image.name).chain(&rebase.previous_image));
        let names = steps.chain([&file.run_image.name]).chain(&file.run_image.chosen_mirror).chain(further);
        let mut found: Vec<RegistryEndpoint> = names.map(|name| RegistryEndpoint::split(name).0).collect();
        found.sort();
        found.dedup();
        found
    }

    /// Whether an exporter may wait in it for a registry that cannot be reached.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.endpoints().iter().any(|place| matches!(place, RegistryEndpoint::Closed | RegistryEndpoint::Silent))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use judge::evidence::{FaultKind, WireFault};

    use super::*;

    #[test]
    fn every_built_in_scenario_reads_and_says_why() {
        let scenarios = built_in().unwrap();
        assert!(scenarios.len() >= 10, "{}", scenarios.len());
        for scenario in scenarios {
            assert!(scenario.file.why.ends_with('.'), "{}", scenario.name);
        }
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("odd");
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("scenario.toml"), "why = 'x'\ntagret = ['registry']\n").unwrap();
        let error = crate::error::chain(&from_folder(folder.path()).unwrap_err());
        assert!(error.contains("tagret") && error.contains("odd"), "{error}");
    }

    #[test]
    fn a_sentinel_that_another_input_holds_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("one/app")).unwrap();
        std::fs::write(folder.path().join("one/app/x"), "this is the-sentinel here").unwrap();
        let text = "why = 'x'\n[run-image.labels]\nl = 'the-sentinel'\n";
        std::fs::write(folder.path().join("one/scenario.toml"), text).unwrap();
        assert!(crate::error::chain(&from_folder(folder.path()).unwrap_err()).contains("the-sentinel"));
    }
    #[test]
    fn no_daemon_but_a_private_one_is_restarted_filled_or_ended() {
        let refused = |text: &str| {
            let folder = tempfile::tempdir().unwrap();
            std::fs::create_dir(folder.path().join("one")).unwrap();
            std::fs::write(folder.path().join("one/scenario.toml"), format!("why = 'x'\n{text}")).unwrap();
            from_folder(folder.path()).map(|_| ()).map_err(|error| crate::error::chain(&error))
        };
        let private = "targets = ['daemon']\n[private-daemon]\n";
        for (text, named) in [
            ("[[steps]]\nrestart-daemon = true\n".to_owned(), "restart-daemon"),
            ("[[steps]]\nend-daemon = 'push'\n".to_owned(), "[private-daemon]"),
            ("[private-daemon]\n[[steps]]\nend-daemon = 'push'\n".to_owned(), "targets"),
            (format!("{private}[[steps]]\nend-daemon = 'load'\n"), "expect-failure"),
            (format!("{private}disk = 4\n"), "16 to 1024 MiB"),
        ] {
            let error = refused(&text).unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
        }
        assert_eq!(refused(&format!("{private}disk = 16\n[[steps]]\nend-daemon = 'push'\n")), Ok(()));
        assert_eq!(refused("[private-daemon]\n[[steps]]\nrestart-daemon = true\n"), Ok(()));
    }

    /// How often the built-in scenarios make a fault, of those that a test of it accepts: 1, 3, or 0 for every request.
    fn times(is_it: impl Fn(&WireFault) -> bool) -> BTreeSet<u32> {
        let scenarios = built_in().unwrap();
        let faults = scenarios.iter().flat_map(|scenario| &scenario.file.steps).flat_map(|step| &step.faults);
        faults.filter(|fault| is_it(fault)).map(|fault| fault.times.unwrap_or(0)).collect()
    }

    #[test]
    fn every_kind_of_fault_is_made_as_often_as_that_says_something() {
        use FaultKind::{
            Cut, MountDeclined, MountRefused, NotStored, OtherBytes, Redirect, ResetAfter, ResetBefore, ResetDuring,
            Short, Slow, Stall, Status, TagMoves, TokenExpires, Trickle, UploadElsewhere, WantsCredentials,
            WrongDigest,
        };
        for kind in
            [Status, ResetBefore, ResetDuring, ResetAfter, Cut, Stall, Short, OtherBytes, NotStored, WrongDigest]
        {
            assert_eq!(times(|fault| fault.kind == kind), BTreeSet::from([0, 1, 3]), "{kind:?}");
        }
        // What is borne in every request is borne in one.
        for kind in [Trickle, MountDeclined, MountRefused, Redirect, UploadElsewhere, WantsCredentials] {
            assert_eq!(times(|fault| fault.kind == kind), BTreeSet::from([0]), "{kind:?}");
        }
        assert_eq!(times(|fault| fault.kind == Slow), BTreeSet::from([0, 1]));
        assert_eq!(times(|fault| fault.kind == TokenExpires), BTreeSet::from([1]));
        assert_eq!(times(|fault| fault.kind == TagMoves), BTreeSet::from([1, 2]));
    }

    #[test]
    fn every_status_is_answered_to_what_is_read_and_to_what_is_sent() {
        let of = |status: u16, reads: bool| {
            times(|fault| fault.status == Some(status) && reads == (fault.method.as_deref() == Some("GET")))
        };
        for reads in [true, false] {
            for status in [408, 429, 500, 502, 503, 504] {
                assert_eq!(of(status, reads), BTreeSet::from([0, 1, 3]), "{status}, read: {reads}");
            }
            for status in [401, 403, 404] {
                assert!(of(status, reads).contains(&0), "{status}, read: {reads}");
            }
        }
    }
}
