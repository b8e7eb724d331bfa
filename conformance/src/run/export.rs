//! One export: inputs laid out, what the target holds observed, the exporter run, what it left observed, all kept as
//! evidence before anything is judged.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use judge::evidence::{
    BaseImage, DaemonFacts, Document, Export, FileFact, Image, Inputs, LayoutFacts, Outcome, RunImage, Tag, Target,
};

use super::Shared;
use crate::evidence_folder::EvidenceError;
use crate::exporter::process::ProcessError;
use crate::exporter::supervise::Spec;
use crate::exporter::{CallPlaces, Invocation, invocation};
use crate::observe::file_facts;
use crate::scenario::materialise::{
    self, APP, Analysis, DOCKER_CONFIG, LAYERS, LAYOUT, LIFECYCLE, MaterialiseError, Places, Previous, REPORT, RUN,
};
use crate::scenario::run_image::{self, MadeImage};
use crate::scenario::{Scenario, Step};
use crate::workplace::WorkplaceError;

/// Why an export could not be made or observed: never the exporter's fault.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExportError {
    #[error(transparent)]
    Workplace(#[from] WorkplaceError),
    #[error(transparent)]
    Materialise(#[from] MaterialiseError),
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    #[error("{doing}: {source}")]
    Disk { doing: String, source: std::io::Error },
    #[error("{doing}: {reason}")]
    Service { doing: String, reason: String },
}

/// Where in a scenario an export stands.
pub(super) struct Before<'a> {
    /// Its step, from 1.
    pub(super) number: usize,
    /// Its id.
    pub(super) id: &'a str,
    /// The export before it.
    pub(super) last: Option<&'a Export>,
}

/// What was seen of a store after an export.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) tags: Vec<Tag>,
    pub(super) image: Option<Image>,
    pub(super) base: Option<BaseImage>,
    pub(super) daemon: Option<DaemonFacts>,
    pub(super) layout: Option<LayoutFacts>,
    pub(super) wire: Option<Vec<judge::evidence::WireRecord>>,
    pub(super) previous_after: Option<judge::evidence::Fetched>,
    pub(super) troubles: Vec<String>,
}

/// A target that images are exported to: how its run image gets there, and how it is observed.
pub(super) trait Store {
    /// The target.
    fn target(&self) -> Target;
    /// The service as `--require` names it.
    fn service(&self) -> &str;
    /// Every `<image>`.
    fn images(&self) -> Vec<String>;
    /// `DOCKER_HOST` for the exporter.
    fn docker_host(&self) -> Option<&str> {
        None
    }
    /// Puts the run image where the analysis finds it; gives `run-image.image` and `run-image.reference`.
    async fn publish(&mut self, image: &MadeImage, places: &Places) -> Result<(String, String), ExportError>;
    /// Makes the run image's tag name another image.
    async fn move_tag(&mut self, image: &MadeImage, places: &Places) -> Result<(), ExportError>;
    /// How `analyzed.toml` refers to the image that an export left.
    fn previous_reference(&self, export: &Export, places: &Places) -> Option<String>;
    /// What every `<image>` names now.
    async fn tags(&mut self, places: &Places) -> Result<BTreeMap<String, Option<String>>, ExportError>;
    /// Observes what an export left. The exporter may have failed.
    async fn observe(&mut self, context: &Before<'_>, run: &MadeImage, places: &Places) -> Result<Seen, ExportError>;
    /// Removes what the suite put there.
    async fn clean_up(&mut self);
}

/// Makes one export.
pub(super) async fn run<S: Store>(
    shared: &Shared,
    scenario: &Scenario,
    store: &mut S,
    context: &Before<'_>,
) -> Result<Export, ExportError> {
    let step = &scenario.file.steps[context.number - 1];
    let name = format!("{}-{}", scenario.name, store.service().replace(':', "-"));
    let carried = carry_layout(shared, step, &name)?;
    let places = shared.workplace.places(&name)?;
    bring_layout(carried.as_deref(), &places)?;
    let made = run_image::make(&scenario.file.run_image, "").map_err(|source| disk("make the run image", source))?;
    let (run_name, reference) = store.publish(&made, &places).await?;
    let analysis = analysis(scenario, step, store, context, &places, (&run_name, &reference));
    materialise::materialise(scenario, step, &analysis, &places)?;
    bring_credentials(&places)?;
    let moved = move_tag(step, scenario, store, &places).await?;
    let kept = keep_inputs(shared, scenario, step, &analysis, context.id)?;
    let images = store.images();
    let call = call(shared, scenario, step, store, &images, &places);
    let inputs = inputs(shared, scenario, step, store, &call, &images, &places)?;
    let tags_before = store.tags(&places).await?;
    let outcome = execute(shared, &call, &places, &name).await?;
    let seen = store.observe(context, &made, &places).await?;
    let build_sboms = facts_of(&places, &format!("{LAYERS}/sbom/build")).unwrap_or_default();
    let report = read_report(&places);
    let export = Export {
        id: context.id.to_owned(),
        scenario: scenario.name.clone(),
        target: store.target(),
        service: store.service().to_owned(),
        step: context.number,
        platform_api: shared.options.platform_api.clone(),
        inputs,
        run_image: run_image_facts(scenario, &made, run_name, reference, moved),
        outcome,
        report,
        tags_before,
        tags: seen.tags,
        image: seen.image,
        base: seen.base,
        daemon: seen.daemon,
        layout: seen.layout,
        wire: seen.wire,
        previous_after: seen.previous_after,
        build_sboms,
        troubles: seen.troubles,
    };
    shared.evidence.add(&export, kept.as_deref())?;
    Ok(export)
}

/// Something that could not be observed, with all its causes in one line.
pub(super) fn unobserved(doing: &str, error: &dyn std::error::Error) -> ExportError {
    let mut reason = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        reason = format!("{reason}: {next}");
        cause = next.source();
    }
    ExportError::Service { doing: doing.to_owned(), reason }
}

