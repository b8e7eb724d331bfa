//! Files that the phases before the exporter left: one module for each format. Fields that this exporter does not
//! know are ignored, because newer platforms and buildpacks write them.

mod analyzed;
mod group;
mod layer;
mod metadata;
mod project_metadata;
mod run;

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

pub use analyzed::{Analyzed, PreviousImage, RunImage};
pub use group::{Buildpack, Group};
pub use layer::{LayerContent, LayerTypes};
pub use metadata::{BuildMetadata, Label, Process, Slice};
pub use project_metadata::ProjectMetadata;
pub use run::{RunImages, RunToml};

/// Why an input file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// It cannot be read.
    #[error("read {}: {source}; {hint}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
        /// What to do.
        hint: &'static str,
    },
    /// It is not what the specification says.
    #[error("read {}: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        reason: String,
    },
}

/// Reads a TOML file that has to be there.
///
/// # Errors
/// [`InputError`] naming the file; `hint` says what to do where it is not there.
pub fn read<T: DeserializeOwned>(path: &Path, hint: &'static str) -> Result<T, InputError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| InputError::Read { path: path.to_path_buf(), source, hint })?;
    toml::from_str(&text)
        .map_err(|error| InputError::Format { path: path.to_path_buf(), reason: error.to_string().trim().to_owned() })
}

/// Reads a TOML file that may be missing.
///
/// # Errors
/// [`InputError`] where it is there and cannot be used.
pub fn read_if_there<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, InputError> {
    if path.exists() { read(path, "it must be readable").map(Some) } else { Ok(None) }
}

/// The JSON form of a TOML value: dates become RFC 3339 strings, as TOML writes them.
#[must_use]
pub fn to_json(value: &toml::Value) -> serde_json::Value {
    match value {
        toml::Value::String(text) => text.as_str().into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => (*number).into(),
        toml::Value::Boolean(flag) => (*flag).into(),
        toml::Value::Datetime(date) => date.to_string().into(),
        toml::Value::Array(items) => items.iter().map(to_json).collect(),
        toml::Value::Table(table) => table.iter().map(|(key, value)| (key.clone(), to_json(value))).collect(),
    }
}
