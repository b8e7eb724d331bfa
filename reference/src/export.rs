//! One export, from inputs to report: what is read first is what can be refused without having done anything.

use std::path::PathBuf;

use crate::annotations::{self, pinned};
use crate::cli::{Destination, Options};
use crate::digest::Digest;
use crate::image::{self, ConfigParts, Descriptor};
use crate::image_name::{ImageName, NameError};
use crate::inputs::{
    self, Analyzed, BuildMetadata, Buildpack, Group, InputError, ProjectMetadata, RunImage, RunImages, RunToml,
};
use crate::layer::{self, LayerError, MODIFIED, Owner, Tree};
use crate::log::Log;
use crate::plan::{self, Contribution, LaunchLayer, LauncherFacts, OwnLayers, RunImageFacts, UnknownProcess};
use crate::report;
use crate::sources::{self, SourceError};
use crate::target::daemon::Daemon;
use crate::target::layout::Layout;
use crate::target::registry::{Credentials, Registry};
use crate::target::{NewLayer, Outcome, StoredImage, TargetError};

/// Buildpack API versions whose `<layers>` this exporter reads.
const BUILDPACK_APIS: (u32, std::ops::RangeInclusive<u32>) = (0, 7..=13);

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// No `<image>`.
    #[error("export: no image is named; give at least one tag reference")]
    NoImage,
    /// An `<image>` is malformed.
    #[error("export: {0}")]
    Name(#[from] NameError),
    /// An `<image>` is a digest reference.
    #[error("export to {0}: it is a digest reference; give a tag reference")]
    DigestAsTag(String),
    /// Two registries.
    #[error("export to {0} and {1}: they are in two registries; export to one at a time")]
    TwoRegistries(String, String),
    /// A buildpack of an API that is not known.
    #[error("export: buildpack {id} in {} has API {api}; this exporter knows 0.7 to 0.13", file.display())]
    BuildpackApi {
        /// The buildpack.
        id: String,
        /// Its API.
        api: String,
        /// The file that says so.
        file: PathBuf,
    },
    /// An input file.
    #[error(transparent)]
    Input(#[from] InputError),
    /// No run image.
    #[error("export: {} names no run image; run the analyzer first", .0.display())]
    NoRunImage(PathBuf),
    /// An extended run image.
    #[error("export: {} says extend = true; this exporter does not export extended run images", .0.display())]
    Extended(PathBuf),
    /// The process type is unknown.
    #[error(transparent)]
    Process(#[from] UnknownProcess),
    /// A layer that should be re-used is not there.
    #[error(
        "re-use layer {layer} of buildpack {buildpack}: the previous image has no such layer; the buildpack must make it anew"
    )]
    NothingToReuse {
        /// The layer.
        layer: String,
        /// Its buildpack.
        buildpack: String,
    },
    /// The report cannot be written.
    #[error("write the report {}: {source}; -report names it", path.display())]
    Report {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The sources of a layer.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A layer.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// The target.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The run image's config has no layers.
    #[error("export: the run image {0} has no layers")]
    EmptyRunImage(String),
    /// This program.
    #[error("export: {0}")]
    Broken(String),
}

/// The open target.
enum Target {
    Registry(Box<Registry>),
    Daemon(Box<Daemon>),
    Layout(Layout),
}

/// What was read.
struct Inputs {
    images: Vec<ImageName>,
    analyzed: Analyzed,
    run_image: RunImage,
    group: Group,
    metadata: BuildMetadata,
    project: ProjectMetadata,
    names: RunImages,
    entrypoint: String,
}

/// Exports.
///
/// # Errors
/// [`ExportError`]; its message names the file, flag or reference, and what to do.
pub async fn export(options: &Options, log: Log) -> Result<(), ExportError> {
    let inputs = read(options)?;
    warn(options, log);
    let report_error = |source| ExportError::Report { path: options.report.clone(), source };
    report::prepare(&options.report).map_err(report_error)?;
    let mut target = open(options, &inputs).await?;
    let base = base(&mut target, &inputs.run_image).await?;
    let previous = previous(&mut target, &inputs.analyzed).await?;
    let made = Maker { options, inputs: &inputs, target: &mut target, previous: previous.as_ref(), log }.make().await?;
    let facts = run_image_facts(options, &inputs, &base)?;
    let config = config(options, &inputs, &base, &made, &facts);
    let outcome = write(&inputs, target, config, made.layers, log).await?;
    sources::keep_build_sboms(&options.layers, &options.launcher_sbom)?;
    report::write(&options.report, &report::render(&options.images, &outcome, &facts)).map_err(report_error)?;
    for image in &inputs.images {
        log.info(format_args!("Saved {image}"));
    }
    match &outcome.digest {
        Some(digest) => log.info(format_args!("Digest: {digest}")),
        None => log.info(format_args!("Image ID: {}", outcome.image_id)),
    }
    Ok(())
}

fn read(options: &Options) -> Result<Inputs, ExportError> {
    let images = images(options)?;
    let group: Group = inputs::read(&options.group, "the detector writes it; -group names it")?;
    known_apis(&group.group, &options.group)?;
    let metadata_path = PathBuf::from(&options.layers).join("config/metadata.toml");
    let metadata: BuildMetadata = inputs::read(&metadata_path, "the builder writes it")?;
    known_apis(&metadata.buildpacks, &metadata_path)?;
    let analyzed: Analyzed = inputs::read(&options.analyzed, "the analyzer writes it; -analyzed names it")?;
    let run_image = analyzed.run_image.clone().filter(|image| !image.reference.is_empty());
    let run_image = run_image.ok_or_else(|| ExportError::NoRunImage(options.analyzed.clone()))?;
    if run_image.extend {
        return Err(ExportError::Extended(options.analyzed.clone()));
    }
    let project = inputs::read_if_there(&options.project_metadata)?.unwrap_or_default();
    let run: RunToml = inputs::read_if_there(&options.run)?.unwrap_or_default();
    let own_name = RunImages { image: run_image.image.clone(), mirrors: Vec::new() };
    let names = run.resolve(&run_image.image).cloned().unwrap_or(own_name);
    let entrypoint = plan::entrypoint(options.process_type.as_deref(), &metadata)?;
    Ok(Inputs { images, analyzed, run_image, group, metadata, project, names, entrypoint })
}

fn images(options: &Options) -> Result<Vec<ImageName>, ExportError> {
    let images = options.images.iter().map(|image| ImageName::parse(image)).collect::<Result<Vec<_>, _>>()?;
    if let Some(image) = images.iter().find(|image| image.digest.is_some()) {
        return Err(ExportError::DigestAsTag(image.to_string()));
    }
    let first = images.first().ok_or(ExportError::NoImage)?;
    let other = images.iter().find(|image| image.registry != first.registry);
    match (other, &options.destination) {
        (Some(other), Destination::Registry | Destination::Layout(_)) => {
            Err(ExportError::TwoRegistries(first.to_string(), other.to_string()))
        }
        _ => Ok(images),
    }
}

fn known_apis(buildpacks: &[Buildpack], file: &std::path::Path) -> Result<(), ExportError> {
    let is_known = |api: &str| {
        let (major, minor) = api.split_once('.').unwrap_or((api, "0"));
        major.parse() == Ok(BUILDPACK_APIS.0) && minor.parse().is_ok_and(|minor| BUILDPACK_APIS.1.contains(&minor))
    };
    match buildpacks.iter().find(|buildpack| !is_known(&buildpack.api)) {
        Some(buildpack) => Err(ExportError::BuildpackApi {
            id: buildpack.id.clone(),
            api: buildpack.api.clone(),
            file: file.to_path_buf(),
        }),
        None => Ok(()),
    }
}

fn warn(options: &Options, log: Log) {
    for flag in &options.without_effect {
        log.warn(format_args!("{flag} has no effect: this exporter caches nothing"));
    }
    if let Some(warning) = options.experimental_warning {
        log.warn(warning);
    }
}

async fn open(options: &Options, inputs: &Inputs) -> Result<Target, ExportError> {
    Ok(match &options.destination {
        Destination::Registry => {
            let credentials = Credentials::new(options.registry_auth.clone());
            let registry = Registry::open(&inputs.images, &options.insecure_registries, credentials);
            Target::Registry(Box::new(registry.map_err(TargetError::from)?))
        }
        Destination::Daemon(host) => {
            Target::Daemon(Box::new(Daemon::open(host.as_deref()).await.map_err(TargetError::from)?))
        }
        Destination::Layout(folder) => Target::Layout(Layout::open(folder.clone())),
    })
}

/// The platform that this exporter exports for: its own.
fn platform() -> (&'static str, &'static str) {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    ("linux", architecture)
}

async fn base(target: &mut Target, run_image: &RunImage) -> Result<StoredImage, ExportError> {
    let reference = &run_image.reference;
    Ok(match target {
        Target::Registry(registry) => {
            let name = ImageName::parse(reference)?;
            registry.base(&name, platform()).await.map_err(TargetError::from)?
        }
        Target::Daemon(daemon) => daemon.base(reference).await.map_err(TargetError::from)?,
        Target::Layout(layout) => layout.base(reference).map_err(TargetError::from)?,
    })
}

async fn previous(target: &mut Target, analyzed: &Analyzed) -> Result<Option<StoredImage>, ExportError> {
    let Some(reference) = analyzed.image.as_ref().map(|image| image.reference.as_str()).filter(|r| !r.is_empty())
    else {
        return Ok(None);
    };
    Ok(match target {
        Target::Registry(registry) => match ImageName::parse(reference) {
            Ok(name) => registry.previous(&name, platform()).await.map_err(TargetError::from)?,
            Err(_) => None,
        },
        Target::Daemon(daemon) => daemon.previous(reference).await.map_err(TargetError::from)?,
        Target::Layout(layout) => layout.previous(reference).map_err(TargetError::from)?,
    })
}

/// Layers, and what the labels say of them.
struct Made {
    layers: Vec<NewLayer>,
    origins: Vec<String>,
    contributions: Vec<Contribution>,
    own: OwnLayers,
}

/// Makes the layers in the order of the image.
struct Maker<'a> {
    options: &'a Options,
    inputs: &'a Inputs,
    target: &'a mut Target,
    previous: Option<&'a StoredImage>,
    log: Log,
}

