//! Why a daemon could not be read or written.

use std::io;

/// Why a daemon could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Nothing answers there.
    #[error("reach the Docker daemon: {0}; is it running, and does DOCKER_HOST name it?")]
    Unreachable(String),
    /// It refused, or went away.
    #[error("{doing} {what}: the daemon says: {reason}")]
    Refused {
        /// What was done.
        doing: &'static str,
        /// Of what.
        what: String,
        /// What it said, in one line.
        reason: String,
    },
    /// It has no run image of this name.
    #[error("read the run image {0} from the daemon: it has no such image; pull it and run the analyzer again")]
    NoRunImage(String),
    /// What it saved is not an image.
    #[error("read the image {name} from the daemon: {reason}")]
    Content {
        /// The image.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// It took an archive, and has not the image that was in it.
    #[error("load the image into the daemon: it took the archive, and has no image {0} now; its log may say why")]
    NotKept(String),
    /// The temporary disk.
    #[error("spool an image of the daemon to temporary disk: {0}; TMPDIR chooses the disk")]
    Spool(io::Error),
}

impl DaemonError {
    /// A refusal, with the words of the engine or those of a broken connection.
    pub(super) fn refused(doing: &'static str, what: &str, error: &bollard::errors::Error) -> Self {
        Self::Refused { doing, what: what.to_owned(), reason: said(error) }
    }
}

/// What an engine said, or what became of the connection, in one line.
pub(super) fn said(error: &bollard::errors::Error) -> String {
    use bollard::errors::Error;
    match error {
        Error::DockerResponseServerError { message, .. } => in_one_line(message),
        Error::DockerStreamError { error } => in_one_line(error),
        other => chain(other),
    }
}

fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An error and what caused it, in one line; a cause whose words are there already is left out.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let words = next.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = next.source();
    }
    in_one_line(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_engine_says_in_several_lines_is_told_in_one() {
        let message = "no image:\n * oci: x\n * docker-archive: y\n".to_owned();
        let error = bollard::errors::Error::DockerResponseServerError { status_code: 500, message };
        let told = DaemonError::refused("load", "the image", &error).to_string();
        assert_eq!(told, "load the image: the daemon says: no image: * oci: x * docker-archive: y");
    }
}
