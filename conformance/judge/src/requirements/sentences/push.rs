//! How manifests are sent (`oci-distribution.md`, Pushing Manifests).

use crate::evidence::Export;
use crate::requirement::{UNSEEN, violated};
use crate::verdict::Finding;
use crate::view;

pub(super) fn content_types_are_plain(export: &Export) -> Finding {
    let Some(wire) = &export.wire else { return Finding::Skipped(UNSEEN.to_owned()) };
    let sent = wire.iter().filter(|record| record.method == "PUT" && record.target.contains("/manifests/"));
    for record in sent {
        let found = record.content_type.as_deref().unwrap_or_default();
        if found.is_empty() || found.contains(';') {
            let message = "a manifest was sent without a Content-Type, or with parameters in it";
            let found = if found.is_empty() { "nothing".to_owned() } else { view::cut(found) };
            let place = export.at("export.json#/wire");
            return violated(message, "the manifest's media type alone", found, place);
        }
    }
    Finding::Holds
}
