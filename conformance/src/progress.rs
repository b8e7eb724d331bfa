//! Progress while a run goes on: a line that is drawn again and again on a terminal, elsewhere a plain line now and then.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write as _};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedReceiver;

use crate::report::terminal::visible;
use crate::run::Event;

/// How long nothing is said where lines stay.
const PAUSE: Duration = Duration::from_secs(10);
/// How often a terminal's line is drawn, also where nothing happens.
const DRAWN: Duration = Duration::from_secs(1);

/// Shows events until their sender is gone.
pub async fn show(mut events: UnboundedReceiver<Event>) {
    let line = Line::new();
    let (begun, mut last, mut count) = (Instant::now(), Instant::now(), Count::default());
    loop {
        let due = if line.shown { DRAWN } else { PAUSE.saturating_sub(last.elapsed()) };
        match tokio::time::timeout(due, events.recv()).await {
            Ok(None) => break,
            Ok(Some(event)) => count.hear(event),
            Err(_) => {}
        }
        if line.shown {
            let what = count.under_way();
            line.draw(&format!("{}  {what}", drawn(count.done, count.of, begun.elapsed(), "exports")));
        } else if last.elapsed() >= PAUSE {
            last = Instant::now();
            write(&(said(count.done, count.of, begun.elapsed()) + "\n"));
        }
    }
    line.clear();
}

/// A line of standard error that is drawn over again and again; nothing where that is no terminal.
#[derive(Clone, Copy)]
pub(crate) struct Line {
    shown: bool,
}

impl Line {
    pub(crate) fn new() -> Self {
        let can_be_steered = std::env::var_os("TERM").is_some_and(|name| name != "dumb");
        Self { shown: std::io::stderr().is_terminal() && can_be_steered }
    }

    pub(crate) fn draw(self, text: &str) {
        if self.shown {
            let columns = console::Term::stderr().size().1;
            write(&format!("\r{}\u{1b}[K", fitting(text, columns.into())));
        }
    }

    pub(crate) fn clear(self) {
        if self.shown {
            write("\r\u{1b}[K");
        }
    }
}

/// As much of `text` as leaves room for the `^C` that a terminal echoes, which would begin a new line otherwise.
fn fitting(text: &str, columns: usize) -> Cow<'_, str> {
    const ECHO: usize = 3;
    console::truncate_str(text, columns.saturating_sub(ECHO), "")
}

