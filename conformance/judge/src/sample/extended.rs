//! A good build whose run image was extended: of the base's two layers the upper one is an extension's, which set a
//! user, a variable and labels as well. The app image upon it has the same layers as the sample's.

use serde_json::{Value, json};

use super::image::{base_layers, diff_ids, manifest_value, oci, run_config};
use super::{edit_config, edit_label, scenario};
use crate::evidence::{Document, Export, ExtendedImage, ScenarioEvidence};

/// The scenario with one such export on each target.
#[must_use]
pub fn extended() -> ScenarioEvidence {
    let mut evidence = scenario();
    evidence.exports.iter_mut().for_each(extend);
    evidence
}

fn extend(export: &mut Export) {
    let layers = base_layers();
    let mut config = run_config();
    set(&mut config["config"]);
    let config = document(&config);
    let manifest = oci(&manifest_value(&config, &layers, json!({})));
    export.run_image.extension = Some(ExtendedImage { manifest, config });
    let mut own = run_config();
    own["rootfs"]["diff_ids"] = json!(diff_ids(&layers[..1]));
    own["history"] = json!([own["history"][0]]);
    export.run_image.config = document(&own);
    export.run_image.manifest = oci(&manifest_value(&export.run_image.config, &layers[..1], json!({})));
    edit_config(export, |config| set(&mut config["config"]));
    let top = json!(diff_ids(&layers)[0]);
    edit_label(export, "io.buildpacks.lifecycle.metadata", |label| {
        for names in ["/runImage/topLayer", "/stack/runImage/topLayer"] {
            *label.pointer_mut(names).expect("a top layer") = top.clone();
        }
    });
}

fn document(config: &Value) -> Document {
    Document::new(config.to_string().into_bytes(), None)
}

/// What the extension set.
fn set(config: &mut Value) {
    config["User"] = json!("1001");
    for entry in config["Env"].as_array_mut().expect("variables") {
        if entry == "LANG=C" {
            *entry = json!("LANG=C.UTF-8");
        }
    }
    config["Labels"]["base"] = json!("an extension's");
    config["Labels"]["io.buildpacks.rebasable"] = json!("true");
}
