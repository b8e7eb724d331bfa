//! A baseline brought up to a report: what fails and is not named is added, what passes again is struck off. Reasons,
//! dates and comments of what stays are kept.

use judge::verdict::{Answer, Verdict};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

use super::{Baseline, BaselineError};
use crate::report::Report;

/// The reason of what was added; a person writes the true one.
const REASON: &str = "not looked into yet";

/// A baseline's new text, and what changed.
#[derive(Debug)]
pub struct Updated {
    /// The text.
    pub text: String,
    /// Names of what was added.
    pub added: Vec<String>,
    /// Names of what was struck off.
    pub struck: Vec<String>,
}

/// The text of a baseline after a report. Entries whose date has gone by stay: to renew them is a person's decision.
///
/// # Errors
/// [`BaselineError::Format`] when the text is no baseline.
pub fn updated(text: &str, file: &str, report: &Report) -> Result<Updated, BaselineError> {
    let baseline = Baseline::parse(text, file)?;
    let fail = |reason: String| BaselineError::Format { file: file.to_owned(), reason };
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| fail(error.to_string()))?;
    let item = document.entry("known").or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
    let Some(tables) = item.as_array_of_tables_mut() else {
        return Err(fail("write each known failure as a table of its own: [[known]]".to_owned()));
    };
    let mut struck = Vec::new();
    for (index, entry) in baseline.entries.iter().enumerate().rev() {
        if entry.passes_again(&report.verdicts) {
            tables.remove(index);
            struck.push(entry.name());
        }
    }
    struck.reverse();
    let mut added = Vec::new();
    for verdict in report.verdicts.iter().filter(|verdict| verdict.verdict == Answer::Fail) {
        if !baseline.entries.iter().any(|entry| entry.matches(verdict)) {
            tables.push(table(verdict));
            added.push(verdict.id.clone());
        }
    }
    Ok(Updated { text: document.to_string(), added, struck })
}

fn table(verdict: &Verdict) -> Table {
    let mut table = Table::new();
    table["requirement"] = value(&verdict.requirement);
    table["scenario"] = value(&verdict.scenario);
    table["service"] = value(&verdict.service);
    table["reason"] = value(REASON);
    table.decor_mut().set_prefix("\n");
    table
}
