//! Scenarios of builds, exported to every store available and judged.

use judge::evidence::{ScenarioEvidence, Target};
use tokio_util::sync::CancellationToken;

use super::PipelineError;
use crate::exporter::Exporter;
use crate::exporter::process::Supervisor;
use crate::report::Report;
use crate::rig::registry::RegistryChoice;
use crate::run::{self, Options, RunError};
use crate::scenario::Scenario;

/// With what builds are exported.
#[derive(Debug, Clone)]
pub struct Judging {
    /// The exporter.
    pub exporter: Exporter,
    /// Where it exports to.
    pub targets: Vec<Target>,
    /// Daemons' addresses; empty means the default one.
    pub daemons: Vec<String>,
    /// What names of repositories are drawn by; the same text gives the same names.
    pub names: String,
    /// How the exporter is run.
    pub supervisor: Supervisor,
    /// Whether it was interrupted.
    pub cancelled: CancellationToken,
}

impl Judging {
    /// Exports and judges; the evidence is in the order of the scenarios' names.
    ///
    /// # Errors
    /// [`PipelineError::Run`].
    pub async fn judged(&self, scenarios: Vec<Scenario>) -> Result<(Report, Vec<ScenarioEvidence>), PipelineError> {
        let options = Options {
            scenarios,
            targets: self.targets.clone(),
            registry: RegistryChoice::Embedded,
            daemons: self.daemons.clone(),
            names: Some(self.names.clone()),
            ..Options::of(self.exporter.clone())
        };
        // Progress is not shown: what is shown of these runs is their result.
        let (events, _) = tokio::sync::mpsc::unbounded_channel();
        let run = run::observed(options, self.supervisor.clone(), self.cancelled.clone(), events);
        let found = Box::pin(run).await?;
        // What is half seen is not shown.
        if self.cancelled.is_cancelled() { Err(RunError::Interrupted.into()) } else { Ok(found) }
    }
}
