//! `list`, `explain` and `check`: what the suite knows, without running anything.

use std::fmt::Write as _;
use std::path::Path;

use judge::profile::Profile;
use judge::requirement::Requirement;
use judge::requirements;
use serde_json::{Value, json};

use crate::cli::Listed;
use crate::exporter::{DescriptionError, check_text};
use crate::report::terminal::{profile_line, visible};
use crate::scenario::{self, ScenarioError};

/// Why a file does not pass `check`.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// It is not a scenario.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// It is not an exporter description.
    #[error(transparent)]
    Description(#[from] DescriptionError),
}

/// What `list` prints as text.
///
/// # Errors
/// [`ScenarioError`] when a built-in scenario is malformed.
pub fn list_text(what: Listed) -> Result<String, ScenarioError> {
    let lines: Vec<String> = match what {
        Listed::Requirements => {
            requirements::all().map(|row| format!("{:<40} {:<8} {}", row.id, row.level, row.asks)).collect()
        }
        Listed::Scenarios => scenario::built_in()?
            .iter()
            .map(|scenario| format!("{:<28} {:<10} {}", scenario.name, scenario.origin, visible(&scenario.file.why)))
            .collect(),
        Listed::Profiles => Profile::ALL.into_iter().map(profile_line).collect(),
    };
    Ok(lines.join("\n") + "\n")
}

/// What `list --format json` prints: an array of objects with `id`.
///
/// # Errors
/// [`ScenarioError`] when a built-in scenario is malformed.
pub fn list_json(what: Listed) -> Result<Value, ScenarioError> {
    Ok(match what {
        Listed::Requirements => requirements::all().map(requirement_json).collect(),
        Listed::Scenarios => scenario::built_in()?
            .iter()
            .map(|scenario| {
                json!({
                    "id": scenario.name,
                    "origin": scenario.origin.to_string(),
                    "why": scenario.file.why,
                    "targets": scenario.file.targets,
                    "steps": scenario.file.steps.len(),
                })
            })
            .collect(),
        Listed::Profiles => Profile::ALL
            .into_iter()
            .map(|profile| json!({ "id": profile.name(), "summary": profile.summary() }))
            .collect(),
    })
}

fn requirement_json(row: &Requirement) -> Value {
    json!({
        "id": row.id,
        "level": row.level,
        "asks": row.asks,
        "condition": row.condition,
        "targets": row.targets,
        "since": row.since,
        "source": { "file": row.source.file, "section": row.source.section, "revision": row.source.revision },
    })
}

/// What `explain` prints; none where there is no such requirement.
#[must_use]
pub fn explain(id: &str) -> Option<String> {
    let row = requirements::named(id)?;
    let mut out = String::new();
    let _ = explain_into(&mut out, row);
    Some(out)
}

fn explain_into(out: &mut String, row: &Requirement) -> std::fmt::Result {
    writeln!(out, "{}  {}\n", row.id, row.level)?;
    writeln!(out, "asks       {}", row.asks)?;
    writeln!(out, "judged     {}", if row.condition.is_empty() { "always" } else { row.condition })?;
    let targets: Vec<&str> = row.targets.iter().map(|target| target.name()).collect();
    writeln!(out, "on         {}, from Platform API {}", targets.join(", "), row.since)?;
    writeln!(out, "source     {}", row.source)?;
    writeln!(out, "levels")?;
    for profile in Profile::ALL {
        let levels: Vec<String> =
            row.targets.iter().map(|target| format!("{} on {target}", profile.level(row, *target))).collect();
        writeln!(out, "           {:<22} {}", profile.name(), levels.join(", "))?;
    }
    writeln!(out, "try        conformance run --requirement {}", row.id)
}

/// The slug nearest to one that is not there, for messages.
#[must_use]
pub fn nearest(id: &str) -> Option<&'static str> {
    let last = id.rsplit('.').next().unwrap_or(id);
    requirements::all().map(|row| row.id).find(|known| !last.is_empty() && known.contains(last))
}

/// Checks a description (a file that is not `scenario.toml`) or scenarios (a folder, or a `scenario.toml`); says what
/// was found.
///
/// # Errors
/// [`CheckError`] naming the file and what is wrong in it.
pub fn check(path: &Path) -> Result<String, CheckError> {
    let is_scenario = path.file_name().is_some_and(|name| name == "scenario.toml");
    if path.is_dir() || is_scenario {
        let folder = if is_scenario { path.parent().unwrap_or(path) } else { path };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let absolute = std::fs::canonicalize(folder)
            .map_err(|source| ScenarioError::Read { path: folder.to_path_buf(), source })?;
        let found = scenario::from_folder(&absolute)?;
        let names: Vec<&str> = found.iter().map(|scenario| scenario.name.as_str()).collect();
        return Ok(format!("{}: {} well-formed: {}\n", path.display(), count(&names), names.join(", ")));
    }
    let text =
        std::fs::read_to_string(path).map_err(|source| DescriptionError::Read { path: path.to_path_buf(), source })?;
    let name = check_text(&text, &path.display().to_string())?;
    Ok(format!("{}: the exporter description '{}' is well-formed\n", path.display(), visible(&name)))
}

fn count(names: &[&str]) -> String {
    if names.len() == 1 { "1 scenario is".to_owned() } else { format!("{} scenarios are", names.len()) }
}
