//! Reads app images and their bases: from registries, daemons and layouts.

use std::path::{Path, PathBuf};

use judge::evidence::Document;
use judge::reference::{DOCKER_HUB, Reference};

use super::{Base, Row, Said, row, said, unread};
use crate::error::{chain, context};
use crate::held::Held;
use crate::limits::Patience;
use crate::observe::{
    BlobStore, Credentials, DaemonObserver, LayerReader, Limits, RegistryClient, RegistryObserver, Stands, Trust,
    layout_standing,
};
use crate::rig::daemon::Daemon;

/// What to ask, and how.
#[derive(Debug, Clone)]
pub struct BaseStatusOptions {
    /// The images: `daemon:NAME`, `layout:PATH[:NAME|@DIGEST]`, or a reference in a registry.
    pub images: Vec<String>,
    /// The platform of indexes: operating system and architecture.
    pub platform: (String, String),
    /// Registries that are spoken to without TLS, in addition to those on loopback.
    pub insecure: Vec<String>,
    /// The daemon's address; none for the usual one.
    pub daemon: Option<String>,
    /// How long to wait.
    pub patience: Patience,
    /// Whom registries' certificates are to be of.
    pub trust: Trust,
}

/// The reader of one call.
struct Reader<'a> {
    settings: &'a BaseStatusOptions,
    layers: LayerReader,
}

/// An image's documents; a classic daemon has no manifest.
struct Read {
    manifest: Option<Document>,
    config: Document,
}

/// Reads every image, one after another. What cannot be read is a row that says so.
///
/// # Errors
/// A sentence, when there is no folder for what is fetched.
pub async fn rows(settings: &BaseStatusOptions) -> Result<Vec<Row>, String> {
    let folder =
        Held::temporary().map_err(|error| chain(&context("make a temporary folder (TMPDIR says where)")(error)))?;
    let store = BlobStore::open(folder.path()).map_err(|error| chain(&error))?;
    let reader = Reader { settings, layers: LayerReader::new(store, Limits::default()) };
    let mut rows = Vec::new();
    for image in &settings.images {
        rows.push(reader.row(image).await);
    }
    Ok(rows)
}

