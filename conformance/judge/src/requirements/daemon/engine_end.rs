//! An engine that ends while it pushes an image: whose doing that is.

use crate::evidence::{EngineEnd, Export};
use crate::requirement::violated;
use crate::verdict::Finding;
use crate::view;

/// The image's, where the engine ends at its push every time and pushes another image well; else no one can say.
pub(super) fn whose_doing_it_is(export: &Export, end: &EngineEnd) -> Finding {
    let said = if end.said.is_empty() { String::new() } else { format!(": {}", end.said) };
    let ended = format!("the engine ended {}{said}", end.how);
    let unclear = |why: &str| Finding::Error(view::cut(&format!("push the image: {why}; {ended}")));
    match (end.again, end.pushes_run_image) {
        (Some(true), Some(true)) => violated(
            "the image ends the engine that pushes it, twice in a row, and the run image does not",
            "a push",
            ended,
            export.at("export.json#/daemon/engine_end"),
        ),
        (Some(true), _) => unclear("the engine ends at the push of the run image too, which the exporter did not make"),
        (Some(false), _) => unclear("the engine ended once, and did not when it was asked again"),
        (None, _) => unclear("the engine ended, and could not be asked again"),
    }
}
