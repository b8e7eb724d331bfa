//! Fields of descriptors that are optional, and have to be well formed where they are there.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::digest::Digest;
use crate::evidence::{Export, Image};
use crate::forms::{is_media_type, uri_scheme};
use crate::json::Json;
use crate::requirement::{not_applicable, violated};
use crate::verdict::Finding;
use crate::view;

pub(super) fn embedded_data_is_the_content(export: &Export, image: &Image) -> Finding {
    let mut finding = not_applicable("no descriptor has data");
    for (place, descriptor) in view::own_descriptors(export, image) {
        let Some(data) = descriptor.get("data") else { continue };
        let place = format!("{place}/data");
        let Some(bytes) = data.as_str().and_then(|text| STANDARD.decode(text).ok()) else {
            return violated("a descriptor's data is not base64", "base64 (RFC 4648, section 4)", shown(data), place);
        };
        let size = descriptor.get("size").and_then(Json::as_u64);
        if size != Some(bytes.len() as u64) {
            let expected = size.map_or_else(|| "a size".to_owned(), |size| format!("{size} bytes"));
            let message = "a descriptor's data is not of the descriptor's size";
            return violated(message, expected, format!("{} bytes in data", bytes.len()), place);
        }
        finding = Finding::Holds;
        // Of a name that is not a digest another requirement tells.
        let named = descriptor.get("digest").and_then(Json::as_str).and_then(|text| Digest::parse(text).ok());
        let Some(named) = named else { continue };
        let found = named.likewise(&bytes);
        if found != named {
            return violated("a descriptor's data is other content than it names", named, found, place);
        }
    }
    finding
}

pub(super) fn optional_fields_are_well_formed(export: &Export, image: &Image) -> Finding {
    for (place, descriptor) in view::own_descriptors(export, image) {
        if let Some(kind) = descriptor.get("artifactType")
            && !kind.as_str().is_some_and(is_media_type)
        {
            let message = "a descriptor's artifactType is not a media type";
            let expected = "a type, a slash and a name (RFC 6838)";
            return violated(message, expected, shown(kind), format!("{place}/artifactType"));
        }
        if let Some(urls) = descriptor.get("urls") {
            let is_it =
                urls.items().is_some_and(|all| all.iter().all(|url| url.as_str().and_then(uri_scheme).is_some()));
            if !is_it {
                let message = "a descriptor's urls are not URIs";
                return violated(message, "an array of URIs (RFC 3986)", shown(urls), format!("{place}/urls"));
            }
        }
        if let Some(platform) = descriptor.get("platform") {
            let has = |name: &str| platform.get(name).and_then(Json::as_str).is_some_and(|text| !text.is_empty());
            if !has("os") || !has("architecture") {
                let message = "a descriptor's platform lacks what a platform has";
                return violated(message, "os and architecture", shown(platform), format!("{place}/platform"));
            }
        }
    }
    Finding::Holds
}

fn shown(value: &Json) -> String {
    view::cut(&value.to_string())
}
