//! Good evidence made by hand, for tests of judges: one build on all three targets, consistent in every digest.
//! `edit_*` changes one thing and makes everything that follows from it true again, so that only the fault is there.

mod extended;
mod rebase;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::digest::Digest;
use crate::evidence::{
    Arrival, Aspect, BaseImage, Blob, Change, ChangedFile, Compression, DaemonFacts, Document, EVIDENCE_VERSION, End,
    Entry, EntryFacts, EntryKind, Export, Fetched, FileFact, FileKind, Image, Inputs, Layer, LayoutFacts, LayoutRoot,
    Listing, Machine, Outcome, Phase, RunImage, RunImageInDaemon, SavedFile, ScenarioEvidence, StoreKind, Tag, TagId,
    Target, WireRecord,
};
use crate::judge;
use crate::requirement::Case;
use crate::requirements;
use crate::verdict::Finding;

pub use extended::extended;
pub use rebase::{rebased, rebased_twice, rebased_upon_the_same, refused_rebase};

const PROJECT: &str = "[source]\ntype='git'\n[source.version]\ncommit='c0ffee'\n[source.metadata]\n\
    repository='https://git.example/app'\nauthors='Ada'\nversion='1.2'\ndocumentation-url='https://docs.example'\n\
    name='Näme'\nlicenses='Apache-2.0'\n";
const METADATA: &str = "buildpack-default-process-type='web'\n[[buildpacks]]\nid='a/one'\nversion='1'\napi='0.10'\n\
    [[buildpacks]]\nid='b'\nversion='2'\napi='0.10'\n[[processes]]\ntype='web'\ncommand=['serve']\nargs=['-v']\ndirect=false\n\
    buildpack-id='b'\n[[slices]]\npaths=['static/*']\n[[slices]]\npaths=['nothing']\n\
    [[labels]]\nkey='k'\nvalue='1'\n[[labels]]\nkey='k'\nvalue='2'\n";
const GROUP: &str = "[[group]]\nid='a/one'\nversion='1'\napi='0.10'\n[[group]]\nid='b'\nversion='2'\napi='0.10'\n";
const RUN: &str = "[[images]]\nimage='host.example/run:base'\nmirrors=['mirror.example/run:base']\n";
const STORE: &str = "[metadata]\nkept='store-sentinel'\n";
/// When the exports began: 2026-09-21.
pub const STARTED: i64 = 1_790_000_000;
const MTIME: i64 = 315_532_801;

/// The scenario with one export on each target.
#[must_use]
pub fn scenario() -> ScenarioEvidence {
    steps(1)
}

/// The scenario with two exports of the same inputs on each target.
#[must_use]
pub fn repeated() -> ScenarioEvidence {
    steps(2)
}

fn steps(count: usize) -> ScenarioEvidence {
    static ONE: LazyLock<ScenarioEvidence> = LazyLock::new(|| made(1));
    static TWO: LazyLock<ScenarioEvidence> = LazyLock::new(|| made(2));
    if count == 1 { ONE.clone() } else { TWO.clone() }
}

fn made(count: usize) -> ScenarioEvidence {
    let exports = [Target::Registry, Target::Daemon, Target::Layout]
        .into_iter()
        .flat_map(|target| (1..=count).map(move |step| export(target, step)))
        .collect();
    ScenarioEvidence {
        version: EVIDENCE_VERSION,
        scenario: "sample".to_owned(),
        exports,
        rebases: Vec::new(),
        not_run: Vec::new(),
    }
}

/// The first export on a target.
///
/// # Panics
/// When there is none.
pub fn on(evidence: &mut ScenarioEvidence, target: Target) -> &mut Export {
    evidence.exports.iter_mut().find(|export| export.target == target).expect("an export on every target")
}

