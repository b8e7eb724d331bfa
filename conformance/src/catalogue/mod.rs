//! `list`, `explain` and `check`: what the suite knows, without running anything.

mod markdown;

pub(crate) use markdown::theme_title;

use std::fmt::Write as _;
use std::path::Path;
use std::sync::LazyLock;

use judge::profile::Profile;
use judge::requirement::Requirement;
use judge::requirements;
use serde_json::{Value, json};

use crate::baseline::{self, Baseline, BaselineError};
use crate::cli::Listed;
use crate::consumers::{self, ConsumersError};
use crate::coverage::{self, TableError};
use crate::exporter::{DescriptionError, built_in_descriptions, check_text, program_of};
use crate::globs::Patterns;
use crate::profile_file::{self, ProfileFileError};
use crate::project::{self, Project, ProjectError};
use crate::promises;
use crate::report::terminal::{counted, profile_line, visible};
use crate::scenario::materialise::MaterialiseError;
use crate::scenario::{self, Scenario, ScenarioError};
use crate::shown::Table;

/// Why a file does not pass `check`.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// It is not a scenario.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// It is not an exporter description.
    #[error(transparent)]
    Description(#[from] DescriptionError),
    /// It is not a baseline.
    #[error(transparent)]
    Baseline(#[from] BaselineError),
    /// It is not a profile.
    #[error(transparent)]
    Profile(#[from] ProfileFileError),
    /// It is not a project file.
    #[error(transparent)]
    Project(#[from] ProjectError),
}

/// Why something cannot be listed: what is compiled in is malformed.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// A scenario.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// The table of sentences.
    #[error(transparent)]
    Coverage(#[from] TableError),
    /// The table of tools.
    #[error(transparent)]
    Consumers(#[from] ConsumersError),
    /// A built-in scenario cannot be laid out.
    #[error(transparent)]
    Inputs(#[from] MaterialiseError),
}

/// What `list` prints as text.
///
/// # Errors
/// [`ListError`] when a built-in scenario or table is malformed.
pub fn list_text(what: Listed) -> Result<String, ListError> {
    let lines: Vec<String> = match what {
        Listed::Requirements => {
            requirements::all().map(|row| format!("{:<40} {:<8} {}", row.id, row.level, row.asks)).collect()
        }
        Listed::Scenarios => scenario::built_in()?
            .iter()
            .map(|scenario| {
                let when = if scenario.file.with_faults { "(with --faults, or by name) " } else { "" };
                format!("{:<28} {:<10} {when}{}", scenario.name, scenario.origin, visible(&scenario.file.why))
            })
            .collect(),
        Listed::Profiles => Profile::BUILT_IN.iter().map(profile_line).collect(),
        Listed::Exporters => {
            descriptions().map(|(name, text, program)| format!("{name:<12} {program:<28} {text}")).collect()
        }
        Listed::Coverage => return Ok(coverage::text(&coverage::table()?)),
        Listed::Promises => promises::lines(&promises::shown(&scenario::built_in()?)?),
        Listed::Consumers => consumers::lines(&consumers::table()?),
    };
    Ok(lines.join("\n") + "\n")
}

/// What `list --format json` prints: an array of objects with `id`.
///
/// # Errors
/// [`ListError`] when a built-in scenario or table is malformed.
pub fn list_json(what: Listed) -> Result<Value, ListError> {
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
                    "with_faults": scenario.file.with_faults,
                })
            })
            .collect(),
        Listed::Profiles => Profile::BUILT_IN
            .iter()
            .map(|profile| json!({ "id": profile.name(), "summary": profile.summary() }))
            .collect(),
        Listed::Exporters => {
            built_in_descriptions().into_iter().map(|(name, text)| json!({ "id": name, "description": text })).collect()
        }
        Listed::Coverage => coverage::json(&coverage::table()?),
        Listed::Promises => promises::json(&promises::shown(&scenario::built_in()?)?),
        Listed::Consumers => consumers::json(&consumers::table()?),
    })
}

/// What `list --format markdown` prints; that of the requirements is `docs/requirements.md`.
///
/// # Errors
/// [`ListError`] when a built-in scenario or table is malformed.
pub fn list_markdown(what: Listed) -> Result<String, ListError> {
    Ok(match what {
        Listed::Requirements => markdown::requirements(),
        Listed::Scenarios => markdown::scenarios(&scenario::built_in()?),
        Listed::Profiles => markdown::profiles(),
        Listed::Exporters => {
            let entry = |(name, text): (&str, &str)| format!("## `{name}`\n\n```toml\n{text}```\n");
            built_in_descriptions().map(entry).join("\n")
        }
        Listed::Coverage => coverage::markdown(&coverage::table()?),
        Listed::Promises => promises::markdown(&promises::shown(&scenario::built_in()?)?),
        Listed::Consumers => consumers::render(&consumers::table()?),
    })
}

