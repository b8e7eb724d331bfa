//! Why an exporter cannot be judged, or not on a target: its Platform API, flags that it does not take, a registry that
//! it does not reach, a certificate that it does not trust.

use judge::evidence::{End, Target};

use super::super::export::Attempt;
use super::super::invoke::CERTIFICATES_VARIABLE;
use super::super::options::{Remedy, RunError};
use super::super::store::registry::RegistryStore;
use super::{Bench, State, once};
use crate::exporter::PLATFORM_APIS;
use crate::exporter::complaint::{self, UnknownFlags};
use crate::scenario::RegistryEndpoint;

/// Unknown flags are left out one after another, so many times.
const ROUNDS: usize = 8;
/// Flags that are given on one target alone.
const OF_ONE_TARGET: [&str; 4] = ["-daemon", "-launch-cache", "-layout", "-layout-dir"];
/// The flag that says which registries have no TLS.
const INSECURE: &str = "-insecure-registry";

impl Bench {
    /// Whether the exporter trusts whom `SSL_CERT_FILE` names: asked where a recorder speaks TLS. An exporter that does
    /// not is not failed for it.
    pub(super) async fn without_trust(&mut self, first: &Attempt) -> Result<(), RunError> {
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
    /// It is where it sends TLS alone, where the same call with the flag succeeds, and where the exporter speaks of
    /// TLS.
    pub(super) async fn cannot_reach(&mut self, first: &Attempt) -> Result<Option<String>, RunError> {
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
    pub(super) async fn with_platform_api(&mut self, target: Target) -> Result<Option<Attempt>, RunError> {
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
        for api in PLATFORM_APIS.iter().filter(|api| !tried.iter().any(|tried| tried == *api)) {
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
    pub(super) async fn unknown_flags(
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
}