pub(super) fn disk(doing: &str, source: std::io::Error) -> ExportError {
    ExportError::Disk { doing: doing.to_owned(), source }
}

/// A layout build finds its previous image in the same layout folder, so that folder outlives the step.
fn carry_layout(shared: &Shared, step: &Step, name: &str) -> Result<Option<PathBuf>, ExportError> {
    if !step.previous_image {
        return Ok(None);
    }
    let from = match shared.workplace.sequential() {
        None => shared.workplace.scratch().join(name).join(LAYOUT),
        Some(_) => shared.workplace.seen().join(LAYOUT),
    };
    let to = shared.workplace.scratch().join(format!("{name}-layout"));
    match std::fs::rename(&from, &to) {
        Ok(()) => Ok(Some(to)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(disk("keep the layout of the step before", source)),
    }
}

fn bring_layout(carried: Option<&Path>, places: &Places) -> Result<(), ExportError> {
    match carried {
        Some(from) => {
            std::fs::rename(from, places.here(LAYOUT)).map_err(|source| disk("bring back the layout", source))
        }
        None => Ok(()),
    }
}

/// The exporter gets the user's registry credentials where docker keeps them; they never reach the evidence.
fn bring_credentials(places: &Places) -> Result<(), ExportError> {
    let folder = std::env::var_os("DOCKER_CONFIG")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".docker")));
    let Some(config) = folder.map(|folder| folder.join("config.json")).filter(|path| path.is_file()) else {
        return Ok(());
    };
    std::fs::copy(config, places.here(DOCKER_CONFIG).join("config.json"))
        .map(|_| ())
        .map_err(|source| disk("copy docker's config.json", source))
}

fn analysis<S: Store>(
    scenario: &Scenario,
    step: &Step,
    store: &S,
    context: &Before<'_>,
    places: &Places,
    (name, reference): (&str, &str),
) -> Analysis {
    let previous = context.last.filter(|_| step.previous_image).and_then(|export| {
        Some(Previous { reference: store.previous_reference(export, places)?, metadata: lifecycle_label(export) })
    });
    Analysis {
        run_image: name.to_owned(),
        reference: reference.to_owned(),
        listed: name.to_owned(),
        mirrors: scenario.file.run_image.mirrors.clone(),
        previous,
    }
}

/// The label that the analysis phase reads from the previous image.
fn lifecycle_label(export: &Export) -> Option<serde_json::Value> {
    let config: serde_json::Value = serde_json::from_slice(&export.image.as_ref()?.config.as_ref()?.bytes).ok()?;
    serde_json::from_str(config["config"]["Labels"]["io.buildpacks.lifecycle.metadata"].as_str()?).ok()
}

async fn move_tag<S: Store>(
    step: &Step,
    scenario: &Scenario,
    store: &mut S,
    places: &Places,
) -> Result<Option<judge::digest::Digest>, ExportError> {
    if !step.move_run_image_tag {
        return Ok(None);
    }
    let other = run_image::make(&scenario.file.run_image, "another run image\n")
        .map_err(|source| disk("make another run image", source))?;
    store.move_tag(&other, places).await?;
    Ok(Some(other.manifest.digest))
}

fn keep_inputs(
    shared: &Shared,
    scenario: &Scenario,
    step: &Step,
    analysis: &Analysis,
    id: &str,
) -> Result<Option<PathBuf>, ExportError> {
    let Some(root) = &shared.options.keep else { return Ok(None) };
    let here = root.join(id);
    std::fs::create_dir_all(&here).map_err(|source| disk(&format!("keep inputs in {}", here.display()), source))?;
    let places = Places { here: here.clone(), seen: shared.workplace.seen().to_path_buf() };
    materialise::materialise(scenario, step, analysis, &places)?;
    Ok(Some(here))
}