/// What is found of a requirement on a target, by the way that a run takes.
///
/// # Panics
/// When there is no such requirement.
#[must_use]
pub fn find(evidence: &ScenarioEvidence, requirement: &str, target: Target) -> Finding {
    let row = requirements::named(requirement).unwrap_or_else(|| panic!("no requirement {requirement}"));
    judge::resolved(&case(evidence, target, row.phase), row)
}

/// Adds a build on each target that the exporter accepted, as the last step: a refusal counts only together with one.
pub fn add_controls(evidence: &mut ScenarioEvidence) {
    let last = evidence.exports.iter().map(|export| export.step).max().unwrap_or(0) + 1;
    for mut control in scenario().exports {
        control.step = last;
        control.id = format!("{}/{}/{last}", control.scenario, control.service);
        evidence.exports.push(control);
    }
}

/// The requirement from which this one's finding follows, where it does.
///
/// # Panics
/// When there is no such requirement.
#[must_use]
pub fn root(evidence: &ScenarioEvidence, requirement: &str, target: Target) -> Option<&'static str> {
    let row = requirements::named(requirement).unwrap_or_else(|| panic!("no requirement {requirement}"));
    judge::root(&case(evidence, target, row.phase), row)
}

fn case(evidence: &ScenarioEvidence, target: Target, phase: Phase) -> Case<'_> {
    let of_phase = match phase {
        Phase::Exporter => &evidence.exports,
        Phase::Rebaser => &evidence.rebases,
    };
    let exports: Vec<&Export> = of_phase.iter().filter(|export| export.target == target).collect();
    let service = exports.first().map_or("", |export| export.service.as_str());
    Case { scenario: evidence, target, service, exports, run: std::slice::from_ref(evidence) }
}

/// The scenario with one export on each target that was given bad input and refused it, printing `output`.
#[must_use]
pub fn refused(slug: &str, output: &str) -> ScenarioEvidence {
    let mut evidence = scenario();
    for export in &mut evidence.exports {
        export.inputs.expected_failure = Some(slug.to_owned());
        export.outcome.end = End::Exited(1);
        export.outcome.stdout = String::new();
        export.outcome.stderr = output.to_owned();
        export.report = None;
        export.image = None;
        for tag in &mut export.tags {
            tag.digest = None;
        }
    }
    evidence
}

/// The scenario with annotations that buildpacks contribute: a key of their own, defined twice, and another one.
#[must_use]
pub fn contributed() -> ScenarioEvidence {
    let mut evidence = scenario();
    for export in &mut evidence.exports {
        contribute(export, &[("com.example.team", "first"), ("com.example.team", "last"), ("com.example.one", "1")]);
    }
    evidence
}

/// Adds annotations to `config/metadata.toml`, to the layer that holds it, and to the manifest where there is one.
pub fn contribute(export: &mut Export, pairs: &[(&str, &str)]) {
    let entries: Vec<String> =
        pairs.iter().map(|(key, value)| format!("[[annotations]]\nkey='{key}'\nvalue='{value}'\n")).collect();
    let text = format!("{METADATA}{}", entries.concat());
    edit_input(export, "/layers/config/metadata.toml", &text);
    let annotations = export.image.as_ref().map(crate::view::annotations).unwrap_or_default();
    edit_entries(export, 5, |entries| entries[0] = file("/layers/config/metadata.toml", &text));
    if export.target == Target::Daemon {
        return;
    }
    edit_manifest(export, |manifest| {
        let kept = annotations.into_iter().map(|(key, value)| (key, value.to_value()));
        let added = pairs.iter().map(|(key, value)| ((*key).to_owned(), json!(value)));
        manifest["annotations"] = Value::Object(kept.chain(added).collect());
    });
}

/// Two exports of one build on each target, the second in other surroundings.
#[must_use]
pub fn in_other_surroundings() -> ScenarioEvidence {
    let mut evidence = repeated();
    for export in evidence.exports.iter_mut().filter(|export| export.step == 2) {
        export.inputs.surroundings.insert("umask".to_owned(), "077".to_owned());
        export.inputs.surroundings.insert("TZ".to_owned(), "Asia/Tokyo".to_owned());
        export.inputs.environment.insert("TZ".to_owned(), "Asia/Tokyo".to_owned());
    }
    evidence
}

