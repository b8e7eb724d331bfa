//! The control export: the smallest build, once on each target, before the first scenario. What keeps an exporter from
//! being judged at all is said in one sentence then, in place of a verdict for every requirement in every scenario.

mod causes;

use std::sync::OnceLock;
use std::time::Duration;

use judge::evidence::{End, Outcome, Target};
use tokio_util::sync::CancellationToken;

use super::context::{RunContext, removed, start, unless_interrupted};
use super::error::ExportError;
use super::export::{self, Attempt};
use super::hung::Hung;
use super::options::{Options, RunError};
use super::store::bounded::Bounded;
use super::store::{StepContext, Store};
use super::store::{daemon::DaemonStore, layout::LayoutStore, registry::RegistryStore};
use crate::exporter::complaint;
use crate::exporter::process::{ProcessError, Supervisor};
use crate::exporter::{Exporter, OLDEST_API, startable, version};
use crate::limits::Patience;
use crate::rig::registry::RegistryChoice;
use crate::scenario::{self, RegistryEndpoint, Scenario};

/// Seconds that a control export may take: what takes longer is left to the run.
const LIMIT: u64 = 30;
/// The scenario whose build it is, under names that no scenario has.
const BUILD: &str = "minimal";
const NAME: &str = "control-export";
const NAME_UNDER_TLS: &str = "control-export-under-tls";

/// What the control exports showed.
pub struct Controlled {
    /// What a run is told: its Platform API is one that the exporter does not refuse, the exporter's `refused` has the
    /// targets that it does not have, and its `distrust` why nothing under TLS is recorded.
    pub options: Options,
    /// How each export ended that was made.
    pub seen: Vec<ControlResult>,
}

/// A control export.
pub struct ControlResult {
    /// Its target.
    pub target: Target,
    /// Whether it succeeded.
    pub succeeded: bool,
    /// How it ended and what was said.
    pub told: String,
}

/// Makes the control exports. That one fails for a reason of its own is not one to stop: the run judges it.
///
/// # Errors
/// [`RunError::NotStarted`] and [`RunError::NotJudged`] where nothing of the exporter can be judged; others where no
/// run could be made either.
pub async fn control(
    options: Options,
    supervisor: &Supervisor,
    cancelled: &CancellationToken,
) -> Result<Controlled, RunError> {
    if version(&options.platform_api).zip(version(OLDEST_API)).is_some_and(|(asked, oldest)| asked < oldest) {
        let reason = format!(
            "no requirement is of Platform API {}; give --platform-api {OLDEST_API} or newer",
            options.platform_api
        );
        return Err(RunError::NotJudged { exporter: options.exporter.name, reason, remedy: None });
    }
    let has = |target: &Target| options.targets.contains(target) && options.exporter.targets.contains(target);
    let asked: Vec<Target> = Target::ALL.into_iter().filter(has).collect();
    if asked.is_empty() {
        return Ok(Controlled { options, seen: Vec::new() });
    }
    let Some(mut bench) = Bench::start(&options, supervisor, cancelled).await? else {
        return Ok(Controlled { options, seen: Vec::new() });
    };
    let result = Box::pin(bench.all(&asked)).await;
    let Bench { shared, seen, .. } = bench;
    let Options { platform_api, exporter: Exporter { refused, distrust, .. }, .. } = shared.options;
    shared.services.stop().await;
    result?;
    Ok(Controlled {
        options: Options { platform_api, exporter: Exporter { refused, distrust, ..options.exporter }, ..options },
        seen,
    })
}

/// Where control exports are made.
struct Bench {
    shared: RunContext,
    scenario: Scenario,
    /// The same build under TLS, where the run has a scenario with that.
    under_tls: Option<Scenario>,
    seen: Vec<ControlResult>,
    /// What the registry's export said: it has no flag of another target.
    on_registry: Option<Outcome>,
}

/// What came of the control on one target.
enum State {
    /// It succeeded, or failed for a reason that is the run's to judge.
    Goes,
    /// The exporter does not have the target.
    Refused(String),
    /// It did not end by itself: others need not be waited for.
    Hangs,
}

