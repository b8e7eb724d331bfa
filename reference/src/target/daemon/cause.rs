//! What a daemon did instead of what it was asked for.

use std::error::Error;
use std::io;

/// Letters of an engine's words that a message has at most; some answer with a page.
const MOST_OF_WORDS: usize = 500;

/// What a daemon did instead of what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// It refused, in words.
    #[error("it says: {0}")]
    Says(String),
    /// It refused with a status alone.
    #[error("it answers with status {0} and no reason")]
    Wordless(u16),
    /// It answers what no engine does.
    #[error("it does not speak the Docker Engine API: {0}")]
    NotTheApi(String),
    /// It does not go on.
    #[error("it {0}")]
    Stopped(String),
    /// The connection ended.
    #[error("the connection broke: {0}")]
    Broke(String),
}

impl Cause {
    /// The same of the daemon at `host`, and what to do.
    pub(super) fn told(&self, host: &str) -> String {
        match self {
            Self::Says(words) => format!("the daemon at {host} says: {words}; once that is mended, export again"),
            Self::Wordless(status) => {
                format!("the daemon at {host} answers with status {status} and no reason; its log may say why")
            }
            Self::NotTheApi(reason) => format!(
                "what answers at {host} does not speak the Docker Engine API ({reason}); does DOCKER_HOST name a daemon?"
            ),
            Self::Stopped(what) => format!("the daemon at {host} {what}; its log may say why"),
            Self::Broke(reason) => {
                format!("the connection to the daemon at {host} broke ({reason}); its log may say why")
            }
        }
    }
}

impl From<&bollard::errors::Error> for Cause {
    fn from(error: &bollard::errors::Error) -> Self {
        use bollard::errors::Error;
        match error {
            Error::DockerResponseServerError { status_code, message } if message.trim().is_empty() => {
                Self::Wordless(*status_code)
            }
            Error::DockerResponseServerError { message, .. } => Self::Says(in_one_line(message)),
            Error::DockerStreamError { error } => Self::Says(in_one_line(error)),
            Error::JsonDataError { .. } | Error::JsonSerdeError { .. } | Error::APIVersionParseError {} => {
                Self::NotTheApi(innermost(error))
            }
            Error::RequestTimeoutError => Self::Stopped("gives no answer in time".to_owned()),
            other => Self::Broke(innermost(other)),
        }
    }
}

fn in_one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MOST_OF_WORDS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// The reason behind an error: libraries put their own names around it.
pub(super) fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = inside(error) {
        error = source;
    }
    in_one_line(&error.to_string())
}

/// The error of this kind that is behind another.
pub(super) fn behind<T: Error + 'static>(error: &io::Error) -> Option<&T> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = inside(error);
    }
    None
}

/// The next error behind one; an input error's own source leaves out what it was made of.
fn inside<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>() {
        Some(error) => error.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
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
        assert_eq!(told(lines), Cause::Says("no image: * oci: x * docker-archive: y".to_owned()));
        assert_eq!(told(" \n"), Cause::Wordless(500));
        let Cause::Says(words) = told(&"é\n".repeat(9999)) else { panic!("it has words") };
        assert_eq!(words.chars().count(), MOST_OF_WORDS + 1);
    }

    #[test]
    fn an_error_is_found_behind_others() {
        let own = io::Error::other(Cause::Wordless(1));
        let wrapped = io::Error::other(own);
        assert_eq!(behind::<Cause>(&wrapped), Some(&Cause::Wordless(1)));
        assert_eq!(behind::<Cause>(&io::Error::other("x")), None);
        assert_eq!(innermost(&wrapped), Cause::Wordless(1).to_string());
    }
}
