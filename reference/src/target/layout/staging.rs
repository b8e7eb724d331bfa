//! Layout folders are made next to their places, and put there whole; until then, and after any failure, every place is
//! as it was.

use std::fs;
use std::io::{self, Read, Seek};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::{LayoutError, blob, disk};
use crate::digest::{Digest, Hasher};
use crate::image::{Descriptor, MANIFEST};
use crate::target::NewLayer;

/// What a layout consists of; anything else in its folder is another layout's.
const OWN: [&str; 3] = ["blobs", "index.json", "oci-layout"];

/// `index.json`: the image with its platform, and the tag as its name, by which umoci and skopeo find it
/// (`rfc-0119-export-to-oci-layout.md`, Unresolved Questions).
fn index(tag: &str, config: &[u8], manifest: &[u8]) -> String {
    let config: Value = serde_json::from_slice(config).unwrap_or_default();
    let mut platform = Map::new();
    for name in ["architecture", "os", "os.version", "os.features", "variant"] {
        let value = config.get(name).filter(|value| !value.is_null() && *value != "");
        platform.extend(value.map(|value| (name.to_owned(), value.clone())));
    }
    let entry = json!({
        "mediaType": MANIFEST,
        "digest": Digest::of(manifest),
        "size": manifest.len(),
        "platform": platform,
        "annotations": { "org.opencontainers.image.ref.name": tag },
    });
    json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [entry],
    })
    .to_string()
}

/// What folders are filled from.
pub(super) struct Staging {
    pub(super) base: Option<PathBuf>,
    pub(super) previous: Option<PathBuf>,
    pub(super) base_layers: Vec<Descriptor>,
    /// Whether no one waits for the image any more.
    pub(super) abandoned: Arc<AtomicBool>,
}

