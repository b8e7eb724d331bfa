//! The ways in which what a source says of itself comes to an image, each built from the same source.

use std::path::{Path, PathBuf};

use strum::IntoStaticStr;

use super::build::{Built, build};
use super::buildpack::{self, Buildpack};
use super::detect::{Folders, detect};
use super::program::{Call, Ran};
use super::programs::Programs;
use super::{PipelineError, scenario, write};

/// A way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Way {
    /// The proposal: the platform writes `project-metadata.toml`, and the exporter makes annotations of it.
    Platform,
    /// The review: a buildpack contributes annotations.
    #[strum(serialize = "buildpack-annotations")]
    Annotations,
    /// RFC 0034: a buildpack contributes labels of the same keys.
    #[strum(serialize = "buildpack-labels")]
    Labels,
    /// Nothing is said; what the others are measured against.
    Neither,
}

impl Way {
    /// All, in the order of tables.
    pub const ALL: [Self; 4] = [Self::Platform, Self::Annotations, Self::Labels, Self::Neither];

    /// Its word in tables, records and the names of scenarios.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    fn uses_the_buildpack(self) -> bool {
        matches!(self, Self::Annotations | Self::Labels)
    }
}

/// A build, ready to be exported.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// Its folders.
    pub folders: Folders,
    /// The group that was detected.
    pub group: Vec<Buildpack>,
    /// What every buildpack did.
    pub built: Vec<Built>,
    /// The call of `project-metadata`, where it is the platform's way.
    pub metadata: Option<(Call, Ran)>,
}

impl Prepared {
    /// Where `project-metadata.toml` is.
    #[must_use]
    pub fn project_metadata(&self) -> PathBuf {
        self.folders.layers.join("project-metadata.toml")
    }

    /// Milliseconds that the utility buildpack took to build; none where it took no part.
    #[must_use]
    pub fn buildpack_milliseconds(&self) -> Option<u64> {
        let own = self.built.iter().find(|built| built.id.ends_with("project-annotations"));
        own.map(|built| built.ran.milliseconds)
    }
}

/// The app's buildpack first, the utility buildpack after it where it is wanted.
fn order(hello: &Buildpack, annotations: Option<&Buildpack>) -> String {
    let entry = |buildpack: &Buildpack, optional: bool| {
        format!("[[order.group]]\nid = {:?}\nversion = {:?}\noptional = {optional}\n", buildpack.id, buildpack.version)
    };
    let utility = annotations.map_or_else(String::new, |buildpack| entry(buildpack, true));
    format!("[[order]]\n{}{utility}", entry(hello, false))
}

/// Builds `source` in `root`, an empty folder; `revision` is what the platform tells the buildpack of the commit.
///
/// # Errors
/// [`PipelineError`].
pub async fn prepare(
    way: Way,
    programs: &Programs,
    root: &Path,
    source: &Path,
    revision: &str,
) -> Result<Prepared, PipelineError> {
    let folders = Folders {
        app: root.join("workspace"),
        layers: root.join("layers"),
        platform: root.join("platform"),
        buildpacks: root.join("buildpacks"),
    };
    scenario::copy_source(source, &folders.app)?;
    let variables = folders.platform.join("env");
    std::fs::create_dir_all(&variables).map_err(PipelineError::file("make", &variables))?;
    std::fs::create_dir_all(&folders.layers).map_err(PipelineError::file("make", &folders.layers))?;
    let (hello, annotations) = buildpack::lay_out(&folders.buildpacks, &programs.project_annotations)?;
    if way.uses_the_buildpack() {
        // The repository stays with the platform, and so does the commit unless it is handed over.
        write(&variables.join("BP_OCI_REVISION"), revision)?;
        let kind = if way == Way::Labels { "labels" } else { "annotations" };
        write(&variables.join("BP_PROJECT_ANNOTATIONS"), kind)?;
    }
    let file = root.join("order.toml");
    write(&file, &order(&hello, way.uses_the_buildpack().then_some(&annotations)))?;
    let group = detect(&folders, &file).await?;
    let built = build(&folders, &group).await?;
    let mut prepared = Prepared { folders, group, built, metadata: None };
    if way == Way::Platform {
        let call = Call::new(&programs.project_metadata, root).with([
            Path::new("--source"),
            source,
            Path::new("-o"),
            &prepared.project_metadata(),
        ]);
        let ran = call.succeed().await?;
        prepared.metadata = Some((call, ran));
    }
    Ok(prepared)
}
