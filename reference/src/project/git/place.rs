//! Where a repository is: found by reading files, without `git`, so that neither its owner nor its configuration
//! matters.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::GitError;

/// Most bytes of the small files that say where things are.
const MOST: u64 = 4096;

/// A repository with a work tree.
#[derive(Debug, Clone)]
pub(super) struct WorkTree {
    /// The work tree.
    pub(super) root: PathBuf,
    /// What belongs to this work tree: HEAD and index.
    pub(super) git: PathBuf,
    /// What all work trees share: objects, refs, configuration.
    pub(super) common: PathBuf,
    /// What is checked out.
    pub(super) head: Head,
}

/// What HEAD says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Head {
    /// `refs/heads/<name>`.
    Branch(String),
    /// A commit.
    Detached(String),
    /// Another ref.
    Other(String),
}

impl Head {
    /// The file's text.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Branch(name) => format!("ref: refs/heads/{name}\n"),
            Self::Other(name) => format!("ref: {name}\n"),
            Self::Detached(commit) => format!("{commit}\n"),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim_end_matches(['\n', '\r', ' ']);
        if let Some(name) = text.strip_prefix("ref:") {
            let name = name.trim_start();
            let is_name = name.starts_with("refs/")
                && !name.contains(|c: char| c.is_control() || c.is_whitespace())
                && name.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
            return is_name.then(|| match name.strip_prefix("refs/heads/") {
                Some(branch) => Self::Branch(branch.to_owned()),
                None => Self::Other(name.to_owned()),
            });
        }
        let is_hash = matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hash.then(|| Self::Detached(text.to_owned()))
    }
}

/// The repository in whose work tree `source` is, as `git` looks for it: upwards, within one file system.
pub(super) fn find(source: &Path) -> Result<Option<WorkTree>, GitError> {
    let device = |path: &Path| fs::metadata(path).map(|facts| facts.dev()).ok();
    let own = device(source);
    for root in source.ancestors().take_while(|folder| device(folder) == own) {
        if let Some(place) = at(root)? {
            return Ok(Some(place));
        }
    }
    Ok(None)
}

impl WorkTree {
    /// The repository of a submodule; none where it is not checked out, or leads out of this work tree.
    pub(super) fn submodule(&self, path: &Path) -> Result<Option<Self>, GitError> {
        let folder = self.root.join(path);
        match fs::canonicalize(&folder) {
            Ok(real) if real == folder => at(&folder),
            _ => Ok(None),
        }
    }

    /// Whether its history is cut off.
    pub(super) fn is_shallow(&self) -> bool {
        fs::metadata(self.common.join("shallow")).is_ok_and(|facts| facts.is_file() && facts.len() > 0)
    }
}

/// The repository whose work tree is this folder.
fn at(root: &Path) -> Result<Option<WorkTree>, GitError> {
    let broken = |reason: String| GitError::Broken { root: root.to_path_buf(), reason };
    let entry = root.join(".git");
    let is_a_file = match fs::metadata(&entry) {
        Ok(facts) if facts.is_dir() => false,
        Ok(facts) if facts.is_file() => true,
        _ => return Ok(None),
    };
    let git = if is_a_file {
        let text = small(&entry).map_err(|reason| broken(format!(".git {reason}")))?;
        let named =
            text.strip_prefix(b"gitdir:").ok_or_else(|| broken(".git is not a folder and names none".to_owned()))?;
        root.join(OsStr::from_bytes(named.trim_ascii()))
    } else {
        entry
    };
    if is_a_file && !git.is_dir() {
        return Err(broken(format!(".git names {}, which is not here", git.display())));
    }
    let common = match fs::metadata(git.join("commondir")) {
        Ok(_) => {
            let text = small(&git.join("commondir")).map_err(|reason| broken(format!("commondir {reason}")))?;
            git.join(OsStr::from_bytes(text.trim_ascii()))
        }
        Err(_) => git.clone(),
    };
    let is_whole = fs::symlink_metadata(git.join("HEAD")).is_ok() && common.join("objects").is_dir();
    if !is_whole {
        // An empty folder of that name is none, and git looks further up.
        return if is_a_file { Err(broken(format!("{} is not a repository", git.display()))) } else { Ok(None) };
    }
    let absolute = |path: &Path| fs::canonicalize(path).map_err(|error| broken(format!("{}: {error}", path.display())));
    let (git, common) = (absolute(&git)?, absolute(&common)?);
    let head = head(&git.join("HEAD")).map_err(|reason| broken(format!("HEAD {reason}")))?;
    Ok(Some(WorkTree { root: root.to_path_buf(), git, common, head }))
}

/// What HEAD says, which once was a link.
fn head(path: &Path) -> Result<Head, String> {
    let text = match fs::read_link(path) {
        Ok(target) => format!("ref: {}", target.display()),
        Err(_) => String::from_utf8_lossy(&small(path)?).into_owned(),
    };
    Head::parse(&text).ok_or_else(|| "names neither a commit nor a ref".to_owned())
}

/// The bytes of a small file.
fn small(path: &Path) -> Result<Vec<u8>, String> {
    let facts: Metadata = fs::metadata(path).map_err(|error| format!("cannot be read: {error}"))?;
    if !facts.is_file() || facts.len() > MOST {
        return Err("is not a small file".to_owned());
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
    file.take(MOST).read_to_end(&mut bytes).map_err(|error| format!("cannot be read: {error}"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_head_says_is_a_commit_or_a_ref_and_nothing_else() {
        let commit = "0123456789012345678901234567890123456789";
        assert_eq!(Head::parse(&format!("{commit}\n")), Some(Head::Detached(commit.to_owned())));
        assert_eq!(Head::parse("ref: refs/heads/a/b\n"), Some(Head::Branch("a/b".to_owned())));
        assert_eq!(Head::parse("ref:refs/remotes/x"), Some(Head::Other("refs/remotes/x".to_owned())));
        for text in
            ["", "ref: ../../x", "ref: refs/../x", "ref: refs/heads/a b", "ref: refs//x", "deadbeef", "ref: /etc/x"]
        {
            assert_eq!(Head::parse(text), None, "{text}");
        }
    }
}
