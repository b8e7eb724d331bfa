//! A registry that exporters under test are pointed at: one that was given, one in a container, a program on PATH, or
//! one in this process.

mod container;
pub mod embedded;
mod executable;

use std::str::FromStr;

use container::Container;
use embedded::Embedded;
use executable::Executable;
use strum::{Display, IntoStaticStr};

use crate::error::{Cause, chain};
use crate::masked::without_credentials;

/// What the name of the folder begins with in which a registry keeps its blobs.
pub const REGISTRY: &str = "registry-";

/// Why there is no registry.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The address of a given one cannot be used.
    #[error(
        "use the registry {url}: {reason}; --registry takes embedded, container, executable or http(s)://HOST[:PORT][/PREFIX]"
    )]
    Url {
        /// The address.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// One could not be started.
    #[error("start a registry ({kind})")]
    Start {
        /// Which kind.
        kind: RegistryKind,
        /// What is missing and what to do.
        source: Cause,
    },
    /// One could not be ended.
    #[error("end the registry ({kind})")]
    Stop {
        /// Which kind.
        kind: RegistryKind,
        /// What went wrong, and what is left.
        source: Cause,
    },
}

/// Where a registry runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, Display)]
#[strum(serialize_all = "lowercase")]
pub enum RegistryKind {
    /// In this process.
    Embedded,
    /// `registry:2` in a container.
    Container,
    /// A program on PATH.
    Executable,
    /// Somewhere that a URL names.
    Url,
}

impl RegistryKind {
    /// The word on the command line and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// Which registry is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryChoice {
    /// The first that is available: container, executable, embedded.
    Auto,
    /// One in this process.
    Embedded,
    /// `registry:2` in a container.
    Container,
    /// A program on PATH.
    Executable,
    /// This one.
    Url(Address),
}

impl RegistryChoice {
    /// What asks for it on the command line; none for what is taken without being asked for.
    #[must_use]
    pub fn argument(&self) -> Option<String> {
        match self {
            Self::Auto => None,
            Self::Embedded => Some("embedded".to_owned()),
            Self::Container => Some("container".to_owned()),
            Self::Executable => Some("executable".to_owned()),
            Self::Url(address) if address.prefix.is_empty() => Some(address.base_url.clone()),
            Self::Url(address) => Some(format!("{}/{}", address.base_url, address.prefix)),
        }
    }
}

/// The address of a given registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// `scheme://host[:port]`.
    base_url: String,
    /// `host[:port]`.
    host: String,
    /// Repository prefix; may be empty.
    prefix: String,
}

impl FromStr for RegistryChoice {
    type Err = RegistryError;

    fn from_str(text: &str) -> Result<Self, RegistryError> {
        match text {
            "embedded" => Ok(Self::Embedded),
            "container" => Ok(Self::Container),
            "executable" => Ok(Self::Executable),
            url => address(url).map(Self::Url),
        }
    }
}

fn address(text: &str) -> Result<Address, RegistryError> {
    let is_bare = !text.contains("://") && !text.contains('@');
    let place = text.split_once("://").map_or(text, |(_, place)| place);
    let meant = if place.parse::<std::net::Ipv6Addr>().is_ok() || place.starts_with("::") {
        " (an IPv6 address stands in brackets, as in http://[::1]:5000)".to_owned()
    } else if is_bare {
        format!(" (did you mean http://{text}?)")
    } else {
        String::new()
    };
    let wrong =
        |reason: &str| RegistryError::Url { url: without_credentials(text), reason: format!("{reason}{meant}") };
    let url = reqwest::Url::parse(text).map_err(|error| wrong(&chain(&error)))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("its scheme is neither http nor https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        let url = format!("{}://…@{}", url.scheme(), url.host_str().unwrap_or_default());
        return Err(RegistryError::Url { url, reason: "credentials belong into docker's config.json".to_owned() });
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("it has a query or fragment"));
    }
    let host = url.host_str().ok_or_else(|| wrong("it names no host"))?;
    let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let prefix = url.path().trim_matches('/').to_owned();
    Ok(Address { base_url: format!("{}://{host}", url.scheme()), host, prefix })
}

/// A registry in use; what was started for it ends when it is stopped or dropped.
pub struct Registry {
    address: Address,
    kind: RegistryKind,
    version: String,
    why: String,
    running: Running,
}

enum Running {
    Elsewhere,
    Embedded(Embedded),
    Executable(Box<Executable>),
    Container(Box<Container>),
}

