//! The demo's own registry, in this process, and an export to it: a platform's part, without a container.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use judge::evidence::{Document, Target};

use crate::base_status::Row;
use crate::base_status::read::{BaseStatusOptions, rows};
use crate::error::Cause;
use crate::exporter::{CallPlaces, Exporter, invocation};
use crate::held::Held;
use crate::limits::Patience;
use crate::observe::{BlobStore, LayerReader, Limits, RegistryClient, RegistryObserver, Trust};
use crate::pipeline::PipelineError;
use crate::pipeline::program::Call;
use crate::rig::registry::{Registry, RegistryChoice, RegistryError};
use crate::scenario::materialise::{Analysis, BuildDir, MaterialiseError, materialise};
use crate::scenario::run_image::{self, MadeImage};
use crate::scenario::{Scenario, Step};

/// The run image's repository and tag.
const RUN_IMAGE: (&str, &str) = ("base/run", "jammy");
/// The app image's.
const APP_IMAGE: &str = "team/greeter:1.4";

/// Why the demo's registry did not do its part.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// It did not start.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// It did not take or give an image.
    #[error("{doing}")]
    Store {
        /// What was done.
        doing: &'static str,
        /// What happened.
        source: Cause,
    },
    /// The build was not laid out.
    #[error(transparent)]
    LaidOut(#[from] MaterialiseError),
    /// The exporter failed.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
}

fn store<E: Into<Cause>>(doing: &'static str) -> impl Fn(E) -> PlaceError {
    move |error| PlaceError::Store { doing, source: error.into() }
}

/// The registry, and what speaks to it.
pub(super) struct DemoRegistry {
    registry: Registry,
    client: RegistryClient,
    observer: RegistryObserver,
    _scratch: Held,
}

impl DemoRegistry {
    pub(super) async fn start() -> Result<Self, PlaceError> {
        let registry = Registry::start(&RegistryChoice::Embedded, None).await?;
        let client = RegistryClient::new(registry.base_url(), None).map_err(store("speak to the registry"))?;
        let scratch = Held::temporary().map_err(store("make a temporary folder"))?;
        let blobs = BlobStore::open(scratch.path()).map_err(store("make a temporary folder"))?;
        let observer = RegistryObserver::new(client.clone(), LayerReader::new(blobs, Limits::default()));
        Ok(Self { registry, client, observer, _scratch: scratch })
    }

    /// Ends it. That one in this process does not end is not told of.
    pub(super) async fn stop(self) {
        let _ = self.registry.stop().await;
    }

    pub(super) fn host(&self) -> &str {
        self.registry.host()
    }

    pub(super) fn run_image(&self) -> String {
        format!("{}/{}:{}", self.host(), RUN_IMAGE.0, RUN_IMAGE.1)
    }

    pub(super) fn image(&self) -> String {
        format!("{}/{APP_IMAGE}", self.host())
    }

    /// Publishes the scenario's run image under its tag; another `fix` is another image.
    pub(super) async fn publish(&self, scenario: &Scenario, fix: &str) -> Result<(), PlaceError> {
        let image = made(scenario, fix)?;
        let doing = "publish the run image";
        for blob in image.blobs() {
            let pushed = self.client.push_blob(RUN_IMAGE.0, Bytes::copy_from_slice(blob)).await;
            pushed.map_err(store(doing))?;
        }
        let media_type = image.manifest.content_type.clone().unwrap_or_default();
        let bytes = Bytes::copy_from_slice(&image.manifest.bytes);
        let pushed = self.client.push_manifest(RUN_IMAGE.0, RUN_IMAGE.1, &media_type, bytes).await;
        pushed.map(drop).map_err(store(doing))
    }

    /// Exports the scenario's build, which is laid out in `folder`; gives the Platform API that the exporter was told.
    pub(super) async fn export(
        &self,
        exporter: &Exporter,
        scenario: &Scenario,
        folder: &Path,
    ) -> Result<String, PlaceError> {
        let step = Step::default();
        let digest = made(scenario, "")?.manifest.digest;
        let analysis = Analysis {
            run_image: self.run_image(),
            reference: format!("{}/{}@{digest}", self.host(), RUN_IMAGE.0),
            listed: self.run_image(),
            mirrors: Vec::new(),
            previous: None,
            extension: None,
        };
        std::fs::create_dir_all(folder).map_err(store("make the build folder"))?;
        let build_dir = BuildDir { host_path: folder.to_path_buf(), exporter_path: folder.to_path_buf() };
        materialise(scenario, &step, &analysis, &build_dir)?;
        let platform_api = exporter.first_platform_api();
        let insecure = [self.host().to_owned()];
        let owner = (nix::unistd::getuid().as_raw(), nix::unistd::getgid().as_raw());
        let call = CallPlaces {
            build_dir: &build_dir,
            target: Target::Registry,
            insecure_registries: &insecure,
            docker_host: None,
            platform_api: &platform_api,
            owner,
        };
        let made = invocation(exporter, &scenario.file, &step, &[self.image()], &call);
        exported(&made.argv, &made.environment, folder).await?;
        Ok(platform_api)
    }

    /// The manifest under a name.
    pub(super) async fn manifest(&self, name: &str) -> Result<Document, PlaceError> {
        let found = self.observer.tag(name).await.map_err(store("read the image"))?;
        found
            .manifest
            .ok_or_else(|| PlaceError::Store { doing: "read the image", source: format!("there is no {name}").into() })
    }

    /// How the app image stands to its base, as the registry has both now.
    pub(super) async fn base_status(&self) -> Result<Row, PlaceError> {
        let settings = BaseStatusOptions {
            images: vec![self.image()],
            platform: ("linux".to_owned(), run_image::architecture().to_owned()),
            insecure: Vec::new(),
            daemon: None,
            patience: Patience::default(),
            trust: Trust::default(),
        };
        let doing = "ask for the base image";
        let found = rows(&settings).await.map_err(store(doing))?;
        found.into_iter().next().ok_or_else(|| PlaceError::Store { doing, source: "nothing is said of it".into() })
    }
}

fn made(scenario: &Scenario, fix: &str) -> Result<MadeImage, PlaceError> {
    run_image::make(&scenario.file.run_image, fix).map_err(store("make the run image"))
}

async fn exported(argv: &[String], environment: &BTreeMap<String, String>, folder: &Path) -> Result<(), PipelineError> {
    let mut call = Call::new(Path::new(&argv[0]), folder).with(&argv[1..]);
    for (name, value) in environment {
        call = call.variable(name, value);
    }
    call.succeed().await.map(drop)
}
