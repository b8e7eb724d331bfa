//! How errors are made and told. A message never contains its source: [`chain`] tells an error with all its causes, and
//! text is made of an error nowhere else. Messages read after "failed to".

use std::error::Error;

use crate::masked::without_credentials;

/// What an error comes from: an error of any type or, where there is none, the reason in words.
pub type Cause = Box<dyn Error + Send + Sync>;

/// An error with all its causes in one line, as `doing something: why: why that`; a parser's excerpt keeps its lines.
/// What a user gave is told without the password that it may hold.
///
/// Errors of other crates may repeat their source; what ends a message already is not told again.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut words = error.to_string().trim().to_owned();
    let mut cause = error.source();
    while let Some(next) = cause {
        let told = next.to_string();
        if !words.ends_with(told.trim()) {
            words = format!("{words}: {}", told.trim());
        }
        cause = next.source();
    }
    without_credentials(&words)
}

/// An error with what was done when it came up.
#[derive(Debug, thiserror::Error)]
#[error("{doing}")]
pub struct Context {
    doing: String,
    source: Cause,
}

/// Says of an error what was done when it came up: for `map_err`.
pub fn context<E: Into<Cause>>(doing: impl Into<String>) -> impl FnOnce(E) -> Context {
    let doing = doing.into();
    move |error| Context { doing, source: error.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_with_all_its_causes_and_none_of_them_twice() {
        let refused = std::io::Error::from_raw_os_error(111);
        let error = context("ask the registry")(context("connect")(refused));
        assert_eq!(error.to_string(), "ask the registry");
        assert_eq!(chain(&error), "ask the registry: connect: Connection refused (os error 111)");
        let repeating = context("read the file: it is empty\n")("it is empty");
        assert_eq!(chain(&repeating), "read the file: it is empty");
    }
}
