//! Walks through a folder on several cores: names of a level are listed, then each is asked for its facts. The result
//! does not depend on how many cores there are.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::{Item, Kind, LayerError, Owner};
use crate::whole::named;

/// What the name of a whiteout begins with.
pub const WHITEOUT: &[u8] = b".wh.";

/// Folders that are listed before what is in them is looked at.
const LISTED: usize = 512;
/// Folders that a thread takes at a time.
const SHARE_OF_FOLDERS: usize = 8;
/// Entries that are looked at before they are put where they belong.
const LOOKED_AT: usize = 1 << 14;
/// Entries that a thread takes at a time.
const SHARE_OF_ENTRIES: usize = 64;
/// More threads only wait for each other.
const MOST_WALKERS: usize = 8;

/// On disk, and in the image.
struct Place {
    source: PathBuf,
    path: Vec<u8>,
}

impl Place {
    fn join(&self, name: &OsStr) -> Self {
        let path = [&self.path, b"/".as_slice(), name.as_bytes()].concat();
        Self { source: self.source.join(name), path }
    }
}

/// What was found at a place.
struct Entry {
    item: Item,
    more: More,
}

/// What has to be known of an entry until it is in its order.
enum More {
    Nothing,
    /// Device and inode of a file with several names.
    Inode(u64, u64),
    /// Where the list of a folder's own entries stands.
    List(usize),
}

/// The items of a folder in the order of the tar, itself first.
pub(super) fn walk(
    folder: &Path,
    facts: &Metadata,
    path: &str,
    owner: Owner,
    cores: usize,
) -> Result<Vec<Item>, LayerError> {
    let root = Place { source: folder.to_path_buf(), path: path.as_bytes().to_vec() };
    let own = look(Place { source: root.source.clone(), path: root.path.clone() }, facts, owner)?.item;
    let mut lists: Vec<Vec<Entry>> = Vec::new();
    let (mut level, mut folders) = (vec![root], 1);
    while !level.is_empty() {
        let mut next = Vec::new();
        for some in level.chunks(LISTED) {
            let names = in_parallel(some, SHARE_OF_FOLDERS, cores, list)?;
            let first = lists.len();
            lists.extend(names.iter().map(|names| Vec::with_capacity(names.len())));
            let of_folder = |(at, names): (usize, Vec<OsString>)| names.into_iter().map(move |name| (at, name));
            let todo: Vec<(usize, OsString)> = names.into_iter().enumerate().flat_map(of_folder).collect();
            for todo in todo.chunks(LOOKED_AT) {
                let look = |(at, name): &(usize, OsString)| entry(&some[*at], name, owner);
                let found = in_parallel(todo, SHARE_OF_ENTRIES, cores, look)?;
                for ((at, name), mut entry) in todo.iter().zip(found) {
                    if matches!(entry.item.kind, Kind::Directory) {
                        entry.more = More::List(folders);
                        folders += 1;
                        next.push(some[*at].join(name));
                    }
                    lists[first + at].push(entry);
                }
            }
        }
        level = next;
    }
    let mut items = Vec::with_capacity(1 + lists.iter().map(Vec::len).sum::<usize>());
    items.push(own);
    in_order(&mut lists, 0, &mut HashMap::new(), &mut items);
    Ok(items)
}

/// Puts a folder's entries, and those of the folders in it, in the order of the tar. Of the names of one file the first
/// has the content, and the others are links to it.
fn in_order(lists: &mut [Vec<Entry>], at: usize, names: &mut HashMap<(u64, u64), Vec<u8>>, items: &mut Vec<Item>) {
    for Entry { mut item, more } in std::mem::take(&mut lists[at]) {
        if let More::Inode(device, inode) = more {
            if let Some(first) = names.get(&(device, inode)) {
                item.kind = Kind::HardLink(first.clone());
                // A further name is the same file.
                item.attributes = BTreeMap::new();
            } else {
                names.insert((device, inode), item.path.clone());
            }
        }
        items.push(item);
        if let More::List(folder) = more {
            in_order(lists, folder, names, items);
        }
    }
}

