//! An app image as another exporter may have left it: layers packed by another program, labels in another order,
//! fields, labels and annotations of a vendor. A build finds it as its previous image, and has the layers to re-use
//! from it alone.

use std::io::Write as _;

use flate2::{Compression, GzBuilder};
use judge::digest::Digest;
use judge::evidence::{Document, PreviousImage};
use oci_spec::image::MediaType;
use serde_json::{Value, json};

use super::run_image::{self, MadeImage, MadeLayer};
use super::{ImageFormat, LayerCompression, OtherLabel, OtherLayer, OtherPrevious};

/// Where the build has its folders, and who owns what is in them.
pub struct Place<'a> {
    /// `<layers>`, as the exporter sees it.
    pub layers: &'a str,
    /// `<app>`, likewise.
    pub app: &'a str,
    /// User and group.
    pub owner: (u32, u32),
}

/// Values that are nowhere else: what has one of them has taken it from this image.
const OF_ANOTHER: [&str; 6] = [
    "left-by-another-exporter as an annotation",
    "left-by-another-exporter as a title",
    "left-by-another-exporter as a label",
    "left-by-another-exporter in the label of the lifecycle",
    "left-by-another-exporter as data of the layer",
    "left-by-another-exporter as a variable",
];

/// Makes the previous image that is based on `run`.
///
/// # Errors
/// The tar writer's.
pub fn make(file: &OtherPrevious, run: &MadeImage, place: &Place<'_>) -> std::io::Result<MadeImage> {
    let pack = |folder: &str, files: &[(&str, &str)], compression| layer(folder, files, compression, place.owner);
    let mut own = vec![
        pack("/cnb/lifecycle", &[("launcher", "another launcher\n")], LayerCompression::Gzip)?,
        pack(&format!("{}/config", place.layers), &[("metadata.toml", "[[processes]]\n")], LayerCompression::Gzip)?,
        pack(place.app, &[("main", "another version of the app\n")], LayerCompression::Gzip)?,
    ];
    for one in &file.layers {
        let folder = format!("{}/{}/{}", place.layers, one.buildpack.replace('/', "_"), one.name);
        let files: Vec<(&str, &str)> = one.files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        own.push(pack(&folder, &files, one.compression)?);
    }
    let ids: Vec<Digest> = own.iter().map(|layer| Digest::of(&layer.tar)).collect();
    let config = Document::new(config(file, run, &ids).to_string().into_bytes(), None);
    let layers: Vec<MadeLayer> = run.layers.iter().cloned().chain(own).collect();
    let mut manifest = run_image::manifest_of(file.format, &layers, &config);
    manifest["annotations"] = json!({
        "com.example.vendor.trace": OF_ANOTHER[0],
        "org.opencontainers.image.title": OF_ANOTHER[1],
    });
    let media_type = match file.format {
        ImageFormat::Oci => MediaType::ImageManifest.to_string(),
        ImageFormat::DockerSchema2 => manifest["mediaType"].as_str().unwrap_or_default().to_owned(),
    };
    let manifest = Document::new(manifest.to_string().into_bytes(), Some(media_type));
    Ok(MadeImage { layers, config, manifest, index: None, extension: None })
}

/// What evidence keeps of it.
#[must_use]
pub fn facts(image: &MadeImage) -> PreviousImage {
    let documents = [&image.manifest, &image.config];
    let is_there = |value: &&str| documents.iter().any(|one| one.text().is_some_and(|text| text.contains(*value)));
    PreviousImage {
        manifest: image.manifest.clone(),
        config: image.config.clone(),
        sentinels: OF_ANOTHER.into_iter().filter(is_there).map(str::to_owned).collect(),
    }
}

