//! An app image as a conformant exporter leaves it, made from bytes of the suite's own, so that a rebaser can be judged
//! without its exporter.

use judge::digest::Digest;
use judge::evidence::Document;
use oci_spec::image::{
    ANNOTATION_BASE_IMAGE_DIGEST, ANNOTATION_BASE_IMAGE_NAME, ANNOTATION_REVISION, ANNOTATION_SOURCE, ANNOTATION_TITLE,
    MediaType,
};
use serde_json::{Value, json};

use super::run_image::{self, MadeImage, MadeLayer};
use super::{ImageFormat, RecordedApp, RunLayer};

/// What the app image's label and annotations say of the run image that it is based on.
pub struct Base<'a> {
    /// `runImage.image`, and `base.name`.
    pub name: &'a str,
    /// `runImage.mirrors`.
    pub mirrors: &'a [String],
    /// `runImage.reference`.
    pub reference: &'a str,
    /// `base.digest`.
    pub digest: &'a Digest,
}

/// Makes the app image that is based on `run`.
///
/// # Errors
/// The tar writer's.
pub fn make(app: &RecordedApp, run: &MadeImage, base: &Base<'_>) -> std::io::Result<MadeImage> {
    let text =
        |path: &str, text: &str| RunLayer { files: [(path.to_owned(), text.to_owned())].into(), ..RunLayer::default() };
    let own = [
        text("layers/example_app/runtime/bin/serve", "the runtime\n"),
        text("workspace/main", "the app\n"),
        text("cnb/lifecycle/launcher", "the launcher\n"),
        text("layers/config/metadata.toml", "buildpack-default-process-type = 'web'\n"),
    ];
    let own: Vec<MadeLayer> = own.iter().map(run_image::layer).collect::<std::io::Result<_>>()?;
    let ids: Vec<Digest> = own.iter().map(|layer| Digest::of(&layer.tar)).collect();
    let config = config(app, run, base, &ids);
    let config = Document::new(config.to_string().into_bytes(), None);
    let layers: Vec<MadeLayer> = run.layers.iter().cloned().chain(own).collect();
    let manifest = manifest(app, &config, &layers, base);
    let manifest = Document::new(manifest.to_string().into_bytes(), Some(MediaType::ImageManifest.to_string()));
    Ok(MadeImage { layers, config, manifest, index: None, extension: None })
}

fn config(app: &RecordedApp, run: &MadeImage, base: &Base<'_>, own: &[Digest]) -> Value {
    let mut config: Value = serde_json::from_slice(&run.config.bytes).unwrap_or_default();
    let names = json!({
        "topLayer": run.diff_ids().last(), "reference": base.reference, "image": base.name, "mirrors": base.mirrors,
    });
    let lifecycle = json!({
        "app": [{ "sha": own[1] }], "config": { "sha": own[3] }, "launcher": { "sha": own[2] },
        "buildpacks": [{ "key": "example/app", "version": "1.0.0", "layers": {
            "runtime": { "sha": own[0], "build": false, "launch": true, "cache": false, "data": { "kept": "of the build" } },
        } }],
        "runImage": names,
    });
    let build = json!({ "buildpacks": [{ "id": "example/app", "version": "1.0.0" }], "processes": [
        { "type": "web", "command": ["serve"], "args": [], "direct": true, "buildpackID": "example/app" },
    ] });
    let mut labels = vec![
        (judge::view::LIFECYCLE, lifecycle.to_string()),
        ("io.buildpacks.build.metadata", build.to_string()),
        ("io.buildpacks.project.metadata", r#"{"source":{"type":"git"}}"#.to_owned()),
        ("com.example.of-the-build", "a label of a buildpack".to_owned()),
    ];
    if !app.rebasable.is_empty() {
        labels.push(("io.buildpacks.rebasable", app.rebasable.clone()));
    }
    for (key, value) in labels {
        config["config"]["Labels"][key] = json!(value);
    }
    config["config"]["Entrypoint"] = json!(["/cnb/process/web"]);
    config["config"]["WorkingDir"] = json!("/workspace");
    config["config"]["Env"] = json!([
        "PATH=/cnb/process:/cnb/lifecycle:/usr/local/bin:/usr/bin:/bin",
        "CNB_LAYERS_DIR=/layers",
        "CNB_APP_DIR=/workspace",
    ]);
    config["created"] = json!("1980-01-01T00:00:01Z");
    if let Some(ids) = config["rootfs"]["diff_ids"].as_array_mut() {
        ids.extend(own.iter().map(|id| json!(id)));
    }
    if let Some(history) = config.get_mut("history").and_then(Value::as_array_mut) {
        history.extend(own.iter().map(|_| json!({ "created": "1980-01-01T00:00:01Z", "created_by": "exporter" })));
    }
    config
}

/// Annotations of five of the RFC's keys and one of a buildpack's, with text that has to stay byte for byte.
fn manifest(app: &RecordedApp, config: &Document, layers: &[MadeLayer], base: &Base<'_>) -> Value {
    let mut manifest = run_image::manifest_of(ImageFormat::Oci, layers, config);
    if app.annotated {
        manifest["annotations"] = json!({
            ANNOTATION_BASE_IMAGE_NAME: base.name,
            ANNOTATION_BASE_IMAGE_DIGEST: base.digest,
            ANNOTATION_SOURCE: "https://git.example/team/app?a=1&b=<2>",
            ANNOTATION_REVISION: "0123456789abcdef0123456789abcdef01234567",
            ANNOTATION_TITLE: "Ein Näme \u{1f980} mit  Leerraum ",
            "com.example.buildpack/of.its.own": "{\"a\":\"\\u00e4\"}",
        });
    }
    manifest
}

#[cfg(test)]
mod tests {
    use super::super::RunImageFile;
    use super::*;

    #[test]
    fn it_stands_upon_the_run_image_and_its_documents_agree() {
        let run = run_image::make(&RunImageFile::default(), "").unwrap();
        let digest = run.manifest.digest.clone();
        let base = Base { name: "h.example/run:base", mirrors: &[], reference: "h.example/run@x", digest: &digest };
        let app = make(&RecordedApp::default(), &run, &base).unwrap();
        assert_eq!(&app.diff_ids()[..run.layers.len()], run.diff_ids());
        let config: Value = serde_json::from_slice(&app.config.bytes).unwrap();
        assert_eq!(config["rootfs"]["diff_ids"], json!(app.diff_ids()));
        assert_eq!(config["history"].as_array().unwrap().len(), app.layers.len());
        let manifest: Value = serde_json::from_slice(&app.manifest.bytes).unwrap();
        assert_eq!(manifest["config"]["digest"], json!(app.config.digest));
        assert_eq!(manifest["annotations"]["org.opencontainers.image.base.digest"], json!(digest));
        let plain = RecordedApp { annotated: false, rebasable: String::new() };
        let plain = make(&plain, &run, &base).unwrap();
        assert!(!plain.manifest.text().unwrap().contains("annotations"));
        assert!(!plain.config.text().unwrap().contains("rebasable"));
    }
}
