//! One export: inputs laid out, what the target holds observed, the exporter run, what it left observed, all kept as
//! evidence before anything is judged.

use std::path::{Path, PathBuf};

use judge::evidence::{Export, ExtendedImage, RunImage, Target};

use super::context::RunContext;
use super::error::{ExportError, disk};
use super::inputs::facts_of;
use super::invoke::{CERTIFICATES, call, can_run, execute, leave_out_secrets};
use super::ready::Ready;
use super::run_image::{MOVED_ON, Published};
use super::store::{StepContext, Store};
use crate::error::chain;
use crate::naming::Names;
use crate::scenario::materialise::{
    self, Analysis, BuildDir, LAUNCH_CACHE, LAYERS, LAYOUT, MaterialiseError, Previous,
};
use crate::scenario::run_image::{self, MadeImage, MadeIndex};
use crate::scenario::{RunImageFile, Scenario, Step};

/// A step that is ready to be run.
struct Prepared {
    /// Tells its files from those of other exports at the same time.
    name: String,
    build_dir: BuildDir,
    made: MadeImage,
    published: Published,
    moved: Option<judge::digest::Digest>,
    kept: Option<PathBuf>,
}

/// Makes one export.
pub(super) async fn run<S: Store>(
    shared: &RunContext,
    scenario: &Scenario,
    store: &mut S,
    context: &StepContext<'_>,
) -> Result<Export, ExportError> {
    let step = context.step;
    can_run(shared, scenario, step, store)?;
    let Prepared { name, build_dir, made, published, moved, kept } = prepare(shared, scenario, store, context).await?;
    let images = store.images(step);
    let call = call(shared, scenario, step, store, &images, &build_dir);
    let platform_api = &shared.options.platform_api;
    let ready =
        Ready { shared, scenario, context, name: &name, build_dir: &build_dir, images: &images, call, platform_api };
    let called = ready.call(store).await?;
    // A daemon keeps this platform's image alone.
    let index = made.index.as_ref().filter(|_| store.target() != Target::Daemon);
    let run_image = run_image_facts(&scenario.file.run_image, index, &made, published, moved);
    let mut export = ready.observe(store, called, &made, run_image).await?;
    leave_out_secrets(shared, scenario, step, &mut export);
    export.build_sboms = facts_of(&build_dir, &format!("{LAYERS}/sbom/build")).unwrap_or_default();
    shared.evidence.add(&export, kept.as_deref())?;
    Ok(export)
}

/// A call that is observed in nothing but how it ended.
pub(super) struct Attempt {
    pub(super) argv: Vec<String>,
    pub(super) outcome: judge::evidence::Outcome,
}

/// Makes an export of which no evidence is kept.
pub(super) async fn attempt<S: Store>(
    shared: &RunContext,
    scenario: &Scenario,
    store: &mut S,
    context: &StepContext<'_>,
) -> Result<Attempt, ExportError> {
    let step = context.step;
    let Prepared { name, build_dir, .. } = prepare(shared, scenario, store, context).await?;
    let images = store.images(step);
    let call = call(shared, scenario, step, store, &images, &build_dir);
    store.tags(step, &build_dir).await?;
    let outcome = execute(shared, scenario, step, &call, &build_dir, &name).await;
    // What is asked for is remembered, so that it is taken away.
    store.tags(step, &build_dir).await?;
    Ok(Attempt { argv: call.argv, outcome: outcome? })
}

/// Does what the phases before the exporter do, and what happens between them and it.
async fn prepare<S: Store>(
    shared: &RunContext,
    scenario: &Scenario,
    store: &mut S,
    context: &StepContext<'_>,
) -> Result<Prepared, ExportError> {
    let step = context.step;
    // It shows in what the system tells an exporter of its mounts.
    let name = format!("{}-{}", shared.services.names.project(&scenario.name), store.service().replace(':', "-"));
    let carried = carry(shared, step, &name)?;
    let build_dir = shared.workspace.build_dir(&name)?;
    bring(carried, &build_dir)?;
    let moved_on = if step.newer_run_image { MOVED_ON } else { "" };
    let salt = format!("{moved_on}{}", salt(&shared.services.names, scenario));
    let made = run_image::make(&scenario.file.run_image, &salt).map_err(|source| disk("make the run image", source))?;
    let published = store.publish(&made, &build_dir).await?;
    let analysis =
        Analysis { extension: made.extension.clone(), ..analysis(step, store, context, &build_dir, &published) };
    lay_out(shared, scenario, step, &analysis, &build_dir)?;
    let moved = move_tag(step, scenario, store, &build_dir).await?;
    if step.delete_run_image {
        store.delete_run_image(&made, &build_dir).await?;
    }
    materialise::hand_over(scenario, step, &build_dir)?;
    let kept = keep_inputs(shared, scenario, step, &analysis, context.id, &build_dir)?;
    Ok(Prepared { name, build_dir, made, published, moved, kept })
}

/// What a file system or user does not have is not a failure of the harness.
fn unsupported(error: MaterialiseError) -> ExportError {
    if error.is_unsupported() {
        ExportError::Skipped(format!("this file system: {}", chain(&error)))
    } else {
        error.into()
    }
}

