//! A Docker daemon as a target: run image loaded there, app image saved from there and pushed to the registry.

mod arrival;
mod containers;

use std::collections::{BTreeMap, BTreeSet};

use judge::evidence::{DaemonFacts, Export, Image, NotPushed, PushCause, Ran, StoreKind, Target};

use super::registry::RegistryStore;
use super::{Observed, StepContext, Store};
use crate::error::{Cause, chain};
use crate::rig::daemon::DaemonError;
use crate::rig::turns::Turn;
use crate::run::context::RunContext;
use crate::run::error::{ExportError, disk, service};
use crate::run::run_image::{Published, RunImageNames};
use crate::run::services::daemon::{DaemonService, Transfers};
use crate::run::services::engine::PushProblem;
use crate::run::services::reference::ResolvedReference;
use crate::scenario::materialise::BuildDir;
use crate::scenario::run_image::MadeImage;
use crate::scenario::{AfterPush, RegistryEndpoint, RunImageFile, Scenario, Step};
use containers::{Containers, processes};

/// A scenario's images in a daemon.
pub(in crate::run) struct DaemonStore<'a> {
    shared: &'a RunContext,
    scenario: &'a Scenario,
    service: &'a DaemonService,
    run_image: RunImageNames,
    /// What is published under these names.
    file: RunImageFile,
    made: Vec<String>,
    /// IDs of what the daemon had before the last export.
    had: BTreeSet<String>,
    /// Containers of the images.
    containers: Containers<'a>,
    /// Where the run image was published for the daemon to pull it.
    published: Option<RegistryStore<'a>>,
    /// Held from the arrival of the run image until the image has been observed.
    turn: Option<Turn>,
}

impl<'a> DaemonStore<'a> {
    pub(in crate::run) fn new(shared: &'a RunContext, scenario: &'a Scenario, service: &'a DaemonService) -> Self {
        let run_image = RunImageNames::new(&shared.services, scenario);
        let containers = Containers::new(service, &shared.services.repository(&scenario.name, "container"));
        let (made, had) = (Vec::new(), BTreeSet::new());
        let file = scenario.file.run_image.clone();
        Self { shared, scenario, service, run_image, file, made, had, containers, published: None, turn: None }
    }

    /// Removes names in the middle of an export, while nothing else is done in the daemon.
    async fn remove_now(&mut self, names: Vec<String>) {
        self.turn = None;
        self.service.remove_alone(names).await;
        self.turn = Some(self.service.turns.shared().await);
    }

    /// Every `<image>` that the daemon can be asked for.
    fn tags_of(&self, step: &Step) -> Vec<String> {
        let services = &self.shared.services;
        let names = self.scenario.file.images_of(step).iter();
        let located = names.map(|name| services.locate(&self.scenario.name, name)).filter(ResolvedReference::is_tag);
        located.map(|image| image.reference()).collect()
    }

    fn failed(&self, doing: &str, cause: impl Into<Cause>) -> ExportError {
        service(format!("{doing} in {}", self.service.name), cause)
    }

    fn remember(&mut self, reference: String) {
        if !self.made.contains(&reference) {
            self.made.push(reference);
        }
    }

    /// Pushes the image under a name of its own, so that the registry export's tags stay as they are, and where the
    /// step asks for it pulls it back.
    async fn travel(&mut self, context: &StepContext<'_>, facts: &mut DaemonFacts) -> Result<(), ExportError> {
        if self.service.transfers == Transfers::NotAllowed {
            let reason = "the suite did not start this daemon; --allow-push-from-daemon lets it push";
            facts.push_problem = Some(NotPushed { cause: PushCause::NotAllowed, reason: reason.to_owned() });
            return Ok(());
        }
        let service = self.service.name.replace([':', '#'], "-");
        let repository = self.shared.services.repository(&self.scenario.name, &format!("from-{service}"));
        let tag = format!("step-{}", context.number);
        let reference = format!("{}/{repository}:{tag}", self.shared.services.main().host);
        let found = self.push(context, &reference, &repository, &tag).await;
        if let Ok(Ok(_)) = &found
            && context.step.after_push == Some(AfterPush::PullBack)
        {
            self.pull_back(context, &reference, facts).await?;
        }
        if self.shared.services.cleans_up(RegistryEndpoint::Main) {
            self.shared.services.delete(&repository, &tag).await;
        }
        match found? {
            Ok(pushed) => facts.pushed = Some(pushed),
            Err(problem) => facts.push_problem = Some(problem),
        }
        Ok(())
    }

