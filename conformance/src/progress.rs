//! Progress while a run goes on: a line that is drawn again and again on a terminal, elsewhere a plain line now and
//! then.
//!
//! `indicatif` draws bars; this line says what is waited for and when that is ended, and is tested as text.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write as _};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedReceiver;

use crate::report::terminal::visible;
use crate::run::Event;

/// How long nothing is said where lines stay.
const PAUSE: Duration = Duration::from_mins(1);
/// From how long on an export is waited for, and not just made.
const SLOW: Duration = Duration::from_secs(5);
/// How often a terminal's line is drawn, also where nothing happens.
const DRAWN: Duration = Duration::from_secs(1);

/// Shows events until their sender is gone; nothing where that is `quiet`.
pub async fn show(mut events: UnboundedReceiver<Event>, quiet: bool) {
    if quiet {
        while events.recv().await.is_some() {}
        return;
    }
    let line = Line::new();
    let (begun, mut last, mut count) = (Instant::now(), Instant::now(), Count::default());
    loop {
        let due = if line.shown { DRAWN } else { PAUSE.saturating_sub(last.elapsed()) };
        match tokio::time::timeout(due, events.recv()).await {
            Ok(None) => break,
            Ok(Some(Event::Removed { what })) => {
                line.clear();
                write(&visible(&format!("conformance: removed what killed runs had left: {}", what.join(", "))));
                write("\n");
            }
            Ok(Some(event)) => count.hear(event),
            Err(_) => {}
        }
        let now = Instant::now();
        if line.shown {
            let rest = count.left(begun.elapsed(), now);
            line.draw(&format!("{}  {}", drawn(count.done, count.of, rest, "exports"), count.under_way()));
        } else if last.elapsed() >= PAUSE {
            last = now;
            write(&(count.said(begun.elapsed(), now) + "\n"));
        }
    }
    line.clear();
}

/// A line of standard error that is drawn over again and again; nothing where that is not a terminal.
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
pub(crate) fn drawn(done: usize, of: usize, rest: Option<Left>, what: &str) -> String {
    const BAR: usize = 30;
    let full = (BAR * done).checked_div(of).unwrap_or_default().min(BAR);
    let rest = match rest {
        None => String::new(),
        Some(Left::About(seconds)) => format!("{} left", spelled(seconds)),
        Some(Left::AtMost(seconds)) => format!("up to {}", spelled(seconds)),
        Some(Left::Unknown) => "waiting".to_owned(),
    };
    let width = of.to_string().len();
    format!("{done:>width$}/{of} {what} {}{} {rest:>11}", "█".repeat(full), "░".repeat(BAR - full))
}

fn spelled(seconds: u64) -> String {
    if seconds < 100 { format!("{seconds} s") } else { format!("{} min", seconds.div_ceil(60)) }
}

/// How long the rest may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// As long as the others took.
    About(u64),
    /// Something takes longer than the others did, and its limit ends it then.
    AtMost(u64),
    /// Something takes longer than the others did and than its exporter may take: a service is waited for.
    Unknown,
}

/// The time for what is not done, at the speed of what is; none where nothing is.
pub(crate) fn at_this_speed(done: usize, of: usize, took: Duration) -> Option<Left> {
    let rest = of.saturating_sub(done) as u64;
    let seconds = (took.as_secs() * rest).checked_div(done as u64)?;
    (rest > 0).then(|| Left::About(seconds.max(1)))
}

/// An export that is under way.
struct Running {
    id: String,
    begun: Instant,
    /// When its exporter is ended.
    limit: Duration,
}

/// Exports that are done, and how many there will be.
#[derive(Default)]
struct Count {
    done: usize,
    of: usize,
    of_scenarios: BTreeMap<String, usize>,
    /// Those that are under way, the latest at the end.
    running: Vec<Running>,
    /// How long the longest export took that is done.
    longest: Duration,
}

impl Count {
    fn hear(&mut self, event: Event) {
        match event {
            Event::Removed { .. } => {}
            Event::Started { exports } => self.of = exports,
            Event::Exporting { id, limit } => {
                self.running.push(Running { id, begun: Instant::now(), limit: Duration::from_secs(limit) });
            }
            Event::Exported { id } => {
                self.done += 1;
                // One that its limit ended says nothing of how long others may take.
                let ended = self.running.iter().filter(|running| running.id == id);
                let took = ended.map(|running| (running.begun.elapsed(), running.limit));
                let usual = took.filter(|(took, limit)| took < limit).map(|(took, _)| took);
                self.longest = usual.max().unwrap_or_default().max(self.longest);
                self.running.retain(|running| running.id != id);
                *self.of_scenarios.entry(scenario(&id).to_owned()).or_default() += 1;
            }
            // An engine that ends makes some exports again, and what cannot be observed keeps others from being made.
            Event::Ended { scenario, planned } => {
                let made = self.of_scenarios.get(&scenario).copied().unwrap_or_default();
                self.of = (self.of + made).saturating_sub(planned);
            }
        }
    }

    /// The export that takes longer than those that are done, and is ended last.
    fn slow(&self, now: Instant) -> Option<&Running> {
        let usual = self.longest.max(SLOW);
        let slow = self.running.iter().filter(|running| now.saturating_duration_since(running.begun) > usual);
        slow.max_by_key(|running| running.begun + running.limit)
    }

