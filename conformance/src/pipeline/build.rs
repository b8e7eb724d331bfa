//! The build phase (`cnb-buildpack.md`, Phase #5, buildpacks/spec b745fcf): every buildpack of the group in its order,
//! and `config/metadata.toml` of what they left. Of the specification there are no layers that change the environment
//! of later buildpacks, and no cache.

use super::buildpack::Buildpack;
use super::detect::Folders;
use super::launch::Metadata;
use super::program::Ran;
use super::{PipelineError, write};

/// A buildpack's build, and how it went.
#[derive(Debug, Clone)]
pub struct Built {
    /// The buildpack's ID.
    pub id: String,
    /// What it printed and how long it took.
    pub ran: Ran,
}

/// Builds with a group, and writes `config/metadata.toml`.
///
/// # Errors
/// [`PipelineError`].
pub async fn build(folders: &Folders, group: &[Buildpack]) -> Result<Vec<Built>, PipelineError> {
    let (mut metadata, mut built) = (Metadata::default(), Vec::new());
    for buildpack in group {
        let layers = buildpack.layers(&folders.layers);
        std::fs::create_dir_all(&layers).map_err(PipelineError::file("make", &layers))?;
        // There is no plan, so that nothing of it is asked of this buildpack.
        let plan = tempfile::NamedTempFile::new().map_err(PipelineError::file("make", &layers))?;
        let call = folders
            .call(buildpack, "build")?
            .variable("CNB_LAYERS_DIR", &layers)
            .variable("CNB_BP_PLAN_PATH", plan.path());
        let ran = call.run().await?;
        if ran.code != Some(0) {
            return Err(PipelineError::Buildpack { phase: "build", id: buildpack.id.clone(), reason: ran.complaint() });
        }
        metadata.add(buildpack, &layers)?;
        built.push(Built { id: buildpack.id.clone(), ran });
    }
    let path = folders.layers.join("config/metadata.toml");
    let text = metadata.text().map_err(|error| PipelineError::Format { path: path.clone(), source: error.into() })?;
    write(&path, &text)?;
    Ok(built)
}
