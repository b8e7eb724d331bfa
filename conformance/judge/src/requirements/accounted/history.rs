//! The run image's part of the history. The platform specification has "all base image config values" preserved, and
//! calls the whole document with `created` in it the image config, so the history is one of them; OCI's OPTIONAL says
//! that an image may have none, not that one that is there may be dropped.

use super::at;
use crate::evidence::{Export, Image};
use crate::json::Json;
use crate::requirement::{not_applicable, violated};
use crate::verdict::Finding;
use crate::view::{self, shown};

/// Fields of an entry that say who made a layer, and how.
const FIELDS: [&str; 4] = ["created_by", "author", "comment", "empty_layer"];

fn entries(config: Option<&Json>) -> &[Json] {
    config.and_then(|config| config.get("history")?.items()).unwrap_or_default()
}

/// Null, false and empty text are as nothing.
fn value<'a>(entry: &'a Json, key: &str) -> Option<&'a Json> {
    entry.get(key).filter(|value| !matches!(value, Json::Null | Json::Bool(false)) && value.as_str() != Some(""))
}

/// Whether both are one instant, in whichever form of RFC 3339 a program writes the times that it has read.
fn is_same_time(one: Option<&Json>, other: Option<&Json>) -> bool {
    let instant = |value: Option<&Json>| value?.as_str()?.parse::<jiff::Timestamp>().ok();
    one == other || instant(one).is_some() && instant(one) == instant(other)
}

pub(super) fn the_run_image_s_history_is_kept(export: &Export, image: &Image) -> Finding {
    let (base, config) = (view::json(Some(export.run_image.base_config())), view::json(image.config.as_ref()));
    let (expected, found) = (entries(base.as_deref()), entries(config.as_deref()));
    if expected.is_empty() {
        return not_applicable("the run image has no history");
    }
    let layers = expected.iter().filter(|entry| value(entry, "empty_layer").is_none()).count();
    if layers != view::base_count(export) {
        return not_applicable("the run image's history is not of its layers, and may be brought in line with them");
    }
    let constant = config.as_ref().and_then(|config| config.get("created"));
    for (index, entry) in expected.iter().enumerate() {
        let place = at(export, &format!("history/{index}"));
        let Some(seen) = found.get(index) else {
            let message = format!("the history has no entry {index} of the run image's");
            return violated(message, shown(Some(entry)), "nothing", place);
        };
        if let Some(key) = FIELDS.iter().find(|key| value(entry, key) != value(seen, key)) {
            let message = format!("{key} of entry {index} of the history is not the run image's");
            return violated(message, shown(value(entry, key)), shown(value(seen, key)), place);
        }
        let (before, now) = (value(entry, "created"), value(seen, "created"));
        // A constant `created` conflicts with the run image's, and that reproducibility asks for.
        if now.is_some() && !is_same_time(now, before) && !is_same_time(now, constant) {
            let message = format!("created of entry {index} of the history is neither the run image's nor the image's");
            return violated(message, shown(before), shown(now), place);
        }
    }
    Finding::Holds
}
