//! A run image that image extensions extended (`cnb-platform.md`, extender and exporter): `<extended>/run` holds one
//! OCI layout with manifest, config and the new layers of the image that the app image is based on.

use std::path::{Path, PathBuf};

use super::ExportError;
use crate::cli::Options;
use crate::image;
use crate::layer::Ready;
use crate::target::layout::{blob, only_image};
use crate::target::{Platform, StoredImage, TargetError};

/// An extended run image.
pub(super) struct Extended {
    /// Config and layers, those of the run image first.
    pub(super) image: StoredImage,
    /// The layers that extensions added, from the bottom.
    pub(super) layers: Vec<Ready>,
}

impl Extended {
    /// Reads what the extender left, and sees that it stands upon the run image.
    pub(super) fn read(options: &Options, platform: &Platform, run_image: &StoredImage) -> Result<Self, ExportError> {
        let folder = only_folder(&options.extended.join("run"), &options.analyzed)?;
        let image = only_image(&folder, platform).map_err(TargetError::from)?;
        let wrong = |reason: &str| ExportError::NoExtension { folder: folder.clone(), reason: reason.to_owned() };
        image.check().map_err(|reason| wrong(&format!("it {reason}")))?;
        let (own, all) = (image::diff_ids(&run_image.config), image::diff_ids(&image.config));
        if !all.starts_with(&own) {
            return Err(wrong("its first layers are not those of the run image that the analyzer found"));
        }
        if all.len() != image.layers.len() {
            return Err(wrong("its config names other layers than its manifest"));
        }
        let new = all.into_iter().zip(&image.layers).skip(own.len());
        let layers = new.map(|(diff_id, descriptor)| Ready {
            path: blob(&folder, &descriptor.digest),
            descriptor: descriptor.clone(),
            diff_id,
        });
        Ok(Self { layers: layers.collect(), image })
    }
}

/// The one folder that the extender made.
fn only_folder(run: &Path, analyzed: &Path) -> Result<PathBuf, ExportError> {
    let none =
        |reason: String| ExportError::NotExtended { run: run.to_path_buf(), analyzed: analyzed.to_path_buf(), reason };
    let entries = std::fs::read_dir(run).map_err(|error| none(error.to_string()))?;
    let mut folders = Vec::new();
    for entry in entries {
        folders.push(entry.map_err(|error| none(error.to_string()))?.path());
    }
    match folders.as_slice() {
        [folder] => Ok(folder.clone()),
        others => Err(none(format!("it holds {} images and has to hold one", others.len()))),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use serde_json::{Value, json};

    use super::*;
    use crate::cli::{self, Environment};
    use crate::digest::{DiffId, Digest};
    use crate::image::{CONFIG, Descriptor, LAYER, MANIFEST};

    fn options(folder: &Path) -> Options {
        let words = [format!("-extended={}", folder.display()), "app".to_owned()];
        cli::read(words.map(OsString::from), &Environment::new()).unwrap()
    }

    fn descriptor(media_type: &str, bytes: &[u8]) -> Descriptor {
        Descriptor {
            media_type: media_type.to_owned(),
            digest: Digest::of(bytes),
            size: bytes.len() as u64,
            urls: Vec::new(),
            annotations: std::collections::BTreeMap::new(),
        }
    }

    fn of(layers: &[&str]) -> StoredImage {
        let ids: Vec<DiffId> = layers.iter().map(|name| DiffId::of_tar(Digest::of(name.as_bytes()))).collect();
        let config = json!({ "os": "linux", "architecture": "amd64", "rootfs": { "type": "layers", "diff_ids": ids } });
        let layers = layers.iter().map(|name| descriptor(LAYER, name.as_bytes())).collect();
        StoredImage { config, layers, notes: Vec::new() }
    }

    /// What the extender leaves of an image of these layers.
    fn leave(folder: &Path, name: &str, layers: &[&str]) {
        let image = of(layers);
        let config = image.config.to_string().into_bytes();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor(CONFIG, &config), "layers": image.layers,
        });
        let manifest = manifest.to_string().into_bytes();
        let index = json!({ "schemaVersion": 2, "manifests": [descriptor(MANIFEST, &manifest)] });
        let root = folder.join("run").join(name);
        std::fs::create_dir_all(root.join("blobs/sha256")).unwrap();
        for bytes in [config, manifest] {
            std::fs::write(blob(&root, &Digest::of(&bytes)), bytes).unwrap();
        }
        std::fs::write(root.join("index.json"), index.to_string()).unwrap();
    }

    fn read(folder: &Path) -> Result<Extended, ExportError> {
        Extended::read(&options(folder), &Platform::own(), &of(&["base"]))
    }

    fn refused(folder: &Path) -> String {
        read(folder).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn the_layers_upon_the_run_image_s_are_those_of_extensions() {
        let folder = tempfile::tempdir().unwrap();
        leave(folder.path(), "sha256:0", &["base", "one", "two"]);
        let extended = read(folder.path()).unwrap();
        let digests: Vec<&Digest> = extended.layers.iter().map(|layer| &layer.descriptor.digest).collect();
        assert_eq!(digests, [&Digest::of(b"one"), &Digest::of(b"two")]);
        assert!(extended.layers[0].path.ends_with(format!("blobs/sha256/{}", Digest::of(b"one").hex())));
    }

    #[test]
    fn what_cannot_be_the_extended_run_image_is_refused_by_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        let run = at.join("run").display().to_string();
        assert!(refused(at).contains(&run) && refused(at).contains("extender"), "{}", refused(at));
        leave(at, "one", &["other", "base"]);
        assert!(refused(at).contains("not those of the run image"), "{}", refused(at));
        leave(at, "two", &["base"]);
        assert!(refused(at).contains("2 images"), "{}", refused(at));
        std::fs::remove_dir_all(at.join("run/one")).unwrap();
        assert!(read(at).unwrap().layers.is_empty());
        for (index, said) in [(json!({ "manifests": [] }), "0 images"), (json!({ "manifests": [{}] }), "digest")] {
            let index: Value = index;
            std::fs::write(at.join("run/two/index.json"), index.to_string()).unwrap();
            assert!(refused(at).contains(said) && refused(at).contains("index.json"), "{}", refused(at));
        }
    }
}
