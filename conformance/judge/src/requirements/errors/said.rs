//! What an exporter says of a refusal: its output, without what it says of the build without the fault as well, and
//! without a usage text. What names a fault must not be there by accident.

use std::collections::BTreeSet;

use crate::evidence::Export;
use crate::view;

/// So many lines that begin with a flag, or more flags on one line, are a usage text.
const USAGE: usize = 3;

/// The lines that speak of the refusal, of both streams.
pub(in super::super) fn of_the_refusal(refused: &Export, control: &Export) -> String {
    let usual: BTreeSet<String> = lines(control).iter().map(|line| form(line, control)).collect();
    let mut lines = lines(refused);
    lines.retain(|line| !usual.contains(&form(line, refused)));
    without_usage(&lines).join("\n")
}

/// What one stream says beyond what it usually does.
pub(super) fn beyond(text: &str, refused: &Export, control: &Export) -> String {
    let usual: BTreeSet<String> = lines(control).iter().map(|line| form(line, control)).collect();
    let text = view::uncoloured(text);
    text.lines()
        .filter(|line| !line.trim().is_empty() && !usual.contains(&form(line, refused)))
        .collect::<Vec<_>>()
        .join("\n")
}

fn lines(export: &Export) -> Vec<String> {
    let text = format!("{}\n{}", export.outcome.stdout, export.outcome.stderr);
    view::uncoloured(&text).lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}

/// A line without what differs from export to export: the images, digests, times and durations.
fn form(line: &str, export: &Export) -> String {
    let mut text = line.to_lowercase();
    for image in &export.inputs.images {
        text = without_image(&text, &image.to_lowercase());
    }
    let is_hex = |word: &str| word.len() >= 7 && word.chars().all(|c| c.is_ascii_hexdigit());
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| is_hex(word)).map(str::to_owned);
    let hexes: Vec<String> = words.collect();
    for hex in hexes {
        text = text.replace(&hex, "");
    }
    text.retain(|c| !c.is_ascii_digit());
    // A duration's unit changes with its length.
    text.split_whitespace()
        .filter(|word| !matches!(*word, "." | ".s" | ".ms" | ".µs" | "s" | "ms" | "µs"))
        .collect::<Vec<_>>()
        .join(" ")
}

/// The text with a word instead of the image, whatever tag or digest it has there.
fn without_image(text: &str, image: &str) -> String {
    let name = image.split('@').next().unwrap_or_default();
    let name = match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    };
    // A name of a letter or two is in every word.
    let text = text.replace(image, "<image>");
    if name.len() < 4 {
        return text;
    }
    let mut pieces = text.split(name);
    let mut found = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let is_of_it = |c: char| c.is_alphanumeric() || matches!(c, ':' | '@' | '.' | '_' | '-');
        found.push_str("<image>");
        found.push_str(if piece.starts_with([':', '@']) { piece.trim_start_matches(is_of_it) } else { piece });
    }
    found
}

/// The lines without a list of flags: it names every flag, whatever is wrong.
fn without_usage(lines: &[String]) -> Vec<String> {
    let begins = |line: &String| {
        let mut letters = line.trim_start().trim_start_matches('-').chars();
        line.trim_start().starts_with('-') && letters.next().is_some_and(|c| c.is_ascii_alphabetic())
    };
    let has_many = |line: &String| {
        let words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        let flags: BTreeSet<&str> = words.filter(|word| word.len() > 2 && word.starts_with('-')).collect();
        // An error may name the flags that exclude each other.
        flags.len() > USAGE || !flags.is_empty() && line.trim_start().to_lowercase().starts_with("usage")
    };
    let listed: Vec<usize> = (0..lines.len()).filter(|at| begins(&lines[*at])).collect();
    let list = match listed.as_slice() {
        // What follows the last flag may explain it, on a line that is indented.
        [first, .., last] if listed.len() >= USAGE => {
            let explained = lines.get(last + 1).is_some_and(|line| line.starts_with(char::is_whitespace));
            *first..last + 1 + usize::from(explained)
        }
        _ => 0..0,
    };
    let kept = lines.iter().enumerate().filter(|(at, line)| !list.contains(at) && !has_many(line));
    kept.map(|(_, line)| line.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Target;
    use crate::sample::{self, on};

    fn said(refused: &str, control: &str) -> String {
        let mut evidence = sample::scenario();
        let mut one = on(&mut evidence, Target::Registry).clone();
        let mut two = one.clone();
        refused.clone_into(&mut one.outcome.stdout);
        one.outcome.stderr = String::new();
        two.inputs.images = vec!["host.example/other:1".to_owned()];
        control.clone_into(&mut two.outcome.stderr);
        two.outcome.stdout = String::new();
        of_the_refusal(&one, &two)
    }

    #[test]
    fn what_is_said_of_a_good_build_as_well_is_not_of_the_refusal() {
        for (refused, control, left) in [
            ("Saving host.example/app:latest...\nERROR: no\n", "Saving host.example/other:1...\n", "ERROR: no"),
            (
                "Timer: Saving ran for 23.87ms and ended at 2026-01-01T00:00:00Z",
                "Timer: Saving ran for 1.2s and ended at 2026-11-28T09:08:07Z",
                "",
            ),
            ("*** Digest: sha256:0123456789abcdef", "*** Digest: sha256:fedcba98765432", ""),
            ("\u{1b}[31mERROR\u{1b}[0m: no", "", "ERROR: no"),
            ("one\ntwo", "two", "one"),
        ] {
            assert_eq!(said(refused, control), left, "{refused}");
        }
    }

    #[test]
    fn a_usage_text_names_nothing() {
        let list = "ERROR: bad\nUsage:\n  -analyzed string\n\tpath to analyzed.toml\n  -report string\n  -run string\n\tpath to run.toml\nend";
        assert_eq!(said(list, ""), "ERROR: bad\nUsage:\nend");
        assert_eq!(said("usage: exporter [-analyzed x] [-report x] [-run x] <image>\nno", ""), "no");
        let excluded = "failed to read -layout 'true': leave out -daemon or -layout";
        assert_eq!(said(excluded, ""), excluded);
        assert_eq!(said("[-a1 x] [-b1 x] [-c1 x] [-d1 x]\nno", ""), "no");
        assert_eq!(said("flag provided but not defined: -report", ""), "flag provided but not defined: -report");
    }
}
