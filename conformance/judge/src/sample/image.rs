//! The images of the sample, run image and app image: layers, configs, manifests.

use serde_json::{Value, json};

use super::build::METADATA;
use crate::digest::Digest;
use crate::evidence::{
    Blob, Compression, Document, Entry, EntryFacts, EntryKind, GzipHeader, Image, Layer, Listing, RunImage, Target,
};

const MTIME: i64 = 315_532_801;

fn entry(path: &str, kind: EntryKind, mode: u32, text: &str, link: Option<&str>) -> Entry {
    let is_file = kind == EntryKind::File;
    Entry {
        path: path.to_owned(),
        kind,
        mode,
        uid: 1000,
        gid: 1000,
        size: if is_file { text.len() as u64 } else { 0 },
        mtime: MTIME,
        link: link.map(str::to_owned),
        content: is_file.then(|| Digest::of(text.as_bytes())),
        text: (is_file && path.ends_with("/config/metadata.toml")).then(|| text.to_owned()),
        more: EntryFacts::default(),
    }
}

pub(super) fn file(path: &str, text: &str) -> Entry {
    entry(path, EntryKind::File, 0o644, text, None)
}

fn folder(path: &str) -> Entry {
    entry(path, EntryKind::Directory, 0o755, "", None)
}

/// A layer whose bytes are made up: its digests are those of its name and of its listing.
#[must_use]
pub fn layer(name: &str, entries: impl Into<Listing>) -> Layer {
    let entries = entries.into();
    let tar = format!("{name} {:?}", *entries);
    let digest = Digest::of(format!("gzip {tar}").as_bytes());
    let blob = Blob {
        digest: digest.clone(),
        named: None,
        size: tar.len() as u64,
        compression: Compression::Gzip,
        gzip: Some(GzipHeader::default()),
        diff_id: Digest::of(tar.as_bytes()),
        uncompressed_size: tar.len() as u64,
        entries,
        unlisted: None,
    };
    Layer { blob: Some(blob), ..Layer::named(digest.to_string()) }
}

pub(super) fn base_layers() -> Vec<Layer> {
    vec![layer("base", vec![file("/etc/os-release", "ID=x")]), layer("base-two", vec![file("/usr/base", "x")])]
}

/// The layers that the exporter adds, in order.
#[must_use]
pub fn own_layers() -> Vec<Layer> {
    let launcher = Entry { uid: 0, gid: 0, mode: 0o755, ..file("/cnb/lifecycle/launcher", "launcher") };
    let process = entry("/cnb/process/web", EntryKind::Symlink, 0o777, "", Some("/cnb/lifecycle/launcher"));
    vec![
        layer("runtime", vec![folder("/layers/a_one/runtime"), file("/layers/a_one/runtime/bin", "runtime")]),
        layer(
            "sbom",
            vec![
                file("/layers/sbom/launch/a_one/sbom.cdx.json", "{}"),
                file("/layers/sbom/launch/buildpacksio_lifecycle/launcher/sbom.cdx.json", "{\"l\":1}"),
            ],
        ),
        layer("slice", vec![folder("/workspace"), file("/workspace/static/a.css", "css")]),
        layer("app", vec![folder("/workspace"), file("/workspace/main", "main")]),
        layer("launcher", vec![folder("/cnb"), launcher]),
        layer("config", vec![file("/layers/config/metadata.toml", METADATA)]),
        layer("processes", vec![process]),
    ]
}

pub(super) fn diff_ids(layers: &[Layer]) -> Vec<Digest> {
    layers.iter().filter_map(|layer| layer.blob.as_ref().map(|blob| blob.diff_id.clone())).collect()
}

fn run_labels() -> Value {
    json!({ "org.opencontainers.image.version": "sentinel-label-version", "base": "sentinel-label-base" })
}

