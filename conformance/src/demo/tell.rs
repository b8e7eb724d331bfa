//! What the demo prints, as it happens.

use std::io::Write;

/// Where it is told.
pub struct Tell {
    out: Box<dyn Write>,
    steps: usize,
}

impl Tell {
    /// Told to `out`.
    #[must_use]
    pub fn new(out: Box<dyn Write>) -> Self {
        Self { out, steps: 0 }
    }

    fn put(&mut self, text: &str) {
        // A reader that has seen enough ends nothing.
        let _ = writeln!(self.out, "{text}");
        let _ = self.out.flush();
    }

    pub(super) fn title(&mut self, text: &str) {
        self.put(text);
    }

    pub(super) fn step(&mut self, text: &str) {
        self.steps += 1;
        let number = self.steps;
        self.put(&format!("\n{number}  {text}"));
    }

    pub(super) fn line(&mut self, text: &str) {
        self.put(&format!("   {text}"));
    }

    /// A file or what a program printed; without what a terminal would obey.
    pub(super) fn quoted(&mut self, text: &str) {
        for line in text.lines().filter(|line| !line.is_empty()) {
            let line: String = line.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
            self.put(&format!("   | {line}"));
        }
    }
}
