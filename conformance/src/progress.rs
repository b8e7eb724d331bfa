//! Progress while a run goes on: a bar on a terminal, elsewhere a plain line now and then.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::report::terminal::visible;
use crate::run::Event;

/// Shows events until their sender is gone.
pub async fn show(mut events: UnboundedReceiver<Event>) {
    let bar = ProgressBar::new(0);
    let target =
        if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    bar.set_draw_target(target);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} exports, {eta} left  {wide_msg}") {
        bar.set_style(style);
    }
    let mut lines = Lines { begun: Instant::now(), last: Instant::now(), done: 0, of: 0 };
    let plain = !std::io::stderr().is_terminal();
    while let Some(event) = events.recv().await {
        match event {
            Event::Started { exports } => {
                bar.set_length(exports as u64);
                lines.of = exports;
            }
            Event::Exporting { id } => bar.set_message(visible(&id)),
            Event::Exported { .. } => {
                bar.inc(1);
                if let Some(line) = lines.next(Instant::now()).filter(|_| plain) {
                    eprintln!("{line}");
                }
            }
        }
    }
    bar.finish_and_clear();
}

/// How long nothing is said where lines stay.
const PAUSE: Duration = Duration::from_secs(10);

struct Lines {
    begun: Instant,
    last: Instant,
    done: usize,
    of: usize,
}

impl Lines {
    /// One more export is done; the line that says so, where the last one was long ago.
    fn next(&mut self, now: Instant) -> Option<String> {
        self.done += 1;
        if now.duration_since(self.last) < PAUSE {
            return None;
        }
        self.last = now;
        let took = now.duration_since(self.begun).as_secs();
        let left = took * self.of.saturating_sub(self.done) as u64 / self.done as u64;
        Some(format!("{}/{} exports, {took} s, about {left} s left", self.done, self.of))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_few_and_tell_the_time_left() {
        let begun = Instant::now();
        let mut lines = Lines { begun, last: begun, done: 0, of: 40 };
        let said: Vec<String> = (1..=12).filter_map(|second| lines.next(begun + Duration::from_secs(second))).collect();
        assert_eq!(said, ["10/40 exports, 10 s, about 30 s left"]);
    }
}
