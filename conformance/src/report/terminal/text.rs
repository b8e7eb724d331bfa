//! Text made fit for a terminal: cut, with hidden characters shown, wrapped.

/// At most so many characters of a text, and how many there are.
pub(crate) fn shorter(text: &str, longest: usize) -> String {
    let length = text.chars().count();
    if length <= longest {
        return text.to_owned();
    }
    let kept: String = text.chars().take(longest).collect();
    format!("{kept}… ({length} characters in all)")
}

/// The text with control characters and direction overrides written as escapes.
#[must_use]
pub fn visible(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            c if hidden(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}

/// Lines no longer than a terminal is wide, each continued below its text.
#[must_use]
pub fn wrapped(text: &str, width: Option<usize>) -> String {
    let Some(width) = width.filter(|width| *width >= NARROWEST) else { return text.to_owned() };
    let mut out = String::new();
    for line in text.lines() {
        let indent = " ".repeat(hanging(line, width));
        out += &textwrap::fill(line, options(width, line, &indent));
        out.push('\n');
    }
    out
}

/// The columns by which what follows a line's begin is indented: as its second column, which comes after a label or a
/// wide gap, else a little more than the line itself.
fn hanging(line: &str, width: usize) -> usize {
    let before = line.len() - line.trim_start().len();
    let rest = &line[before..];
    let second = rest.split_once("  ").map(|(word, after)| {
        let gap = after.len() - after.trim_start().len() + 2;
        let is_column = gap > 2 || word.chars().all(char::is_alphabetic);
        let column = before + console::measure_text_width(word) + gap;
        if is_column && !word.contains(' ') { column } else { width }
    });
    second.filter(|column| column + ROOM <= width).unwrap_or(before + 2)
}

/// How `text` is wrapped. A word that fits no line below `indent`, such as a digest, gets a line of its own, and is
/// broken by the terminal alone, so that it can be copied.
pub(super) fn options<'a>(width: usize, text: &str, indent: &'a str) -> textwrap::Options<'a> {
    let longest = text.split_whitespace().map(console::measure_text_width).max().unwrap_or(0);
    let indent = if indent.len() + longest > width { &indent[..indent.len().min(SMALL)] } else { indent };
    textwrap::Options::new(width)
        .subsequent_indent(indent)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .wrap_algorithm(textwrap::WrapAlgorithm::FirstFit)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .break_words(false)
}

/// Columns that text needs to be wrapped.
pub(super) const NARROWEST: usize = 20;
/// The indent where there is no room for another.
pub(super) const SMALL: usize = 4;
/// Columns that a second column needs.
const ROOM: usize = 36;

/// The text without what `Style::paint` puts around it.
pub(super) fn unpainted(text: &str) -> String {
    let mut is_escape = false;
    let is_shown = |c: &char| {
        let was_escape = is_escape;
        is_escape = *c == '\u{1b}' || (is_escape && *c != 'm');
        !was_escape && !is_escape
    };
    text.chars().filter(is_shown).collect()
}
