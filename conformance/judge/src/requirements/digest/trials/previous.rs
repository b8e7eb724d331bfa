//! Layers that are re-used from the image of another exporter have the times that it gave them.

use serde_json::json;

use crate::evidence::Export;
use crate::sample::{edit_entries, previous_image};
use crate::trial::Trials;
use crate::view;

/// The first of the image's own layers has another time, and is of another exporter's image where that is said.
fn of_another_time(is_of_another: bool) -> impl Fn(&mut Export) + 'static {
    move |export| {
        edit_entries(export, 0, |entries| entries.iter_mut().for_each(|entry| entry.mtime = 7));
        let ids = view::diff_ids(export.image.as_ref().and_then(|image| image.config.as_ref()));
        let own: Vec<&String> = ids.iter().skip(view::base_count(export)).take(usize::from(is_of_another)).collect();
        let config = json!({ "rootfs": { "diff_ids": own } });
        export.inputs.previous_image = Some(previous_image(&config, &[]));
    }
}

pub(super) fn of_previous() -> Trials {
    Trials::of("digest.mtimes-constant")
        .rejects("another time in a layer that another exporter's image has not", of_another_time(false))
        .accepts("another time in a layer of another exporter's image", of_another_time(true))
}