impl Maker<'_> {
    async fn make(mut self) -> Result<Made, ExportError> {
        if let Target::Registry(registry) = self.target {
            registry.take_base();
        }
        let (options, inputs) = (self.options, self.inputs);
        let owner = Owner { uid: options.uid, gid: options.gid };
        let layers_dir = options.layers.clone();
        let (mut layers, mut origins) = (Vec::new(), Vec::new());
        let mut contributions = Vec::new();
        for buildpack in &inputs.group.group {
            let sources = sources::launch_layers(&layers_dir, buildpack, owner)?;
            let mut launch = Vec::new();
            for source in sources {
                let made = match source.tree {
                    Some(tree) => self.layer(tree).await?,
                    None => self.reused(&buildpack.id, &source.name)?,
                };
                launch.push(LaunchLayer {
                    name: source.name.clone(),
                    diff_id: made.diff_id().clone(),
                    data: source.content.metadata.map(|table| inputs::to_json(&toml::Value::Table(table))),
                    build: source.content.types.build,
                    cache: source.content.types.cache,
                });
                layers.push(made);
                origins.push(format!("layer {} of buildpack {}@{}", source.name, buildpack.id, buildpack.version));
            }
            contributions.push(Contribution {
                buildpack: buildpack.clone(),
                layers: launch,
                store: self.store(buildpack)?,
            });
        }
        let mut add = async |maker: &mut Self, tree: Tree, what: &str| -> Result<Digest, ExportError> {
            let made = maker.layer(tree).await?;
            let diff_id = made.diff_id().clone();
            layers.push(made);
            origins.push(what.to_owned());
            Ok(diff_id)
        };
        let sbom = match sources::sbom(&layers_dir, &options.launcher_sbom, owner)? {
            Some(tree) => Some(add(&mut self, tree, "software bill of materials").await?),
            None => None,
        };
        let mut app = Vec::new();
        for tree in sources::app(&options.app, &inputs.metadata.slices, owner)? {
            app.push(add(&mut self, tree, "application").await?);
        }
        let launcher = add(&mut self, sources::launcher(&options.launcher)?, "launcher").await?;
        let config = add(&mut self, sources::config(&layers_dir, owner)?, "build config").await?;
        let types: Vec<String> = inputs.metadata.processes.iter().map(|process| process.r#type.clone()).collect();
        let processes = match sources::processes(&types) {
            Some(tree) => Some(add(&mut self, tree, "process types").await?),
            None => None,
        };
        Ok(Made { layers, origins, contributions, own: OwnLayers { app, sbom, launcher, processes, config } })
    }

    fn store(&self, buildpack: &Buildpack) -> Result<Option<serde_json::Value>, ExportError> {
        let path = PathBuf::from(&self.options.layers).join(buildpack.folder()).join("store.toml");
        let table: Option<toml::Table> = inputs::read_if_there(&path)?;
        Ok(table.and_then(|table| table.get("metadata").map(inputs::to_json)))
    }

    /// Makes a layer, or finds that the previous image has it: then it is neither compressed nor sent.
    async fn layer(&mut self, tree: Tree) -> Result<NewLayer, ExportError> {
        let streams = matches!(self.target, Target::Daemon(_));
        let known: Vec<Digest> = self.previous.map(|image| image::diff_ids(&image.config)).unwrap_or_default();
        let descriptors = self.previous.map(|image| image.layers.clone()).unwrap_or_default();
        let made = tokio::task::spawn_blocking(move || -> Result<NewLayer, LayerError> {
            if streams {
                let (diff_id, size) = layer::diff_id(&tree)?;
                return Ok(NewLayer::Streamed { diff_id, size, tree });
            }
            if !known.is_empty() {
                let (diff_id, _) = layer::diff_id(&tree)?;
                let at = known.iter().position(|known| *known == diff_id);
                if let Some(descriptor) = at.and_then(|at| descriptors.get(at)) {
                    return Ok(NewLayer::Reused { diff_id, descriptor: Some(descriptor.clone()) });
                }
            }
            layer::compress(&tree, &std::env::temp_dir()).map(NewLayer::Made)
        });
        let made = made.await.map_err(|error| ExportError::Broken(error.to_string()))??;
        self.take(&made)?;
        Ok(made)
    }

    fn take(&mut self, made: &NewLayer) -> Result<(), ExportError> {
        self.log.debug(format_args!("layer {}", made.diff_id()));
        match self.target {
            Target::Registry(registry) => registry.take(made).map_err(|error| LayerError::Spool(error).into()),
            Target::Daemon(_) | Target::Layout(_) => Ok(()),
        }
    }

    /// The previous image's layer of the same name.
    fn reused(&mut self, buildpack: &str, layer: &str) -> Result<NewLayer, ExportError> {
        let missing = || ExportError::NothingToReuse { layer: layer.to_owned(), buildpack: buildpack.to_owned() };
        let previous = self.previous.ok_or_else(missing)?;
        let label = self.inputs.analyzed.previous_metadata().ok_or_else(missing)?;
        let entry = label["buildpacks"].as_array().into_iter().flatten().find(|entry| entry["key"] == buildpack);
        let sha = entry.and_then(|entry| entry["layers"][layer]["sha"].as_str());
        let diff_id = sha.and_then(Digest::parse).ok_or_else(missing)?;
        let at = image::diff_ids(&previous.config).iter().position(|id| *id == diff_id).ok_or_else(missing)?;
        let made = NewLayer::Reused { diff_id, descriptor: previous.layers.get(at).cloned() };
        self.log.info(format_args!("Reusing layer {buildpack}:{layer}"));
        self.take(&made)?;
        Ok(made)
    }
}

