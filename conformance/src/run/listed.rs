//! The folders of a build listed before an export and again after it: what the exporter changed there.

use std::collections::BTreeSet;

use judge::evidence::{ChangedFile, FileFact, Inputs};

use super::inputs::facts_of;
use crate::observe::changed_files;
use crate::scenario::Step;
use crate::scenario::materialise::{APP, LAYERS, Places};

/// The folder of the lifecycle's own files.
const CNB: &str = "cnb";

/// Folders as they were before an export.
pub(super) struct Listed {
    folders: BTreeSet<String>,
    files: Vec<FileFact>,
}

impl Listed {
    /// Lists what [`Inputs`] have, and the working folder where it is a folder of the build; none where that cannot be
    /// listed.
    pub(super) fn before(step: &Step, inputs: &Inputs, places: &Places) -> Option<Self> {
        let mut listed = Self { folders: [LAYERS, APP, CNB].map(str::to_owned).into(), files: inputs.files.clone() };
        let is_further = |folder: &&str| {
            let is_known = |known: &String| *folder == known || folder.starts_with(&format!("{known}/"));
            !folder.starts_with('/') && !listed.folders.iter().any(is_known)
        };
        if let Some(folder) = step.working_directory.as_deref().filter(is_further) {
            listed.files.extend(facts_of(places, folder).ok()?);
            listed.folders.insert(folder.to_owned());
        }
        Some(listed)
    }

    /// What is otherwise now; none where it cannot be listed.
    pub(super) fn changes(&self, places: &Places) -> Option<Vec<ChangedFile>> {
        let mut found = Vec::new();
        for folder in &self.folders {
            found.extend(changed_files(&self.files, &places.here(folder), &places.seen(folder)).ok()?);
        }
        found.sort_by(|one, two| one.path.cmp(&two.path));
        Some(found)
    }
}
