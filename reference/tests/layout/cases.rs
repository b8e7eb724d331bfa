//! The exporter as platforms call it, to a layout in a temporary folder, from a run image made by hand.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

fn sha256(bytes: &[u8]) -> String {
    reference::digest::Digest::of(bytes).hex().to_owned()
}

/// A run image of one empty layer as a layout; gives its reference.
fn run_image(folder: &Path) -> String {
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let put = |bytes: &[u8]| {
        fs::write(blobs.join(sha256(bytes)), bytes).unwrap();
        json!({ "digest": format!("sha256:{}", sha256(bytes)), "size": bytes.len() })
    };
    let tar = [0; 1024];
    let mut layer = put(&tar);
    layer["mediaType"] = json!("application/vnd.oci.image.layer.v1.tar");
    let config = json!({
        "os": "linux", "architecture": "amd64", "config": { "Env": ["PATH=/bin"] },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", sha256(&tar))] },
    });
    let mut config = put(config.to_string().as_bytes());
    config["mediaType"] = json!("application/vnd.oci.image.config.v1+json");
    let manifest = json!({ "schemaVersion": 2, "config": config, "layers": [layer] });
    let manifest = put(manifest.to_string().as_bytes());
    format!("{}@{}", folder.display(), manifest["digest"].as_str().unwrap())
}

struct Build {
    folder: tempfile::TempDir,
}

impl Build {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["layers/config", "layers/b/runtime", "app", "lifecycle"] {
            fs::create_dir_all(path(name)).unwrap();
        }
        let reference = run_image(&path("layout/run.example/run"));
        let analyzed = format!("[run-image]\nimage='run.example/run:1'\nreference='{reference}'\n");
        for (name, text) in [
            ("layers/analyzed.toml", analyzed.as_str()),
            ("layers/group.toml", "[[group]]\nid='b'\nversion='1'\napi='0.10'\n"),
            ("layers/config/metadata.toml", "[[processes]]\ntype='web'\ncommand=['x']\n"),
            ("layers/project-metadata.toml", "[source.metadata]\nname='App'\n"),
            ("layers/b/runtime.toml", "[types]\nlaunch=true\n"),
            ("layers/b/runtime/file", "runtime"),
            ("app/main", "main"),
            ("lifecycle/launcher", "launcher"),
        ] {
            fs::write(path(name), text).unwrap();
        }
        Self { folder }
    }

    fn export(&self, program: &Path, images: &[&str]) -> Output {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        Command::new(program)
            .env_clear()
            .env("CNB_PLATFORM_API", "0.15")
            .env("CNB_EXPERIMENTAL_MODE", "silent")
            .args(["-layout", "-layout-dir", &path("layout"), "-layers", &path("layers"), "-app", &path("app")])
            .args([
                "-launcher",
                &path("lifecycle/launcher"),
                "-launcher-sbom",
                &path("lifecycle"),
                "-report",
                &path("report.toml"),
            ])
            .args(images)
            .output()
            .unwrap()
    }

    fn document(&self, image: &str, digest: &str) -> Value {
        let blob = format!("layout/{image}/blobs/sha256/{}", digest.trim_start_matches("sha256:"));
        serde_json::from_slice(&fs::read(self.folder.path().join(blob)).unwrap()).unwrap()
    }

    fn manifest(&self, image: &str) -> (String, Value) {
        let index = fs::read(self.folder.path().join(format!("layout/{image}/index.json"))).unwrap();
        let index: Value = serde_json::from_slice(&index).unwrap();
        let digest = index["manifests"][0]["digest"].as_str().unwrap().to_owned();
        let manifest = self.document(image, &digest);
        (digest, manifest)
    }
}

fn exporter() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_reference-exporter"))
}

#[test]
fn an_annotated_image_is_written_under_every_tag() {
    let build = Build::new();
    let output = build.export(exporter(), &["app.example/app:1", "app.example/app:2"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (digest, manifest) = build.manifest("app.example/app/1");
    assert_eq!(build.manifest("app.example/app/2").0, digest);
    let annotations = &manifest["annotations"];
    assert_eq!(annotations["org.opencontainers.image.title"], "App");
    assert_eq!(annotations["org.opencontainers.image.base.name"], "run.example/run:1");
    let base = annotations["org.opencontainers.image.base.digest"].as_str().unwrap();
    let config = build.document("app.example/app/1", manifest["config"]["digest"].as_str().unwrap());
    let label: Value =
        serde_json::from_str(config["config"]["Labels"]["io.buildpacks.lifecycle.metadata"].as_str().unwrap()).unwrap();
    assert_eq!(label["runImage"]["reference"], format!("run.example/run@{base}"), "a digest reference, not a path");
    let report: toml::Table = fs::read_to_string(build.folder.path().join("report.toml")).unwrap().parse().unwrap();
    assert_eq!(report["image"]["digest"].as_str(), Some(digest.as_str()));
}

#[test]
fn the_same_build_gives_the_same_bytes_also_through_a_link() {
    let build = Build::new();
    assert!(build.export(exporter(), &["app.example/app:1"]).status.success());
    let first = build.manifest("app.example/app/1").0;
    let link = build.folder.path().join("exporter");
    std::os::unix::fs::symlink(exporter(), &link).unwrap();
    assert!(build.export(&link, &["app.example/app:1"]).status.success());
    assert_eq!(build.manifest("app.example/app/1").0, first);
}

/// What is changed, the images, the exit code, and what the message names.
type Case<'a> = (&'a dyn Fn(&Build), &'a [&'a str], i32, &'a str);

#[test]
fn bad_input_is_refused_in_one_line_and_leaves_nothing() {
    let change = |file: &'static str, text: &'static str| {
        move |build: &Build| fs::write(build.folder.path().join(file), text).unwrap()
    };
    let cases: [Case<'_>; 8] = [
        (&change("layers/analyzed.toml", "[run-image"), &["a.example/a:1"], 3, "analyzed.toml"),
        (
            &change("layers/analyzed.toml", "[run-image]\nreference='x@y'\nextend=true\n"),
            &["a.example/a:1"],
            3,
            "extend",
        ),
        (
            &change("layers/group.toml", "[[group]]\nid='b'\nversion='1'\napi='999.0'\n"),
            &["a.example/a:1"],
            12,
            "999.0",
        ),
        (&change("layers/config/metadata.toml", "x"), &["a.example/a:1"], 3, "metadata.toml"),
        (&change("layers/b/gone.toml", "[types]\nlaunch=true\n"), &["a.example/a:1"], 62, "gone"),
        (&|_| {}, &[], 3, "no image"),
        (&|_| {}, &["A/b"], 3, "A/b"),
        (&|_| {}, &["a.example/a:1", "b.example/a:1"], 3, "b.example"),
    ];
    for (prepare, images, code, named) in cases {
        let build = Build::new();
        prepare(&build);
        let output = build.export(exporter(), images);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{named}: {stderr}");
        assert!(stderr.contains(named) && !stderr.contains("panicked"), "{named}: {stderr}");
        assert!(!build.folder.path().join("report.toml").exists(), "{named}");
        assert!(!build.folder.path().join("layout/a.example").exists(), "{named}");
    }
}
