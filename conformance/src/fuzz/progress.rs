//! Progress on a terminal: cases begun, and what is being shrunk.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::mpsc::UnboundedReceiver;

use crate::progress::{Line, at_this_speed, drawn};
use crate::report::terminal::visible;
use crate::run::Event;

/// A line, or nothing where standard error is not a terminal.
#[derive(Clone)]
pub(super) struct Progress {
    line: Line,
    began: Instant,
    begun: Arc<AtomicUsize>,
    cases: usize,
}

impl Progress {
    pub(super) fn new(cases: u64) -> Self {
        let cases = usize::try_from(cases).unwrap_or(usize::MAX);
        Self { line: Line::new(), began: Instant::now(), begun: Arc::default(), cases }
    }

    /// Follows one batch to its end.
    pub(super) async fn follow(self, mut events: UnboundedReceiver<Event>) {
        let mut begun = BTreeSet::new();
        while let Some(event) = events.recv().await {
            if let Event::Exporting { id, .. } = event {
                if begun.insert(id.split('/').next().unwrap_or_default().to_owned()) {
                    self.begun.fetch_add(1, Ordering::Relaxed);
                }
                self.show(&visible(&id));
            }
        }
    }

    pub(super) fn shrinking(&self, case: u64, requirement: &str, tries: usize) {
        self.show(&format!("shrinking case {case} ({requirement}), try {tries}"));
    }

    fn show(&self, what: &str) {
        let done = self.begun.load(Ordering::Relaxed);
        let begun = drawn(done, self.cases, at_this_speed(done, self.cases, self.began.elapsed()), "cases");
        self.line.draw(&format!("{begun}  {what}"));
    }

    pub(super) fn clear(&self) {
        self.line.clear();
    }
}