/// The export of a step on a target.
///
/// # Panics
/// When there is none.
pub fn step(evidence: &mut ScenarioEvidence, target: Target, step: usize) -> &mut Export {
    let all = evidence.exports.iter_mut().chain(&mut evidence.rebases);
    let found = all.into_iter().find(|export| export.target == target && export.step == step);
    found.expect("an export of this step")
}

fn entry(path: &str, kind: EntryKind, mode: u32, text: &str, link: Option<&str>) -> Entry {
    let is_file = kind == EntryKind::File;
    Entry {
        path: path.to_owned(),
        kind,
        mode,
        uid: 1000,
        gid: 1000,
        size: if is_file { text.len() as u64 } else { 0 },
        mtime: MTIME,
        link: link.map(str::to_owned),
        content: is_file.then(|| Digest::of(text.as_bytes())),
        text: (is_file && path.ends_with("/config/metadata.toml")).then(|| text.to_owned()),
        more: EntryFacts::default(),
    }
}

fn file(path: &str, text: &str) -> Entry {
    entry(path, EntryKind::File, 0o644, text, None)
}

fn folder(path: &str) -> Entry {
    entry(path, EntryKind::Directory, 0o755, "", None)
}

/// A layer whose bytes are made up: its digests are those of its name and of its listing.
#[must_use]
pub fn layer(name: &str, entries: impl Into<Listing>) -> Layer {
    let entries = entries.into();
    let tar = format!("{name} {:?}", *entries);
    let digest = Digest::of(format!("gzip {tar}").as_bytes());
    let blob = Blob {
        digest: digest.clone(),
        named: None,
        size: tar.len() as u64,
        compression: Compression::Gzip,
        diff_id: Digest::of(tar.as_bytes()),
        uncompressed_size: tar.len() as u64,
        entries,
        unlisted: None,
    };
    Layer { blob: Some(blob), ..Layer::named(digest.to_string()) }
}

fn base_layers() -> Vec<Layer> {
    vec![layer("base", vec![file("/etc/os-release", "ID=x")]), layer("base-two", vec![file("/usr/base", "x")])]
}

/// The layers that the exporter adds, in order.
#[must_use]
pub fn own_layers() -> Vec<Layer> {
    let launcher = Entry { uid: 0, gid: 0, mode: 0o755, ..file("/cnb/lifecycle/launcher", "launcher") };
    let process = entry("/cnb/process/web", EntryKind::Symlink, 0o777, "", Some("/cnb/lifecycle/launcher"));
    vec![
        layer("runtime", vec![folder("/layers/a_one/runtime"), file("/layers/a_one/runtime/bin", "runtime")]),
        layer(
            "sbom",
            vec![
                file("/layers/sbom/launch/a_one/sbom.cdx.json", "{}"),
                file("/layers/sbom/launch/buildpacksio_lifecycle/launcher/sbom.cdx.json", "{\"l\":1}"),
            ],
        ),
        layer("slice", vec![folder("/workspace"), file("/workspace/static/a.css", "css")]),
        layer("app", vec![folder("/workspace"), file("/workspace/main", "main")]),
        layer("launcher", vec![folder("/cnb"), launcher]),
        layer("config", vec![file("/layers/config/metadata.toml", METADATA)]),
        layer("processes", vec![process]),
    ]
}

fn diff_ids(layers: &[Layer]) -> Vec<Digest> {
    layers.iter().filter_map(|layer| layer.blob.as_ref().map(|blob| blob.diff_id.clone())).collect()
}

fn run_labels() -> Value {
    json!({ "org.opencontainers.image.version": "sentinel-label-version", "base": "sentinel-label-base" })
}

