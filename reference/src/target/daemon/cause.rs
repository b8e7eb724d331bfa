//! What a daemon did instead of what it was asked for.

use crate::failure::Reason;

/// What a daemon did instead of what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// It refused, in words.
    #[error("it says: {0}; once that is fixed, export again")]
    Says(Reason),
    /// It refused with a status alone.
    #[error("it answers with status {0} and no reason; its log may say why")]
    Wordless(u16),
    /// It answers what no engine does.
    #[error("it does not speak the Docker Engine API ({0}); does DOCKER_HOST name a daemon?")]
    NotTheApi(Reason),
    /// It answers with more than is read.
    #[error("it answers with more than {0} MiB; does DOCKER_HOST name a daemon?")]
    TooLong(usize),
    /// It does not go on.
    #[error("it {0}; its log may say why")]
    Stopped(String),
    /// The connection ended.
    #[error("the connection broke ({0}); its log may say why")]
    Broke(Reason),
}

impl From<&bollard::errors::Error> for Cause {
    fn from(error: &bollard::errors::Error) -> Self {
        use bollard::errors::Error;
        match error {
            Error::DockerResponseServerError { status_code, message } if message.trim().is_empty() => {
                Self::Wordless(*status_code)
            }
            Error::DockerResponseServerError { message, .. } => Self::Says(Reason::new(message)),
            Error::DockerStreamError { error } => Self::Says(Reason::new(error)),
            Error::JsonDataError { .. } | Error::JsonSerdeError { .. } | Error::APIVersionParseError {} => {
                Self::NotTheApi(Reason::innermost(error))
            }
            Error::RequestTimeoutError => Self::Stopped("gives no answer in time".to_owned()),
            other => Self::Broke(Reason::innermost(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_engine_says_in_several_lines_is_told_in_one_that_is_not_too_long() {
        let told = |message: &str| {
            let error = bollard::errors::Error::DockerResponseServerError { status_code: 500, message: message.into() };
            Cause::from(&error)
        };
        let lines = "no image:\n * oci: x\n * docker-archive: y\n";
        assert_eq!(told(lines), Cause::Says(Reason::new("no image: * oci: x * docker-archive: y")));
        assert_eq!(told(" \n"), Cause::Wordless(500));
        assert!(told(&"é\n".repeat(9999)).to_string().chars().count() < 600);
    }
}
