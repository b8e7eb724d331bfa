//! What a run is told, why it cannot be made, and what it tells of its progress.

use std::path::PathBuf;

use jiff::civil::Date;
use judge::evidence::{Phase, Target};
use judge::profile::Profile;

use super::workspace::WorkspaceError;
use crate::baseline::Baseline;
use crate::error::Cause;
use crate::evidence::writer::EvidenceError;
use crate::exporter::Exporter;
use crate::limits::{SERVICE_LIMIT, at_a_time};
use crate::observe::Trust;
use crate::record::RunFilter;
use crate::rig::registry::{RegistryChoice, RegistryError};
use crate::scenario::Scenario;

/// Seconds after which an exporter is ended, where nothing else is asked for.
pub const TIMEOUT: u64 = 120;

/// Everything that a run needs to be told.
#[derive(Clone)]
pub struct Options {
    /// What is judged.
    pub exporter: Exporter,
    /// The profile that decides the exit code.
    pub profile: Profile,
    /// What is run.
    pub scenarios: Vec<Scenario>,
    /// What narrows the run further.
    pub narrowed: RunFilter,
    /// Targets to export to.
    pub targets: Vec<Target>,
    /// Which registry.
    pub registry: RegistryChoice,
    /// Daemons' addresses; empty means the default one.
    pub daemons: Vec<String>,
    /// Whether a daemon that the suite did not start may be told to push.
    pub allow_push: bool,
    /// Services that must be observed.
    pub require: Vec<String>,
    /// What `CNB_PLATFORM_API` is.
    pub platform_api: String,
    /// Known failures, which do not end a run under `--fail-fast`, and the day by which their dates are taken.
    pub known: Option<(Baseline, Date)>,
    /// Where the evidence is kept.
    pub evidence: Option<PathBuf>,
    /// Where inputs are kept.
    pub keep: Option<PathBuf>,
    /// Scenarios at a time.
    pub jobs: usize,
    /// Seconds after which an exporter is ended.
    pub timeout: u64,
    /// Seconds that a service may be silent.
    pub service_limit: u64,
    /// Whose certificates a registry may have.
    pub trust: Trust,
    /// What names of repositories are drawn by; none means other ones in every run.
    pub names: Option<String>,
    /// The only phase of the lifecycle that is judged; none means all that are described.
    pub phase: Option<Phase>,
}

impl Options {
    /// What a run of this exporter is where nothing else is asked for: by the profile rfc-196, on every target, on
    /// whichever registry is available; and of no scenario yet.
    #[must_use]
    pub fn of(exporter: Exporter) -> Self {
        Self {
            platform_api: exporter.first_platform_api(),
            exporter,
            profile: Profile::Rfc196,
            scenarios: Vec::new(),
            narrowed: RunFilter::default(),
            targets: Target::ALL.to_vec(),
            registry: RegistryChoice::Auto,
            daemons: Vec::new(),
            allow_push: false,
            require: Vec::new(),
            known: None,
            evidence: None,
            keep: None,
            jobs: at_a_time(),
            timeout: TIMEOUT,
            service_limit: SERVICE_LIMIT,
            trust: Trust::default(),
            names: None,
            phase: None,
        }
    }
}

/// Why a run could not be made at all.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is no place to build at.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// Evidence cannot be kept.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// There is no registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The exporter never starts.
    #[error("start the exporter {program}: {reason}")]
    NotStarted {
        /// The program.
        program: String,
        /// Why, and what to do.
        reason: String,
    },
    /// The control export showed that nothing can be judged.
    #[error("judge {exporter}: {reason}")]
    NotJudged {
        /// Its name.
        exporter: String,
        /// Why, and what to do.
        reason: String,
        /// What lets it be judged, where that was found.
        remedy: Option<Remedy>,
    },
    /// A service could not be prepared.
    #[error("prepare {service}")]
    Service {
        /// Its name.
        service: String,
        /// What happened and what to do.
        source: Cause,
    },
    /// A signal came before anything was run.
    #[error("start: interrupted while the services were started; nothing was judged")]
    Interrupted,
}

/// What was found to let an exporter be judged that cannot be as it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// It does not refuse this Platform API.
    PlatformApi(String),
    /// It comes further without these flags.
    LeaveOut(Vec<String>),
}

impl Remedy {
    /// The options under which it is tried again.
    #[must_use]
    pub fn applied(self, mut options: Options) -> Options {
        match self {
            Self::PlatformApi(api) => {
                options.platform_api.clone_from(&api);
                options.exporter.asked_platform_api = None;
                options.exporter.platform_apis = vec![api];
            }
            Self::LeaveOut(flags) => options.exporter.program.leave_out.extend(flags),
        }
        options
    }
}

/// What happens during a run, for those who show progress.
#[derive(Debug, Clone)]
pub enum Event {
    /// Killed runs had left this, and it is gone now.
    Removed {
        /// Folders and containers.
        what: Vec<String>,
    },
    /// The services are there; so many exports will be made.
    Started {
        /// Exports to be made.
        exports: usize,
    },
    /// An export begins.
    Exporting {
        /// Its id.
        id: String,
        /// Seconds after which the exporter is ended.
        limit: u64,
    },
    /// An export and its observation are done.
    Exported {
        /// Its id.
        id: String,
    },
    /// A scenario is over, or was left out.
    Ended {
        /// Its name.
        scenario: String,
        /// The exports of it among those that were to be made.
        planned: usize,
    },
}
