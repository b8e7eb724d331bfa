//! Where an image lies: the first part of a name in a scenario may say so.

/// A registry, as scenarios name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RegistryEndpoint {
    /// The run's registry: names without an endpoint.
    Main,
    /// One more registry.
    Other,
    /// A loopback port where nothing listens.
    Closed,
    /// Accepts connections and never answers.
    Silent,
    /// Wants basic authentication, for which the exporter has no credentials.
    Guarded,
    /// Speaks TLS, with a certificate of an authority that `SSL_CERT_FILE` names.
    Secure,
    /// Wants a token, which its token server gives for credentials that the exporter is given.
    Token,
    /// Speaks TLS, with a certificate of an authority that nothing names.
    Impostor,
    /// Speaks TLS, with a certificate that has expired.
    Expired,
    /// Speaks TLS, with another host's certificate.
    Misnamed,
}

impl RegistryEndpoint {
    const NAMED: [(Self, &'static str); 9] = [
        (Self::Other, "other-registry"),
        (Self::Closed, "closed-registry"),
        (Self::Silent, "silent-registry"),
        (Self::Guarded, "guarded-registry"),
        (Self::Secure, "secure-registry"),
        (Self::Token, "token-registry"),
        (Self::Impostor, "impostor-registry"),
        (Self::Expired, "expired-registry"),
        (Self::Misnamed, "misnamed-registry"),
    ];

    /// Those whose certificate is not to be trusted.
    pub const DOUBTFUL: [Self; 3] = [Self::Impostor, Self::Expired, Self::Misnamed];

    /// The endpoint that a name begins with, and the rest of the name.
    #[must_use]
    pub fn split(name: &str) -> (Self, &str) {
        let first = name.split_once('/');
        let named = first.and_then(|(first, rest)| Self::named(first).map(|endpoint| (endpoint, rest)));
        named.unwrap_or((Self::Main, name))
    }

    /// The endpoint of a word in scenarios and reports; none for the run's own.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::NAMED.into_iter().find(|(_, known)| *known == word).map(|(endpoint, _)| endpoint)
    }

    /// The word in scenarios and reports; `registry` for the run's own.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMED.into_iter().find(|(endpoint, _)| *endpoint == self).map_or("registry", |(_, word)| word)
    }

    /// The host that stands for it in a layout. One has a port, which is a part of a reference's registry.
    #[must_use]
    pub fn layout_host(self) -> &'static str {
        match self {
            Self::Main => "apps.internal",
            Self::Other => "mirror.internal:5000",
            Self::Closed => "edge.internal",
            Self::Silent => "backup.internal",
            Self::Guarded => "vault.internal",
            Self::Secure => "images.internal",
            Self::Token => "depot.internal",
            Self::Impostor => "store.internal",
            Self::Expired => "archive.internal",
            Self::Misnamed => "cache.internal",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_first_part_that_is_a_place_s_word_names_one() {
        assert_eq!(RegistryEndpoint::split("other-registry/team/app:1"), (RegistryEndpoint::Other, "team/app:1"));
        assert_eq!(
            RegistryEndpoint::split("team/other-registry/app"),
            (RegistryEndpoint::Main, "team/other-registry/app")
        );
        assert_eq!(RegistryEndpoint::split("other-registry"), (RegistryEndpoint::Main, "other-registry"));
        assert_eq!(RegistryEndpoint::split("silent-registry/a").0.name(), "silent-registry");
    }
}
