//! Why there is no image, and the exit code that says so.

use std::path::PathBuf;

use crate::annotations::NoKey;
use crate::exit::Exit;
use crate::image_name::NameError;
use crate::inputs::InputError;
use crate::layer::LayerError;
use crate::plan::ProcessError;
use crate::sources::SourceError;
use crate::target::TargetError;

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// No `<image>`.
    #[error("export: no image is named; give at least one tag reference")]
    NoImage,
    /// An `<image>` is malformed.
    #[error("export")]
    Name(#[from] NameError),
    /// An `<image>` is a digest reference.
    #[error("export to {0}: it is a digest reference; give a tag reference")]
    DigestAsTag(String),
    /// Two registries.
    #[error("export to {0} and {1}: they are in two registries; export to one at a time")]
    TwoRegistries(String, String),
    /// A buildpack of an API that is not known.
    #[error("export: buildpack {id} in {} has API {api}; this exporter knows 0.7 to 0.13", file.display())]
    BuildpackApi {
        /// The buildpack.
        id: String,
        /// Its API.
        api: String,
        /// The file that says so.
        file: PathBuf,
    },
    /// An input file.
    #[error(transparent)]
    Input(#[from] InputError),
    /// No run image.
    #[error("export: {} names no run image; run the analyzer first", .0.display())]
    NoRunImage(PathBuf),
    /// No extended run image where one should be.
    #[error(
        "export: {} says extend = true, and there is no extended run image in {}: {reason}; run the extender with -kind run \
         first, or name its folder by -extended",
        analyzed.display(),
        run.display()
    )]
    NotExtended {
        /// `<extended>/run`.
        run: PathBuf,
        /// The file that says so.
        analyzed: PathBuf,
        /// What is there.
        reason: String,
    },
    /// An extended run image that cannot be built on.
    #[error("export: use the extended run image in {}: {reason}; run the extender again", folder.display())]
    NoExtension {
        /// Its layout.
        folder: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The run image is not named as the specification has it.
    #[error("export: run-image.reference in {} is '{reference}': {reason}; run the analyzer again", file.display())]
    RunReference {
        /// What is there.
        reference: String,
        /// The file that says so.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A process type that cannot be the entrypoint, or a file's name.
    #[error("use the processes in {}", file.display())]
    Process {
        /// The file that says so.
        file: PathBuf,
        /// What is wrong.
        source: ProcessError,
    },
    /// A buildpack's annotation.
    #[error(transparent)]
    Annotation(#[from] NoKey),
    /// A layer that should be re-used is not there.
    #[error(
        "re-use layer {layer} of buildpack {buildpack}: the previous image has no such layer; the buildpack must make it anew"
    )]
    NothingToReuse {
        /// The layer.
        layer: String,
        /// Its buildpack.
        buildpack: String,
    },
    /// The report cannot be written.
    #[error("write the report {} (-report names it)", path.display())]
    Report {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The sources of a layer.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A layer.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// The target.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The run image cannot be built on.
    #[error("export: the run image {reference} {reason}; name another run image")]
    RunImage {
        /// Its reference.
        reference: String,
        /// What is wrong with it.
        reason: String,
    },
    /// This program.
    #[error("export")]
    Broken(#[from] tokio::task::JoinError),
}

impl ExportError {
    /// The exit code of the Platform API.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::BuildpackApi { .. } => Exit::BuildpackApi,
            Self::NoImage
            | Self::Name(_)
            | Self::DigestAsTag(_)
            | Self::TwoRegistries(..)
            | Self::Input(_)
            | Self::NoRunImage(_)
            | Self::RunReference { .. }
            | Self::NotExtended { .. }
            | Self::NoExtension { .. }
            | Self::Annotation(_)
            | Self::Process { .. } => Exit::BadInput,
            _ => Exit::Export,
        }
    }
}