pub(super) fn run_config() -> Value {
    json!({
        "architecture": "amd64", "os": "linux", "os.version": "6.1", "created": "1970-01-01T00:00:01Z",
        "config": {
            "User": "1000", "Env": ["PATH=/usr/bin:/bin", "LANG=C"], "Labels": run_labels(),
            "ExposedPorts": { "80/tcp": {} }, "Volumes": { "/data": {} }, "StopSignal": "SIGQUIT",
        },
        "rootfs": { "type": "layers", "diff_ids": diff_ids(&base_layers()) },
        "history": [{ "created_by": "x" }, { "created_by": "y" }],
    })
}

pub(super) fn descriptor(media_type: &str, digest: &str, size: u64) -> Value {
    json!({ "mediaType": media_type, "digest": digest, "size": size })
}

pub(super) fn manifest_value(config: &Document, layers: &[Layer], annotations: Value) -> Value {
    let size = |layer: &Layer| layer.blob.as_ref().map_or(0, |blob| blob.size);
    let layer_type = "application/vnd.oci.image.layer.v1.tar+gzip";
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("application/vnd.oci.image.config.v1+json", config.digest.as_str(), config.bytes.len() as u64),
        "layers": layers.iter().map(|layer| descriptor(layer_type, &layer.name, size(layer))).collect::<Vec<_>>(),
    });
    manifest["annotations"] = annotations;
    manifest
}

pub(super) fn oci(value: &Value) -> Document {
    let media_type = value["mediaType"].as_str().map(str::to_owned);
    Document::new(value.to_string().into_bytes(), media_type)
}

pub(super) fn value(document: Option<&Document>) -> Value {
    serde_json::from_slice(&document.expect("a document").bytes).expect("JSON")
}

pub(super) fn run_image(target: Target) -> RunImage {
    let config = Document::new(run_config().to_string().into_bytes(), None);
    let annotations =
        json!({ "org.opencontainers.image.title": "sentinel-annotation-title", "x.y": "sentinel-annotation" });
    let manifest = oci(&manifest_value(&config, &base_layers(), annotations));
    let reference = match target {
        Target::Registry => format!("host.example/run@{}", manifest.digest),
        Target::Daemon => config.digest.to_string(),
        Target::Layout => format!("/layout/run.example/run@{}", manifest.digest),
    };
    let sentinels =
        ["sentinel-label-version", "sentinel-label-base", "sentinel-annotation-title", "sentinel-annotation"];
    RunImage {
        name: "host.example/run:base".to_owned(),
        reference,
        digest: manifest.digest.clone(),
        index: None,
        manifest,
        config,
        sentinels: sentinels.map(str::to_owned).to_vec(),
        extension: None,
        tag_moved_to: None,
        in_daemon: None,
    }
}

fn lifecycle_label(target: Target, run: &RunImage, own: &[Layer]) -> Value {
    let ids = diff_ids(own);
    let reference = match target {
        Target::Layout => format!("host.example/run@{}", run.digest),
        _ => run.reference.clone(),
    };
    let names = json!({
        "image": "host.example/run:base", "mirrors": ["mirror.example/run:base"],
        "topLayer": diff_ids(&base_layers())[1], "reference": reference,
    });
    json!({
        "app": [{ "sha": ids[2] }, { "sha": ids[3] }], "sbom": { "sha": ids[1] }, "config": { "sha": ids[5] },
        "launcher": { "sha": ids[4] },
        "buildpacks": [
            {
                "key": "a/one", "version": "1", "store": { "metadata": { "kept": "store-sentinel" } },
                "layers": { "runtime": { "sha": ids[0], "launch": true, "build": false, "cache": true, "data": { "v": "1" } } },
            },
            { "key": "b", "version": "2", "layers": {} },
        ],
        "runImage": names, "stack": { "runImage": names },
    })
}

