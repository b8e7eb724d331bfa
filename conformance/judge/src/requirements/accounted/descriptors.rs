//! Descriptors of manifest and index from the document to its specification: what is required in each is there, each
//! field is of its form, and nothing makes something else of the image.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::manifest::is_docker;
use crate::digest::Digest;
use crate::evidence::{Export, Image};
use crate::json::Json;
use crate::requirement::{not_applicable, violated};
use crate::verdict::Finding;
use crate::view;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Media types of an image's config.
const CONFIGS: [&str; 2] =
    ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];
/// What media types of layers begin with; packed or not, encrypted or not, to be distributed or not.
const LAYERS: [&str; 2] = ["application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs."];

/// One descriptor, and where it is.
struct Named<'a> {
    place: String,
    json: &'a Json,
}

fn all<'a>(export: &Export, manifest: Option<&'a Json>, indexes: &'a [Json]) -> Vec<Named<'a>> {
    let of = |file: &str, document: &'a Json| -> Vec<Named<'a>> {
        let named = |(pointer, json)| Named { place: export.at(&format!("{file}#{pointer}")), json };
        view::descriptors(document).into_iter().map(named).collect()
    };
    let mut found = manifest.map(|manifest| of("manifest.json", manifest)).unwrap_or_default();
    found.extend(indexes.iter().flat_map(|index| of("index.json", index)));
    found
}

fn indexes(export: &Export) -> Vec<Json> {
    let roots = export.layout.iter().flat_map(|layout| &layout.roots);
    roots.filter_map(|root| view::json(root.index.as_ref())).collect()
}

/// The names of RFC 6838, section 4.2.
fn is_media_type(text: &str) -> bool {
    let is_name = |name: &str| {
        let mut all = name.chars();
        all.next().is_some_and(|first| first.is_ascii_alphanumeric())
            && name.len() <= 127
            && all.all(|one| one.is_ascii_alphanumeric() || "!#$&-^_.+".contains(one))
    };
    text.split_once('/').is_some_and(|(kind, name)| is_name(kind) && is_name(name))
}

/// The grammar of `oci-image-descriptor.md`, Digests.
fn is_digest(text: &str) -> bool {
    let is_component =
        |part: &str| !part.is_empty() && part.chars().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit());
    let is_encoded = |part: &str| part.chars().all(|one| one.is_ascii_alphanumeric() || "=_-".contains(one));
    text.split_once(':').is_some_and(|(algorithm, encoded)| {
        let is_whole = match algorithm {
            "sha256" | "blake3" => is_hash(encoded, 64),
            "sha512" => is_hash(encoded, 128),
            _ => !encoded.is_empty() && is_encoded(encoded),
        };
        algorithm.split(['+', '.', '_', '-']).all(is_component) && is_whole
    })
}

fn is_hash(encoded: &str, length: usize) -> bool {
    encoded.len() == length && encoded.chars().all(|one| matches!(one, '0'..='9' | 'a'..='f'))
}

/// A scheme, and nothing that RFC 3986 has no place for.
fn is_uri(text: &str) -> bool {
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.chars().all(|one| one.is_ascii_alphanumeric() || "+-.".contains(one))
    };
    text.split_once(':').is_some_and(|(scheme, _)| is_scheme(scheme))
        && text.chars().all(|one| one.is_ascii_graphic() && !"<>\"{}|\\^`".contains(one))
}

/// A field of a descriptor: its name, whether it is required, its form in words, and the form.
type Field = (&'static str, bool, &'static str, fn(&Json) -> bool);

