//! The user's credentials for a registry: where they are kept, and how an exporter gets those that it needs and no
//! others. None of them is ever printed.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use credential_helper::HelperError;
use docker_credential::{CredentialRetrievalError, DockerCredential};
use serde_json::json;

use super::http::AccessError;
use crate::limits::CREDENTIAL_HELPER;
use crate::{budget, given, secret_forms};

/// The variable of the Platform API that has Authorization headers by registry (`cnb-platform.md`, Registry
/// Authentication).
pub const REGISTRY_AUTH: &str = "CNB_REGISTRY_AUTH";

/// What is hidden in an exporter's output is at least this long: a shorter word would hide what is not secret.
const LEAST_HIDDEN: usize = 4;

/// What proves to a registry who asks. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A user and a password.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// A refresh token, to be exchanged at the token realm.
    IdentityToken(String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(left out)")
    }
}

impl Credentials {
    /// The user's for `host`: those in `CNB_REGISTRY_AUTH`, else those of docker's `config.json`. A helper that is
    /// asked ends with this future.
    ///
    /// # Errors
    /// [`AccessError`] when there is an entry and it cannot be used.
    pub async fn of_the_user(host: &str) -> Result<Option<Self>, AccessError> {
        let given = std::env::var(REGISTRY_AUTH).ok().filter(|text| !text.trim().is_empty());
        match given.map(|text| Self::from_registry_auth(&text, host)).transpose()?.flatten() {
            Some(found) => Ok(Some(found)),
            None => Self::from_docker_config(host).await,
        }
    }