impl Registry {
    /// Finds or starts the registry of a choice; `docker_host` is where a container would run.
    ///
    /// # Errors
    /// [`RegistryError`] naming what is missing.
    pub async fn start(choice: &RegistryChoice, docker_host: Option<&str>) -> Result<Self, RegistryError> {
        match choice {
            RegistryChoice::Embedded => Self::embedded(String::new()).await,
            RegistryChoice::Executable => Self::executable(String::new()).await,
            RegistryChoice::Container => Self::container(docker_host, String::new()).await,
            RegistryChoice::Url(address) => Ok(Self {
                address: address.clone(),
                kind: RegistryKind::Url,
                version: address.base_url.clone(),
                why: String::new(),
                running: Running::Elsewhere,
            }),
            RegistryChoice::Auto => Self::first_at_hand(docker_host).await,
        }
    }

    async fn first_at_hand(docker_host: Option<&str>) -> Result<Self, RegistryError> {
        let no_container = match Self::container(docker_host, String::new()).await {
            Ok(found) => return Ok(found),
            Err(error) => reason(&error),
        };
        let no_executable = match Self::executable(format!("no container: {no_container}")).await {
            Ok(found) => return Ok(found),
            Err(error) => reason(&error),
        };
        Self::embedded(format!("no container: {no_container}; no executable: {no_executable}")).await
    }

    async fn embedded(why: String) -> Result<Self, RegistryError> {
        let running = Embedded::start().await?;
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Ok(Self::local(running.host(), RegistryKind::Embedded, version, why, Running::Embedded(running)))
    }

    async fn executable(why: String) -> Result<Self, RegistryError> {
        let running = Executable::start().await?;
        let (host, version) = (running.host(), running.version().to_owned());
        Ok(Self::local(host, RegistryKind::Executable, version, why, Running::Executable(Box::new(running))))
    }

    async fn container(docker_host: Option<&str>, why: String) -> Result<Self, RegistryError> {
        let running = Container::start(docker_host).await?;
        let (host, version) = (running.host(), running.version().to_owned());
        Ok(Self::local(host, RegistryKind::Container, version, why, Running::Container(Box::new(running))))
    }

    fn local(host: String, kind: RegistryKind, version: String, why: String, running: Running) -> Self {
        let address = Address { base_url: format!("http://{host}"), host, prefix: String::new() };
        Self { address, kind, version, why, running }
    }

    /// `host:port` as references name it.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.address.host
    }

    /// `http://host:port`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.address.base_url
    }

    /// What repositories begin with; empty except for a URL with a path.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.address.prefix
    }

    /// Whether it is spoken to without TLS.
    #[must_use]
    pub fn insecure(&self) -> bool {
        self.address.base_url.starts_with("http://")
    }

    /// Where it runs.
    #[must_use]
    pub fn kind(&self) -> RegistryKind {
        self.kind
    }

    /// What it says that it is.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Why this kind and not a preferred one; empty where it was asked for or is the preferred one.
    #[must_use]
    pub fn why(&self) -> &str {
        &self.why
    }

    /// What killed runs had left where it was started, in words, and is gone now.
    #[must_use]
    pub fn removed(&self) -> &[String] {
        match &self.running {
            Running::Container(container) => container.removed(),
            Running::Elsewhere | Running::Embedded(_) | Running::Executable(_) => &[],
        }
    }

    /// Ends it, where it was started.
    ///
    /// # Errors
    /// [`RegistryError::Stop`] naming what is left.
    pub async fn stop(self) -> Result<(), RegistryError> {
        match self.running {
            Running::Elsewhere => Ok(()),
            Running::Embedded(embedded) => {
                embedded.stop().await;
                Ok(())
            }
            Running::Executable(executable) => executable.stop().await,
            Running::Container(container) => container.stop().await,
        }
    }
}

fn reason(error: &RegistryError) -> String {
    match error {
        RegistryError::Start { source, .. } => chain(&**source),
        other => chain(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart_and_credentials_in_them_refused() {
        let RegistryChoice::Url(address) = "http://127.0.0.1:5000/team/x/".parse().unwrap() else { panic!() };
        assert_eq!((address.host.as_str(), address.prefix.as_str()), ("127.0.0.1:5000", "team/x"));
        assert_eq!(address.base_url, "http://127.0.0.1:5000");
        for url in [
            "https://user:secret@host.example",
            "ftp://user:secret@host.example",
            "http://user:secret@",
            "://u:secret@h",
        ] {
            let error = url.parse::<RegistryChoice>().unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
        for (text, words) in [
            ("::1:5000", "in brackets"),
            ("http://::1:5000", "in brackets"),
            ("[::1]:5000", "did you mean http://[::1]:5000?"),
        ] {
            let error = text.parse::<RegistryChoice>().unwrap_err();
            assert!(chain(&error).contains(words), "{}", chain(&error));
        }
        for text in ["contaner", "ftp://host.example", "https://host.example/?a=b", ""] {
            assert!(text.parse::<RegistryChoice>().is_err(), "{text}");
        }
    }
}
