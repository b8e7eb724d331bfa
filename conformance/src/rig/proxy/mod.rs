//! A recorder between exporters and a registry: every request passes as it is, and what it was is written down.
//! Authorization values are never kept. With a guard it refuses requests without credentials. With an authority of the
//! run's it speaks TLS, and tells what comes without. Where a scenario declares faults of the registry, they are made
//! here.

mod authority;
mod faults;
mod guard;
mod recorder;
mod searched;
mod sent;
mod serving;
mod token;
mod told;
mod upstream;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use judge::digest::Digest;
use judge::evidence::{WireFault, WireRecord};
use rustls::RootCertStore;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

pub use authority::{Authority, AuthorityError, Flaw};
use faults::Faults;
pub use guard::Guard;
use recorder::{Recorded, Recorder};
use searched::Uploads;
use serving::serve;
use token::Tokens;
pub use token::ready_token;
pub use told::Known;
use upstream::Upstream;

use crate::limits::{Overdue, Patience};

/// Why no recorder can be started.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// No port can be had.
    #[error("listen on a port of this machine")]
    Listen {
        /// Why not.
        #[from]
        source: std::io::Error,
    },
    /// The registry cannot be spoken to under TLS.
    #[error("set up TLS for the registry")]
    Tls {
        /// Why not.
        #[from]
        source: rustls::Error,
    },
}

/// What a recorder is told beyond the registry that it stands before.
#[derive(Default)]
pub struct Setup<'a> {
    /// Refuses requests without its password.
    pub guard: Option<Guard>,
    /// Has the recorder speak TLS, with a certificate that this authority signed.
    pub authority: Option<&'a Authority>,
    /// Has it speak TLS with a certificate that is not to be trusted, and want credentials.
    pub doubtful: Option<TlsAcceptor>,
    /// Whose certificates a registry with TLS may have.
    pub roots: Option<RootCertStore>,
    /// Wants tokens, which its own token server gives for credentials that are made up.
    pub wants_tokens: bool,
    /// A recorder in whose order the requests of this one are counted.
    pub beside: Option<&'a RecordingProxy>,
}

/// A running recorder; it ends when it is dropped.
pub struct RecordingProxy {
    address: SocketAddr,
    host: String,
    recorder: Arc<Recorder>,
    tasks: Vec<JoinHandle<()>>,
}

/// The address of recorders.
const HERE: &str = "127.0.0.1";
/// The address of the host that a registry leads to in a fault: another one than the registry's, and this machine too.
const ELSEWHERE: &str = "127.0.0.2";

impl RecordingProxy {
    /// Starts before the registry at `upstream`, `http://host:port`.
    ///
    /// # Errors
    /// [`ProxyError`] where no port can be had.
    pub async fn start(upstream: &str) -> Result<Self, ProxyError> {
        Self::start_as(upstream, Setup::default(), &Patience::default()).await
    }

    /// Starts before the registry at `upstream`, to which only those that the guard lets pass come.
    ///
    /// # Errors
    /// [`ProxyError`] where no port can be had.
    pub async fn start_guarded(upstream: &str, guard: Guard, patience: &Patience) -> Result<Self, ProxyError> {
        Self::start_as(upstream, Setup { guard: Some(guard), ..Setup::default() }, patience).await
    }

    /// Starts before the registry at `upstream`, `http://host:port` or `https://host[:port]`; it waits for the registry
    /// as long as `patience` says.
    ///
    /// # Errors
    /// [`ProxyError`] where no port can be had, or no TLS.
    pub async fn start_as(upstream: &str, setup: Setup<'_>, patience: &Patience) -> Result<Self, ProxyError> {
        let listener = TcpListener::bind((HERE, 0)).await?;
        let address = listener.local_addr()?;
        let host = address.to_string();
        let other = TcpListener::bind((ELSEWHERE, 0)).await.ok();
        let elsewhere = other.as_ref().and_then(|other| other.local_addr().ok()).map(|address| address.to_string());
        let registry = Upstream::new(upstream, setup.roots.unwrap_or_else(RootCertStore::empty))?;
        let recorder = Arc::new(Recorder {
            upstream: if setup.authority.is_some() || setup.doubtful.is_some() {
                registry.behind_tls(&host)
            } else {
                registry
            },
            next: setup.beside.map(|other| Arc::clone(&other.recorder.next)).unwrap_or_default(),
            records: Mutex::new(Vec::new()),
            guard: setup.guard,
            made_up: Mutex::new(Vec::new()),
            tokens: setup.wants_tokens.then(|| Tokens::new(&host)),
            known: Mutex::new(BTreeMap::new()),
            elsewhere: elsewhere.clone(),
            is_doubtful: setup.doubtful.is_some(),
            acceptor: setup.doubtful.or_else(|| setup.authority.map(Authority::acceptor)),
            handshakes: AtomicU64::new(0),
            unheard_handshakes: AtomicU64::new(0),
            faults: Faults::default(),
            uploads: Uploads::default(),
            waits: patience.with(format!("the registry at {upstream}")),
            silences: watch::Sender::new(Vec::new()),
        });
        let mut tasks = vec![tokio::spawn(serve(listener, recorder.clone(), None))];
        tasks.extend(other.map(|other| tokio::spawn(serve(other, recorder.clone(), elsewhere))));
        Ok(Self { address, host, recorder, tasks })
    }

