//! Files that the phases before the exporter left: one module for each format. Fields that this exporter does not
//! know are ignored, because newer platforms and buildpacks write them.

mod analyzed;
mod group;
mod layer;
mod metadata;
mod project_metadata;
mod run;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::whole::whole;

pub use analyzed::{Analyzed, PreviousImage, RunImage, TargetData};
pub use group::{Buildpack, Group};
pub use layer::{LayerContent, LayerTypes};
pub use metadata::{Annotation, BuildMetadata, Label, Process, Slice};
pub use project_metadata::ProjectMetadata;
pub use run::{RunImages, RunToml};

/// Why an input file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// It cannot be read.
    #[error("read {} ({hint})", path.display())]
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
    parse(path, &text(path, hint)?)
}

/// Reads a TOML file that may be missing.
///
/// # Errors
/// [`InputError`] where it is there and cannot be used, or where that cannot be told.
pub fn read_if_there<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, InputError> {
    match text(path, "it must be readable") {
        Ok(text) => parse(path, &text).map(Some),
        Err(InputError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The text of a file that is not too large.
fn text(path: &Path, hint: &'static str) -> Result<String, InputError> {
    let fail = |source| InputError::Read { path: path.to_path_buf(), source, hint };
    let wrong = |reason: String| InputError::Format { path: path.to_path_buf(), reason };
    let bytes = whole(path).map_err(|error| error.parted().map_or_else(wrong, fail))?;
    String::from_utf8(bytes)
        .map_err(|error| wrong(format!("it is not UTF-8 at byte {}", error.utf8_error().valid_up_to())))
}

fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, InputError> {
    toml::from_str(text)
        .map_err(|error| InputError::Format { path: path.to_path_buf(), reason: in_one_line(text, &error) })
}

/// What is wrong and where, without the line itself: it may be of any length.
fn in_one_line(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().lines().collect::<Vec<_>>().join(", ");
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else { return message };
    let (line, start) = (before.matches('\n').count() + 1, before.rfind('\n').map_or(0, |at| at + 1));
    format!("line {line}, column {}: {message}", before[start..].chars().count() + 1)
}

/// The JSON form of a TOML value: dates become RFC 3339 strings, as TOML writes them. JSON has neither `inf` nor `nan`:
/// they become `null`, see [`without_json`].
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

/// Keys, with dots between, whose values JSON cannot hold.
#[must_use]
pub fn without_json(table: &toml::Table) -> Vec<String> {
    fn visit(at: &str, value: &toml::Value, found: &mut Vec<String>) {
        match value {
            toml::Value::Float(number) if !number.is_finite() => found.push(at.to_owned()),
            toml::Value::Array(items) => items.iter().for_each(|item| visit(at, item, found)),
            toml::Value::Table(table) => {
                table.iter().for_each(|(key, value)| visit(&format!("{at}.{key}"), value, found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    table.iter().for_each(|(key, value)| visit(key, value, &mut found));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::whole::MOST;

    #[test]
    fn a_malformed_file_is_told_in_one_line_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("project-metadata.toml");
        for (text, place) in [("[a]\nx=1\nx=2\n", "line 3, column 1"), ("a = [", "line 1"), ("k=\"\0\"", "line 1")] {
            std::fs::write(&path, text).unwrap();
            let error = read_if_there::<toml::Table>(&path).unwrap_err().to_string();
            assert!(error.contains("project-metadata.toml") && error.contains(place), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
        std::fs::File::create(&path).unwrap().set_len(MOST + 1).unwrap();
        let error = read_if_there::<toml::Table>(&path).unwrap_err().to_string();
        assert!(error.contains("project-metadata.toml: it has more than 8388608 bytes"), "{error}");
        std::fs::write(&path, format!("a=1\n#{}", "x".repeat(usize::try_from(MOST).unwrap() - 5))).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().len(), MOST);
        assert!(read::<toml::Table>(&path, "").is_ok());
        std::fs::write(&path, [0xff]).unwrap();
        assert!(read_if_there::<toml::Table>(&path).unwrap_err().to_string().contains("project-metadata.toml"));
        assert!(read_if_there::<toml::Table>(&folder.path().join("gone")).unwrap().is_none());
        assert!(read_if_there::<toml::Table>(folder.path()).is_err());
    }

    #[test]
    fn the_json_form_keeps_what_json_can_hold() {
        let table: toml::Table = "i=9007199254740993\nf=1.5\nd=2026-01-02T03:04:05Z\nt='\\'\nn=\"\\u0000\"\n\
                                  [s]\nbad=[inf]\nworse=nan\n"
            .parse()
            .unwrap();
        let json = to_json(&toml::Value::Table(table.clone()));
        assert_eq!(
            json.to_string(),
            r#"{"i":9007199254740993,"f":1.5,"d":"2026-01-02T03:04:05Z","t":"\\","n":"\u0000","s":{"bad":[null],"worse":null}}"#
        );
        assert_eq!(without_json(&table), ["s.bad", "s.worse"]);
    }
}
