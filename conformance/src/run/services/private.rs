//! Daemons of the suite's own: for scenarios that restart, fill or end one, and in the place of one that has ended.

use std::collections::BTreeMap;
use std::sync::Mutex;

use judge::evidence::StoreKind;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use super::super::error::{ExportError, service};
use super::daemon::{DaemonService, Transfers};
use crate::error::{Cause, chain};
use crate::exporter::process::Supervisor;
use crate::limits::Patience;
use crate::locked::locked;
use crate::record::ServiceFacts;
use crate::rig::daemon::Daemon;
use crate::rig::engine::program::{EngineProgram, chosen, programs};
use crate::rig::engine::{PrivateEngine, Wanted};

/// What a new engine is started by.
#[derive(Clone, Copy)]
pub(in crate::run) struct Means<'a> {
    pub(in crate::run) supervisor: &'a Supervisor,
    pub(in crate::run) cancelled: &'a CancellationToken,
    pub(in crate::run) patience: &'a Patience,
}

/// What is known of the run's private daemons.
#[derive(Default)]
pub(in crate::run) struct PrivateDaemons {
    programs: OnceCell<Vec<EngineProgram>>,
    seen: Mutex<BTreeMap<String, ServiceFacts>>,
}

impl PrivateDaemons {
    /// For reports: every private daemon that scenarios had, once for each name.
    pub(in crate::run) fn facts(&self) -> Vec<ServiceFacts> {
        locked(&self.seen).values().cloned().collect()
    }

    /// Remembers one for reports.
    pub(in crate::run) fn saw(&self, service: &DaemonService) {
        let facts = service.facts("the suite's own, a new one for each scenario");
        locked(&self.seen).insert(service.name.clone(), facts);
    }

    /// A new private daemon with a store, best of this version.
    pub(in crate::run) async fn start(
        &self,
        means: Means<'_>,
        name: String,
        (store, version): (StoreKind, &str),
        disk_mib: Option<u32>,
    ) -> Result<DaemonService, ExportError> {
        if !nix::unistd::geteuid().is_root() {
            let reason = "it needs a Docker engine of its own, and the suite does not run as root";
            return Err(ExportError::Skipped(reason.to_owned()));
        }
        let known = self.programs.get_or_init(programs).await;
        let Some(program) = chosen(known, store, version) else {
            let reason =
                format!("it needs an engine of its own, and no dockerd on PATH has the {} store", store.name());
            return Err(ExportError::Skipped(reason));
        };
        let failed = |cause: Cause| service(format!("prepare {name}"), cause);
        let wanted = Wanted { program: program.clone(), store, disk_mib };
        let engine = PrivateEngine::start(means.supervisor.program(), &wanted, means.cancelled).await;
        let engine = engine.map_err(|error| failed(error.into()))?;
        let daemon = match Daemon::connect_patiently(Some(&engine.host()), means.patience).await {
            Ok(daemon) if daemon.store() == store => daemon,
            other => {
                let cause = other.map_or_else(Cause::from, |_| "it has another store".into());
                return Err(failed(match engine.stop().await {
                    Ok(()) => cause,
                    Err(left) => format!("{}; {}", chain(&*cause), chain(&left)).into(),
                }));
            }
        };
        DaemonService::new(name.clone(), daemon, Transfers::Allowed, Some(engine)).map_err(|error| failed(error.into()))
    }
}
