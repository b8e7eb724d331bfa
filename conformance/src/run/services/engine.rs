//! What happens to an engine of the suite's own around an export and during a push; who is to blame when it ends is
//! found out here.

use std::collections::BTreeMap;

use judge::evidence::EngineEnd;

use super::super::error::{ExportError, service};
use super::daemon::DaemonService;
use crate::error::{Cause, chain};
use crate::limits::Overdue;
use crate::locked::locked;
use crate::observe::{Credentials, PushError};
use crate::rig::engine::socket_proxy::KillPoint;
use crate::scenario::{EndDaemon, Step};

/// Why a daemon did not push.
pub(in crate::run) enum PushProblem {
    /// It said so, or ended.
    Failed(String),
    /// It was waited for in vain, which is not the image's fault.
    Silent(Overdue),
}

fn problem(error: PushError) -> PushProblem {
    let words = chain(&error);
    error.silence.map_or(PushProblem::Failed(words), PushProblem::Silent)
}

impl DaemonService {
    fn own_failed(&self, error: impl Into<Cause>) -> ExportError {
        service(&self.name, error)
    }

    /// Does to a private daemon what a step asks for before its export; `tags` are those that must be there then.
    pub(in crate::run) async fn before_export(
        &self,
        step: &Step,
        tags: &BTreeMap<String, Option<String>>,
    ) -> Result<Vec<String>, ExportError> {
        let Some(engine) = &self.engine else { return Ok(Vec::new()) };
        let mut troubles = Vec::new();
        if step.restart_daemon {
            engine.restart().await.map_err(|error| self.own_failed(error))?;
            for (reference, before) in tags {
                let after = self.daemon.image_id(reference).await.map_err(|error| self.own_failed(error))?;
                if after != *before {
                    troubles.push(format!("{} does not have {reference} any more after its restart", self.name));
                }
            }
        }
        if step.end_daemon == Some(EndDaemon::Load) {
            engine.end_at(KillPoint::Load);
        }
        Ok(troubles)
    }

    /// Starts a private daemon again that has ended, so that what the export left can be seen.
    pub(in crate::run) async fn after_export(&self, step: &Step) -> Result<Vec<String>, ExportError> {
        let Some(engine) = &self.engine else { return Ok(Vec::new()) };
        let mut troubles = Vec::new();
        if step.end_daemon == Some(EndDaemon::Load) {
            if engine.was_ended() {
                engine.ends_soon().await;
            } else {
                troubles.push(format!("{} was to end during the load, and the exporter loaded no image", self.name));
            }
        }
        if engine.ended().is_some() {
            engine.start_again().await.map_err(|error| self.own_failed(error))?;
        }
        Ok(troubles)
    }

    /// Has the daemon push an image. Where a private one ends, it is started again and asked for `control`, an image of
    /// the suite's making, and for this one again, so that it shows whose doing the end is.
    pub(in crate::run) async fn push(
        &self,
        step: &Step,
        (reference, control): (&str, &str),
        credentials: Option<&Credentials>,
    ) -> Result<(), PushProblem> {
        let push =
            async |reference: String| self.observer.push(&reference, credentials).await.map(|_| ()).map_err(problem);
        let Some(engine) = &self.engine else { return push(reference.to_owned()).await };
        let is_meant = step.end_daemon == Some(EndDaemon::Push);
        if is_meant {
            engine.end_at(KillPoint::Push);
        }
        let first = push(reference.to_owned()).await;
        let was_meant = is_meant && engine.was_ended();
        if is_meant && !was_meant {
            return Err(PushProblem::Failed(format!("{} was to end during the push, and did not", self.name)));
        }
        let Err(problem) = first else { return Ok(()) };
        let Some(how) = engine.ends_soon().await else { return Err(problem) };
        let said = engine.last_words();
        let revived = async || engine.start_again().await.map_err(|error| PushProblem::Failed(chain(&error)));
        revived().await?;
        if was_meant {
            return push(reference.to_owned()).await;
        }
        let of_control = self.push_control((reference, control), credentials).await;
        if engine.ends_soon().await.is_some() {
            revived().await?;
        }
        let second = push(reference.to_owned()).await;
        let again = second.is_err() && engine.ends_soon().await.is_some();
        if again {
            revived().await?;
        }
        let end = EngineEnd { how, said, pushes_run_image: Some(of_control), again: Some(again) };
        *locked(&self.end) = Some(end);
        second
    }

    /// Whether the daemon pushes `control` next to `reference`.
    async fn push_control(&self, (reference, control): (&str, &str), credentials: Option<&Credentials>) -> bool {
        let repository = reference.rsplit_once(':').map_or(reference, |(repository, _)| repository);
        let name = format!("{repository}:of-the-suite");
        let is_pushed =
            self.daemon.tag(control, &name).await.is_ok() && self.observer.push(&name, credentials).await.is_ok();
        self.daemon.remove_image(&name).await;
        is_pushed
    }

    /// The end of the engine during the last push.
    pub(in crate::run) fn taken_end(&self) -> Option<EngineEnd> {
        locked(&self.end).take()
    }
}