    async fn push(
        &mut self,
        context: &StepContext<'_>,
        reference: &str,
        repository: &str,
        tag: &str,
    ) -> Result<Result<Image, NotPushed>, ExportError> {
        let image = self.tags_of(context.step).into_iter().next().unwrap_or_default();
        let tagged = self.service.daemon.tag(&image, reference).await;
        tagged.map_err(|error| self.failed("tag the image for a push", error))?;
        self.remember(reference.to_owned());
        let control = self.run_image.own.tagged();
        let pushed = tokio::select! {
            pushed = self.service.push(context.step, (reference, &control), self.shared.services.handed_on()) => pushed,
            // A daemon tries again and again where the registry is silent.
            silence = self.shared.services.falls_silent(&self.scenario.name) => Err(PushProblem::Silent(silence)),
        };
        match pushed {
            Ok(()) => {}
            Err(PushProblem::Failed(problem)) => {
                return Ok(Err(NotPushed { cause: PushCause::Failed, reason: problem }));
            }
            Err(PushProblem::Silent(silence)) => return Err(self.failed("push the image", silence)),
        }
        let found = self.shared.services.main().observer.image(repository, tag).await;
        let found = found.map_err(|error| service("fetch the pushed image", error))?;
        Ok(found.map(|found| found.image).ok_or_else(|| NotPushed {
            cause: PushCause::NotServed,
            reason: "the push succeeded, yet the registry has no image".to_owned(),
        }))
    }

    /// Runs the image, and each process that the build's metadata lists.
    async fn run_containers(&mut self, image: &str, build_dir: &BuildDir) -> Result<Ran, ExportError> {
        let services = &self.shared.services;
        let control = format!("{}/{}:1", services.main().host, services.repository(&self.scenario.name, "control"));
        self.containers.run(image, &control, &processes(build_dir)).await
    }

