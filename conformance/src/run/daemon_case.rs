//! A Docker daemon as a target: run image loaded there, app image saved from there and pushed to the registry.

use std::collections::BTreeMap;

use judge::evidence::{Export, Target};

use super::Shared;
use super::export::{Before, ExportError, Seen, Store, disk, unobserved};
use super::located::{Located, Published, RunImageNames};
use super::services::DaemonService;
use crate::scenario::materialise::Places;
use crate::scenario::run_image::MadeImage;
use crate::scenario::{Place, Scenario, Step};

/// A scenario's images in a daemon.
pub(super) struct DaemonStore<'a> {
    shared: &'a Shared,
    scenario: &'a Scenario,
    service: &'a DaemonService,
    run_image: RunImageNames,
    made: Vec<String>,
}

impl<'a> DaemonStore<'a> {
    pub(super) fn new(shared: &'a Shared, scenario: &'a Scenario, service: &'a DaemonService) -> Self {
        let run_image = RunImageNames::new(&shared.services, scenario);
        Self { shared, scenario, service, run_image, made: Vec::new() }
    }

    /// Every `<image>` that the daemon can be asked for.
    fn tags_of(&self, step: &Step) -> Vec<String> {
        let services = &self.shared.services;
        let names = self.scenario.file.images_of(step).iter();
        let located = names.map(|name| services.locate(&self.scenario.name, name)).filter(Located::is_tag);
        located.map(|image| image.reference()).collect()
    }

    fn failed(&self, doing: &str, error: impl std::fmt::Display) -> ExportError {
        ExportError::Service { doing: format!("{doing} in {}", self.service.name), reason: error.to_string() }
    }

    /// Loads the image of this platform under every name of the run image; a daemon keeps no index.
    async fn load(&mut self, image: &MadeImage) -> Result<String, ExportError> {
        let names: Vec<String> = self.run_image.all().map(Located::tagged).collect();
        for name in &names {
            let archive = image.docker_archive(name).map_err(|source| disk("write the run image's archive", source))?;
            self.remember(name.clone());
            let loaded = self.service.daemon.load_archive(archive).await;
            loaded.map_err(|error| self.failed("load the run image", error))?;
        }
        let id = self.service.daemon.image_id(&names[0]).await;
        let id = id
            .map_err(|error| self.failed("inspect the run image", error))?
            .ok_or_else(|| self.failed("inspect the run image", "it is not there after it was loaded"))?;
        self.service.remember(&id);
        Ok(id)
    }

    fn remember(&mut self, reference: String) {
        if !self.made.contains(&reference) {
            self.made.push(reference);
        }
    }

    /// Pushes the image under a name of its own, so that the registry export's tags stay as they are.
    async fn push(&mut self, context: &Before<'_>) -> Result<Result<judge::evidence::Image, String>, ExportError> {
        if !self.service.may_push {
            let reason = "the suite did not start this daemon; --allow-push-from-daemon lets it push";
            return Ok(Err(reason.to_owned()));
        }
        let service = self.service.name.replace(':', "-");
        let repository = self.shared.services.repository(&self.scenario.name, &format!("from-{service}"));
        let tag = format!("step-{}", context.number);
        let main = self.shared.services.main();
        let reference = format!("{}/{repository}:{tag}", main.host);
        let image = self.tags_of(context.step).into_iter().next().unwrap_or_default();
        let tagged = self.service.daemon.tag(&image, &reference).await;
        tagged.map_err(|error| self.failed("tag the image for a push", error))?;
        self.remember(reference.clone());
        if let Err(problem) = self.service.push(context.step, &reference, &self.run_image.own.tagged()).await {
            return Ok(Err(format!("the push failed: {problem}")));
        }
        let found = main.observer.image(&repository, &tag).await;
        let found = found.map_err(|error| unobserved("fetch the pushed image", &error))?;
        let Some(found) = found else { return Ok(Err("the push succeeded, yet the registry has no image".to_owned())) };
        if self.shared.services.cleans_up(Place::Main) {
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

    fn images(&self, step: &Step) -> Vec<String> {
        let services = &self.shared.services;
        let names = self.scenario.file.images_of(step).iter();
        names.map(|name| services.locate(&self.scenario.name, name).reference()).collect()
    }

    fn docker_host(&self) -> Option<&str> {
        Some(&self.service.host)
    }

    async fn publish(&mut self, image: &MadeImage, _places: &Places) -> Result<Published, ExportError> {
        let id = self.load(image).await?;
        Ok(self.run_image.published(self.scenario, id))
    }

    async fn move_tag(&mut self, image: &MadeImage, _places: &Places) -> Result<(), ExportError> {
        // Another scenario may have the same run image: without a name here it would go when that one cleans up.
        let services = &self.shared.services;
        let held = format!("{}/{}:held", services.main().host, services.repository(&self.scenario.name, "analysed"));
        let tagged = self.service.daemon.tag(&self.run_image.own.tagged(), &held).await;
        tagged.map_err(|error| self.failed("hold the analysed run image", error))?;
        self.remember(held);
        self.load(image).await.map(|_| ())
    }

    async fn delete_run_image(&mut self, _image: &MadeImage, _places: &Places) -> Result<(), ExportError> {
        let name = self.run_image.own.tagged();
        let inspect = |id| self.service.daemon.image_id(id);
        let id = inspect(&name).await.map_err(|error| self.failed("inspect the run image", error))?;
        for name in self.run_image.all() {
            self.service.daemon.remove_image(&name.tagged()).await;
        }
        let Some(id) = id else { return Ok(()) };
        match inspect(&id).await.map_err(|error| self.failed("inspect the run image", error))? {
            None => Ok(()),
            Some(_) => Err(ExportError::Skipped(format!("{} does not let go of the run image", self.service.name))),
        }
    }

    fn previous_reference(&self, export: &Export, _places: &Places) -> Option<String> {
        export.daemon.as_ref()?.tag_ids.first()?.id.clone()
    }

    async fn tags(&mut self, step: &Step, _places: &Places) -> Result<BTreeMap<String, Option<String>>, ExportError> {
        let mut found = BTreeMap::new();
        for reference in self.tags_of(step) {
            let id = self.service.daemon.image_id(&reference).await;
            found.insert(reference.clone(), id.map_err(|error| self.failed("inspect", error))?);
            // Before the export, so that an interruption leaves nothing.
            self.remember(reference);
        }
        Ok(found)
    }

    async fn before_export(
        &mut self,
        step: &Step,
        tags: &BTreeMap<String, Option<String>>,
    ) -> Result<Vec<String>, ExportError> {
        self.service.before_export(step, tags).await
    }

    async fn after_export(&mut self, step: &Step) -> Result<Vec<String>, ExportError> {
        self.service.after_export(step).await
    }

    async fn observe(&mut self, context: &Before<'_>, _run: &MadeImage, _places: &Places) -> Result<Seen, ExportError> {
        let references = self.tags_of(context.step);
        let layers = &self.shared.services.layers;
        let found = self.service.observer.image(&references, layers).await;
        let mut found = found.map_err(|error| unobserved("observe the image in the daemon", &error))?;
        for id in found.facts.tag_ids.iter().filter_map(|tag| tag.id.as_deref()) {
            self.service.remember(id);
        }
        if found.tags.first().is_some_and(|tag| tag.digest.is_some()) {
            match self.push(context).await? {
                Ok(pushed) => found.facts.pushed = Some(pushed),
                Err(problem) => found.facts.push_problem = Some(problem),
            }
            found.facts.engine_end = self.service.taken_end();
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
