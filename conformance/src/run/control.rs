//! The control export: the smallest build, once on each target, before the first scenario. What keeps an exporter from
//! being judged at all is said in one sentence then, in place of a verdict for every requirement in every scenario.

use std::sync::OnceLock;
use std::time::Duration;

use judge::evidence::{End, Outcome, Target};
use tokio_util::sync::CancellationToken;

use super::context::{RunContext, removed, start, unless_interrupted};
use super::error::ExportError;
use super::export::{self, Attempt};
use super::invoke::CERTIFICATES_VARIABLE;
use super::options::{Options, Remedy, RunError};
use super::store::bounded::Bounded;
use super::store::{StepContext, Store};
use super::store::{daemon::DaemonStore, layout::LayoutStore, registry::RegistryStore};
use crate::exporter::complaint::{self, UnknownFlags};
use crate::exporter::process::{ProcessError, Supervisor};
use crate::exporter::{Exporter, startable, version};
use crate::limits::Patience;
use crate::rig::registry::RegistryChoice;
use crate::scenario::{self, RegistryEndpoint, Scenario};

/// The Platform API from which on there is something to judge.
const OLDEST: &str = "0.12";
/// Versions that are tried to say which one an exporter speaks.
const KNOWN: [&str; 4] = ["0.15", "0.14", "0.13", "0.12"];
/// Seconds that a control export may take: what takes longer is left to the run.
const LIMIT: u64 = 30;
/// Unknown flags are left out one after another, so many times.
const ROUNDS: usize = 8;
/// Flags that are given on one target alone.
const OF_ONE_TARGET: [&str; 4] = ["-daemon", "-launch-cache", "-layout", "-layout-dir"];
/// The flag that says which registries have no TLS.
const INSECURE: &str = "-insecure-registry";
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
    pub seen: Vec<Seen>,
}

