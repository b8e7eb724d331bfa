//! Text made fit for readers: paragraphs of generated Markdown in lines that are short enough to be read as source, and
//! long texts cut.

use textwrap::core::Word;
use textwrap::{WordSeparator, WordSplitter};

/// Columns of a line.
const WIDTH: usize = 120;

/// A paragraph in lines, those after the first indented. A word that would begin a list, a heading, a quotation or a
/// table at the start of a line stays behind the one before it.
#[must_use]
pub fn wrapped(text: &str, indent: &str) -> String {
    // The first line stands behind what is as wide as the indent, such as the mark of a list.
    let options = textwrap::Options::new(WIDTH)
        .initial_indent(indent)
        .subsequent_indent(indent)
        .break_words(false)
        .word_separator(WordSeparator::Custom(words))
        .word_splitter(WordSplitter::NoHyphenation);
    let filled = textwrap::fill(text, options);
    filled.strip_prefix(indent).unwrap_or(&filled).to_owned()
}

/// The first characters of a text, at most so many, with `…` for what is left out.
#[must_use]
pub(crate) fn shortened(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// Words, each with those after it that begin no line.
fn words(line: &str) -> Box<dyn Iterator<Item = Word<'_>> + '_> {
    let (mut starts, mut at) = (Vec::new(), 0);
    for word in WordSeparator::AsciiSpace.find_words(line) {
        if starts.is_empty() || !begins_a_block(word.word) {
            starts.push(at);
        }
        at += word.word.len() + word.whitespace.len();
    }
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([line.len()]).collect();
    Box::new(starts.into_iter().zip(ends).map(|(start, end)| Word::from(&line[start..end])))
}

fn begins_a_block(word: &str) -> bool {
    let number = word.trim_end_matches(['.', ')']);
    let is_number = number.len() < word.len() && !number.is_empty() && number.chars().all(|c| c.is_ascii_digit());
    is_number || matches!(word, "-" | "+" | "*") || word.starts_with(['#', '>', '|', '=']) || word.starts_with("--")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_short_and_say_the_same() {
        let text = "one two three four - 5. # > | -- six, a-b 1.5 ".repeat(20);
        let lines = wrapped(&text, "  ");
        for line in lines.lines() {
            assert!(console::measure_text_width(line) <= WIDTH, "{line}");
            assert!(!begins_a_block(line.split_whitespace().next().unwrap()), "{line}");
        }
        assert!(lines.lines().skip(1).all(|line| line.starts_with("  ")) && lines.lines().count() > 5);
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&lines), words(&text));
    }
}
