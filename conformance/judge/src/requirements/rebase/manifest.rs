//! The manifest as a whole: media types of one kind, the kind that it had, and descriptors that are true.

use super::facts::{Rebased, each, each_manifest};
use crate::digest::Digest;
use crate::json::Json;
use crate::requirement::{Case, holds_when, violated};
use crate::verdict::Finding;
use crate::view;

/// To whose family a media type belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Oci,
    Docker,
}

impl Family {
    fn of(media_type: &str) -> Option<Self> {
        if media_type.starts_with("application/vnd.oci.") {
            Some(Self::Oci)
        } else if media_type.starts_with("application/vnd.docker.") {
            Some(Self::Docker)
        } else {
            None
        }
    }
}

/// The manifest's own media type; what it is served as where it does not say.
fn own_type(manifest: &Json, served: Option<&String>) -> String {
    let own = manifest.get("mediaType").and_then(Json::as_str).map(str::to_owned);
    own.or_else(|| served.cloned()).unwrap_or_default()
}

fn after_type(rebased: &Rebased<'_>, manifest: &Json) -> String {
    own_type(manifest, rebased.after.manifest.as_ref().and_then(|document| document.content_type.as_ref()))
}

fn descriptor_types(manifest: &Json) -> Vec<(String, String)> {
    let named = view::descriptors(manifest).into_iter();
    let media_type = |one: &Json| one.get("mediaType").and_then(Json::as_str).unwrap_or_default().to_owned();
    named.map(|(place, one)| (place, media_type(one))).collect()
}

pub(super) fn media_types_agree(case: &Case<'_>) -> Finding {
    each_manifest(case, |rebased, _, after| {
        let own = after_type(rebased, after);
        let Some(family) = Family::of(&own) else {
            return violated(
                "the manifest has a media type of no image",
                "OCI's or Docker's",
                own,
                rebased.export.at("manifest.json#/mediaType"),
            );
        };
        let served = rebased.after.manifest.as_ref().and_then(|document| document.content_type.clone());
        if let Some(served) = served.filter(|served| !served.is_empty() && *served != own) {
            return violated(
                "the manifest is served as something else than it says",
                own,
                served,
                rebased.export.at("tags.json"),
            );
        }
        let odd = descriptor_types(after).into_iter().find(|(_, one)| Family::of(one).is_some_and(|one| one != family));
        odd.map_or(Finding::Holds, |(place, one)| {
            let message =
                format!("{place} has a media type of another family than the manifest's {own}: no tool reads both");
            let word = if family == Family::Oci { "a media type of OCI" } else { "a media type of Docker's schema 2" };
            violated(message, word, one, rebased.export.at(&format!("manifest.json#{place}/mediaType")))
        })
    })
}

pub(super) fn an_oci_image_stays_one(case: &Case<'_>) -> Finding {
    each_manifest(case, |rebased, before, after| {
        let served = rebased.before.manifest.as_ref().and_then(|document| document.content_type.as_ref());
        if Family::of(&own_type(before, served)) != Some(Family::Oci) {
            return Finding::NotApplicable("the app image's manifest is not OCI's".to_owned());
        }
        let own = after_type(rebased, after);
        holds_when(Family::of(&own) == Some(Family::Oci), || {
            let message = "the app image had an OCI manifest, and the rebased image has none";
            violated(message, own_type(before, served), own, rebased.export.at("manifest.json#/mediaType"))
        })
    })
}

pub(super) fn descriptors_are_true(case: &Case<'_>) -> Finding {
    each_manifest(case, |rebased, _, after| {
        let config = rebased.after.config.as_ref().map(|config| (config.digest.to_string(), config.bytes.len() as u64));
        let layers = rebased.after.layers.iter().map(|layer| {
            let blob = layer.blob.as_ref()?;
            Some((blob.named.as_ref().unwrap_or(&blob.digest).to_string(), blob.size))
        });
        let facts: Vec<Option<(String, u64)>> = std::iter::once(config).chain(layers).collect();
        let named = view::descriptors(after);
        if named.len() != facts.len() {
            let message = "the manifest does not name a config and each layer";
            return violated(message, facts.len(), named.len(), rebased.export.at("manifest.json"));
        }
        for ((place, descriptor), fact) in named.into_iter().zip(facts) {
            let told = (
                descriptor.get("digest").and_then(Json::as_str).unwrap_or_default().to_owned(),
                descriptor.get("size").and_then(Json::as_u64).unwrap_or_default(),
            );
            let shown = |(digest, size): &(String, u64)| format!("{digest}, {size} bytes");
            if fact.as_ref() != Some(&told) {
                let message = format!("the descriptor {place} does not tell what is there");
                let is = fact.as_ref().map_or_else(|| "nothing that can be read".to_owned(), shown);
                return violated(message, is, shown(&told), rebased.export.at(&format!("manifest.json#{place}")));
            }
        }
        Finding::Holds
    })
}

pub(super) fn diff_ids_are_true(case: &Case<'_>) -> Finding {
    each(case, |rebased| {
        let told = view::diff_ids(rebased.after.config.as_ref());
        let found: Vec<String> = rebased
            .after
            .layers
            .iter()
            .map(|layer| layer.whole_diff_id().map_or_else(|| "unreadable".to_owned(), Digest::to_string))
            .collect();
        holds_when(told == found, || {
            let message = "diff_ids of the config are not those of the layers";
            violated(message, found.join(", "), told.join(", "), rebased.export.at("config.json#/rootfs/diff_ids"))
        })
    })
}
