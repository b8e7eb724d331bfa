//! `[[files]]` of a generated build, without those that another one is in the way of.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::put;
use crate::generated::{Kind, TreeFile};

/// Entries that can be laid out side by side.
#[derive(Default)]
pub(super) struct Tree {
    entries: Vec<Value>,
    leaves: BTreeSet<String>,
    folders: BTreeSet<String>,
    /// The first regular file of each root, which hard links share.
    shared: BTreeMap<String, String>,
}

impl Tree {
    /// Remembers a path that is there already.
    pub(super) fn taken(&mut self, path: &str) {
        self.leaves.insert(path.to_owned());
        self.folders.extend(above(path));
    }

    /// An empty folder, where nothing is in the way.
    pub(super) fn folder(&mut self, path: &str) {
        if !self.folders.contains(path) {
            self.folders.insert(path.to_owned());
            self.folders.extend(above(path));
            self.push(path, &[("directory", true.into())]);
        }
    }

    /// The files of a tree below `root`.
    pub(super) fn add(&mut self, root: &str, files: &[TreeFile]) {
        for file in files {
            let mut parts = vec![root];
            parts.extend(file.folders.iter().map(String::as_str));
            parts.push(&file.name);
            let path = parts.join("/");
            let is_free = !self.leaves.contains(&path)
                && !self.folders.contains(&path)
                && above(&path).all(|folder| !self.leaves.contains(&folder));
            if is_free {
                self.file(root, &path, &file.kind);
            }
        }
    }

    fn file(&mut self, root: &str, path: &str, kind: &Kind) {
        let mode = |mode: &u32| ("mode", Value::from(format!("{mode:o}")));
        match kind {
            Kind::Text(text, bits) => self.push(path, &[("content", text.as_str().into()), mode(bits)]),
            Kind::Bytes(size, bits) => self.push(path, &[("size", i64::from(*size).into()), mode(bits)]),
            Kind::Symlink(target) => self.push(path, &[("symlink", target.as_str().into())]),
            Kind::EmptyFolder(bits) => self.push(path, &[("directory", true.into()), mode(bits)]),
            Kind::HardLink => match self.shared.get(root).cloned() {
                Some(other) => self.push(path, &[("hard-link", other.into())]),
                None => return,
            },
        }
        if matches!(kind, Kind::Text(..) | Kind::Bytes(..)) {
            self.shared.entry(root.to_owned()).or_insert_with(|| path.to_owned());
        }
        self.taken(path);
    }

    fn push(&mut self, path: &str, keys: &[(&str, Value)]) {
        let mut entry = Table::new();
        put(&mut entry, "path", path);
        for (key, value) in keys {
            put(&mut entry, key, value.clone());
        }
        self.entries.push(entry.into());
    }

    /// All of them, in the order in which they are made.
    pub(super) fn entries(self) -> Vec<Value> {
        self.entries
    }
}

/// The folders that a path lies in.
fn above(path: &str) -> impl Iterator<Item = String> {
    path.match_indices('/').map(|(at, _)| path[..at].to_owned())
}