/// A terminal that is gone ends no run.
fn write(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// What is done of how much, how long the rest may take, and a bar, which a narrow terminal cuts off.
pub(crate) fn drawn(done: usize, of: usize, took: Duration, what: &str) -> String {
    const BAR: usize = 30;
    let full = (BAR * done).checked_div(of).unwrap_or_default().min(BAR);
    let rest = match left(done, of, took) {
        None | Some(0) => String::new(),
        Some(seconds) if seconds < 100 => format!("{seconds} s left"),
        Some(seconds) => format!("{} min left", seconds.div_ceil(60)),
    };
    let width = of.to_string().len();
    format!("{done:>width$}/{of} {what} {}{} {rest:>11}", "█".repeat(full), "░".repeat(BAR - full))
}

fn said(done: usize, of: usize, took: Duration) -> String {
    let so_far = format!("{done}/{of} exports, {} s", took.as_secs());
    match left(done, of, took) {
        _ if done >= of && of > 0 => format!("{so_far}, judging"),
        None => so_far,
        Some(seconds) => format!("{so_far}, about {seconds} s left"),
    }
}

/// Seconds, where something is done from which they can be told.
fn left(done: usize, of: usize, took: Duration) -> Option<u64> {
    (took.as_secs() * of.saturating_sub(done) as u64).checked_div(done as u64)
}

/// Exports that are done, and how many there will be.
#[derive(Default)]
struct Count {
    done: usize,
    of: usize,
    of_scenarios: BTreeMap<String, usize>,
    /// Ids of those that are under way, the latest at the end.
    running: Vec<String>,
}

impl Count {
    fn hear(&mut self, event: Event) {
        match event {
            Event::Started { exports } => self.of = exports,
            Event::Exporting { id } => self.running.push(id),
            Event::Exported { id } => {
                self.done += 1;
                self.running.retain(|running| *running != id);
                *self.of_scenarios.entry(scenario(&id).to_owned()).or_default() += 1;
            }
            // An engine that ends makes some exports again, and what cannot be observed keeps others from being made.
            Event::Ended { scenario, planned } => {
                let made = self.of_scenarios.get(&scenario).copied().unwrap_or_default();
                self.of = (self.of + made).saturating_sub(planned);
            }
        }
    }

    fn under_way(&self) -> String {
        match self.running.last() {
            Some(id) => visible(id),
            None if self.of > 0 && self.done >= self.of => "judging".to_owned(),
            None => String::new(),
        }
    }
}

fn scenario(id: &str) -> &str {
    id.rsplitn(3, '/').nth(2).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_how_much_is_done_and_the_time_left_once_it_can_be_told() {
        let seconds = Duration::from_secs;
        assert_eq!(said(0, 40, seconds(10)), "0/40 exports, 10 s");
        assert_eq!(said(10, 40, seconds(10)), "10/40 exports, 10 s, about 30 s left");
        assert_eq!(said(40, 40, seconds(41)), "40/40 exports, 41 s, judging");
        for (done, took, bar, rest) in
            [(0, 7, 0, ""), (20, 10, 15, "10 s left"), (1, 10, 0, "7 min left"), (40, 41, 30, "")]
        {
            let bar = "█".repeat(bar) + &"░".repeat(30 - bar);
            assert_eq!(drawn(done, 40, seconds(took), "exports"), format!("{done:>2}/40 exports {bar} {rest:>11}"));
        }
        assert!(drawn(0, 0, seconds(1), "exports").starts_with("0/0 exports ░"));
    }

    #[test]
    fn exports_that_are_not_made_or_made_again_are_counted_when_their_scenario_ends() {
        let mut count = Count::default();
        count.hear(Event::Started { exports: 9 });
        let exported = |id: &str| Event::Exported { id: id.to_owned() };
        let ended = |name: &str, planned| Event::Ended { scenario: name.to_owned(), planned };
        for id in ["one/registry/1", "one/layout/1", "fault/two/daemon:classic/1", "fault/two/daemon:classic/1"] {
            count.hear(exported(id));
        }
        count.hear(ended("one", 4));
        assert_eq!((count.done, count.of), (4, 7));
        count.hear(ended("fault/two", 1));
        assert_eq!(count.under_way(), "");
        count.hear(ended("not begun", 4));
        assert_eq!((count.done, count.of, count.under_way()), (4, 4, "judging".to_owned()));
    }

    #[test]
    fn no_line_is_as_wide_as_the_terminal() {
        let line = drawn(29, 41, Duration::from_secs(3), "exports") + "  minimal/registry/1";
        for columns in [0, 2, 3, 30, 80, 200] {
            let shown = fitting(&line, columns);
            assert!(line.starts_with(&*shown) && shown.chars().count() <= columns.saturating_sub(3), "{shown}");
        }
        assert_eq!(fitting(&line, 200), line);
    }

    #[test]
    fn what_is_named_is_under_way() {
        let mut count = Count::default();
        count.hear(Event::Started { exports: 3 });
        for id in ["waits/registry/1", "quick\u{1b}/layout/1"] {
            count.hear(Event::Exporting { id: id.to_owned() });
        }
        assert_eq!(count.under_way(), "quick\\u{1b}/layout/1");
        count.hear(Event::Exported { id: "quick\u{1b}/layout/1".to_owned() });
        assert_eq!(count.under_way(), "waits/registry/1");
    }
}