pub(super) fn config_value(target: Target, run: &RunImage, own: &[Layer]) -> Value {
    let mut config = run_config();
    let labels = config["config"]["Labels"].as_object_mut().expect("labels");
    let build = json!({
        "processes": [{ "type": "web", "command": ["serve"], "args": ["-v"], "direct": false, "buildpackID": "b" }],
        "buildpacks": [
            { "id": "a/one", "version": "1", "api": "0.10" }, { "id": "b", "version": "2", "api": "0.10" },
        ],
        "launcher": { "version": "1" },
    });
    let project = json!({ "source": { "type": "git", "version": { "commit": "c0ffee" }, "metadata": {
        "repository": "https://git.example/app", "authors": "Ada", "version": "1.2",
        "documentation-url": "https://docs.example", "name": "Näme", "licenses": "Apache-2.0",
    } } });
    for (key, value) in [
        ("io.buildpacks.lifecycle.metadata", lifecycle_label(target, run, own).to_string()),
        ("io.buildpacks.build.metadata", build.to_string()),
        ("io.buildpacks.project.metadata", project.to_string()),
        ("io.buildpacks.rebasable", "false".to_owned()),
        ("k", "2".to_owned()),
    ] {
        labels.insert(key.to_owned(), json!(value));
    }
    config["config"]["Env"] =
        json!(["LANG=C", "CNB_LAYERS_DIR=/layers", "CNB_APP_DIR=/workspace", "PATH=/cnb/process:/usr/bin:/bin",]);
    config["config"]["Entrypoint"] = json!(["/cnb/process/web"]);
    config["config"]["WorkingDir"] = json!("/workspace");
    config["created"] = json!("1980-01-01T00:00:01Z");
    for id in diff_ids(own) {
        config["rootfs"]["diff_ids"].as_array_mut().expect("diff_ids").push(json!(id));
        config["history"].as_array_mut().expect("history").push(json!({ "created_by": "exporter" }));
    }
    config
}

pub(super) fn annotations(run: &RunImage) -> Value {
    let values = [
        ("base.name", run.name.as_str()),
        ("base.digest", run.digest.as_str()),
        ("source", "https://git.example/app"),
        ("revision", "c0ffee"),
        ("authors", "Ada"),
        ("version", "1.2"),
        ("documentation", "https://docs.example"),
        ("title", "Näme"),
        ("licenses", "Apache-2.0"),
    ];
    values.into_iter().map(|(key, value)| (format!("org.opencontainers.image.{key}"), json!(value))).collect()
}

/// Makes the manifest one that a daemon makes up for what came without: Docker schema 2, no annotations.
///
/// # Panics
/// When there is no manifest.
pub fn made_up(image: &mut Image) {
    let mut manifest = value(image.manifest.as_ref());
    manifest["mediaType"] = json!("application/vnd.docker.distribution.manifest.v2+json");
    manifest["config"]["mediaType"] = json!("application/vnd.docker.container.image.v1+json");
    for layer in manifest["layers"].as_array_mut().expect("layers") {
        layer["mediaType"] = json!("application/vnd.docker.image.rootfs.diff.tar.gzip");
    }
    manifest.as_object_mut().expect("a manifest").shift_remove("annotations");
    image.manifest = Some(oci(&manifest));
}

/// The same image with layers compressed once more, and the manifest that follows.
///
/// # Panics
/// When there is no manifest, or a layer has no blob.
#[must_use]
pub fn recompressed(image: &Image) -> Image {
    let mut image = image.clone();
    let mut manifest = value(image.manifest.as_ref());
    for (index, layer) in image.layers.iter_mut().enumerate() {
        let blob = layer.blob.as_mut().expect("a blob");
        blob.digest = Digest::of(format!("again {}", blob.digest).as_bytes());
        blob.size += 1;
        layer.name = blob.digest.to_string();
        manifest["layers"][index]["digest"] = json!(blob.digest);
        manifest["layers"][index]["size"] = json!(blob.size);
    }
    image.manifest = Some(oci(&manifest));
    image
}
