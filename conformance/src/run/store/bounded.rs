//! A store whose waits end: after what is allowed around one export, and at once when a signal ends the run. The
//! exporter's own time is its supervisor's.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use judge::evidence::{Export, Image, Target};

use super::super::context::RunContext;
use super::super::error::{ExportError, service};
use super::super::run_image::Published;
use super::{Observed, StepContext, Store};
use crate::exporter::process::ProcessError;
use crate::limits::CLEANING_AFTER_SIGNAL;
use crate::scenario::materialise::BuildDir;
use crate::scenario::run_image::MadeImage;
use crate::scenario::{RunImageFile, Scenario, Step};

/// A store of one scenario.
pub(in crate::run) struct Bounded<'a, S> {
    store: S,
    shared: &'a RunContext,
    scenario: &'a Scenario,
    /// What is left for the export that is under way.
    left: Duration,
}

impl<'a, S: Store> Bounded<'a, S> {
    pub(in crate::run) fn new(shared: &'a RunContext, scenario: &'a Scenario, store: S) -> Self {
        Self { store, shared, scenario, left: shared.patience.around_an_export() }
    }
}

/// Waits for what a store does, no longer than what is left.
async fn bounded<T>(
    shared: &RunContext,
    left: &mut Duration,
    doing: &str,
    work: impl Future<Output = Result<T, ExportError>>,
) -> Result<T, ExportError> {
    let begun = Instant::now();
    let found = tokio::select! {
        biased;
        () = shared.cancelled.cancelled() => Err(ProcessError::Interrupted.into()),
        found = tokio::time::timeout(*left, work) => found.unwrap_or_else(|_| {
            let seconds = shared.patience.around_an_export().as_secs();
            let reason = format!("what is done around the export was not done within {seconds} s; --service-limit allows it more");
            Err(service(doing, reason))
        }),
    };
    *left = left.saturating_sub(begun.elapsed());
    found
}

impl<S: Store> Store for Bounded<'_, S> {
    fn target(&self) -> Target {
        self.store.target()
    }

    fn service(&self) -> &str {
        self.store.service()
    }

    fn images(&self, step: &Step) -> Vec<String> {
        self.store.images(step)
    }

    fn docker_host(&self) -> Option<&str> {
        self.store.docker_host()
    }

    async fn publish(&mut self, image: &MadeImage, build_dir: &BuildDir) -> Result<Published, ExportError> {
        // Every export begins with this.
        self.left = self.shared.patience.around_an_export();
        let work = self.store.publish(image, build_dir);
        bounded(self.shared, &mut self.left, "publish the run image", work).await
    }

    async fn move_tag(&mut self, image: &MadeImage, build_dir: &BuildDir) -> Result<(), ExportError> {
        let work = self.store.move_tag(image, build_dir);
        bounded(self.shared, &mut self.left, "move the run image's tag", work).await
    }

    async fn delete_run_image(&mut self, image: &MadeImage, build_dir: &BuildDir) -> Result<(), ExportError> {
        let work = self.store.delete_run_image(image, build_dir);
        bounded(self.shared, &mut self.left, "delete the run image", work).await
    }

    fn previous_reference(&self, export: &Export, build_dir: &BuildDir) -> Option<String> {
        self.store.previous_reference(export, build_dir)
    }

    async fn tags(
        &mut self,
        step: &Step,
        build_dir: &BuildDir,
    ) -> Result<BTreeMap<String, Option<String>>, ExportError> {
        let work = self.store.tags(step, build_dir);
        bounded(self.shared, &mut self.left, "ask for the tags before the export", work).await
    }

    async fn before_export(
        &mut self,
        step: &Step,
        tags: &BTreeMap<String, Option<String>>,
    ) -> Result<Vec<String>, ExportError> {
        let work = self.store.before_export(step, tags);
        bounded(self.shared, &mut self.left, "prepare the service for the export", work).await
    }

    async fn after_export(&mut self, step: &Step) -> Result<Vec<String>, ExportError> {
        let work = self.store.after_export(step);
        bounded(self.shared, &mut self.left, "find the service after the export", work).await
    }

    async fn observe(
        &mut self,
        context: &StepContext<'_>,
        run: &MadeImage,
        build_dir: &BuildDir,
    ) -> Result<Observed, ExportError> {
        let work = self.store.observe(context, run, build_dir);
        let seen = bounded(self.shared, &mut self.left, "observe what the export left", work).await?;
        match self.shared.services.silence(&self.scenario.name) {
            Some(silence) => Err(service("observe what the export left", silence)),
            None => Ok(seen),
        }
    }

    fn run_image_becomes(&mut self, file: &RunImageFile) {
        self.store.run_image_becomes(file);
    }

    fn not_published(&self, image: &MadeImage) -> Published {
        self.store.not_published(image)
    }

    async fn put_app(&mut self, image: &MadeImage, name: &str) -> Result<(), ExportError> {
        let work = self.store.put_app(image, name);
        bounded(self.shared, &mut self.left, "put the app image in place", work).await
    }

    async fn put_previous(
        &mut self,
        image: &MadeImage,
        step: &Step,
        build_dir: &BuildDir,
    ) -> Result<Option<String>, ExportError> {
        let work = self.store.put_previous(image, step, build_dir);
        bounded(self.shared, &mut self.left, "put the previous image in place", work).await
    }

    async fn app(&mut self, name: &str, build_dir: &BuildDir) -> Result<Option<(Image, String)>, ExportError> {
        let work = self.store.app(name, build_dir);
        bounded(self.shared, &mut self.left, "observe the app image before the rebase", work).await
    }

    async fn app_tag(&mut self, name: &str) -> Result<Option<String>, ExportError> {
        let work = self.store.app_tag(name);
        bounded(self.shared, &mut self.left, "ask for the previous image's tag", work).await
    }

    fn by_tag(&self, name: &str) -> String {
        self.store.by_tag(name)
    }

    fn by_digest(&self, name: &str, digest: Option<&str>) -> String {
        self.store.by_digest(name, digest)
    }

    async fn clean_up(&mut self) {
        let enough = async {
            tokio::select! {
                () = tokio::time::sleep(self.shared.patience.around_an_export()) => {}
                () = async {
                    self.shared.cancelled.cancelled().await;
                    tokio::time::sleep(CLEANING_AFTER_SIGNAL).await;
                } => {}
            }
        };
        let is_clean = tokio::select! {
            () = self.store.clean_up() => true,
            () = enough => false,
        };
        if !is_clean {
            let what = format!(
                "what {} made in {}, which did not remove it in time",
                self.scenario.name,
                self.store.service()
            );
            self.shared.services.leave_behind(what);
        }
    }
}