    /// What docker's `config.json` (in `DOCKER_CONFIG`, else `~/.docker`) has for `host`, by its credential helpers
    /// too; none where there is no such file or it names no such host.
    ///
    /// # Errors
    /// [`AccessError::Credentials`] when there is an entry and it cannot be used.
    pub async fn from_docker_config(host: &str) -> Result<Option<Self>, AccessError> {
        let bad = |reason| AccessError::Credentials { host: host.to_owned(), reason };
        let folder = std::env::var_os("DOCKER_CONFIG").map(PathBuf::from);
        let folder = folder.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".docker")));
        let Some(bytes) = folder.and_then(|folder| given::bytes(&folder.join("config.json"), budget::TEXT).ok()) else {
            return Ok(None);
        };
        let mut config: serde_json::Value = serde_json::from_slice(&bytes).map_err(|_| bad("it is not JSON"))?;
        let name = |value: &serde_json::Value| value.as_str().filter(|name| !name.is_empty()).map(str::to_owned);
        let (own, store) = (name(&config["credHelpers"][host]), name(&config["credsStore"]));
        if let Some(helper) = own {
            return Self::from_helper(&helper, host).await.map_err(bad);
        }
        if let Some(config) = config.as_object_mut() {
            config.remove("credHelpers");
            config.remove("credsStore");
        }
        match Self::written_in(&config, host).map_err(bad)? {
            None => match store {
                Some(helper) => Self::from_helper(&helper, host).await.map_err(bad),
                None => Ok(None),
            },
            found => Ok(found),
        }
    }

    /// What a `config.json` that names no helper has for `host`.
    fn written_in(config: &serde_json::Value, host: &str) -> Result<Option<Self>, &'static str> {
        use CredentialRetrievalError as Reason;
        match docker_credential::get_credential_from_reader(config.to_string().as_bytes(), host) {
            Ok(DockerCredential::UsernamePassword(user, password)) => Ok(Some(Self::Password { user, password })),
            Ok(DockerCredential::IdentityToken(token)) => Ok(Some(Self::IdentityToken(token))),
            Err(Reason::NoCredentialConfigured) => Ok(None),
            Err(Reason::CredentialDecodingError) => Err("the auth field cannot be decoded"),
            Err(Reason::CredentialMismatchError) => Err("the auth field contradicts user name and password"),
            Err(_) => Err("its auths are not what docker writes"),
        }
    }

    async fn from_helper(name: &str, host: &str) -> Result<Option<Self>, &'static str> {
        let program = format!("docker-credential-{name}");
        let printed = credential_helper::answer(&program, host, CREDENTIAL_HELPER).await;
        let Some(printed) = printed.map_err(HelperError::words)? else { return Ok(None) };
        let answer: serde_json::Value = serde_json::from_slice(&printed).unwrap_or_default();
        let (Some(user), Some(secret)) = (answer["Username"].as_str(), answer["Secret"].as_str()) else {
            return Err("the credential helper's answer is malformed");
        };
        Ok(Some(match user {
            "<token>" => Self::IdentityToken(secret.to_owned()),
            user => Self::Password { user: user.to_owned(), password: secret.to_owned() },
        }))
    }

    /// What the text of `CNB_REGISTRY_AUTH` has for `host`; none where it names no such host. A user and a password are
    /// taken; a token is not, because it may end before a run does and an exporter could not get another.
    ///
    /// # Errors
    /// [`AccessError::RegistryAuth`] when the text or the host's entry cannot be used.
    pub fn from_registry_auth(text: &str, host: &str) -> Result<Option<Self>, AccessError> {
        let bad = |reason| AccessError::RegistryAuth { reason };
        let entries: BTreeMap<String, String> = serde_json::from_str(text)
            .map_err(|_| bad("it must be a JSON object from registries' hosts to Authorization headers"))?;
        let Some(header) = entries.get(host) else { return Ok(None) };
        let Some((scheme, rest)) = header.trim().split_once(' ') else {
            return Err(bad("the registry's entry must be 'Basic' and base64 of user:password"));
        };
        if !scheme.eq_ignore_ascii_case("basic") {
            return Err(bad(
                "the registry's entry is not a Basic header, and the suite cannot renew a token: give it as 'Basic' and \
                 base64 of user:password, or use docker's config.json",
            ));
        }
        let decoded = STANDARD.decode(rest.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let pair = decoded.as_deref().and_then(|text| text.split_once(':'));
        let (user, password) = pair.ok_or_else(|| bad("the registry's entry holds no base64 of user:password"))?;
        Ok(Some(Self::Password { user: user.to_owned(), password: password.to_owned() }))
    }

    /// The Authorization header of Basic authentication, where there is a password.
    pub(super) fn basic(&self) -> Option<String> {
        match self {
            Self::Password { .. } => Some(format!("Basic {}", self.pair())),
            Self::IdentityToken(_) => None,
        }
    }

    fn pair(&self) -> String {
        match self {
            Self::Password { user, password } => STANDARD.encode(format!("{user}:{password}")),
            Self::IdentityToken(token) => STANDARD.encode(format!("<token>:{token}")),
        }
    }

    /// A `config.json` of docker's that has these credentials for `host`, and nothing else.
    #[cfg(test)]
    #[must_use]
    pub(crate) fn docker_config(&self, host: &str) -> String {
        let (key, entry) = self.docker_entry(host);
        json!({ "auths": { key: entry } }).to_string()
    }

    /// The host as `auths` in a `config.json` has it, and these credentials as it has them.
    #[must_use]
    pub fn docker_entry(&self, host: &str) -> (String, serde_json::Value) {
        // This is what docker login itself calls Docker Hub.
        let is_hub = matches!(host, "docker.io" | "index.docker.io" | "registry-1.docker.io");
        let key = if is_hub { "https://index.docker.io/v1/" } else { host };
        let entry = match self {
            Self::Password { .. } => json!({ "auth": self.pair() }),
            Self::IdentityToken(token) => json!({ "identitytoken": token }),
        };
        (key.to_owned(), entry)
    }

    /// What a credential helper of docker's prints of these credentials.
    #[must_use]
    pub fn helper_answer(&self, host: &str) -> String {
        let (user, secret) = match self {
            Self::Password { user, password } => (user.as_str(), password),
            Self::IdentityToken(token) => ("<token>", token),
        };
        json!({ "ServerURL": host, "Username": user, "Secret": secret }).to_string()
    }

    /// The Authorization header that `CNB_REGISTRY_AUTH` holds for these credentials; none for a token, which is none.
    #[must_use]
    pub fn registry_auth(&self) -> Option<String> {
        self.basic()
    }

    /// What is secret in these credentials: what is sent, and what it is made of.
    #[must_use]
    pub fn secrets(&self) -> [String; 2] {
        let (Self::Password { password: secret, .. } | Self::IdentityToken(secret)) = self;
        [self.pair(), secret.clone()]
    }

    /// `text` without what is secret in these credentials, in every form in which they are sent.
    #[must_use]
    pub fn hidden_in(&self, text: &str) -> String {
        self.replaced_in(text, |_| "(a credential, left out)".to_owned())
    }

    /// The same in as many bytes: what is said of a document's size stays true.
    #[must_use]
    pub fn masked_in(&self, text: &str) -> String {
        self.replaced_in(text, |word| "*".repeat(word.len()))
    }

    fn replaced_in(&self, text: &str, by: impl Fn(&str) -> String) -> String {
        let [pair, secret] = self.secrets();
        let mut words = vec![pair.clone(), pair.trim_end_matches('=').to_owned(), secret.clone()];
        words.extend([pair, secret].iter().flat_map(|word| secret_forms::forms(word)));
        let long = words.iter().filter(|word| word.len() >= LEAST_HIDDEN);
        long.fold(text.to_owned(), |text, word| text.replace(word.as_str(), &by(word)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(user: &str, password: &str) -> Credentials {
        Credentials::Password { user: user.to_owned(), password: password.to_owned() }
    }

    #[test]
    fn the_platform_api_s_variable_is_honoured_or_refused_in_words() {
        let pair = STANDARD.encode("somebody:open:sesame");
        let text = format!(r#"{{"other:1":"Bearer x","here:1":"basic {pair}"}}"#);
        let found = Credentials::from_registry_auth(&text, "here:1").unwrap();
        assert_eq!(found, Some(password("somebody", "open:sesame")));
        assert_eq!(Credentials::from_registry_auth(&text, "here:2").unwrap(), None);
        for (text, host) in
            [(text.as_str(), "other:1"), ("[]", "x"), (r#"{"x":"Basic ?"}"#, "x"), (r#"{"x":"y"}"#, "x")]
        {
            let refused = Credentials::from_registry_auth(text, host).unwrap_err().to_string();
            assert!(refused.starts_with("read CNB_REGISTRY_AUTH: ") && !refused.contains(&pair), "{refused}");
        }
    }

    #[test]
    fn an_exporter_s_file_has_one_host_and_what_it_prints_of_it_is_hidden() {
        let mine = password("somebody", "open-sesame");
        let config = mine.docker_config("127.0.0.1:1");
        let value: serde_json::Value = serde_json::from_str(&config).unwrap();
        assert_eq!(value["auths"].as_object().unwrap().len(), 1);
        let read = docker_credential::get_credential_from_reader(config.as_bytes(), "127.0.0.1:1").unwrap();
        let expected = DockerCredential::UsernamePassword("somebody".to_owned(), "open-sesame".to_owned());
        assert_eq!(read, expected);
        for form in [
            "6f70656e2d736573616d65",
            "[111, 112, 101, 110, 45, 115, 101, 115, 97, 109, 101]",
            "emases-nepo",
            "b3Blbi1zZXNhbWU=",
        ] {
            let hidden = mine.hidden_in(&format!("as {form}."));
            assert!(hidden.contains("left out") && !hidden.contains(form), "{form}: {hidden}");
        }
        let printed = format!("{config}\nlogin someone open-sesame");
        let hidden = mine.hidden_in(&printed);
        assert!(!hidden.contains("sesame") && !hidden.contains(&mine.pair()), "{hidden}");
        assert!(hidden.contains("login someone "), "{hidden}");
        let token = Credentials::IdentityToken("long-lived".to_owned());
        let config = token.docker_config("127.0.0.1:1");
        let read = docker_credential::get_credential_from_reader(config.as_bytes(), "127.0.0.1:1").unwrap();
        assert_eq!(read, DockerCredential::IdentityToken("long-lived".to_owned()));
        assert!(!token.hidden_in(&config).contains("long-lived"));
    }
}
