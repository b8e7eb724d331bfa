//! Layers that are re-used from the image of another exporter.

use serde_json::json;

use super::process::reusing;
use crate::evidence::Export;
use crate::sample::previous_image;
use crate::trial::Trials;
use crate::view::{self, LIFECYCLE};

/// The previous image is another exporter's, and its label has this sha for the layer that is re-used; none for that of
/// the new image.
fn another_s(sha: Option<&'static str>) -> impl Fn(&mut Export) + 'static {
    move |export| {
        let label = export.image.as_ref().and_then(view::lifecycle_label).map(|label| label.to_value());
        let mut label = label.unwrap_or_default();
        let layer = &mut label["buildpacks"][0]["layers"]["runtime"];
        if let Some(sha) = sha {
            layer["sha"] = json!(sha);
        }
        layer["vendor"] = json!("another's");
        let config = json!({ "config": { "Labels": { LIFECYCLE: label.to_string() } } });
        export.inputs.previous_image = Some(previous_image(&config, &[]));
    }
}

pub(super) fn reused() -> Trials {
    Trials::of("platform.layer-reuse")
        .from(reusing)
        .step(2)
        .rejects("another layer than that of another exporter's image", another_s(Some("sha256:0")))
        .accepts("the layer of another exporter's image", another_s(None))
        .ignores("another exporter's image without such a layer", |export| {
            export.inputs.previous_image = Some(previous_image(&json!({}), &[]));
        })
}
