//! Credentials for registries: `CNB_REGISTRY_AUTH`, else docker's `config.json` (`cnb-platform.md`, Registry
//! Authentication). Values are never shown.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use docker_credential::{CredentialRetrievalError as Reason, DockerCredential};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::log::Log;
use crate::whole::{WholeError, whole};

/// Where Authorization headers come from.
#[derive(Clone)]
pub struct Credentials {
    log: Log,
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
    /// `given` is the content of `CNB_REGISTRY_AUTH`; without it docker's `config.json` is asked. What cannot be
    /// used of that is said in `log`.
    #[must_use]
    pub fn new(given: Option<BTreeMap<String, String>>, log: Log) -> Self {
        Self { log, given, found: Arc::default() }
    }

    /// The header that `CNB_REGISTRY_AUTH` has for a registry: it is sent without being asked for.
    pub(super) fn given(&self, registry: &str) -> Option<String> {
        let given = self.given.as_ref()?;
        names(&registry).iter().find_map(|name| given.get(*name)).cloned()
    }

    /// What there is for a registry; none means anonymous.
    pub(super) async fn of(&self, registry: &str) -> Option<Credential> {
        if self.given.is_some() {
            return self.given(registry).map(Credential::Header);
        }
        let mut found = self.found.lock().await;
        if let Some(known) = found.get(registry) {
            return known.clone();
        }
        let mut asked = None;
        for name in names(&registry) {
            asked = self.docker_s(name).await;
            if asked.is_some() {
                break;
            }
        }
        found.insert(registry.to_owned(), asked.clone());
        asked
    }

    /// What docker's `config.json` has under a name. What cannot be used of it is a warning, and no credential.
    async fn docker_s(&self, name: &str) -> Option<Credential> {
        let folder = std::env::var_os("DOCKER_CONFIG").map(PathBuf::from);
        let file =
            folder.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".docker")))?.join("config.json");
        match written_in(&file, name).await {
            Ok(found) => found,
            Err(reason) => {
                self.log.warn(format_args!(
                    "{} gives no credentials for {name}, which is asked without any: {reason}",
                    file.display()
                ));
                None
            }
        }
    }
}

/// What a `config.json` of docker's has under a name: by the helper for it, else by itself, else by the helper for all.
async fn written_in(file: &Path, name: &str) -> Result<Option<Credential>, String> {
    let bytes = match whole(file) {
        Ok(bytes) => bytes,
        Err(WholeError::Read(error)) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(WholeError::Read(error)) => return Err(format!("it cannot be read: {error}")),
        Err(error) => return Err(error.to_string()),
    };
    let mut config: Value = serde_json::from_slice(&bytes).map_err(|_| "it is not JSON")?;
    let word = |value: &Value| value.as_str().filter(|word| !word.is_empty()).map(str::to_owned);
    let (own, store) = (word(&config["credHelpers"][name]), word(&config["credsStore"]));
    if let Some(helper) = own {
        return asked(&helper, name).await;
    }
    if let Some(config) = config.as_object_mut() {
        config.remove("credHelpers");
        config.remove("credsStore");
    }
    let found = match docker_credential::get_credential_from_reader(config.to_string().as_bytes(), name) {
        Ok(DockerCredential::UsernamePassword(user, password)) => basic(&user, &password),
        Ok(DockerCredential::IdentityToken(token)) => Credential::IdentityToken(token),
        Err(Reason::NoCredentialConfigured) => {
            return match store {
                Some(helper) => asked(&helper, name).await,
                None => Ok(None),
            };
        }
        Err(Reason::CredentialDecodingError) => return Err("its auth is not base64 of user:password".to_owned()),
        Err(Reason::CredentialMismatchError) => return Err("its auth contradicts username and password".to_owned()),
        Err(_) => return Err("its auths are not what docker writes".to_owned()),
    };
    Ok(Some(found))
}

/// What a credential helper has under a name.
async fn asked(helper: &str, name: &str) -> Result<Option<Credential>, String> {
    let program = format!("docker-credential-{helper}");
    let answer = credential_helper::answer(&program, name, HELPER).await;
    let Some(printed) = answer.map_err(|reason| format!("{reason} ({program})"))? else { return Ok(None) };
    let answer: Value = serde_json::from_slice(&printed).unwrap_or_default();
    match (answer["Username"].as_str(), answer["Secret"].as_str()) {
        (Some("<token>"), Some(token)) => Ok(Some(Credential::IdentityToken(token.to_owned()))),
        (Some(user), Some(password)) => Ok(Some(basic(user, password))),
        _ => Err(format!("the credential helper's answer has no Username and Secret ({program})")),
    }
}

fn basic(user: &str, password: &str) -> Credential {
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    Credential::Header(format!("Basic {pair}"))
}

/// Names under which credentials for a registry are kept.
fn names<'a>(registry: &'a &'a str) -> &'a [&'a str] {
    match *registry {
        "index.docker.io" => &["index.docker.io", "https://index.docker.io/v1/", "docker.io"],
        _ => std::slice::from_ref(registry),
    }
}