impl Reader<'_> {
    async fn row(&self, image: &str) -> Row {
        let read = match self.image(image).await {
            Ok(read) => read,
            Err(reason) => return unread(image, None, reason),
        };
        let said = said(read.manifest.as_ref(), &read.config);
        match self.bases(&said).await {
            Ok((current, old)) => row(image, &said, &current, &old),
            Err(reason) => unread(image, Some(&said), reason),
        }
    }

    async fn image(&self, image: &str) -> Result<Read, String> {
        if let Some(name) = image.strip_prefix("daemon:") {
            return self.in_daemon(name).await;
        }
        if let Some(place) = image.strip_prefix("layout:") {
            return self.in_layout(place);
        }
        let reference = Reference::parse(image).map_err(|error| chain(&error))?;
        let stands = self.standing(&reference).await?;
        of(stands, image, &self.settings.platform)
    }

    fn in_layout(&self, place: &str) -> Result<Read, String> {
        let (folder, asked) = layout_place(place);
        let stands = layout_standing(&folder, asked.as_deref(), self.platform()).map_err(|error| chain(&error))?;
        of(stands, place, &self.settings.platform)
    }

    async fn in_daemon(&self, name: &str) -> Result<Read, String> {
        let host = self.settings.daemon.as_deref();
        let daemon = Daemon::connect_patiently(host, &self.settings.patience).await.map_err(|error| chain(&error))?;
        let observer =
            DaemonObserver::new(daemon.api().clone(), daemon.host(), daemon.store(), daemon.version().to_owned())
                .map_err(|error| chain(&error))?;
        if daemon.image_id(name).await.map_err(|error| chain(&error))?.is_none() {
            return Err(format!("the daemon has no image {name}"));
        }
        let found = observer.image(&[name.to_owned()], &self.layers).await.map_err(|error| chain(&error))?;
        let image = found.image.and_then(|image| Some((image.config?, image.manifest)));
        let (config, manifest) = image.ok_or_else(|| format!("the daemon gives no config of {name}"))?;
        Ok(Read { manifest, config })
    }

    fn platform(&self) -> (&str, &str) {
        (&self.settings.platform.0, &self.settings.platform.1)
    }

    /// What the base's name names, and what its digest names where that is another image.
    async fn bases(&self, said: &Said) -> Result<(Base, Base), String> {
        let Some(name) = &said.name else { return Ok((Base::NotAsked, Base::NotAsked)) };
        let reference = Reference::parse(name).map_err(|error| chain(&context("the base's name is not one")(error)))?;
        let current = base(self.standing(&reference).await?);
        let is_current = |digest| matches!(&current, Base::Here { digests, .. } if digests.contains(digest));
        let old = match &said.digest {
            Some(digest) if !is_current(digest) => {
                let by_digest = Reference { tag: None, digest: Some(digest.clone()), ..reference };
                base(self.standing(&by_digest).await?)
            }
            _ => Base::NotAsked,
        };
        Ok((current, old))
    }

    async fn standing(&self, reference: &Reference) -> Result<Stands, String> {
        let observer = self.registry(&reference.registry).await?;
        let digest = reference.digest.as_ref().map(ToString::to_string);
        let asked = digest.or_else(|| reference.tag.clone()).unwrap_or_default();
        let found = observer.standing(&reference.repository, &asked, self.platform()).await;
        found.map_err(|error| chain(&error))
    }

    async fn registry(&self, host: &str) -> Result<RegistryObserver, String> {
        let (api, known) = match host {
            DOCKER_HUB => ("registry-1.docker.io", "https://index.docker.io/v1/"),
            host => (host, host),
        };
        let is_plain = is_loopback(host) || self.settings.insecure.iter().any(|plain| plain == host);
        let scheme = if is_plain { "http" } else { "https" };
        let credentials = Credentials::of_the_user(known).await.map_err(|error| chain(&error))?;
        let conditions = (&self.settings.trust, &self.settings.patience);
        let client = RegistryClient::patient(&format!("{scheme}://{api}"), credentials, conditions);
        Ok(RegistryObserver::new(client.map_err(|error| chain(&error))?, self.layers.clone()))
    }
}

fn base(stands: Stands) -> Base {
    match stands {
        Stands::Here(found) => Base::of(&found),
        // Another platform's base is not a base of this image.
        Stands::Gone | Stands::NotForPlatform => Base::Gone,
    }
}

fn of(stands: Stands, named: &str, (os, architecture): &(String, String)) -> Result<Read, String> {
    match stands {
        Stands::Here(found) => Ok(Read { manifest: Some(found.manifest), config: found.config }),
        Stands::Gone => Err(format!("there is no image {named}")),
        Stands::NotForPlatform => {
            Err(format!("{named} has no image for {os}/{architecture}; --platform says another one"))
        }
    }
}

/// `PATH`, `PATH:NAME` or `PATH@DIGEST`; a path that is there as it stands is one.
fn layout_place(place: &str) -> (PathBuf, Option<String>) {
    if Path::new(place).is_dir() {
        return (PathBuf::from(place), None);
    }
    let split = place.split_once('@').or_else(|| place.rsplit_once(':'));
    split.map_or_else(|| (PathBuf::from(place), None), |(path, asked)| (PathBuf::from(path), Some(asked.to_owned())))
}

/// As docker has it: what is on this machine is spoken to without TLS.
fn is_loopback(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']);
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_on_this_machine_goes_without_tls_unasked() {
        for (host, expected) in [
            ("127.0.0.1:5000", true),
            ("localhost", true),
            ("[::1]:5000", true),
            ("registry.example", false),
            ("10.0.0.1:5000", false),
        ] {
            assert_eq!(is_loopback(host), expected, "{host}");
        }
    }

    #[test]
    fn a_layout_may_name_one_of_its_images() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display().to_string();
        assert_eq!(layout_place(&path), (PathBuf::from(&path), None));
        assert_eq!(layout_place("/no/where:latest"), (PathBuf::from("/no/where"), Some("latest".to_owned())));
        let digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(layout_place(&format!("/no/where@{digest}")), (PathBuf::from("/no/where"), Some(digest.to_owned())));
    }
}
