//! Layers: those of the new run image in place of the old one's, and the app's as they were.

use super::facts::{Rebased, each, each_manifest};
use crate::json::Json;
use crate::requirement::{Case, holds_when, violated};
use crate::verdict::Finding;
use crate::view;

pub(super) fn the_app_stands_upon_the_new_run_image(case: &Case<'_>) -> Finding {
    each(case, |rebased| {
        let new = view::diff_ids(Some(&rebased.export.run_image.config));
        let apps = rebased.app_layers();
        let Some(last) = apps.last() else {
            return Finding::NotApplicable("no layer of the app image is its run image's last".to_owned());
        };
        let found = view::diff_ids(rebased.after.config.as_ref());
        let is_right = |app: &Vec<String>| found == [new.as_slice(), app.as_slice()].concat();
        holds_when(apps.iter().any(is_right), || {
            let message = "the layers are not the new run image's and on them the app's";
            let expected = [new.as_slice(), last.as_slice()].concat().join(", ");
            violated(message, expected, found.join(", "), rebased.export.at("config.json#/rootfs/diff_ids"))
        })
    })
}

/// Digests of the app's own layers in a manifest, as many as there are diffIDs of them.
fn own_layers(rebased: &Rebased<'_>, manifest: &Json) -> Vec<String> {
    let count = rebased.app_layers().last().map_or(0, Vec::len);
    let layers = manifest.get("layers").and_then(Json::items).unwrap_or_default();
    let own = &layers[layers.len().saturating_sub(count)..];
    own.iter().map(|one| one.get("digest").and_then(Json::as_str).unwrap_or_default().to_owned()).collect()
}

pub(super) fn the_app_s_blobs_are_re_used(case: &Case<'_>) -> Finding {
    each_manifest(case, |rebased, before, after| {
        let (was, is) = (own_layers(rebased, before), own_layers(rebased, after));
        if was.is_empty() {
            return Finding::NotApplicable("the app image has no layers of its own".to_owned());
        }
        holds_when(was == is, || {
            let message = "the app's layers are other blobs than before the rebase";
            violated(message, was.join(", "), is.join(", "), rebased.export.at("manifest.json#/layers"))
                .following(&["rebase.run-layers-replaced"])
        })
    })
}

pub(super) fn no_layer_of_the_app_is_sent_again(case: &Case<'_>) -> Finding {
    each_manifest(case, |rebased, before, _| {
        let Some(wire) = &rebased.export.wire else {
            return Finding::NotApplicable("no recorder stood between the rebaser and the registry".to_owned());
        };
        let own = own_layers(rebased, before);
        let sent = wire.iter().find(|record| {
            let names = |digest: &String| {
                record.target.contains(digest.as_str()) || record.target.contains(&digest.replace(':', "%3A"))
            };
            matches!(record.method.as_str(), "PUT" | "POST" | "PATCH")
                && record.target.contains("/blobs/uploads")
                && !record.target.contains("mount=")
                && own.iter().any(names)
        });
        sent.map_or(Finding::Holds, |record| {
            let message = "a layer of the app was sent to the registry, which has it";
            let found = format!("{} {}", record.method, record.target);
            violated(message, "no upload of it", found, rebased.export.at("export.json#/wire"))
                .following(&["rebase.app-layers-reused"])
        })
    })
}
