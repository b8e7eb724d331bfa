//! What the phases before left, read and refused before anything is done.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::ExportError;
use crate::annotations;
use crate::cli::{Destination, Options};
use crate::image_name::ImageName;
use crate::inputs::{self, Analyzed, BuildMetadata, Buildpack, Group, ProjectMetadata, RunImage, RunImages, RunToml};
use crate::plan;

/// Buildpack API versions whose `<layers>` this exporter reads.
const BUILDPACK_APIS: (u32, std::ops::RangeInclusive<u32>) = (0, 7..=13);

/// What was read.
pub(super) struct Inputs {
    pub(super) images: Vec<ImageName>,
    /// The same as they were given.
    pub(super) tags: Vec<String>,
    pub(super) analyzed: Analyzed,
    pub(super) run_image: RunImage,
    pub(super) group: Group,
    pub(super) metadata: BuildMetadata,
    pub(super) project: ProjectMetadata,
    pub(super) names: RunImages,
    pub(super) entrypoint: String,
}

impl Inputs {
    pub(super) fn read(options: &Options) -> Result<Self, ExportError> {
        let (images, tags) = images(options)?;
        let group: Group = inputs::read(&options.group, "the detector writes it; -group names it")?;
        known_apis(&group.group, &options.group)?;
        known_apis(&group.group_extensions, &options.group)?;
        let metadata_path = PathBuf::from(&options.layers).join("config/metadata.toml");
        let metadata: BuildMetadata = inputs::read(&metadata_path, "the builder writes it; -layers names its folder")?;
        known_apis(&metadata.buildpacks, &metadata_path)?;
        annotations::check(&metadata.annotations, &metadata_path)?;
        let analyzed: Analyzed = inputs::read(&options.analyzed, "the analyzer writes it; -analyzed names it")?;
        let run_image = run_image(&analyzed, options)?;
        let project = inputs::read_if_there(&options.project_metadata)?.unwrap_or_default();
        let run: RunToml = inputs::read_if_there(&options.run)?.unwrap_or_default();
        let own_name = RunImages { image: run_image.image.clone(), mirrors: Vec::new() };
        let names = run.resolve(&run_image.image).cloned().unwrap_or(own_name);
        let entrypoint = plan::entrypoint(options.process_type.as_deref(), &metadata)
            .map_err(|source| ExportError::Process { file: metadata_path, source })?;
        Ok(Self { images, tags, analyzed, run_image, group, metadata, project, names, entrypoint })
    }
}

fn images(options: &Options) -> Result<(Vec<ImageName>, Vec<String>), ExportError> {
    let (mut images, mut tags, mut known) = (Vec::new(), Vec::new(), HashSet::new());
    for text in &options.images {
        let image = ImageName::parse(text)?;
        // A tag that is given twice is one.
        if known.insert(image.to_string()) {
            images.push(image);
            tags.push(text.clone());
        }
    }
    if let Some(image) = images.iter().find(|image| image.digest.is_some()) {
        return Err(ExportError::DigestAsTag(image.to_string()));
    }
    let first = images.first().ok_or(ExportError::NoImage)?;
    let other = images.iter().find(|image| image.registry != first.registry);
    match (other, &options.destination) {
        (Some(other), Destination::Registry | Destination::Layout(_)) => {
            Err(ExportError::TwoRegistries(first.to_string(), other.to_string()))
        }
        _ => Ok((images, tags)),
    }
}

fn known_apis(buildpacks: &[Buildpack], file: &Path) -> Result<(), ExportError> {
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

/// The run image; on a registry it has to be pinned, because what a tag names may have moved since the analysis.
fn run_image(analyzed: &Analyzed, options: &Options) -> Result<RunImage, ExportError> {
    let file = || options.analyzed.clone();
    let image = analyzed.run_image.clone().filter(|image| !image.reference.is_empty());
    let image = image.ok_or_else(|| ExportError::NoRunImage(file()))?;
    let wrong = |reason: String| ExportError::RunReference { reference: image.reference.clone(), file: file(), reason };
    match options.destination {
        Destination::Registry => {
            let name = ImageName::parse(&image.reference).map_err(|error| wrong(error.reason))?;
            if name.digest.is_none() {
                return Err(wrong("it has no digest".to_owned()));
            }
        }
        Destination::Layout(_) if annotations::pinned(&image.reference).is_none() => {
            return Err(wrong("in a layout it is path@digest".to_owned()));
        }
        Destination::Layout(_) | Destination::Daemon(_) => {}
    }
    Ok(image)
}
