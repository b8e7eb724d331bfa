//! App images to rebase, run images to put them on, and the rebaser called on them as platforms call it.

use bounded::Bounded as _;
use std::path::Path;
use std::process::{Command, Output};

use reference::digest::Digest;
use serde_json::{Value, json};

use crate::support::build::{Build, RunImage, exporter};
use crate::support::server::{Server, Wanted};

pub(crate) const LABEL: &str = "io.buildpacks.lifecycle.metadata";
const DOCKER: [&str; 3] = [
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.container.image.v1+json",
    "application/vnd.docker.image.rootfs.diff.tar",
];
const OCI: [&str; 3] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.oci.image.layer.v1.tar",
];

/// What a run image is made of.
pub(crate) struct Run<'a> {
    /// Bytes of each layer.
    pub(crate) layers: &'a [usize],
    pub(crate) config: Value,
    pub(crate) annotations: Value,
    pub(crate) docker: bool,
}

/// The run image that app images are exported on.
pub(crate) fn old() -> Run<'static> {
    let labels = json!({ "io.buildpacks.base.id": "old", "io.buildpacks.rebasable": "true", "maintainer": "m",
                         "io.buildpacks.base.distro.name": "ubuntu", "io.buildpacks.base.distro.version": "22.04" });
    Run {
        layers: &[1024, 2048],
        config: json!({ "os": "linux", "architecture": "amd64", "config": { "Env": ["PATH=/bin"], "Labels": labels },
                        "history": [{ "created_by": "old" }, { "created_by": "old" }] }),
        annotations: Value::Null,
        docker: false,
    }
}

/// A later one: one layer is the same, the config is another, and it has annotations of its own.
pub(crate) fn new() -> Run<'static> {
    let mut run = old();
    run.layers = &[1024, 4096, 512];
    run.config["config"]["Labels"]["io.buildpacks.base.id"] = json!("new");
    run.config["config"]["Labels"]["only"] = json!("of the run image");
    run.config["config"]["Env"] = json!(["PATH=/other"]);
    run.config["history"] = json!([{ "created_by": "new" }, { "created_by": "new" }, { "created_by": "new" }]);
    run.annotations = json!({ "org.opencontainers.image.title": "the run image's", "own": "the run image's" });
    run
}

impl Run<'_> {
    pub(crate) fn make(&self) -> RunImage {
        let types = if self.docker { DOCKER } else { OCI };
        let mut blobs: Vec<Vec<u8>> = Vec::new();
        let mut put = |bytes: Vec<u8>, media_type: &str| {
            let described = json!({ "mediaType": media_type, "size": bytes.len(), "digest": Digest::of(&bytes) });
            blobs.push(bytes);
            described
        };
        let tars: Vec<Vec<u8>> = self.layers.iter().map(|size| vec![0; *size]).collect();
        let layers: Vec<String> = tars.iter().map(|tar| Digest::of(tar).to_string()).collect();
        let mut config = self.config.clone();
        config["rootfs"] = json!({ "type": "layers", "diff_ids": layers });
        let config = put(config.to_string().into_bytes(), types[1]);
        let described: Vec<Value> = tars.into_iter().map(|tar| put(tar, types[2])).collect();
        let mut manifest = json!({ "schemaVersion": 2, "mediaType": types[0], "config": config, "layers": described });
        if !self.annotations.is_null() {
            manifest["annotations"] = self.annotations.clone();
        }
        blobs.push(manifest.to_string().into_bytes());
        let (config, manifest) = (Digest::of(&blobs[0]).to_string(), Digest::of(blobs.last().unwrap()).to_string());
        RunImage { manifest, config, blobs, layers }
    }
}

/// A registry with an app image `app:1` on the run image `run:1`.
pub(crate) struct Place {
    pub(crate) server: Server,
    pub(crate) build: Build,
    /// The old run image.
    pub(crate) old: RunImage,
}

