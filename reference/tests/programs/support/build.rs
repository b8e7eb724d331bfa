//! A build made by hand, and the exporter called on it as platforms call it.

use bounded::{Bounded as _, write_program};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use reference::digest::Digest;
use serde_json::{Value, json};

/// A run image: its documents and its layers, by digest.
pub(crate) struct RunImage {
    pub(crate) manifest: String,
    pub(crate) config: String,
    pub(crate) blobs: Vec<Vec<u8>>,
    pub(crate) layers: Vec<String>,
}

/// A run image of these layers, each an uncompressed tar.
pub(crate) fn run_image(layers: &[&[u8]]) -> RunImage {
    let mut blobs: Vec<Vec<u8>> = Vec::new();
    let mut put = |bytes: &[u8], media_type: &str| {
        blobs.push(bytes.to_vec());
        json!({ "mediaType": media_type, "digest": Digest::of(bytes), "size": bytes.len() })
    };
    let config = json!({
        "os": "linux", "architecture": "amd64", "config": { "Env": ["PATH=/bin"] },
        "rootfs": { "type": "layers", "diff_ids": layers.iter().map(|tar| Digest::of(tar)).collect::<Vec<_>>() },
    });
    let config = put(config.to_string().as_bytes(), "application/vnd.oci.image.config.v1+json");
    let described: Vec<Value> = layers.iter().map(|tar| put(tar, "application/vnd.oci.image.layer.v1.tar")).collect();
    let manifest = json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                           "config": config, "layers": described });
    blobs.push(manifest.to_string().into_bytes());
    let layers = layers.iter().map(|tar| Digest::of(tar).to_string()).collect();
    let config = Digest::of(&blobs[0]).to_string();
    RunImage { manifest: Digest::of(manifest.to_string().as_bytes()).to_string(), config, blobs, layers }
}

/// An index with the run image for this exporter's platform, and one for another.
pub(crate) fn index(run: &RunImage) -> Vec<u8> {
    let entry = |digest: &str, architecture: &str| {
        json!({ "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 1,
                "platform": { "os": "linux", "architecture": architecture } })
    };
    let other = Digest::of(b"other").to_string();
    json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [entry(&other, "s390x"), entry(&run.manifest, "amd64")] })
    .to_string()
    .into_bytes()
}

/// The folders of a build.
pub(crate) struct Build {
    folder: tempfile::TempDir,
}

impl Build {
    pub(crate) fn new() -> Self {
        let build = Self { folder: tempfile::tempdir().unwrap() };
        for (name, text) in [
            ("layers/group.toml", "[[group]]\nid='b'\nversion='1'\napi='0.10'\n"),
            ("layers/config/metadata.toml", "[[processes]]\ntype='web'\ncommand=['x']\n"),
            ("layers/project-metadata.toml", "[source.metadata]\nname='App'\n"),
            ("layers/b/runtime.toml", "[types]\nlaunch=true\n"),
            ("layers/b/runtime/file", "runtime"),
            ("app/main", "main"),
            ("lifecycle/launcher", "launcher"),
            ("temporary/kept", ""),
        ] {
            build.write(name, text);
        }
        build
    }

    /// With a run image of one empty layer in a layout.
    pub(crate) fn with_layout() -> Self {
        let build = Self::new();
        let run = run_image(&[&[0; 1024]]);
        build.publish(&run);
        let place = build.path("layout/run.example/run");
        build.analyzed("run.example/run:1", &format!("{}@{}", place.display(), run.manifest));
        build
    }

    /// Puts a run image's blobs into its layout.
    pub(crate) fn publish(&self, run: &RunImage) {
        for bytes in &run.blobs {
            self.put(bytes);
        }
    }

    pub(crate) fn put(&self, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        let path = self.path(&format!("layout/run.example/run/blobs/sha256/{}", digest.hex()));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        digest
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes a program that can be started at once; its path.
    pub(crate) fn program(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        write_program(&path, text).unwrap();
        path
    }

    pub(crate) fn analyzed(&self, image: &str, reference: &str) {
        self.write("layers/analyzed.toml", &format!("[run-image]\nimage='{image}'\nreference='{reference}'\n"));
    }

    /// The exporter on this build, without images.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("CNB_PLATFORM_API", "0.15").env("TMPDIR", self.path("temporary"));
        for (flag, name) in [
            ("-layers", "layers"),
            ("-app", "app"),
            ("-launcher", "lifecycle/launcher"),
            ("-launcher-sbom", "lifecycle"),
            ("-report", "report.toml"),
        ] {
            command.arg(flag).arg(self.path(name));
        }
        command
    }

    pub(crate) fn to_layout(&self, program: &Path, images: &[&str]) -> Output {
        let mut command = self.command(program);
        command.env("CNB_EXPERIMENTAL_MODE", "silent").args(["-layout", "-layout-dir"]).arg(self.path("layout"));
        command.args(images).output_in_time().unwrap()
    }

    pub(crate) fn to_registry(&self, host: &str, images: &[&str]) -> Output {
        self.command(exporter()).args(["-insecure-registry", host]).args(images).output_in_time().unwrap()
    }

    pub(crate) fn to_daemon(&self, address: &str, images: &[&str]) -> Output {
        self.to_daemon_with(exporter(), address, images)
    }

    pub(crate) fn to_daemon_with(&self, program: &Path, address: &str, images: &[&str]) -> Output {
        self.command(program).env("DOCKER_HOST", address).arg("-daemon").args(images).output_in_time().unwrap()
    }

    pub(crate) fn report(&self) -> Option<toml::Table> {
        fs::read_to_string(self.path("report.toml")).ok().map(|text| text.parse().unwrap())
    }

    /// What the exporter left on temporary disk.
    pub(crate) fn left_over(&self) -> Vec<String> {
        let names = fs::read_dir(self.path("temporary")).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "kept").collect()
    }

    pub(crate) fn document(&self, image: &str, digest: &str) -> Value {
        let blob = format!("layout/{image}/blobs/sha256/{}", digest.trim_start_matches("sha256:"));
        serde_json::from_slice(&fs::read(self.path(&blob)).unwrap()).unwrap()
    }

    pub(crate) fn manifest(&self, image: &str) -> (String, Value) {
        let index = fs::read(self.path(&format!("layout/{image}/index.json"))).unwrap();
        let index: Value = serde_json::from_slice(&index).unwrap();
        let digest = index["manifests"][0]["digest"].as_str().unwrap().to_owned();
        let manifest = self.document(image, &digest);
        (digest, manifest)
    }
}

pub(crate) fn exporter() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_reference-exporter"))
}