fn run_config() -> Value {
    json!({
        "architecture": "amd64", "os": "linux", "os.version": "6.1", "created": "1970-01-01T00:00:01Z",
        "config": {
            "User": "1000", "Env": ["PATH=/usr/bin:/bin", "LANG=C"], "Labels": run_labels(),
            "ExposedPorts": { "80/tcp": {} }, "Volumes": { "/data": {} }, "StopSignal": "SIGQUIT",
        },
        "rootfs": { "type": "layers", "diff_ids": diff_ids(&base_layers()) },
        "history": [{ "created_by": "x" }, { "created_by": "y" }],
    })
}

fn descriptor(media_type: &str, digest: &str, size: u64) -> Value {
    json!({ "mediaType": media_type, "digest": digest, "size": size })
}

fn manifest_value(config: &Document, layers: &[Layer], annotations: Value) -> Value {
    let size = |layer: &Layer| layer.blob.as_ref().map_or(0, |blob| blob.size);
    let layer_type = "application/vnd.oci.image.layer.v1.tar+gzip";
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("application/vnd.oci.image.config.v1+json", config.digest.as_str(), config.bytes.len() as u64),
        "layers": layers.iter().map(|layer| descriptor(layer_type, &layer.name, size(layer))).collect::<Vec<_>>(),
    });
    manifest["annotations"] = annotations;
    manifest
}

fn oci(value: &Value) -> Document {
    let media_type = value["mediaType"].as_str().map(str::to_owned);
    Document::new(value.to_string().into_bytes(), media_type)
}

fn run_image(target: Target) -> RunImage {
    let config = Document::new(run_config().to_string().into_bytes(), None);
    let annotations =
        json!({ "org.opencontainers.image.title": "sentinel-annotation-title", "x.y": "sentinel-annotation" });
    let manifest = oci(&manifest_value(&config, &base_layers(), annotations));
    let reference = match target {
        Target::Registry => format!("host.example/run@{}", manifest.digest),
        Target::Daemon => config.digest.to_string(),
        Target::Layout => format!("/layout/run.example/run@{}", manifest.digest),
    };
    let sentinels =
        ["sentinel-label-version", "sentinel-label-base", "sentinel-annotation-title", "sentinel-annotation"];
    RunImage {
        name: "host.example/run:base".to_owned(),
        reference,
        digest: manifest.digest.clone(),
        index: None,
        manifest,
        config,
        sentinels: sentinels.map(str::to_owned).to_vec(),
        extension: None,
        tag_moved_to: None,
        in_daemon: None,
    }
}

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
    }
}

fn directory(path: &str) -> FileFact {
    FileFact { kind: FileKind::Directory, mode: 0o755, content: None, text: None, size: 0, ..fact(path, "") }
}

fn analyzed(run: &RunImage) -> String {
    format!("[run-image]\nimage='{}'\nreference='{}'\n", run.name, run.reference)
}

fn inputs(target: Target, run: &RunImage) -> Inputs {
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
    }
}

fn lifecycle_label(target: Target, run: &RunImage, own: &[Layer]) -> Value {
    let ids = diff_ids(own);
    let reference = match target {
        Target::Layout => format!("host.example/run@{}", run.digest),
        _ => run.reference.clone(),
    };
    let names = json!({
        "image": "host.example/run:base", "mirrors": ["mirror.example/run:base"],
        "topLayer": diff_ids(&base_layers())[1], "reference": reference,
    });
    json!({
        "app": [{ "sha": ids[2] }, { "sha": ids[3] }], "sbom": { "sha": ids[1] }, "config": { "sha": ids[5] },
        "launcher": { "sha": ids[4] },
        "buildpacks": [
            {
                "key": "a/one", "version": "1", "store": { "metadata": { "kept": "store-sentinel" } },
                "layers": { "runtime": { "sha": ids[0], "launch": true, "build": false, "cache": true, "data": { "v": "1" } } },
            },
            { "key": "b", "version": "2", "layers": {} },
        ],
        "runImage": names, "stack": { "runImage": names },
    })
}

