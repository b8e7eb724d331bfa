//! Ends on a signal what this program has started: signals are noted, what waits asks, and an error takes everything
//! down.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};

use super::Failure;

static ENDED: AtomicBool = AtomicBool::new(false);

/// Notes the signals that ask a program to end, from now on.
pub(super) fn watch() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let (mut signals, guard) = (Vec::new(), runtime.enter());
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        signals.push(signal(kind)?);
    }
    drop(guard);
    std::thread::spawn(move || {
        let waiting = signals.iter_mut().map(|signal| Box::pin(signal.recv()));
        runtime.block_on(futures_util::future::select_all(waiting));
        ENDED.store(true, Ordering::Relaxed);
    });
    Ok(())
}

/// Whether the program has been asked to end.
pub(super) fn is_asked_for() -> bool {
    ENDED.load(Ordering::Relaxed)
}

/// Fails once the program has been asked to end.
pub(super) fn check() -> Result<(), Failure> {
    if is_asked_for() { Err("ended by a signal; what was started has been ended too".into()) } else { Ok(()) }
}
