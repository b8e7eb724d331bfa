//! Credentials for registries: `CNB_REGISTRY_AUTH`, else docker's `config.json` (`cnb-platform.md`, Registry
//! Authentication). Values are never shown.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use docker_credential::DockerCredential;
use tokio::sync::Mutex;

use super::error::RegistryError;
use crate::failure::Reason;

/// Where Authorization headers come from.
#[derive(Clone, Default)]
pub struct Credentials {
    given: Option<BTreeMap<String, String>>,
    /// What docker's `config.json` was found to have: a helper is asked once.
    found: Arc<Mutex<BTreeMap<String, Option<Credential>>>>,
}

/// How long a credential helper may take: someone may have to unlock it.
const HELPER: Duration = Duration::from_secs(30);

/// What there is for a registry.
#[derive(Clone)]
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
        Self { given, found: Arc::default() }
    }

    /// The header that `CNB_REGISTRY_AUTH` has for a registry: it is sent without being asked for.
    pub(super) fn given(&self, registry: &str) -> Option<String> {
        let given = self.given.as_ref()?;
        names(&registry).iter().find_map(|name| given.get(*name)).cloned()
    }

    /// What there is for a registry; none means anonymous.
    ///
    /// # Errors
    /// [`RegistryError::Broken`] where a helper does not answer.
    pub(super) async fn of(&self, registry: &str) -> Result<Option<Credential>, RegistryError> {
        if self.given.is_some() {
            return Ok(self.given(registry).map(Credential::Header));
        }
        let mut found = self.found.lock().await;
        if let Some(known) = found.get(registry) {
            return Ok(known.clone());
        }
        let of = registry.to_owned();
        // A helper that hangs must not keep this thread from seeing signals.
        let asked = tokio::time::timeout(HELPER, tokio::task::spawn_blocking(move || docker_s(&of))).await;
        let late = |_| {
            let seconds = HELPER.as_secs();
            RegistryError::Broken(Reason::new(&format!(
                "docker's credential helper for {registry} gave no answer in {seconds} s"
            )))
        };
        let asked = asked.map_err(late)?.map_err(|error| RegistryError::broken(&error))?;
        found.insert(registry.to_owned(), asked.clone());
        Ok(asked)
    }
}

/// What docker's `config.json` has for a registry.
fn docker_s(registry: &str) -> Option<Credential> {
    names(&registry).iter().find_map(|name| docker_credential::get_credential(name).ok()).map(|found| match found {
        DockerCredential::UsernamePassword(user, password) => {
            let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
            Credential::Header(format!("Basic {pair}"))
        }
        DockerCredential::IdentityToken(token) => Credential::IdentityToken(token),
    })
}

/// Names under which credentials for a registry are kept.
fn names<'a>(registry: &'a &'a str) -> &'a [&'a str] {
    match *registry {
        "index.docker.io" => &["index.docker.io", "https://index.docker.io/v1/", "docker.io"],
        _ => std::slice::from_ref(registry),
    }
}
