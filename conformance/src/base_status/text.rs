//! The rows as a table for people.

use std::fmt::Write as _;

use super::{From, Rebasable, Row};

/// A table: image, state, base and rebasable, and a sentence below each.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let heads = ["IMAGE", "STATE", "BASE", "DIGEST", "NOW", "SAID BY", "REBASABLE"].map(str::to_owned);
    let lines: Vec<[String; 7]> = std::iter::once(heads).chain(rows.iter().map(cells)).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..7).map(width).collect();
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        let padded = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let _ = writeln!(text, "{}", padded.collect::<Vec<_>>().join("  ").trim_end());
        if let Some(row) = index.checked_sub(1).and_then(|at| rows.get(at)) {
            let _ = writeln!(text, "  {}", row.note);
        }
    }
    text
}

fn cells(row: &Row) -> [String; 7] {
    let short = |digest: &Option<String>| {
        digest.as_ref().map_or_else(|| "-".to_owned(), |digest| digest.chars().take(19).collect())
    };
    let from = match row.from {
        From::Annotations => "annotations",
        From::Label => "label",
        From::Nowhere => "-",
    };
    let rebasable = match row.rebasable {
        Rebasable::Yes => "yes",
        Rebasable::No => "by force alone",
        Rebasable::NotSaid => "not said",
    };
    [
        row.image.clone(),
        row.state.name().to_owned(),
        row.base_name.clone().unwrap_or_else(|| "-".to_owned()),
        short(&row.base_digest),
        short(&row.current_digest),
        from.to_owned(),
        rebasable.to_owned(),
    ]
}
