//! `[steps.rebase]`: a step that calls the rebaser in place of the exporter.

use serde::Deserialize;

use super::RunImageFile;

/// What is rebased, on what, and how the rebaser is called.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the file that stands for itself")]
pub struct RebaseStep {
    /// The app image that is made by the suite and put in place before the rebase; none for what is there.
    pub recorded: Option<RecordedApp>,
    /// The run image that is published before the rebase; none for the one that is there.
    pub run_image: Option<RunImageFile>,
    /// Whether `-run-image` names it; else the rebaser takes the name from the app image's label.
    pub name_run_image: bool,
    /// Whether the run image is left out: nothing is published under its name.
    pub run_image_gone: bool,
    /// Whether `-force` is given.
    pub force: bool,
    /// `-previous-image`: `[place/]repository:tag`.
    pub previous_image: Option<String>,
    /// Whether `-previous-image` is given by its digest.
    pub previous_by_digest: bool,
}

impl Default for RebaseStep {
    fn default() -> Self {
        Self {
            recorded: None,
            run_image: None,
            name_run_image: true,
            run_image_gone: false,
            force: false,
            previous_image: None,
            previous_by_digest: false,
        }
    }
}

/// An app image such as a conformant exporter leaves, made from the suite's own bytes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RecordedApp {
    /// Whether its manifest has annotations.
    pub annotated: bool,
    /// The value of its label `io.buildpacks.rebasable`; empty for no label.
    pub rebasable: String,
}

impl Default for RecordedApp {
    fn default() -> Self {
        Self { annotated: true, rebasable: "true".to_owned() }
    }
}
