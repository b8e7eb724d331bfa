//! What the platform passes in `project-metadata.toml`: seven keys, byte for byte or not at all.

#[cfg(test)]
pub(super) mod trials;

use super::annotating::{Annotating, is_run_image_s};
use super::annotations::{leaked, of_value};
use crate::evidence::{Export, Image};
use crate::requirement::{
    Case, Demand, EVERYWHERE, Requirement, Source, WITH_MANIFEST, absent, holds_when, not_applicable, toml_input,
    violated,
};
use crate::verdict::{Finding, Level};
use crate::view::{self, PREFIX};

const RFC: Source = Source::rfc_196("How it Works");

macro_rules! keys {
    ($($name:literal from $table:literal $key:literal;)*) => {
        /// Annotation, table below `source`, key.
        const KEYS: &[(&str, &str, &str)] = &[$(($name, $table, $key)),*];

        pub(super) const TABLE: &[Requirement] = &[
            $(
                Requirement::new(
                    Level::Optional,
                    concat!("source.", $name, ".present"),
                    concat!("the annotation ", $name, " is there"),
                    RFC,
                    |case| case.each_image(|export, image| the_value_is_there(export, image, $name, $table, $key)),
                )
                .demanded_by(Demand::Rfc196Annotation)
                .because("the platform said it, so that anyone who finds the image can read it without pulling it")
                .looks_like(concat!("project-metadata.toml has source.", $table, ".", $key, ", and the manifest no ", $name))
                .fix(concat!("copy source.", $table, ".", $key, " to the annotation org.opencontainers.image.", $name))
                .when(concat!("source.", $table, ".", $key, " is a non-empty string and no buildpack contributes the key"))
                .on(WITH_MANIFEST),
                Requirement::new(
                    Level::Must,
                    concat!("source.", $name, ".verbatim"),
                    concat!("the annotation ", $name, " is source.", $table, ".", $key, " byte for byte"),
                    RFC,
                    |case| case.each_image(|export, image| the_value_is_verbatim(export, image, $name, $table, $key)),
                )
                .because("tools compare and search these values; one that was trimmed, escaped or normalised is another \
value")
                .looks_like(concat!("the annotation ", $name, " differs from its input by white space, escapes, normal form or length"))
                .fix("pass the string on unchanged, and let the JSON encoder alone escape it")
                .when("the annotation is there, its input is a string, and no buildpack contributes the key")
                .on(WITH_MANIFEST),
                Requirement::new(
                    Level::Must,
                    concat!("source.", $name, ".not-invented"),
                    concat!("without its input, there is no annotation ", $name),
                    RFC,
                    |case| case.each_image(|export, image| the_value_is_not_invented(export, image, $name, $table, $key)),
                )
                .because("annotations are statements about the app; an invented one is read as fact")
                .looks_like(concat!("the manifest has ", $name, " although project-metadata.toml lacks source.", $table, ".", $key))
                .fix("leave the annotation out where its input is missing: no default, no empty string")
                .when(concat!("source.", $table, ".", $key, " is not there and no buildpack contributes the key"))
                .on(WITH_MANIFEST),
            )*
            Requirement::new(
                Level::Must,
                "source.non-string",
                "a value that is not a string fails no export, stays in the label as JSON, and gives a string or nothing",
                Source::platform("project-metadata.toml"),
                |case| case.each_image(values_that_are_no_strings_do_no_harm),
            )
            .because(
                "project-metadata.toml is arbitrary data, and descriptors do give lists of authors and licences; a manifest \
                 with such a list as annotation cannot be read",
            )
            .looks_like("the export fails, the label loses the value, or the annotation is a list, number or table")
            .fix("keep the JSON form in the label, and make the annotation a string or leave it out")
            .when("an input of the seven keys is not a string")
            .on(EVERYWHERE),
        ];
    };
}

keys! {
    "source" from "metadata" "repository";
    "revision" from "version" "commit";
    "authors" from "metadata" "authors";
    "version" from "metadata" "version";
    "documentation" from "metadata" "documentation-url";
    "title" from "metadata" "name";
    "licenses" from "metadata" "licenses";
}

fn input(export: &Export, table: &str, key: &str) -> Option<toml::Value> {
    toml_input(&export.inputs, &export.inputs.project_metadata)?.get("source")?.get(table)?.get(key).cloned()
}

/// Whether a buildpack contributes the annotation: which one wins then is open.
fn is_contributed(export: &Export, name: &str) -> bool {
    let wanted = format!("{PREFIX}{name}");
    super::contributed_annotations(export).iter().any(|(key, _)| *key == wanted)
}

/// Whether the platform gives the annotation a string to hold.
pub(super) fn has_input(export: &Export, name: &str) -> bool {
    let of = KEYS.iter().find(|(known, _, _)| *known == name);
    of.and_then(|(_, table, key)| input(export, table, key)).is_some()
}

fn contributed() -> Finding {
    not_applicable("a buildpack contributes the key")
}

fn at(export: &Export, name: &str) -> String {
    export.at(&format!("manifest.json#/annotations/{PREFIX}{name}"))
}

fn found(image: &Image, name: &str) -> Option<String> {
    view::annotation(image, &format!("{PREFIX}{name}"))
}

fn the_value_is_there(export: &Export, image: &Image, name: &str, table: &str, key: &str) -> Finding {
    if is_contributed(export, name) {
        return contributed();
    }
    match input(export, table, key) {
        Some(toml::Value::String(text)) if !text.is_empty() => {
            let expected = view::cut(&text);
            match found(image, name) {
                None => absent(format!("there is no annotation {name}"), expected, at(export, name)),
                Some(value) if view::is_leaked(export, name) => leaked(name, &expected, &value, at(export, name)),
                Some(_) => Finding::Holds,
            }
        }
        _ => not_applicable(format!("source.{table}.{key} is not a non-empty string")),
    }
}

