//! A Docker daemon as a target: run image loaded there, app image saved from there and pushed to the registry.

use std::collections::BTreeMap;

use judge::evidence::{Export, Target};

use super::Shared;
use super::export::{Before, ExportError, Seen, Store, disk, unobserved};
use super::registry_case::RegistryStore;
use super::services::DaemonService;
use crate::scenario::Scenario;
use crate::scenario::materialise::Places;
use crate::scenario::run_image::MadeImage;

/// A scenario's images in a daemon.
pub(super) struct DaemonStore<'a> {
    shared: &'a Shared,
    service: &'a DaemonService,
    name: String,
    names: RegistryStore<'a>,
    run_image: String,
    made: Vec<String>,
}

impl<'a> DaemonStore<'a> {
    pub(super) fn new(shared: &'a Shared, scenario: &'a Scenario, service: &'a DaemonService) -> Self {
        let names = RegistryStore::new(shared, scenario);
        let (repository, tag) = names.split(&scenario.file.run_image.name);
        let run_image = format!("{}/{repository}:{tag}", shared.services.host);
        Self { shared, service, name: scenario.name.clone(), names, run_image, made: Vec::new() }
    }

    fn failed(&self, doing: &str, error: impl std::fmt::Display) -> ExportError {
        ExportError::Service { doing: format!("{doing} in {}", self.service.name), reason: error.to_string() }
    }

    async fn load(&mut self, image: &MadeImage) -> Result<String, ExportError> {
        let archive =
            image.docker_archive(&self.run_image).map_err(|source| disk("write the run image's archive", source))?;
        self.service.daemon.load_archive(archive).await.map_err(|error| self.failed("load the run image", error))?;
        self.remember(self.run_image.clone());
        let id = self.service.daemon.image_id(&self.run_image).await;
        id.map_err(|error| self.failed("inspect the run image", error))?
            .ok_or_else(|| self.failed("inspect the run image", "it is not there after it was loaded"))
    }

    fn remember(&mut self, reference: String) {
        if !self.made.contains(&reference) {
            self.made.push(reference);
        }
    }

    /// Pushes the image under a name of its own, so that the registry export's tags stay as they are.
    async fn push(&mut self, number: usize) -> Result<Result<judge::evidence::Image, String>, ExportError> {
        if !self.service.may_push {
            let reason = "the suite did not start this daemon; --allow-push-from-daemon lets it push";
            return Ok(Err(reason.to_owned()));
        }
        let service = self.service.name.replace(':', "-");
        let repository = self.shared.services.repository(&self.name, &format!("from-{service}"));
        let tag = format!("step-{number}");
        let reference = format!("{}/{repository}:{tag}", self.shared.services.host);
        let image = self.names.image_references().into_iter().next().unwrap_or_default();
        let tagged = self.service.daemon.tag(&image, &reference).await;
        tagged.map_err(|error| self.failed("tag the image for a push", error))?;
        self.remember(reference.clone());
        if let Err(problem) = self.service.observer.push(&reference, None).await {
            return Ok(Err(format!("the push failed: {problem}")));
        }
        let found = self.shared.services.observer.image(&repository, &tag).await;
        let found = found.map_err(|error| unobserved("fetch the pushed image", &error))?;
        let Some(found) = found else { return Ok(Err("the push succeeded, yet the registry has no image".to_owned())) };
        if self.shared.services.cleans_up() {
            self.shared.services.delete(&repository, &tag).await;
        }
        Ok(Ok(found.image))
    }
}

impl Store for DaemonStore<'_> {
    fn target(&self) -> Target {
        Target::Daemon
    }

    fn service(&self) -> &str {
        &self.service.name
    }

    fn images(&self) -> Vec<String> {
        self.names.image_references()
    }

    fn docker_host(&self) -> Option<&str> {
        Some(&self.service.host)
    }

    async fn publish(&mut self, image: &MadeImage, _places: &Places) -> Result<(String, String), ExportError> {
        let id = self.load(image).await?;
        Ok((self.run_image.clone(), id))
    }

    async fn move_tag(&mut self, image: &MadeImage, _places: &Places) -> Result<(), ExportError> {
        self.load(image).await.map(|_| ())
    }

    fn previous_reference(&self, export: &Export, _places: &Places) -> Option<String> {
        export.daemon.as_ref()?.tag_ids.first()?.id.clone()
    }

    async fn tags(&mut self, _places: &Places) -> Result<BTreeMap<String, Option<String>>, ExportError> {
        let mut found = BTreeMap::new();
        for reference in self.images() {
            let id = self.service.daemon.image_id(&reference).await;
            found.insert(reference.clone(), id.map_err(|error| self.failed("inspect", error))?);
        }
        Ok(found)
    }

    async fn observe(&mut self, context: &Before<'_>, _run: &MadeImage, _places: &Places) -> Result<Seen, ExportError> {
        let references = self.images();
        for reference in &references {
            self.remember(reference.clone());
        }
        let layers = &self.shared.services.layers;
        let found = self.service.observer.image(&references, layers).await;
        let mut found = found.map_err(|error| unobserved("observe the image in the daemon", &error))?;
        if found.tags.first().is_some_and(|tag| tag.digest.is_some()) {
            match self.push(context.number).await? {
                Ok(pushed) => found.facts.pushed = Some(pushed),
                Err(problem) => found.facts.push_problem = Some(problem),
            }
        }
        Ok(Seen {
            tags: found.tags,
            image: found.image,
            daemon: Some(found.facts),
            troubles: found.troubles,
            ..Seen::default()
        })
    }

    async fn clean_up(&mut self) {
        for reference in std::mem::take(&mut self.made) {
            self.service.daemon.remove_image(&reference).await;
        }
    }
}
