//! Where the images of a rebase are: a registry, or a daemon. Layers are named to it, and it brings those that are
//! missing where they are needed.

use super::RebaseError;
use crate::cli::Destination;
use crate::cli::rebaser::RebaseOptions;
use crate::digest::DiffId;
use crate::image::Descriptor;
use crate::image_name::ImageName;
use crate::log::Log;
use crate::target::daemon::{Daemon, DaemonError, Store, local};
use crate::target::registry::{Credentials, Registry, Uploads};
use crate::target::{NewImage, NewLayer, Outcome, Platform, StoredImage, Target, TargetError, WholeImage};

/// The open store.
pub(super) enum Images {
    Registry(Box<Registry>),
    Daemon { daemon: Box<Daemon>, host: String },
}

/// The new run image, as it was found.
pub(super) struct RunImageFound {
    pub(super) name: ImageName,
    /// What identifies it: a digest reference, else a daemon's ID.
    pub(super) reference: String,
    pub(super) image: StoredImage,
}

/// What is written.
pub(super) struct Written {
    pub(super) config: Vec<u8>,
    pub(super) manifest: Vec<u8>,
    pub(super) media_type: &'static str,
    /// The layers above the run image's: digests of their tars, and descriptors where there are some.
    pub(super) layers: Vec<(DiffId, Option<Descriptor>)>,
}

impl Images {
    /// Opens the store that `images` go to.
    pub(super) async fn open(
        options: &RebaseOptions,
        images: &[ImageName],
        (uploads, log): (&Uploads, Log),
    ) -> Result<Self, RebaseError> {
        Ok(match &options.destination {
            Destination::Daemon(given) => {
                let daemon = Daemon::open(images, given.as_deref()).await.map_err(TargetError::from)?;
                let host = given.clone().unwrap_or_else(|| "its default address".to_owned());
                Self::Daemon { daemon: Box::new(daemon), host }
            }
            Destination::Registry | Destination::Layout(_) => {
                let credentials = Credentials::new(options.registry_auth.clone(), log);
                let registry = Registry::open(images, &options.insecure_registries, credentials, uploads);
                Self::Registry(Box::new(registry))
            }
        })
    }

    /// How a daemon keeps images; none of a registry.
    pub(super) fn daemon_store(&self) -> Option<Store> {
        match self {
            Self::Registry(_) => None,
            Self::Daemon { daemon, .. } => Some(daemon.store()),
        }
    }

    /// The app image.
    pub(super) async fn app(&mut self, name: &ImageName, platform: &Platform) -> Result<WholeImage, RebaseError> {
        match self {
            Self::Registry(registry) => Ok(registry.app_image(name, platform).await.map_err(TargetError::from)?),
            Self::Daemon { daemon, host } => {
                let found = daemon.app_image(&local(&name.to_string()), platform).await.map_err(TargetError::from)?;
                found.ok_or_else(|| RebaseError::NotInDaemon {
                    what: "app image",
                    name: name.to_string(),
                    host: host.clone(),
                    flag: "-previous-image",
                })
            }
        }
    }

    /// The run image of a name.
    pub(super) async fn run_image(
        &mut self,
        name: &ImageName,
        platform: &Platform,
    ) -> Result<RunImageFound, RebaseError> {
        let (reference, image) = match self {
            Self::Registry(registry) => {
                let (digest, image) = registry.run_image(name, platform).await.map_err(TargetError::from)?;
                (format!("{}@{digest}", name.context()), image)
            }
            Self::Daemon { daemon, host } => {
                let image = daemon.base(&local(&name.to_string()), platform).await.map_err(|error| match error {
                    TargetError::Daemon(DaemonError::NoRunImage { .. }) => RebaseError::NotInDaemon {
                        what: "run image",
                        name: name.to_string(),
                        host: host.clone(),
                        flag: "-run-image",
                    },
                    other => other.into(),
                })?;
                let digest = daemon.known_digest(name).map(|digest| format!("{}@{digest}", name.context()));
                let id = || daemon.base_id().unwrap_or_default().to_owned();
                (digest.unwrap_or_else(id), image)
            }
        };
        Ok(RunImageFound { name: name.clone(), reference, image })
    }

    /// Writes the image under every name, the names last.
    pub(super) async fn write(self, written: Written) -> Result<Outcome, RebaseError> {
        let Written { config, manifest, media_type, layers } = written;
        let layers = layers.into_iter().map(|(diff_id, descriptor)| NewLayer::Reused { diff_id, descriptor });
        let mut image = NewImage { config, manifest, media_type, layers: layers.collect() };
        match self {
            Self::Registry(mut registry) => {
                registry.take_base();
                // What is to be had elsewhere is not in the registry.
                let is_kept = |layer: &NewLayer| match layer {
                    NewLayer::Reused { descriptor: Some(descriptor), .. } => descriptor.urls.is_empty(),
                    _ => true,
                };
                for layer in std::mem::take(&mut image.layers).into_iter().filter(is_kept) {
                    registry.take(layer).await?;
                }
                Ok(registry.write(image).await?)
            }
            Self::Daemon { daemon, .. } => Ok(daemon.write(image).await?),
        }
    }
}
