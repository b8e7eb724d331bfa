//! Good rebases made by hand: the image of the sample on a run image that has moved on, on a registry and in a daemon
//! that keeps manifests.

use serde_json::{Value, json};

use super::image::{base_layers, diff_ids, file, manifest_value, oci, run_config, value};
use super::{edit_config, kept_by, layer, own_layers, put, seal, step};
use crate::evidence::{
    Arrival, Document, End, Export, Fetched, Image, Layer, MadeBy, Rebase, RunImage, RunImageInDaemon,
    ScenarioEvidence, StoreKind, Target,
};
use crate::view::LIFECYCLE;

/// One rebase on a registry, and one in a daemon.
#[must_use]
pub fn rebased() -> ScenarioEvidence {
    let mut evidence = kept_by(StoreKind::Containerd);
    let exports = std::mem::take(&mut evidence.exports).into_iter();
    evidence.rebases = exports.filter(|export| export.target != Target::Layout).map(rebase_of).collect();
    evidence
}

/// The same rebase twice on each.
#[must_use]
pub fn rebased_twice() -> ScenarioEvidence {
    let mut evidence = rebased();
    let again: Vec<Export> = evidence.rebases.iter().map(|export| at_step(export, 2)).collect();
    evidence.rebases.extend(again);
    evidence
}

/// A rebase that was refused for this reason, with these words, and then one that was accepted.
#[must_use]
pub fn refused_rebase(slug: &str, output: &str) -> ScenarioEvidence {
    let mut evidence = rebased_twice();
    for refused in evidence.rebases.iter_mut().filter(|export| export.step == 1) {
        refused.inputs.expected_failure = Some(slug.to_owned());
        refused.outcome.end = End::Exited(70);
        output.clone_into(&mut refused.outcome.stderr);
        refused.report = None;
        refused.image = refused.rebase.as_ref().and_then(|rebase| rebase.app.clone());
        for tag in &mut refused.tags {
            tag.digest = refused.tags_before.get(&tag.reference).cloned().flatten();
        }
    }
    evidence
}

/// The rebase on the run image that the image is based on.
///
/// # Panics
/// When the sample is not whole.
#[must_use]
pub fn rebased_upon_the_same() -> ScenarioEvidence {
    let mut evidence = rebased();
    for target in [Target::Registry, Target::Daemon] {
        let export = step(&mut evidence, target, 1);
        let image = export.image.clone();
        let rebase = export.rebase.as_mut().expect("a rebase");
        rebase.app = image;
        rebase.is_same_run_image = true;
    }
    evidence
}

fn at_step(export: &Export, step: usize) -> Export {
    let mut export = export.clone();
    export.step = step;
    export.id = format!("{}/{}/{step}", export.scenario, export.service);
    export
}

fn new_layers() -> Vec<Layer> {
    let one = |name: &str| layer(name, vec![file(&format!("/usr/{name}"), name)]);
    vec![one("new-base"), one("new-two"), one("new-three")]
}

fn moved_on(run: &RunImage, target: Target) -> RunImage {
    let mut config = run_config();
    config["rootfs"]["diff_ids"] = json!(diff_ids(&new_layers()));
    config["history"] = json!([{ "created_by": "x" }, { "created_by": "y" }, { "created_by": "z" }]);
    config["config"]["Env"] = json!(["PATH=/opt/new", "NEW=1"]);
    config["config"]["Labels"]["io.buildpacks.base.distro.version"] = json!("sentinel-13");
    let config = Document::new(config.to_string().into_bytes(), None);
    let annotations = json!({ "org.opencontainers.image.title": "sentinel-new-title", "x.y": "sentinel-new-own" });
    let manifest = oci(&manifest_value(&config, &new_layers(), annotations));
    let in_daemon = (target == Target::Daemon).then(|| RunImageInDaemon {
        arrival: Arrival::Usual,
        id: manifest.digest.to_string(),
        repo_digests: vec![format!("host.example/run@{}", manifest.digest)],
    });
    RunImage {
        reference: format!("host.example/run@{}", manifest.digest),
        digest: manifest.digest.clone(),
        manifest,
        config,
        in_daemon,
        ..run.clone()
    }
}

fn rebase_of(mut export: Export) -> Export {
    edit_config(&mut export, |config| config["config"]["Labels"]["io.buildpacks.base.distro.version"] = json!("12"));
    let before = export.image.clone().expect("an image");
    let digest = before.manifest.as_ref().expect("a manifest").digest.clone();
    export.run_image = moved_on(&export.run_image, export.target);
    export.image = Some(upon(&before, &export.run_image));
    export.rebase = Some(Rebase {
        made_by: MadeBy::Suite,
        app: Some(before.clone()),
        previous_image: None,
        previous_tag: None,
        run_image: Some(export.run_image.name.clone()),
        force: false,
        is_same_run_image: false,
    });
    export.tags_before = export.inputs.images.iter().map(|image| (image.clone(), Some(digest.to_string()))).collect();
    export.base = None;
    export.build_sboms = Vec::new();
    if export.target == Target::Registry {
        export.previous_after =
            Some(Fetched { asked: digest.to_string(), status: 200, document: before.manifest.clone() });
        let mut upload = put("/v2/app/blobs/uploads/?digest=sha256:0000");
        upload.sequence = 2;
        let mut mount = put("/v2/app/blobs/uploads/?mount=sha256:1111&from=run");
        (mount.sequence, mount.method) = (1, "POST".to_owned());
        export.wire = Some(vec![mount, upload, put("/v2/app/manifests/latest")]);
    }
    seal(&mut export);
    export
}

/// The image on another run image, as a right rebaser makes it.
fn upon(before: &Image, run: &RunImage) -> Image {
    let layers: Vec<Layer> = new_layers().into_iter().chain(own_layers()).collect();
    let mut config = value(before.config.as_ref());
    config["rootfs"]["diff_ids"] = json!(diff_ids(&layers));
    let own = config["history"].as_array().expect("a history")[base_layers().len()..].to_vec();
    let new = value(Some(&run.config))["history"].as_array().expect("a history").clone();
    config["history"] = json!(new.into_iter().chain(own).collect::<Vec<Value>>());
    let labels = &mut config["config"]["Labels"];
    labels["io.buildpacks.base.distro.version"] = json!("sentinel-13");
    let mut label: Value = serde_json::from_str(labels[LIFECYCLE].as_str().expect("a label")).expect("JSON");
    label["runImage"]["reference"] = json!(run.reference);
    label["runImage"]["topLayer"] = json!(diff_ids(&new_layers()).last());
    labels[LIFECYCLE] = json!(label.to_string());
    let config = Document::new(config.to_string().into_bytes(), None);
    let mut annotations = value(before.manifest.as_ref())["annotations"].clone();
    annotations["org.opencontainers.image.base.digest"] = json!(run.digest);
    annotations["org.opencontainers.image.base.name"] = json!(run.name);
    let manifest = oci(&manifest_value(&config, &layers, annotations));
    Image { manifest: Some(manifest), config: Some(config), layers }
}
