//! One export: inputs laid out, what the target holds observed, the exporter run, what it left observed, all kept as
//! evidence before anything is judged.

use std::path::{Path, PathBuf};

use judge::evidence::{End, Export, ExtendedImage, LeftOut, PreviousImage, RunImage, Target};

use super::context::{RunContext, StepBuild};
use super::error::{ExportError, disk};
use super::inputs::{facts_of, owner};
use super::invoke::{CERTIFICATES, call, can_run, execute, leave_out_secrets};
use super::ready::Ready;
use super::run_image::{MOVED_ON, Published};
use super::store::{StepContext, Store};
use crate::error::chain;
use crate::naming::Names;
use crate::scenario::materialise::{
    self, APP, Analysis, BuildDir, CACHE, LAUNCH_CACHE, LAYERS, LAYOUT, MaterialiseError, Previous, TEMPORARY,
};
use crate::scenario::previous_image::{self, Place};
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
    previous_image: Option<PreviousImage>,
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
    let Prepared { name, build_dir, made, published, moved, kept, previous_image } =
        prepare(shared, scenario, store, context).await?;
    let images = store.images(step);
    let call = call(StepBuild { shared, scenario, step, build_dir: &build_dir }, store, &images);
    let platform_api = &shared.options.platform_api;
    let ready =
        Ready { shared, scenario, context, name: &name, build_dir: &build_dir, images: &images, call, platform_api };
    let called = ready.call(store).await?;
    called.had_room(shared.workspace.scratch())?;
    // A daemon keeps this platform's image alone.
    let index = made.index.as_ref().filter(|_| store.target() != Target::Daemon);
    let run_image = run_image_facts(&scenario.file.run_image, index, &made, published, moved);
    let mut export = ready.observe(store, called, &made, run_image).await?;
    export.inputs.previous_image = previous_image;
    leave_out_secrets(StepBuild { shared, scenario, step, build_dir: &build_dir }, &mut export);
    export.build_sboms = facts_of(&build_dir, &format!("{LAYERS}/sbom/build")).unwrap_or_default();
    let has_hung = !step.faults.is_empty() && matches!(export.outcome.end, End::TimedOut(_));
    if has_hung {
        shared.hung.note(scenario, context.number, step);
    }
    export.left_out = left_out_after(shared, scenario, (context, has_hung), store.target());
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
    let build = StepBuild { shared, scenario, step, build_dir: &build_dir };
    let call = call(build, store, &images);
    store.tags(step, &build_dir).await?;
    let outcome = execute(build, &call, &name).await;
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
    let of_another = put_previous(step, store, &made, &build_dir).await?;
    let mut analysis =
        Analysis { extension: made.extension.clone(), ..analysis(step, store, context, &build_dir, &published) };
    let mut previous_image = None;
    if let Some((previous, facts)) = of_another {
        analysis.previous = Some(previous);
        previous_image = Some(facts);
    }
    let build = StepBuild { shared, scenario, step, build_dir: &build_dir };
    lay_out(build, &analysis)?;
    let moved = move_tag(step, scenario, store, &build_dir).await?;
    if step.delete_run_image {
        store.delete_run_image(&made, &build_dir).await?;
    }
    materialise::hand_over(scenario, step, &build_dir)?;
    let kept = keep_inputs(build, &analysis, context.id)?;
    Ok(Prepared { name, build_dir, made, published, moved, kept, previous_image })
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
/// launch cache, so those folders outlive the step; where the step has it so, what an exporter keeps by itself does
/// too.
fn carry(shared: &RunContext, step: &Step, name: &str) -> Result<Vec<(&'static str, PathBuf)>, ExportError> {
    let mut carried = Vec::new();
    let of_platforms = step.previous_image.then_some([LAYOUT, LAUNCH_CACHE]);
    let of_exporters = step.kept_state.then_some([LAUNCH_CACHE, CACHE]);
    let mut folders: Vec<&'static str> = of_platforms.into_iter().chain(of_exporters).flatten().collect();
    folders.extend(step.kept_state.then_some(TEMPORARY));
    folders.sort_unstable();
    folders.dedup();
    if folders.is_empty() {
        return Ok(carried);
    }
    let before = match shared.workspace.sequential() {
        None => shared.workspace.scratch().join(name),
        Some(_) => shared.workspace.exporter_path().to_path_buf(),
    };
    for folder in folders {
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
pub(super) fn lay_out(build: StepBuild<'_>, analysis: &Analysis) -> Result<(), ExportError> {
    let StepBuild { shared, scenario, step, build_dir } = build;
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

/// The steps after one that are not made: where the exporter hung in that one on a registry's fault, all in which the
/// registry fails, too; else those with a fault of a kind on which it hung elsewhere.
fn left_out_after(
    shared: &RunContext,
    scenario: &Scenario,
    (context, has_hung): (&StepContext<'_>, bool),
    target: Target,
) -> Vec<LeftOut> {
    let steps = scenario.file.steps.iter().enumerate().skip(context.number);
    let failing = steps.filter(|(index, step)| {
        step.is_made_on(target) && !step.faults.is_empty() && !context.left_out.contains(&(index + 1))
    });
    let left_out = |(index, step): (usize, &Step)| {
        let hang = if has_hung { None } else { Some(shared.hung.shown(step)?) };
        let (expected_failure, may_refuse) = (step.expect_failure.clone(), step.may_refuse.clone());
        Some(LeftOut { step: index + 1, expected_failure, may_refuse, hang })
    };
    failing.filter_map(left_out).collect()
}

/// Puts the previous image of another exporter in place, where the step has one.
async fn put_previous<S: Store>(
    step: &Step,
    store: &mut S,
    run: &MadeImage,
    build_dir: &BuildDir,
) -> Result<Option<(Previous, PreviousImage)>, ExportError> {
    let Some(file) = &step.previous_image_of_another else { return Ok(None) };
    let (layers, app) = (build_dir.for_exporter(LAYERS), build_dir.for_exporter(APP));
    let place = Place { layers: &layers, app: &app, owner: owner(step) };
    let image = previous_image::make(file, run, &place).map_err(|source| disk("make the previous image", source))?;
    let Some(reference) = store.put_previous(&image, step, build_dir).await? else { return Ok(None) };
    let metadata = label_of(&image.config.bytes);
    Ok(Some((Previous { reference, metadata }, previous_image::facts(&image))))
}

/// The label that the analysis phase reads from the previous image.
fn lifecycle_label(export: &Export) -> Option<serde_json::Value> {
    label_of(&export.image.as_ref()?.config.as_ref()?.bytes)
}

fn label_of(config: &[u8]) -> Option<serde_json::Value> {
    let config: serde_json::Value = serde_json::from_slice(config).ok()?;
    serde_json::from_str(config["config"]["Labels"][judge::view::LIFECYCLE].as_str()?).ok()
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

/// Lays the inputs out once more below `--keep`, where that is given; where they are.
pub(super) fn keep_inputs(build: StepBuild<'_>, analysis: &Analysis, id: &str) -> Result<Option<PathBuf>, ExportError> {
    let StepBuild { shared, scenario, step, .. } = build;
    let Some(root) = &shared.options.keep else { return Ok(None) };
    let here = root.join(id);
    std::fs::create_dir_all(&here).map_err(|source| disk(&format!("keep inputs in {}", here.display()), source))?;
    let build_dir = BuildDir { host_path: here.clone(), exporter_path: shared.workspace.exporter_path().to_path_buf() };
    materialise::materialise(scenario, step, analysis, &build_dir)?;
    // The run image and the previous one: an export to a layout, made again, needs them.
    copy_files(&build.build_dir.on_host(LAYOUT), &build_dir.on_host(LAYOUT))
        .map_err(|source| disk("keep the layout", source))?;
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
