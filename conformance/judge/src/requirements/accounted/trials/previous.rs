//! What is rejected of an image whose previous one another exporter made, and what is not.

use serde_json::json;

use crate::evidence::{ScenarioEvidence, Target};
use crate::sample::{self, annotate, edit_config, edit_label, previous_image};
use crate::trial::Trials;
use crate::view::LIFECYCLE;

const LEFT: &str = "left by another exporter";

fn rebuilt() -> ScenarioEvidence {
    let mut evidence = sample::scenario();
    for export in &mut evidence.exports {
        export.inputs.previous_image = Some(previous_image(&json!({}), &[LEFT]));
    }
    evidence
}

pub(super) fn annotated() -> Trials {
    Trials::of("image.nothing-of-previous")
        .from(rebuilt)
        .on(&[Target::Registry, Target::Layout])
        .rejects("an annotation that stays", |e| annotate(e, "com.example.vendor", Some(LEFT)))
        .accepts("a vendor's own annotation", |e| annotate(e, "com.example.vendor", Some("of this exporter")))
        .ignores("a previous image of its own", |e| {
            annotate(e, "com.example.vendor", Some(LEFT));
            e.inputs.previous_image = None;
        })
}

pub(super) fn previous() -> Trials {
    Trials::of("image.nothing-of-previous")
        .from(rebuilt)
        .rejects("a label that stays", |e| {
            edit_config(e, |config| config["config"]["Labels"]["com.example.vendor"] = json!(LEFT));
        })
        .rejects("a field of the label that stays", |e| edit_label(e, LIFECYCLE, |l| l["vendor"] = json!([LEFT])))
        .rejects("a variable that stays", |e| {
            edit_config(e, |c| c["config"]["Env"].as_array_mut().unwrap().push(json!(format!("X={LEFT}"))));
        })
        .accepts("a label of its own", |e| {
            edit_config(e, |config| config["config"]["Labels"]["com.example.vendor"] = json!("of this exporter"));
        })
        .accepts("a vendor's own field of the label", |e| {
            edit_label(e, LIFECYCLE, |l| l["vendor"] = json!("of this exporter"));
        })
}
