//! Fields of descriptors that may be left out (`oci-image-descriptor.md`), and layers that are not to be distributed.

use base64::Engine as _;

use crate::digest::Digest;
use crate::evidence::{Export, Image};
use crate::json::Json;
use crate::requirement::{not_applicable, violated};
use crate::verdict::Finding;
use crate::view;

/// Whether a text is a media type by RFC 6838, section 4.2.
pub(super) fn is_media_type(text: &str) -> bool {
    let is_name = |name: &str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$&-^_.+".contains(c);
        name.len() <= 127 && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(allowed)
    };
    text.split_once('/').is_some_and(|(kind, subtype)| is_name(kind) && is_name(subtype))
}

/// The scheme of a text that is a URI by RFC 3986, as far as its characters tell.
fn scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(':')?;
    let of_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    let of_uri = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%".contains(c);
    let is_uri = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(of_scheme)
        && !rest.is_empty()
        && rest.chars().all(of_uri);
    is_uri.then_some(scheme)
}

fn shown(value: &Json) -> String {
    view::cut(&value.to_string())
}

/// What is wrong with one descriptor's field, by its name, and what should be there.
fn wrong(descriptor: &Json) -> Option<(&'static str, &'static str)> {
    let is_kind = |value: &Json| value.as_str().is_some_and(is_media_type);
    if descriptor.get("artifactType").is_some_and(|value| !is_kind(value)) {
        return Some(("artifactType", "a media type"));
    }
    let are_uris = |value: &Json| {
        let is_uri = |item: &Json| item.as_str().is_some_and(|text| scheme(text).is_some());
        value.items().is_some_and(|items| items.iter().all(is_uri))
    };
    if descriptor.get("urls").is_some_and(|value| !are_uris(value)) {
        return Some(("urls", "an array of URIs"));
    }
    let named = descriptor.get("digest").and_then(|digest| Digest::parse(digest.as_str()?).ok());
    let is_content = |value: &Json| {
        let bytes = value.as_str().and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok());
        // Of another algorithm no digest can be made here.
        let is_other = named.as_ref().is_none_or(|named| named.algorithm() != "sha256");
        bytes.is_some_and(|bytes| is_other || named.as_ref() == Some(&Digest::of(&bytes)))
    };
    descriptor.get("data").filter(|value| !is_content(value)).map(|_| ("data", "the base64 of the content"))
}

pub(super) fn optional_fields_have_their_form(export: &Export, image: &Image) -> Finding {
    let Some(manifest) = view::json(image.manifest.as_ref()) else {
        return not_applicable("the manifest is not JSON");
    };
    if let Some(value) = manifest.get("artifactType").filter(|value| !value.as_str().is_some_and(is_media_type)) {
        let place = export.at("manifest.json#/artifactType");
        return violated("artifactType is no media type", "a media type", shown(value), place);
    }
    for (pointer, descriptor) in view::descriptors(&manifest) {
        if let Some((field, expected)) = wrong(descriptor) {
            let place = export.at(&format!("manifest.json#{pointer}/{field}"));
            let found = descriptor.get(field).map_or_else(|| "nothing".to_owned(), shown);
            return violated(format!("{field} of a descriptor has another form"), expected, found, place);
        }
    }
    Finding::Holds
}

pub(super) fn urls_are_of_the_web(export: &Export, image: &Image) -> Finding {
    let Some(manifest) = view::json(image.manifest.as_ref()) else {
        return not_applicable("the manifest is not JSON");
    };
    // Layers of the run image keep their descriptors.
    let base = view::json(Some(&export.run_image.manifest));
    let known: Vec<String> = base.iter().flat_map(urls).map(|(_, url)| url).collect();
    let given = urls(&manifest);
    if given.is_empty() {
        return not_applicable("no descriptor has urls");
    }
    let is_web = |url: &str| scheme(url).is_some_and(|s| ["http", "https"].contains(&s.to_ascii_lowercase().as_str()));
    let other = given.into_iter().find(|(_, url)| !is_web(url) && !known.contains(url));
    other.map_or(Finding::Holds, |(pointer, url)| {
        let place = export.at(&format!("manifest.json#{pointer}/urls"));
        violated("an entry of urls is not of the web", "http or https", view::cut(&url), place)
    })
}

fn urls(manifest: &Json) -> Vec<(String, String)> {
    let descriptors = view::descriptors(manifest).into_iter();
    let listed = descriptors.filter_map(|(pointer, one)| Some((pointer, one.get("urls")?.items()?)));
    listed
        .flat_map(|(pointer, items)| {
            items.iter().filter_map(move |url| Some((pointer.clone(), url.as_str()?.to_owned())))
        })
        .collect()
}

pub(super) fn new_layers_are_distributable(export: &Export, image: &Image) -> Finding {
    let manifest = view::json(image.manifest.as_ref());
    let layers = manifest.as_ref().and_then(|json| json.get("layers")?.items()).unwrap_or_default();
    let kind = |layer: &Json| layer.get("mediaType").and_then(Json::as_str).unwrap_or_default().to_owned();
    let mut new = layers.iter().enumerate().skip(view::base_count(export));
    let kept = new.find(|(_, layer)| [".nondistributable.", ".foreign."].iter().any(|word| kind(layer).contains(word)));
    kept.map_or(Finding::Holds, |(index, layer)| {
        let message = format!("layer {index} is not to be distributed");
        let place = export.at(&format!("manifest.json#/layers/{index}/mediaType"));
        violated(message, "the media type of a plain layer", kind(layer), place)
    })
}