/// A control export.
pub struct Seen {
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
    if version(&options.platform_api).zip(version(OLDEST)).is_some_and(|(asked, oldest)| asked < oldest) {
        let reason = format!(
            "no requirement is of Platform API {}; give --platform-api {OLDEST} or newer",
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
    seen: Vec<Seen>,
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
        self.seen.push(Seen { target, succeeded: first.outcome.succeeded(), told: told.clone() });
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

    /// Whether the exporter trusts whom `SSL_CERT_FILE` names: asked where a recorder speaks TLS. An exporter that does
    /// not is not failed for it.
    async fn without_trust(&mut self, first: &Attempt) -> Result<(), RunError> {
        let told = |attempt: &Attempt| complaint::display_exit(&attempt.outcome, &attempt.argv);
        if self.shared.services.records_tls() && !first.outcome.succeeded() {
            self.shared.services.without_recorder();
            if self.call(Target::Registry).await?.is_some_and(|again| again.outcome.succeeded()) {
                self.shared.options.exporter.distrust = Some(format!(
                    "the exporter exports to the registry itself, and not through the recorder, whose certificate {} \
                     names ({})",
                    CERTIFICATES_VARIABLE,
                    told(first)
                ));
            }
            return Ok(());
        }
        let Some(scenario) = self.under_tls.clone().filter(|_| first.outcome.succeeded()) else { return Ok(()) };
        let made = once(&self.shared, &scenario, RegistryStore::new(&self.shared, &scenario)).await;
        // One that comes to speak is judged by what it does then.
        if let Ok(made) = made
            && !made.outcome.succeeded()
            && !self.shared.services.is_trusted(RegistryEndpoint::Secure)
        {
            self.shared.options.exporter.distrust = Some(format!(
                "the exporter exports to a registry without TLS, and accepts no certificate of an authority that {} \
                 names ({})",
                CERTIFICATES_VARIABLE,
                told(&made)
            ));
        }
        Ok(())
    }

    /// A registry without TLS, and an exporter that is not given the flag which says so: whether that is why it failed.
    /// It is where it sends TLS alone, where the same call with the flag succeeds, and where the exporter speaks of TLS.
    async fn cannot_reach(&mut self, first: &Attempt) -> Result<Option<String>, RunError> {
        let hosts = self.shared.services.insecure_hosts(&[]);
        if first.outcome.succeeded() || hosts.is_empty() || first.argv.iter().any(|word| word == INSECURE) {
            return Ok(None);
        }
        if self.shared.services.wants_tls(&self.scenario) {
            return Ok(Some(self.unreached(first)));
        }
        if matches!(first.outcome.end, End::TimedOut(_)) {
            return Ok(None);
        }
        let as_described = self.shared.options.exporter.program.arguments.clone();
        let given = hosts.into_iter().flat_map(|host| [INSECURE.to_owned(), host]);
        self.shared.options.exporter.program.arguments.extend(given);
        let again = self.call(Target::Registry).await;
        self.shared.options.exporter.program.arguments = as_described;
        let succeeds = again?.is_some_and(|again| again.outcome.succeeded());
        if !succeeds && !complaint::speaks_of_tls(&first.outcome) {
            return Ok(None);
        }
        Ok(Some(self.unreached(first)))
    }

    fn unreached(&self, first: &Attempt) -> String {
        format!(
            "the registry has no TLS, and the exporter, which is not given {INSECURE} by its description or by Platform \
             API {}, does not reach it ({}); give --registry the URL of one that has TLS",
            self.shared.options.platform_api,
            complaint::display_exit(&first.outcome, &first.argv)
        )
    }

    /// The export under the first Platform API that is not refused.
    async fn with_platform_api(&mut self, target: Target) -> Result<Option<Attempt>, RunError> {
        let asked = self.shared.options.platform_api.clone();
        let further = self.shared.options.exporter.further_platform_apis();
        let tried: Vec<String> = std::iter::once(asked).chain(further.cloned()).collect();
        let mut told = String::new();
        for api in &tried {
            self.shared.options.platform_api.clone_from(api);
            let Some(found) = self.call(target).await? else { return Ok(None) };
            if !complaint::refuses_platform_api(&found.outcome) {
                return Ok(Some(found));
            }
            if told.is_empty() {
                told = complaint::display_exit(&found.outcome, &found.argv);
            }
        }
        let mut speaks = None;
        for api in KNOWN.iter().filter(|api| !tried.iter().any(|tried| tried == *api)) {
            (*api).clone_into(&mut self.shared.options.platform_api);
            let Some(found) = self.call(target).await? else { break };
            if !complaint::refuses_platform_api(&found.outcome) {
                speaks = Some(*api);
                break;
            }
        }
        let remedy = speaks.map(|api| Remedy::PlatformApi(api.to_owned()));
        let versions = tried.join(", ");
        let advice = speaks.map_or_else(
            || "give --platform-api with a version that it speaks".to_owned(),
            |api| format!("it does not refuse {api}: give --platform-api {api}"),
        );
        Err(self.not_judged(format!("it does not speak Platform API {versions} ({told}); {advice}"), remedy))
    }

    /// Leaves out what is said not to be known, until nothing more is: then that was the cause.
    async fn unknown_flags(
        &mut self,
        target: Target,
        first: &Attempt,
        unknown: &UnknownFlags,
    ) -> Result<State, RunError> {
        let line = &unknown.line;
        if let Some(flag) = unknown.flags.iter().find(|flag| OF_ONE_TARGET.contains(&flag.as_str())) {
            // Without the flag the export is one to a registry, which was made.
            if self.on_registry.as_ref().is_some_and(|outcome| complaint::says(outcome, line)) {
                return Ok(State::Goes);
            }
            return Ok(State::Refused(format!(
                "the exporter does not take {flag}: it said '{line}' ({}); name its targets in a description, such as \
                 targets = [\"registry\"], or the flag under leave-out",
                first.outcome.end
            )));
        }
        let mut left_out: Vec<String> = Vec::new();
        let mut now = unknown.clone();
        let as_described = self.shared.options.exporter.program.leave_out.clone();
        let mut is_cause = false;
        for _ in 0..ROUNDS {
            left_out.extend(now.flags);
            self.shared.options.exporter.program.leave_out.extend(left_out.iter().cloned());
            let Some(again) = self.call(target).await? else { break };
            if let Some(more) = complaint::unknown_flags(&again.outcome, &again.argv) {
                // It came further: what was left out is complained about no more.
                is_cause = true;
                now = more;
            } else {
                is_cause = is_cause || complaint::went_further(&first.outcome, &again.outcome);
                break;
            }
        }
        self.shared.options.exporter.program.leave_out = as_described;
        if !is_cause {
            return Ok(State::Goes);
        }
        left_out.dedup();
        let flags = left_out.join(", ");
        let reason = format!(
            "it does not take {flags}: it said '{line}' ({}); name what it does not take under leave-out in an exporter \
             description (conformance docs exporter-description)",
            first.outcome.end
        );
        Err(self.not_judged(reason, Some(Remedy::LeaveOut(left_out))))
    }

    fn not_judged(&self, reason: String, remedy: Option<Remedy>) -> RunError {
        RunError::NotJudged { exporter: self.shared.options.exporter.name.clone(), reason, remedy }
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
    let context = StepContext { number: 1, step, id: NAME, previous: None };
    let made = Box::pin(export::attempt(shared, scenario, &mut store, &context)).await;
    store.clean_up().await;
    made
}
