//! What on disk becomes which layer (`cnb-platform.md`, exporter, Outputs; `cnb-buildpack.md`, launch.toml for slices).

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::inputs::{self, Buildpack, InputError, LayerContent, Slice};
use crate::layer::{Item, Kind, LayerError, Owner, Tree, matches};
use crate::plan::{LAUNCHER, PROCESSES};

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
    #[error("list {}: {source}", path.display())]
    List {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The launcher is missing.
    #[error("read the launcher {}: {source}; -launcher names it", path.display())]
    Launcher {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

/// A launch layer of a buildpack.
#[derive(Debug)]
pub struct LaunchSource {
    /// The layer's name.
    pub name: String,
    /// What its file says.
    pub content: LayerContent,
    /// Its entries; none where the previous image's layer is to be used.
    pub tree: Option<Tree>,
}

/// The launch layers of a buildpack, by name.
///
/// # Errors
/// [`SourceError`] naming the file.
pub fn launch_layers(layers: &str, buildpack: &Buildpack, owner: Owner) -> Result<Vec<LaunchSource>, SourceError> {
    let folder_path = format!("{layers}/{}", buildpack.folder());
    let folder = Path::new(&folder_path);
    if !folder.is_dir() {
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
        if folder.join(&name).is_dir() {
            let mut made = Tree::of_folder(Path::new(&path), &path, owner)?;
            put_parents(&mut made, &[layers, &folder_path], owner);
            tree = Some(made);
        }
        found.push(LaunchSource { name, content, tree });
    }
    Ok(found)
}

/// Names of the `<layer>.toml` files; those of the buildpack itself are no layers.
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

/// The SBOM layer: what the buildpacks left for launch and the launcher's own; none where there is nothing.
///
/// # Errors
/// [`SourceError`] naming the file.
pub fn sbom(layers: &str, launcher_sbom: &Path, owner: Owner) -> Result<Option<Tree>, SourceError> {
    let root = format!("{layers}/sbom/launch");
    let mut items: BTreeMap<Vec<u8>, Item> = BTreeMap::new();
    if Path::new(&root).is_dir() {
        let tree = Tree::of_folder(Path::new(&root), &root, owner)?;
        items.extend(tree.items.into_iter().map(|item| (item.path.clone(), item)));
    }
    let launcher_folder = format!("{root}/buildpacksio_lifecycle/launcher");
    for (extension, source) in own_sboms(launcher_sbom, "launcher")? {
        let path = format!("{launcher_folder}/sbom.{extension}");
        let content = fs::read(&source).map_err(|error| LayerError::Read { path: source, source: error })?;
        for folder in [&root, &format!("{root}/buildpacksio_lifecycle"), &launcher_folder] {
            items.entry(folder.as_bytes().to_vec()).or_insert_with(|| Item { owner, ..Tree::directory(folder) });
        }
        items.insert(path.as_bytes().to_vec(), Item { owner, ..Tree::file(&path, 0o644, content) });
    }
    let has_file = items.values().any(|item| !matches!(item.kind, Kind::Directory));
    let mut tree = Tree { items: items.into_values().collect() };
    put_parents(&mut tree, &[layers, &format!("{layers}/sbom")], owner);
    Ok(has_file.then_some(tree))
}

/// `<name>.sbom.<ext>` files of the folder that describes the lifecycle.
fn own_sboms(folder: &Path, name: &str) -> Result<Vec<(String, PathBuf)>, SourceError> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let fail = |source| SourceError::List { path: folder.to_path_buf(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(fail)? {
        let file = entry.map_err(fail)?;
        let file_name = file.file_name().to_string_lossy().into_owned();
        if let Some(extension) = file_name.strip_prefix(&format!("{name}.sbom.")) {
            found.push((extension.to_owned(), file.path()));
        }
    }
    found.sort();
    Ok(found)
}

/// Copies the lifecycle's own SBOMs to where those of the build are kept on disk.
///
/// # Errors
/// The file system's.
pub fn keep_build_sboms(layers: &str, lifecycle: &Path) -> Result<(), SourceError> {
    let folder = PathBuf::from(format!("{layers}/sbom/build/buildpacksio_lifecycle"));
    for (extension, source) in own_sboms(lifecycle, "lifecycle")? {
        let fail = |source| SourceError::List { path: folder.clone(), source };
        fs::create_dir_all(&folder).map_err(fail)?;
        fs::copy(source, folder.join(format!("sbom.{extension}"))).map_err(fail)?;
    }
    Ok(())
}

/// The app layers: one for each slice that matches something, then the rest.
///
/// # Errors
/// [`SourceError`] naming the file.
pub fn app(app: &str, slices: &[Slice], owner: Owner) -> Result<Vec<Tree>, SourceError> {
    let all = Tree::of_folder(Path::new(app), app, owner)?.items;
    let mut taken: HashSet<usize> = HashSet::new();
    let mut trees = Vec::new();
    for slice in slices {
        let matched = matched(app, slice, &all);
        let of_slice: HashSet<usize> =
            (0..all.len()).filter(|index| !taken.contains(index) && is_below(&all[*index].path, &matched)).collect();
        if of_slice.iter().any(|index| !matches!(all[*index].kind, Kind::Directory)) {
            trees.push(with_folders(&all, &of_slice));
        }
        taken.extend(of_slice);
    }
    let rest: HashSet<usize> = (0..all.len()).filter(|index| !taken.contains(index)).collect();
    trees.push(with_folders(&all, &rest));
    Ok(trees)
}

/// Paths that a slice's patterns match; a folder stands for all that is in it.
fn matched(app: &str, slice: &Slice, all: &[Item]) -> HashSet<Vec<u8>> {
    let patterns: Vec<String> = slice
        .paths
        .iter()
        .map(|pattern| {
            let full = if pattern.starts_with('/') { pattern.clone() } else { format!("{app}/{pattern}") };
            lexically_clean(&full)
        })
        .collect();
    let is_matched = |item: &&Item| {
        let path = String::from_utf8_lossy(&item.path);
        patterns.iter().any(|pattern| matches(pattern, &path))
    };
    all.iter().filter(is_matched).map(|item| item.path.clone()).collect()
}

/// Without `.`, doubled and trailing slashes, as Go's `filepath.Clean` leaves a pattern.
fn lexically_clean(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    format!("/{}", parts.join("/"))
}

fn is_below(path: &[u8], matched: &HashSet<Vec<u8>>) -> bool {
    let mut at = path;
    loop {
        if matched.contains(at) {
            return true;
        }
        match at.iter().rposition(|byte| *byte == b'/') {
            Some(slash) if slash > 0 => at = &at[..slash],
            _ => return false,
        }
    }
}

/// The chosen items and the folders that they lie in. A hard link whose first name is in another layer becomes a file.
fn with_folders(all: &[Item], chosen: &HashSet<usize>) -> Tree {
    let mut folders: HashSet<&[u8]> = HashSet::new();
    for index in chosen {
        let mut at = all[*index].path.as_slice();
        while let Some(slash) = at.iter().rposition(|byte| *byte == b'/') {
            at = &at[..slash];
            folders.insert(at);
        }
    }
    let mut first_names: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let mut tree = Tree::default();
    for (index, item) in all.iter().enumerate() {
        let is_folder = matches!(item.kind, Kind::Directory) && folders.contains(item.path.as_slice());
        if !chosen.contains(&index) && !is_folder {
            continue;
        }
        let mut item = item.clone();
        if let Kind::HardLink(original) = &item.kind {
            let here = all.iter().enumerate().any(|(at, other)| other.path == *original && chosen.contains(&at));
            if !here {
                item.kind = relinked(all, original, &item.path, &mut first_names);
            }
        }
        tree.items.push(item);
    }
    tree
}

/// The first of several names in a layer carries the content, the others link to it.
fn relinked(all: &[Item], original: &[u8], path: &[u8], first_names: &mut BTreeMap<Vec<u8>, Vec<u8>>) -> Kind {
    if let Some(first) = first_names.get(original) {
        return Kind::HardLink(first.clone());
    }
    first_names.insert(original.to_vec(), path.to_vec());
    all.iter()
        .find(|other| other.path == original)
        .map_or_else(|| Kind::HardLink(original.to_vec()), |other| other.kind.clone())
}

/// The launcher layer.
///
/// # Errors
/// [`SourceError::Launcher`].
pub fn launcher(launcher: &Path) -> Result<Tree, SourceError> {
    let facts =
        fs::metadata(launcher).map_err(|source| SourceError::Launcher { path: launcher.to_path_buf(), source })?;
    let mut items: Vec<Item> = ["/cnb", "/cnb/lifecycle"].into_iter().map(Tree::directory).collect();
    items.push(Item {
        path: LAUNCHER.into(),
        mode: 0o755,
        owner: Owner { uid: 0, gid: 0 },
        kind: Kind::File { source: launcher.to_path_buf(), size: facts.len() },
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

    const OWNER: Owner = Owner { uid: 1, gid: 2 };

    fn listing(tree: &Tree, root: &str) -> String {
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

    #[test]
    fn slices_take_files_once_and_the_rest_has_what_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().display().to_string();
        fs::create_dir_all(folder.path().join("static/deep")).unwrap();
        fs::create_dir(folder.path().join("empty")).unwrap();
        for name in ["static/a.js", "static/b.css", "static/deep/c", "README.md", "main"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        fs::hard_link(folder.path().join("main"), folder.path().join("static/main")).unwrap();
        let slice = |paths: &[&str]| Slice { paths: paths.iter().map(|path| (*path).to_owned()).collect() };
        let slices =
            [slice(&["static/*.js", "*.md"]), slice(&[&format!("{root}/static")]), slice(&["nothing", "static/a.js"])];
        let trees = app(&root, &slices, OWNER).unwrap();
        let shown: Vec<String> = trees.iter().map(|tree| listing(tree, &root)).collect();
        insta::assert_snapshot!(shown.join("\n--\n"));
    }

    #[test]
    fn the_launcher_s_sbom_joins_those_of_the_buildpacks() {
        let folder = tempfile::tempdir().unwrap();
        let layers = folder.path().join("layers");
        fs::create_dir_all(layers.join("sbom/launch/a_b")).unwrap();
        fs::write(layers.join("sbom/launch/a_b/sbom.cdx.json"), "{}").unwrap();
        fs::write(folder.path().join("launcher.sbom.spdx.json"), "{}").unwrap();
        fs::write(folder.path().join("lifecycle.sbom.spdx.json"), "{}").unwrap();
        let root = layers.display().to_string();
        let tree = sbom(&root, folder.path(), OWNER).unwrap().unwrap();
        insta::assert_snapshot!(listing(&tree, &root));
        keep_build_sboms(&root, folder.path()).unwrap();
        assert!(layers.join("sbom/build/buildpacksio_lifecycle/sbom.spdx.json").is_file());
        assert!(sbom(&format!("{root}/none"), &layers, OWNER).unwrap().is_none());
    }
}
