//! Credentials for registries: `CNB_REGISTRY_AUTH`, else docker's `config.json` (`cnb-platform.md`, Registry
//! Authentication). Values are never shown.

use std::collections::BTreeMap;

use base64::Engine;
use docker_credential::DockerCredential;

/// Where Authorization headers come from.
#[derive(Clone, Default)]
pub struct Credentials {
    given: Option<BTreeMap<String, String>>,
}

/// What there is for a registry.
pub(super) enum Credential {
    /// The whole header.
    Header(String),
    /// A token to be exchanged at the registry's token server.
    IdentityToken(String),
}

impl Credentials {
    /// `given` is the content of `CNB_REGISTRY_AUTH`; without it docker's `config.json` is asked.
    #[must_use]
    pub fn new(given: Option<BTreeMap<String, String>>) -> Self {
        Self { given }
    }

    /// The header that `CNB_REGISTRY_AUTH` has for a registry: it is sent without being asked for.
    pub(super) fn given(&self, registry: &str) -> Option<String> {
        let given = self.given.as_ref()?;
        names(&registry).iter().find_map(|name| given.get(*name)).cloned()
    }

    /// What there is for a registry; none means anonymous.
    pub(super) fn of(&self, registry: &str) -> Option<Credential> {
        if self.given.is_some() {
            return self.given(registry).map(Credential::Header);
        }
        names(&registry).iter().find_map(|name| docker_credential::get_credential(name).ok()).map(|found| match found {
            DockerCredential::UsernamePassword(user, password) => {
                let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
                Credential::Header(format!("Basic {pair}"))
            }
            DockerCredential::IdentityToken(token) => Credential::IdentityToken(token),
        })
    }
}

/// Names under which credentials for a registry are kept.
fn names<'a>(registry: &'a &'a str) -> &'a [&'a str] {
    match *registry {
        "index.docker.io" => &["index.docker.io", "https://index.docker.io/v1/", "docker.io"],
        _ => std::slice::from_ref(registry),
    }
}
