//! The image of a daemon next to that of the registry export of the same step.

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::Digest;
use crate::evidence::{Export, Image, Target};
use crate::json::Json;
use crate::requirement::{Case, holds_when, not_applicable, violated};
use crate::verdict::Finding;
use crate::view;

pub(super) use crate::view::LIFECYCLE;

pub(super) fn twin<'a>(case: &Case<'a>, export: &Export) -> Option<(&'a Export, &'a Image)> {
    let twin = case.registry_twin(export)?;
    Some((twin, twin.image.as_ref()?))
}

pub(super) fn no_twin() -> Finding {
    not_applicable("there is no registry export of this step")
}

/// Asks a judge of every export with its registry twin.
pub(super) fn with_twins(case: &Case<'_>, judge: fn(&Export, &Image, &Image) -> Finding) -> Finding {
    let registry: Vec<&Export> =
        case.scenario.exports.iter().filter(|export| export.target == Target::Registry).collect();
    let elsewhere =
        Case { scenario: case.scenario, target: case.target, service: case.service, exports: registry, run: case.run };
    if super::super::digest::a_repeat_differs(case) || super::super::digest::a_repeat_differs(&elsewhere) {
        return not_applicable("an identical repeat on one target differs already");
    }
    case.each_image(|export, image| match twin(case, export) {
        Some((_, registry)) => judge(export, image, registry),
        None => no_twin(),
    })
}

pub(super) fn diff_ids_are_the_same(export: &Export, image: &Image, registry: &Image) -> Finding {
    let (expected, found) = (view::diff_ids(registry.config.as_ref()), view::diff_ids(image.config.as_ref()));
    holds_when(expected == found, || {
        let index =
            expected.iter().zip(&found).position(|(one, two)| one != two).unwrap_or(expected.len().min(found.len()));
        let at = |list: &[String]| {
            list.get(index).map_or_else(|| format!("nothing at {index}"), |id| format!("{id} at {index}"))
        };
        violated(
            "diffIDs differ from the registry export",
            at(&expected),
            at(&found),
            export.at("config.json#/rootfs/diff_ids"),
        )
    })
}

pub(super) const COMPARED: [&[&str]; 12] = [
    &["config", "Env"],
    &["config", "Entrypoint"],
    &["config", "Cmd"],
    &["config", "WorkingDir"],
    &["config", "User"],
    &["config", "ExposedPorts"],
    &["config", "Volumes"],
    &["config", "StopSignal"],
    &["os"],
    &["architecture"],
    &["variant"],
    &["created"],
];

/// A value for comparison; null, empty and absent are one.
fn comparable(config: Option<&Json>, path: &[&str]) -> Option<serde_json::Value> {
    let value = config?.at(path)?.to_value();
    let is_nothing = match &value {
        serde_json::Value::Null => true,
        serde_json::Value::String(text) => text.is_empty(),
        serde_json::Value::Array(items) => items.is_empty(),
        serde_json::Value::Object(members) => members.is_empty(),
        _ => false,
    };
    (!is_nothing).then_some(value)
}

pub(super) fn the_config_is_the_same(export: &Export, image: &Image, registry: &Image) -> Finding {
    let (one, two) = (view::json(registry.config.as_ref()), view::json(image.config.as_ref()));
    for path in COMPARED {
        let (expected, found) = (comparable(one.as_deref(), path), comparable(two.as_deref(), path));
        if expected != found {
            let place = export.at(&format!("config.json#/{}", path.join("/")));
            return violated(
                format!("{} differs from the registry export", path.join(".")),
                view::shown(expected),
                view::shown(found),
                place,
            );
        }
    }
    Finding::Holds
}

/// The lifecycle's label without the references to the run image.
fn without_references(text: &str) -> Option<serde_json::Value> {
    let mut value = Json::parse(text.as_bytes()).ok()?.to_value();
    for place in ["/runImage", "/stack/runImage"] {
        if let Some(members) = value.pointer_mut(place).and_then(serde_json::Value::as_object_mut) {
            members.remove("reference");
        }
    }
    Some(value)
}

fn same_label(key: &str, one: Option<&String>, two: Option<&String>) -> bool {
    match (one, two) {
        (Some(one), Some(two)) if key == LIFECYCLE => {
            one == two || without_references(one).is_some_and(|value| Some(value) == without_references(two))
        }
        (one, two) => one == two,
    }
}

pub(super) fn labels_are_the_same(export: &Export, image: &Image, registry: &Image) -> Finding {
    let (expected, found) = (view::labels(registry), view::labels(image));
    let keys: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    for key in keys {
        if !same_label(key, expected.get(key), found.get(key)) {
            let shown = |map: &BTreeMap<String, String>| {
                map.get(key).map_or_else(|| "nothing".to_owned(), |text| view::cut(text))
            };
            let place = export.at(&format!("config.json#/config/Labels/{key}"));
            return violated(
                format!("the label {key} differs from the registry export"),
                shown(&expected),
                shown(&found),
                place,
            );
        }
    }
    Finding::Holds
}

/// Leaves out of one config what is lost in podman on the other side.
fn without_what_podman_loses(export: &Export, image: &Image, mut config: serde_json::Value) -> serde_json::Value {
    let seen = view::json(image.config.as_ref());
    let is_lost =
        super::super::platform::is_lost_in_podman(export, seen.as_ref().and_then(|json| json.get("os.version")));
    if let Some(members) = config.as_object_mut().filter(|_| is_lost) {
        members.remove("os.version");
    }
    config
}

/// The config for a comparison that leaves out what the text of a reference alone changes.
pub(super) fn without_reference(image: &Image) -> Option<serde_json::Value> {
    let mut config = view::json(image.config.as_ref())?.to_value();
    let label = config.pointer_mut("/config/Labels")?.as_object_mut()?.get_mut(LIFECYCLE)?;
    *label = without_references(label.as_str()?)?;
    Some(config)
}

pub(super) fn references_alone_change_the_image_id(export: &Export, image: &Image, registry: &Image) -> Finding {
    let id = |image: &Image| image.config.as_ref().map(|config| config.digest.clone());
    if id(image) == id(registry) {
        return Finding::Holds;
    }
    let known = |config| without_what_podman_loses(export, image, config);
    let (expected, found) = (without_reference(registry).map(known), without_reference(image).map(known));
    holds_when(expected.is_some() && expected == found, || {
        let shown = |id: Option<Digest>| id.map_or_else(|| "nothing".to_owned(), |id| id.to_string());
        let message = "imageIDs differ for another reason than the references to the run image";
        violated(message, shown(id(registry)), shown(id(image)), export.at("config.json"))
    })
}
