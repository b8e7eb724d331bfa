//! Exit codes of the exporter and the rebaser (`cnb-platform.md`, sections exporter and rebaser, buildpacks/spec
//! b745fcf).

use std::process::ExitCode;

/// Why the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The image is exported, or rebased.
    Success,
    /// The command line or an input file is wrong.
    BadInput,
    /// The Platform API version is not one that this program knows.
    PlatformApi,
    /// A buildpack's API version is not one that this exporter knows.
    BuildpackApi,
    /// The image could not be made or written.
    Export,
    /// The image could not be rebased.
    Rebase,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::BadInput => 3,
            Exit::PlatformApi => 11,
            Exit::BuildpackApi => 12,
            Exit::Export => 62,
            Exit::Rebase => 72,
        })
    }
}