fn config_value(target: Target, run: &RunImage, own: &[Layer]) -> Value {
    let mut config = run_config();
    let labels = config["config"]["Labels"].as_object_mut().expect("labels");
    let build = json!({
        "processes": [{ "type": "web", "command": ["serve"], "args": ["-v"], "direct": false, "buildpackID": "b" }],
        "buildpacks": [
            { "id": "a/one", "version": "1", "api": "0.10" }, { "id": "b", "version": "2", "api": "0.10" },
        ],
        "launcher": { "version": "1" },
    });
    let project = json!({ "source": { "type": "git", "version": { "commit": "c0ffee" }, "metadata": {
        "repository": "https://git.example/app", "authors": "Ada", "version": "1.2",
        "documentation-url": "https://docs.example", "name": "Näme", "licenses": "Apache-2.0",
    } } });
    for (key, value) in [
        ("io.buildpacks.lifecycle.metadata", lifecycle_label(target, run, own).to_string()),
        ("io.buildpacks.build.metadata", build.to_string()),
        ("io.buildpacks.project.metadata", project.to_string()),
        ("io.buildpacks.rebasable", "false".to_owned()),
        ("k", "2".to_owned()),
    ] {
        labels.insert(key.to_owned(), json!(value));
    }
    config["config"]["Env"] =
        json!(["LANG=C", "CNB_LAYERS_DIR=/layers", "CNB_APP_DIR=/workspace", "PATH=/cnb/process:/usr/bin:/bin",]);
    config["config"]["Entrypoint"] = json!(["/cnb/process/web"]);
    config["config"]["WorkingDir"] = json!("/workspace");
    config["created"] = json!("1980-01-01T00:00:01Z");
    for id in diff_ids(own) {
        config["rootfs"]["diff_ids"].as_array_mut().expect("diff_ids").push(json!(id));
        config["history"].as_array_mut().expect("history").push(json!({ "created_by": "exporter" }));
    }
    config
}

fn annotations(run: &RunImage) -> Value {
    let values = [
        ("base.name", run.name.as_str()),
        ("base.digest", run.digest.as_str()),
        ("source", "https://git.example/app"),
        ("revision", "c0ffee"),
        ("authors", "Ada"),
        ("version", "1.2"),
        ("documentation", "https://docs.example"),
        ("title", "Näme"),
        ("licenses", "Apache-2.0"),
    ];
    values.into_iter().map(|(key, value)| (format!("org.opencontainers.image.{key}"), json!(value))).collect()
}

fn export(target: Target, step: usize) -> Export {
    let run = run_image(target);
    let own = own_layers();
    let layers: Vec<Layer> = base_layers().into_iter().chain(own.clone()).collect();
    let config = Document::new(config_value(target, &run, &own).to_string().into_bytes(), None);
    let manifest = oci(&manifest_value(&config, &layers, annotations(&run)));
    let service = match target {
        Target::Registry => "registry",
        Target::Daemon => "daemon:classic",
        Target::Layout => "layout",
    };
    let base = BaseImage {
        fetched: Fetched { asked: run.digest.to_string(), status: 200, document: Some(run.manifest.clone()) },
        config: Some(run.config.clone()),
    };
    let inputs = inputs(target, &run);
    let mut export = Export {
        id: format!("sample/{service}/{step}"),
        scenario: "sample".to_owned(),
        target,
        service: service.to_owned(),
        step,
        platform_api: "0.15".to_owned(),
        tags_before: inputs.images.iter().map(|image| (image.clone(), None)).collect(),
        inputs,
        run_image: run,
        outcome: Outcome {
            end: End::Exited(0),
            stdout: "a daemon keeps no annotations".to_owned(),
            stderr: String::new(),
            printed: 29,
            started: STARTED,
            milliseconds: 10,
            left: Some(Vec::new()),
            credentials_printed: None,
        },
        report: None,
        tags: Vec::new(),
        image: Some(Image { manifest: Some(manifest), config: Some(config), layers }),
        base: (target != Target::Daemon).then_some(base),
        daemon: None,
        layout: None,
        wire: (target == Target::Registry).then(|| vec![put("/v2/app/manifests/latest")]),
        previous_after: None,
        build_sboms: vec![fact("/layers/sbom/build/b/sbom.cdx.json", "{\"b\":1}")],
        changed_files: Some(vec![written()]),
        troubles: Vec::new(),
        rebase: None,
    };
    if target == Target::Daemon {
        in_daemon(&mut export);
    }
    seal(&mut export);
    export
}

