//! Detection (`cnb-buildpack.md`, Phase #1, buildpacks/spec b745fcf): the first group of `order.toml` whose required
//! buildpacks pass, written to `group.toml` without those that do not. Of the specification there is no build plan (a
//! buildpack that asks for one is refused), no image extension, and no target that is compared.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};

use super::buildpack::Buildpack;
use super::program::Call;
use super::{PipelineError, write};
use crate::scenario::run_image::architecture;

/// What `bin/detect` ends with where it has nothing to do for the app.
const FAIL: i32 = 100;

/// The folders of a build.
#[derive(Debug, Clone)]
pub struct Folders {
    /// `<app>`.
    pub app: PathBuf,
    /// `<layers>`.
    pub layers: PathBuf,
    /// `<platform>`.
    pub platform: PathBuf,
    /// `<buildpacks>`.
    pub buildpacks: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Order {
    order: Vec<Group>,
}

#[derive(Debug, Deserialize)]
struct Group {
    group: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    id: String,
    version: String,
    #[serde(default)]
    optional: bool,
}

impl Folders {
    /// What both executables are called with (`cnb-buildpack.md`, Buildpack Interface and Environment).
    pub(super) fn call(&self, buildpack: &Buildpack, name: &str) -> Result<Call, PipelineError> {
        let mut call = Call::new(&buildpack.folder.join("bin").join(name), &self.app)
            .variable("HOME", &self.platform)
            .variable("CNB_BUILDPACK_DIR", &buildpack.folder)
            .variable("CNB_PLATFORM_DIR", &self.platform)
            .variable("CNB_TARGET_OS", "linux")
            .variable("CNB_TARGET_ARCH", architecture());
        if !buildpack.clear_env {
            for (name, value) in user_variables(&self.platform.join("env"))? {
                call = call.variable(&name, value);
            }
        }
        Ok(call)
    }
}

/// Variables of the user: a file each.
fn user_variables(folder: &Path) -> Result<BTreeMap<String, String>, PipelineError> {
    let mut found = BTreeMap::new();
    if !folder.is_dir() {
        return Ok(found);
    }
    for entry in std::fs::read_dir(folder).map_err(PipelineError::file("read", folder))? {
        let path = entry.map_err(PipelineError::file("read", folder))?.path();
        let value = crate::given::text(&path).map_err(PipelineError::file("read", &path))?;
        found.insert(path.file_name().unwrap_or_default().to_string_lossy().into_owned(), value);
    }
    Ok(found)
}

/// Detects the group for the app by `order`, and writes `group.toml` and `plan.toml`.
///
/// # Errors
/// [`PipelineError`]; [`PipelineError::NoGroup`] where none passes.
pub async fn detect(folders: &Folders, order: &Path) -> Result<Vec<Buildpack>, PipelineError> {
    let text = crate::given::text(order).map_err(PipelineError::file("read", order))?;
    let file: Order = toml::from_str(&text)
        .map_err(|error| PipelineError::Format { path: order.to_path_buf(), source: error.into() })?;
    let mut reasons = Vec::new();
    for group in &file.order {
        match of_group(folders, group).await? {
            Ok(found) => {
                write(&folders.layers.join("group.toml"), &group_file(&found))?;
                write(&folders.layers.join("plan.toml"), "")?;
                return Ok(found);
            }
            Err(reason) => reasons.push(reason),
        }
    }
    Err(PipelineError::NoGroup(reasons.join("; ")))
}

/// The buildpacks of a group that pass, or why it does not.
async fn of_group(folders: &Folders, group: &Group) -> Result<Result<Vec<Buildpack>, String>, PipelineError> {
    let mut found = Vec::new();
    for entry in &group.group {
        let buildpack = Buildpack::find(&folders.buildpacks, &entry.id, &entry.version)?;
        match of_one(folders, &buildpack).await? {
            Ok(()) => found.push(buildpack),
            Err(_) if entry.optional => {}
            Err(reason) => return Ok(Err(reason)),
        }
    }
    Ok(if found.is_empty() { Err("none of its buildpacks passes".to_owned()) } else { Ok(found) })
}

async fn of_one(folders: &Folders, buildpack: &Buildpack) -> Result<Result<(), String>, PipelineError> {
    let plan = tempfile::NamedTempFile::new().map_err(PipelineError::file("make", Path::new("a build plan")))?;
    let call = folders.call(buildpack, "detect")?.variable("CNB_BUILD_PLAN_PATH", plan.path());
    let ran = call.run().await?;
    match ran.code {
        Some(0) => {}
        Some(FAIL) => return Ok(Err(format!("{} fails: {}", buildpack.id, last_line(&ran.stdout)))),
        _ => return Ok(Err(format!("{} is in error: {}", buildpack.id, ran.complaint()))),
    }
    let asked = crate::given::text(plan.path()).map_err(PipelineError::file("read", plan.path()))?;
    if asked.trim().is_empty() {
        return Ok(Ok(()));
    }
    let reason = "it writes a build plan, which is not resolved here".to_owned();
    Err(PipelineError::Buildpack { phase: "detect", id: buildpack.id.clone(), reason })
}

fn last_line(text: &str) -> &str {
    text.lines().last().unwrap_or("it says nothing")
}

fn group_file(group: &[Buildpack]) -> String {
    let entries = group.iter().map(|buildpack| {
        let mut entry = Table::from_iter([
            ("id".to_owned(), Value::from(buildpack.id.clone())),
            ("version".to_owned(), buildpack.version.clone().into()),
            ("api".to_owned(), buildpack.api.clone().into()),
        ]);
        if let Some(homepage) = &buildpack.homepage {
            entry.insert("homepage".to_owned(), homepage.clone().into());
        }
        Value::Table(entry)
    });
    Table::from_iter([("group".to_owned(), Value::Array(entries.collect()))]).to_string()
}
