//! Software bills of materials: those for launch are a layer, those of the build stay on disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{SourceError, is_folder, put_parents};
use crate::layer::{Item, Kind, LayerError, Owner, Tree};
use crate::whole::whole;

/// The SBOM layer: what the buildpacks left for launch and the launcher's own; none where there is nothing.
///
/// # Errors
/// [`SourceError`] naming the file.
pub fn sbom(layers: &str, launcher_sbom: &Path, owner: Owner) -> Result<Option<Tree>, SourceError> {
    let root = format!("{layers}/sbom/launch");
    let mut items: BTreeMap<Vec<u8>, Item> = BTreeMap::new();
    if is_folder(Path::new(&root))? {
        let tree = Tree::of_folder(Path::new(&root), &root, owner)?;
        items.extend(tree.items.into_iter().map(|item| (item.path.clone(), item)));
    }
    let launcher_folder = format!("{root}/buildpacksio_lifecycle/launcher");
    for (extension, source) in own_sboms(launcher_sbom, "launcher")? {
        let path = format!("{launcher_folder}/sbom.{extension}");
        let content = bill(&source)?;
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

/// The bytes of a bill of materials that is part of the lifecycle.
fn bill(path: &Path) -> Result<Vec<u8>, SourceError> {
    let wrong = |reason: String| SourceError::Bill { path: path.to_path_buf(), reason };
    let unread = |source| LayerError::Read { path: path.to_path_buf(), source }.into();
    whole(path).map_err(|error| error.parted().map_or_else(wrong, unread))
}

/// `<name>.sbom.<ext>` files of the folder that describes the lifecycle.
fn own_sboms(folder: &Path, name: &str) -> Result<Vec<(String, PathBuf)>, SourceError> {
    if !is_folder(folder)? {
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

/// Puts the lifecycle's own SBOMs to where those of the build are kept on disk.
///
/// # Errors
/// The file system's.
pub fn keep_build_sboms(layers: &str, lifecycle: &Path) -> Result<(), SourceError> {
    let folder = PathBuf::from(format!("{layers}/sbom/build/buildpacksio_lifecycle"));
    for (extension, source) in own_sboms(lifecycle, "lifecycle")? {
        let to = folder.join(format!("sbom.{extension}"));
        let content = bill(&source)?;
        let copied = fs::create_dir_all(&folder).and_then(|()| fs::write(&to, content));
        copied.map_err(|source| SourceError::Keep { path: to, source })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{OWNER, listing};
    use super::*;

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
