//! One export, from inputs to report: what is read first is what can be refused without having done anything.

mod begun;
mod error;
mod extended;
mod inputs;
mod layers;

use crate::annotations::{self, Annotations};
use crate::cli::{Destination, Options};
use crate::digest::DiffId;
use crate::image::{self, ConfigParts, MANIFEST};
use crate::image_name::ImageName;
use crate::inputs::{RunImage, without_json};
use crate::layer::{MODIFIED, Owner};
use crate::log::Log;
use crate::plan::{self, LauncherFacts, RunImageFacts};
use crate::report;
use crate::sources::{self, Sources};
use crate::target::daemon::Daemon;
use crate::target::layout::Layout;
use crate::target::registry::{Credentials, Registry, Uploads};
use crate::target::{Keeping, Need, NewImage, NewLayer, Outcome, Platform, StoredImage, Target, TargetError};

pub use error::ExportError;
use extended::Extended;
use inputs::Inputs;
use layers::{LayerBuilder, Made};

/// Exports. The report of an earlier export is removed before anything else, so that none is taken for this one's.
/// What is in `uploads` after a failure, or where this is given up, is for the caller to cancel.
///
/// # Errors
/// [`ExportError`]; its message names the file, flag or reference, and what to do.
pub async fn export(options: &Options, log: Log, uploads: &Uploads) -> Result<(), ExportError> {
    let report_error = |source| ExportError::Report { path: options.report.clone(), source };
    report::prepare(&options.report).map_err(report_error)?;
    let inputs = Inputs::read(options)?;
    warn(options, &inputs, log);
    let owner = Owner { uid: options.uid, gid: options.gid };
    let sources = Sources::gather(options, &inputs.group.group, &inputs.metadata, owner)?;
    let images = &inputs.images;
    let (outcome, facts) = match &options.destination {
        Destination::Registry => {
            let credentials = Credentials::new(options.registry_auth.clone(), log);
            let registry = Registry::open(images, &options.insecure_registries, credentials, uploads);
            to(registry, options, &inputs, sources, log).await?
        }
        Destination::Daemon(host) => {
            let daemon = Daemon::open(images, host.as_deref()).await.map_err(TargetError::from)?;
            Box::pin(to(daemon, options, &inputs, sources, log)).await?
        }
        Destination::Layout(folder) => to(Layout::open(folder.clone(), images), options, &inputs, sources, log).await?,
    };
    report::write(&options.report, &report::render(&inputs.tags, &outcome, &facts)).map_err(report_error)?;
    for image in images {
        log.info(format_args!("Saved {image}"));
    }
    match &outcome.digest {
        Some(digest) => log.info(format_args!("Digest: {digest}")),
        None => log.info(format_args!("Image ID: {}", outcome.image_id)),
    }
    Ok(())
}

/// Exports to an open target.
async fn to(
    mut target: impl Target,
    options: &Options,
    inputs: &Inputs,
    sources: Sources,
    log: Log,
) -> Result<(Outcome, RunImageFacts), ExportError> {
    let base = target.base(&inputs.run_image.reference, &platform(&inputs.run_image)).await?;
    base.notes.iter().for_each(|note| log.info(note));
    let facts = run_image_facts(&target, inputs, &base)?;
    let previous = previous(&mut target, inputs, &sources).await?;
    let (base, extension) = if inputs.run_image.extend {
        let Extended { image, layers } = Extended::read(options, &platform(&inputs.run_image), &base)?;
        (image, layers)
    } else {
        (base, Vec::new())
    };
    let made = LayerBuilder::new(inputs, &mut target, previous.as_ref(), log).make(options, sources, extension).await?;
    let config = config(options, inputs, &base, &made, &facts);
    sources::keep_build_sboms(&options.layers, &options.launcher_sbom)?;
    let outcome = write(inputs, &facts, target, config, made.layers, log).await?;
    Ok((outcome, facts))
}

fn warn(options: &Options, inputs: &Inputs, log: Log) {
    for flag in &options.without_effect {
        log.warn(format_args!("{flag} has no effect: this exporter caches nothing"));
    }
    if let Some(warning) = options.experimental_warning {
        log.warn(warning);
    }
    for key in without_json(&inputs.project.0) {
        log.warn(format_args!("{key} of project metadata is null in its label: JSON has neither inf nor nan"));
    }
}

/// The platform of the build: the run image's as the analysis found it, else this exporter's own.
fn platform(run_image: &RunImage) -> Platform {
    let own = Platform::own();
    let target = run_image.target.clone().unwrap_or_default();
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    Platform {
        os: given(target.os).unwrap_or(own.os),
        architecture: given(target.arch).unwrap_or(own.architecture),
        variant: given(target.variant),
    }
}

