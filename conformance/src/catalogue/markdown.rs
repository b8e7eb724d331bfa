//! Lists as Markdown documents.

use std::fmt::Write as _;

use judge::profile::Profile;
use judge::requirement::Requirement;
use judge::requirements;
use judge::verdict::Level;

use crate::scenario::Scenario;

/// The title of each theme, by what its slugs begin with.
const THEMES: [(&str, &str); 20] = [
    ("annotations", "the form of annotations, whatever made them"),
    ("base", "the run image"),
    ("source", "what the platform passes in `project-metadata.toml`"),
    ("buildpack", "annotations that buildpacks contribute"),
    ("digest", "immutability"),
    ("manifest", "the manifest as a document"),
    ("config", "the config as a document"),
    ("labels", "labels as a document"),
    ("layer", "layers as documents"),
    ("report", "the report"),
    ("daemon", "daemons: what changes, and what must not"),
    ("layout", "OCI image layouts on disk"),
    ("platform", "the exporter's contract that the rest stands on"),
    ("errors", "bad input gets a clear refusal, and nothing is written"),
    ("works", "what a container needs so that it can start"),
    ("registry", "what is written into a registry"),
    ("image", "nothing in the image without a reason"),
    ("inputs", "what was there before the export"),
    ("wire", "what is said to a registry on the way"),
    ("rebase", "what a rebaser makes of an app image"),
];

/// What a theme is about; empty for one that is not of this catalogue.
pub(crate) fn theme_title(theme: &str) -> &'static str {
    THEMES.iter().find(|(name, _)| *name == theme).map_or("", |(_, title)| *title)
}

const HEAD: &str = "# Requirements

Generated from the code by `conformance list requirements --format markdown > docs/requirements.md`; a test fails when it
is stale. Sources are files of the specifications with section and revision; *this catalogue* marks what is this project's
own. A violated MUST is a `fail`, a violated SHOULD a `warn`, an OPTIONAL that is not there `absent`; a profile may raise a
level and never lowers one.
";

/// The whole catalogue by theme, and the profiles.
pub(super) fn requirements() -> String {
    let mut out = format!("{HEAD}\n{} requirements.\n\n", requirements::all().count());
    out.push_str(&profiles_table());
    let mut last = "";
    for row in requirements::all() {
        let theme = row.id.split('.').next().unwrap_or_default();
        if theme != last {
            let _ = writeln!(out, "\n## {theme}: {}", theme_title(theme));
            last = theme;
        }
        out.push_str(&requirement(row));
    }
    out
}

fn requirement(row: &Requirement) -> String {
    let targets: Vec<&str> = row.targets.iter().map(|target| target.name()).collect();
    let judged = if row.condition.is_empty() { "always" } else { row.condition };
    let mut out =
        format!("\n### `{}`\n\n**{}** on {}: {}\n\n", row.id, row.level, targets.join(", "), escaped(row.asks));
    for (name, text) in [
        ("Judged", judged),
        ("Source", &row.source.to_string()),
        ("Why", row.why),
        ("A violation", row.violation),
        ("Fix", row.remedy),
    ] {
        let _ = writeln!(out, "- {name}: {}", escaped(text));
    }
    let raised = raised(row);
    if !raised.is_empty() {
        let _ = writeln!(out, "- Raised: {raised}");
    }
    out
}

/// Profiles in which the level is another, `strict`'s rule for every SHOULD aside.
fn raised(row: &Requirement) -> String {
    let mut found = Vec::new();
    for profile in Profile::BUILT_IN {
        for target in row.targets.iter().copied() {
            let level = profile.level(row, target);
            if level > row.level && !(profile == Profile::Strict && row.level == Level::Should) {
                found.push(format!("{level} in `{profile}` on {target}"));
            }
        }
    }
    found.join(", ")
}

/// The text without what Markdown would take for markup.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '<' | '>' | '*' | '_' | '[' | ']' | '|' | '\\' | '`') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn profiles_table() -> String {
    let mut out = "| profile | is | raised above the catalogue |\n|---|---|---|\n".to_owned();
    for profile in Profile::BUILT_IN {
        let raised = requirements::all()
            .filter(|row| row.targets.iter().any(|target| profile.level(row, *target) > row.level))
            .count();
        let _ = writeln!(out, "| `{profile}` | {} | {raised} |", escaped(&profile.summary()));
    }
    out
}

/// The built-in profiles.
pub(super) fn profiles() -> String {
    format!("# Profiles\n\n{}", profiles_table())
}

/// The built-in scenarios.
pub(super) fn scenarios(scenarios: &[Scenario]) -> String {
    let mut out = "# Scenarios\n\n| scenario | why |\n|---|---|\n".to_owned();
    for scenario in scenarios {
        let _ = writeln!(out, "| `{}` | {} |", scenario.name, escaped(&scenario.file.why.replace('\n', " ")));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_theme_says_what_it_is_about() {
        for row in requirements::all() {
            let theme = row.id.split('.').next().unwrap_or_default();
            assert!(!theme_title(theme).is_empty(), "{theme}");
        }
    }
}
