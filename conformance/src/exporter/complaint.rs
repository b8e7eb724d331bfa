//! What an exporter that ended badly said about how it was called: an unknown flag, a Platform API that it does not
//! speak, and otherwise the line that tells most. Read from exit code and both streams; parsers have their own words.

use judge::evidence::{End, Outcome};

use crate::prose::shortened;

/// How parsers word a flag that they do not know: Go, clap, argparse, getopt, and what is common.
const UNKNOWN: [&str; 14] = [
    "flag provided but not defined",
    "unexpected argument",
    "unexpected option",
    "wasn't expected",
    "unrecognized argument",
    "unrecognised argument",
    "unrecognized option",
    "unrecognised option",
    "unrecognized flag",
    "invalid option",
    "illegal option",
    "unknown flag",
    "unknown option",
    "unknown argument",
];

/// How a refusal of a version is worded.
const REFUSED: [&str; 9] = [
    "incompatible",
    "not compatible",
    "unsupported",
    "not supported",
    "does not support",
    "not support",
    "unknown",
    "not known",
    "does not speak",
];

/// Words of a line that says what went wrong.
const WRONG: [&str; 5] = ["error", "fail", "fatal", "cannot", "unable"];

/// A line about flags that are not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownFlags {
    /// Those of the flags given that it is about, in the order in which they were given.
    pub flags: Vec<String>,
    /// The line.
    pub line: String,
}

/// The flags given in `argv` that a line of the output says are not known; none where the exporter succeeded.
#[must_use]
pub fn unknown_flags(outcome: &Outcome, argv: &[String]) -> Option<UnknownFlags> {
    if outcome.succeeded() {
        return None;
    }
    let given: Vec<&str> = argv.iter().map(String::as_str).filter(|word| crate::flags::is_flag(word)).collect();
    lines(outcome).into_iter().find_map(|line| {
        let text = line.to_lowercase();
        if !UNKNOWN.iter().any(|words| text.contains(words)) {
            return None;
        }
        let words: Vec<&str> = line.split(|c: char| c.is_whitespace() || "'\"`‘’,;:()[]=".contains(c)).collect();
        let names = |flag: &&str| words.iter().any(|word| word == flag || word.strip_prefix('-') == Some(flag));
        let mut flags: Vec<String> = given.iter().filter(|flag| names(flag)).map(|flag| (*flag).to_owned()).collect();
        if flags.is_empty() {
            // Parsers that take one letter for a flag name the first letter alone.
            let letter = words.iter().rev().find_map(|word| one_letter(word))?;
            flags.extend(given.iter().find(|flag| flag.chars().nth(1) == Some(letter)).map(|flag| (*flag).to_owned()));
        }
        flags.dedup();
        (!flags.is_empty()).then(|| UnknownFlags { flags, line: line.clone() })
    })
}

/// The letter of `-i` or `i`.
fn one_letter(word: &str) -> Option<char> {
    let mut letters = word.strip_prefix('-').unwrap_or(word).chars();
    letters.next().filter(|letter| letter.is_ascii_alphabetic() && letters.next().is_none())
}

/// Whether the exporter refuses the Platform API: by its exit code, or in words.
#[must_use]
pub fn refuses_platform_api(outcome: &Outcome) -> bool {
    const INCOMPATIBLE: End = End::Exited(11);
    let says = |line: &String| {
        let text = line.to_lowercase();
        let is_about_it = text.contains("platform api") || text.contains("cnb_platform_api");
        is_about_it && REFUSED.iter().any(|words| text.contains(words))
    };
    outcome.end == INCOMPATIBLE || (!outcome.succeeded() && lines(outcome).iter().any(says))
}

/// Whether the program's loader ended it before it began, and what that said.
#[must_use]
pub fn never_began(outcome: &Outcome) -> Option<String> {
    let says = |line: &String| {
        line.contains("error while loading shared libraries") || (line.contains("GLIBC") && line.contains("not found"))
    };
    if outcome.succeeded() { None } else { lines(outcome).into_iter().find(says) }
}

