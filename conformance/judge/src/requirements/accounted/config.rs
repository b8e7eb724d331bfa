//! Fields of the config by which a container runs: each is the run image's, or one that the specification sets.

use super::at;
use crate::evidence::{Export, Image};
use crate::json::Json;
use crate::requirement::violated;
use crate::verdict::Finding;
use crate::view;

/// How a field has to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// As in the run image.
    Kept,
    /// As in the run image, or nothing: it speaks of an entrypoint that the image does not have any more.
    KeptOrNothing,
    /// Nothing, or as in the run image: an image that is run has no use for it.
    OfTheRunImage,
}

/// Fields of `config` that are neither set by the specification (Entrypoint, Env, Labels, `WorkingDir`) nor asked for by
/// `platform.base-config-preserved`, and that change what a container does. Others are an engine's or a vendor's, and free.
const FIELDS: [(&str, Rule); 6] = [
    ("Cmd", Rule::KeptOrNothing),
    ("Healthcheck", Rule::Kept),
    ("Shell", Rule::Kept),
    ("StopTimeout", Rule::Kept),
    ("OnBuild", Rule::OfTheRunImage),
    ("Tty", Rule::OfTheRunImage),
];

/// Null, false and what is empty are as nothing.
fn value(config: Option<&Json>, key: &str) -> Option<serde_json::Value> {
    let found = config?.at(&["config", key])?;
    let is_nothing = match found {
        Json::Null | Json::Bool(false) => true,
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(members) => members.is_empty(),
        Json::Bool(true) | Json::Number(_) => false,
    };
    (!is_nothing).then(|| found.to_value())
}

pub(super) fn every_field_is_explained(export: &Export, image: &Image) -> Finding {
    let (base, config) = (view::json(Some(&export.run_image.config)), view::json(image.config.as_ref()));
    for (key, rule) in FIELDS {
        let (expected, found) = (value(base.as_deref(), key), value(config.as_deref(), key));
        let is_permitted = rule != Rule::Kept && found.is_none();
        if expected != found && !is_permitted {
            let shown = |value: Option<serde_json::Value>| {
                value.map_or_else(|| "nothing".to_owned(), |value| view::cut(&value.to_string()))
            };
            return violated(
                format!("config.{key} is neither the run image's nor asked for by the build"),
                shown(expected),
                shown(found),
                at(export, &format!("config/{key}")),
            );
        }
    }
    Finding::Holds
}
