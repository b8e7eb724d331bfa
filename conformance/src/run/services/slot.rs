//! A daemon available, or the private engine that took its place.

use std::sync::{Arc, Mutex, PoisonError};

use super::daemon::DaemonService;
use super::private::{Means, PrivateDaemons};
use crate::error::chain;
use crate::locked::locked;
use crate::record::ServiceFacts;

/// A daemon available, or the private engine in its place.
pub(in crate::run) struct DaemonSlot {
    current: Mutex<Arc<DaemonService>>,
    /// Held while a replacement is started.
    replacing: tokio::sync::Mutex<()>,
    /// Those that were replaced: scenarios may still hold them.
    retired: Mutex<Vec<Arc<DaemonService>>>,
    /// What happened.
    note: Mutex<Vec<String>>,
}

impl DaemonSlot {
    pub(in crate::run) fn new(service: DaemonService) -> Self {
        Self {
            current: Mutex::new(Arc::new(service)),
            replacing: tokio::sync::Mutex::default(),
            retired: Mutex::default(),
            note: Mutex::default(),
        }
    }

    /// The daemon that is used now.
    pub(in crate::run) fn current(&self) -> Arc<DaemonService> {
        Arc::clone(&locked(&self.current))
    }

    pub(in crate::run) fn facts(&self) -> ServiceFacts {
        let note = locked(&self.note).join("; ");
        self.current().facts(&note)
    }

    /// Remembers what happened, for reports.
    pub(in crate::run) fn tell(&self, what: String) {
        locked(&self.note).push(what);
    }

    /// Puts a private engine in the place of `gone`, where no other scenario has done so already.
    pub(in crate::run) async fn replace(
        &self,
        (private, means): (&PrivateDaemons, Means<'_>),
        gone: &Arc<DaemonService>,
        scenario: &str,
    ) {
        let _alone = self.replacing.lock().await;
        if !Arc::ptr_eq(&self.current(), gone) {
            return;
        }
        let like = (gone.daemon.store(), gone.daemon.version());
        match private.start(means, gone.name.clone(), like, None).await {
            Ok(service) => {
                *locked(&self.current) = Arc::new(service);
                locked(&self.retired).push(Arc::clone(gone));
                self.tell(format!("it ended while {scenario} was run, and a private engine took its place"));
            }
            Err(error) => {
                self.tell(format!("it ended while {scenario} was run, and none takes its place: {}", chain(&error)));
            }
        }
    }

    /// Ends what was started; what is left, in words, as names are that begin with one of `hosts`. An engine that has
    /// ended has no names to ask for.
    pub(in crate::run) async fn stop(self, hosts: &[String]) -> Vec<String> {
        let mut left = Vec::new();
        for service in self.retired.into_inner().unwrap_or_else(PoisonError::into_inner) {
            if let Some(service) = Arc::into_inner(service) {
                left.extend(service.stop(&[]).await);
            }
        }
        if let Some(service) = Arc::into_inner(self.current.into_inner().unwrap_or_else(PoisonError::into_inner)) {
            left.extend(service.stop(hosts).await);
        }
        left
    }
}
