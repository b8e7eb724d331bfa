//! Good evidence made by hand, for tests of judges: one build on all three targets, consistent in every digest.
//! `edit_*` changes one thing and makes everything that follows from it true again, so that only the fault is there.

mod build;
mod edit;
mod extended;
mod image;
mod rebase;
mod stores;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::evidence::{
    Act, Arrival, Aspect, BaseImage, Change, ChangedFile, Contact, Contacts, Document, EVIDENCE_VERSION, End, Export,
    Fetched, FileKind, Image, Layer, Outcome, Phase, Protocol, RunImageInDaemon, ScenarioEvidence, StoreKind, Target,
    WireRecord,
};
use crate::judge;
use crate::requirement::Case;
use crate::requirements;
use crate::verdict::Finding;

pub(crate) use build::{fact, previous_image};
pub use edit::{
    annotate, edit_config, edit_document, edit_entries, edit_input, edit_label, edit_layers, edit_manifest,
    edit_report, one_more_tag, raw_config, raw_manifest, set_config,
};
pub use extended::extended;
pub use image::{layer, made_up, own_layers, recompressed};
pub use rebase::{rebased, rebased_twice, rebased_upon_the_same, refused_rebase};
pub use stores::{push, seal};

use build::{METADATA, inputs};
use image::{annotations, base_layers, config_value, file, manifest_value, oci, run_image};
use stores::in_daemon;

/// When the exports began: 2026-09-21.
pub const STARTED: i64 = 1_790_000_000;

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
            contacted: Some(contacted()),
            credentials_printed: None,
            outlived: Some(0),
            written: Some(Vec::new()),
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
        left_out: Vec::new(),
        output_modes: BTreeMap::from([("/report/report.toml".to_owned(), 0o644)]),
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

/// The host that the inputs name.
fn contacted() -> Contacts {
    let address = [192, 0, 2, 1].into();
    let contact = Contact { address, port: 443, protocol: Some(Protocol::Tcp), act: Act::Connect };
    Contacts { seen: vec![contact], more: false, knows_itself: true }
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

/// The scenario with two `<image>`s on each target.
#[must_use]
pub fn with_two_tags() -> ScenarioEvidence {
    let mut evidence = scenario();
    evidence.exports.iter_mut().for_each(one_more_tag);
    evidence
}
