//! What stores make of an image: tags, the report, a daemon's and a layout's view, and what is pushed.

use serde_json::{Value, json};

use super::image::{descriptor, made_up, manifest_value, oci, recompressed};
use crate::digest::Digest;
use crate::evidence::{
    Compression, DaemonFacts, Document, Export, Image, LayoutFacts, LayoutRoot, SavedFile, StoreKind, Tag, TagId,
    Target, WireRecord,
};

/// A classic daemon's view: no manifest, plain tars named by their diffID, and an image pushed to the registry.
pub(super) fn in_daemon(export: &mut Export) {
    let image = export.image.as_mut().expect("an image");
    let pushed = Image { manifest: image.manifest.take(), ..image.clone() };
    for layer in &mut image.layers {
        let blob = layer.blob.as_mut().expect("a blob");
        (blob.compression, blob.gzip) = (Compression::None, None);
        blob.digest = blob.diff_id.clone();
        layer.name = format!("{}.tar", blob.diff_id.encoded());
    }
    export.daemon = Some(DaemonFacts {
        store: StoreKind::Classic,
        engine: "20.10.24".to_owned(),
        inspect: None,
        tag_ids: Vec::new(),
        had_image: false,
        saved: Vec::new(),
        archive_manifest: None,
        archive_index: None,
        pushed: Some(pushed),
        push_problem: None,
        pulled_back: None,
        pull_problem: None,
        engine_end: None,
        ran: None,
    });
}

/// Makes what was pushed follow the image: the manifest that the registry was sent, and what a daemon pushed, as its
/// store does; and what was pulled back, where manifests are kept.
///
/// # Panics
/// When the export has no image or no config.
pub fn push(export: &mut Export) {
    let image = export.image.as_ref().expect("an image");
    for record in export.wire.iter_mut().flatten().filter(|record| record.manifest.is_some()) {
        put_again(record, image);
    }
    let Some(daemon) = &mut export.daemon else { return };
    let pushed = match daemon.store {
        StoreKind::Classic => {
            let layers = image.layers.clone();
            let manifest = oci(&manifest_value(image.config.as_ref().expect("a config"), &layers, json!({})));
            let mut pushed = recompressed(&Image { manifest: Some(manifest), layers, config: image.config.clone() });
            made_up(&mut pushed);
            pushed
        }
        StoreKind::Containerd => image.clone(),
        StoreKind::Podman => recompressed(image),
    };
    if daemon.store != StoreKind::Classic {
        daemon.pulled_back = Some(pushed.clone());
    }
    daemon.pushed = Some(pushed);
}

/// Makes a manifest that was put the image's.
fn put_again(record: &mut WireRecord, image: &Image) {
    let (Some(manifest), Some(sent)) = (&image.manifest, &mut record.manifest) else { return };
    sent.digest = manifest.digest.clone();
    let Ok(json) = serde_json::from_slice::<Value>(&manifest.bytes) else { return };
    sent.media_type = json["mediaType"].as_str().map(str::to_owned);
    if let (Some(sent), Some(own)) = (&mut record.content_type, json["mediaType"].as_str()) {
        own.clone_into(sent);
    }
}

/// Makes tags, report and stores agree with the image again.
///
/// # Panics
/// When the export has no image.
pub fn seal(export: &mut Export) {
    let image = export.image.as_ref().expect("an image");
    let image_id = image.config.as_ref().expect("a config").digest.to_string();
    let digest = image.manifest.as_ref().map(|manifest| manifest.digest.to_string());
    let size = image.manifest.as_ref().map(|manifest| manifest.bytes.len());
    let names = export.inputs.images.clone();
    let seen = digest.clone().unwrap_or_else(|| image_id.clone());
    let content_type = image.manifest.as_ref().and_then(|manifest| manifest.content_type.clone());
    export.tags = names
        .iter()
        .map(|name| Tag {
            reference: name.clone(),
            digest: Some(seen.clone()),
            status: if export.target == Target::Registry { 200 } else { 0 },
            content_type: content_type.clone().filter(|_| export.target == Target::Registry),
        })
        .collect();
    let list = names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(",");
    let label = crate::view::lifecycle_label(image);
    let of_label = |key| label.as_ref().and_then(|label| label.at(&["runImage", key])?.as_str().map(str::to_owned));
    let (reference, top) = (of_label("reference"), of_label("topLayer").unwrap_or_default());
    let served = digest.zip(size).map(|(digest, size)| format!("digest='{digest}'\nmanifest-size={size}\n"));
    let report = format!(
        "[image]\ntags=[{list}]\nimage-id='{image_id}'\n{}[image.run-image]\nimage='host.example/run:base'\n\
         reference='{}'\ntop-layer='{top}'\nmirrors=['mirror.example/run:base']\n",
        served.unwrap_or_default(),
        reference.unwrap_or_default()
    );
    export.report = Some(Document::new(report.into_bytes(), None));
    seal_stores(export, &names, &image_id);
}

fn seal_stores(export: &mut Export, names: &[String], image_id: &str) {
    let Some(image) = &export.image else { return };
    if let Some(daemon) = &mut export.daemon {
        daemon.tag_ids =
            names.iter().map(|name| TagId { reference: name.clone(), id: Some(image_id.to_owned()) }).collect();
        let blobs = image.layers.iter().filter_map(|layer| Some((layer, layer.blob.as_ref()?)));
        daemon.saved = blobs
            .map(|(layer, blob)| SavedFile { path: layer.name.clone(), size: blob.size, digest: blob.digest.clone() })
            .collect();
        let layers: Vec<&String> = image.layers.iter().map(|layer| &layer.name).collect();
        let list = json!([{ "Config": "config.json", "RepoTags": names, "Layers": layers }]);
        daemon.archive_manifest = Some(Document::new(list.to_string().into_bytes(), None));
    }
    if export.target == Target::Layout {
        let manifest = image.manifest.clone().expect("a manifest");
        let config = image.config.clone().expect("a config");
        let saved = |digest: &Digest, size: usize| SavedFile {
            path: format!("blobs/sha256/{}", digest.encoded()),
            size: size as u64,
            digest: digest.clone(),
        };
        let mut blobs = vec![saved(&manifest.digest, manifest.bytes.len()), saved(&config.digest, config.bytes.len())];
        blobs.extend(
            image
                .layers
                .iter()
                .filter_map(|layer| layer.blob.as_ref())
                .map(|blob| SavedFile { size: blob.size, ..saved(&blob.digest, 0) }),
        );
        let mut entry = descriptor(
            "application/vnd.oci.image.manifest.v1+json",
            manifest.digest.as_str(),
            manifest.bytes.len() as u64,
        );
        entry["platform"] = json!({ "architecture": "amd64", "os": "linux" });
        entry["annotations"] = json!({ "org.opencontainers.image.ref.name": "latest" });
        let kind = "application/vnd.oci.image.index.v1+json";
        let index = json!({ "schemaVersion": 2, "mediaType": kind, "manifests": [entry] });
        let index = Document::new(index.to_string().into_bytes(), None);
        let roots: Vec<LayoutRoot> = names
            .iter()
            .map(|name| LayoutRoot {
                reference: name.clone(),
                path: name.replace(':', "/"),
                present: true,
                oci_layout: Some(Document::new(br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec(), None)),
                index: Some(index.clone()),
                unread: Vec::new(),
                loose: Some(Vec::new()),
                blobs: blobs.clone(),
            })
            .collect();
        export.layout = Some(LayoutFacts { folders: roots.iter().map(|root| root.path.clone()).collect(), roots });
    }
}
