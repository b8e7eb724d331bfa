//! From sources to layers, in the order of the image.

use crate::cli::Options;
use crate::digest::DiffId;
use crate::image;
use crate::inputs;
use crate::layer::Ready;
use crate::log::Log;
use crate::plan::{Contribution, LaunchLayer, OwnLayers};
use crate::sources::{BuildpackSource, LaunchSource, Sources};
use crate::target::{Making, NewLayer, StoredImage, Target};

use super::ExportError;
use super::begun::{Begun, Way, Workshop};
use super::inputs::Inputs;

/// Layers, and what the labels say of them.
pub(super) struct Made {
    /// The layers upon the run image's, those of extensions first.
    pub(super) layers: Vec<NewLayer>,
    /// What each layer holds that is not an extension's, for the history.
    pub(super) origins: Vec<String>,
    pub(super) contributions: Vec<Contribution>,
    pub(super) own: OwnLayers,
}

/// Makes the layers.
pub(super) struct LayerBuilder<'a, T> {
    inputs: &'a Inputs,
    target: &'a mut T,
    previous: Option<&'a StoredImage>,
    log: Log,
    workshop: Workshop,
    layers: Vec<NewLayer>,
    origins: Vec<String>,
}

impl<'a, T: Target> LayerBuilder<'a, T> {
    pub(super) fn new(inputs: &'a Inputs, target: &'a mut T, previous: Option<&'a StoredImage>, log: Log) -> Self {
        let workshop = workshop(target, previous);
        Self { inputs, target, previous, log, workshop, layers: Vec::new(), origins: Vec::new() }
    }

    pub(super) async fn make(
        mut self,
        options: &Options,
        sources: Sources,
        extension: Vec<Ready>,
    ) -> Result<Made, ExportError> {
        self.target.take_base();
        for layer in extension {
            let made = self.workshop.ready(layer).await?;
            self.log.debug(format_args!("layer of an extension: {}", made.diff_id()));
            self.layers.push(self.target.take(made).await?);
        }
        let sources = sources.map(|tree| self.workshop.begin(tree));
        let mut contributions = Vec::new();
        for source in sources.buildpacks {
            contributions.push(self.contribution(source).await?);
        }
        let sbom = match sources.sbom {
            Some(tree) => Some(self.layer(tree, "software bill of materials").await?),
            None => None,
        };
        let mut app = Vec::new();
        for tree in sources.app {
            app.push(self.layer(tree, "application").await?);
        }
        let launcher = self.layer(sources.launcher, "launcher").await?;
        let config = self.layer(sources.config, "build config").await?;
        let processes = match sources.processes {
            Some(tree) => Some(self.layer(tree, "process types").await?),
            None => None,
        };
        let exec_env = options.exec_env.clone();
        let own = OwnLayers { app, sbom, launcher, processes, config, exec_env };
        Ok(Made { layers: self.layers, origins: self.origins, contributions, own })
    }

    async fn contribution(&mut self, source: BuildpackSource<Begun>) -> Result<Contribution, ExportError> {
        let buildpack = source.buildpack;
        let mut layers = Vec::new();
        for LaunchSource { name, content, tree } in source.layers {
            let what = format!("layer {name} of buildpack {}@{}", buildpack.id, buildpack.version);
            let diff_id = match tree {
                Some(tree) => self.layer(tree, &what).await?,
                None => self.reused(&buildpack.id, &name, what).await?,
            };
            layers.push(LaunchLayer {
                name,
                diff_id,
                data: content.metadata.map(|table| inputs::to_json(&toml::Value::Table(table))),
                build: content.types.build,
                cache: content.types.cache,
            });
        }
        Ok(Contribution { buildpack, layers, store: source.store })
    }

    /// Waits for a layer, and has the target take it.
    async fn layer(&mut self, begun: Begun, what: &str) -> Result<DiffId, ExportError> {
        let made = self.workshop.finish(begun).await?;
        self.take(made, what.to_owned()).await
    }

    async fn take(&mut self, made: NewLayer, what: String) -> Result<DiffId, ExportError> {
        let diff_id = made.diff_id().clone();
        self.log.debug(format_args!("{what}: {diff_id}"));
        self.layers.push(self.target.take(made).await?);
        self.origins.push(what);
        Ok(diff_id)
    }

    /// The previous image's layer of the same name.
    async fn reused(&mut self, buildpack: &str, layer: &str, what: String) -> Result<DiffId, ExportError> {
        let missing = || ExportError::NothingToReuse { layer: layer.to_owned(), buildpack: buildpack.to_owned() };
        let previous = self.previous.ok_or_else(missing)?;
        let label = self.inputs.analyzed.previous_metadata().or_else(|| previous.label()).ok_or_else(missing)?;
        let entry = label["buildpacks"].as_array().into_iter().flatten().find(|entry| entry["key"] == buildpack);
        let sha = entry.and_then(|entry| entry["layers"][layer]["sha"].as_str());
        let diff_id = sha.and_then(DiffId::parse).ok_or_else(missing)?;
        let at = image::diff_ids(&previous.config).iter().position(|id| *id == diff_id).ok_or_else(missing)?;
        let descriptor = previous.layers.get(at).cloned();
        if descriptor.as_ref().is_some_and(|layer| !self.target.holds(layer)) {
            return Err(missing());
        }
        self.log.info(format_args!("Reusing layer {buildpack}:{layer}"));
        self.take(NewLayer::Reused { diff_id, descriptor }, what).await
    }
}

/// How layers are made for this target; those of the previous image need not be made again.
fn workshop(target: &impl Target, previous: Option<&StoredImage>) -> Workshop {
    let making = target.making();
    if making == Making::Tars {
        return Workshop::new(Way::Streamed, true);
    }
    let known =
        previous.map(|previous| image::diff_ids(&previous.config).into_iter().zip(previous.layers.iter().cloned()));
    let known = known.into_iter().flatten().filter(|(_, layer)| target.holds(layer)).collect();
    Workshop::new(Way::Compressed(known), making == Making::Blobs)
}
