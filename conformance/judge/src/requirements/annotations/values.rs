//! Values that a key's definition gives a form: a date, a licence, a URL.

use super::{at, of_value};
use crate::evidence::{Export, Image};
use crate::requirement::{holds_when, not_applicable, together, toml_input, violated};
use crate::verdict::Finding;
use crate::view::{self, PREFIX};

/// The value of an annotation that is not a buildpack's: what a buildpack contributes is passed on as it is.
fn own_value(export: &Export, image: &Image, key: &str) -> Option<String> {
    let found = view::annotation(image, key)?;
    let is_contributed = |(known, value): &(String, String)| known == key && *value == found;
    (!super::super::contributed_annotations(export).iter().any(is_contributed)).then_some(found)
}

/// The non-empty string input of one of the RFC's seven keys.
fn input(export: &Export, table: &str, key: &str) -> Option<String> {
    let project = toml_input(&export.inputs, &export.inputs.project_metadata)?;
    Some(project.get("source")?.get(table)?.get(key)?.as_str()?.to_owned()).filter(|text| !text.is_empty())
}

pub(super) fn created_is_a_date(export: &Export, image: &Image) -> Finding {
    let key = format!("{PREFIX}created");
    let Some(text) = view::annotation(image, &key) else { return not_applicable("there is no annotation created") };
    let is_date = is_rfc_3339(&text);
    if !is_date && own_value(export, image, &key).is_none() {
        return not_applicable("the annotation created is a buildpack's, which contributed no date and time");
    }
    holds_when(is_date, || {
        violated(
            "created is not an RFC 3339 date and time",
            "1985-04-12T23:20:50.52Z",
            view::cut(&text),
            at(export, &key),
        )
    })
}

/// Date, time and offset: a parser of dates alone would also take what RFC 3339 does not.
pub(in super::super) fn is_rfc_3339(text: &str) -> bool {
    let bytes = text.as_bytes();
    let has_shape = bytes.len() >= 20 && bytes[4] == b'-' && bytes[7] == b'-' && bytes[13] == b':' && bytes[16] == b':';
    let has_offset = || {
        let [.., sign, _, _, colon, _, _] = bytes else { return false };
        text.ends_with(['Z', 'z']) || matches!(sign, b'+' | b'-') && *colon == b':'
    };
    has_shape
        && has_offset()
        && matches!(bytes[10], b'T' | b't' | b' ')
        && !text.contains('[')
        && text.parse::<jiff::Timestamp>().is_ok()
}

pub(super) fn licenses_stay_an_spdx_expression(export: &Export, image: &Image) -> Finding {
    let key = format!("{PREFIX}licenses");
    let Some(found) = own_value(export, image, &key) else {
        return not_applicable("there is no annotation licenses, or it is a buildpack's");
    };
    match input(export, "metadata", "licenses") {
        Some(input) if is_spdx(&input) => holds_when(is_spdx(&found), || {
            let message = "licenses is not an SPDX expression, though its input is";
            of_value(violated(message, input, view::cut(&found), at(export, &key)), export, "licenses")
        }),
        _ => not_applicable("the input is not an SPDX expression"),
    }
}

fn is_spdx(text: &str) -> bool {
    let mode = spdx::ParseMode {
        allow_deprecated: true,
        allow_unknown: false,
        allow_slash_as_or_operator: false,
        allow_imprecise_license_names: false,
        allow_postfix_plus_on_gpl: true,
    };
    spdx::Expression::parse_mode(text, mode).is_ok()
}

pub(super) fn urls_stay_urls(export: &Export, image: &Image) -> Finding {
    let mut findings = Vec::new();
    for (name, key) in [("documentation", "documentation-url"), ("source", "repository")] {
        let annotation = format!("{PREFIX}{name}");
        let (Some(found), Some(input)) = (own_value(export, image, &annotation), input(export, "metadata", key)) else {
            continue;
        };
        if !is_absolute_url(&input) {
            continue;
        }
        let finding = holds_when(is_absolute_url(&found), || {
            let message = format!("{name} is not an absolute URL, though its input is");
            violated(message, input, view::cut(&found), at(export, &annotation))
        });
        findings.push(of_value(finding, export, name));
    }
    if findings.is_empty() {
        return not_applicable("neither documentation nor source is there with an absolute URL as its input");
    }
    together(findings)
}

pub(super) fn is_absolute_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    let has_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(fits);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    has_scheme && !host.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}
