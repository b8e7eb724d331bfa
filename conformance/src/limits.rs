//! How long the suite waits for a service, and how much it does at a time, in one place. A limit is one of silence: the
//! wait starts again with every byte, so that what is large and slow is not an error. After a timeout, the limit of
//! that service is shorter.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use futures_util::{Stream, StreamExt as _};
use tokio_util::sync::CancellationToken;

/// Seconds that a service may be silent, where `--service-limit` says nothing else. Below what an exporter may take, so
/// that the silence of a registry is not taken for the exporter's.
pub const SERVICE_LIMIT: u64 = 90;
/// How many more than there are processors may be at work.
const MOST_BEYOND_PROCESSORS: usize = 4;
/// How much is done at a time where nothing else is asked for: twice as much as there are processors, because an export
/// waits for a registry or a daemon for a third of its time, but at most four more than there are, because each holds
/// memory.
#[must_use]
pub fn at_a_time() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    processors + processors.min(MOST_BEYOND_PROCESSORS)
}

/// How long a connection may take to be made.
pub const CONNECT: Duration = Duration::from_secs(10);
/// How long a credential helper may take: someone may have to unlock it.
pub const CREDENTIAL_HELPER: Duration = Duration::from_secs(30);
/// How long a pipe that a user names in place of a file may be silent.
pub const PIPE: Duration = Duration::from_secs(5);
/// How long a daemon may take to say what it is.
pub const INTRODUCTION: Duration = Duration::from_secs(5);
/// How long a private engine may take until it answers, or until it has ended.
pub const ENGINE: Duration = Duration::from_secs(40);
/// How long the registry's container may take to be started, without the pull of its image.
pub const CONTAINER: Duration = Duration::from_mins(1);
/// How long a container may take to be removed.
pub const ENDING: Duration = Duration::from_secs(45);
/// How long the pull of the registry's image may take: a machine without a network must not wait for long.
pub const PULL_OF_REGISTRY: Duration = Duration::from_secs(20);
/// How long the services may take to end what they are about when a signal ends the run while they are started.
pub const STARTING_AFTER_SIGNAL: Duration = Duration::from_secs(3);
/// How long a scenario may take to remove what it made after a signal.
pub const CLEANING_AFTER_SIGNAL: Duration = Duration::from_secs(20);
/// What a supervisor may take beyond its exporter's limit: it enters a namespace and ends processes.
pub const SUPERVISOR: Duration = Duration::from_mins(1);
/// What an exporter may take beyond the limit of its description, where it waits for a registry that never answers.
pub const UNREACHABLE_GRACE: u64 = 5;
/// From how long on a wait that its client gives up counts as the service's silence.
const GIVEN_UP: Duration = Duration::from_secs(10);
/// Least of what is waited for a service that was silent before.
const LEAST: Duration = Duration::from_secs(5);
/// What is waited for a service after a signal, for what has to be removed there.
const AFTER_SIGNAL: Duration = Duration::from_secs(3);
/// Bytes of a request that a service must take in a second.
const SLOWEST: u64 = 64 * 1024;
/// Number of consecutive timeouts of a service that are tolerated around one export.
const AROUND_AN_EXPORT: u32 = 5;

/// A service was waited for in vain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{service} was silent for {} s while it was to {doing}; --service-limit allows it more", waited.as_secs_f64().ceil())]
pub struct Overdue {
    /// Which service is silent.
    pub service: String,
    /// What it was asked to do.
    pub doing: String,
    /// For how long.
    pub waited: Duration,
}

/// How patient a run is with its services.
#[derive(Debug, Clone)]
pub struct Patience {
    limit: Duration,
    hurried: CancellationToken,
}

impl Default for Patience {
    fn default() -> Self {
        Self::new(Duration::from_secs(SERVICE_LIMIT), CancellationToken::new())
    }
}

impl Patience {
    /// Waits for `limit`, and next to not at all once `hurried` is cancelled.
    #[must_use]
    pub fn new(limit: Duration, hurried: CancellationToken) -> Self {
        Self { limit, hurried }
    }

    /// How patient a recorder is: its registry's silence must show before an exporter's own limit ends that.
    #[must_use]
    pub fn within_exporter(&self, limit: Duration) -> Self {
        Self { limit: self.limit.min(limit * 3 / 4), hurried: self.hurried.clone() }
    }