const FIELDS: [Field; 6] = [
    ("mediaType", true, "a media type of RFC 6838", |value| value.as_str().is_some_and(is_media_type)),
    ("digest", true, "a digest, algorithm:encoded", |value| value.as_str().is_some_and(is_digest)),
    ("size", true, "a size in bytes that is not negative", |value| value.as_u64().is_some()),
    ("urls", false, "an array of URIs", |value| {
        value.items().is_some_and(|all| all.iter().all(|one| one.as_str().is_some_and(is_uri)))
    }),
    ("artifactType", false, "a media type of RFC 6838", |value| value.as_str().is_some_and(is_media_type)),
    ("platform", false, "an object with architecture and os", |value| {
        ["architecture", "os"]
            .iter()
            .all(|key| value.get(key).and_then(Json::as_str).is_some_and(|text| !text.is_empty()))
    }),
];

pub(super) fn descriptors_are_whole(export: &Export, image: &Image) -> Finding {
    if is_docker(image) {
        return not_applicable("the manifest is Docker schema 2");
    }
    let (manifest, indexes) = (view::json(image.manifest.as_ref()), indexes(export));
    let base = view::json(Some(&export.run_image.manifest));
    for named in all(export, manifest.as_ref(), &indexes) {
        let is_of_the_base = is_in(base.as_ref(), named.json);
        for (key, is_required, form, is_it) in FIELDS {
            let found = named.json.get(key);
            let is_right = found.map_or(!is_required, is_it);
            // What the run image's own descriptor says is preserved with it.
            if !is_right && !is_of_the_base {
                let found = found.map_or_else(|| "nothing".to_owned(), |found| view::cut(&found.to_string()));
                return violated(format!("{key} of a descriptor is not {form}"), form, found, named.place);
            }
        }
        if !is_of_the_base && !embeds_what_it_names(named.json) {
            let message = "data of a descriptor is not the content that it names";
            return violated(message, "the content in Base 64", "something else", format!("{}/data", named.place));
        }
    }
    let documents =
        manifest.iter().map(|json| ("manifest.json", json)).chain(indexes.iter().map(|i| ("index.json", i)));
    let mut findings = documents.map(|(file, document)| it_says_what_it_is(export, file, document));
    findings.find(|finding| *finding != Finding::Holds).unwrap_or(Finding::Holds)
}

/// Whether the run image's manifest has the same descriptor.
fn is_in(base: Option<&Json>, descriptor: &Json) -> bool {
    base.is_some_and(|base| view::descriptors(base).iter().any(|(_, other)| *other == descriptor))
}

/// Embedded content is what the descriptor names (`oci-image-descriptor.md`, Embedded Content).
fn embeds_what_it_names(descriptor: &Json) -> bool {
    let Some(data) = descriptor.get("data") else { return true };
    let digest = descriptor.get("digest").and_then(Json::as_str).unwrap_or_default();
    let content = data.as_str().and_then(|text| STANDARD.decode(text).ok());
    content.is_some_and(|bytes| !digest.starts_with("sha256:") || Digest::of(&bytes).as_str() == digest)
}

/// What kind of thing a document says that it is: of the manifest its own row asks, of an index this one.
fn it_says_what_it_is(export: &Export, file: &str, document: &Json) -> Finding {
    let is_index = file == "index.json";
    for (key, is_asked, form) in [("artifactType", true, "a media type of RFC 6838"), ("mediaType", is_index, INDEX)] {
        let Some(found) = document.get(key).filter(|found| is_asked && **found != Json::Null) else { continue };
        let is_it = |text: &str| if key == "mediaType" { text == INDEX } else { is_media_type(text) };
        if !found.as_str().is_some_and(is_it) {
            let place = export.at(&format!("{file}#/{key}"));
            return violated(format!("{key} is not what it has to be"), form, view::cut(&found.to_string()), place);
        }
    }
    Finding::Holds
}

