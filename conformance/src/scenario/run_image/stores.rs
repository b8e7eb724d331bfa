//! A run image in the forms in which daemons and layouts take it.

use judge::digest::Digest;
use serde_json::json;

use super::{MadeImage, descriptor, media_types};
use crate::scenario::ImageFormat;

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
        let mut add = |name: &str, bytes: &[u8]| {
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o644);
            header.set_size(bytes.len() as u64);
            builder.append_data(&mut header, name, bytes)
        };
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
            "mediaType": media_types(ImageFormat::Oci).index,
            "manifests": [descriptor(self.analysed())],
        });
        std::fs::write(folder.join("index.json"), index.to_string())
    }
}
