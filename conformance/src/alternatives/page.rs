//! The page: what was measured as tables, what the catalogue judges of each way, and what cannot be measured as text
//! (`page.md`).

use std::fmt::Write as _;

use judge::evidence::Target;
use judge::profile::Profile;
use judge::requirements;

use super::record::{Record, WayFacts};

/// The text, with places for what is generated.
const TEXT: &str = include_str!("page.md");
/// The ways' headings, in the order of the record.
const HEADINGS: [&str; 4] = ["platform", "buildpack: annotations", "buildpack: labels", "neither"];
/// Profiles whose levels are compared with `core`.
const RAISED: [Profile; 2] = [Profile::Rfc196, Profile::BuildpackAnnotations];

/// The page of a record, as Markdown.
#[must_use]
pub fn page(record: &Record) -> String {
    TEXT.replace("<!-- measured -->\n", &measured(record))
        .replace("<!-- answers -->\n", &answers(record))
        .replace("<!-- judged -->\n", &judged())
}

type Cell = fn(&WayFacts) -> String;

/// A row of the table: what is measured, and of a way.
const ROWS: [(&str, Cell); 12] = [
    ("of the nine annotations, registry", |way| count(way, "registry")),
    ("of the nine annotations, layout", |way| count(way, "layout")),
    ("of the nine as labels", |way| way.labels.to_string()),
    ("manifest, bytes", |way| way.manifest_bytes.to_string()),
    ("config, bytes", |way| way.config_bytes.to_string()),
    ("layer with `config/metadata.toml`, bytes", |way| way.metadata_layer_bytes.to_string()),
    ("another commit changes layers", |way| format!("{} of {}", way.other_commit.layers, way.other_commit.of_layers)),
    ("another commit changes config (imageID), manifest", |way| {
        format!("{}, {}", yes(way.other_commit.config), yes(way.other_commit.manifest))
    }),
    ("another commit sends blobs, bytes", |way| {
        format!("{}, {}", way.other_commit.sent_blobs, way.other_commit.sent_bytes)
    }),
    ("same build, same digest", |way| yes(way.reproducible).to_owned()),
    ("layout has the registry's digest", |way| yes(way.layout_has_the_digest).to_owned()),
    ("`project-metadata`, utility buildpack, export: ms", |way| {
        let part = |time: Option<u64>| time.map_or_else(|| "–".to_owned(), |time| time.to_string());
        format!("{}, {}, {}", part(way.times.project_metadata), part(way.times.buildpack), way.times.export)
    }),
];

fn count(way: &WayFacts, service: &str) -> String {
    way.annotations.get(service).copied().flatten().map_or_else(|| "–".to_owned(), |count| count.to_string())
}

fn yes(is_so: bool) -> &'static str {
    if is_so { "yes" } else { "no" }
}

fn measured(record: &Record) -> String {
    let mut text = format!("| | {} |\n|---|{}\n", HEADINGS.join(" | "), "---:|".repeat(HEADINGS.len()));
    for (name, cell) in ROWS {
        let cells: Vec<String> = record.ways.iter().map(cell).collect();
        let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
    }
    text
}

fn answers(record: &Record) -> String {
    let mut text = "| way | profile | |\n|---|---|---|\n".to_owned();
    for (way, heading) in record.ways.iter().zip(HEADINGS) {
        for profile in RAISED {
            if let Some(answer) = way.answers.get(profile.name()) {
                let _ = writeln!(text, "| {heading} | `{}` | {answer} |", profile.name());
            }
        }
    }
    text
}

/// The requirements that a profile demands and `core` does not.
fn judged() -> String {
    let mut text = String::new();
    for profile in RAISED {
        let raised = |row: &&judge::requirement::Requirement| {
            row.targets.contains(&Target::Registry) && profile.level(row, Target::Registry) > row.level
        };
        let rows: Vec<String> = requirements::all().filter(raised).map(|row| format!("`{}`", row.id)).collect();
        let _ = writeln!(text, "- `{}` demands {} on a registry: {}.", profile.name(), rows.len(), rows.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_of_the_text_is_filled_and_every_row_has_a_cell_for_every_way() {
        let record: Record = serde_json::from_str(include_str!("../../../docs/alternatives.json")).unwrap();
        let page = page(&record);
        assert!(!page.contains("<!--"), "a place is left");
        let rows = page.lines().filter(|line| line.starts_with("| another commit"));
        assert!(rows.clone().count() == 3 && rows.clone().all(|row| row.matches(" | ").count() == 4), "{page}");
        assert!(page.contains("`buildpack.annotations-present`"));
    }
}
