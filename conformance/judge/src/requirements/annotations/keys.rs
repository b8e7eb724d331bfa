//! Keys: their form, their order, and which may be there.

use super::at;
use crate::evidence::{Export, Image};
use crate::json::Json;
use crate::requirement::{Case, holds_when, not_applicable, violated};
use crate::verdict::Finding;
use crate::view::{self, PREFIX};

/// Keys that the image specification defines.
const DEFINED: [&str; 16] = [
    "created",
    "authors",
    "url",
    "documentation",
    "source",
    "version",
    "revision",
    "vendor",
    "licenses",
    "ref.name",
    "title",
    "description",
    "base.digest",
    "base.name",
    "artifact.created",
    "artifact.description",
];

/// Names that the image specification defines for what a config says (`conversion.md`, Annotation Fields, at 13cff54).
const OF_CONVERSION: [&str; 9] =
    ["os", "os.version", "os.features", "architecture", "variant", "author", "exposedPorts", "stopSignal", "created"];

pub(super) fn annotations_are_a_map_of_strings(export: &Export, image: &Image) -> Finding {
    let Some(manifest) = view::json(image.manifest.as_ref()) else {
        return violated("the manifest is not JSON", "a JSON object", "something else", export.at("manifest.json"));
    };
    let Some(annotations) = manifest.get("annotations") else { return Finding::Holds };
    let Some(members) = annotations.members() else {
        let found = annotations.kind();
        return violated(
            "annotations is not an object",
            "an object or nothing",
            found,
            export.at("manifest.json#/annotations"),
        );
    };
    match members.iter().find(|(_, value)| value.as_str().is_none()) {
        Some((key, value)) => {
            violated(format!("the annotation {key} is not a string"), "a string", value.kind(), at(export, key))
        }
        None => Finding::Holds,
    }
}

pub(super) fn no_key_is_there_twice(export: &Export, image: &Image) -> Finding {
    let doubled = view::json(image.manifest.as_ref()).map(|json| json.doubled_keys()).unwrap_or_default();
    match doubled.first() {
        Some(pointer) => {
            violated("a key is there twice", "each key once", pointer, export.at(&format!("manifest.json#{pointer}")))
        }
        None => Finding::Holds,
    }
}

pub(super) fn descriptors_annotations_follow_the_rules(export: &Export, image: &Image) -> Finding {
    let Some(manifest) = view::json(image.manifest.as_ref()) else {
        return not_applicable("the manifest is not JSON");
    };
    let annotated: Vec<(String, &Json)> = view::descriptors(&manifest)
        .into_iter()
        .filter_map(|(pointer, descriptor)| Some((pointer, descriptor.get("annotations")?)))
        .collect();
    if annotated.is_empty() {
        return not_applicable("no descriptor has annotations");
    }
    for (pointer, annotations) in annotated {
        let place = export.at(&format!("manifest.json#{pointer}/annotations"));
        let Some(members) = annotations.members() else {
            return violated("a descriptor's annotations are not object", "an object", annotations.kind(), place);
        };
        if let Some((key, value)) = members.iter().find(|(_, value)| value.as_str().is_none()) {
            return violated(
                format!("a descriptor's annotation {key} is not a string"),
                "a string",
                value.kind(),
                place,
            );
        }
        if let Some(doubled) = annotations.doubled_keys().first() {
            return violated("a descriptor's annotations hold a key twice", "each key once", doubled, place);
        }
    }
    Finding::Holds
}

/// Keys of `[[annotations]]` and of the run image's annotations: inputs supplied them.
fn supplied(export: &Export) -> Vec<String> {
    let mut keys: Vec<String> = super::super::contributed_annotations(export).into_iter().map(|(key, _)| key).collect();
    let run_image = view::json(Some(&export.run_image.manifest));
    let inherited = run_image.as_ref().and_then(|json| json.get("annotations")?.members()).unwrap_or_default();
    keys.extend(inherited.iter().map(|(key, _)| key.clone()));
    keys
}

fn own_keys(export: &Export, image: &Image) -> Vec<String> {
    let supplied = supplied(export);
    view::annotations(image).into_iter().map(|(key, _)| key).filter(|key| !supplied.contains(key)).collect()
}

fn is_reserved(key: &str) -> bool {
    key == "org.opencontainers" || key.starts_with("org.opencontainers.")
}

pub(super) fn reserved_keys_are_defined_ones(export: &Export, image: &Image) -> Finding {
    let is_defined = |key: &str| {
        key.strip_prefix(PREFIX).is_some_and(|name| DEFINED.contains(&name) || OF_CONVERSION.contains(&name))
    };
    match own_keys(export, image).into_iter().find(|key| is_reserved(key) && !is_defined(key)) {
        Some(key) => violated(
            "a key of the reserved namespace is not defined by any OCI specification",
            "a defined key",
            &key,
            at(export, &key),
        ),
        None => Finding::Holds,
    }
}

pub(super) fn other_keys_are_reverse_domains(export: &Export, image: &Image) -> Finding {
    let is_label = |part: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        !part.is_empty() && part.chars().all(fits)
    };
    let is_reverse_domain = |key: &str| {
        // After a slash comes a name within the domain, as other projects write keys.
        let domain = key.split('/').next().unwrap_or(key);
        domain.contains('.') && domain.split('.').all(is_label)
    };
    match own_keys(export, image).into_iter().find(|key| !is_reserved(key) && !is_reverse_domain(key)) {
        Some(key) => violated("a key is not in reverse domain notation", "com.example.key", &key, at(export, &key)),
        None => Finding::Holds,
    }
}

pub(super) fn ref_name_is_not_on_the_manifest(export: &Export, image: &Image) -> Finding {
    let key = format!("{PREFIX}ref.name");
    // One that an input supplied is not the exporter's own doing.
    let is_there = own_keys(export, image).contains(&key);
    holds_when(!is_there, || {
        let found = view::annotation(image, &key).unwrap_or_default();
        violated("ref.name belongs on the descriptors of an index", "no such annotation", found, at(export, &key))
    })
}

pub(super) fn keys_keep_their_order(case: &Case<'_>) -> Finding {
    let keys = |export: &Export| -> Vec<String> {
        export.image.iter().flat_map(view::annotations).map(|(key, _)| key).collect()
    };
    let pairs: Vec<_> = case.repeats().into_iter().filter(|(first, _)| !keys(first).is_empty()).collect();
    if pairs.is_empty() {
        return not_applicable("no annotated build was exported twice");
    }
    for (first, second) in pairs {
        let (mut one, mut two) = (keys(first), keys(second));
        let (expected, found) = (one.join(", "), two.join(", "));
        if one != two {
            one.sort();
            two.sort();
            if one == two {
                let place = second.at("manifest.json#/annotations");
                return violated("the order of the keys changes from run to run", expected, found, place);
            }
        }
    }
    Finding::Holds
}
