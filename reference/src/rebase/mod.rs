//! One rebase: an app image's layers put on those of a new run image (`cnb-platform.md`, sections Rebase and rebaser,
//! buildpacks/spec b745fcf). The app image is edited, not rebuilt: what a rebase does not name stays as it is, its
//! annotations byte for byte, except for those of its base, which follow the new run image.

mod checks;
mod config;
mod error;
mod label;
mod manifest;
mod run_image;
mod store;

use serde_json::Value;

use crate::cli::Destination;
use crate::cli::rebaser::RebaseOptions;
use crate::digest::DiffId;
use crate::image;
use crate::image_name::ImageName;
use crate::inputs::{RunImage, RunImages};
use crate::layer::MODIFIED;
use crate::log::Log;
use crate::plan::RunImageFacts;
use crate::report;
use crate::target::daemon::Store;
use crate::target::registry::Uploads;
use crate::target::{Outcome, Platform, WholeImage};

pub use checks::Unsafe;
pub use error::RebaseError;
pub use label::LabelError;
use label::{Label, NewRunImage};
use store::{Images, RunImageFound, Written};

/// Rebases. The report of an earlier phase is removed before anything else, so that none is taken for this one's.
/// What is in `uploads` after a failure, or where this is given up, is for the caller to cancel.
///
/// # Errors
/// [`RebaseError`]; its message names the image, file or flag, and what to do.
pub async fn rebase(options: &RebaseOptions, log: Log, uploads: &Uploads) -> Result<(), RebaseError> {
    let report_error = |source| RebaseError::Report { path: options.report.clone(), source };
    report::prepare(&options.report).map_err(report_error)?;
    options.warnings.iter().for_each(|warning| log.warn(warning));
    let names = Names::read(options)?;
    let mut store = Images::open(options, &names.images, (uploads, log)).await?;
    let app = App::read(&mut store, &names.app).await?;
    let known = app.label.names();
    let given = names.run_image.as_ref();
    let run = run_image::find(&mut store, &names, &known, &app.platform, log).await?;
    let is_named = given.is_none_or(|given| checks::is_named(&known, given));
    let pair = Pair { options, app: &app, run: &run, log };
    pair.check(&names.app, &known, is_named)?;
    log.info(format_args!("Rebasing {} on {} ({})", names.app, run.name, run.reference));
    let given = options.run_image.as_deref().filter(|_| !is_named);
    let renamed = given.map(|image| RunImages { image: image.to_owned(), mirrors: Vec::new() });
    let top_layer = image::diff_ids(&run.image.config).pop().ok_or_else(|| of_run(&run, "has no layers"))?;
    let facts = RunImageFacts { names: renamed.unwrap_or(known), reference: run.reference.clone(), top_layer };
    let written = pair.rebased(&store, &facts, given);
    let outcome = store.write(written).await?;
    report::write(&options.report, &report::render(&options.images, &outcome, &facts)).map_err(report_error)?;
    say(&names.images, &outcome, log);
    Ok(())
}

fn say(images: &[ImageName], outcome: &Outcome, log: Log) {
    for image in images {
        log.info(format_args!("Saved {image}"));
    }
    match &outcome.digest {
        Some(digest) => log.info(format_args!("Digest: {digest}")),
        None => log.info(format_args!("Image ID: {}", outcome.image_id)),
    }
}

/// The images of a command line.
struct Names {
    /// Every `<image>`.
    images: Vec<ImageName>,
    /// The image that is rebased.
    app: ImageName,
    /// The run image that is given.
    run_image: Option<ImageName>,
}

impl Names {
    fn read(options: &RebaseOptions) -> Result<Self, RebaseError> {
        let parse = |flag, text: &String| ImageName::parse(text).map_err(|source| RebaseError::Name { flag, source });
        let images = options.images.iter().map(|image| parse("<image>", image)).collect::<Result<Vec<_>, _>>()?;
        if let Some(image) = images.iter().find(|image| image.digest.is_some()) {
            return Err(RebaseError::DigestAsTag(image.to_string()));
        }
        let first = images.first().ok_or(RebaseError::NoImage)?.clone();
        let other = images.iter().find(|image| image.registry != first.registry);
        if let (Some(other), Destination::Registry) = (other, &options.destination) {
            return Err(RebaseError::TwoRegistries(first.to_string(), other.to_string()));
        }
        let app = options.previous_image.as_ref().map(|image| parse("-previous-image", image)).transpose()?;
        let run_image = options.run_image.as_ref().map(|image| parse("-run-image", image)).transpose()?;
        Ok(Self { images, app: app.unwrap_or(first), run_image })
    }
}

/// The app image, taken apart.
struct App {
    whole: WholeImage,
    label: Label,
    platform: Platform,
    /// How many of its layers are the old run image's.
    run_layers: usize,
}

