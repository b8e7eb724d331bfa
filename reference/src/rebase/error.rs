//! Why an image is not rebased, and the exit code that says so.

use std::path::PathBuf;

use super::checks::Unsafe;
use super::label::LabelError;
use crate::exit::Exit;
use crate::image_name::NameError;
use crate::target::TargetError;

/// Why an image is not rebased.
#[derive(Debug, thiserror::Error)]
pub enum RebaseError {
    /// No `<image>`.
    #[error("rebase: no image is named; give at least one tag reference")]
    NoImage,
    /// A name is malformed.
    #[error("rebase: {flag}")]
    Name {
        /// Where it was given.
        flag: &'static str,
        /// What is wrong with it.
        source: NameError,
    },
    /// An `<image>` is a digest reference.
    #[error(
        "rebase to {0}: it is a digest reference; give a tag reference, and -previous-image to rebase one by digest"
    )]
    DigestAsTag(String),
    /// Two registries.
    #[error("rebase to {0} and {1}: they are in two registries; rebase to one at a time")]
    TwoRegistries(String, String),
    /// The report cannot be written.
    #[error("write the report {} (-report names it)", path.display())]
    Report {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The daemon does not have an image.
    #[error("find the {what} {name}: the daemon at {host} has no such image; pull it, or name another with {flag}")]
    NotInDaemon {
        /// Which image it was to be.
        what: &'static str,
        /// The image.
        name: String,
        /// The daemon's address.
        host: String,
        /// What else names one.
        flag: &'static str,
    },
    /// The name leads to several images.
    #[error(
        "rebase {0}: it is an index of several images, of which one would take the place of all; give the digest of one with -previous-image"
    )]
    Index(String),
    /// The app image's label is of no use.
    #[error("rebase {image}")]
    Label {
        /// The app image.
        image: String,
        /// What is wrong.
        source: LabelError,
    },
    /// An image that cannot be taken apart.
    #[error("rebase: the {what} {name} {reason}")]
    Image {
        /// Which image.
        what: &'static str,
        /// Its name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No run image is named.
    #[error("rebase {0}: its label names no run image; name one with -run-image and -force")]
    NoRunImage(String),
    /// None of the run images in the label can be read.
    #[error("rebase {image}: none of the run images in its label can be read; name one with -run-image ({})", tried.join("; "))]
    NoneReadable {
        /// The app image.
        image: String,
        /// What was tried, and what became of it.
        tried: Vec<String>,
    },
    /// It is not known to be safe.
    #[error("rebase {image} on {run_image} (-force rebases all the same)")]
    Unsafe {
        /// The app image.
        image: String,
        /// The new run image.
        run_image: String,
        /// Why.
        source: Unsafe,
    },
    /// The target.
    #[error(transparent)]
    Target(#[from] TargetError),
}

impl RebaseError {
    /// The exit code of the Platform API. That of a Buildpack API is never given: no file and no label of a buildpack
    /// is read.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::NoImage | Self::Name { .. } | Self::DigestAsTag(_) | Self::TwoRegistries(..) => Exit::BadInput,
            _ => Exit::Rebase,
        }
    }
}