fn run_image_facts(options: &Options, inputs: &Inputs, base: &StoredImage) -> Result<RunImageFacts, ExportError> {
    let reference = &inputs.run_image.reference;
    let top_layer = image::diff_ids(&base.config).pop().ok_or_else(|| ExportError::EmptyRunImage(reference.clone()))?;
    // In a layout the reference is a path on the machine of the build; the image's name and the digest outlive it.
    let reference = match (&options.destination, pinned(reference), ImageName::parse(&inputs.run_image.image)) {
        (Destination::Layout(_), Some(digest), Ok(name)) => format!("{}@{digest}", name.context()),
        _ => reference.clone(),
    };
    Ok(RunImageFacts { names: inputs.names.clone(), reference, top_layer })
}

fn config(options: &Options, inputs: &Inputs, base: &StoredImage, made: &Made, facts: &RunImageFacts) -> Vec<u8> {
    let exec_env = options.exec_env.as_deref();
    let lifecycle = plan::lifecycle_label(&made.own, &made.contributions, facts, exec_env);
    let build = plan::build_label(&inputs.metadata, &inputs.group, &launcher_facts(options));
    let env: Vec<String> = serde_json::from_value(base.config["config"]["Env"].clone()).unwrap_or_default();
    let layers: Vec<(Digest, String)> =
        made.layers.iter().map(|layer| layer.diff_id().clone()).zip(made.origins.iter().cloned()).collect();
    image::config(ConfigParts {
        base: &base.config,
        layers: &layers,
        env: plan::environment(&env, &options.layers, &options.app),
        entrypoint: inputs.entrypoint.clone(),
        working_dir: &options.app,
        labels: plan::labels(&inputs.metadata, &lifecycle, &build, &inputs.project),
        created: options.source_date_epoch.unwrap_or_else(|| i64::try_from(MODIFIED).unwrap_or_default()),
    })
}

