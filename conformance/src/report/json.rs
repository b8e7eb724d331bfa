//! The JSON report: `docs/report.schema.json` describes it.

use super::Report;

/// The report as indented JSON with a final newline.
///
/// # Errors
/// The serialiser's.
pub fn render(report: &Report) -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string_pretty(report)? + "\n")
}
