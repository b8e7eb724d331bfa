//! A daemon in use: what was made there, and how it is left.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use judge::evidence::{EngineEnd, StoreKind};

use super::super::options::RunError;
use crate::error::chain;
use crate::locked::locked;
use crate::observe::DaemonObserver;
use crate::record::ServiceFacts;
use crate::rig::daemon::Daemon;
use crate::rig::engine::PrivateEngine;
use crate::rig::turns::Turns;

/// Whether the suite may have a daemon push to registries and pull from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::run) enum Transfers {
    Allowed,
    /// The suite did not start it, and `--allow-push-from-daemon` was not given.
    NotAllowed,
}

/// A daemon in use.
pub(in crate::run) struct DaemonService {
    /// As `--require` names it, made unique with `#2` and so on.
    pub(in crate::run) name: String,
    /// Its address.
    pub(in crate::run) host: String,
    /// The connection.
    pub(in crate::run) daemon: Daemon,
    /// Observes it.
    pub(in crate::run) observer: DaemonObserver,
    /// Whether it may be told to push and pull.
    pub(in crate::run) transfers: Transfers,
    /// Which scenario uses its images, and when.
    pub(in crate::run) turns: Turns,
    /// IDs of images that this run made there.
    made: Mutex<BTreeSet<String>>,
    /// Names that are to be removed when nothing else is done there.
    done_with: Mutex<Vec<String>>,
    /// The engine, where it is the suite's own.
    pub(in crate::run) engine: Option<PrivateEngine>,
    /// The end of the engine during the last push.
    pub(in crate::run) end: Mutex<Option<EngineEnd>>,
}

impl DaemonService {
    pub(in crate::run) fn new(
        name: String,
        daemon: Daemon,
        transfers: Transfers,
        engine: Option<PrivateEngine>,
    ) -> Result<Self, RunError> {
        let host = daemon.host().to_owned();
        let observer = DaemonObserver::new(daemon.api().clone(), &host, daemon.store(), daemon.version().to_owned())
            .map_err(|error| RunError::Service { service: name.clone(), source: error.into() })?
            .waiting(daemon.waits().clone());
        let turns = Turns::of(&host);
        let (made, done_with, end) = (Mutex::default(), Mutex::default(), Mutex::default());
        Ok(Self { name, host, daemon, observer, transfers, turns, made, done_with, engine, end })
    }

    /// Remembers an image, to remove it after the run where its name went to another one; whether it is new.
    pub(in crate::run) fn remember(&self, id: &str) -> bool {
        locked(&self.made).insert(id.to_owned())
    }

    /// Removes these names, and those that waited for it, where nothing else is done there now; else remembers them.
    pub(in crate::run) async fn remove_in_turn(&self, names: Vec<String>) {
        self.done_with().extend(names);
        if let Some(turn) = self.turns.alone_now() {
            self.remove_all().await;
            drop(turn);
        }
    }

    /// Removes these names while nothing else is done there; the caller holds no turn.
    pub(in crate::run) async fn remove_alone(&self, names: Vec<String>) {
        let turn = self.turns.alone().await;
        self.remove_each(names).await;
        drop(turn);
    }

    async fn remove_all(&self) {
        let names = std::mem::take(&mut *self.done_with());
        self.remove_each(names).await;
    }

    async fn remove_each(&self, names: Vec<String>) {
        // One after another: podman refuses some of several at a time.
        for name in names {
            self.daemon.remove_image(&name).await;
        }
    }

    fn done_with(&self) -> MutexGuard<'_, Vec<String>> {
        locked(&self.done_with)
    }

    /// Removes what has no name any more, not before the run's end, because scenarios may share an image; and ends an
    /// engine of the suite's own. What is left, in words, as names are that begin with one of `hosts`, which are this
    /// run's alone.
    pub(in crate::run) async fn stop(self, hosts: &[String]) -> Vec<String> {
        if let Some(engine) = self.engine {
            return engine.stop().await.err().map(|error| chain(&error)).into_iter().collect();
        }
        let turn = self.turns.alone().await;
        self.remove_all().await;
        for id in self.made.into_inner().unwrap_or_else(PoisonError::into_inner) {
            self.daemon.remove_untagged(&id).await;
        }
        drop(turn);
        let mut left = Vec::new();
        for host in hosts {
            match self.daemon.names(&format!("{host}/")).await {
                Ok(names) => left.extend(names.into_iter().map(|name| format!("{name} in {}", self.name))),
                Err(error) => left.push(format!("what {} has of {host} ({})", self.name, chain(&error))),
            }
        }
        left
    }

    /// For reports.
    pub(in crate::run) fn facts(&self, note: &str) -> ServiceFacts {
        let store = self.daemon.store();
        let kind = if store == StoreKind::Podman { "podman" } else { "docker" };
        ServiceFacts {
            name: self.name.clone(),
            kind: kind.to_owned(),
            version: self.daemon.version().to_owned(),
            store: Some(store.name().to_owned()),
            observed: false,
            note: note.to_owned(),
        }
    }
}