/// The version that `lifecycle.toml` beside the lifecycle's folder gives, where there is one.
fn launcher_facts(options: &Options) -> LauncherFacts {
    let file = options.launcher.parent().and_then(|folder| folder.parent()).map(|folder| folder.join("lifecycle.toml"));
    let table =
        file.and_then(|file| std::fs::read_to_string(file).ok()).and_then(|text| text.parse::<toml::Table>().ok());
    let version = table.and_then(|table| Some(table.get("lifecycle")?.get("version")?.as_str()?.to_owned()));
    LauncherFacts { version: version.unwrap_or_default() }
}

async fn write(
    inputs: &Inputs,
    target: Target,
    config: Vec<u8>,
    mut layers: Vec<NewLayer>,
    log: Log,
) -> Result<Outcome, ExportError> {
    let annotations = annotations::annotations(&inputs.run_image, &inputs.project);
    let warn = || annotations.warnings.iter().for_each(|warning| log.warn(warning));
    let manifest = |descriptors: Vec<Descriptor>| image::manifest(&config, &descriptors, &annotations.map);
    Ok(match target {
        Target::Registry(registry) => {
            warn();
            let manifest = manifest(registry.descriptors(&layers));
            registry.write(&config, &manifest).await.map_err(TargetError::from)?
        }
        Target::Layout(layout) => {
            warn();
            let manifest = manifest(layout.descriptors(&layers));
            layout.write(&inputs.images, &config, &manifest, &mut layers).map_err(TargetError::from)?
        }
        Target::Daemon(daemon) => {
            let keys = annotations::left_out(&annotations.map);
            log.warn(format_args!("a Docker daemon keeps no annotations; left out: {}", keys.join(", ")));
            daemon.write(&inputs.images, config.clone(), layers).await?
        }
    })
}