/// A layer of a folder and its files, packed as another program packs them.
fn layer(
    folder: &str,
    files: &[(&str, &str)],
    compression: LayerCompression,
    (uid, gid): (u32, u32),
) -> std::io::Result<MadeLayer> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut put = |path: String, text: Option<&str>| {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(if text.is_some() { tar::EntryType::Regular } else { tar::EntryType::Directory });
        header.set_mode(if text.is_some() { 0o644 } else { 0o755 });
        header.set_mtime(1);
        header.set_uid(uid.into());
        header.set_gid(gid.into());
        header.set_size(text.map_or(0, str::len) as u64);
        builder.append_data(&mut header, path, text.unwrap_or_default().as_bytes())
    };
    let folder = folder.trim_start_matches('/');
    put(format!("{folder}/"), None)?;
    let mut made: Vec<&str> = Vec::new();
    for (path, text) in files {
        let mut above: Vec<&str> = path.match_indices('/').map(|(at, _)| &path[..at]).collect();
        above.retain(|parent| !made.contains(parent));
        for parent in above {
            put(format!("{folder}/{parent}/"), None)?;
            made.push(parent);
        }
        put(format!("{folder}/{path}"), Some(text))?;
    }
    let tar = builder.into_inner()?;
    let blob = match compression {
        LayerCompression::Gzip => {
            let mut encoder = GzBuilder::new().filename("layer.tar").mtime(1).write(Vec::new(), Compression::best());
            encoder.write_all(&tar)?;
            encoder.finish()?
        }
        LayerCompression::Zstd => zstd::encode_all(tar.as_slice(), 5)?,
        LayerCompression::None => tar.clone(),
    };
    Ok(MadeLayer { blob, tar, annotations: std::collections::BTreeMap::new(), compression })
}

/// The label's members come in another order than the specification has them, with those of a vendor among them.
fn label(file: &OtherPrevious, run: &MadeImage, ids: &[Digest]) -> Value {
    let mut buildpacks: Vec<Value> = Vec::new();
    for (one, id) in file.layers.iter().zip(&ids[3..]) {
        let entry = of(one, id);
        match buildpacks.iter_mut().find(|known| known["key"] == json!(one.buildpack)) {
            Some(known) => known["layers"][&one.name] = entry,
            None => buildpacks.push(json!({
                "version": "0.9.0", "layers": { one.name.clone(): entry }, "key": one.buildpack,
            })),
        }
    }
    json!({
        "vendor": { "trace": OF_ANOTHER[3], "format": 3 },
        "runImage": { "mirrors": [], "topLayer": run.diff_ids().last(), "reference": "run@before" },
        "launcher": { "vendor": OF_ANOTHER[3], "sha": ids[0] },
        "config": { "sha": ids[1] },
        "buildpacks": buildpacks,
        "app": [{ "sha": ids[2], "vendor": OF_ANOTHER[3] }],
    })
}

fn of(layer: &OtherLayer, id: &Digest) -> Value {
    json!({
        "vendor": { "packed-by": "another program", "files": layer.files.len() },
        "launch": true, "cache": false, "build": false, "sha": id,
        "data": { "of-another": OF_ANOTHER[4] },
    })
}

