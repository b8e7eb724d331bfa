//! Why a daemon could not be read or written.

use std::io;

use super::cause::Cause;
use crate::failure::Reason;

/// Why a daemon could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Nothing answers there.
    #[error("reach the Docker daemon at {host} (is it running, and does DOCKER_HOST name it?)")]
    Unreachable {
        /// Its address.
        host: String,
        /// The system's reason.
        source: Reason,
    },
    /// It refused, went away, or is none.
    #[error("{doing}, daemon at {host}")]
    Failed {
        /// What was done.
        doing: String,
        /// Its address.
        host: String,
        /// What it did instead.
        #[source]
        cause: Cause,
    },
    /// It has no run image of this name.
    #[error(
        "read the run image {name} from the daemon at {host}: it has no such image; pull it and run the analyzer again"
    )]
    NoRunImage {
        /// The run image.
        name: String,
        /// The daemon's address.
        host: String,
    },
    /// What it saved is not an image.
    #[error("read the image {name} from the daemon at {host}: {reason}; pull or load the image again")]
    Content {
        /// The image.
        name: String,
        /// The daemon's address.
        host: String,
        /// What is wrong.
        reason: String,
    },
    /// It took an archive, and has not the image that was in it.
    #[error("load {name}: the daemon at {host} took the archive, and has no image {id} now; its log may say why")]
    NotKept {
        /// The image.
        name: String,
        /// The daemon's address.
        host: String,
        /// What the image's ID would be.
        id: String,
    },
    /// The temporary disk.
    #[error("spool an image of the daemon to temporary disk (TMPDIR chooses the disk)")]
    Spool(#[source] io::Error),
}