fn call<S: Store>(
    shared: &Shared,
    scenario: &Scenario,
    step: &Step,
    store: &S,
    images: &[String],
    places: &Places,
) -> Invocation {
    let call = CallPlaces {
        places,
        target: store.target(),
        insecure_registry: shared.services.insecure_host(),
        docker_host: store.docker_host(),
        platform_api: &shared.options.platform_api,
        owner: owner(),
    };
    invocation(&shared.options.exporter, &scenario.file, step, images, &call)
}

fn owner() -> (u32, u32) {
    (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw())
}

fn inputs<S: Store>(
    shared: &Shared,
    scenario: &Scenario,
    step: &Step,
    store: &S,
    call: &Invocation,
    images: &[String],
    places: &Places,
) -> Result<Inputs, ExportError> {
    let mut files: Vec<FileFact> = Vec::new();
    for folder in [LAYERS, APP, "cnb"] {
        files.extend(facts_of(places, folder)?);
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let layers_file = |name: &str| places.seen(&format!("{LAYERS}/{name}"));
    let epoch = call.environment.get("SOURCE_DATE_EPOCH").and_then(|text| text.parse().ok());
    let secret = |name: &str| name == "CNB_REGISTRY_AUTH";
    Ok(Inputs {
        argv: call.argv.clone(),
        environment: call
            .environment
            .iter()
            .filter(|(name, _)| !secret(name))
            .map(|(n, v)| (n.clone(), v.clone()))
            .collect(),
        images: images.to_vec(),
        layers: places.seen(LAYERS),
        app: places.seen(APP),
        analyzed: layers_file("analyzed.toml"),
        group: layers_file("group.toml"),
        project_metadata: layers_file("project-metadata.toml"),
        report: places.seen(REPORT),
        run: places.seen(RUN),
        launcher: places.seen(&format!("{LIFECYCLE}/launcher")),
        launcher_sbom: places.seen(LIFECYCLE),
        layout_dir: (store.target() == Target::Layout).then(|| places.seen(LAYOUT)),
        process_type: scenario.file.process_type.clone().filter(|_| takes(shared, "-process-type")),
        source_date_epoch: epoch,
        uid: owner().0,
        gid: owner().1,
        files,
        expected_failure: step.expect_failure.clone(),
        may_refuse: None,
        surroundings: BTreeMap::new(),
        run_as: None,
        unreachable_limit: shared.options.exporter.unreachable_limit,
    })
}

fn takes(shared: &Shared, flag: &str) -> bool {
    !shared.options.exporter.leave_out.iter().any(|left_out| left_out == flag)
}

/// The files strictly below a folder.
fn facts_of(places: &Places, name: &str) -> Result<Vec<FileFact>, ExportError> {
    let seen = places.seen(name);
    let facts = file_facts(&places.here(name), &seen).map_err(|error| unobserved("read the inputs", &error))?;
    Ok(facts.into_iter().filter(|fact| fact.path != seen).collect())
}

async fn execute(shared: &Shared, call: &Invocation, places: &Places, name: &str) -> Result<Outcome, ExportError> {
    let scratch = shared.workplace.scratch();
    let spec = Spec {
        argv: call.argv.clone(),
        environment: call.environment.clone(),
        working_dir: places.seen.join(APP),
        bind: shared.workplace.bind(places),
        limit_seconds: shared.options.timeout,
        report: scratch.join(format!("{name}.report")),
    };
    let spec_file = scratch.join(format!("{name}.spec"));
    let outcome = shared.supervisor.run(&spec, &spec_file, &shared.cancelled).await;
    for file in [&spec_file, &spec.report] {
        let _ = std::fs::remove_file(file);
    }
    Ok(outcome?)
}

/// The report that the exporter wrote; one that is no regular file of at most 16 MiB is none.
fn read_report(places: &Places) -> Option<Document> {
    const LARGEST: u64 = 16 << 20;
    let path = places.here(REPORT);
    let facts = std::fs::symlink_metadata(&path).ok()?;
    let bytes = (facts.is_file() && facts.len() <= LARGEST).then(|| std::fs::read(&path).ok()).flatten()?;
    Some(Document::new(bytes, None))
}

fn run_image_facts(
    scenario: &Scenario,
    made: &MadeImage,
    name: String,
    reference: String,
    tag_moved_to: Option<judge::digest::Digest>,
) -> RunImage {
    RunImage {
        name,
        reference,
        digest: made.manifest.digest.clone(),
        index: None,
        manifest: made.manifest.clone(),
        config: made.config.clone(),
        sentinels: scenario.file.run_image.sentinels(),
        extended: false,
        tag_moved_to,
    }
}
