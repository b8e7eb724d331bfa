//! The catalogue: one file for each theme, in each a table of its requirements with their judges and tests.

mod accounted;
pub mod annotating;
mod annotations;
mod asked;
mod base;
mod buildpack;
mod daemon;
mod differences;
mod digest;
mod errors;
mod layout;
mod manifest;
mod platform;
pub mod rebase;
mod sentences;
mod source;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod trials;
mod wire;

use platform::{inputs as platform_inputs, written as platform_written};

use annotating::Annotating;

use crate::evidence::Export;
use crate::json::Json;
use crate::observation::Observation;
use crate::requirement::{Case, Requirement, toml_input};

/// Every theme's table.
const THEMES: &[&[Requirement]] = &[
    annotations::TABLE,
    base::TABLE,
    source::TABLE,
    buildpack::TABLE,
    digest::TABLE,
    wire::TABLE,
    manifest::TABLE,
    daemon::TABLE,
    daemon::stores::TABLE,
    layout::TABLE,
    platform::TABLE,
    errors::TABLE,
    accounted::TABLE,
    sentences::TABLE,
    accounted::further::TABLE,
    accounted::carried::TABLE,
    rebase::TABLE,
    rebase::refusals::TABLE,
];

/// Every requirement, in catalogue order.
pub fn all() -> impl Iterator<Item = &'static Requirement> {
    THEMES.iter().flat_map(|theme| theme.iter())
}

/// The requirement with this slug.
///
/// ```
/// let row = judge::requirements::named("base.pair").unwrap();
/// assert_eq!(row.level, judge::verdict::Level::Should);
/// assert!(row.targets.contains(&judge::evidence::Target::Registry));
/// assert!(judge::requirements::named("base.unknown").is_none());
/// ```
#[must_use]
pub fn named(id: &str) -> Option<&'static Requirement> {
    all().find(|requirement| requirement.id == id)
}

/// Whether the judge of the requirement with this slug looks at the registry export next to the one that it judges.
#[must_use]
pub fn compares_with_registry(id: &str) -> bool {
    named(id).is_some_and(|row| row.compares_with_registry)
}

/// What the case shows of the questions that the RFC leaves open, of an exporter that annotates as said.
#[must_use]
pub fn observations(case: &Case<'_>, annotating: &Annotating) -> Vec<Observation> {
    let mut found: Vec<Observation> = Vec::new();
    let mut see = |export: &Export, question: &str, answer: String, at: &str| {
        found.push(Observation {
            question: question.to_owned(),
            scenario: export.scenario.clone(),
            target: export.target,
            service: export.service.clone(),
            answer,
            evidence: export.at(at),
        });
    };
    annotations::observations(case, annotating, &mut see);
    base::observations(case, annotating, &mut see);
    source::observations(case, annotating, &mut see);
    buildpack::observations(case, annotating, &mut see);
    digest::observations(case, annotating, &mut see);
    daemon::observations(case, annotating, &mut see);
    layout::observations(case, &mut see);
    platform::observations(case, &mut see);
    found.dedup_by(|b, a| a.question == b.question && a.answer == b.answer);
    found
}

/// Labels that buildpacks contributed, in their order.
fn contributed_labels(export: &Export) -> Vec<(String, String)> {
    pairs(export, "labels")
}

/// Annotations that buildpacks contributed, in their order.
fn contributed_annotations(export: &Export) -> Vec<(String, String)> {
    pairs(export, "annotations")
}

/// Pairs of `key` and `value` in an array of `<layers>/config/metadata.toml`.
fn pairs(export: &Export, array: &str) -> Vec<(String, String)> {
    let metadata = toml_input(&export.inputs, &format!("{}/config/metadata.toml", export.inputs.layers));
    let list = metadata.as_ref().and_then(|table| table.get(array)?.as_array());
    list.into_iter()
        .flatten()
        .filter_map(|pair| Some((pair.get("key")?.as_str()?.to_owned(), pair.get("value")?.as_str()?.to_owned())))
        .collect()
}

/// Whether a JSON value is the form of a TOML value; a date may be any RFC 3339 string of the same instant.
fn same_value(toml: &toml::Value, json: &Json) -> bool {
    match (toml, json) {
        (toml::Value::String(one), Json::String(two)) => one == two,
        (toml::Value::Integer(one), Json::Number(two)) => two.as_i64() == Some(*one),
        (toml::Value::Float(one), Json::Number(two)) => two.as_f64() == Some(*one),
        // JSON has no form for them.
        (toml::Value::Float(one), Json::Null | Json::String(_)) => !one.is_finite(),
        (toml::Value::Boolean(one), Json::Bool(two)) => one == two,
        (toml::Value::Datetime(one), Json::String(two)) => same_date(&one.to_string(), two),
        (toml::Value::Array(one), Json::Array(two)) => {
            one.len() == two.len() && one.iter().zip(two).all(|(one, two)| same_value(one, two))
        }
        (toml::Value::Table(one), Json::Object(two)) => {
            one.len() == two.len()
                && one.iter().all(|(key, value)| json.get(key).is_some_and(|json| same_value(value, json)))
        }
        _ => false,
    }
}

fn same_date(toml: &str, json: &str) -> bool {
    let instants = (toml.parse::<jiff::Timestamp>(), json.parse::<jiff::Timestamp>());
    // A local date or time has no instant: its text begins the other, which may spell out midnight or an offset.
    toml == json || matches!(instants, (Ok(one), Ok(two)) if one == two) || instants.0.is_err() && json.contains(toml)
}