    /// `127.0.0.1:port`.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Takes the records of all requests whose path begins with `prefix`, and of those that had the credentials made up
    /// for it in the clear or where they do not belong.
    #[must_use]
    pub fn taken(&self, prefix: &str) -> Vec<WireRecord> {
        let mut records = self.recorder.records.lock().unwrap_or_else(PoisonError::into_inner);
        let is_of_it = |one: &Recorded| one.record.target.starts_with(prefix) || one.of.as_deref() == Some(prefix);
        let (taken, kept): (Vec<_>, Vec<_>) = records.drain(..).partition(is_of_it);
        *records = kept;
        taken.into_iter().map(|one| one.record).collect()
    }

    /// Whether it speaks TLS.
    #[must_use]
    pub fn has_tls(&self) -> bool {
        self.recorder.acceptor.is_some()
    }

    /// Whether a client has spoken TLS to it: has accepted its certificate.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        self.recorder.handshakes.load(Ordering::Relaxed) > 0
    }

    /// Whether a client has begun a TLS handshake where it speaks none.
    #[must_use]
    pub fn was_asked_for_tls(&self) -> bool {
        self.recorder.unheard_handshakes.load(Ordering::Relaxed) > 0
    }

    /// A user and a password that are good where a fault wants credentials of requests whose path begins with `prefix`:
    /// always the same, and other ones than those of any other prefix.
    #[must_use]
    pub fn made_up(&self, prefix: &str) -> (String, String) {
        let mut all = self.recorder.made_up.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.iter().position(|(of, _)| of == prefix).unwrap_or_else(|| {
            // Without randomness the pair still tells these requests from others, on this machine alone.
            let guard = Guard::made_up().unwrap_or_else(|| Guard::new("platform", prefix));
            if let Some(tokens) = &self.recorder.tokens {
                tokens.make_ready(prefix, &guard.password);
            }
            all.push((prefix.to_owned(), guard));
            all.len() - 1
        });
        (all[known].1.user.clone(), all[known].1.password.clone())
    }

    /// From now on it is looked for whether requests whose path begins with `prefix` tell what is known, and whether
    /// ones of no other prefix tell a credential of it.
    pub fn look_for(&self, prefix: &str, known: Known) {
        self.recorder.known.lock().unwrap_or_else(PoisonError::into_inner).insert(prefix.to_owned(), Arc::new(known));
    }

    /// From now on requests whose path begins with `prefix` meet these faults of the registry, and no others.
    /// `analysed` is what the run image's tag named at the analysis.
    pub fn arm(&self, prefix: &str, faults: &[WireFault], analysed: Option<&Digest>) {
        self.recorder.faults.arm(prefix, faults, analysed);
    }

    /// Takes the first silence of the registry in a request whose path begins with `prefix`, where there was one.
    #[must_use]
    pub fn silence(&self, prefix: &str) -> Option<Overdue> {
        let mut found = None;
        self.recorder.silences.send_if_modified(|silences| {
            found = silences.iter().find(|(target, _)| target.starts_with(prefix)).map(|(_, overdue)| overdue.clone());
            silences.retain(|(target, _)| !target.starts_with(prefix));
            false
        });
        found
    }

    /// Waits until the registry is silent in such a request.
    pub async fn falls_silent(&self, prefix: &str) -> Overdue {
        let mut silences = self.recorder.silences.subscribe();
        loop {
            silences.mark_unchanged();
            if let Some(found) = self.silence(prefix) {
                return found;
            }
            if silences.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }
}

impl Drop for RecordingProxy {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

#[cfg(test)]
mod tests;