/// Whether an exporter that failed speaks of TLS, as one does that asks a registry without TLS by it.
#[must_use]
pub fn speaks_of_tls(outcome: &Outcome) -> bool {
    let says = |line: &String| {
        let text = line.to_lowercase();
        ["https client", "tls", "certificate", "ssl", "handshake"].iter().any(|word| text.contains(word))
    };
    !outcome.succeeded() && lines(outcome).iter().any(says)
}

/// How it ended, and the line that tells most: one about flags, else the last of both streams that speaks of an error,
/// else the last one.
#[must_use]
pub fn display_exit(outcome: &Outcome, argv: &[String]) -> String {
    let all = lines(outcome);
    let speaks = |line: &&String| {
        let text = line.to_lowercase();
        WRONG.iter().any(|word| text.contains(word))
    };
    let line = unknown_flags(outcome, argv)
        .map(|unknown| unknown.line)
        .or_else(|| all.iter().rev().find(speaks).cloned())
        .or_else(|| of_stream(&outcome.stderr).pop())
        .or_else(|| of_stream(&outcome.stdout).pop());
    match line {
        Some(line) if misses_a_scratch_file(&line) => {
            let hint = "exporters run with a private, empty /tmp; keep required files elsewhere";
            format!("{}; it said: {} ({hint})", outcome.end, short(&line))
        }
        Some(line) => format!("{}; it said: {}", outcome.end, short(&line)),
        None => format!("{}, no output", outcome.end),
    }
}

/// Whether a line says that a file is missing which lies below `/tmp` and is not one of the suite's.
fn misses_a_scratch_file(line: &str) -> bool {
    const MISSING: [&str; 5] = ["no such file", "not found", "cannot find", "does not exist", "can't open"];
    let text = line.to_lowercase();
    let is_own = |rest: &str| !rest.starts_with("cnb-") && rest.starts_with(|c: char| !c.is_whitespace());
    MISSING.iter().any(|words| text.contains(words)) && text.split("/tmp/").skip(1).any(is_own)
}

/// At most so much of a line as fits into a sentence.
fn short(line: &str) -> String {
    shortened(line, 300)
}

/// Whether this line is among what the exporter said.
#[must_use]
pub fn says(outcome: &Outcome, line: &str) -> bool {
    lines(outcome).iter().any(|other| other == line)
}

/// Whether the second call came further than the first: it ended otherwise, or said something new.
#[must_use]
pub fn went_further(first: &Outcome, second: &Outcome) -> bool {
    let plain = |line: &String| line.chars().filter(|c| !c.is_ascii_hexdigit()).collect::<String>();
    let before: Vec<String> = lines(first).iter().map(plain).collect();
    second.end != first.end || lines(second).iter().map(plain).any(|line| !before.contains(&line))
}

/// The lines of both streams without colours, standard error first.
fn lines(outcome: &Outcome) -> Vec<String> {
    [&outcome.stderr, &outcome.stdout].into_iter().flat_map(|stream| of_stream(stream)).collect()
}

