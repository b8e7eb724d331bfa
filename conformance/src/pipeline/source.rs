//! A source to begin with: a small app with a project descriptor in a repository that `git` made, with a remote whose
//! address has credentials in it. Its commits are the same in every run.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::program::{Call, Ran};
use super::{PipelineError, write};

/// The descriptor of the app.
pub const DESCRIPTOR: &str = r#"[_]
schema-version = "0.2"
id = "com.example.greeter"
name = "Greeter"
version = "1.4.0"
authors = ["Ann Example <ann@example.com>", "The Greeter Team"]
documentation-url = "https://docs.example.com/greeter"
source-url = "https://code.example.com/team/greeter"

[[_.licenses]]
type = "MIT OR Apache-2.0"

[[_.licenses]]
type = "BSD-3-Clause"
"#;
const RUN: &str = "#!/bin/sh\nexec hello \"$(uname -n)\"\n";
/// What the remote's address holds and nothing that is published may.
pub const SECRET: &str = "s3cret-t0ken";

/// The repository.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its work tree.
    pub folder: PathBuf,
    git: PathBuf,
    home: PathBuf,
}

impl Source {
    /// Makes the repository in `folder`, with one commit and the tag `v1.4.0`; `home`, which is made, is empty.
    ///
    /// # Errors
    /// [`PipelineError`], also where there is no `git`.
    pub async fn make(folder: &Path, home: &Path) -> Result<Self, PipelineError> {
        std::fs::create_dir_all(home).map_err(PipelineError::file("make", home))?;
        write(&folder.join("project.toml"), DESCRIPTOR)?;
        let run = folder.join("run.sh");
        write(&run, RUN)?;
        std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o755))
            .map_err(PipelineError::file("write", &run))?;
        let source = Self { folder: folder.to_path_buf(), git: git()?, home: home.to_path_buf() };
        source.git(&["init", "--quiet", "--initial-branch=main"]).await?;
        source.commit("Greet").await?;
        source.git(&["tag", "v1.4.0"]).await?;
        let remote = format!("https://ci:{SECRET}@code.example.com/team/greeter.git");
        source.git(&["remote", "add", "origin", &remote]).await?;
        Ok(source)
    }

    /// Commits all there is; gives the commit.
    ///
    /// # Errors
    /// [`PipelineError`].
    pub async fn commit(&self, message: &str) -> Result<String, PipelineError> {
        self.git(&["add", "--all"]).await?;
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]).await?;
        Ok(self.git(&["rev-parse", "HEAD"]).await?.stdout.trim().to_owned())
    }

    async fn git(&self, arguments: &[&str]) -> Result<Ran, PipelineError> {
        let person = [("NAME", "Ann Example"), ("EMAIL", "ann@example.com"), ("DATE", "1767225600 +0000")];
        let mut call = Call::new(&self.git, &self.folder)
            .variable("HOME", &self.home)
            .variable("GIT_CONFIG_NOSYSTEM", "1")
            .variable("GIT_CONFIG_GLOBAL", "/dev/null")
            .with(arguments);
        for (name, value) in person {
            call =
                call.variable(&format!("GIT_AUTHOR_{name}"), value).variable(&format!("GIT_COMMITTER_{name}"), value);
        }
        call.succeed().await
    }
}

/// The first `git` on PATH.
fn git() -> Result<PathBuf, PipelineError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join("git")).find(|file| file.is_file());
    found.ok_or_else(|| PipelineError::Program {
        program: "git".to_owned(),
        source: "there is none on PATH; install it".into(),
    })
}
