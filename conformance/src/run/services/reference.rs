//! A name of a scenario, as a reference in this run.

use judge::digest::Digest;
use judge::reference::Reference;

use crate::scenario::RegistryEndpoint;

/// A name of a scenario, where it lies in this run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::run) struct ResolvedReference {
    /// In which registry.
    pub(in crate::run) endpoint: RegistryEndpoint,
    /// The registry as references name it.
    pub(in crate::run) host: String,
    /// The repository there.
    pub(in crate::run) repository: String,
    /// `:tag` or `@digest`, as given; empty where neither was.
    pub(in crate::run) rest: String,
}

impl ResolvedReference {
    /// The reference, as given except for its registry and the run's own prefix. It need not be well-formed.
    pub(in crate::run) fn reference(&self) -> String {
        format!("{}/{}{}", self.host, self.repository, self.rest)
    }

    /// The tag; `latest` where none was given.
    pub(in crate::run) fn tag(&self) -> &str {
        self.rest.strip_prefix(':').unwrap_or("latest")
    }

    /// The reference with its tag spelled out.
    pub(in crate::run) fn tagged(&self) -> String {
        format!("{}/{}:{}", self.host, self.repository, self.tag())
    }

    /// The reference by digest.
    pub(in crate::run) fn at(&self, digest: &Digest) -> String {
        format!("{}/{}@{digest}", self.host, self.repository)
    }

    /// Whether it is a tag that a registry or daemon can be asked for.
    pub(in crate::run) fn is_tag(&self) -> bool {
        Reference::parse(&self.reference()).is_ok_and(|reference| reference.digest.is_none())
    }
}