impl App {
    async fn read(store: &mut Images, name: &ImageName) -> Result<Self, RebaseError> {
        let of_label = |source| RebaseError::Label { image: name.to_string(), source };
        let whole = store.app(name, &Platform::own()).await?;
        if whole.behind_index {
            return Err(RebaseError::Index(name.to_string()));
        }
        let config = &whole.image.config;
        let wrong = |reason| RebaseError::Image { what: "app image", name: name.to_string(), reason };
        whole.image.check().map_err(wrong)?;
        let label = Label::of(config).map_err(of_label)?;
        let run_layers = label.run_layers(&image::diff_ids(config)).map_err(of_label)?;
        Ok(Self { platform: platform(config), label, run_layers, whole })
    }
}

/// What an image is for, by its config; what it does not say is this program's own.
fn platform(config: &Value) -> Platform {
    let own = Platform::own();
    let text = |key: &str| config[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    Platform {
        os: text("os").unwrap_or(own.os),
        architecture: text("architecture").unwrap_or(own.architecture),
        variant: text("variant"),
    }
}

fn of_run(run: &RunImageFound, reason: &'static str) -> RebaseError {
    RebaseError::Image { what: "run image", name: run.name.to_string(), reason }
}

/// An app image, and the run image that it is put on.
struct Pair<'a> {
    options: &'a RebaseOptions,
    app: &'a App,
    run: &'a RunImageFound,
    log: Log,
}

impl Pair<'_> {
    /// Refuses what is not known to be safe; where it is forced, a warning says what it was.
    fn check(&self, name: &ImageName, known: &RunImages, is_named: bool) -> Result<(), RebaseError> {
        let Self { options, app, run, log } = self;
        run.image.check().map_err(|reason| of_run(run, reason))?;
        for reason in checks::checks(&app.whole.image.config, &run.image.config, is_named, known) {
            if !options.force {
                let (image, run_image) = (name.to_string(), run.name.to_string());
                return Err(RebaseError::Unsafe { image, run_image, source: reason });
            }
            log.warn(format_args!("{reason}; rebasing all the same, because of -force"));
        }
        Ok(())
    }

    /// The rebased image; where nothing in a document changes, the document's own bytes.
    fn rebased(&self, store: &Images, facts: &RunImageFacts, renamed: Option<&str>) -> Written {
        let Self { options, app, run, .. } = self;
        let App { whole, label, run_layers, .. } = app;
        let named = NewRunImage { reference: &facts.reference, top_layer: &facts.top_layer, renamed };
        let change = config::Change {
            run_layers: *run_layers,
            run: &run.image.config,
            label: label.rebased(&named),
            force: options.force,
            created: options.source_date_epoch.unwrap_or_else(|| i64::try_from(MODIFIED).unwrap_or_default()),
        };
        let value = config::rebased(&whole.image.config, &change);
        let config = if value == whole.image.config { whole.config.clone() } else { value.to_string().into_bytes() };
        let own_layers = whole.image.layers.iter().skip(*run_layers);
        let ids = image::diff_ids(&whole.image.config).into_iter().skip(*run_layers);
        let layers: Vec<(DiffId, Option<_>)> = if whole.image.layers.is_empty() {
            ids.map(|diff_id| (diff_id, None)).collect()
        } else {
            ids.zip(own_layers.cloned().map(Some)).collect()
        };
        let (manifest, media_type) = self.manifest(store, facts, &config);
        Written { config, manifest, media_type, layers }
    }

    /// The manifest and its media type. A store that gives no manifest out gets one without annotations, and the log
    /// says so.
    fn manifest(&self, store: &Images, facts: &RunImageFacts, config: &[u8]) -> (Vec<u8>, &'static str) {
        let Self { app, run, log, .. } = self;
        let Some(bytes) = &app.whole.manifest else {
            let own = app.whole.image.layers.iter().skip(app.run_layers);
            let layers: Vec<_> = run.image.layers.iter().chain(own).cloned().collect();
            log.warn(match store.daemon_store() {
                Some(Store::Classic) => "the daemon's image store keeps no annotations, so there are none to keep",
                _ => "the daemon does not say which annotations the image has; they are left out",
            });
            return (image::manifest(config, &layers, &std::collections::BTreeMap::new()), image::MANIFEST);
        };
        let run_image =
            RunImage { image: run.name.to_string(), reference: facts.reference.clone(), extend: false, target: None };
        let layers = &run.image.layers;
        let change = manifest::Change { config, run_layers: app.run_layers, layers, run_image: &run_image };
        let own: Value = serde_json::from_slice(bytes).unwrap_or_default();
        let found = manifest::rebased(&own, &change);
        for key in &found.removed {
            log.warn(format_args!("the run image's digest is not known here, so the annotation {key} is removed"));
        }
        (if found.value == own { bytes.clone() } else { found.value.to_string().into_bytes() }, found.media_type)
    }
}
