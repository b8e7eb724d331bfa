//! Files on disk as facts.

use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use judge::digest::Digest;
use judge::evidence::{FileFact, FileKind};
use ring::digest::{Context, SHA256};

use super::ObserveError;

/// Texts larger than this are not kept in a fact, in bytes.
const LARGEST_TEXT: usize = 1 << 20;

/// A fact for everything below `root`, and for `root` itself where it is no folder; links are not followed. Paths are
/// given as if `root` lay at `shown_as`.
///
/// # Errors
/// [`ObserveError::Disk`] naming the file.
pub fn file_facts(root: &Path, shown_as: &str) -> Result<Vec<FileFact>, ObserveError> {
    let mut facts = Vec::new();
    for entry in walkdir::WalkDir::new(root).follow_links(false).sort_by_file_name() {
        let entry = entry.map_err(|error| ObserveError::Disk {
            path: error.path().unwrap_or(root).to_path_buf(),
            source: error.into_io_error().unwrap_or_else(|| io::Error::other("a loop of links")),
        })?;
        if entry.depth() == 0 && entry.file_type().is_dir() {
            continue;
        }
        let path = entry.path();
        let relative = path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
        let shown = if relative.is_empty() { shown_as.to_owned() } else { format!("{shown_as}/{relative}") };
        facts.push(fact(path, shown).map_err(|source| ObserveError::Disk { path: path.to_path_buf(), source })?);
    }
    facts.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(facts)
}

fn fact(path: &Path, shown: String) -> io::Result<FileFact> {
    let facts = std::fs::symlink_metadata(path)?;
    let kind = facts.file_type();
    let mut found = FileFact {
        path: shown,
        kind: FileKind::Other,
        mode: facts.permissions().mode() & 0o7777,
        size: 0,
        content: None,
        link: None,
        text: None,
    };
    if kind.is_dir() {
        found.kind = FileKind::Directory;
    } else if kind.is_symlink() {
        found.kind = FileKind::Symlink;
        found.link = Some(std::fs::read_link(path)?.to_string_lossy().into_owned());
    } else if kind.is_file() {
        found.kind = FileKind::File;
        let keeps_text = ["toml", "json"].iter().any(|ending| path.extension().is_some_and(|have| have == *ending));
        read_file(path, keeps_text, &mut found)?;
    }
    Ok(found)
}

fn read_file(path: &Path, keeps_text: bool, found: &mut FileFact) -> io::Result<()> {
    let mut file = std::fs::File::open(path)?;
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 256 * 1024];
    let mut text = Vec::new();
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        context.update(&buffer[..read]);
        found.size += read as u64;
        if keeps_text && text.len() <= LARGEST_TEXT {
            text.extend_from_slice(&buffer[..read]);
        }
    }
    found.content = Some(Digest::from_sha256(context.finish().as_ref()));
    if keeps_text && text.len() <= LARGEST_TEXT {
        found.text = String::from_utf8(text).ok();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_file_is_told_by_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir(root.join("d")).unwrap();
        std::fs::write(root.join("d/x.toml"), "a = 1").unwrap();
        std::os::unix::fs::symlink("nowhere", root.join("link")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
        let facts = file_facts(root, "/layers").unwrap();
        let kinds: Vec<(&str, FileKind)> = facts.iter().map(|fact| (fact.path.as_str(), fact.kind)).collect();
        assert_eq!(
            kinds,
            [
                ("/layers/d", FileKind::Directory),
                ("/layers/d/x.toml", FileKind::File),
                ("/layers/link", FileKind::Symlink),
                ("/layers/socket", FileKind::Other)
            ]
        );
        assert_eq!(facts[1].text.as_deref(), Some("a = 1"));
        assert_eq!(facts[1].content, Some(Digest::of(b"a = 1")));
        assert_eq!(facts[2].link.as_deref(), Some("nowhere"));
    }
}
