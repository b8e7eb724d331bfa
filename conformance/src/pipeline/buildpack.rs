//! Buildpacks on disk, as a platform keeps them (`cnb-platform.md`, Buildpacks Directory Layout, buildpacks/spec
//! b745fcf): `<buildpacks>/<id>/<version>/`, a `/` of the ID being `_`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{PipelineError, write};
use crate::error::Cause;
use crate::scenario::materialise::buildpack_folder;

/// The descriptor of the utility buildpack.
const PROJECT_ANNOTATIONS: &str = include_str!("../../../fixtures/buildpacks/project-annotations/buildpack.toml");
/// The files of the app's buildpack.
const HELLO: [(&str, &str); 3] = [
    ("buildpack.toml", include_str!("../../../fixtures/buildpacks/hello/buildpack.toml")),
    ("bin/detect", include_str!("../../../fixtures/buildpacks/hello/bin/detect")),
    ("bin/build", include_str!("../../../fixtures/buildpacks/hello/bin/build")),
];

/// `buildpack.toml`, as far as it is needed here.
#[derive(Debug, Clone, Deserialize)]
struct File {
    api: String,
    buildpack: Section,
    #[serde(default)]
    order: Vec<toml::Value>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Section {
    id: String,
    version: String,
    homepage: Option<String>,
    #[serde(default)]
    clear_env: bool,
}

/// A component buildpack.
#[derive(Debug, Clone)]
pub struct Buildpack {
    /// Its folder.
    pub folder: PathBuf,
    /// `buildpack.id`.
    pub id: String,
    /// `buildpack.version`.
    pub version: String,
    /// `api`.
    pub api: String,
    /// `buildpack.homepage`.
    pub homepage: Option<String>,
    /// Whether variables of the user are kept from it.
    pub clear_env: bool,
}

impl Buildpack {
    /// Reads the buildpack in a folder.
    ///
    /// # Errors
    /// [`PipelineError`] naming the file.
    pub fn read(folder: &Path) -> Result<Self, PipelineError> {
        let path = folder.join("buildpack.toml");
        let text = crate::given::text(&path).map_err(PipelineError::file("read", &path))?;
        let wrong = |source: Cause| PipelineError::Format { path: path.clone(), source };
        let file: File = toml::from_str(&text).map_err(|error| wrong(error.into()))?;
        if !file.order.is_empty() {
            return Err(wrong(
                "it is of several buildpacks (order), and component buildpacks alone are run here".into(),
            ));
        }
        let Section { id, version, homepage, clear_env } = file.buildpack;
        let folder = std::path::absolute(folder).map_err(PipelineError::file("find", folder))?;
        Ok(Self { folder, id, version, api: file.api, homepage, clear_env })
    }

    /// The buildpack of an entry of `order.toml`.
    ///
    /// # Errors
    /// [`PipelineError`] where it is not there or calls itself otherwise.
    pub fn find(buildpacks: &Path, id: &str, version: &str) -> Result<Self, PipelineError> {
        let found = Self::read(&buildpacks.join(buildpack_folder(id)).join(version))?;
        if found.id == id && found.version == version {
            return Ok(found);
        }
        let reason = format!("it is {} {}, and stands where {id} {version} is looked for", found.id, found.version);
        Err(PipelineError::Format { path: found.folder.join("buildpack.toml"), source: reason.into() })
    }

    /// Its layers below `<layers>`.
    #[must_use]
    pub fn layers(&self, layers: &Path) -> PathBuf {
        layers.join(buildpack_folder(&self.id))
    }
}

/// Puts the two buildpacks of the demo below `buildpacks`; gives them, the app's first.
///
/// # Errors
/// [`PipelineError`].
pub fn lay_out(buildpacks: &Path, program: &Path) -> Result<(Buildpack, Buildpack), PipelineError> {
    let hello = buildpacks.join("example_hello/1.0.0");
    for (name, text) in HELLO {
        let path = hello.join(name);
        write(&path, text)?;
        let mode = if name.starts_with("bin/") { 0o755 } else { 0o644 };
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&path, permissions).map_err(PipelineError::file("write", &path))?;
    }
    let annotations = buildpacks.join("example_project-annotations/0.1.0");
    write(&annotations.join("buildpack.toml"), PROJECT_ANNOTATIONS)?;
    let bin = annotations.join("bin");
    std::fs::create_dir_all(&bin).map_err(PipelineError::file("make", &bin))?;
    for name in ["detect", "build"] {
        let link = bin.join(name);
        std::os::unix::fs::symlink(program, &link).map_err(PipelineError::file("link", &link))?;
    }
    Ok((Buildpack::read(&hello)?, Buildpack::read(&annotations)?))
}
