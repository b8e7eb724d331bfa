//! `io.buildpacks.project.metadata` against `project-metadata.toml`.

use std::rc::Rc;

use super::super::data::{is_nothing, same_data};
use super::{PROJECT, at, missing};
use crate::evidence::{Export, Image};
use crate::json::Json;
use crate::requirement::{holds_when, toml_input, violated};
use crate::verdict::Finding;
use crate::view::{self, shown};

pub(in super::super) fn the_project_metadata_is_in_its_label(export: &Export, image: &Image) -> Finding {
    let Some(label) = view::json_label(image, PROJECT) else { return missing(export, image, PROJECT) };
    let input = toml_input(&export.inputs, &export.inputs.project_metadata);
    let is_it = match &input {
        Some(input) => is_form_of(input, &label),
        None => is_blank(&label),
    };
    let expected = toml::Value::Table(input.map(Rc::unwrap_or_clone).unwrap_or_default());
    holds_when(is_it, || {
        violated(
            "the label is not the JSON form of project-metadata.toml",
            view::cut(&expected.to_string()),
            shown(Some(&label)),
            at(export, PROJECT),
        )
    })
}

/// Whether the label has what the file says in the tables that both schemas have (`source` with `type`, `version` and
/// `metadata`). What else the file says may be left out, or be there as the file has it; nothing may be made up.
fn is_form_of(file: &toml::Table, label: &Json) -> bool {
    let none = toml::Value::Table(toml::Table::new());
    let nothing = Json::Null;
    let (source, in_label) = (file.get("source").unwrap_or(&none), label.get("source").unwrap_or(&nothing));
    let Some(source) = source.as_table() else { return same_data(source, in_label) };
    let has_the_schema_s = ["type", "version", "metadata"].iter().all(|key| {
        let (value, found) = (source.get(*key).unwrap_or(&none), in_label.get(key).unwrap_or(&nothing));
        same_data(value, found) || *key == "type" && value.as_str() == Some("") && is_nothing(found)
    });
    let is_of_the_file = |key: &str, found: &Json, table: &toml::Table| {
        table.get(key).map_or_else(|| is_nothing(found), |value| same_data(value, found))
    };
    let others = |json: &Json, table: &toml::Table, known: &[&str]| {
        let members = json.members().unwrap_or_default().iter();
        let mut further = members.filter(|(key, _)| !known.contains(&key.as_str()));
        further.all(|(key, found)| is_of_the_file(key, found, table))
    };
    label.members().is_some()
        && has_the_schema_s
        && others(label, file, &["source"])
        && others(in_label, source, &["type", "version", "metadata"])
}

/// `{}`, or objects that hold nothing but empty objects, nulls and empty strings.
fn is_blank(label: &Json) -> bool {
    fn inner(value: &Json) -> bool {
        match value {
            Json::Null => true,
            Json::String(text) => text.is_empty(),
            Json::Object(members) => members.iter().all(|(_, value)| inner(value)),
            _ => false,
        }
    }
    matches!(label, Json::Object(_)) && inner(label)
}