impl Bench {
    /// Services of its own: an embedded registry does, where none was given, and nothing of the run's is touched.
    async fn start(
        options: &Options,
        supervisor: &Supervisor,
        cancelled: &CancellationToken,
    ) -> Result<Option<Self>, RunError> {
        let built_in = scenario::built_in().unwrap_or_default();
        let Some(build) = built_in.into_iter().find(|scenario| scenario.name == BUILD) else { return Ok(None) };
        let scenario = Scenario { name: NAME.to_owned(), ..build };
        let registry = match &options.registry {
            RegistryChoice::Url(address) => RegistryChoice::Url(address.clone()),
            _ => RegistryChoice::Embedded,
        };
        let wants_tls =
            options.scenarios.iter().any(|scenario| scenario.endpoints().contains(&RegistryEndpoint::Secure));
        let under_tls = wants_tls.then(|| under_tls(&scenario));
        let options = Options {
            scenarios: std::iter::once(&scenario).chain(&under_tls).cloned().collect(),
            registry,
            evidence: None,
            keep: None,
            timeout: options.timeout.min(LIMIT),
            ..options.clone()
        };
        let patience = Patience::new(Duration::from_secs(options.service_limit), cancelled.clone());
        let started_up = Box::pin(start(&options, supervisor, &patience));
        let (workspace, evidence, services) = unless_interrupted(cancelled, started_up).await?;
        // No one listens to the events of a control, and the run after it finds nothing any more.
        for what in removed(&workspace, &services) {
            eprintln!("conformance: removed what killed runs had left: {what}");
        }
        // No one is shown what is not part of the run.
        let (events, _) = tokio::sync::mpsc::unbounded_channel();
        let shared = RunContext {
            options,
            services,
            workspace,
            evidence,
            supervisor: supervisor.clone(),
            cancelled: cancelled.clone(),
            patience,
            hung: Hung::default(),
            failed: OnceLock::new(),
            events,
        };
        Ok(Some(Self { shared, scenario, under_tls, seen: Vec::new(), on_registry: None }))
    }

    async fn all(&mut self, asked: &[Target]) -> Result<(), RunError> {
        for target in asked {
            if *target == Target::Daemon && self.shared.services.daemons.is_empty() {
                continue;
            }
            match self.on(*target).await? {
                State::Goes => {}
                State::Refused(reason) => {
                    self.shared.options.exporter.refused.insert(*target, reason);
                }
                State::Hangs => break,
            }
            if self.shared.cancelled.is_cancelled() {
                break;
            }
        }
        Ok(())
    }

    /// One target: the Platform API first, where none was settled, then flags.
    async fn on(&mut self, target: Target) -> Result<State, RunError> {
        let first =
            if self.seen.is_empty() { self.with_platform_api(target).await? } else { self.call(target).await? };
        let Some(first) = first else { return Ok(State::Goes) };
        let told = complaint::display_exit(&first.outcome, &first.argv);
        self.seen.push(ControlResult { target, succeeded: first.outcome.succeeded(), told: told.clone() });
        if matches!(first.outcome.end, End::TimedOut(_)) {
            // One that tries again and again may be one that is not told that there is no TLS.
            let unreached = if target == Target::Registry { self.cannot_reach(&first).await? } else { None };
            return Ok(unreached.map_or(State::Hangs, State::Refused));
        }
        if let Some(unknown) = complaint::unknown_flags(&first.outcome, &first.argv) {
            return self.unknown_flags(target, &first, &unknown).await;
        }
        if target == Target::Registry {
            self.on_registry = Some(first.outcome.clone());
            if let Some(reason) = self.cannot_reach(&first).await? {
                return Ok(State::Refused(reason));
            }
            self.without_trust(&first).await?;
        }
        Ok(State::Goes)
    }

    /// One export; none where the suite could not make it, which the run will say.
    async fn call(&self, target: Target) -> Result<Option<Attempt>, RunError> {
        let (shared, scenario) = (&self.shared, &self.scenario);
        let made = match target {
            Target::Registry => once(shared, scenario, RegistryStore::new(shared, scenario)).await,
            Target::Layout => once(shared, scenario, LayoutStore::new(shared, scenario)).await,
            Target::Daemon => {
                let Some(slot) = shared.services.daemons.first() else { return Ok(None) };
                let service = slot.current();
                once(shared, scenario, DaemonStore::new(shared, scenario, &service)).await
            }
        };
        let program = &shared.options.exporter.program.path;
        let not_started = |reason: String| RunError::NotStarted { program: program.display().to_string(), reason };
        match made {
            Ok(made) => {
                let obstacle = complaint::never_began(&made.outcome)
                    .filter(|_| startable::is_native(program))
                    .or_else(|| startable::obstacle(program).filter(|_| made.outcome.end == End::Exited(127)));
                obstacle.map_or(Ok(Some(made)), |reason| Err(not_started(reason)))
            }
            Err(ExportError::Process(ProcessError::NotStarted { reason, .. })) => {
                Err(not_started(startable::obstacle(program).unwrap_or(reason)))
            }
            Err(_) => Ok(None),
        }
    }
}

/// The build, where TLS is spoken.
fn under_tls(scenario: &Scenario) -> Scenario {
    let place = |name: &str| format!("{}/{}", RegistryEndpoint::Secure.name(), RegistryEndpoint::split(name).1);
    let mut found = Scenario { name: NAME_UNDER_TLS.to_owned(), ..scenario.clone() };
    found.file.images = found.file.images.iter().map(|name| place(name)).collect();
    found.file.run_image.name = place(&found.file.run_image.name);
    found
}

async fn once<S: Store>(shared: &RunContext, scenario: &Scenario, store: S) -> Result<Attempt, ExportError> {
    let mut store = Bounded::new(shared, scenario, store);
    let step = &scenario.file.steps[0];
    let context = StepContext { number: 1, step, id: NAME, previous: None, left_out: Vec::new() };
    let made = Box::pin(export::attempt(shared, scenario, &mut store, &context)).await;
    store.clean_up().await;
    made
}