fn of_stream(text: &str) -> Vec<String> {
    let plain = without_colours(text);
    plain.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Takes the escape sequences of a terminal, and other control characters, away.
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' && characters.next_if_eq(&'[').is_some() {
            while characters.next().is_some_and(|c| !('@'..='~').contains(&c)) {}
        } else if character == '\n' || !character.is_control() {
            plain.push(if character == '\u{1b}' { ' ' } else { character });
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(code: i32, stdout: &str, stderr: &str) -> Outcome {
        Outcome {
            left: None,
            contacted: None,
            end: End::Exited(code),
            stdout: stdout.to_owned(),
            stderr: stderr.to_owned(),
            printed: 0,
            started: 0,
            milliseconds: 0,
            credentials_printed: None,
            outlived: None,
            written: None,
        }
    }

    fn argv() -> Vec<String> {
        let words = ["x", "-layout", "-layout-dir", "/d", "-layers", "/l", "-insecure-registry", "h:1", "h:1/app"];
        words.map(str::to_owned).to_vec()
    }

    #[test]
    fn an_unknown_flag_is_read_in_the_words_of_each_parser() {
        for (line, flag) in [
            ("flag provided but not defined: -layout", "-layout"),
            ("error: unexpected argument '-i' found", "-insecure-registry"),
            ("error: unexpected argument '--layout-dir' found", "-layout-dir"),
            ("x.py: error: unrecognized arguments: -insecure-registry h:1 h:1/app", "-insecure-registry"),
            ("x: unrecognized option '-layout-dir'", "-layout-dir"),
            ("x: invalid option -- 'i'", "-insecure-registry"),
            ("Error: unknown flag: -layers", "-layers"),
            ("\u{1b}[31;1mERROR: \u{1b}[0mUnknown option -layout=true", "-layout"),
        ] {
            for (out, err) in [(line, ""), ("", line)] {
                let found = unknown_flags(&outcome(2, out, err), &argv()).map(|unknown| unknown.flags);
                assert_eq!(found, Some(vec![flag.to_owned()]), "{line}");
            }
        }
        let several = outcome(2, "", "usage: x\nx: error: unrecognized arguments: -layout -layout-dir /d");
        assert_eq!(unknown_flags(&several, &argv()).unwrap().flags, ["-layout", "-layout-dir"]);
    }

    #[test]
    fn other_refusals_are_about_no_flag() {
        for line in [
            "usage: x [-layout] [-layout-dir DIR] [-insecure-registry HOST] IMAGE",
            "Usage of x:\n  -layers string\n    \tpath",
            "flag provided but not defined: -verbose",
            "failed to read -layers /l: no such folder",
            "unknown flag",
        ] {
            assert_eq!(unknown_flags(&outcome(3, "", line), &argv()), None, "{line}");
        }
        assert_eq!(unknown_flags(&outcome(0, "", "warning: unknown flag -layout"), &argv()), None);
    }

    #[test]
    fn a_platform_api_is_refused_by_code_or_in_words() {
        for (code, text, expected) in [
            (11, "", true),
            (1, "platform API version '0.15' is incompatible with the lifecycle", true),
            (3, "unsupported CNB_PLATFORM_API 0.15", true),
            (1, "Platform API 0.15\nfailed to read group.toml", false),
            (12, "buildpack API 0.15 is incompatible", false),
            (0, "platform API 0.15 is not supported officially", false),
        ] {
            assert_eq!(refuses_platform_api(&outcome(code, text, "")), expected, "{text}");
        }
    }

    #[test]
    fn the_line_that_tells_most_is_told() {
        let go = "flag provided but not defined: -layout\nUsage:\n  -version\n\tshow version";
        assert_eq!(
            display_exit(&outcome(2, "", go), &argv()),
            "exit 2; it said: flag provided but not defined: -layout"
        );
        let out = "Saving...\n\u{1b}[31;1mERROR: \u{1b}[0mfailed to export: no space\nTimer: 3 ms";
        assert_eq!(display_exit(&outcome(62, out, ""), &argv()), "exit 62; it said: ERROR: failed to export: no space");
        assert_eq!(display_exit(&outcome(3, "", "no\nway\n"), &argv()), "exit 3; it said: way");
        assert_eq!(display_exit(&outcome(1, "", ""), &argv()), "exit 1, no output");
        for (line, is_hinted) in [
            ("python3: can't open file '/tmp/x.py': No such file or directory", true),
            ("ERROR: /tmp/settings: no such file or directory", true),
            ("ERROR: /tmp/cnb-0/build/layers/group.toml: No such file or directory", false),
            ("ERROR: /opt/x: no such file or directory", false),
            ("ERROR: /tmp/x: permission denied", false),
        ] {
            let found = display_exit(&outcome(1, "", line), &argv());
            assert_eq!(found.ends_with("empty /tmp; keep required files elsewhere)"), is_hinted, "{found}");
        }
    }

    #[test]
    fn times_and_hashes_are_no_progress() {
        let first = outcome(1, "took 12 ms\nfailed", "");
        assert!(!went_further(&first, &outcome(1, "took 345 ms\nfailed", "")));
        assert!(went_further(&first, &outcome(1, "took 345 ms\nTLS is wanted", "")));
        assert!(went_further(&first, &outcome(0, "", "")));
    }
}
