//! A run image in the forms in which daemons and layouts take it.

use judge::digest::Digest;
use oci_spec::image::{ANNOTATION_REF_NAME, MediaType};
use serde_json::json;

use super::{MadeImage, descriptor};

fn append(builder: &mut tar::Builder<Vec<u8>>, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(bytes.len() as u64);
    builder.append_data(&mut header, name, bytes)
}

impl MadeImage {
    /// A docker-archive of the image under the name `tag`, as daemons load it.
    ///
    /// # Errors
    /// The tar writer's.
    pub fn docker_archive(&self, tag: &str) -> std::io::Result<Vec<u8>> {
        let config_name = format!("{}.json", self.config.digest.encoded());
        let names: Vec<String> = self.diff_ids().iter().map(|id| format!("{}.tar", id.encoded())).collect();
        let index = json!([{ "Config": config_name, "RepoTags": [tag], "Layers": names }]).to_string();
        let mut builder = tar::Builder::new(Vec::new());
        let mut add = |name: &str, bytes: &[u8]| append(&mut builder, name, bytes);
        add(&config_name, &self.config.bytes)?;
        // A layer that is there twice is one file, which the index names twice.
        for (position, (name, layer)) in names.iter().zip(&self.layers).enumerate() {
            if !names[..position].contains(name) {
                add(name, &layer.tar)?;
            }
        }
        add("manifest.json", index.as_bytes())?;
        builder.into_inner()
    }

    /// An OCI archive of this platform's image under the name `tag`, by which a store that keeps manifests keeps the
    /// digest that a registry has.
    ///
    /// # Errors
    /// The tar writer's.
    pub fn oci_archive(&self, tag: &str) -> std::io::Result<Vec<u8>> {
        let mut entry = descriptor(&self.manifest);
        // containerd reads the one and podman the other.
        entry["annotations"] = json!({ "io.containerd.image.name": tag, ANNOTATION_REF_NAME: tag });
        let index = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::ImageIndex,
            "manifests": [entry],
        });
        let mut builder = tar::Builder::new(Vec::new());
        append(&mut builder, "oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        append(&mut builder, "index.json", index.to_string().as_bytes())?;
        let layers = self.layers.iter().map(|layer| layer.blob.as_slice());
        let mut written: Vec<Digest> = Vec::new();
        for bytes in layers.chain([self.config.bytes.as_slice(), &self.manifest.bytes]) {
            let digest = Digest::of(bytes);
            // A layer that is there twice is one blob.
            if !written.contains(&digest) {
                append(&mut builder, &format!("blobs/sha256/{}", digest.encoded()), bytes)?;
                written.push(digest);
            }
        }
        builder.into_inner()
    }

    /// A tar of all its files, those of later layers in place of earlier ones: what a daemon can make an image of.
    ///
    /// # Errors
    /// The tar writer's.
    pub fn flattened(&self) -> std::io::Result<Vec<u8>> {
        let mut files: std::collections::BTreeMap<String, Vec<u8>> = std::collections::BTreeMap::new();
        for layer in &self.layers {
            for entry in tar::Archive::new(layer.tar.as_slice()).entries()? {
                let mut entry = entry?;
                let path = entry.path()?.to_string_lossy().into_owned();
                let mut bytes = Vec::new();
                std::io::Read::read_to_end(&mut entry, &mut bytes)?;
                files.insert(path, bytes);
            }
        }
        let mut builder = tar::Builder::new(Vec::new());
        files.iter().try_for_each(|(path, bytes)| append(&mut builder, path, bytes))?;
        builder.into_inner()
    }

    /// Writes the image as an OCI image layout into `folder`. Its index names what was analysed and nothing else.
    ///
    /// # Errors
    /// The file system's.
    pub fn write_layout(&self, folder: &std::path::Path) -> std::io::Result<()> {
        let blobs = folder.join("blobs/sha256");
        std::fs::create_dir_all(&blobs)?;
        let documents = self.documents().into_iter().map(|document| document.bytes.as_slice());
        for bytes in self.blobs().into_iter().chain(documents) {
            std::fs::write(blobs.join(Digest::of(bytes).encoded()), bytes)?;
        }
        std::fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
        let index = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::ImageIndex,
            "manifests": [descriptor(self.analysed())],
        });
        std::fs::write(folder.join("index.json"), index.to_string())
    }
}