/// The manifest put under a tag.
fn put(target: &str) -> WireRecord {
    WireRecord {
        sequence: 9,
        method: "PUT".to_owned(),
        target: target.to_owned(),
        status: 201,
        content_type: Some("application/vnd.oci.image.manifest.v1+json".to_owned()),
        request_bytes: 1000,
        response_bytes: 0,
        had_credentials: false,
        ..WireRecord::default()
    }
}

/// The report, which was that of the build before.
fn written() -> ChangedFile {
    ChangedFile {
        path: "/report/report.toml".to_owned(),
        kind: FileKind::File,
        change: Change::Altered,
        aspects: vec![Aspect::Content, Aspect::Time],
    }
}

/// A classic daemon's view: no manifest, plain tars named by their diffID, and an image pushed to the registry.
fn in_daemon(export: &mut Export) {
    let image = export.image.as_mut().expect("an image");
    let pushed = Image { manifest: image.manifest.take(), ..image.clone() };
    for layer in &mut image.layers {
        let blob = layer.blob.as_mut().expect("a blob");
        blob.compression = Compression::None;
        blob.digest = blob.diff_id.clone();
        layer.name = format!("{}.tar", blob.diff_id.encoded());
    }
    export.daemon = Some(DaemonFacts {
        store: StoreKind::Classic,
        engine: "20.10.24".to_owned(),
        inspect: None,
        tag_ids: Vec::new(),
        had_image: false,
        saved: Vec::new(),
        archive_manifest: None,
        archive_index: None,
        pushed: Some(pushed),
        push_problem: None,
        pulled_back: None,
        pull_problem: None,
        engine_end: None,
        ran: None,
    });
}

/// The scenario with a daemon that keeps what it is given: manifest, config and layers are the registry's, and so is
/// what it pushes. A containerd store's ID is the manifest's digest; podman compresses layers itself when it pushes.
///
/// # Panics
/// When the sample is not whole.
#[must_use]
pub fn kept_by(store: StoreKind) -> ScenarioEvidence {
    let mut evidence = scenario();
    let registry = on(&mut evidence, Target::Registry).clone();
    let image = registry.image.clone().expect("an image");
    let export = on(&mut evidence, Target::Daemon);
    export.image = Some(image.clone());
    export.run_image.in_daemon = Some(RunImageInDaemon {
        arrival: Arrival::Usual,
        id: export.run_image.digest.to_string(),
        repo_digests: vec![format!("host.example/run@{}", export.run_image.digest)],
    });
    seal(export);
    "saved".clone_into(&mut export.outcome.stdout);
    export.service = if store == StoreKind::Podman { "daemon:podman" } else { "daemon:containerd" }.to_owned();
    let id = export.manifest_digest().cloned().expect("a manifest");
    let daemon = export.daemon.as_mut().expect("a daemon");
    daemon.store = store;
    if store == StoreKind::Containerd {
        daemon.tag_ids[0].id = Some(id.to_string());
    }
    push(export);
    evidence
}