pub(super) fn the_manifest_is_of_an_image(export: &Export, image: &Image) -> Finding {
    let (manifest, indexes) = (view::json(image.manifest.as_ref()), indexes(export));
    let documents =
        manifest.iter().map(|json| ("manifest.json", json)).chain(indexes.iter().map(|i| ("index.json", i)));
    let (base, run) = (view::json(Some(&export.run_image.manifest)), &export.run_image);
    for (file, document) in documents {
        let Some(subject) = document.get("subject").filter(|found| **found != Json::Null) else { continue };
        // The run image is an input, and what is the run image's own is preserved.
        let digest = subject.get("digest").and_then(Json::as_str).unwrap_or_default();
        let is_the_run_image = digest == run.digest.as_str() || digest == run.manifest.digest.as_str();
        let is_the_base_s = base.as_ref().and_then(|base| base.get("subject")) == Some(subject);
        if !is_the_run_image && !is_the_base_s {
            let place = export.at(&format!("{file}#/subject"));
            let message = "subject makes the app image a part of something that is in no input";
            return violated(message, "nothing, or the run image", view::cut(&subject.to_string()), place);
        }
    }
    let finding = its_parts_are_an_image_s(export, manifest.as_ref(), base.as_ref());
    if finding != Finding::Holds {
        return finding;
    }
    let layers = manifest.as_ref().and_then(|json| json.get("layers")?.items()).unwrap_or_default();
    for (index, layer) in layers.iter().enumerate().skip(view::base_count(export)) {
        if let Some(urls) = layer.get("urls").filter(|urls| urls.items().is_none_or(|all| !all.is_empty())) {
            let place = export.at(&format!("manifest.json#/layers/{index}/urls"));
            return violated("a new layer is to be fetched elsewhere", "nothing", view::cut(&urls.to_string()), place);
        }
    }
    Finding::Holds
}

/// By the media type of the config tools tell an image from an artifact. One that is missing another row asks for.
fn its_parts_are_an_image_s(export: &Export, manifest: Option<&Json>, base: Option<&Json>) -> Finding {
    let descriptors = manifest.map(view::descriptors).unwrap_or_default();
    for (pointer, one) in descriptors.into_iter().filter(|(_, one)| !is_in(base, one)) {
        let Some(found) = one.get("mediaType").and_then(Json::as_str) else { continue };
        let (is_it, expected) = match pointer.split('/').nth(1) {
            Some("config") => (CONFIGS.contains(&found), CONFIGS[0]),
            Some("layers") => {
                (LAYERS.iter().any(|begin| found.starts_with(begin)), "application/vnd.oci.image.layer.…")
            }
            _ => continue,
        };
        if !is_it {
            let place = export.at(&format!("manifest.json#{pointer}/mediaType"));
            return violated("a part of the manifest is not of an image", expected, view::cut(found), place);
        }
    }
    Finding::Holds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_digests_and_uris_are_told_from_what_looks_like_them() {
        for (text, is_it) in [
            ("application/vnd.oci.image.layer.v1.tar+gzip", true),
            ("a/b", true),
            ("application", false),
            ("application/", false),
            ("/x", false),
            ("-a/b", false),
            ("a/b/c", false),
            ("a/b; charset=utf-8", false),
            ("", false),
        ] {
            assert_eq!(is_media_type(text), is_it, "{text}");
        }
        let hash = "0a".repeat(32);
        for (text, is_it) in [
            (format!("sha256:{hash}"), true),
            (format!("sha512:{hash}{hash}"), true),
            (format!("blake3:{hash}"), true),
            (format!("sha256:{}", hash.to_uppercase()), false),
            (format!("sha256:{hash}0"), false),
            ("multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8".to_owned(), true),
            ("own:x_=-1".to_owned(), true),
            ("own:".to_owned(), false),
            ("own:a/b".to_owned(), false),
            ("Own:x".to_owned(), false),
            ("own++x:x".to_owned(), false),
            (hash, false),
        ] {
            assert_eq!(is_digest(&text), is_it, "{text}");
        }
        for (text, is_it) in [
            ("https://layers.example/x?y=1#z", true),
            ("urn:x", true),
            ("layers.example/x", false),
            ("1http:x", false),
            ("https://layers.example/a b", false),
            ("https://layers.example/{x}", false),
            ("ht tp:x", false),
        ] {
            assert_eq!(is_uri(text), is_it, "{text}");
        }
    }
}
