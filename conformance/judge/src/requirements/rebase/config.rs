//! The config: labels of run image and base follow, target data too, and all else stays.

use std::collections::BTreeMap;

use super::facts::{Rebased, each, label_text, run_image_of};
use crate::json::Json;
use crate::reference::is_same_image;
use crate::requirement::{Case, holds_when, violated};
use crate::requirements::platform::identifies;
use crate::verdict::Finding;
use crate::view::{self, LIFECYCLE};

fn at_label(rebased: &Rebased<'_>, key: &str) -> String {
    rebased.export.at(&format!("config.json#/config/Labels/{key}"))
}

fn is_of_the_base(key: &str) -> bool {
    key.starts_with("io.buildpacks.base.") || key.starts_with("io.buildpacks.stack.")
}

pub(super) fn the_label_names_the_new_run_image(case: &Case<'_>) -> Finding {
    each(case, |rebased| {
        let text = |key: &str| label_text(rebased.after, key).unwrap_or_default();
        let top = view::diff_ids(Some(&rebased.export.run_image.config)).last().cloned().unwrap_or_default();
        if text("topLayer") != top {
            let message = "runImage.topLayer is not the new run image's last diffID";
            return violated(message, top, text("topLayer"), at_label(rebased, LIFECYCLE));
        }
        holds_when(identifies(rebased.export, &text("reference")), || {
            let message = "runImage.reference does not identify the new run image";
            violated(message, &rebased.export.run_image.reference, text("reference"), at_label(rebased, LIFECYCLE))
        })
    })
}

/// `runImage.image` and `runImage.mirrors`.
fn names(label: Option<&Json>) -> (String, Vec<String>) {
    let run_image = label.and_then(run_image_of);
    let image = run_image.and_then(|run| run.get("image")?.as_str()).unwrap_or_default().to_owned();
    let mirrors = run_image.and_then(|run| run.get("mirrors")?.items()).unwrap_or_default();
    (image, mirrors.iter().filter_map(Json::as_str).map(str::to_owned).collect())
}

pub(super) fn the_label_s_names_are_right(case: &Case<'_>) -> Finding {
    each(case, |rebased| {
        let (before, after) = (view::lifecycle_label(rebased.before), view::lifecycle_label(rebased.after));
        let was = names(before.as_deref());
        if was.0.is_empty() {
            return Finding::NotApplicable("the app image's label does not name a run image".to_owned());
        }
        let expected = if rebased.is_listed() { was } else { (rebased.run_image_name(), Vec::new()) };
        let found = names(after.as_deref());
        let shown = |(image, mirrors): &(String, Vec<String>)| format!("{image}, mirrors [{}]", mirrors.join(", "));
        let is_right = is_same_image(&found.0, &expected.0)
            && found.1.len() == expected.1.len()
            && found.1.iter().zip(&expected.1).all(|(one, two)| is_same_image(one, two));
        holds_when(is_right, || {
            let message = if rebased.is_listed() {
                "runImage.image and mirrors are not those of before, which list the new run image"
            } else {
                "runImage.image is not the run image that was forced, or its mirrors are still there"
            };
            violated(message, shown(&expected), shown(&found), at_label(rebased, LIFECYCLE))
        })
    })
}

pub(super) fn the_label_s_rest_stays(case: &Case<'_>) -> Finding {
    each(case, |rebased| {
        let rest = |label: &Json| -> BTreeMap<String, Json> {
            let members = label.members().unwrap_or_default().iter();
            members.filter(|(key, _)| !matches!(key.as_str(), "runImage" | "stack")).cloned().collect()
        };
        let Some(before) = view::lifecycle_label(rebased.before).map(|label| rest(&label)) else {
            return Finding::NotApplicable("the app image has no label of the lifecycle".to_owned());
        };
        let after = view::lifecycle_label(rebased.after).map(|label| rest(&label)).unwrap_or_default();
        let shown =
            |value: Option<&Json>| value.map_or_else(|| "nothing".to_owned(), |value| value.to_value().to_string());
        let keys = before.keys().chain(after.keys());
        let other = keys.into_iter().find(|key| !is_alike(before.get(*key), after.get(*key)));
        other.map_or(Finding::Holds, |key| {
            let message = format!("{key} of the label is not what it was before the rebase");
            violated(message, shown(before.get(key)), shown(after.get(key)), at_label(rebased, LIFECYCLE))
        })
    })
}