impl Staging {
    pub(super) fn fill(
        &self,
        folder: &Path,
        tag: &str,
        config: &[u8],
        manifest: &[u8],
        layers: &[NewLayer],
    ) -> Result<(), LayoutError> {
        let blobs = folder.join("blobs/sha256");
        fs::create_dir_all(&blobs).map_err(disk("make the folder", &blobs))?;
        for layer in &self.base_layers {
            self.copy_if_there(self.base.as_deref(), folder, &layer.digest)?;
        }
        for layer in layers {
            match layer {
                NewLayer::Made(made) => {
                    let to = blob(folder, &made.digest);
                    self.spooled(&made.file, &to).map_err(disk("write", &to))?;
                }
                NewLayer::Reused { descriptor: Some(descriptor), .. } => {
                    self.copy_if_there(self.previous.as_deref(), folder, &descriptor.digest)?;
                }
                NewLayer::Reused { .. } | NewLayer::Streamed { .. } | NewLayer::Sent { .. } => {}
            }
        }
        for (path, bytes) in [
            (blob(folder, &Digest::of(config)), config),
            (blob(folder, &Digest::of(manifest)), manifest),
            (folder.join("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#),
            (folder.join("index.json"), index(tag, config, manifest).as_bytes()),
        ] {
            fs::write(&path, bytes).map_err(disk("write", &path))?;
        }
        Ok(())
    }

    /// The same layout again under another tag; blobs are shared.
    pub(super) fn copy(
        &self,
        from: &Path,
        to: &Path,
        tag: &str,
        config: &[u8],
        manifest: &[u8],
    ) -> Result<(), LayoutError> {
        let (from_blobs, to_blobs) = (from.join("blobs/sha256"), to.join("blobs/sha256"));
        fs::create_dir_all(&to_blobs).map_err(disk("make the folder", &to_blobs))?;
        for entry in fs::read_dir(&from_blobs).map_err(disk("list", &from_blobs))? {
            let name = entry.map_err(disk("list", &from_blobs))?.file_name();
            self.link(&from_blobs.join(&name), &to_blobs.join(&name))?;
        }
        let header = to.join("oci-layout");
        fs::copy(from.join("oci-layout"), &header).map_err(disk("write", &header))?;
        let path = to.join("index.json");
        fs::write(&path, index(tag, config, manifest)).map_err(disk("write", &path))
    }

    fn copy_if_there(&self, from: Option<&Path>, to: &Path, digest: &Digest) -> Result<(), LayoutError> {
        let (Some(from), to) = (from.map(|folder| blob(folder, digest)), blob(to, digest)) else { return Ok(()) };
        if to.exists() {
            return Ok(());
        }
        match fs::symlink_metadata(&from) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(disk("read", &from)(error)),
            Ok(facts) if facts.is_file() => {}
            // A link may lead out of the layout, and a pipe never ends.
            Ok(_) => return Err(LayoutError::Content { path: from, reason: "a blob must be a file".to_owned() }),
        }
        self.is_what_it_is_called(&from, digest)?;
        self.link(&from, &to)
    }

    /// Whether a blob has the digest that names it, which the app image's manifest repeats.
    fn is_what_it_is_called(&self, path: &Path, digest: &Digest) -> Result<(), LayoutError> {
        let mut file = fs::File::open(path).map_err(disk("read", path))?;
        let (mut hasher, mut buffer) = (Hasher::new(), vec![0; 256 * 1024]);
        loop {
            if self.abandoned.load(Ordering::Relaxed) {
                return Err(disk("read", path)(io::Error::other("the export has been ended")));
            }
            match file.read(&mut buffer).map_err(disk("read", path))? {
                0 => break,
                count => hasher.update(&buffer[..count]),
            }
        }
        let found = hasher.finish();
        if found == *digest {
            return Ok(());
        }
        Err(LayoutError::Content { path: path.to_path_buf(), reason: format!("its bytes have the digest {found}") })
    }

    /// A link costs nothing; across file systems, or where links are not allowed, a copy does it.
    fn link(&self, from: &Path, to: &Path) -> Result<(), LayoutError> {
        if fs::hard_link(from, to).is_ok() {
            return Ok(());
        }
        let copied = fs::File::open(from).and_then(|file| self.spooled(&file, to));
        copied.map_err(disk("copy", from))
    }

    /// Copies a file from its start, as long as someone waits for it.
    fn spooled(&self, mut from: &fs::File, to: &Path) -> io::Result<()> {
        let mut to = fs::File::create(to)?;
        from.rewind()?;
        loop {
            if self.abandoned.load(Ordering::Relaxed) {
                return Err(io::Error::other("the export has been ended"));
            }
            if io::copy(&mut from.take(64 << 20), &mut to)? == 0 {
                return Ok(());
            }
        }
    }
}

/// A place that has its new folder, and what was there before.
struct Put<'a> {
    place: &'a Path,
    before: Option<PathBuf>,
}

/// Makes a folder for each place with `fill`, which gets the first of them for the others, and then puts them all.
pub(super) fn put_all(
    root: &Path,
    places: &[PathBuf],
    fill: impl Fn(&Path, &Path, Option<&Path>) -> Result<(), LayoutError>,
) -> Result<(), LayoutError> {
    fs::create_dir_all(root).map_err(disk("make the folder", root))?;
    let making = || tempfile::Builder::new().prefix(".exporting-").tempdir_in(root);
    let aside = making().map_err(disk("make a folder in", root))?;
    let mut made: Vec<TempDir> = Vec::new();
    for place in places {
        let folder = making().map_err(disk("make a folder in", root))?;
        fill(folder.path(), place, made.first().map(TempDir::path))?;
        let open = fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755));
        open.map_err(disk("open up", folder.path()))?;
        made.push(folder);
    }
    let mut done: Vec<Put<'_>> = Vec::new();
    for (at, (place, folder)) in places.iter().zip(&made).enumerate() {
        let before = aside.path().join(at.to_string());
        if let Err(error) = put(folder.path(), place, &before, &mut done) {
            done.iter().rev().for_each(undo);
            return Err(error);
        }
    }
    // Layouts that lie below these places go with them.
    for put in &done {
        if let Some(before) = &put.before {
            keep_others(before, put.place)?;
        }
    }
    Ok(())
}