/// A layout build finds its previous image in the same layout folder, and a daemon build what a platform keeps in its
/// launch cache, so those folders outlive the step.
fn carry(shared: &RunContext, step: &Step, name: &str) -> Result<Vec<(&'static str, PathBuf)>, ExportError> {
    let mut carried = Vec::new();
    if !step.previous_image {
        return Ok(carried);
    }
    let before = match shared.workspace.sequential() {
        None => shared.workspace.scratch().join(name),
        Some(_) => shared.workspace.exporter_path().to_path_buf(),
    };
    for folder in [LAYOUT, LAUNCH_CACHE] {
        let to = shared.workspace.scratch().join(format!("{name}-{folder}"));
        match std::fs::rename(before.join(folder), &to) {
            Ok(()) => carried.push((folder, to)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(disk(&format!("keep {folder} of the step before"), source)),
        }
    }
    Ok(carried)
}

fn bring(carried: Vec<(&'static str, PathBuf)>, build_dir: &BuildDir) -> Result<(), ExportError> {
    for (folder, from) in carried {
        std::fs::rename(from, build_dir.on_host(folder))
            .map_err(|source| disk(&format!("bring back {folder}"), source))?;
    }
    Ok(())
}

/// Lays the inputs out. What suite and exporter trust beyond the machine's own certificates lies in the build:
/// elsewhere the exporter may not see it.
pub(super) fn lay_out(
    shared: &RunContext,
    scenario: &Scenario,
    step: &Step,
    analysis: &Analysis,
    build_dir: &BuildDir,
) -> Result<(), ExportError> {
    materialise::materialise(scenario, step, analysis, build_dir).map_err(unsupported)?;
    let Some(text) = shared.services.certificates(&scenario.endpoints()) else { return Ok(()) };
    std::fs::write(build_dir.on_host(CERTIFICATES), text)
        .map_err(|source| disk("write the certificates to trust", source))
}

/// A run image that is to be gone, or to be in a daemon in one way and no other, must not be another scenario's too:
/// daemons know images by their content.
pub(super) fn salt(names: &Names, scenario: &Scenario) -> String {
    let is_deleted = scenario.file.steps.iter().any(|step| step.delete_run_image);
    let is_its_own = is_deleted || scenario.file.run_image.in_daemon.is_some();
    if is_its_own { names.project(&scenario.name) } else { String::new() }
}

fn analysis<S: Store>(
    step: &Step,
    store: &S,
    context: &StepContext<'_>,
    build_dir: &BuildDir,
    published: &Published,
) -> Analysis {
    let previous = context.previous.filter(|_| step.previous_image).and_then(|export| {
        Some(Previous { reference: store.previous_reference(export, build_dir)?, metadata: lifecycle_label(export) })
    });
    published.analysis(previous)
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
    build_dir: &BuildDir,
) -> Result<Option<judge::digest::Digest>, ExportError> {
    if !step.move_run_image_tag {
        return Ok(None);
    }
    let other = run_image::make(&scenario.file.run_image, "a later build of the base\n")
        .map_err(|source| disk("make another run image", source))?;
    store.move_tag(&other, build_dir).await?;
    Ok(Some(other.tagged().digest.clone()))
}

pub(super) fn keep_inputs(
    shared: &RunContext,
    scenario: &Scenario,
    step: &Step,
    analysis: &Analysis,
    id: &str,
    build: &BuildDir,
) -> Result<Option<PathBuf>, ExportError> {
    let Some(root) = &shared.options.keep else { return Ok(None) };
    let here = root.join(id);
    std::fs::create_dir_all(&here).map_err(|source| disk(&format!("keep inputs in {}", here.display()), source))?;
    let build_dir = BuildDir { host_path: here.clone(), exporter_path: shared.workspace.exporter_path().to_path_buf() };
    materialise::materialise(scenario, step, analysis, &build_dir)?;
    // The run image and the previous one: an export to a layout, made again, needs them.
    copy_files(&build.on_host(LAYOUT), &build_dir.on_host(LAYOUT)).map_err(|source| disk("keep the layout", source))?;
    materialise::hand_over(scenario, step, &build_dir)?;
    Ok(Some(here))
}

/// Copies folders and regular files; there is nothing else in a layout.
fn copy_files(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry?;
        let Ok(below) = entry.path().strip_prefix(from) else { continue };
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(to.join(below))?;
        } else if entry.file_type().is_file() {
            std::fs::copy(entry.path(), to.join(below))?;
        }
    }
    Ok(())
}

/// What evidence says of a run image; `index` is the one that it is behind, where the target keeps it.
pub(super) fn run_image_facts(
    file: &RunImageFile,
    index: Option<&MadeIndex>,
    made: &MadeImage,
    published: Published,
    tag_moved_to: Option<judge::digest::Digest>,
) -> RunImage {
    let (config, manifest) = published.made.unwrap_or_else(|| (made.config.clone(), made.manifest.clone()));
    let analysed = if index.is_some() { made.analysed() } else { &manifest };
    RunImage {
        name: published.name,
        reference: published.reference,
        digest: analysed.digest.clone(),
        index: index.map(|index| index.document.clone()),
        manifest,
        config,
        sentinels: file.sentinels(),
        extension: made
            .extension
            .as_ref()
            .map(|extended| ExtendedImage { manifest: extended.manifest.clone(), config: extended.config.clone() }),
        tag_moved_to,
        in_daemon: published.in_daemon,
    }
}
