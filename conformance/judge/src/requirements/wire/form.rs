//! The form of requests: lengths, types and ranges of what is sent, and what is accepted. Streams stay free:
//! go-containerregistry, docker and skopeo send a blob by PATCH without a length or a range, and end it by a PUT
//! without a body.

use std::collections::BTreeMap;

use super::sent::wire;
use crate::evidence::{Export, Form, WireRecord};
use crate::requirement::{UNSEEN, not_applicable, violated};
use crate::verdict::Finding;
use crate::view;

/// Asks of each request that `is_asked`; the first that is wrong decides. `wrong` gives what is wrong, and what was
/// found.
fn each(
    export: &Export,
    none: &str,
    is_asked: impl Fn(&WireRecord) -> bool,
    expected: &str,
    wrong: impl Fn(&WireRecord, &Form) -> Option<(&'static str, String)>,
) -> Finding {
    let Some(wire) = &export.wire else { return Finding::Skipped(UNSEEN.to_owned()) };
    let asked = wire.iter().filter(|record| is_asked(record));
    let asked: Vec<_> = asked.filter_map(|record| Some((record, record.form.as_ref()?))).collect();
    if asked.is_empty() {
        return not_applicable(none);
    }
    let found = asked.into_iter().find_map(|(record, form)| Some((record, wrong(record, form)?)));
    found.map_or(Finding::Holds, |(record, (message, found))| {
        let led =
            record.elsewhere.as_ref().map_or_else(String::new, |host| format!(" at {host}, to which a redirect led"));
        let found = view::cut(&format!("{} {}{led}: {found}", record.method, record.path()));
        violated(message, expected, found, export.at("export.json#/wire"))
    })
}

/// Whether a whole blob, or the rest of one, comes with the request that ends its upload.
fn ends_a_blob(record: &WireRecord) -> bool {
    matches!(record.method.as_str(), "PUT" | "POST")
        && !record.path().contains("/manifests/")
        && record.parameter("digest").is_some()
        && record.request_bytes > 0
}

fn is_manifest(record: &WireRecord, methods: &[&str]) -> bool {
    record.manifest_at().is_some() && methods.contains(&record.method.as_str())
}

pub(super) fn uploads_have_length_and_type(export: &Export) -> Finding {
    const OCTETS: &str = "application/octet-stream";
    let none = "no blob came with the request that ends its upload, or its form is not known";
    each(export, none, ends_a_blob, "Content-Length, and Content-Type: application/octet-stream", |record, form| {
        if form.length.is_none() {
            return Some(("a blob was sent without Content-Length", "no Content-Length".to_owned()));
        }
        let own = record.content_type.as_deref().and_then(|text| text.split(';').next()).unwrap_or_default().trim();
        let found = || record.content_type.clone().unwrap_or_else(|| "no Content-Type".to_owned());
        (!own.eq_ignore_ascii_case(OCTETS)).then(|| ("a blob was sent with another Content-Type", found()))
    })
}

pub(super) fn manifests_have_a_length(export: &Export) -> Finding {
    let none = "no manifest was put, or its form is not known";
    let asked = |record: &WireRecord| is_manifest(record, &["PUT"]);
    each(export, none, asked, "Content-Length", |_, form| {
        let wrong = ("a manifest was put without Content-Length", "no Content-Length".to_owned());
        form.length.is_none().then_some(wrong)
    })
}

pub(super) fn manifests_are_accepted_by_type(export: &Export) -> Finding {
    let none = "no manifest was asked for, or the form is not known";
    let asked = |record: &WireRecord| is_manifest(record, &["GET", "HEAD"]);
    each(export, none, asked, "Accept with a manifest's media type", |_, form| {
        let accept = form.accept.clone().unwrap_or_else(|| "no Accept".to_owned());
        let is_named = ["vnd.oci.image.manifest.", "vnd.oci.image.index.", "vnd.docker.distribution.manifest."];
        let lower = accept.to_ascii_lowercase();
        let wrong = ("a manifest was asked for, and Accept names no type of one", accept);
        (!is_named.iter().any(|name| lower.contains(name))).then_some(wrong)
    })
}

/// The first and last byte of a chunk, as the specification writes them.
fn range(text: &str) -> Option<(u64, u64)> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (first, last) = text.split_once('-').filter(|(first, last)| is_number(first) && is_number(last))?;
    Some((first.parse().ok()?, last.parse().ok()?))
}

/// Whether it sends bytes to an upload that is open.
fn is_chunk(record: &WireRecord) -> bool {
    matches!(record.method.as_str(), "PATCH" | "PUT")
        && !record.path().contains("/manifests/")
        && record.request_bytes > 0
}

pub(super) fn chunks_follow_one_another(export: &Export) -> Finding {
    let wire = match wire(export) {
        Ok(wire) => wire,
        Err(finding) => return finding,
    };
    // Where the next chunk of an upload begins, as far as the registry took it.
    let mut ends: BTreeMap<&str, u64> = BTreeMap::new();
    let mut were_some = false;
    for record in wire.iter().filter(|record| is_chunk(record)) {
        let begin = ends.get(record.path()).copied();
        if let Some(text) = record.form.as_ref().and_then(|form| form.range.as_ref()).filter(|_| record.status != 0) {
            were_some = true;
            let found = range(text);
            // A registry may give an upload another place after each chunk.
            let may_begin = |first: u64| {
                begin.map_or_else(|| first == 0 || ends.values().any(|end| *end == first), |own| own == first)
            };
            let is_right = found.is_some_and(|(first, last)| {
                may_begin(first) && last.checked_add(1) == first.checked_add(record.request_bytes)
            });
            if !is_right {
                let begin = begin.unwrap_or_default();
                let expected = format!("{begin}-{}", begin + record.request_bytes.saturating_sub(1));
                let found = view::cut(&format!("{text}: {} {} ({})", record.method, record.path(), record.status));
                let message = "a chunk's Content-Range is not the bytes that it has";
                return violated(message, expected, found, export.at("export.json#/wire"));
            }
        }
        if record.is_done() {
            ends.insert(record.path(), begin.unwrap_or_default() + record.request_bytes);
        }
    }
    if were_some { Finding::Holds } else { not_applicable("no chunk said its range, or it is not known") }
}
