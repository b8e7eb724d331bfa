//! From sources to layers, in the order of the image.

use crate::cli::Options;
use crate::digest::Digest;
use crate::image;
use crate::inputs;
use crate::layer::{self, LayerError, Tree};
use crate::log::Log;
use crate::plan::{Contribution, LaunchLayer, OwnLayers};
use crate::sources::{BuildpackSource, LaunchSource, Sources};
use crate::target::{NewLayer, StoredImage};

use super::reading::Inputs;
use super::{ExportError, Target};

/// Layers, and what the labels say of them.
pub(super) struct Made {
    pub(super) layers: Vec<NewLayer>,
    /// What each layer holds, for the history.
    pub(super) origins: Vec<String>,
    pub(super) contributions: Vec<Contribution>,
    pub(super) own: OwnLayers,
}

/// Makes the layers.
pub(super) struct Maker<'a> {
    inputs: &'a Inputs,
    target: &'a mut Target,
    previous: Option<&'a StoredImage>,
    log: Log,
    layers: Vec<NewLayer>,
    origins: Vec<String>,
}

impl<'a> Maker<'a> {
    pub(super) fn new(inputs: &'a Inputs, target: &'a mut Target, previous: Option<&'a StoredImage>, log: Log) -> Self {
        Self { inputs, target, previous, log, layers: Vec::new(), origins: Vec::new() }
    }

    pub(super) async fn make(mut self, options: &Options, sources: Sources) -> Result<Made, ExportError> {
        if let Target::Registry(registry) = self.target {
            registry.take_base();
        }
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

    async fn contribution(&mut self, source: BuildpackSource) -> Result<Contribution, ExportError> {
        let buildpack = source.buildpack;
        let mut layers = Vec::new();
        for LaunchSource { name, content, tree } in source.layers {
            let what = format!("layer {name} of buildpack {}@{}", buildpack.id, buildpack.version);
            let diff_id = match tree {
                Some(tree) => self.layer(tree, &what).await?,
                None => self.reused(&buildpack.id, &name, what)?,
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

    /// Makes a layer, or finds that the previous image has it: then it is neither compressed nor sent.
    async fn layer(&mut self, tree: Tree, what: &str) -> Result<Digest, ExportError> {
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
        self.take(made, what.to_owned())
    }

    fn take(&mut self, made: NewLayer, what: String) -> Result<Digest, ExportError> {
        let diff_id = made.diff_id().clone();
        self.log.debug(format_args!("{what}: {diff_id}"));
        if let Target::Registry(registry) = self.target {
            registry.take(&made).map_err(LayerError::Spool)?;
        }
        self.layers.push(made);
        self.origins.push(what);
        Ok(diff_id)
    }

    /// The previous image's layer of the same name.
    fn reused(&mut self, buildpack: &str, layer: &str, what: String) -> Result<Digest, ExportError> {
        let missing = || ExportError::NothingToReuse { layer: layer.to_owned(), buildpack: buildpack.to_owned() };
        let previous = self.previous.ok_or_else(missing)?;
        let label = self.inputs.analyzed.previous_metadata().or_else(|| previous.label()).ok_or_else(missing)?;
        let entry = label["buildpacks"].as_array().into_iter().flatten().find(|entry| entry["key"] == buildpack);
        let sha = entry.and_then(|entry| entry["layers"][layer]["sha"].as_str());
        let diff_id = sha.and_then(Digest::parse).ok_or_else(missing)?;
        let at = image::diff_ids(&previous.config).iter().position(|id| *id == diff_id).ok_or_else(missing)?;
        self.log.info(format_args!("Reusing layer {buildpack}:{layer}"));
        self.take(NewLayer::Reused { diff_id, descriptor: previous.layers.get(at).cloned() }, what)
    }
}
