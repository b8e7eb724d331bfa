//! Where an image lies: the first part of a name in a scenario may say so.

/// A registry, as scenarios name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The run's registry: names without a place.
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
}

impl Place {
    const NAMED: [(Self, &'static str); 5] = [
        (Self::Other, "other-registry"),
        (Self::Closed, "closed-registry"),
        (Self::Silent, "silent-registry"),
        (Self::Guarded, "guarded-registry"),
        (Self::Secure, "secure-registry"),
    ];

    /// The place that a name begins with, and the rest of the name.
    #[must_use]
    pub fn split(name: &str) -> (Self, &str) {
        let first = name.split_once('/');
        let named = first.and_then(|(first, rest)| {
            Self::NAMED.into_iter().find(|(_, word)| *word == first).map(|(place, _)| (place, rest))
        });
        named.unwrap_or((Self::Main, name))
    }

    /// The word in scenarios and reports; `registry` for the run's own.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::NAMED.into_iter().find(|(place, _)| *place == self).map_or("registry", |(_, word)| word)
    }

    /// The host that stands for it in a layout, where a port could become anything.
    #[must_use]
    pub fn layout_host(self) -> &'static str {
        match self {
            Self::Main => "apps.internal",
            Self::Other => "mirror.internal",
            Self::Closed => "edge.internal",
            Self::Silent => "backup.internal",
            Self::Guarded => "vault.internal",
            Self::Secure => "images.internal",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_first_part_that_is_a_place_s_word_names_one() {
        assert_eq!(Place::split("other-registry/team/app:1"), (Place::Other, "team/app:1"));
        assert_eq!(Place::split("team/other-registry/app"), (Place::Main, "team/other-registry/app"));
        assert_eq!(Place::split("other-registry"), (Place::Main, "other-registry"));
        assert_eq!(Place::split("silent-registry/a").0.word(), "silent-registry");
    }
}
