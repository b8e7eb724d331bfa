//! What of a request has passed: when, and the bytes of a manifest.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use judge::evidence::SentManifest;

/// How far a request has come, to tell a registry that does not take it from a client that does not send it.
#[derive(Clone)]
pub(super) struct Sent(Arc<Mutex<(Instant, bool)>>);

impl Sent {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new((Instant::now(), false))))
    }

    pub(super) fn note(&self, waits_for_client: bool) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (Instant::now(), waits_for_client);
    }

    /// Since when the registry has been silent; none while the client is waited for.
    pub(super) fn silent_since(&self) -> Option<Instant> {
        let (at, waits_for_client) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (!waits_for_client).then_some(at)
    }
}

/// The bytes of a manifest on its way; none of one that is longer than registries take.
#[derive(Clone, Default)]
pub(super) struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    const LONGEST: usize = 4 << 20;

    pub(super) fn add(&self, chunk: &[u8]) {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes.len() <= Self::LONGEST {
            bytes.extend_from_slice(chunk);
        }
    }

    pub(super) fn manifest(&self) -> Option<SentManifest> {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (bytes.len() <= Self::LONGEST).then(|| SentManifest::of(&bytes)).flatten()
    }
}
