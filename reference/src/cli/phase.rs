//! Which phase of the lifecycle the program is called as: by the name that it is called by, as platforms do through a
//! link, or by its first word.

use std::ffi::OsString;
use std::fmt;
use std::path::Path;

/// A phase of the lifecycle that this program does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// `exporter`.
    Exporter,
    /// `rebaser`.
    Rebaser,
}

impl Phase {
    /// The phase of a command line, the program's name first, and the words that are left for it. A program that is
    /// called `exporter` is the exporter, also of an image with the name `rebaser`.
    pub fn of(command_line: impl IntoIterator<Item = OsString>) -> (Self, Vec<OsString>) {
        let mut words = command_line.into_iter();
        let program = words.next().unwrap_or_default();
        let mut words: Vec<OsString> = words.collect();
        match Path::new(&program).file_name().and_then(|name| name.to_str()) {
            Some("rebaser") => (Self::Rebaser, words),
            Some("exporter") => (Self::Exporter, words),
            _ if words.first().is_some_and(|word| word == "rebaser") => (Self::Rebaser, words.split_off(1)),
            _ => (Self::Exporter, words),
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exporter => "exporter",
            Self::Rebaser => "rebaser",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_goes_over_the_first_word() {
        for (line, phase, left) in [
            ("/cnb/lifecycle/rebaser a b", Phase::Rebaser, 2),
            ("rebaser rebaser", Phase::Rebaser, 1),
            ("/cnb/lifecycle/exporter rebaser", Phase::Exporter, 1),
            ("target/debug/reference-exporter rebaser -force a", Phase::Rebaser, 2),
            ("reference-exporter a rebaser", Phase::Exporter, 2),
            ("reference-exporter", Phase::Exporter, 0),
            ("", Phase::Exporter, 0),
        ] {
            let (found, words) = Phase::of(line.split_whitespace().map(OsString::from));
            assert_eq!((found, words.len()), (phase, left), "{line}");
        }
    }
}