    /// How long the rest may take; none where nothing tells it.
    fn left(&self, took: Duration, now: Instant) -> Option<Left> {
        let Some(slow) = self.slow(now) else { return at_this_speed(self.done, self.of, took) };
        let until = (slow.begun + slow.limit).saturating_duration_since(now).as_secs();
        // What the others need next to it.
        let others = self.of.saturating_sub(self.running.len());
        match at_this_speed(self.done, others, took) {
            _ if until == 0 => Some(Left::Unknown),
            Some(Left::About(seconds)) if seconds > until => Some(Left::About(seconds)),
            _ => Some(Left::AtMost(until)),
        }
    }

    fn said(&self, took: Duration, now: Instant) -> String {
        let so_far = format!("{}/{} exports, {} s", self.done, self.of, took.as_secs());
        let waiting = || self.slow(now).map_or_else(String::new, |slow| format!(", waiting for {}", visible(&slow.id)));
        match self.left(took, now) {
            _ if self.done >= self.of && self.of > 0 => format!("{so_far}, judging"),
            None => so_far,
            Some(Left::About(seconds)) => format!("{so_far}, about {seconds} s left"),
            Some(Left::AtMost(seconds)) => {
                format!("{so_far}{}, which is ended in {seconds} s at the latest", waiting())
            }
            Some(Left::Unknown) => format!("{so_far}{}, which takes longer than the exporter may", waiting()),
        }
    }

    fn under_way(&self) -> String {
        match self.running.last() {
            Some(running) => visible(&running.id),
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
        let said = |done, took| Count { done, of: 40, ..Count::default() }.said(seconds(took), Instant::now());
        assert_eq!(said(0, 10), "0/40 exports, 10 s");
        assert_eq!(said(10, 10), "10/40 exports, 10 s, about 30 s left");
        assert_eq!(said(40, 41), "40/40 exports, 41 s, judging");
        for (done, took, bar, rest) in [
            (0, 7, 0, ""),
            (20, 10, 15, "10 s left"),
            (1, 10, 0, "7 min left"),
            (40, 41, 30, ""),
            (39, 3, 29, "1 s left"),
        ] {
            let bar = "█".repeat(bar) + &"░".repeat(30 - bar);
            let line = drawn(done, 40, at_this_speed(done, 40, seconds(took)), "exports");
            assert_eq!(line, format!("{done:>2}/40 exports {bar} {rest:>11}"));
        }
        assert!(drawn(0, 0, None, "exports").starts_with("0/0 exports ░"));
    }

    #[test]
    fn an_export_that_waits_for_its_limit_is_told_with_what_is_left_of_that() {
        let mut count = Count::default();
        count.hear(Event::Started { exports: 219 });
        count.done = 217;
        for (id, limit) in [("waits/registry/2", 120), ("also/registry/1", 25)] {
            count.hear(Event::Exporting { id: id.to_owned(), limit });
        }
        let after = |s| (Duration::from_secs(s), Instant::now() + Duration::from_secs(s));
        let left = |count: &Count, s| count.left(after(s).0, after(s).1);
        assert_eq!(left(&count, 4), Some(Left::About(1)), "it may be over at once");
        assert!(matches!(left(&count, 30), Some(Left::AtMost(89..=90))), "{:?}", left(&count, 30));
        let told = count.said(after(30).0, after(30).1);
        assert!(told.starts_with("217/219 exports, 30 s, waiting for waits/registry/2, which is ended in "), "{told}");
        assert_eq!(left(&count, 130), Some(Left::Unknown));
        count.done = 100;
        assert!(matches!(left(&count, 110), Some(Left::About(120..))), "others need longer: {:?}", left(&count, 110));
        for id in ["waits/registry/2", "also/registry/1"] {
            count.hear(Event::Exported { id: id.to_owned() });
        }
        assert_eq!(left(&count, 51), Some(Left::About(58)));
    }

    #[test]
    fn an_export_that_its_limit_ended_is_not_how_long_others_take() {
        let mut count = Count::default();
        count.hear(Event::Started { exports: 472 });
        count.hear(Event::Exporting { id: "hangs/registry/1".to_owned(), limit: 0 });
        std::thread::sleep(Duration::from_millis(5));
        count.hear(Event::Exported { id: "hangs/registry/1".to_owned() });
        assert_eq!(count.longest, Duration::ZERO);
        count.done = 469;
        count.hear(Event::Exporting { id: "hangs/registry/2".to_owned(), limit: 125 });
        let now = Instant::now() + Duration::from_secs(30);
        assert!(matches!(count.left(Duration::from_secs(160), now), Some(Left::AtMost(94..=95))));
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
        let line = drawn(29, 41, Some(Left::AtMost(3)), "exports") + "  minimal/registry/1";
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
            count.hear(Event::Exporting { id: id.to_owned(), limit: 120 });
        }
        assert_eq!(count.under_way(), "quick\\u{1b}/layout/1");
        count.hear(Event::Exported { id: "quick\u{1b}/layout/1".to_owned() });
        assert_eq!(count.under_way(), "waits/registry/1");
    }
}
