//! What an exporter printed, as judges may read it: line by line, without what differs from run to run. Timers, dates,
//! paths, references, ports, process ids and colours never decide; words do.

use crate::evidence::Export;

/// Everything that an export printed, both streams.
#[derive(Debug, Clone)]
pub struct Output(Vec<Line>);

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    text: String,
    words: Vec<String>,
}

impl Output {
    /// The output of an export: standard output first.
    #[must_use]
    pub fn of(export: &Export) -> Self {
        let lines = export.outcome.stdout.lines().chain(export.outcome.stderr.lines());
        Self(lines.map(Line::new).collect())
    }

    /// Its lines.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.0.iter()
    }
}

impl Line {
    /// Reads a line.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let text = without_colours(text).trim().to_owned();
        let words = words(&text);
        Self { text, words }
    }

    /// The line without colours.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its words in lower case: without paths, references, numbers and whatever else varies from run to run.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// Whether one of its words begins so; a name in a path or a reference is not a word.
    #[must_use]
    pub fn speaks_of(&self, beginning: &str) -> bool {
        self.words.iter().any(|word| word.starts_with(beginning))
    }

    /// Whether it has the text as it stands, and not as a part of a longer word or path.
    #[must_use]
    pub fn quotes(&self, text: &str) -> bool {
        let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || matches!(c, '/' | '_' | '-'));
        !text.is_empty()
            && self.text.match_indices(text).any(|(at, _)| {
                let (before, after) = (&self.text[..at], &self.text[at + text.len()..]);
                !is_part(before.chars().next_back()) && !is_part(after.chars().next())
            })
    }
}

/// The text without the escape sequences of terminals.
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '\u{1b}' {
            plain.push(c);
            continue;
        }
        match rest.next() {
            Some('[') => drop(rest.by_ref().find(|c| ('\u{40}'..='\u{7e}').contains(c))),
            Some(']') => drop(rest.by_ref().find(|c| matches!(c, '\u{7}' | '\\'))),
            _ => {}
        }
    }
    plain
}

/// Words of a line: what is a path or a reference (it holds a `/`) is none, and what holds a digit is none.
fn words(text: &str) -> Vec<String> {
    let is_of_a_token = |c: char| c.is_alphanumeric() || "_-./:@%+~".contains(c);
    let tokens = text.split(|c| !is_of_a_token(c)).filter(|token| !token.contains('/'));
    let parts = tokens.flat_map(|token| token.split(['-', '.', ':', '@', '%', '+', '~']));
    let is_word = |part: &&str| part.chars().any(char::is_alphabetic) && !part.chars().any(char::is_numeric);
    parts.filter(is_word).map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_varies_from_run_to_run_is_no_word() {
        for text in [
            "Timer: Saving app:latest ran for 23.874614ms and ended at 2026-11-28T10:00:00Z",
            "Timer: Saving app:latest ran for 1.2s and ended at 2026-11-29T11:11:11+01:00",
            "\u{1b}[36mTimer:\u{1b}[0m Saving app:latest ran for 7s, and ended at 10:00:00",
            "[4711] Timer: Saving app:latest ran for 0xc0ffee and ended at /tmp/experimental/a",
            "Timer: Saving app:latest ran for 127.0.0.1:5000/experimental and ended at ./warning/x",
        ] {
            let expected = ["timer", "saving", "app", "latest", "ran", "for", "and", "ended", "at"];
            let line = Line::new(text);
            let words: Vec<&str> = line.words().iter().map(String::as_str).filter(|word| *word != "t").collect();
            assert_eq!(words, expected, "{text}");
        }
    }

    #[test]
    fn a_line_speaks_by_its_words() {
        for text in [
            "Warning: Platform requested EXPERIMENTAL feature 'export to OCI layout'",
            "{\"level\":\"warn\",\"msg\":\"layout is experimental\",\"time\":\"2026-11-28T10:00:00Z\"}",
            "level=warning msg=experimental",
            "\u{1b}[33;1mexperimental\u{1b}[0m:",
            "layout-experimental: on",
        ] {
            assert!(Line::new(text).speaks_of("experimental"), "{text}");
        }
        for text in
            ["CNB_EXPERIMENTAL_MODE is silent", "saved /layout/experimental/app", "h.example/experimental:1", ""]
        {
            assert!(!Line::new(text).speaks_of("experimental"), "{text}");
        }
    }

    #[test]
    fn a_text_is_quoted_whole() {
        for text in ["slice [static/*] is empty", "'static/*'", "static/*"] {
            assert!(Line::new(text).quotes("static/*"), "{text}");
        }
        for text in ["my-static/*", "/a/static/*", "static/*x", "other"] {
            assert!(!Line::new(text).quotes("static/*"), "{text}");
        }
        assert!(!Line::new("x").quotes(""));
    }
}
