//! Scenarios that say what differs from another one: `base` is found, the two are laid over each other.

use std::path::Path;

use serde::Deserialize as _;

use super::format::values;
use super::source::{self, Origin, SourceFile};
use super::{FileEntry, ScenarioError, ScenarioFile};
use crate::error::Cause;

/// A scenario's own folder, before its base is looked at.
pub(super) struct Own {
    pub(super) name: String,
    pub(super) origin: Origin,
    pub(super) files: Vec<SourceFile>,
}

/// What came of a folder and all its bases.
pub(super) struct Merged {
    pub(super) file: ScenarioFile,
    pub(super) files: Vec<SourceFile>,
}

/// Reads `scenario.toml`, and lays the folder over its bases.
///
/// # Errors
/// [`ScenarioError`] naming the file at fault: this one's or that of a base.
pub(super) fn resolve(own: Own) -> Result<Merged, ScenarioError> {
    let shown = own.origin.shown(&own.name);
    let layer = layer(own, Vec::new())?;
    let has_steps = layer.table.contains_key("steps");
    let mut file = ScenarioFile::deserialize(layer.table)
        .map_err(|error| ScenarioError::Format { file: shown.clone(), source: error.into() })?;
    if !file.values.is_empty() {
        if has_steps {
            let reason = "each value makes a step; leave one of the two out".to_owned();
            return Err(ScenarioError::Senseless { file: shown, key: "values, steps".to_owned(), reason });
        }
        file.steps = values::steps(&file.values);
    }
    Ok(Merged { file, files: layer.files })
}

struct Layer {
    table: toml::Table,
    files: Vec<SourceFile>,
}

/// `above` are the scenarios that lead here, to find loops.
fn layer(mut own: Own, mut above: Vec<String>) -> Result<Layer, ScenarioError> {
    let shown = own.origin.shown(&own.name);
    let format = |source: Cause| ScenarioError::Format { file: shown.clone(), source };
    let at = own.files.iter().position(|file| file.path == "scenario.toml");
    let at = at.ok_or_else(|| format("there is no scenario.toml".into()))?;
    let text = String::from_utf8(own.files.swap_remove(at).content).map_err(|error| format(error.into()))?;
    let wrong = |error: toml::de::Error| format(error.into());
    // Read by itself too, so that a message names this file and the line in it.
    let file: ScenarioFile = toml::from_str(&text).map_err(wrong)?;
    let table: toml::Table = text.parse().map_err(wrong)?;
    let senseless =
        |key: &str, reason: String| ScenarioError::Senseless { file: shown.clone(), key: key.to_owned(), reason };
    let Some(base) = &file.base else {
        if !file.leave_out.is_empty() {
            return Err(senseless("leave-out", "it speaks of the base's files, and there is no base".to_owned()));
        }
        return Ok(Layer { table, files: own.files });
    };
    above.push(own.name.clone());
    if above.contains(base) {
        return Err(senseless("base", format!("{} → {base} is a loop", above.join(" → "))));
    }
    let found = find(base, &own.origin)?.ok_or_else(|| {
        senseless("base", format!("there is no scenario '{base}' next to it and none that is built in"))
    })?;
    let below = layer(found, above)?;
    over(below, Layer { table, files: own.files }, &file).map_err(|(key, reason)| senseless(key, reason))
}

/// Next to the scenario, else among those that are compiled in.
fn find(name: &str, beside: &Origin) -> Result<Option<Own>, ScenarioError> {
    if name.is_empty() || name.contains(['/', '.']) {
        return Ok(None);
    }
    if let Origin::Folder(folder) = beside
        && let Some(path) = folder.parent().map(|parent| parent.join(name))
        && path.join("scenario.toml").is_file()
    {
        return from_disk(name, &path).map(Some);
    }
    let built_in = source::built_in().into_iter().find(|(other, _)| other == name);
    Ok(built_in.map(|(name, files)| Own { name, origin: Origin::BuiltIn, files }))
}

fn from_disk(name: &str, path: &Path) -> Result<Own, ScenarioError> {
    let files = source::read_folder(path)?;
    Ok(Own { name: name.to_owned(), origin: Origin::Folder(path.to_path_buf()), files })
}

fn over(mut below: Layer, own: Layer, file: &ScenarioFile) -> Result<Layer, (&'static str, String)> {
    leave_out(&mut below, &file.leave_out)?;
    // What this folder holds replaces what the base would make at the same place.
    let made = |entry: &FileEntry| entry.kinds() == 0 || !own.files.iter().any(|file| file.path == entry.path);
    retain_entries(&mut below.table, made);
    below.files.retain(|file| !own.files.iter().any(|other| other.path == file.path));
    below.files.extend(own.files);
    for key in ["base", "leave-out"] {
        below.table.remove(key);
    }
    let mut entries = below.table.remove("files").and_then(into_array).unwrap_or_default();
    let mut table = own.table;
    entries.extend(table.remove("files").and_then(into_array).unwrap_or_default());
    let mut merged = merge(below.table, table);
    if !entries.is_empty() {
        merged.insert("files".to_owned(), entries.into());
    }
    Ok(Layer { table: merged, files: below.files })
}

fn leave_out(below: &mut Layer, left_out: &[String]) -> Result<(), (&'static str, String)> {
    for path in left_out {
        let inside = |other: &str| is_inside(other, path);
        let before = below.files.len() + count_entries(&below.table);
        below.files.retain(|file| !inside(&file.path));
        retain_entries(&mut below.table, |entry| !inside(&entry.path));
        if below.files.len() + count_entries(&below.table) == before {
            return Err(("leave-out", format!("the base has nothing at '{path}'")));
        }
    }
    Ok(())
}

/// Whether `path` is `folder` or below it.
pub(super) fn is_inside(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder.trim_end_matches('/')).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn into_array(value: toml::Value) -> Option<Vec<toml::Value>> {
    match value {
        toml::Value::Array(items) => Some(items),
        _ => None,
    }
}

fn count_entries(table: &toml::Table) -> usize {
    table.get("files").and_then(toml::Value::as_array).map_or(0, Vec::len)
}

fn retain_entries(table: &mut toml::Table, keep: impl Fn(&FileEntry) -> bool) {
    if let Some(toml::Value::Array(items)) = table.get_mut("files") {
        items.retain(|item| FileEntry::deserialize(item.clone()).map_or(true, |entry| keep(&entry)));
    }
}

/// Tables are merged, everything else is replaced.
pub(super) fn merge(mut below: toml::Table, own: toml::Table) -> toml::Table {
    for (key, value) in own {
        let value = match (below.remove(&key), value) {
            (Some(toml::Value::Table(inner)), toml::Value::Table(value)) => toml::Value::Table(merge(inner, value)),
            (_, value) => value,
        };
        below.insert(key, value);
    }
    below
}

#[cfg(test)]
mod tests;
