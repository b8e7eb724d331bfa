//! A private view of a repository: a folder that `git` takes for the repository, with links to its objects, refs and
//! index, and with a configuration of its own. Of the repository's configuration only settings that say how files are
//! stored are taken over, by name: `core.fsmonitor`, filters, hooks, includes, aliases and whatever else can run a
//! program, now or in a later `git`, is not there for it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::GitError;
use super::place::WorkTree;
use super::program::Git;

/// What belongs to a work tree, and is linked from there.
const OF_THE_WORK_TREE: [&str; 1] = ["index"];
/// What all work trees share.
const SHARED: [&str; 5] = ["objects", "refs", "packed-refs", "shallow", "reftable"];
/// Settings that are taken over; their values are words.
const SETTINGS: [&str; 9] = [
    "core.filemode",
    "core.symlinks",
    "core.ignorecase",
    "core.precomposeunicode",
    "core.autocrlf",
    "core.eol",
    "core.repositoryformatversion",
    "extensions.objectformat",
    "extensions.refstorage",
];
/// Extensions that change nothing for a reader of this view.
const HARMLESS: [&str; 5] = [
    "extensions.noop",
    "extensions.preciousobjects",
    "extensions.partialclone",
    "extensions.worktreeconfig",
    "extensions.relativeworktrees",
];
/// Most bytes of a configuration.
const MOST: u64 = 1 << 20;

/// What is taken of the repository's configuration as data.
#[derive(Debug, Default)]
pub(super) struct Config {
    /// Name → first address.
    pub(super) remotes: BTreeMap<String, String>,
    /// Branch → its remote.
    pub(super) branch_remotes: BTreeMap<String, String>,
    settings: BTreeMap<String, String>,
}

/// An entry of the index.
#[derive(Debug)]
pub(super) struct Entry {
    /// Below the work tree.
    pub(super) path: PathBuf,
    /// Whether it is a commit of another repository.
    pub(super) is_submodule: bool,
}

/// The view; its folder ends with it.
pub(super) struct View<'a> {
    folder: TempDir,
    place: &'a WorkTree,
    git: &'a Git,
    /// The repository's configuration, as data.
    pub(super) config: Config,
}

impl<'a> View<'a> {
    pub(super) async fn new(place: &'a WorkTree, git: &'a Git) -> Result<Self, GitError> {
        let broken = |reason: String| GitError::Broken { root: place.root.clone(), reason };
        let folder = tempfile::Builder::new()
            .prefix("project-metadata-")
            .tempdir()
            .and_then(|folder| std::fs::canonicalize(folder.path()).map(|_| folder))
            .map_err(|error| broken(format!("no temporary folder can be made: {error}")))?;
        let mut view = Self { folder, place, git, config: Config::default() };
        view.config = view.read_config().await?;
        view.lay_out().map_err(|error| broken(format!("it cannot be linked to: {error}")))?;
        Ok(view)
    }

    fn lay_out(&self) -> std::io::Result<()> {
        let folder = self.folder.path();
        std::fs::write(folder.join("HEAD"), self.place.head.text())?;
        std::fs::write(folder.join("config"), self.config.text())?;
        let of_the_work_tree = OF_THE_WORK_TREE.map(|name| (self.place.git.join(name), name));
        for (path, name) in of_the_work_tree.into_iter().chain(SHARED.map(|name| (self.place.common.join(name), name)))
        {
            if path.exists() {
                symlink(path, folder.join(name))?;
            }
        }
        // An index may be split in two.
        for entry in std::fs::read_dir(&self.place.git)?.flatten() {
            if entry.file_name().as_bytes().starts_with(b"sharedindex.") {
                symlink(entry.path(), folder.join(entry.file_name()))?;
            }
        }
        if !folder.join("refs").exists() {
            std::fs::create_dir(folder.join("refs"))?;
        }
        std::fs::create_dir(folder.join("info"))?;
        let exclude = self.place.common.join("info/exclude");
        if exclude.is_file() { symlink(exclude, folder.join("info/exclude")) } else { Ok(()) }
    }