pub(crate) fn succeeded(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::upon(Server::start(|_| Wanted::Usual), &old())
    }

    pub(crate) fn upon(server: Server, run: &Run<'_>) -> Self {
        let (build, old) = (Build::new(), run.make());
        build.write(
            "layers/project-metadata.toml",
            "[source.version]\ncommit='c'\n[source.metadata]\nrepository='https://e.example/x?<&>'\nname=\"n e\\u0301 \"\n",
        );
        let place = Self { server, build, old };
        place.run("run", "1", &place.old);
        place.export(&[]);
        place
    }

    /// Exports the app image on the old run image. The exporter says of every image that it is not rebasable, as the
    /// specification's text has it; here it is what the run image says.
    pub(crate) fn export(&self, variables: &[(&str, &str)]) {
        let host = &self.server.host;
        self.build.analyzed(&format!("{host}/run:1"), &format!("{host}/run@{}", self.old.manifest));
        let mut command = self.build.command(exporter());
        command.envs(variables.iter().copied()).args(["-insecure-registry", host, &self.name("app:1")]);
        succeeded(&command.output_in_time().unwrap());
        self.change_config(|config| config["config"]["Labels"]["io.buildpacks.rebasable"] = json!("true"));
    }

    /// Has a run image under a tag.
    pub(crate) fn run(&self, repository: &str, tag: &str, run: &RunImage) {
        self.server.publish(repository, run);
        self.server.tag(repository, tag, run.blobs.last().unwrap());
    }

    /// The run image `run:1` is another one now.
    pub(crate) fn move_on(&self, run: &Run<'_>) -> RunImage {
        let run = run.make();
        self.run("run", "1", &run);
        run
    }

    pub(crate) fn name(&self, rest: &str) -> String {
        format!("{}/{rest}", self.server.host)
    }

    /// The rebaser, without images.
    pub(crate) fn rebaser(&self) -> Command {
        let mut command = rebaser(&self.build, exporter());
        command.args(["-insecure-registry", &self.server.host]);
        command
    }

    pub(crate) fn rebase(&self, words: &[&str]) -> Output {
        self.rebaser().args(words).output_in_time().unwrap()
    }

    pub(crate) fn bytes(&self, repository: &str, tag: &str) -> Vec<u8> {
        self.server.manifest(repository, tag).unwrap()
    }

    pub(crate) fn manifest(&self, repository: &str, tag: &str) -> Value {
        serde_json::from_slice(&self.bytes(repository, tag)).unwrap()
    }

    pub(crate) fn config(&self, manifest: &Value) -> Value {
        let digest = manifest["config"]["digest"].as_str().unwrap();
        serde_json::from_slice(&self.server.blob(digest).unwrap()).unwrap()
    }

    /// Puts another config into the app image.
    pub(crate) fn change_config(&self, change: impl FnOnce(&mut Value)) {
        let mut manifest = self.manifest("app", "1");
        let mut config = self.config(&manifest);
        change(&mut config);
        let bytes = config.to_string().into_bytes();
        manifest["config"]["digest"] = json!(self.server.put_blob("app", &bytes));
        manifest["config"]["size"] = json!(bytes.len());
        self.server.tag("app", "1", manifest.to_string().as_bytes());
    }

    /// What changed in the registry during some work.
    pub(crate) fn changes(&self, work: impl FnOnce()) -> Vec<String> {
        let before = self.server.changes().len();
        work();
        self.server.changes().split_off(before)
    }

    /// The report's `[image]`.
    pub(crate) fn reported(&self) -> toml::Table {
        self.build.report().unwrap()["image"].as_table().unwrap().clone()
    }
}

/// The rebaser by its word, with what it needs of a build's folders.
pub(crate) fn rebaser(build: &Build, program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("CNB_PLATFORM_API", "0.15").env("TMPDIR", build.path("temporary")).arg("rebaser");
    command.arg("-report").arg(build.path("report.toml"));
    command
}

/// The label of the lifecycle in a config.
pub(crate) fn label(config: &Value) -> Value {
    serde_json::from_str(config["config"]["Labels"][LABEL].as_str().unwrap()).unwrap()
}
