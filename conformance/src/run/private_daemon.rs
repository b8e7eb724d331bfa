//! Daemons of the suite's own: for scenarios that restart, fill or end one, and in the place of one that has ended. What
//! happens to a daemon around an export and during a push is here, and who is to blame when it ends is found out here.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use judge::evidence::{EngineEnd, NotRun, Phase, ScenarioEvidence, StoreKind, Target};
use tokio::sync::OnceCell;

use super::Shared;
use super::export::ExportError;
use super::scenario::on_daemon;
use super::services::DaemonService;
use crate::limits::Overdue;
use crate::observe::{Credentials, PushError};
use crate::report::ServiceFacts;
use crate::rig::daemon::Daemon;
use crate::rig::engine::gate::At;
use crate::rig::engine::program::{EngineProgram, chosen, programs};
use crate::rig::engine::{EngineError, PrivateEngine, Wanted};
use crate::scenario::{EndDaemon, Scenario, Step};

/// What is known of the run's private daemons.
#[derive(Default)]
pub(super) struct PrivateDaemons {
    programs: OnceCell<Vec<EngineProgram>>,
    seen: Mutex<BTreeMap<String, ServiceFacts>>,
}

impl PrivateDaemons {
    /// For reports: every private daemon that scenarios had, once for each name.
    pub(super) fn facts(&self) -> Vec<ServiceFacts> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn saw(&self, service: &DaemonService) {
        let facts = service.facts("the suite's own, a new one for each scenario");
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(service.name.clone(), facts);
    }
}

/// The stores of Docker's engines at hand, each with a daemon that has it.
pub(super) fn stores(shared: &Shared) -> Vec<(StoreKind, String)> {
    let mut found: Vec<(StoreKind, String)> = Vec::new();
    for slot in &shared.services.daemons {
        let daemon = &slot.current().daemon;
        if daemon.store() != StoreKind::Podman && !found.iter().any(|(store, _)| *store == daemon.store()) {
            found.push((daemon.store(), daemon.version().to_owned()));
        }
    }
    found
}

/// Runs a scenario on a new private daemon of every store.
pub(super) async fn run(shared: &Shared, scenario: &Scenario, evidence: &mut ScenarioEvidence) {
    let disk = scenario.file.private_daemon.and_then(|daemon| daemon.disk);
    let stores = stores(shared);
    if stores.is_empty() && !shared.services.daemons.is_empty() {
        let reason = "it needs a Docker engine that it may end, and there is none at hand".to_owned();
        evidence.not_run.push(not_run("daemon".to_owned(), reason, false));
    }
    for (store, version) in stores {
        if shared.cancelled.is_cancelled() {
            return;
        }
        let name = format!("daemon:private-{}", store.name());
        match start(shared, name.clone(), (store, &version), disk).await {
            Ok(service) => {
                shared.services.private.saw(&service);
                on_daemon(shared, scenario, &service, evidence).await;
                finish(shared, service).await;
            }
            Err(error) => {
                let harness_failed = !matches!(error, ExportError::Skipped(_));
                evidence.not_run.push(not_run(name, error.to_string(), harness_failed));
            }
        }
    }
}

fn not_run(service: String, reason: String, harness_failed: bool) -> NotRun {
    NotRun { target: Target::Daemon, service, reason, harness_failed, phase: Phase::Exporter, not_described: false }
}

/// A new private daemon with a store, best of this version.
pub(super) async fn start(
    shared: &Shared,
    name: String,
    (store, version): (StoreKind, &str),
    disk_mib: Option<u32>,
) -> Result<DaemonService, ExportError> {
    if !nix::unistd::geteuid().is_root() {
        let reason = "it needs a Docker engine of its own, and the suite does not run as root";
        return Err(ExportError::Skipped(reason.to_owned()));
    }
    let known = shared.services.private.programs.get_or_init(programs).await;
    let Some(program) = chosen(known, store, version) else {
        let reason = format!("it needs an engine of its own, and no dockerd on PATH has the {} store", store.name());
        return Err(ExportError::Skipped(reason));
    };
    let failed = |reason: String| ExportError::Service { doing: format!("prepare {name}"), reason };
    let wanted = Wanted { program: program.clone(), store, disk_mib };
    let engine = PrivateEngine::start(shared.supervisor.program(), &wanted, &shared.cancelled).await;
    let engine = engine.map_err(|error| failed(error.to_string()))?;
    let daemon = match Daemon::connect_patiently(Some(&engine.host()), &shared.patience).await {
        Ok(daemon) if daemon.store() == store => daemon,
        other => {
            let reason = other.map_or_else(|error| error.to_string(), |_| "it has another store".to_owned());
            let left = engine.stop().await.err();
            return Err(failed(left.map_or(reason.clone(), |error| format!("{reason}; {error}"))));
        }
    };
    DaemonService::new(name.clone(), daemon, true, Some(engine)).map_err(|error| failed(error.to_string()))
}

