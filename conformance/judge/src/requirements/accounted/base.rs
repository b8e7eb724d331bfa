//! What a run image's config says and few run images have: "all base image config values SHALL be preserved".

use super::at;
use crate::evidence::{Document, Export, Image};
use crate::json::Json;
use crate::requirement::{not_applicable, violated};
use crate::verdict::Finding;
use crate::view;

/// Fields that no other requirement asks for and that change on which machine, or how, a container runs.
const FIELDS: [&[&str]; 2] = [&["os.features"], &["config", "ArgsEscaped"]];

/// Who made the run image. Where that is not said, an exporter may name an author of the app image.
const AUTHOR: &[&str] = &["author"];

/// Null, false and what is empty are as nothing.
fn value(config: &Json, path: &[&str]) -> Option<serde_json::Value> {
    let found = config.at(path)?.to_value();
    let is_nothing = found.is_null() || found == false || found == "" || found.as_array().is_some_and(Vec::is_empty);
    (!is_nothing).then_some(found)
}

pub(super) fn rare_fields_are_kept(export: &Export, image: &Image) -> Finding {
    let (Some(base), Some(config)) =
        (view::json(Some(export.run_image.base_config())), view::json(image.config.as_ref()))
    else {
        return not_applicable("there is no config");
    };
    for path in FIELDS.into_iter().chain([AUTHOR]) {
        let (expected, found) = (value(&base, path), value(&config, path));
        let is_free = path == AUTHOR && expected.is_none();
        if expected != found && !is_free {
            let name = path.join(".");
            return violated(
                format!("{name} is not the run image's"),
                view::shown(expected.as_ref()),
                view::shown(found.as_ref()),
                at(export, &path.join("/")),
            );
        }
    }
    Finding::Holds
}

fn list(document: Option<&Document>, path: &[&str]) -> Option<Vec<Json>> {
    Some(view::json(document)?.at(path)?.items()?.to_vec())
}

pub(super) fn variables_without_a_value_are_kept(export: &Export, image: &Image) -> Finding {
    let env = |document| list(document, &["config", "Env"]).unwrap_or_default();
    let found = env(image.config.as_ref());
    for entry in env(Some(export.run_image.base_config())) {
        let Some(text) = entry.as_str().filter(|text| !text.is_empty() && !text.contains('=')) else { continue };
        if !found.iter().any(|other| other.as_str() == Some(text)) {
            return violated(
                "an entry of the run image's Env is gone",
                text,
                "no such entry",
                at(export, "config/Env"),
            );
        }
    }
    Finding::Holds
}
