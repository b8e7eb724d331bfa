//! What on disk becomes which layer (`cnb-platform.md`, exporter, Outputs; `cnb-buildpack.md`, launch.toml for slices).

mod app;
mod sbom;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::cli::Options;
use crate::inputs::{self, BuildMetadata, Buildpack, InputError, LayerContent};
use crate::layer::{Item, Kind, LayerError, Owner, Tree};
use crate::plan::{LAUNCHER, PROCESSES};

pub use app::app;
pub use sbom::{keep_build_sboms, sbom};

/// Why the layers' sources cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A layer's file.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A file of a layer.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// A folder cannot be listed.
    #[error("list {}", path.display())]
    List {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A bill of materials is not a file that can be read whole.
    #[error("read the bill of materials {}: {reason}", path.display())]
    Bill {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A bill of materials cannot be kept.
    #[error("keep the bill of materials {}", path.display())]
    Keep {
        /// Where it was to be kept.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The launcher is missing.
    #[error("read the launcher {} (-launcher names it)", path.display())]
    Launcher {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// A launch layer of a buildpack.
#[derive(Debug)]
pub struct LaunchSource<T = Tree> {
    /// The layer's name.
    pub name: String,
    /// What its file says.
    pub content: LayerContent,
    /// Its entries; none where the previous image's layer is to be used.
    pub tree: Option<T>,
}

/// What a buildpack left for the image.
#[derive(Debug)]
pub struct BuildpackSource<T = Tree> {
    /// The buildpack.
    pub buildpack: Buildpack,
    /// Its launch layers, by name.
    pub layers: Vec<LaunchSource<T>>,
    /// `[metadata]` of its `store.toml`, as JSON.
    pub store: Option<serde_json::Value>,
}

/// Everything that becomes a layer, as metadata alone: contents stay on disk. `T` is a layer's entries, or what has
/// become of them.
#[derive(Debug)]
pub struct Sources<T = Tree> {
    /// In the order of execution.
    pub buildpacks: Vec<BuildpackSource<T>>,
    /// Software bills of materials, where there are some.
    pub sbom: Option<T>,
    /// Slices, then the rest.
    pub app: Vec<T>,
    /// The launcher.
    pub launcher: T,
    /// `<layers>/config`.
    pub config: T,
    /// Process symlinks, where there are processes.
    pub processes: Option<T>,
}

impl Sources {
    /// Walks through all folders of the build, so that what cannot be in an image is refused before anything is sent.
    ///
    /// # Errors
    /// [`SourceError`] naming the file.
    pub fn gather(
        options: &Options,
        group: &[Buildpack],
        metadata: &BuildMetadata,
        owner: Owner,
    ) -> Result<Self, SourceError> {
        let layers = &options.layers;
        let of_buildpack = |buildpack: &Buildpack| -> Result<BuildpackSource, SourceError> {
            let store: Option<toml::Table> =
                inputs::read_if_there(&Path::new(layers).join(buildpack.folder()).join("store.toml"))?;
            let store = store.and_then(|table| table.get("metadata").map(inputs::to_json));
            let layers = launch_layers(layers, buildpack, owner)?;
            Ok(BuildpackSource { buildpack: buildpack.clone(), layers, store })
        };
        let types: Vec<String> = metadata.processes.iter().map(|process| process.r#type.clone()).collect();
        Ok(Self {
            buildpacks: group.iter().map(of_buildpack).collect::<Result<_, _>>()?,
            sbom: sbom(layers, &options.launcher_sbom, owner)?,
            app: app(&options.app, &metadata.slices, owner)?,
            launcher: launcher(&options.launcher)?,
            config: config(layers, owner)?,
            processes: processes(&types),
        })
    }

    /// Does something with every layer's entries, in the order of the image.
    pub fn map<U>(self, mut f: impl FnMut(Tree) -> U) -> Sources<U> {
        let of_layer = |LaunchSource { name, content, tree }, f: &mut dyn FnMut(Tree) -> U| LaunchSource {
            name,
            content,
            tree: tree.map(f),
        };
        let mut of_buildpack = |BuildpackSource { buildpack, layers, store }| BuildpackSource {
            buildpack,
            layers: layers.into_iter().map(|layer| of_layer(layer, &mut f)).collect(),
            store,
        };
        Sources {
            buildpacks: self.buildpacks.into_iter().map(&mut of_buildpack).collect(),
            sbom: self.sbom.map(&mut f),
            app: self.app.into_iter().map(&mut f).collect(),
            launcher: f(self.launcher),
            config: f(self.config),
            processes: self.processes.map(f),
        }
    }

    /// Whether a layer of the previous image is needed.
    #[must_use]
    pub fn reuse(&self) -> bool {
        self.buildpacks.iter().flat_map(|source| &source.layers).any(|layer| layer.tree.is_none())
    }
}

/// Whether there is a folder; what cannot be told is an error, never a no.
fn is_folder(path: &Path) -> Result<bool, SourceError> {
    match fs::metadata(path) {
        Ok(facts) => Ok(facts.is_dir()),
        // A link that leads nowhere is not a folder that was left out.
        Err(source) if path.is_symlink() => Err(SourceError::List { path: path.to_path_buf(), source }),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(false),
        Err(source) => Err(SourceError::List { path: path.to_path_buf(), source }),
    }
}

/// The launch layers of a buildpack, by name.
///
/// # Errors
/// [`SourceError`] naming the file.
pub fn launch_layers(layers: &str, buildpack: &Buildpack, owner: Owner) -> Result<Vec<LaunchSource>, SourceError> {
    let folder_path = format!("{layers}/{}", buildpack.folder());
    let folder = Path::new(&folder_path);
    if !is_folder(folder)? {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for name in layer_names(folder)? {
        let content: LayerContent = inputs::read(&folder.join(format!("{name}.toml")), "it must be readable")?;
        if !content.types.launch {
            continue;
        }
        let path = format!("{folder_path}/{name}");
        let mut tree = None;
        if is_folder(&folder.join(&name))? {
            let mut made = Tree::of_folder(Path::new(&path), &path, owner)?;
            put_parents(&mut made, &[layers, &folder_path], owner);
            tree = Some(made);
        }
        found.push(LaunchSource { name, content, tree });
    }
    Ok(found)
}

/// Names of the `<layer>.toml` files; those of the buildpack itself are not layers.
fn layer_names(folder: &Path) -> Result<Vec<String>, SourceError> {
    let fail = |source| SourceError::List { path: folder.to_path_buf(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(fail)? {
        let name = entry.map_err(fail)?.file_name().to_string_lossy().into_owned();
        if let Some(layer) = name.strip_suffix(".toml")
            && !matches!(layer, "launch" | "build" | "store")
        {
            names.push(layer.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Folders above a layer's own, outermost first, so that their owner is the one that the build used.
fn put_parents(tree: &mut Tree, parents: &[&str], owner: Owner) {
    let entry = |path: &&str| Item { owner, ..Tree::directory(path) };
    tree.items.splice(0..0, parents.iter().map(entry));
}

/// The launcher layer.
///
/// # Errors
/// [`SourceError::Launcher`].
pub fn launcher(launcher: &Path) -> Result<Tree, SourceError> {
    let fail = |source| SourceError::Launcher { path: launcher.to_path_buf(), source };
    let facts = fs::metadata(launcher).map_err(fail)?;
    if !facts.is_file() {
        return Err(fail(io::Error::other("it is not a file")));
    }
    let mut items: Vec<Item> = ["/cnb", "/cnb/lifecycle"].into_iter().map(Tree::directory).collect();
    items.push(Item {
        path: LAUNCHER.into(),
        mode: 0o755,
        owner: Owner { uid: 0, gid: 0 },
        kind: Kind::File { source: launcher.to_path_buf(), size: facts.len() },
        attributes: BTreeMap::new(),
    });
    Ok(Tree { items })
}

/// The layer of process symlinks; none where there is no process.
#[must_use]
pub fn processes(types: &[String]) -> Option<Tree> {
    let mut types = types.to_vec();
    types.sort();
    types.dedup();
    if types.is_empty() {
        return None;
    }
    let mut items: Vec<Item> = ["/cnb", PROCESSES].into_iter().map(Tree::directory).collect();
    items.extend(types.iter().map(|name| Item {
        path: format!("{PROCESSES}/{name}").into(),
        mode: 0o777,
        owner: Owner { uid: 0, gid: 0 },
        kind: Kind::Symlink(LAUNCHER.into()),
        attributes: BTreeMap::new(),
    }));
    Some(Tree { items })
}

/// The config layer: `<layers>/config` with `metadata.toml` in it.
///
/// # Errors
/// [`SourceError`] naming the file.
pub fn config(layers: &str, owner: Owner) -> Result<Tree, SourceError> {
    let folder = format!("{layers}/config");
    let mut tree = Tree::of_folder(Path::new(&folder), &folder, owner)?;
    put_parents(&mut tree, &[layers], owner);
    Ok(tree)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) const OWNER: Owner = Owner { uid: 1, gid: 2 };

    pub(super) fn listing(tree: &Tree, root: &str) -> String {
        let name = |item: &Item| {
            let path = String::from_utf8_lossy(&item.path).replace(root, "APP");
            match &item.kind {
                Kind::Directory => format!("{path}/"),
                Kind::HardLink(to) => format!("{path} = {}", String::from_utf8_lossy(to).replace(root, "APP")),
                _ => path,
            }
        };
        tree.items.iter().map(name).collect::<Vec<_>>().join("\n")
    }
}
