//! An in-toto Statement v1 with the test-result predicate, for those who sign results. What the suite could not judge
//! is in no list, as the predicate has none for it; the result is then FAILED. Known failures are warnings, and the
//! configuration names them.
//!
//! ```text
//! { "_type": "https://in-toto.io/Statement/v1",
//!   "subject": [{ "name": "reference", "digest": { "sha256": "…" } }],
//!   "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
//!   "predicate": { "result": "FAILED", "configuration": […], "passedTests": […], "warnedTests": […], "failedTests": […] } }
//! ```

use base64::Engine as _;
use judge::verdict::{Answer, Verdict};
use serde_json::{Value, json};

use super::{Report, groups::is_known};

/// The statement as indented JSON with a final newline.
///
/// # Errors
/// The error of `serde_json`, when the report cannot be serialised.
pub fn render(report: &Report) -> Result<String, serde_json::Error> {
    let sha256 = report.exporter.sha256.trim_start_matches("sha256:");
    let named = |is: fn(&Verdict) -> bool| -> Vec<&str> {
        report.verdicts.iter().filter(|verdict| is(verdict)).map(|verdict| verdict.id.as_str()).collect()
    };
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": report.exporter.name, "digest": { "sha256": sha256 } }],
        "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
        "predicate": {
            "result": result(report),
            "configuration": configuration(report)?,
            "passedTests": named(|verdict| verdict.verdict == Answer::Pass),
            "warnedTests": named(|verdict| verdict.verdict == Answer::Warn || is_known(verdict)),
            "failedTests": named(|verdict| verdict.verdict == Answer::Fail && !is_known(verdict)),
        },
    });
    Ok(serde_json::to_string_pretty(&statement)? + "\n")
}

fn result(report: &Report) -> &'static str {
    match (report.told(), report.totals.warn + report.totals.fail) {
        // A quick run passes nothing: a full one decides.
        (0, 0) if !report.is_quick() => "PASSED",
        (0, _) => "WARNED",
        _ => "FAILED",
    }
}

/// What decides the result other than the exporter, as a descriptor that carries its content.
fn configuration(report: &Report) -> Result<Value, serde_json::Error> {
    let known: Vec<Value> = report
        .verdicts
        .iter()
        .filter(|verdict| is_known(verdict))
        .map(|verdict| json!({ "id": verdict.id, "known": verdict.known }))
        .collect();
    let content = serde_json::to_vec(&json!({
        "known_failures": known,
        "tool": report.tool,
        "profile": report.profile,
        "platform_api": report.platform_api,
        "started": report.started,
        "services": report.services,
        "scenarios": report.scenarios,
        "narrowed": report.narrowed,
        "exit_code": report.exit_code,
    }))?;
    let content = base64::engine::general_purpose::STANDARD.encode(content);
    Ok(json!([{ "name": "run", "mediaType": "application/json", "content": content }]))
}
