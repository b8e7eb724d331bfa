//! Image references, read and fully qualified in the way registries and daemons do it, so that two spellings of one
//! image compare equal.

use std::fmt;

use crate::digest::Digest;

/// Why a string is not an image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("parse '{text}' as an image reference: {reason}")]
pub struct ReferenceError {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// The host that all spellings of Docker Hub stand for.
pub const DOCKER_HUB: &str = "index.docker.io";

/// A fully qualified image reference: Docker Hub's host, `library/` and `:latest` filled in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// Host with port; `index.docker.io` for all spellings of Docker Hub.
    pub registry: String,
    /// Repository path.
    pub repository: String,
    /// The tag; `latest` where there is neither tag nor digest.
    pub tag: Option<String>,
    /// The digest.
    pub digest: Option<Digest>,
    /// Whether the text spelled out the registry.
    pub spelled_registry: bool,
}

impl Reference {
    /// Reads `text`.
    ///
    /// # Errors
    /// [`ReferenceError`] when it is not a reference by the grammar that `oci-distribution.md` (Pulling manifests)
    /// gives for repositories, tags and digests.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        let fail = |reason| ReferenceError { text: text.to_owned(), reason };
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => {
                (rest, Some(Digest::parse(digest).map_err(|_| fail("what follows '@' is not a digest"))?))
            }
            None => (text, None),
        };
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (rest, None),
        };
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(fail("the tag is not 1 to 128 of letters, digits, '_', '.', '-'"));
        }
        let (registry, path) = match name.split_once('/') {
            Some((first, _)) if stands_for_a_host(first) && !is_host(first) => {
                return Err(fail("what stands before the first '/' is not a host with an optional port"));
            }
            Some((first, path)) if stands_for_a_host(first) => (Some(first), path),
            _ => (None, name),
        };
        if !is_repository(path) {
            return Err(fail("the repository is not lower-case path components"));
        }
        let registry_host = registry.map_or(DOCKER_HUB, |host| match host {
            "docker.io" | "registry-1.docker.io" => DOCKER_HUB,
            other => other,
        });
        let repository = if registry_host == DOCKER_HUB && !path.contains('/') {
            format!("library/{path}")
        } else {
            path.to_owned()
        };
        let tag = match (tag, &digest) {
            (None, None) => Some("latest".to_owned()),
            (tag, _) => tag.map(str::to_owned),
        };
        Ok(Self { registry: registry_host.to_owned(), repository, tag, digest, spelled_registry: registry.is_some() })
    }

    /// Whether both name the same repository.
    #[must_use]
    pub fn same_repository(&self, other: &Self) -> bool {
        self.registry == other.registry && self.repository == other.repository
    }

    /// Whether both name the same image: repository, tag and digest, spelling aside.
    #[must_use]
    pub fn same_image(&self, other: &Self) -> bool {
        self.same_repository(other) && self.tag == other.tag && self.digest == other.digest
    }
}

/// Whether both texts name the same image, spelling aside; what cannot be read names nothing but itself.
#[must_use]
pub fn is_same_image(one: &str, two: &str) -> bool {
    one == two || Reference::parse(one).ok().zip(Reference::parse(two).ok()).is_some_and(|(a, b)| a.same_image(&b))
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// Whether a first component is taken for a registry, by readers in the field, and not for a part of a repository.
fn stands_for_a_host(text: &str) -> bool {
    text.contains(['.', ':']) || text == "localhost"
}

/// `host[:port]`: names of letters, digits and inner hyphens between dots, or an IPv6 address in brackets.
fn is_host(text: &str) -> bool {
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(rest) = text.strip_prefix('[') {
        let Some((address, after)) = rest.split_once(']') else { return false };
        let is_address = address.contains(':') && address.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':');
        return is_address && (after.is_empty() || after.strip_prefix(':').is_some_and(is_port));
    }
    let (name, port) = match text.split_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (text, None),
    };
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    port.is_none_or(is_port) && name.split('.').all(is_label)
}

fn is_tag(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut bytes = text.bytes();
    text.len() <= 128 && bytes.next().is_some_and(word) && bytes.all(|byte| word(byte) || byte == b'.' || byte == b'-')
}