fn put<'a>(folder: &Path, place: &'a Path, before: &Path, done: &mut Vec<Put<'a>>) -> Result<(), LayoutError> {
    let parent = place.parent().unwrap_or(place);
    fs::create_dir_all(parent).map_err(disk("make the folder", parent))?;
    let is_missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    let replaced = match swap(folder, place) {
        Ok(()) => {
            // What was there is where the new folder was made.
            let moved = fs::rename(folder, before).is_ok();
            done.push(Put { place, before: Some(if moved { before } else { folder }.to_path_buf()) });
            return Ok(());
        }
        Err(error) if is_missing(&error) => None,
        // Not every file system can do both at once.
        Err(_) => match fs::rename(place, before) {
            Ok(()) => Some(before.to_path_buf()),
            Err(error) if is_missing(&error) => None,
            Err(error) => return Err(disk("replace", place)(error)),
        },
    };
    done.push(Put { place, before: replaced });
    fs::rename(folder, place).map_err(disk("write", place))
}

/// Puts the new folder where the old one is, and the old one where the new one was, at once: where this process is
/// killed in between, one of them is there.
fn swap(folder: &Path, place: &Path) -> io::Result<()> {
    Ok(renameat_with(CWD, folder, CWD, place, RenameFlags::EXCHANGE)?)
}

/// What cannot be undone has been said by the error that led here.
fn undo(put: &Put<'_>) {
    let _ = fs::remove_dir_all(put.place);
    if let Some(before) = &put.before {
        let _ = fs::rename(before, put.place);
    }
}

fn keep_others(before: &Path, place: &Path) -> Result<(), LayoutError> {
    let Ok(entries) = fs::read_dir(before) else { return Ok(()) };
    for entry in entries.flatten().filter(|entry| OWN.iter().all(|own| entry.file_name() != *own)) {
        let to = place.join(entry.file_name());
        if to.exists() {
            continue;
        }
        fs::rename(entry.path(), &to).map_err(disk("keep", &to))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(folder: &Path, text: &str) -> Result<(), LayoutError> {
        fs::write(folder.join("index.json"), text).map_err(disk("write", folder))
    }

    #[test]
    fn where_one_place_cannot_be_had_all_are_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir(root.join("a")).unwrap();
        fs::write(root.join("a/index.json"), "old").unwrap();
        fs::write(root.join("file"), "").unwrap();
        let places = [root.join("a"), root.join("b"), root.join("file/below")];
        assert!(put_all(root, &places, |folder, _, _| name(folder, "new")).is_err());
        assert_eq!(fs::read_to_string(root.join("a/index.json")).unwrap(), "old");
        assert!(!root.join("b").exists());
        let left: Vec<_> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "{left:?}");
    }

    #[test]
    fn a_layout_below_another_survives_its_replacement() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let places = [root.join("app"), root.join("app/1/latest")];
        for text in ["one", "two"] {
            for place in &places {
                put_all(root, std::slice::from_ref(place), |folder, _, _| name(folder, text)).unwrap();
            }
        }
        put_all(root, &places[..1], |folder, _, _| name(folder, "three")).unwrap();
        assert_eq!(fs::read_to_string(root.join("app/index.json")).unwrap(), "three");
        assert_eq!(fs::read_to_string(root.join("app/1/latest/index.json")).unwrap(), "two");
    }

    #[test]
    fn what_fails_half_way_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let fill = |folder: &Path, _: &Path, first: Option<&Path>| {
            name(folder, "x")?;
            if first.is_some() { Err(disk("write", folder)(io::Error::other("full"))) } else { Ok(()) }
        };
        assert!(put_all(root, &[root.join("a"), root.join("b")], fill).is_err());
        assert_eq!(fs::read_dir(root).unwrap().count(), 0);
    }
}
