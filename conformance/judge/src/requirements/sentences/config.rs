//! Types of the config's fields (`oci-image-config.md`, Properties).

use super::super::annotations::is_rfc_3339;
use crate::evidence::{Export, Image};
use crate::json::Json;
use crate::requirement::{not_applicable, violated};
use crate::verdict::Finding;
use crate::view;

/// What a field may be, other than null.
#[derive(Clone, Copy)]
enum Type {
    Text,
    Time,
    Flag,
    Texts,
    Object,
    /// An object whose values are empty objects: Go's `map[string]struct{}`.
    Set,
    Objects,
}

impl Type {
    fn name(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Time => "a date and time of RFC 3339, without a blank",
            Self::Flag => "true or false",
            Self::Texts => "an array of strings",
            Self::Object => "an object",
            Self::Set => "an object of empty objects",
            Self::Objects => "an array of objects",
        }
    }

    fn has(self, value: &Json) -> bool {
        let all = |is_it: fn(&Json) -> bool| value.items().is_some_and(|items| items.iter().all(is_it));
        match self {
            Self::Text => value.as_str().is_some(),
            // Small letters are RFC 3339's too (section 5.6, NOTE). A blank is for texts, which a field of a document
            // is not.
            Self::Time => value.as_str().is_some_and(|text| is_rfc_3339(text) && !text.contains(' ')),
            Self::Flag => matches!(value, Json::Bool(_)),
            Self::Texts => all(|item| item.as_str().is_some()),
            Self::Object => value.members().is_some(),
            Self::Set => value.members().is_some_and(|members| {
                members.iter().all(|(_, value)| value.members().is_some_and(<[(String, Json)]>::is_empty))
            }),
            Self::Objects => all(|item| item.members().is_some()),
        }
    }
}

/// Labels are those of labels.string-map; what is required is config.required's.
const FIELDS: [(&[&str], Type); 16] = [
    (&["created"], Type::Time),
    (&["author"], Type::Text),
    (&["variant"], Type::Text),
    (&["os.version"], Type::Text),
    (&["os.features"], Type::Texts),
    (&["config"], Type::Object),
    (&["config", "User"], Type::Text),
    (&["config", "ExposedPorts"], Type::Set),
    (&["config", "Env"], Type::Texts),
    (&["config", "Entrypoint"], Type::Texts),
    (&["config", "Cmd"], Type::Texts),
    (&["config", "Volumes"], Type::Set),
    (&["config", "WorkingDir"], Type::Text),
    (&["config", "StopSignal"], Type::Text),
    (&["config", "ArgsEscaped"], Type::Flag),
    (&["history"], Type::Objects),
];
const OF_HISTORY: [(&str, Type); 5] = [
    ("created", Type::Time),
    ("author", Type::Text),
    ("created_by", Type::Text),
    ("comment", Type::Text),
    ("empty_layer", Type::Flag),
];

pub(super) fn fields_have_their_types(export: &Export, image: &Image) -> Finding {
    let Some(config) = view::json(image.config.as_ref()).filter(|json| json.members().is_some()) else {
        return not_applicable("the config is not a JSON object (see config.required)");
    };
    let base = view::json(Some(export.run_image.base_config()));
    // What the run image has wrong is preserved as it is.
    let is_the_base_s = |path: &[&str], value: &Json| {
        base.as_ref().and_then(|base| base.at(path)).is_some_and(|old| old.to_value() == value.to_value())
    };
    for (path, kind) in FIELDS {
        let Some(value) = config.at(path).filter(|value| **value != Json::Null) else { continue };
        if !kind.has(value) && !is_the_base_s(path, value) {
            let place = export.at(&format!("config.json#/{}", path.join("/")));
            return violated(format!("{} has another type", path.join(".")), kind.name(), shown(value), place);
        }
    }
    let old: Vec<serde_json::Value> = entries(base.as_deref()).iter().map(Json::to_value).collect();
    for (index, entry) in entries(Some(&config)).iter().enumerate() {
        if old.contains(&entry.to_value()) {
            continue;
        }
        for (name, kind) in OF_HISTORY {
            let value = entry.get(name).filter(|value| **value != Json::Null);
            if let Some(value) = value.filter(|value| !kind.has(value)) {
                let place = export.at(&format!("config.json#/history/{index}/{name}"));
                let message = format!("{name} of the history's entry {index} has another type");
                return violated(message, kind.name(), shown(value), place);
            }
        }
    }
    Finding::Holds
}

/// Of what is not a time [`fields_have_their_types`] speaks.
pub(super) fn times_are_in_upper_case(export: &Export, image: &Image) -> Finding {
    let (base, config) = (view::json(Some(export.run_image.base_config())), view::json(image.config.as_ref()));
    let created = |holder: &Json| holder.get("created").and_then(Json::as_str).map(str::to_owned);
    // A time that the run image has so is preserved as it is.
    let old: Vec<String> = base.as_deref().into_iter().chain(entries(base.as_deref())).filter_map(created).collect();
    let of_the_history = entries(config.as_deref()).iter().enumerate();
    let of_the_history = of_the_history.map(|(index, entry)| (format!("history/{index}/created"), entry));
    let holders = config.as_deref().map(|config| ("created".to_owned(), config)).into_iter().chain(of_the_history);
    for (place, text) in holders.filter_map(|(place, holder)| Some((place, created(holder)?))) {
        if is_rfc_3339(&text) && text.contains(['t', 'z']) && !old.contains(&text) {
            let place = export.at(&format!("config.json#/{place}"));
            return violated("a time is in lower case", text.to_ascii_uppercase(), text, place);
        }
    }
    Finding::Holds
}

fn entries(config: Option<&Json>) -> &[Json] {
    config.and_then(|json| json.get("history")?.items()).unwrap_or_default()
}

fn shown(value: &Json) -> String {
    view::cut(&value.to_string())
}
