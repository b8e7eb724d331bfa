//! What keeps an engine's images: it loads, saves and refuses as the real ones were seen to.

use std::collections::BTreeMap;
use std::io::Read;

use reference::digest::Digest;
use serde_json::{Value, json};

use crate::support::archive::{Archive, blob, texts};
use crate::support::build::RunImage;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Classic,
    Containerd,
    Podman,
}

pub(crate) const KINDS: [Kind; 3] = [Kind::Classic, Kind::Containerd, Kind::Podman];

/// An image that is kept.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    pub(crate) id: String,
    pub(crate) tags: Vec<String>,
    pub(crate) digests: Vec<String>,
    /// Host and repository that containerd wrote down when it pulled.
    pub(crate) pulled_from: Option<(String, String)>,
    config: Vec<u8>,
    manifest: Vec<u8>,
}

pub(crate) struct Store {
    pub(crate) kind: Kind,
    pub(crate) images: Vec<Image>,
    /// By digest; in a classic store tars.
    blobs: BTreeMap<String, Vec<u8>>,
}

impl Store {
    pub(crate) fn new(kind: Kind) -> Self {
        Self { kind, images: Vec::new(), blobs: BTreeMap::new() }
    }

    /// Keeps a run image as a pull would have left it; gives its ID.
    pub(crate) fn pull(&mut self, run: &RunImage) -> String {
        for bytes in &run.blobs {
            self.blobs.insert(Digest::of(bytes).to_string(), bytes.clone());
        }
        self.keep(run.blobs[0].clone(), run.blobs.last().unwrap().clone())
    }

    fn keep(&mut self, config: Vec<u8>, manifest: Vec<u8>) -> String {
        let named_by = if self.kind == Kind::Containerd { &manifest } else { &config };
        let id = Digest::of(named_by).to_string();
        if self.find(&id).is_none() {
            let (tags, digests) = (Vec::new(), Vec::new());
            self.images.push(Image { id: id.clone(), tags, digests, pulled_from: None, config, manifest });
        }
        id
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Image> {
        self.images.iter().find(|image| image.id == name || image.tags.iter().any(|tag| tag == name))
    }

    /// Loads an archive; gives the image's ID, or what the engine says.
    pub(crate) fn load(&mut self, archive: &Archive) -> Result<String, String> {
        if self.kind == Kind::Classic { self.load_docker(archive) } else { self.load_oci(archive) }
    }

    fn load_docker(&mut self, archive: &Archive) -> Result<String, String> {
        let missing =
            |name: &str| format!("open /var/lib/docker/tmp/docker-import-1/{name}: no such file or directory");
        let list = archive.file("manifest.json").ok_or_else(|| missing("manifest.json"))?;
        let list: Value = serde_json::from_slice(list).map_err(|error| error.to_string())?;
        let name = list[0]["Config"].as_str().unwrap_or_default();
        let config = archive.file(name).ok_or_else(|| missing(name))?.to_vec();
        let ids = texts(&serde_json::from_slice(&config).unwrap(), "/rootfs/diff_ids", "");
        for (at, name) in texts(&list[0], "/Layers", "").iter().enumerate() {
            match archive.file(name) {
                Some(tar) if Digest::of(tar).as_str() == ids[at] => {
                    self.blobs.insert(ids[at].clone(), tar.to_vec());
                }
                Some(_) => return Err(format!("wrong diff id calculated on extraction {}", ids[at])),
                // A layer is known by all that is below it.
                None if self.images.iter().any(|image| image.diff_ids().starts_with(&ids[..=at])) => {}
                None => return Err(missing(name)),
            }
        }
        Ok(self.keep(config, Vec::new()))
    }

    fn load_oci(&mut self, archive: &Archive) -> Result<String, String> {
        if archive.file("oci-layout").is_none() || archive.file("index.json").is_none() {
            return Err("unrecognized image format".to_owned());
        }
        let digest = archive.json("index.json")["manifests"][0]["digest"].as_str().unwrap_or_default().to_owned();
        let missing = |digest: &str| format!("content digest {digest}: not found");
        let manifest = archive.blob(&digest).ok_or_else(|| missing(&digest))?.to_vec();
        let document = archive.json(&blob(&digest));
        let config = document["config"]["digest"].as_str().unwrap_or_default().to_owned();
        let all = texts(&document, "/layers", "digest");
        for digest in all.iter().chain([&config]) {
            match archive.blob(digest) {
                Some(bytes) => {
                    self.blobs.insert(digest.clone(), bytes.to_vec());
                    if self.kind == Kind::Podman && bytes.starts_with(b"\x1f\x8b") {
                        let mut tar = Vec::new();
                        flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut tar).unwrap();
                        self.blobs.insert(Digest::of(&tar).to_string(), tar);
                    }
                }
                None if self.blobs.contains_key(digest) => {}
                None => return Err(missing(digest)),
            }
        }
        let config = self.blobs[&config].clone();
        self.blobs.insert(digest, manifest.clone());
        Ok(self.keep(config, manifest))
    }

    /// The archive that a save gives.
    pub(crate) fn save(&self, image: &Image) -> Vec<u8> {
        let named = |digest: &String| (blob(digest), self.blobs[digest].clone());
        if self.kind == Kind::Containerd {
            let source = image.pulled_from.iter();
            let source = source.map(|(host, name)| (format!("containerd.io/distribution.source.{host}"), json!(name)));
            let entry = json!({ "digest": image.id, "annotations": source.collect::<serde_json::Map<_, _>>() });
            let manifest: Value = serde_json::from_slice(&image.manifest).unwrap();
            let layers = texts(&manifest, "/layers", "digest");
            let mut files: Vec<_> = layers.iter().map(named).collect();
            files.push((blob(&image.id), image.manifest.clone()));
            files.push((blob(manifest["config"]["digest"].as_str().unwrap()), image.config.clone()));
            files.push(("index.json".to_owned(), json!({ "manifests": [entry] }).to_string().into_bytes()));
            return Archive(files).write();
        }
        let ids = image.diff_ids();
        let list = json!([{ "Config": "c.json", "Layers": ids.iter().map(|id| blob(id)).collect::<Vec<_>>() }]);
        let mut files: Vec<_> = ids.iter().map(named).collect();
        files.push(("c.json".to_owned(), image.config.clone()));
        files.push(("manifest.json".to_owned(), list.to_string().into_bytes()));
        Archive(files).write()
    }
}

impl Image {
    fn diff_ids(&self) -> Vec<String> {
        texts(&serde_json::from_slice(&self.config).unwrap(), "/rootfs/diff_ids", "")
    }

    /// What Podman's own API says of the annotations.
    pub(crate) fn annotations(&self) -> Value {
        serde_json::from_slice(&self.manifest).map_or(Value::Null, |manifest: Value| manifest["annotations"].clone())
    }

    /// What an inspection says.
    pub(crate) fn told(&self) -> Value {
        json!({ "Id": self.id, "RepoTags": self.tags, "RepoDigests": self.digests })
    }
}