/// Makes what was pushed follow the image: the manifest that the registry was sent, and what a daemon pushed, as its
/// store does; and what was pulled back, where manifests are kept.
///
/// # Panics
/// When the export has no image or no config.
pub fn push(export: &mut Export) {
    let image = export.image.as_ref().expect("an image");
    for record in export.wire.iter_mut().flatten().filter(|record| record.manifest.is_some()) {
        put_again(record, image);
    }
    let Some(daemon) = &mut export.daemon else { return };
    let pushed = match daemon.store {
        StoreKind::Classic => {
            let layers = image.layers.clone();
            let manifest = oci(&manifest_value(image.config.as_ref().expect("a config"), &layers, json!({})));
            let mut pushed = recompressed(&Image { manifest: Some(manifest), layers, config: image.config.clone() });
            made_up(&mut pushed);
            pushed
        }
        StoreKind::Containerd => image.clone(),
        StoreKind::Podman => recompressed(image),
    };
    if daemon.store != StoreKind::Classic {
        daemon.pulled_back = Some(pushed.clone());
    }
    daemon.pushed = Some(pushed);
}

/// Makes a manifest that was put the image's.
fn put_again(record: &mut WireRecord, image: &Image) {
    let (Some(manifest), Some(sent)) = (&image.manifest, &mut record.manifest) else { return };
    sent.digest = manifest.digest.clone();
    let Ok(json) = serde_json::from_slice::<Value>(&manifest.bytes) else { return };
    sent.media_type = json["mediaType"].as_str().map(str::to_owned);
    if let (Some(sent), Some(own)) = (&mut record.content_type, json["mediaType"].as_str()) {
        own.clone_into(sent);
    }
}

/// Makes the manifest one that a daemon makes up for what came without: Docker schema 2, no annotations.
///
/// # Panics
/// When there is no manifest.
pub fn made_up(image: &mut Image) {
    let mut manifest = value(image.manifest.as_ref());
    manifest["mediaType"] = json!("application/vnd.docker.distribution.manifest.v2+json");
    manifest["config"]["mediaType"] = json!("application/vnd.docker.container.image.v1+json");
    for layer in manifest["layers"].as_array_mut().expect("layers") {
        layer["mediaType"] = json!("application/vnd.docker.image.rootfs.diff.tar.gzip");
    }
    manifest.as_object_mut().expect("a manifest").shift_remove("annotations");
    image.manifest = Some(oci(&manifest));
}

/// The same image with layers compressed once more, and the manifest that follows.
///
/// # Panics
/// When there is no manifest, or a layer has no blob.
#[must_use]
pub fn recompressed(image: &Image) -> Image {
    let mut image = image.clone();
    let mut manifest = value(image.manifest.as_ref());
    for (index, layer) in image.layers.iter_mut().enumerate() {
        let blob = layer.blob.as_mut().expect("a blob");
        blob.digest = Digest::of(format!("again {}", blob.digest).as_bytes());
        blob.size += 1;
        layer.name = blob.digest.to_string();
        manifest["layers"][index]["digest"] = json!(blob.digest);
        manifest["layers"][index]["size"] = json!(blob.size);
    }
    image.manifest = Some(oci(&manifest));
    image
}

/// Makes tags, report and stores agree with the image again.
///
/// # Panics
/// When the export has no image.
pub fn seal(export: &mut Export) {
    let image = export.image.as_ref().expect("an image");
    let image_id = image.config.as_ref().expect("a config").digest.to_string();
    let digest = image.manifest.as_ref().map(|manifest| manifest.digest.to_string());
    let size = image.manifest.as_ref().map(|manifest| manifest.bytes.len());
    let names = export.inputs.images.clone();
    let seen = digest.clone().unwrap_or_else(|| image_id.clone());
    let content_type = image.manifest.as_ref().and_then(|manifest| manifest.content_type.clone());
    export.tags = names
        .iter()
        .map(|name| Tag {
            reference: name.clone(),
            digest: Some(seen.clone()),
            status: if export.target == Target::Registry { 200 } else { 0 },
            content_type: content_type.clone().filter(|_| export.target == Target::Registry),
        })
        .collect();
    let list = names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(",");
    let label = crate::view::lifecycle_label(image);
    let of_label = |key| label.as_ref().and_then(|label| label.at(&["runImage", key])?.as_str().map(str::to_owned));
    let (reference, top) = (of_label("reference"), of_label("topLayer").unwrap_or_default());
    let served = digest.zip(size).map(|(digest, size)| format!("digest='{digest}'\nmanifest-size={size}\n"));
    let report = format!(
        "[image]\ntags=[{list}]\nimage-id='{image_id}'\n{}[image.run-image]\nimage='host.example/run:base'\n\
         reference='{}'\ntop-layer='{top}'\nmirrors=['mirror.example/run:base']\n",
        served.unwrap_or_default(),
        reference.unwrap_or_default()
    );
    export.report = Some(Document::new(report.into_bytes(), None));
    seal_stores(export, &names, &image_id);
}

