//! One way to take a lock, so that a panic elsewhere never drops evidence silently.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes the lock, also after a panic of a thread that held it: what is behind the suite's locks is whole after every
/// single change, and what was seen until then has to be told.
pub(crate) fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_before_a_panic_is_still_there() {
        let seen = std::sync::Arc::new(Mutex::new(vec![1]));
        let other = std::sync::Arc::clone(&seen);
        let ended = std::thread::spawn(move || {
            let _held = locked(&other);
            panic!("while the lock is held");
        });
        assert!(ended.join().is_err() && seen.is_poisoned());
        locked(&seen).push(2);
        assert_eq!(*locked(&seen), [1, 2]);
    }
}
