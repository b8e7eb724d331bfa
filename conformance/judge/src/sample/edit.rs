//! Changes of one thing, with everything that follows from it made true again.

use serde_json::{Value, json};

use super::build::fact;
use super::image::{diff_ids, layer, manifest_value, oci, value};
use super::stores::seal;
use crate::evidence::{Document, Entry, Export, Layer};

/// Changes the manifest; tags, report and layout follow.
///
/// # Panics
/// When there is no manifest.
pub fn edit_manifest(export: &mut Export, edit: impl FnOnce(&mut Value)) {
    let image = export.image.as_mut().expect("an image");
    let mut manifest = value(image.manifest.as_ref());
    edit(&mut manifest);
    image.manifest = Some(oci(&manifest));
    seal(export);
}

/// Changes an annotation, or takes it away.
///
/// # Panics
/// When there is no manifest.
pub fn annotate(export: &mut Export, key: &str, text: Option<&str>) {
    edit_manifest(export, |manifest| {
        let map = manifest["annotations"].as_object_mut().expect("annotations");
        match text {
            Some(text) => map.insert(key.to_owned(), json!(text)),
            None => map.shift_remove(key),
        };
    });
}

/// Changes a document alone; what follows from it stays.
///
/// # Panics
/// When there is none, or it is not JSON.
pub fn edit_document(document: &mut Option<Document>, edit: impl FnOnce(&mut Value)) {
    let mut edited = value(document.as_ref());
    edit(&mut edited);
    *document = Some(Document::new(edited.to_string().into_bytes(), None));
}

/// Changes the config; the manifest's descriptor and all that follows too.
///
/// # Panics
/// When there is no config.
pub fn edit_config(export: &mut Export, edit: impl FnOnce(&mut Value)) {
    let image = export.image.as_mut().expect("an image");
    let mut config = value(image.config.as_ref());
    edit(&mut config);
    set_config(export, Document::new(config.to_string().into_bytes(), None));
}

/// Puts another config in place.
///
/// # Panics
/// When the export has no image.
pub fn set_config(export: &mut Export, config: Document) {
    let image = export.image.as_mut().expect("an image");
    if image.manifest.is_some() {
        let mut manifest = value(image.manifest.as_ref());
        manifest["config"]["digest"] = json!(config.digest);
        manifest["config"]["size"] = json!(config.bytes.len());
        image.manifest = Some(oci(&manifest));
    }
    image.config = Some(config);
    seal(export);
}

/// Changes a label that holds JSON.
///
/// # Panics
/// When there is no such label.
pub fn edit_label(export: &mut Export, key: &str, edit: impl FnOnce(&mut Value)) {
    edit_config(export, |config| {
        let label = &mut config["config"]["Labels"][key];
        let mut inner: Value = serde_json::from_str(label.as_str().expect("a label")).expect("JSON");
        edit(&mut inner);
        *label = json!(inner.to_string());
    });
}

/// Changes the layers that the exporter added; config, manifest and all that follows too. The lifecycle's label keeps
/// what it says.
///
/// # Panics
/// When the export has no image.
pub fn edit_layers(export: &mut Export, edit: impl FnOnce(&mut Vec<Layer>)) {
    let image = export.image.as_mut().expect("an image");
    let mut own = image.layers.split_off(2);
    edit(&mut own);
    image.layers.extend(own);
    let layers = image.layers.clone();
    if image.manifest.is_some() {
        let annotations = value(image.manifest.as_ref())["annotations"].clone();
        let config = image.config.clone().expect("a config");
        image.manifest = Some(oci(&manifest_value(&config, &layers, annotations)));
    }
    edit_config(export, |config| {
        let history = config["history"][0].clone();
        config["rootfs"]["diff_ids"] = json!(diff_ids(&layers));
        config["history"] = Value::Array(layers.iter().map(|_| history.clone()).collect());
    });
}

/// Changes the entries of one of the exporter's layers, by its place in [`own_layers`].
pub fn edit_entries(export: &mut Export, index: usize, edit: impl FnOnce(&mut Vec<Entry>)) {
    edit_layers(export, |own| {
        let mut entries = own[index].blob.take().map(|blob| blob.entries).unwrap_or_default();
        edit(&mut entries);
        own[index] = layer("edited", entries);
    });
}

/// Changes the text of an input file.
///
/// # Panics
/// When there is no such file.
pub fn edit_input(export: &mut Export, path: &str, text: &str) {
    let found = export.inputs.files.iter_mut().find(|file| file.path == path).expect("an input file");
    *found = fact(path, text);
}

/// Changes the report's text.
///
/// # Panics
/// When there is no report.
pub fn edit_report(export: &mut Export, from: &str, to: &str) {
    let text = export.report.as_ref().and_then(Document::text).expect("a report").to_owned();
    assert!(text.contains(from), "{from} in {text}");
    export.report = Some(Document::new(text.replace(from, to).into_bytes(), None));
}

/// Replaces text in the manifest's bytes, once; all that follows from the manifest too.
///
/// # Panics
/// When the text is not there.
pub fn raw_manifest(export: &mut Export, from: &str, to: &str) {
    let image = export.image.as_mut().expect("an image");
    let manifest = image.manifest.as_ref().expect("a manifest");
    let text = manifest.text().expect("text");
    assert!(text.contains(from), "{from} in {text}");
    image.manifest = Some(Document::new(text.replacen(from, to, 1).into_bytes(), manifest.content_type.clone()));
    seal(export);
}

/// Replaces text in the config's bytes, once; all that follows from the config too.
///
/// # Panics
/// When the text is not there.
pub fn raw_config(export: &mut Export, from: &str, to: &str) {
    let config = export.image.as_ref().and_then(|image| image.config.clone()).expect("a config");
    let text = config.text().expect("text");
    assert!(text.contains(from), "{from} in {text}");
    set_config(export, Document::new(text.replacen(from, to, 1).into_bytes(), None));
}

/// Gives the export one more `<image>`, of the same name with the tag `2`.
pub fn one_more_tag(export: &mut Export) {
    let name = export.inputs.images[0].replace(":latest", ":2");
    export.inputs.argv.push(name.clone());
    export.tags_before.insert(name.clone(), None);
    export.inputs.images.push(name);
    seal(export);
}