/// The names in a folder, in the order of their bytes.
fn list(folder: &Place) -> Result<Vec<OsString>, LayerError> {
    let names = fs::read_dir(&folder.source)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.file_name())).collect::<Result<Vec<_>, _>>());
    let mut names = names.map_err(|source| LayerError::Read { path: folder.source.clone(), source })?;
    names.sort_unstable_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    Ok(names)
}

/// A name that begins like a whiteout's takes other files away when the layer is unpacked, and is not a file then
/// (`oci-image-layer.md`, Whiteouts).
pub(super) fn no_whiteout(name: &[u8], place: &Path) -> Result<(), LayerError> {
    if name.starts_with(WHITEOUT) { Err(LayerError::Whiteout { path: place.to_path_buf() }) } else { Ok(()) }
}

fn entry(folder: &Place, name: &OsStr, owner: Owner) -> Result<Entry, LayerError> {
    let place = folder.join(name);
    no_whiteout(name.as_bytes(), &place.source)?;
    let facts = fs::symlink_metadata(&place.source);
    let facts = facts.map_err(|source| LayerError::Read { path: place.source.clone(), source })?;
    look(place, &facts, owner)
}

fn look(place: Place, facts: &Metadata, owner: Owner) -> Result<Entry, LayerError> {
    let Place { source, path } = place;
    let fail = |source: &Path, error| LayerError::Read { path: source.to_path_buf(), source: error };
    let kind = facts.file_type();
    let attributes = if kind.is_dir() || kind.is_file() {
        attributes(&source).map_err(|error| fail(&source, error))?
    } else {
        BTreeMap::new()
    };
    let (mut mode, mut to_settle) = (facts.permissions().mode() & 0o7777, More::Nothing);
    let kind = if kind.is_dir() {
        Kind::Directory
    } else if kind.is_symlink() {
        mode = 0o777;
        Kind::Symlink(fs::read_link(&source).map_err(|error| fail(&source, error))?.into_os_string().into_vec())
    } else if kind.is_file() {
        if facts.nlink() > 1 {
            to_settle = More::Inode(facts.dev(), facts.ino());
        }
        Kind::File { source, size: facts.len() }
    } else {
        return Err(LayerError::Kind { path: source, kind: named(kind) });
    };
    Ok(Entry { item: Item { path, mode, owner, kind, attributes }, more: to_settle })
}

/// Does something with each, on so many cores at most; gives the results in order, or the first error.
fn in_parallel<T: Sync, U: Send>(
    all: &[T],
    share: usize,
    cores: usize,
    work: impl Fn(&T) -> Result<U, LayerError> + Sync,
) -> Result<Vec<U>, LayerError> {
    let threads = cores.min(MOST_WALKERS);
    // Of few, threads cost more than they save.
    if all.len() < 2 * share || threads < 2 {
        return all.iter().map(work).collect();
    }
    let shares: Vec<&[T]> = all.chunks(share).collect();
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        while let Some((at, share)) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, shares.get(at)?)))
        {
            done.push((at, share.iter().map(&work).collect::<Result<Vec<U>, LayerError>>()));
        }
        done
    };
    let mut done = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(take)).collect();
        let done = threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        done.flatten().collect::<Vec<_>>()
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    let mut results = Vec::with_capacity(all.len());
    for (_, share) in done {
        results.extend(share?);
    }
    Ok(results)
}

/// The attributes that are the file's own: its capability, and those of users. Others are the machine's, such as the
/// labels of its security modules.
fn attributes(path: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let names = match xattr::list(path) {
        Ok(names) => names,
        // Not every file system has them.
        Err(error) if error.kind() == io::ErrorKind::Unsupported => return Ok(BTreeMap::new()),
        Err(error) => return Err(error),
    };
    let mut found = BTreeMap::new();
    for name in names.filter_map(|name| name.into_string().ok()) {
        // A record of the tar ends a name at its first equals sign.
        let is_own = name == "security.capability" || name.starts_with("user.") && !name.contains('=');
        if is_own && let Some(value) = xattr::get(path, &name)? {
            found.insert(name, value);
        }
    }
    Ok(found)
}