    /// Reads the configuration as text: `git config --file` runs nothing, and follows no include.
    async fn read_config(&self) -> Result<Config, GitError> {
        let path = self.place.common.join("config");
        let facts = std::fs::metadata(&path);
        match &facts {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Config::default()),
            Ok(facts) if facts.is_file() && facts.len() <= MOST => {}
            _ => return Err(self.broken("its configuration is not a readable file of at most 1 MiB")),
        }
        let arguments =
            ["--file".as_ref(), path.as_os_str(), "--no-includes".as_ref(), "-z".as_ref(), "--list".as_ref()];
        let folder = self.folder.path();
        let printed = self.git.run(folder, folder, None, ("config", &arguments)).await?;
        if !printed.success {
            // Its complaint may quote the file, which may hold credentials.
            return Err(self.broken("its configuration cannot be read"));
        }
        Config::parse(&printed.bytes).map_err(|reason| self.broken(&reason))
    }

    fn broken(&self, reason: &str) -> GitError {
        GitError::Broken { root: self.place.root.clone(), reason: reason.to_owned() }
    }

    async fn ask(&self, name: &'static str, arguments: &[&OsStr]) -> Result<super::program::Printed, GitError> {
        let (private, root) = (self.folder.path(), self.place.root.as_path());
        self.git.run(root, private, Some((private, root)), (name, arguments)).await
    }

    /// The commit that is checked out; none where there is none yet.
    pub(super) async fn commit(&self) -> Result<Option<String>, GitError> {
        let words = |text: &'static str| text.split(' ').map(OsStr::new).collect::<Vec<_>>();
        let named = self.ask("rev-parse", &words("--verify --quiet HEAD")).await?;
        if !named.success {
            return Ok(None);
        }
        let commit = self.ask("rev-parse", &words("--verify --quiet HEAD^{commit}")).await?;
        let text = String::from_utf8_lossy(&commit.bytes).trim().to_owned();
        if commit.success && !text.is_empty() {
            Ok(Some(text))
        } else {
            Err(self.broken("the commit of HEAD is missing"))
        }
    }

    /// What is tracked in this folder of the work tree.
    pub(super) async fn entries(&self, below: &Path) -> Result<Vec<Entry>, GitError> {
        let below = or_all(below);
        let printed = self.ask("ls-files", &["--stage".as_ref(), "-z".as_ref(), "--".as_ref(), &below]).await?;
        if !printed.success {
            return Err(self.git.failed("ls-files", &printed));
        }
        let entries = printed.bytes.split(|byte| *byte == 0).filter_map(|entry| {
            let tab = entry.iter().position(|byte| *byte == b'\t')?;
            let path = PathBuf::from(OsStr::from_bytes(&entry[tab + 1..]));
            Some(Entry { path, is_submodule: entry.starts_with(b"160000 ") })
        });
        Ok(entries.collect())
    }

    /// Whether tracked files are changed, and whether there are files that are neither tracked nor ignored.
    pub(super) async fn changes(&self, below: &Path) -> Result<(bool, bool), GitError> {
        let below = or_all(below);
        let arguments = [
            "--porcelain=v1",
            "-z",
            // Nothing of what it compares is read for it.
            "--no-renames",
            "--untracked-files=normal",
            // Compares their commit without a git of their own.
            "--ignore-submodules=dirty",
            "--",
        ];
        let arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).chain([below.as_os_str()]).collect();
        let printed = self.ask("status", &arguments).await?;
        if !printed.success {
            return Err(self.git.failed("status", &printed));
        }
        let (mut dirty, mut untracked) = (false, false);
        for entry in printed.bytes.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
            if entry.starts_with(b"?? ") { untracked = true } else { dirty = true }
        }
        Ok((dirty, untracked))
    }

    /// The nearest tag; of a shallow clone, whose history cannot be counted, only one of the commit itself.
    pub(super) async fn describe(&self, shallow: bool) -> Result<Option<String>, GitError> {
        let mut arguments = vec!["--tags", super::ABBREVIATED];
        if shallow {
            arguments.push("--exact-match");
        }
        let arguments: Vec<&OsStr> = arguments.into_iter().map(OsStr::new).collect();
        let printed = self.ask("describe", &arguments).await?;
        let text = String::from_utf8_lossy(&printed.bytes).trim().to_owned();
        // It fails where there is no tag.
        Ok((printed.success && !text.is_empty()).then_some(text))
    }
}

fn or_all(below: &Path) -> OsString {
    if below.as_os_str().is_empty() { OsString::from(".") } else { below.as_os_str().to_owned() }
}

impl Config {
    fn parse(list: &[u8]) -> Result<Self, String> {
        let mut found = Self::default();
        for entry in list.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
            let text = String::from_utf8_lossy(entry);
            let (key, value) = text.split_once('\n').unwrap_or((&text, "true"));
            found.take(key, value)?;
        }
        Ok(found)
    }

    fn take(&mut self, key: &str, value: &str) -> Result<(), String> {
        if SETTINGS.contains(&key) {
            let is_word = (1..=16).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if !is_word {
                return Err(format!("its setting {key} is not a word"));
            }
            self.settings.insert(key.to_owned(), value.to_owned());
        } else if key.starts_with("extensions.") && !HARMLESS.contains(&key) {
            return Err(format!("it has the extension {key}, which is not known here"));
        } else if let Some(name) = key.strip_prefix("remote.").and_then(|key| key.strip_suffix(".url")) {
            self.remotes.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        } else if let Some(name) = key.strip_prefix("branch.").and_then(|key| key.strip_suffix(".remote")) {
            self.branch_remotes.insert(name.to_owned(), value.to_owned());
        }
        Ok(())
    }

    fn text(&self) -> String {
        use std::fmt::Write as _;
        let mut text = "[core]\n\tbare = false\n\tfsmonitor = false\n\thooksPath = /dev/null\n".to_owned();
        for (key, value) in &self.settings {
            if let Some((section, name)) = key.split_once('.') {
                let _ = write!(text, "[{section}]\n\t{name} = {value}\n");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_configuration_is_taken_over_but_how_files_are_stored() {
        let list = "core.filemode\nfalse\0core.bare\0core.fsmonitor\n/evil\0filter.x.clean\nevil\0include.path\n/evil\0\
                    extensions.objectformat\nsha256\0core.repositoryformatversion\n1\0remote.a.b.url\nhttps://e.example\0\
                    remote.a.b.url\nsecond\0branch.x.y.remote\na.b\0alias.status\n!evil\0core.sshcommand\nevil\0";
        let config = Config::parse(list.as_bytes()).unwrap();
        let text = config.text();
        assert!(text.contains("filemode = false") && text.contains("objectformat = sha256"), "{text}");
        assert!(!text.contains("evil") && !text.contains("remote") && text.contains("bare = false"), "{text}");
        assert_eq!(config.remotes["a.b"], "https://e.example");
        assert_eq!(config.branch_remotes["x.y"], "a.b");
        assert!(Config::parse(b"core.eol\nlf\n[core]\n\tfsmonitor = evil\0").is_err());
        assert!(Config::parse(b"extensions.unheardof\ntrue\0").is_err());
    }
}
