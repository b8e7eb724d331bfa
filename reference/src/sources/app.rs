//! The app folder as layers: slices, then the rest (`cnb-buildpack.md`, launch.toml).

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::SourceError;
use crate::inputs::Slice;
use crate::layer::{Item, Kind, Owner, Tree, matches};

/// The app layers: one for each slice that matches a file or folder which no slice before it took, then the rest.
///
/// # Errors
/// [`SourceError`] naming the file.
pub fn app(app: &str, slices: &[Slice], owner: Owner) -> Result<Vec<Tree>, SourceError> {
    let whole = Tree::of_folder(Path::new(app), app, owner)?;
    if slices.is_empty() {
        return Ok(vec![whole]);
    }
    let all = whole.items;
    let mut taken: HashSet<usize> = HashSet::new();
    let mut trees = Vec::new();
    for slice in slices {
        let matched = matched(app, slice, &all);
        let of_slice: HashSet<usize> =
            (0..all.len()).filter(|index| !taken.contains(index) && is_below(&all[*index].path, &matched)).collect();
        if !of_slice.is_empty() {
            trees.push(with_folders(&all, &of_slice));
        }
        taken.extend(of_slice);
    }
    let rest: HashSet<usize> = (0..all.len()).filter(|index| !taken.contains(index)).collect();
    if !rest.is_empty() || trees.is_empty() {
        trees.push(with_folders(&all, &rest));
    }
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

/// Without `.`, `..`, doubled and trailing slashes, as Go's `filepath.Clean` leaves a pattern. One that leads out of
/// the app folder matches nothing, because only what is in that folder is asked.
fn lexically_clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
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
    let places: HashMap<&[u8], usize> =
        all.iter().enumerate().map(|(index, item)| (item.path.as_slice(), index)).collect();
    let mut first_names: HashMap<Vec<u8>, Vec<u8>> = HashMap::new();
    let mut tree = Tree::default();
    for (index, item) in all.iter().enumerate() {
        let is_folder = matches!(item.kind, Kind::Directory) && folders.contains(item.path.as_slice());
        if !chosen.contains(&index) && !is_folder {
            continue;
        }
        let mut item = item.clone();
        if let Kind::HardLink(original) = &item.kind
            && let Some(place) = places.get(original.as_slice())
            && !chosen.contains(place)
        {
            // The first of several names in a layer carries the content, the others link to it.
            item.kind = if let Some(first) = first_names.get(original) {
                Kind::HardLink(first.clone())
            } else {
                first_names.insert(original.clone(), item.path.clone());
                all[*place].kind.clone()
            };
        }
        tree.items.push(item);
    }
    tree
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::tests::{OWNER, listing};
    use super::*;

    fn slice(paths: &[&str]) -> Slice {
        Slice { paths: paths.iter().map(|path| (*path).to_owned()).collect() }
    }

    fn shown(root: &str, slices: &[Slice]) -> Vec<String> {
        app(root, slices, OWNER).unwrap().iter().map(|tree| listing(tree, root)).collect()
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
        let slices =
            [slice(&["static/*.js", "*.md"]), slice(&[&format!("{root}/static")]), slice(&["nothing", "static/a.js"])];
        insta::assert_snapshot!(shown(&root, &slices).join("\n--\n"));
    }

    #[test]
    fn a_slice_of_an_empty_folder_is_a_layer_and_one_of_everything_leaves_no_rest() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().display().to_string();
        fs::create_dir(folder.path().join("empty")).unwrap();
        fs::write(folder.path().join("main"), "").unwrap();
        assert_eq!(shown(&root, &[slice(&["empty"])]), ["APP/\nAPP/empty/", "APP/\nAPP/main"]);
        assert_eq!(shown(&root, &[slice(&["."])]), ["APP/\nAPP/empty/\nAPP/main"]);
    }

    #[test]
    fn a_pattern_that_leads_out_of_the_app_folder_matches_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().display().to_string();
        fs::write(folder.path().join("main"), "").unwrap();
        assert_eq!(shown(&root, &[slice(&["../*", "/etc/*"])]), ["APP/\nAPP/main"]);
        assert_eq!(shown(&root, &[slice(&["x/../main"])]).len(), 2);
    }

    /// Files of two inodes, each with a name in both folders, made in one order or the other.
    fn linked(names: [&str; 4]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::create_dir(folder.path().join("z")).unwrap();
        fs::write(folder.path().join(names[0]), "x").unwrap();
        for name in &names[1..] {
            fs::hard_link(folder.path().join(names[0]), folder.path().join(name)).unwrap();
        }
        folder
    }

    #[test]
    fn which_name_of_a_file_is_the_file_depends_on_the_names_alone() {
        let one = linked(["a/one", "a/two", "z/one", "z/two"]);
        let other = linked(["z/two", "z/one", "a/two", "a/one"]);
        let slices = [slice(&["z"])];
        let shown = |folder: &tempfile::TempDir| shown(&folder.path().display().to_string(), &slices);
        assert_eq!(shown(&one), shown(&other));
        assert_eq!(
            shown(&one),
            ["APP/\nAPP/z/\nAPP/z/one\nAPP/z/two = APP/z/one", "APP/\nAPP/a/\nAPP/a/one\nAPP/a/two = APP/a/one"]
        );
    }
}