fn the_value_is_verbatim(export: &Export, image: &Image, name: &str, table: &str, key: &str) -> Finding {
    if is_contributed(export, name) {
        return contributed();
    }
    let (Some(toml::Value::String(text)), Some(found)) = (input(export, table, key), found(image, name)) else {
        return not_applicable("the annotation is not there, or its input is not a string");
    };
    holds_when(found == text, || {
        // Texts of one look, such as two normal forms, are told apart by their length and where they part.
        let parts = text.bytes().zip(found.bytes()).position(|(one, two)| one != two);
        let parts = parts.unwrap_or_else(|| text.len().min(found.len()));
        let expected = format!("{} ({} bytes)", view::cut(&text), text.len());
        let shown = format!("{} ({} bytes, other from byte {parts} on)", view::cut(&found), found.len());
        let finding = violated(format!("{name} is not the input byte for byte"), expected, shown, at(export, name));
        of_value(finding, export, name)
    })
}

fn the_value_is_not_invented(export: &Export, image: &Image, name: &str, table: &str, key: &str) -> Finding {
    if is_contributed(export, name) {
        return contributed();
    }
    if input(export, table, key).is_some() {
        return not_applicable(format!("source.{table}.{key} is there"));
    }
    match found(image, name) {
        Some(value) => {
            let message = format!("{name} is there without its input");
            of_value(violated(message, "no annotation", view::cut(&value), at(export, name)), export, name)
        }
        None => Finding::Holds,
    }
}

fn values_that_are_no_strings_do_no_harm(export: &Export, image: &Image) -> Finding {
    let odd: Vec<(&str, toml::Value, String)> = KEYS
        .iter()
        .filter_map(|(name, table, key)| Some((*name, input(export, table, key)?, format!("{table}/{key}"))))
        .filter(|(_, value, _)| !value.is_str())
        .collect();
    if odd.is_empty() {
        return not_applicable("every input of the seven keys is a string");
    }
    let Some(label) = view::json_label(image, "io.buildpacks.project.metadata") else {
        let place = export.at("config.json#/config/Labels/io.buildpacks.project.metadata");
        return violated("the project metadata's label is missing or not JSON", "the JSON form", "nothing", place);
    };
    for (name, value, path) in odd {
        let (table, key) = path.split_once('/').unwrap_or_default();
        let in_label = label.at(&["source", table, key]);
        if !in_label.is_some_and(|json| super::same_value(&value, json)) {
            let place = export.at("config.json#/config/Labels/io.buildpacks.project.metadata");
            let found = in_label.map_or_else(|| "nothing".to_owned(), |json| view::cut(&json.to_string()));
            return violated(
                format!("the label does not hold source.{table}.{key}"),
                view::cut(&value.to_string()),
                found,
                place,
            );
        }
        let annotation = view::annotations(image).into_iter().rev().find(|(key, _)| *key == format!("{PREFIX}{name}"));
        if let Some((_, json)) = annotation.filter(|(_, json)| json.as_str().is_none()) {
            return violated(format!("{name} is not a string"), "a string or nothing", json.kind(), at(export, name));
        }
    }
    Finding::Holds
}

/// Whether a key's input is a string to annotate: not empty, and not of another type.
pub(super) fn has_text(export: &Export, name: &str) -> bool {
    let of = KEYS.iter().find(|(known, _, _)| *known == name);
    let input = of.and_then(|(_, table, key)| input(export, table, key));
    input.is_some_and(|value| value.as_str().is_some_and(|text| !text.is_empty()))
}

pub(super) fn observations(case: &Case<'_>, annotating: &Annotating, see: &mut dyn FnMut(&Export, &str, String, &str)) {
    for export in case.good() {
        let Some(image) = export.image.as_ref().filter(|image| image.manifest.is_some()) else { continue };
        for (name, table, key) in KEYS {
            if is_contributed(export, name) || !annotating.answers_of(&format!("{PREFIX}{name}")) {
                continue;
            }
            let answer = || {
                let own = found(image, name).filter(|text| !is_run_image_s(export, text));
                own.map_or_else(|| "no annotation".to_owned(), |text| format!("'{}'", view::cut(&text)))
            };
            let place = "manifest.json#/annotations";
            match input(export, table, key) {
                Some(toml::Value::String(text)) if text.is_empty() => see(export, "an-empty-string", answer(), place),
                Some(toml::Value::String(_)) | None => {}
                Some(value) => {
                    see(export, "a-value-that-is-no-string", format!("{}: {}", value.type_str(), answer()), place);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::evidence::Target;
    use crate::sample::{self, annotate, edit_input, find, on};

    const ON: Target = Target::Registry;
    const PROJECT: &str = "/layers/project-metadata.toml";

    #[test]
    fn where_two_texts_part_is_told_also_behind_the_cut() {
        let long = "x".repeat(65_536);
        let mut evidence = sample::scenario();
        edit_input(on(&mut evidence, ON), PROJECT, &format!("[source.metadata]\nname='{long}'\n"));
        annotate(on(&mut evidence, ON), "org.opencontainers.image.title", Some(&long));
        assert_eq!(find(&evidence, "source.title.verbatim", ON), Finding::Holds);
        annotate(on(&mut evidence, ON), "org.opencontainers.image.title", Some(&long[..65_535]));
        let Finding::Violated(found) = find(&evidence, "source.title.verbatim", ON) else { panic!("a cut value") };
        assert!(found.found.len() < 1000 && found.found.ends_with("(65535 bytes, other from byte 65535 on)"));
    }
}
