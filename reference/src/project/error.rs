//! Why there is no `project-metadata.toml`, and the exit code that says which kind of reason.

use std::path::PathBuf;
use std::process::ExitCode;

use super::descriptor::DescriptorError;
use super::git::GitError;

/// A failure; the text reads after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// The command line; the text is the parser's.
    #[error("read the command line: {0}; --help lists the options")]
    Usage(String),
    /// The source is not there.
    #[error("read the source folder {} (--source names it)", path.display())]
    Source {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The descriptor.
    #[error(transparent)]
    Descriptor(#[from] DescriptorError),
    /// Version control.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The work tree is changed and that was to be refused.
    #[error(
        "take the commit of {}: the work tree has {} that the commit does not have; commit or remove them, or leave out --dirty refuse",
        root.display(),
        if *untracked { "untracked files" } else { "changes" }
    )]
    Dirty {
        /// The work tree.
        root: PathBuf,
        /// Whether there are untracked files and nothing else.
        untracked: bool,
    },
    /// The output.
    #[error("write {} (nothing was written)", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// There is no runtime to wait for programs with.
    #[error("start")]
    Runtime(#[source] std::io::Error),
}

/// Exit codes of `project-metadata`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The file is written.
    Success,
    /// The command line is wrong, or names a source that is not there.
    Usage,
    /// The descriptor cannot be used.
    Descriptor,
    /// Version control is there and cannot be read.
    Git,
    /// The work tree is changed, and `--dirty refuse` was given.
    Dirty,
    /// The file cannot be written.
    Write,
}

impl ProjectError {
    /// Its exit code.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) | Self::Source { .. } => Exit::Usage,
            Self::Descriptor(_) => Exit::Descriptor,
            Self::Git(_) => Exit::Git,
            Self::Dirty { .. } => Exit::Dirty,
            Self::Write { .. } | Self::Runtime(_) => Exit::Write,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::Usage => 2,
            Exit::Descriptor => 3,
            Exit::Git => 4,
            Exit::Dirty => 5,
            Exit::Write => 6,
        })
    }
}
