//! The previous image: a build has layers to re-use from it, and nothing else.

use super::at;
use crate::evidence::{Export, Image};
use crate::requirement::{not_applicable, violated};
use crate::verdict::Finding;

pub(super) fn nothing_else_is_taken_from_it(export: &Export, image: &Image) -> Finding {
    let Some(previous) = &export.inputs.previous_image else {
        return not_applicable("the previous image is this exporter's, or there is none");
    };
    let documents = [
        ("manifest.json", image.manifest.as_ref().and_then(|document| document.text())),
        ("config.json", image.config.as_ref().and_then(|document| document.text())),
    ];
    for (name, text) in documents {
        let is_there = |sentinel: &&String| text.as_ref().is_some_and(|text| text.contains(sentinel.as_str()));
        if let Some(sentinel) = previous.sentinels.iter().find(is_there) {
            let place = if name == "config.json" { at(export, "config") } else { export.at(name) };
            let message = "the image has a value that the previous image alone had";
            return violated(message, "values of this build and of its run image", sentinel, place);
        }
    }
    Finding::Holds
}
