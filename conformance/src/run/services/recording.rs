//! What the recorders before the run's registries saw of a scenario, and the faults that they make.

use std::collections::BTreeMap;

use judge::digest::Digest;
use judge::evidence::{FaultKind, WireFault, WireRecord};

use super::Services;
use crate::limits::Overdue;
use crate::rig::proxy::{Known, RecordingProxy};
use crate::scenario::{RegistryEndpoint, Scenario, Step};

impl Services {
    /// What the exporter sent for one scenario since [`Self::forget_wire`].
    pub(in crate::run) fn wire(&self, scenario: &Scenario) -> Option<Vec<WireRecord>> {
        let prefix = self.requests_of(&scenario.name);
        let mut found: Option<Vec<WireRecord>> = self.proxy.as_ref().map(|proxy| proxy.taken(&prefix));
        for recorder in scenario.endpoints().into_iter().filter_map(|endpoint| self.extra.recorder(endpoint)) {
            let records = found.get_or_insert_default();
            records.extend(recorder.taken(&prefix));
            records.sort_by_key(|record| record.sequence);
        }
        found
    }

    /// Why no recorder stands before what a scenario exports to; none where one does.
    pub(in crate::run) fn unrecorded(&self, scenario: &Scenario) -> Option<&str> {
        let has_own = scenario.endpoints().into_iter().any(|endpoint| self.extra.recorder(endpoint).is_some());
        (self.proxy.is_none() && !has_own).then_some(self.unrecorded.as_str())
    }

    /// From now on exporters speak to the registry itself.
    pub(in crate::run) fn without_recorder(&mut self) {
        self.proxy = None;
        self.registry.host().clone_into(&mut self.main.host);
    }

    /// Whether an exporter has accepted the certificate of the recorder before an endpoint.
    pub(in crate::run) fn is_trusted(&self, endpoint: RegistryEndpoint) -> bool {
        let recorder = if endpoint == RegistryEndpoint::Secure { self.extra.secure() } else { self.proxy.as_ref() };
        recorder.is_some_and(RecordingProxy::is_trusted)
    }

    /// Whether exporters speak under TLS to the recorder before the run's registry.
    pub(in crate::run) fn records_tls(&self) -> bool {
        self.proxy.as_ref().is_some_and(RecordingProxy::has_tls)
    }

    /// Whether an exporter has asked the run's registry for TLS, which has none, and sent it nothing of this scenario
    /// in the clear.
    pub(in crate::run) fn wants_tls(&self, scenario: &Scenario) -> bool {
        self.proxy.as_ref().is_some_and(RecordingProxy::was_asked_for_tls)
            && self.wire(scenario).is_none_or(|records| records.is_empty())
    }

    /// From now on what is sent for one scenario meets these faults of the registry, and no others. `analysed` is what
    /// the run image's tag named at the analysis.
    pub(in crate::run) fn arm(&self, scenario: &str, faults: &[WireFault], analysed: Option<&Digest>) {
        let prefix = self.requests_of(scenario);
        for recorder in self.extra_recorders() {
            recorder.arm(&prefix, faults, analysed);
        }
        let Some(proxy) = &self.proxy else { return };
        let mut faults = faults.to_vec();
        // The user's credentials are the registry's matter: it asks for them in its own way.
        let asked = faults.iter_mut().filter(|fault| fault.kind == FaultKind::WantsCredentials);
        asked.filter(|_| self.handed.is_some()).for_each(|fault| fault.path.clear());
        proxy.arm(&prefix, &faults, analysed);
    }

    /// From now on recorders look for what the exporter of a step knows and no request has to tell.
    pub(in crate::run) fn look_for(&self, scenario: &Scenario, step: &Step, environment: &BTreeMap<String, String>) {
        let all = self.credentials(scenario, step);
        let known = environment.values().fold(Known::default(), |known, value| known.variable(value));
        // A machine's own name may be a word that every program says, such as that of its system.
        let known = step.hostname.iter().fold(known, |known, name| known.host_name(name));
        for recorder in self.recorders() {
            let known = all.iter().fold(known.clone(), |known, (credentials, host)| {
                let is_own = host == recorder.host();
                credentials.secrets().iter().fold(known, |known, word| {
                    if is_own { known.credential(word) } else { known.credential_of_another(word) }
                })
            });
            recorder.look_for(&self.requests_of(&scenario.name), known);
        }
    }

    /// Takes the first silence of the registry that the recorder saw in what was sent for one scenario.
    pub(in crate::run) fn silence(&self, scenario: &str) -> Option<Overdue> {
        let prefix = self.requests_of(scenario);
        self.recorders().find_map(|recorder| recorder.silence(&prefix))
    }

    /// Waits until the registry is silent in something that is sent for one scenario.
    pub(in crate::run) async fn falls_silent(&self, scenario: &str) -> Overdue {
        let prefix = self.requests_of(scenario);
        let silent: Vec<_> = self.recorders().map(|recorder| Box::pin(recorder.falls_silent(&prefix))).collect();
        if silent.is_empty() {
            return std::future::pending().await;
        }
        futures_util::future::select_all(silent).await.0
    }

    fn recorders(&self) -> impl Iterator<Item = &RecordingProxy> {
        self.proxy.iter().chain(self.extra_recorders())
    }

    fn extra_recorders(&self) -> impl Iterator<Item = &RecordingProxy> {
        [RegistryEndpoint::Guarded, RegistryEndpoint::Secure, RegistryEndpoint::Token]
            .into_iter()
            .chain(RegistryEndpoint::DOUBTFUL)
            .filter_map(|endpoint| self.extra.recorder(endpoint))
    }

    /// How the path begins of every request for one scenario.
    pub(super) fn requests_of(&self, scenario: &str) -> String {
        format!("/v2/{}/", self.repository(scenario, "").trim_end_matches('/'))
    }

    /// Forgets what was sent so far.
    pub(in crate::run) fn forget_wire(&self, scenario: &Scenario) {
        let _ = self.wire(scenario);
    }
}