fn config(file: &OtherPrevious, run: &MadeImage, ids: &[Digest]) -> Value {
    let mut config: Value = serde_json::from_slice(&run.config.bytes).unwrap_or_default();
    let labels = &mut config["config"]["Labels"];
    let text = match file.lifecycle_label {
        OtherLabel::OfItsLayers => Some(label(file, run, ids).to_string()),
        OtherLabel::Missing => None,
        OtherLabel::Empty => Some(String::new()),
        OtherLabel::NotJson => Some(format!("{}: a note of a person", OF_ANOTHER[3])),
        OtherLabel::NotAnObject => Some(json!([{ "app": OF_ANOTHER[3] }]).to_string()),
    };
    if let Some(text) = text {
        labels[judge::view::LIFECYCLE] = json!(text);
        labels["io.buildpacks.build.metadata"] =
            json!(r#"{"processes":[],"buildpacks":[],"launcher":{"version":"9"}}"#);
        labels["io.buildpacks.project.metadata"] = json!("{}");
    }
    labels["com.example.vendor.label"] = json!(OF_ANOTHER[2]);
    config["config"]["Entrypoint"] = json!(["/cnb/process/another"]);
    config["config"]["WorkingDir"] = json!("/another");
    config["config"]["Env"] = json!(["PATH=/usr/bin:/bin", format!("VENDOR_TRACE={}", OF_ANOTHER[5])]);
    config["created"] = json!("1990-01-01T00:00:01Z");
    if let Some(diff_ids) = config["rootfs"]["diff_ids"].as_array_mut() {
        diff_ids.extend(ids.iter().map(|id| json!(id)));
    }
    if let Some(history) = config.get_mut("history").and_then(Value::as_array_mut) {
        history.extend(ids.iter().map(|_| json!({ "created_by": "another exporter" })));
    }
    config
}

#[cfg(test)]
mod tests {
    use super::super::RunImageFile;
    use super::*;

    #[test]
    fn its_label_names_its_layers_and_every_sentinel_is_in_it() {
        let run = run_image::make(&RunImageFile::default(), "").unwrap();
        let text = "format = 'docker-schema2'\n[[layers]]\nbuildpack = 'a/b'\nname = 'one'\nfiles = { 'bin/x' = 'x' }\n\
                    [[layers]]\nbuildpack = 'a/b'\nname = 'two'\ncompression = 'zstd'\n";
        let place = Place { layers: "/layers", app: "/workspace", owner: (7, 8) };
        let image = make(&toml::from_str(text).unwrap(), &run, &place).unwrap();
        let config: Value = serde_json::from_slice(&image.config.bytes).unwrap();
        assert_eq!(config["rootfs"]["diff_ids"], json!(image.diff_ids()));
        let label = config["config"]["Labels"]["io.buildpacks.lifecycle.metadata"].as_str().unwrap();
        let label: Value = serde_json::from_str(label).unwrap();
        let ids = image.diff_ids();
        assert_eq!(label["buildpacks"][0]["layers"]["one"]["sha"], json!(ids[ids.len() - 2]));
        assert_eq!(label["buildpacks"][0]["layers"]["two"]["sha"], json!(ids[ids.len() - 1]));
        let mut archive = tar::Archive::new(image.layers[image.layers.len() - 2].tar.as_slice());
        let names: Vec<String> =
            archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect();
        assert_eq!(names, ["layers/a_b/one/", "layers/a_b/one/bin/", "layers/a_b/one/bin/x"]);
        let all = [image.manifest.text().unwrap(), image.config.text().unwrap()].concat();
        for sentinel in facts(&image).sentinels {
            assert!(all.contains(&sentinel), "{sentinel}");
        }
        assert!(image.manifest.content_type.as_deref().unwrap().contains("docker"));
    }

    #[test]
    fn an_image_of_no_build_has_no_label_that_names_layers() {
        let run = run_image::make(&RunImageFile::default(), "").unwrap();
        let place = Place { layers: "/layers", app: "/workspace", owner: (7, 8) };
        let made = |label: &str| {
            let image = make(&toml::from_str(&format!("lifecycle-label = '{label}'")).unwrap(), &run, &place).unwrap();
            let config: Value = serde_json::from_slice(&image.config.bytes).unwrap();
            (config["config"]["Labels"].clone(), facts(&image).sentinels.len())
        };
        let (labels, sentinels) = made("missing");
        assert!(labels.as_object().unwrap().keys().all(|name| !name.starts_with("io.buildpacks.")), "{labels}");
        assert_eq!((labels["com.example.vendor.label"].as_str(), sentinels), (Some(OF_ANOTHER[2]), 4));
        assert_eq!(made("empty").0[judge::view::LIFECYCLE], "");
        for label in ["not-json", "not-an-object"] {
            let (labels, sentinels) = made(label);
            let text = labels[judge::view::LIFECYCLE].as_str().unwrap();
            assert!(!serde_json::from_str::<Value>(text).is_ok_and(|json| json.is_object()), "{text}");
            assert_eq!(sentinels, 5);
        }
    }
}
