//! The build that the sample's exports are of: what a platform and buildpacks left for the exporter.

use std::collections::BTreeMap;

use crate::digest::Digest;
use crate::evidence::{Document, FileFact, FileKind, Inputs, Machine, PreviousImage, RunImage, Target};

const PROJECT: &str = "[source]\ntype='git'\n[source.version]\ncommit='c0ffee'\n[source.metadata]\n\
    repository='https://git.example/app'\nauthors='Ada'\nversion='1.2'\ndocumentation-url='https://docs.example'\n\
    name='Näme'\nlicenses='Apache-2.0'\n";
pub(super) const METADATA: &str = "buildpack-default-process-type='web'\n[[buildpacks]]\nid='a/one'\nversion='1'\napi='0.10'\n\
    [[buildpacks]]\nid='b'\nversion='2'\napi='0.10'\n[[processes]]\ntype='web'\ncommand=['serve']\nargs=['-v']\ndirect=false\n\
    buildpack-id='b'\n[[slices]]\npaths=['static/*']\n[[slices]]\npaths=['nothing']\n\
    [[labels]]\nkey='k'\nvalue='1'\n[[labels]]\nkey='k'\nvalue='2'\n";
const GROUP: &str = "[[group]]\nid='a/one'\nversion='1'\napi='0.10'\n[[group]]\nid='b'\nversion='2'\napi='0.10'\n";
const RUN: &str = "[[images]]\nimage='host.example/run:base'\nmirrors=['mirror.example/run:base']\n";
const STORE: &str = "[metadata]\nkept='store-sentinel'\n";

/// A file of a build with this text.
pub(crate) fn fact(path: &str, text: &str) -> FileFact {
    let ending = path.rsplit('.').next();
    let keeps_text = matches!(ending, Some("toml" | "json"));
    FileFact {
        path: path.to_owned(),
        kind: FileKind::File,
        mode: 0o644,
        size: text.len() as u64,
        content: Some(Digest::of(text.as_bytes())),
        link: None,
        text: keeps_text.then(|| text.to_owned()),
        xattrs: BTreeMap::new(),
        links: Some(1),
    }
}

/// A previous image of another exporter with this config.
pub(crate) fn previous_image(config: &serde_json::Value, sentinels: &[&str]) -> PreviousImage {
    let document = |text: &str| Document::new(text.as_bytes().to_vec(), None);
    let sentinels = sentinels.iter().map(|&sentinel| sentinel.to_owned()).collect();
    PreviousImage { manifest: document("{}"), config: document(&config.to_string()), sentinels }
}

fn directory(path: &str) -> FileFact {
    FileFact { kind: FileKind::Directory, mode: 0o755, content: None, text: None, size: 0, ..fact(path, "") }
}

fn analyzed(run: &RunImage) -> String {
    format!("[run-image]\nimage='{}'\nreference='{}'\n", run.name, run.reference)
}

pub(super) fn inputs(target: Target, run: &RunImage) -> Inputs {
    let image = if target == Target::Layout { "app.example/app:latest" } else { "host.example/app:latest" };
    let mut files = vec![
        fact("/layers/analyzed.toml", &analyzed(run)),
        fact("/layers/group.toml", GROUP),
        fact("/layers/project-metadata.toml", PROJECT),
        fact("/layers/config/metadata.toml", METADATA),
        fact("/layers/a_one/runtime.toml", "[types]\nlaunch=true\ncache=true\n[metadata]\nv='1'\n"),
        fact("/layers/a_one/store.toml", STORE),
        directory("/layers/a_one/runtime"),
        fact("/layers/a_one/runtime/bin", "runtime"),
        fact("/layers/b/tools.toml", "[types]\nbuild=true\n"),
        directory("/layers/b/tools"),
        fact("/layers/b/tools/compiler", "compiler"),
        fact("/layers/sbom/launch/a_one/sbom.cdx.json", "{}"),
        fact("/layers/sbom/build/b/sbom.cdx.json", "{\"b\":1}"),
        fact("/workspace/main", "main"),
        fact("/workspace/static/a.css", "css"),
        fact("/cnb/lifecycle/launcher", "launcher"),
        fact("/cnb/lifecycle/launcher.sbom.cdx.json", "{\"l\":1}"),
        fact("/cnb/run.toml", RUN),
    ];
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let path = |name: &str| format!("/layers/{name}");
    Inputs {
        argv: vec!["exporter".to_owned(), image.to_owned()],
        environment: BTreeMap::from([("CNB_EXPERIMENTAL_MODE".to_owned(), "silent".to_owned())]),
        images: vec![image.to_owned()],
        layers: "/layers".to_owned(),
        app: "/workspace".to_owned(),
        analyzed: path("analyzed.toml"),
        group: path("group.toml"),
        project_metadata: path("project-metadata.toml"),
        report: "/report/report.toml".to_owned(),
        run: "/cnb/run.toml".to_owned(),
        launcher: "/cnb/lifecycle/launcher".to_owned(),
        launcher_sbom: "/cnb/lifecycle".to_owned(),
        layout_dir: (target == Target::Layout).then(|| "/layout".to_owned()),
        process_type: None,
        source_date_epoch: None,
        uid: 1000,
        gid: 1000,
        files,
        expected_failure: None,
        may_refuse: None,
        surroundings: BTreeMap::new(),
        run_as: None,
        unreachable_limit: 120,
        project: None,
        machine: Some(Machine {
            hostname: "worker-17".to_owned(),
            kernel: "6.1.0-18-amd64".to_owned(),
            user: "builder".to_owned(),
        }),
        faults: Vec::new(),
        previous_image: None,
    }
}
