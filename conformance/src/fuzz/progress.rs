//! Progress on a terminal: cases begun, and what is being shrunk.

use std::collections::BTreeSet;
use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::report::terminal::visible;
use crate::run::Event;

/// A bar, or nothing where standard error is no terminal.
#[derive(Clone)]
pub(super) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    pub(super) fn new(cases: u64) -> Self {
        let shown = std::io::stderr().is_terminal();
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(cases), target);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} cases, {eta} left  {wide_msg}") {
            bar.set_style(style);
        }
        Self { bar }
    }

    /// Follows one batch to its end.
    pub(super) async fn follow(self, mut events: UnboundedReceiver<Event>) {
        let mut begun = BTreeSet::new();
        while let Some(event) = events.recv().await {
            if let Event::Exporting { id } = event {
                self.bar.set_message(visible(&id));
                if begun.insert(id.split('/').next().unwrap_or_default().to_owned()) {
                    self.bar.inc(1);
                }
            }
        }
    }

    pub(super) fn shrinking(&self, case: u64, requirement: &str, tries: usize) {
        self.bar.set_message(format!("shrinking case {case} ({requirement}), try {tries}"));
    }

    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
