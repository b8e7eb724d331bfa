//! What `git` knows of a source folder: commit, description, changes, the remote's address. The repository may be
//! hostile: `git` never reads its configuration, which can name programs to run, and writes nothing into it (the module
//! `view`).

mod place;
mod program;
mod view;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::address::{self, Unpublished};
use place::{Head, WorkTree};
use program::Git;
use view::{Config, View};

/// Submodules in submodules that are looked into.
const DEEPEST: usize = 8;
/// Submodules that are looked into.
const MOST_SUBMODULES: usize = 256;
/// Digits of a commit in a description: a number that does not depend on what else the repository has.
const ABBREVIATED: &str = "--abbrev=12";

/// Why version control that is there cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no `git`.
    #[error("read the repository {}: there is no git on PATH; install it, or give --no-git and --set commit=…", root.display())]
    Missing {
        /// The work tree.
        root: PathBuf,
    },
    /// The repository is damaged or of a kind that is not known.
    #[error("read the repository {}: {reason}; fix it, or give --no-git", root.display())]
    Broken {
        /// The work tree.
        root: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// `git` does not do what it is asked.
    #[error("run git {command} for {}: {reason}; --no-git does without it", root.display())]
    Failed {
        /// The work tree.
        root: PathBuf,
        /// Its command.
        command: &'static str,
        /// What happened.
        reason: String,
    },
    /// The remote that was asked for is not there.
    #[error("find the remote {name} of {}: the repository has {}", root.display(), if known.is_empty() { "none" } else { known })]
    Remote {
        /// The work tree.
        root: PathBuf,
        /// Its name.
        name: String,
        /// Those that there are.
        known: String,
    },
}

/// What is known of the source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The work tree.
    pub root: PathBuf,
    /// The commit that is checked out; none where there is none yet.
    pub commit: Option<String>,
    /// The nearest tag, and how far it is.
    pub describe: Option<String>,
    /// Whether a tracked file, also one of a submodule, is not as the commit has it.
    pub dirty: bool,
    /// Whether there are files that are neither tracked nor ignored.
    pub untracked: bool,
    /// Whether history is cut off.
    pub shallow: bool,
    /// The source folder below the work tree; none where it is the same.
    pub path: Option<String>,
    /// The remote's address, without credentials.
    pub repository: Option<String>,
    /// What was left out and why.
    pub warnings: Vec<String>,
}

/// What version control knows of `source`, an absolute path; none where there is none.
///
/// # Errors
/// [`GitError`], also where `git` takes longer than `limit` for one call.
pub async fn facts(source: &Path, remote: Option<&str>, limit: Duration) -> Result<Option<Facts>, GitError> {
    let Some(place) = place::find(source)? else { return Ok(None) };
    let git = Git::find(&place.root, limit)?;
    let view = View::new(&place, &git).await?;
    let below = source.strip_prefix(&place.root).unwrap_or(Path::new(""));
    let mut found = Facts { root: place.root.clone(), shallow: place.is_shallow(), ..Facts::default() };
    let entries = view.entries(below).await?;
    if !below.as_os_str().is_empty() {
        if entries.is_empty() {
            found.warnings.push(format!(
                "no file of {} is tracked in the repository {}, which is not looked at",
                source.display(),
                place.root.display()
            ));
            return Ok(Some(found));
        }
        found.path = Some(below.to_string_lossy().into_owned());
    }
    found.commit = view.commit().await?;
    if found.commit.is_none() {
        found.warnings.push(format!("the repository {} has no commit yet", place.root.display()));
    }
    (found.dirty, found.untracked) = view.changes(below).await?;
    let mut left = MOST_SUBMODULES;
    Box::pin(submodules(&place, &entries, &git, &mut found, (0, &mut left))).await?;
    if found.commit.is_some() {
        found.describe = view.describe(found.shallow).await?;
        if found.shallow && found.describe.is_none() {
            found.warnings.push("the clone is shallow, so that no tag before its commit is known".to_owned());
        }
    }
    repository(&view.config, &place, remote, &mut found)?;
    Ok(Some(found))
}

/// Looks into the submodules that are checked out; what is changed there is changed here.
async fn submodules(
    place: &WorkTree,
    entries: &[view::Entry],
    git: &Git,
    found: &mut Facts,
    (depth, left): (usize, &mut usize),
) -> Result<(), GitError> {
    for entry in entries.iter().filter(|entry| entry.is_submodule) {
        let Some(inner) = place.submodule(&entry.path)? else { continue };
        if depth == DEEPEST || *left == 0 {
            found.warnings.push(format!(
                "there are more than {MOST_SUBMODULES} submodules, or {DEEPEST} in one another; not all are looked into"
            ));
            return Ok(());
        }
        *left -= 1;
        let view = View::new(&inner, git).await?;
        let (dirty, untracked) = view.changes(Path::new("")).await?;
        found.dirty |= dirty;
        found.untracked |= untracked;
        let entries = view.entries(Path::new("")).await?;
        Box::pin(submodules(&inner, &entries, git, found, (depth + 1, left))).await?;
    }
    Ok(())
}

/// The remote that was asked for, else that of the branch, else `origin`, else the only one.
fn repository(config: &Config, place: &WorkTree, asked: Option<&str>, found: &mut Facts) -> Result<(), GitError> {
    let names: BTreeSet<&str> = config.remotes.keys().map(String::as_str).collect();
    let of_the_branch = match &place.head {
        Head::Branch(name) => config.branch_remotes.get(name).map(String::as_str),
        Head::Detached(_) | Head::Other(_) => None,
    };
    let only = if names.len() == 1 { names.first().copied() } else { None };
    let chosen = match asked {
        Some(name) if !names.contains(name) => {
            let known = names.iter().copied().collect::<Vec<_>>().join(", ");
            return Err(GitError::Remote { root: place.root.clone(), name: name.to_owned(), known });
        }
        Some(name) => Some(name),
        None => of_the_branch.into_iter().chain(["origin"]).chain(only).find(|name| names.contains(name)),
    };
    let Some(name) = chosen else {
        if !names.is_empty() {
            let known = names.iter().copied().collect::<Vec<_>>().join(", ");
            found.warnings.push(format!("none of the remotes {known} is chosen; --remote names one"));
        }
        return Ok(());
    };
    let said: Result<address::Address, Unpublished> = address::remote(&config.remotes[name]);
    match said {
        Ok(address) => {
            if address.cleaned {
                found.warnings.push(format!("the address of the remote {name} is taken without credentials"));
            }
            found.repository = Some(address.url);
        }
        Err(reason) => found.warnings.push(format!("the address of the remote {name} is not taken: {reason}")),
    }
    Ok(())
}