fn is_repository(text: &str) -> bool {
    text.len() <= 255 && text.split('/').all(is_component)
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_component(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let (first, last) = (text.bytes().next(), text.bytes().last());
    if !first.is_some_and(plain) || !last.is_some_and(plain) {
        return false;
    }
    text.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        .filter(|separator| !separator.is_empty())
        .all(|separator| matches!(separator, "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_image_are_equal() {
        let full = Reference::parse("index.docker.io/library/run:latest").unwrap();
        for text in ["run", "docker.io/run", "registry-1.docker.io/library/run:latest", "library/run"] {
            assert!(Reference::parse(text).unwrap().same_image(&full), "{text}");
        }
        assert!(!Reference::parse("run:1").unwrap().same_image(&full));
        assert_eq!(Reference::parse("localhost:5000/a/b__c:v1").unwrap().to_string(), "localhost:5000/a/b__c:v1");
    }

    #[test]
    fn a_digest_reference_has_no_made_up_tag() {
        let reference = Reference::parse(&format!("host.example/a@{}", Digest::of(b""))).unwrap();
        assert_eq!((reference.tag, reference.digest), (None, Some(Digest::of(b""))));
    }

    #[test]
    fn malformed_references_are_refused() {
        for text in ["", "Upper/case", "a//b", "a:b c", "host.example/", "a@sha256:12", "a___b", "-a", "a:.x"] {
            assert!(Reference::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_reference_is_taken_apart_at_its_marks() {
        let digest = Digest::of(b"");
        for (text, registry, repository, tag, has_digest, spelled) in [
            ("a", DOCKER_HUB, "library/a", Some("latest"), false, false),
            ("team/a:1", DOCKER_HUB, "team/a", Some("1"), false, false),
            ("docker.io/a", DOCKER_HUB, "library/a", Some("latest"), false, true),
            ("localhost/a", "localhost", "a", Some("latest"), false, true),
            ("host:5000/a", "host:5000", "a", Some("latest"), false, true),
            ("h.example/a/b:_x.Y-1", "h.example", "a/b", Some("_x.Y-1"), false, true),
            ("[::1]:5000/a:1", "[::1]:5000", "a", Some("1"), false, true),
            (&format!("h.example/a:1@{digest}"), "h.example", "a", Some("1"), true, true),
        ] {
            let read = Reference::parse(text).unwrap();
            assert_eq!((read.registry.as_str(), read.repository.as_str()), (registry, repository), "{text}");
            assert_eq!((read.tag.as_deref(), read.digest.is_some()), (tag, has_digest), "{text}");
            assert_eq!(read.spelled_registry, spelled, "{text}");
        }
        let whole = format!("h.example/a:1@{digest}");
        assert_eq!(Reference::parse(&whole).unwrap().to_string(), whole);
    }

    #[test]
    fn images_differ_in_registry_repository_tag_or_digest() {
        let read = |text: &str| Reference::parse(text).unwrap();
        let one = read("h.example/a:1");
        for (text, same_repository) in [
            ("i.example/a:1", false),
            ("h.example/b:1", false),
            ("h.example/a:2", true),
            (&format!("h.example/a:1@{}", Digest::of(b"")), true),
        ] {
            assert_eq!(one.same_repository(&read(text)), same_repository, "{text}");
            assert!(!one.same_image(&read(text)), "{text}");
        }
        assert!(one.same_image(&read("h.example/a:1")));
    }

    #[test]
    fn lengths_and_characters_have_limits() {
        let parses = |text: &str| Reference::parse(text).is_ok();
        assert!(parses(&format!("a:{}", "t".repeat(128))) && !parses(&format!("a:{}", "t".repeat(129))));
        assert!(parses(&"r".repeat(255)) && !parses(&"r".repeat(256)));
        for good in ["a.b/c_d/e__f/g--h/0", "a:0", "h-x.example:1/a", "[::1]/a", "H.Example/a"] {
            assert!(parses(good), "{good}");
        }
        for bad in ["a:", "a:-x", "a:x!", "a..b", "a._b", "a-", ".a", "a-.b", "h!.example/a", "localhost/", "/a", "ä"]
        {
            assert!(!parses(bad), "{bad}");
        }
    }

    #[test]
    fn a_registry_is_a_host_with_an_optional_port() {
        for bad in [
            " reg.example/run:m",
            "reg.example?x/run:m",
            "reg\texample/run",
            "reg.example:port/run",
            "reg..example/run",
            "reg.exämple/run",
            "reg_x.example/run",
            "reg.example:/run",
            "-reg.example/run",
            "reg-.example/run",
            ".example/run",
            "[::1/run",
            "[]/run",
            "[::1]x/run",
            "[reg]:1/run",
            "::1/run",
            "reg exa/run:m",
        ] {
            assert!(Reference::parse(bad).is_err(), "{bad}");
        }
        for good in ["localhost:5000/run", "127.0.0.1:1/run", "r.e-g.example/run", "[fe80::1]:5000/run", "5.a/run"] {
            assert!(Reference::parse(good).is_ok_and(|one| one.spelled_registry), "{good}");
        }
    }
}
