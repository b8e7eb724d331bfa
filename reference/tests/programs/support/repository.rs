//! Repositories made by `git`, and the program called on them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bounded::{Bounded as _, write_program};

/// A temporary folder with repositories in it.
pub(crate) struct Folder(tempfile::TempDir);

/// What the program said and did.
pub(crate) struct Called {
    pub(crate) code: Option<i32>,
    pub(crate) text: String,
    pub(crate) stderr: String,
}

impl Called {
    /// The value at a dotted path below `source`.
    pub(crate) fn at(&self, path: &str) -> Option<toml::Value> {
        let file: toml::Table = self.text.parse().unwrap_or_else(|error| panic!("{error}: {}", self.text));
        let mut value = file.get("source")?;
        for key in path.split('.') {
            value = value.get(key)?;
        }
        Some(value.clone())
    }

    pub(crate) fn text_at(&self, path: &str) -> Option<String> {
        self.at(path).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    }
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        fs::canonicalize(self.0.path()).unwrap().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes a program that can be started at once; its path.
    pub(crate) fn program(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        write_program(&path, text).unwrap();
        path
    }

    /// Runs `git` in a folder; it must succeed.
    pub(crate) fn git(&self, folder: &str, arguments: &[&str]) -> String {
        let output = self.git_command(folder).args(arguments).output_in_time().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// `git` with the same names and times in every run, and without this machine's configuration.
    pub(crate) fn git_command(&self, folder: &str) -> Command {
        let mut command = Command::new("git");
        command
            .current_dir(self.path(folder))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .envs([("GIT_AUTHOR_NAME", "A"), ("GIT_AUTHOR_EMAIL", "a@e.example")])
            .envs([("GIT_COMMITTER_NAME", "A"), ("GIT_COMMITTER_EMAIL", "a@e.example")])
            .envs([("GIT_AUTHOR_DATE", "1700000000 +0000"), ("GIT_COMMITTER_DATE", "1700000000 +0000")])
            .args(["-c", "protocol.file.allow=always", "-c", "init.defaultBranch=main"]);
        command
    }

    /// A repository with one commit of one file.
    pub(crate) fn repository(&self, name: &str) -> String {
        fs::create_dir_all(self.path(name)).unwrap();
        self.git(name, &["init", "-q"]);
        self.write(&format!("{name}/main.c"), "int main;\n");
        self.commit(name)
    }

    /// Commits all there is.
    pub(crate) fn commit(&self, name: &str) -> String {
        self.git(name, &["add", "-A"]);
        self.git(name, &["commit", "-q", "-m", "change"]);
        self.git(name, &["rev-parse", "HEAD"])
    }

    /// Runs the program on a source; what it prints is the document.
    pub(crate) fn call(&self, source: &str, arguments: &[&str]) -> Called {
        let temporary = self.path("tmp");
        fs::create_dir_all(&temporary).unwrap();
        let mut command = program();
        command.env("TMPDIR", &temporary).arg("--source").arg(self.path(source)).args(["-o", "-"]).args(arguments);
        let output = command.output_in_time().unwrap();
        let left: Vec<_> = fs::read_dir(&temporary).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.is_empty(), "left behind: {left:?}");
        Called {
            code: output.status.code(),
            text: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// As [`Self::call`], and it must succeed.
    pub(crate) fn made(&self, source: &str, arguments: &[&str]) -> Called {
        let called = self.call(source, arguments);
        assert_eq!(called.code, Some(0), "{}", called.stderr);
        called
    }
}

pub(crate) fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_project-metadata"))
}

/// Every file below a folder with its bytes and time of change.
pub(crate) fn all_files(folder: &Path) -> Vec<(PathBuf, Vec<u8>, std::time::SystemTime)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let facts = fs::symlink_metadata(&path).unwrap();
        if facts.is_dir() {
            found.extend(all_files(&path));
        } else if facts.is_file() {
            found.push((path.clone(), fs::read(&path).unwrap(), facts.modified().unwrap()));
        }
    }
    found.sort();
    found
}
