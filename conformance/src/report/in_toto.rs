//! An in-toto Statement v1 with the test-result predicate, for those who sign results. What the suite could not judge is in
//! no list, as the predicate has none for it; the result is then FAILED.

use base64::Engine as _;
use judge::verdict::Answer;
use serde_json::{Value, json};

use super::Report;

/// The statement as indented JSON with a final newline.
///
/// # Errors
/// The serialiser's.
pub fn render(report: &Report) -> Result<String, serde_json::Error> {
    let sha256 = report.exporter.sha256.trim_start_matches("sha256:");
    let named = |wanted: &[Answer]| -> Vec<&str> {
        let found = report.verdicts.iter().filter(|verdict| wanted.contains(&verdict.verdict));
        found.map(|verdict| verdict.id.as_str()).collect()
    };
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": report.exporter.name, "digest": { "sha256": sha256 } }],
        "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
        "predicate": {
            "result": result(report),
            "configuration": configuration(report)?,
            "passedTests": named(&[Answer::Pass]),
            "warnedTests": named(&[Answer::Warn]),
            "failedTests": named(&[Answer::Fail]),
        },
    });
    Ok(serde_json::to_string_pretty(&statement)? + "\n")
}

fn result(report: &Report) -> &'static str {
    match (report.told(), report.totals.warn + report.totals.fail) {
        (0, 0) => "PASSED",
        (0, _) => "WARNED",
        _ => "FAILED",
    }
}

/// What decides the result besides the exporter, as a descriptor that carries its content.
fn configuration(report: &Report) -> Result<Value, serde_json::Error> {
    let content = serde_json::to_vec(&json!({
        "tool": report.tool,
        "profile": report.profile,
        "platform_api": report.platform_api,
        "started": report.started,
        "services": report.services,
        "scenarios": report.scenarios,
        "exit_code": report.exit_code,
    }))?;
    let content = base64::engine::general_purpose::STANDARD.encode(content);
    Ok(json!([{ "name": "run", "mediaType": "application/json", "content": content }]))
}
