//! A layout's `index.json` beyond what makes it one (`oci-image-image-index.md`), and the name that it gives.

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::evidence::Export;
use crate::forms::is_media_type;
use crate::json::Json;
use crate::requirement::{holds_when, not_applicable, violated};
use crate::verdict::Finding;
use crate::view::{self, shown};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const NAME: &str = "org.opencontainers.image.ref.name";

/// The indexes of all `<image>` that there are.
fn indexes(export: &Export) -> Vec<Rc<Json>> {
    view::indexes(export).into_iter().filter(|index| index.members().is_some()).collect()
}

/// Judges each index; without one layout.valid tells what is missing.
fn each(export: &Export, judge: impl Fn(&Json) -> Finding) -> Finding {
    let indexes = indexes(export);
    if indexes.is_empty() {
        return not_applicable("there is no index.json that can be read");
    }
    let mut findings = indexes.iter().map(|index| judge(index));
    findings.find(|finding| *finding != Finding::Holds).unwrap_or(Finding::Holds)
}

fn at(export: &Export, pointer: &str) -> String {
    export.at(&format!("index.json#/{pointer}"))
}

/// What is wrong with the annotations of an index or a descriptor.
fn not_annotations(holder: &Json) -> Option<String> {
    let annotations = holder.get("annotations")?;
    let Some(members) = annotations.members() else { return Some(view::cut(&annotations.to_string())) };
    let other =
        members.iter().find(|(_, value)| value.as_str().is_none()).map(|(key, value)| format!("{key}: {value}"));
    other.or_else(|| annotations.doubled_keys().first().map(|key| format!("{key} twice")))
}

/// What is wrong with a platform, next to the config of the image that it is of: its field, and what is expected. That
/// os and architecture are there is manifest.descriptor-fields'.
pub(in super::super) fn not_platform(platform: &Json, config: Option<&Json>) -> Option<(&'static str, String)> {
    for name in ["architecture", "os", "variant", "os.version"] {
        let Some(value) = platform.get(name) else { continue };
        let is_required = ["architecture", "os"].contains(&name);
        let Some(text) = value.as_str() else {
            if is_required {
                continue;
            }
            return Some((name, "a string".to_owned()));
        };
        // An empty one says nothing.
        if text.is_empty() {
            continue;
        }
        let expected = config.and_then(|config| config.get(name)?.as_str()).filter(|text| !text.is_empty());
        if let Some(expected) = expected.filter(|expected| *expected != text) {
            return Some((name, expected.to_owned()));
        }
        // A variant that every machine of the architecture is of may be left out in a config.
        let is_everyone_s = name == "variant" && ["v1", "v7", "v8"].contains(&text);
        if config.is_some() && expected.is_none() && !is_required && !is_everyone_s {
            return Some((name, "nothing, as in the config".to_owned()));
        }
    }
    let are_texts = |value: &Json| value.items().is_some_and(|items| items.iter().all(|item| item.as_str().is_some()));
    let features = platform.get("os.features")?;
    if !are_texts(features) {
        return Some(("os.features", "an array of strings".to_owned()));
    }
    // No feature at all is as nothing, which may be left out.
    let set = |value: Option<&Json>| -> BTreeSet<String> {
        value.and_then(Json::items).unwrap_or_default().iter().map(ToString::to_string).collect()
    };
    let expected = config.map(|config| config.get("os.features"))?;
    let is_another = !set(Some(features)).is_empty() && set(Some(features)) != set(expected);
    is_another.then(|| ("os.features", shown(expected)))
}

pub(super) fn optional_fields_have_their_form(export: &Export) -> Finding {
    let config = export.image.as_ref().and_then(|image| view::json(image.config.as_ref()));
    each(export, |index| {
        let kind = index.get("mediaType");
        if kind.is_some_and(|kind| kind.as_str() != Some(INDEX)) {
            return violated("mediaType is not that of an index", INDEX, shown(kind), at(export, "mediaType"));
        }
        let artifact = index.get("artifactType");
        if artifact.is_some_and(|kind| !kind.as_str().is_some_and(is_media_type)) {
            let message = "artifactType of index.json is not a media type";
            return violated(message, "a media type", shown(artifact), at(export, "artifactType"));
        }
        for (holder, pointer) in
            std::iter::once((index, "")).chain(view::entries(index).iter().map(|one| (one, "manifests")))
        {
            if let Some(found) = not_annotations(holder) {
                let message = "annotations in index.json are not a map of strings";
                return violated(message, "strings, each key once", found, at(export, pointer));
            }
        }
        let own = view::own_entries(export, index);
        for entry in view::entries(index) {
            let beside = config.as_deref().filter(|_| own.iter().any(|one| std::ptr::eq(*one, entry)));
            let platform = entry.get("platform");
            if let Some((name, expected)) = platform.and_then(|platform| not_platform(platform, beside)) {
                let message = format!("{name} of a platform in index.json is not right");
                let found = shown(platform.and_then(|platform| platform.get(name)));
                return violated(message, expected, found, at(export, "manifests"));
            }
        }
        Finding::Holds
    })
}

pub(super) fn it_says_its_media_type(export: &Export) -> Finding {
    each(export, |index| {
        holds_when(index.get("mediaType").is_some(), || {
            violated("index.json has no mediaType", INDEX, "nothing", at(export, "mediaType"))
        })
    })
}

pub(super) fn platforms_are_there(export: &Export) -> Finding {
    each(export, |index| {
        let of_oci = |entry: &&&Json| entry.get("mediaType").and_then(Json::as_str) == Some(MANIFEST);
        let own = view::own_entries(export, index);
        let without = own.iter().find(|entry| of_oci(entry) && entry.get("platform").is_none());
        holds_when(without.is_none(), || {
            let message = "index.json does not say the platform of the app image";
            violated(message, "platform with os and architecture", "nothing", at(export, "manifests"))
        })
    })
}

/// What an entry has as ref.name, where it is a string.
fn name(entry: &Json) -> Option<&str> {
    entry.get("annotations")?.get(NAME)?.as_str()
}

pub(super) fn the_image_has_a_name(export: &Export) -> Finding {
    each(export, |index| {
        let own = view::own_entries(export, index);
        holds_when(own.is_empty() || own.iter().any(|entry| name(entry).is_some()), || {
            violated("no entry of index.json names the app image", NAME, "nothing", at(export, "manifests"))
        })
    })
}

/// `ref ::= component ("/" component)*`, `component ::= alphanum (separator alphanum)*`, where a separator is one of
/// `[-._:@+]` or `--` (`oci-image-annotations.md`).
fn is_a_reference(text: &str) -> bool {
    text.split('/').all(|component| {
        let shrunk = component.replace("--", "-");
        let mut parts = shrunk.split(['-', '.', '_', ':', '@', '+']);
        parts.all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric()))
    })
}

pub(super) fn names_follow_the_grammar(export: &Export) -> Finding {
    let is_named = indexes(export).iter().any(|index| view::entries(index).iter().any(|entry| name(entry).is_some()));
    if !is_named {
        return not_applicable("no entry of index.json has ref.name");
    }
    each(export, |index| {
        // A tag that was asked for may be outside of it, as tags may be by the distribution specification.
        let is_asked = |name: &str| export.inputs.images.iter().any(|image| image.ends_with(&format!(":{name}")));
        let mut names = view::own_entries(export, index).into_iter().filter_map(name);
        names.find(|name| !is_a_reference(name) && !is_asked(name)).map_or(Finding::Holds, |found| {
            let message = "ref.name in index.json is outside of the grammar";
            violated(message, "words between single separators", view::cut(found), at(export, "manifests"))
        })
    })
}
