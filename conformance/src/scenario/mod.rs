//! Scenarios: one build's inputs, a folder. Reading them, from disk or from those compiled in, is here; laying them
//! out for an exporter is in [`materialise`], their run images are made in [`run_image`].

mod format;
pub mod materialise;
pub mod run_image;
mod source;

use std::path::{Path, PathBuf};

pub use format::{FileEntry, ImageFormat, RunImageFile, RunLayer, ScenarioFile, Step};
pub use source::{Origin, SourceFile};

/// Why a scenario cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// A file or folder cannot be read.
    #[error("read {}: {source}; name a folder that holds scenario.toml, or folders that do", path.display())]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// `scenario.toml` is not what `docs/scenario.md` describes.
    #[error("read {file}: {reason}; docs/scenario.md lists every key")]
    Format {
        /// The file.
        file: String,
        /// What is wrong, with line and key.
        reason: String,
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

pub(crate) fn assemble(name: String, origin: Origin, mut files: Vec<SourceFile>) -> Result<Scenario, ScenarioError> {
    let shown = origin.shown(&name);
    let at = files
        .iter()
        .position(|file| file.path == "scenario.toml")
        .ok_or_else(|| ScenarioError::Format { file: shown.clone(), reason: "there is no scenario.toml".to_owned() })?;
    let text = String::from_utf8(files.swap_remove(at).content)
        .map_err(|error| ScenarioError::Format { file: shown.clone(), reason: error.to_string() })?;
    let file: ScenarioFile = toml::from_str(&text)
        .map_err(|error| ScenarioError::Format { file: shown.clone(), reason: error.to_string().trim().to_owned() })?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let scenario = Scenario { name, origin, file, files };
    scenario.check(&shown)?;
    Ok(scenario)
}

impl Scenario {
    fn check(&self, shown: &str) -> Result<(), ScenarioError> {
        let wrong = |key: &str, reason: String| {
            Err(ScenarioError::Senseless { file: shown.to_owned(), key: key.to_owned(), reason })
        };
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !self.name.chars().all(plain) || self.name.starts_with('-') || self.name.ends_with('-') {
            return wrong("the folder's name", "use lower-case letters, digits and '-' between them".to_owned());
        }
        if self.file.images.is_empty() || self.file.targets.is_empty() || self.file.steps.is_empty() {
            return wrong("images, targets, steps", "each needs at least one entry".to_owned());
        }
        for (index, step) in self.file.steps.iter().enumerate() {
            if let Some(folder) = &step.overlay
                && !self.files.iter().any(|file| file.path.starts_with(&format!("{folder}/")))
            {
                return wrong(
                    "overlay",
                    format!("step {} names the folder '{folder}', which holds no file", index + 1),
                );
            }
            if step.previous_image && index == 0 {
                return wrong("previous-image", "the first step has no image before it".to_owned());
            }
        }
        self.check_sentinels(shown)
    }

    /// A sentinel proves inheritance only when no other input holds it.
    fn check_sentinels(&self, shown: &str) -> Result<(), ScenarioError> {
        let sentinels = self.file.run_image.sentinels();
        for (index, sentinel) in sentinels.iter().enumerate() {
            let held = self
                .files
                .iter()
                .find(|file| file.content.windows(sentinel.len().max(1)).any(|window| window == sentinel.as_bytes()));
            let doubled = sentinels[..index].contains(sentinel);
            if sentinel.is_empty() || doubled || held.is_some() {
                return Err(ScenarioError::Senseless {
                    file: shown.to_owned(),
                    key: "run-image".to_owned(),
                    reason: format!(
                        "the label or annotation value '{sentinel}' must be non-empty and occur in no other input"
                    ),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
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
        let error = from_folder(folder.path()).unwrap_err().to_string();
        assert!(error.contains("tagret") && error.contains("odd"), "{error}");
    }

    #[test]
    fn a_sentinel_that_another_input_holds_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("one/app")).unwrap();
        std::fs::write(folder.path().join("one/app/x"), "this is the-sentinel here").unwrap();
        let text = "why = 'x'\n[run-image.labels]\nl = 'the-sentinel'\n";
        std::fs::write(folder.path().join("one/scenario.toml"), text).unwrap();
        assert!(from_folder(folder.path()).unwrap_err().to_string().contains("the-sentinel"));
    }
}