/// Name, what it is, and program of each built-in description.
fn descriptions() -> impl Iterator<Item = (&'static str, &'static str, String)> {
    built_in_descriptions().into_iter().map(|(name, text)| {
        let first = text.lines().next().unwrap_or_default().trim_start_matches("# ");
        let program = program_of(text).unwrap_or_default();
        (name, first, program)
    })
}

fn requirement_json(row: &Requirement) -> Value {
    json!({
        "id": row.id,
        "level": row.level,
        "asks": row.asks,
        "why": row.why,
        "violation": row.violation,
        "fix": row.remedy,
        "condition": row.condition,
        "targets": row.targets,
        "since": row.since,
        "source": { "file": row.source.file, "section": row.source.section, "revision": row.source.revision },
    })
}

/// What `explain` prints, in so many columns; none where there is no such requirement.
#[must_use]
pub fn explain(id: &str, width: usize) -> Option<String> {
    let row = requirements::named(id)?;
    let mut out = String::new();
    let _ = explain_into(&mut out, row, width);
    Some(out)
}

/// The requirements of a theme, or of a glob over slugs, a line each; none where there are none.
#[must_use]
pub fn theme(name: &str) -> Option<String> {
    let glob = if name.contains(['*', '?', '[', '{']) { name.to_owned() } else { format!("{name}.*") };
    let meant = Patterns::try_from(vec![glob]).ok()?;
    let rows: Vec<&Requirement> = requirements::all().filter(|row| meant.matches(row.id)).collect();
    let width = rows.iter().map(|row| row.id.len()).max()?;
    let mut out = String::new();
    for row in rows {
        let _ = writeln!(out, "{:width$}  {:6}  {}", row.id, row.level.to_string(), row.asks);
    }
    out.push_str("\nconformance explain SLUG says more of one\n");
    Some(out)
}

/// What examples are taken from.
static SCENARIOS: LazyLock<Vec<Scenario>> = LazyLock::new(|| scenario::built_in().unwrap_or_default());

/// Columns of what `explain` prints at most.
pub const WIDTH: usize = 100;

fn explain_into(out: &mut String, row: &Requirement, width: usize) -> std::fmt::Result {
    writeln!(out, "{}  {}\n", row.id, row.level)?;
    let targets: Vec<&str> = row.targets.iter().map(|target| target.name()).collect();
    let on = format!("{}, from Platform API {}", targets.join(", "), row.since);
    let source = row.source.to_string();
    for (name, text) in [
        ("asks", row.asks),
        ("why", row.why),
        ("judged", if row.condition.is_empty() { "always" } else { row.condition }),
        ("on", &on),
        ("source", &source),
        ("violation", row.violation),
        ("fix", row.remedy),
    ] {
        out.push_str(&paragraph(name, text, width));
    }
    writeln!(out, "levels")?;
    for profile in Profile::BUILT_IN {
        let levels: Vec<String> =
            row.targets.iter().map(|target| format!("{} on {target}", profile.level(row, *target))).collect();
        out.push_str(&paragraph("", &format!("{:<22} {}", profile.name(), levels.join(", ")), width));
    }
    let example = Table::built_in().map(|table| table.example(&SCENARIOS, row.id)).unwrap_or_default();
    let scenario = example.iter().fold(String::new(), |words, scenario| words + " --scenario " + &scenario.name);
    writeln!(out, "try        conformance run --exporter PATH{scenario} --requirement {}", row.id)
}

/// A name and a text next to it, broken between words so that no line is longer than `width`.
fn paragraph(name: &str, text: &str, width: usize) -> String {
    const INDENT: usize = 11;
    let mut out = format!("{name:<INDENT$}");
    let mut column = INDENT;
    for (index, word) in text.split(' ').enumerate() {
        let length = word.chars().count();
        if index > 0 && column + 1 + length > width {
            let _ = write!(out, "\n{:INDENT$}", "");
            column = INDENT;
        } else if index > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out + "\n"
}

/// The slug nearest to one that is not there, for messages: the one that is most alike, or that has its last word.
#[must_use]
pub fn nearest(id: &str) -> Option<&'static str> {
    /// From which likeness on, of 0 to 1, a slug is taken for a misspelt one.
    const ALIKE: f64 = 0.9;
    let likeness = |known: &str| strsim::jaro_winkler(id, known);
    let slugs = || requirements::all().map(|row| row.id);
    let alike = slugs().max_by(|a, b| likeness(a).total_cmp(&likeness(b))).filter(|known| likeness(known) >= ALIKE);
    let last = id.rsplit('.').next().unwrap_or(id);
    alike.or_else(|| slugs().find(|known| !last.is_empty() && known.contains(last)))
}