/// The previous image, where it can be of use; one whose config does not fit its layers is of none.
async fn previous(
    target: &mut impl Target,
    inputs: &Inputs,
    sources: &Sources,
) -> Result<Option<StoredImage>, ExportError> {
    let image = inputs.analyzed.image.as_ref();
    let Some(reference) = image.map(|image| image.reference.as_str()).filter(|reference| !reference.is_empty()) else {
        return Ok(None);
    };
    let need = if sources.reuse() { Need::Required } else { Need::Optional };
    let found = target.previous(reference, &platform(&inputs.run_image), need).await?;
    Ok(found.filter(|image| image.check().is_ok()))
}

fn run_image_facts(target: &impl Target, inputs: &Inputs, base: &StoredImage) -> Result<RunImageFacts, ExportError> {
    let reference = &inputs.run_image.reference;
    let wrong = |reason: &str| ExportError::RunImage { reference: reference.clone(), reason: reason.to_owned() };
    base.check().map_err(wrong)?;
    let top_layer = image::diff_ids(&base.config).pop().ok_or_else(|| wrong("has no layers"))?;
    Ok(RunImageFacts { names: inputs.names.clone(), reference: identified(target, &inputs.run_image), top_layer })
}

/// What identifies the run image, in label, report and annotations: its digest reference wherever one is known, because
/// a path on the machine of the build and an ID of its daemon say nothing elsewhere.
fn identified(target: &impl Target, run_image: &RunImage) -> String {
    let reference = &run_image.reference;
    let Ok(name) = ImageName::parse(&run_image.image) else { return reference.clone() };
    let digest = target.base_digest(reference, &name);
    digest.map_or_else(|| reference.clone(), |digest| format!("{}@{digest}", name.context()))
}

fn config(options: &Options, inputs: &Inputs, base: &StoredImage, made: &Made, facts: &RunImageFacts) -> Vec<u8> {
    let lifecycle = plan::lifecycle_label(&made.own, &made.contributions, facts);
    let build = plan::build_label(&inputs.metadata, &inputs.group, &launcher_facts(options));
    let env: Vec<String> = serde_json::from_value(base.config["config"]["Env"].clone()).unwrap_or_default();
    // The config of an extended run image names the layers of extensions already.
    let own = made.layers.iter().skip(made.layers.len() - made.origins.len());
    let layers: Vec<(DiffId, String)> =
        own.map(|layer| layer.diff_id().clone()).zip(made.origins.iter().cloned()).collect();
    let is_rebasable = inputs.run_image.extend && base.config["config"]["Labels"][plan::REBASABLE] == "true";
    image::config(ConfigParts {
        base: &base.config,
        platform: &platform(&inputs.run_image),
        layers: &layers,
        env: plan::environment(&env, &options.layers, &options.app),
        entrypoint: inputs.entrypoint.clone(),
        working_dir: &options.app,
        labels: plan::labels(&inputs.metadata, &lifecycle, &build, &inputs.project, is_rebasable),
        created: options.source_date_epoch.unwrap_or_else(|| i64::try_from(MODIFIED).unwrap_or_default()),
    })
}

/// The version that `lifecycle.toml` next to the lifecycle's folder gives, where there is one.
fn launcher_facts(options: &Options) -> LauncherFacts {
    let file = options.launcher.parent().and_then(|folder| folder.parent()).map(|folder| folder.join("lifecycle.toml"));
    let table = file.and_then(|file| crate::inputs::read_if_there::<toml::Table>(&file).ok().flatten());
    let version = table.and_then(|table| Some(table.get("lifecycle")?.get("version")?.as_str()?.to_owned()));
    LauncherFacts { version: version.unwrap_or_default() }
}

async fn write(
    inputs: &Inputs,
    facts: &RunImageFacts,
    target: impl Target,
    config: Vec<u8>,
    layers: Vec<NewLayer>,
    log: Log,
) -> Result<Outcome, ExportError> {
    let run_image = RunImage { reference: facts.reference.clone(), ..inputs.run_image.clone() };
    let annotations = annotations::annotations(&run_image, &inputs.project, &inputs.metadata.annotations);
    say(target.annotations(), &annotations, log);
    let manifest = image::manifest(&config, &target.describe(&layers), &annotations.map);
    if let Some(most) = target.most_of_manifest().filter(|most| manifest.len() > *most) {
        log.warn(format_args!(
            "the manifest has {} bytes, and registries need not take more than {most} (4 MiB); long annotations make it \
             so large",
            manifest.len()
        ));
    }
    Ok(target.write(NewImage { config, manifest, media_type: MANIFEST, layers }).await?)
}

/// Says what becomes of the annotations.
fn say(keeping: Keeping, annotations: &Annotations, log: Log) {
    match keeping {
        Keeping::Never => {
            let keys = annotations::left_out(&annotations.map);
            log.warn(format_args!("the daemon's image store keeps no annotations; left out: {}", keys.join(", ")));
            return;
        }
        Keeping::By(store) => log.info(format_args!("The daemon's image store is {store}, which keeps annotations")),
        Keeping::Always => {}
    }
    annotations.warnings.iter().for_each(|warning| log.warn(warning));
}
