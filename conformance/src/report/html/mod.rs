//! The HTML report: one file without network. Answer, picture and what fails are text of the page; verdicts are JSON in
//! it, which the script shows as text only. A policy in the page permits this one style and this one script.
//!
//! ```html
//! <title>reference: not conformant to rfc-196 (exit 1)</title>
//! …
//! <section id="overview" aria-label="Overview">…</section>
//! <section id="verdicts" aria-label="Verdicts" hidden></section>
//! …
//! <script type="application/json" id="data">{…}</script>
//! ```
//!
//! A template engine would take the frame alone, which is short: the script lays out the lists.

mod overview;
mod packed;

use base64::Engine as _;
use ring::digest::{SHA256, digest};

use super::groups::groups;
use super::{Report, terminal::visible};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// The report as a page.
///
/// # Errors
/// The error of `serde_json`, when the report cannot be serialised.
pub fn render(report: &Report) -> Result<String, serde_json::Error> {
    let groups = groups(report);
    let data = data(&packed::packed(report, &groups))?;
    let overview = overview::overview(report);
    let failures = overview::failures(&groups);
    let title = escaped(&format!("{}: {}", report.exporter.name, report.answer()));
    let parts: [(&str, &str); 8] = [
        ("style-hash", &hash(STYLE)),
        ("script-hash", &hash(SCRIPT)),
        ("title", &title),
        ("style", STYLE),
        ("overview", &overview),
        ("failures", &failures),
        ("data", &data),
        ("script", SCRIPT),
    ];
    let mut out = String::with_capacity(data.len() + failures.len() + 64_000);
    // One pass, so that what is put in is never looked through for places.
    let mut pieces = PAGE.split("{{");
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let (name, after) = piece.split_once("}}").unwrap_or((piece, ""));
        let value = parts.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value);
        out.push_str(value);
        out.push_str(after);
    }
    Ok(out)
}

/// JSON in which nothing can end the element that holds it.
fn data(report: &serde_json::Value) -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string(report)?.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"))
}

fn hash(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(digest(&SHA256, text.as_bytes()))
}

/// Text for an element or a quoted attribute.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
