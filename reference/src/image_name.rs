//! Names of images: `[registry/]repository[:tag][@digest]`, with the rules of Docker Hub for short ones.

use std::fmt;

use crate::digest::Digest;

/// The host that a name without registry stands for.
pub const DEFAULT_REGISTRY: &str = "index.docker.io";

/// Characters that a tag has at most (`oci-distribution.md`, Pulling manifests).
const MOST_OF_TAG: usize = 128;
/// Characters that a repository has at most.
const MOST_OF_PATH: usize = 255;

/// Why a text is not the name of an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not an image reference: {reason}")]
pub struct NameError {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
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
        let fail = |reason: &str| NameError { text: text.to_owned(), reason: reason.to_owned() };
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(Digest::parse(digest).ok_or_else(|| fail(no_digest(digest)))?)),
            None => (text, None),
        };
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag.to_owned())),
            _ => (rest, None),
        };
        if let Some(reason) = tag.as_deref().and_then(wrong_tag) {
            return Err(fail(&reason));
        }
        let (registry, path) = match name.split_once('/') {
            Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (host, path),
            _ => (DEFAULT_REGISTRY, name),
        };
        let registry = if registry == "docker.io" { DEFAULT_REGISTRY } else { registry };
        if !is_host(registry) {
            return Err(fail(
                "its registry is not a host of letters, digits, '-' and '.', with or without ':' and a port",
            ));
        }
        if path.len() > MOST_OF_PATH {
            return Err(fail(&format!(
                "its repository has {} characters, and {MOST_OF_PATH} are the limit",
                path.len()
            )));
        }
        if path.is_empty() || !path.split('/').all(is_component) {
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

fn no_digest(text: &str) -> &'static str {
    if text.starts_with("sha512:") || text.starts_with("blake3:") {
        "its digest is not of sha256, and this exporter knows no other; name the image by its sha256 digest"
    } else {
        "after '@' comes a sha256 digest"
    }
}

fn wrong_tag(tag: &str) -> Option<String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !tag.starts_with(word) || !tag.chars().all(|c| word(c) || c == '.' || c == '-') {
        return Some("its tag is not of letters, digits, '_', '.' and '-'".to_owned());
    }
    (tag.len() > MOST_OF_TAG).then(|| format!("its tag has {} characters, and {MOST_OF_TAG} are the limit", tag.len()))
}

/// `host[:port]`, as the grammar of references has it: a name, an IPv4 address or an IPv6 address in brackets.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, after)) if address.parse::<std::net::Ipv6Addr>().is_ok() => (None, after),
            _ => return false,
        },
        None => match text.find(':') {
            Some(colon) => (Some(&text[..colon]), &text[colon..]),
            None => (Some(text), ""),
        },
    };
    let is_port =
        |text: &str| text.strip_prefix(':').is_some_and(|port| is_number(port) && port.parse::<u16>().is_ok());
    let is_label = |label: &str| {
        let edge = |c: char| c.is_ascii_alphanumeric();
        label.starts_with(edge) && label.ends_with(edge) && label.chars().all(|c| edge(c) || c == '-')
    };
    host.is_none_or(|host| host.split('.').all(is_label)) && (port.is_empty() || is_port(port))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
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

    #[test]
    fn hosts_and_ports_are_read() {
        for text in
            ["reg.example/r", "REG.example:65535/r", "127.0.0.1:5000/r", "[::1]:5000/r", "[2001:db8::1]/r", "a-b.c/r"]
        {
            assert!(ImageName::parse(text).is_ok(), "{text:?}");
        }
        for text in [
            " reg.example/r",
            "reg.example?x/r",
            "reg\texample.a/r",
            "reg.example:port/r",
            "reg.example:/r",
            "reg.example:65536/r",
            "reg..example/r",
            "reg.exämple/r",
            "reg_x.example/r",
            "-reg.example/r",
            "reg.example-/r",
            "[::1/r",
            "[::g]:1/r",
            "reg.example:1:2/r",
            "reg.example:+1/r",
            ".example/r",
        ] {
            let told = ImageName::parse(text).unwrap_err().to_string();
            assert!(told.contains("its registry"), "{told}");
        }
    }

    #[test]
    fn a_limit_that_is_passed_is_named_with_its_figure() {
        let (tag, path) = ("t".repeat(128), "p".repeat(255));
        assert!(ImageName::parse(&format!("reg.example/{path}:{tag}")).is_ok());
        for (text, figures) in [
            (format!("reg.example/r:{tag}t"), ["129 characters", "128"]),
            (format!("reg.example/{path}p"), ["256 characters", "255"]),
            (format!("r@sha512:{}", "0".repeat(128)), ["sha256", "this exporter"]),
        ] {
            let told = ImageName::parse(&text).unwrap_err().reason;
            assert!(figures.iter().all(|figure| told.contains(figure)), "{told}");
        }
    }
}