    /// Takes every name of the image away, and has the daemon pull what it pushed.
    async fn pull_back(
        &mut self,
        context: &StepContext<'_>,
        reference: &str,
        facts: &mut DaemonFacts,
    ) -> Result<(), ExportError> {
        let mut names = self.tags_of(context.step);
        names.push(reference.to_owned());
        self.remove_now(names).await;
        let id = facts.tag_ids.first().and_then(|tag| tag.id.clone()).unwrap_or_default();
        let left = self.service.daemon.image_id(&id).await;
        if left.map_err(|error| self.failed("inspect the image", error))?.is_some() {
            let reason =
                format!("could not remove the image from {}: another scenario has tagged it too", self.service.name);
            return Err(ExportError::Skipped(reason));
        }
        match self.service.daemon.pull(reference).await {
            Ok(()) => {}
            Err(silence @ DaemonError::Silent { .. }) => return Err(self.failed("pull the image back", silence)),
            Err(problem) => {
                facts.pull_problem = Some(chain(&problem));
                return Ok(());
            }
        }
        let references = [reference.to_owned()];
        let found = self.service.observer.image(&references, &self.shared.services.layers).await;
        let found = found.map_err(|error| service("observe the image that was pulled back", error))?;
        for id in found.facts.tag_ids.iter().filter_map(|tag| tag.id.as_deref()) {
            self.service.remember(id);
        }
        facts.pull_problem = found.save_problem;
        facts.pulled_back = found.image;
        Ok(())
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

    async fn publish(&mut self, image: &MadeImage, _build_dir: &BuildDir) -> Result<Published, ExportError> {
        if self.turn.is_none() {
            self.turn = Some(self.service.turns.shared().await);
        }
        let name = self.bring(image).await?;
        let in_daemon = self.run_image_in_daemon(&name).await?;
        let mut published = self.run_image.published(self.scenario, in_daemon.id.clone());
        if in_daemon.arrival == judge::evidence::Arrival::Made {
            published.made = Some(self.made(&name).await?);
        }
        published.in_daemon = Some(in_daemon);
        Ok(published)
    }

    async fn move_tag(&mut self, image: &MadeImage, _build_dir: &BuildDir) -> Result<(), ExportError> {
        // Another scenario may have the same run image: without a name here it would go when that one cleans up.
        let services = &self.shared.services;
        let held = format!("{}/{}:held", services.main().host, services.repository(&self.scenario.name, "analysed"));
        let tagged = self.service.daemon.tag(&self.run_image.own.tagged(), &held).await;
        tagged.map_err(|error| self.failed("hold the analysed run image", error))?;
        self.remember(held);
        self.load(image).await
    }

    async fn delete_run_image(&mut self, _image: &MadeImage, _build_dir: &BuildDir) -> Result<(), ExportError> {
        let name = self.run_image.own.tagged();
        let id = self.service.daemon.image_id(&name).await;
        let id = id.map_err(|error| self.failed("inspect the run image", error))?;
        let names = self.run_image.all().map(ResolvedReference::tagged).collect();
        self.remove_now(names).await;
        let Some(id) = id else { return Ok(()) };
        match self.service.daemon.image_id(&id).await.map_err(|error| self.failed("inspect the run image", error))? {
            None => Ok(()),
            Some(_) => Err(ExportError::Skipped(format!("{} does not let go of the run image", self.service.name))),
        }
    }

    fn previous_reference(&self, export: &Export, _build_dir: &BuildDir) -> Option<String> {
        export.daemon.as_ref()?.tag_ids.first()?.id.clone()
    }

    async fn tags(
        &mut self,
        step: &Step,
        _build_dir: &BuildDir,
    ) -> Result<BTreeMap<String, Option<String>>, ExportError> {
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
        // Only podman knows images by their config; and a list that fails while another scenario cleans up excuses
        // nothing.
        if self.service.daemon.store() == StoreKind::Podman {
            self.had = self.service.daemon.image_ids().await.unwrap_or_default();
        }
        self.service.before_export(step, tags).await
    }

    async fn after_export(&mut self, step: &Step) -> Result<Vec<String>, ExportError> {
        self.service.after_export(step).await
    }

    async fn observe(
        &mut self,
        context: &StepContext<'_>,
        _run: &MadeImage,
        build_dir: &BuildDir,
    ) -> Result<Observed, ExportError> {
        let references = self.tags_of(context.step);
        let layers = &self.shared.services.layers;
        let found = self.service.observer.image(&references, layers).await;
        let mut found = found.map_err(|error| service("observe the image in the daemon", error))?;
        let mut ids = found.facts.tag_ids.iter().filter_map(|tag| tag.id.as_deref());
        // What another scenario has made since the list was taken is remembered already.
        let is_known = |id| !self.service.remember(id) || self.had.contains(id);
        let had_image = ids.next().is_some_and(is_known) && found.facts.store == StoreKind::Podman;
        ids.for_each(|id| {
            self.service.remember(id);
        });
        found.facts.had_image = had_image;
        if found.tags.first().is_some_and(|tag| tag.digest.is_some()) {
            if context.step.run_containers {
                found.facts.ran = Some(self.run_containers(&references[0], build_dir).await?);
            }
            self.travel(context, &mut found.facts).await?;
            found.facts.engine_end = self.service.taken_end();
        }
        self.turn = None;
        Ok(Observed {
            tags: found.tags,
            image: found.image,
            daemon: Some(found.facts),
            troubles: found.troubles,
            ..Observed::default()
        })
    }

    fn run_image_becomes(&mut self, file: &RunImageFile) {
        self.run_image = RunImageNames::of(&self.shared.services, self.scenario, file);
        self.file = file.clone();
    }

    fn not_published(&self, image: &MadeImage) -> Published {
        self.run_image.published(self.scenario, image.config.digest.to_string())
    }

    async fn put_app(&mut self, image: &MadeImage, name: &str) -> Result<(), ExportError> {
        let name = self.by_tag(name);
        let is_plain = self.service.daemon.store() == StoreKind::Classic;
        let archive = if is_plain { image.docker_archive(&name) } else { image.oci_archive(&name) };
        let archive = archive.map_err(|source| disk("write the app image's archive", source))?;
        self.remember(name.clone());
        let loaded = self.service.daemon.load_archive(archive).await;
        loaded.map_err(|error| self.failed("load the app image", error))?;
        let id =
            self.service.daemon.image_id(&name).await.map_err(|error| self.failed("inspect the app image", error))?;
        if let Some(id) = id {
            self.service.remember(&id);
        }
        Ok(())
    }

    async fn put_previous(
        &mut self,
        image: &MadeImage,
        step: &Step,
        _build_dir: &BuildDir,
    ) -> Result<Option<String>, ExportError> {
        let Some(name) = self.scenario.file.images_of(step).first().cloned() else { return Ok(None) };
        self.put_app(image, &name).await?;
        self.app_tag(&name).await
    }

    async fn app(&mut self, name: &str, _build_dir: &BuildDir) -> Result<Option<(Image, String)>, ExportError> {
        let Some(id) = self.app_tag(name).await? else { return Ok(None) };
        let found = self.service.observer.image(&[self.by_tag(name)], &self.shared.services.layers).await;
        let found = found.map_err(|error| service("observe the app image before the rebase", error))?;
        Ok(found.image.map(|image| (image, id)))
    }

    async fn app_tag(&mut self, name: &str) -> Result<Option<String>, ExportError> {
        let located = self.shared.services.locate(&self.scenario.name, name);
        if !located.is_tag() {
            return Ok(None);
        }
        let id = self.service.daemon.image_id(&located.reference()).await;
        id.map_err(|error| self.failed("inspect the app image", error))
    }

    fn by_tag(&self, name: &str) -> String {
        self.shared.services.locate(&self.scenario.name, name).reference()
    }

    fn by_digest(&self, _name: &str, digest: Option<&str>) -> String {
        digest.unwrap_or_default().to_owned()
    }

    async fn clean_up(&mut self) {
        self.containers.clean_up().await;
        self.turn = None;
        self.service.remove_in_turn(std::mem::take(&mut self.made)).await;
        if let Some(mut registry) = self.published.take() {
            registry.clean_up().await;
        }
    }
}
