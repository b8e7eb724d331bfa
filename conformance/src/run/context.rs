//! What the parts of a run share, and how it is opened.

use std::sync::OnceLock;

use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use super::hung::Hung;
use super::options::{Event, Options, RunError};
use super::services::Services;
use super::services::private::Means;
use super::workspace::Workspace;
use crate::evidence::writer::EvidenceFolder;
use crate::exporter::process::Supervisor;
use crate::limits::{Patience, STARTING_AFTER_SIGNAL};
use crate::observe::BlobStore;
use crate::scenario::materialise::BuildDir;
use crate::scenario::{Scenario, Step};

/// What the parts of a run share.
pub(super) struct RunContext {
    pub(super) options: Options,
    pub(super) services: Services,
    pub(super) workspace: Workspace,
    pub(super) evidence: EvidenceFolder,
    pub(super) supervisor: Supervisor,
    pub(super) cancelled: CancellationToken,
    pub(super) patience: Patience,
    /// In which steps the exporter hung.
    pub(super) hung: Hung,
    /// The scenario that ended the run, where the first failure is to end it.
    pub(super) failed: OnceLock<String>,
    pub(super) events: UnboundedSender<Event>,
}

impl RunContext {
    /// What a new engine is started by.
    pub(super) fn means(&self) -> Means<'_> {
        Means { supervisor: &self.supervisor, cancelled: &self.cancelled, patience: &self.patience }
    }
}

/// A step with the folder where its build is laid out.
#[derive(Clone, Copy)]
pub(super) struct StepBuild<'a> {
    pub(super) shared: &'a RunContext,
    pub(super) scenario: &'a Scenario,
    pub(super) step: &'a Step,
    pub(super) build_dir: &'a BuildDir,
}

/// Opens what a run needs.
pub(super) async fn start(
    options: &Options,
    supervisor: &Supervisor,
    patience: &Patience,
) -> Result<(Workspace, EvidenceFolder, Services), RunError> {
    let kept = [&options.evidence, &options.keep].into_iter().flatten().cloned().collect();
    let workspace = Workspace::open(supervisor, kept).await?;
    let evidence = match &options.evidence {
        Some(folder) => EvidenceFolder::create(folder)?,
        None => EvidenceFolder::of_blobs(&workspace.scratch().join("evidence"))?,
    };
    let blobs = BlobStore::open(evidence.root())
        .map_err(|error| RunError::Service { service: "evidence".to_owned(), source: error.into() })?;
    let services = Services::start(options, blobs, patience).await?;
    Ok((workspace, evidence, services))
}

/// What killed runs had left, in words, and is gone now.
pub(super) fn removed(workspace: &Workspace, services: &Services) -> Vec<String> {
    let folders = workspace.removed().iter().map(|folder| folder.display().to_string());
    folders.chain(services.removed().iter().cloned()).collect()
}

/// Waits for what is started; after a signal only for a moment, in which what is half started is better finished.
pub(super) async fn unless_interrupted<T>(
    cancelled: &CancellationToken,
    work: impl Future<Output = Result<T, RunError>>,
) -> Result<T, RunError> {
    let enough = async {
        cancelled.cancelled().await;
        tokio::time::sleep(STARTING_AFTER_SIGNAL).await;
    };
    tokio::select! {
        biased;
        done = work => done,
        () = enough => Err(RunError::Interrupted),
    }
}