/// Ends a private daemon.
pub(super) async fn finish(shared: &Shared, service: DaemonService) {
    for left in service.stop(&[]).await {
        shared.services.leave_behind(left);
    }
}

/// Why a daemon did not push.
pub(super) enum PushProblem {
    /// It said so, or ended.
    Failed(String),
    /// It was waited for in vain, which is not the image's fault.
    Silent(Overdue),
}

fn problem(error: PushError) -> PushProblem {
    let words = error.to_string();
    error.silence.map_or(PushProblem::Failed(words), PushProblem::Silent)
}

impl DaemonService {
    fn own_failed(&self, error: &EngineError) -> ExportError {
        ExportError::Service { doing: self.name.clone(), reason: error.to_string() }
    }

    /// Does to a private daemon what a step asks for before its export; `tags` are those that must be there then.
    pub(super) async fn before_export(
        &self,
        step: &Step,
        tags: &BTreeMap<String, Option<String>>,
    ) -> Result<Vec<String>, ExportError> {
        let Some(engine) = &self.engine else { return Ok(Vec::new()) };
        let mut troubles = Vec::new();
        if step.restart_daemon {
            engine.restart().await.map_err(|error| self.own_failed(&error))?;
            for (reference, before) in tags {
                let after = self
                    .daemon
                    .image_id(reference)
                    .await
                    .map_err(|error| ExportError::Service { doing: self.name.clone(), reason: error.to_string() })?;
                if after != *before {
                    troubles.push(format!("{} does not have {reference} any more after its restart", self.name));
                }
            }
        }
        if step.end_daemon == Some(EndDaemon::Load) {
            engine.end_at(At::Load);
        }
        Ok(troubles)
    }

    /// Starts a private daemon again that has ended, so that what the export left can be seen.
    pub(super) async fn after_export(&self, step: &Step) -> Result<Vec<String>, ExportError> {
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
            engine.start_again().await.map_err(|error| self.own_failed(&error))?;
        }
        Ok(troubles)
    }

    /// Has the daemon push an image. Where a private one ends, it is started again and asked for `control`, an image of
    /// the suite's making, and for this one again, so that it shows whose doing the end is.
    pub(super) async fn push(
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
            engine.end_at(At::Push);
        }
        let first = push(reference.to_owned()).await;
        let was_meant = is_meant && engine.was_ended();
        if is_meant && !was_meant {
            return Err(PushProblem::Failed(format!("{} was to end during the push, and did not", self.name)));
        }
        let Err(problem) = first else { return Ok(()) };
        let Some(how) = engine.ends_soon().await else { return Err(problem) };
        let said = engine.last_words();
        let revived = async || engine.start_again().await.map_err(|error| PushProblem::Failed(error.to_string()));
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
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
        second
    }

    /// Whether the daemon pushes `control` beside `reference`.
    async fn push_control(&self, (reference, control): (&str, &str), credentials: Option<&Credentials>) -> bool {
        let repository = reference.rsplit_once(':').map_or(reference, |(repository, _)| repository);
        let name = format!("{repository}:of-the-suite");
        let is_pushed =
            self.daemon.tag(control, &name).await.is_ok() && self.observer.push(&name, credentials).await.is_ok();
        self.daemon.remove_image(&name).await;
        is_pushed
    }

    /// The end of the engine during the last push.
    pub(super) fn taken_end(&self) -> Option<EngineEnd> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