fn seal_stores(export: &mut Export, names: &[String], image_id: &str) {
    let Some(image) = &export.image else { return };
    if let Some(daemon) = &mut export.daemon {
        daemon.tag_ids =
            names.iter().map(|name| TagId { reference: name.clone(), id: Some(image_id.to_owned()) }).collect();
        let blobs = image.layers.iter().filter_map(|layer| Some((layer, layer.blob.as_ref()?)));
        daemon.saved = blobs
            .map(|(layer, blob)| SavedFile { path: layer.name.clone(), size: blob.size, digest: blob.digest.clone() })
            .collect();
        let layers: Vec<&String> = image.layers.iter().map(|layer| &layer.name).collect();
        let list = json!([{ "Config": "config.json", "RepoTags": names, "Layers": layers }]);
        daemon.archive_manifest = Some(Document::new(list.to_string().into_bytes(), None));
    }
    if export.target == Target::Layout {
        let manifest = image.manifest.clone().expect("a manifest");
        let config = image.config.clone().expect("a config");
        let saved = |digest: &Digest, size: usize| SavedFile {
            path: format!("blobs/sha256/{}", digest.encoded()),
            size: size as u64,
            digest: digest.clone(),
        };
        let mut blobs = vec![saved(&manifest.digest, manifest.bytes.len()), saved(&config.digest, config.bytes.len())];
        blobs.extend(
            image
                .layers
                .iter()
                .filter_map(|layer| layer.blob.as_ref())
                .map(|blob| SavedFile { size: blob.size, ..saved(&blob.digest, 0) }),
        );
        let mut entry = descriptor(
            "application/vnd.oci.image.manifest.v1+json",
            manifest.digest.as_str(),
            manifest.bytes.len() as u64,
        );
        entry["platform"] = json!({ "architecture": "amd64", "os": "linux" });
        entry["annotations"] = json!({ "org.opencontainers.image.ref.name": "latest" });
        let kind = "application/vnd.oci.image.index.v1+json";
        let index = json!({ "schemaVersion": 2, "mediaType": kind, "manifests": [entry] });
        let index = Document::new(index.to_string().into_bytes(), None);
        let roots: Vec<LayoutRoot> = names
            .iter()
            .map(|name| LayoutRoot {
                reference: name.clone(),
                path: name.replace(':', "/"),
                present: true,
                oci_layout: Some(Document::new(br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec(), None)),
                index: Some(index.clone()),
                unread: Vec::new(),
                blobs: blobs.clone(),
            })
            .collect();
        export.layout = Some(LayoutFacts { folders: roots.iter().map(|root| root.path.clone()).collect(), roots });
    }
}

fn value(document: Option<&Document>) -> Value {
    serde_json::from_slice(&document.expect("a document").bytes).expect("JSON")
}

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

/// The scenario with two `<image>`s on each target.
#[must_use]
pub fn with_two_tags() -> ScenarioEvidence {
    let mut evidence = scenario();
    evidence.exports.iter_mut().for_each(one_more_tag);
    evidence
}