/// Checks a description or a profile (a file that is not `scenario.toml`) or scenarios (a folder, or a
/// `scenario.toml`); says what was found.
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
    let built_in = built_in_descriptions().into_iter().find(|(name, _)| path == Path::new(name) && !path.exists());
    if let Some((name, text)) = built_in {
        check_text(text, name)?;
        return Ok(format!("{name}: the built-in exporter description is well-formed\n"));
    }
    let text =
        crate::given::text(path).map_err(|source| DescriptionError::Read { path: path.to_path_buf(), source })?;
    if profile_file::is_meant(&text) {
        let profile = profile_file::named(&path.display().to_string())?;
        return Ok(format!("{}: the profile '{}' is well-formed\n", path.display(), profile.name()));
    }
    if baseline::is_meant(&text) {
        let known = Baseline::parse(&text, &path.display().to_string())?.len();
        return Ok(format!(
            "{}: the baseline is well-formed; it names {}\n",
            path.display(),
            counted(known, "known failure")
        ));
    }
    if path.file_name().is_some_and(|name| name == project::NAME) || project::is_meant(&text) {
        Project::read(path)?;
        return Ok(format!("{}: the project file is well-formed\n", path.display()));
    }
    let name = check_text(&text, &path.display().to_string())?;
    Ok(format!("{}: the exporter description '{}' is well-formed\n", path.display(), visible(&name)))
}

fn count(names: &[&str]) -> String {
    if names.len() == 1 { "1 scenario is".to_owned() } else { format!("{} scenarios are", names.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_explanation_says_everything_within_its_width() {
        for row in requirements::all() {
            let text = explain(row.id, WIDTH).unwrap();
            let is_short = |line: &str, width: usize| line.chars().count() <= width || line.starts_with("try ");
            assert!(text.lines().all(|line| is_short(line, WIDTH)), "{text}");
            assert!(explain(row.id, 80).unwrap().lines().all(|line| is_short(line, 80)), "{text}");
            let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            for part in [row.asks, row.why, row.violation, row.remedy, row.condition] {
                assert!(words(&text).contains(&words(part)), "{part} is missing in {text}");
            }
            assert!(words(&text).contains(&row.source.to_string()), "{text}");
        }
        assert_eq!(explain("base.none", WIDTH), None);
        let base = theme("base").unwrap();
        assert!(base.contains("base.pair ") && !base.contains("config."), "{base}");
        assert_eq!(theme("base.*").as_ref(), Some(&base));
        assert!(theme("none").is_none() && theme("base.none").is_none() && theme("[").is_none());
        assert!(check(Path::new("lifecycle")).unwrap().contains("built-in exporter description"));
    }

    #[test]
    fn the_document_of_the_requirements_is_that_of_the_code() {
        let written = include_str!("../../../docs/requirements.md");
        assert!(
            list_markdown(Listed::Requirements).unwrap() == written,
            "docs/requirements.md is stale; renew it: cargo run -p conformance -- list requirements --format markdown \
             > docs/requirements.md"
        );
    }

    #[test]
    fn the_document_of_the_promises_is_that_of_the_code() {
        let written = include_str!("../../../docs/promises.md");
        assert!(
            list_markdown(Listed::Promises).unwrap() == written,
            "docs/promises.md is stale; renew it: cargo run -p conformance -- list promises --format markdown > docs/promises.md"
        );
    }

    #[test]
    fn lists_have_every_entry_in_every_format() {
        for what in [Listed::Requirements, Listed::Scenarios, Listed::Profiles, Listed::Exporters] {
            let (text, markdown) = (list_text(what).unwrap(), list_markdown(what).unwrap());
            for entry in list_json(what).unwrap().as_array().unwrap() {
                let id = entry["id"].as_str().unwrap();
                assert!(text.contains(id) && markdown.contains(&format!("`{id}`")), "{id}");
            }
        }
        for entry in list_json(Listed::Requirements).unwrap().as_array().unwrap() {
            for key in ["why", "violation", "fix"] {
                assert!(entry[key].as_str().is_some_and(|text| !text.is_empty()), "{entry}");
            }
        }
    }
}
