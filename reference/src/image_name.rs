//! Names of images: `[registry/]repository[:tag][@digest]`, with the rules of Docker Hub for short ones.

use std::fmt;

use crate::digest::Digest;

/// The host that a name without registry stands for.
pub const DEFAULT_REGISTRY: &str = "index.docker.io";

/// Why a text is not the name of an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not an image reference: {reason}")]
pub struct NameError {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// A fully qualified name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageName {
    /// `host[:port]`.
    pub registry: String,
    /// Path in the registry.
    pub repository: String,
    /// The tag, where one was given.
    pub tag: Option<String>,
    /// The digest, where one was given.
    pub digest: Option<Digest>,
}

impl ImageName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`NameError`] saying what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let fail = |reason| NameError { text: text.to_owned(), reason };
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => {
                (rest, Some(Digest::parse(digest).ok_or_else(|| fail("after '@' comes a sha256 digest"))?))
            }
            None => (text, None),
        };
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag.to_owned())),
            _ => (rest, None),
        };
        if tag.as_deref().is_some_and(|tag| !is_tag(tag)) {
            return Err(fail("its tag is not of letters, digits, '_', '.' and '-'"));
        }
        let (registry, path) = match name.split_once('/') {
            Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (host, path),
            _ => (DEFAULT_REGISTRY, name),
        };
        let registry = if registry == "docker.io" { DEFAULT_REGISTRY } else { registry };
        if registry.is_empty() || path.is_empty() || path.len() > 255 || !path.split('/').all(is_component) {
            return Err(fail("its repository is not of lower-case letters, digits and separators"));
        }
        let official = registry == DEFAULT_REGISTRY && !path.contains('/');
        let repository = if official { format!("library/{path}") } else { path.to_owned() };
        Ok(Self { registry: registry.to_owned(), repository, tag, digest })
    }

    /// The tag, or `latest` where there is neither tag nor digest.
    #[must_use]
    pub fn tag_or_latest(&self) -> Option<&str> {
        match (&self.tag, &self.digest) {
            (Some(tag), _) => Some(tag),
            (None, None) => Some("latest"),
            (None, Some(_)) => None,
        }
    }

    /// `registry/repository`.
    #[must_use]
    pub fn context(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }
}

/// The name with registry and, where there is no digest, tag spelled out.
impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.context())?;
        if let Some(tag) = self.tag_or_latest() {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

fn is_tag(tag: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    tag.len() <= 128 && tag.starts_with(word) && tag.chars().all(|c| word(c) || c == '.' || c == '-')
}

fn is_component(part: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let separator = |text: &str| matches!(text, "" | "." | "_" | "__") || text.chars().all(|c| c == '-');
    part.starts_with(plain) && part.ends_with(plain) && part.split(plain).all(separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_are_spelled_out() {
        for (text, full) in [
            ("run", "index.docker.io/library/run:latest"),
            ("docker.io/team/run:1", "index.docker.io/team/run:1"),
            ("localhost:5000/run", "localhost:5000/run:latest"),
            ("host.example/a/b__c:v1", "host.example/a/b__c:v1"),
        ] {
            assert_eq!(ImageName::parse(text).unwrap().to_string(), full);
        }
    }

    #[test]
    fn malformed_names_are_refused() {
        for text in ["", "A/b", "a//b", "a:", "a:b c", "host.example/", "a@sha256:1", "a___b"] {
            assert!(ImageName::parse(text).is_err(), "{text:?}");
        }
    }
}
