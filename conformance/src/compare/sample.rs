//! Exports made by hand, for tests of what compares them.

use judge::digest::Digest;
use judge::evidence::{Document, Export};
use serde_json::{Value, json};

/// An export to a registry.
pub(crate) fn export() -> Export {
    with_host("127.0.0.1:36025")
}

/// The same in a registry at another address.
pub(crate) fn with_host(host: &str) -> Export {
    made(host, "0.1")
}

/// The same by an exporter that writes another version into the label.
pub(crate) fn of_version(version: &str) -> Export {
    made("127.0.0.1:36025", version)
}

fn document(text: &str, content_type: Option<&str>) -> Value {
    serde_json::to_value(Document::new(text.as_bytes().to_vec(), content_type.map(str::to_owned))).unwrap()
}

fn made(host: &str, version: &str) -> Export {
    let none = Digest::of(b"").to_string();
    let run = format!("{host}/minimal/run@{none}");
    let label = json!({ "runImage": { "reference": run }, "launcher": { "version": version } }).to_string();
    let config = json!({ "config": { "Labels": { "io.buildpacks.lifecycle.metadata": label } } }).to_string();
    let id = Digest::of(config.as_bytes()).to_string();
    let manifest =
        json!({ "schemaVersion": 2, "config": { "digest": id, "size": config.len() }, "layers": [] }).to_string();
    let digest = Digest::of(manifest.as_bytes()).to_string();
    let tag = format!("{host}/minimal/app:latest");
    let report = format!("[image]\ntags = [\"{tag}\"]\ndigest = \"{digest}\"\nmanifest-size = {}\n", manifest.len());
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let inputs = json!({
        "argv": ["/exporter", tag], "environment": {}, "images": [tag], "layers": "/build/layers", "app": "/build/app",
        "analyzed": "", "group": "", "project_metadata": "", "report": "", "run": "", "launcher": "", "launcher_sbom": "",
        "layout_dir": null, "process_type": null, "source_date_epoch": null, "uid": 0, "gid": 0, "files": [],
        "expected_failure": null,
    });
    let run_image = json!({
        "name": format!("{host}/minimal/run:base"), "reference": run, "digest": none, "index": null,
        "manifest": document("{}", None), "config": document("{}", None), "sentinels": [], "extended": false,
        "tag_moved_to": null,
    });
    serde_json::from_value(json!({
        "id": "minimal/registry/1", "scenario": "minimal", "target": "registry", "service": "registry", "step": 1,
        "platform_api": "0.15", "inputs": inputs, "run_image": run_image,
        "outcome": {
            "end": { "how": "exited", "code": 0 }, "stdout": "", "stderr": "", "printed": 0, "started": 1_790_000_000,
            "milliseconds": 12,
        },
        "report": document(&report, None), "tags_before": {},
        "tags": [{ "reference": tag, "digest": digest, "status": 200, "content_type": media_type }],
        "image": { "manifest": document(&manifest, Some(media_type)), "config": document(&config, None), "layers": [] },
        "base": null, "daemon": null, "layout": null, "wire": null, "previous_after": null, "build_sboms": [],
        "troubles": [],
    }))
    .unwrap()
}
