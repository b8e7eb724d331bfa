//! A scenario of a build, so that what an exporter makes of it is judged like any other.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::{PipelineError, write};

/// A build as a scenario's files.
#[derive(Debug, Clone)]
pub struct Inputs<'a> {
    /// `<app>`.
    pub app: &'a Path,
    /// `<layers>`, with `group.toml`, `config/metadata.toml` and, where there is one, `project-metadata.toml`.
    pub layers: &'a Path,
}

/// A later build of the same app, as an overlay's name and its files below `<layers>`.
#[derive(Debug, Clone)]
pub struct Later<'a> {
    /// The overlay's name.
    pub name: &'a str,
    /// `<layers>` of that build.
    pub layers: &'a Path,
}

/// Files below `<layers>` that the suite writes, or that no exporter reads.
const LEFT_OUT: [&str; 3] = ["analyzed.toml", "plan.toml", "order.toml"];

/// Writes a scenario of one build, and of a later one that is exported twice, each on the image before.
///
/// # Errors
/// [`PipelineError`].
pub fn make(folder: &Path, why: &str, inputs: &Inputs<'_>, later: Option<&Later<'_>>) -> Result<(), PipelineError> {
    let mut modes = Vec::new();
    copy(inputs.app, &folder.join("app"), "app", &mut modes)?;
    copy(inputs.layers, &folder.join("layers"), "layers", &mut modes)?;
    let mut file = Table::from_iter([("why".to_owned(), Value::from(why))]);
    if let Some(later) = later {
        copy(later.layers, &folder.join(later.name).join("layers"), "", &mut Vec::new())?;
        let step = |previous: bool| {
            Value::Table(Table::from_iter([
                ("overlay".to_owned(), Value::from(later.name)),
                ("previous-image".to_owned(), previous.into()),
            ]))
        };
        let steps = vec![Value::Table(Table::new()), step(true), step(true)];
        file.insert("steps".to_owned(), Value::Array(steps));
    }
    let modes = modes.into_iter().map(|(path, mode)| {
        Value::Table(Table::from_iter([("path".to_owned(), Value::from(path)), ("mode".to_owned(), mode.into())]))
    });
    file.insert("files".to_owned(), Value::Array(modes.collect()));
    write(&folder.join("scenario.toml"), &file.to_string())
}

/// Copies a source without its repository, as a platform hands it to buildpacks.
///
/// # Errors
/// [`PipelineError`].
pub fn copy_source(from: &Path, to: &Path) -> Result<(), PipelineError> {
    copy(from, to, "app", &mut Vec::new())
}

/// Copies regular files; those that can be executed are named in `modes`, because a scenario's folder keeps no modes.
fn copy(from: &Path, to: &Path, shown: &str, modes: &mut Vec<(String, String)>) -> Result<(), PipelineError> {
    let entries = std::fs::read_dir(from).map_err(PipelineError::file("read", from))?;
    let mut entries: Vec<PathBuf> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(PipelineError::file("read", from))?;
    entries.sort();
    std::fs::create_dir_all(to).map_err(PipelineError::file("make", to))?;
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_outermost = shown == "layers" || shown.is_empty();
        // A platform leaves the repository out of what it builds.
        if name == ".git" || (is_outermost && LEFT_OUT.contains(&name.as_str())) {
            continue;
        }
        let facts = std::fs::symlink_metadata(&path).map_err(PipelineError::file("read", &path))?;
        let below = format!("{shown}/{name}");
        if facts.is_dir() {
            copy(&path, &to.join(&name), &below, modes)?;
        } else if facts.is_file() {
            std::fs::copy(&path, to.join(&name)).map_err(PipelineError::file("copy", &path))?;
            if facts.permissions().mode() & 0o111 != 0 {
                modes.push((below, format!("{:o}", facts.permissions().mode() & 0o7777)));
            }
        } else {
            return Err(PipelineError::Format { path, source: "it is neither a file nor a folder".into() });
        }
    }
    Ok(())
}