    /// The waits for one service, which is called so in messages.
    #[must_use]
    pub fn with(&self, service: impl Into<String>) -> Waits {
        Waits(Arc::new(Inner { service: service.into(), patience: self.clone(), silences: AtomicU32::new(0) }))
    }

    /// What is done around one export may take so long in all.
    #[must_use]
    pub fn around_an_export(&self) -> Duration {
        self.limit * AROUND_AN_EXPORT + ENGINE * 3
    }
}

/// The waits for one service. Clones share what is known of it.
#[derive(Debug, Clone)]
pub struct Waits(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    service: String,
    patience: Patience,
    silences: AtomicU32,
}

/// Notes that a wait was given up, where it was long.
struct Begun<'a> {
    inner: &'a Inner,
    at: Instant,
    over: bool,
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        // A service that is waited for when a signal comes is not waited for again, else every removal takes as long.
        if !self.over && self.inner.patience.hurried.is_cancelled() && self.at.elapsed() > Duration::from_secs(1) {
            self.inner.silences.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Waits {
    /// How long the service may be silent now.
    #[must_use]
    pub fn limit(&self) -> Duration {
        let silences = self.0.silences.load(Ordering::Relaxed).min(16);
        let limit = self.0.patience.limit;
        if self.0.patience.hurried.is_cancelled() {
            return limit.min(AFTER_SIGNAL / 4_u32.pow(silences.min(4)));
        }
        (limit / 2_u32.pow(silences)).max(LEAST.min(limit))
    }

    /// Whether a signal ends the run, so that nothing is tried once more.
    pub(crate) fn is_hurried(&self) -> bool {
        self.0.patience.hurried.is_cancelled()
    }

    /// The service was silent for `waited`.
    pub(crate) fn silent(&self, doing: &str, waited: Duration) -> Overdue {
        self.0.silences.fetch_add(1, Ordering::Relaxed);
        Overdue { service: self.0.service.clone(), doing: doing.to_owned(), waited }
    }

    /// Whether a wait of this length that its client gave up is the service's silence.
    pub(crate) fn was_long(&self, waited: Duration) -> bool {
        waited >= GIVEN_UP.min(self.0.patience.limit)
    }

    /// Waits for one answer.
    ///
    /// # Errors
    /// [`Overdue`] when the service is silent for too long.
    pub async fn answer<F: Future>(&self, doing: &str, answer: F) -> Result<F::Output, Overdue> {
        self.answer_to(0, doing, answer).await
    }

    /// Waits for the answer to a request of `bytes`, which the service has to take first.
    ///
    /// # Errors
    /// [`Overdue`] when the service is silent for too long.
    pub async fn answer_to<F: Future>(&self, bytes: u64, doing: &str, answer: F) -> Result<F::Output, Overdue> {
        let limit = self.limit() + Duration::from_secs(bytes / SLOWEST);
        let mut begun = Begun { inner: &self.0, at: Instant::now(), over: false };
        let found = tokio::time::timeout(limit, answer).await;
        begun.over = true;
        found.map_err(|_| self.silent(doing, limit))
    }

    /// A stream that ends with [`Overdue`] where nothing comes for too long, and at once when a signal ends the run.
    pub fn stream<S>(&self, doing: &str, stream: S) -> impl Stream<Item = Result<S::Item, Overdue>> + Send + use<S>
    where
        S: Stream + Send + 'static,
        S::Item: Send,
    {
        self.stream_to(0, doing, stream)
    }

    /// Such a stream in answer to a request of `bytes`, which the service has to take first.
    pub fn stream_to<S>(
        &self,
        bytes: u64,
        doing: &str,
        stream: S,
    ) -> impl Stream<Item = Result<S::Item, Overdue>> + Send + use<S>
    where
        S: Stream + Send + 'static,
        S::Item: Send,
    {
        let (waits, doing) = (self.clone(), doing.to_owned());
        let taken = Duration::from_secs(bytes / SLOWEST);
        futures_util::stream::unfold(Some(stream.boxed()), move |stream| {
            let (waits, doing) = (waits.clone(), doing.clone());
            async move {
                let mut stream = stream?;
                let limit = waits.limit() + taken;
                let begun = Instant::now();
                tokio::select! {
                    biased;
                    next = stream.next() => next.map(|item| (Ok(item), Some(stream))),
                    () = tokio::time::sleep(limit) => Some((Err(waits.silent(&doing, limit)), None)),
                    () = waits.0.patience.hurried.cancelled() => Some((Err(waits.silent(&doing, begun.elapsed())), None)),
                }
            }
        })
    }

    /// A stream of bytes with such an end; what ended it is told by [`overdue`].
    pub fn bytes<S, T, E>(&self, doing: &str, stream: S) -> impl Stream<Item = std::io::Result<T>> + Send + use<S, T, E>
    where
        S: Stream<Item = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        self.stream(doing, stream).map(|item| match item {
            Ok(item) => item.map_err(std::io::Error::other),
            Err(overdue) => Err(std::io::Error::new(std::io::ErrorKind::TimedOut, overdue)),
        })
    }
}