/// Whether two JSON values say the same: nothing, null and what is empty are one, and the order of members is none.
fn is_alike(one: Option<&Json>, two: Option<&Json>) -> bool {
    fn bare(value: serde_json::Value) -> serde_json::Value {
        use serde_json::Value;
        match value {
            Value::Object(members) => {
                let kept =
                    members.into_iter().map(|(key, value)| (key, bare(value))).filter(|(_, value)| !is_empty(value));
                let sorted: BTreeMap<String, Value> = kept.collect();
                Value::Object(sorted.into_iter().collect())
            }
            Value::Array(items) => Value::Array(items.into_iter().map(bare).collect()),
            other => other,
        }
    }
    fn is_empty(value: &serde_json::Value) -> bool {
        use serde_json::Value;
        match value {
            Value::Null => true,
            Value::Object(members) => members.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::String(text) => text.is_empty(),
            Value::Bool(is) => !is,
            Value::Number(number) => number.as_i64() == Some(0),
        }
    }
    let bare = |value: Option<&Json>| value.map_or(serde_json::Value::Null, |value| bare(value.to_value()));
    let (one, two) = (bare(one), bare(two));
    one == two || is_empty(&one) && is_empty(&two)
}

pub(super) fn labels_of_the_base_follow(case: &Case<'_>) -> Finding {
    each(case, |rebased| {
        let (before, after) = (view::labels(rebased.before), view::labels(rebased.after));
        let new = view::labels_of(Some(&rebased.export.run_image.config));
        let theirs: Vec<(&String, &String)> = new.iter().filter(|(key, _)| is_of_the_base(key)).collect();
        if theirs.is_empty() {
            return Finding::NotApplicable("the new run image has no labels of the base".to_owned());
        }
        // "If present": one that the app image lacks may be left out, and must not be another's.
        let is_right = |key: &String, value: &String| match after.get(key) {
            None => !before.contains_key(key),
            found => found == Some(value),
        };
        let other = theirs.into_iter().find(|(key, value)| !is_right(key, value));
        other.map_or(Finding::Holds, |(key, value)| {
            let found = after.get(key).map_or("nothing", String::as_str);
            let message = format!("the label {key} is not that of the new run image");
            violated(message, value, found, at_label(rebased, key))
        })
    })
}

pub(super) fn other_labels_stay(case: &Case<'_>) -> Finding {
    each(case, |rebased| {
        let (before, after) = (view::labels(rebased.before), view::labels(rebased.after));
        let keys = before.keys().chain(after.keys()).filter(|key| !is_of_the_base(key) && *key != LIFECYCLE);
        let mut keys: Vec<&String> = keys.collect();
        keys.sort();
        let other = keys.into_iter().find(|key| before.get(*key) != after.get(*key));
        other.map_or(Finding::Holds, |key| {
            let shown =
                |labels: &BTreeMap<String, String>| labels.get(key).cloned().unwrap_or_else(|| "nothing".to_owned());
            let message = format!("the label {key} is not what it was before the rebase");
            violated(message, shown(&before), shown(&after), at_label(rebased, key))
        })
    })
}

/// Fields of a config that a rebase changes, or that a requirement of its own speaks of.
const CHANGED: [&str; 9] =
    ["created", "rootfs", "history", "os", "architecture", "variant", "os.version", "os.features", "config"];
/// Those that an engine may write itself.
const OF_AN_ENGINE: [&str; 4] = ["docker_version", "container", "container_config", "id"];

