//! The HTML report: one file without network. The overview is text of the page; verdicts are JSON in it, which the script
//! shows as text only. A policy in the page permits this one style and this one script.

use std::fmt::Write as _;

use base64::Engine as _;
use ring::digest::{SHA256, digest};

use super::{Report, markdown, terminal::visible};

const PAGE: &str = include_str!("html/page.html");
const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/script.js");

/// The report as a page.
///
/// # Errors
/// The serialiser's.
pub fn render(report: &Report) -> Result<String, serde_json::Error> {
    let data = data(report)?;
    let overview = overview(report);
    let title = escaped(&format!("{}: {}", report.exporter.name, markdown::answer(report)));
    let parts: [(&str, &str); 7] = [
        ("style-hash", &hash(STYLE)),
        ("script-hash", &hash(SCRIPT)),
        ("title", &title),
        ("style", STYLE),
        ("overview", &overview),
        ("data", &data),
        ("script", SCRIPT),
    ];
    let mut out = String::with_capacity(data.len() + 64_000);
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
fn data(report: &Report) -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string(report)?.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"))
}

fn hash(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(digest(&SHA256, text.as_bytes()))
}

fn overview(report: &Report) -> String {
    let class = match report.told() {
        0 => "good",
        1 => "bad",
        _ => "unsure",
    };
    let mut out = format!(
        "<p class=\"answer {class}\">{}</p>\n<dl>\n<dt>Exporter</dt><dd>{} <code>{}</code></dd>\n",
        escaped(&markdown::answer(report)),
        escaped(&report.exporter.name),
        escaped(&report.exporter.sha256)
    );
    let services: Vec<String> = report
        .services
        .iter()
        .map(|service| {
            let unseen = if service.observed { "" } else { ", not observed" };
            format!("{} ({}{unseen})", service.name, format!("{} {}", service.kind, service.version).trim_end())
        })
        .collect();
    let tool = &report.tool;
    let scale = format!(
        "{} scenarios, {} exports, {} verdicts in {:.1} s",
        report.scenarios.len(),
        report.exports,
        report.verdicts.len(),
        report.seconds
    );
    let judged = format!("{} {}, catalogue {}", tool.name, tool.version, tool.catalogue);
    let mut rows = vec![
        ("Services", services.join(", ")),
        ("When", report.started.clone()),
        ("Scale", scale),
        ("Platform API", report.platform_api.clone()),
        ("Judged by", judged),
    ];
    rows.extend(report.evidence.iter().map(|folder| ("Evidence", folder.clone())));
    rows.extend(report.troubles.iter().map(|trouble| ("The suite failed", trouble.clone())));
    rows.extend(report.left_behind.iter().map(|left| ("Left behind", left.clone())));
    for (name, value) in rows {
        let _ = writeln!(out, "<dt>{name}</dt><dd>{}</dd>", escaped(&value));
    }
    out += "</dl>\n<table class=\"profiles\"><caption>Profiles</caption><tbody>\n";
    for headline in &report.headlines {
        let decides = if headline.profile == report.profile { " <b>decides</b>" } else { "" };
        let (profile, text) = (escaped(&headline.profile), escaped(&headline.text));
        let _ = writeln!(out, "<tr><th scope=\"row\">{profile}{decides}</th><td>{text}</td></tr>");
    }
    out + "</tbody></table>\n" + &totals(report)
}

fn totals(report: &Report) -> String {
    let t = report.totals;
    let counts = [
        ("pass", t.pass),
        ("fail", t.fail),
        ("warn", t.warn),
        ("absent", t.absent),
        ("n/a", t.not_applicable),
        ("skipped", t.skipped),
        ("error", t.error),
    ];
    let items = counts.iter().fold(String::new(), |items, (name, count)| {
        let class = name.replace('/', "");
        items + &format!("<li class=\"v-{class}\"><b>{count}</b> {name}</li>")
    });
    format!("<ul class=\"totals\">{items}</ul>\n")
}

/// Text for an element or a quoted attribute.
fn escaped(text: &str) -> String {
    let shown = visible(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    shown.replace('"', "&quot;").replace('\'', "&#39;")
}