/// The silence that is the cause of an error, where one is.
#[must_use]
pub fn overdue(error: &(dyn std::error::Error + 'static)) -> Option<Overdue> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<Overdue>() {
            return Some(found.clone());
        }
        // What is in an error of I/O is not its source: its source is that one's.
        if let Some(inner) = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref)
            && let Some(found) = overdue(inner)
        {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patience(milliseconds: u64) -> Patience {
        Patience::new(Duration::from_millis(milliseconds), CancellationToken::new())
    }

    #[tokio::test]
    async fn silence_ends_a_wait_and_says_who_and_how_long() {
        let waits = patience(40).with("the registry");
        let said = waits.answer("answer GET /v2/", std::future::pending::<()>()).await.unwrap_err().to_string();
        assert!(said.starts_with("the registry was silent for 1 s while it was to answer GET /v2/"), "{said}");
        assert_eq!(waits.answer("answer", std::future::ready(3)).await, Ok(3));
    }

    #[test]
    fn who_was_silent_is_waited_for_less_but_never_less_than_a_moment() {
        let waits = patience(20_000).with("it");
        let mut limits = Vec::new();
        for _ in 0..4 {
            limits.push(waits.limit().as_secs());
            let _ = waits.silent("answer", waits.limit());
        }
        assert_eq!(limits, [20, 10, 5, 5]);
    }

    #[tokio::test]
    async fn a_slow_stream_is_no_error_and_a_silent_one_is() {
        let waits = patience(600).with("it");
        let slow = futures_util::stream::iter(0..5).then(|n| async move {
            tokio::time::sleep(Duration::from_millis(200)).await;
            n
        });
        assert!(waits.stream("send", slow).all(|item| std::future::ready(item.is_ok())).await);
        let stops = futures_util::stream::iter([1, 2]).chain(futures_util::stream::pending());
        let seen: Vec<_> = waits.stream("send", stops).collect().await;
        assert_eq!(seen.len(), 3);
        assert!(seen[2].is_err());
    }

    #[tokio::test]
    async fn a_signal_ends_streams_at_once_and_leaves_little_patience() {
        let hurried = CancellationToken::new();
        let waits = Patience::new(Duration::from_mins(1), hurried.clone()).with("it");
        let begun = tokio::time::Instant::now();
        let mut stream = Box::pin(waits.stream("send", futures_util::stream::pending::<()>()));
        let (ended, ()) = tokio::join!(stream.next(), async { hurried.cancel() });
        assert!(ended.is_some_and(|item| item.is_err()));
        assert!(begun.elapsed() < Duration::from_secs(1));
        assert!(waits.limit() < Duration::from_secs(1), "{:?}", waits.limit());
    }

    #[test]
    fn silence_is_found_below_other_errors() {
        let silence = patience(1).with("it").silent("send", Duration::from_secs(1));
        let inner = std::io::Error::new(std::io::ErrorKind::TimedOut, silence.clone());
        let outer = crate::observe::BlobError::Source { source: std::io::Error::other(inner) };
        assert_eq!(overdue(&outer), Some(silence));
        assert_eq!(overdue(&std::io::Error::other("broken")), None);
    }
}