pub(super) fn the_rest_of_the_config_stays(case: &Case<'_>) -> Finding {
    each(case, |rebased| {
        let (Some(before), Some(after)) =
            (view::json(rebased.before.config.as_ref()), view::json(rebased.after.config.as_ref()))
        else {
            return Finding::Skipped("there is no config that is JSON".to_owned());
        };
        let top = |config: &Json| fields(config, "", |key| CHANGED.contains(&key) || OF_AN_ENGINE.contains(&key));
        let inner = |config: &Json| {
            config.get("config").map(|one| fields(one, "config/", |key| key == "Labels")).unwrap_or_default()
        };
        let whole =
            |config: &Json| -> BTreeMap<String, Json> { top(config).into_iter().chain(inner(config)).collect() };
        let (was, is) = (whole(&before), whole(&after));
        let other = was.keys().chain(is.keys()).find(|key| !is_alike(was.get(*key), is.get(*key)));
        other.map_or(Finding::Holds, |key| {
            let shown =
                |value: Option<&Json>| value.map_or_else(|| "nothing".to_owned(), |value| value.to_value().to_string());
            let message = format!("{key} of the config is not what it was before the rebase");
            violated(
                message,
                shown(was.get(key)),
                shown(is.get(key)),
                rebased.export.at(&format!("config.json#/{key}")),
            )
        })
    })
}

fn fields(object: &Json, prefix: &str, is_left_out: impl Fn(&str) -> bool) -> BTreeMap<String, Json> {
    let members = object.members().unwrap_or_default().iter().filter(|(key, _)| !is_left_out(key));
    members.map(|(key, value)| (format!("{prefix}{key}"), value.clone())).collect()
}

pub(super) fn target_data_is_the_new_run_image_s(case: &Case<'_>) -> Finding {
    each(case, |rebased| {
        let (Some(new), Some(after)) =
            (view::json(Some(&rebased.export.run_image.config)), view::json(rebased.after.config.as_ref()))
        else {
            return Finding::Skipped("there is no config that is JSON".to_owned());
        };
        let text = |config: &Json, key: &str| config.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
        let keys = ["os", "architecture", "variant"].into_iter().filter(|key| !text(&new, key).is_empty());
        let other = keys.into_iter().find(|key| text(&new, key) != text(&after, key));
        other.map_or(Finding::Holds, |key| {
            let message = format!("{key} is not that of the new run image");
            violated(message, text(&new, key), text(&after, key), rebased.export.at(&format!("config.json#/{key}")))
        })
    })
}

pub(super) fn the_history_numbers_the_layers(case: &Case<'_>) -> Finding {
    each(case, |rebased| {
        let history = |config: Option<&Json>| config.and_then(|config| Some(config.get("history")?.items()?.to_vec()));
        let whole = |config: Option<&Json>, layers: usize| {
            history(config)
                .map(|all| all.iter().filter(|one| one.get("empty_layer") != Some(&Json::Bool(true))).count() == layers)
        };
        let before = view::json(rebased.before.config.as_ref());
        let after = view::json(rebased.after.config.as_ref());
        let new = view::json(Some(&rebased.export.run_image.config));
        let ids = |config: Option<&crate::evidence::Document>| view::diff_ids(config).len();
        let is_whole = whole(before.as_deref(), ids(rebased.before.config.as_ref())) == Some(true)
            && whole(new.as_deref(), ids(Some(&rebased.export.run_image.config))) == Some(true);
        if !is_whole {
            return Finding::NotApplicable("app image or run image has no history of every layer".to_owned());
        }
        let layers = ids(rebased.after.config.as_ref());
        // A config may do without any; one that has it tells of every layer.
        holds_when(whole(after.as_deref(), layers) != Some(false), || {
            let entries = history(after.as_deref()).map_or(0, |all| all.len());
            let message = "the history does not have an entry for each layer";
            violated(message, layers, entries, rebased.export.at("config.json#/history"))
        })
    })
}

pub(super) fn created_is_not_the_time_of_the_rebase(case: &Case<'_>) -> Finding {
    const DAY: i64 = 86_400;
    each(case, |rebased| {
        let Some(text) = view::json(rebased.after.config.as_ref())
            .and_then(|config| Some(config.get("created")?.as_str()?.to_owned()))
        else {
            return Finding::Holds;
        };
        let Ok(created) = text.parse::<jiff::Timestamp>() else {
            let message = "created is not a time of RFC 3339";
            return violated(message, "a time", text, rebased.export.at("config.json#/created"));
        };
        let is_now = (created.as_second() - rebased.export.outcome.started).abs() < DAY;
        holds_when(!is_now || rebased.export.inputs.source_date_epoch.is_some(), || {
            let message = "created is the time of the rebase";
            violated(message, "a constant", text, rebased.export.at("config.json#/created"))
        })
    })
}
